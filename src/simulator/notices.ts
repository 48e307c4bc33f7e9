import { Failure } from '../core/failure.ts'
import { readCount, readObject, readText } from './input.ts'
import { isObject, type JsonObject } from './json.ts'
import type { Platform } from './platform.ts'
import type { SimulatedNumber } from './settings.ts'
import { digitsOf } from './webhook-body.ts'

/** What the platform says about the firm's own numbers, accounts and templates. */

interface Ready {
  plain: string
  field: string
  value: (number: SimulatedNumber, nowS: number) => JsonObject
}

const HOUR_S = 3600

const account =
  (event: string, more: (number: SimulatedNumber, nowS: number) => JsonObject = () => ({})) =>
  (number: SimulatedNumber, nowS: number): JsonObject => ({
    phone_number: digitsOf(number),
    event,
    ...more(number, nowS),
  })

const quality =
  (event: string, limit: string) =>
  (number: SimulatedNumber): JsonObject => ({
    display_phone_number: digitsOf(number),
    event,
    max_daily_conversations_per_business: limit,
  })

const TEMPLATE = {
  message_template_id: 1_000_000_000_001,
  message_template_name: 'order_update',
  message_template_language: 'en_US',
}

const template = (event: string, more: JsonObject = {}) => ({
  field: 'message_template_status_update',
  value: () => ({ event, ...TEMPLATE, reason: 'NONE', message_template_category: 'UTILITY', ...more }),
})

const security = (event: string) => ({
  field: 'security',
  value: (number: SimulatedNumber) => ({
    display_phone_number: digitsOf(number),
    event,
    ...(event === 'PIN_RESET_REQUEST' && { requester: '61555822107539' }),
  }),
})

/** Notices that are ready to be told. */
const READY: Readonly<Record<string, Ready>> = {
  account_restricted: {
    plain: 'The account may not begin conversations for a day',
    field: 'account_update',
    value: account('ACCOUNT_RESTRICTION', (_, nowS) => ({
      violation_info: { violation_type: 'SPAM' },
      restriction_info: [
        { restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: nowS + 24 * HOUR_S },
        { restriction_type: 'RESTRICTED_ADD_PHONE_NUMBER_ACTION', expiration: nowS + 24 * HOUR_S },
      ],
    })),
  },
  account_muted: {
    plain: 'The account may not even answer for a day',
    field: 'account_update',
    value: account('ACCOUNT_RESTRICTION', (_, nowS) => ({
      restriction_info: [
        { restriction_type: 'RESTRICTED_CUSTOMER_INITIATED_MESSAGING', expiration: nowS + 24 * HOUR_S },
      ],
    })),
  },
  account_violation: {
    plain: 'The account is warned',
    field: 'account_update',
    value: account('ACCOUNT_VIOLATION', () => ({ violation_info: { violation_type: 'ADULT' } })),
  },
  account_banned: {
    plain: 'The account is banned',
    field: 'account_update',
    value: account('DISABLED_UPDATE', () => ({
      ban_info: { waba_ban_state: 'DISABLE', waba_ban_date: 'November 22, 2026' },
    })),
  },
  account_reinstated: {
    plain: 'The ban is lifted',
    field: 'account_update',
    value: account('DISABLED_UPDATE', () => ({
      ban_info: { waba_ban_state: 'REINSTATE', waba_ban_date: 'November 22, 2026' },
    })),
  },
  account_deleted: { plain: 'The account is deleted', field: 'account_update', value: account('ACCOUNT_DELETED') },
  account_offboarded: {
    plain: 'The phone app left the platform',
    field: 'account_update',
    value: account('ACCOUNT_OFFBOARDED', () => ({
      disconnection_info: { reason: 'PHONE_NUMBER_CHANGED', initiated_by: 'USER' },
    })),
  },
  account_reconnected: {
    plain: 'The phone app is back',
    field: 'account_update',
    value: account('ACCOUNT_RECONNECTED'),
  },
  partner_removed: {
    plain: 'The app may no longer act for the account',
    field: 'account_update',
    value: account('PARTNER_REMOVED'),
  },
  account_alert: {
    plain: 'An alert about the account',
    field: 'account_alerts',
    value: (number) => ({
      entity_type: 'WABA',
      entity_id: number.wabaId,
      alert_info: {
        alert_severity: 'CRITICAL',
        alert_status: 'ACTIVE',
        alert_type: 'OBA_APPROVED',
        alert_description: 'Something about the account needs to be looked at.',
      },
    }),
  },
  review_approved: {
    plain: 'The account passed its review',
    field: 'account_review_update',
    value: () => ({ decision: 'APPROVED' }),
  },
  review_rejected: {
    plain: 'The account failed its review',
    field: 'account_review_update',
    value: () => ({ decision: 'REJECTED' }),
  },
  messaging_limit: {
    plain: 'The portfolio may write to 2,000 people a day',
    field: 'business_capability_update',
    value: () => ({ max_daily_conversations_per_business: 2000, max_phone_numbers_per_waba: 25 }),
  },
  messaging_limit_unlimited: {
    plain: 'The portfolio may write to everybody',
    field: 'business_capability_update',
    value: () => ({ max_daily_conversations_per_business: 'TIER_UNLIMITED', max_phone_numbers_per_business: 120 }),
  },
  throughput_upgrade: {
    plain: 'The number may send 1,000 a second',
    field: 'phone_number_quality_update',
    value: quality('THROUGHPUT_UPGRADE', 'TIER_UNLIMITED'),
  },
  number_flagged: {
    plain: 'The number is flagged for its quality',
    field: 'phone_number_quality_update',
    value: quality('FLAGGED', 'TIER_10K'),
  },
  number_unflagged: {
    plain: 'The flag is taken away',
    field: 'phone_number_quality_update',
    value: quality('UNFLAGGED', 'TIER_10K'),
  },
  name_approved: {
    plain: "The number's name is approved",
    field: 'phone_number_name_update',
    value: (number) => ({
      display_phone_number: digitsOf(number),
      decision: 'APPROVED',
      requested_verified_name: 'Simulated firm',
      rejection_reason: null,
    }),
  },
  name_rejected: {
    plain: "The number's name is rejected",
    field: 'phone_number_name_update',
    value: (number) => ({
      display_phone_number: digitsOf(number),
      decision: 'REJECTED',
      requested_verified_name: 'Simulated firm',
      rejection_reason: 'NAME_MISLEADING',
    }),
  },
  username: {
    plain: 'The number has a username',
    field: 'business_username_updates',
    value: (number) => ({
      display_phone_number: digitsOf(number),
      username: 'simulated.firm',
      status: 'approved',
    }),
  },
  pin_changed: { plain: "The number's PIN was changed", ...security('PIN_CHANGED') },
  pin_reset_asked: { plain: "Somebody asks to reset the number's PIN", ...security('PIN_RESET_REQUEST') },
  template_approved: { plain: 'A template is approved', ...template('APPROVED') },
  template_rejected: {
    plain: 'A template is rejected',
    ...template('REJECTED', {
      reason: 'INVALID_FORMAT',
      rejection_info: { reason: 'INVALID_FORMAT', recommendation: 'Close the braces of each variable.' },
    }),
  },
  template_paused: {
    plain: 'A template is paused for three hours',
    ...template('PAUSED', {
      other_info: { title: 'FIRST_PAUSE', description: 'Paused for 3 hours because of negative feedback.' },
    }),
  },
  template_unpaused: {
    plain: 'A template is no longer paused',
    ...template('APPROVED', { other_info: { title: 'UNPAUSE', description: 'The pause is over.' } }),
  },
  template_disabled: {
    plain: 'A template is disabled',
    ...template('DISABLED', { disable_info: { disable_date: '1795341600' } }),
  },
  template_deleted: { plain: 'A template is being deleted', ...template('PENDING_DELETION') },
  template_quality: {
    // The platform's own sample has the name of another field; what it holds tells them apart.
    plain: 'A template is liked less (with the misleading field name of the platform)',
    field: 'message_template_status_update',
    value: () => ({ previous_quality_score: 'GREEN', new_quality_score: 'YELLOW', ...TEMPLATE }),
  },
  template_category: {
    plain: 'A template is of another category now',
    field: 'template_category_update',
    value: () => ({ ...TEMPLATE, previous_category: 'UTILITY', new_category: 'MARKETING' }),
  },
  template_category_ahead: {
    plain: 'A template will be of another category tomorrow',
    field: 'template_category_update',
    value: (_, nowS) => ({
      ...TEMPLATE,
      new_category: 'UTILITY',
      correct_category: 'MARKETING',
      category_update_timestamp: nowS + 24 * HOUR_S,
    }),
  },
  template_components: {
    plain: 'A template was edited',
    field: 'message_template_components_update',
    value: () => ({
      ...TEMPLATE,
      message_template_title: 'Your order',
      message_template_element: 'Hello {{1}}, your order {{2}} is on its way.',
      message_template_footer: 'The simulated firm',
    }),
  },
  flow_errors: {
    plain: 'A form fails too often',
    field: 'flows',
    value: () => ({
      event: 'ENDPOINT_ERROR_RATE',
      message: 'The endpoint of the flow failed in 14 % of its requests.',
      flow_id: '691244242662581',
      error_rate: 14.28,
      threshold: 10,
      alert_state: 'ACTIVATED',
    }),
  },
  calling_settings: {
    plain: 'Calls are switched on for the number',
    field: 'account_settings_update',
    value: (number, nowS) => ({
      messaging_product: 'whatsapp',
      timestamp: nowS,
      type: 'PHONE_NUMBER_SETTINGS',
      phone_number_settings: { phone_number_id: number.phoneNumberId, calling: { status: 'ENABLED' } },
    }),
  },
  unheard_of: {
    plain: 'A field that nobody knows yet',
    field: 'weather_update',
    value: () => ({ forecast: 'rain', degrees: 7 }),
  },
}

/** Every ready notice with plain words for it. */
export function listNotices(): { name: string; plain: string; field: string }[] {
  return Object.entries(READY).map(([name, { plain, field }]) => ({ name, plain, field }))
}

const FIELD_MAX = 100
const VALUE_MAX = 1_048_576

/** `POST /_/notices`: a ready one by its name, or any field with any value. Answers the field. */
export function tellNotice(platform: Platform, input: unknown): { field: string } {
  const body = readObject(input, ['number', 'name', 'field', 'value', 'entry_id', 'time'])
  const number = platform.numberOf(readText(body, 'number', FIELD_MAX))
  const nowMs = platform.clock.epochMs()
  const nowS = Math.floor(nowMs / 1000)
  const { field, value } = contentOf(body, number, nowS)
  const hasTime = body['time'] !== null
  const timeS = hasTime ? (readCount(body, 'time', { least: 0, most: 10_000_000_000 }) ?? nowS) : null
  const entryId = readText(body, 'entry_id', FIELD_MAX) ?? number.wabaId
  const isTaken = platform.owe([{ kind: 'field', number, id: platform.makeEventId(), field, value, entryId, timeS }], 0)
  if (!isTaken) throw new Failure('unavailable', 'Too many webhooks wait for the gateway')
  platform.changes.note('webhook', `Notice: ${field.replaceAll('_', ' ')}`, nowMs)
  return { field }
}

function contentOf(body: JsonObject, number: SimulatedNumber, nowS: number): { field: string; value: unknown } {
  const name = readText(body, 'name', FIELD_MAX)
  if (name !== undefined) {
    const ready = Object.hasOwn(READY, name) ? READY[name] : undefined
    if (!ready) throw new Failure('invalid', `Must be one of: ${Object.keys(READY).join(', ')}`, { path: 'name' })
    const own = body['value']
    if (own !== undefined && !isObject(own)) throw new Failure('invalid', 'Must be an object', { path: 'value' })
    return { field: ready.field, value: { ...ready.value(number, nowS), ...own } }
  }
  const field = readText(body, 'field', FIELD_MAX)
  if (field === undefined || body['value'] === undefined) {
    throw new Failure('invalid', 'Either a name, or a field and its value are needed', { path: 'name' })
  }
  if (JSON.stringify(body['value']).length > VALUE_MAX) {
    throw new Failure('invalid', `Must be at most ${VALUE_MAX} bytes of JSON`, { path: 'value' })
  }
  return { field, value: body['value'] }
}
