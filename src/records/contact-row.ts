import { CONTACT_KIND, IDENTITY_SOURCE, type IdentitySource } from './codes.ts'
import type { AttributeValue, Card, Identity, Profile } from './contact-card.ts'
import { linksOfProfile } from './contact-card.ts'
import type { InputContext, Tx } from './tx.ts'
import { workspaceOfPortfolio } from './workspace.ts'

export interface ContactRow {
  id: number
  person: number
  portfolio: string
  profile: Uint8Array
  card: Uint8Array | null
  created_at: number
  source: number
  merged_into: number | null
  joined: number
  kind: number
  workspace_id: number
}

const CONTACT_COLUMNS =
  'id, person, portfolio, profile, card, created_at, source, merged_into, joined, kind, workspace_id'

/** A contact with its cells opened. */
export interface OpenContact extends Identity {
  id: number
  person: number
  portfolio: string
  workspaceId: number
  /** A person or a group. */
  kind: number
  attributes: Record<string, AttributeValue>
  mergedInto: number | null
  /** Whether it is or was in a family. */
  hasJoined: boolean
  /** The cells as they are written, for the events told with them. */
  texts: { profile: string | undefined; card: string | undefined }
}

export function profilePlace(contactId: number): string {
  return `contacts.profile:${contactId}`
}

export function cardPlace(contactId: number): string {
  return `contacts.card:${contactId}`
}

export async function contactOfPerson(tx: Tx, person: number): Promise<OpenContact | undefined> {
  const row = await tx.one<ContactRow>(
    `SELECT ${CONTACT_COLUMNS} FROM contacts WHERE person = ?1 AND workspace_id = coalesce(?2, workspace_id)`,
    person,
    tx.within,
  )
  return row && openContact(tx, row)
}

/** Opened; undefined also where it is in another workspace than the one that is acted in. */
export async function contactById(tx: Tx, id: number): Promise<OpenContact | undefined> {
  const row = await tx.one<ContactRow>(
    `SELECT ${CONTACT_COLUMNS} FROM contacts WHERE id = ?1 AND workspace_id = coalesce(?2, workspace_id)`,
    id,
    tx.within,
  )
  return row && openContact(tx, row)
}

/** A person's contact that is still theirs; undefined for a group, and for whoever is erased. */
export async function livingContact(tx: Tx, id: number): Promise<OpenContact | undefined> {
  const contact = await contactById(tx, id)
  return contact?.kind === CONTACT_KIND.person && !tx.isErased(contact.person) ? contact : undefined
}

function openContact(tx: Tx, row: ContactRow): OpenContact {
  const { id, person, portfolio, kind } = row
  const profileText = tx.unseal(person, profilePlace(id), row.profile)
  const cardText = row.card === null ? undefined : tx.unseal(person, cardPlace(id), row.card)
  const profile = profileText === undefined ? {} : (JSON.parse(profileText) as Profile)
  const { links, attributes } = readCard(cardText, profile, row)
  const texts = { profile: profileText, card: cardText }
  const cells = { profile, links, attributes, texts }
  const { merged_into: mergedInto, workspace_id: workspaceId } = row
  return { id, person, portfolio, workspaceId, kind, ...cells, mergedInto, hasJoined: row.joined === 1 }
}

/** What a card says; without one, what follows from the profile. */
export function readCard(
  text: string | undefined,
  profile: Profile,
  row: Pick<ContactRow, 'created_at' | 'source'>,
): Required<Card> {
  if (text === undefined) {
    const first = { source: IDENTITY_SOURCE.word(row.source), at: row.created_at }
    return { links: linksOfProfile(profile, first), attributes: {} }
  }
  return { attributes: {}, ...(JSON.parse(text) as Card) }
}

/**
 * Writes what has changed of a contact, and answers whether anything has. What events told so far is kept for them.
 * The card is written once it says more than the profile does.
 */
export async function writeContact(
  tx: Tx,
  contact: OpenContact,
  after: Partial<Pick<OpenContact, 'profile' | 'links' | 'attributes'>>,
): Promise<boolean> {
  const { id, person, workspaceId, texts } = contact
  const { profile, links, attributes } = { ...contact, ...after }
  const profileText = JSON.stringify(sorted(profile))
  const hasNewCard = !isSame([links, attributes], [contact.links, contact.attributes])
  if (isSame(sorted(profile), sorted(contact.profile)) && !hasNewCard) return false
  const cardText = hasNewCard ? cardOf(links, attributes) : texts.card
  if (texts.profile !== undefined) await tx.keepFormer('profile', { subject: id, person, text: texts.profile })
  if (hasNewCard) await tx.keepFormer('card', { subject: id, person, text: texts.card ?? '' })
  await tx.run(
    'UPDATE contacts SET profile = ?2, card = ?3 WHERE id = ?1 AND workspace_id = ?4',
    id,
    tx.seal(person, profilePlace(id), profileText),
    cardText === undefined ? null : tx.seal(person, cardPlace(id), cardText),
    workspaceId,
  )
  Object.assign(contact, { profile, links, attributes, texts: { profile: profileText, card: cardText } })
  return true
}

/** Makes the contact of a person; answers its id. */
export async function insertContact(
  tx: Tx,
  contact: { person: number; portfolio: string; profile: Profile; source: IdentitySource },
  { now, ids }: InputContext,
): Promise<number> {
  const id = ids.next()
  await tx.run(
    `INSERT INTO contacts (id, person, portfolio, profile, created_at, source, workspace_id)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ${workspaceOfPortfolio('?3')})`,
    id,
    contact.person,
    contact.portfolio,
    tx.seal(contact.person, profilePlace(id), JSON.stringify(sorted(contact.profile))),
    now,
    IDENTITY_SOURCE.code(contact.source),
  )
  return id
}

function cardOf(links: OpenContact['links'], attributes: OpenContact['attributes']): string {
  return JSON.stringify({ links, ...(Object.keys(attributes).length > 0 ? { attributes } : {}) })
}

/** The members in one order, without those that say nothing. */
function sorted(profile: Profile): Profile {
  const { name, phone, userId, parentUserId, username, givenName, bookName } = profile
  const members = { name, phone, userId, parentUserId, username, givenName, bookName }
  return Object.fromEntries(Object.entries(members).filter(([, member]) => member !== undefined))
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
