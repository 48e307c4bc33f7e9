import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Parser } from '@asyncapi/parser'
import { Value } from '@sinclair/typebox/value'
import fc from 'fast-check'
import { asyncApiDocument } from './asyncapi.ts'
import { CLOSE_CODES } from './close-codes.ts'
import type { ClientFrame, ServerFrame } from './protocol.ts'
import { readClientFrame } from './protocol.ts'
import type { ClientFrameShape, ServerFrameShape } from './schemas.ts'
import { clientFrameSchema, eventSchema } from './schemas.ts'

// The reference parser takes its time where the machine is busy.
setDefaultTimeout(30_000)

const at = '2026-11-22T09:00:00.000Z'

const message = {
  id: 'msg_1',
  upstream_id: 'wamid.1',
  conversation_id: 'cnv_1',
  number: '106540352242922',
  direction: 'in',
  type: 'text',
  from: '+491511234567',
  to: '+15550783881',
  at,
  state: 'received',
  reason: null,
  text: { body: 'hello' },
}

const conversation = {
  id: 'cnv_1',
  number: '106540352242922',
  number_alias: null,
  contact: { id: 'con_1', name: 'Ada', phone: '+491511234567', user_id: null },
  assignee: null,
  unread: 1,
  created_at: at,
  last_message_at: at,
  window_expires_at: null,
  standby: false,
}

const state = {
  message_id: 'msg_1',
  upstream_id: null,
  conversation_id: 'cnv_1',
  reference: null,
  state: 'queued',
  reason: null,
  class: 'reply',
  attempt: 0,
  at,
}

const fact = { value: 'changed', since: at, until: null }

describe('asyncApiDocument()', () => {
  test('is a valid AsyncAPI 3.0 document in the eyes of the reference parser', async () => {
    const document = asyncApiDocument('1.2.3', 'https://desk.example')
    const { diagnostics } = await new Parser().parse(JSON.stringify(document))
    // Severity 0 is an error, 1 a warning; what remains is the hint that 3.1 exists.
    expect(diagnostics.filter(({ severity }) => severity < 2).map((found) => found.message)).toEqual([])
  })

  test('the reference parser refuses it when it is broken, so the test above can fail', async () => {
    const document = { ...asyncApiDocument('1.2.3', 'https://desk.example'), operations: { tell: { action: 'shout' } } }
    const { diagnostics } = await new Parser().parse(JSON.stringify(document))
    expect(diagnostics.some(({ severity }) => severity === 0)).toBe(true)
  })

  test('names every close code and takes host and protocol from the public address', () => {
    const text = JSON.stringify(asyncApiDocument('1', 'http://localhost:8080'))
    for (const code of Object.values(CLOSE_CODES)) expect(text).toContain(`| ${code} |`)
    expect(text).toContain('"host":"localhost:8080","protocol":"ws"')
    expect(JSON.stringify(asyncApiDocument('1', 'https://desk.example'))).toContain('"protocol":"wss"')
  })
})

describe('event schemas', () => {
  test.each([
    ['message.received', { message, conversation }],
    ['message.state', state],
    ['message.state', { ...state, message: { ...message, direction: 'out', state: 'queued', class: 'reply' } }],
    ['conversation.created', { conversation }],
    ['conversation.updated', { conversation: { ...conversation, last_message: message } }],
    ['number.state', { number: '1', alias: 'support', state: 'active', reason: null, facts: { pin: fact } }],
    ['message.received', { erased: true }],
    ['message.state', { erased: true, state: 'delivered' }],
    ['message.media', { message_id: 'msg_1', conversation_id: 'cnv_1', revoked: 'hidden' }],
    ['something.else', { anything: true }],
  ])('%s of the API is allowed', (type, data) => {
    expect([...Value.Errors(eventSchema, { offset: 1, type, at, data })].map((error) => error.path)).toEqual([])
  })

  test.each([
    ['a described event with other data', { offset: 1, type: 'message.state', at, data: {} }],
    ['an event without an offset', { type: 'something.else', at, data: {} }],
    ['a time without milliseconds', { offset: 1, type: 'number.state', at: '2026-11-22T09:00:00Z', data: {} }],
  ])('%s is refused', (_, event) => {
    expect(Value.Check(eventSchema, event)).toBe(false)
  })
})

describe('readClientFrame()', () => {
  test('allows exactly what the published schema allows', () => {
    const value = fc.oneof(
      fc.nat(),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double(),
      fc.constantFrom('x', null, true, 'subscribe', 'ack', undefined),
    )
    const frame = fc.record(
      {
        type: fc.constantFrom('subscribe', 'ack', 'other'),
        id: value,
        after: value,
        upto: value,
        epoch: value,
        extra: value,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(frame, (candidate) => {
        const text = JSON.stringify(candidate)
        const allowed = Value.Check(clientFrameSchema, JSON.parse(text))
        return (readClientFrame(text).type !== 'bad') === allowed
      }),
      { numRuns: 3000, seed: 11 },
    )
  })

  test('the written types and the schemas are one', () => {
    // Compiles only while each is assignable to the other.
    const toShape = (frame: ClientFrame): ClientFrameShape => frame as Required<ClientFrame>
    const fromShape = (frame: ServerFrameShape): ServerFrame['type'] => frame.type
    expect(toShape({ type: 'subscribe', id: 1 })).toEqual({ type: 'subscribe', id: 1 })
    expect(fromShape({ type: 'ping', upto: 1 })).toBe('ping')
  })
})
