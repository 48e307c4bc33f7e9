/**
 * Named places where the crash tests kill the process. Armed only by the environment of a test run:
 * `GATEHOUSE_TEST_CRASH=journal.after_commit:3` kills at the third pass; `…:3:hang` lets the thread run in circles there,
 * `…:3:wait` wait for ever, `…:3:throw` fail. In a release build the variable is compiled to
 * an empty text and nothing is left of it.
 */
export const CRASH_POINTS = [
  /** Starting: the book is open, the journal is not; then everything is open and nothing was taken up again yet. */
  'start.before_journal',
  'start.before_recovery',
  /** A new day: its key is durable without a file, then its file is there and not bound to the one before. */
  'day.key_made',
  'day.file_made',
  'journal.before_commit',
  'journal.before_mark',
  'journal.after_commit',
  /** Stored, and the platform does not know it: it will come again with the same. */
  'journal.before_answers',
  'book.before_commit',
  'book.between_commits',
  'book.after_commit',
  /** Between an event and its reactions: committed, no reactor has heard of it; then they have, but nobody else. */
  'book.before_hearing',
  'book.before_answers',
  /** The outbound relay's reactions: chosen to leave, about to leave, answered; waited too long. */
  'send.before_begin',
  'send.before_fetch',
  'send.after_fetch',
  'expiry.before',
  /** A duty that is due. */
  'reaction.before',
] as const

/** Places that ordinary traffic does not pass; each is tested where it is. */
const RARE_CRASH_POINTS = [
  /** A file of a message: begun; whole, and no row names it; named, and not in its place. */
  'media.begun',
  'media.whole',
  'media.recorded',
  /** The master key is changed: begun; every key lies there twice; only the new one opens the vault. */
  'vault.rotation_begun',
  'vault.before_swap',
  'vault.after_swap',
  /** A day of the journal dies: its key is gone, its file is not. */
  'day.key_destroyed',
  /** A person is erased: noted in the ledger, the keys are there; the keys are gone, the rows are not; all but the end. */
  'erasure.noted',
  'erasure.keys_destroyed',
  'erasure.before_end',
  /** The folder is upgraded: some of the copy is made; all; it is in its place; about to migrate; all but the end. */
  'upgrade.copying',
  'upgrade.copied',
  'upgrade.kept',
  'upgrade.migrating',
  'upgrade.before_end',
  /** An upgrade is taken back: begun; one of its databases is in its place; all but the end. */
  'rollback.begun',
  'rollback.replaced',
  'rollback.before_end',
  /** A backup is restored: begun; all files are there; all but the end. */
  'restore.begun',
  'restore.copied',
  'restore.before_end',
  /** A backup: the records are copied and nothing else; all is there but the name. */
  'backup.records_copied',
  'backup.before_rename',
] as const

export type CrashPoint = (typeof CRASH_POINTS)[number] | (typeof RARE_CRASH_POINTS)[number]

// biome-ignore lint/style/noProcessEnv: a test-only switch that must reach every thread before any of them is configured
const [armedPoint, armedPass, armedHow] = (process.env['GATEHOUSE_TEST_CRASH'] ?? '').split(':')
let passesLeft = Number(armedPass ?? '1')

let simulated: ((point: CrashPoint) => void) | null = null

/** For the whole-house simulation, which dies without a process: called at every pass; null ends it. */
export function onCrashPoint(hook: ((point: CrashPoint) => void) | null): void {
  simulated = hook
}

/** A place where the process may be killed. Costs a comparison where nothing is armed. */
export function crashPoint(point: CrashPoint): void {
  simulated?.(point)
  if (point !== armedPoint) return
  passesLeft -= 1
  if (passesLeft === 0) strike()
}

function strike(): void {
  if (armedHow === undefined) process.kill(process.pid, 'SIGKILL')
  if (armedHow === 'throw') throw new Error('Armed to fail here')
  if (armedHow === 'wait') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  while (armedHow === 'hang');
}
