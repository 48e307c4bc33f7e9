import { describe, expect, test } from 'bun:test'
import type { MessageItem, OtherItem, StatusItem } from '../../core/inbound.ts'
import { ACCOUNT, body, items, one, parse, RECEIVED_MS, withFrame } from './webhook.test-support.ts'

const messageIn = (raw: Record<string, unknown>, contacts?: unknown): MessageItem =>
  one(items({ messages: [raw], ...(contacts === undefined ? {} : { contacts }) }), 'message')
const statusIn = (raw: Record<string, unknown>, more: Record<string, unknown> = {}): StatusItem =>
  one(items({ statuses: [raw], ...more }), 'status')
const TEXT = { from: '16505551234', id: 'wamid.A', timestamp: '1749416383', type: 'text', text: { body: 'Hello' } }
const STATUS = { id: 'wamid.S', status: 'delivered', timestamp: '1750030073', recipient_id: '16505551234' }

const entryOf = (from: unknown) => (from as { entry: unknown[] }).entry[0]

const stamps: [name: string, timestamp: unknown, atMs: number][] = [
  ['a string', '1749416383', 1749416383000],
  ['a number', 1749416383, 1749416383000],
  ['missing', undefined, RECEIVED_MS],
  ['null', null, RECEIVED_MS],
  ['no number', 'yesterday', RECEIVED_MS],
  ['zero', '0', RECEIVED_MS],
  ['negative', -5, RECEIVED_MS],
  ['in milliseconds', '1749416383000', RECEIVED_MS],
  ['in milliseconds, as a number', 1749416383000, RECEIVED_MS],
  ['infinite', '9'.repeat(400), RECEIVED_MS],
  ['not finite', Number.NaN, RECEIVED_MS],
  ['an object', { seconds: 1 }, RECEIVED_MS],
]

describe('a message', () => {
  test('of a customer has its number, stamp, person and the object whole', () => {
    const contacts = [
      {
        profile: { name: 'Sheena', username: '@sheena' },
        wa_id: '16505551234',
        user_id: 'US.1',
        parent_user_id: 'US.ENT.2',
      },
    ]
    expect(messageIn(TEXT, contacts)).toEqual({
      kind: 'message',
      account: ACCOUNT,
      space: 'messages',
      direction: 'in',
      upstreamId: 'wamid.A',
      atMs: 1749416383000,
      type: 'text',
      person: { phone: '+16505551234', userId: 'US.1', parentUserId: 'US.ENT.2', username: '@sheena', name: 'Sheena' },
      opensWindow: true,
      raw: TEXT,
    })
  })

  test.each(stamps)('whose stamp is %s', (_name, timestamp, atMs) => {
    const item = messageIn({ ...TEXT, timestamp })
    expect([item.atMs, item.isUnstamped]).toEqual([atMs, atMs === RECEIVED_MS ? true : undefined])
  })

  const windows: [type: string, opens: boolean][] = [
    ['text', true],
    ['image', true],
    ['interactive', true],
    ['button', true],
    ['reaction', true],
    ['request_welcome', true],
    ['unsupported', true],
    ['hologram', true],
    ['system', false],
    ['edit', false],
    ['revoke', false],
  ]
  test.each(windows)('of type %s opens the window: %p', (type, opens) => {
    const item = messageIn({ ...TEXT, type })
    expect([item.type, item.opensWindow]).toEqual([type, opens])
  })

  test("in a group is of its participant and opens the group's window", () => {
    const item = messageIn({ ...TEXT, group_id: 'HBg1' })
    expect(item.person.phone).toBe('+16505551234')
    expect(item.group).toEqual({ id: 'HBg1' })
    expect(item.opensWindow).toBe(true)
  })

  test('without a type is kept as unknown', () => {
    expect(messageIn({ id: 'a', from: '16505551234' }).type).toBe('unknown')
  })

  test('with a member named __proto__ or constructor changes nothing else', () => {
    const raw = JSON.parse(
      '{"id":"a","from":"16505551234","type":"__proto__","__proto__":{"from":"1"},"constructor":1}',
    )
    const item = messageIn(raw, JSON.parse('[{"wa_id":"16505551234","__proto__":{"user_id":"X"}}]'))
    expect(item.type).toBe('__proto__')
    expect(item.person).toEqual({ phone: '+16505551234' })
    expect(({} as Record<string, unknown>)['from']).toBeUndefined()
  })

  test('with a lone surrogate in its id has a key that survives storing', () => {
    expect(messageIn({ ...TEXT, id: 'a\ud800' }).upstreamId).toBe('a\ufffd')
  })
})

describe('the person of a message', () => {
  const cases: [name: string, raw: Record<string, unknown>, contacts: unknown, person: unknown][] = [
    ['by phone', { from: '16505551234' }, undefined, { phone: '+16505551234' }],
    ['with a plus sign and blanks', { from: '+1 (650) 555-1234' }, undefined, { phone: '+16505551234' }],
    ['as a number', { from: 16505551234 }, undefined, { phone: '+16505551234' }],
    ['by user id alone', { from_user_id: 'US.1' }, undefined, { userId: 'US.1' }],
    ['with a user id in from', { from: 'US.1349' }, undefined, { userId: 'US.1349' }],
    ['with an empty phone', { from: '', from_user_id: 'US.1' }, undefined, { userId: 'US.1' }],
    [
      'found in contacts by user id',
      { from_user_id: 'US.1', from_parent_user_id: 'US.ENT.9' },
      [
        { wa_id: '16505551234', user_id: 'US.1', profile: { name: 'A' } },
        { wa_id: '4915111', user_id: 'DE.2' },
      ],
      { phone: '+16505551234', userId: 'US.1', parentUserId: 'US.ENT.9', name: 'A' },
    ],
    [
      'found in contacts by phone',
      { from: '4915111' },
      [
        { wa_id: '16505551234', profile: { name: 'A' } },
        { wa_id: '4915111', user_id: 'DE.2', profile: { name: 'B' } },
      ],
      { phone: '+4915111', userId: 'DE.2', name: 'B' },
    ],
    [
      'in a contact that says the other half',
      { from: '4915111' },
      [{ user_id: 'DE.2' }],
      { phone: '+4915111', userId: 'DE.2' },
    ],
    [
      'named by the only contact alone',
      {},
      [{ wa_id: '4915111', user_id: 'DE.2' }],
      { phone: '+4915111', userId: 'DE.2' },
    ],
    [
      'not taken from a contact with another phone',
      { from: '4915111' },
      [{ wa_id: '4915222', user_id: 'DE.2' }],
      { phone: '+4915111' },
    ],
    [
      'not taken from a contact with another user id',
      { from_user_id: 'DE.1' },
      [{ wa_id: '4915222', user_id: 'DE.2' }],
      { userId: 'DE.1' },
    ],
    ['with contacts that are no list', { from: '4915111' }, { wa_id: '4915111', user_id: 'X' }, { phone: '+4915111' }],
    ['with contacts that are no objects', { from: '4915111' }, [null, 7, []], { phone: '+4915111' }],
  ]
  test.each(cases)('%s', (_name, raw, contacts, person) => {
    expect(messageIn({ id: 'a', type: 'text', ...raw }, contacts).person).toEqual(person as MessageItem['person'])
  })

  test('is not sought among more people than any batch can hold', () => {
    const contacts = Array.from({ length: 10_001 }, (_, index) => ({
      wa_id: String(4915000 + index),
      user_id: `DE.${index}`,
    }))
    const person = (from: number) => messageIn({ id: 'a', from: String(from) }, contacts).person
    expect([person(4915000 + 9_999).userId, person(4915000 + 10_000).userId]).toEqual(['DE.9999', undefined])
  })

  test('is not the only contact where the value also speaks of somebody else, in another list', () => {
    const contact = { profile: { name: 'Ada L.' }, user_id: 'US.1' }
    const found = items({
      contacts: [contact],
      messages: [{ from_user_id: 'US.1', id: 'wamid.A', timestamp: '1790000000', type: 'text', text: { body: 'Hi' } }],
      // The platform introduces nobody with a message that failed.
      statuses: [{ id: 'wamid.B', status: 'failed', timestamp: '1790000000', recipient_id: '16505559999' }],
    })
    expect(found.map((item) => (item.kind === 'status' ? item.recipient : (item as MessageItem).person))).toEqual([
      { userId: 'US.1', name: 'Ada L.' },
      { phone: '+16505559999' },
    ])
  })

  test('of two senders is not the only contact', () => {
    const messages = [
      { id: 'a', from: '4915111' },
      { id: 'b', from: '4915222' },
    ]
    const people = items({ messages, contacts: [{ user_id: 'DE.1' }] }).map(
      (item) => item.kind === 'message' && item.person,
    )
    expect(people).toEqual([{ phone: '+4915111' }, { phone: '+4915222' }])
  })
})

const recipients: [name: string, raw: Record<string, unknown>, recipient: unknown, participant: string | null][] = [
  ['by user id alone', { recipient_id: undefined, recipient_user_id: 'US.1' }, { userId: 'US.1' }, null],
  ['by user id with an empty phone', { recipient_id: '', recipient_user_id: 'US.1' }, { userId: 'US.1' }, null],
  ['of nobody', { recipient_id: undefined }, null, null],
  ['with the parent id', { recipient_parent_user_id: 'P' }, { phone: '+16505551234', parentUserId: 'P' }, null],
  ['in a group', { recipient_id: 'G', recipient_type: 'group', recipient_participant_id: '4915111' }, null, '+4915111'],
  [
    'in a group, spelt otherwise',
    { recipient_id: 'G', recipient_type: 'group', participant_recipient_id: '4915111' },
    null,
    '+4915111',
  ],
  [
    'in a group, by user id',
    { recipient_id: 'G', recipient_type: 'group', recipient_participant_user_id: 'DE.1' },
    null,
    'DE.1',
  ],
]

const words: [status: string, type: string | undefined, state: StatusItem['state']][] = [
  ['sent', undefined, 'sent'],
  ['delivered', 'message', 'delivered'],
  ['read', undefined, 'read'],
  ['played', undefined, 'played'],
  ['failed', undefined, 'failed'],
  ['deleted', undefined, null],
  ['warning', undefined, null],
  ['constructor', undefined, null],
  ['__proto__', undefined, null],
  ['captured', 'payment', null],
  ['failed', 'payment', null],
  ['failed', 'call', null],
]

describe('a status', () => {
  test('has everything that the platform says', () => {
    const raw = {
      ...STATUS,
      status: 'failed',
      recipient_user_id: 'US.1',
      parent_recipient_user_id: 'US.ENT.2',
      biz_opaque_callback_data: 'gh:1',
      pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'utility' },
      errors: [{ code: 131049, title: 'Not delivered', error_data: { details: 'x' } }],
    }
    expect(statusIn(raw)).toEqual({
      kind: 'status',
      account: ACCOUNT,
      space: 'messages',
      upstreamId: 'wamid.S',
      status: 'failed',
      state: 'failed',
      atMs: 1750030073000,
      recipient: { phone: '+16505551234', userId: 'US.1', parentUserId: 'US.ENT.2' },
      participant: null,
      correlation: 'gh:1',
      failure: { code: 131049, title: 'Not delivered' },
      pricing: { category: 'utility', type: 'regular', model: 'PMP', billable: true },
      raw,
    })
  })

  test.each([
    [131047, { pauses: 'nothing', closesWindow: true }],
    [131042, { pauses: 'waba', closesWindow: false }],
    [131048, { pauses: 'number', closesWindow: false }],
    [131026, undefined],
    [130429, undefined],
    [424242, undefined],
  ])('that failed with %i means beyond its message %p', (code, consequences) => {
    expect(statusIn({ ...STATUS, status: 'failed', errors: [{ code, title: 'x' }] }).consequences).toEqual(
      consequences as never,
    )
  })

  test.each(words)('%s of type %p is the state %p', (status, type, state) => {
    const item = statusIn({ ...STATUS, status, ...(type === undefined ? {} : { type }) })
    expect([item.status, item.state]).toEqual([status, state])
  })

  test.each(recipients)('%s', (_name, raw, recipient, participant) => {
    const item = statusIn({ ...STATUS, ...raw })
    expect([item.recipient, item.participant]).toEqual([recipient as StatusItem['recipient'], participant])
  })

  test('takes the name of its contact', () => {
    const contacts = [{ wa_id: '16505551234', user_id: 'US.1', profile: { name: 'A' } }]
    expect(statusIn(STATUS, { contacts }).recipient).toEqual({ phone: '+16505551234', userId: 'US.1', name: 'A' })
  })

  const odd: [name: string, raw: Record<string, unknown>, failure: unknown, pricing: unknown][] = [
    [
      'price inside the conversation',
      { conversation: { pricing: { category: 'group_utility' } } },
      null,
      { category: 'group_utility', type: null, model: null, billable: null },
    ],
    ['errors that are no list', { errors: { code: 1 } }, null, null],
    ['an error without a code', { errors: [{ title: 'x' }] }, null, null],
    ['an error code as a string', { errors: [{ code: '131026', message: 'm' }] }, { code: 131026, title: 'm' }, null],
    ['a price that is no object', { pricing: 7 }, null, null],
  ]
  test.each(odd)('with %s', (_name, raw, failure, pricing) => {
    const item = statusIn({ ...STATUS, ...raw })
    expect([item.failure, item.pricing]).toEqual([failure, pricing] as [StatusItem['failure'], StatusItem['pricing']])
  })
})

describe('all levels', () => {
  test('of entries, changes, messages and statuses are read, in their order', () => {
    const value = (letter: string) =>
      withFrame({
        messages: [
          { ...TEXT, id: `${letter}1` },
          { ...TEXT, id: `${letter}2` },
        ],
        statuses: [{ ...STATUS, id: `${letter}3` }],
      })
    const change = (letter: string) => ({ field: 'messages', value: value(letter) })
    const found = parse(
      {
        object: 'whatsapp_business_account',
        entry: [
          { id: '1', changes: [change('a'), change('b')] },
          { id: '2', changes: [change('c')] },
        ],
      },
      RECEIVED_MS,
    )
    const ids = found.map((item) => ('upstreamId' in item ? item.upstreamId : item.kind))
    expect(ids).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'b3', 'c1', 'c2', 'c3'])
  })

  test('standby is a level deeper and a space of its own', () => {
    const standby = {
      contacts: [{ wa_id: '16505551234', user_id: 'US.1' }],
      messages: [TEXT],
      statuses: [STATUS],
      message_echoes: [
        { id: 'e', timestamp: '1749416383', message: { to: '+16505551234', type: 'text', text: { body: 'x' } } },
      ],
    }
    const found = items({ standby }, 'standby')
    expect(found.map((item) => 'space' in item && [item.kind, item.space, item.upstreamId])).toEqual([
      ['message', 'standby', 'wamid.A'],
      ['message', 'standby', 'e'],
      ['status', 'standby', 'wamid.S'],
    ])
    const echo = found[1] as MessageItem
    expect([echo.direction, echo.type, echo.opensWindow, echo.person.userId]).toEqual(['out', 'text', false, 'US.1'])
    expect((found[0] as MessageItem).person.userId).toBe('US.1')
  })

  test('what the phone sent goes out, to the one it was sent to', () => {
    const echo = {
      from: '15550783881',
      to: '16505551234',
      to_user_id: 'US.1',
      id: 'e',
      timestamp: '1739321024',
      type: 'text',
      text: {},
    }
    const item = one(items({ message_echoes: [echo] }, 'smb_message_echoes'), 'message')
    expect([item.direction, item.opensWindow, item.person]).toEqual([
      'out',
      false,
      { phone: '+16505551234', userId: 'US.1' },
    ])
  })
})

const wrong: [name: string, body: unknown, raw: unknown][] = [
  ['null', null, null],
  ['a number', 7, 7],
  ['a string', 'x', 'x'],
  ['a list', [body({})], [body({})]],
  ['an object without entries', { object: 'whatsapp_business_account' }, { object: 'whatsapp_business_account' }],
  [
    'entries that are no list',
    { object: 'whatsapp_business_account', entry: {} },
    { object: 'whatsapp_business_account', entry: {} },
  ],
  ['an entry that is no object', { object: 'whatsapp_business_account', entry: ['x'] }, 'x'],
  ['an entry without changes', { object: 'whatsapp_business_account', entry: [{ id: 1 }] }, { id: 1 }],
  [
    'a body without an entry',
    { object: 'whatsapp_business_account', entry: [] },
    { object: 'whatsapp_business_account', entry: [] },
  ],
  ['an entry without a change', { entry: [{ id: 1, changes: [] }] }, { id: 1, changes: [] }],
  ['a change that is no object', { object: 'whatsapp_business_account', entry: [{ changes: [7] }] }, 7],
  ['a value that is no object', body('x'), entryOf(body('x'))],
  ['messages without a number', body({ messages: [TEXT] }), entryOf(body({ messages: [TEXT] }))],
  ...['9'.repeat(65), '1\u00002', 'x\ny'].map((id): [string, unknown, unknown] => {
    const from = body({ metadata: { phone_number_id: id }, messages: [TEXT] })
    return [`messages of a number with an id like none: ${JSON.stringify(id).slice(0, 10)}`, from, entryOf(from)]
  }),
  ['messages that are no list', body(withFrame({ messages: { a: 1 } })), { messages: { a: 1 } }],
  ['a message that is no object', body(withFrame({ messages: ['x'] })), 'x'],
  ['a message without an id', body(withFrame({ messages: [{ from: '1' }] })), { from: '1' }],
  ['a message of nobody', body(withFrame({ messages: [{ id: 'a' }] })), { id: 'a' }],
  ['a status without an id', body(withFrame({ statuses: [{ status: 'sent' }] })), { status: 'sent' }],
  ['a status without a word', body(withFrame({ statuses: [{ id: 'a' }] })), { id: 'a' }],
  ['an echo to nobody', body(withFrame({ message_echoes: [{ id: 'a' }] }), 'smb_message_echoes'), { id: 'a' }],
]

describe('what is not understood', () => {
  const whole: [field: string, value: Record<string, unknown>, account: unknown, atMs: number | null][] = [
    ['consumer_profile', withFrame({ consumer_profile: [{ id: 'a' }], timestamp: 1745337174 }), ACCOUNT, 1745337174000],
    ['messaging_handovers', { sender: { phone_number: '1' }, type: 'control_passed' }, null, null],
    ['messaging_handovers', withFrame({ sender: { phone_number: '1' }, type: 'control_shared' }), ACCOUNT, null],
    ['never_heard_of', { a: 1 }, null, null],
    ['messages', withFrame({}), ACCOUNT, null],
    ['messages', withFrame({ messages: [], statuses: null }), ACCOUNT, null],
  ]
  test.each(whole)('field %s is kept whole', (field, value, account, atMs) => {
    const from = body(value, field)
    expect(parse(from, RECEIVED_MS)).toEqual([{ kind: 'other', field, account, atMs, raw: entryOf(from) } as OtherItem])
  })

  test('a change among others is kept with its entry', () => {
    const changes = [
      { field: 'a', value: {} },
      { field: 'b', value: {} },
    ]
    const found = parse(
      { object: 'whatsapp_business_account', entry: [{ id: '1', time: '1745337174', changes }] },
      RECEIVED_MS,
    )
    expect(found).toEqual([
      {
        kind: 'other',
        field: 'a',
        account: null,
        atMs: 1745337174000,
        raw: { id: '1', time: '1745337174', changes: [changes[0]] },
      },
      {
        kind: 'other',
        field: 'b',
        account: null,
        atMs: 1745337174000,
        raw: { id: '1', time: '1745337174', changes: [changes[1]] },
      },
    ])
  })

  test('an unknown member beside messages is kept with its contacts', () => {
    const found = items({ messages: [TEXT], contacts: [{ wa_id: '1' }], future: [{ a: 1 }] })
    expect(found).toHaveLength(2)
    expect(found[1]).toMatchObject({
      field: 'messages.other',
      raw: { future: [{ a: 1 }], contacts: [{ wa_id: '1' }] },
    })
  })

  test('another object than the business account is one item', () => {
    const page = { object: 'page', entry: [{ id: '1', changes: [] }] }
    expect(parse(page, RECEIVED_MS)).toEqual([{ kind: 'other', field: 'object', account: null, atMs: null, raw: page }])
  })

  test('the samples with field and object outside the change are read', () => {
    const change = { value: { event: 'PARTNER_APP_INSTALLED' } }
    const sample = {
      entry: [
        { id: '1', time: 1745337174, changes: [change], field: 'account_update', object: 'whatsapp_business_account' },
      ],
    }
    expect(parse(sample, RECEIVED_MS)).toMatchObject([{ field: 'account_update', atMs: 1745337174000 }])
  })

  test.each(wrong)('%s becomes one malformed item', (_name, from, raw) => {
    const found = one(parse(from, RECEIVED_MS), 'other')
    expect(found.field).toBe('malformed')
    expect(found.raw).toEqual(raw)
  })

  test('a malformed message does not spoil its neighbours', () => {
    const found = items({ messages: [null, TEXT, { id: 'b' }] })
    expect(found.map((item) => item.kind)).toEqual(['other', 'message', 'other'])
  })

  test('many malformed pieces share an item', () => {
    const found = items({ messages: Array.from({ length: 5_000 }, (_, index) => index) })
    expect(found).toHaveLength(1_001)
    expect(found.at(-1)).toMatchObject({
      field: 'malformed',
      raw: Array.from({ length: 4_000 }, (_, index) => index + 1_000),
    })
  })
})
