import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { InboundItem } from '../core/inbound.ts'
import type { Entry } from '../journal/entry.ts'
import { Db } from '../storage/database.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { textItem } from '../testing/test-items.ts'
import { isLater, LaterLane } from './later-lane.ts'

const old = (id: string, atMs = 0) => textItem(id, atMs, { history: { state: null }, opensWindow: false })

describe('the lane of what is applied later', () => {
  const ITEM_MS = 2
  let database: Db
  let clock: FakeClock
  let bodies: Map<number, InboundItem[]>
  let applied: string[]

  beforeEach(() => {
    database = new Db(':memory:')
    database.script('CREATE TABLE later_bodies (seq INTEGER PRIMARY KEY, applied_items INTEGER NOT NULL) STRICT')
    clock = new FakeClock()
    bodies = new Map()
    applied = []
  })
  afterEach(() => database.close())

  function open(share: number): LaterLane {
    const entry = (seq: number): Entry => ({ seq, atMs: 0, source: 'whatsapp/main', body: new Uint8Array(0) })
    return new LaterLane({
      database,
      clock,
      share,
      journal: { read: (after) => (bodies.has(after + 1) ? [entry(after + 1)] : []) },
      parse: ({ seq }) => bodies.get(seq) ?? [],
    })
  }

  /** Each item takes two milliseconds. */
  async function applyItem(_entry: Entry, item: InboundItem): Promise<void> {
    applied.push(item.kind === 'message' ? item.upstreamId : item.kind)
    clock.advance(ITEM_MS)
  }

  const slice = (lane: LaterLane) => lane.apply(clock.monoMs() + 5, applyItem)

  test('takes a fifth of the time, however much waits', async () => {
    const lane = open(0.2)
    bodies.set(
      7,
      Array.from({ length: 5000 }, (_, index) => old(`wamid.${index}`)),
    )
    lane.add(7)
    const startedMs = clock.monoMs()
    while (clock.monoMs() - startedMs < 20_000) {
      if (lane.isDue()) await slice(lane)
      else clock.advance(Math.ceil(lane.dueInMs() ?? 1))
    }
    const share = (applied.length * ITEM_MS) / (clock.monoMs() - startedMs)
    // The first tenth of a second was allowed at once.
    expect(share).toBeGreaterThan(0.18)
    expect(share).toBeLessThan(0.22)
    expect(applied).toEqual(applied.map((_, index) => `wamid.${index}`))
  })

  test('leaves what is not of the past to the order of the journal, and ends', async () => {
    const lane = open(1)
    bodies.set(3, [textItem('wamid.now', 0), old('wamid.1'), textItem('wamid.now2', 0), old('wamid.2')])
    lane.add(3)
    expect(lane.oldestSeq()).toBe(3)
    while (lane.isDue()) await slice(lane)
    expect(applied).toEqual(['wamid.1', 'wamid.2'])
    expect(lane.oldestSeq()).toBeNull()
    expect(lane.dueInMs()).toBeNull()
  })

  test('goes on after a start where it was', async () => {
    const items = Array.from({ length: 9 }, (_, index) => old(`wamid.${index}`))
    bodies.set(1, items)
    bodies.set(2, [old('wamid.9')])
    const lane = open(1)
    lane.add(1)
    lane.add(2)
    await slice(lane)
    expect(applied.length).toBeLessThan(9)
    const next = open(1)
    while (next.isDue()) await slice(next)
    expect(applied).toEqual(Array.from({ length: 10 }, (_, index) => `wamid.${index}`))
  })

  test('lets go of an entry that the journal has no more', async () => {
    const lane = open(1)
    lane.add(4)
    await slice(lane)
    expect(lane.dueInMs()).toBeNull()
  })
})

describe('in the book', () => {
  let house: TestBook

  beforeEach(async () => {
    house = openTestBook()
    await house.declare()
  })
  afterEach(() => house.close())

  const order = () =>
    house.database
      .all<{ upstream: number; flags: number }>('SELECT id AS upstream, flags FROM messages ORDER BY id')
      .map(({ flags }) => (flags & 16 ? 'old' : 'new'))

  test('what has just come in is applied before an import that came before it', async () => {
    house.append([old('wamid.1'), old('wamid.2')])
    house.append([textItem('wamid.3', house.clock.epochMs())])
    await house.settle()
    expect(order()).toEqual(['new', 'old', 'old'])
  })

  test('an import that a stop cuts in two is applied once, and the journal is needed until then', async () => {
    const items = Array.from({ length: 5 }, (_, index) => old(`wamid.${index}`))
    const seq = house.append([...items, textItem('wamid.now', house.clock.epochMs())])
    const commit = await house.work()
    expect(commit.appliedSeq).toBe(seq)
    house.restart()
    await house.settle()
    expect(order()).toHaveLength(6)
    expect(house.commits.at(-1)?.doneSeq ?? seq).toBe(seq)
    expect(house.database.all('SELECT seq FROM later_bodies')).toEqual([])
  })
})

test('entries of the address book are of the past too, and statuses never', () => {
  const book = { kind: 'address_book' } as InboundItem
  expect(isLater(book)).toBe(true)
  expect(isLater(textItem('wamid.1', 0))).toBe(false)
  expect(isLater({ kind: 'status' } as InboundItem)).toBe(false)
})
