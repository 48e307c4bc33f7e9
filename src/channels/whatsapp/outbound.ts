import { type TypeCheck, TypeCompiler, type ValueError, ValueErrorType } from '@sinclair/typebox/compiler'
import { Failure } from '../../core/failure.ts'
import type { MessageClass } from '../../core/message.ts'
import { nearest } from '../../core/nearest.ts'
import type { PreparedMessage } from '../channel.ts'
import { type JsonObject, objectOf, textOf } from './read.ts'
import { INTERACTIVE_SCHEMAS, messageSchema, TYPE_SCHEMAS } from './schemas.ts'

/** Types whose object names a file, by exactly one of `id` and `link`. */
const MEDIA_TYPES = ['image', 'video', 'audio', 'document', 'sticker'] as const
const LIST_ROWS_MAX = 10
/** Looking further for a better error than the first is not worth more. */
const ERRORS_LOOKED_AT = 64
const PATH_CHARS_MAX = 200

const TYPES = [...Object.keys(TYPE_SCHEMAS), 'interactive']
const INTERACTIVE_TYPES = Object.keys(INTERACTIVE_SCHEMAS)

type Check = TypeCheck<ReturnType<typeof messageSchema>>
/** Compiled when a type is first sent (about a millisecond each), so that the start does not wait for it. */
const checks = new Map<string, Check>()

/**
 * Checks an outgoing message as the platform would and answers what is to be sent. `body` holds the platform's own
 * members; `ours` (`to`, `class`, `biz_opaque_callback_data` and so on) were taken out before. Throws
 * `Failure('invalid')` with the `path` of the wrong member; its text says what is wanted there and repeats no value.
 */
export function prepareMessage(body: Record<string, unknown>, ours: readonly string[] = []): PreparedMessage {
  const type = typeOf(body)
  if (type === undefined || !TYPES.includes(type)) throw invalid('/type', `one of ${TYPES.join(', ')}`)
  const check = checkFor(type, body)
  if (!check.Check(body)) throw failureOf(check, body, ours)
  checkBeyondSchema(type, body)
  const content: JsonObject = { type, [type]: body[type] }
  for (const member of ['context', 'recipient_identity_key_hash']) {
    if (body[member] !== undefined) content[member] = body[member]
  }
  return {
    type,
    content,
    replyTo: textOf(objectOf(body['context'])?.['message_id']) ?? null,
    needsWindow: type !== 'template',
    template: type === 'template' ? templateOf(objectOf(body['template'])) : null,
  }
}

/**
 * What a message is for, where the sender does not say: text and everything else that people write is a reply; a
 * template goes by its category, and by `notice` while the category is not known.
 */
export function defaultClass(content: Record<string, unknown>, templateCategory: string | null): MessageClass {
  if (content['type'] !== 'template') return 'reply'
  const category = templateCategory?.toLowerCase() ?? ''
  if (category.startsWith('authentication')) return 'urgent'
  return category.startsWith('marketing') ? 'bulk' : 'notice'
}

function checkFor(type: string, body: Record<string, unknown>): Check {
  if (type !== 'interactive') return compiled(type, type)
  const content = objectOf(Object.hasOwn(body, type) ? body[type] : undefined)
  if (!content) throw invalid('/interactive', 'an object')
  const kind = typeOf(content)
  if (kind === undefined || !INTERACTIVE_TYPES.includes(kind)) {
    throw invalid('/interactive/type', `one of ${INTERACTIVE_TYPES.join(', ')}`)
  }
  return compiled(`interactive ${kind}`, type, kind)
}

function compiled(key: string, type: string, kind?: string): Check {
  const known = checks.get(key)
  if (known) return known
  const table = kind === undefined ? TYPE_SCHEMAS : INTERACTIVE_SCHEMAS
  const schema = Object.entries(table).find(([name]) => name === (kind ?? type))?.[1]
  if (!schema) throw new Error(`Assertion failed: no schema for ${key}`)
  const check = TypeCompiler.Compile(messageSchema(type, schema))
  checks.set(key, check)
  return check
}

/** Rules that join several members. */
function checkBeyondSchema(type: string, body: Record<string, unknown>): void {
  const content = objectOf(body[type])
  if (MEDIA_TYPES.some((media) => media === type)) checkSource(`/${type}`, content)
  if (type === 'location') checkCoordinates(content)
  if (type === 'contacts') checkContacts(body['contacts'])
  if (type === 'interactive') checkInteractive(content)
  if (type === 'template') checkTemplateMedia(content?.['components'], '/template/components')
}

function checkSource(path: string, media: JsonObject | undefined): void {
  if ((media?.['id'] === undefined) === (media?.['link'] === undefined))
    throw invalid(path, 'exactly one of id and link')
}

function checkCoordinates(location: JsonObject | undefined): void {
  for (const [member, max] of [
    ['latitude', 90],
    ['longitude', 180],
  ] as const) {
    const isInside = Math.abs(Number(location?.[member])) <= max
    if (!isInside)
      throw invalid(`/location/${member}`, `degrees from -${max} to ${max}, as a number or a decimal string`)
  }
}

/** The platform wants one part of the name beside the whole. */
function checkContacts(contacts: unknown): void {
  for (const [index, contact] of (Array.isArray(contacts) ? contacts : []).entries()) {
    const name = objectOf(objectOf(contact)?.['name'])
    if (Object.keys(name ?? {}).length < 2) {
      throw invalid(`/contacts/${index}/name`, 'formatted_name and at least one of its parts, such as first_name')
    }
  }
}

function checkInteractive(content: JsonObject | undefined): void {
  const header = objectOf(content?.['header'])
  const kind = textOf(header?.['type'])
  if (header && kind !== undefined) {
    if (header[kind] === undefined) throw invalid(`/interactive/header/${kind}`, 'the object that header.type names')
    if (kind !== 'text') checkSource(`/interactive/header/${kind}`, objectOf(header[kind]))
  }
  const action = objectOf(content?.['action'])
  if (content?.['type'] === 'button') checkTitles(action?.['buttons'])
  if (content?.['type'] === 'list') checkRows(action?.['sections'])
  const needsBody = ['button', 'list', 'cta_url', 'location_request_message', 'flow'].some(
    (word) => word === content?.['type'],
  )
  if (needsBody && content?.['body'] === undefined) throw invalid('/interactive/body', 'an object with text')
}

function checkTitles(buttons: unknown): void {
  const seen = new Set<unknown>()
  for (const [index, button] of (Array.isArray(buttons) ? buttons : []).entries()) {
    const title = objectOf(objectOf(button)?.['reply'])?.['title']
    if (seen.has(title))
      throw invalid(`/interactive/action/buttons/${index}/reply/title`, 'a title that no other button has')
    seen.add(title)
  }
}

function checkRows(sections: unknown): void {
  const list = Array.isArray(sections) ? sections : []
  let rowCount = 0
  for (const section of list) {
    const rows = objectOf(section)?.['rows']
    rowCount += Array.isArray(rows) ? rows.length : 0
  }
  if (rowCount > LIST_ROWS_MAX)
    throw invalid('/interactive/action/sections', `at most ${LIST_ROWS_MAX} rows in all sections`)
  const untitled = list.findIndex((section) => !textOf(objectOf(section)?.['title']))
  if (list.length > 1 && untitled >= 0) {
    throw invalid(`/interactive/action/sections/${untitled}/title`, 'a title, as there are several sections')
  }
}

/** Media in template headers, also in the cards of a carousel; these nest no deeper. */
function checkTemplateMedia(components: unknown, path: string): void {
  for (const [index, component] of elementsOf(components).entries()) {
    checkParameters(component['parameters'], `${path}/${index}/parameters`)
    for (const [at, card] of elementsOf(component['cards']).entries()) {
      checkTemplateMedia(card['components'], `${path}/${index}/cards/${at}/components`)
    }
  }
}

function checkParameters(parameters: unknown, path: string): void {
  for (const [at, parameter] of elementsOf(parameters).entries()) {
    for (const media of ['image', 'video', 'gif', 'document']) {
      const value = objectOf(parameter[media])
      if (value) checkSource(`${path}/${at}/${media}`, value)
    }
  }
}

/** The elements of a list that the schema has shown to hold objects only. */
function elementsOf(list: unknown): readonly JsonObject[] {
  return Array.isArray(list) ? list : []
}

function templateOf(template: JsonObject | undefined): PreparedMessage['template'] {
  const language = textOf(objectOf(template?.['language'])?.['code'])
  const name = textOf(template?.['name'])
  return name === undefined || language === undefined ? null : { name, language }
}

/** The most telling error: a member that does not exist explains better than the one that is missing for it. */
function failureOf(check: Check, body: unknown, ours: readonly string[]): Failure {
  let first: ValueError | undefined
  let count = 0
  for (const error of check.Errors(body)) {
    if (error.type === ValueErrorType.ObjectAdditionalProperties) return unknownMember(error, ours)
    first ??= error
    if (++count >= ERRORS_LOOKED_AT) break
  }
  return invalid(first?.path ?? '', wantedBy(first))
}

function unknownMember(error: ValueError, ours: readonly string[]): Failure {
  const theirs = Object.keys((error.schema['properties'] as object | undefined) ?? {})
  const [name = '', ...around] = error.path.split('/').slice(1).reverse()
  const known = around.length === 0 ? [...ours, ...theirs] : theirs
  const near = nearest(name, known)
  const meant = near === undefined ? '' : `; did you mean ${near}?`
  const path = shortened(error.path)
  return new Failure('invalid', `Unknown field ${path}: wanted one of ${known.join(', ')}${meant}`, { path })
}

function wantedBy(error: ValueError | undefined): string {
  const wanted: unknown = error?.schema['wanted'] ?? error?.schema['const']
  return typeof wanted === 'string' ? wanted : 'the form that the platform documents'
}

function invalid(path: string, wanted: string): Failure {
  const shown = shortened(path)
  return new Failure('invalid', `Wrong or missing field ${shown}: wanted ${wanted}`, { path: shown })
}

/** Paths repeat the caller's own member names, which may be long and of any form. */
function shortened(path: string): string {
  return path.slice(0, PATH_CHARS_MAX).toWellFormed()
}

function typeOf(object: Record<string, unknown>): string | undefined {
  return Object.hasOwn(object, 'type') && typeof object['type'] === 'string' ? object['type'] : undefined
}
