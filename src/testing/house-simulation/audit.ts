import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from '../../core/assert.ts'
import { readId, showId } from '../../core/ids.ts'
import { type MessageState, rankOf } from '../../core/message.ts'
import { STATE } from '../../records/codes.ts'
import { readCorrelation } from '../../records/sent-message.ts'
import type { View } from '../../records/views.ts'
import type { Platform } from '../../simulator/platform.ts'
import type { Update } from '../../simulator/webhook-body.ts'
import { unsealText } from '../../vault/sealing.ts'
import { SEES_ALL } from '../open-test-book.ts'
import type { SimulatedProcess } from './simulated-process.ts'

/** In every text that is written; it must be in no file. */
export const PLAIN_MARK = 'plain-words-of-a-person'

/** Signed bodies that are no JSON begin so. */
export const NONSENSE = 'nonsense '

interface SeenEvent {
  offset: number
  type: string
  at: string
  data: Record<string, unknown>
}

interface HouseRow {
  next_id: number
  event_offset: number
  applied_seq: number
  last_input_at: number
}

interface TimelineLine {
  state: MessageState
  reason: string | null
  attempt: number
}

const SETTLED: ReadonlySet<string> = new Set([
  ...['accepted', 'sent', 'delivered', 'read', 'played'],
  ...['failed', 'held', 'cancelled', 'expired'],
])
/** Lines of the timeline after which a message may rightly leave once more. */
const SENT_AGAIN: ReadonlySet<string | null> = new Set(['resend', 'sent_again'])

/** What the outside was promised and has seen, and whether the house keeps to it. */
export class Audit {
  readonly #fail: (what: string) => void
  readonly #note: (what: string) => void
  readonly #canonical = new Map<number, string>()
  /** Ids answered to callers, with the reference they gave. */
  readonly #accepted = new Map<string, string>()
  readonly #acknowledged = new Set<string>()
  readonly #nonsense = new Set<string>()
  readonly #states = new Map<string, { state: MessageState; attempt: number }>()
  #house: HouseRow = { next_id: 0, event_offset: 0, applied_seq: 0, last_input_at: 0 }
  #lastAt = ''
  #diskWasFull = false

  constructor(on: { fail(what: string): void; note(what: string): void }) {
    this.#fail = on.fail
    this.#note = on.note
  }

  get head(): number {
    return this.#house.event_offset
  }

  /** Ids of the messages that were taken for sending. */
  get accepted(): readonly string[] {
    return [...this.#accepted.keys()]
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size
  }

  acknowledged(updates: readonly Update[]): void {
    for (const update of updates) this.#acknowledged.add(keyOfUpdate(update))
  }

  /** Whether a customer's message was answered 200. */
  isAcknowledged(id: string): boolean {
    return this.#acknowledged.has(`message ${id}`)
  }

  noteFullDisk(): void {
    this.#diskWasFull = true
  }

  nonsense(body: string): void {
    this.#nonsense.add(body)
  }

  answered(id: string, reference: string): void {
    const known = this.#accepted.get(id)
    if (known !== undefined && known !== reference) this.#fail(`the id ${id} was given to ${known} and to ${reference}`)
    this.#accepted.set(id, reference)
  }

  sees(who: string, event: { offset: number }): void {
    const text = JSON.stringify(event)
    const known = this.#canonical.get(event.offset)
    if (known === undefined) this.#canonical.set(event.offset, text)
    else if (known !== text) this.#fail(`event ${event.offset} was ${known}, and ${who} sees ${text}`)
  }

  /** After each commit: what is new in the log, and that nothing goes back. */
  async committed(process: SimulatedProcess): Promise<void> {
    const row = must(
      process.records.one<HouseRow>('SELECT next_id, event_offset, applied_seq, last_input_at FROM house WHERE id = 1'),
      'the row of the house',
    )
    for (const name of ['next_id', 'event_offset', 'applied_seq', 'last_input_at'] as const) {
      if (row[name] < this.#house[name]) this.#fail(`${name} went from ${this.#house[name]} back to ${row[name]}`)
    }
    const from = this.#house.event_offset
    this.#house = row
    await this.#readOn(process, from)
  }

  /** Reads the whole log again: every offset is what it was. */
  async reread(process: SimulatedProcess, from: number): Promise<void> {
    for (let after = from; after < this.head; ) {
      const { events, upto } = await process.events.read(after, 500)
      for (const { json } of events) this.sees('a later reading', JSON.parse(json) as SeenEvent)
      if (upto <= after) return this.#fail(`a reading of the log after ${after} got no further`)
      after = upto
    }
  }

  async #readOn(process: SimulatedProcess, from: number): Promise<void> {
    for (let after = from; after < this.head; ) {
      const { events, upto } = await process.events.read(after, 500)
      for (const { offset, json } of events) {
        if (offset !== after + 1) this.#fail(`event ${offset} follows ${after}`)
        after = offset
        const event = JSON.parse(json) as SeenEvent
        if (event.at < this.#lastAt) this.#fail(`event ${offset} is of ${event.at}, the one before of ${this.#lastAt}`)
        this.#lastAt = event.at
        this.sees('the first reading', event)
        if (event.type === 'message.state') this.#step(event)
      }
      if (upto !== after) return this.#fail(`a reading of the log ends at ${after} and says ${upto}`)
    }
  }

  #step({ offset, data }: SeenEvent): void {
    const id = String(data['message_id'])
    const state = data['state'] as MessageState
    const attempt = Number(data['attempt'])
    this.#note(`event ${offset}: ${id} ${state} ${attempt} ${String(data['reason'] ?? '')}`)
    const before = this.#states.get(id)
    this.#states.set(id, { state, attempt })
    if (!before) {
      if (state !== 'queued') this.#fail(`event ${offset}: ${id} begins as ${state}`)
      return
    }
    if (attempt < before.attempt || !mayFollow(before.state, state, data['reason'] as string | null)) {
      this.#fail(`event ${offset}: ${id} goes from ${before.state} to ${state} (${String(data['reason'])})`)
    }
  }

  /** After a stop that was asked for and took its time: nothing that was begun is left without an answer. */
  stopped(process: SimulatedProcess): void {
    const row = process.records.one<{ count: number }>('SELECT count(*) AS count FROM messages WHERE state = 2')
    if (row && row.count > 0) this.#fail(`${row.count} messages are left in sending by a stop`)
  }

  /** What is still owed; empty when the house is at rest. */
  owed(process: SimulatedProcess): string[] {
    const messages = process.records.all<{ id: number; state: number; attempt: number }>(
      `SELECT m.id, m.state, o.attempt FROM outbound o JOIN messages m ON m.id = o.message_id WHERE o.owed = 1 LIMIT 5`,
    )
    const owed = messages.map(({ id, state, attempt }) => `${showId('message', id)} ${STATE.word(state)} ${attempt}`)
    const duties = process.records.all<{ kind: string; subject: number }>('SELECT kind, subject FROM duties LIMIT 5')
    for (const { kind, subject } of duties) owed.push(`${kind} of ${showId('message', subject)}`)
    return owed
  }

  /** At the end, when everything is quiet. */
  async finish(process: SimulatedProcess, platform: Platform): Promise<void> {
    await this.reread(process, 0)
    await this.#checkMessages(process, platform)
    this.#checkInbound(process)
    this.#checkOrder(process, platform)
    this.#checkQuarantine(process)
  }

  async #checkMessages(process: SimulatedProcess, platform: Platform): Promise<void> {
    const executed = executions(platform)
    for (const [id, reference] of this.#accepted) {
      const view = await process.reader.message(readId('message', id) ?? 0, SEES_ALL)
      if (!view) this.#fail(`${id} was answered and is not in the records`)
      else if (view['reference'] !== reference) {
        this.#fail(`${id} was answered for ${reference} and is ${String(view['reference'])}`)
      } else this.#checkEnd(id, view, executed.get(id)?.length ?? 0)
    }
    for (const id of executed.keys()) if (!this.#states.has(id)) this.#fail(`${id} was carried out and is in no event`)
  }

  /** How a message that was taken for sending ended, and how often it was carried out. */
  #checkEnd(id: string, view: View, count: number): void {
    const state = view['state'] as MessageState
    const told = this.#states.get(id)?.state
    if (!SETTLED.has(state)) this.#fail(`${id} ends as ${state}`)
    if (told !== state) this.#fail(`${id} is ${state}, its last event says ${told}`)
    const timeline = view['timeline'] as TimelineLine[]
    const again = timeline.filter((line) => line.state === 'queued' && SENT_AGAIN.has(line.reason)).length
    if (count > 1 + again) this.#fail(`${id} was carried out ${count} times: ${JSON.stringify(timeline)}`)
    if (count === 0 && rankOf(state) > 0) this.#fail(`${id} is ${state} and was never carried out`)
  }

  /** Every item that was acknowledged is there, and nothing is there twice. */
  #checkInbound(process: SimulatedProcess): void {
    const counts = new Map<string, number>()
    const count = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1)
    for (const { id } of process.records.all<{ id: number }>(
      'SELECT id FROM messages WHERE direction = 0 ORDER BY id',
    )) {
      count(`message ${this.#upstreamOf(process, id)}`)
    }
    for (const key of statusKeys(process)) count(key)
    for (const [key, times] of counts) if (times > 1) this.#fail(`${key} is in the records ${times} times`)
    for (const key of this.#acknowledged)
      if (!counts.has(key)) this.#fail(`${key} was acknowledged and is not in the records`)
  }

  /** Nothing but nonsense is set aside, and of that nothing is lost. */
  #checkQuarantine(process: SimulatedProcess): void {
    const key = must(process.vault.findNamedKey('quarantine'), 'the key of the quarantine')
    const kept = process.records
      .all<{ seq: number; body: Uint8Array }>('SELECT seq, body FROM quarantine_bodies ORDER BY seq')
      .map(({ seq, body }) => unsealText(key, `quarantine_bodies.body:${seq}`, body))
    const wrong = kept.find((body) => !body.startsWith(NONSENSE))
    if (wrong !== undefined) this.#fail(`an item was set aside that is none to set aside: ${wrong}`)
    for (const body of this.#nonsense) if (!kept.includes(body)) this.#fail(`"${body}" was answered 200 and is gone`)
  }

  #upstreamOf(process: SimulatedProcess, id: number): string {
    const row = process.records.one<{ body: Uint8Array; person: number }>(
      `SELECT m.body, k.person FROM messages m JOIN conversations c ON c.id = m.conversation_id
       JOIN contacts k ON k.id = c.contact_id WHERE m.id = ?1`,
      id,
    )
    const key = row && process.vault.personKey(row.person)
    const body = key && unsealText(key, `messages.body:${id}`, row.body)
    return body === undefined ? `unreadable ${id}` : String((JSON.parse(body) as { id: string }).id)
  }

  /** Inside a conversation, what was accepted first is carried out first; what was sent again stands apart. */
  #checkOrder(process: SimulatedProcess, platform: Platform): void {
    // A conversation waits at most 5 s for a message to come back (dispatch/README.md); with a full disk that is too short.
    const rows = process.records.all<{ id: number }>(
      `SELECT DISTINCT message_id AS id FROM message_states
       WHERE reason IN ('resend', 'sent_again') OR (?1 AND state = ?2 AND attempt > 0)`,
      this.#diskWasFull ? 1 : 0,
      STATE.code('queued'),
    )
    const apart = new Set(rows.map(({ id }) => id))
    const last = new Map<number, number>()
    const conversationOf = new Map(
      process.records
        .all<{ id: number; conversation_id: number }>('SELECT id, conversation_id FROM messages')
        .map((row) => [row.id, row.conversation_id]),
    )
    for (const send of platform.sends.list({ number: null, correlation: null, after: 0, limit: 100_000 })) {
      const id = readCorrelation(send.correlation ?? '')?.messageId
      if (id === undefined || apart.has(id)) continue
      const conversation = conversationOf.get(id) ?? 0
      const before = last.get(conversation) ?? 0
      if (id < before) {
        this.#fail(
          `${showId('message', id)} was carried out after ${showId('message', before)} of the same conversation`,
        )
      }
      last.set(conversation, Math.max(id, before))
    }
  }
}

function keyOfUpdate(update: Update): string {
  return update.kind === 'status' ? `status ${update.id} ${update.status}` : `${update.kind} ${update.id}`
}

function statusKeys(process: SimulatedProcess): string[] {
  return process.records
    .all<{ id: number; person: number; body: Uint8Array }>('SELECT id, person, body FROM statuses ORDER BY id')
    .map(({ id, person, body }) => {
      const key = person === 0 ? process.vault.findNamedKey('house') : process.vault.personKey(person)
      if (!key) return `unreadable status ${id}`
      const { item } = JSON.parse(unsealText(key, `statuses.body:${id}`, body)) as {
        item: { upstreamId: string; status: string }
      }
      return `status ${item.upstreamId} ${item.status}`
    })
}

/** The platform's ids of what was carried out, by our id. */
function executions(platform: Platform): Map<string, string[]> {
  const executed = new Map<string, string[]>()
  for (const send of platform.sends.list({ number: null, correlation: null, after: 0, limit: 100_000 })) {
    const messageId = readCorrelation(send.correlation ?? '')?.messageId
    const id = messageId === undefined ? 'unknown' : showId('message', messageId)
    executed.set(id, [...(executed.get(id) ?? []), send.wamid])
  }
  return executed
}

/** Whether a state may come after another. Back to the queue goes only what did not leave, or what is sent again. */
function mayFollow(before: MessageState, after: MessageState, reason: string | null): boolean {
  // The platform's word holds whatever we believed: a message that we gave up may have gone out.
  if (after === 'failed') return rankOf(before) < rankOf('delivered') && before !== 'failed'
  if (before === 'failed')
    return rankOf(after) >= rankOf('delivered') || (after === 'queued' && reason === 'sent_again')
  if (rankOf(after) > 0) return rankOf(after) > rankOf(before)
  if (rankOf(before) > 0) return false
  return FOLLOWERS[before]?.includes(after) === true && (after !== 'queued' || QUEUED_AFTER[before]?.(reason) === true)
}

const FOLLOWERS: Partial<Record<MessageState, readonly MessageState[]>> = {
  queued: ['sending', 'cancelled', 'expired'],
  sending: ['queued', 'in_doubt'],
  in_doubt: ['queued', 'held'],
  held: ['queued', 'cancelled'],
  expired: ['queued'],
}
const QUEUED_AFTER: Partial<Record<MessageState, (reason: string | null) => boolean>> = {
  sending: (reason) => reason !== null && reason !== 'sent_again' && reason !== 'resend',
  in_doubt: (reason) => reason === 'resend',
  held: (reason) => reason === 'sent_again',
  expired: (reason) => reason === 'sent_again',
}

/** Whether a file of the folder holds words or phones of a person. */
export function plainTextIn(folder: string, words: readonly string[]): string | undefined {
  for (const name of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue
    const bytes = readFileSync(join(name.parentPath, name.name))
    const word = words.find((each) => bytes.includes(each))
    if (word !== undefined) return `${name.name} holds "${word}" in plain`
  }
  return undefined
}
