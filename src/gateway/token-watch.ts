import type { InspectRequest, TokenFacts } from '../channels/whatsapp/inspect.ts'
import { inspectToken } from '../channels/whatsapp/inspect.ts'
import { type Clock, DAY_MS, HOUR_MS } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { AppSetup } from '../setup.ts'
import type { Base } from './base.ts'

/** A start does not wait for the platform, and has other things to do. */
const FIRST_MS = 20_000
/** How often it is looked whether somebody is to be asked: a token that was changed is asked for soon. */
const LOOK_MS = 60_000
/** Pause after no answer. */
const RETRY_MS = HOUR_MS
const ANSWER_MS_MAX = 8_000
/** As `doctor` has it. */
const EXPIRY_MS_WARN = 14 * DAY_MS

export interface TokenWatchDependencies {
  clock: Clock
  log: Log
  /** As the configuration has them now. */
  apps(): readonly AppSetup[]
  inspect(app: AppSetup): Promise<TokenFacts>
  /** Seconds since 1970 by app; infinite: never; 0: not valid. Apps of which nothing is known are not in it. */
  onLook(expiries: ReadonlyMap<string, number>): void
}

interface Look {
  token: string
  dueMonoMs: number
  /** Undefined: the platform has not said. */
  expirySeconds: number | undefined
}

/** Asks the platform once a day when the access tokens expire: one that does ends everything that leaves. */
export class TokenWatch {
  readonly #deps: TokenWatchDependencies
  readonly #looks = new Map<string, Look>()
  #cancel: () => void

  constructor(deps: TokenWatchDependencies) {
    this.#deps = deps
    this.#cancel = deps.clock.after(FIRST_MS, () => this.#onTime())
  }

  stop(): void {
    this.#cancel()
  }

  /** Asks for every token of which nothing new is known. Never throws. */
  async look(): Promise<void> {
    const { apps, clock, onLook } = this.#deps
    const current = apps()
    for (const id of this.#looks.keys()) if (!current.some((app) => app.id === id)) this.#looks.delete(id)
    for (const app of current) {
      const last = this.#looks.get(app.id)
      if (last?.token !== app.accessToken || clock.monoMs() >= last.dueMonoMs) await this.#ask(app, last)
    }
    const known = [...this.#looks].flatMap(([id, { expirySeconds }]): [string, number][] =>
      expirySeconds === undefined ? [] : [[id, expirySeconds]],
    )
    onLook(new Map(known))
  }

  #onTime(): void {
    this.#cancel = this.#deps.clock.after(LOOK_MS, () => this.#onTime())
    void this.look()
  }

  async #ask(app: AppSetup, last: Look | undefined): Promise<void> {
    const { clock, inspect, log } = this.#deps
    const token = app.accessToken
    const known = last?.token === token ? last.expirySeconds : undefined
    // Before the answer: what takes long is not asked twice.
    this.#looks.set(app.id, { token, dueMonoMs: clock.monoMs() + RETRY_MS, expirySeconds: known })
    const expirySeconds = expiryOf(await inspect(app).catch(() => UNREACHABLE))
    if (expirySeconds === undefined) return
    this.#looks.set(app.id, { token, dueMonoMs: clock.monoMs() + DAY_MS, expirySeconds })
    const leftMs = expirySeconds * 1000 - clock.epochMs()
    if (expirySeconds === 0) log.error('the access token is not valid', { app: app.id })
    else if (leftMs < EXPIRY_MS_WARN) log.warn('the access token expires soon', { app: app.id, ms: leftMs })
  }
}

const UNREACHABLE = { kind: 'unreachable', reason: '' } as const

function expiryOf(facts: TokenFacts): number | undefined {
  if (facts.kind === 'unreachable' || facts.kind === 'untold') return undefined
  if (facts.kind === 'refused' || !facts.isValid) return 0
  return facts.expiresAt === 0 ? Number.POSITIVE_INFINITY : facts.expiresAt
}

/** Begins to watch; the answer ends it. */
export function watchTokens(base: Base): () => void {
  const { options, metrics, clockTrust } = base
  const { clock, log, graphUrl } = options
  const watch = new TokenWatch({
    clock,
    log,
    apps: () => base.setup.apps,
    inspect: ({ graphVersion, accessToken }) => {
      const request: InspectRequest = { graphUrl, graphVersion, accessToken, timeoutMs: ANSWER_MS_MAX }
      return inspectToken(request, base.setup.proxies.fetchFor('', clockTrust.fetch), () => clock.epochMs())
    },
    onLook: (expiries) => {
      // Told anew whole: an app that is gone leaves no series behind.
      metrics.accessTokenExpires.reset()
      for (const [app, seconds] of expiries) metrics.accessTokenExpires.set(seconds, { app })
    },
  })
  return () => watch.stop()
}
