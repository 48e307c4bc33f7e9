/** Examples of the published document. A test sends the requests and holds the answers to these. */

const MESSAGE_IN = {
  text: { body: 'Is my parcel on its way?' },
  content: { kind: 'text', text: 'Is my parcel on its way?' },
  id: 'msg_2k',
  upstream_id: 'wamid.HBgLMTIwMjU1NTAxNDMVAgASGBQzQTdCRTAA',
  conversation_id: 'cnv_2j',
  number: '106540352242922',
  direction: 'in',
  type: 'text',
  from: '+12025550143',
  to: '+15550783881',
  at: '2026-11-22T09:00:00.000Z',
  state: 'received',
  reason: null,
}

const MESSAGE_OUT = {
  text: { body: 'It left this morning.' },
  content: { kind: 'text', text: 'It left this morning.' },
  id: 'msg_2m',
  upstream_id: 'wamid.HBgLMTIwMjU1NTAxNDMVAgARGBI5QUE4MUYA',
  conversation_id: 'cnv_2j',
  number: '106540352242922',
  direction: 'out',
  type: 'text',
  from: '+15550783881',
  to: '+12025550143',
  at: '2026-11-22T09:00:30.120Z',
  state: 'sent',
  reason: null,
  class: 'reply',
  reference: 'order-48213',
}

const CONVERSATION = {
  id: 'cnv_2j',
  number: '106540352242922',
  number_alias: 'support',
  kind: 'person',
  contact: { id: 'con_2h', name: 'Amina Farouk', phone: '+12025550143', user_id: 'US.1234567890' },
  group: null,
  assignee: 'per_3k',
  team: null,
  unread: 1,
  created_at: '2026-11-22T09:00:00.412Z',
  window_expires_at: '2026-11-23T09:00:00.000Z',
  last_message_at: '2026-11-22T09:00:00.000Z',
  standby: false,
  sendable: true,
  last_message: MESSAGE_IN,
}

const SEND_TEXT = {
  to: 'cnv_2j',
  type: 'text',
  text: { body: 'It left this morning.' },
  reference: 'order-48213',
}

const SEND_TEMPLATE = {
  to: '+12025550143',
  from: { pool: 'support' },
  type: 'template',
  template: {
    name: 'order_update',
    language: { code: 'en_US' },
    components: [
      {
        type: 'body',
        parameters: [
          { type: 'text', text: 'Amina' },
          { type: 'text', text: '48213' },
        ],
      },
    ],
  },
  deadline_ms: 600_000,
}

const QUEUED = {
  id: 'msg_2m',
  state: 'queued',
  leaves_at: '2026-11-22T09:00:30.120Z',
  waits_for: null,
  conversation_id: 'cnv_2j',
}

const timelineStep = (state: string, source: string, at: string) => ({
  at: `2026-11-22T09:00:${at}Z`,
  state,
  reason: null,
  number: '106540352242922',
  attempt: state === 'queued' ? 0 : 1,
  source,
})

const NOTICE = {
  id: 'ntc_3c',
  field: 'account_update',
  event: 'account_restriction',
  severity: 'critical',
  number: null,
  account: '102290129340398',
  at: '2026-11-22T09:10:00.000Z',
  arrived_at: '2026-11-22T09:10:01.204Z',
  facts: [
    {
      about: 'account',
      subject: '102290129340398',
      name: 'status',
      value: 'restricted',
      until: '2026-11-25T09:10:00.000Z',
    },
  ],
  object: {
    id: '102290129340398',
    time: 1795338600,
    changes: [
      {
        field: 'account_update',
        value: {
          event: 'ACCOUNT_RESTRICTION',
          restriction_info: [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: 1795597800 }],
        },
      },
    ],
  },
}

const page = (...items: object[]) => ({ items, next: null, as_of: 128 })

export const EXAMPLES = {
  me: {
    role: 'agent',
    permissions: ['conversations.see_own', 'messages.reply'],
    epoch: '0f8fad5b-d9cb-469f-a165-70867728950e',
    head: 128,
    address: '203.0.113.7',
  },
  numbers: page({
    number: '106540352242922',
    alias: 'support',
    display: '+15550783881',
    pool: 'support',
    app: 'main',
    waba: '102290129340398',
    portfolio: 'acme',
    state: 'active',
    reason: null,
    messages_per_second: 80,
    facts: { throughput: { value: 1000, since: '2026-11-20T07:00:00.000Z', until: null } },
    account_facts: {},
    portfolio_facts: { messaging_limit: { value: 10_000, since: '2026-11-20T07:00:00.000Z', until: null } },
  }),
  unmatchedStatuses: page({
    status: 'delivered',
    at: '2026-11-22T09:12:00.000Z',
    upstream_id: 'wamid.HBgLMTIwMjU1NTAxNDMVAgARGBI0QzlEM0U1RkE2QjdDOEQ5RTAA',
    number: '106540352242922',
    error: null,
    object: {
      id: 'wamid.HBgLMTIwMjU1NTAxNDMVAgARGBI0QzlEM0U1RkE2QjdDOEQ5RTAA',
      status: 'delivered',
      timestamp: '1795338720',
      recipient_id: '12025550143',
    },
  }),
  notice: NOTICE,
  notices: page(NOTICE),
  templates: page({
    account: '102290129340398',
    name: 'order_update',
    language: 'en_US',
    facts: {
      id: { value: '1689556908129832', since: '2026-11-21T16:20:00.000Z', until: null },
      status: { value: 'paused', since: '2026-11-21T16:20:00.000Z', until: null },
      paused: { value: 'first_pause', since: '2026-11-21T16:20:00.000Z', until: '2026-11-21T19:20:00.000Z' },
      reason: { value: null, since: '2026-11-21T16:20:00.000Z', until: null },
    },
  }),
  numberState: { number: '106540352242922', state: 'paused' },
  conversation: CONVERSATION,
  conversations: page(CONVERSATION),
  messages: page(MESSAGE_OUT, MESSAGE_IN),
  search: { q: 'parcel "on its way"', limit: 20 },
  searchPerson: { person: 'Amina', direction: 'in', from: '2026-11-01', to: '2026-11-30' },
  found: {
    items: [
      {
        message: MESSAGE_IN,
        conversation_id: 'cnv_2j',
        highlights: [
          [6, 12],
          [13, 23],
        ],
      },
    ],
    next: null,
    as_of: 128,
    more: false,
    complete: true,
  },
  message: {
    ...MESSAGE_OUT,
    timeline: [
      timelineStep('queued', 'api', '30.120'),
      timelineStep('sending', 'dispatch', '30.124'),
      timelineStep('accepted', 'platform', '30.310'),
      timelineStep('sent', 'platform', '31.000'),
    ],
    statuses: [
      {
        status: 'sent',
        at: '2026-11-22T09:00:31.000Z',
        object: {
          id: 'wamid.HBgLMTIwMjU1NTAxNDMVAgARGBI5QUE4MUYA',
          status: 'sent',
          timestamp: '1795338031',
          recipient_id: '12025550143',
          recipient_user_id: 'US.1234567890',
          biz_opaque_callback_data: 'gh1.2m.1xqv0',
          pricing: { billable: true, pricing_model: 'PMP', category: 'service', type: 'regular' },
        },
      },
    ],
  },
  readRequest: { upto: 'msg_2k' },
  read: { id: 'cnv_2j', unread: 0 },
  sendText: SEND_TEXT,
  sendTemplate: SEND_TEMPLATE,
  queued: QUEUED,
  batchRequest: { messages: [SEND_TEXT, { ...SEND_TEXT, text: {} }] },
  batch: {
    results: [
      QUEUED,
      {
        type: '/api/docs#invalid',
        title: 'invalid',
        status: 400,
        code: 'invalid',
        detail: 'Wrong member: /text/body must be a string of 1 to 4096 characters',
        path: '/messages/1/text/body',
      },
    ],
  },
  cancelled: { id: 'msg_2m', state: 'cancelled' },
  retried: { id: 'msg_2m', state: 'queued' },
  events: {
    events: [
      {
        offset: 127,
        type: 'message.state',
        at: '2026-11-22T09:00:31.044Z',
        data: {
          message_id: 'msg_2m',
          upstream_id: 'wamid.HBgLMTIwMjU1NTAxNDMVAgARGBI5QUE4MUYA',
          conversation_id: 'cnv_2j',
          reference: 'order-48213',
          state: 'sent',
          reason: null,
          class: 'reply',
          attempt: 1,
          at: '2026-11-22T09:00:31.000Z',
        },
      },
    ],
    upto: 127,
    head: 128,
    epoch: '0f8fad5b-d9cb-469f-a165-70867728950e',
  },
  ticket: { ticket: 'Zm9yIG9uZSBzb2NrZXQgb25seQ', expires_at: '2026-11-22T09:01:00.000Z' },
  health: { status: 'ok' },
  readiness: { ready: true, checks: { serving: true, journal: true, book: true, space: true } },
  version: { name: 'gatehouse', version: '0.1.0', commit: null, bun: '1.4.5' },
} as const
