import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, pause } from '../core/clock.ts'
import { codeOf } from '../core/failure.ts'

/** In the second place: who ships there, and a count that goes up while it does. */
const WRITER_FILE = 'writer'
/** Whoever ships says so this often. */
export const BEAT_MS = 1_000
/** Whoever has not said so for this long is gone. */
export const GONE_MS = 4_000

/**
 * One process at a time ships to a folder: a copy of the house, restored on trial beside it, has the same name there and
 * would write into the same files. No lock of the kernel: the folder may lie on another host. The moment and the place in
 * which the folder of the journal was made tell a copy of it from itself, so a restart has its folder back at once.
 */
export class ShipHold {
  readonly #path: string
  readonly #id: string
  readonly #clock: Clock
  #count = 0
  /** What somebody else was seen to have said, and since when nothing newer. */
  #other: { said: string; sinceMs: number } | undefined

  constructor(folders: { folder: string; journalFolder: string }, clock: Clock) {
    const { ino, birthtimeNs } = statSync(folders.journalFolder, { bigint: true })
    this.#path = join(folders.folder, WRITER_FILE)
    this.#id = `${ino}-${birthtimeNs} `
    this.#clock = clock
  }

  /** Throws while somebody else ships there. */
  take(): void {
    const said = saidIn(this.#path)
    const nowMs = this.#clock.monoMs()
    if (said !== '' && !said.startsWith(this.#id)) {
      if (this.#other?.said !== said) this.#other = { said, sinceMs: nowMs }
      if (nowMs - this.#other.sinceMs < GONE_MS) throw inUse()
    }
    this.#other = undefined
    this.#say()
  }

  /** Throws where somebody else has taken the folder, as of a process that was held up for long, or it is gone. */
  require(): void {
    const said = saidIn(this.#path)
    if (said === '') throw Object.assign(new Error(`${this.#path} is not there any more`), { code: 'removed' })
    if (!said.startsWith(this.#id)) throw inUse()
  }

  /** Says once more that this one ships. */
  beat(): void {
    this.require()
    this.#say()
  }

  /** Whoever comes next need not wait. */
  release(): void {
    if (saidIn(this.#path).startsWith(this.#id)) rmSync(this.#path, { force: true })
  }

  #say(): void {
    this.#count++
    writeFileSync(this.#path, `${this.#id}${this.#count}\n`, { mode: 0o600 })
  }
}

/**
 * For a restore that goes on with what was shipped: watches whether somebody still ships there. What it answers is asked at
 * the end: whoever is gone is waited for no more by the house that comes in its place; false where somebody is not.
 */
export function watchHold(folder: string, clock: Clock): () => Promise<boolean> {
  const path = join(folder, WRITER_FILE)
  const said = saidIn(path)
  const sinceMs = clock.monoMs()
  return async () => {
    if (said === '') return true
    await pause(clock, Math.max(0, sinceMs + GONE_MS - clock.monoMs()))
    if (saidIn(path) !== said) return false
    try {
      rmSync(path, { force: true })
    } catch {
      // It can only be read here: the next house waits then.
    }
    return true
  }
}

/** Empty where nobody has said anything, or it is being said just now. */
function saidIn(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ''
    throw error
  }
}

function inUse(): Error {
  return Object.assign(new Error('Another process of this house ships to the same folder'), { code: 'in_use' })
}
