import { describe, expect, test } from 'bun:test'
import { seededRandom } from '../testing/seeded-random.ts'
import {
  CHUNK_BYTES,
  ChunkOpener,
  ChunkSealer,
  chunkCount,
  chunkSpan,
  HEADER_BYTES,
  sealedFileName,
  sealedSize,
} from './chunks.ts'

const KEY = new Uint8Array(32).fill(3)
const OTHER_KEY = new Uint8Array(32).fill(4)
const NAME = sealedFileName(KEY, 'ab'.repeat(32))
const SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 17]

function bytesOf(size: number, seed = 1): Uint8Array {
  const random = seededRandom(seed)
  return Uint8Array.from({ length: size }, () => Math.floor(random() * 256))
}

function sealed(content: Uint8Array, pieces: readonly number[] = [content.length]): Uint8Array {
  const sealer = new ChunkSealer(KEY)
  const parts: Uint8Array[] = []
  let from = 0
  for (const length of pieces) {
    for (const chunk of sealer.push(content.subarray(from, from + length))) parts.push(chunk.slice())
    from += length
  }
  const { chunk, header } = sealer.end(NAME)
  return Buffer.concat([header, ...parts, chunk])
}

function opener(file: Uint8Array, more: { key?: Uint8Array; name?: string } = {}): ChunkOpener {
  const header = file.subarray(0, HEADER_BYTES)
  return new ChunkOpener(more.key ?? KEY, { name: more.name ?? NAME, header, lengthBytes: file.length })
}

function openChunk(file: Uint8Array, index: number, from: Uint8Array = file): Uint8Array {
  const opened = opener(file)
  const { offset, length } = chunkSpan(opened.sizeBytes, index)
  return opened.open(index, from.subarray(offset, offset + length))
}

function opened(file: Uint8Array): Uint8Array {
  const { sizeBytes } = opener(file)
  return Buffer.concat(Array.from({ length: chunkCount(sizeBytes) }, (_, index) => openChunk(file, index)))
}

describe('a sealed file', () => {
  test.each(SIZES)('of %p bytes opens to what was sealed', (size) => {
    const content = bytesOf(size)
    const file = sealed(content)
    expect(file.length).toBe(sealedSize(size))
    expect(Buffer.compare(opened(file), content)).toBe(0)
  })

  test('opens alike, in whatever pieces it came', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed)
      const content = bytesOf(Math.floor(random() * 4 * CHUNK_BYTES), seed)
      const pieces: number[] = []
      for (let left = content.length; left > 0; left -= pieces.at(-1) ?? left) {
        pieces.push(Math.min(left, 1 + Math.floor(random() * 2 * CHUNK_BYTES)))
      }
      expect(Buffer.compare(opened(sealed(content, pieces)), content), `seed ${seed}`).toBe(0)
    }
  })

  test('holds nothing of its content in clear, and is another each time', () => {
    const content = new TextEncoder().encode('a marker that is looked for '.repeat(20))
    const [one, other] = [sealed(content), sealed(content)]
    expect(Buffer.from(one).includes('marker')).toBe(false)
    expect(Buffer.compare(one, other)).not.toBe(0)
  })

  test('of another key, another name, or no such file is refused', () => {
    const file = sealed(bytesOf(100))
    expect(() => opener(file, { key: OTHER_KEY })).toThrow('does not belong')
    expect(() => opener(file, { name: sealedFileName(KEY, 'cd'.repeat(32)) })).toThrow('does not belong')
    expect(() => opener(bytesOf(200))).toThrow('not in a known form')
    expect(() => opener(file.subarray(0, 20))).toThrow('not in a known form')
  })

  test('that was cut or has grown is refused before anything is read', () => {
    const file = sealed(bytesOf(3 * CHUNK_BYTES))
    expect(() => opener(file.subarray(0, file.length - 1))).toThrow('cut')
    expect(() => opener(file.subarray(0, file.length - CHUNK_BYTES - 28))).toThrow('cut')
    expect(() => opener(Buffer.concat([file, new Uint8Array(1)]))).toThrow('cut')
  })

  test('that was cut, with a header that says so, does not open its new end', () => {
    const content = bytesOf(2 * CHUNK_BYTES)
    const short = sealed(content.subarray(0, CHUNK_BYTES))
    const long = sealed(content)
    // The first chunk of the long file in the short one's place: as if the last had been left out.
    const { offset, length } = chunkSpan(CHUNK_BYTES, 0)
    const forged = Buffer.concat([short.subarray(0, offset), long.subarray(offset, offset + length)])
    expect(() => openChunk(forged, 0)).toThrow()
  })

  test('with chunks in another order, or of another file, does not open', () => {
    const file = sealed(bytesOf(3 * CHUNK_BYTES))
    const other = sealed(bytesOf(3 * CHUNK_BYTES))
    expect(openChunk(file, 1).length).toBe(CHUNK_BYTES)
    const swapped = Buffer.from(file)
    const [first, second] = [chunkSpan(3 * CHUNK_BYTES, 0), chunkSpan(3 * CHUNK_BYTES, 1)]
    swapped.set(file.subarray(second.offset, second.offset + second.length), first.offset)
    expect(() => openChunk(swapped, 0)).toThrow()
    expect(() => openChunk(file, 1, other)).toThrow()
  })

  test('with one bit changed anywhere does not open', () => {
    const file = sealed(bytesOf(CHUNK_BYTES + 10))
    for (const at of [0, 9, 25, 33, HEADER_BYTES, HEADER_BYTES + 500, file.length - 1]) {
      const changed = Buffer.from(file)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(() => opened(changed), `byte ${at}`).toThrow()
    }
  })

  test('is named by content and person', () => {
    expect(NAME).toMatch(/^[0-9a-f]{32}$/)
    expect(sealedFileName(KEY, 'ab'.repeat(32))).toBe(NAME)
    expect(sealedFileName(OTHER_KEY, 'ab'.repeat(32))).not.toBe(NAME)
    expect(sealedFileName(KEY, 'cd'.repeat(32))).not.toBe(NAME)
  })
})
