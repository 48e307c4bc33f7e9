import { CRASH_POINTS, type CrashPoint } from '../../core/crash-point.ts'

/** One kill: at the given pass of a named point, or from outside at any moment. */
export type Kill =
  | { point: CrashPoint; pass: number; tries: number }
  | { point: 'random'; afterMs: number; from: 'start' | 'ready' }

/** The latest pass at which a point is armed. Those that a start passes, or that a start passes first, die at once. */
const LAST_PASS: Record<(typeof CRASH_POINTS)[number], number> = {
  'start.before_journal': 1,
  'start.before_recovery': 1,
  'day.key_made': 1,
  'day.file_made': 1,
  'journal.before_commit': 12,
  'journal.before_mark': 12,
  'journal.after_commit': 12,
  'journal.before_answers': 12,
  'book.before_commit': 15,
  'book.between_commits': 15,
  'book.after_commit': 15,
  'book.before_hearing': 15,
  'book.before_answers': 15,
  'send.before_begin': 2,
  'send.before_fetch': 3,
  'send.after_fetch': 3,
  'expiry.before': 1,
  'reaction.before': 1,
}

/** Kills from outside come at most so long after the process was started, or after it was ready. */
const RANDOM_MS_MAX = { start: 500, ready: 1800 } as const
const FROM_START_SHARE = 0.3
/** A point that was not passed in time is tried again; so often, and then the run fails. */
export const TRIES_MAX = 4

/** Every named point `perPoint` times and some random moments, in random order. */
export function planKills(random: () => number, counts: { perPoint: number; random: number }): Kill[] {
  const kills: Kill[] = CRASH_POINTS.flatMap((point) =>
    Array.from({ length: counts.perPoint }, () => ({
      point,
      pass: 1 + Math.floor(random() * LAST_PASS[point]),
      tries: 0,
    })),
  )
  for (let index = 0; index < counts.random; index++) {
    const from = random() < FROM_START_SHARE ? 'start' : 'ready'
    kills.push({ point: 'random', from, afterMs: random() * RANDOM_MS_MAX[from] })
  }
  for (let index = kills.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1))
    const one = kills[index]
    const two = kills[other]
    if (!one || !two) continue
    kills[index] = two
    kills[other] = one
  }
  return kills
}
