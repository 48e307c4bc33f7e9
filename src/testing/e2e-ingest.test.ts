import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { FAST_NUMBER, sign, TEST_SECRETS, TestGateway, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

const FIXTURES = join(import.meta.dir, '../../../shared/fixtures/whatsapp')

let house: TestGateway
beforeAll(async () => {
  house = await TestGateway.open()
})
afterAll(async () => {
  await house.close()
})

interface Change {
  messages?: object[]
  statuses?: object[]
  number?: string
}

function bodyOf(...changes: Change[]): string {
  return JSON.stringify({
    object: 'whatsapp_business_account',
    entry: changes.map(({ number = FAST_NUMBER, ...value }) => ({
      id: '102290129340398',
      changes: [
        {
          field: 'messages',
          value: {
            messaging_product: 'whatsapp',
            metadata: { display_phone_number: '15550783881', phone_number_id: number },
            contacts: [],
            ...value,
          },
        },
      ],
    })),
  })
}

const nowS = String(Math.floor(Date.now() / 1000))

function textMessage(id: string, from: string, body = 'hello'): object {
  return { id: `wamid.${id}`, from, timestamp: nowS, type: 'text', text: { body } }
}

/** Items that are put aside, once everything that came in is applied. */
async function quarantined(): Promise<number> {
  await until('all is applied', async () => (await house.metric('gatehouse_apply_lag_seconds')) === 0)
  return await house.metric('gatehouse_quarantined_items')
}

describe('the handshake', () => {
  const ask = (query: Record<string, string>, app = 'main') =>
    house.request(`/webhooks/whatsapp/${app}?${new URLSearchParams(query)}`)
  const right = { 'hub.mode': 'subscribe', 'hub.verify_token': TEST_SECRETS.verifyToken, 'hub.challenge': '1158201444' }

  test('is answered with the bare challenge', async () => {
    const { status, headers, body } = await ask(right)
    expect({ status, body }).toEqual({ status: 200, body: 1158201444 })
    expect(headers.get('content-type')).toStartWith('text/plain')
  })

  test.each([
    ['a wrong token', { ...right, 'hub.verify_token': 'guess' }, 'main', 403],
    ['the token of another app', right, 'other', 403],
    ['another mode', { ...right, 'hub.mode': 'unsubscribe' }, 'main', 403],
    ['nothing', {}, 'main', 403],
    ['an app that is none', right, 'nobody', 404],
  ])('with %s is refused', async (_, query, app, status) => {
    const answer = await ask(query, app)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  })
})

describe('a signature', () => {
  const body = bodyOf({ messages: [textMessage('signature', '15550100001')] })

  test.each([
    ['of the app secret', sign(body), 200],
    ['of the former secret, while it is being changed', sign(body, TEST_SECRETS.previousSecret), 200],
    ['in capital letters', `sha256=${sign(body).slice(7).toUpperCase()}`, 200],
    ['of other bytes', sign(`${body} `), 401],
    ['of the secret of another app', sign(body, TEST_SECRETS.otherSecret), 401],
    ['that is missing', null, 401],
    ['that is too short', sign(body).slice(0, -2), 401],
    ['that is empty', '', 401],
    ['without the name of its method', sign(body).slice(7), 401],
  ])('%s is answered %#', async (_, signature, status) => {
    const answer = await house.webhook(body, { signature })
    expect(answer.status).toBe(status)
    if (status !== 200) expect(answer.body.code).toBe('unauthorized')
  })

  test('holds for its own app only', async () => {
    expect((await house.webhook(body, { app: 'other' })).status).toBe(401)
    expect((await house.webhook(body, { app: 'nobody' })).status).toBe(404)
    expect((await house.webhook(body, { app: 'other', signature: sign(body, TEST_SECRETS.otherSecret) })).status).toBe(
      200,
    )
  })
})

describe('a webhook', () => {
  test('larger than the bound is 413, whether or not it says its length', async () => {
    const bytesMax = house.config().limits.webhookBodyBytesMax
    const large = Buffer.alloc(bytesMax + 1, 0x20)
    expect((await house.webhook(large)).status).toBe(413)
    const stream = new ReadableStream({
      start(controller) {
        for (let at = 0; at < large.length; at += 65_536) controller.enqueue(large.subarray(at, at + 65_536))
        controller.close()
      },
    })
    const answer = await house.request('/webhooks/whatsapp/main', {
      method: 'POST',
      body: stream,
      headers: { 'X-Hub-Signature-256': sign(large) },
    })
    expect(answer.status).toBe(413)
    expect(answer.body.code).toBe('too_large')
    // Exactly as large is still taken: it is white space, so it is kept aside.
    expect((await house.webhook(large.subarray(1))).status).toBe(200)
  })

  test.each([
    ['that says its length', 'Content-Length: 100\r\n\r\n{"object":'],
    ['in pieces', 'Transfer-Encoding: chunked\r\n\r\na\r\n{"object":\r\n'],
  ])('that breaks off, %s, is no fault of the house: anybody can do that', async (_, rest) => {
    const count = (outcome: string) => house.metric(`gatehouse_webhooks_total{outcome="${outcome}"}`)
    const before = { failed: await count('failed'), cutShort: await count('cut_short'), lines: house.lines.length }
    const { hostname, port } = new URL(house.url)
    const socket = connect(Number(port), hostname)
    socket.write(`POST /webhooks/whatsapp/main HTTP/1.1\r\nHost: house\r\n${rest}`, () => socket.destroy())
    await until('it is counted', async () => (await count('cut_short')) === before.cutShort + 1)
    expect(await count('failed')).toBe(before.failed)
    expect(house.lines.slice(before.lines).filter((line) => line.includes('request failed'))).toEqual([])
  })

  test.each([
    [64, 200],
    [65, 400],
  ])('nested %d deep is answered %d', async (depth, status) => {
    expect((await house.webhook('['.repeat(depth) + ']'.repeat(depth))).status).toBe(status)
  })

  test('that is signed but is not JSON is kept, put aside and counted', async () => {
    const before = await quarantined()
    const stored = await house.metric('gatehouse_webhooks_total{outcome="stored"}')
    for (const body of ['{"object":', '', Buffer.from([0xff, 0xfe, 0x00])]) {
      expect((await house.webhook(body)).status).toBe(200)
    }
    await until('three more in quarantine', async () => (await quarantined()) >= before + 3)
    const now = await house.metric('gatehouse_webhooks_total{outcome="stored"}')
    expect(now).toBeGreaterThanOrEqual(stored + 3)
  })

  test('with 1,000 mixed updates over entries and changes loses none of them', async () => {
    const changes: Change[] = []
    for (let index = 0; index < 100; index++) {
      const messages = [0, 1, 2, 3, 4].map((part) => textMessage(`mixed-${index}-${part}`, `1555020${1000 + index}`))
      const statuses = ['sent', 'delivered', 'read', 'played', 'something_new'].map((status) => ({
        id: `wamid.foreign-${index}`,
        status,
        timestamp: nowS,
        recipient_id: `1555020${1000 + index}`,
      }))
      changes.push({ messages }, { statuses })
    }
    const { body: me } = await house.api('/api/v1/me')
    expect((await house.webhook(bodyOf(...changes))).status).toBe(200)
    const received = new Set<string>()
    await until(
      'all 500',
      async () => {
        let after = me.head
        for (;;) {
          const { body } = await house.api(`/api/v1/events?after=${after}&limit=500`)
          for (const event of body.events) {
            if (event.type === 'message.received') received.add(event.data.message.upstream_id)
          }
          if (body.events.length === 0) return received.size === 500
          after = body.upto
        }
      },
      () => String(received.size),
    )
    const conversation = await house.conversationOf('+15550201042')
    expect(conversation.unread).toBe(5)
  })

  test('that comes again, whole or with one more message, changes nothing but that', async () => {
    const messages = [textMessage('again-1', '15550100002'), textMessage('again-2', '15550100002')]
    for (let count = 0; count < 3; count++) expect((await house.webhook(bodyOf({ messages }))).status).toBe(200)
    await house.webhook(bodyOf({ messages: [...messages, textMessage('again-3', '15550100002', 'the last')] }))
    const { id } = await house.conversationOf('+15550100002')
    const list = await until('the last message', async () => {
      const { body } = await house.api(`/api/v1/conversations/${id}/messages`)
      return body.items[0]?.text?.body === 'the last' && body.items
    })
    expect(list.map((item: { upstream_id: string }) => item.upstream_id).sort()).toEqual([
      'wamid.again-1',
      'wamid.again-2',
      'wamid.again-3',
    ])
  })

  test('of a number that was not declared is kept and shown, and nothing leaves from it', async () => {
    const number = '999000111222333'
    await house.webhook(bodyOf({ number, messages: [textMessage('unclaimed', '15550100003', 'anybody there?')] }))
    const conversation = await house.conversationOf('+15550100003')
    expect(conversation.number).toBe(number)
    const { body: numbers } = await house.api('/api/v1/numbers')
    expect(numbers.items.find((item: { number: string }) => item.number === number)).toMatchObject({
      state: 'unclaimed',
    })
    const refused = await house.api('/api/v1/messages', { to: conversation.id, type: 'text', text: { body: 'no' } })
    expect(refused).toMatchObject({ status: 422, body: { code: 'number_paused' } })
  })

  test('with a type of message nobody knows yet shows it as its type, whole', async () => {
    const hologram = { size: 3, parts: ['a', 'b'] }
    const message = { id: 'wamid.hologram', from: '15550100004', timestamp: nowS, type: 'hologram', hologram }
    await house.webhook(bodyOf({ messages: [message] }))
    const { last_message } = await house.conversationOf('+15550100004')
    expect(last_message).toMatchObject({ type: 'hologram', hologram, direction: 'in', state: 'received' })
  })
})

describe('the collected webhooks of the platform', () => {
  const names = existsSync(FIXTURES) ? readdirSync(FIXTURES).filter((name) => name.endsWith('.json')) : []

  test.skipIf(names.length === 0)('(skipped without their folder) are all taken, and none is put aside', async () => {
    const before = await quarantined()
    for (const name of names) {
      const answer = await house.webhook(readFileSync(join(FIXTURES, name)))
      expect({ name, status: answer.status }).toEqual({ name, status: 200 })
    }
    expect(await quarantined()).toBe(before)
  })
})

test('no line of the log holds a text, a phone number or a secret', async () => {
  const said = house.lines.length
  await house.webhook(bodyOf({ messages: [textMessage('log', '15550100001')] }))
  await until('the message is in the log', async () => house.lines.slice(said).some((line) => line.includes('msg_')))
  for (const line of house.lines) JSON.parse(line)
  const log = house.lines.join('')
  for (const secret of [...Object.values(TEST_SECRETS), house.key, 'hello', 'anybody there', '15550100', '15550201']) {
    expect(log).not.toContain(secret)
  }
  expect(house.fatal).toEqual([])
})
