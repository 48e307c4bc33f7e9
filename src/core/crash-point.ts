/**
 * Named places where the crash tests kill the process. Armed only by the environment of a test run:
 * `GATEHOUSE_TEST_CRASH=journal.after_commit:3` kills at the third pass. In a release build the variable is compiled to
 * an empty text and nothing is left of it.
 */
export const CRASH_POINTS = [
  'journal.before_commit',
  'journal.after_commit',
  'book.before_commit',
  'book.between_commits',
  'book.after_commit',
  'send.before_fetch',
  'send.after_fetch',
  'reaction.before',
] as const

export type CrashPoint = (typeof CRASH_POINTS)[number]

// biome-ignore lint/style/noProcessEnv: a test-only switch that must reach every thread before any of them is configured
const [armedPoint, armedPass] = (process.env['GATEHOUSE_TEST_CRASH'] ?? '').split(':')
let passesLeft = Number(armedPass ?? '1')

export function crashPoint(point: CrashPoint): void {
  if (point !== armedPoint) return
  passesLeft -= 1
  if (passesLeft === 0) process.kill(process.pid, 'SIGKILL')
}
