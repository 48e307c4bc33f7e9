import type { Fact, FactSubject, NoticeItem } from '../../core/inbound.ts'
import { integerOf, type JsonObject, objectOf, objectsOf, stampMsOf, textOf, wordOf } from './read.ts'
import { accountNamed, fact, nameOf, numberNamed, type Stated, type Statement } from './statement.ts'

/** A notice that names more restrictions was never seen; the rest stays in its `raw`. */
const RESTRICTIONS_MAX = 20

/** Restrictions that stop messages; the platform's other ones stop calls, or adding numbers. */
const STOPS_MESSAGES: ReadonlySet<string> = new Set([
  'restricted_biz_initiated_messaging',
  'restricted_customer_initiated_messaging',
])

/** What an event of `account_update` says became of the business account, or of one number if it names one. */
const STATUS_AFTER: ReadonlyMap<string, { status: string; severity: NoticeItem['severity'] }> = new Map([
  ['account_deleted', { status: 'deleted', severity: 'critical' }],
  ['account_offboarded', { status: 'offboarded', severity: 'critical' }],
  ['account_reconnected', { status: 'active', severity: 'info' }],
  ['partner_removed', { status: 'partner_removed', severity: 'critical' }],
])

/** What becomes of a business account under a ban. */
const STATUS_OF_BAN: ReadonlyMap<string, { status: string; severity: NoticeItem['severity'] }> = new Map([
  ['disable', { status: 'disabled', severity: 'critical' }],
  ['schedule_for_disable', { status: 'disable_scheduled', severity: 'critical' }],
  ['reinstate', { status: 'active', severity: 'info' }],
])

const SEVERITY_OF: ReadonlyMap<string, NoticeItem['severity']> = new Map([
  ['critical', 'critical'],
  ['warning', 'warning'],
])

/** Messages per day to people outside of their window, by the platform's words for it. */
const TIERS: ReadonlyMap<string, number | 'unlimited'> = new Map<string, number | 'unlimited'>([
  ['unlimited', 'unlimited'],
  ['tier_unlimited', 'unlimited'],
  ['tier_50', 50],
  ['tier_250', 250],
  ['tier_1k', 1_000],
  ['tier_2k', 2_000],
  ['tier_10k', 10_000],
  ['tier_100k', 100_000],
])

/** Bans, restrictions, violations, and what partners did. */
export function accountUpdate({ value, entryId }: Stated): Statement {
  const event = wordOf(value['event'])
  const named = textOf(objectOf(value['waba_info'])?.['waba_id'])
  const subject = numberNamed(value['phone_number']) ?? accountNamed(named ?? entryId)
  const said = subject && event !== undefined ? aboutAccount(event, value, subject) : undefined
  return { ...said, accountId: named }
}

function aboutAccount(event: string, value: JsonObject, subject: FactSubject): Statement {
  const after = STATUS_AFTER.get(event)
  if (after) return { facts: [fact(subject, 'status', after.status)], severity: after.severity }
  if (event === 'disabled_update') return banned(value, subject)
  if (event === 'account_restriction') return restricted(value, subject)
  if (event === 'account_violation') return { facts: violationOf(value, subject), severity: 'warning' }
  if (event === 'volume_based_pricing_tier_update') return { facts: volumeTierOf(value, subject) }
  if (event === 'business_primary_location_country_update') return { facts: countryOf(value, subject) }
  if (event === 'partner_app_installed') return { facts: [fact(subject, 'partner_app', 'installed')] }
  if (event === 'partner_app_uninstalled') {
    return { facts: [fact(subject, 'partner_app', 'uninstalled')], severity: 'warning' }
  }
  return {}
}

function banned(value: JsonObject, subject: FactSubject): Statement {
  const after = STATUS_OF_BAN.get(wordOf(objectOf(value['ban_info'])?.['waba_ban_state']) ?? '')
  if (!after) return { severity: 'critical' }
  return { facts: [fact(subject, 'status', after.status)], severity: after.severity }
}

/** Each restriction is a fact of its own, as each has an end of its own. */
function restricted(value: JsonObject, subject: FactSubject): Statement {
  const facts = violationOf(value, subject)
  const untilsMs: (number | null)[] = []
  for (const restriction of objectsOf(value['restriction_info'], RESTRICTIONS_MAX)) {
    const type = wordOf(restriction['restriction_type'])
    if (type === undefined) continue
    const untilMs = stampMsOf(restriction['expiration']) ?? null
    facts.push(fact(subject, nameOf('restriction', type.replace(/^restricted_/, '')), type, untilMs))
    if (STOPS_MESSAGES.has(type)) untilsMs.push(untilMs)
  }
  if (untilsMs.length === 0) return { facts, severity: 'warning' }
  const last = untilsMs.reduce((one, other) => (one === null || other === null ? null : Math.max(one, other)))
  return { facts: [fact(subject, 'status', 'restricted', last), ...facts], severity: 'critical' }
}

function violationOf(value: JsonObject, subject: FactSubject): Fact[] {
  const type = wordOf(objectOf(value['violation_info'])?.['violation_type'])
  return type === undefined ? [] : [fact(subject, 'violation', type)]
}

/** One tier for each category and region, as `from:to` messages. */
function volumeTierOf(value: JsonObject, subject: FactSubject): Fact[] {
  const info = objectOf(value['volume_tier_info'])
  const tier = textOf(info?.['tier'])
  if (!info || tier === undefined) return []
  return [fact(subject, nameOf('volume_tier', wordOf(info['pricing_category']), wordOf(info['region'])), tier)]
}

function countryOf(value: JsonObject, subject: FactSubject): Fact[] {
  const country = textOf(value['country'])
  return country === undefined ? [] : [fact(subject, 'country', country)]
}

/** Something that the platform wants somebody to know, about whatever it names. */
export function alert({ value, entryId }: Stated): Statement {
  const info = objectOf(value['alert_info']) ?? value
  const type = wordOf(info['alert_type'])
  const severity = SEVERITY_OF.get(wordOf(info['alert_severity']) ?? '') ?? 'info'
  const subject = entityOf(value, entryId)
  if (!subject || type === undefined) return { event: type, severity }
  return { event: type, severity, facts: [fact(subject, nameOf('alert', type), wordOf(info['alert_status']) ?? null)] }
}

function entityOf(value: JsonObject, entryId: string | null): FactSubject | undefined {
  const id = textOf(value['entity_id'])
  const type = wordOf(value['entity_type'])
  if (type === 'business') return { kind: 'portfolio', id: id ?? null }
  if (type === 'phone_number') return id === undefined ? undefined : { kind: 'number', account: id }
  return accountNamed(type === 'waba' ? (id ?? entryId) : entryId)
}

/** Nothing is sent for an account that was not approved. */
export function review({ value, entryId }: Stated): Statement {
  const decision = wordOf(value['decision'])
  const subject = accountNamed(entryId)
  if (!subject || decision === undefined) return { event: decision }
  const severity = decision === 'approved' ? 'info' : decision === 'rejected' ? 'critical' : 'warning'
  return { event: decision, facts: [fact(subject, 'review', decision)], severity }
}

/** What the portfolio may do. The webhook does not say which portfolio it is: it is the one of the account. */
export function capability({ value }: Stated): Statement {
  const facts = messagingLimitOf(
    value['max_daily_conversations_per_business'] ?? value['max_daily_conversation_per_phone'],
  )
  for (const member of ['max_phone_numbers_per_business', 'max_phone_numbers_per_waba']) {
    const count = integerOf(value[member])
    if (count !== undefined) facts.push(fact({ kind: 'portfolio', id: null }, member.slice('max_'.length), count))
  }
  return { facts }
}

/**
 * The messaging limit, however it is written: a number, its digits, a word, a tier; -1 was once without limit. Since
 * October 2025 it is the portfolio's, also where a notice is about a number.
 */
export function messagingLimitOf(written: unknown): Fact[] {
  const count = integerOf(written)
  const word = wordOf(written)
  const limit = count === undefined ? TIERS.get(word ?? '') : count === -1 ? 'unlimited' : count
  if ((limit === undefined && word !== 'tier_not_set') || Number(limit) < 0) return []
  return [fact({ kind: 'portfolio', id: null }, 'messaging_limit', limit ?? null)]
}
