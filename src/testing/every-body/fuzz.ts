import { mutated } from '../../channels/whatsapp/mutate.test-support.ts'
import { SAMPLES } from '../../channels/whatsapp/samples.test-support.ts'
import { seededRandom } from '../seeded-random.ts'

/** A body that may be anything, and what it may be answered with. */
export interface FuzzBody {
  bytes: Uint8Array
  /** Whether it is signed by the platform. */
  isSigned: boolean
  status: number
  /** Whether it is no JSON at all: then, and only then, it is put aside whole. */
  isJunk: boolean
}

const DEPTH_MAX = 64
/** Brackets, quotes, backslashes: a change of these is a change of the depth as it is counted. */
const SHAPING = new Set([...'[]{}"\\'].map((character) => character.charCodeAt(0)))
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Bodies like those of the platform, spoilt in every way: their members, their bytes, their signature, their depth. */
export function* fuzzBodies(seed: number, count: number): Generator<FuzzBody> {
  const random = seededRandom(seed)
  const samples = SAMPLES.map((sample) => JSON.stringify(sample))
  for (let left = count; left > 0; left--) {
    const text = fresh(JSON.stringify(mutated(samples, random)) ?? 'null', left, random)
    const kind = random()
    if (kind < 0.92) yield signed(encoder.encode(text))
    else if (kind < 0.97) yield signed(damaged(encoder.encode(text), random))
    else if (kind < 0.985) yield { bytes: encoder.encode(text), isSigned: false, status: 401, isJunk: false }
    else yield { bytes: tooDeep(random), isSigned: true, status: 400, isJunk: false }
  }
}

/** The samples share their ids and people: as they are, nearly all would be repeated. */
function fresh(text: string, serial: number, random: () => number): string {
  if (random() < 0.1) return text
  const phone = `1650555${String(Math.floor(random() * 2_000)).padStart(4, '0')}`
  return text.replaceAll(/wamid\.|wacid\./g, (id) => `${id}${serial}.`).replaceAll('16505551234', phone)
}

function signed(bytes: Uint8Array): FuzzBody {
  const isDeep = depthOf(decoder.decode(bytes)) > DEPTH_MAX
  return { bytes, isSigned: true, status: isDeep ? 400 : 200, isJunk: !isDeep && !isJson(bytes) }
}

/** How deep the text nests, valid or not. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"?|[[\]{}]/gs)) {
    if (token === '[' || token === '{') deepest = Math.max(deepest, ++depth)
    else if (token === ']' || token === '}') depth = Math.max(0, depth - 1)
  }
  return deepest
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(decoder.decode(bytes))
    return true
  } catch {
    return false
  }
}

/** A byte changed, the end cut off, or nothing at all; the depth stays as it is. */
function damaged(bytes: Uint8Array, random: () => number): Uint8Array {
  const at = Math.floor(random() * bytes.length)
  if (random() < 0.3) return bytes.subarray(0, at)
  const copy = Uint8Array.from(bytes)
  const byte = Math.floor(random() * 256)
  if (!SHAPING.has(byte) && !SHAPING.has(copy[at] ?? 0)) copy[at] = byte
  return copy
}

function tooDeep(random: () => number): Uint8Array {
  const depth = DEPTH_MAX + 1 + Math.floor(random() * 5_000)
  return encoder.encode(`{"entry":${'['.repeat(depth)}${']'.repeat(depth)}}`)
}
