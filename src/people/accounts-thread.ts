import { Failure, type FailureData, failureData } from '../core/failure.ts'
import { storageFault } from '../storage/database.ts'
import { failThread, serveThread } from '../storage/serve-thread.ts'
import { stepBack } from '../storage/step-back.ts'
import type { Question } from '../storage/thread.ts'
import { ACCOUNT_ASKS, type AccountAsk } from './account-asks.ts'
import { Accounts } from './accounts.ts'
import { PasswordHashing } from './passwords.ts'

/** Whoever waits to get in waits behind messages. */
const NICENESS = 5
/** Passwords hashed at once: each takes a core and 19 MiB. */
const AT_ONCE = 2
/** A whole firm at nine o'clock; more are told to come again. */
const WAITING_MAX = 1_000

export interface OpenAccounts {
  path: string
  key: Uint8Array
  /** Of the records. */
  epoch: string
}

let accounts: Accounts | undefined

async function answer({ name, args }: Question): Promise<unknown> {
  if (name === 'open') {
    stepBack(NICENESS)
    const { path, key, epoch } = args as OpenAccounts
    accounts = new Accounts(path, key, new PasswordHashing(key, { atOnce: AT_ONCE, waitingMax: WAITING_MAX }))
    accounts.follow(epoch)
    return undefined
  }
  if (name === 'close') return accounts?.close()
  if (!accounts || !ACCOUNT_ASKS.includes(name as AccountAsk)) throw new Error(`Unknown question: ${name}`)
  const ask = accounts[name as AccountAsk] as (...values: unknown[]) => unknown
  return await ask.apply(accounts, args as unknown[])
}

/** A full disk passes; one that fails ends the process, like every other that the house writes to. */
function refusalOf(error: unknown): FailureData | string {
  if (error instanceof Failure) return failureData(error)
  const fault = storageFault(error)
  if (fault === 'full' || fault === 'busy')
    return { code: 'unavailable', message: 'No space is left, or the file is held', members: { retry_after_ms: 5_000 } }
  if (fault === 'fatal') failThread(error)
  return error instanceof Error ? error.message : String(error)
}

serveThread({ answer, refusalOf })
