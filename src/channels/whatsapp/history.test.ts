import { describe, expect, test } from 'bun:test'
import type { InboundItem, MessageItem } from '../../core/inbound.ts'
import { ACCOUNT, body, items, METADATA, one, parse, RECEIVED_MS, STAMP_MS, said } from './webhook.test-support.ts'

const ours = (more: Record<string, unknown> = {}) => ({ ...said('text', more), from: '15550783881', id: 'wamid.O' })
const threadsIn = (...threads: unknown[]) => items({ history: [{ threads }] }, 'history')
const messages = (found: InboundItem[]) => found.filter((item): item is MessageItem => item.kind === 'message')

describe('a message of the history', () => {
  const found = messages(
    threadsIn({
      id: '16505551234',
      messages: [
        said('text', { history_context: { status: 'READ' } }),
        ours({ history_context: { status: 'PLAYED' } }),
      ],
    }),
  )

  test('goes the way that its writer says, and opens no window', () => {
    expect(found.map(({ direction, person, opensWindow, atMs }) => [direction, person, opensWindow, atMs])).toEqual([
      ['in', { phone: '+16505551234' }, false, STAMP_MS],
      ['out', { phone: '+16505551234' }, false, STAMP_MS],
    ])
  })

  const states: [word: unknown, state: string | null][] = [
    ['SENT', 'sent'],
    ['DELIVERED', 'delivered'],
    ['READ', 'read'],
    ['PLAYED', 'played'],
    ['ERROR', 'failed'],
    ['PENDING', null],
    [undefined, null],
    [7, null],
  ]
  test.each(states)('in the state %p', (status, state) => {
    const [item] = messages(threadsIn({ id: '16505551234', messages: [ours({ history_context: { status } })] }))
    expect(item?.history).toEqual({ state } as MessageItem['history'])
  })

  const people: [
    name: string,
    thread: Record<string, unknown>,
    raw: Record<string, unknown>,
    direction: string,
    person: unknown,
  ][] = [
    [
      'of a thread with a context',
      { id: '16505551234', context: { wa_id: '16505551234', user_id: 'US.1', username: 'ada' } },
      ours(),
      'out',
      { phone: '+16505551234', userId: 'US.1', username: 'ada' },
    ],
    [
      'of a thread of a user id',
      { context: { user_id: 'US.1' } },
      { ...said('text'), from: undefined, from_user_id: 'US.1' },
      'in',
      { userId: 'US.1' },
    ],
    [
      'to a user id',
      { context: { user_id: 'US.1' } },
      { ...said('text'), from: undefined, to_user_id: 'US.1' },
      'out',
      { userId: 'US.1' },
    ],
    [
      "of ours with the customer's user id",
      { id: '16505551234' },
      { ...ours(), from_user_id: 'US.1', to: '16505551234' },
      'out',
      { phone: '+16505551234', userId: 'US.1' },
    ],
    [
      'to us, of a user id',
      { context: { user_id: 'US.1' } },
      { ...said('text'), from: undefined, from_user_id: 'US.1', to: '15550783881' },
      'in',
      { userId: 'US.1' },
    ],
  ]
  test.each(people)('%s', (_name, thread, raw, direction, person) => {
    const [item] = messages(threadsIn({ ...thread, messages: [raw] }))
    expect([item?.direction, item?.person]).toEqual([direction as 'in', person as object])
  })

  test('whose file did not come is there without it, and the file comes outside of the threads', () => {
    const [item] = messages(threadsIn({ id: '16505551234', messages: [said('media_placeholder')] }))
    expect([item?.type, item?.attachments]).toEqual(['media_placeholder', undefined])
    const later = one(items({ messages: [said('image', { image: { id: '7' } })] }, 'history'), 'message')
    expect([later.upstreamId, later.history, later.attachments?.[0]?.upstreamId]).toEqual([
      'wamid.A',
      { state: null },
      '7',
    ])
    const echo = { ...said('image', { image: { id: '7' } }), from: '15550783881', to: '16505551234' }
    const sent = one(items({ message_echoes: [echo] }, 'history'), 'message')
    expect([sent.direction, sent.history]).toEqual(['out', { state: null }])
  })

  test('can be an act', () => {
    const raw = said('reaction', { reaction: { message_id: 'wamid.T', emoji: 'x' } })
    const item = one(threadsIn({ id: '16505551234', messages: [raw] }), 'act')
    expect([item.history, item.opensWindow]).toEqual([{ state: null }, false])
  })

  test('is told by its thread where our number is not known', () => {
    const value = {
      metadata: { phone_number_id: '1' },
      history: [{ threads: [{ id: '16505551234', messages: [said('text'), ours()] }] }],
    }
    const directions = messages(parse(body(value, 'history'), RECEIVED_MS)).map(({ direction }) => direction)
    expect(directions).toEqual(['in', 'out'])
  })
})

describe('a part of the history', () => {
  test('says how far it has come', () => {
    const part = { metadata: { phase: 1, chunk_order: 2, progress: '55' } }
    const item = one(items({ history: [part] }, 'history'), 'notice')
    expect(item).toEqual({
      kind: 'notice',
      field: 'history',
      event: 'progress',
      account: ACCOUNT,
      accountId: '102290129340398',
      atMs: null,
      facts: [{ subject: { kind: 'number', account: ACCOUNT.id }, name: 'history', value: 55, untilMs: null }],
      severity: 'info',
      raw: {
        id: '102290129340398',
        changes: [
          {
            field: 'history',
            value: {
              metadata: { phone_number_id: METADATA.phone_number_id, display_phone_number: ACCOUNT.display },
              history: [part],
            },
          },
        ],
      },
    })
  })

  test('says that it was declined, or what else went wrong', () => {
    const of = (code: number) => one(items({ history: [{ errors: [{ code, title: 'x' }] }] }, 'history'), 'notice')
    expect([of(2593109).event, of(2593109).facts[0]?.value, of(2593109).severity]).toEqual([
      'declined',
      'declined',
      'warning',
    ])
    expect(of(2593108).event).toBe('failed')
  })

  test('loses nothing that is in it', () => {
    const found = threadsIn(
      { id: '1', messages: [7, { id: 'a', type: 'text' }], new_member: { a: 1 } },
      'x',
      { id: '2', messages: [] },
      { id: '3' },
    )
    expect(found.map((item) => [item.kind, 'field' in item && item.field])).toEqual([
      ['other', 'history.other'],
      ['other', 'malformed'],
      ['message', false],
      ['other', 'malformed'],
      ['other', 'history.empty'],
      ['other', 'malformed'],
    ])
  })

  test.each([{ threads: 'x' }, {}, { threads: [] }])('that holds nothing is malformed: %j', (part) => {
    expect(one(items({ history: [part] }, 'history'), 'other').raw).toEqual(part)
  })
})
