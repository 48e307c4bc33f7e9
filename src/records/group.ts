import { must } from '../core/assert.ts'
import { canonicalJson } from '../core/canonical-json.ts'
import { Failure } from '../core/failure.ts'
import type { GroupItem, GroupReference } from '../core/inbound.ts'
import { CONTACT_KIND, DIRECTION, FLAG_ACT, MEMBERSHIP, type Membership, STATE } from './codes.ts'
import { contactOf } from './contact.ts'
import { profilePlace } from './contact-row.ts'
import { type ConversationEventData, conversationOf } from './conversation.ts'
import type { ItemAsk } from './item-ask.ts'
import { type NumberRow, numberOfItem } from './number.ts'
import { bodyPlace } from './sent-message.ts'
import { type InputContext, input, personNumber, type Tx } from './tx.ts'

export type GroupState = 'active' | 'suspended' | 'deleted'

/** What the sealed profile of a group holds; `name` is its subject, as it is a person's name elsewhere. */
export interface GroupProfile {
  name?: string
  group: {
    /** The platform's id. */
    id: string
    description?: string
    inviteLink?: string
    state: GroupState
    /** The platform's stamps of the last word on each: an older one does not win. */
    told: Partial<Record<'state' | 'name' | 'description' | 'inviteLink', number>>
  }
}

interface Group {
  id: number
  person: number
  workspaceId: number
}

/** The number that something of a group came in on: the group is of its portfolio, and of its workspace. */
type GroupHome = Pick<NumberRow, 'portfolio' | 'workspace_id'>

/** The group of a reference: found, made, or brought up to date where the reference says its subject anew. */
export async function groupOf(
  tx: Tx,
  number: GroupHome,
  reference: GroupReference,
  context: InputContext,
): Promise<Group> {
  const key = JSON.stringify(['group', number.portfolio, reference.id, reference.subject])
  const known = await tx.memo('contacts', key, async () => {
    const group = await openGroup(tx, number, reference.id, context)
    const { subject } = reference
    if (subject !== undefined && subject !== group.profile.name) {
      await writeGroup(tx, group, { ...group.profile, name: subject })
    }
    return { id: group.id, person: group.person, workspaceId: group.workspaceId }
  })
  return must(known, 'the contact of a group')
}

interface OpenGroup extends Group {
  profile: GroupProfile
}

async function openGroup(tx: Tx, number: GroupHome, groupId: string, { now, ids }: InputContext): Promise<OpenGroup> {
  const { portfolio, workspace_id: workspaceId } = number
  const fresh: GroupProfile = { group: { id: groupId, state: 'active', told: {} } }
  const known = tx.vault.findPerson('group', portfolio, groupId)
  const row =
    known === undefined
      ? undefined
      : await tx.one<{ id: number; profile: Uint8Array }>(
          'SELECT id, profile FROM contacts WHERE person = ?1 AND workspace_id = ?2',
          known,
          workspaceId,
        )
  if (known !== undefined && row) {
    const text = tx.unseal(known, profilePlace(row.id), row.profile)
    const profile = text === undefined ? fresh : (JSON.parse(text) as GroupProfile)
    return { id: row.id, person: known, workspaceId, profile }
  }
  const person = known ?? tx.vault.createPerson(() => personNumber({ now, ids }))
  if (known === undefined) tx.vault.linkPerson('group', portfolio, groupId, person)
  const id = ids.next()
  await tx.run(
    `INSERT INTO contacts (id, person, portfolio, profile, created_at, kind, workspace_id)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
    id,
    person,
    portfolio,
    tx.seal(person, profilePlace(id), JSON.stringify(fresh)),
    now,
    CONTACT_KIND.group,
    workspaceId,
  )
  return { id, person, workspaceId, profile: fresh }
}

/** The profile that events have told so far is kept for them. */
async function writeGroup(tx: Tx, group: OpenGroup, profile: GroupProfile): Promise<void> {
  const { id, person, workspaceId } = group
  await tx.keepFormer('profile', { subject: id, person, text: JSON.stringify(group.profile) })
  const sealed = tx.seal(person, profilePlace(id), JSON.stringify(profile))
  await tx.run('UPDATE contacts SET profile = ?2 WHERE id = ?1 AND workspace_id = ?3', id, sealed, workspaceId)
}

/** The platform's rule: nothing can be sent to a group that it has suspended or that is gone. */
export function requireOpenGroup(profile: Partial<GroupProfile>): void {
  const state = profile.group?.state ?? 'active'
  if (state !== 'active') throw new Failure('conflict', `The group is ${state}: nothing can be sent to it`)
}

type GroupAsk = ItemAsk<GroupItem>

/** Takes what became of a group, its people or its settings. What was said is kept whole in the group's thread. */
export const receiveGroup = input('group.receive', async (tx: Tx, ask: GroupAsk, context: InputContext) => {
  const { item } = ask
  const hash = tx.hash('group', item.account.id, canonicalJson(item.raw))
  if (await tx.one('SELECT id FROM messages WHERE upstream_hash = ?1', hash)) return { outcome: 'repeated' as const }
  const number = await numberOfItem(tx, ask.source, item.account, context)
  const group = await openGroup(tx, number, item.group.id, context)
  const conversation = await conversationOf(tx, number, group.id, context)
  const at = Math.min(item.atMs, context.now)
  await keepWhole(tx, ask, { id: context.ids.next(), at, hash, person: group.person, conversationId: conversation.id })

  const profile = changedProfile(group.profile, item, at)
  const isChanged = JSON.stringify(profile) !== JSON.stringify(group.profile)
  if (isChanged) await writeGroup(tx, group, profile)
  const hasMoved = await moveMembers(tx, { ...ask, groupId: group.id, portfolio: number.portfolio, at }, context)
  if (isChanged || hasMoved) {
    await tx.event('conversation.updated', { conversationId: conversation.id, numberId: number.id }, [
      conversation.unread,
      conversation.window_expires_at,
    ] satisfies ConversationEventData)
  }
  return { outcome: 'received' as const }
})

async function keepWhole(
  tx: Tx,
  { item, arrivedAtMs }: GroupAsk,
  row: { id: number; at: number; hash: bigint; person: number; conversationId: number },
): Promise<void> {
  await tx.run(
    `INSERT INTO messages (id, conversation_id, at, arrived_at, direction, type, state, upstream_hash, body, flags)
     VALUES (?1, ?2, ?3, ?4, ?5, 'group', ?6, ?7, ?8, ?9)`,
    row.id,
    row.conversationId,
    row.at,
    arrivedAtMs,
    DIRECTION.code('in'),
    STATE.code('received'),
    row.hash,
    tx.seal(row.person, bodyPlace(row.id), JSON.stringify(item.raw)),
    FLAG_ACT,
  )
}

const STATE_AFTER: Partial<Record<NonNullable<GroupItem['change']>, GroupState>> = {
  created: 'active',
  suspension_cleared: 'active',
  suspended: 'suspended',
  deleted: 'deleted',
}

function changedProfile(profile: GroupProfile, item: GroupItem, at: number): GroupProfile {
  // What the platform could not do is kept and changes nothing.
  if (item.change === null) return profile
  const group = { ...profile.group, told: { ...profile.group.told } }
  const after: GroupProfile = { ...profile, group }
  /** Takes a value unless a later one is known. */
  function take<T>(what: keyof typeof group.told, value: T | undefined, set: (value: T) => void): void {
    if (value === undefined || at < (group.told[what] ?? 0)) return
    group.told[what] = at
    set(value)
  }
  take('state', STATE_AFTER[item.change], (state) => {
    group.state = state
  })
  take('name', item.group.subject, (subject) => {
    after.name = subject
  })
  take('description', item.description, (description) => {
    group.description = description
  })
  take('inviteLink', item.inviteLink, (inviteLink) => {
    group.inviteLink = inviteLink
  })
  return after
}

const MEMBERSHIP_AFTER: Partial<Record<NonNullable<GroupItem['change']>, Membership>> = {
  created: 'member',
  members_added: 'member',
  members_removed: 'left',
  join_requested: 'asks',
  join_request_revoked: 'asks_no_more',
}

async function moveMembers(
  tx: Tx,
  { item, ...where }: GroupAsk & { groupId: number; portfolio: string; at: number },
  context: InputContext,
): Promise<boolean> {
  const how = item.change === null ? undefined : MEMBERSHIP_AFTER[item.change]
  if (how === undefined) return false
  let changed = 0
  for (const person of item.members) {
    const member = await contactOf(tx, where.portfolio, person, context)
    changed += await tx.run(
      `INSERT INTO group_members (group_id, member_id, at, how, joined_at, left_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
       ON CONFLICT (group_id, member_id) DO UPDATE SET
         how = iif(excluded.at >= at, excluded.how, how), at = max(at, excluded.at),
         joined_at = nullif(max(coalesce(joined_at, 0), coalesce(excluded.joined_at, 0)), 0),
         left_at = nullif(max(coalesce(left_at, 0), coalesce(excluded.left_at, 0)), 0)`,
      where.groupId,
      member.id,
      where.at,
      MEMBERSHIP.code(how),
      how === 'member' ? where.at : null,
      how === 'left' ? where.at : null,
    )
  }
  return changed > 0
}
