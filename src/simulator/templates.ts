import { GraphRefusal } from './graph-error.ts'
import { isObject, type JsonObject } from './json.ts'

/** A message template as the platform lists it. */
export interface Template {
  id: string
  name: string
  language: string
  category: 'AUTHENTICATION' | 'MARKETING' | 'UTILITY'
  status: 'APPROVED' | 'PAUSED' | 'PENDING'
  parameterFormat: 'POSITIONAL' | 'NAMED'
  components: JsonObject[]
}

function template(
  id: string,
  head: Pick<Template, 'name' | 'language' | 'category'> & Partial<Pick<Template, 'status' | 'parameterFormat'>>,
  components: JsonObject[],
): Template {
  return { status: 'APPROVED', parameterFormat: 'POSITIONAL', id, ...head, components }
}

/** The templates every account of the simulator has: each category, and each thing that can be wrong with one. */
export const TEMPLATES: readonly Template[] = [
  template('900000000000001', { name: 'hello_world', language: 'en_US', category: 'UTILITY' }, [
    { type: 'HEADER', format: 'TEXT', text: 'Hello World' },
    { type: 'BODY', text: 'Welcome and congratulations! This message demonstrates your ability to send a message.' },
    { type: 'FOOTER', text: 'A sample template' },
  ]),
  template('900000000000002', { name: 'order_update', language: 'en_US', category: 'UTILITY' }, [
    { type: 'BODY', text: 'Hello {{1}}, your order {{2}} is on its way.' },
  ]),
  template('900000000000003', { name: 'order_update', language: 'de', category: 'UTILITY' }, [
    { type: 'BODY', text: 'Guten Tag {{1}}, Ihre Bestellung {{2}} ist unterwegs.' },
  ]),
  template(
    '900000000000004',
    { name: 'appointment_reminder', language: 'en_US', category: 'UTILITY', parameterFormat: 'NAMED' },
    [
      { type: 'BODY', text: 'Dear {{name}}, we expect you on {{date}} at {{time}}.' },
      {
        type: 'BUTTONS',
        buttons: [
          { type: 'QUICK_REPLY', text: 'I will come' },
          { type: 'QUICK_REPLY', text: 'Another day' },
        ],
      },
    ],
  ),
  template('900000000000005', { name: 'verification_code', language: 'en_US', category: 'AUTHENTICATION' }, [
    { type: 'BODY', text: '{{1}} is your verification code.' },
    { type: 'BUTTONS', buttons: [{ type: 'URL', text: 'Copy code', url: 'https://example.com/code/{{1}}' }] },
  ]),
  template('900000000000006', { name: 'season_offer', language: 'en_US', category: 'MARKETING' }, [
    { type: 'HEADER', format: 'IMAGE' },
    { type: 'BODY', text: 'Hi {{1}}! Our new season is here, for you with {{2}} off.' },
    { type: 'BUTTONS', buttons: [{ type: 'QUICK_REPLY', text: 'Stop offers' }] },
  ]),
  template('900000000000007', { name: 'news_letter', language: 'en_US', category: 'MARKETING' }, [
    { type: 'BODY', text: 'Good news, {{1}}: we have opened a shop near you.' },
  ]),
  template('900000000000008', { name: 'paused_offer', language: 'en_US', category: 'MARKETING', status: 'PAUSED' }, [
    { type: 'BODY', text: 'This offer was paused.' },
  ]),
  template('900000000000009', { name: 'pending_notice', language: 'en_US', category: 'UTILITY', status: 'PENDING' }, [
    { type: 'BODY', text: 'This notice waits for its approval.' },
  ]),
]

/** A template that a send named, and its text with the values put in. */
export interface FilledTemplate {
  template: Template
  text: string
}

const MEDIA_FORMATS = ['IMAGE', 'VIDEO', 'DOCUMENT']

/** The template a send names, checked as the platform does: 132001, 132015, 132000, 132012. */
export function fillTemplate(object: JsonObject): FilledTemplate {
  const name = object['name']
  const language = isObject(object['language']) ? object['language']['code'] : undefined
  if (typeof name !== 'string' || name === '') throw new GraphRefusal(131008, 'template.name is required.')
  if (typeof language !== 'string') throw new GraphRefusal(131008, 'template.language.code is required.')
  const found = TEMPLATES.find((each) => each.name === name && each.language === language)
  if (!found || found.status === 'PENDING') {
    throw new GraphRefusal(132001, 'template name does not exist in the language that was asked for.')
  }
  if (found.status === 'PAUSED') throw new GraphRefusal(132015)
  const components = readComponents(object['components'])
  checkHeader(found, components)
  checkButtons(found, components)
  return { template: found, text: fillBody(found, components) }
}

function readComponents(value: unknown): JsonObject[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new GraphRefusal(131009, 'template.components must be a list.')
  return value.map((component) => {
    if (!isObject(component)) throw new GraphRefusal(131009, 'template.components must hold objects.')
    const parameters = component['parameters']
    if (parameters !== undefined && (!Array.isArray(parameters) || !parameters.every(isObject))) {
      throw new GraphRefusal(131009, 'The parameters of a component must be a list of objects.')
    }
    return component
  })
}

function parametersOf(component: JsonObject | undefined): JsonObject[] {
  const parameters = component?.['parameters']
  return Array.isArray(parameters) ? parameters.filter(isObject) : []
}

function componentOf(components: JsonObject[], type: string): JsonObject | undefined {
  return components.find((component) => String(component['type']).toLowerCase() === type)
}

function textOf(component: JsonObject | undefined): string {
  const text = component?.['text']
  return typeof text === 'string' ? text : ''
}

function variablesOf(text: string): string[] {
  return [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? '')
}

function checkHeader(template: Template, components: JsonObject[]): void {
  const header = template.components.find((component) => component['type'] === 'HEADER')
  const parameters = parametersOf(componentOf(components, 'header'))
  const format = header?.['format']
  const expected = typeof format === 'string' && MEDIA_FORMATS.includes(format) ? 1 : variablesOf(textOf(header)).length
  if (parameters.length !== expected) throw mismatch('header', parameters.length, expected)
  if (expected === 0) return
  const type = parameters[0]?.['type']
  if (type === String(format).toLowerCase()) return
  throw new GraphRefusal(132012, `header: Format mismatch, expected ${String(format)}, received another type.`)
}

function checkButtons(template: Template, components: JsonObject[]): void {
  const buttons = template.components.find((component) => component['type'] === 'BUTTONS')?.['buttons']
  const list = Array.isArray(buttons) ? buttons.filter(isObject) : []
  const given = components.filter((component) => String(component['type']).toLowerCase() === 'button')
  for (const [index, button] of list.entries()) {
    const match = given.find((component) => String(component['index']) === String(index))
    const url = button['url']
    if (typeof url === 'string' && variablesOf(url).length !== parametersOf(match).length) {
      throw mismatch(`button at index ${index}`, parametersOf(match).length, variablesOf(url).length)
    }
  }
  if (given.some((component) => list[Number(component['index'])] === undefined)) {
    throw new GraphRefusal(132000, 'buttons: there is no button at the index that was given.')
  }
}

function fillBody(template: Template, components: JsonObject[]): string {
  const text = textOf(template.components.find((component) => component['type'] === 'BODY'))
  const wanted = [...new Set(variablesOf(text))]
  const given = parametersOf(componentOf(components, 'body'))
  if (given.length !== wanted.length) throw mismatch('body', given.length, wanted.length)
  const values = new Map<string, string>()
  for (const [index, parameter] of given.entries()) {
    values.set(variableName(template, parameter, wanted[index] ?? ''), parameterText(parameter))
  }
  if (wanted.some((name) => !values.has(name))) {
    throw new GraphRefusal(132012, 'body: Parameter name is missing or is not one of the template.')
  }
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => values.get(name) ?? '')
}

function variableName(template: Template, parameter: JsonObject, position: string): string {
  return template.parameterFormat === 'NAMED' ? String(parameter['parameter_name'] ?? '') : position
}

function parameterText(parameter: JsonObject): string {
  const text = parameter['text']
  if (parameter['type'] === 'text' && typeof text === 'string') {
    if (text !== '' && !/[\n\t]| {5}/.test(text)) return text
    throw new GraphRefusal(132012, 'body: a text parameter must have text, without new lines, tabs or five spaces.')
  }
  const type = parameter['type']
  const rich = (type === 'currency' || type === 'date_time') && parameter[type]
  if (isObject(rich) && typeof rich['fallback_value'] === 'string') return rich['fallback_value']
  throw new GraphRefusal(132012, 'body: Format mismatch, expected text, currency or date_time.')
}

function mismatch(place: string, given: number, expected: number): GraphRefusal {
  const details = `${place}: number of localizable_params (${given}) does not match the expected number of params (${expected})`
  return new GraphRefusal(132000, details)
}

/** A page of the account's templates, in the platform's form. The cursor is opaque to the caller. */
export function listTemplates(query: URLSearchParams): JsonObject {
  const limit = Math.min(Math.max(Number(query.get('limit') ?? 25) || 25, 1), 1000)
  const start = cursorIndex(query.get('after'))
  const wanted = TEMPLATES.filter((each) =>
    (['name', 'language', 'status', 'category'] as const).every((key) => {
      const value = query.get(key)
      return value === null || each[key].toLowerCase() === value.toLowerCase()
    }),
  )
  const page = wanted.slice(start, start + limit)
  const end = start + page.length
  const cursors = { before: btoa(`t${start}`), after: btoa(`t${end}`) }
  return {
    data: page.map(showTemplate),
    ...(page.length > 0 && { paging: end < wanted.length ? { cursors, next: `after=${cursors.after}` } : { cursors } }),
  }
}

function cursorIndex(cursor: string | null): number {
  if (cursor === null || cursor === '') return 0
  const text = Buffer.from(cursor, 'base64').toString('latin1')
  if (!/^t\d{1,6}$/.test(text)) throw new GraphRefusal(131059)
  return Number(text.slice(1))
}

/** A template in the platform's form. */
export function showTemplate(template: Template): JsonObject {
  return {
    name: template.name,
    parameter_format: template.parameterFormat,
    components: template.components,
    language: template.language,
    status: template.status,
    category: template.category,
    id: template.id,
  }
}
