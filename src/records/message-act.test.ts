import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS } from '../core/clock.ts'
import { readId } from '../core/ids.ts'
import type { ActItem, InboundItem } from '../core/inbound.ts'
import { type Desk, openDesk } from '../testing/open-desk.ts'
import { SEES_ALL } from '../testing/open-test-book.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { ACCEPTED, actItem, statusItem, textItem } from '../testing/test-items.ts'
import { REVOKED_CHOICES, type Revoked } from './codes.ts'
import { declareSettings } from './setting.ts'
import type { View } from './views.ts'

let desk: Desk
let nowMs = 0

beforeEach(async () => {
  desk = await openDesk()
  nowMs = desk.house.clock.epochMs()
})
afterEach(() => desk.house.close())

async function told(type: string): Promise<View[]> {
  return (await desk.house.told()).filter((event) => event.type === type).map(({ data }) => data)
}

/** The messages of the thread, oldest first. */
async function thread(): Promise<View[]> {
  const page = await desk.house.reader.messages(desk.conversationId, { limit: 200, cursor: null }, SEES_ALL)
  return page?.items.toReversed() ?? []
}

async function byUpstream(upstreamId: string): Promise<View> {
  return (await thread()).find((view) => view['upstream_id'] === upstreamId) ?? {}
}

/** What nobody sees any more in list or event, where it is asked for. */
async function shown(upstreamId: string): Promise<View> {
  const id = readId('message', String((await byUpstream(upstreamId))['id'])) ?? 0
  return (await desk.house.reader.message(id, SEES_ALL, true)) ?? {}
}

const act = (kind: ActItem['act'], id: string, atMs: number, more?: Parameters<typeof actItem>[3]) =>
  actItem(kind, id, { target: 'wamid.1', atMs }, more)
const reaction = (id: string, atMs: number, emoji: string | null, more: Partial<ActItem> = {}) =>
  act('reaction', id, atMs, { emoji, ...more })
const setRevoked = (revoked: Revoked) => desk.house.ask(declareSettings, { revoked })

describe('a reaction', () => {
  test('is shown on its message, opens the window, and is no message of the thread', async () => {
    await desk.house.give(textItem('wamid.1', nowMs - 5000))
    desk.house.clock.advance(DAY_MS / 2)
    const atMs = desk.house.clock.epochMs()
    const before = desk.house.wakes.length
    await desk.house.give(reaction('wamid.r', atMs, '👍'))
    expect(await byUpstream('wamid.1')).toMatchObject({
      text: { body: 'text of wamid.1' },
      reactions: [{ emoji: '👍', by: 'customer', contact_id: expect.any(String), at: new Date(atMs).toISOString() }],
    })
    expect((await thread()).map((view) => view['upstream_id'])).toEqual(['wamid.1', 'wamid.first'])
    const conversation = (await desk.house.reader.conversation(desk.conversationId, SEES_ALL)) ?? {}
    expect(conversation).toMatchObject({
      unread: 2,
      window_expires_at: new Date(atMs + DAY_MS).toISOString(),
      last_message: { upstream_id: 'wamid.first' },
    })
    expect(desk.house.wakes.slice(before)).toMatchObject([{ kind: 'message', direction: 'in', counts: true }])
    expect(await told('message.reaction')).toEqual([
      {
        message_id: (await byUpstream('wamid.1'))['id'],
        upstream_id: 'wamid.1',
        conversation_id: conversation['id'],
        emoji: '👍',
        by: 'customer',
        contact_id: (conversation['contact'] as View)['id'],
        direction: 'in',
        at: new Date(atMs).toISOString(),
        window_expires_at: new Date(atMs + DAY_MS).toISOString(),
      },
    ])
  })

  test('of each side counts once, and the last by the platform stamp holds', async () => {
    await desk.house.give(
      textItem('wamid.1', nowMs - 9000),
      reaction('wamid.r2', nowMs - 2000, '❤️'),
      reaction('wamid.r1', nowMs - 3000, '👍'),
      reaction('wamid.o', nowMs - 1000, '🎉', { direction: 'out', opensWindow: false }),
    )
    expect((await byUpstream('wamid.1'))['reactions']).toMatchObject([
      { emoji: '❤️', by: 'customer' },
      { emoji: '🎉', by: 'us', contact_id: null },
    ])
    await desk.house.give(reaction('wamid.r3', nowMs, null))
    expect((await byUpstream('wamid.1'))['reactions']).toMatchObject([{ emoji: '🎉' }])
  })

  test('to what has not come yet is told without the message, and again with it', async () => {
    await desk.house.give(reaction('wamid.r', nowMs, '👍'))
    expect(await told('message.reaction')).toMatchObject([{ message_id: null, upstream_id: 'wamid.1' }])
    await desk.house.give(textItem('wamid.1', nowMs - 5000))
    const { id, reactions } = await byUpstream('wamid.1')
    expect(reactions).toMatchObject([{ emoji: '👍' }])
    expect(await told('message.reaction')).toMatchObject([{ message_id: null }, { message_id: id }])
  })

  test('that we send counts once the platform has taken it, and not if it fails', async () => {
    await desk.house.give(textItem('wamid.1', nowMs - 5000))
    const react = (message_id: unknown, emoji: string) =>
      desk.queue({ type: 'reaction', content: { type: 'reaction', reaction: { message_id, emoji } } })
    const target = (await byUpstream('wamid.1'))['id']
    const first = await react(target, '👍')
    expect((await byUpstream('wamid.1'))['reactions']).toBeUndefined()
    const departure = await desk.begin(first)
    expect(departure.content).toEqual({ type: 'reaction', reaction: { message_id: 'wamid.1', emoji: '👍' } })
    await desk.outcome(departure, ACCEPTED('wamid.ours'))
    expect((await byUpstream('wamid.1'))['reactions']).toMatchObject([{ emoji: '👍', by: 'us' }])
    expect(await told('message.reaction')).toMatchObject([{ message_id: target, by: 'us', direction: 'out' }])

    const second = await react('wamid.1', '❤️')
    await desk.outcome(await desk.begin(second), {
      kind: 'refused',
      code: 131009,
      reason: 'parameter',
      pauses: 'nothing',
      closesWindow: false,
    })
    expect((await byUpstream('wamid.1'))['reactions']).toMatchObject([{ emoji: '👍', by: 'us' }])
    expect(await thread()).toHaveLength(2)
    const queued = (await told('message.state')).filter(({ state }) => state === 'queued')
    expect(queued.map((event) => event['message'])).toEqual([undefined, undefined])
  })

  test('to a message of ours may come before the answer to its send', async () => {
    const id = await desk.queue()
    const departure = await desk.begin(id)
    await desk.house.give(reaction('wamid.r', nowMs, '👍', { targetUpstreamId: 'wamid.ours' }))
    await desk.outcome(departure, ACCEPTED('wamid.ours'))
    expect(await desk.message(id)).toMatchObject({ reactions: [{ emoji: '👍', by: 'customer' }] })
  })

  test('to a message of ours joins too where a status brings its platform id', async () => {
    const id = await desk.queue()
    const { correlation } = await desk.begin(id)
    await desk.house.give(reaction('wamid.r', nowMs, '👍', { targetUpstreamId: 'wamid.ours' }))
    await desk.house.give(statusItem('wamid.ours', 'delivered', nowMs, { correlation }))
    expect(await desk.message(id)).toMatchObject({ reactions: [{ emoji: '👍' }] })
  })
})

describe('an edit', () => {
  test('shows the new text; the event of the old one says what it said', async () => {
    await desk.house.give(textItem('wamid.1', nowMs - 5000, { text: 'first' }))
    const before = await desk.house.eventsAfter(0)
    await desk.house.give(act('edit', 'wamid.e1', nowMs - 4000, { text: 'second' }))
    await desk.house.give(act('edit', 'wamid.e2', nowMs - 3000, { text: 'third' }))
    expect(await byUpstream('wamid.1')).toMatchObject({
      type: 'text',
      text: { body: 'third' },
      edited_at: new Date(nowMs - 3000).toISOString(),
      at: new Date(nowMs - 5000).toISOString(),
    })
    expect((await desk.house.eventsAfter(0)).slice(0, before.length)).toEqual(before)
    expect((await told('message.edited')).map(({ message }) => (message as View)['text'])).toEqual([
      { body: 'second' },
      { body: 'third' },
    ])
    expect(desk.house.database.all("SELECT type FROM messages WHERE type = 'edit'")).toEqual([])
  })

  test('that is older than another changes nothing and is no news', async () => {
    await desk.house.give(
      textItem('wamid.1', nowMs - 5000),
      act('edit', 'wamid.e2', nowMs - 3000, { text: 'third' }),
      act('edit', 'wamid.e1', nowMs - 4000, { text: 'second' }),
    )
    expect(await byUpstream('wamid.1')).toMatchObject({ text: { body: 'third' } })
    expect(await told('message.edited')).toHaveLength(1)
  })

  test('by somebody else is kept and shown as nothing', async () => {
    const mallory = { phone: '+4917700000001', userId: 'DE.666' }
    await desk.house.give(
      textItem('wamid.1', nowMs - 5000, { text: 'mine' }),
      act('edit', 'wamid.e', nowMs - 4000, { person: mallory, text: 'forged' }),
      act('revoke', 'wamid.v', nowMs - 3000, { person: mallory }),
      act('edit', 'wamid.e2', nowMs - 4000, { direction: 'out', text: 'ours' }),
      reaction('wamid.r', nowMs, '👎', { person: mallory }),
    )
    const view = await byUpstream('wamid.1')
    expect(view).toMatchObject({ text: { body: 'mine' } })
    for (const member of ['edited_at', 'revoked', 'reactions']) expect(view).not.toHaveProperty(member)
    expect(desk.house.database.all('SELECT count(*) AS count FROM message_acts')).toEqual([{ count: 4 }])
    expect((await desk.house.told()).map(({ type }) => type)).not.toContain('message.edited')
  })
})

describe('a revoke', () => {
  const revoked = async () => {
    await desk.house.give(textItem('wamid.1', nowMs - 5000, { text: 'secret' }))
    await desk.house.give(act('edit', 'wamid.e', nowMs - 4000, { text: 'secret too' }))
    await desk.house.give(act('revoke', 'wamid.v', nowMs - 3000))
  }

  test('hides the message from every list and event, and shows it to whoever may ask', async () => {
    await revoked()
    const view = await byUpstream('wamid.1')
    expect(view).toMatchObject({ revoked: 'hidden', revoked_at: new Date(nowMs - 3000).toISOString() })
    expect(JSON.stringify([await thread(), await desk.house.told()])).not.toContain('secret')
    expect(await shown('wamid.1')).toMatchObject({ text: { body: 'secret too' }, revoked: 'hidden' })
    expect(await told('message.revoked')).toEqual([
      {
        message_id: view['id'],
        upstream_id: 'wamid.1',
        conversation_id: view['conversation_id'],
        revoked: 'hidden',
        direction: 'in',
        at: new Date(nowMs - 3000).toISOString(),
      },
    ])
  })

  test.each([
    ['thousands of messages ago', 4900, 'hidden'],
    ['further back than is looked', 5100, undefined],
  ] as const)('of what was said %s (%d) ends so', async (_when, count, revoked) => {
    await setRevoked('hidden')
    const { house, conversationId } = desk
    await house.give(textItem('wamid.1', nowMs - 10_000_000))
    const old = house.database.one<{ id: number }>('SELECT max(id) AS id FROM messages')?.id ?? 0
    // What was said since, as rows alone.
    house.database.run(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
       INSERT INTO messages (id, conversation_id, at, arrived_at, direction, type, state, upstream_hash, body)
       SELECT 1000000 + n, ?2, ?3 + n * 700, 0, 1, 'text', 1, n, x'' FROM numbers`,
      count,
      conversationId,
      nowMs - 9_000_000,
    )
    await house.give(act('revoke', 'wamid.gone', nowMs))
    const { revoked: shownAs } = (await house.reader.message(old, SEES_ALL, true)) ?? {}
    expect(shownAs as typeof revoked).toBe(revoked)
  })

  test('may leave the message as it is', async () => {
    await setRevoked('kept')
    await revoked()
    expect(await byUpstream('wamid.1')).toMatchObject({ revoked: 'kept', text: { body: 'secret too' } })
    expect(JSON.stringify(await desk.house.told())).toContain('secret too')
  })

  test('may overwrite what was said, in the message and in its edits', async () => {
    await setRevoked('deleted')
    await revoked()
    await desk.house.give(act('edit', 'wamid.e2', nowMs - 2000, { text: 'secret again' }))
    expect(JSON.stringify([await thread(), await desk.house.told(), await shown('wamid.1')])).not.toContain('secret')
    // It is still known by its id.
    await desk.house.give(textItem('wamid.1', nowMs - 5000, { text: 'secret' }))
    expect(await thread()).toHaveLength(2)
  })

  test('is taken by the setting of its moment', async () => {
    await revoked()
    await setRevoked('kept')
    expect(await byUpstream('wamid.1')).toMatchObject({ revoked: 'hidden' })
  })

  test('on the phone of the firm takes back what the gateway has sent', async () => {
    const id = await desk.queue()
    await desk.outcome(await desk.begin(id), ACCEPTED('wamid.ours'))
    await desk.house.give(act('revoke', 'wamid.v', nowMs, { direction: 'out', targetUpstreamId: 'wamid.ours' }))
    expect(await desk.message(id)).toMatchObject({ revoked: 'hidden', state: 'accepted' })
    expect(JSON.stringify(await desk.house.told())).not.toContain('an answer')
  })
})

test('a reply says which message it answers, also where that was edited or comes later', async () => {
  const reply = (id: string, target: string) => {
    const item = textItem(id, nowMs)
    return { ...item, raw: { ...item.raw, context: { id: target } } }
  }
  await desk.house.give(
    textItem('wamid.1', nowMs - 5000),
    act('edit', 'wamid.e', nowMs - 4000),
    reply('wamid.2', 'wamid.1'),
    reply('wamid.3', 'wamid.e'),
    reply('wamid.4', 'wamid.late'),
  )
  const { id } = await byUpstream('wamid.1')
  const replies = async (upstreamId: string) => (await byUpstream(upstreamId))['reply_to']
  expect(await replies('wamid.2')).toEqual({ message_id: id, upstream_id: 'wamid.1' })
  expect(await replies('wamid.3')).toEqual({ message_id: id, upstream_id: 'wamid.e' })
  expect(await replies('wamid.4')).toEqual({ message_id: null, upstream_id: 'wamid.late' })
  const before = await desk.house.eventsAfter(0)
  await desk.house.give(textItem('wamid.late', nowMs - 6000))
  expect(await replies('wamid.4')).toMatchObject({ message_id: (await byUpstream('wamid.late'))['id'] })
  expect((await desk.house.eventsAfter(0)).slice(0, before.length)).toEqual(before)
})

describe.each(REVOKED_CHOICES.map((choice) => [choice] as const))(
  'in whatever order, doubled or not (%s)',
  (choice) => {
    const ORDERS = 48

    function itemsOf(round: number): InboundItem[] {
      const target = `wamid.${round}.m`
      const about = (atMs: number) => ({ target, atMs })
      return [
        textItem(target, nowMs - 9000, { text: 'as it came' }),
        actItem('edit', `wamid.${round}.e1`, about(nowMs - 8000), { text: 'edited once' }),
        actItem('edit', `wamid.${round}.e2`, about(nowMs - 7000), { text: 'edited twice' }),
        actItem('reaction', `wamid.${round}.r1`, about(nowMs - 6000), { emoji: '👍' }),
        actItem('reaction', `wamid.${round}.r2`, about(nowMs - 5000), { emoji: null }),
        actItem('reaction', `wamid.${round}.o`, about(nowMs - 4000), { emoji: '🎉', direction: 'out' }),
        actItem('revoke', `wamid.${round}.v`, about(nowMs - 3000)),
      ]
    }

    test('the same acts make the same message, and every event stays what it was', async () => {
      await setRevoked(choice)
      const random = seededRandom(7)
      const seen: View[] = []
      const texts: string[] = []
      for (let round = 0; round < ORDERS; round++) {
        const doubled = itemsOf(round).flatMap((item) => (random() < 0.3 ? [item, item] : [item]))
        // Without the revoke in half the rounds.
        const kept = doubled.filter((item) => round % 2 === 0 || !(item.kind === 'act' && item.act === 'revoke'))
        const order = kept.map((item) => ({ item, key: random() })).toSorted((one, other) => one.key - other.key)
        const bodies = order.map(({ item }) => item)
        const cut = Math.floor(random() * bodies.length)
        if (cut > 0) await desk.house.give(...bodies.slice(0, cut))
        if (round % 10 === 0) desk.house.restart()
        await desk.house.give(...bodies.slice(cut))
        const view = await byUpstream(`wamid.${round}.m`)
        expect(view['id']).toBeDefined()
        const { id: _, upstream_id: __, ...same } = view
        seen.push(same)
        if (choice === 'kept' && round % 8 === 7) {
          const now = await desk.house.eventsAfter(0)
          expect(now.slice(0, texts.length)).toEqual(texts)
          texts.splice(0, texts.length, ...now)
        }
      }
      for (const [round, view] of seen.entries())
        expect({ round, view }).toEqual({ round, view: seen[round % 2] ?? {} })
      expect(seen[1]).toMatchObject({ text: { body: 'edited twice' }, reactions: [{ emoji: '🎉', by: 'us' }] })
      expect(seen[0]).toMatchObject({ revoked: choice })
      expect(JSON.stringify(seen[0]).includes('edited twice')).toBe(choice === 'kept')
    })
  },
)
