import { expect, test } from 'bun:test'
import { must } from '../core/assert.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { MediaSizes } from './media-sizes.ts'

/** Runs a look to its end: its pauses are on the fake clock. */
async function look(sizes: MediaSizes, clock: FakeClock): Promise<number> {
  let answer: number | undefined
  void sizes.look().then((bytes) => {
    answer = bytes
  })
  for (let turn = 0; turn < 100 && answer === undefined; turn++) {
    await Promise.resolve()
    clock.advance(10)
  }
  return must(answer, 'an answer within a hundred turns')
}

test('counts all files little by little, adds what comes, and counts again after a minute', async () => {
  const clock = new FakeClock()
  let files = Array.from({ length: 6000 }, (_, index) => ({ file: String(index).padStart(5, '0'), bytes: 10 }))
  const sizes = new MediaSizes(clock, (after, limit) => {
    const rows = files.filter(({ file }) => file > after).slice(0, limit)
    return { last: rows.length < limit ? null : (rows.at(-1)?.file ?? null), bytes: rows.length * 10 }
  })
  expect(await look(sizes, clock)).toBe(40_000)
  expect(await look(sizes, clock)).toBe(60_000)
  sizes.add(500)
  expect(await look(sizes, clock)).toBe(60_500)
  files = files.slice(0, 100)
  clock.advance(60_000)
  expect(await look(sizes, clock)).toBe(1000)
})
