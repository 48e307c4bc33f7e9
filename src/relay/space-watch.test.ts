import { describe, expect, test } from 'bun:test'
import type { Log } from '../core/log.ts'
import { silentLog } from '../core/log.ts'
import type { FolderSizes } from '../storage/folder-sizes.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { SpaceWatch } from './space-watch.ts'

const MB = 1024 * 1024

interface Disk {
  freeMb: number
  totalMb: number
  storing: 'yes' | 'full' | 'locked'
  recordsMb: number
  walMb: number
  hasBallast: boolean
  isGiven: boolean
  quotaMb: number | null
}

function openWatch(disk: Partial<Disk> = {}) {
  const clock = new FakeClock()
  const said: string[] = []
  const on: Disk = {
    freeMb: 1000,
    totalMb: 2000,
    storing: 'yes',
    recordsMb: 1,
    walMb: 0,
    hasBallast: false,
    isGiven: false,
    quotaMb: null,
    ...disk,
  }
  const log: Log = {
    ...silentLog,
    info: (phrase) => void said.push(phrase),
    warn: (phrase) => void said.push(phrase),
    error: (phrase) => void said.push(phrase),
  }
  const watch = new SpaceWatch({
    clock,
    log,
    quotaBytes: () => (on.quotaMb === null ? null : on.quotaMb * MB),
    storing: () => on.storing,
    readSpace: async () => ({ freeBytes: on.freeMb * MB, totalBytes: on.totalMb * MB, kind: 0xef53 }),
    readSizes: async () => ({
      parts: {
        records: on.recordsMb * MB,
        journal: 0,
        media: 0,
        search: 0,
        vault: 0,
        backups: 0,
        other: 0,
      } as FolderSizes,
      logs: { records: on.walMb * MB, journal: 0, search: 0, vault: 0 },
    }),
    ballast: {
      isThere: async () => on.hasBallast,
      isGiven: async () => on.isGiven,
      make: async () => {
        on.freeMb -= on.hasBallast ? 0 : 16
        on.hasBallast = true
        on.isGiven = false
        return true
      },
      free: async () => {
        on.freeMb += on.hasBallast ? 16 : 0
        on.isGiven ||= on.hasBallast
        on.hasBallast = false
      },
    },
    history: { load: async () => {}, note: () => false, save: async () => {}, secondsUntilUsed: () => 3600 },
  })
  return { watch, clock, said, on }
}

describe('SpaceWatch', () => {
  test('holds 16 MB back while there is room', async () => {
    const { watch, on } = openWatch()
    await watch.look()
    expect(on.hasBallast).toBeTrue()
    expect(watch.figures()).toMatchObject({ state: 'ok', freeBytes: 984 * MB, fullInSeconds: 3600 })
  })

  test('gives them back when the disk is full, takes nothing new until there is room again, and holds them back again', async () => {
    const { watch, on, said } = openWatch({ hasBallast: true })
    on.freeMb = 1
    await watch.look()
    expect(watch.isFull()).toBeTrue()
    expect(watch.hasRoomForFiles()).toBeFalse()
    expect(on).toMatchObject({ hasBallast: false, freeMb: 17 })
    await watch.look()
    expect(watch.isFull()).toBeTrue()
    on.freeMb = 30
    await watch.look()
    expect(watch.isFull()).toBeFalse()
    expect(on.hasBallast).toBeTrue()
    expect(said).toEqual(['no space is left: nothing new is taken', 'there is space again'])
  })

  test('believes the databases where the disk says there is room', async () => {
    const { watch, on } = openWatch({ hasBallast: true, storing: 'full' })
    await watch.look()
    expect(watch.isFull()).toBeTrue()
    on.storing = 'yes'
    await watch.look()
    expect(watch.isFull()).toBeFalse()
  })

  test('says that another program holds a database, once, and not that the disk is full', async () => {
    const { watch, on, said } = openWatch({ hasBallast: true, storing: 'locked' })
    await watch.look()
    await watch.look()
    expect([watch.isFull(), on.hasBallast]).toEqual([false, true])
    on.storing = 'yes'
    await watch.look()
    expect(said).toEqual([
      'another program holds a database of the folder: nothing is stored until it ends',
      'no other program holds the databases any more',
    ])
  })

  test('looks at once where a commit found the disk full', async () => {
    const { watch, on } = openWatch({ hasBallast: true })
    watch.hear(false)
    expect(watch.isFull()).toBeFalse()
    on.storing = 'full'
    watch.hear(true)
    await watch.look()
    expect(watch.isFull()).toBeTrue()
  })

  test('gives the ballast back before the folder is opened on a full disk', async () => {
    const { watch, on } = openWatch({ hasBallast: true, freeMb: 0 })
    await watch.begin()
    expect(watch.isFull()).toBeTrue()
    expect(on.hasBallast).toBeFalse()
  })

  test('takes nothing after a start where only what the ballast gave back is free', async () => {
    const { watch, on } = openWatch({ freeMb: 16, totalMb: 96, isGiven: true })
    await watch.begin()
    await watch.look()
    expect(watch.isFull()).toBeTrue()
    on.freeMb = 24
    await watch.look()
    expect(watch.isFull()).toBeFalse()
    expect(on).toMatchObject({ hasBallast: true, isGiven: false })
  })

  test('is not full for ever on a small disk', async () => {
    const { watch, on } = openWatch({ freeMb: 0, totalMb: 40 })
    await watch.look()
    expect(watch.isFull()).toBeTrue()
    on.freeMb = 6
    await watch.look()
    expect(watch.isFull()).toBeFalse()
    expect(on.hasBallast).toBeFalse()
  })

  test('says once that there is no room to hold anything back', async () => {
    const { watch, said } = openWatch({ freeMb: 20 })
    await watch.look()
    await watch.look()
    expect(said).toEqual(['there is no room to hold 16 MB back for a full disk'])
  })

  test.each([
    [84, 'ok', true],
    [85, 'short', true],
    [95, 'tight', false],
    [100, 'full', false],
  ] as const)('with %i %% of the quota used it is %s', async (recordsMb, state, hasRoomForFiles) => {
    const { watch, on } = openWatch({ hasBallast: true, recordsMb, quotaMb: 100 })
    await watch.look()
    expect(watch.figures().state).toBe(state)
    expect(watch.isFull()).toBe(state === 'full')
    expect(watch.hasRoomForFiles()).toBe(hasRoomForFiles)
    // The disk has room: there is no need for the ballast.
    expect(on.hasBallast).toBeTrue()
    on.recordsMb = 1
    await watch.look()
    expect(watch.figures().state).toBe('ok')
  })

  test('a quota that is changed holds from the next look', async () => {
    const { watch, on } = openWatch({ hasBallast: true, recordsMb: 100, quotaMb: 100 })
    await watch.look()
    expect(watch.isFull()).toBeTrue()
    on.quotaMb = 200
    await watch.look()
    expect(watch.figures()).toMatchObject({ state: 'ok', quotaBytes: 200 * MB })
    on.quotaMb = null
    await watch.look()
    expect(watch.figures().quotaBytes).toBeNull()
  })

  test('says once that a write-ahead log is not emptied any more', async () => {
    const { watch, said, on } = openWatch({ hasBallast: true, walMb: 300 })
    await watch.look()
    await watch.look()
    expect(said).toEqual(['a write-ahead log grows: somebody reads for a long time'])
    on.walMb = 1
    await watch.look()
    on.walMb = 300
    await watch.look()
    expect(said).toHaveLength(2)
  })

  test('looks every five seconds, every second while it is full, and not after a stop', async () => {
    const { watch, clock, on } = openWatch({ hasBallast: true })
    watch.start()
    expect(clock.nextDelayMs()).toBe(5000)
    on.freeMb = 0
    await watch.look()
    expect(clock.nextDelayMs()).toBe(1000)
    await watch.stop()
    expect(clock.nextDelayMs()).toBeUndefined()
  })
})
