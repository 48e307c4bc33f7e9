/**
 * What signing in costs: `bun scripts/bench/sign-in.ts [people]`. First how long a browser session takes to be resolved
 * from memory; then that many people (500) come in within ten seconds, at a house of its own, while the main thread's loop
 * is watched from inside.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pause, systemClock } from '../../src/core/clock.ts'
import { BrowserSessions } from '../../src/people/browser-sessions.ts'
import { GIVEN_ROLES } from '../../src/people/roles.ts'
import { TestBrowser } from '../../src/testing/browser.ts'
import { TEST_PASSWORD } from '../../src/testing/sign-in-requests.ts'
import { TestGateway } from '../../src/testing/test-gateway.ts'

const PEOPLE = Number(process.argv[2] ?? 500)
const SPAN_MS = 10_000
const ASKS = 200_000
const SESSIONS = 1_000

async function sessionCheck(): Promise<void> {
  const sessions = new BrowserSessions({
    clock: systemClock,
    accounts: {
      beginSession: async () => [],
      endSessions: async () => {},
      noteUses: async () => {},
    },
    times: () => ({ idleMs: 3_600_000, absoluteMs: 3_600_000 }),
    standingOf: () => ({ role: 'agent', permissions: GIVEN_ROLES.agent, teamIds: [1], numberIds: [2] }),
    workspacesOf: () => [{ id: 1, name: 'main' }],
    onEnd: () => {},
    onFault: () => {},
  })
  const tokens: string[] = []
  for (let index = 0; index < SESSIONS; index++) {
    tokens.push((await sessions.begin({ personId: index, device: 'bench', method: 'password' })).token)
  }
  for (const token of tokens) sessions.principalOf(token, null)
  const startedMs = systemClock.monoMs()
  for (let index = 0; index < ASKS; index++) sessions.principalOf(tokens[index % SESSIONS] ?? '', null)
  const each = ((systemClock.monoMs() - startedMs) * 1000) / ASKS
  console.log(`a session resolved from memory: ${each.toFixed(2)} µs (${SESSIONS} sessions, ${ASKS} times)`)
}

/** The clients share this process with the house, so that what is seen of the loop is more than the house's part. */
async function rush(): Promise<void> {
  const house = await TestGateway.open({ place: mkdtempSync(join(tmpdir(), 'bench-sign-in-')) })
  const emails: string[] = []
  for (let index = 0; index < PEOPLE; index++) {
    const email = `somebody${index}@example.com`
    const { body } = await house.api('/api/v1/people', { name: `Somebody ${index}`, email, role: 'agent' })
    const { body: link } = await house.api(`/api/v1/people/${body.id}/link`, { kind: 'invitation' })
    const token = String(link.url).split('#link=')[1] ?? ''
    await new TestBrowser(house).post('/api/auth/links', { token, password: TEST_PASSWORD })
    emails.push(email)
  }
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const seconds: number[] = []
  const failures = new Map<number, number>()
  delay.enable()
  const startedMs = systemClock.monoMs()
  await Promise.all(
    emails.map(async (email, index) => {
      await pause(systemClock, (index * SPAN_MS) / PEOPLE)
      const askedMs = systemClock.monoMs()
      const { status } = await new TestBrowser(house).post('/api/auth/sign-in', { email, password: TEST_PASSWORD })
      if (status === 200) seconds.push((systemClock.monoMs() - askedMs) / 1000)
      else failures.set(status, (failures.get(status) ?? 0) + 1)
    }),
  )
  delay.disable()
  const tookS = (systemClock.monoMs() - startedMs) / 1000
  seconds.sort((one, other) => one - other)
  const at = (share: number) => (seconds[Math.floor(share * (seconds.length - 1))] ?? 0).toFixed(2)
  console.log(
    `${seconds.length} of ${PEOPLE} signed in, all within ${tookS.toFixed(1)} s; others: ${JSON.stringify([...failures])}`,
  )
  console.log(`each waited p50 ${at(0.5)} s, p99 ${at(0.99)} s`)
  const lag = (percentile: number) => (delay.percentile(percentile) / 1e6).toFixed(1)
  console.log(`loop lag meanwhile: p50 ${lag(50)} ms, p99 ${lag(99)} ms, most ${(delay.max / 1e6).toFixed(1)} ms`)
  await house.close()
  rmSync(house.folder, { recursive: true, force: true })
}

await sessionCheck()
await rush()
process.exit(0)
