import { existsSync } from 'node:fs'
import { must } from '../core/assert.ts'
import { Failure, type FailureData, failureData, messageOf } from '../core/failure.ts'
import { storageFault } from '../storage/database.ts'
import { failThread, serveThread } from '../storage/serve-thread.ts'
import { stepBack } from '../storage/step-back.ts'
import type { AccountAsk } from './account-asks.ts'
import { type Accounts, type OpenAccounts, openAccounts } from './accounts.ts'

/** Whoever waits to get in waits behind messages. */
const NICENESS = 5

let accounts: Accounts | undefined

const answers = {
  open(ask: OpenAccounts): void {
    stepBack(NICENESS)
    // The start has made it: an empty one in its place would let nobody in, and tell nobody.
    if (!existsSync(ask.path)) throw new Error('accounts.db is missing')
    accounts = openAccounts(ask)
  },
  call({ name, values }: { name: AccountAsk; values: readonly unknown[] }): unknown {
    const opened = must(accounts, 'the accounts, which are open')
    const method = opened[name] as (...values: readonly unknown[]) => unknown
    return method.apply(opened, values as unknown[])
  },
  close: () => accounts?.close(),
}

export type AccountsAnswers = typeof answers

/** A full disk passes; one that fails ends the process, like every other that the house writes to. */
function refusalOf(error: unknown): FailureData | string {
  if (error instanceof Failure) return failureData(error)
  const fault = storageFault(error)
  if (fault === 'full' || fault === 'busy')
    return { code: 'unavailable', message: 'No space is left, or the file is held', members: { retry_after_ms: 5_000 } }
  if (fault === 'fatal') failThread(error)
  return messageOf(error)
}

serveThread({ answers, refusalOf })
