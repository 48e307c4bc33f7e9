import { describe, expect, test } from 'bun:test'
import type { SendOutcome } from '../../core/inbound.ts'
import { outcomeOf, RETRY_AFTER_MS_MAX, waitOf } from './answer.ts'
import { ERROR_CLASSES } from './errors.ts'

const errorBody = (code: unknown, more: Record<string, unknown> = {}) => ({
  error: { message: `(#${code}) to +16505551234`, type: 'OAuthException', code, ...more, fbtrace_id: 'x' },
})
const answer = (status: number, body: unknown, headers: Record<string, string> = {}): SendOutcome =>
  outcomeOf({ status, body, headers: new Headers(headers), isCut: false })

/** The table of the platform's error reference once more, by hand: what each code must be. */
const RETRIED: [code: number, status: number, afterMs: number, scope: string, throttled: boolean][] = [
  [4, 400, 60_000, 'app', true],
  [80007, 400, 60_000, 'app', true],
  [130429, 400, 1_000, 'number', true],
  [130429, 429, 1_000, 'number', true],
  [131056, 400, 1_000, 'pair', true],
  [131208, 429, 60_000, 'pair', true],
  [131057, 500, 60_000, 'number', false],
  [2494100, 400, 120_000, 'number', false],
  [134101, 400, 600_000, 'pair', false],
  [132069, 400, 3_600_000, 'pair', false],
  [0, 401, 0, 'number', false],
  [190, 401, 0, 'number', false],
]
const IN_DOUBT: [code: number, status: number][] = [
  [1, 400],
  [2, 503],
  [131000, 500],
  [131016, 500],
  [133004, 503],
  [0, 500],
]
const REFUSED: Record<string, number[]> = {
  number: [
    3, 10, 33, 200, 250, 299, 131005, 131037, 131045, 131048, 133000, 133005, 133006, 133008, 133009, 133010, 133015,
    133016,
  ],
  waba: [368, 131031, 131042, 131044, 131064],
  template: [132015, 132016],
  nothing: [
    ...[
      100, 130403, 130472, 130497, 131008, 131009, 131021, 131026, 131030, 131047, 131049, 131050, 131051, 131052,
      131053,
    ],
    ...[
      131055, 131060, 131061, 131062, 131063, 132000, 132001, 132005, 132007, 132008, 132012, 132018, 132068, 134011,
      134100,
    ],
    ...[
      134102, 135000, 137000, 139200, 131020, 131041, 131059, 131201, 131202, 131203, 131204, 131207, 131209, 131210,
      131211,
    ],
    ...[131212, 131213, 131214, 131215],
  ],
}

describe('an error code', () => {
  test.each(RETRIED)('%p with status %p may be repeated', (code, status, ...[afterMs, scope, throttled]) => {
    expect(answer(status, errorBody(code))).toMatchObject({ kind: 'retry', code, afterMs, scope, throttled })
  })

  test.each([0, 190])('%p says that the token must be another one first', (code) => {
    expect(answer(401, errorBody(code))).toMatchObject({ kind: 'retry', reason: 'token_invalid', pauses: 'token' })
    expect(RETRIED.map(([other]) => answer(400, errorBody(other))).filter((one) => 'pauses' in one)).toHaveLength(2)
  })

  test.each(IN_DOUBT)('%p with status %p is in doubt', (code, status) => {
    expect(answer(status, errorBody(code))).toMatchObject({ kind: 'unknown', code })
  })

  const refused = Object.entries(REFUSED).flatMap(([pauses, codes]) => codes.map((code) => ({ code, pauses })))
  test.each(refused)('$code is refused and pauses $pauses', ({ code, pauses }) => {
    expect(answer(400, errorBody(code))).toMatchObject({ kind: 'refused', code, pauses, closesWindow: code === 131047 })
  })

  test('is in one of these tables', () => {
    const tested = new Set([
      ...RETRIED.map(([code]) => code),
      ...IN_DOUBT.map(([code]) => code),
      ...refused.map(({ code }) => code),
    ])
    expect([...ERROR_CLASSES.keys()].filter((code) => !tested.has(code))).toEqual([])
  })

  const odd: [name: string, status: number, body: unknown, outcome: Record<string, unknown>][] = [
    [
      '100 with the subcode of a missing number pauses it',
      400,
      errorBody(100, { error_subcode: 33 }),
      { kind: 'refused', pauses: 'number', code: 100 },
    ],
    ['a code as a string is read', 400, errorBody('131047'), { kind: 'refused', closesWindow: true, code: 131047 }],
    [
      'an unknown code below 500 is refused',
      400,
      errorBody(999999),
      { kind: 'refused', pauses: 'nothing', code: 999999 },
    ],
    [
      'an unknown code with 429 may be repeated',
      429,
      errorBody(999999),
      { kind: 'retry', throttled: true, code: 999999 },
    ],
    ['an unknown code from 500 is in doubt', 500, errorBody(999999), { kind: 'unknown', code: 999999 }],
    ['a refusal with status 206 is a refusal', 206, errorBody(131201), { kind: 'refused', code: 131201 }],
    ['an unknown code with status 200 is in doubt', 200, errorBody(999999), { kind: 'unknown' }],
    ['an error that is a text is judged by the status', 400, { error: 'no' }, { kind: 'refused', code: null }],
    ...[401, 403, 404, 408, 421, 451].map((status): [string, number, unknown, Record<string, unknown>] => [
      `${status} without a code is not the platform's word: something before it answered, and later it may be there`,
      status,
      undefined,
      { kind: 'retry', scope: 'transport', reason: 'not_the_platform', throttled: false },
    ]),
    ['404 with an unknown code is refused', 404, errorBody(999999), { kind: 'refused', code: 999999 }],
    ...[400, 413, 414, 431].map((status): [string, number, unknown, Record<string, unknown>] => [
      `${status} without a code is about the message: refused`,
      status,
      undefined,
      { kind: 'refused', code: null },
    ]),
    ['status 302 is in doubt', 302, undefined, { kind: 'unknown' }],
    ['an id with status 500 is in doubt', 500, { messages: [{ id: 'x' }] }, { kind: 'unknown' }],
    ['an id that is a number is none', 200, { messages: [{ id: 7 }] }, { kind: 'unknown' }],
    ['an empty id is none', 200, { messages: [{ id: '' }] }, { kind: 'unknown' }],
  ]
  test.each(odd)('%s', (_name, status, body, outcome) => {
    expect(answer(status, body)).toMatchObject(outcome)
  })

  test('has a reason that repeats nothing of the answer', () => {
    const outcomes = [...ERROR_CLASSES.keys(), 999999].map((code) => answer(400, errorBody(code)))
    for (const outcome of outcomes) expect('reason' in outcome && outcome.reason).toMatch(/^[a-z_]{3,40}$/)
  })
})

describe('a success', () => {
  const messages = (more: Record<string, unknown>) => ({ messages: [{ id: 'wamid.1', ...more }] })
  const cases: [name: string, body: unknown, outcome: unknown][] = [
    ['has its id', messages({}), { kind: 'accepted', upstreamId: 'wamid.1', recipient: null, pacing: false }],
    [
      'is accepted',
      messages({ message_status: 'accepted' }),
      { kind: 'accepted', upstreamId: 'wamid.1', recipient: null, pacing: false },
    ],
    [
      'is paced',
      messages({ message_status: 'held_for_quality_assessment' }),
      { kind: 'accepted', upstreamId: 'wamid.1', recipient: null, pacing: true },
    ],
    [
      'says whom it went to',
      { contacts: [{ input: '+5511999', wa_id: '551199', user_id: 'BR.1' }], ...messages({}) },
      { kind: 'accepted', upstreamId: 'wamid.1', recipient: { phone: '+551199', userId: 'BR.1' }, pacing: false },
    ],
    [
      'says a user id alone',
      { contacts: [{ input: 'BR.1', user_id: 'BR.1' }], ...messages({}) },
      { kind: 'accepted', upstreamId: 'wamid.1', recipient: { userId: 'BR.1' }, pacing: false },
    ],
  ]
  test.each(cases)('%s', (_name, body, outcome) => {
    expect(answer(200, body)).toEqual(outcome as SendOutcome)
  })
})

describe('the wait', () => {
  const usage = (minutes: unknown) => JSON.stringify({ '1': [{ type: 'x', estimated_time_to_regain_access: minutes }] })
  const DATE = 'Sun, 22 Nov 2026 09:00:00 GMT'
  const cases: [name: string, headers: Record<string, string>, waitMs: number | null][] = [
    ['is not said', {}, null],
    ['is said in seconds', { 'retry-after': '7' }, 7_000],
    ['is said as a date', { 'retry-after': 'Sun, 22 Nov 2026 09:01:00 GMT', date: DATE }, 60_000],
    ['is said as a date that is over', { 'retry-after': 'Sun, 22 Nov 2026 08:00:00 GMT', date: DATE }, 0],
    ['is said as a date without a date to measure it by', { 'retry-after': DATE }, null],
    ['is no number', { 'retry-after': 'soon' }, null],
    ['is negative', { 'retry-after': '-7' }, null],
    ['is a year', { 'retry-after': '31536000' }, RETRY_AFTER_MS_MAX],
    ['is estimated in minutes', { 'x-business-use-case-usage': usage(5) }, 300_000],
    ['is estimated as nothing', { 'x-business-use-case-usage': usage(0) }, null],
    ['is the longer of two', { 'retry-after': '7', 'x-business-use-case-usage': usage(5) }, 300_000],
    ['is estimated in no form', { 'x-business-use-case-usage': '{"1":7,"2":[null]' }, null],
  ]
  test.each(cases)('%s', (_name, headers, waitMs) => {
    expect(waitOf(new Headers(headers))).toBe(waitMs)
  })

  test('of the answer counts where it is longer than the first wait of the code', () => {
    expect(answer(400, errorBody(130429), { 'retry-after': '30' })).toMatchObject({ afterMs: 30_000 })
    expect(answer(400, errorBody(4), { 'retry-after': '30' })).toMatchObject({ afterMs: 60_000 })
  })
})
