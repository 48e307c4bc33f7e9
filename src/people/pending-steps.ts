import type { Clock } from '../core/clock.ts'
import { hashToken, nameOfHash, newToken } from './tokens.ts'

const PENDING_MAX = 10_000

/** What waits for a next step of one browser, by a token in its cookie: in memory, for minutes. A step is taken once. */
export class PendingSteps<T> {
  readonly #clock: Clock
  readonly #keepMs: number
  readonly #pending = new Map<string, { value: T; untilMs: number }>()

  constructor(clock: Clock, keepMs: number) {
    this.#clock = clock
    this.#keepMs = keepMs
  }

  /** The token. Beyond the bound the oldest is forgotten. */
  add(value: T): string {
    const token = newToken()
    this.#pending.set(nameOf(token), { value, untilMs: this.#clock.monoMs() + this.#keepMs })
    if (this.#pending.size > PENDING_MAX) this.#pending.delete(this.#pending.keys().next().value ?? '')
    return token
  }

  get(token: string): T | undefined {
    const found = this.#pending.get(nameOf(token))
    return found && found.untilMs > this.#clock.monoMs() ? found.value : undefined
  }

  take(token: string): T | undefined {
    const value = this.get(token)
    this.#pending.delete(nameOf(token))
    return value
  }
}

function nameOf(token: string): string {
  return nameOfHash(hashToken(token))
}
