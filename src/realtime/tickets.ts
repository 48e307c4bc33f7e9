import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { Viewer } from './event-log.ts'

/** What a ticket stands for. */
export interface TicketRequest {
  viewer: Viewer
  /** Made with an API key: such a ticket also opens a socket without an Origin, which no browser can leave out. */
  byApiKey: boolean
  /** The Origin of the request that asked for it; a ticket with one opens sockets of that origin only. */
  origin: string | null
}

export interface IssuedTicket {
  ticket: string
  expiresAtMs: number
}

interface Held extends TicketRequest {
  dueMs: number
}

/** Why a ticket opens nothing. `origin_required`: only an API key's ticket does without an Origin. */
export type TicketRefusal = 'bad_ticket' | 'origin_required'

/** 256 bits: beyond guessing. */
const TICKET_BYTES = 32

export interface TicketsDeps {
  clock: Clock
  randomBytes: (size: number) => Uint8Array
}

export interface TicketBounds {
  ticketMs: number
  ticketsMax: number
  ticketsPerViewerMax: number
}

/** Single-use tickets, in memory only: after a restart everybody asks for a new one. */
export class Tickets {
  readonly #clock: Clock
  readonly #randomBytes: (size: number) => Uint8Array
  readonly #bounds: TicketBounds
  /** In order of issue, which is the order of expiry. */
  readonly #held = new Map<string, Held>()
  readonly #countByViewer = new Map<string, number>()

  constructor(deps: TicketsDeps, bounds: TicketBounds) {
    this.#clock = deps.clock
    this.#randomBytes = deps.randomBytes
    this.#bounds = bounds
  }

  get size(): number {
    return this.#held.size
  }

  /** A new ticket. Refuses with `unavailable` when too many wait for their socket, `rate_limited` when too many are theirs. */
  issue(request: TicketRequest): IssuedTicket {
    this.#forgetExpired()
    if (this.#held.size >= this.#bounds.ticketsMax) {
      throw new Failure('unavailable', 'Too many tickets wait for their socket', { retry_after_ms: 1000 })
    }
    const count = this.#countByViewer.get(request.viewer.id) ?? 0
    if (count >= this.#bounds.ticketsPerViewerMax) {
      throw new Failure('rate_limited', 'Too many of your tickets wait for their socket', { retry_after_ms: 1000 })
    }
    this.#countByViewer.set(request.viewer.id, count + 1)
    const ticket = Buffer.from(this.#randomBytes(TICKET_BYTES)).toString('base64url')
    this.#held.set(ticket, { ...request, dueMs: this.#clock.monoMs() + this.#bounds.ticketMs })
    return { ticket, expiresAtMs: this.#clock.epochMs() + this.#bounds.ticketMs }
  }

  /** Spends a ticket. One that was shown is spent whatever the answer: it may have been seen by the wrong eyes. */
  take(ticket: string, origin: string | null): Viewer | TicketRefusal {
    const held = this.#held.get(ticket)
    if (!held) return 'bad_ticket'
    this.#remove(ticket, held)
    if (held.dueMs <= this.#clock.monoMs()) return 'bad_ticket'
    if (held.origin !== null && origin !== null && held.origin !== origin) return 'bad_ticket'
    if (origin === null && (!held.byApiKey || held.origin !== null)) return 'origin_required'
    return held.viewer
  }

  /** Tickets of whoever may not have them any more open nothing. */
  withdraw(concerns: (viewer: Viewer) => boolean): void {
    for (const [ticket, held] of this.#held) if (concerns(held.viewer)) this.#remove(ticket, held)
  }

  #forgetExpired(): void {
    const nowMs = this.#clock.monoMs()
    for (const [ticket, held] of this.#held) {
      if (held.dueMs > nowMs) return
      this.#remove(ticket, held)
    }
  }

  #remove(ticket: string, { viewer }: Held): void {
    this.#held.delete(ticket)
    const left = (this.#countByViewer.get(viewer.id) ?? 1) - 1
    if (left > 0) this.#countByViewer.set(viewer.id, left)
    else this.#countByViewer.delete(viewer.id)
  }
}
