import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CrashPoint } from '../core/crash-point.ts'
import { Db } from '../storage/database.ts'
import { Vault } from '../vault/vault.ts'
import { CRASHABLE_PROGRAM, freePort } from './program.ts'
import { filesWith, openEverything } from './sealed-cells.ts'
import { FAST_NUMBER, sign, testConfigText, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(60_000)

const KEYS = { old: 'cd'.repeat(32).replace('cd', '01'), new: 'ef'.repeat(32).replace('ef', '02') }
const PHONE = '+447700900401'
const OTHER = '+447700900402'
const TOKEN = 'a-bootstrap-token-of-forty-characters-or-more'
const SECRET = 'nobody-may-read-this'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-destruction-'))
const port = freePort()
const url = `http://127.0.0.1:${port}`
let dataDir = ''

beforeAll(() => {
  writeFileSync(join(folder, 'gatehouse.toml'), testConfigText())
  for (const [name, key] of Object.entries(KEYS)) writeFileSync(join(folder, `${name}.key`), key)
})
beforeEach(() => {
  dataDir = mkdtempSync(join(folder, 'data-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function spawn(words: string[], options: { key?: keyof typeof KEYS; crash?: CrashPoint; input?: string } = {}) {
  return Bun.spawn([...CRASHABLE_PROGRAM, ...words], {
    cwd: folder,
    env: {
      PATH: '/usr/bin:/bin',
      GATEHOUSE_CONFIG: join(folder, 'gatehouse.toml'),
      GATEHOUSE_DATA_DIR: dataDir,
      GATEHOUSE_MASTER_KEY_FILE: join(folder, `${options.key ?? 'old'}.key`),
      GATEHOUSE_HTTP_PORT: String(port),
      GATEHOUSE_BOOTSTRAP_TOKEN: TOKEN,
      ...(options.crash === undefined ? {} : { GATEHOUSE_TEST_CRASH: options.crash }),
    },
    stdin: new TextEncoder().encode(options.input ?? ''),
    stdout: 'pipe',
    stderr: 'pipe',
  })
}

async function serve(options: { key?: keyof typeof KEYS; crash?: CrashPoint } = {}) {
  const child = spawn(['serve'], options)
  await until('the house is ready', async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok)
  return child
}

async function stop(child: Awaited<ReturnType<typeof serve>>): Promise<void> {
  child.kill('SIGTERM')
  expect(await child.exited).toBe(0)
}

async function run(words: string[], options: Parameters<typeof spawn>[1] = {}) {
  const child = spawn(words, options)
  const [printed, complained] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { code: await child.exited, printed, complained }
}

async function write(phone: string, text: string): Promise<void> {
  const message = {
    from: phone.slice(1),
    id: `wamid.${phone}`,
    timestamp: '1790000000',
    type: 'text',
    text: { body: text },
  }
  const metadata = { phone_number_id: FAST_NUMBER, display_phone_number: '15550783881' }
  const change = { field: 'messages', value: { messaging_product: 'whatsapp', metadata, messages: [message] } }
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [change] }] })
  const headers = { 'X-Hub-Signature-256': sign(body), 'Content-Type': 'application/json' }
  expect((await fetch(`${url}/webhooks/whatsapp/main`, { method: 'POST', body, headers })).status).toBe(200)
  await until('the message is there', async () => JSON.stringify(await api('/conversations')).includes(phone))
}

// biome-ignore lint/suspicious/noExplicitAny: a view, whose shape is what tests look at
async function api(path: string, method = 'GET'): Promise<any> {
  const response = await fetch(`${url}/api/v1${path}`, { method, headers: { Authorization: `Bearer ${TOKEN}` } })
  return await response.json()
}

async function contactOf(phone: string): Promise<string> {
  const { items } = await api('/contacts')
  return items.find((item: { phone: string }) => item.phone === phone).id
}

function opens(text: string, key: keyof typeof KEYS = 'old'): number {
  return openEverything(dataDir, dataDir, Uint8Array.fromHex(KEYS[key])).filter((cell) => cell.text.includes(text))
    .length
}

describe('an erasure', () => {
  test.each<CrashPoint>(['erasure.noted', 'erasure.keys_destroyed', 'erasure.before_end'])(
    'that a kill at %s interrupts is brought to its end by the next start',
    async (crash) => {
      const dying = await serve({ crash })
      await write(PHONE, SECRET)
      await write(OTHER, 'this stays')
      const contact = await contactOf(PHONE)
      await api(`/contacts/${contact}`, 'DELETE').catch(() => {})
      await dying.exited
      const house = await serve()
      await until('the erasure is done', async () => (await api('/erasures')).items[0]?.state === 'done')
      const { items } = await api('/erasures')
      expect(items).toHaveLength(1)
      expect(items[0].report.contact_ids).toEqual([contact])
      expect(items[0].report.erased.messages).toBe(1)
      await stop(house)
      expect([opens(SECRET), opens(PHONE.slice(1))]).toEqual([0, 0])
      expect(opens('this stays')).toBe(2)
    },
  )

  test('is asked for on the command line, by id or by a phone that no argument shows', async () => {
    const house = await serve()
    await write(PHONE, SECRET)
    await write(OTHER, SECRET)
    const byPhone = await run(['erase', '--phone-from-stdin', '--json'], { input: '+44 7700 900401\n' })
    expect(byPhone.code).toBe(0)
    expect(JSON.parse(byPhone.printed)).toMatchObject({ state: 'done', requested_by: 'command line' })
    const missing = await run(['erase', '--phone-from-stdin'], { input: '+447700900409' })
    expect(missing).toMatchObject({ code: 1, complained: 'No such contact\n' })
    const contact = await contactOf(OTHER)
    await stop(house)
    // No house runs: the folder is opened for this alone.
    const byId = await run(['erase', contact])
    expect(byId).toMatchObject({ code: 0, complained: '' })
    expect(byId.printed).toContain('messages: 1')
    expect(byId.printed).toContain('SHA-256 of the report: ')
    expect(opens(SECRET)).toBe(0)
    // The index held hashes of what was said: it is made anew.
    expect(existsSync(join(dataDir, 'search.db'))).toBeFalse()
    for (const words of [['erase'], ['erase', contact, '--phone-from-stdin']]) expect((await run(words)).code).toBe(2)
    expect((await run(['erase', '--phone-from-stdin'], { input: 'Anna' })).code).toBe(2)
  })
})

describe('key rotate', () => {
  test('changes the master key of a running house, which goes on, and of a folder at rest', async () => {
    const house = await serve()
    await write(PHONE, SECRET)
    const wrapped = wrapsOf()
    const rotated = await run(['key', 'rotate', '--new-key-file', join(folder, 'new.key')])
    expect(rotated).toMatchObject({ code: 0, complained: '' })
    expect(rotated.printed).toContain(`GATEHOUSE_MASTER_KEY_FILE) to ${join(folder, 'new.key')}`)
    await write(OTHER, 'after the change')
    await stop(house)
    expect(filesWith(dataDir, wrapped)).toEqual([])
    expect(opens(SECRET, 'new')).toBeGreaterThan(0)
    const refused = await run(['serve'])
    expect(refused.code).toBe(1)
    expect(refused.complained).toContain('this is not the master key')
    expect(await run(['key', 'rotate', '--new-key-file', join(folder, 'old.key')], { key: 'new' })).toMatchObject({
      code: 0,
    })
    expect(opens('after the change', 'old')).toBeGreaterThan(0)
  })

  test('is refused while another one is under way: whoever is told that the key is changed has the one in force', async () => {
    const house = await serve()
    await write(PHONE, SECRET)
    const third = 'ab'.repeat(32).replace('ab', '03')
    const answers = await Promise.all([KEYS.new, third].map(async (key) => ({ key, ...(await rotateTo(key)) })))
    const changed = answers.filter(({ status }) => status === 200)
    const refused = answers.filter(({ status }) => status === 409)
    expect(changed.length + refused.length).toBe(2)
    for (const { detail } of refused) expect(detail).toContain('is being changed already: wait for its end')
    // One after the other on a slow machine: then the last.
    const opening = changed.filter(({ key }) => isKeyOf(key))
    expect(opening).toHaveLength(1)
    await stop(house)
  })

  test('refuses in words the key that is in force, and what is no key', async () => {
    await stop(await serve())
    const same = await run(['key', 'rotate', '--new-key-file', join(folder, 'old.key')])
    expect(same).toMatchObject({ code: 1, printed: '' })
    expect(same.complained).toContain('the new one is the one that is in force')
    writeFileSync(join(folder, 'short.key'), 'abcd')
    const wrongs = { 'short.key': 'must hold the new key', 'absent.key': 'cannot be read' }
    for (const [file, saying] of Object.entries(wrongs)) {
      const wrong = await run(['key', 'rotate', '--new-key-file', join(folder, file)])
      expect(wrong).toMatchObject({ code: 2, printed: '' })
      expect(wrong.complained).toContain(saying)
    }
    expect((await run(['key', 'rotate'])).code).toBe(2)
    expect((await run(['key', 'turn', '--new-key-file', join(folder, 'new.key')])).code).toBe(2)
  })
})

/** As the command asks the running house. */
async function rotateTo(key: string): Promise<{ status: number; detail?: string }> {
  const init = { unix: join(dataDir, 'control.sock'), method: 'POST', body: JSON.stringify({ key }) }
  const response = await fetch('http://house/master-key', init as BunFetchRequestInit)
  return { ...(await response.json()), status: response.status }
}

function isKeyOf(key: string): boolean {
  try {
    new Vault(join(dataDir, 'vault.db'), Uint8Array.fromHex(key), { readonly: true }).close()
    return true
  } catch {
    return false
  }
}

/** Every key as the master key wraps it. */
function wrapsOf(): Uint8Array[] {
  const database = new Db(join(dataDir, 'vault.db'), { readonly: true })
  const rows = database.all<{ wrapped: Uint8Array }>(
    'SELECT wrapped FROM person_keys UNION SELECT wrapped FROM named_keys WHERE length(wrapped) > 0',
  )
  database.close()
  return rows.map(({ wrapped }) => wrapped.slice())
}
