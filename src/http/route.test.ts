import { describe, expect, test } from 'bun:test'
import { Failure } from '../core/failure.ts'
import { silentLog } from '../core/log.ts'
import { GIVEN_ROLES } from '../people/roles.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { ownerNamed } from '../testing/principals.ts'
import { responseOf } from './errors.ts'
import { type Asked, integerOf, json, route } from './route.ts'

const OWNER = ownerNamed('a')

function openRoute(handle: (asked: Asked) => Promise<Response | object>, query: readonly string[] = []) {
  const clock = new FakeClock()
  const counted: [string, number, number][] = []
  const errors: object[] = []
  const deps = {
    clock,
    log: { ...silentLog, error: (_: string, fields: object = {}) => void errors.push(fields) },
    principalOf: (authorization: string | null) => {
      if (authorization === null) throw new Failure('unauthorized', 'Send a key')
      return authorization === 'agent' ? { ...OWNER, permissions: new Set(GIVEN_ROLES.agent) } : OWNER
    },
    admit: () => {},
    note: () => {},
    count: (pattern: string, status: number, seconds: number) => void counted.push([pattern, status, seconds]),
  }
  const answer = route(deps, { pattern: '/api/v1/things/:id', rule: 'numbers.manage' }, handle, query)
  const ask = (search = '', headers: Record<string, string> = { authorization: 'x' }) =>
    answer({ request: new Request(`http://localhost/api/v1/things/7${search}`, { headers }), params: { id: '7' } })
  return { ask, clock, counted, errors }
}

describe('route()', () => {
  test('answers JSON that nobody keeps, and counts the pattern, never the path', async () => {
    const { ask, clock, counted } = openRoute(async ({ params, principal }) => {
      clock.advance(250)
      return { id: params['id'], role: principal.role }
    })
    const response = await ask()
    expect(await response.json()).toEqual({ id: '7', role: 'owner' })
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(counted).toEqual([['/api/v1/things/:id', 200, 0.25]])
  })

  test('asks for the key before anything else', async () => {
    let isAsked = false
    const { ask, counted } = openRoute(async () => {
      isAsked = true
      return {}
    })
    const response = await ask('?unknown=1', {})
    expect([response.status, isAsked]).toEqual([401, false])
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
    expect(counted.map(([, status]) => status)).toEqual([401])
  })

  test('lets in only who has its permission, and names the one that is missing', async () => {
    let isAsked = false
    const { ask } = openRoute(async () => {
      isAsked = true
      return {}
    })
    const response = await ask('', { authorization: 'agent' })
    expect([response.status, isAsked]).toEqual([403, false])
    expect(await response.json()).toMatchObject({ code: 'forbidden', permission: 'numbers.manage' })
  })

  test('refuses query parameters that it does not know', async () => {
    const { ask } = openRoute(async () => ({}), ['limit'])
    expect((await ask('?limit=1')).status).toBe(200)
    const response = await ask(`?limit=1&${'x'.repeat(80)}=2`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'invalid', path: `?${'x'.repeat(50)}` })
  })

  test('says a refusal with its members and how long to wait', async () => {
    const { ask } = openRoute(async () => {
      throw new Failure('unavailable', 'Later', { retry_after_ms: 1200 })
    })
    const response = await ask()
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('2')
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toEqual({
      type: '/api/docs#unavailable',
      title: 'unavailable',
      status: 503,
      code: 'unavailable',
      detail: 'Later',
      retry_after_ms: 1200,
    })
  })

  test('says nothing of an error of ours, and logs its name alone', async () => {
    const { ask, errors } = openRoute(async () => {
      throw new TypeError('cannot read "Anna" of +4915112345678')
    })
    const response = await ask()
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('Anna')
    expect(errors).toEqual([{ error: 'TypeError' }])
  })
})

describe('responseOf()', () => {
  test('takes whatever was thrown', () => {
    for (const thrown of ['a text', null, undefined, 7]) expect(responseOf(thrown, silentLog).status).toBe(500)
  })
})

describe('json()', () => {
  test('takes a status', () => {
    expect(json({}, 202).status).toBe(202)
  })
})

describe('integerOf()', () => {
  const bounds = { min: 1, max: 50, absent: 20 }
  const of = (text: string) => integerOf(new URLSearchParams(text), 'n', bounds)

  test.each([
    ['', 20],
    ['n=1', 1],
    ['n=50', 50],
    ['n=007', 7],
    ['n=3&n=9', 3],
  ])('%p is %d', (text, value) => expect(of(text)).toBe(value))

  test.each([
    ['n='],
    ['n=0'],
    ['n=51'],
    ['n=1.5'],
    ['n=-1'],
    ['n=+1'],
    ['n=1e1'],
    ['n=0x1'],
    ['n=%201'],
    [`n=${'9'.repeat(40)}`],
  ])('%p is refused with its path and the bounds', (text) => {
    expect(() => of(text)).toThrow(
      expect.objectContaining({
        code: 'invalid',
        members: { path: '?n' },
        message: 'n must be a whole number from 1 to 50',
      }),
    )
  })
})
