import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { OPERATIONS } from '../http/api-operations.ts'
import { securityHeaders } from '../http/security-headers.ts'
import { TestGateway } from './test-gateway.ts'

setDefaultTimeout(20_000)

let house: TestGateway

beforeAll(async () => {
  house = await TestGateway.open()
})
afterAll(() => house.close())

function ask(path: string, init: RequestInit = {}, key: string | null = house.key) {
  const headers = { ...(key === null ? {} : { Authorization: `Bearer ${key}` }), ...(init.headers as object) }
  return house.request(path, { redirect: 'manual', ...init, headers })
}

/** Platforms read no headers; the socket's route answers an upgrade. */
const OPEN = OPERATIONS.filter(({ method, path }) => !(method === 'post' && path.startsWith('/webhooks/')))
const ROUTES = OPEN.map((one) => [`${one.method.toUpperCase()} ${one.path}`, one] as const)
const dummy = (path: string) => path.replaceAll(/\{\w+\}/g, 'x')

describe('every operation, answered or refused,', () => {
  test.each(ROUTES)('has its headers: %s', async (_, { method, path, key }) => {
    for (const by of [house.key, null]) {
      const { status, headers } = await ask(dummy(path), { method: method.toUpperCase() }, by)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
      expect(headers.get('permissions-policy')).toContain('camera=()')
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'")
      if (!policy.startsWith('sandbox')) expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toContain('unsafe')
      // Told only where TLS ends before the house.
      expect(headers.get('strict-transport-security')).toBeNull()
      if (key === 'always') {
        expect({ path, by, cached: headers.get('cache-control') }).toEqual({ path, by, cached: 'no-store' })
        if (by === null) expect({ path, status }).toEqual({ path, status: 401 })
      }
    }
  })

  test.each(ROUTES.filter(([, { key }]) => key === 'always'))(
    'stays what it is, whatever a header, a second value or a bend in the path says: %s',
    async (_, { method, path }) => {
      const init = { method: method.toUpperCase() }
      const place = dummy(path)
      const override = { 'X-HTTP-Method-Override': 'DELETE', 'X-HTTP-Method': 'DELETE', 'X-Method-Override': 'DELETE' }
      const [plain, overridden] = [await ask(place, init), await ask(place, { ...init, headers: override })]
      expect({ path, status: overridden.status }).toEqual({ path, status: plain.status })
      expect((await ask(`${place}?limit=1&limit=2`, init)).status).toBeGreaterThanOrEqual(400)
      const bends = [`/${place}`, `${place}/.%2e/me`, place.replace('/api', '/API'), `/x/..${place}`, `${place}%00`]
      for (const bent of [...bends, place.replace('/v1', '/v1/.')]) {
        const { status } = await ask(bent, init, null)
        // Nobody is let in another way: it is the same place, which wants a key, or none, or takes other methods.
        expect({ bent, open: ![401, 404, 405].includes(status) }).toEqual({ bent, open: false })
      }
    },
  )
})

describe('a body', () => {
  const bodies = ROUTES.filter(([, { body }]) => body !== undefined)
  // Signing in is for browsers: a key is nobody there, and is told so before its body is read.
  const unknown = (path: string) => (path.startsWith('/api/auth/') ? [401, 403, 409] : [])

  test.each(bodies)('is refused with members that mean something to the language: %s', async (_, { method, path }) => {
    for (const name of ['__proto__', 'constructor', 'prototype']) {
      const init = { method: method.toUpperCase(), body: `{"${name}":{"role":"owner"}}` }
      const { status } = await ask(dummy(path), init)
      expect({ path, name, refused: [400, 404, ...unknown(path)].includes(status) }).toEqual({
        path,
        name,
        refused: true,
      })
    }
  })

  test.each(bodies)('is refused above its bound: %s', async (_, { method, path }) => {
    const init = { method: method.toUpperCase(), body: `{"x":"${'x'.repeat(8 * 1024 * 1024 + 1)}"}` }
    const { status } = await ask(dummy(path), init)
    expect({ path, refused: [404, 413, ...unknown(path)].includes(status) }).toEqual({ path, refused: true })
  })
})

describe('pages and what is nowhere', () => {
  test('the page of the desk runs only its own scripts, and nobody frames it', async () => {
    const { headers } = await ask('/', {}, null)
    const policy = headers.get('content-security-policy') ?? ''
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "require-trusted-types-for 'script'",
    ]) {
      expect(policy).toContain(part)
    }
    expect(headers.get('permissions-policy')).toContain('geolocation=()')
  })

  test.each(['GET', 'POST', 'PUT', 'OPTIONS', 'TRACE'])(
    '%s of what is not there is a problem with headers',
    async (method) => {
      const { status, headers } = await ask('/nothing/here', { method }, null)
      expect(status).toBe(404)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('access-control-allow-origin')).toBeNull()
    },
  )

  test('browsers are told to come with TLS only where the house is seen with it', () => {
    expect(securityHeaders('https://desk.example')).toHaveProperty('Strict-Transport-Security')
    expect(securityHeaders('http://desk.example')).not.toHaveProperty('Strict-Transport-Security')
    expect(securityHeaders(undefined)).not.toHaveProperty('Strict-Transport-Security')
  })
})
