import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must } from '../core/assert.ts'
import { systemClock } from '../core/clock.ts'
import type { HouseFacts } from '../gateway/house-facts.ts'
import { endOfSegment, segmentsIn } from '../journal/shipped-file.ts'
import { goOnFromShipped } from '../journal/shipped-journal.ts'
import { checkBackup } from '../relay/check-backup.ts'
import { type BackupAsk, type BackupDone, takeBackup } from '../relay/take-backup.ts'
import { askRunningHouse } from '../run/running-house.ts'
import { backupsIn, pooledMediaPath, readManifest, readMediaList, vaultCopiesIn } from '../storage/backup-manifest.ts'
import { Db } from '../storage/database.ts'
import { Vault } from '../vault/vault.ts'
import { CRASHABLE_PROGRAM } from './program.ts'
import { openEverything } from './sealed-cells.ts'
import { seededRandom } from './seeded-random.ts'
import { first, TestGateway, testConfigText, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(30_000)

const MASTER = Uint8Array.fromHex('ab'.repeat(32))
const LOADERS = 4

const place = mkdtempSync(join(tmpdir(), 'gatehouse-backup-'))
const folder = join(place, 'backups')
const vaultFolder = join(place, 'vaults')
const shipFolder = join(place, 'second')
let house: TestGateway

beforeAll(async () => {
  house = await TestGateway.open({
    config: `
[backup]
folder = "${folder}"
vault_folder = "${vaultFolder}"
keep = 2
vault_keep = 1
ship_folder = "${shipFolder}"
`,
  })
})
afterAll(async () => {
  await house.close()
  rmSync(place, { recursive: true, force: true })
})

async function backup(): Promise<BackupDone> {
  const done = await askRunningHouse<BackupDone>(house.config(), 'backup', {})
  if (!done) throw new Error('The house does not run')
  return done
}

async function check(name: string) {
  return await checkBackup({ folder, vaultFolder, name, masterKey: MASTER, cells: 20 }, seededRandom(7))
}

/** A backup as a data folder, with the copy of the vault that opens it. */
function laidOut(name: string, from = { folder, vaultFolder }): string {
  const data = mkdtempSync(join(place, 'laid-out-'))
  cpSync(join(from.folder, name), data, { recursive: true })
  const vault = first(vaultCopiesIn(from.vaultFolder).filter((one) => one >= name))
  cpSync(join(from.vaultFolder, `${vault}.vault.db`), join(data, 'vault.db'))
  return data
}

/** What a test may do as it likes with: the house's data as a backup elsewhere has them, and what to ask for with it. */
async function copyOfHouse(): Promise<BackupAsk> {
  const own = mkdtempSync(join(place, 'own-'))
  const from = { folder: join(own, 'from'), vaultFolder: join(own, 'from-vaults') }
  const ask = { to: from.folder, vault_to: from.vaultFolder }
  const { name } = must(await askRunningHouse<BackupDone>(house.config(), 'backup', ask), 'a backup')
  const places = {
    dataDir: laidOut(name, from),
    folder: join(own, 'b'),
    vaultFolder: join(own, 'v'),
    vaultBeside: false,
  }
  return { ...places, keep: 1, vaultKeep: 1, masterKey: MASTER, program: 'test', restShare: 0 }
}

async function writePicture(): Promise<void> {
  const [png] = readdirSync(join(import.meta.dir, '../console')).filter((name) => name.endsWith('.svg'))
  const bytes = readFileSync(join(import.meta.dir, '../console', png ?? ''))
  const answer = await fetch(`${house.simulatorUrl}/_/media`, {
    method: 'POST',
    body: bytes,
    headers: { 'Content-Type': 'application/pdf' },
  })
  const { id } = (await answer.json()) as { id: string }
  await house.simulator('/_/customers/+447700900301/messages?wait=1', {
    number: 'support',
    message: { type: 'document', document: { id } },
  })
  const conversation = await house.conversationOf('+447700900301')
  await until('the file is there', async () => {
    const { items } = (await house.api(`/api/v1/conversations/${conversation.id}/messages`)).body
    return items.some((item: { attachments?: { state: string }[] }) => item.attachments?.[0]?.state === 'ready')
  })
}

/** A backup that is taken while messages arrive holds all that was acknowledged before, and is consistent. */
async function takenUnderLoad(): Promise<void> {
  await writePicture()
  const acknowledged: string[] = []
  let isLoading = true
  const loads = Array.from({ length: LOADERS }, async (_, loader) => {
    for (let index = 0; isLoading; index++) {
      const text = `parcel ${loader} ${index}`
      await house.write(`+44770090040${loader}`, text)
      acknowledged.push(text)
    }
  })
  await until('there is load', () => acknowledged.length >= 20)
  const before = [...acknowledged]
  const done = await backup()
  isLoading = false
  await Promise.all(loads)

  const manifest = readManifest(join(folder, done.name))
  expect(manifest.journal.head_seq).toBeGreaterThanOrEqual(manifest.records.applied_seq)
  expect(manifest.media.files).toBe(1)
  expect(statSync(join(folder, done.name)).mode & 0o777).toBe(0o700)
  expect(statSync(join(folder, done.name, 'records.db')).mode & 0o777).toBe(0o600)
  expect(await check(done.name)).toMatchObject({ ok: true, faults: [] })

  const data = laidOut(done.name)
  const opened = openEverything(data, data, MASTER)
  const journal = opened.filter(({ where }) => where === 'journal').map(({ text }) => text)
  for (const text of before) expect(journal.some((body) => body.includes(`"${text}"`))).toBe(true)
  expect(opened.filter(({ where }) => where === 'messages.body').length).toBe(manifest.counts.messages)
  // The figures are made at most once a second.
  await until('its size is told', async () => (await house.metric('gatehouse_backup_last_bytes')) === done.bytes)
  expect(readdirSync(folder).sort()).toEqual([done.name, 'house', 'media'])
}

/** One flipped byte in any kind of file is found, and a missing one. */
async function damageIsFound(): Promise<void> {
  const name = first(backupsIn(folder))
  const [media] = readMediaList(join(folder, name))
  const vault = first(vaultCopiesIn(vaultFolder))
  const manifest = readManifest(join(folder, name))
  const paths = [
    ...manifest.files.map(({ path }) => join(folder, name, path)),
    join(folder, name, 'manifest.json'),
    join(vaultFolder, `${vault}.vault.db`),
    pooledMediaPath(folder, media?.name ?? ''),
  ]
  expect(paths.length).toBeGreaterThanOrEqual(6)
  for (const path of paths) {
    const whole = readFileSync(path)
    // A file of the pool is linked with the one in the data folder: the test may not hurt that one.
    rmSync(path)
    expect({ path, ok: (await check(name)).ok }).toEqual({ path, ok: false })
    const damaged = Buffer.from(whole)
    const at = Math.floor(damaged.length / 2)
    damaged[at] = (damaged[at] ?? 0) ^ 1
    writeFileSync(path, damaged, { mode: 0o600 })
    expect({ path, ok: (await check(name)).ok }).toEqual({ path, ok: false })
    writeFileSync(path, whole, { mode: 0o600 })
  }
  expect((await check(name)).faults).toEqual([])
}

/** The oldest backups go, with the copies of the vault, leftovers, and media that none names. */
async function oldestGo(): Promise<void> {
  const oldest = first(backupsIn(folder))
  mkdirSync(join(folder, '20200101T000000Z.part'))
  writeFileSync(join(vaultFolder, '20200101T000000Z.vault.db.part'), '')
  const [named] = readMediaList(join(folder, oldest))
  const unnamed = pooledMediaPath(folder, 'f'.repeat(32))
  mkdirSync(join(unnamed, '..'), { recursive: true })
  writeFileSync(unnamed, 'nobody names it')

  const second = await backup()
  const third = await backup()
  expect(third.removed).toEqual([oldest])
  expect(backupsIn(folder)).toEqual([second.name, third.name])
  expect(vaultCopiesIn(vaultFolder)).toEqual([third.name])
  expect(readdirSync(folder).filter((one) => one.endsWith('.part'))).toEqual([])
  expect(existsSync(unnamed)).toBe(false)
  expect(existsSync(pooledMediaPath(folder, named?.name ?? ''))).toBe(true)
  // The later copy of the vault opens the older backup.
  expect(await check(second.name)).toMatchObject({ ok: true, vault: `${third.name}.vault.db` })
  const vault = join(vaultFolder, `${third.name}.vault.db`)
  const whole = readFileSync(vault)
  appendFileSync(vault, 'x')
  expect((await check(second.name)).faults).toEqual([expect.stringContaining('bytes instead of')])
  writeFileSync(vault, whole, { mode: 0o600 })
}

// One after the other: each looks at what the one before has left.
test('backups are taken under load, checked, and go with their time; the journal goes on from its second place', async () => {
  await takenUnderLoad()
  await damageIsFound()
  await oldestGo()
  await journalGoesOn()
})

test("the vault's copy does not go where the backup goes unless that is wanted", async () => {
  const ask = (more: object) => askRunningHouse(house.config(), 'backup', { vault_to: folder, ...more })
  await expect(ask({})).rejects.toThrow('choose another place')
  await until('the refusal is counted', async () => (await house.metric('gatehouse_backup_failures_total')) === 1)
})

test('one that fails in the middle takes its half away: it would hold the room that may have been wanting', async () => {
  const ask = await copyOfHouse()
  writeFileSync(join(ask.dataDir, 'accounts.db'), 'copied after the records, and no database')
  expect(await takeBackup(ask, systemClock, () => {}).catch(String)).toContain('not a database')
  expect([...readdirSync(ask.folder), ...readdirSync(ask.vaultFolder)]).toEqual(['house', 'house'])
})

test('a backup is the newest by its name too where those before were made by a clock that was ahead', async () => {
  const ask = await copyOfHouse()
  const ahead = { ...systemClock, epochMs: () => Date.UTC(2040, 0, 1) }
  await takeBackup(ask, ahead, () => {})
  const { name, removed } = await takeBackup(ask, systemClock, () => {})
  expect({ name, removed }).toEqual({ name: '20400101T000001Z', removed: ['20400101T000000Z'] })
  expect(readManifest(join(ask.folder, name)).made_at).toBeLessThan(Date.UTC(2040, 0, 1))
  expect([backupsIn(ask.folder), vaultCopiesIn(ask.vaultFolder)]).toEqual([[name], [name]])
})

test('with another master key nothing is begun', async () => {
  const [to, vaultTo] = [join(place, 'no-key'), join(place, 'no-key-vaults')]
  const ask = { dataDir: join(house.folder, 'data'), folder: to, vaultFolder: vaultTo, vaultBeside: false }
  const masterKey = new Uint8Array(32).fill(1, 0, 5)
  const taking = takeBackup(
    { ...ask, masterKey, keep: 1, vaultKeep: 1, program: 'test', restShare: 0 },
    systemClock,
    () => {},
  )
  await expect(taking).rejects.toThrow('not the master key')
  expect([existsSync(to), existsSync(vaultTo)]).toEqual([false, false])
})

/** What came in is in the second place at once, and a restored journal goes on with it. */
async function journalGoesOn(): Promise<void> {
  const done = first(backupsIn(folder).slice(-1))
  const text = 'after the backup'
  await house.write('+447700900301', text)
  const { head_seq } = readManifest(join(folder, done)).journal
  await until('the journal is shipped', () => shippedSeq() > head_seq)

  const data = laidOut(done)
  const vault = new Vault(join(data, 'vault.db'), MASTER)
  const went = goOnFromShipped({
    shipFolder,
    journalFolder: join(data, 'journal'),
    masterKey: MASTER,
    vault,
  })
  vault.close()
  expect(went.entries).toBeGreaterThan(0)
  expect(went.isTorn).toBe(false)
  const bodies = openEverything(data, data, MASTER).filter(({ where }) => where === 'journal')
  expect(bodies.some((body) => body.text.includes(text))).toBe(true)
  expect(bodies.length).toBe(went.head)
}

test('a place that cannot be written to is refused in words that say what is wanted', async () => {
  const places = { to: '/sys/gatehouse', vault_to: join(place, 'vaults-of-nothing') }
  const asked = askRunningHouse<BackupDone>(house.config(), 'backup', places)
  await expect(asked).rejects.toThrow(/^\/sys\/gatehouse cannot be written to \(E\w+\): .*ReadWritePaths/)
})

test('another house does not take its backups where this one has its own, and removes none of them', async () => {
  const places = { to: join(place, 'shared'), vault_to: join(place, 'shared-vaults') }
  const { name } = must(await askRunningHouse<BackupDone>(house.config(), 'backup', places), 'a backup')
  const other = await TestGateway.open({ config: '\n[backup]\nkeep = 1\nvault_keep = 1\n' })
  const asked = askRunningHouse<BackupDone>(other.config(), 'backup', places)
  await expect(asked).rejects.toThrow(/has the copies of another house.*choose another folder/)
  await other.close()
  expect([backupsIn(places.to), vaultCopiesIn(places.vault_to)]).toEqual([[name], [name]])
})

test("another house sets none of this one's shipped journal aside, serves, and ships where a reload says", async () => {
  await house.write('+447700900301', 'shipped here')
  await until('it is shipped', async () => (await house.metric('gatehouse_journal_ship_lag_seconds')) === 0)
  const before = readdirSync(shipFolder).sort()
  const shippingTo = (to: string) => `\n[backup]\nship_folder = "${to}"\n`
  const other = await TestGateway.open({ config: shippingTo(shipFolder) })
  const facts = async () => (await askRunningHouse<HouseFacts>(other.config(), 'doctor', {}))?.shipping
  try {
    await other.write('+447700900302', 'shipped nowhere yet')
    await until('the house says so', async () => (await facts())?.fault === 'another_house')
    expect(await other.metric('gatehouse_journal_ship_lag_seconds')).toBeGreaterThan(0)
    expect(other.lines.filter((line) => line.includes('journal is not shipped')).join()).toContain('another_house')
    expect(readdirSync(shipFolder).sort()).toEqual(before)

    const reloadTo = async (more: string) => {
      other.configText = testConfigText(more)
      return await other.reload()
    }
    expect(await reloadTo(shippingTo(join(other.folder, 'data', 'second')))).toMatchObject({
      changed: ['backup.ship_folder'],
      needs_restart: [],
    })
    await until('the house says that too', async () => (await facts())?.fault === 'in_data_folder')
    expect(existsSync(join(other.folder, 'data', 'second'))).toBe(false)
    await reloadTo(shippingTo(join(other.folder, 'second')))
    await until('it is shipped', async () => {
      const now = await facts()
      return now?.fault === null && now.lagMs === 0
    })
    expect(segmentsIn(join(other.folder, 'second')).length).toBe(1)
    await reloadTo('')
    await until('nothing is shipped any more', async () => (await facts()) === null)
    await until('no lag is told', async () => (await other.metric('gatehouse_journal_ship_lag_seconds')) === 0)
  } finally {
    await other.close()
  }
})

test('a copy of the house that ships to the same folder keeps this one out as long as it is there', async () => {
  const facts = async () => (await askRunningHouse<HouseFacts>(house.config(), 'doctor', {}))?.shipping
  await house.write('+447700900301', 'shipped by this one')
  await until('it is shipped', async () => (await facts())?.lagMs === 0)
  const before = shippedSeq()
  writeFileSync(join(shipFolder, 'writer'), '1-1 7\n')
  await house.write('+447700900301', 'while another ships')
  await until('the house says so', async () => (await facts())?.fault === 'in_use')
  expect(shippedSeq()).toBe(before)
  rmSync(join(shipFolder, 'writer'))
  await until('it is shipped again', async () => (await facts())?.fault === null)
  expect(shippedSeq()).toBeGreaterThan(before)
})

test('a disk that is not mounted is noticed; a folder that was removed, and a new disk that is said to be one, are used', async () => {
  const places = { to: join(place, 'disk'), vault_to: join(place, 'disk-of-keys') }
  const take = () => askRunningHouse<BackupDone>(house.config(), 'backup', places)
  await take()
  const empty = (folder: string) => rmSync(folder, { recursive: true })
  empty(places.to)
  const { name } = must(await take(), 'a backup')
  expect(backupsIn(places.to)).toEqual([name])

  const notes = join(house.folder, 'data', 'places')
  const note = must(
    readdirSync(notes).find((one) => readFileSync(join(notes, one), 'utf8').includes(`${places.to}\n`)),
    'a note',
  )
  writeFileSync(join(notes, note), `1234567 ${places.to}\n`)
  expect(must(await take(), 'a backup').name > name).toBe(true)
  writeFileSync(join(notes, note), `1234567 ${places.to}\n`)
  empty(places.to)
  await expect(take()).rejects.toThrow(/was on another disk.*is it mounted\?.*touch/)
  expect(existsSync(places.to)).toBe(false)
  mkdirSync(places.to)
  await expect(take()).rejects.toThrow('is it mounted?')
  writeFileSync(join(places.to, 'house'), '')
  const last = must(await take(), 'a backup')
  expect(backupsIn(places.to)).toEqual([last.name])
})

test('a disk that gets full is named: that of the copy', async () => {
  const from = new Db(join(place, 'source.db'))
  from.script('CREATE TABLE page (bytes BLOB); INSERT INTO page VALUES (zeroblob(100000))')
  expect(() => from.copyTo('/dev/full')).toThrow(/^\/dev\/full /)
  expect(() => from.copyTo(join(place, 'not', 'there.db'))).toThrow(/there\.db cannot be opened/)
  from.close()
})

test('a backup into the data folder is refused, and nothing is made there', async () => {
  const data = join(house.folder, 'data')
  const [inside, outside] = [join(data, 'new', 'backups'), join(place, 'not-made')]
  for (const places of [
    { to: inside, vault_to: outside },
    { to: outside, vault_to: inside },
  ]) {
    await expect(askRunningHouse(house.config(), 'backup', places)).rejects.toThrow('lies in the data folder')
  }
  expect([existsSync(join(data, 'new')), existsSync(outside)]).toEqual([false, false])
})

test('a second place that cannot be written to stops nothing, and is caught up with later', async () => {
  await house.stop()
  renameSync(shipFolder, `${shipFolder}-away`)
  writeFileSync(shipFolder, 'a file is in its place')
  await house.start()
  await house.write('+447700900301', 'nobody ships this yet')
  await until('the fault is counted', async () => (await house.metric('gatehouse_journal_ship_failures_total')) > 0)
  expect(await house.metric('gatehouse_journal_ship_lag_seconds')).toBeGreaterThan(0)
  rmSync(shipFolder)
  renameSync(`${shipFolder}-away`, shipFolder)
  await until('it is caught up with', async () => (await house.metric('gatehouse_journal_ship_lag_seconds')) === 0)
  expect(house.lines.some((line) => line.includes('journal is not shipped'))).toBe(true)
  expect(house.fatal).toEqual([])
})

test.each(['backup.records_copied', 'backup.before_rename'])(
  'a kill in the middle (%s) leaves nothing that counts as a backup, and the next one clears it away',
  async (point) => {
    await house.stop()
    const own = mkdtempSync(join(place, 'killed-'))
    const run = async (env: Record<string, string>) => {
      const child = Bun.spawn([...CRASHABLE_PROGRAM, 'backup', '--to', `${own}/b`, '--vault-to', `${own}/v`], {
        env: { PATH: '/usr/bin:/bin', ...programEnvironment(own), ...env },
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const said = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
      await child.exited
      return { signal: child.signalCode, code: child.exitCode, said: said.join('') }
    }
    expect(await run({ GATEHOUSE_TEST_CRASH: `${point}:1` })).toMatchObject({ signal: 'SIGKILL' })
    expect(backupsIn(join(own, 'b'))).toEqual([])
    const left = readdirSync(join(own, 'b')).filter((name) => name.endsWith('.part'))
    expect(left.length).toBe(1)
    expect(first(left)).toEndWith('.part')

    const next = await run({})
    expect({ code: next.code, said: next.said }).toMatchObject({ code: 0 })
    expect(readdirSync(join(own, 'b')).filter((name) => name.endsWith('.part'))).toEqual([])
    expect(backupsIn(join(own, 'b')).length).toBe(1)
    await house.start()
  },
)

test.each([['backup list'], ['backup check latest']])('%s without a place for it is wrong use', async (words) => {
  const own = mkdtempSync(join(place, 'nowhere-'))
  const env = { PATH: '/usr/bin:/bin', ...programEnvironment(own), GATEHOUSE_DATA_DIR: join(own, 'data') }
  const child = Bun.spawn([...CRASHABLE_PROGRAM, ...words.split(' ')], { env, stdout: 'ignore', stderr: 'pipe' })
  const said = await new Response(child.stderr).text()
  await child.exited
  expect({ code: child.exitCode, said }).toMatchObject({ code: 2, said: expect.stringContaining('Say where') })
})

/** For the program in a process of its own, on the folder of the house that does not run. */
function programEnvironment(own: string): Record<string, string> {
  writeFileSync(join(own, 'gatehouse.toml'), testConfigText())
  writeFileSync(join(own, 'master.key'), 'ab'.repeat(32))
  return {
    GATEHOUSE_CONFIG: join(own, 'gatehouse.toml'),
    GATEHOUSE_MASTER_KEY_FILE: join(own, 'master.key'),
    GATEHOUSE_DATA_DIR: join(house.folder, 'data'),
  }
}

function shippedSeq(): number {
  const newest = segmentsIn(shipFolder).at(-1)
  return newest ? (endOfSegment(join(shipFolder, newest.file))?.end.seq ?? 0) : 0
}
