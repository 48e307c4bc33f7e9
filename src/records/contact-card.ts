import type { PersonReference } from '../core/inbound.ts'
import { isSamePhone } from '../core/phone.ts'
import type { IdentitySource } from './codes.ts'

/** What a contact's sealed profile holds: who they are now, as far as nearly every view needs it. */
export interface Profile {
  /** The name the person gave themselves. */
  name?: string
  phone?: string
  userId?: string
  parentUserId?: string
  username?: string
  /** The name somebody of the firm gave them. It wins. */
  givenName?: string
  /** The name in the address book of the firm's phone. */
  bookName?: string
}

/** What somebody is called, in all ways there are. */
export function namesIn({ name, givenName, bookName }: Profile): Profile {
  return {
    ...(name === undefined ? {} : { name }),
    ...(givenName === undefined ? {} : { givenName }),
    ...(bookName === undefined ? {} : { bookName }),
  }
}

/** What a contact is called. */
export function nameOf(profile: Profile): string | null {
  return profile.givenName ?? profile.name ?? profile.bookName ?? null
}

export type IdentityKind = 'phone' | 'user_id' | 'parent_user_id' | 'username' | 'email'

/** One name by which somebody is known on a channel, from when on, and until when. Milliseconds since 1970. */
export interface IdentityLink {
  kind: IdentityKind
  value: string
  source: IdentitySource
  since: number
  until: number | null
}

export type AttributeValue = string | number | boolean

/** What a contact's sealed card holds: what the profile does not say. */
export interface Card {
  links: IdentityLink[]
  attributes?: Record<string, AttributeValue>
}

/** How somebody came to be known under an identity, and when. */
export interface Told {
  source: IdentitySource
  at: number
}

/** Beyond this the identities that ended first are forgotten. */
const LINKS_MAX = 200

const PROFILE_MEMBER = {
  phone: 'phone',
  user_id: 'userId',
  parent_user_id: 'parentUserId',
  username: 'username',
} as const
type ProfileKind = keyof typeof PROFILE_MEMBER
const PROFILE_KINDS = Object.keys(PROFILE_MEMBER) as ProfileKind[]

/** The links of a contact without a card: what the profile says, since the contact was made. */
export function linksOfProfile(profile: Profile, first: Told): IdentityLink[] {
  return PROFILE_KINDS.flatMap((kind) => {
    const value = profile[PROFILE_MEMBER[kind]]
    return value === undefined ? [] : [{ kind, value, source: first.source, since: first.at, until: null }]
  })
}

/** Whether it is one of the identities that hold now. */
function isLive(links: readonly IdentityLink[], kind: IdentityKind, value: string): boolean {
  return links.some((link) => link.until === null && link.kind === kind && link.value === value)
}

/** Whether it is one that holds no more. */
export function hasEnded(links: readonly IdentityLink[], kind: IdentityKind, value: string | undefined): boolean {
  const same = links.filter((link) => link.kind === kind && link.value === value)
  return same.length > 0 && same.every(({ until }) => until !== null)
}

/** The identities of a kind that hold now. */
export function liveValues(links: readonly IdentityLink[], kind: IdentityKind): string[] {
  return links.filter((link) => link.until === null && link.kind === kind).map(({ value }) => value)
}

/** With one more identity; nothing changes where it is one already. */
export function withLink(
  links: readonly IdentityLink[],
  kind: IdentityKind,
  value: string,
  told: Told,
): IdentityLink[] {
  if (isLive(links, kind, value)) return [...links]
  return bounded([...links, { kind, value, source: told.source, since: told.at, until: null }])
}

/** Those that are chosen end. */
export function endLinks(links: readonly IdentityLink[], until: number, isEnding: IsEnding): IdentityLink[] {
  return links.map((link) =>
    link.until === null && isEnding(link) ? { ...link, until: Math.max(until, link.since) } : link,
  )
}

function bounded(links: IdentityLink[]): IdentityLink[] {
  if (links.length <= LINKS_MAX) return links
  const firstEnded = links.reduce<IdentityLink | undefined>(
    (first, link) => (link.until !== null && (first === undefined || link.until < (first.until ?? 0)) ? link : first),
    undefined,
  )
  return links.filter((link) => link !== (firstEnded ?? links[0]))
}

export type IsEnding = (link: Pick<IdentityLink, 'kind' | 'value'>) => boolean

export interface Identity {
  profile: Profile
  links: readonly IdentityLink[]
}

/**
 * What is known of somebody after a reference to them. What it does not say stays as it was. Of user ids and usernames
 * there is one at a time; a phone that is new takes the place of others, unless it is one of them in another form.
 */
export function afterReference({ profile, links }: Identity, who: PersonReference, told: Told): Identity {
  // A user id changes with the number and never comes back: what still comes under an old one is late news.
  if (hasEnded(links, 'user_id', who.userId)) return { profile, links }
  let after = links
  for (const kind of PROFILE_KINDS) {
    const value = who[PROFILE_MEMBER[kind]]
    if (value === undefined || isLive(after, kind, value)) continue
    const isOther = (other: string) => (kind === 'phone' ? !isSamePhone(value, other) : true)
    after = withLink(
      endLinks(after, told.at, (link) => link.kind === kind && isOther(link.value)),
      kind,
      value,
      told,
    )
  }
  return { profile: { ...profile, ...profileOf(who) }, links: after }
}

/** Without the identities that are chosen. The profile shows another phone if one is left. */
export function withoutIdentities({ profile, links }: Identity, until: number, isEnding: IsEnding): Identity {
  const after = endLinks(links, until, isEnding)
  const rest: Profile = { ...profile }
  for (const kind of PROFILE_KINDS) {
    const value = rest[PROFILE_MEMBER[kind]]
    if (value === undefined || !isEnding({ kind, value })) continue
    const other = liveValues(after, kind).at(-1)
    if (other === undefined) delete rest[PROFILE_MEMBER[kind]]
    else rest[PROFILE_MEMBER[kind]] = other
  }
  return { profile: rest, links: after }
}

const REFERENCE_MEMBERS = ['name', 'phone', 'userId', 'parentUserId', 'username'] as const

/** What a reference says of somebody. */
export function profileOf(who: PersonReference): Profile {
  const profile: Profile = {}
  for (const member of REFERENCE_MEMBERS) {
    const value = who[member]
    if (value !== undefined) profile[member] = value
  }
  return profile
}

/** Whether a profile says all of it already, as it nearly always does. */
export function isSaidBy(profile: Profile, who: PersonReference): boolean {
  return REFERENCE_MEMBERS.every((member) => who[member] === undefined || who[member] === profile[member])
}

/** By what an e-mail address is found: however it is written, in capitals or not. */
export function emailKey(email: string): string {
  return email.normalize('NFKC').toLowerCase()
}
