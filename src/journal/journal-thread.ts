import { must } from '../core/assert.ts'
import { systemClock } from '../core/clock.ts'
import { crashPoint } from '../core/crash-point.ts'
import { messageOf } from '../core/failure.ts'
import { storageFault } from '../storage/database.ts'
import { serveThread } from '../storage/serve-thread.ts'
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

const opened = () => must(journal, 'the journal, which is open')

function append({ packed, nowMs }: { packed: Packed; nowMs: number }): Appended {
  const startedMs = systemClock.monoMs()
  crashPoint('journal.before_commit')
  const first = opened().append(unpack(packed, 0), nowMs)
  crashPoint('journal.after_commit')
  return { first, packed, commitMs: systemClock.monoMs() - startedMs }
}

/** Other bodies for entries of one day. */
export interface Overwrite {
  day: string
  bodies: { seq: number; body: Uint8Array }[]
}

const answers = {
  open(options: JournalOptions): number {
    journal = new Journal(options)
    return journal.head()
  },
  append,
  addKey: ({ day, key }: { day: string; key: Uint8Array }) => opened().addKey(day, key),
  roll: (nowMs: number) => opened().roll(nowMs),
  overwrite: ({ day, bodies }: Overwrite) => opened().overwrite(day, bodies),
  unlink: (days: readonly string[]) => opened().unlink(days),
  synchronous: () => opened().synchronous(),
  // Also where it could not be opened.
  close: () => journal?.close(),
}

export type JournalAnswers = typeof answers

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
  answers,
  onBeat: hearMain,
  refusalOf,
  transferOf: (name, value) => (name === 'append' ? [(value as Appended).packed.bytes.buffer] : []),
})
