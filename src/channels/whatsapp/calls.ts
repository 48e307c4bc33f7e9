import type { CallItem, PersonReference } from '../../core/inbound.ts'
import { firstText, identityOf, withContact } from './people.ts'
import type { Place } from './place.ts'
import { integerOf, type JsonObject, objectOf, phoneOf, stampMsOf, textOf, wordOf } from './read.ts'
import { STATUS_RECIPIENT } from './statuses.ts'

/** A step of a call, from `calls`; undefined if it has no id or step, or names nobody. */
export function callOf(raw: JsonObject, place: Place): CallItem | undefined {
  const upstreamId = textOf(raw['id'])
  const step = wordOf(raw['event'])
  const direction = directionOf(raw, place)
  const person = withContact(callerOf(raw, place, direction), place.contacts, place.isAlone)
  if (upstreamId === undefined || step === undefined || !person) return undefined
  return {
    kind: 'call',
    account: place.account,
    direction,
    upstreamId,
    step,
    atMs: stampMsOf(raw['timestamp']) ?? place.receivedAtMs,
    person,
    // Its end comes minutes later and would promise a window that is too long.
    opensWindow: direction === 'in' && step === 'connect',
    outcome: outcomeOf(raw['status']),
    durationS: durationOf(raw),
    raw,
  }
}

/** What the person who is called does, from the `statuses` of a call that the firm made. */
export function callStatusOf(raw: JsonObject, place: Place): CallItem | undefined {
  const upstreamId = textOf(raw['id'])
  const step = wordOf(raw['status'])
  const person = withContact(identityOf(raw, STATUS_RECIPIENT), place.contacts, place.isAlone)
  if (upstreamId === undefined || step === undefined || !person) return undefined
  return {
    kind: 'call',
    account: place.account,
    direction: 'out',
    upstreamId,
    step,
    atMs: stampMsOf(raw['timestamp']) ?? place.receivedAtMs,
    person,
    opensWindow: false,
    outcome: null,
    durationS: null,
    raw,
  }
}

/** How it ended. The platform's documentation prints the list of its words in their place: that says nothing. */
export function outcomeOf(status: unknown): string | null {
  const word = Array.isArray(status) && status.length === 1 ? wordOf(status[0]) : wordOf(status)
  return word ?? null
}

/** Seconds. */
export function durationOf(raw: JsonObject): number | null {
  const duration = integerOf(raw['duration'])
  return duration !== undefined && duration >= 0 ? duration : null
}

/**
 * Where the platform does not say it, whose number calls says it; where that is not known either, whose offer it is: a
 * customer's call brings the customer's.
 */
function directionOf(raw: JsonObject, place: Place): 'in' | 'out' {
  const word = wordOf(raw['direction'])
  if (word === 'business_initiated') return 'out'
  if (word === 'user_initiated') return 'in'
  const offer = wordOf(objectOf(raw['session'])?.['sdp_type'])
  if (offer === 'offer') return 'in'
  return isOurs(raw['from'], place) ? 'out' : 'in'
}

/**
 * The customer of a call. Samples of the platform's own call from the wrong side: what is our own number is not theirs.
 * Only customers have user ids.
 */
function callerOf(raw: JsonObject, place: Place, direction: 'in' | 'out'): PersonReference {
  const [theirs, others] = direction === 'in' ? ['from', 'to'] : ['to', 'from']
  const isOther = isOurs(raw[theirs], place) || !textOf(raw[theirs])
  const side = isOther && !isOurs(raw[others], place) ? others : theirs
  const phone = isOurs(raw[side], place) ? undefined : raw[side]
  const userId = firstText(raw, ['from_user_id', 'to_user_id'])
  const parentUserId = firstText(raw, ['from_parent_user_id', 'to_parent_user_id'])
  return identityOf({ phone, userId, parentUserId }, CALLER)
}

const CALLER = { phone: ['phone'], userId: ['userId'], parentUserId: ['parentUserId'] }

function isOurs(phone: unknown, place: Place): boolean {
  const written = phoneOf(phone)
  return written !== undefined && written === place.account.display
}
