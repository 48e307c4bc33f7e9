import type { Consequences, PersonReference, StatusItem } from '../../core/inbound.ts'
import { ERROR_CLASSES } from './errors.ts'
import { firstText, type IdentityFields, identityOf, withContact } from './people.ts'
import type { Place } from './place.ts'
import { integerOf, type JsonObject, objectOf, phoneOf, stampMsOf, textOf } from './read.ts'

/** The platform writes some of these names in two orders. */
export const STATUS_RECIPIENT: IdentityFields = {
  phone: ['recipient_id'],
  userId: ['recipient_user_id'],
  parentUserId: ['recipient_parent_user_id', 'parent_recipient_user_id'],
}

const PARTICIPANT_PHONE = ['recipient_participant_id', 'participant_recipient_id']
const PARTICIPANT_USER = ['recipient_participant_user_id', 'participant_recipient_user_id']

const STATE_OF: ReadonlyMap<string, NonNullable<StatusItem['state']>> = new Map([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['played', 'played'],
  ['failed', 'failed'],
])

/** An error's title is the platform's own short phrase; what is longer is cut. */
const TITLE_CHARS_MAX = 200

/** What became of a message that was sent; undefined if it has no id or says nothing. */
export function statusOf(raw: JsonObject, place: Place): StatusItem | undefined {
  const upstreamId = textOf(raw['id'])
  const status = textOf(raw['status'])
  if (upstreamId === undefined || status === undefined) return undefined
  const isAbout = isAboutMessage(raw)
  const state = isAbout ? (STATE_OF.get(status) ?? null) : null
  const failure = failureOf(raw['errors'])
  const consequences = failure ? consequencesOf(failure.code) : undefined
  return {
    kind: 'status',
    account: place.account,
    space: place.space,
    upstreamId,
    status,
    state,
    ...(isAbout && state === null ? { isUnknown: true } : {}),
    atMs: stampMsOf(raw['timestamp']) ?? place.receivedAtMs,
    recipient: recipientOf(raw, place),
    participant: participantOf(raw),
    correlation: textOf(raw['biz_opaque_callback_data']) ?? null,
    failure,
    ...(consequences ? { consequences } : {}),
    pricing: pricingOf(raw),
    raw,
  }
}

/** A payment or a call can fail without the message having failed. */
function isAboutMessage(raw: JsonObject): boolean {
  return raw['type'] === undefined || raw['type'] === null || raw['type'] === 'message'
}

/** In a group `recipient_id` is the group's id and names nobody. */
function recipientOf(raw: JsonObject, place: Place): PersonReference | null {
  if (raw['recipient_type'] === 'group') return null
  return withContact(identityOf(raw, STATUS_RECIPIENT), place.contacts, place.isAlone) ?? null
}

function participantOf(raw: JsonObject): string | null {
  const written = firstText(raw, PARTICIPANT_PHONE)
  return phoneOf(written) ?? written ?? firstText(raw, PARTICIPANT_USER) ?? null
}

/**
 * The platform takes some messages (200) and says only later why they cannot go: that the window is closed, or, with
 * service messages being billed, that there is nobody to pay. It means the same as when it is said at once.
 */
function consequencesOf(code: number): Consequences | undefined {
  const known = ERROR_CLASSES.get(code)
  if (known?.kind !== 'refused' || (known.pauses === 'nothing' && !known.closesWindow)) return undefined
  return { pauses: known.pauses, closesWindow: known.closesWindow }
}

/** The first of a list of errors. */
export function failureOf(errors: unknown): StatusItem['failure'] {
  const error = objectOf(Array.isArray(errors) ? errors[0] : undefined)
  const code = integerOf(error?.['code'])
  if (!error || code === undefined) return null
  const title = firstText(error, ['title', 'message']) ?? ''
  return { code, title: title.slice(0, TITLE_CHARS_MAX).toWellFormed() }
}

/** One of the platform's group samples has the price inside `conversation`. */
function pricingOf(raw: JsonObject): StatusItem['pricing'] {
  const pricing = objectOf(raw['pricing']) ?? objectOf(objectOf(raw['conversation'])?.['pricing'])
  if (!pricing) return null
  const billable = pricing['billable']
  return {
    category: textOf(pricing['category']) ?? null,
    type: textOf(pricing['type']) ?? null,
    model: textOf(pricing['pricing_model']) ?? null,
    billable: typeof billable === 'boolean' ? billable : null,
  }
}
