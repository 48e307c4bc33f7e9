import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { TSchema } from '@sinclair/typebox'
import { must } from '../core/assert.ts'
import { type FailureCode, STATUS_OF } from '../core/failure.ts'
import { OPERATIONS } from '../http/api-operations.ts'
import { conversationPageSchema, messagePageSchema, numberPageSchema, problemSchema } from '../http/api-schemas.ts'
import { refusalsOf } from '../http/openapi.ts'
import { eventSchema } from '../realtime/schemas.ts'
import { schemaFaults, undocumentedMembers } from './shape-of.ts'
import { type ApiAnswer, TestGateway, until } from './test-gateway.ts'

/*
 * What a generated client meets only now and then: numbers nobody declared, people who were erased, files that are gone. The usual
 * answers are held to the document in e2e-http.
 */

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

const PHONE = '+12025550143'
let house: TestGateway

beforeAll(async () => {
  house = await TestGateway.open()
})

afterAll(async () => {
  await house.close()
})

function ask(
  path: string,
  method: string,
  headers: Record<string, string> = {},
  body: string | null = null,
): Promise<ApiAnswer> {
  return house.request(path, { method, headers: { Authorization: `Bearer ${house.key}`, ...headers }, body })
}

function expectDocumented(schema: TSchema, value: unknown): void {
  expect({ value, faults: schemaFaults(schema, value) }).toEqual({ value, faults: [] })
  expect({ value, more: undocumentedMembers(schema, value) }).toEqual({ value, more: [] })
}

function expectProblem({ status, headers, body }: ApiAnswer, code: FailureCode): void {
  expect({ status, code: body.code }).toEqual({ status: STATUS_OF[code], code })
  expect(headers.get('content-type')).toBe('application/problem+json')
  expectDocumented(problemSchema, body)
}

function expectRefusal(id: string, code: FailureCode): void {
  const operation = must(
    OPERATIONS.find((one) => one.id === id),
    id,
  )
  expect({ id, codes: refusalsOf(operation) }).toEqual({ id, codes: expect.arrayContaining([code]) })
}

test('a number that nobody declared has no pool, and is neither paused nor resumed', async () => {
  const message = { from: '12025550177', id: 'wamid.555', timestamp: '1795338000', type: 'text', text: { body: 'x' } }
  const change = { field: 'messages', value: { metadata: { phone_number_id: '555' }, messages: [message] } }
  const entry = [{ id: '102290129340398', changes: [change] }]
  await house.webhook(JSON.stringify({ object: 'whatsapp_business_account', entry }))
  const { body } = await until('the number', async () => {
    const answer = await house.api('/api/v1/numbers')
    return answer.body.items.some((item: { number: string }) => item.number === '555') && answer
  })
  expectDocumented(numberPageSchema, body)
  for (const act of ['pause', 'resume']) {
    expectProblem(await house.api(`/api/v1/numbers/555/${act}`, {}), 'number_paused')
    expectRefusal(`${act}Number`, 'number_paused')
  }
})

test('a file that is not here says why', async () => {
  await house.simulator('/_/faults', { kind: 'media_missing' })
  await house.write(PHONE, 'look')
  const { id: conversation } = await house.conversationOf(PHONE)
  await house.simulator(`/_/customers/${PHONE}/messages?wait=1`, { number: 'support', sample: 'photo' })
  const file = await until('the file is gone', async () => {
    const { items } = (await house.api(`/api/v1/conversations/${conversation}/messages`)).body
    const [attachment] = items[0].attachments ?? []
    return attachment?.state === 'gone' && attachment.id
  })
  const answer = await house.api(`/api/v1/media/${file}`)
  expectProblem(answer, 'not_found')
  expect(answer.body.state).toBe('gone')
})

test('a file of people says what is wrong with it, row by row', async () => {
  const text = 'name,email,role\nAda,nobody,agent\n'
  const answer = await ask('/api/v1/people/import', 'POST', { 'Content-Type': 'text/csv' }, text)
  expectProblem(answer, 'invalid')
  expect(answer.body.faults).toEqual([{ row: 2, column: 'email', fault: expect.any(String) }])
})

test('a key without a permission is told which, and a workspace that is not there is not found', async () => {
  const { key } = (await house.api('/api/v1/keys', { name: 'reads', permissions: ['numbers.see'] })).body
  const answer = await ask('/api/v1/keys', 'GET', { Authorization: `Bearer ${key}` })
  expectProblem(answer, 'forbidden')
  expect(answer.body.permission).toBe('keys.manage')
  expectProblem(await ask('/api/v1/me', 'GET', { 'Gatehouse-Workspace': 'nowhere' }), 'not_found')
  for (const { id, key } of OPERATIONS) if (key === 'always') expectRefusal(id, 'not_found')
})

test('what told of somebody who was erased is documented too: events, messages, conversations', async () => {
  await house.write('+12025550188', 'hello')
  const { id, contact } = await house.conversationOf('+12025550188')
  const { body: sent } = await house.api('/api/v1/messages', { to: id, type: 'text', text: { body: 'hi' } })
  await house.messageIn('read', sent.id)
  const { body: erasure } = await ask(`/api/v1/contacts/${contact.id}`, 'DELETE')
  await until('the erasure is done', async () => {
    return (await house.api(`/api/v1/erasures/${erasure.id}`)).body.state === 'done'
  })
  const { events } = (await house.api('/api/v1/events?after=0')).body
  expect(events.filter((event: { data: object }) => 'erased' in event.data).length).toBeGreaterThan(5)
  for (const event of events) expectDocumented(eventSchema, event)
  expectDocumented(messagePageSchema, (await house.api(`/api/v1/conversations/${id}/messages`)).body)
  expectDocumented(conversationPageSchema, (await house.api('/api/v1/conversations')).body)
})
