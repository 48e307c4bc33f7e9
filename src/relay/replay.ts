import type { NewEntry } from '../journal/entry.ts'
import type { JournalReader } from '../journal/journal-reader.ts'
import type { Ask } from '../records/inputs.ts'
import { listQuarantine, markReplayed } from '../records/quarantine.ts'

/** What to give in again. */
export type ReplayAsk = { kind: 'quarantine' } | { kind: 'range'; from: number; to: number }

export interface ReplayDependencies {
  ask: Ask
  journal: JournalReader
  /** Resolves with its sequence once it is on stable storage. */
  append(entry: NewEntry): Promise<number>
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
  let end = to
  while (after < end) {
    const entries = deps.journal.read(after, BATCH)
    if (entries.length === 0) return count
    for (const { seq, source, body } of entries) {
      if (seq > end) return count
      const copySeq = await deps.append({ atMs: deps.nowMs(), source, body })
      // The journal ended before the first copy: without this, copies of copies would be given in for ever.
      end = Math.min(end, copySeq - 1)
      after = seq
      count++
    }
  }
  return count
}
