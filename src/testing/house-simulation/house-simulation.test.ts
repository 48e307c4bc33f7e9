import { describe, expect, test } from 'bun:test'
import { type HouseRun, HouseRunFailed, runHouse } from './run-house.ts'

/** Seeds that once found something. They stay, whatever is changed about the simulation. */
const REGRESSIONS: readonly number[] = [1017, 1283, 2165, 2373, 40126, 40131]

/** Each part is a test of its own: a failing seed is found soon, and no single test takes long. */
const PARTS = 8
const SEEDS_IN_PART = 8
const ONE_TEST_MS_MAX = 60_000

const runs: HouseRun[] = []

describe('the whole house keeps its promises', () => {
  const parts = Array.from({ length: PARTS }, (_, index) => 1 + index * SEEDS_IN_PART)
  test.each(parts)(
    `over ${SEEDS_IN_PART} seeds from %i on`,
    async (from) => {
      for (let seed = from; seed < from + SEEDS_IN_PART; seed++) runs.push(await runHouse(seed))
      const mine = runs.filter(({ seed }) => seed >= from && seed < from + SEEDS_IN_PART)
      // A simulation in which nothing happens proves nothing.
      expect(sum(mine, ({ crashes }) => crashes)).toBeGreaterThan(SEEDS_IN_PART)
      expect(sum(mine, ({ sends }) => sends)).toBeGreaterThan(10 * SEEDS_IN_PART)
      expect(sum(mine, ({ webhookItems }) => webhookItems)).toBeGreaterThan(50 * SEEDS_IN_PART)
    },
    ONE_TEST_MS_MAX,
  )

  test(
    'and shows what people did to messages as the platform has it, whatever the order in which it came',
    async () => {
      for (let seed = 1; seed <= 16; seed++) await runHouse(seed, { acts: true })
    },
    ONE_TEST_MS_MAX,
  )

  test.each(REGRESSIONS)('in seed %i, which once found something', (seed) => runHouse(seed), ONE_TEST_MS_MAX)
})

describe('a run', () => {
  test('is repeated by its seed step by step, and another seed makes another', async () => {
    const first = await runHouse(7, { actions: 60 })
    expect(await runHouse(7, { actions: 60 })).toEqual(first)
    expect((await runHouse(8, { actions: 60 })).digest).not.toBe(first.digest)
  })

  test('that breaks a promise names its seed and shows its last steps', async () => {
    const failure = await runHouse(7, { actions: 60, requestsPerSecondAllowed: 0 }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(HouseRunFailed)
    const lines = (failure as HouseRunFailed).message.split('\n')
    expect(lines[0]).toMatch(/^Seed 7: number-\d made \d+ requests in a second; its limit is 0$/)
    expect(lines.length).toBeGreaterThan(50)
    expect(lines.at(-1)).toContain('--seed 7')
  })
})

function sum(list: readonly HouseRun[], pick: (run: HouseRun) => number): number {
  return list.reduce((total, run) => total + pick(run), 0)
}
