import { join } from 'node:path'
import { copyFolder, type Damage, type Folders } from './damaged-folder.ts'
import { type Contents, differences, examine } from './examine.ts'

export type Outcome =
  | 'refused'
  | 'found by the check'
  | 'found when read'
  | 'harmless'
  /** Only the word index differs, which is no record: it is made anew. */
  | 'index differs'
  /** Nobody notices: it must not be. */
  | 'silent'

export interface Classified {
  damage: Damage
  outcome: Outcome
  /** What was said, or what differs. */
  said: string
}

/** Tries damages on copies of the folders, and says for each who notices. */
export class Classifier {
  readonly #folders: Folders
  readonly #place: string
  readonly #whole: Readonly<Record<Damage['from'], Contents>>

  constructor(folders: Folders) {
    this.#folders = folders
    this.#place = join(folders.killed, '..', 'damaged')
    this.#whole = { killed: this.#wholeOf('killed'), stopped: this.#wholeOf('stopped') }
  }

  classify(damage: Damage): Classified {
    copyFolder(this.#folders[damage.from], this.#place)
    damage.apply(this.#place)
    const examined = examine(this.#place, this.#folders.masterKey, this.#folders.nowMs)
    if (examined.outcome !== 'whole') return { damage, outcome: examined.outcome, said: examined.said }
    const differing = differences(this.#whole[damage.from], examined.contents)
    const said = differing.join('; ')
    // A file is opened piece by piece, each of which is sealed: one that does not open is refused to whoever asks for it.
    if (damage.target === 'media' && differing.length > 0) return { damage, outcome: 'found when read', said }
    return { damage, outcome: outcomeOf(differing), said }
  }

  #wholeOf(from: Damage['from']): Contents {
    copyFolder(this.#folders[from], this.#place)
    const examined = examine(this.#place, this.#folders.masterKey, this.#folders.nowMs)
    if (examined.outcome !== 'whole') throw new Error(`The folder is damaged before any damage: ${examined.said}`)
    return examined.contents
  }
}

function outcomeOf(differing: readonly string[]): Outcome {
  if (differing.length === 0) return 'harmless'
  return differing.every(isIndex) ? 'index differs' : 'silent'
}

function isIndex(difference: string): boolean {
  return difference.startsWith('search.db ')
}

/** Counts by file and outcome, and what the silent ones changed. */
export function damageText(all: readonly Classified[]): string {
  const outcomes: Outcome[] = [
    'refused',
    'found by the check',
    'found when read',
    'harmless',
    'index differs',
    'silent',
  ]
  const targets = [...new Set(all.map(({ damage }) => damage.target))]
  const row = (name: string, list: readonly Classified[]) =>
    `  ${name.padEnd(16)}${outcomes.map((outcome) => String(list.filter((one) => one.outcome === outcome).length).padStart(20)).join('')}`
  const silent = all.filter(({ outcome }) => outcome === 'silent')
  return [
    `${all.length} damages`,
    `  ${' '.repeat(16)}${outcomes.map((outcome) => outcome.padStart(20)).join('')}`,
    ...targets.map((target) =>
      row(
        target,
        all.filter(({ damage }) => damage.target === target),
      ),
    ),
    row('all', all),
    ...silent.map(({ damage, outcome, said }) => `  ${outcome}: ${damage.target}, ${damage.how}: ${said}`),
  ].join('\n')
}
