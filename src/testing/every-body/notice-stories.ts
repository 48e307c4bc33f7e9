import { HOUR_MS } from '../../core/clock.ts'
import { words } from './sayings.ts'
import type { Json } from './seen.ts'
import { type ExpectedFact, LINES, type Line, type World } from './world.ts'

/* What the platform says about the firm's own numbers, accounts and templates, and what it says that nobody knows yet. */

const TIERS: readonly (readonly [Json, number | string])[] = [
  ['TIER_250', 250],
  ['TIER_1K', 1000],
  ['TIER_10K', 10_000],
  ['TIER_UNLIMITED', 'unlimited'],
  [2000, 2000],
  ['100000', 100_000],
  ['UNLIMITED', 'unlimited'],
]
const info = (event: string | null) => ({ event, severity: 'info' })
const warning = (event: string | null) => ({ event, severity: 'warning' })
const critical = (event: string | null) => ({ event, severity: 'critical' })

/** By how its display is written, the number that is meant. */
function written(world: World, line: Line): string {
  const { display } = line
  return world.pick([display, `+${display}`, `+1 ${display.slice(1, 4)}-${display.slice(4, 7)}-${display.slice(7)}`])
}

function until(fact: Omit<ExpectedFact, 'until'>, untilMs: number | null = null): ExpectedFact {
  return { ...fact, until: untilMs }
}

const numberOf = (line: Line) => `number ${line.id}`
const accountOf = (id: string) => `account ${id}`
const PORTFOLIO = 'portfolio acme'

/** Things that are told of a number by how it is written. */
const OF_NUMBERS: readonly ((world: World, line: Line, display_phone_number: string) => void)[] = [
  (world, line, display_phone_number) => {
    const [tier, limit] = world.pick(TIERS)
    const event = world.pick(['THROUGHPUT_UPGRADE', 'ONBOARDING'])
    const value = { display_phone_number, event, max_daily_conversations_per_business: tier }
    const at = world.notice('phone_number_quality_update', value, info(event.toLowerCase()))
    world.fact(PORTFOLIO, 'messaging_limit', until({ at, value: limit }))
    if (event === 'THROUGHPUT_UPGRADE') world.fact(numberOf(line), 'throughput', until({ at, value: 1000 }))
  },
  (world, line, display_phone_number) => {
    const decision = world.pick(['APPROVED', 'DEFERRED', 'PENDING', 'REJECTED'])
    const name = words(world)
    const value = { display_phone_number, decision, requested_verified_name: name, rejection_reason: null }
    const word = decision.toLowerCase()
    const at = world.notice('phone_number_name_update', value, decision === 'REJECTED' ? warning(word) : info(word))
    world.fact(numberOf(line), 'name_status', until({ at, value: word }))
    if (decision === 'APPROVED') world.fact(numberOf(line), 'verified_name', until({ at, value: name }))
  },
  (world, line, display_phone_number) => {
    const [event, pin] = world.pick([
      ['PIN_CHANGED', 'changed'],
      ['PIN_RESET_REQUEST', 'reset_requested'],
      ['PIN_REQUEST_SUCCESS', 'reset'],
    ] as const)
    const at = world.notice('security', { display_phone_number, event, requester: '1' }, warning(event.toLowerCase()))
    world.fact(numberOf(line), 'pin', until({ at, value: pin }))
  },
  (world, line, display_phone_number) => {
    const status = world.pick(['approved', 'deleted', 'reserved'])
    const username = `shop.${world.serial()}`
    const at = world.notice('business_username_updates', { display_phone_number, username, status }, info(status))
    world.fact(numberOf(line), 'username_status', until({ at, value: status }))
    if (status === 'approved') world.fact(numberOf(line), 'username', until({ at, value: username }))
    if (status === 'deleted') world.fact(numberOf(line), 'username', until({ at, value: null }))
  },
  (world, line) => {
    const status = world.pick(['ENABLED', 'DISABLED'])
    const time = world.stamp()
    const settings = { phone_number_id: line.id, calling: { status } }
    const value = { timestamp: time, type: 'PHONE_NUMBER_SETTINGS', phone_number_settings: settings }
    world.notice('account_settings_update', value, info('phone_number_settings'), { time })
    world.fact(numberOf(line), 'calling', until({ at: time, value: status.toLowerCase() }))
  },
]

function aboutNumber(world: World): void {
  // Only declared ones are known by how they are written.
  const line = world.pick(LINES.slice(0, 2))
  world.pick(OF_NUMBERS)(world, line, written(world, line))
}

const ACCOUNT_STATUS = [
  [{ event: 'ACCOUNT_DELETED' }, 'deleted', 'critical'],
  [{ event: 'ACCOUNT_OFFBOARDED' }, 'offboarded', 'critical'],
  [{ event: 'ACCOUNT_RECONNECTED' }, 'active', 'info'],
  [{ event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE' } }, 'disabled', 'critical'],
  [{ event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'REINSTATE' } }, 'active', 'info'],
  [{ event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'SCHEDULE_FOR_DISABLE' } }, 'disable_scheduled', 'critical'],
] as const

function aboutAccount(world: World): void {
  const { waba } = world.pick(LINES)
  const kind = world.below(6)
  const tell = (field: string, value: Json, expected: Json) => world.notice(field, value, expected, { entryId: waba })
  if (kind === 0) {
    const [value, status, severity] = world.pick(ACCOUNT_STATUS)
    const at = tell('account_update', value, { event: value.event.toLowerCase(), severity })
    world.fact(accountOf(waba), 'status', until({ at, value: status }))
  } else if (kind === 1) {
    const expiration = world.stamp() + world.pick([-7_200, 864_000])
    const restriction = { restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration }
    const value = { event: 'ACCOUNT_RESTRICTION', restriction_info: [restriction] }
    const at = tell('account_update', value, critical('account_restriction'))
    const untilMs = expiration * 1000
    world.fact(accountOf(waba), 'status', until({ at, value: 'restricted' }, untilMs))
    const type = 'restricted_biz_initiated_messaging'
    world.fact(accountOf(waba), 'restriction.biz_initiated_messaging', until({ at, value: type }, untilMs))
  } else if (kind === 2) {
    const type = world.pick(['ADULT', 'SCAM', 'ALCOHOL'])
    const value = { event: 'ACCOUNT_VIOLATION', violation_info: { violation_type: type } }
    const at = tell('account_update', value, warning('account_violation'))
    world.fact(accountOf(waba), 'violation', until({ at, value: type.toLowerCase() }))
  } else if (kind === 3) {
    const decision = world.pick(['APPROVED', 'PENDING', 'REJECTED', 'DEFERRED'])
    const word = decision.toLowerCase()
    const severity = decision === 'APPROVED' ? 'info' : decision === 'REJECTED' ? 'critical' : 'warning'
    const at = tell('account_review_update', { decision }, { event: word, severity })
    world.fact(accountOf(waba), 'review', until({ at, value: word }))
  } else if (kind === 4) {
    const [tier, limit] = world.pick(TIERS)
    const count = 2 + world.below(30)
    const value = { max_daily_conversations_per_business: tier, max_phone_numbers_per_business: count }
    const at = tell('business_capability_update', value, info(null))
    world.fact(PORTFOLIO, 'messaging_limit', until({ at, value: limit }))
    world.fact(PORTFOLIO, 'phone_numbers_per_business', until({ at, value: count }))
  } else {
    const level = world.pick(['CRITICAL', 'WARNING', 'INFORMATIONAL'])
    const status = world.pick(['ACTIVE', 'NONE'])
    const alert_info = {
      alert_severity: level,
      alert_status: status,
      alert_type: 'OBA_APPROVED',
      alert_description: 'x',
    }
    const severity = level === 'INFORMATIONAL' ? 'info' : level.toLowerCase()
    const value = { entity_type: 'WABA', entity_id: waba, alert_info }
    const at = tell('account_alerts', value, { event: 'oba_approved', severity })
    world.fact(accountOf(waba), 'alert.oba_approved', until({ at, value: status.toLowerCase() }))
  }
}

const WARNS = ['PAUSED', 'DISABLED', 'REJECTED', 'FLAGGED', 'LIMIT_EXCEEDED', 'LOCKED', 'PENDING_DELETION', 'DELETED']

type TellOfTemplate = (field: string, value: Json, expected: Json) => number

const OF_TEMPLATES: readonly ((world: World, subject: string, tell: TellOfTemplate) => void)[] = [
  (world, subject, tell) => {
    const event = world.pick(['APPROVED', 'PENDING', 'ARCHIVED', ...WARNS])
    const title = event === 'PAUSED' ? world.pick(['FIRST_PAUSE', 'SECOND_PAUSE']) : undefined
    const word = event.toLowerCase()
    const value = { event, reason: 'NONE', other_info: title && { title } }
    const at = tell('message_template_status_update', value, WARNS.includes(event) ? warning(word) : info(word))
    world.fact(subject, 'status', until({ at, value: word }))
    const pauseMs = title === 'FIRST_PAUSE' ? 3 * HOUR_MS : 6 * HOUR_MS
    const endsMs = title === undefined ? null : at * 1000 + pauseMs
    world.fact(subject, 'paused', until({ at, value: title?.toLowerCase() ?? null }, endsMs))
  },
  (world, subject, tell) => {
    const score = world.pick(['GREEN', 'YELLOW', 'RED', 'UNKNOWN'])
    const value = { previous_quality_score: 'GREEN', new_quality_score: score }
    // The platform's own sample has the other field's name.
    const field = world.pick(['message_template_quality_update', 'message_template_status_update'])
    const at = tell(field, value, ['YELLOW', 'RED'].includes(score) ? warning('quality') : info('quality'))
    world.fact(subject, 'quality', until({ at, value: score.toLowerCase() }))
  },
  (world, subject, tell) => {
    const next = world.pick(['MARKETING', 'UTILITY'])
    const value = { previous_category: 'UTILITY', new_category: next }
    const at = tell('template_category_update', value, warning('changed'))
    world.fact(subject, 'category', until({ at, value: next.toLowerCase() }))
  },
  (_world, _subject, tell) => {
    tell('message_template_components_update', { message_template_element: 'Hi' }, info('components'))
  },
]

function aboutTemplate(world: World): void {
  const { waba } = world.pick(LINES)
  const number = world.below(30)
  const name = `order_${number}`
  const template = {
    message_template_id: 500 + number,
    message_template_name: name,
    message_template_language: 'en_US',
  }
  world.pick(OF_TEMPLATES)(world, `template ${waba} ${name} en_US`, (field, value, expected) =>
    world.notice(field, { ...template, ...value }, expected, { entryId: waba }),
  )
}

function aboutOther(world: World): void {
  const kind = world.below(3)
  if (kind === 0) {
    const isOn = world.chance(0.5)
    const value = { event: 'ENDPOINT_LATENCY', flow_id: '1', alert_state: isOn ? 'ACTIVATED' : 'DEACTIVATED' }
    world.notice('flows', value, isOn ? warning('endpoint_latency') : info('endpoint_latency'))
  } else if (kind === 1) {
    world.notice('payment_configuration_update', { configuration_name: 'c', status: 'Active' }, info('active'))
  } else {
    world.notice('partner_solutions', { event: 'SOLUTION_CREATED', solution_id: '1' }, info('solution_created'))
  }
}

function alone(world: World): string {
  return `77${world.serial()}`
}

/** Errors beside the messages of a number; the platform gives them no stamp. */
function errors(world: World): void {
  const line = world.line()
  const trace = world.trace()
  const error = { code: world.pick([130429, 131035]), title: 'x', error_data: { details: trace } }
  // What is merged with others would be another notice.
  world.say(line, 'errors', error, { entryId: alone(world) })
  world.expected.notices.set(trace, { field: 'messages.errors', event: null, severity: 'warning' })
}

/** Fields, members and pieces that nobody knows, or that steer nothing: kept whole. */
function unknown(world: World): void {
  const kind = world.below(5)
  if (kind === 0) {
    const field = world.pick(['consumer_profile', 'message_echoes', 'a_future_field'])
    world.notice(field, { things: [words(world)] }, { event: null, severity: null })
    return
  }
  const line = world.line()
  const trace = world.trace()
  if (kind === 1) {
    const entryId = alone(world)
    world.say(line, 'user_actions', { action_type: 'marketing_messages_link_click', trace }, { entryId })
    const expected = info('marketing_messages_link_click')
    world.expected.notices.set(trace, { field: 'messages.user_actions', ...expected })
  } else if (kind === 4) {
    const event_name = world.pick(['LeadSubmitted', 'Purchase'])
    const object = { id: world.messageId(), event_name, timestamp: world.stamp(), trace }
    world.say(line, 'automatic_events', object, { field: 'automatic_events' })
    world.expected.notices.set(trace, { field: 'automatic_events', ...info(event_name.toLowerCase()) })
  } else if (kind === 2) {
    world.say(line, 'messages', { type: 'text', text: { body: trace } })
    world.expected.notices.set(trace, { field: 'malformed', event: null, severity: null })
  } else {
    world.say(line, 'statuses', [trace])
    world.expected.notices.set(trace, { field: 'malformed', event: null, severity: null })
  }
}

export function notice(world: World): void {
  world.pick([aboutNumber, aboutAccount, aboutTemplate, aboutTemplate, aboutOther, errors, unknown])(world)
}
