import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must } from '../core/assert.ts'
import { Db } from '../storage/database.ts'
import { migrate } from '../storage/migrate.ts'
import { planRollback, rollbackFolder } from '../storage/rollback.ts'
import { upgradeFolder } from '../storage/upgrade.ts'
import { Vault } from '../vault/vault.ts'
import { FORMS, VERSIONS } from './forms.ts'

const MIGRATIONS = new URL('../../migrations/', import.meta.url)
const MASTER = Uint8Array.from({ length: 32 }, (_, index) => index + 1)
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-forms-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('an upgrade knows every database that has migrations, and its newest version', () => {
  const counts = readdirSync(MIGRATIONS).map((name) => [name, readdirSync(new URL(name, MIGRATIONS)).length])
  expect(VERSIONS).toEqual(Object.fromEntries(counts))
})

test('only the records go back whole: keys, what came in and who was erased are never given up', () => {
  expect(FORMS.filter(({ back }) => back === 'copy').map(({ label }) => label)).toEqual(['records'])
})

test('the vault goes back to every older form with the keys that were made since', async () => {
  const { migrations, ...form } = must(
    FORMS.find(({ label }) => label === 'vault'),
    'the vault',
  )
  for (let version = 1; version < migrations.length; version++) {
    rmSync(folder, { recursive: true })
    folder = mkdtempSync(join(tmpdir(), 'gatehouse-forms-'))
    const older = new Db(join(folder, 'vault.db'))
    migrate(older, 'vault.db', migrations.slice(0, version))
    older.close()
    const options = { folder, nowMs: 1, say: () => {} }
    await upgradeFolder({ ...options, forms: [{ ...form, migrations }], program: '9.9.9' })
    const vault = new Vault(join(folder, 'vault.db'), MASTER)
    const key = vault.namedKey('house').toHex()
    vault.commit()
    vault.close()
    const plan = planRollback(folder, [{ ...form, migrations }])
    await rollbackFolder({ ...options, plan, onPutBack: () => {} })
    const back = new Vault(join(folder, 'vault.db'), MASTER, { readonly: true })
    expect([version, back.findNamedKey('house')?.toHex()]).toEqual([version, key])
    back.close()
  }
})
