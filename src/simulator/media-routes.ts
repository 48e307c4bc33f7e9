import { pause } from '../core/clock.ts'
import { unknownObject } from './answers.ts'
import { GraphRefusal } from './graph-error.ts'
import type { JsonObject } from './json.ts'
import type { MediaFile } from './media.ts'
import type { Platform } from './platform.ts'

const MEGABYTE = 1024 * 1024
const HUGE_MEGABYTES = 150
const SLOW_MS = 10_000

/** A file in the platform's form, as the faults that are on let it be. */
export function lookUpMedia(platform: Platform, file: MediaFile, origin: string): JsonObject {
  const { faults, media } = platform
  if (strikes(platform, 'media_missing')) throw unknownObject('get')
  const broken = faults.strike(['media_error'], null)
  if (broken) throw new GraphRefusal(131000, undefined, { status: broken.status ?? 500 })
  const shown = media.show(file, origin, platform.clock.epochMs())
  // Not struck here: the fetch that follows is what it is about.
  const huge = faults.peek('media_huge')
  return huge ? { ...shown, file_size: (huge.size ?? HUGE_MEGABYTES) * MEGABYTE } : shown
}

/** The bytes behind an address that a lookup or a webhook gave; the access token is needed here too, as on the platform. */
export function answerMedia(request: Request, platform: Platform): Response {
  const { faults, clock } = platform
  const token = new URL(request.url).pathname.slice('/_media/'.length)
  if (!platform.authorises(request.headers.get('authorization'))) return new Response('Unauthorized', { status: 401 })
  const broken = faults.strike(['media_error'], null)
  if (broken) return new Response('Internal error', { status: broken.status ?? 500 })
  const file = strikes(platform, 'media_missing') ? undefined : platform.media.open(token, clock.epochMs())
  if (!file) return new Response('Not found', { status: 404 })
  const headers = { 'content-type': file.mimeType, 'content-disposition': 'attachment' }
  const huge = faults.strike(['media_huge'], null)
  if (huge) return new Response(zeros((huge.size ?? HUGE_MEGABYTES) * MEGABYTE), { headers })
  const slow = faults.strike(['media_slow'], null)
  if (slow) return new Response(late(platform, file.bytes, slow.ms ?? SLOW_MS, request.signal), { headers })
  return new Response(strikes(platform, 'media_wrong_hash') ? altered(file.bytes) : file.bytes, { headers })
}

function strikes(platform: Platform, kind: 'media_missing' | 'media_wrong_hash'): boolean {
  const fault = platform.faults.strike([kind], null)
  if (fault) platform.changes.tell({ kind: 'faults' })
  return fault !== undefined
}

function altered(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const other = bytes.slice()
  const last = other.length - 1
  other[last] = (other[last] ?? 0) ^ 0xff
  return other
}

/** So many bytes of nothing, made while they are read. */
function zeros(bytes: number): ReadableStream<Uint8Array> {
  const piece = new Uint8Array(65_536)
  let left = bytes
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(left >= piece.length ? piece : piece.subarray(0, left))
      left -= piece.length
      if (left <= 0) controller.close()
    },
  })
}

/** Half of the bytes at once, the rest later. */
function late(
  platform: Platform,
  bytes: Uint8Array<ArrayBuffer>,
  afterMs: number,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const half = bytes.length >> 1
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(bytes.subarray(0, half))
      await pause(platform.clock, afterMs, signal)
      if (signal.aborted) return
      controller.enqueue(bytes.subarray(half))
      controller.close()
    },
  })
}
