import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { AttachmentContent } from '../core/content.ts'
import { Failure } from '../core/failure.ts'
import { silentLog } from '../core/log.ts'
import { RecordTime } from '../core/record-time.ts'
import type { Ask } from '../records/inputs.ts'
import { eraseMediaOf, type FetchOutcome, recordFetch } from '../records/media.ts'
import type { FetchTask } from '../records/media-reader.ts'
import { declareNumber } from '../records/number.ts'
import { Tx } from '../records/tx.ts'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { declared, textItem } from '../testing/test-items.ts'
import { Media, type MediaDependencies } from './media.ts'
import { MediaFolder } from './media-folder.ts'

const PICTURE: AttachmentContent = {
  kind: 'image',
  upstreamId: '1037543291543636',
  url: null,
  mimeType: null,
  sha256: null,
  fileName: null,
  voice: false,
  animated: false,
}

/** An attempt that the test ends when it wants to. */
interface Attempt {
  task: FetchTask
  end(outcome: FetchOutcome): void
}

let book: TestBook
let folder: MediaFolder
let attempts: Attempt[]
let media: Media
let isBookFull: boolean

let last: Promise<unknown> = Promise.resolve()

/** As the gateway does it: one after the other, and what a commit has done is heard after it. */
const ask: Ask = (command, args) => {
  if (isBookFull) return Promise.reject(new Failure('unavailable', 'The disk is full'))
  const answer = last.then(async () => {
    const from = book.wakes.length
    const value = await book.ask(command, args)
    media.hear(book.wakes.slice(from))
    return value
  })
  last = answer.catch(() => {})
  return answer
}

beforeEach(async () => {
  book = openTestBook()
  isBookFull = false
  await book.ask(declareNumber, declared())
  folder = new MediaFolder(join(book.folder, 'media'), (file) => book.media.isNamed(file))
  media = build()
})
afterEach(async () => {
  const stopped = media.stop()
  for (const attempt of attempts) attempt.end({ kind: 'later', reason: 'stopped', delayMs: 0 })
  await stopped
  book.close()
})

function build(more: Partial<MediaDependencies> = {}): Media {
  attempts = []
  return new Media({
    clock: book.clock,
    time: new RecordTime(book.clock),
    log: silentLog,
    ask,
    reader: book.media,
    folder,
    fetcher: {
      fetch: (task) =>
        new Promise((resolve) => {
          attempts.push({ task, end: resolve })
        }),
    },
    keepMs: () => null,
    ended: () => {},
    ...more,
  })
}

async function give(count: number, name = 'm'): Promise<void> {
  const from = book.wakes.length
  const items = Array.from({ length: count }, (_, index) => ({
    ...textItem(`${name}${index}`, book.clock.epochMs()),
    type: 'image',
    attachments: [PICTURE],
  }))
  await book.give(...items)
  media.hear(book.wakes.slice(from))
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

async function end(attempt: Attempt | undefined, outcome: FetchOutcome): Promise<void> {
  attempt?.end(outcome)
  await turns()
}

/** A file as a finished attempt leaves it. */
async function stored(content: string): Promise<Extract<FetchOutcome, { kind: 'ready' }>> {
  const writer = await folder.create(new Uint8Array(32).fill(1))
  await writer.write(new TextEncoder().encode(content))
  const file = writer.nameFor(writer.sha256())
  await writer.end(file)
  return { kind: 'ready', file, sizeBytes: content.length, mimeType: null, hasThumbnail: false }
}

function files(): string[] {
  return readdirSync(join(book.folder, 'media'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
}

const states = () =>
  book.database.all<{ state: number }>('SELECT state FROM media ORDER BY id').map(({ state }) => state)

describe('the files of messages', () => {
  test('are fetched as soon as the message is committed, four at once', async () => {
    await media.start()
    await give(6)
    expect(attempts).toHaveLength(4)
    await end(attempts[0], { kind: 'gone', reason: 'vanished' })
    expect(attempts).toHaveLength(5)
    await end(attempts[3], { kind: 'gone', reason: 'vanished' })
    expect(attempts).toHaveLength(6)
    const ids = attempts.map(({ task }) => task.mediaId)
    expect(new Set(ids).size).toBe(6)
  })

  test('that were owed when the process ended are fetched after a start', async () => {
    await give(2)
    expect(attempts).toHaveLength(0)
    await media.start()
    expect(attempts).toHaveLength(2)
  })

  test('are tried again when their time has come, and not before', async () => {
    await media.start()
    await give(1)
    await end(attempts[0], { kind: 'later', reason: 'platform_error', delayMs: 10_000 })
    book.clock.advance(9_999)
    await turns()
    expect(attempts).toHaveLength(1)
    book.clock.advance(1)
    await turns()
    expect(attempts).toHaveLength(2)
    expect(attempts[1]?.task.attempt).toBe(1)
  })

  test('that are here are put into their place', async () => {
    await media.start()
    await give(1)
    const ready = await stored('content')
    await end(attempts[0], ready)
    while (!files().includes(ready.file) || readdirSync(join(book.folder, 'media', 'incoming')).length > 0)
      await turns()
    expect(states()).toEqual([1])
  })

  test('of somebody who was erased meanwhile are thrown away', async () => {
    await media.start()
    await give(1)
    const person = book.database.one<{ person: number }>('SELECT person FROM media')?.person ?? 0
    await eraseMediaOf(new Tx(book.database, book.vault), person)
    await end(attempts[0], await stored('content'))
    while (files().length > 0) await turns()
    expect(states()).toEqual([])
  })

  test('that nobody has any more are removed, and forgotten after it', async () => {
    await media.start()
    await give(1)
    const ready = await stored('content')
    await end(attempts[0], ready)
    while (readdirSync(join(book.folder, 'media', 'incoming')).length > 0) await turns()
    const person = book.database.one<{ person: number }>('SELECT person FROM media')?.person ?? 0
    await eraseMediaOf(new Tx(book.database, book.vault), person)
    media.hear([{ kind: 'media' }])
    while (files().length > 0 || book.media.removals(1).length > 0) await turns()
  })
})

describe('files that cannot be removed', () => {
  test('keep no other one, and are tried again', async () => {
    await media.start()
    await give(2)
    const [first, second] = [await stored('one'), await stored('two')]
    await end(attempts[0], first)
    await end(attempts[1], second)
    while (readdirSync(join(book.folder, 'media', 'incoming')).length > 0) await turns()
    const [stuck = ''] = [first.file, second.file].sort()
    const path = join(book.folder, 'media', stuck.slice(0, 2), stuck)
    rmSync(path)
    mkdirSync(path)
    const person = book.database.one<{ person: number }>('SELECT person FROM media')?.person ?? 0
    await eraseMediaOf(new Tx(book.database, book.vault), person)
    media.hear([{ kind: 'media' }])
    while (book.media.removals(9).length > 1) await turns()
    expect(book.media.removals(9)).toEqual([stuck])
    await turns()
    rmdirSync(path)
    book.clock.advance(60_000)
    while (book.media.removals(9).length > 0) await turns()
  })
})

describe('when the book takes nothing', () => {
  test('what was learned is insisted on until it does', async () => {
    await media.start()
    await give(1)
    isBookFull = true
    await end(attempts[0], { kind: 'gone', reason: 'vanished' })
    book.clock.advance(1000)
    await turns()
    expect(states()).toEqual([0])
    isBookFull = false
    book.clock.advance(1000)
    await turns()
    expect(states()).toEqual([3])
    expect(attempts).toHaveLength(1)
  })

  test('and something is wrong, it is tried again after a pause', async () => {
    let isBroken = true
    media = build({
      ask: async (command, args) => {
        if (isBroken && command.name === recordFetch.name) throw new Failure('internal', 'broken')
        return await ask(command, args)
      },
    })
    await media.start()
    await give(1)
    await end(attempts[0], { kind: 'gone', reason: 'vanished' })
    expect(attempts).toHaveLength(1)
    isBroken = false
    book.clock.advance(5000)
    await turns()
    expect(attempts).toHaveLength(2)
  })
})

test('a stop ends what is under way, and it stays owed', async () => {
  await media.start()
  await give(1)
  const stopped = media.stop()
  attempts[0]?.end({ kind: 'later', reason: 'stopped', delayMs: 0 })
  await stopped
  expect(book.media.due(book.clock.epochMs(), 10)).toHaveLength(1)
  book.clock.advance(120_000)
  expect(attempts).toHaveLength(1)
})

test('files are removed when they are older than the setting says', async () => {
  const day = 86_400_000
  media = build({ keepMs: () => 30 * day })
  await media.start()
  await give(1)
  await end(attempts[0], await stored('content'))
  await media.keepHouse()
  expect(states()).toEqual([1])
  book.clock.jump(31 * day)
  await media.keepHouse()
  expect(states()).toEqual([3])
  while (files().length > 0) await turns()
})
