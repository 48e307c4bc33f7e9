import { Elysia } from 'elysia'
import { Failure } from '../core/failure.ts'
import { readId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import { may } from '../people/may-see.ts'
import type { Ask } from '../records/inputs.ts'
import { refetchMedia } from '../records/media.ts'
import type { MediaReader, ShownMedia } from '../records/media-reader.ts'
import { knownBody } from './body.ts'
import { type Asked, asksForRevoked, type RouteDependencies, route, seeOf } from './route.ts'

/** A file that is open for reading. Reading it to any end closes it. */
export interface OpenFile {
  sizeBytes: number
  read(first: number, last: number): AsyncGenerator<Uint8Array>
  close(): Promise<void>
}

export interface MediaRouteDependencies extends RouteDependencies {
  ask: Ask
  reader: MediaReader
  /** Opens a file of a person by its name in the folder. Throws where it is not there or is not what it should be. */
  open(file: string, person: number): Promise<OpenFile>
  thumbnailName(file: string): string
}

/**
 * What a browser may show by itself. Everything else is saved: a page or a drawing of a stranger must not run where the
 * desk runs.
 */
const INLINE = /^(image\/(jpeg|png|gif|webp)|(audio|video)\/[a-z0-9.+-]+|application\/pdf)$/
/** Parts up to this are read whole before they are answered. */
const AT_ONCE_BYTES_MAX = 256 * 1024
const UNKNOWN_TYPE = 'application/octet-stream'
/** Types that are said as they are although they are saved: they name documents and archives, nothing that runs. */
const SAVED =
  /^application\/(zip|x-(7z-compressed|rar-compressed|tar|bzip2|xz)|msword|rtf|vnd\.(openxmlformats|ms-|oasis)[a-z0-9.-]+|gzip|epub\+zip)$/

/** `/api/v1/media`: the files of messages, for whoever may see the message. */
export function mediaRoutes(deps: MediaRouteDependencies): Elysia {
  const app = new Elysia({ name: 'media', prefix: '/api/v1/media' })
  const revoked = ['revoked']
  app.get(
    '/:id',
    route(
      deps,
      { pattern: '/api/v1/media/:id', rule: 'anybody known' },
      async (asked) => serveFile(deps, asked),
      revoked,
    ),
  )
  app.get(
    '/:id/thumbnail',
    route(
      deps,
      { pattern: '/api/v1/media/:id/thumbnail', rule: 'anybody known' },
      async (asked) => serveThumbnail(deps, asked),
      revoked,
    ),
  )
  app.post(
    '/:id/fetch',
    route(deps, { pattern: '/api/v1/media/:id/fetch', rule: 'media.fetch' }, async (asked) => fetchAgain(deps, asked)),
    { parse: 'none' },
  )
  return app as unknown as Elysia
}

/** What its author took back is there only for whoever may see it and asks for it. */
function mediaOf(deps: MediaRouteDependencies, { params, query, principal }: Asked): ShownMedia {
  const id = readId('media', params['id'] ?? '')
  const media = id === undefined ? undefined : deps.reader.shown(id, seeOf(principal))
  const wantsRevoked = asksForRevoked(query) && may(principal, 'messages.read_revoked')
  if (!media || (media.isHidden && !wantsRevoked)) throw new Failure('not_found', 'No such attachment')
  return media
}

async function serveFile(deps: MediaRouteDependencies, asked: Asked): Promise<Response> {
  const media = mediaOf(deps, asked)
  if (media.file === null) throw new Failure('not_found', 'The file is not here', { state: media.state })
  const { type, isInline } = servedAs(media.mimeType)
  const disposition = `${isInline ? 'inline' : 'attachment'}${fileNameParameter(media.fileName)}`
  return await serve(deps, asked.request, { file: media.file, person: media.person, type, disposition })
}

async function serveThumbnail(deps: MediaRouteDependencies, asked: Asked): Promise<Response> {
  const media = mediaOf(deps, asked)
  if (media.file === null || !media.hasThumbnail) throw new Failure('not_found', 'The attachment has no thumbnail')
  const file = deps.thumbnailName(media.file)
  return await serve(deps, asked.request, { file, person: media.person, type: 'image/webp', disposition: 'inline' })
}

async function fetchAgain(deps: MediaRouteDependencies, asked: Asked): Promise<object> {
  const { id } = mediaOf(deps, asked)
  await knownBody(asked.request, [])
  const { state } = await deps.ask(refetchMedia, { mediaId: id })
  return { id: asked.params['id'], state }
}

interface Served {
  file: string
  person: number
  type: string
  disposition: string
}

/** One file, whole or a part of it (RFC 9110, 14), as it is asked for by the reader at the other end. */
async function serve(deps: MediaRouteDependencies, request: Request, served: Served): Promise<Response> {
  const etag = `"${served.file}"`
  const headers = {
    'Content-Type': served.type,
    'Content-Disposition': served.disposition,
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "sandbox; default-src 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Accept-Ranges': 'bytes',
    // A browser may keep it, and asks each time whether its reader may still see it.
    'Cache-Control': 'private, no-cache',
    ETag: etag,
  }
  if (matches(request.headers.get('if-none-match'), etag)) return new Response(null, { status: 304, headers })
  const file = await openOrSay(deps, served)
  const { sizeBytes } = file
  const wanted = mayRange(request, etag) ? rangeOf(request.headers.get('range'), sizeBytes) : 'whole'
  if (wanted === 'outside') {
    await file.close()
    return new Response(null, { status: 416, headers: { ...headers, 'Content-Range': `bytes */${sizeBytes}` } })
  }
  const { first, last } = wanted === 'whole' ? { first: 0, last: sizeBytes - 1 } : wanted
  const body = await bodyOf(file, [first, last], deps.log)
  if (wanted === 'whole') return new Response(body, { headers })
  const contentRange = { 'Content-Range': `bytes ${first}-${last}/${sizeBytes}` }
  return new Response(body, { status: 206, headers: { ...headers, ...contentRange } })
}

async function openOrSay(deps: MediaRouteDependencies, { file, person }: Served): Promise<OpenFile> {
  try {
    return await deps.open(file, person)
  } catch (cause) {
    noteUnreadable(deps.log, cause)
    throw Object.assign(new Failure('not_found', 'The file cannot be opened'), { cause })
  }
}

/** It is not in the folder, or is not what was put there. */
function noteUnreadable(log: Log, error: unknown): void {
  log.error('a file cannot be read', { error: error instanceof Error ? error.name : 'unknown' })
}

/** A short part is answered with its length: Bun says none of what it sends as a stream. */
async function bodyOf(
  file: OpenFile,
  [first, last]: readonly [number, number],
  log: Log,
): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>> {
  const length = last + 1 - first
  if (length > AT_ONCE_BYTES_MAX) return streamOf(file, [first, last], log)
  const bytes = new Uint8Array(length)
  let at = 0
  for await (const piece of file.read(first, last)) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

/** One chunk of 64 KiB at a time is in memory. A reader that goes away closes the file. */
function streamOf(file: OpenFile, [first, last]: readonly [number, number], log: Log): ReadableStream<Uint8Array> {
  const pieces = file.read(first, last)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await pieces.next()
          if (done) controller.close()
          else controller.enqueue(value)
        } catch (error) {
          noteUnreadable(log, error)
          // Without a reason: Bun prints any reason beside the log.
          controller.error()
        }
      },
      async cancel() {
        await pieces.return(undefined)
        await file.close()
      },
    },
    { highWaterMark: 0 },
  )
}

function servedAs(mimeType: string | null): { type: string; isInline: boolean } {
  const type = mimeType?.split(';')[0]?.trim() ?? UNKNOWN_TYPE
  if (INLINE.test(type)) return { type, isInline: true }
  return { type: SAVED.test(type) ? type : UNKNOWN_TYPE, isInline: false }
}

/**
 * RFC 6266: a name in plain letters for old readers, and the true one in UTF-8. The sender chose it: what could end the
 * header or name another folder does not get in.
 */
function fileNameParameter(fileName: string | null): string {
  const name = (fileName ?? '')
    .replace(/[\p{Cc}/\\]/gu, '_')
    .slice(0, 200)
    .toWellFormed()
  if (name === '') return ''
  const plain = name.replace(/[^\x20-\x7e]|["%]/g, '_')
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `; filename="${plain}"; filename*=UTF-8''${encoded}`
}

/** `If-None-Match`, whose tags may say that they are weak. */
function matches(header: string | null, etag: string): boolean {
  if (header === null) return false
  return header.split(',').some((one) => ['*', etag].includes(one.trim().replace(/^W\//, '')))
}

/** `If-Range`: a part of what the asker already has, or else the whole of what it is now. Dates are not known here. */
function mayRange(request: Request, etag: string): boolean {
  const condition = request.headers.get('if-range')
  return condition === null || condition === etag
}

/** One range of bytes. Several at once, and what is no range, are answered with the whole, as the RFC allows. */
function rangeOf(header: string | null, sizeBytes: number): { first: number; last: number } | 'whole' | 'outside' {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return 'whole'
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), sizeBytes)
    return length === 0 ? 'outside' : { first: sizeBytes - length, last: sizeBytes - 1 }
  }
  const first = Number(match[1])
  const last = match[2] === '' ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1)
  if (match[2] !== '' && Number(match[2]) < first) return 'whole'
  return first >= sizeBytes ? 'outside' : { first, last }
}
