import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { openRecordsReadonly } from '../records/open.ts'
import { drill } from '../relay/drill.ts'
import { type RestoreOptions, restore } from '../relay/restore.ts'
import { takeBackup } from '../relay/take-backup.ts'
import { backupsIn } from '../storage/backup-manifest.ts'
import { Db } from '../storage/database.ts'
import { FolderLock } from '../storage/lock.ts'
import { THREADS } from '../threads.ts'
import { ErasureLedger } from '../vault/erasure-ledger.ts'
import { CRASHABLE_PROGRAM } from './program.ts'
import { seededRandom } from './seeded-random.ts'
import {
  FAST_NUMBER,
  first,
  sign,
  TestGateway,
  type TestGatewayOptions,
  testConfigText,
  until,
} from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(60_000)

const MASTER = Uint8Array.fromHex('ab'.repeat(32))
const ANNA = '+447700900311'
const BEN = '+447700900312'
const CARLA = '+447700900313'

let house: TestGateway
const data = () => join(house.folder, 'data')
const backups = () => join(house.folder, 'backups')
const keys = () => join(house.folder, 'keys')
const old = () => join(house.folder, 'old')

afterEach(() => house.close())

async function open(options: TestGatewayOptions = {}): Promise<void> {
  house = await TestGateway.open(options)
}

/** A backup beside the house that runs. */
async function backup(): Promise<string> {
  const ask = { dataDir: data(), folder: backups(), vaultFolder: keys(), keep: 5, vaultKeep: 5 }
  const { name } = await takeBackup(
    { ...ask, masterKey: MASTER, vaultBeside: true, program: '0.0.0', restShare: 0 },
    systemClock,
    () => {},
  )
  return name
}

function options(more: Partial<RestoreOptions> = {}): RestoreOptions {
  return {
    from: backups(),
    vaultFrom: keys(),
    ledger: null,
    shipped: null,
    folder: data(),
    masterKey: MASTER,
    clock: systemClock,
    log: silentLog,
    threads: THREADS,
    say: () => {},
    ...more,
  }
}

/** The house is lost: its folder is put aside. */
async function lose(): Promise<void> {
  await house.stop()
  renameSync(data(), old())
}

/** What a command of the command line asks the running house. */
async function control(command: string, ask: object): Promise<unknown> {
  const init = { unix: join(data(), 'control.sock'), method: 'POST', body: JSON.stringify(ask) }
  return await (await fetch(`http://house/${command}`, init)).json()
}

/** What a command of the command line finds around it. */
function commandEnvironment(more = ''): Record<string, string> {
  const [config, key] = [join(house.folder, 'test.toml'), join(house.folder, 'test.key')]
  writeFileSync(config, testConfigText(more))
  writeFileSync(key, MASTER.toHex())
  const settings = { GATEHOUSE_CONFIG: config, GATEHOUSE_MASTER_KEY_FILE: key, GATEHOUSE_DATA_DIR: data() }
  // As in the container, which has no folder for what is temporary.
  return { ...settings, TMPDIR: '/nowhere' }
}

function body(value: object): string {
  const metadata = { display_phone_number: '15550783881', phone_number_id: FAST_NUMBER }
  const change = { field: 'messages', value: { messaging_product: 'whatsapp', metadata, ...value } }
  return JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '102290129340398', changes: [change] }] })
}

let nextId = 0

/** A webhook in which a customer says something. */
function says(phone: string, text: string, known?: { id: string; at: string }): string {
  const from = phone.slice(1)
  const id = known?.id ?? `wamid.restore${nextId++}`
  const timestamp = String(Math.floor((known ? Date.parse(known.at) : systemClock.epochMs()) / 1000))
  const message = { from, id, timestamp, type: 'text', text: { body: text } }
  return body({ contacts: [{ wa_id: from, profile: { name: text } }], messages: [message] })
}

function status(send: { wamid: string; correlation: string }, state: string): string {
  const timestamp = String(Math.floor(systemClock.epochMs() / 1000))
  const recipient = { recipient_id: ANNA.slice(1), biz_opaque_callback_data: send.correlation }
  return body({ statuses: [{ id: send.wamid, status: state, timestamp, ...recipient }] })
}

async function deliver(text: string): Promise<void> {
  expect((await house.webhook(text, { signature: sign(text) })).status).toBe(200)
}

async function send(to: string, text: string): Promise<string> {
  const answer = await house.api('/api/v1/messages', { to, type: 'text', text: { body: text } })
  expect(answer.status).toBe(202)
  return answer.body.id
}

async function contactsNow(): Promise<string> {
  return JSON.stringify((await house.api('/api/v1/contacts')).body)
}

async function erase(contactId: string): Promise<void> {
  const init = { method: 'DELETE', headers: { Authorization: `Bearer ${house.key}` } }
  const { body: erasure } = await house.request(`/api/v1/contacts/${contactId}`, init)
  await until('the erasure is done', async () => {
    const answer = await house.api(`/api/v1/erasures/${erasure.id}`)
    return answer.body.state === 'done'
  })
}

describe('T35: restoring an old backup', () => {
  const SENT = ['being sent', 'waiting', 'waiting too']

  test('sends nothing twice, brings nobody back who was erased, and takes what the platform repeats', async () => {
    await open()
    const id = await house.write(ANNA, 'anna writes')
    const conversation = await house.conversationOf(ANNA)
    const annas = says(ANNA, 'anna writes', { id, at: conversation.last_message_at })
    const carlas = says(CARLA, 'carla writes')
    await deliver(says(BEN, 'ben writes'))
    const ben = await house.conversationOf(BEN)
    const done = await send(conversation.id, 'long delivered')
    await house.messageIn('read', done)
    // The platform has the first of them, and has not said so when the backup is made; the others wait behind it.
    await house.simulator('/_/faults', { kind: 'statuses_missing' })
    await house.simulator('/_/faults', { kind: 'slow', ms: 600 })
    const ids: string[] = []
    for (const text of SENT) ids.push(await send(conversation.id, text))
    await house.messageIn('sending', ids[0] ?? '')
    const name = await backup()
    for (const id of ids) await house.messageIn('accepted', id)
    await house.simulator('/_/faults', undefined, 'DELETE')

    const lost = await send(conversation.id, 'sent after the backup')
    await house.messageIn('read', lost)
    await deliver(carlas)
    await house.conversationOf(CARLA)
    const { epoch } = (await house.api('/api/v1/me')).body
    await erase(ben.contact.id)
    await lose()

    const restored = await restore(options({ ledger: join(old(), 'erasure-ledger.db') }))
    expect(restored).toMatchObject({ backup: name, held: 3, erased_again: 1, shipped_entries: 0 })
    await house.start()

    expect((await house.api('/api/v1/me')).body.epoch).toBe(restored.epoch)
    expect(restored.epoch).not.toBe(epoch)
    expect((await house.api(`/api/v1/messages/${done}`)).body.state).toBe('read')
    for (const id of ids) expect(await house.messageIn('held', id)).toMatchObject({ reason: 'restored' })
    // What was erased since is erased again; the platform repeats what it was not sure of.
    for (const text of [annas, carlas, carlas]) await deliver(text)
    await house.conversationOf(CARLA)
    const contacts = await contactsNow()
    expect([contacts.includes(ANNA), contacts.includes(CARLA), contacts.includes(BEN)]).toEqual([true, true, false])
    const { body: thread } = await house.api(`/api/v1/conversations/${conversation.id}/messages`)
    expect(thread.items.filter((item: { direction: string }) => item.direction === 'in')).toHaveLength(1)

    // Two are settled by what the platform says of them late; the third is let go by a person, who knows.
    const sends = await Promise.all(SENT.map(async (text) => first(await house.sendsOf(text))))
    const [one, two] = sends
    if (one) await deliver(status(one, 'delivered'))
    if (two) await deliver(status(two, 'failed'))
    await house.messageIn('delivered', ids[0] ?? '')
    await house.messageIn('failed', ids[1] ?? '')
    for (const text of [...SENT, 'long delivered', 'sent after the backup']) {
      expect(await house.sendsOf(text), text).toHaveLength(1)
    }
    const answer = await control('release', { all: true })
    expect(answer).toEqual({ released: 1, stay: { erased: 0, number_paused: 0, window_closed: 0 } })
    await house.messageIn('read', ids[2] ?? '')
    expect((await Promise.all(SENT.map((text) => house.sendsOf(text)))).map((list) => list.length)).toEqual([1, 1, 2])
    // No id of the lost time is given to another message.
    expect((await house.api(`/api/v1/messages/${lost}`)).status).toBe(404)
    const next = await send(conversation.id, 'after the restore')
    expect(next.length).toBeGreaterThan(lost.length)
  })

  test('with the journal as it was shipped brings back what came in after the backup', async () => {
    const shipped = mkdtempSync(join(tmpdir(), 'gatehouse-shipped-'))
    await open({ config: `[backup]\nship_folder = "${shipped}"` })
    await deliver(says(ANNA, 'anna writes'))
    await house.conversationOf(ANNA)
    await backup()
    await deliver(says(CARLA, 'carla writes'))
    await house.conversationOf(CARLA)
    await lose()
    const restored = await restore(options({ shipped }))
    expect(restored).toMatchObject({ shipped_entries: 1, erased_again: null })
    await house.start()
    const contacts = await contactsNow()
    expect([contacts.includes(ANNA), contacts.includes(CARLA)]).toEqual([true, true])
    rmSync(shipped, { recursive: true, force: true })
  })

  test('keeps what somebody wrote who was erased and came back, and nothing of before', async () => {
    const shipped = mkdtempSync(join(tmpdir(), 'gatehouse-shipped-'))
    await open({ config: `[backup]\nship_folder = "${shipped}"` })
    await deliver(says(BEN, 'ben before the backup'))
    const ben = await house.conversationOf(BEN)
    await backup()
    await deliver(says(BEN, 'ben after the backup'))
    await erase(ben.contact.id)
    await deliver(says(BEN, 'ben is back'))
    await house.conversationOf(BEN)
    await lose()
    const restored = await restore(options({ shipped, ledger: join(old(), 'erasure-ledger.db') }))
    expect(restored).toMatchObject({ shipped_entries: 2, erased_again: 1 })
    await house.start()
    const back = await house.conversationOf(BEN)
    const { items } = (await house.api(`/api/v1/conversations/${back.id}/messages`)).body
    expect(items.map(({ text }: { text: object }) => text)).toEqual([{ body: 'ben is back' }])
    expect(await contactsNow()).not.toContain('ben before')
    rmSync(shipped, { recursive: true, force: true })
  })
})

describe('a restore', () => {
  beforeEach(async () => {
    await open()
    await deliver(says(ANNA, 'anna writes'))
    await house.conversationOf(ANNA)
    await backup()
  })

  const isEmpty = () => !existsSync(data()) || readdirSync(data()).every((name) => name.startsWith('lock.db'))
  const place = () => join(backups(), first(backupsIn(backups())))

  test('refuses a folder that is not empty, a folder in use, and says what to do with it', async () => {
    await expect(restore(options())).rejects.toThrow(/not empty: .*Move the old one away and keep it.*--ledger/)
    await house.stop()
    await expect(restore(options())).rejects.toThrow('not empty')
  })

  test('refuses what cannot be right in words, and nothing is written', async () => {
    await lose()
    const masterKey = new Uint8Array(32).fill(9).with(0, 1)
    await expect(restore(options({ masterKey }))).rejects.toThrow('this is not the master key')
    await expect(restore(options({ vaultFrom: backups() }))).rejects.toThrow('--vault-from')
    await expect(restore(options({ ledger: '/nowhere' }))).rejects.toThrow('no erasure ledger at /nowhere')
    await expect(restore(options({ from: keys() }))).rejects.toThrow('There is no whole backup')
    // A disk that is not mounted: an empty folder, or none.
    for (const shipped of [keys(), '/nowhere'])
      await expect(restore(options({ shipped }))).rejects.toThrow(`no shipped journal in ${shipped}`)
    const manifest = join(place(), 'manifest.json')
    const text = readFileSync(manifest, 'utf8')
    writeFileSync(manifest, JSON.stringify({ ...JSON.parse(text), media: { files: 0, bytes: 1e15 } }))
    await expect(restore(options())).rejects.toThrow(/no room in .* are wanted, .* are free/)
    writeFileSync(manifest, text)
    const records = new Db(join(place(), 'records.db'))
    records.run('PRAGMA user_version = 99')
    records.close()
    await expect(restore(options())).rejects.toThrow(/made by a newer Gatehouse .*records.db is of version 99/)
    expect(isEmpty()).toBe(true)
  })

  test('names the file whose sum is another; the folder then serves nobody and may be restored again', async () => {
    await lose()
    const path = join(place(), 'records.db')
    const bytes = readFileSync(path)
    const spoilt = Buffer.from(bytes)
    spoilt[5000] = (spoilt[5000] ?? 0) ^ 1
    writeFileSync(path, spoilt)
    await expect(restore(options())).rejects.toThrow('damaged: records.db was changed')
    await expect(house.start()).rejects.toThrow('restore of this data folder was not finished')
    writeFileSync(path, bytes)
    await restore(options())
    const records = openRecordsReadonly(join(data(), 'records.db'))
    // Ids that the lost time may have given are not given again.
    expect(records.one<{ next_id: number }>('SELECT next_id FROM house')?.next_id).toBeGreaterThan(2 ** 32)
    records.close()
    await house.start()
    expect(await contactsNow()).toContain(ANNA)
  })

  test('erases whom either ledger knows: the one that is named, or the one beside the keys', async () => {
    await erase((await house.conversationOf(ANNA)).contact.id)
    await lose()
    const older = join(house.folder, 'older-ledger.db')
    new ErasureLedger(older).close()
    const newer = join(old(), 'erasure-ledger.db')
    expect(await restore(options({ ledger: older, otherLedger: newer }))).toMatchObject({ erased_again: 1 })
  })

  test('as a command takes the erasure ledger that the last backup left beside the keys, and names a shipped journal', async () => {
    const before = place()
    await erase((await house.conversationOf(ANNA)).contact.id)
    await backup()
    await lose()
    const second = join(house.folder, 'second')
    mkdirSync(second)
    writeFileSync(join(second, '2026-11-22-0000000000000001.entries'), '')
    const child = Bun.spawn([...CRASHABLE_PROGRAM, 'restore', '--from', before, '--vault-from', keys(), '--json'], {
      env: commandEnvironment(`[backup]\nship_folder = "${second}"\n`),
      stdout: 'pipe',
      stderr: 'pipe',
    })
    expect(await child.exited).toBe(0)
    expect(await new Response(child.stdout).json()).toMatchObject({ erased_again: 1, counts: { contacts: 1 } })
    const said = await new Response(child.stderr).text()
    expect(said).toContain('erasure-ledger.db, as it lies beside the keys')
    expect(said).toContain(`is left out. --journal ${second} goes on with it`)
    await house.start()
    expect(await contactsNow()).not.toContain(ANNA)
  })

  test.each(['restore.begun', 'restore.copied', 'restore.before_end'])(
    'killed at %s leaves a folder that nobody serves, and is made again',
    async (point) => {
      await lose()
      mkdirSync(data(), { mode: 0o700 })
      const child = Bun.spawn([...CRASHABLE_PROGRAM, 'restore', '--from', backups(), '--vault-from', keys()], {
        env: { ...commandEnvironment(), GATEHOUSE_TEST_CRASH: point },
        stdout: 'ignore',
        stderr: 'pipe',
      })
      await child.exited
      expect(child.signalCode, await new Response(child.stderr).text()).toBe('SIGKILL')
      await expect(house.start()).rejects.toThrow('restore of this data folder was not finished')
      const restored = await restore(options())
      expect(restored.counts.contacts).toBe(1)
      await house.start()
      expect(await contactsNow()).toContain(ANNA)
    },
  )
})

describe('a drill', () => {
  beforeEach(async () => {
    await open()
    for (let index = 0; index < 5; index++) await deliver(says(ANNA, `anna writes ${index}`))
    await house.conversationOf(ANNA)
    await until('all is applied', async () => {
      const conversation = await house.conversationOf(ANNA)
      return conversation.unread === 5
    })
  })

  const tryIt = () =>
    drill({
      ...options(),
      dataDir: data(),
      backup: 'latest',
      random: seededRandom(1),
    })

  test('restores beside the living house, compares, and leaves nothing', async () => {
    await backup()
    const done = await tryIt()
    expect(done.faults).toEqual([])
    expect(done.counts).toMatchObject({ messages: 5, contacts: 1 })
    expect(done.cells).toEqual({ opened: 5, erased: 0, broken: 0, same: 5, changed: 0, gone: 0, other: 0 })
    expect(existsSync(join(data(), 'drill'))).toBe(false)
    await deliver(says(BEN, 'the house goes on'))
    await house.conversationOf(BEN)
  })

  test('notices what a sum cannot tell: another count, and messages that are not those of the house', async () => {
    const name = await backup()
    const path = join(backups(), name, 'manifest.json')
    const manifest = JSON.parse(readFileSync(path, 'utf8'))
    manifest.counts.messages = 6
    writeFileSync(path, JSON.stringify(manifest))
    const live = new Db(join(data(), 'records.db'))
    live.run('UPDATE messages SET arrived_at = arrived_at + 1 WHERE id = (SELECT min(id) FROM messages)')
    live.close()
    expect((await tryIt()).faults).toEqual([
      'There are 5 messages; the manifest says 6',
      '1 messages are others than in the living house',
    ])
  })

  test('as a command writes down how it ended', async () => {
    await backup()
    const run = async (...more: string[]) => {
      const command = [...CRASHABLE_PROGRAM, 'restore', 'drill', '--from', backups(), '--vault-from', keys()]
      const child = Bun.spawn([...command, ...more], { env: commandEnvironment(), stdout: 'pipe', stderr: 'pipe' })
      return { code: await child.exited, out: await new Response(child.stdout).text() }
    }
    const good = await run('--json')
    expect(good.code).toBe(0)
    expect(JSON.parse(good.out)).toMatchObject({ ok: true, faults: [], cells: { opened: 5, same: 5 } })
    expect(JSON.parse(readFileSync(join(data(), 'drill.json'), 'utf8'))).toMatchObject({ ok: true })
    expect(await house.metric('gatehouse_restore_drill_last_success_timestamp_seconds')).toBeGreaterThan(1e9)
    const another = new FolderLock(join(data(), 'drill-lock.db'))
    expect((await run()).code).toBe(1)
    another.release()
    expect(JSON.parse(readFileSync(join(data(), 'drill.json'), 'utf8'))).toMatchObject({ ok: true })
    expect((await run('--backup', '20200101T000000Z')).code).toBe(1)
    const bad = JSON.parse(readFileSync(join(data(), 'drill.json'), 'utf8'))
    expect(bad).toMatchObject({ ok: false, faults: [expect.stringContaining('There is no whole backup')] })
    expect(bad.last_success_at).toBeGreaterThan(1e12)
  })
})
