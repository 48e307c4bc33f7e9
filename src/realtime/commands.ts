import type { RealtimeBounds } from './bounds.ts'
import type { Delivery } from './delivery.ts'
import type { EventLog } from './event-log.ts'
import type { ErrorFrame, SubscribeFrame } from './protocol.ts'
import { readClientFrame } from './protocol.ts'
import type { Session } from './session.ts'
import { sendText } from './session.ts'
import { closeSocket } from './sessions.ts'

/** What clients may say, and what becomes of it. */
export class Commands {
  readonly #eventLog: EventLog
  readonly #delivery: Delivery
  readonly #bounds: RealtimeBounds

  constructor(eventLog: EventLog, delivery: Delivery, bounds: RealtimeBounds) {
    this.#eventLog = eventLog
    this.#delivery = delivery
    this.#bounds = bounds
  }

  /** One frame of a client. */
  take(session: Session, message: string | Uint8Array, nowMs: number): void {
    session.receivedMs = nowMs
    session.pingedMs = 0
    const tooLarge = typeof message === 'string' && Buffer.byteLength(message) > this.#bounds.commandBytesMax
    const frame = typeof message === 'string' && !tooLarge ? readClientFrame(message) : null
    const pace = frame?.type === 'ack' ? session.acks : session.commands
    if (!pace.take(nowMs)) return closeSocket(session.socket, 'too_many_commands')
    if (tooLarge) return this.#bad(session, { code: 'too_large', id: null, message: 'The frame is too large' }, nowMs)
    if (!frame) return this.#bad(session, { code: 'invalid', id: null, message: 'Binary frames are not used' }, nowMs)
    switch (frame.type) {
      case 'bad':
        return this.#bad(session, { code: 'invalid', id: frame.id, message: frame.message }, nowMs)
      case 'ack':
        return this.#ack(session, frame.upto, nowMs)
      case 'subscribe':
        return this.#subscribe(session, frame, nowMs)
    }
  }

  /** Tells a session that what it asks for is no longer kept, and takes its position away. */
  offsetGone(session: Session, id: number, nowMs: number): void {
    this.#delivery.unsubscribe(session)
    const { head, oldest, epoch } = this.#position()
    const message = 'The log does not hold what follows this offset'
    this.#error(session, { code: 'offset_gone', id, message, head, oldest, epoch }, nowMs)
  }

  #subscribe(session: Session, frame: SubscribeFrame, nowMs: number): void {
    session.asked = true
    session.subscriptionId = frame.id
    const { head, oldest, epoch } = this.#position()
    if (frame.epoch !== undefined && frame.epoch !== epoch) return this.offsetGone(session, frame.id, nowMs)
    const after = frame.after ?? head
    if (after > head || (after > 0 && after < oldest - 1)) return this.offsetGone(session, frame.id, nowMs)
    this.#delivery.subscribe(session, Math.max(after, oldest - 1), after)
  }

  #ack(session: Session, upto: number | undefined, nowMs: number): void {
    if (upto === undefined) return
    if (upto > this.#eventLog.head()) {
      return this.#bad(session, { code: 'invalid', id: null, message: 'upto: lies above the head' }, nowMs)
    }
    session.acknowledges = true
    if (upto >= session.ackMark) session.ackMarkMs = 0
  }

  #bad(session: Session, error: Omit<ErrorFrame, 'type'>, nowMs: number): void {
    session.badFrameCount++
    this.#error(session, error, nowMs)
    if (session.badFrameCount >= this.#bounds.badFramesMax) closeSocket(session.socket, 'bad_frame')
  }

  #error(session: Session, error: Omit<ErrorFrame, 'type'>, nowMs: number): void {
    sendText(session, JSON.stringify({ type: 'error', ...error }), nowMs)
  }

  #position(): { head: number; oldest: number; epoch: string } {
    return { head: this.#eventLog.head(), oldest: this.#eventLog.oldest(), epoch: this.#eventLog.epoch() }
  }
}
