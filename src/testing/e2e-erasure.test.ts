import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must } from '../core/assert.ts'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { SearchIndex } from '../records/search-index.ts'
import { SearchTerms } from '../records/search-terms.ts'
import { applyLedger } from '../relay/apply-ledger.ts'
import { Db } from '../storage/database.ts'
import { THREADS } from '../threads.ts'
import { countErased, LEDGER_FILE } from '../vault/erasure-ledger.ts'
import { Vault } from '../vault/vault.ts'
import { filesWith, type Opened, openEverything, unknownColumns } from './sealed-cells.ts'
import { FAST_NUMBER, TestGateway, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(60_000)

const MASTER = Uint8Array.fromHex('ab'.repeat(32))
const ANNA = '+447700900301'
const BEN = '+447700900302'

let house: TestGateway
const folders: string[] = []

afterEach(async () => {
  await house.close()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const data = () => join(house.folder, 'data')

function copyOf(folder: string): string {
  const copy = join(mkdtempSync(join(tmpdir(), 'gatehouse-copy-')), 'data')
  folders.push(join(copy, '..'))
  cpSync(folder, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  return copy
}

/** What is planted of somebody: each in another place. */
interface Markers {
  name: string
  text: string
  caption: string
  file: string
  group: string
  reply: string
  reference: string
  callerData: string
  attribute: string
  email: string
  note: string
  quarantine: string
  reaction: string
}

function markersOf(who: string): Markers {
  const mark = (what: string) => `${who}zq${what}${who}`
  return {
    name: mark('name'),
    text: mark('text'),
    caption: mark('caption'),
    file: mark('file'),
    group: mark('group'),
    reply: mark('reply'),
    reference: mark('reference'),
    callerData: mark('callerdata'),
    attribute: mark('attribute'),
    email: `${mark('email')}@example.com`,
    note: mark('note'),
    quarantine: mark('quarantine'),
    reaction: mark('reaction'),
  }
}

const ANNAS = markersOf('anna')
const BENS = markersOf('bob')

/** Posts changes as the platform does. */
async function post(...changes: { field: string; value: object }[]): Promise<void> {
  const metadata = { display_phone_number: '15550783881', phone_number_id: FAST_NUMBER }
  const entry = {
    id: '102290129340398',
    changes: changes.map(({ field, value }) => ({
      field,
      value: { messaging_product: 'whatsapp', metadata, ...value },
    })),
  }
  const answer = await house.webhook(JSON.stringify({ object: 'whatsapp_business_account', entry: [entry] }))
  expect(answer.status).toBe(200)
}

let nextId = 0

function said(phone: string, text: string, more: object = {}): { id: string } & Record<string, unknown> {
  const from = phone.slice(1)
  const timestamp = String(Math.floor(systemClock.epochMs() / 1000))
  return { from, id: `wamid.test${nextId++}`, timestamp, type: 'text', text: { body: text }, ...more }
}

async function sendFile(phone: string, markers: Markers): Promise<void> {
  const bytes = new TextEncoder().encode(`%PDF-1.7 ${markers.file} ${'x'.repeat(70_000)}`)
  const init = { method: 'POST', body: bytes, headers: { 'Content-Type': 'application/pdf' } }
  const { id } = (await (await fetch(`${house.simulatorUrl}/_/media`, init)).json()) as { id: string }
  await house.simulator(`/_/customers/${phone}/messages?wait=1`, {
    number: 'support',
    message: { type: 'document', document: { id, caption: markers.caption, filename: `${markers.text}.pdf` } },
  })
  const conversation = await house.conversationOf(phone)
  await until('the file', async () => {
    const { body } = await house.api(`/api/v1/conversations/${conversation.id}/messages`)
    return body.items.some((item: { attachments?: { state: string }[] }) => item.attachments?.[0]?.state === 'ready')
  })
}

/** Plants everything of one person; answers their conversation. */
// biome-ignore lint/suspicious/noExplicitAny: a view, whose shape is what tests look at
async function plant(phone: string, markers: Markers): Promise<any> {
  await house.write(phone, markers.text, { name: markers.name })
  await sendFile(phone, markers)
  const conversation = await house.conversationOf(phone)
  const change = { attributes: { note: markers.attribute }, emails: [markers.email] }
  const patched = await house.ask('PATCH', `/api/v1/contacts/${conversation.contact.id}`, change)
  expect(patched.status).toBe(200)
  const sent = await house.api('/api/v1/messages', {
    to: conversation.id,
    type: 'text',
    text: { body: markers.reply },
    reference: markers.reference,
    biz_opaque_callback_data: markers.callerData,
  })
  expect(sent.status).toBe(202)
  await house.messageIn('read', sent.body.id)
  await post({ field: 'something_new', value: { wa_id: phone.slice(1), said: markers.note } })
  await house.webhook(`no JSON at all from=${phone.slice(1)} ${markers.quarantine}`)
  return conversation
}

/** Both in one webhook, and in a group in which one answers the other. */
async function plantTogether(): Promise<void> {
  const both = [said(ANNA, ANNAS.text), said(BEN, BENS.text)]
  const contacts = [
    { wa_id: ANNA.slice(1), profile: { name: ANNAS.name } },
    { wa_id: BEN.slice(1), profile: { name: BENS.name } },
  ]
  await post({ field: 'messages', value: { contacts, messages: both } })
  const group = { group_id: 'group-1' }
  const asked = said(ANNA, ANNAS.group, group)
  const answered = said(BEN, BENS.group, { ...group, context: { from: ANNA.slice(1), id: asked.id } })
  await post({ field: 'messages', value: { messages: [asked] } })
  await post({ field: 'messages', value: { messages: [answered] } })
  const reaction = (phone: string, emoji: string) =>
    said(phone, '', { type: 'reaction', text: undefined, reaction: { message_id: asked.id, emoji }, ...group })
  await post({ field: 'messages', value: { messages: [reaction(ANNA, ANNAS.reaction)] } })
  await post({ field: 'messages', value: { messages: [reaction(BEN, BENS.reaction)] } })
  await settled()
}

/** Everything that came in is applied. */
async function settled(): Promise<void> {
  const marker = said('+447700900399', 'settled')
  await post({ field: 'messages', value: { messages: [marker] } })
  await until('everything is applied', async () => {
    const { body } = await house.api('/api/v1/events?after=0&limit=500')
    return JSON.stringify(body.events).includes(marker.id)
  })
}

/** How many opened cells hold each marker, or the phone. */
function countsOf(opened: readonly Opened[], markers: Markers, phone: string): Record<string, number> {
  const wanted = { ...markers, phone: phone.slice(1) }
  return Object.fromEntries(
    Object.entries(wanted).map(([what, text]) => [what, opened.filter((cell) => cell.text.includes(text)).length]),
  )
}

const zeroes = (markers: Markers) => Object.fromEntries([...Object.keys(markers), 'phone'].map((what) => [what, 0]))
const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, one) => all + one, 0)
const onlyRecords = (opened: Opened[]) => opened.filter(({ where }) => where !== 'journal')

async function erase(contactId: string): Promise<{ id: string }> {
  const answer = await house.ask('DELETE', `/api/v1/contacts/${contactId}`)
  expect(answer.status).toBe(202)
  return answer.body
}

// biome-ignore lint/suspicious/noExplicitAny: a view, whose shape is what tests look at
async function done(id: string): Promise<any> {
  return await until('the erasure is done', async () => {
    const { body } = await house.api(`/api/v1/erasures/${id}`)
    return body.state === 'done' && body
  })
}

describe('erasing a person', () => {
  test('leaves nothing of them that any key opens, here and in copies, and everything of others', async () => {
    house = await TestGateway.open()
    const conversation = await plant(ANNA, ANNAS)
    const bensConversation = await plant(BEN, BENS)
    await plantTogether()
    expect(unknownColumns(data())).toEqual([])
    await found(ANNAS.text, 3)
    await house.stop()
    const [annasTerm, bensTerm] = [termOf(ANNAS.text), termOf(BENS.text)]
    expect(filesWith(data(), [annasTerm.slice(2)])).not.toEqual([])
    const before = openEverything(data(), data(), MASTER)
    const annasBefore = countsOf(before, ANNAS, ANNA)
    const bensBefore = countsOf(before, BENS, BEN)
    for (const [what, count] of Object.entries(annasBefore)) expect(count, `${what} was planted`).toBeGreaterThan(0)
    const plain = [...Object.values(ANNAS), ANNA, ANNA.slice(1)]
    expect(filesWith(data(), plain)).toEqual([])
    const hashes = hashesOf(ANNA)
    expect(filesWith(data(), hashes).map((path) => path.slice(data().length + 1))).toContain('vault.db')
    const backup = copyOf(data())
    await house.start()

    const { head } = (await house.api('/api/v1/me')).body
    const begun = await erase(conversation.contact.id)
    await seenAtOnce(conversation, bensConversation, head)
    const erasure = await done(begun.id)
    expect(erasure.report.contact_ids).toEqual([conversation.contact.id])
    expect(erasure.report.erased).toMatchObject({ contacts: 1, files: 1, quarantined: 1, notes: 1, mentions: 1 })
    expect(erasure.report_sha256).toBe(
      new Bun.CryptoHasher('sha256').update(JSON.stringify(erasure.report)).digest('hex'),
    )
    expect(JSON.stringify(erasure)).not.toContain('anna')
    // Asked for once more, it is the same erasure.
    expect((await erase(conversation.contact.id)).id).toBe(begun.id)
    await found(ANNAS.text, 0)
    await found(BENS.text, 3)
    await house.stop()
    mergeAsTheNightDoes()
    expect(filesWith(data(), [annasTerm.slice(2)])).toEqual([])
    expect(filesWith(data(), [bensTerm.slice(2)])).not.toEqual([])

    const after = openEverything(data(), data(), MASTER)
    expect(countsOf(after, ANNAS, ANNA)).toEqual(zeroes(ANNAS))
    expect(countsOf(after, BENS, BEN)).toEqual(bensBefore)
    expect(filesWith(data(), [...plain, ...hashes])).toEqual([])

    // A copy of before, with the vault of now: what names her there is sealed with keys that others need, as the report
    // says, and the journal opens until its days die.
    const copied = openEverything(backup, data(), MASTER)
    const named = onlyRecords(copied).filter((cell) => sum(countsOf([cell], ANNAS, ANNA)) > 0)
    expect(named.map(({ where }) => where).toSorted()).toEqual([
      'messages.body',
      'platform_notes.body',
      'quarantine_bodies.body',
    ])
    expect(countsOf(onlyRecords(copied), BENS, BEN)).toEqual(countsOf(onlyRecords(before), BENS, BEN))
    expect(sum(countsOf(copied, ANNAS, ANNA))).toBeGreaterThan(0)
    await endAllDays(data())
    const afterwards = openEverything(backup, data(), MASTER)
    expect(sum(countsOf(afterwards, ANNAS, ANNA))).toBe(sum(countsOf(named, ANNAS, ANNA)))
  })

  test('is done again to a copy that is restored with its own vault', async () => {
    house = await TestGateway.open()
    const conversation = await plant(ANNA, ANNAS)
    await plant(BEN, BENS)
    await plantTogether()
    await house.stop()
    const backup = copyOf(data())
    const bensBefore = countsOf(openEverything(backup, backup, MASTER), BENS, BEN)
    expect(sum(countsOf(openEverything(backup, backup, MASTER), ANNAS, ANNA))).toBeGreaterThan(0)
    await house.start()
    await done((await erase(conversation.contact.id)).id)
    await house.stop()

    cpSync(join(data(), 'erasure-ledger.db'), join(backup, 'erasure-ledger.db'))
    const options = { clock: systemClock, log: silentLog, threads: THREADS, folder: backup, masterKey: MASTER }
    const applied = await applyLedger(options)
    expect(applied.persons).toBe(1)
    expect(applied.journalEntries).toBeGreaterThan(0)
    const opened = openEverything(backup, backup, MASTER)
    // The files go at the first start, where nothing opens them any more anyway.
    expect(countsOf(opened, ANNAS, ANNA)).toEqual(zeroes(ANNAS))
    expect(countsOf(opened, BENS, BEN)).toEqual(bensBefore)
    expect(await applyLedger(options)).toEqual({ persons: 0, journalEntries: 0 })
  })

  test('is done again to a copy though the ledger was lost: the records know whom they have erased', async () => {
    house = await TestGateway.open()
    const conversation = await plant(ANNA, ANNAS)
    await house.stop()
    const backup = copyOf(data())
    await house.start()
    await done((await erase(conversation.contact.id)).id)
    await house.stop()
    rmSync(join(data(), 'erasure-ledger.db'))
    await house.start()
    await house.stop()

    cpSync(join(data(), 'erasure-ledger.db'), join(backup, 'erasure-ledger.db'))
    const options = { clock: systemClock, log: silentLog, threads: THREADS, folder: backup, masterKey: MASTER }
    expect(await applyLedger(options)).toMatchObject({ persons: 1 })
  })

  test('is at once in the ledger beside the copies of the keys: a lost disk brings nobody back', async () => {
    const copies = mkdtempSync(join(tmpdir(), 'gatehouse-copies-'))
    folders.push(copies)
    const config = `[backup]\nfolder = "${copies}/backups"\nvault_folder = "${copies}/keys"\n`
    house = await TestGateway.open({ config })
    const ledger = join(copies, 'keys', LEDGER_FILE)
    await house.write(ANNA, ANNAS.text)
    await done((await erase((await house.conversationOf(ANNA)).contact.id)).id)
    await until('the ledger lies there', () => countErased(ledger) === 1)
  })

  test('does not keep them from coming again, as somebody new; late news of the past brings nothing back', async () => {
    house = await TestGateway.open()
    await house.write(ANNA, ANNAS.text, { name: ANNAS.name })
    const conversation = await house.conversationOf(ANNA)
    const sent = await house.api('/api/v1/messages', { to: conversation.id, type: 'text', text: { body: 'hello' } })
    const { upstream_id: upstreamId } = await house.messageIn('read', sent.body.id)
    const again = said(ANNA, ANNAS.text)
    await post({ field: 'messages', value: { messages: [again] } })
    await settled()
    await done((await erase(conversation.contact.id)).id)

    // The platform repeats what it was not sure of, and tells of what was sent long ago.
    const late = { id: upstreamId, status: 'failed', timestamp: '1790000000', recipient_id: ANNA.slice(1) }
    await post({ field: 'messages', value: { statuses: [late] } }, { field: 'messages', value: { messages: [again] } })
    await settled()
    const { body: contacts } = await house.api('/api/v1/contacts')
    expect(JSON.stringify(contacts)).not.toContain(ANNA)
    expect(
      (await house.api('/api/v1/messages', { to: conversation.id, type: 'text', text: { body: 'x' } })).body,
    ).toMatchObject({
      code: 'conflict',
    })

    await house.write(ANNA, 'I am back', { name: 'Anna' })
    const next = await house.conversationOf(ANNA)
    expect(next.id).not.toBe(conversation.id)
    expect(next.contact.id).not.toBe(conversation.contact.id)
    const { items } = (await house.api(`/api/v1/conversations/${next.id}/messages`)).body
    expect(items.map((item: { text: { body: string } }) => item.text.body)).toEqual(['I am back'])
    expect(await house.metric('gatehouse_quarantined_items')).toBe(0)
  })

  test('takes everybody whom they were merged with, and what waits to be sent to them', async () => {
    house = await TestGateway.open()
    await house.write(ANNA, ANNAS.text, { name: ANNAS.name })
    await house.write(BEN, BENS.text)
    const [anna, ben] = [await house.conversationOf(ANNA), await house.conversationOf(BEN)]
    await house.api(`/api/v1/contacts/${ben.contact.id}/merge`, { into: anna.contact.id })
    await house.api(`/api/v1/numbers/${FAST_NUMBER}/pause`, {})
    const queued = await house.api('/api/v1/messages', { to: anna.id, type: 'text', text: { body: 'later' } })
    const waiting = queued.status === 202 ? queued.body.id : undefined
    const report = (await done((await erase(ben.contact.id)).id)).report
    expect(report.contact_ids.toSorted()).toEqual([anna.contact.id, ben.contact.id].toSorted())
    if (waiting !== undefined) expect((await house.api(`/api/v1/messages/${waiting}`)).body.state).toBe('cancelled')
    await house.stop()
    const opened = openEverything(data(), data(), MASTER)
    expect(sum(countsOf(opened, ANNAS, ANNA)) + sum(countsOf(opened, BENS, BEN))).toBe(0)
  })

  test('is not done while a file of theirs is in the folder, also where the house is stopped meanwhile', async () => {
    house = await TestGateway.open()
    await house.write(ANNA, ANNAS.text)
    await sendFile(ANNA, ANNAS)
    const media = join(data(), 'media')
    const file = await until('the file is in its place', () =>
      readdirSync(media, { recursive: true, encoding: 'utf8' }).find(
        (name) => name.length > 32 && !name.startsWith('incoming'),
      ),
    )
    rmSync(join(media, file))
    mkdirSync(join(media, file))
    const { id } = await erase((await house.conversationOf(ANNA)).contact.id)
    await until('it waits', () => house.lines.some((line) => line.includes('waits for its files to be removed')))
    await house.restart()
    expect((await house.api(`/api/v1/erasures/${id}`)).body.state).toBe('running')
    rmdirSync(join(media, file))
    await house.restart()
    expect((await done(id)).report.erased.files).toBe(1)
  })

  test('refuses a contact that is not there, and lists what was erased', async () => {
    house = await TestGateway.open()
    await house.write(ANNA, ANNAS.text)
    const missing = await house.ask('DELETE', '/api/v1/contacts/con_zzzz')
    expect(missing.status).toBe(404)
    expect((await house.api('/api/v1/erasures')).body.items).toEqual([])
    const { id } = await erase((await house.conversationOf(ANNA)).contact.id)
    await done(id)
    expect((await house.api('/api/v1/erasures')).body.items.map((item: { id: string }) => item.id)).toEqual([id])
    expect((await house.api('/api/v1/erasures/ers_zzzz')).status).toBe(404)
    await until('it is counted', async () => (await house.metric('gatehouse_erasures_total{state="done"}')) === 1)
  })
})

/** Right after the answer: nothing of hers is told any more, in no list and no event. */
async function seenAtOnce(
  conversation: { id: string; contact: { id: string } },
  other: { id: string },
  head: number,
): Promise<void> {
  const told = async (path: string) => JSON.stringify((await house.api(path)).body)
  const texts = await Promise.all([
    told('/api/v1/conversations?limit=200'),
    told(`/api/v1/conversations/${conversation.id}`),
    told(`/api/v1/conversations/${conversation.id}/messages`),
    told(`/api/v1/contacts/${conversation.contact.id}`),
    told('/api/v1/contacts'),
    told('/api/v1/events?after=0&limit=500'),
  ])
  for (const text of texts) for (const marker of [...Object.values(ANNAS), ANNA]) expect(text).not.toContain(marker)
  expect((await house.api(`/api/v1/conversations/${conversation.id}`)).body.contact.erased).toBeTrue()
  expect((await house.api(`/api/v1/contacts/${conversation.contact.id}`)).body.erased).toBeTrue()
  const { items } = (await house.api(`/api/v1/conversations/${conversation.id}/messages`)).body
  expect(items.every((item: { erased?: boolean }) => item.erased === true)).toBeTrue()
  expect(await told(`/api/v1/conversations/${other.id}/messages`)).toContain(BENS.text)
  const { events } = (await house.api(`/api/v1/events?after=0&limit=500`)).body
  const received = events.filter((event: { data: object }) => 'erased' in event.data)
  expect(received.length).toBeGreaterThan(0)
  const since = events.filter((event: { offset: number }) => event.offset > head)
  // Whoever shows them learns who it was, to take them off the screen.
  const updated = since.find((event: { type: string }) => event.type === 'contact.updated')
  const contact = { id: conversation.contact.id, erased: true, name: null, phone: null, identities: [] }
  expect(updated.data).toMatchObject({ erased: true, contact })
}

/** The search finds so many messages, once it has taken in what there is. */
async function found(text: string, count: number): Promise<void> {
  await until(`the search finds ${count}`, async () => {
    const { body } = await house.api(`/api/v1/search?q=${text}`)
    return body.items?.length === count
  })
}

/** How a word stands in the search index. FTS5 leaves out what a term's beginning shares with the term before it. */
function termOf(word: string): string {
  const vault = new Vault(join(data(), 'vault.db'), MASTER, { readonly: true })
  const term = new SearchTerms(must(vault.findNamedKey('search'), 'the search key')).word(word)
  vault.close()
  return term
}

function mergeAsTheNightDoes(): void {
  const path = join(data(), 'search.db')
  const database = new Db(path, { readonly: true })
  const row = database.one<{ made_of: string }>('SELECT made_of FROM progress')
  database.close()
  const index = new SearchIndex(path, must(row, 'the row of the index').made_of)
  for (let isFirst = true; !index.mergeStep(isFirst); isFirst = false);
  index.close()
}

/** The keyed hashes by which a phone is found. */
function hashesOf(phone: string): Uint8Array[] {
  const vault = new Vault(join(data(), 'vault.db'), MASTER, { readonly: true })
  const hash = vault.blindHash('phone', 'acme', phone)
  vault.close()
  return [hash]
}

/** What time does to the journal. */
async function endAllDays(folder: string): Promise<void> {
  const vault = new Vault(join(folder, 'vault.db'), MASTER)
  for (const name of vault.namesOf('day:')) vault.destroyNamedKey(name)
  vault.commit()
  vault.close()
}
