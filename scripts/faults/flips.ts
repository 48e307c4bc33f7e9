/**
 * T08, T09: bits that flip in every file of the data folder, and files that are gone, cut or noise:
 * `bun scripts/faults/flips.ts [--flips 1000] [--messages 400] [--records-only 1] [--seed N]`. For each it is told who notices: the start, the
 * check, whoever reads, or nobody because nothing has changed. What changes and is noticed by nobody is `silent`.
 */
import { Classifier, damageText } from '../../src/testing/damage/classify.ts'
import { coarseDamages, makeFolders, randomFlip } from '../../src/testing/damage/damaged-folder.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { faultArguments } from './with-faults.ts'

const given = faultArguments({ flips: 1000, messages: 400, 'records-only': 0 })
console.log(`seed ${given.seed}`)
const random = seededRandom(given.seed)
const folders = await makeFolders(random, given.number('messages'))
const classifier = new Classifier(folders)
// Of the file that has cells which are not sealed a figure of its own is wanted.
const only = given.number('records-only') === 1 ? 'records' : null
const flips = Array.from({ length: given.number('flips') }, (_, index) => {
  if (index % 100 === 99) console.log(`  ${index + 1} flips`)
  return classifier.classify(randomFlip(folders, random, index, only))
})
console.log(`Bits: ${damageText(flips)}`)
const coarse = coarseDamages(folders, random).map((damage) => classifier.classify(damage))
console.log(`Files: ${damageText(coarse)}`)
for (const { damage, outcome, said } of coarse)
  console.log(`    ${damage.target} ${damage.how}: ${outcome}: ${said.slice(0, 160)}`)
folders.remove()
process.exit([...flips, ...coarse].some(({ outcome }) => outcome === 'silent') ? 1 : 0)
