import { describe, expect, test } from 'bun:test'
import { channelNamed } from '../channels/registry.ts'
import { must } from '../core/assert.ts'
import { showId } from '../core/ids.ts'
import { DEADLINE_MS } from '../testing/test-items.ts'
import { readSendRequest } from './send-request.ts'

const CHANNEL = must(channelNamed('whatsapp'), 'the channel')
const TEXT = { type: 'text', text: { body: 'hi' } }
const TEMPLATE = { type: 'template', template: { name: 'hello_world', language: { code: 'en_US' } } }

function read(body: Record<string, unknown>, idempotencyKey: string | null = null) {
  return readSendRequest(body, CHANNEL, { deadlineMs: DEADLINE_MS, idempotencyKey })
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
