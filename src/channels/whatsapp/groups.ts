import type { GroupItem, GroupReference, InboundItem, PersonReference } from '../../core/inbound.ts'
import { type IdentityFields, identityOf } from './people.ts'
import { otherOf, type Place } from './place.ts'
import { isSomething, type JsonObject, listOf, objectOf, objectsOf, stampMsOf, textOf, wordOf } from './read.ts'

/** `input` is how the firm's own request named them: a phone number or a user id. */
const PARTICIPANT: IdentityFields = {
  phone: ['wa_id', 'input'],
  userId: ['user_id'],
  parentUserId: ['parent_user_id'],
}

/** The platform's groups hold fewer people by far; `raw` keeps everybody. */
const MEMBERS_MAX = 1_024

const CHANGE_OF: ReadonlyMap<string, NonNullable<GroupItem['change']>> = new Map([
  ['group_create', 'created'],
  ['group_delete', 'deleted'],
  ['group_participants_add', 'members_added'],
  ['group_participants_remove', 'members_removed'],
  ['group_join_request_created', 'join_requested'],
  ['group_join_request_revoked', 'join_request_revoked'],
  ['group_settings_update', 'settings'],
  ['group_suspend', 'suspended'],
  ['group_suspend_cleared', 'suspension_cleared'],
])

/** Something that happened to a group. One that was never made has no id: the platform's refusal of it is kept. */
export function groupOf(raw: JsonObject, place: Place): InboundItem | undefined {
  const id = textOf(raw['group_id'])
  const type = wordOf(raw['type'])
  if (type === undefined) return undefined
  if (id === undefined) return isSomething(raw['errors']) ? otherOf('refused', place, raw) : undefined
  const change = CHANGE_OF.get(type) ?? null
  const settings = change === 'settings' ? settingsOf(raw) : undefined
  const group: GroupReference = { id }
  const subject = settings ? settings.subject : textOf(raw['subject'])
  if (subject !== undefined) group.subject = subject
  const item: GroupItem = {
    kind: 'group',
    account: place.account,
    group,
    change: hasFailed(raw, change, settings) ? null : change,
    members: membersOf(raw, change),
    atMs: stampMsOf(raw['timestamp']) ?? place.receivedAtMs,
    raw,
  }
  const description = settings ? settings.description : textOf(raw['description'])
  if (description !== undefined) item.description = description
  const inviteLink = textOf(raw['invite_link'])
  if (inviteLink !== undefined) item.inviteLink = inviteLink
  return item
}

interface Settings {
  subject: string | undefined
  description: string | undefined
  /** Whether any of the settings was changed. */
  isChanged: boolean
}

/** Each setting says by itself whether it was changed. */
function settingsOf(raw: JsonObject): Settings {
  const subject = changed(raw['group_subject'])
  const description = changed(raw['group_description'])
  const isChanged = [subject, description, changed(raw['profile_picture'])].some((setting) => setting !== undefined)
  return { subject: textOf(subject?.['text']), description: textOf(description?.['text']), isChanged }
}

function changed(setting: unknown): JsonObject | undefined {
  const object = objectOf(setting)
  return object?.['update_successful'] === false ? undefined : object
}

/** The removal of several people can fail for some of them: then those who are gone are listed. */
function hasFailed(raw: JsonObject, change: GroupItem['change'], settings: Settings | undefined): boolean {
  if (settings) return !settings.isChanged
  return listOf(raw['errors']).length > 0 && change !== 'members_removed' && change !== 'members_added'
}

function membersOf(raw: JsonObject, change: GroupItem['change']): PersonReference[] {
  if (change === 'join_requested' || change === 'join_request_revoked') return peopleOf([raw])
  if (change === 'members_added') return peopleOf(objectsOf(raw['added_participants'], MEMBERS_MAX))
  return change === 'members_removed' ? peopleOf(objectsOf(raw['removed_participants'], MEMBERS_MAX)) : []
}

function peopleOf(participants: readonly JsonObject[]): PersonReference[] {
  const people: PersonReference[] = []
  for (const participant of participants) {
    const person = identityOf(participant, PARTICIPANT)
    if (person.phone === undefined && person.userId === undefined) continue
    const username = textOf(participant['username'])
    if (username !== undefined) person.username = username
    people.push(person)
  }
  return people
}
