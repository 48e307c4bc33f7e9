import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storageFault } from '../storage/database.ts'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { textItem } from '../testing/test-items.ts'

const place = mkdtempSync(join(tmpdir(), 'gatehouse-full-'))
const runs = (...command: string[]) => Bun.spawnSync(command, { stderr: 'ignore' }).exitCode === 0
const isMounted = runs('mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', place)

afterAll(() => {
  if (isMounted) runs('umount', place)
  rmSync(place, { recursive: true })
})

test.skipIf(!isMounted)(
  'a disk that is really full is waited for, and nothing is lost (needs root, to mount one)',
  async () => {
    const house = openTestBook({ folder: join(place, 'data') })
    const random = seededRandom(5)
    const noise = () => Array.from({ length: 200 }, () => String.fromCharCode(33 + Math.floor(random() * 90))).join('')
    const isFull = await fill(house, (count) => {
      const atMs = house.clock.epochMs()
      return Array.from({ length: 50 }, (_, index) => textItem(`wamid.${count}.${index}`, atMs, { text: noise() }))
    })
    expect(isFull).toBeTrue()
    expect(runs('mount', '-o', 'remount,size=60m', place)).toBeTrue()
    await house.settle()
    expect(house.book.appliedSeq()).toBe(house.journal.head())
    const { count } = house.database.one<{ count: number }>('SELECT count(*) AS count FROM messages') ?? { count: 0 }
    expect(count).toBe(50 * house.journal.head())
    expect(count).toBeGreaterThan(500)
    house.close()
  },
)

/** Gives bodies in until the journal or the book finds the disk full. */
async function fill(house: TestBook, body: (count: number) => ReturnType<typeof textItem>[]): Promise<boolean> {
  for (let count = 0; count < 500; count++) {
    try {
      house.append(body(count))
    } catch (error) {
      expect(storageFault(error)).toBe('full')
      return true
    }
    await house.settle()
    if (house.commits.at(-1)?.paused) return true
  }
  return false
}
