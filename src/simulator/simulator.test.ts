import { afterEach, describe, expect, test } from 'bun:test'
import { createHmac, timingSafeEqual } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { startSimulator } from './simulator.ts'

const SECRET = 'app-secret'
const TOKEN = 'access-token'
const NUMBER = '106540352242922'
const PHONE = '+447700900142'

const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface Received {
  body: string
  isSigned: boolean
}

/** A gateway's webhook: checks signatures on its own and answers with the next of `answers`, else 200. */
function openGateway(options: { verifyToken?: string; answers?: number[] } = {}) {
  const received: Received[] = []
  const answers = options.answers ?? []
  let tell = () => {}
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { searchParams } = new URL(request.url)
      if (request.method === 'GET') {
        const isRight = searchParams.get('hub.verify_token') === (options.verifyToken ?? 'verify')
        return isRight ? new Response(searchParams.get('hub.challenge')) : new Response('no', { status: 403 })
      }
      const bytes = Buffer.from(await request.arrayBuffer())
      const given = Buffer.from(request.headers.get('x-hub-signature-256') ?? '')
      const own = Buffer.from(`sha256=${createHmac('sha256', SECRET).update(bytes).digest('hex')}`)
      received.push({ body: bytes.toString(), isSigned: given.length === own.length && timingSafeEqual(given, own) })
      queueMicrotask(() => tell())
      return new Response('', { status: answers.shift() ?? 200 })
    },
  })
  closers.push(() => server.stop(true))
  /** Waits until that many webhooks have come. */
  const arrived = (count: number) =>
    new Promise<void>((resolve) => {
      tell = () => received.length >= count && resolve()
      tell()
    })
  return { received, arrived, url: `http://127.0.0.1:${server.port}/webhooks/whatsapp/main` }
}

async function openSimulator(gatewayUrl: string, more: { storePath?: string } = {}) {
  const simulator = await startSimulator({
    host: '127.0.0.1',
    port: 0,
    webhookUrl: gatewayUrl,
    appSecret: SECRET,
    verifyToken: 'verify',
    accessToken: TOKEN,
    numbers: [{ phoneNumberId: NUMBER, display: '+15550783881', alias: 'support', wabaId: '102290129340398' }],
    clock: systemClock,
    random: seededRandom(3),
    log: silentLog,
    settings: { sentAfterMs: 5, deliveredAfterMs: 10, readAfterMs: 15, webhookRetryMs: 5, windowMode: 'off' },
    ...more,
  })
  closers.push(() => simulator.stop())
  const base = `http://127.0.0.1:${simulator.port}`
  const control = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${base}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
  const graph = (path: string, init: RequestInit = {}) =>
    fetch(`${base}/v25.0/${path}`, { ...init, headers: { authorization: `Bearer ${TOKEN}`, ...init.headers } })
  const send = (correlation = 'msg_1') => {
    const message = { messaging_product: 'whatsapp', to: PHONE, type: 'text', text: { body: 'hello' } }
    const body = JSON.stringify({ ...message, biz_opaque_callback_data: correlation })
    return graph(`${NUMBER}/messages`, { method: 'POST', body })
  }
  return { simulator, base, control, graph, send }
}

describe('startSimulator()', () => {
  test('shakes hands, then delivers a signed message and waits for its 200', async () => {
    const gateway = openGateway({ answers: [503] })
    const { control } = await openSimulator(gateway.url)
    const { status, body } = await control('POST', `/_/customers/${PHONE}/messages?wait=1`, {
      text: 'café',
      name: 'Amara',
    })
    expect(status).toBe(202)
    expect(body.delivered).toBe(true)
    expect(body.id).toMatch(/^wamid\./)
    expect(gateway.received.map((each) => each.isSigned)).toEqual([true, true])
    expect(gateway.received[0]?.body).toBe(gateway.received[1]?.body ?? '')
    const message = JSON.parse(gateway.received[1]?.body ?? '{}').entry[0].changes[0].value.messages[0]
    expect(message).toMatchObject({ id: body.id, from: '447700900142', type: 'text', text: { body: 'café' } })
    const health = await control('GET', '/_/health')
    expect(health.body.handshake.state).toBe('verified')
    expect(health.body.webhooks).toMatchObject({ pending: 0, delivered: 1, refused: 1 })
    const chat = await control('GET', `/_/customers/${PHONE}/messages`)
    expect(chat.body.items).toMatchObject([{ id: body.id, direction: 'written', text: 'café', state: 'delivered' }])
  })

  test('keeps webhooks while the handshake is refused', async () => {
    const gateway = openGateway({ verifyToken: 'another' })
    const { control } = await openSimulator(gateway.url)
    await control('POST', `/_/customers/${PHONE}/messages`, { text: 'hi' })
    const { body } = await control('PATCH', '/_/settings', { webhook_retry_ms: 7 })
    expect(body).toMatchObject({ webhook_retry_ms: 7, require_handshake: true })
    expect((await control('GET', '/_/health')).body.webhooks.pending).toBe(1)
    expect(gateway.received).toEqual([])
    await control('PATCH', '/_/settings', { require_handshake: false })
    await gateway.arrived(1)
    expect(gateway.received[0]?.isSigned).toBe(true)
  })

  test('takes a send, tells its statuses, and shows it on the phone', async () => {
    const gateway = openGateway()
    const { control, send } = await openSimulator(gateway.url)
    const response = await send()
    expect(response.headers.get('facebook-api-version')).toBe('v25.0')
    const answer = JSON.parse(await response.text())
    await gateway.arrived(3)
    const statuses = gateway.received.map((each) => JSON.parse(each.body).entry[0].changes[0].value.statuses[0])
    expect(statuses.map((status) => status.status).toSorted()).toEqual(['delivered', 'read', 'sent'])
    expect(new Set(statuses.map((status) => status.id))).toEqual(new Set([answer.messages[0].id]))
    expect(statuses.every((status) => status.biz_opaque_callback_data === 'msg_1')).toBe(true)
    const chat = await control('GET', `/_/customers/${PHONE}/messages?number=support`)
    expect(chat.body.items).toMatchObject([{ direction: 'received', text: 'hello' }])
    const limits = await control('GET', '/_/limits')
    expect(limits.body.items[0]).toMatchObject({ number: NUMBER, max_in_any_second: { executed: 1, counted: 1 } })
  })

  test.each([
    ['reset', 0],
    ['reset_after_accept', 1],
  ])('the fault %s is seen as a reset by a real client, after %d sends', async (kind, executed) => {
    const { control, send } = await openSimulator(openGateway().url)
    const before = await send('before')
    await before.text()
    expect((await control('POST', '/_/faults', { kind, count: 1 })).status).toBe(201)
    const failure = await send('struck').then(
      () => null,
      (error: unknown) => error,
    )
    expect(failure).toMatchObject({ code: 'ECONNRESET' })
    const { body } = await control('GET', '/_/sends?correlation=struck')
    expect(body.items.length).toBe(executed)
    expect((await send('after')).status).toBe(200)
  })

  test('a reset is a TCP reset without a byte of an answer', async () => {
    const { simulator, control } = await openSimulator(openGateway().url)
    await control('POST', '/_/faults', { kind: 'reset' })
    const message = { messaging_product: 'whatsapp', to: PHONE, type: 'text', text: { body: 'hello' } }
    const body = JSON.stringify(message)
    const seen = await new Promise<string>((resolve) => {
      const socket = connect(simulator.port, '127.0.0.1')
      const head = `POST /v25.0/${NUMBER}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n`
      socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`)
      socket.on('data', (data) => resolve(`data ${data}`))
      socket.on('end', () => resolve('end'))
      socket.on('error', (error: Error & { code?: string }) => resolve(error.code ?? 'error'))
    })
    expect(seen).toBe('ECONNRESET')
  })

  test('accept_then_silence keeps the connection without an answer, then drops it', async () => {
    const { control, send } = await openSimulator(openGateway().url)
    await control('POST', '/_/faults', { kind: 'accept_then_silence', ms: 60, count: 1 })
    const startedMs = systemClock.monoMs()
    await expect(send()).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(systemClock.monoMs() - startedMs).toBeGreaterThanOrEqual(55)
    expect((await control('GET', '/_/sends')).body.items).toMatchObject([{ outcome: 'silence', correlation: 'msg_1' }])
  })

  test('keeps sends over its own end, where it has a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simulator-'))
    closers.push(() => rmSync(folder, { recursive: true }))
    const storePath = join(folder, 'sends.jsonl')
    const gateway = openGateway()
    const first = await openSimulator(gateway.url, { storePath })
    await first.send('one')
    await first.send('two')
    await first.simulator.stop()
    const second = await openSimulator(gateway.url, { storePath })
    await second.send('three')
    const { body } = await second.control('GET', '/_/sends?after=1')
    expect(body.total).toBe(3)
    expect(body.items.map((each: { correlation: string }) => each.correlation)).toEqual(['two', 'three'])
  })

  test('gives media, templates and the number as the platform does', async () => {
    const { graph, control, base } = await openSimulator(openGateway().url)
    const form = new FormData()
    form.set('messaging_product', 'whatsapp')
    form.set('file', new Blob(['some bytes'], { type: 'text/plain' }), 'a.txt')
    const { id } = JSON.parse(await (await graph(`${NUMBER}/media`, { method: 'POST', body: form })).text())
    const media = JSON.parse(await (await graph(id)).text())
    expect(media).toMatchObject({ messaging_product: 'whatsapp', id, file_size: 10 })
    expect(media.url.startsWith(base)).toBe(true)
    const bytes = await fetch(media.url, { headers: { authorization: `Bearer ${TOKEN}` } })
    expect([bytes.status, await bytes.text()]).toEqual([200, 'some bytes'])
    expect((await fetch(media.url)).status).toBe(401)
    const page = JSON.parse(await (await graph('102290129340398/message_templates?limit=4')).text())
    const next = JSON.parse(
      await (await graph(`102290129340398/message_templates?limit=100&after=${page.paging.cursors.after}`)).text(),
    )
    expect(page.data.length).toBe(4)
    expect([...page.data, ...next.data].map((each) => each.name)).toContain('season_offer')
    expect(next.paging.next).toBeUndefined()
    const number = JSON.parse(await (await graph(`${NUMBER}?fields=status,throughput`)).text())
    expect(number).toEqual({ id: NUMBER, status: 'CONNECTED', throughput: { level: 'STANDARD' } })
    expect((await graph('12345')).status).toBe(400)
    expect((await fetch(`${base}/v25.0/${NUMBER}`)).status).toBe(401)
    await control('POST', '/_/faults', { kind: 'media_missing', count: 1 })
    expect((await graph(id)).status).toBe(400)
    expect((await graph(id)).status).toBe(200)
  })

  test('says everything else that the platform says, each under its own address', async () => {
    const gateway = openGateway()
    const { control } = await openSimulator(gateway.url)
    const customer = `/_/customers/${PHONE}`
    const asked: [method: string, path: string, body: object, status: number][] = [
      ['POST', `${customer}/messages`, { sample: 'voice' }, 202],
      ['POST', `${customer}/messages`, { sample: 'no_such' }, 400],
      ['POST', '/_/customers/DE.4711/messages', { text: 'Hello' }, 202],
      ['POST', `${customer}/calls`, { outcome: 'missed' }, 202],
      ['POST', `${customer}/calls`, { outcome: 'sung' }, 400],
      ['POST', `${customer}/preferences`, { value: 'stop' }, 202],
      ['POST', `${customer}/changes`, { keys: true }, 202],
      ['POST', `${customer}/changes`, {}, 400],
      ['POST', '/_/customers/+447700900143/changes', { keys: true }, 404],
      ['POST', '/_/echoes', { to: PHONE, text: 'From the phone' }, 202],
      ['POST', '/_/echoes', { text: 'To nobody' }, 400],
      ['POST', '/_/history', { made: { threads: 1, messages: 2 } }, 202],
      ['POST', '/_/history', {}, 400],
      ['POST', '/_/address-book', { contacts: [{ phone: PHONE, full_name: 'Amara Osei' }] }, 202],
      ['POST', '/_/address-book', { contacts: [7] }, 400],
      ['POST', '/_/handovers', { phone: PHONE, to: 'other' }, 202],
      ['POST', '/_/notices', { name: 'pin_changed' }, 202],
      ['POST', '/_/notices', { field: 'security' }, 400],
      ['GET', '/_/samples', {}, 200],
      ['GET', '/_/notices', {}, 200],
      ['DELETE', '/_/media/addresses', {}, 200],
      ['DELETE', '/_/media/12', {}, 404],
    ]
    for (const [method, path, body, status] of asked) {
      const answer = await control(method, path, method === 'GET' ? undefined : body)
      expect([path, answer.status]).toEqual([path, status])
    }
  })

  test('keeps groups, by the control API and by the platform’s own', async () => {
    const { control, graph } = await openSimulator(openGateway().url)
    const post = async (path: string, body: object, method = 'POST') => {
      const answer = await graph(path, { method, body: JSON.stringify({ messaging_product: 'whatsapp', ...body }) })
      return { status: answer.status, body: JSON.parse(await answer.text()) }
    }
    const made = await post(`${NUMBER}/groups`, { subject: 'Tour', join_approval_mode: 'approval_required' })
    expect(made.body.request_id).toBeString()
    const { body } = await control('GET', '/_/groups')
    const [{ id }] = body.items
    expect((await control('POST', `/_/groups/${id}/members`, { phone: PHONE, name: 'Amara' })).body.outcome).toBe(
      'asked',
    )
    const requests = JSON.parse(await (await graph(`${id}/join_requests`)).text()).data
    const decided = await post(`${id}/join_requests`, { join_requests: [requests[0].join_request_id, 'none'] })
    expect(decided.body).toMatchObject({
      approved_join_requests: [requests[0].join_request_id],
      failed_join_requests: [{ join_request_id: 'none' }],
    })
    expect(JSON.parse(await (await graph(`${id}?fields=subject,participants`)).text())).toMatchObject({
      id,
      subject: 'Tour',
      participants: [{ wa_id: '447700900142' }],
    })
    const send = { to: id, recipient_type: 'group', type: 'text', text: { body: 'All aboard' } }
    expect((await post(`${NUMBER}/messages`, send)).body.messages[0].group_id).toBe(id)
    await control('POST', `/_/customers/${PHONE}/messages`, { group: id, text: 'Coming' })
    const messages = (await control('GET', `/_/groups/${id}/messages`)).body.items
    expect(messages.map((each: { text: string; author: string | null }) => [each.author, each.text])).toEqual([
      [null, 'All aboard'],
      [PHONE, 'Coming'],
    ])
    expect((await post(`${id}/participants`, { participants: [{ user: PHONE }] }, 'DELETE')).status).toBe(200)
    expect((await post(`${NUMBER}/messages`, send)).body.error.code).toBe(131020)
    expect((await control('DELETE', `/_/groups/${id}`)).status).toBe(200)
    expect((await post(`${NUMBER}/messages`, send)).body.error.code).toBe(131041)
  })

  test('a photo of a customer can be fetched by its id and by its address', async () => {
    const gateway = openGateway()
    const { control, graph } = await openSimulator(gateway.url)
    await control('POST', `/_/customers/${PHONE}/messages?wait=1`, {
      message: { type: 'image', image: { caption: 'x' } },
    })
    const { image } = JSON.parse(gateway.received[0]?.body ?? '{}').entry[0].changes[0].value.messages[0]
    expect(image).toMatchObject({ caption: 'x', mime_type: 'image/png' })
    const authorization = `Bearer ${TOKEN}`
    const bytes = new Uint8Array(await (await fetch(image.url, { headers: { authorization } })).arrayBuffer())
    expect(new Bun.CryptoHasher('sha256').update(bytes).digest('base64')).toBe(image.sha256)
    expect((await graph(image.id)).status).toBe(200)
  })

  test.each([
    ['POST', '/_/faults', '{"kind":"explode"}', 400],
    ['POST', '/_/faults', '{', 400],
    ['POST', `/_/customers/${PHONE}/messages`, 'null', 400],
    ['POST', `/_/customers/${PHONE}/messages`, '{}', 400],
    ['POST', `/_/customers/${PHONE}/messages`, '{"text":"a","colour":"b"}', 400],
    ['POST', `/_/customers/${PHONE}/messages`, '{"text":"a","number":"nowhere"}', 400],
    ['POST', `/_/customers/${PHONE}/messages`, '{"text":"a","count":1001}', 400],
    ['POST', `/_/customers/${PHONE}/messages`, '{"message":{"type":"image"}}', 400],
    ['POST', '/_/customers/nobody/messages', '{"text":"a"}', 400],
    ['POST', '/_/customers/%E0%A4%A/messages', '{"text":"a"}', 400],
    ['POST', `/_/customers/${PHONE}/read`, '', 404],
    ['PATCH', '/_/settings', '{"messages_per_second":0}', 400],
    ['PATCH', '/_/settings', '{"speed":1}', 400],
    ['DELETE', '/_/faults/f9', undefined, 404],
    ['GET', '/_/sends?limit=0', undefined, 400],
    ['GET', '/_/nothing', undefined, 404],
    ['PUT', '/_/health', undefined, 405],
    ['GET', '/v25.0', undefined, 400],
    ['GET', '/robots.txt', undefined, 400],
  ])('%s %s %s is answered %d', async (method, path, body, status) => {
    const { base } = await openSimulator(openGateway().url)
    const response = await fetch(base + path, { method, ...(body !== undefined && { body }) })
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toMatch(/json/)
    expect(response.headers.get('allow')).toBe(status === 405 ? 'GET' : null)
    await response.json()
  })

  test('an unknown kind of fault is answered with all kinds', async () => {
    const { control } = await openSimulator(openGateway().url)
    const { body } = await control('POST', '/_/faults', { kind: 'explode' })
    expect(body).toMatchObject({ code: 'invalid', path: 'kind' })
    expect(body.kinds).toContain('accept_then_500')
  })

  test('faults are listed and taken away', async () => {
    const { control } = await openSimulator(openGateway().url)
    const { body } = await control('POST', '/_/faults', { kind: 'slow', ms: 10, number: 'support' })
    await control('POST', '/_/faults', { kind: 'reset' })
    expect((await control('GET', '/_/faults')).body.items).toMatchObject([{ id: body.id, number: NUMBER, ms: 10 }, {}])
    expect((await control('DELETE', `/_/faults/${body.id}`)).status).toBe(200)
    expect((await control('DELETE', '/_/faults')).body).toEqual({ removed: 1 })
  })

  test('no other page may change it', async () => {
    const { base } = await openSimulator(openGateway().url)
    const headers = { origin: 'https://example.com' }
    expect((await fetch(`${base}/_/faults`, { method: 'DELETE', headers })).status).toBe(403)
    expect((await fetch(`${base}/_/faults`, { method: 'DELETE', headers: { origin: base } })).status).toBe(200)
  })

  test('serves its page whole, with a policy that allows nothing else', async () => {
    const { base } = await openSimulator(openGateway().url)
    const response = await fetch(base)
    const html = await response.text()
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/=]+';/,
    )
    expect(html).toContain('<style>')
    expect(html).toContain('<script type="module">')
    expect(html).not.toMatch(/(src|href)="https?:/)
  })

  test('streams changes to its page', async () => {
    const gateway = openGateway()
    const { base, control } = await openSimulator(gateway.url)
    const response = await fetch(`${base}/_/stream`)
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    if (!reader) throw new Error('There is no stream')
    await control('POST', `/_/customers/${PHONE}/messages`, { text: 'hi' })
    let text = ''
    while (!text.includes('event: chats')) text += (await reader.read()).value ?? ''
    expect(text).toContain('"phone":"+447700900142"')
    await reader.cancel()
  })
})
