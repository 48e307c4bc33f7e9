import { describe, expect, test } from 'bun:test'
import { channelNamed } from '../channels/registry.ts'
import { must } from '../core/assert.ts'
import { Failure } from '../core/failure.ts'
import { showId } from '../core/ids.ts'
import { DEADLINE_MS } from '../testing/test-items.ts'
import { readSendRequest } from './send-request.ts'

const CHANNEL = must(channelNamed('whatsapp'), 'the channel')
const TEXT = { type: 'text', text: { body: 'hi' } }
const TEMPLATE = { type: 'template', template: { name: 'hello_world', language: { code: 'en_US' } } }

function read(body: Record<string, unknown>, idempotencyKey: string | null = null) {
  return readSendRequest(body, CHANNEL, { deadlineMs: DEADLINE_MS, idempotencyKey })
}

function failureOf(attempt: () => unknown): Failure {
  try {
    attempt()
  } catch (error) {
    if (error instanceof Failure) return error
  }
  throw new Error('It was not refused')
}

describe('readSendRequest()', () => {
  test('fills in what the caller left out, by class', () => {
    expect(read({ to: showId('conversation', 77), ...TEXT })).toEqual({
      recipient: { kind: 'conversation', id: 77 },
      sender: null,
      prepared: expect.objectContaining({ type: 'text', content: TEXT, replyTo: null }),
      class: 'reply',
      deadlineMs: DEADLINE_MS.reply,
      whenInDoubt: 'hold',
      reference: null,
      callerData: null,
      takeOver: false,
      idempotencyKey: null,
    })
    expect(read({ to: '+15550100', ...TEXT, take_over: true })).toMatchObject({ takeOver: true })
    expect(read({ to: '+15550100', ...TEMPLATE })).toMatchObject({ class: 'notice', deadlineMs: DEADLINE_MS.notice })
    expect(read({ to: '+15550100', ...TEMPLATE, class: 'urgent' })).toMatchObject({ whenInDoubt: 'resend' })
    expect(read({ to: '+15550100', ...TEMPLATE, class: 'bulk' })).toMatchObject({ whenInDoubt: 'fail' })
  })

  test.each([
    ['+15550100', { kind: 'person', person: { phone: '+15550100' } }],
    ['+1 (555) 0100-22', { kind: 'person', person: { phone: '+1555010022' } }],
    ['+49.151.1234567', { kind: 'person', person: { phone: '+491511234567' } }],
    ['cnv_25', { kind: 'conversation', id: 77 }],
  ])('understands %p', (to, recipient) => {
    expect(read({ to, ...TEXT }).recipient).toEqual(recipient as never)
  })

  test.each([
    ['15550100'],
    ['+0555010000'],
    ['+1555'],
    ['+1234567890123456'],
    ['cnv_'],
    ['cnv_UPPER'],
    ['msg_25'],
    ['anna@example.com'],
    [''],
    [7],
    [null],
    [{ user_id: 'lower.1' }],
    [{ user_id: 'US.1', phone: '+1' }],
    [{}],
  ])('refuses the recipient %j with its path', (to) => {
    expect(() => read({ to, ...TEXT })).toThrow(
      expect.objectContaining({ code: 'invalid', members: { path: expect.stringMatching(/^\/to/) } }),
    )
  })

  test('takes a person by the platform’s own id', () => {
    expect(read({ to: { user_id: 'US.13491208655302741918' }, ...TEXT }).recipient).toEqual({
      kind: 'person',
      person: { userId: 'US.13491208655302741918' },
    })
  })

  test('marks a reply to one of our messages for the book, and leaves the platform’s id as it is', () => {
    const ours = read({ to: '+15550100', ...TEXT, context: { message_id: showId('message', 5) } })
    expect(ours.prepared.content['context']).toEqual({ local_message_id: 5 })
    const theirs = read({ to: '+15550100', ...TEXT, context: { message_id: 'wamid.X' } })
    expect(theirs.prepared.content['context']).toEqual({ message_id: 'wamid.X' })
  })

  test.each([
    ['clas', 'urgent', 'class'],
    ['deadlineMs', 1000, 'deadline_ms'],
    ['contxt', { message_id: 'wamid.X' }, 'context'],
    ['zzzzzzzz', 1, undefined],
    ['x'.repeat(100_000), 1, undefined],
  ])(
    'refuses the misspelt member %#, names all there are, ours too, and the one that was meant',
    (name, value, meant) => {
      const { message, members } = failureOf(() => read({ to: '+15550100', ...TEXT, [name]: value }))
      expect(members['path']).toBe(`/${name}`.slice(0, 200))
      for (const known of ['class', 'idempotency_key', 'context', 'text'])
        expect(message.split(/[\s,;?]+/)).toContain(known)
      expect(/did you mean (\w+)\?$/.exec(message)?.[1]).toBe(meant as never)
    },
  )

  test('names only the platform’s members of what is the platform’s own', () => {
    const { message } = failureOf(() => read({ to: '+15550100', type: 'text', text: { bdy: 'x' } }))
    expect(message).toBe('Unknown field /text/bdy: wanted one of body, preview_url; did you mean body?')
  })

  test.each([
    ['in the body', 'k', null, 'k'],
    ['in the header', undefined, 'k', 'k'],
    ['in both, the same', 'k', 'k', 'k'],
    ['nowhere', undefined, null, null],
  ])('finds the idempotency key %s', (_, inBody, inHeader, key) => {
    const own = inBody === undefined ? {} : { idempotency_key: inBody }
    expect(read({ to: '+15550100', ...TEXT, ...own }, inHeader).idempotencyKey).toBe(key)
  })

  test.each([
    ['two that differ', 'a', 'b'],
    ['an empty header', undefined, ''],
    ['a header of 256 characters', undefined, 'x'.repeat(256)],
    ['an empty member', '', null],
  ])('refuses %s', (_, inBody, inHeader) => {
    const own = inBody === undefined ? {} : { idempotency_key: inBody }
    expect(() => read({ to: '+15550100', ...TEXT, ...own }, inHeader)).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    )
  })
})
