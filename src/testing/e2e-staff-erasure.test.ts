import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { readId } from '../core/ids.ts'
import { beginErasureOfPerson, listErasures } from '../records/erasure.ts'
import { addPeople } from '../records/person.ts'
import { declareRoles } from '../records/role.ts'
import { auditCommand } from '../run/audit.ts'
import { askRunningHouse } from '../run/running-house.ts'
import { Db } from '../storage/database.ts'
import { openTestBook } from './open-test-book.ts'
import { type ApiAnswer, TestGateway, until } from './test-gateway.ts'

setDefaultTimeout(20_000)

let house: TestGateway
beforeAll(async () => {
  house = await TestGateway.open()
})
afterAll(() => house.close())

const NAME = 'Zelda Quistmarker'
const EMAIL = 'quistmarker@example.com'

function remove(path: string): Promise<ApiAnswer> {
  return house.ask('DELETE', path)
}

async function hire(name = NAME, email = EMAIL): Promise<string> {
  const { status, body } = await house.api('/api/v1/people', { name, email, role: 'agent' })
  expect(status).toBe(201)
  return body.id
}

async function done(id: string): Promise<ApiAnswer['body']> {
  const one = async () => (await house.api(`/api/v1/erasures/${id}`)).body
  await until('the erasure is done', async () => (await one()).state === 'done')
  return await one()
}

async function run(command: typeof auditCommand, operand: string) {
  const lines: string[] = []
  const print = (line: string) => void lines.push(line)
  const loadConfig = () => ({ ok: true as const, config: house.config() })
  return { code: await command({ operand, options: {}, loadConfig, print, complain: print }), text: lines.join('\n') }
}

test('who left is erased for good: profile, address and what the audit has of them, whose chain holds', async () => {
  const id = await hire()
  const ofAudit = async () => (await house.api(`/api/v1/audit?object=${id}&action=person.add`)).body.items[0]
  expect((await ofAudit()).detail).toMatchObject({ email: EMAIL })
  expect((await remove(`/api/v1/people/${id}/profile`)).status).toBe(409)
  await remove(`/api/v1/people/${id}`)
  const begun = await remove(`/api/v1/people/${id}/profile`)
  const erasure = begun.body.id
  expect([begun.status, begun.body.contact_ids, begun.body.person_id]).toEqual([202, [], id])
  const ended = await done(erasure)
  expect(ended.report).toMatchObject({ person_id: id, contact_ids: [], erased: { people: 1 } })
  expect(ended.report.copies).toHaveLength(1)
  expect((await remove(`/api/v1/people/${id}/profile`)).body.id).toBe(erasure)
  expect(await ofAudit()).toMatchObject({ object: id, detail: null, erased: true })
  expect(await run(auditCommand, 'verify')).toMatchObject({ code: 0 })

  const folder = house.config().dataDir
  const records = new Db(join(folder, 'records.db'), { readonly: true })
  const row = records.one<{ key_person: number; profile: Uint8Array }>(
    'SELECT key_person, profile FROM people WHERE id = ?1',
    readId('person', id) ?? 0,
  )
  const vault = new Db(join(folder, 'vault.db'), { readonly: true })
  const key = vault.one<{ wrapped: Uint8Array }>(
    'SELECT wrapped FROM person_keys WHERE person = ?1',
    row?.key_person ?? 0,
  )
  expect([row?.profile.length, key?.wrapped.length]).toEqual([0, 0])
  const ledger = new Db(join(folder, 'erasure-ledger.db'), { readonly: true })
  expect(ledger.one('SELECT person FROM persons WHERE person = ?1', row?.key_person ?? 0)).toBeDefined()
  for (const database of [records, vault, ledger]) database.close()

  expect(await hire()).not.toBe(id)
})

test('who never was here, or is a customer, is not found', async () => {
  for (const id of ['per_zzzz', 'con_2', 'nobody']) {
    expect((await remove(`/api/v1/people/${id}/profile`)).status).toBe(404)
  }
})

test('the command does the same in the running house', async () => {
  const id = await hire('Second', 'second@example.com')
  const erase = () => askRunningHouse<{ report: object }>(house.config(), 'erase', { contact: id })
  await expect(erase()).rejects.toThrow('still work here')
  await remove(`/api/v1/people/${id}`)
  expect((await erase())?.report).toMatchObject({ person_id: id, erased: { people: 1 } })
})

test('a copy of before, in which they still work here, is erased by the ledger; then they have no name', async () => {
  const book = openTestBook()
  await book.ask(declareRoles, { roles: { owner: ['conversations.see_all'] } })
  const roleId = book.database.one<{ id: number }>('SELECT id FROM roles WHERE workspace_id = 1')?.id ?? 0
  const work = { languages: [], skills: [], zone: null, hours: null }
  await book.ask(addPeople, { workspaceId: 1, people: [{ name: NAME, email: EMAIL, roleId, work }] })
  const person = book.database.one<{ key_person: number }>('SELECT key_person FROM people')?.key_person ?? 0
  const { id } = await book.ask(beginErasureOfPerson, { person, by: 'ledger' })
  expect((await book.ask(listErasures, null)).ids).toEqual([id ?? 0])
  expect(await book.ask(beginErasureOfPerson, { person, by: 'ledger' })).toEqual({ id: null })
  book.close()
})
