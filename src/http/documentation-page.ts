import { createHash } from 'node:crypto'
import { type FailureCode, STATUS_OF } from '../core/failure.ts'
import { CLOSE_CODES, CLOSE_MEANING, type CloseName } from '../realtime/close-codes.ts'
import { DOCUMENTATION_STYLE } from './documentation-style.ts'
import { PROBLEM_MEANING } from './problems.ts'

/** What the page uses of an OpenAPI document. */
interface Schema {
  $ref?: string
  type?: string
  enum?: string[]
  anyOf?: Schema[]
  allOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  description?: string
  const?: unknown
  minimum?: number
  maximum?: number
  default?: number
  title?: string
}

interface Media {
  schema?: Schema
  example?: object
  examples?: Record<string, { summary: string; value: object }>
}

interface DocumentedParameter {
  name: string
  in: string
  description: string
  required?: boolean
  schema: Schema
}

interface DocumentedOperation {
  operationId: string
  tags: string[]
  summary: string
  description?: string
  security?: object[]
  parameters?: (DocumentedParameter | { $ref: string })[]
  requestBody?: { required: boolean; content: Record<string, Media> }
  responses: Record<string, { description: string; content?: Record<string, Media> }>
}

interface Document {
  info: { version: string; description: string }
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, DocumentedOperation>>
  components: { schemas: Record<string, Schema> }
}

/** The page's policy: one style, known by its hash, and nothing else. No script, no picture, no request. */
export const DOCUMENTATION_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(DOCUMENTATION_STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The OpenAPI document as a page that needs no script. */
export function documentationPage(openApi: object): string {
  return new Page(openApi as unknown as Document).html()
}

class Page {
  readonly #document: Document

  constructor(document: Document) {
    this.#document = document
  }

  html(): string {
    const { info, tags } = this.#document
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gatehouse API</title>
<style>${DOCUMENTATION_STYLE}</style>
</head>
<body>
<div class="frame">
${this.#navigation()}
<main>
<header class="top">
<h1>Gatehouse API</h1>
${paragraphs(info.description)}
<ul class="links">
<li><a href="/api/openapi.json">OpenAPI 3.1</a></li>
<li><a href="/api/asyncapi.json">AsyncAPI 3.0</a></li>
<li><a href="/">Console</a></li>
</ul>
</header>
${FIRST_REQUEST}
${tags.map(({ name, description }) => this.#part(name, description)).join('\n')}
${REALTIME}
${ERRORS}
</main>
</div>
</body>
</html>
`
  }

  #navigation(): string {
    const { info, tags } = this.#document
    const lists = tags
      .map(({ name }) => {
        const items = this.#operationsOf(name).map(
          ({ operation }) => `<li><a href="#${operation.operationId}">${escapeText(operation.summary)}</a></li>`,
        )
        return `<h2><a href="#${name.toLowerCase()}">${escapeText(name)}</a></h2><ul>${items.join('')}</ul>`
      })
      .join('\n')
    return `<nav aria-label="Contents">
<a class="brand" href="/api/docs"><b>Gatehouse</b> API</a>
<p class="version">${escapeText(info.version)}</p>
${lists}
<h2><a href="#realtime">Realtime</a></h2>
<h2><a href="#errors">Errors</a></h2>
</nav>`
  }

  #operationsOf(tag: string): { path: string; method: string; operation: DocumentedOperation }[] {
    return Object.entries(this.#document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, operation]) => operation.tags.includes(tag))
        .map(([method, operation]) => ({ path, method, operation })),
    )
  }

  #part(name: string, description: string): string {
    const articles = this.#operationsOf(name).map((one) => this.#article(one))
    return `<section class="part" id="${name.toLowerCase()}"><h2>${escapeText(name)}</h2><p>${inline(description)}</p>
${articles.join('\n')}
</section>`
  }

  #article({ path, method, operation }: { path: string; method: string; operation: DocumentedOperation }): string {
    const { operationId, summary, description, security = [] } = operation
    const isOpen = security.length === 0
    return `<article id="${operationId}">
<header><h3><a href="#${operationId}">${escapeText(summary)}</a></h3>
<p class="address"><span class="method ${method}">${method.toUpperCase()}</span><code>${escapeText(path)}</code></p></header>
<div class="body">
${description === undefined ? '' : paragraphs(description)}
${isOpen ? '<p class="note">Asks for no API key.</p>' : ''}
${security.length > 1 ? '<p class="note">Asks for an API key, except from this machine.</p>' : ''}
${this.#parameters(operation)}
${this.#request(operation)}
${this.#answers(operation)}
</div>
</article>`
  }

  #parameters({ parameters = [] }: DocumentedOperation): string {
    // What goes with every operation is told once, at the head of the page.
    const own = parameters.filter((one) => 'name' in one)
    if (own.length === 0) return ''
    const rows = own.map((one) =>
      member({
        name: one.name,
        note: one.required ? '' : one.in === 'path' ? '' : one.in,
        type: this.#typeOf(one.schema),
        description: one.description,
      }),
    )
    return `<h4>Parameters</h4><dl class="members">${rows.join('')}</dl>`
  }

  #request({ requestBody }: DocumentedOperation): string {
    const media = requestBody?.content['application/json']
    if (!media?.schema) return ''
    const examples = Object.values(media.examples ?? {}).map(
      ({ summary, value }) => `<details><summary>${escapeText(summary)}</summary>${pretty(value)}</details>`,
    )
    return `<h4>Body${requestBody?.required ? '' : ', may be left out'}</h4>${this.#members(media.schema)}${examples.join('')}`
  }

  #answers({ responses }: DocumentedOperation): string {
    const good = Object.entries(responses).filter(([, { content }]) => !content?.['application/problem+json'])
    const blocks = good.map(([status, { description, content = {} }]) => {
      const [media] = Object.values(content)
      const members = media?.schema ? this.#members(media.schema) : ''
      const shape = members === '' ? '' : `<details><summary>Members</summary>${members}</details>`
      const example = media?.example ? `<details><summary>Example</summary>${pretty(media.example)}</details>` : ''
      return `<p><span class="status">${status}</span> ${inline(description)}</p>${shape}${example}`
    })
    const codes = Object.values(responses).flatMap(({ description, content }) =>
      content?.['application/problem+json']
        ? [...description.matchAll(/^`(\w+)`:/gm)].map((match) => match[1] ?? '')
        : [],
    )
    const refusals = codes.map((code) => `<a href="#${code}">${code}</a>`).join(', ')
    return `<h4>Answer</h4>${blocks.join('')}${codes.length === 0 ? '' : `<p class="refusals">Refuses with ${refusals}.</p>`}`
  }

  /** The members of an object, one level deep; what is deeper is told by its type. */
  #members(schema: Schema): string {
    const parts = this.#partsOf(schema)
    const rows = parts.flatMap(({ properties = {}, required = [] }) =>
      Object.entries(properties).map(([name, property]) =>
        member({
          name,
          note: required.includes(name) ? '' : 'optional',
          type: this.#typeOf(property),
          description: property.description ?? '',
        }),
      ),
    )
    return rows.length === 0 ? '' : `<dl class="members">${rows.join('')}</dl>`
  }

  #partsOf(schema: Schema): Schema[] {
    const target = this.#resolved(schema)
    return target.allOf ? target.allOf.flatMap((part) => this.#partsOf(part)) : [target]
  }

  #resolved(schema: Schema): Schema {
    const name = schema.$ref?.split('/').at(-1)
    return name === undefined ? schema : (this.#document.components.schemas[name] ?? {})
  }

  #typeOf(schema: Schema): string {
    const name = schema.$ref?.split('/').at(-1)
    if (name !== undefined) return name.replaceAll('_', ' ')
    if (schema.enum) return schema.enum.join(' · ')
    if (schema.const !== undefined) return String(schema.const)
    const choices = schema.anyOf
    if (choices) return [...new Set(choices.map((one) => one.title ?? this.#typeOf(one)))].join(' or ')
    if (schema.type === 'array') return `list of ${schema.items ? this.#typeOf(schema.items) : 'anything'}`
    if (schema.type === 'object' && schema.properties)
      return `{ ${Object.keys(schema.properties).slice(0, 6).join(', ')} }`
    return (schema.type ?? 'anything') + boundsOf(schema)
  }
}

function boundsOf({ type, minimum, maximum, default: absent }: Schema): string {
  if (type !== 'integer') return ''
  const span = minimum !== undefined && maximum !== undefined ? `, ${minimum} to ${maximum}` : ''
  return absent === undefined ? span : `${span}, by default ${absent}`
}

function member(one: { name: string; note: string; type: string; description: string }): string {
  const note = one.note === '' ? '' : `<small>${escapeText(one.note)}</small>`
  return `<div><dt><code>${escapeText(one.name)}</code>${note}</dt><dd>${inline(one.description)} <span class="type">${escapeText(one.type)}</span></dd></div>`
}

const FIRST_REQUEST = `<section class="part" id="first"><h2>A first request</h2>
<p>The key was printed at the first start; <code>GATEHOUSE_BOOTSTRAP_TOKEN</code> sets another.</p>
<pre>curl -s "$GATEHOUSE/api/v1/conversations?limit=5" -H "Authorization: Bearer $KEY"

curl -s "$GATEHOUSE/api/v1/messages" -H "Authorization: Bearer $KEY" \\
  -H "Idempotency-Key: order-48213-left" -d '{
    "to": "cnv_2j",
    "type": "text",
    "text": { "body": "It left this morning." },
    "reference": "order-48213"
  }'</pre>
</section>`

const FRAMES: readonly (readonly [string, string, string])[] = [
  [
    'server',
    '{"type":"hello","version":1,"epoch":"…","head":128}',
    'Comes first. Who has no position yet subscribes after `head`.',
  ],
  [
    'client',
    '{"type":"subscribe","id":1,"after":128,"epoch":"…"}',
    'Begins at a position, or moves there; `after` is exclusive. 0: the oldest that is kept.',
  ],
  [
    'server',
    '{"type":"events","after":128,"upto":130,"events":[…]}',
    'All that you may see in (after, upto]. An `after` above your cursor is a hole: subscribe again. Ignore offsets up to your cursor; then it is `upto`.',
  ],
  [
    'server',
    '{"type":"ping","upto":131}',
    'Nothing else to see up to here, which is your new cursor. Answer with an ack.',
  ],
  ['client', '{"type":"ack","upto":131}', 'Dealt with up to here. Due after each ping and every 200 events.'],
  [
    'server',
    '{"type":"error","code":"offset_gone","id":1,"head":131,"oldest":90}',
    'A command was refused; the socket stays open. With `offset_gone`: load anew and subscribe from there.',
  ],
]

const REALTIME = `<section class="part" id="realtime"><h2>Realtime</h2>
<p>The same events over a WebSocket at <code>/realtime</code>: in order, each exactly once, over any number of connections.</p>
<article><div class="body">
<p>Get a ticket with <a href="#issueTicket"><code>POST /api/v1/realtime/tickets</code></a> and connect with the subprotocols
<code>gatehouse.v1</code> and <code>ticket.&lt;ticket&gt;</code>. Keep the last <code>upto</code> and the <code>epoch</code>: with them you
resume after a reconnect, however long it took, or go on by <a href="#listEvents">asking</a>. A list fetched over HTTP says
<code>as_of</code>: subscribe from there, and nothing is missed or doubled between the two.</p>
</div></article>
<div class="tables">
<table><thead><tr><th>From</th><th>Frame</th><th>Meaning</th></tr></thead><tbody>
${FRAMES.map(([from, frame, meaning]) => `<tr><th scope="row">${from}</th><td><code>${escapeText(frame)}</code></td><td>${inline(meaning)}</td></tr>`).join('\n')}
</tbody></table>
<table><thead><tr><th>Close code</th><th>Why</th><th>Then</th></tr></thead><tbody>
${Object.entries(CLOSE_CODES)
  .map(
    ([name, code]) =>
      `<tr><th scope="row"><code>${code}</code> ${escapeText(name.replaceAll('_', ' '))}</th><td>${inline(CLOSE_MEANING[name as CloseName])}</td><td>${code < 4500 ? 'connect again' : 'do not'}</td></tr>`,
  )
  .join('\n')}
</tbody></table></div>
</section>`

const ERRORS = `<section class="part" id="errors"><h2>Errors</h2>
<p>Problem details (RFC 9457) as <code>application/problem+json</code>. <code>code</code> is stable; <code>detail</code> is for people, and holds no personal data.</p>
<table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead><tbody>
${(Object.keys(STATUS_OF) as FailureCode[])
  .map(
    (code) =>
      `<tr id="${code}"><th scope="row"><a href="#${code}"><code>${code}</code></a></th><td>${STATUS_OF[code]}</td><td>${inline(PROBLEM_MEANING[code])}</td></tr>`,
  )
  .join('\n')}
</tbody></table>
</section>`

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** Text with what stands in backticks as code. */
function inline(text: string): string {
  return escapeText(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}

function paragraphs(text: string): string {
  return text
    .split('\n\n')
    .map((part) => `<p>${inline(part.replaceAll('\n', ' '))}</p>`)
    .join('')
}

function pretty(value: object): string {
  return `<pre>${escapeText(JSON.stringify(value, null, 2))}</pre>`
}
