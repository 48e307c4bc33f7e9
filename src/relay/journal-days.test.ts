import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DAY_MS, pause, systemClock } from '../core/clock.ts'
import { daysIn } from '../journal/day-file.ts'
import { dayKeyName, dayOf } from '../journal/entry.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { THREADS } from '../threads.ts'
import { Vault } from '../vault/vault.ts'
import { type House, houseForWork } from './house.ts'
import { replay } from './replay.ts'

const START_MS = Date.UTC(2026, 10, 1, 10)
const MASTER = new Uint8Array(32).map((_, index) => index)

let folder = ''
let clock: FakeClock
let house: House
let appliedSeq = 0

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-days-'))
  clock = new FakeClock(START_MS)
  await start()
})
afterEach(async () => {
  await house.close()
  rmSync(folder, { recursive: true })
})

async function start(more: { journalKeepDays?: number } = {}): Promise<void> {
  const options = { ...more, threads: THREADS, clock, folder, masterKey: MASTER, webhookBacklogMs: 60_000 }
  house = houseForWork(options, (commit) => {
    appliedSeq = commit.appliedSeq
  })
  appliedSeq = (await house.open()).appliedSeq
}

async function restart(): Promise<void> {
  await house.close()
  await start()
}

/** A webhook comes in and is applied. */
async function take(name: string): Promise<number> {
  const seq = await house.inbound.accept('whatsapp/main', new TextEncoder().encode(JSON.stringify({ name })))
  while (appliedSeq < seq) await pause(systemClock, 1)
  return seq
}

/** One webhook a day, from now on. */
async function takeFor(days: number): Promise<void> {
  for (let day = 0; day < days; day++) {
    await take(`day ${day}`)
    clock.advance(DAY_MS)
  }
}

function files(): string[] {
  return daysIn(join(folder, 'journal'))
}

function hasKey(day: string): boolean {
  const vault = new Vault(join(folder, 'vault.db'), MASTER, { readonly: true })
  const key = vault.findNamedKey(dayKeyName(day))
  vault.close()
  return key !== undefined
}

describe('a day of the journal', () => {
  test('dies eight days after its end, key and file, and the sequence goes on', async () => {
    await takeFor(8)
    // Ten in the morning of the ninth day; the first one's eight days end at midnight.
    await take('late')
    clock.advance(14 * 3_600_000 - 1)
    expect(await house.endJournalDays()).toEqual([])
    clock.advance(1)
    expect(await house.endJournalDays()).toEqual(['2026-11-01'])
    expect(files()[0]).toBe('2026-11-02')
    expect(hasKey('2026-11-01')).toBeFalse()
    expect(hasKey('2026-11-02')).toBeTrue()
    expect(await take('more')).toBe(10)
    await restart()
    expect(await take('and more')).toBe(11)
    expect(await house.endJournalDays()).toEqual([])
  })

  test('lives longer where the operator wants it', async () => {
    await takeFor(12)
    await house.close()
    await start({ journalKeepDays: 10 })
    expect(await house.endJournalDays()).toEqual(['2026-11-01', '2026-11-02'])
    expect(files()[0]).toBe('2026-11-03')
  })

  test('that is the newest one is followed by another before it dies', async () => {
    await take('only')
    clock.advance(40 * DAY_MS)
    expect(await house.endJournalDays()).toEqual(['2026-11-01'])
    expect(files()).toEqual([dayOf(clock.epochMs())])
    await restart()
    expect(await take('next')).toBe(2)
    clock.advance(40 * DAY_MS)
    await restart()
    expect(await take('next')).toBe(3)
  })

  test('whose file outlived its key in a crash is taken away at the next start', async () => {
    await takeFor(12)
    await house.close()
    cpSync(join(folder, 'journal', '2026-11-01.db'), join(folder, 'kept.db'))
    await start()
    expect(await house.endJournalDays()).toEqual(['2026-11-01', '2026-11-02', '2026-11-03', '2026-11-04'])
    await house.close()
    cpSync(join(folder, 'kept.db'), join(folder, 'journal', '2026-11-01.db'))
    await start()
    expect(files()[0]).toBe('2026-11-05')
    expect(await take('more')).toBe(13)
  })

  test('is said to be gone by a replay that asks for it, and what is left can be replayed', async () => {
    await takeFor(12)
    await house.endJournalDays()
    const journal = house.journalReader()
    const deps = {
      ask: house.book.ask,
      journal,
      append: (entry: { source: string; body: Uint8Array }) => house.inbound.accept(entry.source, entry.body),
      nowMs: () => clock.epochMs(),
    }
    const gone = replay(deps, { kind: 'range', from: 1, to: 12 })
    await expect(gone).rejects.toThrow('does not hold entry 1 any more: it begins with 5')
    await gone.catch(() => {})
    expect(await replay(deps, { kind: 'range', from: 5, to: 12 })).toBe(8)
    journal.close()
  })

  test('that a reader has open dies all the same', async () => {
    await takeFor(12)
    const journal = house.journalReader()
    expect(journal.read(0, 1)[0]?.seq).toBe(1)
    await house.endJournalDays()
    expect(files()[0]).toBe('2026-11-05')
    journal.close()
    const after = house.journalReader()
    expect(() => after.read(0, 1)).toThrow('it begins with 5')
    after.close()
  })
})
