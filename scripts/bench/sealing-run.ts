/** One run of `sealing.ts`: a process of its own takes messages in, from the journal to the committed rows. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Entry } from '../../src/journal/entry.ts'
import { dayOf } from '../../src/journal/entry.ts'
import { Journal } from '../../src/journal/journal.ts'
import { openRecords } from '../../src/records/open.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { prepareVault, Vault } from '../../src/vault/vault.ts'
import { Bodies, zipf } from './bodies.ts'
import { openBook, SOURCE } from './open-book.ts'

const BATCH = 200

export interface Figures {
  journalMs: number
  bookMs: number
  /** Processor time of both: what others on the machine do shows less in it. */
  cpuMs: number
}

/** What the journal and the book take for so many messages, one to a body, but for the first tenth. */
export async function takeIn(folder: string, messages: number, people: number): Promise<Figures> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const nowMs = Date.now()
  const vault = new Vault(join(folder, 'vault.db'), new Uint8Array(randomBytes(32)))
  prepareVault(vault)
  const database = openRecords(join(folder, 'records.db'), 'benchmark')
  const dayKeys = new Map([[dayOf(nowMs), new Uint8Array(randomBytes(32))]])
  const journal = new Journal({ folder: join(folder, 'journal'), dayKeys, appliedSeq: 0, nowMs })
  const book = await openBook(database, vault, () => nowMs)
  const bodies = new Bodies({ seed: 11, batch: 1, statusShare: 0, idPrefix: 'sealing' })
  const encoder = new TextEncoder()
  const person = zipf(people, seededRandom(12))
  let [journalMs, bookMs, cpuMs] = [0, 0, 0]
  for (let done = 0; done < messages; done += BATCH) {
    const entries = Array.from({ length: BATCH }, () => ({
      atMs: nowMs,
      source: SOURCE,
      body: encoder.encode(bodies.bodyOf(person(), nowMs)),
    }))
    const cpu = process.cpuUsage()
    const startedMs = performance.now()
    const first = journal.append(entries, nowMs)
    const journaledMs = performance.now()
    book.offer(entries.map((entry, index): Entry => ({ ...entry, seq: first + index })))
    while (book.hasWork()) await book.work()
    const doneMs = performance.now()
    // The first tenth warms up.
    if (done < messages / 10) continue
    journalMs += journaledMs - startedMs
    bookMs += doneMs - journaledMs
    const { user, system } = process.cpuUsage(cpu)
    cpuMs += (user + system) / 1000
  }
  const quarantined = database.one<{ count: number }>('SELECT count(*) AS count FROM quarantine')?.count
  const kept = database.one<{ count: number }>('SELECT count(*) AS count FROM messages')?.count
  if (quarantined !== 0 || kept !== messages) throw new Error(`${kept} of ${messages} messages are in the records`)
  journal.close()
  database.close()
  vault.close()
  return { journalMs, bookMs, cpuMs }
}
