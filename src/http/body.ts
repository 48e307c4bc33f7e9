import { depthExceeds } from '../channels/depth.ts'
import { Failure } from '../core/failure.ts'
import { BodyDropped, type BodyRoom } from './body-room.ts'

/** Deep nesting costs seconds to write again, and no honest body has it. */
export const DEPTH_MAX = 64

/** Of a body that is no batch. */
export const BODY_BYTES_MAX = 1024 * 1024

/** Names that mean something to the language itself: no honest body has a member that is called so. */
const UNSAFE: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])
/** Where none of this stands in a text no member can be called so; an escape may hide any of it. */
const MAYBE_UNSAFE = /proto|constructor|\\u/

function requireSafeNames(value: object, path: string): void {
  for (const [name, member] of Object.entries(value)) {
    if (UNSAFE.has(name)) {
      throw new Failure('invalid', `No member may be called ${name}`, { path: `${path}/${name}` })
    }
    if (typeof member === 'object' && member !== null) requireSafeNames(member, `${path}${pointerTo(name)}`)
  }
}

/** What a connection may hold of a body without being counted. */
const SMALL_BYTES = 64 * 1024

/**
 * Reads a body up to a bound, whether or not it says its length. Throws `Failure('too_large')` beyond it. `room`, for
 * senders that are not known yet, bounds what all such bodies hold together.
 */
export async function readBody(request: Request, bytesMax: number, room?: BodyRoom): Promise<Uint8Array> {
  const said = Number(request.headers.get('content-length') ?? Number.NaN)
  if (said > bytesMax) throw tooLarge(bytesMax)
  try {
    if (said <= (room ? Math.min(SMALL_BYTES, bytesMax) : bytesMax)) return new Uint8Array(await request.arrayBuffer())
    return await readPieces(request, bytesMax, room)
  } catch (cause) {
    if (cause instanceof Failure || !request.signal.aborted) throw cause
    // Whoever sent it went away: their affair, and nobody is there to hear the answer.
    throw Object.assign(new Failure('invalid', 'The body broke off before its end'), { cause })
  }
}

async function readPieces(request: Request, bytesMax: number, room: BodyRoom | undefined): Promise<Uint8Array> {
  if (!request.body) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let size = 0
  let isDropped = false
  const reader = request.body.getReader()
  const giveUp = () => void reader.cancel().catch(() => {})
  const place = room?.enter(() => {
    isDropped = true
    giveUp()
  })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (isDropped) throw new BodyDropped()
      if (done) return Buffer.concat(chunks)
      size += value.length
      if (size > bytesMax) throw tooLarge(bytesMax)
      chunks.push(value)
      place?.take(value.length)
    }
  } finally {
    place?.leave()
    giveUp()
  }
}

/** A JSON object from a request's body. Throws `Failure('invalid')` for anything else. */
export async function readJson(request: Request, bytesMax: number): Promise<Record<string, unknown>> {
  return parseObject(await readBody(request, bytesMax))
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  if (depthExceeds(bytes, DEPTH_MAX))
    throw new Failure('invalid', `The body is nested deeper than ${DEPTH_MAX}`, { path: '' })
  let value: unknown
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    value = JSON.parse(text)
  } catch (cause) {
    throw Object.assign(new Failure('invalid', 'The body is not JSON in UTF-8', { path: '' }), { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Failure('invalid', 'The body must be a JSON object', { path: '' })
  }
  if (MAYBE_UNSAFE.test(text)) requireSafeNames(value, '')
  return value as Record<string, unknown>
}

/** A body that may be left out, and may hold only these members. */
export async function knownBody(request: Request, names: readonly string[]): Promise<Record<string, unknown>> {
  if (!request.body || request.headers.get('content-length') === '0') return {}
  const bytes = await readBody(request, BODY_BYTES_MAX)
  // Sent in pieces, of which there were none.
  if (bytes.length === 0) return {}
  const body = parseObject(bytes)
  knownMembers(body, names)
  return body
}

export function knownMembers(body: Record<string, unknown>, names: readonly string[]): void {
  const unknown = Object.keys(body).find((name) => !names.includes(name))
  if (unknown === undefined) return
  throw new Failure('invalid', `Unknown member: ${names.join(', ') || 'no member'} is known here`, {
    path: pointerTo(unknown),
  })
}

/** The JSON pointer (RFC 6901) of a member of the body, at a bounded length: its name may be anything. */
export function pointerTo(name: string): string {
  return `/${name.slice(0, 50).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** A member that has not the form that is wanted. */
export function wrong(path: string, wanted: string): Failure {
  return new Failure('invalid', `Wrong member: ${path} must be ${wanted}`, { path })
}

function tooLarge(bytesMax: number): Failure {
  return new Failure('too_large', `The body is larger than ${bytesMax} bytes`)
}
