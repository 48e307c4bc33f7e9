import { afterEach, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { eraseAgain } from '../relay/apply-ledger.ts'
import { FORMS } from '../relay/forms.ts'
import { takeBack } from '../relay/rollback.ts'
import { Db } from '../storage/database.ts'
import { type Form, upgradeFolder } from '../storage/upgrade.ts'
import { THREADS } from '../threads.ts'
import { TestGateway, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(60_000)

const MASTER = Uint8Array.fromHex('ab'.repeat(32))
const ANNA = '+447700900321'
const BEN = '+447700900322'
const CARLA = '+447700900323'

let house: TestGateway
const data = () => join(house.folder, 'data')

afterEach(() => house.close())

/** What a later program would add to a database. */
const LATER: Readonly<Record<string, string>> = {
  records: 'ALTER TABLE messages ADD COLUMN pretended TEXT; CREATE INDEX pretended ON messages (type)',
  accounts: 'ALTER TABLE sessions ADD COLUMN pretended TEXT',
  vault: 'ALTER TABLE person_keys ADD COLUMN pretended TEXT',
  journal: 'ALTER TABLE entries ADD COLUMN pretended TEXT',
  ledger: 'ALTER TABLE persons ADD COLUMN pretended TEXT',
}

/** The databases as a later program knows them: each has one migration more. */
function laterForms(): Form[] {
  return FORMS.map((form) => ({
    ...form,
    migrations: [...form.migrations, { name: '9999_add_pretended.sql', sql: LATER[form.label] ?? '' }],
  }))
}

/**
 * Lets this program stand for the later one, which has the same rows and a column more: only the number of the version
 * would keep it from that.
 */
function pretend(isLater: boolean): void {
  for (const { files, migrations } of FORMS) {
    for (const path of files(data()).filter((file) => existsSync(join(data(), file)))) {
      const database = new Db(join(data(), path))
      database.run(`PRAGMA user_version = ${migrations.length + (isLater ? 1 : 0)}`)
      database.close()
    }
  }
}

async function queue(to: string, text: string): Promise<string> {
  return (await house.api('/api/v1/messages', { to, type: 'text', text: { body: text } })).body.id
}

const goBack = (isTrial: boolean) =>
  takeBack({ folder: data(), forms: FORMS, nowMs: systemClock.epochMs(), isTrial, say: () => {} })

async function erase(contactId: string): Promise<void> {
  const { body } = await house.ask('DELETE', `/api/v1/contacts/${contactId}`)
  await until('the erasure', async () => (await house.api(`/api/v1/erasures/${body.id}`)).body.state === 'done')
}

test('T32, T33: an upgrade of a real house is taken back: what platforms said since is there, nothing is sent twice', async () => {
  house = await TestGateway.open()
  await house.write(ANNA, 'anna writes')
  await house.write(BEN, 'ben writes')
  const anna = await house.conversationOf(ANNA)
  const ben = await house.conversationOf(BEN)
  // The first is on its way, the second waits behind it and then for its number.
  await house.simulator('/_/faults', { kind: 'slow', ms: 400, count: 1 })
  const sent = await queue(anna.id, 'sent before')
  const waiting = await queue(anna.id, 'sent after the upgrade')
  await house.messageIn('sending', sent)
  await house.api(`/api/v1/numbers/${anna.number}/pause`, {})
  await house.messageIn('read', sent)
  expect((await house.messageIn('queued', waiting)).timeline).toHaveLength(1)
  await house.stop()

  const said: string[] = []
  const say = (line: string) => void said.push(line)
  const forms = laterForms()
  await upgradeFolder({ folder: data(), forms, program: '9.9.9', nowMs: systemClock.epochMs(), say })
  expect(said.filter((line) => line.includes('copying'))).toHaveLength(5)
  await expect(house.start()).rejects.toThrow(/written by a newer Gatehouse .*gatehouse rollback/)

  pretend(false)
  await house.start()
  await house.api(`/api/v1/numbers/${anna.number}/resume`, {})
  await house.messageIn('read', waiting)
  await house.write(CARLA, 'carla writes')
  await house.conversationOf(CARLA)
  await erase(ben.contact.id)
  const { epoch } = (await house.api('/api/v1/me')).body
  await expect(goBack(false)).rejects.toThrow('Another Gatehouse is using this data folder')
  await house.stop()
  pretend(true)

  const trial = await goBack(true)
  expect(trial.databases.map(({ path }) => path.replace(/\d{4}-\d\d-\d\d/, 'day'))).toEqual([
    'vault.db',
    'erasure-ledger.db',
    'journal/day.db',
    'accounts.db',
    'records.db',
  ])
  expect(trial.events_lost).toBeGreaterThan(5)
  expect(trial.journal_entries).toBeGreaterThan(3)
  // Keys were destroyed: no copy of them is left to go back to.
  expect(existsSync(join(data(), trial.copy, 'vault.db'))).toBe(false)
  await expect(house.start()).rejects.toThrow('newer Gatehouse')
  expect(await goBack(false)).toEqual(trial)

  await expect(house.start()).rejects.toThrow('erased are to be erased in this older copy too')
  const again = { clock: systemClock, log: silentLog, threads: THREADS, folder: data(), masterKey: MASTER }
  expect(await eraseAgain(again)).toBe(1)
  expect(await eraseAgain(again)).toBeUndefined()
  await house.start()
  expect((await house.api('/api/v1/me')).body.epoch).not.toBe(epoch)
  // It was waiting then; that it was sent since is told by the platform's own words in the journal.
  await house.messageIn('read', waiting)
  expect(await house.sendsOf('sent after the upgrade')).toHaveLength(1)
  await house.conversationOf(CARLA)
  const contacts = JSON.stringify((await house.api('/api/v1/contacts')).body)
  expect([contacts.includes(ANNA), contacts.includes(CARLA), contacts.includes(BEN)]).toEqual([true, true, false])
  await expect(goBack(false)).rejects.toThrow('Another Gatehouse')
  await house.stop()
  await expect(goBack(false)).rejects.toThrow('There is no upgrade to take back')
  await house.start()
})

test('a start brings a folder of an older program to its own form, and keeps the copy of before', async () => {
  house = await TestGateway.open()
  await house.write(ANNA, 'anna writes')
  await house.conversationOf(ANNA)
  await house.stop()
  // As a program before the last migration of the vault had it.
  const vault = new Db(join(data(), 'vault.db'))
  vault.script('ALTER TABLE named_keys ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0; PRAGMA user_version = 2')
  vault.close()
  await house.start()
  await house.write(ANNA, 'anna writes again')
  expect((await until('both', async () => (await house.conversationOf(ANNA)).unread === 2)) as boolean).toBe(true)
  const sum = FORMS.reduce((all, { migrations }) => all + migrations.length, 0)
  const copy = new Db(join(data(), `before-${sum - 1}-${sum}`, 'vault.db'), { readonly: true })
  expect(copy.one('PRAGMA user_version')).toEqual({ user_version: 2 })
  copy.close()
})
