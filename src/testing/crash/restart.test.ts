import { afterEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import { must } from '../../core/assert.ts'
import { type Clock, DAY_MS, pause, systemClock } from '../../core/clock.ts'
import { daysIn } from '../../journal/day-file.ts'
import { houseForWork } from '../../relay/house.ts'
import type { Send } from '../../simulator/sends.ts'
import { webhookOf } from '../../simulator/webhook-body.ts'
import { THREADS } from '../../threads.ts'
import { seededRandom } from '../seeded-random.ts'
import { until } from '../test-gateway.ts'
import { CRASH_NUMBERS, CrashStand, type StandOptions } from './stand.ts'

const TEST_MS_MAX = 60_000
const NUMBER = CRASH_NUMBERS[0]
const PERSON = { phone: '447700900142', name: 'Amara Osei', userId: 'GB.142', identity: 'phone' } as const

let stand: CrashStand | undefined
afterEach(async () => {
  await stand?.close()
  stand = undefined
})

async function build(options: Partial<StandOptions> = {}): Promise<CrashStand> {
  stand = await CrashStand.build({ random: seededRandom(systemClock.epochMs()), ...options })
  return stand
}

function messagesBody(ids: readonly string[], more: Parameters<typeof webhookOf>[0] = []): string {
  const timestamp = String(Math.floor(systemClock.epochMs() / 1000))
  const messages = ids.map((id) => ({
    kind: 'message' as const,
    number: NUMBER,
    person: PERSON,
    id,
    message: { id, timestamp, type: 'text', text: { body: 'Hello' } },
  }))
  // Two envelopes in one body, so that what is added comes last.
  const [first, last] = [webhookOf(messages), webhookOf(more)]
  return JSON.stringify({ ...first, entry: [...(first['entry'] as unknown[]), ...(last['entry'] as unknown[])] })
}

interface Message {
  id: string
  upstream_id: string
  state: string
  timeline: { at: string; state: string }[]
}

async function get<T>(from: CrashStand, path: string): Promise<T> {
  return (await (await from.api(path))?.json()) as T
}

async function storedIds(from: CrashStand): Promise<string[]> {
  const { items } = await get<{ items: { id: string }[] }>(from, '/api/v1/conversations')
  const ids: string[] = []
  for (const { id } of items) {
    const { items: messages } = await get<{ items: Message[] }>(from, `/api/v1/conversations/${id}/messages?limit=200`)
    ids.push(...messages.map(({ upstream_id }) => upstream_id))
  }
  return ids.sort()
}

/** A message that the platform carried out, that nobody knows of, and that is to be sent again when doubt ends. */
async function sendInDoubt(on: CrashStand): Promise<Message & { send: Send }> {
  await on.platform('POST', 'faults', { kind: 'statuses_missing' })
  await on.platform('POST', 'faults', { kind: 'accept_then_500', count: 1 })
  const request = {
    to: `+${PERSON.phone}`,
    type: 'text',
    text: { body: 'Your code' },
    class: 'urgent',
    when_in_doubt: 'resend',
  }
  const { id } = await until('the window is open', async () => {
    const response = await on.api('/api/v1/messages', { method: 'POST', body: JSON.stringify(request) })
    return response?.ok ? ((await response.json()) as { id: string }) : undefined
  })
  const message = await until('the message is in doubt', async () => {
    const view = await get<Message>(on, `/api/v1/messages/${id}`)
    return view.state === 'in_doubt' ? view : undefined
  })
  const { items } = await on.platform<{ items: Send[] }>('GET', 'sends')
  return { ...message, send: must(items[0], 'the send') }
}

/**
 * A house dies with the proof that a message in doubt has arrived stored and not applied; undefined if the doubt
 * ended before it was dead.
 */
async function dieWithTheProofUnread(
  waitS: number,
): Promise<{ house: CrashStand; id: string; doubtEndsAtMs: number } | undefined> {
  const house = await build({ doubtWaitS: { urgent: waitS, reply: 120, notice: 120, bulk: 120 } })
  const first = house.start()
  await first.ready()
  expect(await house.postWebhook(messagesBody(['wamid.first']))).toBe(200)
  const { id, send, timeline } = await sendInDoubt(house)
  await first.kill()

  // Much comes first, and last the proof.
  const dying = house.start('journal.after_commit:1')
  await dying.ready()
  const { correlation, wamid } = send
  const known = { number: NUMBER, person: PERSON, id: wamid, correlation, atMs: systemClock.epochMs() }
  const proof = {
    ...known,
    kind: 'status' as const,
    status: 'delivered' as const,
    category: 'service',
    errorCode: null,
  }
  const crowd = Array.from({ length: 5000 }, (_, index) => `wamid.crowd.${index}`)
  await house.postWebhook(messagesBody(crowd, [proof]))
  expect((await dying.exited).signal).toBe('SIGKILL')

  const doubtEndsAtMs = Date.parse(must(timeline.at(-1), 'the doubt').at) + waitS * 1000
  if (systemClock.epochMs() < doubtEndsAtMs) return { house, id, doubtEndsAtMs }
  await house.close()
  return undefined
}

test(
  'nothing is sent again while the status that settles it waits in the journal',
  async () => {
    // How long two starts take is the machine's matter: a busy one gets a longer doubt.
    const dead =
      (await dieWithTheProofUnread(3)) ?? (await dieWithTheProofUnread(10)) ?? (await dieWithTheProofUnread(30))
    const { house, id, doubtEndsAtMs } = must(dead, 'a house that died in time')

    await pause(systemClock, doubtEndsAtMs - systemClock.epochMs())
    const last = house.start()
    await last.ready()
    const settled = await until('the message is settled', async () => {
      const view = await get<Message>(house, `/api/v1/messages/${id}`)
      return view.state === 'delivered' ? view : undefined
    })
    expect(settled.timeline.map(({ state }) => state)).toEqual(['queued', 'sending', 'in_doubt', 'delivered'])
    await last.kill()
  },
  2 * TEST_MS_MAX,
)

test.each(['day.key_made:1', 'day.file_made:1', 'journal.before_mark:1'])(
  'a day begins whole after a kill at %s',
  async (crash) => {
    const house = await build()
    await writeYesterday(house, ['wamid.yesterday.1', 'wamid.yesterday.2'])
    const dying = house.start(crash)
    await Promise.race([dying.exited, dying.ready().then(() => house.postWebhook(messagesBody(['wamid.today'])))])
    expect((await dying.exited).signal).toBe('SIGKILL')

    const next = house.start()
    await next.ready()
    expect(await house.postWebhook(messagesBody(['wamid.today']))).toBe(200)
    await until('all are applied', async () => (await storedIds(house)).length === 3)
    expect(await storedIds(house)).toEqual(['wamid.today', 'wamid.yesterday.1', 'wamid.yesterday.2'])
    expect((await next.stop()).code).toBe(0)
    expect(daysIn(join(house.dataFolder, 'journal'))).toHaveLength(2)
  },
  TEST_MS_MAX,
)

/** A house whose clock is a day behind takes webhooks in and is closed. */
async function writeYesterday(on: CrashStand, ids: readonly string[]): Promise<void> {
  const clock: Clock = { ...systemClock, epochMs: () => systemClock.epochMs() - DAY_MS }
  let appliedSeq = 0
  const { dataFolder: folder, masterKey } = on
  const house = houseForWork({ clock, threads: THREADS, folder, masterKey, webhookBacklogMs: 1000 }, (commit) => {
    appliedSeq = commit.appliedSeq
  })
  await house.open()
  for (const id of ids) await house.inbound.accept('whatsapp/main', Buffer.from(messagesBody([id])))
  await until('yesterday is applied', () => appliedSeq === ids.length)
  await house.close()
}

test(
  'a folder whose first start was killed at any moment starts',
  async () => {
    const house = await build()
    for (const afterMs of [60, 120, 160, 200, 240, 280, 320]) {
      const dying = house.start()
      await dying.endsWithin(afterMs)
      expect((await dying.kill()).signal).toBe('SIGKILL')
    }
    const next = house.start()
    await next.ready()
    expect(await house.postWebhook(messagesBody(['wamid.first']))).toBe(200)
    expect((await next.stop()).code).toBe(0)
  },
  TEST_MS_MAX,
)
