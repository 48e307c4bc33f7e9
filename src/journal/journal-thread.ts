import { systemClock } from '../core/clock.ts'
import { crashPoint } from '../core/crash-point.ts'
import { messageOf } from '../core/failure.ts'
import { storageFault } from '../storage/database.ts'
import { serveThread } from '../storage/serve-thread.ts'
import type { Question } from '../storage/thread.ts'
import { MainWatch } from '../storage/watchdog.ts'
import { Journal, type JournalOptions } from './journal.ts'
import { type Packed, unpack } from './packed.ts'

/** What a commit answers; the buffer comes back for the book. */
export interface Appended {
  first: number
  packed: Packed
  /** How long the commit took, fsync and all. */
  commitMs: number
}

export type JournalRefusal = { kind: 'full' | 'busy' | 'fatal' | 'damaged'; message: string }

let journal: Journal | undefined

function append({ packed, nowMs }: { packed: Packed; nowMs: number }): Appended {
  if (!journal) throw new Error('The journal is not open')
  const startedMs = systemClock.monoMs()
  crashPoint('journal.before_commit')
  const first = journal.append(unpack(packed, 0), nowMs)
  crashPoint('journal.after_commit')
  return { first, packed, commitMs: systemClock.monoMs() - startedMs }
}

/** Other bodies for entries of one day. */
export interface Overwrite {
  day: string
  bodies: { seq: number; body: Uint8Array }[]
}

function answer(question: Question): unknown {
  switch (question.name) {
    case 'open':
      journal = new Journal(question.args as JournalOptions)
      return journal.head()
    case 'append':
      return append(question.args as { packed: Packed; nowMs: number })
    case 'add_key': {
      const { day, key } = question.args as { day: string; key: Uint8Array }
      return journal?.addKey(day, key)
    }
    case 'roll':
      return journal?.roll(question.args as number)
    case 'overwrite': {
      const { day, bodies } = question.args as Overwrite
      return journal?.overwrite(day, bodies)
    }
    case 'unlink':
      return journal?.unlink(question.args as string[])
    case 'synchronous':
      return journal?.synchronous()
    case 'close':
      journal?.close()
      return undefined
    default:
      throw new Error(`Unknown question: ${question.name}`)
  }
}

function refusalOf(error: unknown): JournalRefusal {
  const fault = storageFault(error)
  const message = messageOf(error)
  if (fault === 'full' || fault === 'busy') return { kind: fault, message }
  return { kind: error instanceof Error && error.name === 'JournalDamaged' ? 'damaged' : 'fatal', message }
}

let mainWatch: MainWatch | undefined

/** It begins with the first beat: until then the house is being opened, which may take as long as it takes. */
function hearMain(): void {
  mainWatch ??= new MainWatch(systemClock, () => {
    process.stderr.write('The main thread hangs: the process is ended\n')
    process.kill(process.pid, 'SIGKILL')
  })
  mainWatch.beat()
}

serveThread({
  answer,
  onBeat: hearMain,
  refusalOf,
  transferOf: ({ name }, value) => (name === 'append' ? [(value as Appended).packed.bytes.buffer] : []),
})
