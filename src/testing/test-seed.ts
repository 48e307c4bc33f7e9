import { systemClock } from '../core/clock.ts'

/** The seed of what a test invents: that of `./scripts/test --seed=N`, which sets GATEHOUSE_TEST_SEED, or another one each time. */
export function testSeed(): number {
  const given = Bun.env['GATEHOUSE_TEST_SEED']
  return Number(given ?? Math.floor(systemClock.epochMs())) % 2 ** 31
}
