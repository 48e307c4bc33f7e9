import type { Clock } from '../core/clock.ts'
import type { InboundItem } from '../core/inbound.ts'
import type { Entry } from '../journal/entry.ts'
import type { JournalReader } from '../journal/journal-reader.ts'
import type { Db } from '../storage/database.ts'
import { ItemCursor } from './item-cursor.ts'

/** Of the thread's time; what is left over is for what happens now. */
export const LATER_SHARE = 0.2
/** A small import is there at once; a large one comes at the share. */
const CREDIT_MS_MAX = 100
/** With less left it is not begun: each beginning costs a commit. */
const CREDIT_MS_MIN = 5

/** What the platform brings of the past: thousands in a body, and nobody waits for it. */
export function isLater(item: InboundItem): boolean {
  return (
    item.kind === 'address_book' || ((item.kind === 'message' || item.kind === 'act') && item.history !== undefined)
  )
}

export interface LaterDependencies {
  database: Db
  journal: Pick<JournalReader, 'read'>
  clock: Pick<Clock, 'monoMs'>
  parse: (entry: Entry) => Iterable<InboundItem>
  /** Of the thread's time, 0 to 1; 1: whenever nothing else is to be done. */
  share: number
}

interface Body {
  entry: Entry
  cursor: ItemCursor
  /** What is before was applied before a stop. */
  from: number
}

/**
 * Items that are applied beside the journal's order, when nothing else waits and at a share of the time: an import of
 * months must not hold up the message that comes behind it. The rows say which entries have such items and how far they
 * are; they change in the commits that apply the items, so a stop neither loses nor doubles one.
 */
export class LaterLane {
  readonly #deps: LaterDependencies
  #mayWait = true
  #body: Body | undefined
  #creditMs = CREDIT_MS_MAX
  #creditAtMs: number

  constructor(deps: LaterDependencies) {
    this.#deps = deps
    this.#creditAtMs = deps.clock.monoMs()
  }

  /** Notes that an entry has such items; in the transaction that ends the entry. */
  add(seq: number): void {
    this.#deps.database.run(
      'INSERT INTO later_bodies (seq, applied_items) VALUES (?1, 0) ON CONFLICT (seq) DO NOTHING',
      seq,
    )
    this.#mayWait = true
  }

  /** Whether there is something to do now. */
  isDue(): boolean {
    return this.dueInMs() === 0
  }

  /** When there may be something to do; null: nothing waits. */
  dueInMs(): number | null {
    if (!this.#mayWait || this.#next() === undefined) return null
    const missingMs = CREDIT_MS_MIN - this.#credit()
    return missingMs <= 0 ? 0 : missingMs / this.#deps.share
  }

  /** The oldest entry that is still needed; null: none. */
  oldestSeq(): number | null {
    return this.#next()?.seq ?? null
  }

  /** Applies what waits until a moment, or until its share is used. */
  async apply(
    endMs: number,
    applyItem: (entry: Entry, item: InboundItem, index: number) => Promise<void>,
  ): Promise<void> {
    const { clock } = this.#deps
    while (this.isDue() && clock.monoMs() < endMs) {
      this.#body ??= this.#open()
      if (!this.#body) continue
      const startedMs = clock.monoMs()
      await this.#applySome(this.#body, { endMs, untilMs: startedMs + this.#credit() }, applyItem)
      this.#creditMs -= clock.monoMs() - startedMs
    }
  }

  /** The transaction was taken back: what is known of the rows may be wrong. */
  forget(): void {
    this.#body = undefined
    this.#mayWait = true
  }

  async #applySome(
    body: Body,
    { endMs, untilMs }: { endMs: number; untilMs: number },
    applyItem: (entry: Entry, item: InboundItem, index: number) => Promise<void>,
  ): Promise<void> {
    const { clock, share } = this.#deps
    const lastMs = share >= 1 ? endMs : Math.min(endMs, untilMs)
    const { entry, cursor } = body
    do {
      const { item, index } = cursor
      if (item && index >= body.from && isLater(item)) await applyItem(entry, item, index)
      advance(cursor)
    } while (cursor.item && clock.monoMs() < lastMs)
    if (cursor.item) this.#write(entry.seq, Math.max(body.from, cursor.index))
    else this.#remove(entry.seq)
  }

  #write(seq: number, next: number): void {
    this.#deps.database.run('UPDATE later_bodies SET applied_items = ?2 WHERE seq = ?1', seq, next)
  }

  #remove(seq: number): void {
    this.#deps.database.run('DELETE FROM later_bodies WHERE seq = ?1', seq)
    this.#body = undefined
  }

  /** Undefined where nothing can be read any more: the entry has died with its day, or cannot be understood. */
  #open(): Body | undefined {
    const row = this.#next()
    if (!row) return undefined
    const [entry] = this.#deps.journal.read(row.seq - 1, 1)
    const cursor = entry?.seq === row.seq ? this.#parsed(entry) : undefined
    if (entry && cursor) return { entry, cursor, from: row.applied_items }
    this.#remove(row.seq)
    return undefined
  }

  /** It was understood once: what cannot be parsed now has been erased since. */
  #parsed(entry: Entry): ItemCursor | undefined {
    try {
      return new ItemCursor(this.#deps.parse(entry))
    } catch {
      return undefined
    }
  }

  #next(): { seq: number; applied_items: number } | undefined {
    const row = this.#deps.database.one<{ seq: number; applied_items: number }>(
      'SELECT seq, applied_items FROM later_bodies ORDER BY seq LIMIT 1',
    )
    if (!row) this.#mayWait = false
    return row
  }

  #credit(): number {
    const { clock, share } = this.#deps
    if (share >= 1) return CREDIT_MS_MAX
    const nowMs = clock.monoMs()
    this.#creditMs = Math.min(CREDIT_MS_MAX, this.#creditMs + (nowMs - this.#creditAtMs) * share)
    this.#creditAtMs = nowMs
    return this.#creditMs
  }
}

/** The book has read to the end before, and has set aside what cannot be read. */
function advance(cursor: ItemCursor): void {
  try {
    cursor.advance()
  } catch {
    // There are no more items then.
  }
}
