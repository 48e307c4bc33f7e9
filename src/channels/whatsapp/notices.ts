import type { NoticeItem } from '../../core/inbound.ts'
import { accountUpdate, alert, capability, review } from './account-notices.ts'
import { nameUpdate, qualityUpdate, securityNotice, settingsUpdate, usernameUpdate } from './number-notices.ts'
import { accountOf, type Place } from './place.ts'
import { type JsonObject, objectsOf, stampMsOf, textOf, wordOf } from './read.ts'
import { fact, type Stated, type Statement } from './statement.ts'
import { failureOf } from './statuses.ts'
import { categoryUpdate, componentsUpdate, templateStatus } from './template-notices.ts'

/** The fields that are about the firm's own things. */
const READERS: ReadonlyMap<string, (stated: Stated) => Statement> = new Map([
  ['account_update', accountUpdate],
  ['account_alerts', alert],
  ['account_review_update', review],
  ['business_capability_update', capability],
  ['phone_number_quality_update', qualityUpdate],
  ['phone_number_name_update', nameUpdate],
  ['security', securityNotice],
  ['business_username_updates', usernameUpdate],
  ['account_settings_update', settingsUpdate],
  ['message_template_status_update', templateStatus],
  ['message_template_quality_update', templateStatus],
  ['message_template_components_update', componentsUpdate],
  ['template_category_update', categoryUpdate],
  ['template_correct_category_detection', categoryUpdate],
  ['flows', flow],
  ['payment_configuration_update', paymentConfiguration],
  ['partner_solutions', () => ({})],
])

/** A change of a field that is about the firm's own numbers, accounts or templates; undefined for other fields. */
export function noticeOf(field: string, stated: Stated, whole: JsonObject): NoticeItem | undefined {
  const said = READERS.get(field)?.(stated)
  if (!said) return undefined
  const { value, entryId, atMs } = stated
  const accountId = said.accountId ?? entryId
  return {
    kind: 'notice',
    field,
    event: said.event ?? wordOf(value['event']) ?? null,
    account: accountOf(value) ?? null,
    accountId,
    atMs,
    facts: said.facts ?? [],
    severity: said.severity ?? 'info',
    raw: whole,
  }
}

/** What the platform could not do for a number: beside its messages, or instead of them. */
export function errorsNotice(errors: unknown, place: Place): NoticeItem {
  const failure = failureOf(Array.isArray(errors) ? errors : [errors])
  const facts = failure ? [fact({ kind: 'number', account: place.account.id }, 'error', failure.code)] : []
  return { ...besideMessages(place, { errors }), field: `${place.field}.errors`, facts, severity: 'warning' }
}

/**
 * What the platform saw happen in a thread that an advertisement led to, such as a lead or a purchase; undefined if it
 * does not say what. It names a message by its id and nobody else.
 */
export function automaticEventOf(raw: JsonObject, place: Place): NoticeItem | undefined {
  const event = wordOf(raw['event_name'])
  if (event === undefined) return undefined
  return { ...besideMessages(place, { automatic_events: [raw] }), event, atMs: stampMsOf(raw['timestamp']) ?? null }
}

/**
 * What customers did with marketing messages, such as following a link: one notice of all, as the people introduced
 * beside them may belong to any.
 */
export function userActionsNotice(actions: readonly unknown[], contacts: unknown, place: Place): NoticeItem {
  const [first] = objectsOf(actions, 1)
  const said = besideMessages(place, { contacts, user_actions: actions })
  const event = wordOf(first?.['action_type']) ?? null
  return { ...said, field: `${place.field}.user_actions`, event, atMs: stampMsOf(first?.['timestamp']) ?? null }
}

function besideMessages({ account, entryId, field }: Place, said: JsonObject): NoticeItem {
  const metadata = { phone_number_id: account.id, display_phone_number: account.display }
  return {
    kind: 'notice',
    field,
    event: null,
    account,
    accountId: entryId,
    atMs: null,
    facts: [],
    severity: 'info',
    raw: { id: entryId, changes: [{ field, value: { metadata, ...said } }] },
  }
}

function flow({ value }: Stated): Statement {
  const state = wordOf(value['alert_state'])
  const isWarning = state === 'activated' || textOf(value['warning']) !== undefined
  return { severity: isWarning ? 'warning' : 'info' }
}

function paymentConfiguration({ value }: Stated): Statement {
  return { event: wordOf(value['status']) }
}
