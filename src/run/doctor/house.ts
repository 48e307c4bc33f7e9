import { nameOfError } from '../../core/failure.ts'
import type { HouseFacts } from '../../gateway/house-facts.ts'
import { type Finding, fail, lengthOf, ok, sizeOf, warn } from './finding.ts'

const LAG_MS_WARN = 2000
const LAG_MS_FAIL = 60_000
const SEARCH_BEHIND_WARN = 10_000
const OPEN_FILES_WARN = 10_240
const OPEN_FILES_FAIL = 512
/** It is idle with 90 MB, holds its limit with 256 MiB, and takes 600 MB under load for hours (measured). */
const MEMORY_BYTES_WARN = 512 * 1024 * 1024
const MEMORY_BYTES_FAIL = 192 * 1024 * 1024
const APART_MS_WARN = 30_000
const APART_MS_FAIL = 5 * 60_000
const AHEAD_MS_WARN = 60_000
const AHEAD_MS_FAIL = 86_400_000

/** `isHeld`: whether somebody holds the data folder; asked only where no house answers. */
export function checkRunning(facts: HouseFacts | undefined, version: string, isHeld: () => boolean): Finding {
  const id = 'house'
  if (!facts) return checkSilence(isHeld)
  const red = Object.entries(facts.checks).filter(([, holds]) => !holds)
  if (red.length > 0) {
    const names = red.map(([name]) => name).join(', ')
    return fail(id, `The house runs but takes nothing: ${names}`, 'Look at disk.space and the log')
  }
  if (facts.version !== version) {
    return warn(id, `The house runs version ${facts.version}, this is ${version}`, 'Start the house again')
  }
  return ok(id, `The house runs, version ${version}, and takes webhooks`)
}

function checkSilence(isHeld: () => boolean): Finding {
  const id = 'house'
  try {
    if (!isHeld()) return warn(id, 'No house is running in this data folder', 'gatehouse serve')
    return warn(
      id,
      'The data folder is in use, and whoever uses it does not answer: a command at work, or a house without control.sock',
      'Wait for the command, or start the house again; its log says where the path of the data folder is too long',
    )
  } catch (error) {
    const code = nameOfError(error)
    if (/NOTADB|CORRUPT/.test(code)) {
      return fail(id, 'lock.db is damaged: no house can start', 'It holds nothing: delete it, and start the house')
    }
    return warn(id, `It cannot be seen whether a house runs here: ${code}`, 'Look at folder.permissions')
  }
}

/** `apartMs`: how far this clock is ahead of the platform's; null where nobody could be asked. */
export function checkClock(facts: HouseFacts | undefined, apartMs: number | null): Finding {
  const id = 'clock'
  const remedy = 'Let a time server set the clock: systemctl status systemd-timesyncd or chronyd'
  if (apartMs !== null && Math.abs(apartMs) > APART_MS_WARN) {
    const seconds = Math.abs(apartMs) / 1000
    const what = `The clock is ${lengthOf(seconds)} ${apartMs > 0 ? 'ahead of' : 'behind'} the platform's`
    return Math.abs(apartMs) > APART_MS_FAIL ? fail(id, what, remedy) : warn(id, what, remedy)
  }
  if (facts && facts.recordsAheadMs > AHEAD_MS_WARN) {
    const length = lengthOf(facts.recordsAheadMs / 1000)
    const what = `The clock was set back by ${length}: the records' time goes at half its pace until the clock has caught up`
    if (facts.recordsAheadMs < AHEAD_MS_FAIL)
      return warn(id, what, 'Wait: until then what is to happen later takes up to twice as long')
    return fail(
      id,
      what,
      'What is written meanwhile bears a wrong date: restore a backup from before the clock was wrong',
    )
  }
  if (apartMs === null && facts && !facts.isClockTrusted) {
    return warn(
      id,
      "The house has not heard the platform's time yet: nothing is destroyed by date",
      'It hears it with the next message or file; without a platform set [storage] trust_clock',
    )
  }
  return ok(
    id,
    apartMs === null ? 'The platform could not be asked for its time' : "The clock agrees with the platform's",
  )
}

/** `waiting`: entries of the journal that are not applied, where no house runs. */
export function checkLag(facts: HouseFacts | undefined, waiting: number): Finding {
  const id = 'apply.lag'
  if (!facts) return ok(id, waiting === 0 ? 'All that came in is applied' : `The next start applies ${waiting} entries`)
  const { applyLagMs } = facts
  if (applyLagMs < LAG_MS_WARN) return ok(id, 'What comes in is applied at once')
  const what = `The oldest webhook that is not applied is ${lengthOf(applyLagMs / 1000)} old`
  const remedy = 'Look at disk.sync, at the processor, and at the log for what fails'
  return applyLagMs > LAG_MS_FAIL ? fail(id, what, remedy) : warn(id, what, remedy)
}

export function checkSearch(facts: HouseFacts | undefined): Finding {
  const id = 'search.behind'
  if (!facts) return ok(id, 'The word index is not looked at while no house runs')
  const { behind, isComplete } = facts.search
  if (isComplete && behind < SEARCH_BEHIND_WARN) return ok(id, 'The word index is whole')
  return warn(
    id,
    isComplete ? `${behind} messages are not in the word index yet` : 'The word index is being made anew',
    'It goes on by itself, behind everything else; answers say how far it is',
  )
}

/** The limit of the house's process, or of this one. */
export function checkOpenFiles(limit: number | null): Finding {
  const id = 'limits.open_files'
  if (limit === null) return ok(id, 'This system does not say how many files may be open')
  const what = `${limit} files and sockets may be open at once`
  const remedy = 'Raise it: LimitNOFILE=65536 in the systemd unit, --ulimit nofile=65536 for a container'
  if (limit < OPEN_FILES_FAIL) return fail(id, what, remedy)
  return limit < OPEN_FILES_WARN ? warn(id, what, remedy) : ok(id, what)
}

/** What the house's process may have; the kernel ends it where it wants more. */
export function checkMemory(facts: HouseFacts | undefined): Finding {
  const id = 'limits.memory'
  if (!facts?.memoryBytesMax) return ok(id, 'The limit of memory is not looked at while no house runs')
  const what = `The house may have ${sizeOf(facts.memoryBytesMax)} of memory`
  const remedy = 'Give it 1 GB: MemoryMax of the systemd unit, --memory of the container, or a larger machine'
  if (facts.memoryBytesMax < MEMORY_BYTES_FAIL) return fail(id, what, remedy)
  return facts.memoryBytesMax < MEMORY_BYTES_WARN ? warn(id, what, remedy) : ok(id, what)
}

/** A number as the records know it; `account` is the platform's id of it. */
export interface NumberFacts {
  account: string
  alias: string
  state: string
  reason: string | null
}

/** What the records know of the numbers. Names are the operator's aliases. */
export function checkNumbers(numbers: readonly NumberFacts[]): Finding[] {
  const found = numbers.flatMap((number) => (number.state === 'active' ? [] : [checkSilentNumber(number)]))
  if (found.length > 0) return found
  if (numbers.length === 0) return [warn('numbers', 'No number is known', 'Declare one under [[whatsapp.number]]')]
  return [ok('numbers', numbers.length === 1 ? 'The number is active' : `All ${numbers.length} numbers are active`)]
}

function checkSilentNumber({ account, alias, state, reason }: NumberFacts): Finding {
  const id = 'numbers'
  if (state === 'unclaimed') {
    const what = `${alias} writes and is not declared: nothing is sent from it`
    return warn(id, what, 'Declare it under [[whatsapp.number]], then: gatehouse reload')
  }
  const resume = `POST /api/v1/numbers/${account}/resume`
  if (reason === 'not_configured') {
    const what = `${alias} is not in the configuration any more: nothing is sent from it`
    return warn(id, what, 'Nothing, if that is meant. Otherwise declare it again, then: gatehouse reload')
  }
  if (reason === 'operator') return warn(id, `${alias} was paused by somebody here`, resume)
  const what = `${alias} is paused${reason === null ? '' : `: ${reason}`}`
  if (reason?.includes('token_')) return fail(id, what, 'Set another access_token of its app, then: gatehouse reload')
  return fail(id, what, `Look at the number in the platform's console, then: ${resume}`)
}
