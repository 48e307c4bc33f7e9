import { afterAll, beforeAll, expect, test } from 'bun:test'
import { systemClock } from '../../core/clock.ts'
import { seededRandom } from '../seeded-random.ts'
import { TestGateway, until } from '../test-gateway.ts'
import { faultsOf } from './compare.ts'
import { group } from './group-stories.ts'
import { notice } from './notice-stories.ts'
import { calls, past, send, wishes } from './other-stories.ts'
import { type Posted, packed } from './packing.ts'
import { type PlatformStub, startPlatformStub, templateFor } from './platform-stub.ts'
import { chunks, headOf, type Json, pages, readAll, type Seen, settled } from './seen.ts'
import { manyNames, newIdentity, passing, talk } from './talk-stories.ts'
import { type ExpectedSend, World } from './world.ts'

/*
 * 20,000 things of every kind that the platform says, made up, shuffled, merged, split and doubled, and what each leaves:
 * seen through the API.
 */

const SEED = 20_261_122
const VARIANTS = 20_000
const POSTS_AT_ONCE = 12
const WAIT_MS_MAX = 60_000
const STORIES = [
  ...Array.from({ length: 9 }, () => talk),
  ...[past, passing, calls, wishes, group, newIdentity, manyNames, send, send],
  ...Array.from({ length: 6 }, () => notice),
]

function worldOf(seed: number): World {
  const hoursAgo = 10 * 3600
  const world = new World(seededRandom(seed), Math.floor(systemClock.epochMs() / 1000) - hoursAgo)
  while (world.elements.length < VARIANTS) world.pick(STORIES)(world)
  return world
}

async function post(house: TestGateway, text: string): Promise<void> {
  await until('a body is taken', async () => {
    const { status } = await house.webhook(text)
    if (status !== 200 && status !== 503) throw new Error(`A body was answered with ${status}`)
    return status === 200
  })
}

/** Many at once, as the platform does; a barrier waits for all before it. */
async function postAll(house: TestGateway, posted: readonly Posted[]): Promise<void> {
  let under: Promise<void>[] = []
  for (const { text, isBarrier } of posted) {
    if (isBarrier || under.length >= POSTS_AT_ONCE) {
      await Promise.all(under)
      under = []
    }
    const posting = post(house, text)
    if (isBarrier) await posting
    else under.push(posting)
  }
  await Promise.all(under)
}

async function sendAll(house: TestGateway, sends: readonly ExpectedSend[], groups: ReadonlyMap<string, string>) {
  const all = sends.map(({ id, line, to, groupId }) => ({
    to: to ?? groups.get(groupId ?? ''),
    ...(to === null ? {} : { from: { number: line.id } }),
    type: 'template',
    template: templateFor(id),
  }))
  for (const messages of chunks(all, 500)) {
    let waiting = messages
    await until('a batch is taken', async () => {
      const { body } = await house.api('/api/v1/messages/batch', { messages: waiting })
      const refused = body.results.find(({ state, code }: Json) => state !== 'queued' && code !== 'unavailable')
      if (refused) throw new Error(JSON.stringify(refused))
      waiting = waiting.filter((_, index) => body.results[index].state !== 'queued')
      return waiting.length === 0
    })
  }
}

/** The conversation of each group. */
async function groupsOf(house: TestGateway): Promise<Map<string, string>> {
  const conversations = await pages(house, '/api/v1/conversations')
  return new Map(conversations.filter(({ kind }) => kind === 'group').map(({ id, group }) => [group.id, id]))
}

let house: TestGateway
let platform: PlatformStub
let world: World
let seen: Seen
let posted: Posted[]

beforeAll(async () => {
  platform = startPlatformStub()
  house = await TestGateway.open({ graphUrl: platform.url })
  world = worldOf(SEED)
  posted = packed(world)
  // Statuses of the first half come before the messages they are about.
  const half = posted.length >> 1
  await postAll(house, posted.slice(0, half))
  const sends = [...world.expected.sends.values()]
  await sendAll(
    house,
    sends.filter(({ to }) => to !== null),
    new Map(),
  )
  await postAll(house, posted.slice(half))
  await settled(house)
  await sendAll(
    house,
    sends.filter(({ to }) => to === null),
    await groupsOf(house),
  )
  const isSent = () => platform.sent.size === world.expected.sends.size
  await until('everything is sent', isSent, () => `${platform.sent.size}`, WAIT_MS_MAX)
  await settled(house)
  seen = await readAll(house, world.expected.sends)
}, 120_000)

afterAll(async () => {
  await house.close()
  await platform.stop()
})

test(`20,000 variants leave what they must, seed ${SEED}`, () => {
  expect(world.elements.length).toBeGreaterThanOrEqual(VARIANTS)
  expect({ seed: SEED, faults: faultsOf(world.expected, seen) }).toEqual({ seed: SEED, faults: [] })
})

test('the comparison bites: what is missing, doubled or changed is found', () => {
  const [first, second, third] = [...world.expected.messages.keys()]
  const [mark = ''] = world.expected.notices.keys()
  const messages = new Map(seen.messages)
  messages.delete(first ?? '')
  messages.set(second ?? '', { ...seen.messages.get(second ?? ''), at: null })
  const notices = seen.notices.filter(({ object }) => !JSON.stringify(object).includes(mark))
  const numbers = seen.numbers.map((number) => ({ ...number, facts: {} }))
  for (const spoilt of [
    { messages },
    { doubled: [third ?? ''] },
    { notices },
    { numbers },
    { contacts: [] },
    { groups: [] },
  ]) {
    expect([Object.keys(spoilt), faultsOf(world.expected, { ...seen, ...spoilt })]).not.toEqual([
      Object.keys(spoilt),
      [],
    ])
  }
})

test('nothing of it is in quarantine, and nothing failed', async () => {
  expect(await house.metric('gatehouse_quarantined_items')).toBe(0)
  expect(house.fatal).toEqual([])
})

test('all of it once more changes nothing', async () => {
  const head = await headOf(house)
  const sample = posted.filter((_, index) => index % 4 === 0)
  await postAll(house, sample)
  await settled(house)
  expect((await headOf(house)) - head).toBeLessThanOrEqual(0)
}, 60_000)
