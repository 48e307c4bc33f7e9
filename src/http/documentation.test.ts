import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { Value } from '@sinclair/typebox/value'
import { STATUS_OF } from '../core/failure.ts'
import { silentLog } from '../core/log.ts'
import { apiRoutes } from './api.ts'
import { OPERATIONS } from './api-operations.ts'
import { auditRoutes } from './audit-api.ts'
import { documentationRoutes } from './documentation.ts'
import { DOCUMENTATION_POLICY, documentationPage } from './documentation-page.ts'
import { erasureRoutes } from './erasures-api.ts'
import { mediaRoutes } from './media.ts'
import { openApiDocument } from './openapi.ts'
import { operationsRoutes } from './operations.ts'
import { peopleRoutes } from './people-routes.ts'
import { serverApp } from './server.ts'
import { signInRoutes } from './sign-in-api.ts'
import { webhookRoutes } from './webhooks.ts'

type Json = Record<string, unknown>

/** Routes do nothing until they are asked: no dependency is touched here. */
const nothing = {} as never

function routesOfServer(): string[] {
  const app = serverApp({
    routes: [
      webhookRoutes(nothing),
      apiRoutes(nothing),
      mediaRoutes(nothing),
      erasureRoutes(nothing),
      auditRoutes(nothing),
      peopleRoutes(nothing),
      signInRoutes(nothing),
      operationsRoutes(nothing),
      documentationRoutes('1.2.3', () => 'https://desk.example'),
    ],
    realtime: nothing,
    log: silentLog,
    publicUrl: () => undefined,
  })
  return app.routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
}

/** Every object inside, with where it stands. */
function* objectsOf(value: unknown, path = ''): Generator<[string, Json]> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield [path, value as Json]
  for (const [name, member] of Object.entries(value)) yield* objectsOf(member, `${path}/${name}`)
}

describe('the OpenAPI document', () => {
  const document = openApiDocument('1.2.3', 'https://desk.example')

  test('says of whatever reads a body that it may be too large, and of whatever asks for a key what it may be answered', () => {
    const paths = document['paths'] as Record<string, Record<string, { requestBody?: Json; responses: Json }>>
    for (const { id, method, path, key } of OPERATIONS) {
      const { requestBody, responses } = paths[path]?.[method] ?? { responses: {} }
      const readsBody = requestBody !== undefined || (key === 'always' && method !== 'get')
      expect({ id, tooLarge: '413' in responses }).toEqual({ id, tooLarge: readsBody })
      if (key === 'always') expect(Object.keys(responses)).toEqual(expect.arrayContaining(['404', '503']))
    }
  })

  test('says of whatever asks for a key that a workspace may be named', () => {
    const paths = document['paths'] as Record<string, Record<string, { parameters?: Json[] }>>
    for (const { id, method, path, key } of OPERATIONS) {
      const named = (paths[path]?.[method]?.parameters ?? []).some((one) => '$ref' in one)
      expect({ id, named }).toEqual({ id, named: key === 'always' })
    }
  })

  test('has every route of the server, and no other', () => {
    // The console is served as files; its page is documented, its parts are named by the page.
    const documented = OPERATIONS.filter(({ path }) => path !== '/').map(
      ({ method, path }) => `${method.toUpperCase()} ${path}`,
    )
    expect(documented.sort()).toEqual(routesOfServer().sort())
  })

  test('names each operation once, and each parameter of its path', () => {
    const ids = OPERATIONS.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { path, parameters = [] } of OPERATIONS) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '')
      const named = parameters.filter((one) => one.in === 'path').map(({ name }) => name)
      expect({ path, named }).toEqual({ path, named: inPath })
    }
  })

  test('has no reference that leads nowhere, and nothing that only our checks understand', () => {
    const components = document['components'] as Record<string, Json>
    let count = 0
    for (const [path, object] of objectsOf(document)) {
      if (typeof object['$ref'] === 'string') {
        count += 1
        const [kind = '', name = ''] = object['$ref'].split('/').slice(-2)
        expect(Object.keys(components[kind] ?? {})).toContain(name)
      }
      expect({ path, found: ['$id', 'wanted'].filter((name) => typeof object[name] === 'string') }).toEqual({
        path,
        found: [],
      })
    }
    expect(count).toBeGreaterThan(20)
  })

  test('has examples that fit their schemas', () => {
    for (const { id, answers, body } of OPERATIONS) {
      const pairs = [
        ...Object.values(answers).map(({ schema, example }) => ({ schema, example })),
        ...Object.values(body?.examples ?? {}).map((example) => ({ schema: body?.schema, example })),
      ]
      for (const { schema, example } of pairs) {
        // One of its two messages is wrong, to show what is answered then.
        if (!schema || !example || example === body?.examples['Two, one of them wrong']) continue
        const faults = [...Value.Errors(schema, example)].map(({ path, message }) => `${path} ${message}`)
        expect({ id, faults: faults.filter((fault) => !fault.includes("Unknown format 'date-time'")) }).toEqual({
          id,
          faults: [],
        })
      }
    }
  })

  test('names the address of the house, or none', () => {
    expect(document['servers']).toEqual([{ url: 'https://desk.example' }])
    expect(openApiDocument('1', '')['servers']).toEqual([{ url: '/' }])
  })
})

describe('the page', () => {
  const page = documentationPage(openApiDocument('1.2.3', ''))

  test('has a place for each code that a problem’s type leads to, and for every other link', () => {
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]))
    for (const code of Object.keys(STATUS_OF)) expect(ids).toContain(code)
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map((match) => match[1])
    expect(targets.length).toBeGreaterThan(40)
    for (const target of targets) expect(ids).toContain(target)
    expect([...page.matchAll(/ id="/g)].length).toBe(ids.size)
  })

  test('tells every operation', () => {
    for (const { id, path } of OPERATIONS) {
      expect(page).toContain(`<article id="${id}">`)
      expect(page).toContain(`<code>${path}</code>`)
    }
  })

  test('has no script and loads nothing, and its policy knows its style', () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|style="| on\w+="/i)
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? ''
    expect(DOCUMENTATION_POLICY).toContain(`'sha256-${createHash('sha256').update(style).digest('base64')}'`)
    expect(DOCUMENTATION_POLICY).toStartWith("default-src 'none'")
  })

  test('shows text as text', () => {
    const document = openApiDocument('<b>1</b>', '')
    expect(documentationPage(document)).toContain('&lt;b&gt;1&lt;/b&gt;')
  })
})

describe('documentationRoutes()', () => {
  const app = documentationRoutes('1.2.3', () => 'https://desk.example/')

  test.each([
    ['/api/openapi.json', 'application/json', '"openapi":"3.1.0"'],
    ['/api/asyncapi.json', 'application/json', '"asyncapi":"3.0.0"'],
    ['/api/docs', 'text/html', '<h1>Gatehouse API</h1>'],
  ])('answers %s', async (path, contentType, part) => {
    const response = await app.handle(new Request(`http://localhost${path}`))
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toStartWith(contentType)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await response.text()).toContain(part)
  })

  test('the page comes with its policy', async () => {
    const response = await app.handle(new Request('http://localhost/api/docs'))
    expect(response.headers.get('content-security-policy')).toBe(DOCUMENTATION_POLICY)
  })
})
