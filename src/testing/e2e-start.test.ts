import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { showId } from '../core/ids.ts'
import { Db } from '../storage/database.ts'
import { prepareVault, Vault } from '../vault/vault.ts'
import { CRASHABLE_PROGRAM, readText } from './program.ts'
import { FAST_NUMBER, sign, testConfigText, until } from './test-gateway.ts'
import { TestProxy } from './test-proxy.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(30_000)

const TOKEN = 'the-operators-token-of-this-test'
/** Another user than whoever runs the tests; root would be let in everywhere. */
const NOBODY = 65_534
const IS_ROOT = process.getuid?.() === 0
const SETPRIV = Bun.which('setpriv')
const AS_NOBODY = SETPRIV === null ? [] : [SETPRIV, `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']

const root = mkdtempSync(join(tmpdir(), 'gatehouse-start-'))
const at = (name: string) => join(root, name)
const children = new Set<Bun.Subprocess>()

interface Start {
  env?: Record<string, string>
  before?: readonly string[]
  words?: readonly string[]
}

function start({ env = {}, before = [], words = ['serve'] }: Start) {
  const child = Bun.spawn([...before, ...CRASHABLE_PROGRAM, ...words], {
    cwd: root,
    env: {
      PATH: '/usr/bin:/bin',
      GATEHOUSE_CONFIG: at('gatehouse.toml'),
      GATEHOUSE_DATA_DIR: at('data'),
      GATEHOUSE_MASTER_KEY_FILE: at('master.key'),
      GATEHOUSE_BOOTSTRAP_TOKEN: TOKEN,
      GATEHOUSE_HTTP_PORT: '0',
      // Nobody is there: no start waits for the platform.
      GATEHOUSE_GRAPH_URL: 'http://127.0.0.1:1',
      ...env,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  children.add(child)
  const said = { out: '', complaints: '' }
  const reading = Promise.all([
    readText(child.stdout, (text) => {
      said.out += text
    }),
    readText(child.stderr, (text) => {
      said.complaints += text
    }),
  ])
  const ended = async () => {
    const code = await child.exited
    await reading
    children.delete(child)
    return { code, ...said }
  }
  const url = () =>
    until(
      'the house has greeted',
      () => /Gatehouse +(http:\S+[^/])\/?\n/.exec(said.complaints)?.[1],
      () => said.complaints,
      25_000,
    )
  return { child, said, ended, url }
}

/** Starts, waits until it serves, and stops it. */
async function startAndStop(how: Start): Promise<{ code: number; out: string }> {
  const house = start(how)
  await house.url()
  house.child.kill('SIGTERM')
  return await house.ended()
}

const authorization = { Authorization: `Bearer ${TOKEN}` }

beforeAll(async () => {
  chmodSync(root, 0o755)
  writeFileSync(at('gatehouse.toml'), testConfigText())
  writeFileSync(at('master.key'), 'cd'.repeat(32))
  const house = start({})
  const url = await house.url()
  const value = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550783881', phone_number_id: FAST_NUMBER },
    contacts: [{ profile: { name: 'Grace' }, wa_id: '15550791234' }],
    messages: [{ from: '15550791234', id: 'wamid.s1', timestamp: '1795338600', type: 'text', text: { body: 'hello' } }],
  }
  const entry = { id: '102290129340398', changes: [{ field: 'messages', value }] }
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [entry] })
  const headers = { 'X-Hub-Signature-256': sign(body) }
  expect((await fetch(`${url}/webhooks/whatsapp/main`, { method: 'POST', body, headers })).status).toBe(200)
  await until('the message is applied', async () => {
    const answer = await fetch(`${url}/api/v1/events?after=0`, { headers: authorization })
    return ((await answer.json()) as { events: { type: string }[] }).events.some(
      ({ type }) => type === 'message.received',
    )
  })
  const person = { name: 'Olga', email: 'olga@example.org', role: 'agent' }
  const json = { ...authorization, 'Content-Type': 'application/json' }
  const added = await fetch(`${url}/api/v1/people`, { method: 'POST', body: JSON.stringify(person), headers: json })
  expect(added.status).toBe(201)
  house.child.kill('SIGTERM')
  expect((await house.ended()).code).toBe(0)
  cpSync(at('data'), at('whole'), { recursive: true })
})
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(root, { recursive: true, force: true })
})

let folders = 0

/** A copy of a folder that was in use. */
function copy(): string {
  folders += 1
  const folder = at(`copy-${folders}`)
  cpSync(at('whole'), folder, { recursive: true })
  return folder
}

function garble(path: string): void {
  const bytes = readFileSync(path)
  bytes.fill(0xa5, 0, 4096)
  writeFileSync(path, bytes)
}

/** The ledger has an erasure that its sum does not know, as if another had gone. */
function forget(folder: string): void {
  const ledger = new Db(join(folder, 'erasure-ledger.db'))
  ledger.run("INSERT INTO erasures (epoch, erasure, asked_at, asked_by) VALUES ('e', 1, 1, 'per_1')")
  ledger.close()
}

/** A vault of another house with the same master key, and with more commits. */
function another(folder: string): void {
  for (const ending of ['-wal', '-shm', '']) rmSync(join(folder, `vault.db${ending}`), { force: true })
  const vault = new Vault(join(folder, 'vault.db'), Uint8Array.fromHex('cd'.repeat(32)))
  prepareVault(vault)
  for (let count = 0; count < 50; count++) {
    vault.createPerson(() => 1000 + count)
    vault.commit()
  }
  vault.close()
}

/** Everything in a folder but what may come and go with every opening. */
function contentsOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const kept = names.filter((name) => {
    const { size } = statSync(join(folder, name))
    return size > 0 && statSync(join(folder, name)).isFile() && !/lock\.db|-shm$|-wal$|ballast|disk-history/.test(name)
  })
  return Object.fromEntries(
    kept.toSorted().map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  )
}

const dayFile = (folder: string) => {
  const name = readdirSync(join(folder, 'journal')).find((file) => file.endsWith('.db'))
  return join(folder, 'journal', name ?? '')
}

async function expectRefused(folder: string, words: RegExp, env: Record<string, string> = {}): Promise<void> {
  const before = contentsOf(folder)
  const { code, complaints, out } = await start({ env: { GATEHOUSE_DATA_DIR: folder, ...env } }).ended()
  expect(complaints).toMatch(words)
  expect(complaints.trim().split('\n').length).toBeLessThanOrEqual(2)
  expect(code).toBe(1)
  expect(out).not.toContain('gateway started')
  const after = contentsOf(folder)
  for (const [name, sum] of Object.entries(before)) expect([name, after[name]]).toEqual([name, sum])
  // Nothing in the place of what is missing: the log of a new file would be written into the right one once it is back.
  const owners = Object.keys(after).map((name) => name.replace(/-(wal|shm)$/, ''))
  expect(
    owners.filter((name) => /^(records|vault|accounts)\.db|^journal/.test(name) && !Object.hasOwn(before, name)),
  ).toEqual([])
}

describe('a start with a folder that is not right', () => {
  const cases: [name: string, hurt: (folder: string) => void, words: RegExp][] = [
    ['a damaged vault', (folder) => garble(join(folder, 'vault.db')), /vault\.db is damaged: restore it/],
    ['a vault that was cut', (folder) => truncateSync(join(folder, 'vault.db'), 5000), /vault\.db is damaged/],
    ['no vault', (folder) => rmSync(join(folder, 'vault.db')), /vault\.db is missing or empty, .* Put it back/],
    ['an empty vault', (folder) => writeFileSync(join(folder, 'vault.db'), ''), /vault\.db is missing or empty/],
    ['damaged records', (folder) => garble(join(folder, 'records.db')), /records\.db is damaged: restore it/],
    ['records that were cut', (folder) => truncateSync(join(folder, 'records.db'), 20_000), /records\.db is damaged/],
    ['no records', (folder) => rmSync(join(folder, 'records.db')), /records\.db is missing or empty, .* --accept-loss/],
    ['a damaged day of the journal', (folder) => garble(dayFile(folder)), /journal\/[-\d]+\.db is damaged/],
    ['no journal', (folder) => rmSync(join(folder, 'journal'), { recursive: true }), /journal/],
    ['the vault of another house', another, /vault\.db is of another house: .* --accept-loss/],
    ['no credentials', (folder) => rmSync(join(folder, 'accounts.db')), /accounts\.db is missing .* --accept-loss/],
    ['a ledger with fewer erasures', (folder) => forget(folder), /erasure-ledger\.db is damaged: .* --accept-loss/],
    ['a damaged ledger', (folder) => garble(join(folder, 'erasure-ledger.db')), /erasure-ledger\.db is damaged/],
    ['a damaged lock', (folder) => garble(join(folder, 'lock.db')), /lock\.db is damaged. It holds nothing: delete it/],
  ]
  test.each(cases)('%s says so, and changes nothing', async (_, hurt, words) => {
    const folder = copy()
    hurt(folder)
    await expectRefused(folder, words)
    rmSync(folder, { recursive: true })
  })

  test('another master key says so, and changes nothing', async () => {
    const key = { GATEHOUSE_MASTER_KEY_FILE: keyFile('ef'.repeat(32)) }
    await expectRefused(copy(), /master key .* master_key_file/, key)
  })

  test('a search index that is damaged is made anew', async () => {
    const folder = copy()
    garble(join(folder, 'search.db'))
    const { code, out } = await startAndStop({ env: { GATEHOUSE_DATA_DIR: folder } })
    expect(code).toBe(0)
    expect(out).toContain('the search index was damaged: it is made anew')
  })

  test('a clock that is behind what was written last is said', async () => {
    const folder = copy()
    const records = new Db(join(folder, 'records.db'))
    records.run('UPDATE house SET last_input_at = last_input_at + 86400000')
    records.close()
    const { code, out } = await startAndStop({ env: { GATEHOUSE_DATA_DIR: folder } })
    expect(code).toBe(0)
    expect(out).toContain('the clock is behind what was written last')
  })
})

function keyFile(content: string): string {
  const path = at(`key-${createHash('sha256').update(content).digest('hex').slice(0, 8)}`)
  writeFileSync(path, content)
  return path
}

describe('a start that may not use its folder', () => {
  const cases: [name: string, folder: () => string, words: RegExp][] = [
    ['a file in its place', () => written('a-file'), /Cannot make the data folder .*a-file \(EEXIST\): it is a file/],
    ['a file above it', () => join(written('a-file'), 'data'), /Cannot make the data folder .* \(ENOTDIR\)/],
  ]
  test.each(cases)('%s: says so', async (_, folder, words) => {
    const { code, complaints } = await start({ env: { GATEHOUSE_DATA_DIR: folder() } }).ended()
    expect(complaints).toMatch(words)
    expect(code).toBe(1)
  })

  test.skipIf(!IS_ROOT || SETPRIV === null)(
    'one of another user, and one where none may be made (as root only)',
    async () => {
      const [others, above] = [copy(), at('above')]
      mkdirSync(above, { mode: 0o755 })
      const env = (folder: string) => ({ env: { GATEHOUSE_DATA_DIR: folder }, before: AS_NOBODY })
      const [foreign, impossible] = await Promise.all([
        start(env(others)).ended(),
        start(env(join(above, 'data'))).ended(),
      ])
      expect(foreign.complaints).toMatch(/lock\.db cannot be opened: whoever runs Gatehouse must own the data folder/)
      expect(impossible.complaints).toMatch(/Cannot make the data folder .*above\/data \(EACCES\): make it yourself/)
      chmodSync(at('master.key'), 0o600)
      const locked = await start(env(others)).ended()
      chmodSync(at('master.key'), 0o644)
      expect(locked.complaints).toMatch(/master_key_file: found ".*master\.key", which cannot be read/)
      expect([foreign.code, impossible.code, locked.code]).toEqual([1, 1, 2])
      chownSync(others, NOBODY, NOBODY)
      const unwritable = await start(env(others)).ended()
      expect(unwritable.complaints).toMatch(/whoever runs Gatehouse must own the data folder/)
      expect(unwritable.code).toBe(1)
    },
  )

  test('one that is in use, and a port that is', async () => {
    const house = start({})
    const { port } = new URL(await house.url())
    const [folder, same] = await Promise.all([
      start({}).ended(),
      start({ env: { GATEHOUSE_DATA_DIR: copy(), GATEHOUSE_HTTP_PORT: port } }).ended(),
    ])
    expect(folder).toMatchObject({
      code: 1,
      complaints: expect.stringMatching(/^Another Gatehouse is using this data folder/),
    })
    expect(same).toMatchObject({
      code: 1,
      complaints: expect.stringMatching(
        new RegExp(
          `Cannot listen at 127\\.0\\.0\\.1:${port} \\(EADDRINUSE\\): the port is taken.*\\[http\\] host and port`,
        ),
      ),
    })
    // A first start that came to nothing has not given away the key that is shown only once.
    const first = { GATEHOUSE_DATA_DIR: at('first'), GATEHOUSE_BOOTSTRAP_TOKEN: '' }
    const failed = await start({ env: { ...first, GATEHOUSE_HTTP_PORT: port } }).ended()
    expect(failed).toMatchObject({ code: 1, complaints: expect.not.stringContaining('gh_') })
    const next = start({ env: first })
    await next.url()
    await until('the key is shown', () => /API key +gh_/.test(next.said.complaints) || undefined)
    next.child.kill('SIGTERM')
    expect((await next.ended()).code).toBe(0)
    house.child.kill('SIGTERM')
    expect((await house.ended()).code).toBe(0)
  })
})

test('an older copy of the vault, put in its place, does not bring back who was erased since', async () => {
  const folder = copy()
  const env = { GATEHOUSE_DATA_DIR: folder }
  const records = new Db(join(folder, 'records.db'))
  const id = records.one<{ id: number }>('SELECT id FROM contacts')?.id ?? 0
  records.close()
  const erased = await start({ env, words: ['erase', showId('contact', id)] }).ended()
  expect(erased).toMatchObject({ code: 0, out: expect.stringContaining('contacts: 1') })
  for (const name of readdirSync(folder)) if (name.startsWith('vault.db')) rmSync(join(folder, name))
  cpSync(at('whole/vault.db'), join(folder, 'vault.db'))
  // One is of who works there.
  expect(keysIn(folder)).toEqual({ persons: 2, phones: 2 })
  const refused = await start({ env }).ended()
  expect(refused).toMatchObject({ code: 1, complaints: expect.stringMatching(/vault has lost \d+ commits?/) })
  await startAndStop({ env, words: ['serve', '--accept-loss'] })
  expect(keysIn(folder)).toEqual({ persons: 1, phones: 1 })
  await startAndStop({ env })
})

function keysIn(folder: string) {
  const vault = new Db(join(folder, 'vault.db'), { readonly: true })
  const count = (from: string) => vault.one<{ count: number }>(`SELECT count(*) AS count FROM ${from}`)?.count
  const found = { persons: count('person_keys WHERE length(wrapped) > 0'), phones: count('blind_index') }
  vault.close()
  return found
}

describe('a command that is given in the wrong place', () => {
  const commands = [
    'replay --quarantine',
    'release --all',
    'erase con_1',
    `key rotate --new-key-file ${keyFile('ef'.repeat(32))}`,
    'audit verify',
    'backup --to backups --vault-to keys',
    'restore drill --from backups',
  ]
  test.concurrent.each(commands)('%s: says that no data is there, and makes none', async (words) => {
    const nowhere = at('nowhere')
    const { code, complaints } = await start({ env: { GATEHOUSE_DATA_DIR: nowhere }, words: words.split(' ') }).ended()
    expect(complaints).toStartWith(`There is no data in ${nowhere}: name the right folder as data_dir`)
    expect([code, existsSync(nowhere)]).toEqual([1, false])
  })
})

function written(name: string): string {
  writeFileSync(at(name), '')
  return at(name)
}

describe('a start with a configuration that is not right', () => {
  const text = testConfigText()
  const cases: [name: string, text: string, env: Record<string, string>, words: RegExp[]][] = [
    [
      'a file that was half written',
      text.slice(0, text.indexOf('verify_token') + 15),
      {},
      [/written\.toml:\d+:\d+: .*TOML/],
    ],
    ['wrong types', `log_level = 3\n${text.replace('"support"', '7')}`, {}, [/log_level: found 3/, /pool: found 7/]],
    [
      'a key file that is gone',
      text,
      { GATEHOUSE_MASTER_KEY_FILE: '/nowhere/key' },
      [/master_key_file: found "\/nowhere\/key"/],
    ],
    ['a key file that is a folder', text, { GATEHOUSE_MASTER_KEY_FILE: '/' }, [/master_key_file: .* cannot be read/]],
    ['a key of another length', text, { GATEHOUSE_MASTER_KEY_FILE: keyFile('abcd') }, [/wanted a file with 32 bytes/]],
    [
      'a secret that is gone',
      text.replace('"another-verify-token"', '"file:/nowhere/secret"'),
      {},
      [/verify_token: found "\/nowhere\/secret", which cannot be read/],
    ],
    [
      'a secret that is not set',
      text.replace('"another-verify-token"', '"env:NOT_SET"'),
      {},
      [/wanted the variable NOT_SET to be set/],
    ],
  ]
  test.concurrent.each(cases)(
    '%s: says everything that is wrong, and opens nothing',
    async (name, content, env, words) => {
      const file = at(`${name}.toml`)
      writeFileSync(file, content)
      const never = at('never')
      const { code, complaints, out } = await start({
        env: { GATEHOUSE_CONFIG: file, GATEHOUSE_DATA_DIR: never, ...env },
      }).ended()
      for (const pattern of words) expect(complaints).toMatch(pattern)
      expect({ code, out }).toEqual({ code: 2, out: '' })
      expect(readdirSync(root)).not.toContain('never')
    },
  )
})

test('a house whose configuration is empty, or another, is not started as a demo', async () => {
  writeFileSync(at('empty.toml'), '')
  const env = { GATEHOUSE_DATA_DIR: copy(), GATEHOUSE_CONFIG: at('empty.toml'), GATEHOUSE_SIMULATOR_PORT: '0' }
  const complaints = expect.stringMatching(/^No app is configured, and this folder is that of a house with apps/)
  expect(await start({ env }).ended()).toMatchObject({ code: 1, complaints })
})

describe('a house that runs', () => {
  test('reads its configuration anew at SIGHUP and by command, and takes no proxy from its environment', async () => {
    const trap = await new TestProxy().start()
    const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'all_proxy']
    const env = { ...Object.fromEntries(names.map((name) => [name, trap.url])), GATEHOUSE_CONFIG: at('live.toml') }
    writeFileSync(at('live.toml'), testConfigText())
    const platform = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => Response.json({ messages: [{ id: 'wamid.x' }] }),
    })
    const house = start({ env: { ...env, GATEHOUSE_GRAPH_URL: `http://127.0.0.1:${platform.port}` } })
    const url = await house.url()
    const command = () => start({ env, words: ['reload'] }).ended()
    expect(await command()).toMatchObject({ code: 0, out: 'Nothing is different\n' })
    appendFileSync(at('live.toml'), '[http]\norigins = ["https://desk.example"]\nhost = "127.0.0.2"\n')
    expect(await command()).toMatchObject({ code: 0, out: 'changed: http.origins\nneeds a restart: http.host\n' })
    appendFileSync(at('live.toml'), 'trusted_proxies = [')
    house.child.kill('SIGHUP')
    await until('the log says what is wrong', () => house.said.out.includes('configuration not taken over'))
    expect(await command()).toMatchObject({ code: 1, complaints: expect.stringContaining('Nothing was changed') })
    // What log rotation sends to others ends nothing here.
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
      house.child.kill(signal)
      await until('it is told', () =>
        house.said.out.includes(`"code":"${signal}","msg":"a signal that means nothing here"`),
      )
    }
    const body = JSON.stringify({
      to: '+15550791234',
      type: 'template',
      template: { name: 'hello', language: { code: 'en' } },
      from: { number: FAST_NUMBER },
    })
    const headers = { ...authorization, 'Content-Type': 'application/json' }
    const { id } = (await (await fetch(`${url}/api/v1/messages`, { method: 'POST', headers, body })).json()) as {
      id: string
    }
    await until('it has left', async () => {
      const answer = await fetch(`${url}/api/v1/messages/${id}`, { headers })
      return ((await answer.json()) as { state: string }).state === 'accepted'
    })
    expect(trap.requests).toEqual([])
    // Nor does the environment lead past the proxy that the configuration names.
    writeFileSync(at('live.toml'), `${testConfigText()}[proxy]\nurl = "${trap.url}"\n`)
    await start({ env: { ...env, NO_PROXY: '*', no_proxy: '127.0.0.1' }, words: ['doctor'] }).ended()
    expect(trap.requests).not.toEqual([])
    house.child.kill('SIGTERM')
    expect((await house.ended()).code).toBe(0)
    expect(await command()).toMatchObject({ code: 1, complaints: expect.stringContaining('No house runs here') })
    await Promise.all([platform.stop(true), trap.stop()])
  })
})
