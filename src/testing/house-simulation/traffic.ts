import { must } from '../../core/assert.ts'
import { Failure } from '../../core/failure.ts'
import { readId, showId } from '../../core/ids.ts'
import { readConversation } from '../../records/conversation.ts'
import { setNumberState } from '../../records/number.ts'
import { cancelMessage, retryMessage } from '../../records/send-message.ts'
import type { FaultKind } from '../../simulator/faults.ts'
import type { Platform } from '../../simulator/platform.ts'
import { SEES_ALL } from '../open-test-book.ts'
import type { Acts } from './acts.ts'
import { type Audit, NONSENSE, PLAIN_MARK } from './audit.ts'
import type { Chance } from './chance.ts'
import type { Network } from './network.ts'
import type { PollReader, SocketReader } from './readers.ts'
import type { SimulatedProcess } from './simulated-process.ts'

export const PHONES = ['491701234567', '14155550123', '33612345678', '5511987654321', '919812345678', '447700900123']

/** What the platform and its road may do wrong, with what such a fault takes. */
const FAULTS: readonly { kind: FaultKind; more?: Record<string, unknown> }[] = [
  { kind: 'reset' },
  { kind: 'refuse' },
  { kind: 'throttle_429' },
  { kind: 'error_code', more: { code: 131056 } },
  { kind: 'error_code', more: { code: 131057 } },
  { kind: 'error_code', more: { code: 131048 } },
  { kind: 'error_code', more: { code: 131016 } },
  { kind: 'error_code', more: { code: 190 } },
  { kind: 'accept_then_500' },
  { kind: 'accept_then_silence' },
  { kind: 'reset_after_accept' },
  { kind: 'slow', more: { ms: 3000 } },
  { kind: 'slow', more: { ms: 16_000 } },
  { kind: 'status_before_answer', more: { ms: 2000 } },
  { kind: 'held_for_quality', more: { ms: 20_000 } },
  { kind: 'fail_later' },
  { kind: 'statuses_late', more: { ms: 30_000 } },
  { kind: 'statuses_late', more: { ms: 119_000 } },
  { kind: 'statuses_doubled' },
  { kind: 'statuses_reordered' },
  { kind: 'statuses_missing' },
  { kind: 'statuses_missing', more: { statuses: ['sent'] } },
  { kind: 'webhook_batch', more: { size: 12, ms: 2000 } },
  { kind: 'webhook_late', more: { ms: 10_000 } },
  { kind: 'webhook_doubled' },
  { kind: 'webhook_bad_signature' },
]

interface Call {
  /** The idempotency key, and the reference of the message. */
  key: string
  body: Record<string, unknown>
  state: 'under way' | 'unanswered' | 'answered' | 'refused'
  id: string | null
}

export interface TrafficOptions {
  /** What customers do to messages; null: nothing. */
  acts: Acts | null
  chance: Chance
  platform: Platform
  audit: Audit
  network: Network
  readers: readonly SocketReader[]
  poll: PollReader
  process(): SimulatedProcess | null
  note(what: string): void
  fail(what: string): void
}

interface Action {
  name: string
  weight: number
  act(process: SimulatedProcess | null): void
}

/** Everybody outside: customers, programs that send, agents, the operator, those who watch. */
export class Traffic {
  readonly actions: readonly Action[]
  readonly #options: TrafficOptions
  readonly #calls: Call[] = []
  #written = 0
  /** Commands of agents and the operator that have no answer yet, by process. */
  #asked = 0

  constructor(options: TrafficOptions) {
    this.#options = options
    this.actions = [
      { name: 'a customer writes', weight: 30, act: () => this.#write() },
      { name: 'a customer reads', weight: 5, act: () => this.#read() },
      { name: 'a program sends', weight: 34, act: (process) => this.#send(process) },
      { name: 'a program repeats itself', weight: 8, act: (process) => this.#repeat(process) },
      { name: 'an agent reads', weight: 4, act: (process) => this.#agentReads(process) },
      { name: 'an agent looks', weight: 3, act: (process) => this.#agentLooks(process) },
      { name: 'somebody cancels', weight: 5, act: (process) => this.#cancel(process) },
      { name: 'somebody sends again', weight: 6, act: (process) => this.#sendAgain(process) },
      { name: 'the operator switches a number', weight: 5, act: (process) => this.#switchNumber(process) },
      { name: 'trouble begins', weight: 6, act: () => this.#trouble() },
      { name: 'trouble ends', weight: 4, act: () => this.#relief() },
      { name: 'a watcher comes or goes', weight: 6, act: (process) => this.#watcher(process) },
      { name: 'the disk fills up or has space again', weight: 3, act: (process) => this.#switchDisk(process) },
      { name: 'nonsense comes in', weight: 2, act: () => this.#nonsense() },
      { name: 'the operator replays', weight: 1, act: (process) => this.#replay(process) },
      { name: 'the poll asks', weight: 5, act: (process) => this.#pollAsks(process) },
      ...(options.acts
        ? [{ name: 'a customer does something', weight: 40, act: () => options.acts?.act(PHONES) }]
        : []),
    ]
  }

  /** Whether every caller knows what became of its call. */
  get isAnswered(): boolean {
    return this.#calls.every(({ state }) => state === 'answered' || state === 'refused') && this.#asked === 0
  }

  /** The process is dead: nobody gets an answer any more. */
  processDied(): void {
    this.#asked = 0
    for (const call of this.#calls) if (call.state === 'under way') call.state = 'unanswered'
  }

  /** At the end every caller asks until it is answered, and the operator lets every number send. */
  wrapUp(process: SimulatedProcess): void {
    if (process.isDiskFull) process.setDiskFull(false)
    for (const call of this.#calls) if (call.state === 'unanswered') this.#post(process, call)
    for (const number of process.reader.numbers()) {
      if (number.state === 1)
        this.#ask(process, process.ask(setNumberState, { numberId: number.id, state: 'active', reason: null }))
    }
  }

  /** Everybody has written to every number: the windows are open. */
  openWindows(): void {
    const { platform } = this.#options
    for (const phone of PHONES) {
      for (const { phoneNumberId } of platform.numbers)
        platform.write(phone, { number: phoneNumberId, text: PLAIN_MARK })
    }
  }

  #write(): void {
    const { chance, platform } = this.#options
    const number = chance.of(platform.numbers).phoneNumberId
    const count = chance.is(0.2) ? chance.between(2, 6) : 1
    this.#written += 1
    const phone = chance.of(PHONES)
    const ids = platform.write(phone, {
      number,
      text: `${PLAIN_MARK} ${this.#written}${chance.is(0.1) ? ' long'.repeat(200) : ''}`,
      count,
      ...(chance.is(0.5) && { batch: count }),
      ...(chance.is(0.05) && { name: `${PLAIN_MARK} ${this.#written}` }),
    })
    this.#options.acts?.wrote(phone, number, ids)
  }

  #read(): void {
    const { chance, platform } = this.#options
    const phone = chance.of(PHONES)
    if (platform.customers.find(phone)) platform.read(phone, chance.of(platform.numbers).phoneNumberId)
  }

  #send(process: SimulatedProcess | null): void {
    const { chance } = this.#options
    const to = chance.of(PHONES)
    const count = chance.is(0.25) ? chance.between(2, 9) : 1
    // Several to one person show the order, several to many the limit.
    const isToOne = chance.is(0.6)
    for (let index = 0; index < count; index++) this.#sendNew(process, isToOne ? to : chance.of(PHONES))
  }

  #sendNew(process: SimulatedProcess | null, to: string): void {
    const { chance, platform } = this.#options
    const key = `call-${this.#calls.length + 1}`
    const content = this.#content(key)
    // The numbers that are declared from the first; the last one may be declared later.
    const from = chance.of(platform.numbers.slice(0, -1)).phoneNumberId
    const body = {
      ...this.#recipient(process, to, from),
      ...content,
      class: chance.of(['urgent', 'urgent', 'reply', 'reply', 'reply', 'notice', 'bulk']),
      reference: key,
      ...(chance.is(0.15) && { when_in_doubt: chance.of(['resend', 'hold', 'fail']) }),
      ...(chance.is(0.1) && { deadline_ms: chance.between(1, 20_000) }),
      ...(chance.is(0.1) && { biz_opaque_callback_data: 'the words of the caller' }),
    }
    const call: Call = { key, body, state: 'unanswered', id: null }
    this.#calls.push(call)
    this.#post(process, call)
  }

  #content(key: string): Record<string, unknown> {
    const { chance } = this.#options
    if (chance.is(0.3)) return { type: 'template', template: { name: 'hello_world', language: { code: 'en_US' } } }
    const quoted = chance.is(0.1) ? this.#anyAccepted() : undefined
    return {
      type: 'text',
      text: { body: `${PLAIN_MARK} out ${key}` },
      ...(quoted !== undefined && { context: { message_id: showId('message', quoted) } }),
    }
  }

  /** By phone, by the platform's id of the person, or by a conversation, which has its own number. */
  #recipient(process: SimulatedProcess | null, phone: string, from: string): Record<string, unknown> {
    const { chance, platform } = this.#options
    const conversation = process?.isServing && chance.is(0.2) ? this.#anyConversation(process) : undefined
    if (conversation !== undefined) return { to: showId('conversation', conversation) }
    const userId = chance.is(0.15) ? platform.customers.find(phone)?.userId : undefined
    return { to: userId === undefined ? `+${phone}` : { user_id: userId }, from: { number: from } }
  }

  #repeat(process: SimulatedProcess | null): void {
    const { chance } = this.#options
    const open = this.#calls.filter(({ state }) => state === 'unanswered')
    const others = this.#calls.filter(({ state }) => state === 'answered')
    const list = open.length > 0 ? open : others
    if (list.length > 0) this.#post(process, chance.of(list))
  }

  #post(process: SimulatedProcess | null, call: Call): void {
    const { chance, note } = this.#options
    if (!process?.isServing) return
    call.state = 'under way'
    process.send(call.body, call.key).then(
      ({ id }) => {
        if (!process.isAlive) return
        const isLost = chance.is(0.1)
        note(`${call.key} is ${id}${isLost ? ', and the answer is lost' : ''}`)
        call.state = isLost ? 'unanswered' : 'answered'
        if (!isLost) this.#answered(call, id)
      },
      (error: unknown) => {
        if (process.isAlive) this.#refused(call, error)
      },
    )
  }

  #answered(call: Call, id: string): void {
    const { audit, fail } = this.#options
    if (call.id !== null && call.id !== id) fail(`${call.key} was ${call.id} and is now ${id}`)
    call.id = id
    audit.answered(id, call.key)
  }

  #refused(call: Call, error: unknown): void {
    const { fail, note } = this.#options
    if (!(error instanceof Failure)) return fail(`${call.key} met an error: ${String(error)}`)
    note(`${call.key} is refused: ${error.code}`)
    call.state = error.code === 'unavailable' ? 'unanswered' : 'refused'
    if (error.code === 'internal') fail(`${call.key} is refused: ${error.message}`)
    if (call.id !== null && call.state === 'refused')
      fail(`${call.key} was ${call.id} and is now refused: ${error.code}`)
  }

  #agentReads(process: SimulatedProcess | null): void {
    if (!process?.isServing) return
    const row = this.#anyConversation(process)
    if (row) this.#ask(process, process.ask(readConversation, { conversationId: row, uptoMessageId: null }))
  }

  #anyConversation(process: SimulatedProcess): number | undefined {
    const rows = process.records.all<{ id: number }>('SELECT id FROM conversations ORDER BY id')
    return rows.length === 0 ? undefined : this.#options.chance.of(rows).id
  }

  /** A list's page is of one moment: nothing in it is newer than its `as_of`. */
  #agentLooks(process: SimulatedProcess | null): void {
    if (!process?.isServing) return
    void process.reader.conversations({ limit: 5, cursor: null }, SEES_ALL).then(async (page) => {
      if (page.as_of > this.#options.audit.head) this.#options.fail(`a list is of ${page.as_of}, above the head`)
      const id = readId('conversation', String(page.items[0]?.['id'] ?? ''))
      if (id !== undefined) await process.reader.messages(id, { limit: 10, cursor: null }, SEES_ALL)
    })
  }

  #cancel(process: SimulatedProcess | null): void {
    const messageId = this.#anyAccepted()
    if (process?.isServing && messageId !== undefined) this.#ask(process, process.ask(cancelMessage, { messageId }))
  }

  #sendAgain(process: SimulatedProcess | null): void {
    if (!process?.isServing) return
    // Held, failed or expired: what may be sent again.
    const rows = process.records.all<{ id: number }>('SELECT id FROM messages WHERE state IN (8, 10, 12) ORDER BY id')
    if (rows.length === 0) return
    const messageId = this.#options.chance.of(rows).id
    this.#options.note(`${showId('message', messageId)} is to be sent again`)
    this.#ask(process, process.ask(retryMessage, { messageId, deadlineMs: process.deadlineMs }))
  }

  #anyAccepted(): number | undefined {
    const { audit, chance } = this.#options
    const recent = audit.accepted.slice(-8)
    return recent.length === 0 ? undefined : readId('message', chance.of(recent))
  }

  #switchNumber(process: SimulatedProcess | null): void {
    if (!process?.isServing) return
    const declared = process.reader.numbers().filter(({ state }) => state !== 2)
    if (declared.length === 0) return
    const paused = declared.filter(({ state }) => state === 1)
    const number = this.#options.chance.of(paused.length > 0 ? paused : declared)
    const state = number.state === 1 ? 'active' : 'paused'
    const reason = state === 'paused' ? 'operator' : null
    this.#ask(process, process.ask(setNumberState, { numberId: number.id, state, reason }))
  }

  #ask(process: SimulatedProcess, asked: Promise<unknown>): void {
    this.#asked += 1
    const answered = () => {
      if (process.isAlive) this.#asked -= 1
    }
    asked.then(answered, (error: unknown) => {
      answered()
      const isRefusal = error instanceof Failure && error.code !== 'internal'
      if (process.isAlive && !isRefusal) this.#options.fail(`a command met an error: ${String(error)}`)
    })
  }

  #trouble(): void {
    const { chance, platform, note } = this.#options
    if (platform.faults.list().length >= 4) return
    const { kind, more } = chance.of(FAULTS)
    note(kind)
    platform.faults.add(
      {
        kind,
        ...more,
        ...(chance.is(0.5) ? { count: chance.between(1, 6) } : { probability: 0.4 }),
      },
      (text) => text,
    )
  }

  #relief(): void {
    const { chance, platform } = this.#options
    const faults = platform.faults.list()
    if (faults.length > 0) platform.faults.remove(must(chance.of(faults), 'a fault').id)
  }

  #nonsense(): void {
    this.#written += 1
    this.#options.network.sendNonsense(`${NONSENSE}${this.#written}`)
  }

  #switchDisk(process: SimulatedProcess | null): void {
    // Mostly there is space.
    if (!process?.isServing || !(process.isDiskFull || this.#options.chance.is(0.4))) return
    process.setDiskFull(!process.isDiskFull)
    this.#options.audit.noteFullDisk()
  }

  #replay(process: SimulatedProcess | null): void {
    if (process?.isServing) this.#ask(process, process.replay())
  }

  #watcher(process: SimulatedProcess | null): void {
    const { chance, readers } = this.#options
    const reader = chance.of(readers)
    if (!reader.isConnected) {
      if (process?.isServing) reader.connect(process)
    } else if (chance.is(0.4)) reader.disconnect()
    else reader.block(chance)
  }

  #pollAsks(process: SimulatedProcess | null): void {
    const { chance, poll } = this.#options
    if (process?.isServing) poll.ask(process, chance.is(0.5) ? 0 : chance.between(1, 25_000), chance.between(1, 60))
  }
}
