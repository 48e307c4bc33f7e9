import { type FailureData, failureFrom } from '../core/failure.ts'
import { Thread } from '../storage/thread.ts'
import type { Watched } from '../storage/watchdog.ts'
import { ACCOUNT_ASKS, type AccountsApi } from './account-asks.ts'
import type { OpenAccounts } from './accounts-thread.ts'

/** The main thread's side of the credentials. A thread that fails ends the process. */
export class AccountsClient {
  readonly asks: AccountsApi
  readonly #thread: Thread
  readonly #onFailure: (error: Error) => void

  constructor(thread: URL, onFailure: (error: Error) => void) {
    this.#onFailure = onFailure
    this.#thread = new Thread(new Worker(thread), { onNotice: () => {}, onFailure })
    const asks = ACCOUNT_ASKS.map((name) => [name, (...args: unknown[]) => this.#ask(name, args)])
    this.asks = Object.fromEntries(asks) as AccountsApi
  }

  async open(ask: OpenAccounts): Promise<void> {
    await this.#ask('open', ask)
  }

  watched(): Watched {
    return { name: 'accounts', ping: () => this.#thread.ping(), onHang: this.#onFailure }
  }

  async close(): Promise<void> {
    await this.#thread.ask('close', null)
    await this.#thread.closed()
  }

  async #ask(name: string, args: unknown): Promise<unknown> {
    try {
      return await this.#thread.ask(name, args)
    } catch (error) {
      if (typeof error === 'object' && error !== null && 'code' in error) throw failureFrom(error as FailureData)
      throw error instanceof Error ? error : new Error(String(error))
    }
  }
}
