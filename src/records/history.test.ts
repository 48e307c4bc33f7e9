import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS } from '../core/clock.ts'
import { readId } from '../core/ids.ts'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { actItem, textItem } from '../testing/test-items.ts'
import { readConversation } from './conversation.ts'
import type { View } from './views.ts'

let house: TestBook
let nowMs = 0

beforeEach(async () => {
  house = openTestBook()
  nowMs = house.clock.epochMs()
  await house.declare()
})
afterEach(() => house.close())

async function conversation(): Promise<View> {
  return (await house.conversations())[0] ?? {}
}

async function messages(): Promise<View[]> {
  return await house.messagesOf(await conversation())
}

const old = (id: string, ageMs: number, more: Parameters<typeof textItem>[2] = {}) =>
  textItem(id, nowMs - ageMs, { opensWindow: false, history: { state: null }, ...more })

test('older messages are in their place, and nothing else comes of them', async () => {
  await house.give(
    old('wamid.1', 9 * DAY_MS),
    old('wamid.2', 8 * DAY_MS, { direction: 'out', history: { state: 'read' } }),
    old('wamid.3', 7 * DAY_MS, { direction: 'out', history: { state: null } }),
  )
  expect(await conversation()).toMatchObject({
    unread: 0,
    window_expires_at: null,
    last_message_at: new Date(nowMs - 7 * DAY_MS).toISOString(),
    last_message: { upstream_id: 'wamid.3' },
  })
  expect(await messages()).toMatchObject([
    { upstream_id: 'wamid.3', state: 'sent', history: true, source: 'phone' },
    { upstream_id: 'wamid.2', state: 'read', history: true },
    { upstream_id: 'wamid.1', state: 'received', history: true, text: { body: 'text of wamid.1' } },
  ])
  const types = (await house.told()).map(({ type }) => type)
  expect(types).toEqual(['number.state', 'conversation.created'])
  expect(house.wakes.filter(({ kind }) => kind === 'message')).toEqual([])
})

test('what is here already is not doubled, and what is newer stays the last', async () => {
  await house.give(textItem('wamid.9', nowMs - 1000))
  const before = await conversation()
  await house.give(old('wamid.9', 1000), old('wamid.1', DAY_MS), old('wamid.1', DAY_MS))
  expect(await conversation()).toEqual(before)
  expect((await messages()).map((view) => view['upstream_id'])).toEqual(['wamid.9', 'wamid.1'])
})

test('older messages are not counted as unread behind the read marker', async () => {
  await house.give(textItem('wamid.8', nowMs - 2000), textItem('wamid.9', nowMs - 1000))
  await house.give(old('wamid.1', DAY_MS), old('wamid.2', 500))
  const [, , eighth] = await messages()
  expect(eighth).toMatchObject({ upstream_id: 'wamid.8' })
  const ask = {
    conversationId: readId('conversation', String((await conversation())['id'])) ?? 0,
    uptoMessageId: readId('message', String(eighth?.['id'])) ?? 0,
  }
  expect(await house.ask(readConversation, ask)).toEqual({ unread: 1 })
})

test('acts of the past are shown and not told', async () => {
  const about = { target: 'wamid.1', atMs: nowMs - DAY_MS }
  const past = { history: { state: null }, opensWindow: false } as const
  await house.give(
    actItem('reaction', 'wamid.r', about, { ...past, emoji: '👍' }),
    old('wamid.1', 2 * DAY_MS),
    actItem('edit', 'wamid.e', about, { ...past, text: 'mended' }),
  )
  expect(await messages()).toMatchObject([{ text: { body: 'mended' }, reactions: [{ emoji: '👍' }] }])
  const types = (await house.told()).map(({ type }) => type)
  expect(types).toEqual(['number.state', 'conversation.created'])
})

describe('the file of an older message', () => {
  const file = {
    kind: 'image' as const,
    upstreamId: 'file-1',
    url: null,
    mimeType: 'image/jpeg',
    sha256: null,
    fileName: null,
    voice: false,
    animated: false,
  }
  const without = (more: Parameters<typeof textItem>[2] = {}) =>
    old('wamid.1', DAY_MS, { type: 'media_placeholder', raw: { id: 'wamid.1', type: 'media_placeholder' }, ...more })
  const later = (ageMs: number) =>
    old('wamid.1', ageMs, {
      type: 'image',
      raw: { id: 'wamid.1', type: 'image', image: { id: 'file-1', caption: 'A cat' } },
      attachments: [file],
    })
  const shown = { type: 'image', image: { caption: 'A cat' }, attachments: [{ state: 'waiting', kind: 'image' }] }

  test.each([DAY_MS, 2 * DAY_MS])('comes after it, under the same id, with a stamp of %d ms ago', async (ageMs) => {
    await house.give(without())
    const [before] = await messages()
    expect(before).toMatchObject({ type: 'media_placeholder' })
    await house.give(later(ageMs), later(ageMs))
    expect(await messages()).toMatchObject([{ id: before?.['id'], history: true, ...shown } as View])
    expect((await messages())[0]?.['attachments']).toHaveLength(1)
  })

  test('may come first, and is not lost then', async () => {
    await house.give(later(DAY_MS), without())
    expect(await messages()).toMatchObject([shown as View])
  })

  test('changes no message that came by itself', async () => {
    await house.give(textItem('wamid.1', nowMs - DAY_MS))
    await house.give(later(DAY_MS))
    expect(await messages()).toMatchObject([{ type: 'text' }])
  })
})
