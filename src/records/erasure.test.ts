import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readId } from '../core/ids.ts'
import { type Desk, openDesk } from '../testing/open-desk.ts'
import { SEES_ALL } from '../testing/open-test-book.ts'
import { ACCEPTED, DEADLINE_MS, statusItem, textItem } from '../testing/test-items.ts'
import {
  beginErasure,
  eraseRows,
  erasureKeyName,
  finishErasure,
  listErasures,
  noteKeysDestroyed,
  readErasure,
} from './erasure.ts'
import { retryMessage } from './send-message.ts'

let desk: Desk

beforeEach(async () => {
  desk = await openDesk()
})
afterEach(() => desk.house.close())

async function contactOf(conversationId: number): Promise<number> {
  const view = await desk.house.reader.conversation(conversationId, SEES_ALL)
  const contact = view?.['contact'] as { id: string } | undefined
  return readId('contact', contact?.id ?? '') ?? 0
}

/** Begins an erasure and destroys the keys, as the relay does it. */
async function begin(contactId: number): Promise<number> {
  const { id } = await desk.house.ask(beginErasure, { contactId, by: 'test' })
  const task = await desk.house.ask(readErasure, { id })
  for (const person of task?.persons ?? []) desk.house.vault.destroyPerson(person)
  desk.house.vault.commit()
  desk.house.book.forgetContacts()
  await desk.house.ask(noteKeysDestroyed, { id })
  return id
}

async function rows(id: number): Promise<number> {
  for (let steps = 1; ; steps++) if ((await desk.house.ask(eraseRows, { id })).isDone) return steps
}

const count = (sql: string) => desk.house.database.one<{ count: number }>(sql)?.count

describe('an erasure in the records', () => {
  test('ends what waits to be sent; what is under way is never settled and takes nothing with it', async () => {
    const [waiting, leaving] = [await desk.queue(), await desk.queue()]
    const departure = await desk.begin(leaving)
    const id = await begin(await contactOf(desk.conversationId))
    // The answer, and a status of it, come while nobody can be told any more what they are about.
    expect(await desk.outcome(departure, ACCEPTED('wamid.sent'))).toBe('sending')
    await rows(id)
    expect(await desk.timeline(waiting)).toEqual(['queued', 'cancelled (erased)'])
    expect(await desk.timeline(leaving)).toEqual(['queued', 'sending', 'failed (erased)'])
    expect(await desk.outcome(departure, ACCEPTED('wamid.sent'))).toBe('failed')
    const retried = await desk.house.refusalOf(retryMessage, { messageId: leaving, deadlineMs: DEADLINE_MS })
    expect(retried?.code).toBe('conflict')
    expect(await desk.house.refusalOf(beginErasure, { contactId: 999_999, by: 'test' })).toMatchObject({
      code: 'not_found',
    })
    expect(desk.house.wakes.filter(({ kind }) => kind === 'unqueued')).toHaveLength(2)
    expect(desk.house.wakes.filter(({ kind }) => kind === 'quarantined')).toHaveLength(0)
  })

  test('takes what comes meanwhile from the same phone as somebody new', async () => {
    const contactId = await contactOf(desk.conversationId)
    const id = await begin(contactId)
    await desk.house.give(textItem('wamid.new', desk.house.clock.epochMs(), { text: 'here again' }))
    await rows(id)
    const items = await desk.house.conversations()
    expect(items.map((item) => (item['contact'] as { phone: string | null }).phone)).toEqual(['+4915112345678', null])
    const messages = await desk.house.messagesOf(items[0])
    expect(messages.map((item) => (item['text'] as { body: string }).body)).toEqual(['here again'])
  })

  test('is made of steps that write a bounded number of rows, and leaves of each what figures need', async () => {
    const items = Array.from({ length: 1000 }, (_, index) =>
      textItem(`wamid.${index}`, desk.house.clock.epochMs() - index),
    )
    await desk.house.give(...items)
    const statuses = items.map(({ upstreamId }) => statusItem(upstreamId, 'read', desk.house.clock.epochMs()))
    await desk.house.give(...statuses)
    const before = count('SELECT count(*) AS count FROM messages')
    const id = await begin(await contactOf(desk.conversationId))
    expect(await rows(id)).toBeGreaterThan(1000 / 200)
    expect(count('SELECT count(*) AS count FROM messages WHERE length(body) = 0')).toBe(before)
    expect(count('SELECT count(*) AS count FROM messages WHERE at > 0 AND arrived_at > 0')).toBe(before)
    expect(count('SELECT count(*) AS count FROM statuses')).toBe(0)
    expect(count('SELECT count(*) AS count FROM contacts WHERE length(profile) = 0')).toBe(1)
  })

  test('is open until it is finished, and then its own key is gone too', async () => {
    const id = await begin(await contactOf(desk.conversationId))
    expect((await desk.house.ask(listErasures, null)).ids).toEqual([id])
    await rows(id)
    expect((await desk.house.ask(readErasure, { id }))?.subject.hashes.length).toBeGreaterThan(0)
    const end = { id, journalUntilMs: desk.house.clock.epochMs() }
    expect((await desk.house.ask(finishErasure, end))?.reportHash).toHaveLength(32)
    expect(await desk.house.ask(finishErasure, end)).toBeNull()
    expect((await desk.house.ask(listErasures, null)).ids).toEqual([])
    expect(desk.house.vault.isDestroyed(erasureKeyName(id))).toBeTrue()
    expect(await desk.house.ask(beginErasure, { contactId: await contactOf(desk.conversationId), by: 'test' })).toEqual(
      {
        id,
        isNew: false,
      },
    )
  })
})
