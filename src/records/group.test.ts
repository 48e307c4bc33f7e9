import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS } from '../core/clock.ts'
import { readId } from '../core/ids.ts'
import type { GroupItem, MessageItem, PersonReference } from '../core/inbound.ts'
import { openTestBook, SEES_ALL, type TestBook } from '../testing/open-test-book.ts'
import {
  ACCEPTED,
  ANNA,
  actItem,
  DOUBT_WAIT_MS,
  queued,
  statusItem,
  TEST_ACCOUNT,
  textItem,
} from '../testing/test-items.ts'
import { queueMessage } from './queue-message.ts'
import { beginSending, recordOutcome } from './send-message.ts'
import type { View } from './views.ts'

const GROUP = { id: 'Y2FwaV9ncm91cDox' }
const BEN: PersonReference = { phone: '+4915112345999', userId: 'DE.2002', name: 'Ben' }

let house: TestBook
let nowMs = 0

beforeEach(async () => {
  house = openTestBook()
  nowMs = house.clock.epochMs()
  await house.declare()
})
afterEach(() => house.close())

/** The conversation of the group, as it is shown alone. */
async function theGroup(): Promise<View> {
  const view = (await house.conversations()).find(({ kind }) => kind === 'group')
  const id = readId('conversation', String(view?.['id'])) ?? 0
  return (await house.reader.conversation(id, SEES_ALL)) ?? {}
}

async function groupId(): Promise<number> {
  return readId('conversation', String((await theGroup())['id'])) ?? 0
}

async function messages(): Promise<View[]> {
  return (await house.reader.messages(await groupId(), { limit: 50, cursor: null }, SEES_ALL))?.items ?? []
}

const said = (id: string, atMs: number, person: PersonReference, more: Partial<MessageItem> = {}) =>
  textItem(id, atMs, { person, group: GROUP, ...more })

function change(what: GroupItem['change'], atMs: number, more: Partial<GroupItem> = {}): GroupItem {
  const { group = GROUP, members = [] } = more
  const raw = { what, atMs, group, members, more }
  return { kind: 'group', account: TEST_ACCOUNT, group, change: what, members, atMs, raw, ...more }
}

describe('a message in a group', () => {
  test('is in the thread of the group, with who wrote it', async () => {
    await house.give(said('wamid.1', nowMs - 2000, ANNA), said('wamid.2', nowMs - 1000, BEN))
    expect(await house.conversations()).toHaveLength(1)
    expect(await theGroup()).toMatchObject({
      kind: 'group',
      group: { id: GROUP.id, subject: null, state: 'active', members: [] },
      contact: { name: null, phone: null, user_id: null },
      unread: 2,
      window_expires_at: new Date(nowMs - 1000 + DAY_MS).toISOString(),
    })
    expect(await messages()).toMatchObject([
      { from: BEN.phone, sender: { name: 'Ben', phone: BEN.phone, user_id: 'DE.2002' }, to: TEST_ACCOUNT.display },
      { from: ANNA.phone, sender: { name: 'Anna Beispiel' } },
    ])
    await house.give(said('wamid.2', nowMs - 1000, BEN))
    expect(await messages()).toHaveLength(2)
  })

  test('that the firm writes on its phone is in its thread too, and nobody is made of it', async () => {
    await house.give(
      said('wamid.hello', nowMs - 2000, ANNA),
      said('wamid.phone', nowMs - 1000, {}, { direction: 'out', opensWindow: false }),
      actItem(
        'reaction',
        'wamid.react',
        { target: 'wamid.hello', atMs: nowMs },
        { direction: 'out', person: {}, group: GROUP, emoji: '👍' },
      ),
    )
    const [phone, hello] = await messages()
    expect(phone).toMatchObject({ direction: 'out', source: 'phone', state: 'sent', upstream_id: 'wamid.phone' })
    expect(hello).toMatchObject({ upstream_id: 'wamid.hello', reactions: [{ emoji: '👍' }] })
    expect(await house.conversations()).toHaveLength(1)
    // The group itself and Anna.
    expect(house.database.one('SELECT count(*) AS count FROM contacts')).toEqual({ count: 2 })
  })

  test('is sealed with the key of its author', async () => {
    await house.give(said('wamid.1', nowMs, ANNA), said('wamid.2', nowMs, BEN))
    const rows = house.database.all<{ person: number }>(
      'SELECT k.person FROM messages m JOIN contacts k ON k.id = m.author_id ORDER BY m.id',
    )
    const [anna, ben] = rows.map(({ person }) => person)
    expect(anna).not.toBe(ben as number)
    expect([anna, ben]).toEqual([
      house.vault.findPerson('user', 'acme', 'DE.1001'),
      house.vault.findPerson('user', 'acme', 'DE.2002'),
    ])
  })

  test('is edited and taken back by its author alone, and anybody reacts', async () => {
    const about = { target: 'wamid.1', atMs: nowMs - 1000 }
    await house.give(
      said('wamid.1', nowMs - 2000, ANNA),
      actItem('edit', 'wamid.e1', about, { person: BEN, group: GROUP, text: 'forged' }),
      actItem('reaction', 'wamid.r1', about, { person: BEN, group: GROUP, emoji: '👍' }),
      actItem('reaction', 'wamid.r2', about, { person: ANNA, group: GROUP, emoji: '❤️' }),
    )
    const [view] = await messages()
    expect(view).toMatchObject({ text: { body: 'text of wamid.1' }, reactions: [{ emoji: '👍' }, { emoji: '❤️' }] })
    await house.give(actItem('edit', 'wamid.e2', about, { group: GROUP, text: 'mine' }))
    expect((await messages())[0]).toMatchObject({ text: { body: 'mine' } })
    await house.give(actItem('revoke', 'wamid.v', { ...about, atMs: nowMs }, { group: GROUP }))
    expect((await messages())[0]).toMatchObject({ revoked: 'hidden' })
    expect((await messages())[0]).not.toHaveProperty('reactions')
  })
})

describe('what becomes of a group', () => {
  test('is shown with its people, whatever the order in which it is told', async () => {
    const story = [
      change('created', nowMs - 9000, { group: { ...GROUP, subject: 'Garden' }, inviteLink: 'https://chat.example/x' }),
      change('members_added', nowMs - 8000, { members: [ANNA, BEN] }),
      change('settings', nowMs - 7000, { group: { ...GROUP, subject: 'Gardens' }, description: 'of the house' }),
      change('members_removed', nowMs - 6000, { members: [BEN] }),
      change('join_requested', nowMs - 5000, { members: [BEN] }),
      change('suspended', nowMs - 4000),
      change('suspension_cleared', nowMs - 3000),
    ]
    await house.give(...story.toReversed(), ...story)
    const group = (await theGroup())['group'] as View
    expect(group).toMatchObject({ id: GROUP.id, subject: 'Gardens', description: 'of the house', state: 'active' })
    expect(group['invite_link']).toBe('https://chat.example/x')
    const byName = (group['members'] as View[]).toSorted((one, other) =>
      String(one['name']) < String(other['name']) ? -1 : 1,
    )
    expect(byName).toMatchObject([
      { name: 'Anna Beispiel', state: 'member', joined_at: new Date(nowMs - 8000).toISOString(), left_at: null },
      { name: 'Ben', state: 'asks', left_at: new Date(nowMs - 6000).toISOString() },
    ])
    expect(house.database.all("SELECT count(*) AS count FROM messages WHERE type = 'group'")).toEqual([{ count: 7 }])
  })

  test('that failed, or that is not understood, is kept and changes nothing', async () => {
    await house.give(change('created', nowMs - 9000, { group: { ...GROUP, subject: 'Garden' } }))
    await house.give(change(null, nowMs - 8000, { group: { ...GROUP, subject: 'Refused' }, members: [BEN] }))
    expect((await theGroup())['group']).toMatchObject({ subject: 'Garden', members: [] })
    expect(house.database.all("SELECT count(*) AS count FROM messages WHERE type = 'group'")).toEqual([{ count: 2 }])
  })

  test('is told, and an event keeps the subject of its time', async () => {
    await house.give(change('created', nowMs - 9000, { group: { ...GROUP, subject: 'Garden' } }))
    const before = await house.eventsAfter(0)
    await house.give(change('settings', nowMs - 7000, { group: { ...GROUP, subject: 'Gardens' } }))
    const after = await house.eventsAfter(0)
    expect(after.slice(0, before.length)).toEqual(before)
    expect(JSON.parse(after.at(-1) ?? '{}')).toMatchObject({
      type: 'conversation.updated',
      data: { conversation: { kind: 'group', group: { subject: 'Gardens' } } },
    })
  })
})

describe('a message to a group', () => {
  async function send(): Promise<{ id: number; state: unknown }> {
    const { answer } = await house.ask(queueMessage, queued({ kind: 'conversation', id: await groupId() }))
    return { id: readId('message', answer.id) ?? 0, state: answer.state }
  }

  test('goes to the group by its id, and says how far it is with each person', async () => {
    await house.give(said('wamid.1', nowMs, ANNA))
    const { id } = await send()
    const { leave } = await house.ask(beginSending, { messageIds: [id] })
    expect(leave[0]).toMatchObject({ groupId: GROUP.id, to: {} })
    await house.ask(recordOutcome, {
      messageId: id,
      attempt: 1,
      outcome: ACCEPTED('wamid.ours'),
      doubtWaitMs: DOUBT_WAIT_MS,
      notBeforeMs: 0,
    })
    const of = (participant: string, state: Parameters<typeof statusItem>[1], afterMs: number) =>
      statusItem('wamid.ours', state, nowMs + afterMs, { participant, recipient: null })
    house.clock.advance(10_000)
    await house.give(
      of('+4915112345678', 'read', 3000),
      of('+4915112345678', 'delivered', 2000),
      of('DE.9', 'failed', 1000),
    )
    const view = await house.reader.message(id, SEES_ALL)
    expect(view).toMatchObject({ state: 'read', to: GROUP.id })
    expect(view?.['participants']).toEqual([
      {
        id: null,
        name: null,
        phone: null,
        user_id: 'DE.9',
        state: 'failed',
        at: new Date(nowMs + 1000).toISOString(),
      },
      {
        id: expect.any(String),
        name: 'Anna Beispiel',
        phone: '+4915112345678',
        user_id: 'DE.1001',
        state: 'read',
        at: new Date(nowMs + 3000).toISOString(),
      },
    ])
  })

  test('is refused while the group is suspended or when it is gone', async () => {
    await house.give(said('wamid.1', nowMs - 9000, ANNA), change('suspended', nowMs - 8000))
    const recipient = { kind: 'conversation', id: await groupId() } as const
    expect(await house.refusalOf(queueMessage, queued(recipient))).toMatchObject({ code: 'conflict' })
    await house.give(change('suspension_cleared', nowMs - 7000))
    expect((await send()).state).toBe('queued')
    await house.give(change('deleted', nowMs - 6000))
    expect(await house.refusalOf(queueMessage, queued(recipient))).toMatchObject({ code: 'conflict' })
  })

  test('needs the window that any of its people opens', async () => {
    await house.give(change('created', nowMs))
    const recipient = { kind: 'conversation', id: await groupId() } as const
    expect(await house.refusalOf(queueMessage, queued(recipient))).toMatchObject({ code: 'window_closed' })
    await house.give(said('wamid.1', nowMs, BEN))
    expect((await send()).state).toBe('queued')
  })
})
