import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Permission } from '../core/permissions.ts'
import { OPERATIONS } from '../http/api-operations.ts'
import { GIVEN_ROLES, type GivenRole } from '../people/roles.ts'
import { type ApiAnswer, TestGateway, until } from './test-gateway.ts'
import { foreignStatusOf } from './test-webhooks.ts'

setDefaultTimeout(20_000)

const SUPPORT = '106540352242922'
let house: TestGateway

beforeAll(async () => {
  house = await TestGateway.open()
})
afterAll(() => house.close())

/** A new key's own text and its id. */
async function made(ask: object): Promise<{ id: string; key: string }> {
  const { status, body } = await house.api('/api/v1/keys', { name: 'a test', ...ask })
  expect(status).toBe(201)
  return body
}

function as(key: string, path: string, method = 'GET', body?: object): Promise<ApiAnswer> {
  return house.ask(method, path, body, key)
}

function post(key: string, path: string, body: object): Promise<ApiAnswer> {
  return as(key, path, 'POST', body)
}

describe('every operation lets in the roles that may, and no other:', () => {
  const keys = new Map<GivenRole, string>()
  beforeAll(async () => {
    for (const role of Object.keys(GIVEN_ROLES) as GivenRole[]) keys.set(role, (await made({ role })).key)
  })

  const guarded = OPERATIONS.filter(({ key }) => key === 'always')
  test.each(guarded.map((operation) => [operation.id, operation] as const))(
    '%s',
    async (_, { method, path, needs }) => {
      for (const [role, key] of keys) {
        const answer = await as(key, path.replaceAll(/\{\w+\}/g, 'x'), method.toUpperCase())
        const may = needs === undefined || (GIVEN_ROLES[role] as readonly Permission[]).includes(needs)
        expect({ role, forbidden: answer.status === 403 }).toEqual({ role, forbidden: !may })
        if (!may) expect(answer.body).toMatchObject({ code: 'forbidden', permission: needs })
      }
    },
  )
})

describe('a key that is bound to a number', () => {
  test('sees the conversations of that number, in lists, alone, in events and in searches', async () => {
    await house.write('+12025550111', 'the first word', { number: 'support' })
    await house.write('+12025550112', 'the second word', { number: 'slow' })
    const other = await house.conversationOf('+12025550112')
    const { key } = await made({ numbers: [SUPPORT] })
    const numbers = new Set(
      (await as(key, '/api/v1/conversations')).body.items.map((one: { number: string }) => one.number),
    )
    expect([...numbers]).toEqual([SUPPORT])
    expect((await as(key, `/api/v1/conversations/${other.id}`)).status).toBe(404)
    const { events } = (await as(key, '/api/v1/events?after=0')).body
    expect(JSON.stringify(events)).toContain('the first word')
    expect(JSON.stringify(events)).not.toContain('the second word')
    await until(
      'both are in the index',
      async () => (await house.api('/api/v1/search', { q: 'word' })).body.items.length >= 2,
    )
    const found = (await post(key, '/api/v1/search', { q: 'word' })).body.items
    expect(found.map((item: { message: { number: string } }) => item.message.number)).toEqual([SUPPORT])
    expect((await as(key, '/api/v1/numbers')).body.items).toHaveLength(1)
  })

  test('sends from no other', async () => {
    const { key } = await made({ numbers: [SUPPORT] })
    await house.write('+12025550114', 'hello', { number: 'slow' })
    const other = await house.conversationOf('+12025550114')
    const ask = { to: other.id, type: 'text', text: { body: 'hi' } }
    expect((await post(key, '/api/v1/messages', ask)).status).toBe(404)
    expect((await house.api('/api/v1/messages', ask)).status).toBe(202)
  })
})

describe('an owner key that is bound to a number', () => {
  test('makes nobody who sees more than it does', async () => {
    const { key } = await made({ role: 'owner', numbers: [SUPPORT] })
    const person = (role: string) => ({ name: 'Eve', email: `eve-${role}@example.com`, role })
    expect((await post(key, '/api/v1/people', person('owner'))).status).toBe(403)
    expect((await post(key, '/api/v1/people', person('agent'))).status).toBe(201)
    const { id } = (await house.api('/api/v1/people', { ...person('admin'), email: 'adam@example.com' })).body
    expect((await post(key, `/api/v1/people/${id}/link`, { kind: 'invitation' })).status).toBe(403)
  })

  test('is told what the platform says of that number and of all, and not what others looked for', async () => {
    const { key } = await made({ role: 'owner', numbers: [SUPPORT] })
    for (const phone_number_id of [SUPPORT, '106540352242923']) {
      const value = { metadata: { phone_number_id }, event: 'FLAGGED', current_limit: 'TIER_1K' }
      const changes = [{ field: 'phone_number_quality_update', value }]
      await house.webhook(
        JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '102290129340398', changes }] }),
      )
    }
    const notices = async (by: string) =>
      (await as(by, '/api/v1/notices?field=phone_number_quality_update')).body.items as { id: string; number: string }[]
    const all = await until('both are there', async () => {
      const items = await notices(house.key)
      return items.length > 1 ? items : undefined
    })
    const other = all.find(({ number }) => number === '106540352242923')
    expect((await notices(key)).map(({ number }) => number)).toEqual([SUPPORT])
    expect((await as(key, `/api/v1/notices/${other?.id}`)).status).toBe(404)
    expect((await as(house.key, `/api/v1/notices/${other?.id}`)).status).toBe(200)
    const looks = async (by: string) => (await as(by, '/api/v1/audit?action=search.run')).body.items
    await post(house.key, '/api/v1/search', { number: '106540352242923' })
    await until('the look is in the audit', async () => (await looks(house.key))[0]?.detail?.number !== undefined)
    expect((await looks(key))[0].detail).toBeNull()
  })
})

describe('a permission of its own is wanted', () => {
  test('to take a conversation over from another application', async () => {
    await house.write('+12025550115', 'Is anybody there?')
    const { id } = await house.conversationOf('+12025550115')
    const ask = { to: id, type: 'text', text: { body: 'Yes' }, take_over: true }
    const without = await made({ permissions: ['messages.reply', 'conversations.see_all'] })
    const refused = await post(without.key, '/api/v1/messages', ask)
    expect(refused).toMatchObject({ status: 403, body: { permission: 'conversations.take_over' } })
    const { key } = await made({ permissions: ['messages.reply', 'conversations.see_all', 'conversations.take_over'] })
    expect((await post(key, '/api/v1/messages', ask)).status).toBe(202)
  })

  test('to see whom a message of another system went to', async () => {
    await house.webhook(foreignStatusOf('12025550143'))
    await until('the status is there', async () => {
      const { body } = await house.api('/api/v1/statuses/unmatched')
      return body.items[0]?.object?.recipient_id === '12025550143'
    })
    const { key } = await made({ permissions: ['numbers.see', 'conversations.see_all'] })
    const { items } = (await as(key, '/api/v1/statuses/unmatched')).body
    expect(items).toMatchObject([{ status: 'delivered', number: SUPPORT }])
    expect(items[0]).not.toHaveProperty('object')
  })
})

describe('who is shown no phones', () => {
  test('finds none out by its beginnings, nor names who is shown no names', async () => {
    await house.write('+12025550117', 'hello')
    const { id } = (await house.conversationOf('+12025550117')).contact
    const masked = await made({ permissions: ['search.use', 'conversations.see_all', 'contacts.see_names'] })
    const blind = await made({ permissions: ['search.use', 'conversations.see_all'] })
    const asked = async (key: string, person: string) => (await post(key, '/api/v1/search', { person })).status
    for (const person of ['1202', '+12025550117', 'DE.77', 'ada@']) expect(await asked(masked.key, person)).toBe(403)
    expect([await asked(masked.key, 'Ada'), await asked(blind.key, 'Ada')]).toEqual([200, 403])
    expect([await asked(masked.key, id), await asked(blind.key, id)]).toEqual([200, 200])
  })

  test('reads notices without the platform’s own object, which may name customers', async () => {
    const { key } = await made({ permissions: ['notices.read', 'conversations.see_all'] })
    const value = { messaging_product: 'whatsapp', to: '+12025550118', type: 'image' }
    const entry = [{ id: '102290129340398', changes: [{ field: 'odd_field', value }] }]
    await house.webhook(JSON.stringify({ object: 'whatsapp_business_account', entry }))
    const notices = async (by: string) => (await as(by, '/api/v1/notices?field=odd_field')).body.items
    await until('the notice is there', async () => (await notices(house.key)).length > 0)
    const [notice] = await notices(house.key)
    const [shown] = await notices(key)
    expect(JSON.stringify(notice.object)).toContain('+12025550118')
    expect(shown).toEqual({ ...notice, object: undefined })
    expect((await as(key, `/api/v1/notices/${notice.id}`)).body).toEqual(shown)
  })
})

describe('a key gives no more than it has:', () => {
  test('neither permissions nor numbers nor time', async () => {
    const expires_at = new Date(Date.now() + 3_600_000).toISOString()
    const { key } = await made({
      permissions: ['keys.manage', 'conversations.see_all'],
      numbers: [SUPPORT],
      expires_at,
    })
    const more = await post(key, '/api/v1/keys', { name: 'x', permissions: ['messages.reply'] })
    expect([more.status, more.body.code]).toEqual([403, 'forbidden'])
    expect((await post(key, '/api/v1/keys', { name: 'x', numbers: ['106540352242923'] })).status).toBe(400)
    const same = await post(key, '/api/v1/keys', { name: 'x', expires_at: '2999-01-01T00:00:00Z' })
    expect(same.body).toMatchObject({ numbers: [SUPPORT], expires_at })
  })

  test.each([
    [{}, '/name'],
    [{ name: ' ' }, '/name'],
    [{ name: 'x', role: 'king' }, '/role'],
    [{ name: 'x', permissions: ['fly'] }, '/permissions/0'],
    [{ name: 'x', role: 'agent', permissions: ['messages.reply'] }, '/permissions'],
    [{ name: 'x', numbers: ['1'] }, '/numbers/0'],
    [{ name: 'x', expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
    [{ name: 'x', colour: 1 }, '/colour'],
  ])('%j is refused at %s', async (ask, path) => {
    const { status, body } = await house.api('/api/v1/keys', ask)
    expect([status, body.path]).toEqual([400, path])
  })
})

describe('a key that is revoked', () => {
  test('opens nothing from the answer on, is in no list, and its sockets are closed', async () => {
    const { id, key } = await made({ role: 'agent' })
    const { ticket } = (await post(key, '/api/v1/realtime/tickets', {})).body
    const socket = new WebSocket(`${house.url.replace('http', 'ws')}/realtime`, ['gatehouse.v1', `ticket.${ticket}`])
    const closed = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)))
    await new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }))
    expect((await as(house.key, `/api/v1/keys/${id}`, 'DELETE')).status).toBe(200)
    expect(await closed).toBe(4503)
    expect((await as(key, '/api/v1/me')).status).toBe(401)
    const { items } = (await house.api('/api/v1/keys?limit=200')).body
    expect(items.some((item: { id: string }) => item.id === id)).toBe(false)
    expect(JSON.stringify(items)).not.toContain(key)
  })

  test('is refused in the middle of a wait for events, and is not told the next one', async () => {
    const settled = ({ direction, state }: { direction: string; state: string }) =>
      direction === 'in' || state === 'read'
    await until('what other tests have sent is read', async () =>
      (await house.api('/api/v1/conversations?limit=200')).body.items.every(
        ({ last_message }: { last_message: { direction: string; state: string } }) => settled(last_message),
      ),
    )
    const { id, key } = await made({})
    const { body } = await as(key, '/api/v1/me')
    const waits = as(key, `/api/v1/events?after=${body.head}&wait=20`)
    // The house has begun with the wait before it is asked the next.
    await as(key, '/api/v1/me')
    expect((await as(house.key, `/api/v1/keys/${id}`, 'DELETE')).status).toBe(200)
    expect(await waits).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
  })

  test('is not the only thing that a list shows: its last use is there too', async () => {
    const { id, key } = await made({ role: 'agent' })
    await as(key, '/api/v1/me')
    await until('its use is noted', async () => {
      const { items } = (await house.api('/api/v1/keys?limit=200')).body
      return items.find((item: { id: string }) => item.id === id)?.last_used_at
    })
  })
})
