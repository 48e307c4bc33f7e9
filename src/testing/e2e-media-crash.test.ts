import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import type { CrashPoint } from '../core/crash-point.ts'
import { silentLog } from '../core/log.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { CRASHABLE_PROGRAM, freePort } from './program.ts'
import { seededRandom } from './seeded-random.ts'
import { FAST_NUMBER, first, TEST_SECRETS, testConfigText, until } from './test-gateway.ts'

// A process starts in half a second, on a busy machine in several.
setDefaultTimeout(60_000)

const TOKEN = 'a-bootstrap-token-of-forty-characters-or-more'
const PHONE = '+447700900501'

let folder = ''
let url = ''
let simulator: Awaited<ReturnType<typeof startSimulator>>

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-media-crash-'))
  writeFileSync(join(folder, 'gatehouse.toml'), testConfigText())
  writeFileSync(join(folder, 'master.key'), 'ab'.repeat(32))
  const port = freePort()
  url = `http://127.0.0.1:${port}`
  simulator = await startSimulator({
    ...TEST_SECRETS,
    host: '127.0.0.1',
    port: 0,
    webhookUrl: `${url}/webhooks/whatsapp/main`,
    numbers: [{ phoneNumberId: FAST_NUMBER, display: '+15550783881', alias: 'support', wabaId: '102290129340398' }],
    clock: systemClock,
    random: seededRandom(2),
    settings: { webhookRetryMs: 20 },
    log: silentLog,
  })
})
afterEach(async () => {
  await simulator.stop()
  rmSync(folder, { recursive: true })
})

async function serve(crash?: CrashPoint) {
  const child = Bun.spawn([...CRASHABLE_PROGRAM, 'serve'], {
    cwd: folder,
    env: {
      PATH: '/usr/bin:/bin',
      GATEHOUSE_DATA_DIR: join(folder, 'data'),
      GATEHOUSE_MASTER_KEY_FILE: join(folder, 'master.key'),
      GATEHOUSE_HTTP_PORT: new URL(url).port,
      GATEHOUSE_BOOTSTRAP_TOKEN: TOKEN,
      GATEHOUSE_GRAPH_URL: `http://127.0.0.1:${simulator.port}`,
      ...(crash === undefined ? {} : { GATEHOUSE_TEST_CRASH: crash }),
    },
    stdout: 'ignore',
    stderr: 'ignore',
  })
  await until('the house is ready', async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok)
  return child
}

async function get(path: string): Promise<Response> {
  return await fetch(url + path, { headers: { Authorization: `Bearer ${TOKEN}` } })
}

// biome-ignore lint/suspicious/noExplicitAny: a view, whose shape is what tests look at
async function newestMessage(): Promise<any> {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const { items } = (await (await get('/api/v1/conversations')).json()) as any
  return items[0]?.last_message
}

/** Every file of the folder for media, by its path in it. */
function files(): string[] {
  const media = join(folder, 'data', 'media')
  return readdirSync(media, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(media.length + 1))
    .sort()
}

test.each(['media.begun', 'media.whole', 'media.recorded'] as const)(
  'killed at %s, a house that starts again has the file once, and nothing besides',
  async (crash) => {
    const dying = await serve(crash)
    const body = JSON.stringify({ number: 'support', message: { type: 'image', image: {} } })
    const path = `http://127.0.0.1:${simulator.port}/_/customers/${PHONE}/messages`
    await fetch(path, { method: 'POST', body })
    await dying.exited
    expect(dying.signalCode).toBe('SIGKILL')
    expect(files().every((file) => file.startsWith('incoming/'))).toBe(true)

    const house = await serve()
    const message = await until('the file is here', async () => {
      const newest = await newestMessage()
      return newest?.attachments?.[0]?.state === 'ready' && newest
    })
    await until('it is in its place', () => !files().some((file) => file.startsWith('incoming/')))
    const [file, thumbnail, ...more] = files()
    expect(file).toMatch(/^([0-9a-f]{2})\/\1[0-9a-f]{30}$/)
    expect([thumbnail, more]).toEqual([`${file}.thumbnail`, []])
    const original = await fetch(`http://127.0.0.1:${simulator.port}/_/media/${message.image.id}`)
    const served = await get(first<{ url: string }>(message.attachments).url)
    expect(Buffer.from(await served.arrayBuffer()).equals(Buffer.from(await original.arrayBuffer()))).toBe(true)
    house.kill('SIGTERM')
    expect(await house.exited).toBe(0)
  },
)
