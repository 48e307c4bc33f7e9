import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { FAST_NUMBER, TestGateway, until } from './test-gateway.ts'

setDefaultTimeout(20_000)

let house: TestGateway

beforeAll(async () => {
  house = await TestGateway.open()
})
afterAll(async () => {
  await house.close()
})

/** What the platform posts: one value of the field `messages`. */
async function post(value: object): Promise<void> {
  const metadata = { display_phone_number: '15550783881', phone_number_id: FAST_NUMBER }
  const change = { field: 'messages', value: { messaging_product: 'whatsapp', metadata, ...value } }
  const entry = { id: '102290129340398', changes: [change] }
  const answer = await house.webhook(JSON.stringify({ object: 'whatsapp_business_account', entry: [entry] }))
  expect(answer.status).toBe(200)
}

const stamp = () => String(Math.floor(Date.parse('2026-11-22T09:00:00Z') / 1000))
const text = (id: string, who: object) => ({ id, timestamp: stamp(), type: 'text', text: { body: id }, ...who })

// biome-ignore lint/suspicious/noExplicitAny: a view, whose shape is what the tests look at
async function lookUp(by: object): Promise<any> {
  return await until('the contact', async () => {
    const { status, body } = await house.api('/api/v1/contacts/lookup', by)
    return status === 200 ? body : undefined
  })
}

test('who changes their number keeps the conversation, and is answered under the new one', async () => {
  const phone = '+12025550143'
  await house.write(phone, 'hello', { name: 'Amina Farouk' })
  const conversation = await house.conversationOf(phone)
  const system = { type: 'user_changed_number', body: 'User changed', wa_id: '12025550188' }
  await post({ messages: [{ from: '12025550143', id: 'wamid.change', timestamp: stamp(), type: 'system', system }] })
  const contact = await lookUp({ phone: '+12025550188' })
  expect(contact).toMatchObject({ id: conversation.contact.id, name: 'Amina Farouk', phone: '+12025550188' })
  const phones = contact.identities.filter(({ kind }: { kind: string }) => kind === 'phone')
  expect(phones).toMatchObject([
    { kind: 'phone', value: phone, source: 'message', until: expect.any(String) },
    { kind: 'phone', value: '+12025550188', source: 'notice', until: null },
  ])
  expect((await house.api('/api/v1/contacts/lookup', { phone })).status).toBe(404)
  // Before anything is sent to them: the platform's answer may teach more.
  const { body: events } = await house.api('/api/v1/events?after=0')
  const told = events.events.filter(
    (event: { type: string; data: { contact: { id: string } } }) =>
      event.type === 'contact.updated' && event.data.contact.id === contact.id,
  )
  expect(told.at(-1).data.contact).toEqual(contact)
  const ask = { to: conversation.id, type: 'text', text: { body: 'to the new one' } }
  expect((await house.api('/api/v1/messages', ask)).status).toBe(202)
  const [send] = await until('the send', async () => {
    const sends = await house.sendsOf('to the new one')
    return sends.length > 0 && sends
  })
  expect(JSON.stringify(send)).toContain('12025550188')
})

test('people without a phone, and those of whom it shows later, are one contact', async () => {
  const [from, user] = ['12025550170', 'US.7070']
  await post({ messages: [text('wamid.a', { from })], contacts: [{ wa_id: from, profile: { name: 'Ines' } }] })
  await lookUp({ phone: `+${from}` })
  const profile = { name: 'Ines M.', username: 'ines.m' }
  await post({ messages: [text('wamid.b', { from_user_id: user })], contacts: [{ user_id: user, profile }] })
  await lookUp({ username: 'ines.m' })
  await post({
    messages: [text('wamid.c', { from, from_user_id: user })],
    contacts: [{ wa_id: from, user_id: user, profile }],
  })
  const contact = await until('one contact', async () => {
    const found = await lookUp({ user_id: user })
    return found.merged.length === 1 ? found : undefined
  })
  expect(contact).toMatchObject({ name: 'Ines M.', phone: `+${from}`, user_id: user, username: 'ines.m' })
  expect(await lookUp({ phone: `+${from}` })).toEqual(contact)
  const { body } = await house.api(`/api/v1/contacts/${contact.id}/conversations`)
  expect(body.items.map((item: { unread: number; contact: { id: string } }) => [item.unread, item.contact.id])).toEqual(
    [
      [2, contact.id],
      [1, contact.id],
    ],
  )
  const undone = await house.api(`/api/v1/contacts/${contact.merged[0]}/unmerge`, {})
  expect(undone.body).toMatchObject({ contact: contact.merged[0], into: contact.id })
  expect((await house.api(`/api/v1/contacts/${contact.id}/conversations`)).body.items).toHaveLength(1)
})
