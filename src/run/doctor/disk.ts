import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { nameOfError } from '../../core/failure.ts'
import { fileSystemOf, type Space } from '../../storage/space.ts'
import { type Finding, fail, lengthOf, ok, sizeOf, warn } from './finding.ts'

const FREE_BYTES_FAIL = 256 * 1024 * 1024
const FREE_BYTES_WARN = 2 * 1024 * 1024 * 1024
const FREE_SHARE_WARN = 0.1
/** Each file of a message takes one, with its thumbnail two. */
const FREE_FILES_WARN = 10_000
const FREE_FILES_FAIL = 100
const DAY_S = 86_400
const FORECAST_DAYS_FAIL = 1
const FORECAST_DAYS_WARN = 14
const QUOTA_WARN = 0.85
const SYNCS = 20
/** No disk without a battery behind it writes 4 kB for good in less. */
const SYNC_MS_LYING = 0.1
const SYNC_MS_SLOW = 20
const WAL_BYTES_WARN = 256 * 1024 * 1024

const MAKE_PLACES =
  'df -i shows it: remove small files that others left on this disk, or give the house one with more inodes'
const MAKE_ROOM = 'Make room: [media] keep_days, older backups, a larger disk'

export function checkSpace({ freeBytes, totalBytes, freeFiles }: Omit<Space, 'kind'>): Finding {
  const id = 'disk.space'
  const what = `${sizeOf(freeBytes)} of ${sizeOf(totalBytes)} are free`
  if (freeBytes < FREE_BYTES_FAIL) return fail(id, what, MAKE_ROOM)
  if (freeFiles !== undefined && freeFiles < FREE_FILES_WARN) {
    const files = `${what}, but only ${freeFiles} more files may be made`
    return freeFiles < FREE_FILES_FAIL ? fail(id, files, MAKE_PLACES) : warn(id, files, MAKE_PLACES)
  }
  if (freeBytes < FREE_BYTES_WARN || freeBytes < totalBytes * FREE_SHARE_WARN) return warn(id, what, MAKE_ROOM)
  return ok(id, what)
}

/** `seconds` null: not known, or never. */
export function checkForecast(seconds: number | null): Finding {
  const id = 'disk.forecast'
  if (seconds === null) return ok(id, 'The disk does not get fuller, or has not been watched for six hours yet')
  const what = `At the pace of the last days there is no room left in ${lengthOf(seconds)}`
  if (seconds < FORECAST_DAYS_FAIL * DAY_S) return fail(id, what, MAKE_ROOM)
  return seconds < FORECAST_DAYS_WARN * DAY_S ? warn(id, what, MAKE_ROOM) : ok(id, what)
}

export function checkQuota(usedBytes: number, quotaBytes: number | null): Finding {
  const id = 'disk.quota'
  if (quotaBytes === null) return ok(id, 'No quota is set')
  const what = `${sizeOf(usedBytes)} of the quota of ${sizeOf(quotaBytes)} are used`
  const remedy = `${MAKE_ROOM}; or raise [storage] quota_gb`
  if (usedBytes >= quotaBytes) return fail(id, `${what}: nothing new is taken`, remedy)
  return usedBytes >= quotaBytes * QUOTA_WARN ? warn(id, what, remedy) : ok(id, what)
}

export function checkFileSystem(kind: number, place = 'data folder'): Finding {
  const id = 'disk.file_system'
  const { name, trust } = fileSystemOf(kind)
  const remedy = 'Put it on a disk of this machine: ext4 or XFS'
  switch (trust) {
    case 'local':
      return ok(id, `The ${place} lies on ${name}`)
    case 'network':
      return fail(id, `The ${place} lies on ${name}: locks and syncs over a network keep no promise`, remedy)
    case 'memory':
      return fail(id, `The ${place} lies on ${name}: it is gone with the power`, remedy)
    case 'layered':
      return warn(id, `The ${place} lies on ${name}: it is gone with the container`, 'Mount a volume for it')
    case 'unknown':
      return warn(id, `The ${place} lies on ${name}: nobody knows what a sync is worth there`, remedy)
  }
}

/** Writes and syncs a page twenty times, and answers the milliseconds of each. */
export async function measureSyncs(folder: string, clock: Clock): Promise<number[]> {
  const path = join(folder, `doctor-${process.pid}.part`)
  const file = await open(path, 'w', 0o600)
  const page = new Uint8Array(4096).fill(1)
  const times: number[] = []
  try {
    for (let count = 0; count < SYNCS; count++) {
      await file.write(page, 0, page.length, count * page.length)
      const startedMs = clock.monoMs()
      await file.sync()
      times.push(clock.monoMs() - startedMs)
    }
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
  return times
}

export async function checkSyncs(measure: () => Promise<readonly number[]>): Promise<Finding> {
  const id = 'disk.sync'
  try {
    const times = [...(await measure())].sort((a, b) => a - b)
    const middleMs = times[Math.floor(times.length / 2)] ?? 0
    const what = `A sync takes ${middleMs.toFixed(2)} ms, the slowest of ${times.length} ${(times.at(-1) ?? 0).toFixed(1)} ms`
    if (middleMs < SYNC_MS_LYING) {
      const remedy = 'Find out whether the disk or the virtual machine keeps a write cache that dies with the power'
      return warn(id, `${what}: too fast to be true`, remedy)
    }
    if (middleMs > SYNC_MS_SLOW) return warn(id, `${what}: every webhook waits for one`, 'Use a faster disk')
    return ok(id, what)
  } catch (error) {
    return warn(
      id,
      `The disk could not be measured: ${nameOfError(error)}`,
      'Look at disk.space and folder.permissions',
    )
  }
}

export function checkLogs(logs: Readonly<Record<string, number>>): Finding {
  const id = 'disk.wal'
  const [name, bytes] = Object.entries(logs).sort((a, b) => b[1] - a[1])[0] ?? ['', 0]
  if (bytes <= WAL_BYTES_WARN) return ok(id, `The largest write-ahead log has ${sizeOf(bytes)}`)
  return warn(
    id,
    `The write-ahead log of ${name} has ${sizeOf(bytes)}: somebody has been reading for a long time`,
    'End whatever has the database open (lsof shows it), or start the house again',
  )
}
