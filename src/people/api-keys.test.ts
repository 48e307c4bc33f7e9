import { describe, expect, test } from 'bun:test'
import { ApiKeys, hashApiKey, newApiKey } from './api-keys.ts'

const KEY = newApiKey()
const BOOTSTRAP = 'an-operator-chose-this'

function keys(bootstrapToken: string | null = BOOTSTRAP, role = 'owner'): ApiKeys {
  const known = hashApiKey(KEY)
  const roleOf = (hash: Uint8Array) => (Buffer.compare(hash, known) === 0 ? role : undefined)
  return new ApiKeys({ roleOf, bootstrapToken: () => bootstrapToken })
}

describe('newApiKey()', () => {
  test('gives 256 bits behind a prefix, never the same twice', () => {
    expect(KEY).toMatch(/^gh_[A-Za-z0-9_-]{43}$/)
    expect(new Set(Array.from({ length: 100 }, newApiKey)).size).toBe(100)
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

  test('refuses a kept key whose role it does not know', () => {
    expect(() => keys(null, 'guest').principalOf(`Bearer ${KEY}`)).toThrow()
  })

  test('calls the same key by the same name, another by another, and neither by the key', () => {
    const [one, again, other] = [KEY, KEY, BOOTSTRAP].map((key) => keys().principalOf(`Bearer ${key}`).id)
    expect(one).toBe(again as string)
    expect(one).not.toBe(other as string)
    expect(KEY).not.toContain(one as string)
  })
})
