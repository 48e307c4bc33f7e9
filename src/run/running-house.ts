import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { systemClock } from '../core/clock.ts'
import { codeOf, Failure } from '../core/failure.ts'
import { CONTROL_SOCKET } from '../http/control.ts'
import type { Commit } from '../records/book.ts'
import { type House, houseForWork } from '../relay/house.ts'
import { setupOf } from '../setup.ts'
import { THREADS } from '../threads.ts'

const NOBODY_LISTENS: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT'])

/** Gives a command to the running house and answers what it answers; undefined where none runs. */
export async function askRunningHouse<T>(
  config: Pick<Config, 'dataDir'>,
  command: string,
  ask: object,
): Promise<T | undefined> {
  const unix = join(config.dataDir, CONTROL_SOCKET)
  if (!existsSync(unix)) return undefined
  const response = await fetch(`http://house/${command}`, {
    unix,
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(ask),
    // A long command says nothing until it is done.
    timeout: false,
  } as BunFetchRequestInit).catch((error: unknown) => {
    // The socket is left over from a process that was killed. Anything else happened to a house that runs.
    if (NOBODY_LISTENS.has(codeOf(error) ?? '')) return undefined
    throw new Error('The running house ended before it was done: ask again', { cause: error })
  })
  if (!response) return undefined
  const body = (await response.json()) as T & { detail?: string; code?: string }
  // Wrong use is told apart: its exit code is another one.
  if (body.code === 'invalid') throw new Failure('invalid', body.detail ?? 'The running house refused')
  if (!response.ok) throw new Error(body.detail ?? 'The running house refused')
  return body
}

/** A command that was given in another folder, or without its configuration, must not make an empty house and answer for it. */
export function requireData(dataDir: string): void {
  if (existsSync(join(dataDir, 'records.db'))) return
  throw new Error(`There is no data in ${dataDir}: name the right folder as data_dir, or GATEHOUSE_DATA_DIR`)
}

/** Where no house runs, opens the folder for one command, and closes it after `work`, whatever comes of that. */
export async function inHouseAlone<T>(config: Config, work: (house: House) => Promise<T>): Promise<T> {
  const house = houseAlone(config, () => {})
  await house.open()
  try {
    return await work(house)
  } finally {
    await house.close()
  }
}

/** The house of a folder where none runs, for one command. The caller opens and closes it. */
export function houseAlone(config: Config, onCommit: (commit: Commit) => void): House {
  requireData(config.dataDir)
  return houseForWork(
    {
      threads: THREADS,
      clock: systemClock,
      folder: config.dataDir,
      masterKey: setupOf(config).masterKey,
      say: (line) => process.stderr.write(`${line}\n`),
      webhookBacklogMs: config.limits.webhookBacklogMs,
      journalKeepDays: config.storage.journalKeepDays,
    },
    onCommit,
  )
}
