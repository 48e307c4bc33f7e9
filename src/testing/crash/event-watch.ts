import { pause, systemClock } from '../../core/clock.ts'
import { connectRealtime, type RealtimeConnection } from '../../realtime/client.ts'
import type { RealtimeEvent } from '../../realtime/protocol.ts'
import type { CrashStand } from './stand.ts'

const RETRY_MS = 30
const EVENTS_MAX = 500
const WAIT_SECONDS = 2

interface EventsAnswer {
  events: RealtimeEvent[]
  upto: number
  head: number
  epoch: string
}

/**
 * What was once told, by its offset. Two watchers write into it, one over the socket and one by requests, each going on
 * where it was when the house died.
 */
export class EventRecord {
  /** The event's exact JSON text. */
  readonly seen = new Map<number, string>()
  readonly problems: string[] = []
  /** The state in which each message was last seen. */
  readonly states = new Map<string, string>()

  note(event: RealtimeEvent, by: string): void {
    const text = JSON.stringify(event)
    const before = this.seen.get(event.offset)
    if (before !== undefined && before !== text)
      this.problem(`${by}: ${event.offset} was\n    ${before}\n  now\n    ${text}`)
    if (before !== undefined) return
    this.seen.set(event.offset, text)
    if (event.type !== 'message.state') return
    const { message_id: id, state } = event.data as { message_id: string; state: string }
    this.states.set(id, state)
  }

  problem(text: string): void {
    this.problems.push(text)
  }
}

/** Follows `GET /api/v1/events`. */
export class PollWatch {
  readonly #stand: CrashStand
  readonly #record: EventRecord
  #after = 0
  #epoch: string | null = null
  #stopped = false

  constructor(stand: CrashStand, record: EventRecord) {
    this.#stand = stand
    this.#record = record
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      if (!(await this.#ask())) await pause(systemClock, RETRY_MS)
    }
  }

  stop(): void {
    this.#stopped = true
  }

  async #ask(): Promise<boolean> {
    const epoch = this.#epoch === null ? '' : `&epoch=${this.#epoch}`
    const path = `/api/v1/events?after=${this.#after}&limit=${EVENTS_MAX}&wait=${WAIT_SECONDS}${epoch}`
    const response = await this.#stand.api(path)
    if (!response) return false
    const answer = (await response.json().catch(() => undefined)) as EventsAnswer | undefined
    if (!answer) return false
    if (response.status !== 200) {
      if (response.status !== 503) this.#record.problem(`poll after ${this.#after}: answered ${response.status}`)
      return false
    }
    this.#epoch = answer.epoch
    for (const event of answer.events) {
      if (event.offset !== this.#after + 1) this.#record.problem(`poll: ${event.offset} came after ${this.#after}`)
      this.#after = event.offset
      this.#record.note(event, 'poll')
    }
    if (answer.upto !== this.#after) this.#record.problem(`poll: upto ${answer.upto} after event ${this.#after}`)
    return true
  }
}

/** Follows the socket, with the client that the console uses. */
export class SocketWatch {
  readonly #stand: CrashStand
  readonly #record: EventRecord
  readonly #random: () => number
  #connection: RealtimeConnection | null = null
  #last = 0
  events = 0

  constructor(stand: CrashStand, record: EventRecord, random: () => number) {
    this.#stand = stand
    this.#record = record
    this.#random = random
  }

  /** Connects, or connects anew at once where it is waiting for its next try. */
  connect(): void {
    this.close()
    this.#connection = connectRealtime({
      url: `${this.#stand.url.replace('http', 'ws')}/realtime`,
      ticket: () => this.#stand.ticket(),
      after: this.#last,
      random: this.#random,
      onEvents: (events) => this.#hear(events),
      onGone: (info) => {
        this.#record.problem(`socket: told that ${this.#last} is gone, head ${info.head}, oldest ${info.oldest}`)
        return { after: this.#last }
      },
    })
  }

  cursor(): number {
    return this.#last
  }

  close(): void {
    this.#connection?.close()
    this.#connection = null
  }

  #hear(events: readonly RealtimeEvent[]): void {
    for (const event of events) {
      if (event.offset !== this.#last + 1) this.#record.problem(`socket: ${event.offset} came after ${this.#last}`)
      this.#last = event.offset
      this.events += 1
      this.#record.note(event, 'socket')
    }
  }
}
