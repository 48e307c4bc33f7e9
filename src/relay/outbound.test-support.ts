import { Failure } from '../core/failure.ts'
import { readId, showId } from '../core/ids.ts'
import type { SendOutcome } from '../core/inbound.ts'
import type { Log } from '../core/log.ts'
import { silentLog } from '../core/log.ts'
import { RecordTime } from '../core/record-time.ts'
import { Dispatcher } from '../dispatch/dispatcher.ts'
import type { Ask } from '../records/inputs.ts'
import { declareNumber } from '../records/number.ts'
import { queueMessage } from '../records/queue-message.ts'
import type { Departure } from '../records/send-message.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { SEES_ALL, TestBook } from '../testing/open-test-book.ts'
import { ACCEPTED, DOUBT_WAIT_MS, declared, queued, textItem } from '../testing/test-items.ts'
import { BULK_HEADS_MAX, Outbound } from './outbound.ts'

type Answer = (departure: Departure) => SendOutcome | Promise<SendOutcome>

/** "Too fast", without a time. */
export const THROTTLED = {
  kind: 'retry',
  code: 130429,
  reason: 'rate',
  afterMs: null,
  scope: 'number',
  throttled: true,
} as const satisfies SendOutcome

/** The outbound story over a real book on a fake clock; the platform says what the test says. */
export class Story {
  readonly clock = new FakeClock()
  readonly time = new RecordTime(this.clock)
  readonly book = new TestBook(this.clock)
  readonly sent: { message: string; attempt: number; atMs: number }[] = []
  readonly outcomes: string[] = []
  readonly logged: object[] = []
  readonly queueMax: number
  readonly numbersMax: number
  overflows = 0
  /** Commands that the book refuses as if the disk were full. */
  readonly refused = new Set<string>()
  answer: Answer = ({ messageId, attempt }) => ACCEPTED(`wamid.${messageId}.${attempt}`)
  outbound: Outbound
  #chain: Promise<unknown> = Promise.resolve()

  constructor(queueMax: number, numbersMax = 10) {
    this.queueMax = queueMax
    this.numbersMax = numbersMax
    this.outbound = this.#build()
  }

  #build(): Outbound {
    const log: Log = { ...silentLog, info: (_, fields = {}) => void this.logged.push(fields) }
    return new Outbound(
      {
        clock: this.clock,
        time: this.time,
        log,
        random: () => 0.5,
        ask: this.ask,
        reader: this.book.reader,
        dispatcher: new Dispatcher({
          messagesMax: this.queueMax,
          bulkHeadsMax: BULK_HEADS_MAX,
          numbersMax: this.numbersMax,
        }),
        send: async (departure) => {
          this.sent.push({
            message: showId('message', departure.messageId),
            attempt: departure.attempt,
            atMs: this.clock.monoMs(),
          })
          return await this.answer(departure)
        },
        metrics: {
          sent: (outcome) => void this.outcomes.push(outcome),
          waited: () => {},
          overflow: () => void this.overflows++,
        },
      },
      { doubtWaitMs: () => DOUBT_WAIT_MS, queueMax: this.queueMax },
    )
  }

  /** One command after the other; the relay hears of a commit before the caller does. */
  readonly ask: Ask = (command, args) => {
    const run = async () => {
      if (this.refused.has(command.name)) throw new Failure('unavailable', 'The disk is full')
      const from = this.book.wakes.length
      try {
        return await this.book.ask(command, args)
      } finally {
        this.time.note(this.book.book.lastInputAtMs())
        this.outbound.hear(this.book.wakes.slice(from))
      }
    }
    const answer = this.#chain.then(run)
    this.#chain = answer.catch(() => {})
    return answer
  }

  /** Numbers, a conversation with an open window, and the relay started. */
  async open(): Promise<string> {
    await this.ask(declareNumber, declared())
    await this.book.give(textItem('wamid.first', this.clock.epochMs()))
    await this.start()
    return (await this.book.conversations())[0]?.['id'] as string
  }

  async start(): Promise<void> {
    const started = this.outbound.start(this.book.reader.lastInputAtMs())
    await this.pass(1100)
    await started
  }

  /** The process dies and comes back: what the relay knew is gone, what was committed is there. */
  async crash(): Promise<void> {
    await this.idle()
    this.clock.dropTimers()
    this.book.restart()
    this.outbound = this.#build()
  }

  /** Moves time on, in steps, and lets everything happen that is due. */
  async pass(ms: number, stepMs = 5): Promise<void> {
    await this.idle()
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(stepMs)
      await this.idle()
    }
  }

  async idle(): Promise<void> {
    for (let last: unknown; last !== this.#chain; ) {
      last = this.#chain
      await last
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async queue(conversation: string, more: Parameters<typeof queued>[1] = {}): Promise<string> {
    const id = readId('conversation', conversation) ?? 0
    return (await this.ask(queueMessage, queued({ kind: 'conversation', id }, more))).answer.id
  }

  async statesOf(message: string): Promise<string[]> {
    const view = await this.book.reader.message(readId('message', message) ?? 0, SEES_ALL)
    return ((view?.['timeline'] ?? []) as { state: string }[]).map(({ state }) => state)
  }

  sendsOf(message: string): number {
    return this.sent.filter((one) => one.message === message).length
  }
}
