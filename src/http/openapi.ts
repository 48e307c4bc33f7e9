import { type TSchema, Type } from '@sinclair/typebox'
import { type FailureCode, STATUS_OF } from '../core/failure.ts'
import { type Answer, type Operation, type Parameter, TAGS } from './api-operation.ts'
import { OPERATIONS } from './api-operations.ts'
import { problemSchema } from './api-schemas.ts'
import { PROBLEM_MEANING } from './problems.ts'

type Json = Record<string, unknown>

/** What any operation with an API key may refuse with; not found is a workspace too. */
const COMMON: readonly FailureCode[] = [
  'invalid',
  'unauthorized',
  'not_found',
  'rate_limited',
  'internal',
  'unavailable',
]

/** Goes with any operation that asks for a key; it stands once, and the others refer to it. */
const WORKSPACE: Parameter = {
  name: 'Gatehouse-Workspace',
  in: 'header',
  description:
    'The workspace that is asked in, by its name. Without it a key is in its own and a person in their first one.',
  schema: Type.String(),
}
const WORKSPACE_REFERENCE = { $ref: '#/components/parameters/workspace' }

const DESCRIPTION = `One house for a firm's customer messages: what came in, what goes out, and what became of it.

Ids are opaque, offsets are whole numbers, times are RFC 3339 in UTC with milliseconds. Unknown members and query
parameters of a request are refused with their path; answers may gain members at any time. Whoever works in several
workspaces says which in the header \`Gatehouse-Workspace\`, with any request. Errors are problem details (RFC 9457)
with a stable \`code\`; a method that an address does not take is 405, and \`Allow\` says which it takes. What is no HTTP
(400), has headers of more than 16 KB or 150 lines (431) or says that it is larger than 128 MB (413) is answered without
words.`

/** The OpenAPI 3.1 document of the house. */
export function openApiDocument(version: string, serverUrl: string): Json {
  const schemas = new SharedSchemas()
  const paths: Record<string, Json> = {}
  for (const operation of OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: operationObject(operation, schemas) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Gatehouse',
      version,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: serverUrl === '' ? '/' : serverUrl }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'An API key, `gh_…`.' } },
      parameters: { workspace: WORKSPACE },
      schemas: schemas.all(),
    },
  }
}

/** Schemas with an `$id` stand once under `components`; every other place refers to them. */
class SharedSchemas {
  readonly #schemas = new Map<string, unknown>()

  reference(schema: TSchema): unknown {
    return this.#plain(schema)
  }

  all(): Json {
    return Object.fromEntries([...this.#schemas].sort(([one], [other]) => (one < other ? -1 : 1)))
  }

  #plain(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#plain(item))
    if (typeof value !== 'object' || value === null) return value
    const { $id, wanted, ...rest } = value as Json
    if (typeof $id === 'string') {
      if (!this.#schemas.has($id)) {
        this.#schemas.set($id, {})
        this.#schemas.set($id, this.#plain(rest))
      }
      return { $ref: `#/components/schemas/${$id}` }
    }
    const words = wordsOf(rest)
    if (words) return words
    const members = Object.entries(rest).map(([name, member]) => [name, this.#plain(member)])
    return Object.fromEntries(
      typeof wanted === 'string' && !('description' in rest) ? [...members, ['description', wanted]] : members,
    )
  }
}

/** A choice of words is better told as an enumeration than as a union of constants. */
function wordsOf({ anyOf, ...rest }: Json): Json | undefined {
  if (!Array.isArray(anyOf) || anyOf.length === 0) return undefined
  const words = anyOf.map((one: Json) => one['const'])
  return words.every((word) => typeof word === 'string') ? { type: 'string', enum: words, ...rest } : undefined
}

function operationObject(operation: Operation, schemas: SharedSchemas): Json {
  const { id, tag, summary, description, needs, body } = operation
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined && needs === undefined ? {} : { description: described(description, needs) }),
    ...(operation.key === 'never' ? { security: [] } : {}),
    ...(operation.key === 'always' ? { security: [{ key: [] }] } : {}),
    ...(operation.key === 'elsewhere than on this machine' ? { security: [{}, { key: [] }] } : {}),
    ...parametersOf(operation, schemas),
    ...(body
      ? {
          requestBody: {
            required: body.required,
            content: {
              [body.contentType ?? 'application/json']: {
                schema: schemas.reference(body.schema),
                ...(Object.keys(body.examples).length > 0 ? { examples: examplesOf(body.examples) } : {}),
              },
            },
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, answer]) => [status, answerObject(answer, schemas)]),
      ),
      ...refusals(operation, schemas),
    },
  }
}

function parametersOf({ parameters = [], key }: Operation, schemas: SharedSchemas): Json {
  const own = parameters.map((one) => ({ ...one, schema: schemas.reference(one.schema) }))
  const all = key === 'always' ? [...own, WORKSPACE_REFERENCE] : own
  return all.length === 0 ? {} : { parameters: all }
}

function described(description: string | undefined, needs: string | undefined): string {
  return [description, needs && `Needs the permission \`${needs}\`.`].filter(Boolean).join('\n\n')
}

function examplesOf(examples: Readonly<Record<string, object>>): Json {
  return Object.fromEntries(
    Object.entries(examples).map(([summary, value]) => [
      summary.toLowerCase().replaceAll(/[^a-z]+/g, '_'),
      { summary, value },
    ]),
  )
}

function answerObject(
  { description, schema, contentType = 'application/json', example }: Answer,
  schemas: SharedSchemas,
): Json {
  if (!schema) return { description }
  return {
    description,
    content: { [contentType]: { schema: schemas.reference(schema), ...(example ? { example } : {}) } },
  }
}

/** The codes an operation may refuse with. */
export function refusalsOf(operation: Operation): FailureCode[] {
  const forbidden: FailureCode[] = operation.needs ? ['forbidden'] : []
  // A body that may be left out is read as well, to say that nothing in it is known.
  const readsBody = operation.body || (operation.key === 'always' && operation.method !== 'get')
  const tooLarge: FailureCode[] = readsBody ? ['too_large'] : []
  const common = operation.key === 'always' ? COMMON : []
  return [...new Set([...common, ...forbidden, ...tooLarge, ...(operation.refuses ?? [])])]
}

function refusals(operation: Operation, schemas: SharedSchemas): Json {
  const byStatus = new Map<number, FailureCode[]>()
  for (const code of refusalsOf(operation))
    byStatus.set(STATUS_OF[code], [...(byStatus.get(STATUS_OF[code]) ?? []), code])
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${PROBLEM_MEANING[code]}`).join('\n\n'),
        content: { 'application/problem+json': { schema: schemas.reference(problemSchema) } },
      },
    ]),
  )
}
