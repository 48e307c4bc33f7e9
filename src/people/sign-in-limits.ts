import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'

const WINDOW_MS = 15 * 60_000
/** Wrong attempts that cost nothing; from then on each wait is twice the one before. */
const FREE_OF_ACCOUNT = 5
const FREE_OF_ADDRESS = 50
/** Of everybody together, known addresses aside: somebody goes through a list. */
const FREE_OF_ALL = 1_000
const FIRST_WAIT_MS = 15_000
const WAIT_MS_MAX = WINDOW_MS
/** What is remembered of each kind; beyond it the oldest is forgotten. */
const REMEMBERED_MAX = 20_000

interface Count {
  wrong: number
  /** When it last went wrong. */
  atMs: number
}

/**
 * One attempt. On its account it counts as wrong until it is said to be right, so that many at once do not slip through; on
 * its address only once it went wrong, since a whole firm may come in from one address at nine o'clock.
 */
export interface Attempt {
  succeeded(): void
  failed(): void
  /** It was neither: nobody looked. */
  takeBack(): void
}

/**
 * How often somebody may try to sign in. Nobody is ever locked out: waits grow and pass. Whoever came in from an address
 * before is counted there by themselves, so that others who try their account do not keep them out.
 */
export class SignInLimits {
  readonly #clock: Clock
  readonly #counts = new Map<string, Count>()
  /** Accounts and the addresses they came in from. */
  readonly #known = new Map<string, true>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Throws `Failure('rate_limited')`. `account` is opaque: a hash of what was typed, or somebody's number. */
  begin(account: string, address: string | null): Attempt {
    const from = network(address)
    const pair = `${account} ${from}`
    const isKnown = this.#known.has(pair)
    const own = isKnown ? `pair ${pair}` : `account ${account}`
    const shared: [key: string, free: number][] = isKnown
      ? []
      : [
          [`from ${from}`, FREE_OF_ADDRESS],
          ['all', FREE_OF_ALL],
        ]
    const nowMs = this.#clock.monoMs()
    const waits = [[own, FREE_OF_ACCOUNT] as const, ...shared].map(([key, free]) => this.#waitMs(key, free, nowMs))
    const waitMs = Math.max(...waits)
    if (waitMs > 0) {
      const members = { retry_after_ms: Math.ceil(waitMs) }
      throw new Failure('rate_limited', 'Too many wrong attempts: wait before the next', members)
    }
    this.#add(own, 1)
    return {
      takeBack: () => this.#add(own, -1),
      failed: () => {
        for (const [key] of shared) this.#add(key, 1)
      },
      succeeded: () => {
        this.#counts.delete(own)
        remember(this.#known, pair, true)
      },
    }
  }

  get size(): number {
    return this.#counts.size + this.#known.size
  }

  #waitMs(key: string, free: number, nowMs: number): number {
    const count = this.#counts.get(key)
    if (!count) return 0
    if (nowMs - count.atMs >= WINDOW_MS) {
      this.#counts.delete(key)
      return 0
    }
    if (count.wrong < free) return 0
    return count.atMs + Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** Math.min(20, count.wrong - free)) - nowMs
  }

  #add(key: string, by: number): void {
    const nowMs = this.#clock.monoMs()
    const wrong = (this.#counts.get(key)?.wrong ?? 0) + by
    if (wrong <= 0) this.#counts.delete(key)
    else remember(this.#counts, key, { wrong, atMs: nowMs })
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= REMEMBERED_MAX) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}

/** IPv6: the first 64 bits, since who has one address has them all. */
function network(address: string | null): string {
  if (address === null) return 'nowhere'
  if (!address.includes(':')) return address
  const [head = '', tail = ''] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const missing = address.includes('::') ? 8 - groups.length - (tail === '' ? 0 : tail.split(':').length) : 0
  return [...groups, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...tail.split(':')]
    .slice(0, 4)
    .join(':')
}
