import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { Change } from './changes.ts'
import type { Platform } from './platform.ts'

const STREAMS_MAX = 100
const BEAT_MS = 10_000

/** Changes are gathered for this long, so that a flood becomes a few messages. */
const GATHER_MS = 80

/** Happenings sent in one message; the rest of a flood is only counted. */
const HAPPENINGS_MAX = 30

const streamsOf = new WeakMap<Platform, number>()

/** A stream of server-sent events for the page: `chats`, `groups`, `happenings` and `faults`. */
export function openStream(platform: Platform, clock: Clock, signals: readonly AbortSignal[]): Response {
  const open = streamsOf.get(platform) ?? 0
  if (open >= STREAMS_MAX) throw new Failure('unavailable', `There are already ${STREAMS_MAX} streams`)
  streamsOf.set(platform, open + 1)
  let close = () => {}
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      close = feed(platform, clock, controller)
      for (const signal of signals) signal.addEventListener('abort', () => close(), { once: true })
    },
    cancel: () => close(),
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } })
}

/** Writes changes to the stream until it is closed; the answer closes it. */
function feed(platform: Platform, clock: Clock, controller: ReadableStreamDefaultController<Uint8Array>): () => void {
  const encoder = new TextEncoder()
  let gathered: Change[] = []
  let cancelGather: (() => void) | null = null
  let isOpen = true
  const write = (text: string) => {
    try {
      controller.enqueue(encoder.encode(text))
    } catch {
      close()
    }
  }
  const flush = () => {
    cancelGather = null
    const changes = gathered
    gathered = []
    write(messageOf(changes))
  }
  const stopWatching = platform.changes.watch((change) => {
    // A reader that is this far behind gets the newest state by itself: each message makes it look again.
    if (gathered.length < 5000) gathered.push(change)
    cancelGather ??= clock.after(GATHER_MS, flush)
  })
  let cancelBeat = () => {}
  const beat = () => {
    write(': beat\n\n')
    cancelBeat = clock.after(BEAT_MS, beat)
  }
  function close(): void {
    if (!isOpen) return
    isOpen = false
    stopWatching()
    cancelGather?.()
    cancelBeat()
    streamsOf.set(platform, (streamsOf.get(platform) ?? 1) - 1)
    try {
      controller.close()
    } catch {
      // The reader has closed it already.
    }
  }
  beat()
  write(
    `event: happenings\ndata: ${JSON.stringify({ items: platform.changes.happenings.slice(-HAPPENINGS_MAX), more: 0 })}\n\n`,
  )
  return close
}

function messageOf(changes: readonly Change[]): string {
  const chats = new Map<string, { phone: string; number: string }>()
  const happenings: unknown[] = []
  let faults = false
  let groups = false
  for (const change of changes) {
    if (change.kind === 'chat')
      chats.set(`${change.phone} ${change.number}`, { phone: `+${change.phone}`, number: change.number })
    else if (change.kind === 'happening') happenings.push(change.happening)
    else if (change.kind === 'groups') groups = true
    else faults = true
  }
  const parts: string[] = []
  if (chats.size > 0) parts.push(`event: chats\ndata: ${JSON.stringify([...chats.values()].slice(-500))}\n\n`)
  if (happenings.length > 0) {
    const items = happenings.slice(-HAPPENINGS_MAX)
    parts.push(`event: happenings\ndata: ${JSON.stringify({ items, more: happenings.length - items.length })}\n\n`)
  }
  if (faults) parts.push('event: faults\ndata: {}\n\n')
  if (groups) parts.push('event: groups\ndata: {}\n\n')
  return parts.join('')
}
