import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SendOutcome } from '../../core/inbound.ts'
import type { Fetch, SendRequest } from '../channel.ts'
import { type Behaviour, LoopbackPlatform } from '../loopback.ts'
import { ANSWER_BYTES_MAX, send } from './send.ts'

const ACCEPTED = JSON.stringify({ messaging_product: 'whatsapp', messages: [{ id: 'wamid.1' }] })
const platform = new LoopbackPlatform()
beforeAll(() => platform.start())
afterAll(() => platform.stop())

function request(more: Partial<SendRequest> = {}): SendRequest {
  return {
    graphUrl: platform.url,
    graphVersion: 'v25.0',
    accessToken: 'token-1',
    accountId: '106540352242922',
    to: { phone: '+16505551234', userId: 'US.1' },
    content: { type: 'text', text: { body: 'Hi ü\ud83d\ude00' }, context: { message_id: 'wamid.0' } },
    correlation: 'gh:1',
    timeoutMs: 5_000,
    ...more,
  }
}

function sendTo(behaviour: Behaviour, more: Partial<SendRequest> = {}): Promise<SendOutcome> {
  platform.behave(behaviour)
  return send(request(more), fetch)
}
const TAKEN: Behaviour = { do: 'answer', status: 200, body: ACCEPTED }

describe('the request', () => {
  test('is the one that the platform documents', async () => {
    expect(await sendTo(TAKEN)).toEqual({ kind: 'accepted', upstreamId: 'wamid.1', recipient: null, pacing: false })
    expect(platform.requests).toHaveLength(1)
    const { head, body } = platform.requests[0] ?? { head: '', body: '' }
    const [line, ...headers] = head.toLowerCase().split('\r\n')
    expect(line).toBe('post /v25.0/106540352242922/messages http/1.1')
    expect(headers).toContain('authorization: bearer token-1')
    expect(headers).toContain('content-type: application/json')
    expect(headers).toContain('user-agent: gatehouse')
    expect(JSON.parse(body)).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: '+16505551234',
      type: 'text',
      text: { body: 'Hi ü\ud83d\ude00' },
      context: { message_id: 'wamid.0' },
      biz_opaque_callback_data: 'gh:1',
    })
  })

  test('names a person without a phone by the user id', async () => {
    await sendTo(TAKEN, { to: { userId: 'US.1' } })
    const body = JSON.parse(platform.requests[0]?.body ?? '{}')
    expect([body.recipient, 'to' in body]).toEqual(['US.1', false])
  })

  test('goes to a group by its id', async () => {
    await sendTo(TAKEN, { to: {}, groupId: 'Y2FwaV9ncm91cA==' })
    const body = JSON.parse(platform.requests[0]?.body ?? '{}')
    expect([body.recipient_type, body.to, 'recipient' in body]).toEqual(['group', 'Y2FwaV9ncm91cA==', false])
  })

  test('cannot be redirected by its content', async () => {
    await sendTo(TAKEN, { content: { type: 'text', to: '+1', biz_opaque_callback_data: 'x', messaging_product: 'x' } })
    expect(JSON.parse(platform.requests[0]?.body ?? '{}')).toMatchObject({
      to: '+16505551234',
      biz_opaque_callback_data: 'gh:1',
      messaging_product: 'whatsapp',
    })
  })

  const notMade: [name: string, more: Partial<SendRequest>, outcome: Record<string, unknown>][] = [
    ['for nobody', { to: { name: 'A' } }, { kind: 'refused', reason: 'recipient_missing' }],
    ['with a token that cannot stand in a header', { accessToken: 'a\nb' }, { kind: 'retry', pauses: 'token' }],
    ['after the stop', { signal: AbortSignal.abort() }, { kind: 'retry', scope: 'transport', reason: 'stopped' }],
  ]
  test.each(notMade)('is not made %s', async (_name, more, outcome) => {
    expect(await sendTo(TAKEN, more)).toMatchObject(outcome)
    expect(platform.requests).toHaveLength(0)
  })
})

describe('an answer', () => {
  const cases: [name: string, behaviour: Behaviour, outcome: Record<string, unknown>][] = [
    ['that accepts and then breaks off', { do: 'cut', status: 200 }, { kind: 'unknown', reason: 'answer_cut_short' }],
    [
      'that is a no and breaks off',
      { do: 'cut', status: 400 },
      { kind: 'retry', scope: 'transport', reason: 'answer_cut_short' },
    ],
    ['that throttles and breaks off', { do: 'cut', status: 429 }, { kind: 'retry', scope: 'number', throttled: true }],
    ['that fails and breaks off', { do: 'cut', status: 500 }, { kind: 'unknown', reason: 'platform_error' }],
    [
      'that is no JSON',
      { do: 'answer', status: 200, body: 'OK' },
      { kind: 'unknown', reason: 'answer_not_understood' },
    ],
    ['that is empty', { do: 'answer', status: 200 }, { kind: 'unknown', reason: 'answer_not_understood' }],
    [
      'of exactly the longest size',
      { do: 'answer', status: 200, body: ACCEPTED.padEnd(ANSWER_BYTES_MAX) },
      { kind: 'accepted' },
    ],
    [
      'that is longer than that',
      { do: 'answer', status: 200, body: ACCEPTED.padEnd(ANSWER_BYTES_MAX + 1) },
      { kind: 'unknown' },
    ],
    [
      'that is packed wrongly',
      { do: 'answer', status: 200, body: 'x', headers: { 'Content-Encoding': 'gzip' } },
      { kind: 'unknown' },
    ],
  ]
  test.each(cases)('%s', async (_name, behaviour, outcome) => {
    expect(await sendTo(behaviour)).toMatchObject(outcome)
    expect(platform.requests).toHaveLength(1)
  })
})

describe('without an answer', () => {
  test('a proxy that wants a password passed nothing on, and is tried again', async () => {
    expect(await sendTo({ do: 'answer', status: 407, body: '<html>Squid</html>' })).toMatchObject({
      kind: 'retry',
      reason: 'proxy_refused',
    })
  })

  test('a reset of a kept connection is in doubt, and nothing is sent again', async () => {
    expect((await sendTo(TAKEN)).kind).toBe('accepted')
    expect(await sendTo({ do: 'reset' })).toEqual({ kind: 'unknown', code: null, reason: 'connection_lost' })
    expect(platform.requests).toHaveLength(1)
  })

  test('a reset before anything was read is in doubt, as it cannot be told from one after', async () => {
    const rude = new LoopbackPlatform()
    rude.resetAtOnce()
    await rude.start()
    expect(await send(request({ graphUrl: rude.url }), fetch)).toEqual({
      kind: 'unknown',
      code: null,
      reason: 'connection_lost',
    })
    await rude.stop()
  })

  test('the time is over', async () => {
    const outcome = await sendTo({ do: 'silence' }, { timeoutMs: 80 })
    expect(outcome).toEqual({ kind: 'unknown', code: null, reason: 'no_answer_in_time' })
    expect(platform.requests).toHaveLength(1)
  })

  test('the caller stops while it waits', async () => {
    // A platform of its own: the request may still arrive there when the next test has begun.
    const silent = new LoopbackPlatform()
    await silent.start()
    silent.behave({ do: 'silence' })
    const stop = new AbortController()
    // The stop comes once the request is on its way.
    const stopping: Fetch = (url, init) => {
      const response = fetch(url, init)
      queueMicrotask(() => stop.abort())
      return response
    }
    const outcome = await send(request({ graphUrl: silent.url, signal: stop.signal }), stopping)
    expect(outcome).toEqual({ kind: 'unknown', code: null, reason: 'stopped' })
    await silent.stop()
  })

  test('nobody listens', async () => {
    const closed = new LoopbackPlatform()
    await closed.start()
    await closed.stop()
    expect(await send(request({ graphUrl: closed.url }), fetch)).toEqual({
      kind: 'retry',
      code: null,
      reason: 'not_connected',
      afterMs: null,
      scope: 'transport',
      throttled: false,
    })
  })
})

describe('an error of fetch', () => {
  const thrown: [name: string, error: unknown, outcome: Record<string, unknown>][] = [
    [
      'a name that is not found',
      Object.assign(new TypeError('x'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' }),
      { kind: 'retry', reason: 'name_not_found' },
    ],
    [
      'a name server that does not answer',
      Object.assign(new TypeError('x'), { code: 'EAI_AGAIN', syscall: 'getaddrinfo' }),
      { kind: 'retry', reason: 'name_not_found' },
    ],
    [
      'a network that is away',
      Object.assign(new TypeError('x'), { code: 'ENETUNREACH' }),
      { kind: 'retry', reason: 'not_connected' },
    ],
    [
      'a host that is away',
      Object.assign(new TypeError('x'), { code: 'EHOSTUNREACH' }),
      { kind: 'retry', reason: 'not_connected' },
    ],
    [
      'a spoilt TLS connection',
      Object.assign(new TypeError('The TLS handshake failed'), { code: 'EPROTO' }),
      { kind: 'unknown' },
    ],
    ['an error nobody has seen', Object.assign(new Error('token-1'), { code: 'ENEW' }), { kind: 'unknown' }],
    ['something that is no error', null, { kind: 'unknown' }],
    ['a text', 'token-1', { kind: 'unknown' }],
  ]
  test.each(thrown)('%s', async (_name, error, outcome) => {
    const found = await send(request(), () => Promise.reject(error))
    expect(found).toMatchObject(outcome)
    expect(JSON.stringify(found)).not.toContain('token-1')
  })
})

/** Certificates are made on the spot, so that no key is part of the project. */
describe.skipIf(!Bun.which('openssl'))('over TLS (skipped where openssl is missing)', () => {
  let folder = ''
  let port = 0
  let requestCount = 0
  let onRequest: () => void = () => {}
  let stop: () => void = () => {}

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'gatehouse-channel-'))
    const make = [
      'openssl',
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ]
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    const made = Bun.spawnSync([
      ...make,
      ...names,
      '-keyout',
      join(folder, 'key.pem'),
      '-out',
      join(folder, 'certificate.pem'),
    ])
    expect(made.exitCode).toBe(0)
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      tls: { key: readFileSync(join(folder, 'key.pem')), cert: readFileSync(join(folder, 'certificate.pem')) },
      fetch() {
        requestCount++
        onRequest()
        return new Promise<Response>(() => {})
      },
    })
    port = server.port ?? 0
    stop = () => void server.stop(true)
  })
  afterAll(() => {
    stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('a certificate that does not hold is a definite no: the request was not written', async () => {
    requestCount = 0
    const outcome = await send(request({ graphUrl: `https://127.0.0.1:${port}` }), fetch)
    expect(outcome).toMatchObject({ kind: 'retry', reason: 'certificate_refused', scope: 'transport' })
    expect(requestCount).toBe(0)
  })

  test('a connection that is spoilt after the request was taken is in doubt', async () => {
    requestCount = 0
    const ca = readFileSync(join(folder, 'certificate.pem'), 'utf8')
    const trusting: Fetch = (url, init) => fetch(url, { ...init, tls: { ca } } as RequestInit)
    const { server, url } = await spoilingProxy(port, (spoil) => {
      onRequest = spoil
    })
    const outcome = await send(request({ graphUrl: url }), trusting)
    server.close()
    expect(requestCount).toBe(1)
    expect(outcome).toMatchObject({ kind: 'unknown' })
  })
})

/** Passes bytes on to the port until told to write nonsense into the answer. */
async function spoilingProxy(
  port: number,
  ready: (spoil: () => void) => void,
): Promise<{ server: Server; url: string }> {
  const server = createServer((socket: Socket) => {
    const upstream = connect(port, '127.0.0.1')
    socket.on('error', () => {}).on('data', (bytes) => upstream.write(bytes))
    upstream.on('error', () => {}).on('data', (bytes) => socket.write(bytes))
    socket.on('close', () => upstream.destroy())
    ready(() => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { server, url: `https://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}` }
}
