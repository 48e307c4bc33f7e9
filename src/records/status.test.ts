import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { toTime } from '../core/clock.ts'
import { readId } from '../core/ids.ts'
import type { MessageState } from '../core/message.ts'
import { type Desk, openDesk } from '../testing/open-desk.ts'
import { SEES_ALL } from '../testing/open-test-book.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { ACCEPTED, DOUBT_WAIT_MS, queued, statusItem, TEST_ACCOUNT, textItem } from '../testing/test-items.ts'
import { seeing } from './page.ts'
import { queueMessage } from './queue-message.ts'
import { beginSending, endDoubt, recordOutcome, retryMessage } from './send-message.ts'

let desk: Desk

beforeEach(async () => {
  desk = await openDesk()
})
afterEach(() => desk.house.close())

type Reported = 'sent' | 'delivered' | 'read' | 'failed' | 'played'
const REPORTED: readonly Reported[] = ['sent', 'delivered', 'read', 'failed', 'played']

function permutationsOf<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, index) => permutationsOf(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))
}

function subsetsOf<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((subsets, item) => subsets.flatMap((subset) => [subset, [...subset, item]]), [[]])
}

/** What the statuses come to, in whatever order: what reached the phone has not failed. */
function endOf(statuses: readonly Reported[]): MessageState {
  for (const state of ['played', 'read', 'delivered', 'failed', 'sent'] as const) {
    if (statuses.includes(state)) return state
  }
  return 'accepted'
}

describe('statuses in any order', () => {
  interface Run {
    steps: (Reported | 'answer')[]
    messageId: number
    correlation: string
    upstreamId: string
  }

  /** All runs side by side, step by step: hundreds of messages in a few commits. */
  async function play(orders: (Reported | 'answer')[][], isEchoed: () => boolean): Promise<Run[]> {
    const { house, conversationId } = desk
    const ids = orders.map(() => house.submit(queueMessage, queued({ kind: 'conversation', id: conversationId })))
    await house.settle()
    const answers = new Map(house.commits.flatMap((commit) => commit.answers).map((answer) => [answer.id, answer]))
    const messageIds = ids.map((id) => {
      const { value } = answers.get(id) as { value: { answer: { id: string } } }
      return readId('message', value.answer.id) ?? 0
    })
    const { leave } = await house.ask(beginSending, { messageIds })
    const runs = orders.map((steps, index) => ({
      steps,
      messageId: messageIds[index] ?? 0,
      correlation: leave[index]?.correlation ?? '',
      upstreamId: `wamid.${index}`,
    }))
    const sentAtMs = house.clock.epochMs()
    house.clock.advance(60_000)
    for (let step = 0; step < 6; step++) {
      const items = runs.flatMap(({ steps, upstreamId, correlation }) => {
        const state = steps[step]
        if (state === undefined || state === 'answer') return []
        const atMs = sentAtMs + 1000 * REPORTED.indexOf(state)
        return [statusItem(upstreamId, state, atMs, { correlation: isEchoed() ? correlation : null })]
      })
      // Each second status comes twice.
      house.append([...items, ...items.filter((_, index) => index % 2 === 0)])
      for (const { steps, messageId, upstreamId } of runs) {
        if (steps[step] !== 'answer') continue
        const outcome = ACCEPTED(upstreamId)
        house.submit(recordOutcome, { messageId, attempt: 1, outcome, doubtWaitMs: DOUBT_WAIT_MS, notBeforeMs: 0 })
      }
      await house.settle()
    }
    return runs
  }

  async function expectEnds(runs: Run[], endOfRun: (run: Run) => MessageState): Promise<void> {
    for (const run of runs) {
      const message = await desk.message(run.messageId)
      const about = run.steps.join(', ')
      expect(`${about}: ${message['state']}`).toBe(`${about}: ${endOfRun(run)}`)
      if (endOfRun(run) === 'sending') continue
      expect(message['upstream_id'], about).toBe(run.upstreamId)
      // All that was told is in the timeline, and each of it once.
      const told = (message['timeline'] as { state: string }[]).map(({ state }) => state)
      const statuses = run.steps.filter((step) => step !== 'answer')
      for (const status of statuses) expect(told.filter((state) => state === status).length, about).toBe(1)
    }
  }

  const orders = subsetsOf(REPORTED)
    .filter((subset) => subset.length > 0 && (subset.length <= 2 || subset.length === 5))
    .flatMap((subset) => permutationsOf(subset))
  const withAnswer = orders.flatMap((order) =>
    Array.from({ length: order.length + 1 }, (_, place) => order.toSpliced(place, 0, 'answer' as never)),
  )

  test(`with the answer at any place (${withAnswer.length} orders) come to the same end`, async () => {
    const runs = await play(withAnswer, () => false)
    await expectEnds(runs, ({ steps }) => endOf(steps.filter((step) => step !== 'answer')))
    expect(desk.house.database.all('SELECT message_id FROM outbound WHERE owed = 1')).toEqual([])
  })

  test(`without an answer (${orders.length} orders) come to the same end by what the platform echoes`, async () => {
    const seed = 20261122
    const random = seededRandom(seed)
    const echoes: boolean[] = []
    const runs = await play(orders, () => {
      const isEchoed = random() < 0.5
      echoes.push(isEchoed)
      return isEchoed
    })
    const joined = new Set(
      desk.house.database
        .all<{ message_id: number }>('SELECT DISTINCT message_id FROM statuses WHERE message_id IS NOT NULL')
        .map((row) => row.message_id),
    )
    expect(echoes, `seed ${seed}`).toContain(true)
    expect(joined.size, `seed ${seed}`).toBeGreaterThan(orders.length / 2)
    await expectEnds(runs, ({ steps, messageId }) =>
      joined.has(messageId) ? endOf(steps.filter((step) => step !== 'answer')) : 'sending',
    )
  })
})

describe('a status', () => {
  test('that comes before the send is answered is joined by the id of the answer', async () => {
    const id = await desk.queue()
    const departure = await desk.begin(id)
    const atMs = desk.house.clock.epochMs()
    await desk.house.give(statusItem('wamid.out', 'read', atMs), statusItem('wamid.out', 'sent', atMs - 5))
    expect(await desk.state(id)).toBe('sending')
    expect(await desk.outcome(departure, ACCEPTED('wamid.out'))).toBe('read')
    expect(await desk.timeline(id)).toEqual(['queued', 'sending', 'accepted', 'sent', 'read'])
  })

  test('with our echo settles a message in doubt, and its duty', async () => {
    const id = await desk.queue()
    const departure = await desk.begin(id)
    expect(await desk.outcome(departure, { kind: 'unknown', code: null, reason: 'timeout' })).toBe('in_doubt')
    expect(desk.house.reader.nextDutyAtMs()).toBe(desk.house.clock.epochMs() + DOUBT_WAIT_MS.reply)
    const atMs = desk.house.clock.epochMs()
    await desk.house.give(statusItem('wamid.out', 'delivered', atMs, { correlation: departure.correlation }))
    expect(await desk.message(id)).toMatchObject({ state: 'delivered', upstream_id: 'wamid.out' })
    expect(desk.house.reader.nextDutyAtMs()).toBeUndefined()
    expect(desk.house.wakes).toContainEqual({ kind: 'unqueued', messageId: id })
  })

  test('with an echo brings along what came before without one', async () => {
    const id = await desk.queue()
    const { correlation } = await desk.begin(id)
    const atMs = desk.house.clock.epochMs()
    await desk.house.give(statusItem('wamid.out', 'delivered', atMs))
    await desk.house.give(statusItem('wamid.out', 'sent', atMs - 1000, { correlation }))
    expect(await desk.state(id)).toBe('delivered')
    expect(await desk.timeline(id)).toEqual(['queued', 'sending', 'sent', 'delivered'])
  })

  test('with a forged echo does nothing', async () => {
    const id = await desk.queue()
    const { correlation } = await desk.begin(id)
    const [form = '', message = ''] = correlation.split('.')
    const atMs = desk.house.clock.epochMs()
    const forged = [`${form}.${message}.zzz`, `${form}.${message}`, `${correlation}0`, `${form}.zzzz.1`, '', 'x']
    await desk.house.give(
      ...forged.map((echo, index) => statusItem(`wamid.${index}`, 'failed', atMs, { correlation: echo })),
    )
    expect(await desk.timeline(id)).toEqual(['queued', 'sending'])
    expect(desk.house.database.all('SELECT id FROM statuses WHERE message_id IS NOT NULL')).toEqual([])
  })

  test('that comes again changes nothing, but one of another participant counts', async () => {
    const id = await desk.queue()
    await desk.outcome(await desk.begin(id), ACCEPTED('wamid.out'))
    const item = statusItem('wamid.out', 'delivered', desk.house.clock.epochMs())
    await desk.house.give(item, { ...item, atMs: item.atMs - 5, raw: { other: true } })
    const head = desk.house.book.head()
    await desk.house.give(item, { ...item, participant: '+4917' }, { ...item, participant: '+4917' })
    expect(desk.house.book.head()).toBe(head)
    expect(desk.house.database.one('SELECT count(*) AS count FROM statuses')).toEqual({ count: 2 })
  })

  test('of a word that nobody knows is kept and changes nothing', async () => {
    const id = await desk.queue()
    await desk.outcome(await desk.begin(id), ACCEPTED('wamid.out'))
    const item = statusItem('wamid.out', 'sent', desk.house.clock.epochMs())
    await desk.house.give({ ...item, status: 'teleported', state: null })
    expect(await desk.state(id)).toBe('accepted')
    expect(desk.house.database.all('SELECT status FROM statuses')).toEqual([{ status: 'teleported' }])
  })

  test('tells the price, and why a message failed', async () => {
    const id = await desk.queue()
    await desk.outcome(await desk.begin(id), ACCEPTED('wamid.out'))
    const pricing = { category: 'service', type: 'free', model: 'PMP', billable: false }
    await desk.house.give(statusItem('wamid.out', 'failed', desk.house.clock.epochMs() + 9999, { pricing }))
    expect(await desk.message(id)).toMatchObject({ state: 'failed', reason: '131026 Message undeliverable' })
    expect(desk.house.database.one('SELECT price_category, price_type FROM messages WHERE id = ?1', id)).toEqual({
      price_category: 'service',
      price_type: 'free',
    })
    const at = (await desk.message(id))['timeline'] as { at: string }[]
    expect(at.at(-1)?.at).toBe(new Date(desk.house.clock.epochMs()).toISOString())
  })

  test('of a message that nobody here sent is kept, with its person', async () => {
    await desk.house.give(
      statusItem('wamid.foreign', 'sent', desk.house.clock.epochMs(), { recipient: { phone: '+49177' } }),
      statusItem('wamid.group', 'sent', desk.house.clock.epochMs(), { recipient: null }),
    )
    const rows = desk.house.database.all<{ person: number; message_id: null }>(
      'SELECT person, message_id FROM statuses',
    )
    expect(rows.map(({ message_id }) => message_id)).toEqual([null, null])
    expect(rows[0]?.person).toBe(desk.house.vault.findPerson('phone', 'acme', '+49177') ?? -1)
    expect(rows[1]?.person).toBe(0)
  })

  test('of messages that nobody here sent are listed, newest first, for those who see their number', async () => {
    const { house, numberId } = desk
    const id = await desk.queue()
    await desk.outcome(await desk.begin(id), ACCEPTED('wamid.ours'))
    const now = house.clock.epochMs()
    await house.give(
      statusItem('wamid.ours', 'sent', now),
      statusItem('wamid.foreign', 'sent', now - 2000),
      statusItem('wamid.foreign', 'failed', now - 1000),
      statusItem('wamid.other-app', 'read', now - 3000, { space: 'standby' }),
    )
    const ask = { limit: 2, cursor: null, showObject: true }
    const page = house.reader.unmatchedStatuses(ask, SEES_ALL)
    const common = { upstream_id: 'wamid.foreign', number: TEST_ACCOUNT.id }
    expect(page.items).toEqual([
      {
        ...common,
        status: 'failed',
        at: toTime(now - 1000),
        error: { code: 131026, title: 'Message undeliverable' },
        object: { id: 'wamid.foreign', status: 'failed' },
      },
      {
        ...common,
        status: 'sent',
        at: toTime(now - 2000),
        error: null,
        object: { id: 'wamid.foreign', status: 'sent' },
      },
    ])
    const rest = house.reader.unmatchedStatuses({ ...ask, cursor: page.next, showObject: false }, SEES_ALL)
    expect(rest).toMatchObject({ items: [{ upstream_id: 'wamid.other-app', standby: true }], next: null })
    expect(rest.items[0]).not.toHaveProperty('object')
    expect(
      house.reader.unmatchedStatuses(
        ask,
        seeing(1, (seen) => seen.numberId === numberId),
      ).items,
    ).toHaveLength(2)
    expect(
      house.reader.unmatchedStatuses(
        ask,
        seeing(1, (seen) => seen.numberId === numberId + 1),
      ).items,
    ).toHaveLength(0)
  })

  test('of a message that nobody here sent leave the list once a send turns out to be it', async () => {
    const ask = { limit: 2, cursor: null, showObject: true }
    const id = await desk.queue()
    const departure = await desk.begin(id)
    await desk.house.give(statusItem('wamid.early', 'sent', desk.house.clock.epochMs()))
    expect(desk.house.reader.unmatchedStatuses(ask, SEES_ALL).items).toHaveLength(1)
    await desk.outcome(departure, ACCEPTED('wamid.early'))
    expect(desk.house.reader.unmatchedStatuses(ask, SEES_ALL).items).toEqual([])
  })
})

describe('a failure that is told later', () => {
  const failed = (atMs: number, more: object) => statusItem('wamid.out', 'failed', atMs, more)

  async function accepted(): Promise<number> {
    const id = await desk.queue()
    await desk.outcome(await desk.begin(id), ACCEPTED('wamid.out'))
    return id
  }

  const windowOf = async () =>
    (await desk.house.reader.conversation(desk.conversationId, SEES_ALL))?.['window_expires_at']

  test('closes the window for everybody who looks, unless the customer has written since', async () => {
    await accepted()
    const toldAtMs = desk.house.clock.epochMs()
    desk.house.clock.advance(5000)
    await desk.house.give(textItem('wamid.again', desk.house.clock.epochMs()))
    const open = await windowOf()
    const consequences = { pauses: 'nothing', closesWindow: true } as const
    await desk.house.give(failed(toldAtMs, { consequences }))
    expect(await windowOf()).toBe(open)
    const id = await desk.queue()
    await desk.outcome(await desk.begin(id), ACCEPTED('wamid.second'))
    const atMs = desk.house.clock.epochMs()
    await desk.house.give(statusItem('wamid.second', 'failed', atMs, { consequences }))
    expect(await windowOf()).toBeNull()
    expect(JSON.parse((await desk.house.eventsAfter(0)).at(-1) ?? '')).toMatchObject({
      type: 'conversation.updated',
      data: { conversation: { window_expires_at: null } },
    })
  })

  test.each([
    ['just now', 0, 1],
    ['long ago, as a replay tells it', 11 * 60_000, 0],
  ])('%s pauses what must not send', async (_, agoMs, paused) => {
    await accepted()
    const failure = { code: 131042, title: 'Business eligibility payment issue' }
    const consequences = { pauses: 'waba', closesWindow: false } as const
    await desk.house.give(failed(desk.house.clock.epochMs() - agoMs, { failure, consequences }))
    const reason = paused === 1 ? '131042 Business eligibility payment issue' : null
    expect(desk.house.reader.numbers().map((number) => [number.state, number.reason])).toEqual([[paused, reason]])
  })

  test('means nothing more where the message had reached the phone', async () => {
    await accepted()
    const atMs = desk.house.clock.epochMs()
    const consequences = { pauses: 'number', closesWindow: true } as const
    await desk.house.give(statusItem('wamid.out', 'delivered', atMs), failed(atMs, { consequences }))
    expect(desk.house.reader.numbers().map(({ state }) => state)).toEqual([0])
    expect(await windowOf()).not.toBeNull()
  })
})

describe('a status of an earlier attempt', () => {
  test('that failed says nothing of the one that was accepted since', async () => {
    const id = await desk.queue({ whenInDoubt: 'resend', deadlineMs: 600_000 })
    const first = await desk.begin(id)
    await desk.outcome(first, { kind: 'unknown', code: null, reason: 'timeout' })
    await desk.house.ask(endDoubt, { messageId: id, term: 1 })
    await desk.outcome(await desk.begin(id), ACCEPTED('wamid.second'))
    const atMs = desk.house.clock.epochMs()
    await desk.house.give(statusItem('wamid.first-try', 'failed', atMs, { correlation: first.correlation }))
    expect(await desk.message(id)).toMatchObject({ state: 'accepted', upstream_id: 'wamid.second' })
    await desk.house.give(statusItem('wamid.second', 'sent', atMs))
    expect(await desk.state(id)).toBe('sent')
  })

  test('does not stop the attempt that a person asked for after it had failed', async () => {
    const id = await desk.queue()
    const first = await desk.begin(id)
    await desk.outcome(first, ACCEPTED('wamid.first-try'))
    const atMs = desk.house.clock.epochMs()
    await desk.house.give(statusItem('wamid.first-try', 'failed', atMs))
    await desk.house.ask(retryMessage, { messageId: id, deadlineMs: { urgent: 1, reply: 9999, notice: 1, bulk: 1 } })
    const { correlation } = first
    await desk.house.give(
      statusItem('wamid.first-try', 'sent', atMs, { correlation }),
      statusItem('wamid.first-try', 'delivered', atMs),
    )
    expect(await desk.message(id)).toMatchObject({ state: 'queued', upstream_id: null })
    const second = await desk.begin(id)
    expect(second.attempt).toBe(2)
    expect(second.correlation).not.toBe(correlation)
    await desk.outcome(second, ACCEPTED('wamid.second'))
    await desk.house.give(statusItem('wamid.second', 'delivered', atMs))
    expect(await desk.message(id)).toMatchObject({ state: 'delivered', upstream_id: 'wamid.second' })
  })
})
