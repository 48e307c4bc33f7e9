import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { CONTENT_KINDS } from '../core/content.ts'
import { Failure } from '../core/failure.ts'
import type { InboundItem, PersonReference, SendOutcome } from '../core/inbound.ts'
import type { Channel } from './channel.ts'
import { type Behaviour, LoopbackPlatform } from './loopback.ts'

/** What the suite must know of a channel to try it. */
export interface ChannelSubject {
  channel: Channel
  /** The headers with which the platform signs a body. Made with another implementation than the channel's. */
  sign(body: Uint8Array, secret: string): Record<string, string>
  /** A webhook body with one message of a customer. */
  incoming(upstreamId: string, type: string): Record<string, unknown>
  /** The body of a webhook with a message that says this, in the platform's form of a text. */
  saying(text: string): Record<string, unknown>
  /** A message that `prepare` takes, and what it says. */
  outgoing: Record<string, unknown>
  outgoingText: string
  to: PersonReference
  /** The platform's answer to a send that it took. */
  accepted(upstreamId: string): string
  /** The platform's own body of a refusal for good. */
  refusal: string
}

const SECRET = 'the-app-secret'
const TOKEN = 'the-access-token'
const TIMEOUT_MS = 5_000
const SHORT_TIMEOUT_MS = 100

/** The tests that every channel must pass. Called in the channel's own test file. */
export function channelSuite(subject: ChannelSubject): void {
  describe(`the channel ${subject.channel.name}`, () => {
    describe('verifySignature()', () => signatureTests(subject))
    describe('parse()', () => parseTests(subject))
    describe('content() and view()', () => contentTests(subject))
    describe('prepare()', () => prepareTests(subject))
    describe('send()', () => sendTests(subject))
  })
}

function signatureTests({ channel, sign, incoming }: ChannelSubject): void {
  const body = new TextEncoder().encode(JSON.stringify(incoming('a', 'text')))
  const isValid = (headers: Record<string, string>, secrets: string[], bytes = body) =>
    channel.verifySignature({ headers: new Headers(headers), body: bytes, secrets })

  test('takes what one of the secrets signed', () => {
    expect(isValid(sign(body, SECRET), [SECRET])).toBe(true)
    expect(isValid(sign(body, SECRET), ['another', SECRET])).toBe(true)
  })

  test('refuses another secret, another body and no signature', () => {
    expect(isValid(sign(body, 'another'), [SECRET])).toBe(false)
    expect(isValid(sign(body, SECRET), [SECRET], body.slice(1))).toBe(false)
    expect(isValid({}, [SECRET])).toBe(false)
    expect(isValid(sign(body, ''), [''])).toBe(false)
  })
}

function parseTests({ channel, incoming }: ChannelSubject): void {
  const keyOf = (item: InboundItem) =>
    `${item.kind} ${'upstreamId' in item ? item.upstreamId : JSON.stringify(item.raw)}`

  test('gives a body that comes twice the same keys, whenever it comes', () => {
    const first = [...channel.parse(incoming('a', 'text'), 1)].map(keyOf)
    const second = [...channel.parse(JSON.parse(JSON.stringify(incoming('a', 'text'))), 2)].map(keyOf)
    expect(first.length).toBeGreaterThan(0)
    expect(second).toEqual(first)
    expect([...channel.parse(incoming('b', 'text'), 1)].map(keyOf)).not.toEqual(first)
  })

  test('says of everything when it was and whose it is, whatever the time of receipt', () => {
    const of = (receivedAtMs: number) => JSON.stringify([...channel.parse(incoming('a', 'text'), receivedAtMs)])
    expect(of(1)).toBe(of(2))
  })

  test('keeps a message of an unknown type under its word', () => {
    const found = [...channel.parse(incoming('a', 'hologram'), 1)]
    expect(found).toMatchObject([{ kind: 'message', type: 'hologram', upstreamId: 'a' }])
  })

  const junk: unknown[] = [
    null,
    undefined,
    0,
    'x',
    true,
    [],
    {},
    [[]],
    { entry: 1 },
    { entry: [null] },
    { update_id: {} },
  ]
  test.each(junk.map((body) => ({ body })))('keeps $body as something that is not understood', ({ body }) => {
    expect([...channel.parse(body, 1)].map((item) => item.kind)).toEqual(['other'])
  })
}

function contentTests({ channel, saying, outgoing, outgoingText }: ChannelSubject): void {
  const message = (text: string) => {
    const [item] = channel.parse(saying(text), 1)
    if (item?.kind !== 'message') throw new Error('No message in what says a text')
    return item
  }

  test('say what a message says that came in', () => {
    const { type, raw } = message('Grüße 👋')
    expect(channel.content(type, raw)).toMatchObject({ kind: 'text', text: 'Grüße 👋' })
  })

  test('say what a message says that goes out', () => {
    const { type, content } = channel.prepare(outgoing)
    expect(channel.content(type, content)).toMatchObject({ kind: 'text', text: outgoingText })
  })

  test('change nothing of the object', () => {
    const { type, raw } = message('a text')
    const before = JSON.stringify(raw)
    channel.content(type, raw)
    channel.view(type, raw)
    expect(JSON.stringify(raw)).toBe(before)
  })

  const types = ['text', 'image', 'no such type', '__proto__', 'constructor', '']
  const values: unknown[] = [undefined, null, 0, 'x', '\ud800', [], [null], {}, { body: 7 }, { type: 'x', x: [] }]
  test.each(types)('take any object of type %p', (type) => {
    for (const value of values) {
      for (const raw of [{ [type]: value }, { message: value }, { type: value, context: value, errors: value }]) {
        const content = channel.content(type, raw)
        expect(CONTENT_KINDS).toContain(content.kind)
        expect((content.text ?? '').isWellFormed()).toBe(true)
        channel.view(type, raw)
      }
    }
  })
}

function prepareTests({ channel, outgoing }: ChannelSubject): void {
  test('takes a message, and its content can be shown', () => {
    const { type, content } = channel.prepare(outgoing)
    expect(Object.keys(channel.view(type, content))).toContain(type)
    expect(JSON.parse(JSON.stringify(content))).toEqual(content)
  })

  test('refuses an unknown member with its path and without its value', () => {
    const attempt = () => channel.prepare({ ...outgoing, not_a_member: 'a private value' })
    expect(attempt).toThrow(Failure)
    try {
      attempt()
    } catch (error) {
      const failure = error as Failure
      expect([failure.code, failure.members['path']]).toEqual(['invalid', '/not_a_member'])
      expect(failure.message).not.toContain('a private value')
    }
  })
}

function sendTests({ channel, outgoing, to, accepted, refusal }: ChannelSubject): void {
  const platform = new LoopbackPlatform()
  beforeAll(() => platform.start())
  afterAll(() => platform.stop())

  const outcomeOf = (behaviour: Behaviour, timeoutMs = TIMEOUT_MS): Promise<SendOutcome> => {
    platform.behave(behaviour)
    const { content } = channel.prepare(outgoing)
    const address = { graphUrl: platform.url, graphVersion: 'v25.0', accessToken: TOKEN, accountId: '1' }
    return channel.send({ ...address, to, content, correlation: 'our-own-id', timeoutMs }, fetch)
  }

  test('says the id of a message that was taken, and has sent our own id and the token', async () => {
    const outcome = await outcomeOf({ do: 'answer', status: 200, body: accepted('up-1') })
    expect(outcome).toMatchObject({ kind: 'accepted', upstreamId: 'up-1' })
    expect(platform.requests).toHaveLength(1)
    expect(platform.requests[0]?.body).toContain('our-own-id')
    expect(platform.requests[0]?.head).toContain(TOKEN)
  })

  const answers: [name: string, behaviour: Behaviour, outcome: Record<string, unknown>][] = [
    ['429', { do: 'answer', status: 429 }, { kind: 'retry', throttled: true }],
    [
      '429 with Retry-After',
      { do: 'answer', status: 429, headers: { 'Retry-After': '7' } },
      { kind: 'retry', throttled: true, afterMs: 7_000 },
    ],
    ['400 that cannot be read', { do: 'answer', status: 400, body: '<html>' }, { kind: 'refused' }],
    ["the platform's refusal", { do: 'answer', status: 400, body: refusal }, { kind: 'refused' }],
    ['200 without an id', { do: 'answer', status: 200, body: '{}' }, { kind: 'unknown' }],
    ['200 that breaks off', { do: 'cut', status: 200 }, { kind: 'unknown' }],
    ['500', { do: 'answer', status: 500 }, { kind: 'unknown' }],
    ['502 of a proxy', { do: 'answer', status: 502, body: '<html>' }, { kind: 'unknown' }],
    ['503', { do: 'answer', status: 503 }, { kind: 'unknown' }],
    ['a reset after the request', { do: 'reset' }, { kind: 'unknown' }],
    ['a redirect', { do: 'answer', status: 307, headers: { Location: 'http://127.0.0.1:1/' } }, { kind: 'unknown' }],
  ]
  test.each(answers)('understands %s, having sent once', async (_name, behaviour, outcome) => {
    const found = await outcomeOf(behaviour)
    expect(found).toMatchObject(outcome)
    expect(platform.requests).toHaveLength(1)
    expectNoSecret(found, platform.url)
  })

  test('is in doubt after silence', async () => {
    const found = await outcomeOf({ do: 'silence' }, SHORT_TIMEOUT_MS)
    expect(found.kind).toBe('unknown')
    expectNoSecret(found, platform.url)
  })

  test('may be repeated where nobody listens', async () => {
    const closed = new LoopbackPlatform()
    await closed.start()
    await closed.stop()
    const { content } = channel.prepare(outgoing)
    const address = { graphUrl: closed.url, graphVersion: 'v25.0', accessToken: TOKEN, accountId: '1' }
    const found = await channel.send(
      { ...address, to, content, correlation: 'our-own-id', timeoutMs: TIMEOUT_MS },
      fetch,
    )
    expect(found).toMatchObject({ kind: 'retry', scope: 'transport' })
    expectNoSecret(found, closed.url)
  })

  function expectNoSecret(outcome: SendOutcome, url: string): void {
    const said = JSON.stringify(outcome)
    const secrets = [TOKEN, url, ...Object.values(to)].filter((secret) => said.includes(secret))
    expect(secrets).toEqual([])
  }
}
