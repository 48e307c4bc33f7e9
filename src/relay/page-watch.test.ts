import { expect, test } from 'bun:test'
import { HOUR_MS } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import type { LookAsk, LookedOver } from './look-over.ts'
import { PageWatch } from './page-watch.ts'

test('it looks every hour, goes on where it was, and keeps what it has found damaged', async () => {
  const clock = new FakeClock()
  const asked: number[] = []
  const told: number[] = []
  const logged: string[] = []
  const answers: (LookedOver | Error)[] = [
    { damaged: [], learned: 7, next: 0.9 },
    { damaged: [5, 6], learned: 0, next: 0 },
    new Error('it is locked'),
    { damaged: [5], learned: 0, next: 0.4 },
    { damaged: [9], learned: 0, next: 0.5 },
  ]
  const watch = new PageWatch({
    look: async ({ from }: LookAsk) => {
      asked.push(from)
      const answer = answers.shift()
      if (answer === undefined || answer instanceof Error) throw answer
      return answer
    },
    clock,
    log: {
      ...silentLog,
      info: (phrase: string) => void logged.push(phrase),
      warn: (phrase: string) => void logged.push(phrase),
      error: (phrase: string) => void logged.push(phrase),
    },
    path: 'records.db',
    random: () => 0.25,
    onDamage: (pages) => void told.push(pages),
  })
  watch.start([5])
  for (const passMs of [60_000, HOUR_MS, HOUR_MS, HOUR_MS, HOUR_MS]) {
    clock.advance(passMs)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  watch.stop()
  clock.advance(HOUR_MS)
  expect(asked).toEqual([0.25, 0.9, 0, 0, 0.4])
  expect(told).toEqual([1, 1, 2, 2, 3])
  expect(watch.damagedPages()).toBe(3)
  expect(logged).toEqual([
    'pages of the records are damaged: restore a backup',
    'sums of pages of the records learned',
    'pages of the records are damaged: restore a backup',
    'the pages of the records could not be looked at',
    'pages of the records are damaged: restore a backup',
  ])
})
