import type { TSchema } from '@sinclair/typebox'
import type { CloseName } from './close-codes.ts'
import { CLOSE_CODES, CLOSE_MEANING } from './close-codes.ts'
import { attachmentSchema, messageViewSchema } from './message-schemas.ts'
import { SUBPROTOCOL, TICKET_PREFIX } from './protocol.ts'
import {
  ackSchema,
  contactViewSchema,
  conversationViewSchema,
  errorSchema,
  eventSchema,
  eventsSchema,
  factsSchema,
  helloSchema,
  pingSchema,
  subscribeSchema,
} from './schemas.ts'

/** Schemas that stand once under `components`; each other place refers to them. */
const SHARED: Readonly<Record<string, TSchema>> = {
  message: messageViewSchema,
  attachment: attachmentSchema,
  conversation: conversationViewSchema,
  contact: contactViewSchema,
  event: eventSchema,
  facts: factsSchema,
}

const FROM_SERVER = { hello: helloSchema, events: eventsSchema, ping: pingSchema, error: errorSchema }
const FROM_CLIENT = { subscribe: subscribeSchema, ack: ackSchema }

/** Plain JSON of a schema, with references in place of what is shared. */
function plain(value: unknown, isTop: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => plain(item, false))
  if (typeof value !== 'object' || value === null) return value
  const { $id, ...rest } = value as Record<string, unknown>
  if (typeof $id === 'string' && !isTop) return { $ref: `#/components/schemas/${$id}` }
  return Object.fromEntries(Object.entries(rest).map(([name, member]) => [name, plain(member, false)]))
}

function messages(schemas: Readonly<Record<string, TSchema>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      {
        name,
        title: name,
        contentType: 'application/json',
        ...(schema.description ? { summary: schema.description } : {}),
        payload: plain(schema, true),
      },
    ]),
  )
}

function references(base: string, names: readonly string[]): { $ref: string }[] {
  return names.map((name) => ({ $ref: `${base}/${name}` }))
}

function closeTable(): string {
  const rows = Object.entries(CLOSE_CODES).map(
    ([name, code]) => `| ${code} | ${name} | ${CLOSE_MEANING[name as CloseName]} |`,
  )
  return ['| code | name | meaning |', '|---|---|---|', ...rows].join('\n')
}

const DESCRIPTION = `Events of the house, in order, each exactly once over any number of connections.

Get a ticket with \`POST /api/v1/realtime/tickets\` (single use, 30 seconds) and connect with the subprotocols
\`${SUBPROTOCOL}\` and \`${TICKET_PREFIX}<ticket>\`; the server answers with the first. The server speaks first
(\`hello\`). Then \`subscribe\`, at any time again. A session's cursor is the last \`upto\` it was told; keep it to
resume after a reconnect, with the \`epoch\` of the hello. Lists fetched over HTTP carry \`as_of\`: subscribe from
there, and nothing is missed or doubled between the two.

Close codes 4000–4499: connect again, with a new ticket. 4500–4999: do not.

`

/** The AsyncAPI 3.0 document of the socket, made from the schemas that the tests hold the server to. */
export function asyncApiDocument(version: string, serverUrl: string): Record<string, unknown> {
  const { protocol, host } = new URL(serverUrl)
  const channel = '#/channels/realtime'
  return {
    asyncapi: '3.0.0',
    info: { title: 'Gatehouse realtime', version, description: DESCRIPTION + closeTable() },
    defaultContentType: 'application/json',
    servers: {
      gatehouse: {
        host,
        protocol: protocol === 'https:' || protocol === 'wss:' ? 'wss' : 'ws',
        description: 'The socket of this house.',
      },
    },
    channels: {
      realtime: {
        address: '/realtime',
        description: 'The one channel: the connection itself.',
        messages: Object.fromEntries(
          [...Object.keys(FROM_SERVER), ...Object.keys(FROM_CLIENT)].map((name) => [
            name,
            { $ref: `#/components/messages/${name}` },
          ]),
        ),
        bindings: {
          ws: {
            method: 'GET',
            headers: {
              type: 'object',
              properties: {
                'Sec-WebSocket-Protocol': { type: 'string', description: `${SUBPROTOCOL}, ${TICKET_PREFIX}<ticket>` },
              },
              required: ['Sec-WebSocket-Protocol'],
            },
          },
        },
      },
    },
    operations: {
      tell: {
        action: 'send',
        summary: 'What the server sends.',
        channel: { $ref: channel },
        messages: references(`${channel}/messages`, Object.keys(FROM_SERVER)),
      },
      listen: {
        action: 'receive',
        summary: 'What a client may send.',
        channel: { $ref: channel },
        messages: references(`${channel}/messages`, Object.keys(FROM_CLIENT)),
      },
    },
    components: {
      messages: { ...messages(FROM_SERVER), ...messages(FROM_CLIENT) },
      schemas: Object.fromEntries(Object.entries(SHARED).map(([name, schema]) => [name, plain(schema, true)])),
    },
  }
}
