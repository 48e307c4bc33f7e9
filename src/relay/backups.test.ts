import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HOUR_MS } from '../core/clock.ts'
import { type LogFields, silentLog } from '../core/log.ts'
import { backupNameOf, MANIFEST_FORM, writeManifest } from '../storage/backup-manifest.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { prepareVault, Vault } from '../vault/vault.ts'
import { readBackupState } from './backup-state.ts'
import { type BackupPlan, Backups } from './backups.ts'
import type { BackupAsk, BackupDone } from './take-backup.ts'

let place = ''
let clock: FakeClock
let taken: number[] = []
let isBroken = false
let failures = 0
let logged: string[] = []

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'gatehouse-backups-'))
  clock = new FakeClock()
  taken = []
  isBroken = false
  failures = 0
  logged = []
})
afterEach(() => {
  rmSync(place, { recursive: true })
})

/** Lets time pass, and what came of it end. */
async function advance(byMs: number): Promise<void> {
  clock.advance(byMs)
  await new Promise<void>((resolve) => setImmediate(resolve))
}

function plan(): BackupPlan {
  return {
    folder: join(place, 'backups'),
    vaultFolder: join(place, 'vaults'),
    vaultBeside: false,
    everyHours: 24,
    keep: 7,
    vaultKeep: 2,
  }
}

/** Leaves a manifest behind, as a backup does. */
async function take({ folder }: BackupAsk): Promise<BackupDone> {
  taken.push(clock.epochMs())
  if (isBroken) throw new Error('There is no space for a backup')
  const name = backupNameOf(clock.epochMs())
  mkdirSync(join(folder, name), { recursive: true })
  const counts = { messages: 1, conversations: 1, contacts: 1, events: 1 }
  writeManifest(join(folder, name), {
    form: MANIFEST_FORM,
    name,
    made_at: clock.epochMs(),
    program: 'test',
    epoch: 'epoch',
    records: { version: 1, event_offset: 1, applied_seq: 1, next_id: 1 },
    journal: { head_seq: 1, days: [] },
    vault: { file: `${name}.vault.db`, bytes: 1, sha256: 'a'.repeat(64) },
    files: [],
    media: { files: 0, bytes: 0 },
    counts,
  })
  return { name, seconds: 2, bytes: 3, head_seq: 1, counts, media: { files: 0, added: 0, missing: 0 }, removed: [] }
}

function open(how: Partial<BackupPlan> = {}, taking = take): Backups {
  const backups = new Backups(
    {
      take: taking,
      takeLedger: async () => {},
      clock,
      log: {
        ...silentLog,
        error: (phrase: string, fields?: LogFields) => void logged.push(`${phrase} ${fields?.reason}`),
      },
      dataDir: place,
      masterKey: new Uint8Array(32),
      program: 'test',
      restShare: 0,
      metrics: { done: () => {}, failed: () => void failures++ },
    },
    () => ({ ...plan(), ...how }),
  )
  backups.start()
  return backups
}

test('a backup is taken when its time has come, also over restarts', async () => {
  const startMs = clock.epochMs()
  const first = open()
  await advance(60_000)
  expect(taken).toEqual([startMs + 30_000])
  await advance(12 * HOUR_MS)
  await first.stop()

  open()
  await advance(11 * HOUR_MS)
  expect(taken.length).toBe(1)
  await advance(2 * HOUR_MS)
  expect(taken).toEqual([startMs + 30_000, startMs + 30_000 + 24 * HOUR_MS])
})

test('one that fails is counted, logged, remembered and tried again after ten minutes', async () => {
  isBroken = true
  const backups = open()
  await advance(60_000)
  expect({ failures, logged }).toEqual({ failures: 1, logged: ['backup failed There is no space for a backup'] })
  expect(readBackupState(place)).toMatchObject({
    last_success: null,
    last_failure: { reason: 'There is no space for a backup' },
  })
  isBroken = false
  await advance(10 * 60_000)
  expect(taken.length).toBe(2)
  expect(readBackupState(place)).toMatchObject({ last_success: { seconds: 2, bytes: 3 }, last_failure: null })
  await backups.stop()
})

test('one that cannot be written down in the data folder is taken all the same', async () => {
  mkdirSync(join(place, 'backup-state.json.part'))
  const backups = open()
  expect((await backups.take()).bytes).toBe(3)
  expect({ failures, logged }).toEqual({ failures: 0, logged: [] })
  await backups.stop()
})

test('one at a time, only where it is said where to, and by the clock only where a folder is set', async () => {
  const backups = open({ folder: undefined, vaultFolder: undefined })
  await advance(48 * HOUR_MS)
  expect(taken).toEqual([])
  await expect(backups.take()).rejects.toThrow('--to FOLDER')
  await expect(backups.take({ to: join(place, 'here') })).rejects.toThrow('--vault-to FOLDER')
  const wish = { to: join(place, 'here'), vaultTo: join(place, 'there') }
  const running = backups.take(wish)
  await expect(backups.take(wish)).rejects.toThrow('is being taken already')
  expect((await running).bytes).toBe(3)
})

test('another master key makes one due at once, and one that lies in the future is no reason to wait', async () => {
  const backups = open()
  await advance(30_000)
  expect(taken.length).toBe(1)
  isBroken = true
  backups.learnMaster(new Uint8Array(32).fill(1))
  await advance(0)
  expect(taken.length).toBe(2)
  isBroken = false
  await advance(10 * 60_000)
  expect(taken.length).toBe(3)
  await advance(23 * HOUR_MS)
  expect(taken.length).toBe(3)
  clock.jump(-400 * 24 * HOUR_MS)
  backups.follow()
  await advance(30_000)
  expect(taken.length).toBe(4)
  await backups.stop()
})

test('copies of the keys that open with another master key only make one due, also over a restart', async () => {
  const { vaultFolder = '' } = plan()
  await open().take()
  mkdirSync(vaultFolder)
  const copyOf = (key: number) => {
    const path = join(vaultFolder, `${backupNameOf(clock.epochMs())}.vault.db`)
    rmSync(path, { force: true })
    const vault = new Vault(path, new Uint8Array(32).fill(key), { synchronous: 'OFF' })
    prepareVault(vault)
    vault.close()
  }
  copyOf(0)
  open()
  await advance(60_000)
  expect(taken.length).toBe(1)
  copyOf(7)
  open()
  await advance(60_000)
  expect(taken.length).toBe(2)
})

test('a stop waits three seconds for a backup that is under way, and no longer', async () => {
  const never = { promise: new Promise<BackupDone>(() => {}) }
  const backups = open({}, () => never.promise)
  void backups.take()
  let hasStopped = false
  void backups.stop().then(() => {
    hasStopped = true
  })
  await advance(2_999)
  expect(hasStopped).toBe(false)
  await advance(1)
  expect(hasStopped).toBe(true)
})

test('a plan that is changed holds at once, from none to some and back', async () => {
  const how: Partial<BackupPlan> = { folder: undefined, vaultFolder: undefined }
  const startMs = clock.epochMs()
  const backups = open(how)
  await advance(48 * HOUR_MS)
  expect(taken).toEqual([])

  Object.assign(how, plan(), { everyHours: 6 })
  backups.follow()
  await advance(30_000)
  await advance(6 * HOUR_MS)
  const firstMs = startMs + 48 * HOUR_MS + 30_000
  expect(taken).toEqual([firstMs, firstMs + 6 * HOUR_MS])

  how.everyHours = 2
  backups.follow()
  await advance(2 * HOUR_MS)
  expect(taken).toEqual([firstMs, firstMs + 6 * HOUR_MS, firstMs + 8 * HOUR_MS])

  how.folder = undefined
  backups.follow()
  await advance(48 * HOUR_MS)
  expect(taken.length).toBe(3)
})

test('a plan that is changed while one is taken makes no second clock', async () => {
  let end = () => {}
  const slow = async (ask: BackupAsk) => {
    await new Promise<void>((resolve) => {
      end = resolve
    })
    return await take(ask)
  }
  const backups = open({}, slow)
  await advance(30_000)
  backups.follow()
  end()
  await advance(0)
  await advance(60_000)
  expect(taken.length).toBe(1)
  await backups.stop()
})
