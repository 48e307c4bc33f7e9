import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS } from '../core/clock.ts'
import type { AttachmentContent } from '../core/content.ts'
import { readId } from '../core/ids.ts'
import type { ActItem, MessageItem } from '../core/inbound.ts'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { declared, TEST_ACCOUNT, textItem } from '../testing/test-items.ts'
import { eraseMediaOf, type FetchOutcome, forgetRemoved, purgeMedia, recordFetch, refetchMedia } from './media.ts'
import type { FetchTask } from './media-reader.ts'
import { declareNumber } from './number.ts'
import { declareSettings } from './setting.ts'
import { Tx } from './tx.ts'

const FILE = 'ab'.repeat(16)
const OTHER_FILE = 'cd'.repeat(16)

const PICTURE: AttachmentContent = {
  kind: 'image',
  upstreamId: '1037543291543636',
  url: 'https://lookaside.example.test/1',
  mimeType: 'image/jpeg',
  sha256: '00'.repeat(32),
  fileName: 'Anna at the lake.jpg',
  voice: false,
  animated: false,
}
const READY: FetchOutcome = { kind: 'ready', file: FILE, sizeBytes: 1234, mimeType: 'image/png', hasThumbnail: true }

let book: TestBook
beforeEach(async () => {
  book = openTestBook()
  await book.ask(declareNumber, declared())
})
afterEach(() => book.close())

function pictureItem(upstreamId: string, more: Partial<MessageItem> = {}): MessageItem {
  const atMs = book.clock.epochMs()
  const raw = { id: upstreamId, type: 'image', image: { id: PICTURE.upstreamId, caption: 'Look' } }
  return { ...textItem(upstreamId, atMs), type: 'image', raw, attachments: [PICTURE], ...more }
}

function due(): FetchTask[] {
  return book.media.due(book.clock.epochMs(), 100)
}

function only<T>(list: readonly T[]): T {
  expect(list).toHaveLength(1)
  return list[0] as T
}

async function fetched(outcome: FetchOutcome, task: FetchTask = only(due())): Promise<{ taken: boolean }> {
  return await book.ask(recordFetch, { mediaId: task.mediaId, attempt: task.attempt, outcome })
}

// biome-ignore lint/suspicious/noExplicitAny: a view, whose shape is what tests look at
async function messages(): Promise<any[]> {
  return await book.messagesOf((await book.conversations())[0])
}

// biome-ignore lint/suspicious/noExplicitAny: an event, whose shape is what tests look at
async function eventsOf(type: string): Promise<any[]> {
  return (await book.told()).filter((event) => event.type === type)
}

function erase(person: number): Promise<string[]> {
  return eraseMediaOf(new Tx(book.database, book.vault), person)
}

describe('a message with a file', () => {
  test('is shown with the file still waiting, and owes it at once', async () => {
    await book.give(pictureItem('m1'))
    const task = only(due())
    expect(task).toMatchObject({ attempt: 0, attachment: PICTURE, app: 'main', account: TEST_ACCOUNT.id })
    expect(only(await messages()).attachments).toEqual([
      {
        id: expect.stringMatching(/^med_/),
        state: 'waiting',
        reason: null,
        kind: 'image',
        mime_type: 'image/jpeg',
        file_name: 'Anna at the lake.jpg',
        size_bytes: null,
        voice: false,
        animated: false,
        thumbnail: false,
        url: null,
        thumbnail_url: null,
      },
    ])
    expect(book.wakes.filter(({ kind }) => kind === 'media')).toHaveLength(1)
  })

  test('holds nothing of it in clear', async () => {
    await book.give(pictureItem('m1'))
    await fetched(READY)
    const row = book.database.one<Record<string, unknown>>('SELECT descriptor, file, mime_type, reason FROM media')
    expect(Buffer.from(row?.['descriptor'] as Uint8Array).includes('Anna')).toBe(false)
    expect(JSON.stringify({ ...row, descriptor: null })).not.toContain('Anna')
  })

  test('costs a message without one nothing', async () => {
    await book.give(textItem('m1', book.clock.epochMs()))
    expect(book.database.one<{ count: number }>('SELECT count(*) AS count FROM media')?.count).toBe(0)
    expect(book.wakes.filter(({ kind }) => kind === 'media')).toEqual([])
    expect(only(await messages())).not.toHaveProperty('attachments')
  })

  test('that comes again changes nothing', async () => {
    await book.give(pictureItem('m1'))
    await book.give(pictureItem('m1'))
    only(due())
  })

  test('that names neither an id nor an address is refused from the first', async () => {
    await book.give(pictureItem('m1', { attachments: [{ ...PICTURE, upstreamId: null, url: null }] }))
    expect(due()).toEqual([])
    const attachment = only(only(await messages()).attachments) as { id: string }
    expect(attachment).toMatchObject({ state: 'refused', reason: 'no_source' })
    const told = only(await eventsOf('message.received')).data.message.attachments
    expect(told).toMatchObject([{ state: 'refused', reason: 'no_source' }])
    const mediaId = readId('media', attachment.id) ?? 0
    expect(await book.refusalOf(refetchMedia, { mediaId })).toMatchObject({ code: 'conflict' })
  })
})

describe('an outcome', () => {
  test('of a file that is here is told, and the message of before is told as it was', async () => {
    await book.give(pictureItem('m1'))
    const before = await book.eventsAfter(0)
    await fetched(READY)
    expect((await book.eventsAfter(0)).slice(0, before.length)).toEqual(before)
    const message = only(await messages())
    const { id } = only(message.attachments) as { id: string }
    const attachment = {
      id,
      state: 'ready',
      reason: null,
      kind: 'image',
      mime_type: 'image/png',
      file_name: 'Anna at the lake.jpg',
      size_bytes: 1234,
      voice: false,
      animated: false,
      thumbnail: true,
      url: `/api/v1/media/${id}`,
      thumbnail_url: `/api/v1/media/${id}/thumbnail`,
    }
    expect(message.attachments).toEqual([attachment])
    const { data } = only(await eventsOf('message.media'))
    expect(data).toEqual({ message_id: message.id, conversation_id: message.conversation_id, attachment })
    expect(due()).toEqual([])
  })

  test.each(['failed', 'gone', 'too_large', 'refused'] as const)(
    '%s is said with its reason and ends it',
    async (kind) => {
      await book.give(pictureItem('m1'))
      await fetched({ kind, reason: 'a_word' })
      expect(only(await messages()).attachments).toMatchObject([{ state: kind, reason: 'a_word', url: null }])
      expect(only(await eventsOf('message.media')).data.attachment).toMatchObject({ state: kind, reason: 'a_word' })
      expect(due()).toEqual([])
      expect(book.media.nextDueAtMs(0)).toBeUndefined()
    },
  )

  test('that says later is no news, and is due again then', async () => {
    await book.give(pictureItem('m1'))
    const first = only(due())
    await fetched({ kind: 'later', reason: 'platform_error', delayMs: 5000 }, first)
    expect(due()).toEqual([])
    expect(book.media.nextDueAtMs(book.clock.epochMs())).toBe(book.clock.epochMs() + 5000)
    expect(await eventsOf('message.media')).toEqual([])
    book.clock.advance(5000)
    expect(only(due())).toMatchObject({ mediaId: first.mediaId, attempt: 1 })
  })

  test('that says later beyond what the platform keeps is the end', async () => {
    await book.give(pictureItem('m1'))
    await fetched({ kind: 'later', reason: 'platform_error', delayMs: 7 * DAY_MS })
    expect(only(await messages()).attachments).toMatchObject([{ state: 'failed', reason: 'platform_error' }])
  })

  test('of an attempt that nobody waits for any more is not taken', async () => {
    await book.give(pictureItem('m1'))
    const first = only(due())
    await fetched({ kind: 'later', reason: 'platform_error', delayMs: 0 }, first)
    expect(await fetched(READY, first)).toEqual({ taken: false })
    expect(await fetched(READY)).toEqual({ taken: true })
    expect(await fetched(READY, { ...first, attempt: 1 })).toEqual({ taken: false })
    expect(await eventsOf('message.media')).toHaveLength(1)
  })
})

describe('asked for again', () => {
  test('a file that was gone is owed at once, and events say both', async () => {
    await book.give(pictureItem('m1'))
    const { mediaId } = only(due())
    await fetched({ kind: 'gone', reason: 'vanished' })
    const before = await book.eventsAfter(0)
    await book.ask(refetchMedia, { mediaId })
    await fetched(READY)
    const states = (await eventsOf('message.media')).map(({ data }) => data.attachment.state)
    expect(states).toEqual(['gone', 'waiting', 'ready'])
    expect((await book.eventsAfter(0)).slice(0, before.length)).toEqual(before)
  })

  test('a file that waits for its next attempt is fetched now, and no news', async () => {
    await book.give(pictureItem('m1'))
    const { mediaId } = only(due())
    await fetched({ kind: 'later', reason: 'platform_error', delayMs: 60_000 })
    await book.ask(refetchMedia, { mediaId })
    expect(only(due())).toMatchObject({ attempt: 1 })
    expect(await eventsOf('message.media')).toEqual([])
  })

  test('a file that is here, and one that nobody knows, are refused', async () => {
    await book.give(pictureItem('m1'))
    const { mediaId } = only(due())
    await fetched(READY)
    expect(await book.refusalOf(refetchMedia, { mediaId })).toMatchObject({ code: 'conflict' })
    expect(await book.refusalOf(refetchMedia, { mediaId: 999 })).toMatchObject({ code: 'not_found' })
  })
})

describe('history', () => {
  test('waits until nothing new waits, and makes no event', async () => {
    await book.give(pictureItem('old', { history: { state: null } }), pictureItem('new'))
    const [first, second] = due()
    await fetched(READY, second)
    expect(await eventsOf('message.media')).toEqual([])
    await fetched({ ...READY, file: OTHER_FILE }, first)
    expect(await eventsOf('message.media')).toHaveLength(1)
    const shown = await messages()
    expect(shown.map(({ history, attachments }) => [history, attachments[0].state])).toContainEqual([true, 'ready'])
  })
})

describe('an edit', () => {
  function edit(upstreamId: string, attachments: AttachmentContent[]): ActItem {
    const { account, person } = pictureItem('m1')
    return {
      kind: 'act',
      act: 'edit',
      account,
      space: 'messages',
      direction: 'in',
      upstreamId,
      targetUpstreamId: 'm1',
      atMs: book.clock.epochMs(),
      person,
      opensWindow: false,
      edited: { type: 'image', raw: { id: upstreamId, type: 'image', image: { id: '2', caption: 'Better' } } },
      attachments,
      raw: { id: upstreamId, type: 'edit' },
    }
  }

  test('brings its own file, and news of it name the message', async () => {
    await book.give(pictureItem('m1'))
    await fetched(READY)
    book.clock.advance(1000)
    await book.give(edit('e1', [{ ...PICTURE, upstreamId: '2', fileName: 'Better.jpg' }]))
    const message = only(await messages())
    expect(message.attachments).toMatchObject([{ state: 'waiting', file_name: 'Better.jpg' }])
    const before = await book.eventsAfter(0)
    await fetched({ ...READY, file: OTHER_FILE })
    expect((await book.eventsAfter(0)).slice(0, before.length)).toEqual(before)
    const [first, second] = await eventsOf('message.media')
    expect(first.data).toMatchObject({ message_id: message.id, attachment: { file_name: 'Anna at the lake.jpg' } })
    expect(second.data).toMatchObject({ message_id: message.id, attachment: { file_name: 'Better.jpg' } })
    expect(only(await messages()).attachments).toMatchObject([{ state: 'ready', file_name: 'Better.jpg' }])
  })
})

describe('wherever it comes from', () => {
  test.each<[string, Partial<MessageItem>]>([
    ['a thread that another application owns', { space: 'standby' }],
    ["the firm's phone", { direction: 'out' }],
  ])('%s, a file is fetched', async (_, more) => {
    await book.give(pictureItem('m1', more))
    await fetched(READY)
    expect(only(await messages()).attachments).toMatchObject([{ state: 'ready' }])
  })

  test('in a group it is sealed with the key of whoever wrote it', async () => {
    const group = { id: 'group-1', subject: 'Tour' }
    await book.give(pictureItem('m1', { group }), pictureItem('m2', { group, person: { userId: 'DE.2', name: 'Ben' } }))
    const tasks = due()
    expect(new Set(tasks.map(({ person }) => person)).size).toBe(2)
    const [anna, ben] = tasks
    await fetched(READY, anna)
    await fetched({ ...READY, file: OTHER_FILE }, ben)
    expect(await erase(anna?.person ?? 0)).toEqual([FILE])
    expect((await messages()).map(({ attachments }) => attachments?.[0]?.state)).toEqual(['ready', undefined])
  })
})

describe('a message that its author takes back', () => {
  function revoke(upstreamId: string, targetUpstreamId: string): ActItem {
    const { account, person } = pictureItem('m1')
    return {
      kind: 'act',
      act: 'revoke',
      account,
      space: 'messages',
      direction: 'in',
      upstreamId,
      targetUpstreamId,
      atMs: book.clock.epochMs(),
      person,
      opensWindow: false,
      raw: { id: upstreamId, type: 'revoke' },
    }
  }

  test('for good, takes its files along', async () => {
    await book.ask(declareSettings, { revoked: 'deleted' })
    await book.give(pictureItem('m1'))
    await fetched(READY)
    await book.give(revoke('r1', 'm1'))
    expect(book.media.removals(10)).toEqual([FILE])
    expect(only(await messages())).not.toHaveProperty('attachments')
    expect(only(await eventsOf('message.media')).data).toMatchObject({ revoked: 'deleted' })
    await book.give(pictureItem('m2'), revoke('r2', 'm2'))
    expect(due()).toEqual([])
  })

  test('before it came, is not fetched either', async () => {
    await book.ask(declareSettings, { revoked: 'deleted' })
    await book.give(revoke('r1', 'm1'), pictureItem('m1'))
    expect(due()).toEqual([])
  })
})

describe('what is taken away', () => {
  function personOf(): number {
    return book.database.one<{ person: number }>('SELECT person FROM media')?.person ?? 0
  }

  test('for a person: the rows, and the files are owed to be removed', async () => {
    await book.give(pictureItem('m1'))
    await fetched(READY)
    expect(await erase(personOf())).toEqual([FILE])
    expect(book.media.removals(10)).toEqual([FILE])
    expect(book.media.isNamed(FILE)).toBe(false)
    expect(only(await eventsOf('message.media')).data).toMatchObject({ erased: true })
    await book.ask(forgetRemoved, { files: [FILE] })
    expect(book.media.removals(10)).toEqual([])
  })

  test('while it is being fetched: its outcome is not taken', async () => {
    await book.give(pictureItem('m1'))
    const task = only(due())
    await erase(personOf())
    expect(await fetched(READY, task)).toEqual({ taken: false })
    expect(book.media.isNamed(FILE)).toBe(false)
  })

  test('a file that two messages have stays until the second goes', async () => {
    await book.give(pictureItem('m1'))
    await fetched(READY)
    book.clock.advance(DAY_MS)
    await book.give(pictureItem('m2'))
    await fetched(READY)
    const beforeMs = book.clock.epochMs() - 1000
    expect(await book.ask(purgeMedia, { beforeMs })).toEqual({ purged: 1 })
    expect(book.media.removals(10)).toEqual([])
    expect(await book.ask(purgeMedia, { beforeMs: book.clock.epochMs() + 1 })).toEqual({ purged: 1 })
    expect(book.media.removals(10)).toEqual([FILE])
  })

  test('a file that comes again before it was removed stays', async () => {
    await book.give(pictureItem('m1'))
    await fetched(READY)
    await book.ask(purgeMedia, { beforeMs: book.clock.epochMs() + 1 })
    expect(book.media.removals(10)).toEqual([FILE])
    await book.give(pictureItem('m2'))
    await fetched(READY)
    expect(book.media.removals(10)).toEqual([])
  })

  test('by age: the message says so', async () => {
    await book.give(pictureItem('m1'))
    await fetched(READY)
    await book.ask(purgeMedia, { beforeMs: book.clock.epochMs() + 1 })
    expect(only(await messages()).attachments).toMatchObject([
      { state: 'gone', reason: 'retention', size_bytes: null, thumbnail: false, url: null },
    ])
  })
})
