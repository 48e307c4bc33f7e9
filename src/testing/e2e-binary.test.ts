import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must } from '../core/assert.ts'
import { systemClock } from '../core/clock.ts'
import { webhookOf } from '../simulator/webhook-body.ts'
import { crashText } from './crash/crash-report.ts'
import { runCrashes, wrongOf } from './crash/crash-run.ts'
import { CRASH_NUMBERS, CrashStand } from './crash/stand.ts'
import { BINARY } from './program.ts'
import { seededRandom } from './seeded-random.ts'
import { until } from './test-gateway.ts'
import { testSeed } from './test-seed.ts'

/*
 * What only the built binary can get wrong: that something it needs lies beside it, or is written beside it. The other
 * tests of the process run against it too.
 */

setDefaultTimeout(60_000)

/** Everything but one folder is read-only, and the program starts in the root. */
const READ_ONLY = `
PATH=/usr/bin:/bin
mount --make-rprivate / && mount --bind "$1" "$1" && mount -o remount,bind,ro / || exit 99
shift; cd /; exec env -u HOME -u PATH "$@"`
const UNSHARE = [
  Bun.which('unshare') ?? 'unshare',
  ...(process.getuid?.() === 0 ? [] : ['-r']),
  '-m',
  '/bin/sh',
  '-c',
  READ_ONLY,
  '/bin/sh',
]

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-binary-'))
const canBeReadOnly = Bun.which('unshare') !== null && Bun.spawnSync([...UNSHARE, folder, '/bin/true']).exitCode === 0
const withBinary = test.skipIf(BINARY === undefined)
const onReadOnlyDisk = test.skipIf(BINARY === undefined || !canBeReadOnly)
const RANDOM_KILLS = 6

let stand: CrashStand | undefined
beforeAll(async () => {
  if (BINARY === undefined) return
  const dataFolder = join(folder, 'data')
  mkdirSync(dataFolder)
  const command = canBeReadOnly ? [...UNSHARE, dataFolder, BINARY] : [BINARY]
  stand = await CrashStand.build({ random: seededRandom(11), command, dataFolder })
})
afterAll(async () => {
  await stand?.close()
  rmSync(folder, { recursive: true, force: true })
})

function run(words: readonly string[], env: Record<string, string> = {}) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([must(BINARY, 'the binary'), ...words], { cwd: '/', env })
  return { code: exitCode, out: stdout.toString(), complaints: stderr.toString() }
}

function bodyOf(index: number): string {
  const id = `wamid.binary.${index}`
  const timestamp = String(Math.floor(systemClock.epochMs() / 1000))
  const person = { phone: '447700900142', name: 'Amara Osei', userId: 'GB.142', identity: 'phone' as const }
  const message = { id, timestamp, type: 'text', text: { body: 'Hello' } }
  return JSON.stringify(webhookOf([{ kind: 'message', number: CRASH_NUMBERS[0], person, id, message }]))
}

async function unread(at: CrashStand): Promise<number | undefined> {
  const page = (await (await at.api('/api/v1/conversations'))?.json()) as { items: { unread: number }[] } | undefined
  return page?.items[0]?.unread
}

onReadOnlyDisk(
  'on a read-only disk (needs the built binary and unshare) it keeps everything in its folder',
  async () => {
    const at = must(stand, 'the stand')
    const house = at.start()
    expect(await house.ready(), house.tail()).not.toBeNull()
    expect(await at.postWebhook(bodyOf(1))).toBe(200)
    await until('it is shown', async () => (await unread(at)) === 1)
    await house.kill()
    const again = at.start()
    await again.ready()
    expect(await at.postWebhook(bodyOf(2))).toBe(200)
    await until('both are shown', async () => (await unread(at)) === 2)
    for (const [path, wanted] of [
      ['/', 'Gatehouse'],
      ['/api/docs', 'Gatehouse'],
      ['/api/openapi.json', '"openapi"'],
    ] as const) {
      expect(await (await at.api(path))?.text()).toContain(wanted)
    }

    const port = new URL(at.url).port
    expect(run(['healthcheck'], { GATEHOUSE_HTTP_PORT: port, HTTP_PROXY: 'http://127.0.0.1:1' })).toEqual({
      code: 0,
      out: '',
      complaints: '',
    })
    expect(run(['healthcheck', '--live'], { GATEHOUSE_HTTP_PORT: port }).code).toBe(0)
    expect(await again.stop()).toEqual({ code: 0, signal: null })
    expect(run(['healthcheck'], { GATEHOUSE_HTTP_PORT: port })).toEqual({
      code: 1,
      out: '',
      complaints: `Nobody listens at 127.0.0.1:${port}\n`,
    })
  },
)

withBinary('the binary (needs to be built) takes nothing from files of the folder that it is started in', () => {
  const cwd = mkdtempSync(join(folder, 'cwd-'))
  const port = '22222'
  writeFileSync(join(cwd, '.env'), `GATEHOUSE_HTTP_PORT=${port}\n`)
  writeFileSync(join(cwd, 'bunfig.toml'), 'preload = ["./foreign.js"]\n')
  writeFileSync(join(cwd, 'foreign.js'), 'console.log("foreign code")\n')
  const { exitCode, stdout, stderr } = Bun.spawnSync([must(BINARY, 'the binary'), 'healthcheck'], { cwd, env: {} })
  expect([exitCode, stdout.toString()]).toEqual([1, ''])
  expect(stderr.toString()).not.toContain(port)
})

onReadOnlyDisk('the demo on a read-only disk (needs the built binary and unshare) says what it wants', () => {
  const env = { GATEHOUSE_DATA_DIR: join(folder, 'data'), GATEHOUSE_HTTP_PORT: '0', GATEHOUSE_SIMULATOR_PORT: '0' }
  const words = [...UNSHARE, join(folder, 'data'), must(BINARY, 'the binary'), 'serve']
  const { exitCode, stderr } = Bun.spawnSync(words, { env })
  expect(exitCode).toBe(1)
  expect(stderr.toString()).toMatch(/^Cannot write the demo's master key to \S+ \(EROFS\): choose a data folder .*\n$/)
})

withBinary('the binary, killed at random (needs the built binary), loses nothing and doubles nothing', async () => {
  const seed = testSeed()
  const report = await runCrashes({ seed, perPoint: 0, random: RANDOM_KILLS, command: [must(BINARY, 'the binary')] })
  expect(wrongOf(report), crashText(report)).toEqual([])
  expect(report.messagesIn).toBeGreaterThan(50)
})
