import type { Clock } from '../core/clock.ts'
import type { FailureCode } from '../core/failure.ts'
import { problemOf } from '../core/failure.ts'
import type { RealtimeBounds } from './bounds.ts'
import type { UpgradeRefusal } from './metrics.ts'
import { Pace } from './pace.ts'
import { SUBPROTOCOL, TICKET_PREFIX } from './protocol.ts'
import type { SocketData } from './session.ts'
import type { Tickets } from './tickets.ts'

interface Answer {
  status: number
  code: FailureCode
  detail: string
  headers?: Record<string, string>
}

/** What a refused handshake is told. Browsers cannot read it; other clients and people can. */
const ANSWERS: Readonly<Record<UpgradeRefusal, Answer>> = {
  no_upgrade: {
    status: 426,
    code: 'invalid',
    detail: 'This address speaks WebSocket: send an upgrade request',
    headers: { Upgrade: 'websocket', Connection: 'Upgrade' },
  },
  subprotocol: {
    status: 426,
    code: 'invalid',
    detail: `Offer the subprotocols ${SUBPROTOCOL} and ${TICKET_PREFIX}<ticket>`,
    headers: { 'Sec-WebSocket-Protocol': SUBPROTOCOL },
  },
  no_ticket: { status: 401, code: 'unauthorized', detail: `Offer one subprotocol ${TICKET_PREFIX}<ticket>` },
  foreign_origin: { status: 403, code: 'forbidden', detail: 'This origin is not on the list of allowed origins' },
  origin_required: { status: 403, code: 'forbidden', detail: 'This ticket needs the origin it was made for' },
  draining: { status: 503, code: 'unavailable', detail: 'The server is stopping', headers: { 'Retry-After': '1' } },
  full: { status: 503, code: 'unavailable', detail: 'Too many sockets are open', headers: { 'Retry-After': '10' } },
  too_fast: { status: 503, code: 'unavailable', detail: 'Too many sockets at once', headers: { 'Retry-After': '1' } },
}

/** The HTTP answer to a refused handshake. */
export function refusalResponse(refusal: UpgradeRefusal): Response {
  const { status, code, detail, headers } = ANSWERS[refusal]
  const problem = { ...problemOf({ code, message: detail, members: {} }), status }
  return Response.json(problem, { status, headers: { ...headers, 'Content-Type': 'application/problem+json' } })
}

export interface AdmissionDeps {
  clock: Clock
  tickets: Tickets
  /** Sockets open now. */
  connectionCount: () => number
  isDraining: () => boolean
  origins: () => readonly string[]
}

/**
 * Who may open a socket. What only a program would do wrong is answered in HTTP. A browser that came with a spent
 * ticket is let in and told with close code 4500, because it cannot read anything else.
 */
export class Admission {
  readonly #deps: AdmissionDeps
  readonly #connectionsMax: number
  readonly #pace: Pace

  constructor(deps: AdmissionDeps, bounds: RealtimeBounds) {
    this.#deps = deps
    this.#connectionsMax = bounds.connectionsMax
    this.#pace = new Pace(bounds.upgradesPerSecondMax, bounds.upgradesBurstMax)
  }

  judge(request: Request): SocketData | UpgradeRefusal {
    const { headers } = request
    if (request.method !== 'GET' || headers.get('upgrade')?.toLowerCase() !== 'websocket') return 'no_upgrade'
    if (this.#deps.isDraining()) return 'draining'
    const offered = (headers.get('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim())
    const tickets = offered.filter((name) => name.startsWith(TICKET_PREFIX))
    const ticket = tickets[0]?.slice(TICKET_PREFIX.length)
    const origin = headers.get('origin')
    if (origin !== null && !this.#deps.origins().includes(origin)) {
      // A ticket that a foreign page holds is worth nothing any more.
      if (ticket) this.#deps.tickets.take(ticket, origin)
      return 'foreign_origin'
    }
    if (!offered.includes(SUBPROTOCOL)) return 'subprotocol'
    if (!ticket || tickets.length > 1) return 'no_ticket'
    if (this.#deps.connectionCount() >= this.#connectionsMax) return 'full'
    if (!this.#pace.take(this.#deps.clock.monoMs())) return 'too_fast'
    const viewer = this.#deps.tickets.take(ticket, origin)
    if (viewer === 'origin_required') return viewer
    if (viewer === 'bad_ticket') return { viewer: null, refusal: viewer, session: null }
    return { viewer, refusal: null, session: null }
  }
}
