import { afterEach, beforeEach, expect, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock } from '../testing/fake-clock.ts'
import { BEAT_MS, GONE_MS, ShipHold, watchHold } from './ship-hold.ts'

let place = ''
let clock: FakeClock

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'gatehouse-hold-'))
  clock = new FakeClock()
  for (const name of ['second', 'journal']) mkdirSync(join(place, name))
  cpSync(join(place, 'journal'), join(place, 'copy'), { recursive: true })
})
afterEach(() => rmSync(place, { recursive: true }))

function holdOf(journal: string): ShipHold {
  return new ShipHold({ folder: join(place, 'second'), journalFolder: join(place, journal) }, clock)
}

test('a copy of the house waits until the other has been silent for long, and then the other waits', () => {
  const [house, copy] = [holdOf('journal'), holdOf('copy')]
  house.take()
  for (let silentMs = 0; silentMs < 3 * GONE_MS; silentMs += BEAT_MS) {
    expect(() => copy.take()).toThrow('Another process')
    house.beat()
    clock.advance(BEAT_MS)
  }
  expect(() => copy.take()).toThrow('Another process')
  clock.advance(GONE_MS)
  copy.take()
  expect(() => house.beat()).toThrow('Another process')
  expect(() => house.require()).toThrow('Another process')
  expect(() => house.take()).toThrow('Another process')
  copy.require()
})

test('a restart, and whoever comes after one that ended well, need not wait', () => {
  holdOf('journal').take()
  const again = holdOf('journal')
  again.take()
  again.release()
  holdOf('copy').take()
  again.release()
  expect(() => again.take()).toThrow('Another process')
})

test('a restore ends the hold of a house that is gone, and leaves that of one that still ships', async () => {
  const house = holdOf('journal')
  house.take()
  const second = join(place, 'second')
  const living = watchHold(second, clock)()
  house.beat()
  clock.advance(GONE_MS)
  expect(await living).toBe(false)
  const ended = watchHold(second, clock)()
  clock.advance(GONE_MS)
  expect(await ended).toBe(true)
  holdOf('copy').take()
  expect(await watchHold(join(place, 'journal'), clock)()).toBe(true)
})

test('a folder that is gone is noticed without anything to ship', () => {
  const house = holdOf('journal')
  house.take()
  rmSync(join(place, 'second'), { recursive: true })
  expect(() => house.beat()).toThrow('is not there any more')
})
