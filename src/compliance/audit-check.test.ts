import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { showId } from '../core/ids.ts'
import type { Actor } from '../core/principal.ts'
import { noteAudit } from '../records/audit-acts.ts'
import { AuditReader, type AuditRoot } from '../records/audit-reader.ts'
import { Db } from '../storage/database.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { TEST_MASTER_KEY, TestBook } from '../testing/open-test-book.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { textItem } from '../testing/test-items.ts'
import { Vault } from '../vault/vault.ts'
import { checkAudit } from './audit-check.ts'

const KEY: Actor = { id: 'p_key', by: 'api_key', workspaceId: 1, personId: null }
const PERSON: Actor = { id: 'p_person', by: 'session', workspaceId: 1, personId: 7 }
const ROWS = 40

/** A book whose audit has rows of two days, with details of a contact and of the house. */
async function bookWithRows(): Promise<{ book: TestBook; contactId: number; roots: AuditRoot[] }> {
  const clock = new FakeClock()
  const book = new TestBook(clock)
  await book.give(textItem('wamid.1', clock.epochMs()))
  const contactId = book.database.one<{ id: number }>('SELECT id FROM contacts')?.id ?? 0
  const note = async (index: number) =>
    await book.ask(noteAudit, {
      notes: [
        {
          by: index % 2 ? KEY : PERSON,
          action: index % 3 ? 'contact.open' : 'search.run',
          object: index % 3 ? showId('contact', contactId) : null,
          outcome: 'done',
          detail: index % 4 ? null : { words: `words ${index}` },
        },
      ],
    })
  for (let index = 0; index < ROWS / 2; index++) await note(index)
  clock.advance(24 * 3_600_000)
  for (let index = ROWS / 2; index < ROWS; index++) await note(index)
  const roots = new AuditReader(book.database, () => book.vault).rootsAfter(undefined, clock.epochMs())
  return { book, contactId, roots }
}

async function checkedOf(folder: string, roots: readonly AuditRoot[] = []) {
  const database = new Db(join(folder, 'records.db'), { readonly: true })
  const vault = new Vault(join(folder, 'vault.db'), TEST_MASTER_KEY, { readonly: true })
  try {
    const reader = new AuditReader(database, () => vault)
    return await checkAudit({ reader, vault, roots, giveWay: async () => {} })
  } finally {
    database.close()
    vault.close()
  }
}

const DROP = 'DROP TRIGGER audit_rows_stay; DROP TRIGGER audit_rows_hold; DROP TRIGGER audit_details_go;'
const COLUMNS = [
  'at',
  'workspace_id',
  'actor',
  'actor_kind',
  'person_id',
  'action',
  'object',
  'outcome',
  'times',
  'detail_person',
  'detail_hash',
  'hash',
  'detail',
] as const

/** Somebody with the database and without the vault changes something; answers the first row that is not what it was. */
function alter(database: Db, random: () => number): { what: string; seq: number } {
  const pick = (max: number) => 1 + Math.floor(random() * max)
  const seq = pick(ROWS)
  const way = Math.floor(random() * 5)
  if (way === 0) {
    database.run('DELETE FROM audit WHERE seq = ?1', seq)
    return { what: 'deleted', seq }
  }
  if (way === 1) {
    const other = seq === ROWS ? 1 : seq + pick(ROWS - seq)
    const swap = COLUMNS.map((column) => `${column} = (SELECT ${column} FROM old WHERE seq = ?2)`).join(', ')
    database.script(`CREATE TABLE old AS SELECT seq, ${COLUMNS.join(', ')} FROM audit`)
    database.run(`UPDATE audit SET ${swap} WHERE seq = ?1`, seq, other)
    database.run(`UPDATE audit SET ${swap} WHERE seq = ?1`, other, seq)
    return { what: 'swapped', seq: Math.min(seq, other) }
  }
  if (way === 2) {
    // A copy of a row is put in, and all behind it move by one.
    database.script(`CREATE TABLE moved AS SELECT seq, ${COLUMNS.join(', ')} FROM audit`)
    database.run('DELETE FROM audit WHERE seq > ?1', seq)
    const columns = COLUMNS.join(', ')
    database.run(`INSERT INTO audit (seq, ${columns}) SELECT seq + 1, ${columns} FROM moved WHERE seq >= ?1`, seq)
    return { what: 'inserted', seq: seq + 1 }
  }
  if (way === 3) {
    database.run('DELETE FROM audit WHERE seq >= ?1', seq)
    return { what: 'truncated', seq }
  }
  const column = COLUMNS[Math.floor(random() * COLUMNS.length)] ?? 'at'
  database.run(`UPDATE audit SET ${column} = ${CHANGED[column]} WHERE seq = ?1`, seq)
  return { what: `changed ${column}`, seq }
}

const CHANGED: Readonly<Record<(typeof COLUMNS)[number], string>> = {
  at: 'at + 1',
  workspace_id: '2',
  actor: "'somebody else'",
  actor_kind: '2',
  person_id: 'ifnull(person_id, 0) + 1',
  action: "'role.change'",
  object: "ifnull(object, '') || 'x'",
  outcome: "'forbidden'",
  times: 'times + 1',
  detail_person: 'ifnull(detail_person, 0) + 1',
  detail_hash: "CASE WHEN detail_hash IS NULL THEN x'01' ELSE NULL END",
  hash: 'zeroblob(32)',
  detail: "CASE WHEN detail IS NULL THEN x'01' ELSE x'' END",
}

describe('checkAudit()', () => {
  test('a thousand changes by somebody without the vault are all noticed, at the right row', async () => {
    const { book } = await bookWithRows()
    const whole = await checkedOf(book.folder)
    expect(whole).toMatchObject({ ok: true, rows: ROWS, fault: null })
    book.database.script(DROP)
    const random = seededRandom(20_261_122)
    const vault = new Vault(join(book.folder, 'vault.db'), TEST_MASTER_KEY, { readonly: true })
    for (let round = 0; round < 1000; round++) {
      book.database.run('BEGIN IMMEDIATE')
      const changed = alter(book.database, random)
      const reader = new AuditReader(notNested(book.database), () => vault)
      const { fault } = await checkAudit({ reader, vault, roots: [], giveWay: async () => {} })
      book.database.rollback()
      expect({ round, changed, seq: fault?.seq }).toEqual({ round, changed, seq: changed.seq })
    }
    vault.close()
    expect(await checkedOf(book.folder)).toMatchObject({ ok: true })
    book.close()
  })

  test('rows made anew with the vault at hand are told by a root that was kept elsewhere', async () => {
    const { book, roots } = await bookWithRows()
    expect(roots).toHaveLength(1)
    expect(await checkedOf(book.folder, roots)).toMatchObject({ ok: true, roots: 1 })
    const other = roots.map((root) => ({ ...root, hash: root.hash.replace(/^./, (one) => (one === '0' ? '1' : '0')) }))
    expect((await checkedOf(book.folder, other)).fault).toMatchObject({ kind: 'root', seq: ROWS / 2 })
    const later = roots.map((root) => ({ ...root, seq: ROWS + 3 }))
    expect((await checkedOf(book.folder, later)).fault).toMatchObject({ kind: 'truncated', seq: ROWS + 1 })
    book.close()
  })

  test('after an erasure the chain holds, and a detail that is merely taken away does not', async () => {
    const { book, contactId } = await bookWithRows()
    const { person } = book.database.one<{ person: number }>(
      'SELECT person FROM contacts WHERE id = ?1',
      contactId,
    ) ?? {
      person: 0,
    }
    const sealed = book.database.all<{ seq: number }>('SELECT seq FROM audit WHERE detail_person = ?1', person)
    expect(sealed.length).toBeGreaterThan(3)
    book.database.run("UPDATE audit SET detail = x'' WHERE detail_person = ?1", person)
    expect((await checkedOf(book.folder)).fault).toMatchObject({ kind: 'altered', seq: sealed[0]?.seq ?? 0 })
    book.vault.destroyPerson(person)
    book.vault.commit()
    expect(await checkedOf(book.folder)).toMatchObject({ ok: true, rows: ROWS })
    book.close()
  })

  test('rows cannot be changed or deleted in plain SQL, and a truncation is not healed by what is written next', async () => {
    const { book } = await bookWithRows()
    expect(() => book.database.run('DELETE FROM audit WHERE seq = 3')).toThrow('never deleted')
    expect(() => book.database.run("UPDATE audit SET actor = 'x' WHERE seq = 3")).toThrow('never changed')
    expect(() => book.database.run("UPDATE audit SET detail = x'00' WHERE seq = 1")).toThrow('only erased')
    book.database.script(DROP)
    book.database.run('DELETE FROM audit WHERE seq > ?1', ROWS - 2)
    book.restart()
    await book.ask(noteAudit, { notes: [{ by: KEY, action: 'contact.open', object: null, outcome: 'done' }] })
    expect((await checkedOf(book.folder)).fault).toMatchObject({ kind: 'missing', seq: ROWS - 1 })
    book.close()
  })

  test('a head that is taken away or put back to the start leaves a gap', async () => {
    for (const change of ['DELETE FROM audit_head', "UPDATE audit_head SET seq = 0, hash = x'', mac = x''"]) {
      const { book } = await bookWithRows()
      book.database.script(`${DROP} DELETE FROM audit WHERE seq > ${ROWS - 2}; ${change}`)
      expect((await checkedOf(book.folder)).fault).toMatchObject({ kind: 'head' })
      book.restart()
      await book.ask(noteAudit, { notes: [{ by: KEY, action: 'contact.open', object: null, outcome: 'done' }] })
      expect({ change, fault: (await checkedOf(book.folder)).fault }).toMatchObject({ fault: { seq: ROWS - 1 } })
      book.close()
    }
  })

  test('the newest rows are checked by themselves', async () => {
    const { book } = await bookWithRows()
    const reader = new AuditReader(book.database, () => book.vault)
    const ask = { reader, vault: book.vault, roots: [], giveWay: async () => {} }
    expect(await checkAudit({ ...ask, newest: 10 })).toMatchObject({ ok: true, rows: 10 })
    book.close()
  })
})

/** The same connection, inside the transaction that a test takes back. */
function notNested(database: Db): Db {
  return new Proxy(database, {
    get: (target, name) => {
      if (name === 'snapshot') return (work: () => unknown) => work()
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
