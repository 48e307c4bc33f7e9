import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import createMessagePath from '../../migrations/records/0001_create_message_path.sql' with { type: 'text' }
import { must } from '../core/assert.ts'
import { readId } from '../core/ids.ts'
import type { MessageItem, PersonReference } from '../core/inbound.ts'
import { Db } from '../storage/database.ts'
import { openTestBook, SEES_ALL, TEST_MASTER_KEY, type TestBook } from '../testing/open-test-book.ts'
import { ACCEPTED, ANNA, DOUBT_WAIT_MS, queued, statusItem, textItem } from '../testing/test-items.ts'
import { sealText } from '../vault/sealing.ts'
import { prepareVault, Vault } from '../vault/vault.ts'
import { changeContact } from './contact-change.ts'
import { unmergeContact } from './contact-merge.ts'
import type { LookUp } from './contact-reader.ts'
import { profilePlace } from './contact-row.ts'
import { queueMessage } from './queue-message.ts'
import { beginSending, recordOutcome } from './send-message.ts'
import type { View } from './views.ts'

let house: TestBook
let nowMs = 0
let count = 0

beforeEach(async () => {
  house = openTestBook()
  nowMs = house.clock.epochMs()
  count = 0
  await house.declare()
})
afterEach(() => house.close())

const PHONE = '+4915112345678'

async function write(person: PersonReference, more: Partial<MessageItem> = {}): Promise<void> {
  house.clock.advance(1000)
  await house.give(textItem(`wamid.${++count}`, house.clock.epochMs(), { person, ...more }))
}

async function contacts(): Promise<View[]> {
  return (await house.reader.contacts.list({ limit: 50, cursor: null }, SEES_ALL)).items
}

async function lookUp(kind: LookUp['kind'], value: string): Promise<View | undefined> {
  return await house.reader.contacts.lookUp({ kind, value }, null, SEES_ALL)
}

function listIn<T>(view: View | undefined, member: string): T[] {
  return (view?.[member] ?? []) as T[]
}

/** The first who is merged into the newest contact. */
async function firstMember(): Promise<number> {
  return readId('contact', listIn<string>((await contacts())[0], 'merged')[0] ?? '') ?? 0
}

/** What the first version left of one contact. */
function makeFolderOfBefore(folder: string, profile: object): void {
  const vault = new Vault(join(folder, 'vault.db'), TEST_MASTER_KEY, { synchronous: 'OFF' })
  prepareVault(vault)
  const person = vault.createPerson(() => 5)
  vault.linkPerson('phone', 'acme', PHONE, person)
  vault.linkPerson('user', 'acme', 'DE.1001', person)
  vault.commit()
  const sealed = sealText(must(vault.personKey(person), 'the key'), profilePlace(1000), JSON.stringify(profile))
  vault.close()
  const database = new Db(join(folder, 'records.db'), { synchronous: 'OFF' })
  database.script(createMessagePath)
  database.run(
    "INSERT INTO contacts (id, person, portfolio, profile, created_at) VALUES (1000, ?1, 'acme', ?2, ?3)",
    person,
    sealed,
    nowMs,
  )
  database.script('PRAGMA user_version = 1')
  database.close()
}

/** Its identities as `phone +49… message`, and `(ended)` for those that hold no more. */
function identitiesOf(contact: View | undefined): string[] {
  const links = listIn<{ kind: string; value: string; source: string; until: string | null }>(contact, 'identities')
  return links.map(({ kind, value, source, until }) => `${kind} ${value} ${source}${until === null ? '' : ' (ended)'}`)
}

function rows(): Record<string, number> {
  const tables = ['contacts', 'contact_merges', 'former_cells', 'events']
  return Object.fromEntries(
    tables.map((table) => [table, house.database.one<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)?.n ?? 0]),
  )
}

function idOf(view: View | undefined): number {
  return readId('contact', String(view?.['id'])) ?? 0
}

const system = (to: PersonReference): Partial<MessageItem> => ({
  type: 'system',
  opensWindow: false,
  identity: { to },
})

describe('the identities of a contact', () => {
  test('are those of the first message, since then, and cost no row of their own', async () => {
    await write({ ...ANNA, username: 'anna', parentUserId: 'DE.ENT.1' })
    const [contact] = await contacts()
    expect(contact).toMatchObject({
      name: 'Anna Beispiel',
      profile_name: 'Anna Beispiel',
      phone: PHONE,
      user_id: 'DE.1001',
      username: 'anna',
      parent_user_id: 'DE.ENT.1',
      attributes: {},
      merged_into: null,
      merged: [],
      created_at: new Date(house.clock.epochMs()).toISOString(),
    })
    expect(identitiesOf(contact)).toEqual([
      `phone ${PHONE} message`,
      'user_id DE.1001 message',
      'parent_user_id DE.ENT.1 message',
      'username anna message',
    ])
    expect(house.database.one('SELECT card FROM contacts')).toEqual({ card: null })
  })

  test('are not written again by a message that says nothing new', async () => {
    await write(ANNA)
    const before = rows()
    for (const person of [ANNA, { phone: PHONE }, { userId: 'DE.1001' }, ANNA]) await write(person)
    house.restart()
    await write(ANNA)
    expect(rows()).toEqual({ ...before, events: (before['events'] ?? 0) + 5 })
  })

  test('say from what they are known, and when they came', async () => {
    await house.ask(queueMessage, queued({ kind: 'person', person: { phone: PHONE } }, { type: 'template' }))
    house.clock.advance(1000)
    await write({ phone: PHONE, userId: 'DE.1001' })
    const [contact] = await contacts()
    expect(identitiesOf(contact)).toEqual([`phone ${PHONE} api`, 'user_id DE.1001 message'])
    const [first = 0, second = 0] = listIn<{ since: string }>(contact, 'identities').map(({ since }) =>
      Date.parse(since),
    )
    expect(second - first).toBe(2000)
  })

  test('take in what the answer to a send and a status say of the recipient', async () => {
    const { answer } = await house.ask(
      queueMessage,
      queued({ kind: 'person', person: { phone: '+541112345678' } }, { type: 'template' }),
    )
    const messageId = readId('message', answer.id) ?? 0
    await house.ask(beginSending, { messageIds: [messageId] })
    const outcome = { ...ACCEPTED('wamid.out'), recipient: { phone: '+5491112345678' } }
    await house.ask(recordOutcome, { messageId, attempt: 1, outcome, doubtWaitMs: DOUBT_WAIT_MS, notBeforeMs: 0 })
    const recipient = { phone: '+5491112345678', userId: 'AR.1' }
    await house.give(statusItem('wamid.out', 'sent', nowMs, { recipient }))
    const before = rows()
    await house.give(statusItem('wamid.out', 'delivered', nowMs, { recipient }))
    expect(rows()).toEqual({ ...before, events: (before['events'] ?? 0) + 1 })
    expect(await contacts()).toHaveLength(1)
    expect(identitiesOf((await contacts())[0])).toEqual([
      'phone +541112345678 api',
      'phone +5491112345678 answer',
      'user_id AR.1 status',
    ])
    expect((await contacts())[0]).toMatchObject({ phone: '+541112345678' })
    expect((await lookUp('phone', '+5491112345678'))?.['id']).toBe((await lookUp('phone', '+541112345678'))?.['id'])
  })

  test.each([
    ['+5511987654321', '+551187654321'],
    ['+5215512345678', '+525512345678'],
  ])('are the same in both forms of a number: %s and %s', async (one, other) => {
    await write({ phone: one })
    await write({ phone: other, userId: 'XX.1' })
    await write({ phone: one })
    expect(await contacts()).toHaveLength(1)
    expect(await house.conversations()).toHaveLength(1)
    expect(identitiesOf(await lookUp('phone', one))).toEqual([
      `phone ${one} message`,
      `phone ${other} message`,
      'user_id XX.1 message',
    ])
  })

  test('end where a phone passes to another user', async () => {
    await write(ANNA)
    await write({ phone: PHONE, userId: 'DE.777', name: 'Zoe' })
    const [zoe, anna] = await contacts()
    expect(identitiesOf(anna)).toEqual([`phone ${PHONE} message (ended)`, 'user_id DE.1001 message'])
    expect(anna).toMatchObject({ phone: null, merged: [], merged_into: null })
    expect(zoe).toMatchObject({ phone: PHONE, name: 'Zoe' })
    expect((await lookUp('phone', PHONE))?.['id']).toBe(zoe?.['id'])
    const [ended] = listIn<{ until: string }>(anna, 'identities')
    expect(ended?.until).toBe(new Date(house.clock.epochMs()).toISOString())
  })

  test('end where a username is taken by another', async () => {
    await write({ userId: 'DE.1', username: 'ada' })
    await write({ userId: 'DE.2', username: 'ada' })
    await write({ userId: 'DE.1', username: 'ada.l' })
    expect(await lookUp('username', 'ada')).toMatchObject({ user_id: 'DE.2' })
    expect(identitiesOf(await lookUp('user_id', 'DE.1'))).toEqual([
      'user_id DE.1 message',
      'username ada message (ended)',
      'username ada.l message',
    ])
  })

  test('of a folder from before are those of the profile, and grow from there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-before-'))
    makeFolderOfBefore(folder, { name: 'Anna Beispiel', phone: PHONE, userId: 'DE.1001' })
    house.close()
    house = openTestBook({ folder })
    expect((await contacts())[0]).toMatchObject({ name: 'Anna Beispiel', phone: PHONE, attributes: {}, merged: [] })
    await house.declare()
    await write({ ...ANNA, username: 'anna' })
    expect(identitiesOf((await contacts())[0])).toEqual([
      `phone ${PHONE} message`,
      'user_id DE.1001 message',
      'username anna message',
    ])
    rmSync(folder, { recursive: true })
  })
})

describe('where the vault kept what the records took back', () => {
  /** An item that fails after its person was found: its rows are taken back, what the vault learned stays. */
  const fail = (person: PersonReference) => write(person, { type: null as never })

  test('a phone still ends where it was', async () => {
    await write({ ...ANNA, username: 'anna' })
    await fail({ phone: PHONE, userId: 'DE.777', username: 'anna' })
    await write({ phone: PHONE, userId: 'DE.777', username: 'anna' })
    expect(await lookUp('user_id', 'DE.1001')).toMatchObject({ phone: null, username: null })
    expect(await lookUp('phone', PHONE)).toMatchObject({ user_id: 'DE.777', username: 'anna' })
  })

  test('two contacts are still shown to be one', async () => {
    await write({ phone: PHONE })
    await write({ userId: 'DE.1001' })
    await fail({ phone: PHONE, userId: 'DE.1001' })
    await write({ phone: PHONE, userId: 'DE.1001' })
    expect(await contacts()).toMatchObject([{ phone: PHONE, user_id: 'DE.1001', merged: [expect.any(String)] }])
  })

  test('a number that changed is still that of its thread', async () => {
    await write({ phone: PHONE })
    const { person } = house.database.one<{ person: number }>('SELECT person FROM contacts') ?? { person: 0 }
    house.vault.unlinkIdentity('phone', 'acme', PHONE, person)
    house.vault.linkPerson('phone', 'acme', '+4917900000', person)
    house.vault.commit()
    house.restart()
    await write({ phone: PHONE }, system({ phone: '+4917900000' }))
    await write({ phone: '+4917900000' })
    expect(await house.conversations()).toHaveLength(1)
    expect(await contacts()).toMatchObject([{ phone: '+4917900000', merged: [] }])
  })
})

describe('two contacts that a webhook shows to be one person', () => {
  test('are one family: the thread of the phone stays, and what comes goes to the user', async () => {
    await write({ phone: PHONE, name: 'Anna' })
    await write({ userId: 'DE.1001' })
    expect(await contacts()).toHaveLength(2)
    await write({ phone: PHONE, userId: 'DE.1001' })
    await write({ phone: PHONE })
    const list = await contacts()
    expect(list).toHaveLength(1)
    expect(list[0]).toMatchObject({ name: 'Anna', phone: PHONE, user_id: 'DE.1001' })
    expect(identitiesOf(list[0])).toEqual([
      'user_id DE.1001 message',
      `phone ${PHONE} message`,
      `phone ${PHONE} message (ended)`,
    ])
    const threads = await house.conversations()
    expect(threads.map(({ unread }) => unread)).toEqual([3, 1])
    for (const { contact } of threads)
      expect(contact).toMatchObject({ id: list[0]?.['id'], name: 'Anna', phone: PHONE })
    expect(house.database.all('SELECT source, said_by FROM contact_merges')).toEqual([{ source: 0, said_by: null }])
  })

  test('stay apart once a person has said so', async () => {
    await write({ phone: PHONE })
    await write({ userId: 'DE.1001' })
    await write({ phone: PHONE, userId: 'DE.1001' })
    await house.ask(unmergeContact, { contactId: await firstMember(), by: 'key' })
    await write({ phone: PHONE, userId: 'DE.1001' })
    expect((await contacts()).map(({ merged }) => merged)).toEqual([[], []])
  })

  test('are one where the answer to a send to the phone names the user', async () => {
    await write({ userId: 'DE.1001' })
    const { answer } = await house.ask(
      queueMessage,
      queued({ kind: 'person', person: { phone: PHONE } }, { type: 'template', sender: null }),
    )
    const messageId = readId('message', answer.id) ?? 0
    await house.ask(beginSending, { messageIds: [messageId] })
    const outcome = { ...ACCEPTED('wamid.out'), recipient: { phone: PHONE, userId: 'DE.1001' } }
    await house.ask(recordOutcome, { messageId, attempt: 1, outcome, doubtWaitMs: DOUBT_WAIT_MS, notBeforeMs: 0 })
    const list = await contacts()
    expect(list).toHaveLength(1)
    expect(list[0]).toMatchObject({ phone: PHONE, user_id: 'DE.1001' })
    // The next message to the phone is in the thread of the user.
    const again = await house.ask(
      queueMessage,
      queued({ kind: 'person', person: { phone: PHONE } }, { type: 'template', sender: null }),
    )
    expect(again.answer.conversation_id).not.toBe(answer.conversation_id)
  })
})

describe('a person who changes', () => {
  test('the number keeps the thread under the new one', async () => {
    await write({ ...ANNA, username: 'anna' })
    await write({ phone: PHONE, userId: 'DE.1001' }, system({ phone: '+4917900000', userId: 'DE.2002' }))
    await write({ phone: '+4917900000', userId: 'DE.2002' })
    // Late news under the old identity.
    await write({ phone: PHONE, userId: 'DE.1001', name: 'Old' })
    expect(await house.conversations()).toHaveLength(1)
    expect([await lookUp('user_id', 'DE.1001'), await lookUp('phone', PHONE)]).toEqual([undefined, undefined])
    const [contact] = await contacts()
    expect(contact).toMatchObject({ phone: '+4917900000', user_id: 'DE.2002', username: 'anna', name: 'Anna Beispiel' })
    expect(identitiesOf(contact)).toEqual([
      `phone ${PHONE} message (ended)`,
      'user_id DE.1001 message (ended)',
      'username anna message',
      'phone +4917900000 notice',
      'user_id DE.2002 notice',
    ])
    // Whoever has the old number by now is somebody else.
    await write({ phone: PHONE, userId: 'DE.3003', name: 'Next' })
    expect(await contacts()).toHaveLength(2)
  })

  test('the number keeps the thread also where the notice names the new user id as its sender', async () => {
    await write(ANNA)
    await write({ phone: PHONE, userId: 'DE.2002' }, system({ phone: '+4917900000', userId: 'DE.2002' }))
    expect(await house.conversations()).toHaveLength(1)
    expect((await contacts())[0]).toMatchObject({ phone: '+4917900000', user_id: 'DE.2002' })
  })

  test('the number, told without a user id, is known by the next one', async () => {
    await write(ANNA)
    await write({ phone: PHONE }, system({ phone: '+4917900000' }))
    await write({ phone: '+4917900000', userId: 'DE.2002' })
    expect(await house.conversations()).toHaveLength(1)
    expect((await contacts())[0]).toMatchObject({ phone: '+4917900000', user_id: 'DE.2002' })
  })

  test('the number, told after the first message from the new one, is known by the new one in both threads', async () => {
    await write(ANNA)
    await write({ phone: '+4917900000', userId: 'DE.2002', name: 'Anna Beispiel' })
    await write(ANNA, system({ phone: '+4917900000', userId: 'DE.2002' }))
    const shown = (await house.conversations()).map(({ contact }) => contact)
    expect(shown).toHaveLength(2)
    for (const contact of shown) expect(contact).toMatchObject({ phone: '+4917900000', user_id: 'DE.2002' })
    expect(await contacts()).toHaveLength(1)
  })

  test('the user id alone keeps the phone', async () => {
    await write(ANNA)
    await write(ANNA, system({ userId: 'DE.2002', parentUserId: 'DE.ENT.2' }))
    expect(identitiesOf((await contacts())[0])).toEqual([
      `phone ${PHONE} message`,
      'user_id DE.1001 message (ended)',
      'user_id DE.2002 notice',
      'parent_user_id DE.ENT.2 notice',
    ])
  })

  test('to somebody who has written already is one with them, and an answer in the old thread reaches them', async () => {
    await write(ANNA)
    const [old] = await house.conversations()
    await house.ask(changeContact, { contactId: idOf((await contacts())[0]), name: 'Frau Beispiel' })
    await write({ phone: '+4917900000', userId: 'DE.2002', name: 'A.' })
    await write(ANNA, system({ phone: '+4917900000', userId: 'DE.2002' }))
    const list = await contacts()
    expect(list).toHaveLength(1)
    expect(list[0]).toMatchObject({
      name: 'Frau Beispiel',
      phone: '+4917900000',
      user_id: 'DE.2002',
    })
    for (const { contact } of await house.conversations()) {
      expect(contact).toMatchObject({ name: 'Frau Beispiel', phone: '+4917900000' })
    }
    const conversationId = readId('conversation', String(old?.['id'])) ?? 0
    const { answer } = await house.ask(queueMessage, queued({ kind: 'conversation', id: conversationId }))
    const { leave } = await house.ask(beginSending, { messageIds: [readId('message', answer.id) ?? 0] })
    expect(leave[0]?.to).toEqual({ phone: '+4917900000', userId: 'DE.2002' })
  })

  test('and is nobody any more is told so, not sent to', async () => {
    await write(ANNA)
    const conversationId = readId('conversation', String((await house.conversations())[0]?.['id'])) ?? 0
    await write({ phone: '+4917900000', userId: 'DE.2002' })
    await write(ANNA, system({ phone: '+4917900000', userId: 'DE.2002' }))
    await house.ask(unmergeContact, { contactId: await firstMember(), by: 'key' })
    const { answer } = await house.ask(queueMessage, queued({ kind: 'conversation', id: conversationId }))
    const messageId = readId('message', answer.id) ?? 0
    const { stay } = await house.ask(beginSending, { messageIds: [messageId] })
    expect(stay).toEqual([{ messageId, reason: 'no_address' }])
  })
})
