import { Failure } from '../core/failure.ts'
import { readId, showId } from '../core/ids.ts'
import type { AttributeValue } from '../records/contact-card.ts'
import { ATTRIBUTES_MAX, type ContactChange, changeContact } from '../records/contact-change.ts'
import { type MergeAnswer, mergeContacts, unmergeContact } from '../records/contact-merge.ts'
import type { LookUp } from '../records/contact-reader.ts'
import type { Ask } from '../records/inputs.ts'
import { EMAIL_CHARS_MAX } from '../records/person.ts'
import type { Reader } from '../records/reader.ts'
import { knownBody, pointerTo, wrong } from './body.ts'
import { type Asked, found, idOf, pageOf, seeOf } from './route.ts'

export const NAME_CHARS_MAX = 200
export const ATTRIBUTE_KEY_CHARS_MAX = 64
export const ATTRIBUTE_CHARS_MAX = 1000
export const EMAILS_MAX = 20
/** As much as can be said of an address without writing to it. */
const EMAIL = /^[^\s@<>]{1,64}@[^\s@<>]+\.[^\s@<>]+$/
/** E.164 with its plus sign. */
const PHONE = /^\+[1-9]\d{5,14}$/
const LOOK_UP_CHARS_MAX = 256
const LOOK_UPS = ['phone', 'user_id', 'username', 'email'] as const

export interface ContactDependencies {
  ask: Ask
  reader: Reader
}

type Handle = (deps: ContactDependencies, asked: Asked) => Promise<object>

export const listContacts: Handle = ({ reader }, { query, principal }) =>
  reader.contacts.list(pageOf(query), seeOf(principal))

export const getContact: Handle = async (deps, asked) => await contactFor(deps, asked)

/** What a person is known by never stands in an address: it is in the body. */
export const lookUpContact: Handle = async ({ reader }, { request, principal, noted }) => {
  const body = await knownBody(request, [...LOOK_UPS, 'portfolio'])
  const named = LOOK_UPS.filter((kind) => body[kind] !== undefined)
  const [kind] = named
  if (kind === undefined || named.length > 1) {
    throw new Failure('invalid', `Say one of ${LOOK_UPS.join(', ')}`, { path: '' })
  }
  const { portfolio } = body
  if (portfolio !== undefined && typeof portfolio !== 'string') throw wrong('/portfolio', 'the id of a portfolio')
  const look = { kind, value: lookedUp(kind, body[kind]) }
  const contact: { id?: unknown } = found(
    await reader.contacts.lookUp(look, portfolio ?? null, seeOf(principal)),
    'contact',
  )
  Object.assign(noted, { object: contact.id, detail: { [kind]: look.value } })
  return contact
}

function lookedUp(kind: LookUp['kind'], value: unknown): string {
  const text = typeof value === 'string' ? value.trim() : ''
  if (text.length === 0 || text.length > LOOK_UP_CHARS_MAX) throw wrong(`/${kind}`, 'a text')
  if (kind !== 'phone') return kind === 'username' ? text.replace(/^@/, '') : text
  const phone = text.replace(/[\s().-]/g, '')
  if (!PHONE.test(phone)) throw wrong('/phone', 'a phone number in E.164 such as "+15550100"')
  return phone
}

export const patchContact: Handle = async (deps, asked) => {
  const contactId = await changeable(deps, asked)
  const body = await knownBody(asked.request, ['name', 'attributes', 'emails'])
  await deps.ask(changeContact, {
    contactId,
    ...(body['name'] === undefined ? {} : { name: nameIn(body['name']) }),
    ...(body['attributes'] === undefined ? {} : { attributes: attributesIn(body['attributes']) }),
    ...(body['emails'] === undefined ? {} : { emails: emailsIn(body['emails']) }),
  })
  return await contactFor(deps, asked)
}

function nameIn(value: unknown): string | null {
  if (value === null) return null
  const name = typeof value === 'string' ? value.trim() : ''
  if (name.length === 0 || name.length > NAME_CHARS_MAX) {
    throw wrong('/name', `a text of 1 to ${NAME_CHARS_MAX} characters, or null`)
  }
  return name
}

function attributesIn(value: unknown): NonNullable<ContactChange['attributes']> | null {
  if (value === null) return null
  if (typeof value !== 'object' || Array.isArray(value)) throw wrong('/attributes', 'an object, or null')
  const entries = Object.entries(value)
  if (entries.length > 2 * ATTRIBUTES_MAX) {
    throw wrong('/attributes', `an object of at most ${ATTRIBUTES_MAX} attributes and as many to take away`)
  }
  return Object.fromEntries(entries.map(([key, each]) => [key, attributeIn(key, each)]))
}

function attributeIn(key: string, value: unknown): AttributeValue | null {
  if (key.length === 0 || key.length > ATTRIBUTE_KEY_CHARS_MAX) {
    throw wrong('/attributes', `an object whose names have 1 to ${ATTRIBUTE_KEY_CHARS_MAX} characters`)
  }
  const isShort = typeof value === 'string' && value.length <= ATTRIBUTE_CHARS_MAX
  if (value === null || isShort || typeof value === 'boolean' || Number.isFinite(value)) {
    return value as AttributeValue | null
  }
  throw wrong(
    `/attributes${pointerTo(key)}`,
    `a text of at most ${ATTRIBUTE_CHARS_MAX} characters, a number, true, false, or null to take it away`,
  )
}

function emailsIn(value: unknown): string[] {
  if (!Array.isArray(value) || value.length > EMAILS_MAX) {
    throw wrong('/emails', `a list of at most ${EMAILS_MAX} e-mail addresses`)
  }
  return value.map((each: unknown, index) => {
    const email = typeof each === 'string' ? each.trim() : ''
    if (email.length > EMAIL_CHARS_MAX || !EMAIL.test(email)) throw wrong(`/emails/${index}`, 'an e-mail address')
    return email
  })
}

export const mergeContact: Handle = async (deps, asked) => {
  const contactId = await changeable(deps, asked)
  const { into } = await knownBody(asked.request, ['into'])
  const intoId = typeof into === 'string' ? readId('contact', into) : undefined
  const isThere = intoId !== undefined && (await deps.reader.contacts.one(intoId, seeOf(asked.principal)))
  if (!isThere) throw wrong('/into', 'the id of a contact')
  return mergeView(await deps.ask(mergeContacts, { contactId, intoId, by: asked.principal.id }))
}

export const unmergeContacts: Handle = async (deps, asked) => {
  const contactId = await changeable(deps, asked)
  await knownBody(asked.request, [])
  return mergeView(await deps.ask(unmergeContact, { contactId, by: asked.principal.id }))
}

function mergeView({ id, fromId, intoId }: MergeAnswer): object {
  return { id: showId('merge', id), contact: showId('contact', fromId), into: showId('contact', intoId) }
}

export const listConversationsOf: Handle = async ({ reader }, { params, query, principal }) => {
  const see = seeOf(principal)
  const family = found(reader.contacts.familyOf(idOf('contact', params), see), 'contact')
  return await reader.conversationsOf(family, pageOf(query), see)
}

async function contactFor({ reader }: ContactDependencies, { params, principal }: Asked): Promise<object> {
  return found(await reader.contacts.one(idOf('contact', params), seeOf(principal)), 'contact')
}

/** The contact of the address, where whoever asks sees it. */
async function changeable(deps: ContactDependencies, asked: Asked): Promise<number> {
  await contactFor(deps, asked)
  return idOf('contact', asked.params)
}
