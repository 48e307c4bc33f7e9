import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sign, TestGateway } from '../test-gateway.ts'
import { type FuzzBody, fuzzBodies } from './fuzz.ts'
import { type PlatformStub, startPlatformStub } from './platform-stub.ts'
import { chunks, readAll, settled } from './seen.ts'

/*
 * Signed nonsense at the door: every body gets its documented answer, none stops the house or is put aside that can be
 * read at all, and whatever came of it can be listed. `bun scripts/bench/fuzz-http.ts` does the same with many more.
 */

const SEED = 20_261_122
const BODIES = 4_000
const POSTS_AT_ONCE = 12

let house: TestGateway
let platform: PlatformStub

beforeAll(async () => {
  platform = startPlatformStub()
  house = await TestGateway.open({ graphUrl: platform.url })
})

afterAll(async () => {
  await house.close()
  await platform.stop()
})

/** What it was answered, where that is not what it must be. A full house asks to come again. */
async function wrongAnswerTo({ bytes, isSigned, status: wanted }: FuzzBody, index: number): Promise<string[]> {
  for (;;) {
    const { status } = await house.webhook(bytes, { signature: isSigned ? sign(bytes) : `sha256=${'0'.repeat(64)}` })
    if (status === wanted) return []
    if (status !== 503) return [`body ${index} of seed ${SEED} was answered with ${status}, not ${wanted}`]
  }
}

test(`${BODIES} spoilt bodies are each answered as documented, none stops the house, and what came of them can be listed`, async () => {
  const bodies = [...fuzzBodies(SEED, BODIES)].map((body, index) => ({ body, index }))
  const wrong: string[] = []
  for (const some of chunks(bodies, POSTS_AT_ONCE)) {
    const answers = await Promise.all(some.map(({ body, index }) => wrongAnswerTo(body, index)))
    wrong.push(...answers.flat())
  }
  expect(wrong.slice(0, 5)).toEqual([])
  await settled(house)
  // What is no JSON is kept whole; everything else is applied.
  const junk = bodies.filter(({ body }) => body.isJunk && body.status === 200).length
  expect(junk).toBeGreaterThan(20)
  expect(await house.metric('gatehouse_quarantined_items')).toBe(junk)
  expect(house.fatal).toEqual([])
  // All that came of it can be listed, and no line of the log tells of a mistake of ours: of what was set aside it tells.
  const seen = await readAll(house)
  expect(seen.messages.size).toBeGreaterThan(100)
  expect(seen.notices.length).toBeGreaterThan(100)
  const errors = house.lines.filter((line) => line.includes('"level":"error"'))
  expect(errors.filter((line) => !/"msg":"(notice|a platform said what could not be applied)/.test(line))).toEqual([])
}, 60_000)
