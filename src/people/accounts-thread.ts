import { existsSync } from 'node:fs'
import { Failure, type FailureData, failureData, messageOf } from '../core/failure.ts'
import { storageFault } from '../storage/database.ts'
import { failThread, serveThread } from '../storage/serve-thread.ts'
import { stepBack } from '../storage/step-back.ts'
import type { Question } from '../storage/thread.ts'
import { ACCOUNT_ASKS, type AccountAsk } from './account-asks.ts'
import { type Accounts, type OpenAccounts, openAccounts } from './accounts.ts'

/** Whoever waits to get in waits behind messages. */
const NICENESS = 5

let accounts: Accounts | undefined

async function answer({ name, args }: Question): Promise<unknown> {
  if (name === 'open') {
    stepBack(NICENESS)
    const ask = args as OpenAccounts
    // The start has made it: an empty one in its place would let nobody in, and tell nobody.
    if (!existsSync(ask.path)) throw new Error('accounts.db is missing')
    accounts = openAccounts(ask)
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
  return messageOf(error)
}

serveThread({ answer, refusalOf })
