import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must } from '../core/assert.ts'
import { readBase32 } from '../testing/sign-in-requests.ts'
import { Accounts, LINK_HOURS, SESSIONS_OF_ONE_MAX } from './accounts.ts'
import { PasswordHashing, requireGoodPassword } from './passwords.ts'
import { base32, stepAt, totpAt, totpStep } from './totp.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const HOUR = 3_600_000
const KEY = new Uint8Array(32).map((_, index) => index)
let folder: string
let accounts: Accounts

function open(key = KEY): Accounts {
  return new Accounts(join(folder, 'accounts.db'), key, new PasswordHashing(key, { atOnce: 2, waitingMax: 10 }))
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-accounts-'))
  accounts = open()
})
afterEach(() => {
  accounts.close()
  rmSync(folder, { recursive: true, force: true })
})

function session(personId: number, at: number, id = 0) {
  const hash = new Uint8Array(32).fill(id + 1)
  return { hash, personId, device: 'Firefox on Linux', method: 'password' as const, createdAtMs: at, usedAtMs: at }
}

describe('a password', () => {
  test('is right for its owner alone', async () => {
    await accounts.setPassword(1, 'seven lilac trombones', { nowMs: NOW, but: null })
    expect(await accounts.isPassword(1, 'seven lilac trombones')).toBe(true)
    for (const wrong of ['', 'seven lilac trombone', 'SEVEN LILAC TROMBONES'])
      expect(await accounts.isPassword(1, wrong)).toBe(false)
    for (const personId of [2, 0, null])
      expect(await accounts.isPassword(personId, 'seven lilac trombones')).toBe(false)
  })

  test('is the same however its letters are put together', async () => {
    await accounts.setPassword(1, 'caf\u00e9 seven trombones', { nowMs: NOW, but: null })
    expect(await accounts.isPassword(1, 'cafe\u0301 seven trombones')).toBe(true)
  })

  test('cannot be tried without the key of the vault', async () => {
    await accounts.setPassword(1, 'seven lilac trombones', { nowMs: NOW, but: null })
    const other = open(new Uint8Array(32).fill(9))
    expect(await other.isPassword(1, 'seven lilac trombones')).toBe(false)
    other.close()
  })

  test('is hashed as often for nobody as for somebody', async () => {
    const verify = Bun.password.verify
    let count = 0
    Bun.password.verify = ((...args: Parameters<typeof verify>) => {
      count++
      return verify(...args)
    }) as typeof verify
    try {
      await accounts.isPassword(null, 'x')
      await accounts.isPassword(99, 'x')
    } finally {
      Bun.password.verify = verify
    }
    expect(count).toBe(2)
  })

  test('waits for its turn, and is refused when too many wait', async () => {
    const hashing = new PasswordHashing(KEY, { atOnce: 1, waitingMax: 1 })
    const [one, two, three] = ['a', 'b', 'c'].map((password) => hashing.hash(password))
    await expect(must(three, 'the third')).rejects.toMatchObject({ code: 'unavailable' })
    expect(await one).toStartWith('$argon2id$v=19$m=19456,t=2,p=1$')
    expect(await two).toStartWith('$argon2id$')
  })

  test.each([
    [null],
    [undefined],
    [''],
    [12],
    [['seven lilac trombones']],
    ['short'],
    ['elevenchars'],
    ['x'.repeat(201)],
    ['passwordpassword'],
    ['P@ssw0rd2026!!'],
    ['Password12345678'],
    ['qwertyuiop123456'],
    ['123456789012'],
    ['aaaaaaaaaaaaaaaa'],
    ['Welcome2Gatehouse'],
    ['letmeinletmein1'],
    ['iloveyou20252026'],
    ['Lindqvist-Lindqvist'],
    ['ada@example.com'],
  ])('that is %p is refused', (password) => {
    expect(() => requireGoodPassword(password, '/password', ['Ada Lindqvist', 'ada@example.com'])).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    )
  })

  test.each([['seven lilac trombones'], ['k3V!x9_qLm2w'], ['Пять синих чайников'], ['東京の青い空と白い雲と電車']])(
    'that is %p is taken',
    (password) => {
      expect(requireGoodPassword(password, '/password', ['Ada Lindqvist'])).toBe(password)
    },
  )
})

describe('a code', () => {
  // RFC 6238, appendix B, with SHA-1; the last six of its eight digits.
  test.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_234_567_890, '005924'],
    [20_000_000_000, '353130'],
  ])('at %p seconds is that of the standard', (seconds, code) => {
    expect(totpAt(new TextEncoder().encode('12345678901234567890'), stepAt(seconds * 1000))).toBe(code)
  })

  test('is taken a step early or late, and no step twice or again', () => {
    const secret = new Uint8Array(20).fill(7)
    const now = stepAt(NOW)
    const at = (step: number, after = 0) => totpStep(secret, totpAt(secret, step), { nowMs: NOW, after })
    expect([at(now - 2), at(now - 1), at(now), at(now + 1), at(now + 2)]).toEqual([null, now - 1, now, now + 1, null])
    expect([at(now, now), at(now - 1, now), at(now + 1, now)]).toEqual([null, null, now + 1])
  })

  test.each([[''], ['12345'], ['1234567'], ['12345a'], ['١٢٣٤٥٦'], ['null']])('is not %p', (code) => {
    expect(totpStep(new Uint8Array(20), code, { nowMs: NOW, after: 0 })).toBeNull()
  })

  test('comes from a secret that apps can read', () => {
    expect(base32(new TextEncoder().encode('foobar'))).toBe('MZXW6YTBOI')
    expect(new TextDecoder().decode(readBase32('MZXW6YTBOI'))).toBe('foobar')
  })
})

describe('a second factor', () => {
  const codeAt = (secret: string, later = 0) => totpAt(readBase32(secret), stepAt(NOW) + later)

  test('counts from its first code on; each code and each recovery code opens once', () => {
    const secret = accounts.enrol(1, NOW)
    expect(accounts.isSecond(1, { code: codeAt(secret), recoveryCode: null }, NOW)).toBe(false)
    expect(accounts.credentialsOf(1).hasSecondFactor).toBe(false)
    expect(accounts.confirm(1, '000000', NOW)).toBeUndefined()
    const codes = must(accounts.confirm(1, codeAt(secret), NOW), 'recovery codes')
    expect(accounts.credentialsOf(1)).toMatchObject({ hasSecondFactor: true, recoveryCodesLeft: 10 })
    const isSecond = (code: string | null, recoveryCode: string | null, personId = 1) =>
      accounts.isSecond(personId, { code, recoveryCode }, NOW)
    expect(isSecond(codeAt(secret), null)).toBe(false)
    expect(isSecond(codeAt(secret, 1), null, 2)).toBe(false)
    expect(isSecond(codeAt(secret, 1), null)).toBe(true)
    expect(isSecond(codeAt(secret, 1), null)).toBe(false)
    const [first = ''] = codes
    expect(isSecond(null, first, 2)).toBe(false)
    expect(isSecond(null, first.toLowerCase().replaceAll('-', ' '))).toBe(true)
    for (const wrong of [first, '', null, '----']) expect(isSecond(null, wrong)).toBe(false)
    expect(() => accounts.enrol(1, NOW)).toThrow('already')
    expect(() => accounts.confirm(1, codeAt(secret, 1), NOW)).toThrow('waits')
  })
})

describe('sessions', () => {
  const times = { idleMs: HOUR, absoluteMs: 3 * HOUR }

  test('end by time, unused or old', () => {
    accounts.beginSession(session(1, NOW, 1))
    accounts.beginSession(session(2, NOW, 2))
    accounts.noteUses([{ hash: session(1, NOW, 1).hash, atMs: NOW + HOUR }])
    const left = (nowMs: number) => accounts.sessions({ ...times, nowMs }).map(({ personId }) => personId)
    expect(left(NOW + HOUR - 1)).toEqual([1, 2])
    expect(left(NOW + HOUR)).toEqual([1])
    accounts.noteUses([{ hash: session(1, NOW, 1).hash, atMs: NOW + 3 * HOUR - 1 }])
    expect(left(NOW + 3 * HOUR - 1)).toEqual([1])
    expect(left(NOW + 3 * HOUR)).toEqual([])
  })

  test(`are no more than ${SESSIONS_OF_ONE_MAX} of one person: the oldest goes`, () => {
    for (let index = 0; index < SESSIONS_OF_ONE_MAX; index++)
      expect(accounts.beginSession(session(1, NOW + index, index))).toEqual([])
    const ended = accounts.beginSession(session(1, NOW + 100, 100))
    expect(ended).toEqual([session(1, NOW, 0).hash])
  })

  test('end with a new password, but the one that asked', async () => {
    for (const id of [1, 2, 3]) accounts.beginSession(session(id === 3 ? 2 : 1, NOW, id))
    const but = session(1, NOW, 1).hash
    expect(await accounts.setPassword(1, 'seven lilac trombones', { nowMs: NOW, but })).toEqual([
      session(1, NOW, 2).hash,
    ])
    expect(accounts.sessions({ ...times, nowMs: NOW }).map(({ personId }) => personId)).toEqual([1, 2])
  })
})

describe('a link', () => {
  test(`opens for ${LINK_HOURS} hours, once, and not beside a newer one`, async () => {
    const { token } = accounts.makeLink({ kind: 'invitation', personId: 1, madeBy: null }, NOW)
    const end = NOW + LINK_HOURS * HOUR
    expect(accounts.linkOf(token, end - 1)).toEqual({ kind: 'invitation', personId: 1, madeBy: null })
    expect(accounts.linkOf(token, end)).toBeUndefined()
    for (const wrong of ['', 'null', token.slice(1), `${token}=`]) expect(accounts.linkOf(wrong, NOW)).toBeUndefined()
    const newer = accounts.makeLink({ kind: 'invitation', personId: 1, madeBy: null }, NOW).token
    expect(accounts.linkOf(token, NOW)).toBeUndefined()
    const use = () => accounts.spendLink({ token: newer, password: 'seven lilac trombones', nowMs: NOW })
    const both = await Promise.all([use(), use()])
    expect(both.map((used) => used?.personId).sort()).toEqual([1, undefined])
    expect(await accounts.isPassword(1, 'seven lilac trombones')).toBe(true)
  })

  test('is void once a password was set in another way', async () => {
    const { token } = accounts.makeLink({ kind: 'password', personId: 1, madeBy: null }, NOW)
    await accounts.setPassword(1, 'seven lilac trombones', { nowMs: NOW, but: null })
    expect(accounts.linkOf(token, NOW)).toBeUndefined()
  })

  test('of the first owner sets nobody’s password', async () => {
    const { token } = accounts.makeLink({ kind: 'setup', personId: null, madeBy: null }, NOW)
    expect(await accounts.spendLink({ token, password: 'seven lilac trombones', nowMs: NOW })).toBeUndefined()
    expect([accounts.spendSetup(token, NOW), accounts.spendSetup(token, NOW)]).toEqual([true, false])
  })
})

test('beside records of another epoch no session and no link of before opens', async () => {
  accounts.follow('one')
  await accounts.setPassword(1, 'seven lilac trombones', { nowMs: NOW, but: null })
  accounts.beginSession(session(1, NOW, 1))
  const { token } = accounts.makeLink({ kind: 'second_factor', personId: 1, madeBy: null }, NOW)
  const left = () => accounts.sessions({ idleMs: HOUR, absoluteMs: HOUR, nowMs: NOW }).length
  accounts.follow('one')
  expect([left(), accounts.linkOf(token, NOW)?.kind]).toEqual([1, 'second_factor'])
  accounts.follow('two')
  expect([left(), accounts.linkOf(token, NOW)]).toEqual([0, undefined])
  expect(await accounts.isPassword(1, 'seven lilac trombones')).toBe(true)
})

test('an identity is somebody’s by issuer and subject together', () => {
  accounts.connect('https://a.example', 'ada', { personId: 1, nowMs: NOW })
  expect(accounts.personOf('https://a.example', 'ada')).toBe(1)
  for (const [issuer, subject] of [
    ['https://b.example', 'ada'],
    ['https://a.example', 'Ada'],
    ['https://a.example', ''],
    ['https://a.examplea', 'da'],
  ] as const)
    expect(accounts.personOf(issuer, subject)).toBeUndefined()
  expect(() => accounts.connect('https://a.example', 'ada', { personId: 2, nowMs: NOW })).toThrow('else')
})

test('whoever left has nothing to come in with', async () => {
  await accounts.setPassword(1, 'seven lilac trombones', { nowMs: NOW, but: null })
  accounts.beginSession(session(1, NOW, 1))
  accounts.connect('https://a.example', 'ada', { personId: 1, nowMs: NOW })
  const { token } = accounts.makeLink({ kind: 'password', personId: 1, madeBy: null }, NOW)
  accounts.forget(1)
  expect(await accounts.isPassword(1, 'seven lilac trombones')).toBe(false)
  expect(accounts.linkOf(token, NOW)).toBeUndefined()
  expect(accounts.personOf('https://a.example', 'ada')).toBeUndefined()
  expect(accounts.sessions({ idleMs: HOUR, absoluteMs: HOUR, nowMs: NOW })).toEqual([])
})
