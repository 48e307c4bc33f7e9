import type { Fact } from '../../core/inbound.ts'
import { messagingLimitOf } from './account-notices.ts'
import { objectOf, textOf, wordOf } from './read.ts'
import { fact, numberNamed, type Stated, type Statement } from './statement.ts'

/** Messages per second of a number whose throughput was raised, the platform's figure. */
const UPGRADED_PER_SECOND = 1_000

/** What happened to the PIN of a number. */
const PIN_AFTER: ReadonlyMap<string, string> = new Map([
  ['pin_changed', 'changed'],
  ['pin_reset_request', 'reset_requested'],
  ['pin_request_success', 'reset'],
])

/** How fast a number may send. Since October 2025 its words for quality are not sent any more; old ones are read. */
export function qualityUpdate({ value }: Stated): Statement {
  const event = wordOf(value['event'])
  const facts: Fact[] = messagingLimitOf(
    value['max_daily_conversations_per_business'] ??
      value['current_limit'] ??
      value['max_daily_conversation_per_phone'],
  )
  const subject = numberNamed(value['display_phone_number'])
  if (!subject) return { facts }
  if (event === 'throughput_upgrade') facts.push(fact(subject, 'throughput', UPGRADED_PER_SECOND))
  if (event === 'flagged') facts.push(fact(subject, 'quality', 'flagged'))
  if (event === 'unflagged') facts.push(fact(subject, 'quality', null))
  return { facts, severity: event === 'flagged' || event === 'downgrade' ? 'warning' : 'info' }
}

/** The name that customers see. */
export function nameUpdate({ value }: Stated): Statement {
  const decision = wordOf(value['decision'])
  const subject = numberNamed(value['display_phone_number'])
  if (!subject || decision === undefined) return { event: decision }
  const facts = [fact(subject, 'name_status', decision)]
  const name = textOf(value['requested_verified_name'])
  if (decision === 'approved' && name !== undefined) facts.push(fact(subject, 'verified_name', name))
  return { event: decision, facts, severity: decision === 'rejected' ? 'warning' : 'info' }
}

/** Whoever has the PIN can take the number away. */
export function securityNotice({ value }: Stated): Statement {
  const subject = numberNamed(value['display_phone_number'])
  const pin = PIN_AFTER.get(wordOf(value['event']) ?? '')
  return { facts: subject && pin !== undefined ? [fact(subject, 'pin', pin)] : [], severity: 'warning' }
}

export function usernameUpdate({ value }: Stated): Statement {
  const status = wordOf(value['status'])
  const subject = numberNamed(value['display_phone_number'])
  if (!subject || status === undefined) return { event: status }
  const facts = [fact(subject, 'username_status', status)]
  if (status === 'approved') facts.push(fact(subject, 'username', textOf(value['username']) ?? null))
  if (status === 'deleted') facts.push(fact(subject, 'username', null))
  return { event: status, facts }
}

/** Settings of a number; calling is the only one that the platform tells about. */
export function settingsUpdate({ value }: Stated): Statement {
  const settings = objectOf(value['phone_number_settings'])
  const event = wordOf(value['type'])
  const account = textOf(settings?.['phone_number_id'])
  const calling = wordOf(objectOf(settings?.['calling'])?.['status'])
  if (account === undefined || calling === undefined) return { event }
  return { event, facts: [fact({ kind: 'number', account }, 'calling', calling)] }
}
