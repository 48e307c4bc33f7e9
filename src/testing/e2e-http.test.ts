import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { must } from '../core/assert.ts'
import { STATUS_OF } from '../core/failure.ts'
import type { Operation } from '../http/api-operation.ts'
import { OPERATIONS } from '../http/api-operations.ts'
import { problemSchema } from '../http/api-schemas.ts'
import { refusalsOf } from '../http/openapi.ts'
import { moreRequests } from './more-requests.ts'
import { schemaFaults, shapeOf, undocumentedMembers } from './shape-of.ts'
import { type ApiAnswer, FAST_NUMBER, TEST_SECRETS, TestGateway, until } from './test-gateway.ts'
import { foreignStatusOf, NOTICES, preferenceOf } from './test-webhooks.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

let house: TestGateway
let conversation: string
let contact: string
let otherContact: string
let incoming: string
let sent: string
let otherHouse: TestGateway
let held: string

beforeAll(async () => {
  house = await TestGateway.open({ sendTimeoutMs: 300 })
  otherHouse = await TestGateway.open()
  const phone = '+12025550143'
  await house.write('+12025550199', 'hello', { name: 'A. Farouk' })
  otherContact = (await house.conversationOf('+12025550199')).contact.id
  await house.write(phone, 'Is my parcel on its way?', { name: 'Amina Farouk' })
  const view = await house.conversationOf(phone)
  conversation = view.id
  contact = view.contact.id
  await house.webhook(preferenceOf('12025550143'))
  await house.webhook(NOTICES)
  await changeContact({
    attributes: { customer_number: 'R-1183', newsletter: true },
    emails: ['amina@riverside.example'],
  })
  await until('the preference', async () => {
    const { body } = await house.api(`/api/v1/contacts/${contact}`)
    return body.consents?.marketing_messages
  })
  incoming = view.last_message.id
  await house.simulator('/_/faults', { kind: 'reset', count: 2 })
  const doubtful = await Promise.all(
    ['one', 'two'].map((body) => house.api('/api/v1/messages', { to: conversation, type: 'text', text: { body } })),
  )
  held = doubtful[0]?.body.id
  await Promise.all(doubtful.map(({ body }) => house.messageIn('held', body.id)))
  doubtfulOther = doubtful[1]?.body.id
  const ask = { to: conversation, type: 'text', text: { body: 'It left this morning.' }, reference: 'order-48213' }
  sent = (await house.api('/api/v1/messages', ask)).body.id
  await house.messageIn('read', sent)
})
let doubtfulOther: string

/** The index comes after the records. */
async function searched(search: () => Promise<ApiAnswer>): Promise<ApiAnswer> {
  return await until('the index has it', async () => {
    const answer = await search()
    return answer.body.items.length > 0 && answer.body.complete && answer
  })
}

/** Erases somebody who has just written; in a house of its own, since others look at who is here. */
async function erase(): Promise<ApiAnswer> {
  const phone = '+12025550170'
  await otherHouse.write(phone, 'hello', { name: 'Ines Moreau' })
  const { contact: somebody } = await otherHouse.conversationOf(phone)
  const headers = { Authorization: `Bearer ${otherHouse.key}` }
  return await otherHouse.request(`/api/v1/contacts/${somebody.id}`, { method: 'DELETE', headers })
}

/** An erasure that is done. */
async function erasure(): Promise<string> {
  const { id } = (await erase()).body
  await until('the erasure is done', async () => {
    return (await otherHouse.api(`/api/v1/erasures/${id}`)).body.state === 'done'
  })
  return id
}

function changeContact(change: object): Promise<ApiAnswer> {
  const headers = { Authorization: `Bearer ${house.key}` }
  return house.request(`/api/v1/contacts/${contact}`, { method: 'PATCH', headers, body: JSON.stringify(change) })
}

/** The address of a file that a customer sends, once it is in a state. */
async function fileOf(type: string, object: object, state = 'ready'): Promise<string> {
  const body = { number: 'support', message: { type, [type]: object } }
  const { id } = (await house.simulator('/_/customers/+12025550143/messages?wait=1', body)).body
  return await until(`the file of ${id} is ${state}`, async () => {
    const { items } = (await house.api(`/api/v1/conversations/${conversation}/messages`)).body
    const message = items.find((item: { upstream_id: string }) => item.upstream_id === id)
    const [attachment] = message?.attachments ?? []
    return attachment?.state === state && `/api/v1/media/${attachment.id}`
  })
}

async function missingFile(): Promise<string> {
  const { id } = (await house.simulator('/_/media', 'A text that is not there.')).body
  await house.simulator('/_/faults', { kind: 'media_missing' })
  const path = await fileOf('document', { id }, 'gone')
  await house.simulator('/_/faults', undefined, 'DELETE')
  return path
}

/** A text: what is no picture, sound, video or PDF has no type of its own. */
async function textFile(): Promise<string> {
  const { id } = (await house.simulator('/_/media', 'A plain text.')).body
  return await fileOf('document', { id, filename: 'plain.txt' })
}

afterAll(async () => {
  await house.close()
  await otherHouse.close()
})

describe('every documented operation answers as the document says:', () => {
  const handshake = new URLSearchParams({
    'hub.mode': 'subscribe',
    'hub.verify_token': TEST_SECRETS.verifyToken,
    'hub.challenge': '42',
  })
  const requests: Record<string, () => Promise<ApiAnswer>> = {
    sendMessage: () =>
      house.api('/api/v1/messages', { to: conversation, type: 'text', text: { body: 'hi' }, reference: 'r' }),
    sendMessages: () =>
      house.api('/api/v1/messages/batch', {
        messages: [
          { to: conversation, type: 'text', text: { body: 'hi' } },
          { to: conversation, type: 'text', text: {} },
        ],
      }),
    getMessage: () => house.api(`/api/v1/messages/${sent}`),
    cancelMessage: () => house.api(`/api/v1/messages/${doubtfulOther}/cancel`, {}),
    retryMessage: () => house.api(`/api/v1/messages/${held}/retry`, {}),
    listConversations: () => house.api('/api/v1/conversations'),
    getConversation: () => house.api(`/api/v1/conversations/${conversation}`),
    listMessages: () => house.api(`/api/v1/conversations/${conversation}/messages`),
    readConversation: () => house.api(`/api/v1/conversations/${conversation}/read`, { upto: incoming }),
    getMedia: async () => house.api(await textFile()),
    getThumbnail: async () => house.api(`${await fileOf('image', {})}/thumbnail`),
    fetchMedia: async () => house.api(`${await missingFile()}/fetch`, {}),
    listContacts: () => house.api('/api/v1/contacts?limit=1'),
    lookUpContact: () => house.api('/api/v1/contacts/lookup', { phone: '+12025550143' }),
    getContact: () => house.api(`/api/v1/contacts/${contact}`),
    changeContact: () => changeContact({ name: 'Amina Farouk (Riverside)' }),
    listConversationsOfContact: () => house.api(`/api/v1/contacts/${contact}/conversations`),
    mergeContact: () => house.api(`/api/v1/contacts/${otherContact}/merge`, { into: contact }),
    unmergeContact: async () => {
      // Merged or not by another case: what counts is that it can be taken back.
      await house.api(`/api/v1/contacts/${otherContact}/merge`, { into: contact })
      return await house.api(`/api/v1/contacts/${otherContact}/unmerge`, {})
    },
    searchMessages: () => searched(() => house.api('/api/v1/search', { q: 'parcel' })),
    searchMessagesByHand: () => searched(() => house.api('/api/v1/search?q=parcel')),
    eraseContact: erase,
    listErasures: async () => {
      await erasure()
      return await otherHouse.api('/api/v1/erasures')
    },
    getErasure: async () => otherHouse.api(`/api/v1/erasures/${await erasure()}`),
    listNumbers: () => house.api('/api/v1/numbers'),
    pauseNumber: () => house.api('/api/v1/numbers/106540352242923/pause', {}),
    resumeNumber: () => house.api('/api/v1/numbers/106540352242923/resume', {}),
    listUnmatchedStatuses: async () => {
      await house.webhook(foreignStatusOf('12025550143'))
      return await until('the status is there', async () => {
        const answer = await house.api('/api/v1/statuses/unmatched')
        return answer.body.items.length > 0 && answer
      })
    },
    listNotices: () => house.api('/api/v1/notices?severity=critical'),
    getNotice: async () => {
      const { body } = await house.api('/api/v1/notices?severity=critical')
      return await house.api(`/api/v1/notices/${body.items[0].id}`)
    },
    ...moreRequests(
      () => house,
      () => conversation,
    ),
    listKeys: async () => {
      await house.api('/api/v1/keys', { name: 'web shop', numbers: ['106540352242922'] })
      return await house.api('/api/v1/keys')
    },
    listAudit: async () => {
      await house.api('/api/v1/search', { q: 'parcel', conversation_id: conversation })
      return await until('the search is in the audit', async () => {
        const answer = await house.api(`/api/v1/audit?action=search.run&object=${conversation}`)
        return answer.body.items.length > 0 && answer
      })
    },
    makeKey: () =>
      house.api('/api/v1/keys', { name: 'shop', permissions: ['messages.reply'], numbers: ['106540352242922'] }),
    revokeKey: async () => {
      const { id } = (await house.api('/api/v1/keys', { name: 'short-lived' })).body
      const headers = { Authorization: `Bearer ${house.key}` }
      return await house.request(`/api/v1/keys/${id}`, { method: 'DELETE', headers })
    },
    listTemplates: () => house.api('/api/v1/templates'),
    getMe: () => house.api('/api/v1/me'),
    listEvents: async () => {
      const { body } = await house.api('/api/v1/events?after=0')
      const at = body.events.findLast((event: { data: { state?: string } }) => event.data.state === 'sent').offset
      return await house.api(`/api/v1/events?after=${at - 1}&limit=1`)
    },
    issueTicket: () => house.api('/api/v1/realtime/tickets', {}),
    answerHandshake: () => house.request(`/webhooks/whatsapp/main?${handshake}`),
    takeWebhook: () => house.webhook('{}'),
    getHealth: () => house.request('/healthz'),
    getReadiness: () => house.request('/readyz'),
    getVersion: () => house.request('/version'),
    getMetrics: () => house.request('/metrics'),
    getOpenapi: () => house.request('/api/openapi.json'),
    getAsyncapi: () => house.request('/api/asyncapi.json'),
    getDocs: () => house.request('/api/docs'),
    getConsole: () => house.request('/'),
  }
  /** Conversations are held to their example below. */
  const WITH_CONVERSATIONS = new Set(['listConversations', 'getConversation', 'listConversationsOfContact'])
  const FILES = new Set(['getMedia', 'getThumbnail'])
  // The socket and the single sign-on have tests of their own.
  const APART = ['openSocket', 'beginSingleSignOn', 'endSingleSignOn']
  const asked = OPERATIONS.filter(({ id }) => !APART.includes(id))

  test.each(asked.map((operation) => [operation.id, operation] as const))('%s', async (id, operation) => {
    const answer = await must(requests[id], `the request of ${id}`)()
    const documented = must(
      operation.answers[answer.status],
      `${id}: an answer with ${answer.status}, ${JSON.stringify(answer.body)}`,
    )
    const { contentType = 'application/json' } = documented
    if (contentType !== '*/*') expect(answer.headers.get('content-type')).toStartWith(contentType)
    if (documented.schema && contentType === 'application/json') {
      expect(schemaFaults(documented.schema, answer.body)).toEqual([])
      expect(undocumentedMembers(documented.schema, answer.body)).toEqual([])
    }
    if (documented.example && id !== 'listMessages' && !WITH_CONVERSATIONS.has(id)) {
      expect(shapeOf(answer.body).sort()).toEqual(shapeOf(documented.example).sort())
    }
    // A file may be kept by the browser of who asked, which asks each time whether it still may show it.
    const kept = FILES.has(id) ? 'private, no-cache' : 'no-store'
    if (operation.key === 'always') expect(answer.headers.get('cache-control')).toBe(kept)
  })

  test('a conversation and its page have the members that the example shows', async () => {
    const { body } = await house.api('/api/v1/conversations')
    const { last_message: _last, ...view } = body.items.find(({ id }: { id: string }) => id === conversation)
    const example = must(OPERATIONS.find(({ id }) => id === 'getConversation')?.answers[200]?.example, 'the example')
    const { last_message: _shown, ...shown } = example as Record<string, unknown>
    expect(shapeOf(view).sort()).toEqual(shapeOf(shown).sort())
  })

  test.each(asked.filter(({ key }) => key === 'always').map(({ id, method, path }) => [id, method, path] as const))(
    '%s is nothing without a key',
    async (_, method, path) => {
      const answer = await house.request(path.replaceAll(/\{\w+\}/g, 'x'), { method: method.toUpperCase() })
      expectProblem(answer, 'unauthorized')
    },
  )
})

test('a notice is counted by its severity, and a serious one logged by its field and event alone', async () => {
  expect(await house.metric('gatehouse_notices_total{severity="critical"}')).toBe(1)
  expect(await house.metric('gatehouse_notices_total{severity="warning"}')).toBe(1)
  const lines = house.lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'notice')
  expect(lines.map(({ time: _time, ...line }) => line)).toEqual([
    { level: 'warn', msg: 'notice', field: 'message_template_status_update', event: 'paused' },
    { level: 'error', msg: 'notice', field: 'account_update', event: 'account_restriction' },
  ])
})

function expectProblem(answer: ApiAnswer, code: keyof typeof STATUS_OF, path?: string): void {
  expect({ status: answer.status, code: answer.body?.code, path: answer.body?.path }).toEqual({
    status: STATUS_OF[code],
    code,
    path: path as string,
  })
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(answer.body.type).toBe(`/api/docs#${code}`)
  expect(schemaFaults(problemSchema, answer.body)).toEqual([])
  expect(undocumentedMembers(problemSchema, answer.body)).toEqual([])
}

describe('whatever is wrong with a request is a problem in words:', () => {
  const withKey = (path: string, init: RequestInit) =>
    house.request(path, { ...init, headers: { Authorization: `Bearer ${house.key}`, ...init.headers } })
  const text = { type: 'text', text: { body: 'x' } }

  test.each([
    ['an unknown path', 'GET', '/api/v1/nothing'],
    ['an unknown path outside the API', 'GET', '/nothing'],
    ['a path that climbs', 'GET', '/api/v1/../../etc/passwd'],
    ['a path that is broken', 'GET', '/api/v1/conversations/%E0%A4%A'],
  ])('%s', async (_, method, path) => {
    const answer = await withKey(path, { method })
    expectProblem(answer, 'not_found')
  })

  test('HEAD is answered like GET, without a body', async () => {
    for (const path of ['/healthz', '/api/v1/me', '/api/docs', '/']) {
      const answer = await withKey(path, { method: 'HEAD' })
      expect({ path, status: answer.status, body: answer.body }).toEqual({ path, status: 200, body: '' })
    }
    expect((await house.request('/api/v1/me', { method: 'HEAD' })).status).toBe(401)
    expect((await house.request('/nothing', { method: 'HEAD' })).status).toBe(404)
  })

  test.each([
    ['no JSON', 'hello', ''],
    ['half of JSON', '{"to":', ''],
    ['a list', '[]', ''],
    ['a text', '"x"', ''],
    ['nothing', '', ''],
    ['null', 'null', ''],
    ['JSON nested 65 deep', `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`, ''],
    ['broken UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), ''],
    ['an unknown member', JSON.stringify({ to: 'cnv_1', ...text, colour: 'red' }), '/colour'],
    [
      'an unknown member inside',
      JSON.stringify({ to: 'cnv_1', type: 'text', text: { body: 'x', colour: 1 } }),
      '/text/colour',
    ],
    ['no recipient', JSON.stringify(text), '/to'],
    ['a wrong recipient', JSON.stringify({ to: 'nobody', ...text }), '/to'],
    ['a wrong class', JSON.stringify({ to: 'cnv_1', ...text, class: 'slow' }), '/class'],
    ['a wrong deadline', JSON.stringify({ to: 'cnv_1', ...text, deadline_ms: 0.5 }), '/deadline_ms'],
    ['a wrong sender', JSON.stringify({ to: 'cnv_1', ...text, from: { number: 'x', pool: 'y' } }), '/from'],
    ['an unknown number', JSON.stringify({ to: '+15550100000', ...text, from: { number: '1' } }), '/from/number'],
    ['an unknown pool', JSON.stringify({ to: '+15550100000', ...text, from: { pool: 'x' } }), '/from/pool'],
    ['an unknown type', JSON.stringify({ to: 'cnv_1', type: 'smoke', smoke: {} }), '/type'],
    ['a text without body', JSON.stringify({ to: 'cnv_1', type: 'text', text: {} }), '/text/body'],
  ])('a send that is %s', async (_, body, path) => {
    const answer = await withKey('/api/v1/messages', { method: 'POST', body })
    expectProblem(answer, 'invalid', path)
    expect(answer.body.detail.length).toBeGreaterThan(10)
  })

  test('the words repeat nothing that was sent', async () => {
    const answer = await house.api('/api/v1/messages', { to: '+4915112345678x', ...text })
    expect(JSON.stringify(answer.body)).not.toContain('4915112345678')
    const inText = await house.api('/api/v1/messages', { to: 'cnv_1', type: 'text', text: { body: ['a secret word'] } })
    expect(JSON.stringify(inText.body)).not.toContain('secret word')
  })

  test('a body that is too large, also where it does not say so', async () => {
    const body = JSON.stringify({ to: 'cnv_1', type: 'text', text: { body: 'x'.repeat(1024 * 1024) } })
    expectProblem(await withKey('/api/v1/messages', { method: 'POST', body }), 'too_large')
    const stream = new Blob([body]).stream()
    expectProblem(await withKey('/api/v1/messages', { method: 'POST', body: stream }), 'too_large')
  })

  test.each([
    ['/api/v1/me?x=1', '?x'],
    ['/api/v1/numbers?x=1', '?x'],
    ['/api/v1/conversations?limit=0', '?limit'],
    ['/api/v1/conversations?limit=201', '?limit'],
    ['/api/v1/conversations?limit=ten', '?limit'],
    ['/api/v1/conversations?cursor=nonsense!', '?cursor'],
    ['/api/v1/numbers?cursor=nonsense!', '?cursor'],
    ['/api/v1/conversations?Limit=1', '?Limit'],
    ['/api/v1/notices?severity=loud', '?severity'],
    ['/api/v1/notices?cursor=nonsense!', '?cursor'],
    ['/api/v1/templates?cursor=nonsense!', '?cursor'],
    ['/api/v1/events?after=-1', '?after'],
    ['/api/v1/events?after=1e3', '?after'],
    ['/api/v1/events?wait=61', '?wait'],
    ['/api/v1/events?limit=501', '?limit'],
    ['/api/v1/events?since=1', '?since'],
    ['/api/v1/messages/msg_1?verbose=1', '?verbose'],
  ])('a wrong query parameter: %s', async (path, wrong) => {
    expectProblem(await house.api(path), 'invalid', wrong)
  })

  test.each([
    ['/api/v1/conversations/cnv_zzzz'],
    ['/api/v1/conversations/msg_1'],
    ['/api/v1/conversations/cnv_zzzz/messages'],
    ['/api/v1/messages/msg_zzzz'],
    ['/api/v1/messages/nonsense'],
    ['/api/v1/notices/ntc_zzzz'],
    ['/api/v1/notices/con_1'],
    ['/api/v1/contacts/con_zzzz'],
    ['/api/v1/contacts/con_zzzz/conversations'],
  ])('a thing that is not there: %s', async (path) => {
    expectProblem(await house.api(path), 'not_found')
  })

  test('an unknown member where none is taken', async () => {
    expectProblem(await house.api(`/api/v1/conversations/${conversation}/read`, { up_to: 'x' }), 'invalid', '/up_to')
    expectProblem(await house.api(`/api/v1/conversations/${conversation}/read`, { upto: 7 }), 'invalid', '/upto')
    expectProblem(await house.api(`/api/v1/messages/${sent}/cancel`, { 'a/b': 1 }), 'invalid', '/a~1b')
    expectProblem(await house.api(`/api/v1/numbers/${FAST_NUMBER}/pause`, { reason: 'x' }), 'invalid', '/reason')
    expectProblem(await house.api('/api/v1/realtime/tickets', { for: 'x' }), 'invalid', '/for')
  })

  test('each code that came up here is one that its operation documents', () => {
    const send = must(
      OPERATIONS.find(({ id }) => id === 'sendMessage'),
      'the operation',
    ) as Operation
    expect(refusalsOf(send)).toContain('too_large')
    expect(refusalsOf(send)).toContain('invalid')
  })
})

describe('the numbers', () => {
  test('are listed in pages too', async () => {
    const { body: all } = await house.api('/api/v1/numbers')
    const { body: one } = await house.api('/api/v1/numbers?limit=1')
    expect([one.items.length, one.next === null]).toEqual([1, false])
    const { body: rest } = await house.api(`/api/v1/numbers?cursor=${one.next}`)
    expect([...one.items, ...rest.items]).toEqual(all.items)
    expect(rest.next).toBe(null)
  })
})

describe('operations', () => {
  test('metrics are for this machine, and through a proxy only for holders of a key', async () => {
    const plain = await house.request('/metrics')
    expect(plain.status).toBe(200)
    expect(plain.body).toContain('gatehouse_webhooks_total')
    for (const header of ['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'X-Forwarded-Host', 'Via']) {
      const headers = { [header]: '203.0.113.9' }
      expectProblem(await house.request('/metrics', { headers }), 'unauthorized')
      const known = await house.request('/metrics', { headers: { ...headers, Authorization: `Bearer ${house.key}` } })
      expect(known.status).toBe(200)
    }
    // A proxy that writes no such header gives itself away by the name it passes on.
    expectProblem(await house.request('/metrics', { headers: { Host: 'chat.example.com' } }), 'unauthorized')
  })

  test('what a client says of its address is believed only from a proxy that was named', async () => {
    const headers = { 'X-Forwarded-For': '192.0.2.66, 203.0.113.9' }
    expect((await house.api('/api/v1/me', undefined, headers)).body.address).toBe('127.0.0.1')
    const behind = await TestGateway.open({ config: '[http]\ntrusted_proxies = ["127.0.0.1"]' })
    try {
      expect((await behind.api('/api/v1/me', undefined, headers)).body.address).toBe('203.0.113.9')
      expect((await behind.api('/api/v1/me')).body.address).toBeNull()
      // Now that a proxy is known to be here, coming from here says nothing.
      expectProblem(await behind.request('/metrics'), 'unauthorized')
    } finally {
      await behind.close()
    }
  })

  test('readiness says what it looks at, and version what runs', async () => {
    expect((await house.request('/readyz')).body).toEqual({
      ready: true,
      checks: { serving: true, journal: true, book: true, space: true },
    })
    expect((await house.request('/version')).body).toMatchObject({ name: 'gatehouse', bun: Bun.version })
    expect((await house.request('/healthz')).body).toEqual({ status: 'ok' })
  })

  test('every metric’s name begins with ours or the process’s, and no value is nonsense', async () => {
    const text: string = (await house.request('/metrics')).body
    for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
      expect(line).toMatch(/^(gatehouse|process)_[a-z_]+(\{[^}]*\})? (-?\d+(\.\d+)?(e[+-]?\d+)?|\+Inf)$/)
    }
  })
})

describe('the page of the console', () => {
  test('comes with a policy that lets in nothing from elsewhere', async () => {
    const answer = await house.request('/')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('cache-control')).toBe('no-cache')
    expect(answer.body).toContain('<div id="console"')
  })
})

test('while it stops, the house takes nothing new and says so', async () => {
  const other = await TestGateway.open({ sendTimeoutMs: 2000 })
  await other.write('+12025550177', 'Hello')
  const { id } = await other.conversationOf('+12025550177')
  await other.simulator('/_/faults', { kind: 'slow', ms: 400, count: 1 })
  const { body } = await other.api('/api/v1/messages', { to: id, type: 'text', text: { body: 'slow' } })
  await until('it is being sent', async () => (await other.api(`/api/v1/messages/${body.id}`)).body.state === 'sending')
  const stopping = other.stop()
  expectProblem(await other.api('/api/v1/messages', { to: id, type: 'text', text: { body: 'late' } }), 'unavailable')
  const webhook = await other.webhook('{}')
  expectProblem(webhook, 'unavailable')
  expect(webhook.headers.get('retry-after')).toBe('1')
  const readiness = await other.request('/readyz')
  expect(readiness).toMatchObject({ status: 503, body: { ready: false, checks: { serving: false } } })
  await stopping
  await other.start()
  await other.messageIn('read', body.id)
  await other.close()
})
