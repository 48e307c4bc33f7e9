import { beforeEach, describe, expect, test } from 'bun:test'
import type { TokenFacts } from '../channels/whatsapp/inspect.ts'
import { silentLog } from '../core/log.ts'
import type { AppSetup } from '../setup.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { TokenWatch } from './token-watch.ts'

const HOUR = 3_600_000
const FOUND = { kind: 'found', isValid: true, appId: '1', expiresAt: 0, scopes: [], apartMs: 0 } as const

let clock: FakeClock
let apps: AppSetup[]
let answer: TokenFacts | Error
let asked: string[]
let said: string[]
let told: Record<string, number>
let watch: TokenWatch

function app(id: string, accessToken = `token of ${id}`): AppSetup {
  return { id, accessToken, portfolio: 'p', workspace: 'main', secrets: [], verifyToken: 'v', graphVersion: 'v25.0' }
}

beforeEach(() => {
  clock = new FakeClock()
  apps = [app('main')]
  answer = FOUND
  asked = []
  said = []
  told = {}
  const say = (phrase: string) => void said.push(phrase)
  watch = new TokenWatch({
    clock,
    log: { ...silentLog, warn: say, error: say },
    apps: () => apps,
    inspect: async ({ id }) => {
      asked.push(id)
      if (answer instanceof Error) throw answer
      return answer
    },
    onLook: (expiries) => {
      told = Object.fromEntries(expiries)
    },
  })
})

const inDays = (days: number) => clock.epochMs() / 1000 + days * 86_400

describe('the watch over access tokens', () => {
  test.each<[string, () => TokenFacts | Error, () => Record<string, number>, string[]]>([
    ['never expires', () => FOUND, () => ({ main: Number.POSITIVE_INFINITY }), []],
    ['expires in a month', () => ({ ...FOUND, expiresAt: inDays(30) }), () => ({ main: inDays(30) }), []],
    [
      'expires in a week',
      () => ({ ...FOUND, expiresAt: inDays(7) }),
      () => ({ main: inDays(7) }),
      ['the access token expires soon'],
    ],
    ['is not valid', () => ({ ...FOUND, isValid: false }), () => ({ main: 0 }), ['the access token is not valid']],
    ['is refused', () => ({ kind: 'refused', apartMs: 0 }), () => ({ main: 0 }), ['the access token is not valid']],
    ['cannot be asked for', () => ({ kind: 'unreachable', reason: 'timeout' }), () => ({}), []],
    ['cannot be asked for at all', () => new Error('nobody there'), () => ({}), []],
  ])('one that %s', async (_, given, expiries, words) => {
    answer = given()
    await watch.look()
    expect(told).toEqual(expiries())
    expect(said).toEqual(words)
  })

  test('asks once a day, and after no answer once an hour', async () => {
    for (let hour = 0; hour < 48; hour++) {
      await watch.look()
      clock.advance(HOUR)
    }
    expect(asked).toHaveLength(2)
    answer = { kind: 'unreachable', reason: 'timeout' }
    for (let hour = 0; hour < 3; hour++) {
      await watch.look()
      clock.advance(HOUR)
    }
    expect(asked).toHaveLength(5)
    expect(told).toEqual({ main: Number.POSITIVE_INFINITY })
  })

  test('asks at once for a token that was changed and for an app that is new, and forgets one that is gone', async () => {
    await watch.look()
    apps = [app('main', 'another'), app('second')]
    answer = { kind: 'unreachable', reason: 'timeout' }
    await watch.look()
    expect(asked).toEqual(['main', 'main', 'second'])
    // What was said of the token before says nothing of this one.
    expect(told).toEqual({})
    apps = []
    await watch.look()
    expect(asked).toHaveLength(3)
  })

  test('begins by itself a little after the start, and ends', async () => {
    clock.advance(10_000)
    expect(asked).toEqual([])
    clock.advance(10_000)
    expect(asked).toEqual(['main'])
    watch.stop()
    apps = [app('second')]
    clock.advance(HOUR)
    expect(asked).toEqual(['main'])
  })
})
