import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { freePort, PROGRAM, readText } from './program.ts'
import { seededRandom } from './seeded-random.ts'
import { FAST_NUMBER, sign, TEST_SECRETS, testConfigText, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

const MASTER_KEY = 'cd'.repeat(32)

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-process-'))
const port = freePort()
/** Every test has a data folder of its own: none may lean on what another left. */
let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(folder, 'data-'))
})
let simulator: Awaited<ReturnType<typeof startSimulator>>
const running = new Set<Child>()

/** The program in a process of its own, with everything it says. */
class Child {
  readonly process
  out = ''
  complaints = ''
  readonly #reading: Promise<unknown>

  constructor(words: string[], env: Record<string, string> = {}) {
    this.process = Bun.spawn([...PROGRAM, ...words], {
      cwd: folder,
      env: {
        PATH: '/usr/bin:/bin',
        GATEHOUSE_CONFIG: join(folder, 'gatehouse.toml'),
        GATEHOUSE_DATA_DIR: dataDir,
        GATEHOUSE_MASTER_KEY_FILE: join(folder, 'master.key'),
        GATEHOUSE_HTTP_PORT: String(port),
        GATEHOUSE_GRAPH_URL: `http://127.0.0.1:${simulator.port}`,
        GATEHOUSE_LOG_LEVEL: 'debug',
        ...env,
      },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    running.add(this)
    this.#reading = Promise.all([
      readText(this.process.stdout, (text) => {
        this.out += text
      }),
      readText(this.process.stderr, (text) => {
        this.complaints += text
      }),
    ])
  }

  async ended(): Promise<number> {
    const code = await this.process.exited
    await this.#reading
    running.delete(this)
    return code
  }

  async ready(): Promise<this> {
    await until(
      'the house is ready',
      async () => (await fetch(`${URL_OF_HOUSE}/readyz`).catch(() => undefined))?.ok,
      () => this.complaints + this.out,
    )
    // The greeting comes after the first request can be answered.
    await until('the house has greeted', async () => this.complaints.includes('Gatehouse   http'))
    return this
  }
}

const URL_OF_HOUSE = `http://127.0.0.1:${port}`

beforeAll(async () => {
  writeFileSync(join(folder, 'gatehouse.toml'), testConfigText())
  writeFileSync(join(folder, 'master.key'), MASTER_KEY)
  simulator = await startSimulator({
    ...TEST_SECRETS,
    host: '127.0.0.1',
    port: 0,
    webhookUrl: `${URL_OF_HOUSE}/webhooks/whatsapp/main`,
    numbers: [{ phoneNumberId: FAST_NUMBER, display: '+15550783881', alias: 'support', wabaId: '102290129340398' }],
    clock: systemClock,
    random: seededRandom(3),
    settings: { sentAfterMs: 5, deliveredAfterMs: 10, readAfterMs: 20, webhookRetryMs: 20 },
    log: silentLog,
  })
})

afterAll(async () => {
  for (const child of running) child.process.kill('SIGKILL')
  await simulator.stop()
  rmSync(folder, { recursive: true, force: true })
})

const PHONE = '+15550600001'
const NAME = 'Wilhelmina Featherstone'
const TEXT = 'The parcel with the violin has not come'
const ANSWER = 'It is on its way, with a new violin string'

async function api(key: string, path: string, body?: unknown) {
  const response = await fetch(URL_OF_HOUSE + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { Authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return (await response.json()) as Record<string, unknown> & { items: Record<string, unknown>[] }
}

async function simulated(path: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${simulator.port}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  })
  return (await response.json()) as Record<string, unknown>
}

async function quarantined(): Promise<number> {
  const metrics = await (await fetch(`${URL_OF_HOUSE}/metrics`)).text()
  return Number(/^gatehouse_quarantined_items (\d+)$/m.exec(metrics)?.[1] ?? Number.NaN)
}

describe('the program, served', () => {
  test('tells the key once, takes a folder for itself, replays, logs no person, and drains at SIGTERM', async () => {
    const house = await new Child(['serve']).ready()
    const key = /API key\s+(gh_[\w-]{43})/.exec(house.complaints)?.[1] ?? ''
    expect(key).not.toBe('')

    expect(await simulated(`/_/customers/${PHONE}/messages?wait=1`, { text: TEXT, name: NAME })).toMatchObject({
      delivered: true,
    })
    const conversation = await until('the conversation', async () => (await api(key, '/api/v1/conversations')).items[0])

    // A second process on the same folder.
    const second = new Child(['serve'], { GATEHOUSE_HTTP_PORT: '0' })
    expect(await second.ended()).toBe(1)
    expect(second.complaints).toBe(
      'Another Gatehouse is using this data folder: stop it first, or choose another folder\n',
    )

    // What cannot be understood is put aside; given in again it is put aside again, once.
    const broken = '{"object":'
    await fetch(`${URL_OF_HOUSE}/webhooks/whatsapp/main`, {
      method: 'POST',
      body: broken,
      headers: { 'X-Hub-Signature-256': sign(broken) },
    })
    await until('it is put aside', async () => (await quarantined()) === 1)
    const replay = new Child(['replay', '--quarantine'])
    expect(await replay.ended()).toBe(0)
    expect(replay.out).toBe('Given in again: 1\n')
    await until('it is put aside again', async () => (await quarantined()) === 1)
    const range = new Child(['replay', '--from', '1', '--to', '1'])
    expect(await range.ended()).toBe(0)
    expect(range.out).toBe('Given in again: 1\n')

    // An answer that is under way when the house is asked to end is waited for.
    await simulated('/_/faults', { kind: 'slow', ms: 1000, count: 1 })
    const sent = await api(key, '/api/v1/messages', { to: conversation['id'], type: 'text', text: { body: ANSWER } })
    await until(
      'it is being sent',
      async () => (await api(key, `/api/v1/messages/${sent['id']}`))['state'] !== 'queued',
    )
    const startedMs = performance.now()
    house.process.kill('SIGTERM')
    expect(await house.ended()).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(15_000)

    const lines = house.out.trim().split('\n')
    expect(lines.length).toBeGreaterThan(3)
    const spoken = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(spoken.filter(({ msg }) => msg === 'message')).toContainEqual(
      expect.objectContaining({
        number: 'support',
        direction: 'in',
        message: expect.stringMatching(/^msg_/),
        ms: expect.any(Number),
      }),
    )
    for (const secret of [
      TEXT,
      ANSWER,
      'violin',
      PHONE.slice(1),
      NAME,
      'Wilhelmina',
      key,
      MASTER_KEY,
      ...Object.values(TEST_SECRETS),
    ]) {
      expect({ secret, isLogged: house.out.includes(secret) }).toEqual({ secret, isLogged: false })
    }

    // Alone, with nobody serving: the same.
    const alone = new Child(['replay', '--quarantine'])
    expect(await alone.ended()).toBe(0)
    expect(alone.out).toBe('Given in again: 1\n')

    // And everything is there again, the key untold; the answer that was slow is not in doubt.
    const again = await new Child(['serve']).ready()
    expect(again.complaints).not.toContain('API key')
    await until('read', async () => (await api(key, `/api/v1/messages/${sent['id']}`))['state'] === 'read')
    expect(await quarantined()).toBe(1)
    again.process.kill('SIGINT')
    expect(await again.ended()).toBe(0)
  }, 30_000)

  test.each([
    ['a wrong value', { GATEHOUSE_HTTP_PORT: 'many' }, 'GATEHOUSE_HTTP_PORT'],
    ['a missing file', { GATEHOUSE_CONFIG: '/absent.toml' }, 'GATEHOUSE_CONFIG'],
    ['a missing key', { GATEHOUSE_MASTER_KEY_FILE: '/absent.key' }, 'GATEHOUSE_MASTER_KEY_FILE'],
  ])('with %s ends with 2 and opens nothing', async (_, env, named) => {
    const child = new Child(['serve'], { GATEHOUSE_DATA_DIR: join(folder, 'never'), ...env })
    expect(await child.ended()).toBe(2)
    expect(child.complaints).toContain(named)
    expect(child.out).toBe('')
    expect(await Bun.file(join(folder, 'never/lock.db')).exists()).toBe(false)
  })

  test('with another master key refuses the folder with 1', async () => {
    writeFileSync(join(folder, 'other.key'), 'ef'.repeat(32))
    const first = await new Child(['serve']).ready()
    first.process.kill('SIGTERM')
    expect(await first.ended()).toBe(0)
    const child = new Child(['serve'], { GATEHOUSE_MASTER_KEY_FILE: join(folder, 'other.key') })
    expect(await child.ended()).toBe(1)
    expect(child.complaints).toMatch(/master key/i)
  })

  const taken = () => String(simulator.port)
  test.each([
    ['serve', () => ({ GATEHOUSE_HTTP_PORT: taken() })],
    ['serve', () => ({ GATEHOUSE_HTTP_PORT: '0', GATEHOUSE_OPERATIONS_LISTEN: `127.0.0.1:${taken()}` })],
    ['simulate', () => ({ GATEHOUSE_SIMULATOR_PORT: taken() })],
  ])('%s at a port that is taken ends with 1, in words, and lets the folder go', async (command, env) => {
    const child = new Child([command], env())
    expect(await child.ended()).toBe(1)
    expect(child.complaints).toMatch(new RegExp(`^[^\\n]*${taken()}[^\\n]*\\n$`))
    // The simulator has no folder: nothing is there to replay.
    const alone = new Child(['replay', '--quarantine'])
    expect(await alone.ended()).toBe(command === 'simulate' ? 1 : 0)
  })
})
