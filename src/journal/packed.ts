import type { Entry, NewEntry } from './entry.ts'

/**
 * Many entries as one buffer and its table: between threads one large transfer is far cheaper than many small copies.
 */
export interface Packed {
  bytes: Uint8Array<ArrayBuffer>
  atMs: number[]
  sources: string[]
  /** Where each body ends in `bytes`. */
  ends: number[]
}

export function pack(entries: readonly NewEntry[]): Packed {
  const ends: number[] = []
  let size = 0
  for (const entry of entries) {
    size += entry.body.length
    ends.push(size)
  }
  const bytes = new Uint8Array(size)
  for (const [index, entry] of entries.entries()) bytes.set(entry.body, (ends[index] ?? 0) - entry.body.length)
  return { bytes, ends, atMs: entries.map((entry) => entry.atMs), sources: entries.map((entry) => entry.source) }
}

/** The entries of a pack, whose bodies are views into its buffer; the first has the sequence `first`. */
export function unpack(packed: Packed, first: number): Entry[] {
  let start = 0
  return packed.ends.map((end, index) => {
    const body = packed.bytes.subarray(start, end)
    start = end
    return { seq: first + index, atMs: packed.atMs[index] ?? 0, source: packed.sources[index] ?? '', body }
  })
}
