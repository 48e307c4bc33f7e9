import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from '../../core/assert.ts'
import { systemClock } from '../../core/clock.ts'
import { daysIn } from '../../journal/day-file.ts'
import { webhookOf } from '../../simulator/webhook-body.ts'
import { seededRandom } from '../seeded-random.ts'
import { until } from '../test-gateway.ts'
import { testSeed } from '../test-seed.ts'
import { CRASH_NUMBERS, CrashStand } from './stand.ts'

const SEED = testSeed()
const random = seededRandom(SEED)
const ENTRIES = 30
const TEST_MS_MAX = 30_000
/** SQLite's file format: a header of 32 bytes, then frames of a 24-byte header and a page. */
const WAL_HEADER_BYTES = 32

let stand: CrashStand
let saved = ''
let wal = ''

/** A house that was killed with every entry of its journal still in the WAL. */
beforeAll(async () => {
  stand = await CrashStand.build({ random })
  const house = stand.start()
  await house.ready()
  for (let index = 1; index <= ENTRIES; index++) expect(await stand.postWebhook(bodyOf(index))).toBe(200)
  await until('all are applied', async () => {
    const page = (await (await stand.api('/api/v1/conversations'))?.json()) as { items: { unread: number }[] }
    return page.items[0]?.unread === ENTRIES
  })
  await house.kill()
  saved = `${stand.dataFolder}.saved`
  cpSync(stand.dataFolder, saved, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  wal = join(stand.dataFolder, 'journal', `${must(daysIn(join(saved, 'journal'))[0], 'the day')}.db-wal`)
}, TEST_MS_MAX)
afterAll(async () => {
  await stand.close()
})

function bodyOf(index: number): string {
  const id = `wamid.damage.${index}`
  const timestamp = String(Math.floor(systemClock.epochMs() / 1000))
  const person = { phone: '447700900142', name: 'Amara Osei', userId: 'GB.142', identity: 'phone' as const }
  const message = { id, timestamp, type: 'text', text: { body: 'Hello' } }
  return JSON.stringify(webhookOf([{ kind: 'message', number: CRASH_NUMBERS[0], person, id, message }]))
}

function restore(): void {
  rmSync(stand.dataFolder, { recursive: true, force: true })
  cpSync(saved, stand.dataFolder, { recursive: true })
}

function flipBit(): void {
  const bytes = readFileSync(wal)
  const at = Math.floor(random() * bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8))
  writeFileSync(wal, bytes)
}

function truncate(): void {
  truncateSync(wal, WAL_HEADER_BYTES + Math.floor(random() * (statSync(wal).size - WAL_HEADER_BYTES)))
}

const DAMAGES: readonly [string, () => void][] = [
  ...Array.from({ length: 4 }, (_, index): [string, () => void] => [`one flipped bit (${index + 1})`, flipBit]),
  ['the WAL cut short (1)', truncate],
  ['the WAL cut short (2)', truncate],
  ['the WAL gone', () => rmSync(wal)],
  [
    'the WAL gone, and the high-water mark: the book has applied what the journal lacks',
    () => {
      rmSync(wal)
      rmSync(join(stand.dataFolder, 'journal', 'high-water'))
    },
  ],
]

describe(`a journal that lost commits (seed ${SEED})`, () => {
  test.each(DAMAGES)(
    'by %s is refused with its number of lost entries, until the loss is accepted',
    async (_name, damage) => {
      restore()
      damage()
      const refusing = stand.start()
      expect((await refusing.exited).code).toBe(1)
      const said = /ends at entry (\d+), but (\d+) was committed: (\d+) entr(?:y is|ies are) lost/g
      const [, end, committed, lost] = must([...refusing.tail().matchAll(said)].at(-1), 'what it said of the loss')
      expect(Number(committed)).toBe(ENTRIES)
      expect(Number(lost)).toBe(ENTRIES - Number(end))
      expect(Number(lost)).toBeGreaterThan(0)
      expect(refusing.tail()).toContain('--accept-loss')

      const accepting = stand.start(null, ['--accept-loss'])
      expect(await accepting.ready()).not.toBeNull()
      expect(await stand.postWebhook(bodyOf(ENTRIES + 1))).toBe(200)
      await accepting.kill()
      const next = stand.start()
      expect(await next.ready()).not.toBeNull()
      await next.kill()
    },
    TEST_MS_MAX,
  )

  test('is what these tests make: undamaged, it starts', async () => {
    restore()
    const house = stand.start()
    expect(await house.ready()).not.toBeNull()
    expect((await house.stop()).code).toBe(0)
  })
})
