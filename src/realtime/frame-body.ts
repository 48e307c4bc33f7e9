import type { LogEvent } from './event-log.ts'
import type { Span } from './event-ring.ts'
import { eventsFrameText } from './protocol.ts'

export interface FrameBounds {
  frameEventsMax: number
  frameBytesMax: number
  frameScannedMax: number
}

/** What viewers who see the same get from one cursor on: built once, sent to each of them. */
export interface FrameBody {
  /** The cursor it begins at. */
  readonly cursor: number
  /** Everything visible in (cursor, upto] is in it. */
  readonly upto: number
  readonly count: number
  readonly joined: string
  /** The last whole frame made of it, and the position its header names. */
  frameAfter: number
  frame: string
}

/** Collects what is visible above `cursor` until a bound is reached. An event larger than a frame goes alone. */
export function buildBody(
  span: Span,
  cursor: number,
  /** The event's text as these viewers get it; null: they may not see it. */
  textOf: (event: LogEvent) => string | null,
  bounds: FrameBounds,
): FrameBody {
  const { events, start } = span
  const end = Math.min(events.length, start + bounds.frameScannedMax)
  let upto = end < events.length ? (events[end - 1]?.offset ?? cursor) : span.upto
  let joined = ''
  let count = 0
  for (let index = start; index < end; index++) {
    const event = events[index]
    if (!event) break
    const text = textOf(event)
    if (text === null) continue
    if (count > 0 && (count >= bounds.frameEventsMax || joined.length + text.length > bounds.frameBytesMax)) {
      upto = events[index - 1]?.offset ?? cursor
      break
    }
    joined = count === 0 ? text : `${joined},${text}`
    count++
  }
  return { cursor, upto, count, joined, frameAfter: -1, frame: '' }
}

/** The whole frame for a session that was last told `after`. */
export function frameOf(body: FrameBody, after: number): string {
  if (body.frameAfter !== after) {
    body.frame = eventsFrameText(after, body.upto, body.joined)
    body.frameAfter = after
  }
  return body.frame
}
