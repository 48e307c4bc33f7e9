import { describe, expect, test } from 'bun:test'
import { HOUR_MS } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { RecordTime } from '../core/record-time.ts'
import type { Ask } from '../records/inputs.ts'
import type { Duty, Reader } from '../records/reader.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { Duties } from './duties.ts'

/** Duties over a list that the test keeps; what was asked of the book, in order. */
function openDuties() {
  const clock = new FakeClock()
  const asked: { name: string; args: unknown }[] = []
  const errors: string[] = []
  const state = {
    duties: [] as Duty[],
    failing: new Set<number>(),
    purges: [] as number[],
    caughtUp: Promise.resolve(),
  }
  const ask = (async (command: { name: string }, args: { messageId?: number } | null) => {
    asked.push({ name: command.name, args })
    if (command.name !== 'doubt.ends') return { purged: state.purges.shift() ?? 0 }
    if (state.failing.has(args?.messageId ?? 0)) throw new Error('poison')
    state.duties = state.duties.filter(({ subject }) => subject !== args?.messageId)
    return { state: 'held' }
  }) as unknown as Ask
  const reader = {
    dutiesDue: (untilMs: number, limit: number) =>
      state.duties
        .filter(({ dueAtMs }) => dueAtMs <= untilMs)
        .sort((one, other) => one.dueAtMs - other.dueAtMs)
        .slice(0, limit),
    nextDutyAtMs: () => state.duties.map(({ dueAtMs }) => dueAtMs).sort((one, other) => one - other)[0],
  } as unknown as Reader
  const time = new RecordTime(clock)
  const duties = new Duties({
    clock,
    time,
    log: { ...silentLog, error: (phrase) => void errors.push(phrase) },
    ask,
    reader,
    caughtUp: () => state.caughtUp,
    eventsKeepMs: () => 8 * 24 * HOUR_MS,
    keepHouse: async () => {},
  })
  const owe = (subject: number, inMs: number, kind = 'doubt.ends') => {
    state.duties.push({ kind, subject, term: 1, dueAtMs: time.nowMs() + inMs })
    duties.hear([{ kind: 'duty' }] as never)
  }
  const fired = () =>
    asked.filter(({ name }) => name === 'doubt.ends').map(({ args }) => (args as { messageId: number }).messageId)
  return { clock, time, duties, asked, errors, state, owe, fired }
}

const turns = async () => {
  for (let count = 0; count < 400; count++) await Promise.resolve()
}

async function pass(clock: FakeClock, ms: number, stepMs = ms): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(stepMs)
    await turns()
  }
}

describe('Duties', () => {
  test('are fulfilled when they are due, in due order, with their term', async () => {
    const { clock, duties, owe, fired, asked } = openDuties()
    duties.start()
    await pass(clock, 1)
    owe(1, 300)
    owe(2, 100)
    owe(3, 200)
    await pass(clock, 99)
    expect(fired()).toEqual([])
    await pass(clock, 1)
    expect(fired()).toEqual([2])
    await pass(clock, 200)
    expect(fired()).toEqual([2, 3, 1])
    expect(asked[0]).toEqual({ name: 'doubt.ends', args: { messageId: 2, term: 1 } })
  })

  test('that became due while the house was down follow at its start, a hundred at a time, all of them', async () => {
    const { clock, duties, owe, fired } = openDuties()
    for (let subject = 1; subject <= 250; subject++) owe(subject, -subject)
    duties.start()
    await pass(clock, 1)
    await pass(clock, 10, 1)
    expect(fired()).toEqual(Array.from({ length: 250 }, (_, index) => 250 - index))
  })

  test('wait until everything that came in before is applied: a status there may settle them', async () => {
    const { clock, duties, owe, fired, state } = openDuties()
    const gate = Promise.withResolvers<void>()
    state.caughtUp = gate.promise
    duties.start()
    owe(1, -5)
    await pass(clock, 100)
    expect(fired()).toEqual([])
    state.duties = []
    gate.resolve()
    await turns()
    expect(fired()).toEqual([])
  })

  test('that fail stay due, are tried again after a second, and keep no other from being fulfilled', async () => {
    const { clock, duties, owe, fired, state, errors } = openDuties()
    state.failing.add(1)
    owe(1, -20)
    owe(2, -10, 'something.later')
    owe(3, -5)
    duties.start()
    await pass(clock, 0, 1)
    await pass(clock, 1)
    expect(fired()).toEqual([1, 3])
    expect(errors).toHaveLength(2)
    await pass(clock, 990, 10)
    expect(fired()).toEqual([1, 3])
    state.failing.clear()
    await pass(clock, 20, 1)
    expect(fired()).toEqual([1, 3, 1])
  })

  test('wait by the time of the records, which goes on where the wall clock was set back', async () => {
    const { clock, time, duties, owe, fired } = openDuties()
    time.note(clock.epochMs() + HOUR_MS)
    duties.start()
    await pass(clock, 1)
    owe(1, 20_000)
    await pass(clock, 20_000, 100)
    expect(fired()).toEqual([])
    await pass(clock, 20_010, 100)
    expect(fired()).toEqual([1])
  })

  test('after a stop nothing is fulfilled any more', async () => {
    const { clock, duties, owe, fired } = openDuties()
    duties.start()
    await pass(clock, 1)
    owe(1, 50)
    duties.stop()
    await pass(clock, 2 * HOUR_MS)
    expect(fired()).toEqual([])
  })

  test('ten minutes after the start, then once an hour, what is too old is thrown away, in batches until one is not full', async () => {
    const { clock, duties, asked, state } = openDuties()
    state.purges = [500, 500, 3, 500, 0, 7]
    duties.start()
    await pass(clock, HOUR_MS / 6)
    const purges = asked.map(({ name }) => name)
    expect(purges).toEqual([
      ...['idempotency.purge', 'idempotency.purge', 'idempotency.purge'],
      ...['quarantine.purge', 'quarantine.purge'],
      'event.purge',
    ])
    expect(asked.at(-1)?.args).toEqual({ beforeMs: clock.epochMs() - 8 * 24 * HOUR_MS })
    await pass(clock, HOUR_MS)
    expect(asked.length).toBe(9)
  })
})
