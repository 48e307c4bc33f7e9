import type { NewEntry } from '../journal/entry.ts'
import type { JournalReader } from '../journal/journal-reader.ts'
import type { Ask } from '../records/inputs.ts'
import { listQuarantine, markReplayed } from '../records/quarantine.ts'

/** What to give in again. */
export type ReplayAsk = { kind: 'quarantine' } | { kind: 'range'; from: number; to: number }

export interface ReplayDependencies {
  ask: Ask
  journal: JournalReader
  /** Resolves once it is on stable storage. */
  append(entry: NewEntry): Promise<unknown>
  nowMs(): number
}

const BATCH = 100

interface QuarantinePage {
  uptoSeq: number
  bodies: { seq: number; source: string; body: Uint8Array }[]
}

/**
 * Gives the same bytes in again as new entries of the journal: nothing is ever applied in place a second time. What is
 * in the records already is recognised and changes nothing. Answers how many bodies were given in.
 */
export async function replay(deps: ReplayDependencies, ask: ReplayAsk): Promise<number> {
  return ask.kind === 'quarantine' ? await replayQuarantine(deps) : await replayRange(deps, ask.from, ask.to)
}

async function replayQuarantine(deps: ReplayDependencies): Promise<number> {
  let count = 0
  let afterSeq = 0
  let end: number | null = null
  for (;;) {
    const { uptoSeq, bodies }: QuarantinePage = await deps.ask(listQuarantine, { limit: BATCH, afterSeq, uptoSeq: end })
    end = uptoSeq
    for (const { seq, source, body } of bodies) {
      await deps.append({ atMs: deps.nowMs(), source, body })
      // Marked after it is durable in the journal: a crash in between gives it in twice, which changes nothing.
      await deps.ask(markReplayed, { seq })
      afterSeq = seq
      count++
    }
    if (bodies.length < BATCH) return count
  }
}

async function replayRange(deps: ReplayDependencies, from: number, to: number): Promise<number> {
  let count = 0
  let after = from - 1
  while (after < to) {
    const entries = deps.journal.read(after, BATCH).filter((entry) => entry.seq <= to)
    const last = entries.at(-1)
    if (!last) return count
    for (const { source, body } of entries) await deps.append({ atMs: deps.nowMs(), source, body })
    count += entries.length
    after = last.seq
  }
  return count
}
