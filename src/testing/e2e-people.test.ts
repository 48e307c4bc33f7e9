import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { must } from '../core/assert.ts'
import { TestBrowser } from './browser.ts'
import { TEST_PASSWORD, tokenOf } from './sign-in-requests.ts'
import { type ApiAnswer, TestGateway, until } from './test-gateway.ts'

setDefaultTimeout(20_000)

const SUPPORT = '106540352242922'
let house: TestGateway

beforeAll(async () => {
  house = await TestGateway.open()
})
afterAll(() => house.close())

function as(key: string, path: string): Promise<ApiAnswer> {
  return house.ask('GET', path, undefined, key)
}

function send(key: string, method: string, path: string, body: object | string): Promise<ApiAnswer> {
  return house.ask(method, path, body, key)
}

let count = 0
/** Somebody new, and a key that speaks for them. */
async function hire(role: string): Promise<{ id: string; key: string }> {
  const ask = { name: `Person ${++count}`, email: `person${count}@example.com`, role }
  const { status, body } = await house.api('/api/v1/people', ask)
  expect(status).toBe(201)
  const made = await house.api('/api/v1/keys', { name: 'of a person', person: body.id })
  expect(made.status).toBe(201)
  return { id: body.id, key: made.body.key }
}

async function conversationWith(phone: string): Promise<string> {
  await house.write(phone, `hello from ${phone}`)
  return (await house.conversationOf(phone)).id
}

describe('who has a conversation', () => {
  test('sees it, in lists, alone, in events and by its messages, and nothing else', async () => {
    const ada = await hire('agent')
    const mine = await conversationWith('+12025550121')
    const other = await conversationWith('+12025550122')
    expect((await as(ada.key, '/api/v1/conversations')).body.items).toEqual([])
    const given = await house.api(`/api/v1/conversations/${mine}/assign`, { assignee: ada.id })
    expect(given).toMatchObject({ status: 200, body: { id: mine, assignee: ada.id, team: null } })
    const { items } = (await as(ada.key, '/api/v1/conversations')).body
    expect(items.map(({ id, assignee }: { id: string; assignee: string }) => [id, assignee])).toEqual([[mine, ada.id]])
    expect((await as(ada.key, `/api/v1/conversations/${mine}/messages`)).body.items).toHaveLength(1)
    expect((await as(ada.key, `/api/v1/conversations/${other}/messages`)).status).toBe(404)
    const found = async () => (await send(ada.key, 'POST', '/api/v1/search', { q: 'hello' })).body.items
    await until('the index has it', async () => (await found()).length > 0)
    expect((await found()).map((item: { conversation_id: string }) => item.conversation_id)).toEqual([mine])
    const reply = { type: 'text', text: { body: 'hi' } }
    expect((await send(ada.key, 'POST', '/api/v1/messages', { to: mine, ...reply })).status).toBe(202)
    expect((await send(ada.key, 'POST', '/api/v1/messages', { to: other, ...reply })).status).toBe(404)
  })

  test('hears that it came, and that it is gone; others hear neither', async () => {
    const [ada, bo, owner] = [await hire('agent'), await hire('agent'), await hire('owner')]
    const conversation = await conversationWith('+12025550123')
    const { head } = (await house.api('/api/v1/me')).body
    const told = async (key: string) => {
      const { events } = (await as(key, `/api/v1/events?after=${head}`)).body
      return events.map(({ type }: { type: string }) => type)
    }
    await house.api(`/api/v1/conversations/${conversation}/assign`, { assignee: ada.id })
    expect(await told(ada.key)).toEqual(['conversation.visible', 'conversation.assigned'])
    expect(await told(bo.key)).toEqual([])
    expect(await told(owner.key)).toEqual(['conversation.assigned'])
    await house.api(`/api/v1/conversations/${conversation}/assign`, { assignee: bo.id })
    expect(await told(ada.key)).toEqual(['conversation.visible', 'conversation.gone'])
    expect(await told(bo.key)).toEqual(['conversation.assigned', 'conversation.visible', 'conversation.assigned'])
    const { events } = (await as(bo.key, `/api/v1/events?after=${head}`)).body
    expect(events[1].data.conversation).toMatchObject({ id: conversation, assignee: bo.id })
  })

  test('may be a team, whose people see it', async () => {
    const [ada, bo] = [await hire('agent'), await hire('agent')]
    const { body: team } = await house.api('/api/v1/teams', { name: 'returns', people: [ada.id] })
    const conversation = await conversationWith('+12025550124')
    await house.api(`/api/v1/conversations/${conversation}/assign`, { team: team.id })
    expect((await as(ada.key, `/api/v1/conversations/${conversation}`)).status).toBe(200)
    expect((await as(bo.key, `/api/v1/conversations/${conversation}`)).status).toBe(404)
    await send(house.key, 'PATCH', `/api/v1/teams/${team.id}`, { people: [bo.id] })
    expect((await as(ada.key, `/api/v1/conversations/${conversation}`)).status).toBe(404)
    expect((await as(bo.key, `/api/v1/conversations/${conversation}`)).status).toBe(200)
  })

  test('is nobody once they do not work here any more, which is told', async () => {
    const ada = await hire('agent')
    const conversation = await conversationWith('+12025550126')
    await house.api(`/api/v1/conversations/${conversation}/assign`, { assignee: ada.id })
    const { head } = (await house.api('/api/v1/me')).body
    expect((await send(house.key, 'DELETE', `/api/v1/people/${ada.id}`, '')).status).toBe(200)
    expect((await house.api(`/api/v1/conversations/${conversation}`)).body.assignee).toBeNull()
    const { events } = (await house.api(`/api/v1/events?after=${head}`)).body
    expect(events.find(({ type }: { type: string }) => type === 'conversation.assigned')?.data).toEqual({
      conversation_id: conversation,
      assignee: null,
      team: null,
    })
    expect((await as(ada.key, '/api/v1/me')).status).toBe(401)
  })

  test('a supervisor sees what comes in on the numbers of their teams', async () => {
    const eve = await hire('supervisor')
    const conversation = await conversationWith('+12025550125')
    expect((await as(eve.key, `/api/v1/conversations/${conversation}`)).status).toBe(404)
    await house.api('/api/v1/teams', { name: 'front desk', people: [eve.id], numbers: [SUPPORT] })
    expect((await as(eve.key, `/api/v1/conversations/${conversation}`)).status).toBe(200)
  })
})

describe('somebody who writes to a phone', () => {
  const text = (phone: string, more: object = {}) => ({ to: phone, type: 'text', text: { body: 'hello' }, ...more })

  test('answers in no conversation that they do not see, and learns nothing of it', async () => {
    const ada = await hire('agent')
    await house.api('/api/v1/teams', { name: 'their number', people: [ada.id], numbers: [SUPPORT] })
    await conversationWith('+12025550126')
    const refused = []
    for (const phone of ['+12025550126', '+12025550199']) {
      const { status, body } = await send(ada.key, 'POST', '/api/v1/messages', text(phone))
      refused.push({ status, body })
    }
    expect(refused[0]).toMatchObject({ status: 422, body: { code: 'window_closed' } })
    expect(refused[1]).toEqual(refused[0])
    const mine = await conversationWith('+12025550127')
    await house.api(`/api/v1/conversations/${mine}/assign`, { assignee: ada.id })
    expect((await send(ada.key, 'POST', '/api/v1/messages', text('+12025550127'))).status).toBe(202)
  })

  test('is told nothing of who wrote to numbers that are not theirs', async () => {
    const ada = await hire('agent')
    await house.write('+12025550128', 'hello', { number: 'slow' })
    await house.conversationOf('+12025550128')
    const known = await send(ada.key, 'POST', '/api/v1/messages', text('+12025550128'))
    const unknown = await send(ada.key, 'POST', '/api/v1/messages', text('+12025550198'))
    expect(known).toMatchObject({ status: 403, body: { path: '/from' } })
    expect(unknown.body).toEqual(known.body)
  })

  test('repeats their own requests alone, though somebody else has used the same idempotency key', async () => {
    const ada = await hire('agent')
    const mine = await conversationWith('+12025550129')
    await house.api(`/api/v1/conversations/${mine}/assign`, { assignee: ada.id })
    const ask = { ...text(mine), idempotency_key: 'the same' }
    const others = await house.api('/api/v1/messages', ask)
    const own = await send(ada.key, 'POST', '/api/v1/messages', ask)
    expect([others.status, own.status]).toEqual([202, 202])
    expect(own.body.id).not.toBe(others.body.id)
    expect((await send(ada.key, 'POST', '/api/v1/messages', ask)).body.id).toBe(own.body.id)
  })
})

describe('a change of rights', () => {
  test('closes sockets: to come back as what they are now, or not at all', async () => {
    const ada = await hire('agent')
    const open = async () => {
      const { ticket } = (await send(ada.key, 'POST', '/api/v1/realtime/tickets', {})).body
      const socket = new WebSocket(`${house.url.replace('http', 'ws')}/realtime`, ['gatehouse.v1', `ticket.${ticket}`])
      const closed = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)))
      await new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }))
      return { closed }
    }
    const first = await open()
    expect((await send(house.key, 'PATCH', `/api/v1/people/${ada.id}`, { role: 'supervisor' })).status).toBe(200)
    expect(await first.closed).toBe(4003)
    const second = await open()
    expect((await send(house.key, 'PATCH', `/api/v1/people/${ada.id}`, { state: 'suspended' })).status).toBe(200)
    expect(await second.closed).toBe(4503)
    expect((await as(ada.key, '/api/v1/me')).status).toBe(401)
  })
})

describe('nobody makes somebody who may more than they do', () => {
  test('by role, by permissions, or by changing somebody above them', async () => {
    const admin = await hire('admin')
    const owner = await hire('owner')
    const ask = { name: 'X', email: 'x@example.com', role: 'owner' }
    expect((await send(admin.key, 'POST', '/api/v1/people', ask)).status).toBe(403)
    expect((await send(admin.key, 'PATCH', `/api/v1/people/${owner.id}`, { state: 'suspended' })).status).toBe(403)
    expect((await send(admin.key, 'PATCH', `/api/v1/people/${admin.id}`, { role: 'owner' })).status).toBe(403)
    expect((await send(admin.key, 'DELETE', `/api/v1/people/${owner.id}`, '')).status).toBe(403)
    const role = { name: 'more', permissions: ['workspaces.manage'] }
    expect((await send(admin.key, 'POST', '/api/v1/roles', role)).status).toBe(403)
  })
})

describe('whoever leads some teams', () => {
  const OTHER = '106540352242923'
  /** Leads one team, on one number, and knows of another one. */
  async function lead() {
    const name = `lead ${++count}`
    const permissions = ['people.see', 'people.manage', 'conversations.see_team', 'conversations.see_number']
    await house.api('/api/v1/roles', { name, permissions })
    const [leader, other] = [await hire(name), await hire(name)]
    const team = async (of: string, number: string) =>
      (await house.api('/api/v1/teams', { name: `${of} of ${count}`, people: [of], numbers: [number] })).body
        .id as string
    return { leader, other, own: await team(leader.id, SUPPORT), foreign: await team(other.id, OTHER) }
  }

  test('gets to no other team and no other number by what they may change', async () => {
    const { leader, other, own, foreign } = await lead()
    const asks: [string, string, object, number][] = [
      ['PATCH', `/api/v1/teams/${own}`, { numbers: [SUPPORT, OTHER] }, 403],
      ['POST', '/api/v1/teams', { name: 'mine', people: [leader.id], numbers: [OTHER] }, 403],
      ['PATCH', `/api/v1/teams/${foreign}`, { people: [leader.id, other.id] }, 403],
      ['POST', `/api/v1/people/${other.id}/link`, { kind: 'invitation' }, 403],
      ['PATCH', `/api/v1/teams/${own}`, { people: [leader.id, other.id], numbers: [SUPPORT] }, 200],
      ['PATCH', `/api/v1/teams/${foreign}`, { people: [], numbers: [] }, 200],
      ['POST', `/api/v1/people/${other.id}/link`, { kind: 'invitation' }, 201],
    ]
    for (const [method, path, body, status] of asks) {
      const answer = await send(leader.key, method, path, body)
      expect([method, path, body, answer.status]).toEqual([method, path, body, status])
    }
  })
})

test('a link opens no account of somebody who may more by now than whoever made it', async () => {
  const roles = (await house.api('/api/v1/roles')).body.items as { name: string; permissions: string[] }[]
  const { permissions } = must(
    roles.find(({ name }) => name === 'agent'),
    'the role of agents',
  )
  const mine = {
    name: 'inviter',
    permissions: [...permissions, 'people.see', 'people.manage', 'conversations.see_all'],
  }
  const { key } = (await house.api('/api/v1/keys', mine)).body
  const email = 'promoted@example.com'
  const person = (await house.api('/api/v1/people', { name: 'Pia', email, role: 'agent' })).body
  const { body, status } = await send(key, 'POST', `/api/v1/people/${person.id}/link`, { kind: 'invitation' })
  expect(status).toBe(201)
  const token = tokenOf(body.url as string)
  const looked = async (role: string) => {
    await send(house.key, 'PATCH', `/api/v1/people/${person.id}`, { role })
    return (await new TestBrowser(house).post('/api/auth/links/look', { token })).status
  }
  expect([await looked('agent'), await looked('admin'), await looked('agent')]).toEqual([200, 404, 200])
})

test('the link of the first owner is over once there is an owner', async () => {
  await hire('owner')
  const browser = new TestBrowser(house)
  const token = must(house.setupToken, 'the link that the first start printed')
  const ask = { token, password: TEST_PASSWORD, name: 'Late', email: 'late@example.com' }
  for (const path of ['/api/auth/links/look', '/api/auth/links']) {
    const body = path.endsWith('look') ? { token } : ask
    expect([path, (await browser.post(path, body)).status]).toEqual([path, 404])
  }
})

describe('a file of people', () => {
  const heading = 'name,email,role,languages\n'
  const rows = (from: number, upto: number) =>
    Array.from(
      { length: upto - from },
      (_, index) => `File ${from + index},file${from + index}@example.com,agent,en\n`,
    ).join('')

  test('is looked at first, then taken in whole', async () => {
    const file = heading + rows(0, 120)
    const preview = await send(house.key, 'POST', '/api/v1/people/import?dry_run=true', file)
    expect(preview).toMatchObject({ status: 200, body: { would_add: 120, rows: 120, faults: [] } })
    const audited = await house.api('/api/v1/audit?action=person.try')
    expect(audited.body.items).toMatchObject([{ action: 'person.try', object: null }])
    const done = await send(house.key, 'POST', '/api/v1/people/import', file)
    expect(done).toMatchObject({ status: 201, body: { added: 120 } })
    const again = await send(house.key, 'POST', '/api/v1/people/import?dry_run=true', file)
    expect(again.body).toMatchObject({ would_add: 0, faults: [{ row: 2, column: 'email' }] })
  })

  test('with one wrong row adds nobody, and says which', async () => {
    const answer = await send(
      house.key,
      'POST',
      '/api/v1/people/import',
      `${heading + rows(200, 203)}No,nothing,agent,en\n`,
    )
    expect([answer.status, answer.body.faults]).toEqual([
      400,
      [{ row: 5, column: 'email', fault: 'This is no e-mail address' }],
    ])
    let cursor = ''
    let found = false
    do {
      const { items, next } = (await house.api(`/api/v1/people?limit=200${cursor}`)).body
      found ||= items.some(({ email }: { email: string }) => email === 'file200@example.com')
      cursor = next === null ? '' : `&cursor=${next}`
    } while (cursor !== '')
    expect(found).toBe(false)
  })
})

test.each([
  [{ email: 'a@example.com', role: 'agent' }, '/name'],
  [{ name: 'A', email: 'a', role: 'agent' }, '/email'],
  [{ name: 'A', email: 'a@example.com', role: 'king' }, '/role'],
  [{ name: 'A', email: 'a@example.com', role: 'agent', zone: 'Mars' }, '/zone'],
  [{ name: 'A', email: 'a@example.com', role: 'agent', languages: ['English'] }, '/languages/0'],
  [{ name: 'A', email: 'a@example.com', role: 'agent', hours: { mon: [['17:00', '09:00']] } }, '/hours/mon/0'],
  [{ people: [{ name: 'A', email: 'a@example.com', role: 'agent' }, { name: 'B' }] }, '/people/1/email'],
])('%j is refused at %s', async (ask, path) => {
  const { status, body } = await house.api('/api/v1/people', ask)
  expect([status, body.path]).toEqual([400, path])
})

describe('who may not see names and phones', () => {
  test('reads none in any answer, event or frame, and can answer all the same', async () => {
    const permissions = ['conversations.see_all', 'messages.reply', 'search.use']
    const { key } = (await house.api('/api/v1/keys', { name: 'masked', permissions })).body
    const phone = '+12025550177'
    await house.write(phone, 'where is my order 48213', { name: 'Zelda Quist' })
    const { id } = await house.conversationOf(phone)
    const { ticket } = (await send(key, 'POST', '/api/v1/realtime/tickets', {})).body
    const socket = new WebSocket(`${house.url.replace('http', 'ws')}/realtime`, ['gatehouse.v1', `ticket.${ticket}`])
    const frames: string[] = []
    const told = new Promise<void>((resolve) => {
      socket.addEventListener('message', ({ data }) => {
        const frame = JSON.parse(String(data)) as { type: string; epoch: string }
        if (frame.type === 'hello') {
          socket.send(JSON.stringify({ type: 'subscribe', id: 1, after: 0, epoch: frame.epoch }))
        }
        frames.push(String(data))
        if (String(data).includes('order 48213')) resolve()
      })
    })
    await told
    socket.close()
    const answers = await Promise.all(
      [
        '/api/v1/conversations',
        `/api/v1/conversations/${id}`,
        `/api/v1/conversations/${id}/messages`,
        '/api/v1/events?after=0',
        '/api/v1/search?q=order',
      ].map((path) => as(key, path)),
    )
    const texts = [...frames, ...answers.map(({ body }) => JSON.stringify(body))]
    expect(texts.some((text) => text.includes('order 48213'))).toBe(true)
    for (const text of texts) {
      for (const secret of ['Zelda', '2025550177', Buffer.from('2025550177').toString('base64').slice(0, 10)]) {
        expect(text).not.toContain(secret)
      }
    }
    expect((await as(key, '/api/v1/contacts')).status).toBe(403)
    const reply = await send(key, 'POST', '/api/v1/messages', { to: id, type: 'text', text: { body: 'on its way' } })
    expect(reply.status).toBe(202)
  })
})
