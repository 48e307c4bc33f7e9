import { DAY_MS, HOUR_MS } from '../../core/clock.ts'
import type { HouseFacts } from '../../gateway/house-facts.ts'
import { type Finding, fail, lengthOf, ok, warn } from './finding.ts'

/** Where no backups are planned, or daily ones. */
const EVERY_MS = DAY_MS
/** So much later than planned it is late: one takes its time, and one that fails is tried again. */
const LATE_MS = 2 * HOUR_MS
/** So many that were left out are too many; of rare ones that would be months. */
const LEFT_OUT_MAX = 7
const LATE_MS_MAX = 7 * DAY_MS
/** It is there within a second; a place that has to be waited for now and then is no finding. */
const SHIP_LAG_MS_WARN = 10_000
const SHIP_LAG_MS_FAIL = HOUR_MS
const DRILL_MS_WARN = 8 * DAY_MS
/** No waiting helps there. */
const WRONG_PLACES: Readonly<Record<string, string>> = {
  another_house: 'ship_folder has the copies of another house',
  in_data_folder: 'ship_folder lies in the data folder, and would be lost with it',
  not_mounted: 'the disk of ship_folder is not mounted',
  in_use: 'a copy of this house ships to ship_folder, or did so until just now',
}

/** How the last backups ended: when the last good one was made, and the last failure with its reason. */
export interface BackupFacts {
  /** How often the house makes one by itself; null: only when asked. */
  everyMs: number | null
  lastSuccessAtMs: number | null
  lastFailure: { atMs: number; reason: string } | null
}

export function checkBackups({ everyMs, lastSuccessAtMs, lastFailure }: BackupFacts, nowMs: number): Finding {
  const id = 'backup'
  const remedy = 'Look at the folder of the backups and at the log, then: gatehouse backup'
  if (lastSuccessAtMs === null) {
    if (lastFailure !== null) return fail(id, `No backup has been made yet, it failed: ${lastFailure.reason}`, remedy)
    return everyMs !== null
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
  const said = failed ? `${what}, and the one after it failed: ${failed.reason}` : what
  const lateMs = ageMs - (everyMs ?? EVERY_MS)
  if (lateMs > Math.min(LEFT_OUT_MAX * (everyMs ?? EVERY_MS), LATE_MS_MAX)) return fail(id, said, remedy)
  return failed || lateMs > LATE_MS ? warn(id, said, remedy) : ok(id, what)
}

/** Which copies lie on the disk of the data, by the keys of the configuration that say where they are. */
export function checkCopiesPlace(onDiskOfData: readonly string[]): Finding {
  const id = 'backup.place'
  if (onDiskOfData.length === 0) return ok(id, 'No copies lie on the disk of the data')
  const what = `On the disk of the data, and lost with it: ${onDiskOfData.join(', ')} of [backup]`
  return warn(id, what, 'Choose folders on another disk; or have something take the copies to another machine')
}

/** The last try to restore: null where there was none. */
export interface DrillFacts {
  atMs: number
  isGood: boolean
  reason: string | null
}

export function checkDrill(drill: DrillFacts | null, nowMs: number): Finding {
  const id = 'backup.drill'
  const remedy = 'Set [backup] drill_hour, or let gatehouse restore drill run every night by a timer'
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

/** Whether what comes in gets to the journal's second place. `isPlanned`: the configuration names one. */
export function checkShipping(facts: HouseFacts | undefined, isPlanned: boolean): Finding {
  const id = 'journal.second_place'
  if (!isPlanned) return ok(id, 'The journal has no second place: a lost disk takes what came in after the last backup')
  if (!facts) return ok(id, 'The second place of the journal is not looked at while no house runs with it')
  if (!facts.shipping) return warn(id, 'The running house does not know of the second place yet', 'gatehouse reload')
  const { lagMs, fault } = facts.shipping
  if (fault === null && lagMs < SHIP_LAG_MS_WARN) return ok(id, 'What comes in is in the second place within a second')
  const why = fault === null ? '' : `: ${fault}`
  const what = `The second place of the journal is ${lengthOf(lagMs / 1000)} behind${why}`
  if (fault !== null && Object.hasOwn(WRONG_PLACES, fault)) {
    return fail(
      id,
      `The journal is not shipped: ${WRONG_PLACES[fault]}`,
      'Mount its disk or end the copy, and the house goes on by itself; or set another [backup] ship_folder, then: gatehouse reload',
    )
  }
  const remedy = 'Look whether [backup] ship_folder is there, writable and has room; the house goes on by itself'
  return lagMs > SHIP_LAG_MS_FAIL ? fail(id, what, remedy) : warn(id, what, remedy)
}
