import { describe, expect, test } from 'bun:test'
import { showId } from '../core/ids.ts'
import { type Actor, COMMAND_LINE } from '../core/principal.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { TestBook } from '../testing/open-test-book.ts'
import { ANNA, declared, queued, textItem } from '../testing/test-items.ts'
import { addApiKey, revokeApiKey } from './api-key.ts'
import { noteAudit } from './audit-acts.ts'
import { type AuditFilter, AuditReader } from './audit-reader.ts'
import { changeContact } from './contact-change.ts'
import { declareNumber } from './number.ts'
import { queueMessage } from './queue-message.ts'
import { declareRoles } from './role.ts'

const MACHINE: Actor = { id: 'machine', by: 'api_key', workspaceId: 1, personId: null }
const PERSON: Actor = { id: 'person', by: 'session', workspaceId: 1, personId: 9 }
const ANY: AuditFilter = { actor: null, personId: null, action: null, object: null, fromMs: null, untilMs: null }

function keyAsk(name: string) {
  const open = { personId: null, permissions: null, numberIds: null, expiresAtMs: null }
  return { hash: new Uint8Array(32).fill(name.length), workspaceId: 1, name, hint: 'hint', role: 'owner', ...open }
}

function entries(book: TestBook, filter: Partial<AuditFilter> = {}, workspaceId = 1) {
  const reader = new AuditReader(book.database, () => book.vault)
  return reader.page(workspaceId, { limit: 200, cursor: null }, { ...ANY, ...filter }, (entry) => entry)
    .items as unknown as ReturnType<typeof Object>[]
}

async function bookWithAnna(): Promise<TestBook> {
  const clock = new FakeClock()
  const book = new TestBook(clock)
  await book.ask(declareNumber, declared())
  await book.give(textItem('wamid.1', clock.epochMs()))
  return book
}

describe('the audit', () => {
  test('says who did what to what, in the commit of the act, and nothing of what the house does by itself', async () => {
    const book = await bookWithAnna()
    const { id } = await book.ask(addApiKey, keyAsk('shop'), PERSON)
    await book.ask(declareRoles, { roles: {} })
    await book.ask(revokeApiKey, { id, workspaceId: 1 }, COMMAND_LINE)
    const commit = book.commits.at(-1)
    expect(commit?.wakes).toContainEqual({ kind: 'audited', counts: { 'api_key.revoke': 1 }, firstOfDay: false })
    const object = showId('key', id)
    expect(entries(book)).toMatchObject([
      { action: 'api_key.revoke', object, outcome: 'done', actor: { id: 'command line', by: 'command' } },
      { action: 'api_key.add', object, outcome: 'done', actor: { id: 'person', by: 'session', personId: 9 } },
    ])
    book.close()
  })

  test('says what was refused, and of an act that failed nothing else is left', async () => {
    const book = await bookWithAnna()
    await book.ask(revokeApiKey, { id: 999, workspaceId: 1 }, PERSON).catch(() => {})
    expect(entries(book)).toMatchObject([
      { action: 'api_key.revoke', outcome: 'not_found', object: showId('key', 999) },
    ])
    await book.ask(revokeApiKey, { id: 998, workspaceId: 1 }, PERSON).catch(() => {})
    expect(book.database.all<{ seq: number }>('SELECT seq FROM audit ORDER BY seq')).toEqual([{ seq: 1 }, { seq: 2 }])
    book.close()
  })

  test('tells of what a program sends once a minute, and of each message of a person', async () => {
    const book = await bookWithAnna()
    const ask = queued({ kind: 'person', person: ANNA })
    for (let index = 0; index < 3; index++) await book.ask(queueMessage, ask, MACHINE)
    const sent = await book.ask(queueMessage, ask, PERSON)
    expect(entries(book)).toMatchObject([{ action: 'message.queue', object: sent.answer.id, times: 1 }])
    // What was counted is on the disk: a stop loses nothing of it.
    book.restart()
    book.clock.advance(60_000)
    await book.ask(noteAudit, { notes: [] })
    const [counted] = entries(book)
    expect(counted).toMatchObject({ action: 'message.queue', object: null, times: 3, actor: { id: 'machine' } })
    expect(book.database.all('SELECT actor FROM audit_minutes')).toEqual([])
    book.close()
  })

  test('seals what is personal with the key of whom it is about', async () => {
    const book = await bookWithAnna()
    const { id, person } = book.database.one<{ id: number; person: number }>('SELECT id, person FROM contacts') ?? {
      id: 0,
      person: 0,
    }
    const object = showId('contact', id)
    const note = { by: PERSON, action: 'contact.look_up', object, outcome: 'done', detail: { phone: ANNA.phone } }
    await book.ask(noteAudit, { notes: [note] })
    await book.ask(changeContact, { contactId: id, name: 'Anna B.' }, PERSON)
    expect(entries(book)).toMatchObject([
      { action: 'contact.change', object, detail: null },
      { action: 'contact.look_up', object, detail: { phone: ANNA.phone }, isErased: false },
    ])
    book.vault.destroyPerson(person)
    book.vault.commit()
    expect(entries(book, { action: 'contact.look_up' })).toMatchObject([{ detail: null, isErased: true }])
    await book.ask(noteAudit, { notes: [note] })
    expect(entries(book)).toMatchObject([{ detail: null, isErased: false }, {}, {}])
    book.close()
  })

  test('is read by actor, action, object and time, by workspace and by pages', async () => {
    const book = await bookWithAnna()
    const start = book.clock.epochMs()
    for (let index = 0; index < 30; index++) {
      const by = index % 2 ? PERSON : { ...MACHINE, workspaceId: index % 4 ? 1 : 2 }
      await book.ask(noteAudit, {
        notes: [
          { by, action: index % 3 ? 'contact.open' : 'contact.list', object: `con_${index % 5}`, outcome: 'done' },
        ],
      })
      book.clock.advance(1000)
    }
    const count = (filter: Partial<AuditFilter>, workspaceId = 1) => entries(book, filter, workspaceId).length
    expect(count({})).toBe(22)
    expect(count({}, 2)).toBe(8)
    expect(count({ personId: 9 })).toBe(15)
    expect(count({ actor: 'machine' })).toBe(7)
    expect(count({ actor: 'machine' }, 2)).toBe(8)
    expect(count({ object: 'con_1' })).toBe(5)
    expect(count({ action: 'contact.list', personId: 9 })).toBe(5)
    expect(count({ personId: 9, fromMs: start + 9000, untilMs: start + 12_000 })).toBe(2)
    const reader = new AuditReader(book.database, () => book.vault)
    const ids: string[] = []
    for (let cursor: string | null = null; ; ) {
      const { items, next } = reader.page(1, { limit: 4, cursor }, ANY, ({ id }) => ({ id }))
      ids.push(...items.map((item) => (item as unknown as { id: string }).id))
      if (next === null) break
      cursor = next
    }
    expect(new Set(ids).size).toBe(22)
    expect(ids).toHaveLength(22)
    book.close()
  })
})
