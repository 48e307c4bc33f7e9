import { describe, expect, test } from 'bun:test'
import type { ApiKeyTerms } from '../records/api-key.ts'
import type { Standing } from '../records/people-reader.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { ApiKeys, newApiKey } from './api-keys.ts'
import { GIVEN_ROLES } from './roles.ts'
import { hashToken } from './tokens.ts'

const KEY = newApiKey()
const BOOTSTRAP = 'an-operator-chose-this'

const TERMS: ApiKeyTerms = {
  id: 4,
  workspaceId: 1,
  personId: null,
  role: 'owner',
  permissions: null,
  numberIds: null,
  expiresAtMs: null,
}

function keys(bootstrapToken: string | null = BOOTSTRAP, terms: Partial<ApiKeyTerms> = {}) {
  const known = hashToken(KEY)
  const clock = new FakeClock()
  const kept = {
    terms: { ...TERMS, ...terms } as ApiKeyTerms | undefined,
    uses: 0,
    reads: 0,
    standing: undefined as Standing | undefined,
  }
  const apiKeys = new ApiKeys({
    clock,
    termsOf: (hash) => {
      kept.reads++
      return Buffer.compare(hash, known) === 0 ? kept.terms : undefined
    },
    standingOf: () => kept.standing,
    workspaceNamed: (name) => (name === 'main' ? 1 : name === 'outlet' ? 2 : undefined),
    bootstrapToken: () => bootstrapToken,
    onUse: () => void kept.uses++,
  })
  return { apiKeys, clock, kept, principalOf: (authorization: string | null) => apiKeys.principalOf(authorization) }
}

describe('newApiKey()', () => {
  test('gives 256 bits behind a prefix, never the same twice', () => {
    expect(KEY).toMatch(/^gh_[A-Za-z0-9_-]{43}$/)
    expect(new Set(Array.from({ length: 100 }, newApiKey)).size).toBe(100)
  })
})

describe('another workspace', () => {
  const chosen = (authorization: string, terms: Partial<ApiKeyTerms>, name: string) =>
    keys(BOOTSTRAP, terms).apiKeys.principalOf(authorization, name).workspaceId

  test('is chosen by the bootstrap token, and by keys of the house that may manage workspaces', () => {
    expect(chosen(`Bearer ${BOOTSTRAP}`, {}, 'outlet')).toBe(2)
    expect(chosen(`Bearer ${KEY}`, {}, 'outlet')).toBe(2)
    expect(chosen(`Bearer ${KEY}`, { workspaceId: 2 }, 'outlet')).toBe(2)
  })

  test.each<[string, Partial<ApiKeyTerms>, string]>([
    ['a key of another', { workspaceId: 2 }, 'main'],
    ['a key without the permission', { permissions: ['conversations.see_all'] }, 'outlet'],
    ['a key that does not see all', { permissions: ['workspaces.manage'] }, 'outlet'],
    ['a key that is bound to numbers', { numberIds: [1] }, 'outlet'],
    ['any key, where there is none of the name', {}, 'nowhere'],
  ])('is not open to %s', (_, terms, name) => {
    expect(() => chosen(`Bearer ${KEY}`, terms, name)).toThrow('does not work in such a workspace')
  })
})

describe('ApiKeys', () => {
  test.each([[`Bearer ${KEY}`], [`bearer ${KEY}`], [`Bearer ${BOOTSTRAP}`]])('takes %p', (authorization) => {
    expect(keys().principalOf(authorization)).toMatchObject({ role: 'owner', by: 'api_key' })
  })

  test.each([
    ['nothing', null],
    ['an empty text', ''],
    ['the key alone', KEY],
    ['another scheme', `Basic ${KEY}`],
    ['no key', 'Bearer '],
    ['a key with one letter more', `Bearer ${KEY}x`],
    ['a key with one letter less', `Bearer ${KEY.slice(0, -1)}`],
    ['two keys', `Bearer ${KEY} ${KEY}`],
    ['a key with a line break', `Bearer ${KEY}\n`],
    ['another key', `Bearer ${newApiKey()}`],
    ['a very long key', `Bearer ${'x'.repeat(600)}`],
  ])('refuses %s', (_, authorization) => {
    expect(() => keys().principalOf(authorization)).toThrow(expect.objectContaining({ code: 'unauthorized' }))
  })

  test('knows no bootstrap token where none is set, not even an empty one', () => {
    expect(() => keys(null).principalOf(`Bearer ${BOOTSTRAP}`)).toThrow()
    expect(() => keys(null).principalOf('Bearer null')).toThrow()
  })

  test('the bootstrap token makes its owner once: ten thousand sockets keep one, not one each', () => {
    const { principalOf } = keys()
    expect(principalOf(`Bearer ${BOOTSTRAP}`)).toBe(principalOf(`Bearer ${BOOTSTRAP}`))
  })

  test('a key of an unknown role may do nothing and sees nothing', () => {
    const principal = keys(null, { role: 'guest' }).principalOf(`Bearer ${KEY}`)
    expect(principal.permissions.size).toBe(0)
    expect(principal.scope).toEqual({ kind: 'some', numberIds: [], teamIds: [], personId: null })
  })

  test('a key may do what its list says, and sees its numbers', () => {
    const permissions = ['messages.reply', 'conversations.see_all', 'no.such_thing']
    const principal = keys(null, { role: 'custom', permissions, numberIds: [7, 9] }).principalOf(`Bearer ${KEY}`)
    expect([...principal.permissions]).toEqual(['messages.reply', 'conversations.see_all'])
    expect(principal.scope).toMatchObject({ kind: 'some', numberIds: [7, 9] })
  })

  test('a key that has expired opens nothing, from that moment on', () => {
    const { clock, principalOf } = keys(null, { expiresAtMs: new FakeClock().epochMs() + 1_000 })
    expect(principalOf(`Bearer ${KEY}`).role).toBe('owner')
    clock.advance(1_000)
    expect(() => principalOf(`Bearer ${KEY}`)).toThrow('expired')
  })

  test('what a key is worth is read once, until something has changed', () => {
    const { apiKeys, kept, principalOf } = keys(null)
    for (let index = 0; index < 5; index++) principalOf(`Bearer ${KEY}`)
    expect(kept.reads).toBe(1)
    kept.terms = undefined
    apiKeys.forget()
    expect(() => principalOf(`Bearer ${KEY}`)).toThrow('not known')
  })

  test('a key that speaks for somebody is worth what they are, and no more than it says', () => {
    const { apiKeys, kept, principalOf } = keys(null, {
      personId: 9,
      permissions: ['messages.reply', 'conversations.see_own', 'audit.read'],
    })
    expect(() => principalOf(`Bearer ${KEY}`)).toThrow('does not work here')
    kept.standing = { role: 'agent', permissions: GIVEN_ROLES.agent, teamIds: [3], numberIds: [5] }
    apiKeys.forget()
    const principal = principalOf(`Bearer ${KEY}`)
    expect([...principal.permissions].sort()).toEqual(['conversations.see_own', 'messages.reply'])
    expect(principal).toMatchObject({ personId: 9, role: 'agent' })
    expect(principal.scope).toEqual({ kind: 'some', numberIds: [], teamIds: [], personId: 9 })
  })

  test('a use is noted once a minute', () => {
    const { clock, kept, principalOf } = keys(null)
    for (let index = 0; index < 3; index++) {
      principalOf(`Bearer ${KEY}`)
      clock.advance(59_000)
    }
    expect(kept.uses).toBe(2)
  })

  test('calls the same key by the same name, another by another, and neither by the key', () => {
    const [one, again, other] = [KEY, KEY, BOOTSTRAP].map((key) => keys().principalOf(`Bearer ${key}`).id)
    expect(one).toBe(again as string)
    expect(one).not.toBe(other as string)
    expect(KEY).not.toContain(one as string)
  })
})
