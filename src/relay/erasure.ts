import { must } from '../core/assert.ts'
import { type Clock, DAY_MS, pause } from '../core/clock.ts'
import { crashPoint } from '../core/crash-point.ts'
import type { Log } from '../core/log.ts'
import type { Actor } from '../core/principal.ts'
import { daysIn } from '../journal/day-file.ts'
import { dayKeyName } from '../journal/entry.ts'
import {
  beginErasure,
  beginErasureOfStaff,
  type ErasureTask,
  eraseRows,
  finishErasure,
  listErasures,
  noteKeysDestroyed,
  noteOverwritten,
  readErasure,
} from '../records/erasure.ts'
import { Thread } from '../storage/thread.ts'
import type { House } from './house.ts'
import type { ScanAnswers, ScanAsk } from './scan-thread.ts'

/** Pause after something failed: a full disk, a search that is out of order. */
const RETRY_MS = 5000
/** Between two steps, so that an erasure takes a part of the book's time and not all of it. */
const STEP_PAUSE_MS = 5
/** A reader that keeps a log from being emptied is done within milliseconds. */
const TRUNCATE_RETRY_MS = 50

export interface EraserDependencies {
  house: House
  clock: Clock
  log: Log
  /** The program of the thread that looks through the journal. */
  scanThread: URL
  /** Whoever keeps something of these people in memory forgets it, before anybody is answered. */
  forget(task: ErasureTask): void
  /** Takes them out of the search, or fails. */
  eraseFromSearch(task: ErasureTask): Promise<void>
  /** Resolves once the files that are owed to be removed are out of the folder; false where a stop came before. */
  filesRemoved(): Promise<boolean>
  onState(state: 'begun' | 'done'): void
  /** Of a folder whose journal is not applied: how far that reaches, and until when what is in it is theirs. */
  journal?: { head: number; untilMs(task: ErasureTask): number }
}

/** Up to which entry and moment what the journal has of somebody is theirs. */
type Bound = Pick<ScanAsk, 'upto' | 'untilMs'>

/**
 * Carries erasures out, one after the other: first the keys, so that nothing opens any more from that moment on, in no
 * copy; then the rows, the files, the search, the journal. What it does it can do again: after a stop it goes on.
 */
export class Eraser {
  readonly #deps: EraserDependencies
  readonly #stopping = new AbortController()
  /** The erasures that are under way, and the last of them: the next waits for it. */
  readonly #underWay = new Set<number>()
  #last: Promise<void> = Promise.resolve()

  constructor(deps: EraserDependencies) {
    this.#deps = deps
  }

  /** Takes up what a stop has interrupted. */
  async start(): Promise<void> {
    const { ids } = await this.#ask(listErasures, null)
    for (const id of ids) this.#enqueue(id)
  }

  /** Begins to erase a contact; when this resolves, nothing of them can be read any more. */
  async begin(contactId: number, by: Actor): Promise<number> {
    return await this.#begun(await this.#ask(beginErasure, { contactId, by: by.id }, by))
  }

  /** The same for who worked here; null: in whichever workspace. */
  async beginStaff(personId: number, workspaceId: number | null, by: Actor): Promise<number> {
    return await this.#begun(await this.#ask(beginErasureOfStaff, { personId, workspaceId, by: by.id }, by))
  }

  async #begun({ id, isNew }: { id: number; isNew: boolean }): Promise<number> {
    if (isNew) this.#deps.onState('begun')
    const task = await this.#ask(readErasure, { id })
    try {
      if (task && task.state !== 'done') await this.#destroyKeys(task)
    } finally {
      this.#enqueue(id)
    }
    return id
  }

  /** Resolves when nothing is left to do of all that was begun. */
  async finished(): Promise<void> {
    await this.#last
  }

  /** How many are begun and not done. */
  count(): number {
    return this.#underWay.size
  }

  /** Stops at the next step; the next start goes on. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#last
  }

  get #ask() {
    return this.#deps.house.book.ask
  }

  #enqueue(id: number): void {
    if (this.#underWay.has(id)) return
    this.#underWay.add(id)
    this.#last = this.#last.then(() => this.#insist(id)).finally(() => this.#underWay.delete(id))
  }

  async #insist(id: number): Promise<void> {
    const { clock, log } = this.#deps
    while (!this.#stopping.signal.aborted) {
      try {
        if (await this.#carryOut(id)) return
      } catch (error) {
        log.error('erasure failed, it will be tried again', { error: error instanceof Error ? error.name : 'unknown' })
        await pause(clock, RETRY_MS, this.#stopping.signal)
      }
    }
  }

  /** False where it was stopped on the way. */
  async #carryOut(id: number): Promise<boolean> {
    const task = await this.#ask(readErasure, { id })
    if (!task || task.state === 'done') return true
    await this.#destroyKeys(task)
    while (!(await this.#ask(eraseRows, { id })).isDone) {
      await pause(this.#deps.clock, STEP_PAUSE_MS, this.#stopping.signal)
      if (this.#stopping.signal.aborted) return false
    }
    if (task.contactIds.length > 0) {
      if (!(await this.#cutJournal(task))) return false
      await this.#deps.eraseFromSearch(task)
    }
    if (!(await this.#deps.filesRemoved())) return false
    await this.#truncate()
    crashPoint('erasure.before_end')
    await this.#finish(id)
    return true
  }

  async #destroyKeys(task: ErasureTask): Promise<void> {
    const { house } = this.#deps
    if (task.state === 'begun') {
      // What they said until now is theirs, and is applied before nobody knows them any more.
      await house.caughtUp()
      const asked = { atMs: task.requestedAtMs, by: task.requestedBy }
      await house.book.destroyPersons({ erasureId: task.id, asked, persons: task.persons })
    }
    house.vault().forget({ persons: task.persons, names: [] })
    this.#deps.forget(task)
    // Where the search is out of order now, it is asked again before the end.
    if (task.contactIds.length > 0) await this.#deps.eraseFromSearch(task).catch(() => {})
    await this.#ask(noteKeysDestroyed, { id: task.id })
  }

  /** Takes what names the person out of the bodies that came in; what others said in the same body stays. */
  async #cutJournal({ id, subject }: ErasureTask): Promise<boolean> {
    const { house, scanThread, log } = this.#deps
    const bound = await this.#boundOf(id)
    const thread = new Thread<ScanAnswers>(new Worker(scanThread), {
      onNotice: () => {},
      onFailure: (error) => log.error('the scan of the journal failed', { error: error.name }),
    })
    const folder = house.journalFolder()
    try {
      const blindKey = must(house.vault().findNamedKey('blind'), 'the blind index key')
      await thread.ask('open', { folder, subject, blindKey })
      for (const day of daysIn(folder)) {
        if (!(await this.#cutDay(thread, { id, day, ...bound }))) return false
      }
      return true
    } finally {
      await thread.ask('close')
      await thread.closed()
    }
  }

  async #boundOf(id: number): Promise<Bound> {
    const { house, journal } = this.#deps
    const task = must(await this.#ask(readErasure, { id }), 'the erasure')
    if (journal) return { upto: journal.head, untilMs: journal.untilMs(task) }
    // What came in until the keys were gone is applied by now, and only what is applied may be changed.
    await house.caughtUp()
    return { upto: house.doneSeq(), untilMs: must(task.keysDestroyedAtMs ?? undefined, 'when the keys were destroyed') }
  }

  async #cutDay(
    thread: Thread<ScanAnswers>,
    { id, day, ...bound }: { id: number; day: string } & Bound,
  ): Promise<boolean> {
    const { house, clock } = this.#deps
    let after = 0
    for (;;) {
      const key = house.vault().findNamedKey(dayKeyName(day))
      if (!key) return true
      const { last, findings } = await thread.ask('scan', { day, key, after, ...bound })
      if (findings.length > 0) {
        // The ledger first: what is cut out cannot be found a second time.
        await house.book.noteCuts(findings.map(({ seq, tag, timesCut, cuts }) => ({ seq, tag, timesCut, paths: cuts })))
        await house.journal.overwrite({ day, bodies: findings.map(({ seq, body }) => ({ seq, body })) })
        await this.#ask(noteOverwritten, { id, entries: findings.length })
      }
      if (last === null) return true
      after = last
      await pause(clock, STEP_PAUSE_MS, this.#stopping.signal)
      if (this.#stopping.signal.aborted) return false
    }
  }

  async #truncate(): Promise<void> {
    const { house, clock } = this.#deps
    while (!(await house.book.truncateLogs())) await pause(clock, TRUNCATE_RETRY_MS)
  }

  async #finish(id: number): Promise<void> {
    const { house, clock, log, onState } = this.#deps
    const end = await this.#ask(finishErasure, {
      id,
      journalUntilMs: journalUntil(clock.epochMs(), house.journalKeepDays()),
    })
    if (!end) return
    await house.book.noteErased({ erasureId: id, atMs: end.doneAtMs, reportHash: end.reportHash })
    onState('done')
    log.info('erasure done')
  }
}

/** When the key of today's journal dies: until then a copy of it may be read. */
function journalUntil(nowMs: number, keptDays: number): number {
  return (Math.floor(nowMs / DAY_MS) + 1 + keptDays) * DAY_MS
}
