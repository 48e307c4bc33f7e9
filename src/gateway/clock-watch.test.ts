import { expect, test } from 'bun:test'
import { silentLog } from '../core/log.ts'
import { RecordTime } from '../core/record-time.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { ClockWatch } from './clock-watch.ts'

test('a clock that was set back is said once, and once that it has caught up', () => {
  const clock = new FakeClock()
  const time = new RecordTime(clock)
  const said: string[] = []
  const say = (phrase: string, fields?: { ms?: number }) => void said.push(`${phrase} ${fields?.ms ?? ''}`.trim())
  const watch = new ClockWatch(time, { ...silentLog, info: say, warn: say })
  const commit = (advanceMs: number) => {
    clock.advance(advanceMs)
    time.note(time.nowMs())
    watch.look()
  }
  commit(0)
  clock.jump(-30_000)
  commit(0)
  expect(said).toEqual([])
  clock.jump(-90_000)
  commit(0)
  commit(60_000)
  expect(said).toEqual(['the clock is behind what was written last: set it right 120000'])
  commit(240_000)
  commit(1000)
  expect(said.slice(1)).toEqual(['the clock has caught up with what was written'])
})
