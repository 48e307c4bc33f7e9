import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CommandContext, EXIT_OK, EXIT_USAGE, type Loaded } from '../../cli/commands.ts'
import { problemLine } from '../../config/problem.ts'
import { type Config, loadConfig } from '../../config.ts'
import { FAST_NUMBER, TEST_SECRETS, TestGateway, testConfigText, until } from '../../testing/test-gateway.ts'
import type { BundleManifest } from './bundle.ts'
import { supportBundleCommand } from './command.ts'

setDefaultTimeout(20_000)

/** What people are, say and are called. None of it may be found anywhere; `MARK` is in all that is free text. */
const MARK = 'kanarienvogel'
const PHONE = '+15550990011'
const CANARIES = [
  MARK,
  '15550990011',
  '555-099-0011',
  '(555) 099',
  '15550990022',
  '15550783881',
  'canary.example',
  'wamid.',
  'VIDEOLINK',
  ...Object.values(TEST_SECRETS),
]

function statusOf(id: string | undefined, errors: object[]): string {
  const status = { id, status: 'failed', timestamp: '1795367000', recipient_id: PHONE.slice(1), errors }
  const value = { messaging_product: 'whatsapp', metadata: { phone_number_id: FAST_NUMBER }, statuses: [status] }
  const changes = [{ field: 'messages', value }]
  return JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '102290129340398', changes }] })
}

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-support-'))
let house: TestGateway
let wamids: string[]
let metricsText = ''

beforeAll(async () => {
  house = await TestGateway.open({ sendTimeoutMs: 300 })
  wamids = [await house.write(PHONE, `My ${MARK} at zebulon@canary.example, 555-099-0011`, { name: `Zebulon ${MARK}` })]
  const { id, contact } = await house.conversationOf(PHONE)
  const text = (body: string) => ({ to: id, type: 'text', text: { body }, reference: MARK })
  const sent = await house.api('/api/v1/messages', text(`Dear ${MARK}`))
  wamids.push((await house.messageIn('read', sent.body.id)).upstream_id)
  // A send that is refused, and statuses whose errors speak of people.
  const fault = await house.simulator('/_/faults', { kind: 'refuse', count: 1 })
  expect(fault.status).toBeLessThan(300)
  const refused = await house.api('/api/v1/messages', text(`Again ${MARK}`))
  await house.messageIn('failed', refused.body.id)
  const errors = [{ code: 131047, title: MARK, message: `${MARK} ${PHONE}`, error_data: { details: PHONE } }]
  for (const id of wamids) await house.webhook(statusOf(id, errors))
  // What cannot be applied, what is signed wrongly, what nobody knows, and requests that are wrong.
  await house.webhook(`{"object":"${MARK}", broken from=15550990022 wamid.BROKEN`)
  await house.webhook(`{"object":"${MARK}"}`, { signature: 'sha256=00' })
  await house.webhook(
    JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [{ id: '1', changes: [{ field: MARK, value: { phone: PHONE } }] }],
    }),
  )
  await house.api('/api/v1/messages', { to: PHONE, type: MARK, [MARK]: { body: MARK } })
  await house.api(`/api/v1/conversations/${MARK}?phone=${PHONE.slice(1)}`)
  await house.api('/api/v1/search', { q: `${MARK} ${PHONE}` })
  await house.request(`/${MARK}/${PHONE}`)
  await house.api(`/api/v1/contacts/${contact.id}`, { name: `Zebulon ${MARK}`, attributes: { note: MARK } })
  await until('two are in quarantine or counted', async () => (await house.metric('gatehouse_quarantined_items')) > 0)
  metricsText = (await house.request('/metrics')).body
})
afterAll(async () => {
  await house.close()
  rmSync(folder, { recursive: true, force: true })
})

let bundles = 0

interface Made {
  code: number
  path: string
  printed: string
  files: Map<string, string>
  manifest: BundleManifest
}

async function make(load: () => Loaded<Config>, options: CommandContext<Config>['options'] = {}): Promise<Made> {
  const path = typeof options['to'] === 'string' ? options['to'] : join(folder, `bundle-${++bundles}.tar.gz`)
  const printed: string[] = []
  const say = (line: string) => void printed.push(line)
  const context = { options: { to: path, ...options }, operand: undefined, loadConfig: load, print: say, complain: say }
  const environment = ['GATEHOUSE_MASTER_KEY_FILE', 'WA_APP_SECRET', 'TZ', `SOMETHING_${MARK}`, 'PATH']
  const code = await supportBundleCommand(context, environment)
  const files = existsSync(path) ? unpacked(readFileSync(path)) : new Map<string, string>()
  const manifest = JSON.parse(files.get('manifest.json') ?? '{}') as BundleManifest
  return { code, path, printed: printed.join('\n'), files, manifest }
}

/** Reads a ustar archive: names and sizes stand at fixed places of each header. */
function unpacked(archive: Uint8Array): Map<string, string> {
  const bytes = Buffer.from(Bun.gunzipSync(new Uint8Array(archive)))
  const files = new Map<string, string>()
  for (let at = 0; bytes[at] !== 0; ) {
    const name = bytes.toString('latin1', at, at + 100).replace(/\0.*/s, '')
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 135), 8)
    files.set(name.slice(name.indexOf('/') + 1), bytes.toString('utf8', at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

function found(text: string): string[] {
  const low = text.toLowerCase()
  return [...CANARIES, ...wamids].filter((canary) => low.includes(canary.toLowerCase()))
}

const right = (): Loaded<Config> => ({ ok: true, config: house.config() })

describe('beside a running house', () => {
  let made: Made
  beforeAll(async () => {
    made = await make(right)
  })

  test('the bundle says of itself what is in it, and its hashes are right', () => {
    expect(`${made.printed} ${made.code}`).toEndWith(` ${EXIT_OK}`)
    expect(statSync(made.path).mode & 0o777).toBe(0o600)
    expect([...made.files.keys()]).toEqual(['manifest.json', ...made.manifest.files.map(({ path }) => path)])
    for (const { path, sha256, bytes } of made.manifest.files) {
      const content = made.files.get(path) ?? ''
      expect([path, createHash('sha256').update(content).digest('hex'), Buffer.byteLength(content)]).toEqual([
        path,
        sha256,
        bytes,
      ])
      expect(made.printed).toContain(path)
    }
    expect(made.manifest.problems).toEqual([])
  })

  test('it holds what somebody needs to help', () => {
    const json = (path: string) => JSON.parse(made.files.get(path) ?? 'null')
    expect(json('versions.json')).toMatchObject({ bun: Bun.version, system: process.platform })
    expect(json('configuration.json')).toMatchObject({
      right: true,
      http: { port: expect.any(Number) },
      whatsapp: {
        app: [{ id: 'main', app_secret: 'set' }, { app_secret_previous: 'absent' }],
        number: [{ alias: 'support', display: 'set' }, {}],
      },
    })
    expect(json('environment.json')).toEqual(['GATEHOUSE_MASTER_KEY_FILE', 'TZ', 'WA_APP_SECRET'])
    expect(json('house.json')).toMatchObject({ running: true, checks: { journal: true } })
    expect(json('schema.json')['records.db'].tables).toMatchObject({ house: 1, conversations: 1 })
    expect(json('schema.json')['records.db'].indexes).toContain('messages_held')
    expect(Object.keys(json('schema.json')).some((name) => name.startsWith('journal/'))).toBe(true)
    expect(json('files.json').bytes['records.db']).toBeGreaterThan(0)
    expect(json('quarantine.json')).toEqual([{ reason: expect.any(String), count: 1 }])
    expect(json('doctor.json').length).toBeGreaterThan(3)
    expect(made.files.get('metrics.txt')).toContain('gatehouse_webhooks_total{outcome="stored"}')
    const lines = (made.files.get('log.jsonl') ?? '').trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).msg)).toContain('gateway started')
  })

  test('nothing of anybody is in the bundle, the logs or the metrics', () => {
    expect(found('a sentence with KANARIENVOGEL in it')).toEqual([MARK])
    for (const [path, content] of made.files) expect([path, ...found(content)]).toEqual([path])
    expect(found(made.printed)).toEqual([])
    expect(found(house.lines.join('\n'))).toEqual([])
    expect(found(metricsText)).toEqual([])
    expect(metricsText).toContain('gatehouse_quarantined_items 1')
  })

  test('a number without an alias is not told either', async () => {
    const config = { ...house.config() }
    const number = { ...config.whatsapp.number[0], alias: '106540352242922' } as (typeof config.whatsapp.number)[0]
    const { files, manifest } = await make(() => ({
      ok: true,
      config: { ...config, whatsapp: { ...config.whatsapp, number: [number] } },
    }))
    expect(files.get('configuration.json')).not.toContain('106540352242922')
    expect(manifest.removed).toMatchObject({ number: expect.any(Number) })
  })

  test('--json prints the manifest; a file that is there is not written over', async () => {
    const path = join(folder, 'there.tar.gz')
    const { printed, manifest } = await make(right, { to: path, json: true })
    expect(JSON.parse(printed)).toEqual({ file: path, bytes: statSync(path).size, ...manifest })
    writeFileSync(path, 'mine')
    const again = await make(right, { to: path }).catch(() => undefined)
    expect(again?.code ?? EXIT_USAGE).toBe(EXIT_USAGE)
    expect(readFileSync(path, 'utf8')).toBe('mine')
  })
})

test('with a wrong configuration it says what is wrong and never what was found there', async () => {
  const dataDir = join(house.folder, 'data')
  const text = `log_level = "${MARK}"\ndata_dir = "${dataDir}"\n${MARK} = "${PHONE}"\n${testConfigText()}`.replace(
    `"+15550783881"`,
    `"call ${MARK} 555-099-0011"`,
  )
  const loaded = loadConfig({
    env: {},
    readFile: (path) => (path === '/x.toml' ? text : undefined),
    configPath: '/x.toml',
  })
  if (loaded.ok) throw new Error('This configuration is wrong')
  const { code, files, printed } = await make(() => ({
    ok: false,
    problems: loaded.problems.map(problemLine),
    dataDir,
  }))
  expect(code).toBe(EXIT_OK)
  const configuration = JSON.parse(files.get('configuration.json') ?? '{}')
  expect(configuration.right).toBe(false)
  expect(configuration.problems.join('\n')).toContain('log_level, wanted')
  expect(configuration.problems.join('\n')).toContain('whatsapp.number[0].display, wanted')
  expect(configuration.problems.join('\n')).toContain('an unknown key, wanted')
  for (const [path, content] of files) expect([path, ...found(content)]).toEqual([path])
  expect(found(printed)).toEqual([])
  expect(files.has('schema.json')).toBe(true)
})

test('where no house runs it holds the rest and says what is missing', async () => {
  await house.stop()
  const { code, files, manifest } = await make(right)
  expect(code).toBe(EXIT_OK)
  expect(JSON.parse(files.get('house.json') ?? '{}')).toEqual({ running: false })
  expect(JSON.parse(files.get('schema.json') ?? '{}')['records.db'].tables.conversations).toBe(1)
  expect(files.has('metrics.txt')).toBe(false)
  expect(manifest.problems.join()).toContain('no house runs here')
  for (const [path, content] of files) expect([path, ...found(content)]).toEqual([path])
  await house.start()
})
