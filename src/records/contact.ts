import { must } from '../core/assert.ts'
import type { PersonReference } from '../core/inbound.ts'
import { isSamePhone, phoneForms } from '../core/phone.ts'
import { CONTACT_KIND, type IdentitySource } from './codes.ts'
import {
  afterReference,
  hasEnded,
  type Identity,
  type IsEnding,
  isSaidBy,
  liveValues,
  namesIn,
  type Profile,
  profileOf,
  type Told,
  withLink,
  withoutIdentities,
} from './contact-card.ts'
import { tellContact } from './contact-event.ts'
import { familyOf, joinContacts } from './contact-merge.ts'
import { contactById, contactOfPerson, insertContact, type OpenContact, writeContact } from './contact-row.ts'
import { type InputContext, personNumber, type Tx } from './tx.ts'

/** What an input knows, and through what it heard of somebody; a message, unless it says so. */
export type Telling = InputContext & { source?: IdentitySource }

/** A contact as most inputs need it. */
export interface KnownContact {
  id: number
  person: number
  /** Whether it is or was merged with another. */
  hasJoined: boolean
}

/** The contact of a reference: found, made, or brought up to date where the reference says something new. */
export async function contactOf(
  tx: Tx,
  portfolio: string,
  who: PersonReference,
  telling: Telling,
): Promise<KnownContact> {
  const key = JSON.stringify([portfolio, who.phone, who.userId, who.parentUserId, who.username, who.name])
  const known = await tx.memo('contacts', key, () => bringUpToDate(tx, portfolio, who, telling))
  return must(known, 'the contact of a reference')
}

async function bringUpToDate(tx: Tx, portfolio: string, who: PersonReference, telling: Telling): Promise<KnownContact> {
  const person = await personOf(tx, portfolio, who, telling)
  const known = await contactOfPerson(tx, person)
  if (!known) {
    const profile = profileOf(who)
    const id = await insertContact(tx, { person, portfolio, profile, source: toldBy(telling).source }, telling)
    await claimUsername(tx, { person, portfolio }, who, telling)
    return { id, person, hasJoined: false }
  }
  await learn(tx, known, who, telling)
  return { id: known.id, person, hasJoined: known.hasJoined }
}

function toldBy({ source, now }: Telling): Told {
  return { source: source ?? 'message', at: now }
}

/** Writes what a reference says anew of somebody, and tells it. */
async function learn(tx: Tx, contact: OpenContact, who: PersonReference, telling: Telling): Promise<void> {
  if (!isSaidBy(contact.profile, who)) {
    const after = afterReference(contact, who, toldBy(telling))
    forgetPhones(tx, contact, after)
    if (await writeContact(tx, contact, after)) await tellContact(tx, contact.id)
  }
  await claimUsername(tx, contact, who, telling)
}

/** Nobody is found any more by a phone that has ended, in none of its forms. */
function forgetPhones(tx: Tx, { portfolio, person, links }: OpenContact, after: Identity): void {
  for (const phone of liveValues(links, 'phone')) {
    if (liveValues(after.links, 'phone').some((other) => isSamePhone(phone, other))) continue
    for (const form of phoneForms(phone)) tx.vault.unlinkIdentity('phone', portfolio, form, person)
  }
}

/** A username may be given up and taken by somebody else: then it ends where it was. */
async function claimUsername(
  tx: Tx,
  { person, portfolio }: Pick<OpenContact, 'person' | 'portfolio'>,
  { username }: PersonReference,
  telling: Telling,
): Promise<void> {
  if (username === undefined) return
  const holder = await holderOf(tx, 'username', portfolio, username)
  if (holder === person) return
  tx.vault.linkPerson('username', portfolio, username, person)
  const former = holder === undefined ? undefined : await contactOfPerson(tx, holder)
  if (former) await end(tx, former, telling.now, (link) => link.kind === 'username' && link.value === username)
}

async function end(tx: Tx, contact: OpenContact, until: number, isEnding: IsEnding): Promise<void> {
  if (await writeContact(tx, contact, withoutIdentities(contact, until, isEnding))) await tellContact(tx, contact.id)
}

/**
 * Whoever is known by it. The vault is committed before the records and keeps what a failed input gave it: where it has
 * passed on, the contact that had it says whether it really did.
 */
async function holderOf(
  tx: Tx,
  kind: 'phone' | 'username',
  portfolio: string,
  value: string,
): Promise<number | undefined> {
  const found = tx.vault.findHolder(kind, portfolio, value)
  if (found?.former === undefined) return found?.person
  const former = await contactOfPerson(tx, found.former)
  return former && liveValues(former.links, kind).some((one) => isSamePhone(one, value)) ? former.person : found.person
}

/** The person behind a phone in any of its forms. */
async function findByPhone(tx: Tx, portfolio: string, phone: string): Promise<number | undefined> {
  for (const form of phoneForms(phone)) {
    const person = await holderOf(tx, 'phone', portfolio, form)
    if (person !== undefined) return person
  }
  return undefined
}

/** Whoever is found by this phone, in whatever form, is the person from now on. */
function linkPhone(tx: Tx, portfolio: string, phone: string, person: number): void {
  for (const form of phoneForms(phone)) {
    const holder = tx.vault.findPerson('phone', portfolio, form)
    if (holder === person || (holder === undefined && form !== phone)) continue
    tx.vault.linkPerson('phone', portfolio, form, person)
    if (holder !== undefined) tx.spoil('contacts')
  }
}

/**
 * The person behind a reference, found by user id, then by phone; made when nobody is known by either. The platform's
 * rule: a user id stays with its user and changes with the number, so a phone under another user id has another owner.
 * Where one is known by the phone alone and the other by the user id, the platform shows that they are the same.
 */
export async function personOf(tx: Tx, portfolio: string, who: PersonReference, telling: Telling): Promise<number> {
  const { phone, userId } = who
  const byUserId = userId === undefined ? undefined : tx.vault.findPerson('user', portfolio, userId)
  const byPhone = phone === undefined ? undefined : await findByPhone(tx, portfolio, phone)
  if (byUserId === undefined) {
    const person = await heirOfPhone(tx, byPhone, who, telling)
    if (person === undefined) return createPerson(tx, portfolio, who, { byPhone, telling })
    link(tx, portfolio, who, person)
    return person
  }
  if (phone === undefined || byPhone === byUserId) return byUserId
  const user = await contactOfPerson(tx, byUserId)
  if (user && hasEnded(user.links, 'user_id', userId)) return byUserId
  const holder = byPhone === undefined ? undefined : await contactOfPerson(tx, byPhone)
  if (holder && !user && holder.profile.userId === undefined) {
    // The user id was only ever named in a status: there is nobody to be joined with.
    tx.vault.linkPerson('user', portfolio, must(userId, 'the user id'), holder.person)
    return holder.person
  }
  if (holder) await handOverPhone(tx, holder, { user, who, phone }, telling)
  linkPhone(tx, portfolio, phone, byUserId)
  return byUserId
}

function createPerson(
  tx: Tx,
  portfolio: string,
  who: PersonReference,
  { byPhone, telling }: { byPhone: number | undefined; telling: Telling },
): number {
  const person = tx.vault.createPerson(() => personNumber(telling))
  if (who.phone === undefined || byPhone !== undefined) link(tx, portfolio, who, person)
  else {
    // Nobody had the phone, in no form: there is nothing to look for again.
    tx.vault.linkPerson('phone', portfolio, who.phone, person)
    if (who.userId !== undefined) tx.vault.linkPerson('user', portfolio, who.userId, person)
  }
  return person
}

function link(tx: Tx, portfolio: string, { phone, userId }: PersonReference, person: number): void {
  if (userId !== undefined) tx.vault.linkPerson('user', portfolio, userId, person)
  if (phone !== undefined) linkPhone(tx, portfolio, phone, person)
}

async function handOverPhone(
  tx: Tx,
  holder: OpenContact,
  to: { user: OpenContact | undefined; who: PersonReference; phone: string },
  telling: Telling,
): Promise<void> {
  if (!to.user || holder.profile.userId !== undefined) return await passPhone(tx, holder, to.phone, telling.now)
  await learn(tx, to.user, to.who, telling)
  await joinInto(tx, holder, to.user, telling)
}

/** Whoever is known by the phone and is not another user; from another user it passes on. */
async function heirOfPhone(
  tx: Tx,
  byPhone: number | undefined,
  who: PersonReference,
  { now }: InputContext,
): Promise<number | undefined> {
  if (byPhone === undefined || who.userId === undefined || who.phone === undefined) return byPhone
  const holder = await contactOfPerson(tx, byPhone)
  if (holder?.profile.userId === undefined) return byPhone
  await passPhone(tx, holder, who.phone, now)
  return undefined
}

async function passPhone(tx: Tx, holder: OpenContact, phone: string, now: number): Promise<void> {
  await end(tx, holder, now, (link) => link.kind === 'phone' && isSamePhone(link.value, phone))
}

/** Somebody known by phone alone is a user who is known too: the phone is theirs, the threads stay, the family is one. */
async function joinInto(tx: Tx, from: OpenContact, into: OpenContact, telling: Telling): Promise<void> {
  let { links } = into
  for (const phone of liveValues(from.links, 'phone')) {
    links = withLink(links, 'phone', phone, toldBy(telling))
    linkPhone(tx, into.portfolio, phone, into.person)
  }
  const { phone } = from.profile
  const taken = { ...namesIn(from.profile), ...(phone === undefined ? {} : { phone }) }
  await writeContact(tx, into, { links, profile: { ...taken, ...into.profile } })
  await writeContact(
    tx,
    from,
    withoutIdentities(from, telling.now, ({ kind }) => kind === 'phone'),
  )
  const isTold = await joinContacts(tx, from, into, telling)
  if (!isTold) await tellContact(tx, into.id)
}

/**
 * Takes in what the platform's answer to a send, or a status, says of its recipient: the form of the phone it uses, a
 * user id. The number we asked for and the one it answers are one number.
 */
export async function learnPerson(
  tx: Tx,
  message: { person: number },
  who: PersonReference,
  telling: Telling,
): Promise<void> {
  const contact = await contactOfPerson(tx, message.person)
  if (contact?.kind !== CONTACT_KIND.person || isOtherUser(contact, who)) return
  for (const other of await othersNamed(tx, contact, who)) {
    // Known by a user id of their own, so there they have a thread: the one without joins the one with it.
    if (contact.profile.userId === undefined) return await joinInto(tx, contact, other, telling)
    if (other.profile.userId === undefined) await joinInto(tx, other, contact, telling)
  }
  const { portfolio, person } = contact
  if (who.userId !== undefined && tx.vault.findPerson('user', portfolio, who.userId) === undefined) {
    tx.vault.linkPerson('user', portfolio, who.userId, person)
  }
  const { phone, name, ...identities } = who
  const named = contact.profile.name === undefined && name !== undefined ? { ...identities, name } : identities
  const after = afterReference(contact, named, toldBy(telling))
  if (phone !== undefined && [undefined, person].includes(await findByPhone(tx, portfolio, phone))) {
    linkPhone(tx, portfolio, phone, person)
    after.links = withLink(after.links, 'phone', phone, toldBy(telling))
    after.profile = { phone, ...after.profile }
  }
  if (await writeContact(tx, contact, after)) await tellContact(tx, contact.id)
}

function isOtherUser({ profile }: OpenContact, { userId }: PersonReference): boolean {
  return userId !== undefined && profile.userId !== undefined && profile.userId !== userId
}

/** Contacts of others that a reference to this one names. */
async function othersNamed(tx: Tx, contact: OpenContact, who: PersonReference): Promise<OpenContact[]> {
  const byUserId = who.userId === undefined ? undefined : tx.vault.findPerson('user', contact.portfolio, who.userId)
  const byPhone = who.phone === undefined ? undefined : await findByPhone(tx, contact.portfolio, who.phone)
  const others: OpenContact[] = []
  for (const person of new Set([byUserId, byPhone])) {
    const other = person === undefined || person === contact.person ? undefined : await contactOfPerson(tx, person)
    if (other && !isOtherUser(other, who)) others.push(other)
  }
  return others
}

/**
 * Takes in what a status says of whom it is about. Statuses come in floods and nearly always name whom we know: asked by
 * one look at the index of user ids, once for each person.
 */
export async function learnFromStatus(
  tx: Tx,
  message: { portfolio: string; person: number },
  who: PersonReference,
  context: InputContext,
): Promise<void> {
  const { userId } = who
  if (userId === undefined) return
  await tx.memo('contacts', JSON.stringify(['status', message.person, userId]), async () => {
    if (tx.vault.findPerson('user', message.portfolio, userId) !== message.person) {
      await learnPerson(tx, message, who, { ...context, source: 'status' })
    }
    return true
  })
}

/**
 * The platform says that somebody is somebody else from now on: another number, another user id. They keep their threads;
 * what they were known by ends. Where the new identity has a contact already, both are one person.
 */
export async function changeIdentity(
  tx: Tx,
  contactId: number,
  change: { to: PersonReference; atMs: number },
  context: InputContext,
): Promise<void> {
  const contact = await contactById(tx, contactId)
  if (!contact) return
  // A name in such a notice is that of the account, and comes with the next message anyway.
  const { name: _, ...to } = change.to
  const told: Told = { source: 'notice', at: Math.min(change.atMs, context.now) }
  const telling: Telling = { ...context, source: 'notice' }
  const next = await successorOf(tx, contact, to, telling)
  const ended = withoutIdentities(contact, told.at, isOldAfter(contact, to, next !== undefined))
  forgetPhones(tx, contact, ended)
  if (next) {
    await writeContact(tx, contact, ended)
    await writeContact(tx, next, { profile: { ...namesIn(contact.profile), ...next.profile } })
    await bringUpToDate(tx, contact.portfolio, to, telling)
    await joinContacts(tx, contact, next, context)
    return
  }
  link(tx, contact.portfolio, to, contact.person)
  if (await writeContact(tx, contact, afterReference(ended, to, told))) await tellContact(tx, contact.id)
  await claimUsername(tx, contact, to, telling)
}

/** Who somebody was before a change: a user id that is the new one already says nothing of that. */
export function personBefore(who: PersonReference, to: PersonReference): PersonReference {
  const { userId, parentUserId: _, ...others } = who
  return userId !== undefined && userId === to.userId && others.phone !== undefined ? others : who
}

/** Which identities end. The platform's rule: with the number changes the user id, also where it does not say so. */
function isOldAfter({ profile, links }: OpenContact, to: PersonReference, hasMoved: boolean): IsEnding {
  const { phone, userId } = to
  const hasNewPhone = phone !== undefined && !liveValues(links, 'phone').some((one) => isSamePhone(one, phone))
  const hasNewUser = userId === undefined ? hasNewPhone : userId !== profile.userId
  return ({ kind }) => {
    if (kind === 'phone') return hasMoved || hasNewPhone
    return (kind === 'user_id' || kind === 'parent_user_id') && (hasMoved || hasNewUser)
  }
}

/** The contact that the new identity has already, if it is another; a phone that another user has passes on. */
async function successorOf(
  tx: Tx,
  contact: OpenContact,
  to: PersonReference,
  { now }: Telling,
): Promise<OpenContact | undefined> {
  const byUserId = to.userId === undefined ? undefined : tx.vault.findPerson('user', contact.portfolio, to.userId)
  if (byUserId === contact.person) return undefined
  const user = byUserId === undefined ? undefined : await contactOfPerson(tx, byUserId)
  if (user) return user
  const byPhone = to.phone === undefined ? undefined : await findByPhone(tx, contact.portfolio, to.phone)
  const holder = byPhone === undefined || byPhone === contact.person ? undefined : await contactOfPerson(tx, byPhone)
  if (!holder || to.phone === undefined) return undefined
  if (to.userId === undefined || holder.profile.userId === undefined) return holder
  await passPhone(tx, holder, to.phone, now)
  return undefined
}

/** Takes in the name that the firm's address book has for somebody; null: it has none any more. */
export async function setBookName(tx: Tx, person: number, bookName: string | null): Promise<void> {
  const contact = await contactOfPerson(tx, person)
  if (!contact) return
  const { bookName: _, ...without } = contact.profile
  const profile = bookName === null ? without : { ...without, bookName }
  if (await writeContact(tx, contact, { profile })) await tellContact(tx, contact.id)
}

/** Where a message to a contact goes that has no phone and no user id any more: to those of its family. */
export async function addressOfFamily(tx: Tx, contactId: number): Promise<PersonReference | undefined> {
  const contact = await contactById(tx, contactId)
  if (!contact) return undefined
  for (const id of await familyOf(tx, contact)) {
    const member = id === contactId ? undefined : await contactById(tx, id)
    const address = member?.portfolio === contact.portfolio ? addressIn(member.profile) : undefined
    if (address) return address
  }
  return undefined
}

/** Where a message to somebody goes; undefined where nothing is left that they are known by. */
export function addressIn({ phone, userId }: Profile): PersonReference | undefined {
  if (phone === undefined && userId === undefined) return undefined
  return { ...(phone === undefined ? {} : { phone }), ...(userId === undefined ? {} : { userId }) }
}
