import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HOUR_MS } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { writeDrill } from './drill-result.ts'
import { Drills } from './drills.ts'

let folder: string
let clock: FakeClock
let hour: number | undefined
let begun: number
let cancelled: number
let said: string[]
let end: (isGood: boolean) => void
let drills: Drills

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-drills-'))
  clock = new FakeClock()
  hour = 3
  begun = 0
  cancelled = 0
  said = []
  drills = open()
})
afterEach(() => {
  drills.stop()
  rmSync(folder, { recursive: true })
})

function open(): Drills {
  const say = (phrase: string) => void said.push(phrase)
  return new Drills({
    clock,
    log: { ...silentLog, info: say, error: say },
    dataDir: folder,
    hour: () => hour,
    begin: () => {
      begun++
      const done = new Promise<boolean>((resolve) => {
        end = resolve
      })
      return { done, cancel: () => void cancelled++ }
    },
  })
}

/** To the next time that the machine's clock shows this hour. */
function goTo(wanted: number): void {
  do clock.advance(HOUR_MS)
  while (new Date(clock.epochMs()).getHours() !== wanted)
}

describe('drills', () => {
  test('are made once a night, at their hour', async () => {
    for (let night = 1; night <= 3; night++) {
      goTo(2)
      await drills.look()
      expect(begun).toBe(night - 1)
      goTo(3)
      const tried = drills.look()
      expect(begun).toBe(night)
      await drills.look()
      end(true)
      await tried
      clock.advance(HOUR_MS / 2)
      await drills.look()
      expect(begun).toBe(night)
    }
  })

  test('are not made twice in a night over a restart, or after one that somebody made', async () => {
    goTo(3)
    writeDrill(folder, { at: clock.epochMs(), ok: true, backup: 'a', faults: [], seconds: 1 })
    clock.advance(HOUR_MS / 2)
    await drills.look()
    expect(begun).toBe(0)
    goTo(3)
    void drills.look()
    expect(begun).toBe(1)
    end(true)
  })

  test('follow a changed hour, and are not made without one', async () => {
    hour = undefined
    goTo(3)
    await drills.look()
    hour = 4
    await drills.look()
    expect(begun).toBe(0)
    goTo(4)
    void drills.look()
    expect(begun).toBe(1)
    end(true)
  })

  test('say how they end', async () => {
    for (const isGood of [true, false]) {
      goTo(3)
      const tried = drills.look()
      end(isGood)
      await tried
    }
    expect(said).toEqual([
      'the newest backup was tried and restores',
      'the newest backup was tried and does not restore: see gatehouse doctor',
    ])
  })

  test('begin by themselves within ten minutes of their hour, and end with the house', () => {
    goTo(3)
    drills.start()
    clock.advance(HOUR_MS / 6)
    expect(begun).toBe(1)
    drills.stop()
    expect(cancelled).toBe(1)
    goTo(3)
    expect(begun).toBe(1)
    end(false)
  })
})
