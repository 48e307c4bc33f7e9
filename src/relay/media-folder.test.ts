import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CHUNK_BYTES } from '../vault/chunks.ts'
import { MediaFolder, thumbnailName } from './media-folder.ts'

const KEY = new Uint8Array(32).fill(3)
let path = ''
const named = new Set<string>()
let folder: MediaFolder

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'gatehouse-media-'))
  named.clear()
  folder = new MediaFolder(path, (file) => named.has(file))
  await folder.settle()
})
afterEach(() => rmSync(path, { recursive: true }))

async function store(content: Uint8Array): Promise<string> {
  const writer = await folder.create(KEY)
  await writer.write(content)
  const name = writer.nameFor(writer.sha256())
  await writer.end(name)
  return name
}

async function read(name: string, first: number, last: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of (await folder.open(name, KEY)).read(first, last)) parts.push(new Uint8Array(part))
  return Buffer.concat(parts)
}

/** Every file below the folder, by its path. */
function files(): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort()
}

const CONTENT = Uint8Array.from({ length: 2 * CHUNK_BYTES + 100 }, (_, at) => at % 251)

describe('the media folder', () => {
  test('keeps a file under the first letters of its name, readable from its row on', async () => {
    const name = await store(CONTENT)
    expect(files()).toEqual([`incoming/${name}`])
    expect(await read(name, 0, CONTENT.length - 1)).toEqual(Buffer.from(CONTENT))
    named.add(name)
    await folder.place(name)
    expect(files()).toEqual([`${name.slice(0, 2)}/${name}`])
    expect(await read(name, 0, CONTENT.length - 1)).toEqual(Buffer.from(CONTENT))
    expect(readFileSync(join(path, files()[0] ?? '')).includes(CONTENT.slice(0, 64))).toBe(false)
  })

  test.each([
    [0, 0],
    [5, 9],
    [CHUNK_BYTES - 1, CHUNK_BYTES],
    [CHUNK_BYTES, 2 * CHUNK_BYTES - 1],
    [2 * CHUNK_BYTES + 99, 2 * CHUNK_BYTES + 99],
    [100, 2 * CHUNK_BYTES + 50],
  ])('reads the bytes from %d to %d', async (first, last) => {
    const name = await store(CONTENT)
    expect(Buffer.compare(await read(name, first, last), CONTENT.subarray(first, last + 1))).toBe(0)
  })

  test('the same content is one file', async () => {
    const [one, other] = [await store(CONTENT), await store(CONTENT)]
    expect(one).toBe(other)
    named.add(one)
    await folder.place(one)
    await folder.place(other)
    expect(files()).toHaveLength(1)
  })

  test('throws away what was begun and not ended', async () => {
    const writer = await folder.create(KEY)
    await writer.write(CONTENT)
    expect(files()).toHaveLength(1)
    await writer.abandon()
    expect(files()).toEqual([])
  })

  test('after a death keeps what a row names, and nothing else', async () => {
    const kept = await store(CONTENT)
    const orphan = await store(CONTENT.slice(0, 10))
    writeFileSync(join(path, 'incoming', 'c0ffee.part'), 'x')
    writeFileSync(join(path, 'incoming', 'something else'), 'x')
    named.add(kept)
    const again = new MediaFolder(path, (file) => named.has(file))
    await again.settle()
    expect(files()).toEqual([`${kept.slice(0, 2)}/${kept}`])
    expect(orphan).not.toBe(kept)
  })

  test('removes a file with its thumbnail, but not one that is named again', async () => {
    const name = await store(CONTENT)
    const thumbnail = await folder.create(KEY)
    await thumbnail.write(CONTENT.slice(0, 100))
    await thumbnail.end(thumbnailName(name))
    named.add(name)
    await folder.place(name)
    await folder.place(thumbnailName(name))
    await folder.remove(name)
    expect(files()).toHaveLength(2)
    named.delete(name)
    await folder.remove(name)
    expect(files()).toEqual([])
    await folder.remove(name)
  })

  test('refuses names that are none, and files that are not there', async () => {
    await expect(folder.open('../../etc/passwd', KEY)).rejects.toThrow('no name')
    await expect(folder.open('0'.repeat(32), KEY)).rejects.toThrow('not in the folder')
  })

  test('does not open a file with another key or under another name', async () => {
    const name = await store(CONTENT)
    await expect(folder.open(name, new Uint8Array(32).fill(9))).rejects.toThrow('does not belong')
    writeFileSync(join(path, 'incoming', 'f'.repeat(32)), readFileSync(join(path, 'incoming', name)))
    await expect(folder.open('f'.repeat(32), KEY)).rejects.toThrow('does not belong')
  })
})
