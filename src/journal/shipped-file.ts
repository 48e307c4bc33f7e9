import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { syncFile, syncFolder } from '../storage/copy-database.ts'
import { seal, tagOf, unseal } from '../vault/sealing.ts'
import type { ChainEnd } from './day-file.ts'
import type { RawEntry, RawLoss } from './raw-day.ts'

/*
 * The journal's second place. A day is some segments, `2026-11-22-0000000000004711.entries`, each begun with the sequence
 * that it starts from, and `2026-11-22.key`: the day's key wrapped by the master key. A segment is frames: length, CRC-32,
 * then one byte of kind and the content. Frames are only ever added, so a torn one can only be the last.
 */

const FRAME_HEAD_BYTES = 8
const FRAME_BYTES_MAX = 64 * 1024 * 1024
const KIND_BEGIN = 1
const KIND_ENTRY = 2
const KIND_LOSS = 3
const READ_BYTES = 4 * 1024 * 1024
const SEGMENT = /^(\d{4}-\d{2}-\d{2})-(\d{16})\.entries$/
const KEY_FILE = /^(\d{4}-\d{2}-\d{2})\.key$/

export interface Segment {
  file: string
  day: string
  /** The sequence after which it begins, plus one. */
  firstSeq: number
}

export type Frame =
  | { kind: 'begin'; previous: ChainEnd }
  | { kind: 'entry'; entry: RawEntry }
  | { kind: 'loss'; loss: RawLoss }

/** The segments of a folder in their order. */
export function segmentsIn(folder: string): Segment[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .flatMap((file) => {
      const [, day, seq] = SEGMENT.exec(file) ?? []
      return day === undefined ? [] : [{ file, day, firstSeq: Number(seq) }]
    })
}

/** The days whose key lies in a folder. */
export function shippedKeysIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .flatMap((file) => KEY_FILE.exec(file)?.[1] ?? [])
    .sort()
}

/** Keeps the key of a day, wrapped by the master key: without it nothing of the day opens, here as in the house. */
export function writeDayKey(folder: string, master: Uint8Array, { day, key }: { day: string; key: Uint8Array }): void {
  const path = keyPath(folder, day)
  writeFileSync(`${path}.part`, seal(master, keyPlace(day), key, 'plain').toHex(), { mode: 0o600 })
  syncFile(`${path}.part`)
  renameSync(`${path}.part`, path)
  syncFolder(folder)
}

/** Undefined where it is not there or this master key does not open it. */
export function readDayKey(folder: string, master: Uint8Array, day: string): Uint8Array | undefined {
  try {
    return unseal(master, keyPlace(day), Uint8Array.fromHex(readFileSync(keyPath(folder, day), 'utf8').trim()))
  } catch {
    return undefined
  }
}

/** A day is over: first its key, then what it opened. */
export function removeShippedDay(folder: string, day: string): void {
  const path = keyPath(folder, day)
  if (existsSync(path)) {
    // Overwritten in place first, as far as the disk does that.
    const file = openSync(path, 'r+')
    try {
      writeSync(file, '0'.repeat(readFileSync(path).length), 0)
      fdatasyncSync(file)
    } finally {
      closeSync(file)
    }
    rmSync(path, { force: true })
    syncFolder(folder)
  }
  for (const segment of segmentsIn(folder)) if (segment.day === day) rmSync(join(folder, segment.file), { force: true })
}

/** A segment that is added to. */
export class SegmentWriter {
  readonly day: string
  readonly #path: string
  readonly #file: number
  #sizeBytes: number

  private constructor(day: string, path: string, sizeBytes: number) {
    this.day = day
    this.#path = path
    this.#file = openSync(path, sizeBytes === 0 ? 'w' : 'r+', 0o600)
    this.#sizeBytes = sizeBytes
  }

  /** Begins a segment behind the end of a chain; what was there under its name was never more than its beginning. */
  static begin(folder: string, day: string, previous: ChainEnd): SegmentWriter {
    const name = `${day}-${String(previous.seq + 1).padStart(16, '0')}.entries`
    const writer = new SegmentWriter(day, join(folder, name), 0)
    try {
      writer.add([{ kind: 'begin', previous }])
      syncFolder(folder)
    } catch (error) {
      writer.close()
      throw error
    }
    return writer
  }

  /** Opens a segment at the end of its last whole frame; what is torn behind it is cut off. */
  static goOn(folder: string, segment: Segment, wholeBytes: number): SegmentWriter {
    const writer = new SegmentWriter(segment.day, join(folder, segment.file), wholeBytes)
    ftruncateSync(writer.#file, wholeBytes)
    return writer
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Durable when this returns, and where it can be found: a file that was removed, or its disk, still takes what is written. */
  add(frames: readonly Frame[]): void {
    const bytes = Buffer.concat(frames.map(frameBytes))
    for (let from = 0; from < bytes.length; ) {
      from += writeSync(this.#file, bytes, from, bytes.length - from, this.#sizeBytes + from)
    }
    fdatasyncSync(this.#file)
    this.#sizeBytes += bytes.length
    const there = statSync(this.#path, { throwIfNoEntry: false })
    const own = fstatSync(this.#file)
    if (there?.ino !== own.ino || there.dev !== own.dev) {
      throw Object.assign(new Error(`${this.#path} is not there any more`), { code: 'removed' })
    }
  }

  close(): void {
    closeSync(this.#file)
  }
}

export interface SegmentEnd {
  /** Bytes up to the end of the last whole frame. */
  wholeBytes: number
  isTorn: boolean
}

/** Reads a segment frame by frame, and answers where its last whole frame ends. Damage ends it as a torn end does. */
export function* readSegment(path: string): Generator<Frame, SegmentEnd> {
  const file = openSync(path, 'r')
  try {
    let held = Buffer.alloc(0)
    let offset = 0
    let wholeBytes = 0
    for (;;) {
      const piece = Buffer.alloc(READ_BYTES)
      const count = readSync(file, piece, 0, READ_BYTES, offset)
      offset += count
      held = Buffer.concat([held, piece.subarray(0, count)])
      for (;;) {
        const frame = frameIn(held)
        if (frame === 'broken') return { wholeBytes, isTorn: true }
        if (!frame) break
        wholeBytes += frame.bytes
        held = held.subarray(frame.bytes)
        yield frame.frame
      }
      if (count === 0) return { wholeBytes, isTorn: held.length > 0 }
    }
  } finally {
    closeSync(file)
  }
}

/** The end of the chain in a segment, and of its whole frames; undefined where not even its beginning is whole. */
export function endOfSegment(path: string): { end: ChainEnd; wholeBytes: number } | undefined {
  const frames = readSegment(path)
  let end: ChainEnd | undefined
  for (;;) {
    const { value, done } = frames.next()
    if (done) return end && { end, wholeBytes: value.wholeBytes }
    if (value.kind === 'begin') end = value.previous
    else if (value.kind === 'entry') end = { seq: value.entry.seq, tag: tagOf(value.entry.sealed) }
    else if (end) end = { seq: Math.max(end.seq, value.loss.nextSeq - 1), tag: end.tag }
  }
}

function frameIn(held: Buffer): { frame: Frame; bytes: number } | 'broken' | undefined {
  if (held.length < FRAME_HEAD_BYTES) return undefined
  const length = held.readUInt32BE(0)
  if (length === 0 || length > FRAME_BYTES_MAX) return 'broken'
  if (held.length < FRAME_HEAD_BYTES + length) return undefined
  const content = held.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + length)
  if (Bun.hash.crc32(content) !== held.readUInt32BE(4)) return 'broken'
  const frame = frameOf(content)
  return frame ? { frame, bytes: FRAME_HEAD_BYTES + length } : 'broken'
}

function frameBytes(frame: Frame): Buffer {
  const content = contentOf(frame)
  const head = Buffer.alloc(FRAME_HEAD_BYTES)
  head.writeUInt32BE(content.length, 0)
  head.writeUInt32BE(Bun.hash.crc32(content), 4)
  return Buffer.concat([head, content])
}

function contentOf(frame: Frame): Buffer {
  if (frame.kind === 'entry') {
    const { seq, atMs, source, sealed } = frame.entry
    const name = Buffer.from(source)
    const head = Buffer.alloc(19)
    head.writeUInt8(KIND_ENTRY, 0)
    head.writeBigUInt64BE(BigInt(seq), 1)
    head.writeBigUInt64BE(BigInt(atMs), 9)
    head.writeUInt16BE(name.length, 17)
    return Buffer.concat([head, name, sealed])
  }
  const said = frame.kind === 'loss' ? frame.loss : { seq: frame.previous.seq, tag: frame.previous.tag.toHex() }
  const kind = frame.kind === 'loss' ? KIND_LOSS : KIND_BEGIN
  return Buffer.concat([Uint8Array.of(kind), Buffer.from(JSON.stringify(said))])
}

function frameOf(content: Buffer): Frame | undefined {
  const kind = content[0]
  if (kind === KIND_ENTRY) {
    const sourceEnd = 19 + content.readUInt16BE(17)
    const entry = {
      seq: Number(content.readBigUInt64BE(1)),
      atMs: Number(content.readBigUInt64BE(9)),
      source: content.toString('utf8', 19, sourceEnd),
      sealed: new Uint8Array(content.subarray(sourceEnd)),
    }
    return { kind: 'entry', entry }
  }
  if (kind !== KIND_BEGIN && kind !== KIND_LOSS) return undefined
  const said = JSON.parse(content.toString('utf8', 1)) as RawLoss & { seq: number; tag: string }
  if (kind === KIND_LOSS) return { kind: 'loss', loss: said }
  return { kind: 'begin', previous: { seq: said.seq, tag: Uint8Array.fromHex(said.tag) } }
}

function keyPath(folder: string, day: string): string {
  return join(folder, `${day}.key`)
}

function keyPlace(day: string): string {
  return `shipped:${day}`
}
