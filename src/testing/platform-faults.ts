import { CHAOS, type Chaos, ChaosProxy } from './chaos-proxy.ts'
import { seededRandom } from './seeded-random.ts'
import { TestGateway, until } from './test-gateway.ts'

export interface PlatformFaultsPlan {
  seed: number
  messages: number
  /** The share of requests that something happens to. */
  faultShare: number
  /** How long everything may take to settle, in milliseconds. */
  settleMs: number
}

/** What became of the messages of a run. All but the last group have to be 0. */
export interface PlatformFaultsReport {
  lost: string[]
  doubled: string[]
  stuck: string[]
  /** Ended in a state that what really happened does not allow. */
  wrong: string[]
  faults: Record<string, number>
  inDoubt: number
  /** In doubt, carried out, and settled by a status with our id. */
  settled: number
  settledSecondsP95: number
  attemptsMax: number
  states: Record<string, number>
}

const KINDS = Object.keys(CHAOS).filter((kind) => kind !== 'pass') as Chaos[]
const FINAL = new Set(['read', 'held', 'failed', 'expired'])
/** So many conversations, so that no pair is in the way and an open breaker holds no one conversation alone. */
const PEOPLE = 40
const PAGE = 500

interface Step {
  state: string
  at: string
  reason: string | null
  attempt: number | null
}

/** A house before a platform whose answers are lost, spoilt and invented, and the comparison of what both sides know. */
export async function runPlatformFaults(plan: PlatformFaultsPlan): Promise<PlatformFaultsReport> {
  const random = seededRandom(plan.seed)
  let isCalm = false
  const choose = (): Chaos => {
    if (isCalm || random() > plan.faultShare) return 'pass'
    return KINDS[Math.floor(random() * KINDS.length)] ?? 'pass'
  }
  // The proxy needs the simulator's address, which is known only once the house is up.
  let target = ''
  const proxy = new ChaosProxy(() => target, choose)
  const house = await TestGateway.open({ graphUrl: await proxy.start(), sendTimeoutMs: 500 })
  target = house.simulatorUrl
  try {
    const ids = await sendAll(house, plan.messages)
    await until('all have had their first try', async () => (await waiting(house)) === 0, undefined, plan.settleMs)
    isCalm = true
    await untilSettled(house, ids, plan.settleMs)
    return await compare(house, ids, proxy)
  } finally {
    await proxy.stop()
    await house.close()
  }
}

async function sendAll(house: TestGateway, count: number): Promise<string[]> {
  const conversations: string[] = []
  for (let person = 0; person < PEOPLE; person++) {
    const phone = `+1555032${1000 + person}`
    await house.write(phone, 'Hello')
    conversations.push((await house.conversationOf(phone)).id)
  }
  const ids: string[] = []
  for (let from = 0; from < count; from += PAGE) {
    const messages = Array.from({ length: Math.min(PAGE, count - from) }, (_, index) => ({
      to: conversations[(from + index) % PEOPLE],
      type: 'text',
      text: { body: `chaos ${from + index}` },
      deadline_ms: 600_000,
    }))
    const { body } = await house.api('/api/v1/messages/batch', { messages })
    for (const result of body.results) ids.push(result.id)
  }
  return ids
}

async function waiting(house: TestGateway): Promise<number> {
  const { body } = await house.request('/metrics')
  const lines = String(body)
    .split('\n')
    .filter((line) => line.startsWith('gatehouse_queue_messages{'))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

async function untilSettled(house: TestGateway, ids: readonly string[], waitMs: number): Promise<void> {
  const open = new Set(ids)
  const look = async () => {
    for (const id of open) {
      const { body } = await house.api(`/api/v1/messages/${id}`)
      if (!FINAL.has(body.state)) return false
      open.delete(id)
    }
    return true
  }
  // What is stuck is told by the comparison.
  await until('all have settled', look, undefined, waitMs).catch(() => {})
}

async function compare(house: TestGateway, ids: readonly string[], proxy: ChaosProxy): Promise<PlatformFaultsReport> {
  const executed = await executedTexts(house)
  const told = await toldOf(house)
  const report: PlatformFaultsReport = {
    lost: [],
    doubled: [],
    stuck: [],
    wrong: [],
    faults: Object.fromEntries([...proxy.counts].filter(([kind]) => kind !== 'pass')),
    inDoubt: 0,
    settled: 0,
    settledSecondsP95: 0,
    attemptsMax: 0,
    states: {},
  }
  const seconds: number[] = []
  for (const [index, id] of ids.entries()) {
    const { status, body } = await house.api(`/api/v1/messages/${id}`)
    const times = executed.get(`chaos ${index}`) ?? 0
    if (status !== 200) report.lost.push(id)
    else note(report, { id, state: body.state, timeline: body.timeline, times })
    if (times > 0) seconds.push(...doubtSeconds(told.get(id) ?? []))
  }
  seconds.sort((one, other) => one - other)
  report.settled = seconds.length
  report.settledSecondsP95 = seconds[Math.floor(seconds.length * 0.95)] ?? 0
  return report
}

interface Ended {
  id: string
  state: string
  timeline: readonly Step[]
  /** How often the platform carried it out. */
  times: number
}

function note(report: PlatformFaultsReport, { id, state, timeline, times }: Ended): void {
  if (times > 1) report.doubled.push(id)
  if (!FINAL.has(state)) report.stuck.push(`${id}: ${state}`)
  // What was carried out has its statuses, which name it; what was not cannot be read.
  if (times > 0 !== (state === 'read')) report.wrong.push(`${id}: ${state}, carried out ${times} times`)
  report.states[state] = (report.states[state] ?? 0) + 1
  report.attemptsMax = Math.max(report.attemptsMax, ...timeline.map(({ attempt }) => attempt ?? 0))
  if (timeline.some((step) => step.state === 'in_doubt')) report.inDoubt += 1
}

/** What the events said of each message, by the house's own clock: a status has the platform's, in whole seconds. */
async function toldOf(house: TestGateway): Promise<Map<string, Step[]>> {
  const told = new Map<string, Step[]>()
  for (let after = 0; ; ) {
    const { body } = await house.api(`/api/v1/events?after=${after}&limit=500`)
    for (const { type, at, data } of body.events) {
      if (type !== 'message.state') continue
      told.set(data.message_id, [...(told.get(data.message_id) ?? []), { ...data, at }])
    }
    if (body.events.length === 0) return told
    after = body.upto
  }
}

/** How long a message that was carried out was in doubt; empty where it never was. */
function doubtSeconds(timeline: readonly Step[]): number[] {
  const doubt = timeline.findIndex(({ state }) => state === 'in_doubt')
  const from = timeline[doubt]
  const upto = timeline[doubt + 1]
  return from && upto ? [(Date.parse(upto.at) - Date.parse(from.at)) / 1000] : []
}

/** How often each text was carried out, as the platform knows it. */
async function executedTexts(house: TestGateway): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (let after = 0; ; ) {
    const { body } = await house.simulator(`/_/sends?limit=10000&after=${after}`)
    for (const { text } of body.items) counts.set(text, (counts.get(text) ?? 0) + 1)
    const last = body.items.at(-1)
    if (!last || last.index + 1 >= body.total) return counts
    after = last.index + 1
  }
}
