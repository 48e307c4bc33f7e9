import { type Finding, fail, lengthOf, ok, warn } from './finding.ts'

const DAY_MS = 86_400_000
const AGE_MS_WARN = 26 * 3_600_000
const AGE_MS_FAIL = 8 * DAY_MS
const DRILL_MS_WARN = 8 * DAY_MS

/** How the last backups ended: when the last good one was made, and the last failure with its reason. */
export interface BackupFacts {
  isPlanned: boolean
  lastSuccessAtMs: number | null
  lastFailure: { atMs: number; reason: string } | null
}

export function checkBackups({ isPlanned, lastSuccessAtMs, lastFailure }: BackupFacts, nowMs: number): Finding {
  const id = 'backup'
  if (lastSuccessAtMs === null) {
    return isPlanned
      ? warn(id, 'No backup has been made yet', 'gatehouse backup; the house makes them by itself from then on')
      : warn(
          id,
          'No backup was ever made',
          'Set [backup] folder, vault_folder and every_hours; or call gatehouse backup',
        )
  }
  const ageMs = Math.max(0, nowMs - lastSuccessAtMs)
  const what = `The last backup was made ${lengthOf(ageMs / 1000)} ago`
  const failed = lastFailure !== null && lastFailure.atMs > lastSuccessAtMs ? lastFailure : null
  const remedy = 'Look at the folder of the backups and at the log, then: gatehouse backup'
  const said = failed ? `${what}, and the one after it failed: ${failed.reason}` : what
  if (ageMs > AGE_MS_FAIL) return fail(id, said, remedy)
  return failed || ageMs > AGE_MS_WARN ? warn(id, said, remedy) : ok(id, what)
}

/** The last try to restore: null where there was none. */
export interface DrillFacts {
  atMs: number
  isGood: boolean
  reason: string | null
}

export function checkDrill(drill: DrillFacts | null, nowMs: number): Finding {
  const id = 'backup.drill'
  const remedy = 'gatehouse restore drill, every night by cron or a systemd timer'
  if (drill === null) return warn(id, 'No backup was ever tried', remedy)
  const ageMs = Math.max(0, nowMs - drill.atMs)
  const ago = `${lengthOf(ageMs / 1000)} ago`
  if (!drill.isGood) {
    const why = drill.reason === null ? '' : `: ${drill.reason}`
    return fail(
      id,
      `The backup that was tried ${ago} cannot be restored${why}`,
      `Make another one and try it. ${remedy}`,
    )
  }
  const what = `A backup was tried ${ago} and restores`
  return ageMs > DRILL_MS_WARN ? warn(id, what, remedy) : ok(id, what)
}
