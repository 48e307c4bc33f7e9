import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { pause, systemClock } from '../../core/clock.ts'
import type { Fault, Struck } from './crash-run.ts'
import type { Exit, HouseProcess } from './house-process.ts'
import { brokenCount, underBrokenCalls } from './under.ts'

/** After the start, so long under load; a house that is hurt ends before. */
const LOAD_MS = 1200
/** A house that goes on after its disk has failed is looked at for so long. */
const DEGRADED_MS = 1500
/** A house that can neither start nor end hangs. */
const START_MS_MAX = 8000
const LOOK_MS = 20

export interface BrokenCallFault {
  call: 'fsync' | 'pwrite64'
  harm: 'kill' | 'EIO' | 'ENOSPC'
  /** The call of each thread that is broken. */
  nth: number
  /** Every one from there on, or that one. */
  lasting: boolean
}

/**
 * One call of the kernel fails, or the process dies in it. Right is: the process has ended and said so by its exit code,
 * or it goes on and answers 200 for nothing that is not stored; which of the two, the comparison at the end shows.
 */
export function brokenCallFault(what: BrokenCallFault): Fault {
  const { call, harm, nth, lasting } = what
  return { name: `${call} ${harm}${lasting ? ' from on' : ''}`, strike: (struck) => strike(struck, what, nth) }
}

async function strike(struck: Struck, { call, harm, lasting }: BrokenCallFault, nth: number): Promise<void> {
  const logPath = join(struck.stand.folder, 'strace.txt')
  rmSync(logPath, { force: true })
  const how = harm === 'kill' ? 'signal=SIGKILL' : `error=${harm}`
  const startedMs = systemClock.monoMs()
  const house = struck.start(underBrokenCalls({ call, how, when: `${nth}${lasting ? '+' : ''}`, logPath }))
  let endMs = startedMs + START_MS_MAX
  void house.ready().then(
    () => {
      endMs = Math.min(endMs, systemClock.monoMs() + LOAD_MS)
    },
    () => {},
  )
  let brokenAtMs: number | undefined
  while (!house.hasExited() && systemClock.monoMs() < endMs) {
    if (brokenAtMs === undefined && brokenCount(logPath) > 0) {
      brokenAtMs = systemClock.monoMs()
      endMs = brokenAtMs + DEGRADED_MS
    }
    await pause(systemClock, LOOK_MS)
  }
  if (house.hasExited()) {
    checkExit(struck, { call, harm, nth }, house, await house.exited)
    struck.figure('ended itself, ms after the first broken call', brokenAtMs ? systemClock.monoMs() - brokenAtMs : 0)
    return
  }
  struck.figure(brokenCount(logPath) > 0 ? `lived on after ${call} ${harm}` : 'not reached', nth)
  await house.kill()
}

function checkExit(struck: Struck, what: Omit<BrokenCallFault, 'lasting'>, house: HouseProcess, exit: Exit): void {
  const { call, harm, nth } = what
  if (harm === 'kill' ? exit.signal === 'SIGKILL' : exit.code === 1) return
  struck.wrong(`${call} ${harm} ${nth}: ended with ${JSON.stringify(exit)}:\n${house.tail()}`)
}
