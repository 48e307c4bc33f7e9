import { describe, expect, test } from 'bun:test'
import { PERMISSION_NAMES } from '../../core/permissions.ts'
import { OPERATIONS } from '../../http/api-operations.ts'
import { Problem, problemOf } from '../api.ts'
import { fieldOf, wrongAt } from '../view/form.tsx'
import { isSettings } from '../view/hooks.ts'
import { faultsIn } from './import-page.tsx'
import { keyAskIn } from './keys-page.tsx'
import { changedList, hoursOf, partsOf, peopleWith, shiftsText, teamChanges } from './people-words.ts'
import { mayGive, roleChoices } from './role-choices.ts'
import { createSettingsApi } from './settings-api.ts'
import { addressOf, askedOf, faultInFilter, filterIn, PARTS, placeOf } from './settings-place.ts'
import type { AuditEntry, Member, Team, Weekday } from './settings-wire.ts'
import { actionWords, detailWords, PERMISSION_GROUPS, worthOf } from './settings-words.ts'

const member = (name: string, more: Partial<Member> = {}): Member => ({
  id: `per_${name}`,
  name,
  email: `${name.split(' ')[0]?.toLowerCase()}@example.com`,
  role: { id: 'rol_1', name: 'agent' },
  state: 'active',
  teams: [],
  languages: [],
  skills: [],
  zone: null,
  hours: null,
  created_at: '2026-11-22T09:00:00.000Z',
  ...more,
})

describe('an address of the settings', () => {
  test.each([
    ['#/settings', null, null],
    ['#/settings/people', 'people', null],
    ['#/settings/people/per_3k', 'people', 'per_3k'],
    ['#/settings/people/Ada%20Byron', 'people', null],
    ['#/settings/unknown/per_3k', null, null],
    ['#/settings/audit?actor=per_3k', 'audit', null],
  ] as const)('%s leads to %p, %p', (hash, part, item) => {
    expect(isSettings(hash)).toBe(true)
    expect(placeOf(hash)).toMatchObject({ part, item })
  })

  test('is none of others, and reads back what it was made of', () => {
    for (const hash of ['', '#/', '#/c/cnv_1', '#/settingsx', '#link=settings']) expect(isSettings(hash)).toBe(false)
    for (const { part } of PARTS) expect(placeOf(addressOf(part, 'new'))).toMatchObject({ part, item: 'new' })
    const query = { actor: 'per_1', from: '2026-11-01' }
    expect(filterIn(placeOf(addressOf('audit', null, query)).query)).toEqual(query)
  })

  test('takes nothing personal up', () => {
    const typed = { actor: 'Ada', action: 'Open', object: '+49151234567', from: '1.11.2026' }
    expect(filterIn(new URLSearchParams(typed))).toEqual({})
    expect(faultInFilter(typed)).toBe('actor')
    expect(faultInFilter({ object: 'ada@example.com' })).toBe('object')
    expect(faultInFilter({ actor: 'p_4sD0vYk2', object: '/api/v1/people/:id', action: 'person.open' })).toBeNull()
  })

  test('asks for whole days where the reader is', () => {
    const { from, to } = askedOf({ from: '2026-11-22', to: '2026-11-22' })
    expect(Date.parse(to ?? '') - Date.parse(from ?? '')).toBe(86_400_000)
    expect(new Date(from ?? '').getHours()).toBe(0)
  })
})

describe('people', () => {
  const people = [
    member('Zoë Åström', { teams: [{ id: 'tea_1', name: 'Returns' }] }),
    member('Bo Li', { state: 'suspended' }),
    member('Nameless', { name: null, email: null }),
  ]
  test.each([
    ['', 3],
    ['  zoe ', 1],
    ['astrom ret', 1],
    ['BO@EXAMPLE', 1],
    ['suspended', 1],
    ['zoe bo', 0],
  ])('found by %j are %d', (search, count) => {
    expect(peopleWith(people, search)).toHaveLength(count)
  })

  test('join and leave only the teams that have to change', () => {
    const teams: Team[] = [
      { id: 'a', name: 'a', people: ['x', 'me'], numbers: [] },
      { id: 'b', name: 'b', people: ['x'], numbers: [] },
      { id: 'c', name: 'c', people: ['me'], numbers: [] },
    ]
    expect(teamChanges(teams, 'me', new Set(['b', 'c']))).toEqual([
      { id: 'a', people: ['x'] },
      { id: 'b', people: ['x', 'me'] },
    ])
  })

  test('who was ticked is in, and nobody else’s change is undone', () => {
    const before = new Set(['a', 'b'])
    expect(changedList(['b', 'new'], before, new Set(['b', 'c']))).toEqual(['b', 'new', 'c'])
    expect(changedList(['a', 'b', 'c'], before, new Set(['a', 'b', 'c']))).toEqual(['a', 'b', 'c'])
  })

  test('give no role that may more than they do', () => {
    expect(mayGive({ permissions: ['people.see'] }, ['people.see', 'keys.manage'])).toBe(true)
    const role = { id: 'r', name: 'king', permissions: [...PERMISSION_NAMES], given: false }
    expect(roleChoices([role], ['people.see'])).toEqual([
      { value: 'r', label: 'king (may more than you)', isDisabled: true },
    ])
  })
})

describe('working hours', () => {
  const typed = (days: Partial<Record<Weekday, string>>) => hoursOf((day) => days[day] ?? '')
  test('are read as they are typed, and written the same', () => {
    const hours = typed({ mon: '9:00-12:30, 13:30 – 18:00', sat: ' ' })
    expect(hours).toEqual({
      mon: [
        ['09:00', '12:30'],
        ['13:30', '18:00'],
      ],
    })
    expect(shiftsText(hours?.mon)).toBe('09:00–12:30, 13:30–18:00')
    expect(typed({})).toBeNull()
    expect(partsOf(' en, ,pt-BR ')).toEqual(['en', 'pt-BR'])
  })

  test('say at their day that they cannot be read', () => {
    const refused = (() => {
      try {
        return typed({ tue: '9 to 5' })
      } catch (cause) {
        return cause
      }
    })()
    expect(fieldOf(refused, ['hours.mon', 'hours.tue'])).toBe('hours.tue')
  })
})

describe('a refusal', () => {
  test.each([
    ['/email', 'email'],
    ['/hours/mon/0', 'hours.mon'],
    ['/languages/2', 'languages'],
    ['?from', 'from'],
    ['/unknown', null],
    [undefined, null],
  ])('at %p is shown at %p', (path, field) => {
    const names = ['email', 'hours.mon', 'languages', 'from']
    expect(fieldOf(new Problem('invalid', 400, 'x', { path }), names)).toBe(field)
  })

  test.each([
    [{ code: 'invalid', detail: 'Wrong member: /hours/mon/0 must be a pair' }, 'This must be a pair.'],
    [{ code: 'forbidden', detail: 'This needs the permission x', permission: 'x' }, 'Your role does not allow that.'],
    [{ code: 'forbidden', detail: 'The password is wrong', path: '/password' }, 'The password is wrong.'],
    [
      { code: 'rate_limited', detail: 'x', retry_after_ms: 90_000 },
      'Too many attempts. Please try again in 2 minutes.',
    ],
    [{ code: 'rate_limited', detail: 'x', retry_after_ms: 1_500 }, 'Too many attempts. Please try again in 2 seconds.'],
    [{ code: 'unavailable', detail: 'x' }, 'The server is not ready. It works again in a moment.'],
  ])('%j is said as %p', (document, words) => {
    expect(problemOf(400, document, true)).toMatchObject({ code: document.code, message: words, members: document })
  })

  test('of a whole file has its rows', () => {
    const faults = [{ row: 2, column: 'email', fault: 'This is no e-mail address' }]
    expect(faultsIn(problemOf(400, { code: 'invalid', detail: 'x', faults }, true))).toEqual(faults)
    expect(faultsIn(wrongAt('file', 'x'))).toEqual([])
  })
})

describe('a new key', () => {
  function form(values: Record<string, string | string[]>): FormData {
    const data = new FormData()
    for (const [name, value] of Object.entries(values)) for (const one of [value].flat()) data.append(name, one)
    return data
  }
  test('is worth what is ticked, a role, or whoever makes it', () => {
    const base = { name: ' shop ', expires_at: '' }
    expect(keyAskIn(form({ ...base, worth: 'custom', permissions: ['messages.reply'] }), 0)).toEqual({
      name: 'shop',
      permissions: ['messages.reply'],
    })
    expect(keyAskIn(form({ ...base, worth: 'agent', numbers: ['1'] }), 0)).toEqual({
      name: 'shop',
      role: 'agent',
      numbers: ['1'],
    })
    expect(keyAskIn(form({ ...base, worth: 'like me' }), 0)).toEqual({ name: 'shop' })
    expect(() => keyAskIn(form({ ...base, worth: 'custom' }), 0)).toThrow('at least one')
  })

  test('holds to the end of its last day', () => {
    const nowMs = new Date('2027-01-31T12:00:00').getTime()
    const until = (expires_at: string) => keyAskIn(form({ name: 'x', worth: 'agent', expires_at }), nowMs).expires_at
    expect(new Date(until('2027-01-31') ?? '').getDate()).toBe(31)
    expect(new Date(until('2027-01-31') ?? '').getHours()).toBe(23)
    for (const day of ['2027-01-30', '20277-01-31', '202777-01-31'])
      expect(() => until(day)).toThrow('Please choose a day to come.')
  })
})

describe('words', () => {
  test('every permission has its sentence, in one group', () => {
    const listed = PERMISSION_GROUPS.flatMap(({ permissions }) => permissions.map(({ name }) => name))
    expect(listed.toSorted()).toEqual(PERMISSION_NAMES.toSorted())
    for (const { name } of PERMISSION_GROUPS) expect(name).toMatch(/^[A-Z]/)
  })

  test('an act is told, one that is not known here too', () => {
    expect(actionWords('contact.open')).toBe('opened a customer')
    expect(actionWords('something.quite_new')).toBe('something: quite new')
    const entry: AuditEntry = {
      id: 'aud_1',
      at: '2026-11-22T09:00:00.000Z',
      actor: { id: 'p', by: 'session', person: null },
      action: 'search.run',
      object: null,
      outcome: 'forbidden',
      times: 3,
      detail: { q: 'kettle' },
      erased: false,
    }
    expect(detailWords(entry)).toBe('forbidden · 3 times · q: kettle')
    expect(detailWords({ ...entry, outcome: 'signed_in', times: 1, detail: null })).toBe('')
    expect(worthOf({ role: 'custom', permissions: ['messages.reply'] })).toBe('1 permission')
  })
})

describe('createSettingsApi()', () => {
  test('asks only for what the API has', async () => {
    const asked: string[] = []
    const call = async (method: string, path: string) => {
      asked.push(`${method.toLowerCase()} /api${path.replace(/\?.*/, '').replace('x%2F1', '{id}')}`)
      return { items: [], recovery_codes: [] }
    }
    const api = createSettingsApi({ ask: (run: (api: never) => unknown) => run({ call } as never) } as never)
    for (const ask of Object.values(api) as ((...args: unknown[]) => Promise<unknown>)[]) await ask('x/1', 'x/1')
    const known = new Set(OPERATIONS.map(({ method, path }) => `${method} ${path}`))
    expect(asked.filter((one) => !known.has(one))).toEqual([])
    expect(new Set(asked).size).toBe(Object.keys(api).length)
  })
})
