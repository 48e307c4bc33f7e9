import { must } from '../core/assert.ts'
import { type FailureData, failureFrom } from '../core/failure.ts'
import { Thread } from '../storage/thread.ts'
import type { Watched } from '../storage/watchdog.ts'
import { ACCOUNT_ASKS, type AccountAsk, type AccountsApi } from './account-asks.ts'
import { type Accounts, type OpenAccounts, openAccounts } from './accounts.ts'
import type { AccountsAnswers } from './accounts-thread.ts'

/**
 * The main thread's side of the credentials. Their thread begins with the first question: a house in which nobody signs
 * in does without. One that fails ends the process.
 */
export class AccountsClient {
  readonly asks: AccountsApi
  readonly #program: URL
  readonly #onFailure: (error: Error) => void
  #ask: OpenAccounts | undefined
  #thread: Thread<AccountsAnswers> | undefined
  #opening: Promise<unknown> | undefined
  #closing: Promise<void> | undefined

  constructor(program: URL, onFailure: (error: Error) => void) {
    this.#program = program
    this.#onFailure = onFailure
    const asks = ACCOUNT_ASKS.map((name) => [name, (...args: unknown[]) => this.#askThread(name, args)])
    this.asks = Object.fromEntries(asks) as AccountsApi
  }

  /** Opens the file for what a start wants of it, here: nobody waits for the main thread yet. */
  open<T>(ask: OpenAccounts, work: (accounts: Accounts) => T): T {
    this.#ask = ask
    const accounts = openAccounts(ask)
    try {
      return work(accounts)
    } finally {
      accounts.close()
    }
  }

  watched(): Watched {
    return { name: 'accounts', ping: async () => (await this.#thread?.ping()) ?? null, onHang: this.#onFailure }
  }

  /** Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#thread?.ask('close')
    await this.#thread?.closed()
  }

  async #askThread(name: AccountAsk, values: readonly unknown[]): Promise<unknown> {
    const thread = this.#begun()
    this.#opening ??= thread.ask('open', must(this.#ask, 'what the accounts are opened with'))
    try {
      // In one go, so that what is asked before `close` is answered before it.
      const [answer] = await Promise.all([thread.ask('call', { name, values }), this.#opening])
      return answer
    } catch (error) {
      if (typeof error === 'object' && error !== null && 'code' in error) throw failureFrom(error as FailureData)
      throw error instanceof Error ? error : new Error(String(error))
    }
  }

  #begun(): Thread<AccountsAnswers> {
    this.#thread ??= new Thread<AccountsAnswers>(new Worker(this.#program), {
      onNotice: () => {},
      onFailure: this.#onFailure,
    })
    return this.#thread
  }
}
