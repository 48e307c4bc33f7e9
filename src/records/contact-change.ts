import { Failure } from '../core/failure.ts'
import { type AttributeValue, emailKey, endLinks, liveValues, type Profile, withLink } from './contact-card.ts'
import { tellContact } from './contact-event.ts'
import { familyOf } from './contact-merge.ts'
import { contactById, livingContact, type OpenContact, writeContact } from './contact-row.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** Together with the length of keys and values: what a contact carries through every view of it. */
export const ATTRIBUTES_MAX = 100

export interface ContactChange {
  contactId: number
  /** Null: the name that the person gave themselves is shown again. */
  name?: string | null
  /** A merge patch (RFC 7396) of the attributes: null takes one away, or all. */
  attributes?: Record<string, AttributeValue | null> | null
  /** All e-mail addresses there are from now on. */
  emails?: string[]
}

/** A person of the firm says how somebody is called, what is known of them, and by which e-mail addresses. */
export const changeContact = input('contact.change', async (tx: Tx, ask: ContactChange, context: InputContext) => {
  const contact = await livingContact(tx, ask.contactId)
  if (!contact) throw new Failure('not_found', 'No such contact')
  const after = {
    profile: ask.name === undefined ? contact.profile : withName(contact.profile, ask.name),
    attributes: ask.attributes === undefined ? contact.attributes : patched(contact.attributes, ask.attributes),
    links: ask.emails === undefined ? contact.links : await withEmails(tx, contact, ask.emails, context),
  }
  const isChanged = await writeContact(tx, contact, after)
  if (isChanged) await tellContact(tx, contact.id)
  return { isChanged }
})

function withName(profile: Profile, name: string | null): Profile {
  const { givenName: _, ...without } = profile
  return name === null ? without : { ...without, givenName: name }
}

function patched(
  attributes: OpenContact['attributes'],
  patch: Record<string, AttributeValue | null> | null,
): OpenContact['attributes'] {
  if (patch === null) return {}
  const after = new Map(Object.entries(attributes))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) after.delete(name)
    else after.set(name, value)
  }
  if (after.size > ATTRIBUTES_MAX) {
    throw new Failure('invalid', `A contact has at most ${ATTRIBUTES_MAX} attributes`, { path: '/attributes' })
  }
  return Object.fromEntries(after)
}

/** An address is that of one contact. One that another member of the family has stays there. */
async function withEmails(
  tx: Tx,
  contact: OpenContact,
  emails: readonly string[],
  { now }: InputContext,
): Promise<OpenContact['links']> {
  const { portfolio, person } = contact
  const own = await ownAddresses(tx, contact, emails)
  const keys = new Set(own.map(emailKey))
  const gone = liveValues(contact.links, 'email').filter((email) => !keys.has(emailKey(email)))
  let links = endLinks(contact.links, now, ({ kind, value }) => kind === 'email' && gone.includes(value))
  const known = new Set(liveValues(links, 'email').map(emailKey))
  for (const email of own.filter((each) => !known.has(emailKey(each)))) {
    links = withLink(links, 'email', email, { source: 'api', at: now })
    tx.vault.linkPerson('email', portfolio, emailKey(email), person)
  }
  for (const email of gone) tx.vault.unlinkIdentity('email', portfolio, emailKey(email), person)
  return links
}

async function ownAddresses(tx: Tx, contact: OpenContact, emails: readonly string[]): Promise<string[]> {
  const family = new Set<number>()
  for (const id of await familyOf(tx, contact)) family.add((await contactById(tx, id))?.person ?? 0)
  return emails.filter((email, index) => {
    const holder = tx.vault.findPerson('email', contact.portfolio, emailKey(email))
    if (holder === undefined || holder === contact.person) return true
    if (family.has(holder)) return false
    throw new Failure(
      'conflict',
      'Another contact has this e-mail address: merge the two, or take it away there first',
      {
        path: `/emails/${index}`,
      },
    )
  })
}
