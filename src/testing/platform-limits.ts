import { pause, systemClock } from '../core/clock.ts'
import { ChaosProxy } from './chaos-proxy.ts'
import { TestGateway, until } from './test-gateway.ts'

export interface PlatformLimitsPlan {
  /** What the platform takes of each number in a second; the house does not know it. */
  allowed: number
  seconds: number
  /** `Retry-After` of the platform's refusals; null: it says nothing. */
  retryAfterS: number | null
}

export interface PlatformLimitsReport {
  /** Of what the platform would have taken of the overloaded number after the first two seconds, what it was sent. */
  usedRatio: number
  refused: number
  sentFromOverloaded: number
  doubled: number
  /** From queued to the platform's yes, milliseconds: urgent messages on the overloaded number. */
  urgentMsMax: number
  /** The same of replies on the other number, which is within its limit. */
  otherMsMax: number
}

const PEOPLE = 30
/** Bulk goes to others than codes: a conversation keeps its order, and would make a code wait for its bulk. */
const BULK_PEOPLE = 20
const URGENT_EVERY_MS = 500
const OTHER_EVERY_MS = 250
const LEARNING_MS = 2_000
const BATCH = 500
const TAKEN = new Set(['accepted', 'sent', 'delivered', 'read'])

/** Twice as much bulk as a number may send, and beside it codes on the same number and replies on another. */
export async function runPlatformLimits(plan: PlatformLimitsPlan): Promise<PlatformLimitsReport> {
  let target = ''
  const headers = plan.retryAfterS === null ? '' : `Retry-After: ${plan.retryAfterS}`
  const proxy = new ChaosProxy(
    () => target,
    () => 'pass',
    headers,
  )
  const graphUrl = await proxy.start()
  const house = await TestGateway.open({ graphUrl, simulator: { windowMode: 'off' } })
  target = house.simulatorUrl
  try {
    const people = {
      support: await conversations(house, 'support', 1000),
      slow: await conversations(house, 'slow', 2000),
    }
    // Customers' messages count too: their second has to be over.
    await pause(systemClock, 1100)
    await house.simulator('/_/settings', { messages_per_second: plan.allowed }, 'PATCH')
    const bulk = plan.allowed * plan.seconds * 2
    for (let from = 0; from < bulk; from += BATCH) {
      const messages = Array.from({ length: Math.min(BATCH, bulk - from) }, (_, index) =>
        textTo(people.support[(from + index) % BULK_PEOPLE], `bulk ${from + index}`, 'bulk'),
      )
      await house.api('/api/v1/messages/batch', { messages })
    }
    const startMs = systemClock.epochMs()
    const urgent = trickle(house, people.support.slice(BULK_PEOPLE), {
      messageClass: 'urgent',
      everyMs: URGENT_EVERY_MS,
      plan,
    })
    const other = trickle(house, people.slow, { messageClass: 'reply', everyMs: OTHER_EVERY_MS, plan })
    const [urgentMs, otherMs] = await Promise.all([urgent, other])
    return await measure(house, plan, { startMs, urgentMsMax: Math.max(...urgentMs), otherMsMax: Math.max(...otherMs) })
  } finally {
    await proxy.stop()
    await house.close()
  }
}

async function conversations(house: TestGateway, number: string, from: number): Promise<string[]> {
  const ids: string[] = []
  for (let person = 0; person < PEOPLE; person++) {
    const phone = `+1555033${from + person}`
    await house.write(phone, 'Hello', { number })
    ids.push((await house.conversationOf(phone)).id)
  }
  return ids
}

function textTo(to: string | undefined, body: string, messageClass: string): object {
  return { to, type: 'text', text: { body }, class: messageClass, deadline_ms: 600_000 }
}

/** Sends one now and then; answers how long each took until the platform's yes. */
async function trickle(
  house: TestGateway,
  people: readonly string[],
  { messageClass, everyMs, plan }: { messageClass: string; everyMs: number; plan: PlatformLimitsPlan },
): Promise<number[]> {
  const ids: string[] = []
  for (let sentMs = 0; sentMs < plan.seconds * 1000; sentMs += everyMs) {
    const { body } = await house.api(
      '/api/v1/messages',
      textTo(people[ids.length % people.length], `${messageClass} ${ids.length}`, messageClass),
    )
    if (!body.id) throw new Error(`Not taken: ${JSON.stringify(body)}`)
    ids.push(body.id)
    await pause(systemClock, everyMs)
  }
  return await Promise.all(ids.map((id) => waitOf(house, id, messageClass)))
}

async function waitOf(house: TestGateway, id: string, messageClass: string): Promise<number> {
  const steps = await until(`the ${messageClass} is taken`, async () => {
    const { body } = await house.api(`/api/v1/messages/${id}`)
    return takenAt(body.timeline) !== undefined && (body.timeline as Step[])
  })
  return Date.parse(takenAt(steps) ?? '') - Date.parse(steps[0]?.at ?? '')
}

interface Step {
  state: string
  at: string
}

/** The platform's yes, or its first status where that was quicker. */
function takenAt(timeline: readonly Step[]): string | undefined {
  return timeline.find(({ state }) => TAKEN.has(state))?.at
}

async function measure(
  house: TestGateway,
  { allowed, seconds }: PlatformLimitsPlan,
  { startMs, ...waits }: { startMs: number; urgentMsMax: number; otherMsMax: number },
): Promise<PlatformLimitsReport> {
  const { body } = await house.simulator('/_/sends?number=support&limit=10000')
  const sends = body.items as { at: string; text: string; outcome: string }[]
  const endMs = startMs + seconds * 1000
  const learned = sends.filter(({ at }) => Date.parse(at) >= startMs + LEARNING_MS && Date.parse(at) < endMs)
  const health = await house.simulator('/_/health')
  return {
    usedRatio: learned.length / (allowed * (seconds - LEARNING_MS / 1000)),
    refused: Object.values<number>(health.body.refusals).reduce((sum, count) => sum + count, 0),
    sentFromOverloaded: sends.length,
    doubled: sends.length - new Set(sends.map(({ text }) => text)).size,
    ...waits,
  }
}
