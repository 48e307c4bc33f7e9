import type { Clock } from '../core/clock.ts'
import type { RealtimeBounds } from './bounds.ts'
import type { CloseName } from './close-codes.ts'
import type { Delivery } from './delivery.ts'
import type { Session } from './session.ts'
import { unblock } from './session.ts'
import type { Sessions } from './sessions.ts'
import { closeSocket } from './sessions.ts'

export interface WatchDeps {
  clock: Clock
  sessions: Sessions
  delivery: Delivery
  laterTurn: (run: () => void) => void
  /** Called once a round, before the sessions are looked at. */
  onRound: () => void
}

/** One timer for all sockets: ten thousand idle ones take about a millisecond a round. */
const ROUND_MS = 1_000

/** Pings the silent, and ends who does not answer, does not subscribe, or stays behind. */
export class Watch {
  readonly #deps: WatchDeps
  readonly #bounds: RealtimeBounds
  #cancel: (() => void) | null = null
  /** A round goes on over several turns of the loop. */
  #looking = false

  constructor(deps: WatchDeps, bounds: RealtimeBounds) {
    this.#deps = deps
    this.#bounds = bounds
  }

  /** Runs while there are sessions. */
  start(): void {
    if (this.#looking) return
    this.#cancel ??= this.#deps.clock.after(ROUND_MS, () => this.#round())
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  #round(): void {
    this.#cancel = null
    this.#looking = true
    this.#deps.onRound()
    this.#slice([...this.#deps.sessions.all()], 0)
  }

  #slice(sessions: readonly Session[], from: number): void {
    const { clock, laterTurn } = this.#deps
    const endMs = clock.monoMs() + this.#bounds.sliceMs
    for (let index = from; index < sessions.length; index++) {
      const session = sessions[index]
      if (!session || session.closed) continue
      const nowMs = clock.monoMs()
      if (nowMs >= endMs) return laterTurn(() => this.#slice(sessions, index))
      this.#look(session, nowMs)
    }
    this.#looking = false
    if (this.#deps.sessions.size > 0) this.start()
  }

  #look(session: Session, nowMs: number): void {
    // Bun tells us when a socket has emptied; should it ever forget, the round notices.
    if (session.blocked && session.socket.getBufferedAmount() === 0) {
      unblock(session)
      this.#deps.delivery.resume(session)
    }
    const reason = this.#fault(session, nowMs)
    if (reason) return closeSocket(session.socket, reason)
    if (session.acknowledges && session.subscribed && session.ackMarkMs === 0) {
      session.ackMark = session.toldUpto
      session.ackMarkMs = nowMs
    }
    const silentMs = nowMs - Math.min(session.sentMs, session.receivedMs)
    if (session.blocked || session.pingedMs > 0 || silentMs < this.#bounds.heartbeatMs) return
    session.pingedMs = nowMs
    this.#deps.delivery.ping(session, nowMs)
    // A client that never acknowledges still answers this one, below JavaScript.
    session.socket.ping()
  }

  #fault(session: Session, nowMs: number): CloseName | null {
    const { slowMs, answerMs, firstSubscribeMs, heartbeatMs } = this.#bounds
    const { expiresAtMs } = session.viewer
    if (expiresAtMs !== null && this.#deps.clock.epochMs() >= expiresAtMs) return 'forbidden'
    if (session.blocked && session.behindSinceMs > 0 && nowMs - session.behindSinceMs > slowMs) return 'slow'
    // An ack is due at the next ping at the latest, so its bound is the ping's interval longer.
    if (session.ackMarkMs > 0 && nowMs - session.ackMarkMs > slowMs + heartbeatMs) return 'slow'
    if (!session.asked && nowMs - session.openedMs > firstSubscribeMs) return 'no_answer'
    if (session.pingedMs > 0 && !session.blocked && nowMs - session.pingedMs > answerMs) return 'no_answer'
    return null
  }
}
