import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Value } from '@sinclair/typebox/value'
import { messageSchema } from '../http/api-schemas.ts'
import { conversationViewSchema, EVENT_SCHEMAS } from '../realtime/schemas.ts'
import { undocumentedMembers } from './shape-of.ts'
import { type ApiAnswer, FAST_NUMBER, TEST_SECRETS, TestGateway, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

const PHONE = '+12025550143'
let house: TestGateway
let conversation = ''

beforeAll(async () => {
  house = await TestGateway.open()
  await house.write(PHONE, 'hello', { name: 'Amina Farouk' })
  conversation = (await house.conversationOf(PHONE)).id
})
afterAll(() => house.close())

/** The customer does something; the simulator has delivered it. */
async function customer(message: object): Promise<void> {
  const { body } = await house.simulator(`/_/customers/${PHONE}/messages?wait=1`, { number: 'support', message })
  expect(body.delivered).toBe(true)
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape is what they test
async function newest(): Promise<any> {
  return (await house.api(`/api/v1/conversations/${conversation}/messages`)).body.items[0]
}

/** The latest message, once it is as it is wanted; held to the published schema. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape is what they test
async function once(what: string, isSo: (message: any) => unknown): Promise<any> {
  return await until(what, async () => {
    const message = await newest()
    if (!isSo(message)) return undefined
    const { body } = await house.api(`/api/v1/messages/${message.id}`)
    expect([...Value.Errors(messageSchema, body)].map(({ path, message: text }) => `${path} ${text}`)).toEqual([])
    expect(undocumentedMembers(messageSchema, body)).toEqual([])
    return body
  })
}

async function events(type: keyof typeof EVENT_SCHEMAS): Promise<ApiAnswer['body'][]> {
  const { body } = await house.api('/api/v1/events?after=0')
  const ofType = body.events.filter((event: { type: string }) => event.type === type)
  for (const event of ofType) {
    expect([...Value.Errors(EVENT_SCHEMAS[type], event)].map(({ path, message }) => `${path} ${message}`)).toEqual([])
    expect(undocumentedMembers(EVENT_SCHEMAS[type], event)).toEqual([])
  }
  return ofType.map(({ data }: { data: unknown }) => data)
}

const edit = (target: string, body: string) => ({
  type: 'edit',
  edit: { original_message_id: target, message: { type: 'text', text: { body } } },
})

describe('what a customer does to a message', () => {
  test('is shown on it, told, and hidden where it is taken back', async () => {
    await house.write(PHONE, 'the code is 1234')
    const { upstream_id: target } = await once('the message', ({ text }) => text?.body === 'the code is 1234')
    await customer({ type: 'reaction', reaction: { message_id: target, emoji: '👍' } })
    await once('the reaction', ({ reactions }) => reactions?.[0]?.emoji === '👍')
    await customer(edit(target, 'the code is 5678'))
    const edited = await once('the edit', ({ edited_at }) => edited_at)
    expect(edited).toMatchObject({
      text: { body: 'the code is 5678' },
      content: { kind: 'text', text: 'the code is 5678' },
    })
    await customer({ type: 'revoke', revoke: { original_message_id: target } })
    const revoked = await once('the revoke', (message) => message.revoked === 'hidden')
    expect(JSON.stringify(revoked)).not.toContain('the code')
    const shown = await house.api(`/api/v1/messages/${revoked.id}?revoked=show`)
    expect(shown.body).toMatchObject({ text: { body: 'the code is 5678' }, revoked: 'hidden' })
    const wrong = await house.api(`/api/v1/messages/${revoked.id}?revoked=yes`)
    expect(wrong).toMatchObject({ status: 400, body: { code: 'invalid', path: '?revoked' } })

    const told = async (type: Parameters<typeof events>[0]) =>
      (await events(type)).filter(({ message_id }) => message_id === revoked.id)
    expect(await told('message.reaction')).toMatchObject([{ emoji: '👍', by: 'customer' }])
    expect(await told('message.edited')).toHaveLength(1)
    expect(await told('message.revoked')).toMatchObject([{ revoked: 'hidden' }])
    expect(JSON.stringify((await house.api('/api/v1/events?after=0')).body)).not.toContain('the code')
    expect(house.lines.join('\n')).not.toContain('the code')
  })

  test('may be answered with a reaction of ours', async () => {
    await house.write(PHONE, 'thank you')
    const { id } = await once('the message', ({ text }) => text?.body === 'thank you')
    const reaction = { to: conversation, type: 'reaction', reaction: { message_id: id, emoji: '❤️' } }
    const answer = await house.api('/api/v1/messages', reaction)
    expect(answer.status).toBe(202)
    const shown = await once('our reaction', ({ reactions }) => reactions?.length)
    expect(shown.reactions).toMatchObject([{ emoji: '❤️', by: 'us', contact_id: null }])
    const sends = await house.simulator('/_/sends')
    expect(sends.body.items.filter((send: { type: string }) => send.type === 'reaction')).toHaveLength(1)
  })

  test('is a call', async () => {
    const { status } = await house.simulator(`/_/customers/${PHONE}/calls`, { outcome: 'missed' })
    expect(status).toBe(202)
    const call = await once('the call', (message) => message.type === 'call' && message.call?.ended_at)
    expect(call).toMatchObject({ direction: 'in', content: { kind: 'call' } })
    await events('message.received')
  })
})

describe('a group', () => {
  test('is a conversation, and an answer goes to it', async () => {
    await fetch(`${house.simulatorUrl}/v25.0/${FAST_NUMBER}/groups`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${TEST_SECRETS.accessToken}` },
      body: JSON.stringify({ messaging_product: 'whatsapp', subject: 'Tour' }),
    })
    const group = await until('the group', async () => (await house.simulator('/_/groups')).body.items[0])
    await house.simulator(`/_/groups/${group.id}/members`, { phone: PHONE, name: 'Amina Farouk' })
    await house.write(PHONE, 'coming', { group: group.id })
    const thread = await until('the thread of the group', async () => {
      const { items } = (await house.api('/api/v1/conversations')).body
      const found = items.find((item: { kind: string }) => item.kind === 'group')
      return found?.last_message && found.group.subject ? found : undefined
    })
    expect(thread).toMatchObject({
      group: { id: group.id, subject: 'Tour' },
      last_message: { sender: { phone: PHONE, name: 'Amina Farouk' }, text: { body: 'coming' } },
    })
    const sent = await house.api('/api/v1/messages', { to: thread.id, type: 'text', text: { body: 'all aboard' } })
    expect(sent.status).toBe(202)
    const answer = await until('its way to the people', async () => {
      const { body } = await house.api(`/api/v1/messages/${sent.body.id}`)
      return body.participants?.length > 0 ? body : undefined
    })
    expect(answer).toMatchObject({ to: group.id, participants: [{ phone: PHONE }] })
    expect([...Value.Errors(messageSchema, answer)]).toEqual([])
    // The platform tells of members in a webhook of its own, whenever it likes.
    const alone = await until('the members', async () => {
      const { body } = await house.api(`/api/v1/conversations/${thread.id}`)
      return body.group.members.length > 0 ? body : undefined
    })
    expect(alone.group.members).toMatchObject([{ phone: PHONE, state: 'member' }])
    expect(undocumentedMembers(conversationViewSchema, alone)).toEqual([])
  })
})
