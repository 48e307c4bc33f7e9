import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Elysia } from 'elysia'
import { silentLog } from '../core/log.ts'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { ownerNamed } from '../testing/principals.ts'
import { ANNA, textItem } from '../testing/test-items.ts'
import { type ApiDependencies, apiRoutes } from './api.ts'

let house: TestBook
let app: Elysia
/** The owner, unless a test says otherwise. */
let role = 'owner'
let anna = ''
const NOTHING = { kind: 'some', numberIds: [], teamIds: [], personId: null } as const
let ben = ''

beforeAll(async () => {
  house = openTestBook()
  await house.declare()
  await house.give(textItem('wamid.1', house.clock.epochMs(), { person: { ...ANNA, username: 'anna.b' } }))
  await house.give(textItem('wamid.2', house.clock.epochMs(), { person: { userId: 'DE.2', name: 'Ben' } }))
  const deps: Partial<ApiDependencies> = {
    clock: house.clock,
    log: silentLog,
    ask: (command, args) => house.ask(command, args),
    reader: house.reader,
    principalOf: () => (role === 'owner' ? ownerNamed('key:1') : { ...ownerNamed('key:1'), role, scope: NOTHING }),
    admit: () => {},
    note: () => {},
    count: () => {},
  }
  app = apiRoutes(deps as ApiDependencies)
  const { items } = await ask('GET', '')
  ;[ben, anna] = items.map(({ id }: { id: string }) => id)
})
afterAll(() => house.close())

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape is what they test
async function ask(method: string, path: string, body?: unknown): Promise<any> {
  const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
  const response = await app.handle(new Request(`http://localhost/api/v1/contacts${path}`, init))
  const answer: unknown = await response.json()
  return { ...(answer as object), status_code: response.status }
}

describe('a contact', () => {
  test('is found by phone in any writing, user id, username and e-mail address', async () => {
    await ask('PATCH', `/${anna}`, { emails: ['anna@example.com'] })
    const looks = [
      { phone: '+49 (151) 1234-5678' },
      { user_id: 'DE.1001' },
      { username: '@anna.b' },
      { email: 'ANNA@example.com' },
      { phone: ANNA.phone, portfolio: 'acme' },
    ]
    for (const look of looks) expect(await ask('POST', '/lookup', look)).toMatchObject({ id: anna })
    for (const look of [{ phone: '+4915100000000' }, { user_id: 'DE.2', portfolio: 'other' }]) {
      expect(await ask('POST', '/lookup', look)).toMatchObject({ code: 'not_found', detail: 'No such contact' })
    }
  })

  test('answers a change with what it is by then', async () => {
    const change = { name: ' Frau Beispiel ', attributes: { city: 'Köln', since: 2019, vip: false, '': undefined } }
    expect(await ask('PATCH', `/${anna}`, change)).toMatchObject({
      name: 'Frau Beispiel',
      profile_name: 'Anna Beispiel',
      attributes: { city: 'Köln', since: 2019, vip: false },
    })
    expect(await ask('PATCH', `/${anna}`, { name: null, attributes: { since: null } })).toMatchObject({
      name: 'Anna Beispiel',
      attributes: { city: 'Köln', vip: false },
    })
  })

  test('is merged into another and taken back', async () => {
    const merged = await ask('POST', `/${ben}/merge`, { into: anna })
    expect(merged).toMatchObject({ id: expect.stringMatching(/^mrg_/), contact: ben, into: anna })
    expect((await ask('GET', '')).items).toMatchObject([{ id: anna, merged: [ben] }])
    expect((await ask('GET', `/${anna}/conversations`)).items).toHaveLength(2)
    expect(await ask('POST', `/${ben}/merge`, { into: anna })).toMatchObject({ code: 'conflict' })
    expect(await ask('POST', `/${ben}/unmerge`)).toMatchObject({ id: merged.id })
    expect((await ask('GET', `/${anna}/conversations`)).items).toHaveLength(1)
  })

  test('that is not to be seen is not there, whatever is asked of it', async () => {
    role = 'stranger'
    try {
      expect((await ask('GET', '')).items).toEqual([])
      const asks = [
        ['GET', `/${anna}`],
        ['GET', `/${anna}/conversations`],
        ['PATCH', `/${anna}`, { name: 'x' }],
        ['POST', `/${anna}/merge`, { into: ben }],
        ['POST', `/${anna}/unmerge`],
        ['POST', '/lookup', { user_id: 'DE.2' }],
      ] as const
      for (const [method, path, body] of asks) {
        expect(await ask(method, path, body)).toMatchObject({ code: 'not_found', status_code: 404 })
      }
    } finally {
      role = 'owner'
    }
  })
})

describe('what is wrong is said with its place, and nothing of it is repeated:', () => {
  const long = 'x'.repeat(1001)

  test.each<[string, string, unknown, string]>([
    ['POST', '/lookup', {}, ''],
    ['POST', '/lookup', { phone: '+4915112345678', email: 'a@b.example' }, ''],
    ['POST', '/lookup', { phone: '015112345678' }, '/phone'],
    ['POST', '/lookup', { user_id: 7 }, '/user_id'],
    ['POST', '/lookup', { email: 'a@b.example', portfolio: 7 }, '/portfolio'],
    ['POST', '/lookup', { name: 'Anna' }, '/name'],
    ['PATCH', '/:anna', { name: '' }, '/name'],
    ['PATCH', '/:anna', { name: 7 }, '/name'],
    ['PATCH', '/:anna', { name: long }, '/name'],
    ['PATCH', '/:anna', { phone: '+1' }, '/phone'],
    ['PATCH', '/:anna', { attributes: [] }, '/attributes'],
    ['PATCH', '/:anna', { attributes: { '': 1 } }, '/attributes'],
    ['PATCH', '/:anna', { attributes: { [long]: 1 } }, '/attributes'],
    ['PATCH', '/:anna', { attributes: { 'a/b': {} } }, '/attributes/a~1b'],
    ['PATCH', '/:anna', { attributes: { a: long } }, '/attributes/a'],
    [
      'PATCH',
      '/:anna',
      { attributes: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [i, 1])) },
      '/attributes',
    ],
    ['PATCH', '/:anna', { emails: 'a@b.example' }, '/emails'],
    ['PATCH', '/:anna', { emails: ['a@b.example', 'secret'] }, '/emails/1'],
    ['PATCH', '/:anna', { emails: Array.from({ length: 21 }, (_, i) => `${i}@b.example`) }, '/emails'],
    ['POST', '/:anna/merge', {}, '/into'],
    ['POST', '/:anna/merge', { into: 'con_zzzz' }, '/into'],
    ['POST', '/:anna/merge', { into: ':anna' }, '/into'],
    ['POST', '/:anna/unmerge', { id: 'x' }, '/id'],
  ])('%s %s %#', async (method, path, body, place) => {
    const text = JSON.stringify(body).replaceAll(':anna', anna)
    const answer = await ask(method, path.replace(':anna', anna), JSON.parse(text))
    expect(answer).toMatchObject({ status_code: 400, code: 'invalid', path: place })
    expect(JSON.stringify(answer)).not.toMatch(/15112345678|secret|b\.example|xxx/)
  })
})
