import { expect, test } from 'bun:test'
import { FakeClock } from '../testing/fake-clock.ts'
import { LineRing } from './line-ring.ts'
import { createLog } from './pino-log.ts'

function openRing() {
  const ring = new LineRing()
  const log = createLog('debug', { write: (line: string) => ring.keep(line) }, { clock: new FakeClock() })
  const counts = () => {
    const { lines, trouble } = ring.recent()
    const countsOf = (list: string[]) => list.map((line) => (JSON.parse(line) as { count: number }).count)
    return { lines: countsOf(lines), trouble: countsOf(trouble) }
  }
  return { log, counts }
}

test('the last lines are kept in their order, and no more than a bound', () => {
  const { log, counts } = openRing()
  expect(counts()).toEqual({ lines: [], trouble: [] })
  log.info('one', { count: 1 })
  log.debug('two', { count: 2 })
  expect(counts().lines).toEqual([1, 2])
  for (let count = 3; count <= 1_000; count++) log.info('more', { count })
  expect(counts().lines).toEqual(Array.from({ length: 300 }, (_, index) => 701 + index))
})

test('warnings and errors stay though many ordinary lines come after them', () => {
  const { log, counts } = openRing()
  log.warn('odd', { count: 1 })
  log.error('bad', { count: 2 })
  for (let count = 3; count <= 1_000; count++) log.info('more', { count })
  expect(counts().trouble).toEqual([1, 2])
})
