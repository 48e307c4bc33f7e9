import { type TSchema, Type } from '@sinclair/typebox'
import type { FailureCode } from '../core/failure.ts'
import type { Permission } from '../core/permissions.ts'

/** Headings of the document, in order, with what they are about. */
export const TAGS = {
  Messages: 'Sending, and what became of it.',
  Conversations: 'A person on one of our numbers, and what was said.',
  Contacts: 'People, by whatever they are known.',
  Search: 'Whatever was said, found by its words.',
  Media: 'The files that come with messages.',
  People: 'Who works here: people, roles, teams.',
  'Signing in': 'People and their browsers: passwords, second factors, sessions, links, single sign-on.',
  Keys: 'API keys: what programs come in with.',
  Audit: 'Who did what, and who saw what.',
  Numbers: 'The numbers messages leave from.',
  Notices: 'What the platform says about your numbers, accounts and templates.',
  Events: 'Everything that happens, in one order. Offsets never change their meaning.',
  Webhooks: 'The platform’s way in. Nobody else calls it.',
  Operations: 'For whoever runs the house.',
} as const

export interface Answer {
  description: string
  schema?: TSchema
  contentType?: string
  example?: object
}

export interface Parameter {
  name: string
  in: 'query' | 'path' | 'header'
  description: string
  schema: TSchema
  required?: boolean
}

/** One operation of the API, as the document tells it. */
export interface Operation {
  id: string
  method: 'get' | 'post' | 'patch' | 'delete'
  /** In OpenAPI's form: `{id}`. */
  path: string
  tag: keyof typeof TAGS
  summary: string
  /** The permission it asks for; absent: whoever is known may, and gets what they see. */
  needs?: Permission
  description?: string
  parameters?: readonly Parameter[]
  body?: { schema: TSchema; required: boolean; examples: Readonly<Record<string, object>>; contentType?: string }
  answers: Readonly<Record<number, Answer>>
  /** What it may refuse with, beyond what every operation of its kind may. */
  refuses?: readonly FailureCode[]
  /** Whether it asks for an API key. */
  key: 'always' | 'elsewhere than on this machine' | 'never'
}

/** Of an object that has no other members. */
export const CLOSED = { additionalProperties: false }

/** A time in RFC 3339, or null. */
export const timeOrNull = (description: string) =>
  Type.Union([Type.String({ format: 'date-time' }), Type.Null()], { description })

/** A query parameter. */
export const query = (name: string, schema: TSchema, description: string): Parameter => ({
  name,
  in: 'query',
  description,
  schema,
})
/** A parameter in the path. */
export const inPath = (name: string, description: string): Parameter => ({
  name,
  in: 'path',
  description,
  schema: Type.String(),
  required: true,
})

/** The query parameters of every list. */
export const PAGE = [
  query('limit', Type.Integer({ minimum: 1, maximum: 200, default: 50 }), 'Items on the page.'),
  query('cursor', Type.String(), 'The `next` of the page before.'),
]
/** The answer 200. */
export const ok = (description: string, schema: TSchema, example: object): Record<number, Answer> => ({
  200: { description, schema, example },
})
