import { afterAll, beforeAll, expect, test } from 'bun:test'
import { seededRandom } from '../seeded-random.ts'
import { testSeed } from '../test-seed.ts'
import { Classifier, damageText } from './classify.ts'
import { coarseDamages, type Folders, makeFolders, randomFlip } from './damaged-folder.ts'

const SEED = testSeed()
const random = seededRandom(SEED)
const FLIPS = 120
const TEST_MS_MAX = 60_000
let folders: Folders
let classifier: Classifier

beforeAll(async () => {
  folders = await makeFolders(random, 120)
  classifier = new Classifier(folders)
}, TEST_MS_MAX)
afterAll(() => folders.remove())

test(
  `a bit that flips in any file is noticed, or has changed nothing (seed ${SEED})`,
  () => {
    const all = Array.from({ length: FLIPS }, (_, index) => classifier.classify(randomFlip(folders, random, index)))
    const silent = all.filter(({ outcome }) => outcome === 'silent')
    expect(silent, damageText(all)).toEqual([])
    expect(all.filter(({ outcome }) => outcome === 'refused').length, damageText(all)).toBeGreaterThan(0)
  },
  TEST_MS_MAX,
)

test(
  `a file that is gone, cut or noise is noticed, or has changed nothing (seed ${SEED})`,
  () => {
    const all = coarseDamages(folders, random).map((damage) => classifier.classify(damage))
    expect(
      all.filter(({ outcome }) => outcome === 'silent'),
      damageText(all),
    ).toEqual([])
  },
  TEST_MS_MAX,
)
