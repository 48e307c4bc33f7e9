import { describe, expect, test } from 'bun:test'
import type { Fact, FactSubject } from '../../core/inbound.ts'
import { checkNotice, type NoticeCase, noticeIn, short } from './notices.test-support.ts'
import { ACCOUNT, items, one, parse, RECEIVED_MS, WABA } from './webhook.test-support.ts'

const NUMBER: FactSubject = { kind: 'number', display: '+15550783881' }
const PORTFOLIO: FactSubject = { kind: 'portfolio', id: null }
const WHOLE: FactSubject = { kind: 'account', id: WABA }
const written = { display_phone_number: '15550783881' }
const END_S = 1790604800
const END_MS = END_S * 1000

const account: NoticeCase[] = [
  ['account_update', { event: 'ACCOUNT_DELETED' }, 'account_deleted', 'critical', WHOLE, [['status', 'deleted']]],
  [
    'account_update',
    { event: 'ACCOUNT_OFFBOARDED' },
    'account_offboarded',
    'critical',
    WHOLE,
    [['status', 'offboarded']],
  ],
  ['account_update', { event: 'ACCOUNT_RECONNECTED' }, 'account_reconnected', 'info', WHOLE, [['status', 'active']]],
  [
    'account_update',
    { event: 'PARTNER_REMOVED', phone_number: '15550783881' },
    'partner_removed',
    'critical',
    NUMBER,
    [['status', 'partner_removed']],
  ],
  [
    'account_update',
    { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE' } },
    'disabled_update',
    'critical',
    WHOLE,
    [['status', 'disabled']],
  ],
  [
    'account_update',
    { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'SCHEDULE_FOR_DISABLE' } },
    'disabled_update',
    'critical',
    WHOLE,
    [['status', 'disable_scheduled']],
  ],
  [
    'account_update',
    { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'REINSTATE' } },
    'disabled_update',
    'info',
    WHOLE,
    [['status', 'active']],
  ],
  ['account_update', { event: 'DISABLED_UPDATE' }, 'disabled_update', 'critical', null, []],
  [
    'account_update',
    { event: 'ACCOUNT_VIOLATION', violation_info: { violation_type: 'ALCOHOL' } },
    'account_violation',
    'warning',
    WHOLE,
    [['violation', 'alcohol']],
  ],
  [
    'account_update',
    {
      event: 'ACCOUNT_RESTRICTION',
      restriction_info: [
        { restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: END_S },
        { restriction_type: 'RESTRICTED_ADD_PHONE_NUMBER_ACTION', expiration: String(END_S) },
        'x',
      ],
    },
    'account_restriction',
    'critical',
    WHOLE,
    [
      ['status', 'restricted', END_MS],
      ['restriction.biz_initiated_messaging', 'restricted_biz_initiated_messaging', END_MS],
      ['restriction.add_phone_number_action', 'restricted_add_phone_number_action', END_MS],
    ],
  ],
  [
    'account_update',
    {
      event: 'ACCOUNT_RESTRICTION',
      restriction_info: [{ restriction_type: 'RESTRICTED_CUSTOMER_INITIATED_MESSAGING' }],
    },
    'account_restriction',
    'critical',
    WHOLE,
    [
      ['status', 'restricted'],
      ['restriction.customer_initiated_messaging', 'restricted_customer_initiated_messaging'],
    ],
  ],
  [
    'account_update',
    {
      event: 'ACCOUNT_RESTRICTION',
      phone_number: '15550783881',
      violation_info: { violation_type: 'LOW_CALLING_QUALITY' },
      restriction_info: [{ restriction_type: 'RESTRICTED_BUSINESS_INITIATED_CALLING', expiration: END_S }],
    },
    'account_restriction',
    'warning',
    NUMBER,
    [
      ['violation', 'low_calling_quality'],
      ['restriction.business_initiated_calling', 'restricted_business_initiated_calling', END_MS],
    ],
  ],
  [
    'account_update',
    {
      event: 'VOLUME_BASED_PRICING_TIER_UPDATE',
      volume_tier_info: { pricing_category: 'UTILITY', tier: '0:100', region: 'Rest of Africa' },
    },
    'volume_based_pricing_tier_update',
    'info',
    WHOLE,
    [['volume_tier.utility.rest_of_africa', '0:100']],
  ],
  [
    'account_update',
    { event: 'BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE', country: 'DE' },
    'business_primary_location_country_update',
    'info',
    WHOLE,
    [['country', 'DE']],
  ],
  ['account_update', { event: 'AD_ACCOUNT_LINKED' }, 'ad_account_linked', 'info', null, []],
  ['account_update', { event: 'NEVER_HEARD_OF' }, 'never_heard_of', 'info', null, []],
  ['account_update', {}, null, 'info', null, []],
  ['account_review_update', { decision: 'APPROVED' }, 'approved', 'info', WHOLE, [['review', 'approved']]],
  ['account_review_update', { decision: 'PENDING' }, 'pending', 'warning', WHOLE, [['review', 'pending']]],
  ['account_review_update', { decision: 'REJECTED' }, 'rejected', 'critical', WHOLE, [['review', 'rejected']]],
  [
    'account_alerts',
    {
      entity_type: 'BUSINESS',
      entity_id: '7',
      alert_info: { alert_severity: 'WARNING', alert_status: 'ACTIVE', alert_type: 'LIMITS_DEFERRED' },
    },
    'limits_deferred',
    'warning',
    { kind: 'portfolio', id: '7' },
    [['alert.limits_deferred', 'active']],
  ],
  [
    'account_alerts',
    { entity_type: 'PHONE_NUMBER', entity_id: '106', alert_severity: 'CRITICAL', alert_type: 'A' },
    'a',
    'critical',
    { kind: 'number', account: '106' },
    [['alert.a', null]],
  ],
  [
    'account_alerts',
    { entity_type: 'WABA', entity_id: '9', alert_info: { alert_severity: 'INFORMATIONAL', alert_type: 'A' } },
    'a',
    'info',
    { kind: 'account', id: '9' },
    [['alert.a', null]],
  ],
]

const numbers: NoticeCase[] = [
  [
    'phone_number_quality_update',
    { ...written, event: 'THROUGHPUT_UPGRADE' },
    'throughput_upgrade',
    'info',
    NUMBER,
    [['throughput', 1000]],
  ],
  [
    'phone_number_quality_update',
    { ...written, event: 'ONBOARDING', max_daily_conversations_per_business: 'TIER_10K' },
    'onboarding',
    'info',
    PORTFOLIO,
    [['messaging_limit', 10_000]],
  ],
  [
    'phone_number_quality_update',
    { ...written, event: 'FLAGGED' },
    'flagged',
    'warning',
    NUMBER,
    [['quality', 'flagged']],
  ],
  ['phone_number_quality_update', { ...written, event: 'UNFLAGGED' }, 'unflagged', 'info', NUMBER, [['quality', null]]],
  [
    'phone_number_quality_update',
    { ...written, event: 'DOWNGRADE', current_limit: 'TIER_1K', old_limit: 'TIER_10K' },
    'downgrade',
    'warning',
    PORTFOLIO,
    [['messaging_limit', 1_000]],
  ],
  [
    'phone_number_name_update',
    { ...written, decision: 'APPROVED', requested_verified_name: 'Plants' },
    'approved',
    'info',
    NUMBER,
    [
      ['name_status', 'approved'],
      ['verified_name', 'Plants'],
    ],
  ],
  [
    'phone_number_name_update',
    { ...written, decision: 'REJECTED', requested_verified_name: 'Plants', rejection_reason: 'NAME_X' },
    'rejected',
    'warning',
    NUMBER,
    [['name_status', 'rejected']],
  ],
  ['security', { ...written, event: 'PIN_CHANGED' }, 'pin_changed', 'warning', NUMBER, [['pin', 'changed']]],
  [
    'security',
    { ...written, event: 'PIN_RESET_REQUEST', requester: '1' },
    'pin_reset_request',
    'warning',
    NUMBER,
    [['pin', 'reset_requested']],
  ],
  [
    'security',
    { ...written, event: 'PIN_REQUEST_SUCCESS' },
    'pin_request_success',
    'warning',
    NUMBER,
    [['pin', 'reset']],
  ],
  ['security', { ...written, event: 'SOMETHING' }, 'something', 'warning', null, []],
  [
    'business_username_updates',
    { ...written, username: 'plants', status: 'approved' },
    'approved',
    'info',
    NUMBER,
    [
      ['username_status', 'approved'],
      ['username', 'plants'],
    ],
  ],
  [
    'business_username_updates',
    { ...written, username: 'plants', status: 'reserved' },
    'reserved',
    'info',
    NUMBER,
    [['username_status', 'reserved']],
  ],
  [
    'business_username_updates',
    { ...written, username: 'plants', status: 'deleted' },
    'deleted',
    'info',
    NUMBER,
    [
      ['username_status', 'deleted'],
      ['username', null],
    ],
  ],
  [
    'account_settings_update',
    { type: 'PHONE_NUMBER_SETTINGS', phone_number_settings: { phone_number_id: 106, calling: { status: 'ENABLED' } } },
    'phone_number_settings',
    'info',
    { kind: 'number', account: '106' },
    [['calling', 'enabled']],
  ],
  ['account_settings_update', { type: 'PHONE_NUMBER_SETTINGS' }, 'phone_number_settings', 'info', null, []],
]

const others: NoticeCase[] = [
  [
    'flows',
    { event: 'FLOW_STATUS_CHANGE', flow_id: '1', new_status: 'PUBLISHED' },
    'flow_status_change',
    'info',
    null,
    [],
  ],
  ['flows', { event: 'ENDPOINT_LATENCY', alert_state: 'ACTIVATED' }, 'endpoint_latency', 'warning', null, []],
  ['flows', { event: 'FLOW_VERSION_EXPIRY_WARNING', warning: 'x' }, 'flow_version_expiry_warning', 'warning', null, []],
  ['payment_configuration_update', { status: 'Active' }, 'active', 'info', null, []],
  ['partner_solutions', { event: 'SOLUTION_CREATED' }, 'solution_created', 'info', null, []],
]

describe.each([
  ['an account', account],
  ['a number', numbers],
  ['something else', others],
] as const)('a notice about %s', (_name, cases) => {
  test.each(cases)('%s %j', checkNotice)
})

test('an account is restricted until the last of its restrictions on messages ends', () => {
  const of = (...ends: (number | undefined)[]) => {
    const types = ['RESTRICTED_BIZ_INITIATED_MESSAGING', 'RESTRICTED_CUSTOMER_INITIATED_MESSAGING']
    const restriction_info = ends.map((expiration, index) => ({ restriction_type: types[index], expiration }))
    return noticeIn('account_update', { event: 'ACCOUNT_RESTRICTION', restriction_info }).facts[0]
  }
  expect(of(END_S, END_S + 60)).toMatchObject({ name: 'status', untilMs: END_MS + 60_000 })
  expect(of(END_S + 60, END_S)).toMatchObject({ name: 'status', untilMs: END_MS + 60_000 })
  expect(of(END_S, undefined)).toMatchObject({ name: 'status', untilMs: null })
})

describe('the messaging limit', () => {
  const limits: [written: unknown, limit: unknown][] = [
    [2000, 2000],
    ['2000', 2000],
    ['UNLIMITED', 'unlimited'],
    ['TIER_UNLIMITED', 'unlimited'],
    [-1, 'unlimited'],
    ['TIER_50', 50],
    ['TIER_250', 250],
    ['TIER_2K', 2_000],
    ['TIER_100K', 100_000],
    ['TIER_NOT_SET', null],
    ['TIER_OF_TEARS', undefined],
    [-7, undefined],
    [{ a: 1 }, undefined],
  ]
  test.each(limits)('%j is %p', (max_daily_conversations_per_business, limit) => {
    const { facts } = noticeIn('business_capability_update', { max_daily_conversations_per_business })
    const wanted =
      limit === undefined ? [] : [{ subject: PORTFOLIO, name: 'messaging_limit', value: limit, untilMs: null }]
    expect(facts).toEqual(wanted as Fact[])
  })

  test('stands beside how many numbers there may be', () => {
    const item = noticeIn('business_capability_update', {
      max_phone_numbers_per_business: '20',
      max_phone_numbers_per_waba: 25,
    })
    expect(short(item.facts)).toEqual([
      ['phone_numbers_per_business', 20],
      ['phone_numbers_per_waba', 25],
    ])
  })
})

describe('a notice', () => {
  test('to a partner is about the account that it names', () => {
    const item = noticeIn('account_update', { event: 'PARTNER_APP_UNINSTALLED', waba_info: { waba_id: '9' } })
    expect([item.accountId, item.facts[0]?.subject]).toEqual(['9', { kind: 'account', id: '9' }])
  })

  test('of an entry that names no account has none', () => {
    const entry = [{ id: '0', changes: [{ field: 'account_update', value: { event: 'ACCOUNT_DELETED' } }] }]
    const item = one(parse({ object: 'whatsapp_business_account', entry }, RECEIVED_MS), 'notice')
    expect([item.accountId, item.facts, item.atMs]).toEqual([null, [], null])
  })

  test('takes no more restrictions than there can be', () => {
    const restriction_info = Array.from({ length: 10_000 }, (_, index) => ({ restriction_type: `RESTRICTED_${index}` }))
    expect(noticeIn('account_update', { event: 'ACCOUNT_RESTRICTION', restriction_info }).facts).toHaveLength(20)
  })
})

describe('errors of a number', () => {
  const errors = [{ code: 130429, title: 'Rate limit hit' }]

  test.each(['messages', 'calls', 'history'])('beside %s are a notice of their own', (field) => {
    const item = one(items({ errors }, field), 'notice')
    expect(item).toEqual({
      kind: 'notice',
      field: `${field}.errors`,
      event: null,
      account: ACCOUNT,
      accountId: WABA,
      atMs: null,
      facts: [{ subject: { kind: 'number', account: ACCOUNT.id }, name: 'error', value: 130429, untilMs: null }],
      severity: 'warning',
      raw: {
        id: WABA,
        changes: [
          {
            field,
            value: { metadata: { phone_number_id: ACCOUNT.id, display_phone_number: ACCOUNT.display }, errors },
          },
        ],
      },
    })
  })

  test.each(['x', { code: '130429' }, [{ title: 'x' }]])('of another shape are kept: %j', (odd) => {
    expect(one(items({ errors: odd }), 'notice').raw).toMatchObject({ changes: [{ value: { errors: odd } }] })
  })
})
