import { changesBetween } from '../config/changes.ts'
import type { Config } from '../config.ts'
import { sourceOf } from '../http/webhooks.ts'
import { declareApp } from '../records/number.ts'
import { setupOf } from '../setup.ts'
import type { Base } from './base.ts'
import { declare } from './declare.ts'

/** The configuration as it is in its file now, or what is wrong with it, a line each. */
export type Reading =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] }

/** What a reload did. Keys by their names, never their values. */
export interface ReloadReport {
  outcome: 'changed' | 'unchanged' | 'refused'
  changed: readonly string[]
  /** What is different from the start and waits for a restart. */
  needs_restart: readonly string[]
  /** Why nothing was changed. */
  problems: readonly string[]
}

const DEMO_CHANGES = 'The first app, or none any more, makes another house of it: restart it'
/** Keys that one line of the log names. */
const KEYS_LOGGED_MAX = 12

/**
 * Takes a changed configuration over while the house runs: whole, or not at all where anything is wrong with it. Parts
 * ask `base.config` and `base.setup` whenever they need something, so the change is one assignment for all of them.
 */
export class Reload {
  readonly #base: Base
  readonly #onTakenOver: () => void
  #last: Promise<unknown> = Promise.resolve()

  /** `onTakenOver`: parts that do not ask for themselves hear of another configuration. */
  constructor(base: Base, onTakenOver: () => void) {
    this.#base = base
    this.#onTakenOver = onTakenOver
    base.metrics.configLoaded.set(1)
  }

  /** One at a time, in the order they were asked for. Never throws. */
  run(): Promise<ReloadReport> {
    const report = this.#last.then(() => this.#report())
    this.#last = report
    return report
  }

  async #report(): Promise<ReloadReport> {
    const report = await this.#reload().catch((error: unknown) =>
      refused(`The records did not take it: ${error instanceof Error ? error.message : 'unknown error'}`),
    )
    this.#tell(report)
    return report
  }

  async #reload(): Promise<ReloadReport> {
    const read = this.#base.options.readConfig?.() ?? { ok: false, problems: ['This house cannot read its file anew'] }
    if (!read.ok) return { ...refused(), problems: read.problems }
    const { config } = read
    const { changed } = changesBetween(this.#base.config, config)
    // Against the start: what waited for a restart before waits still.
    const { needRestart } = changesBetween(this.#base.options.config, config)
    if (config.demo !== this.#base.config.demo) return refused(DEMO_CHANGES)
    const report = { changed, needs_restart: needRestart, problems: [] }
    if (changed.length === 0) return { ...report, outcome: 'unchanged' }
    await this.#takeOver(config)
    return { ...report, outcome: 'changed' }
  }

  /**
   * A new app's webhooks may come as soon as its secret is known, so the records know its portfolio before; a number may
   * send as soon as the records say so, so its token is known before.
   */
  async #takeOver(config: Config): Promise<void> {
    const base = this.#base
    const before = { config: base.config, setup: base.setup }
    const setup = { ...setupOf(config), masterKey: before.setup.masterKey }
    const known = new Map(before.setup.apps.map((app) => [app.id, app]))
    for (const { id, portfolio, workspace } of setup.apps.filter((app) => !known.has(app.id))) {
      await base.house.book.ask(declareApp, { id: sourceOf('whatsapp', id), portfolio, workspace })
    }
    Object.assign(base, { config, setup })
    const renewed = setup.apps.filter(({ id, accessToken }) => known.get(id)?.accessToken !== accessToken)
    try {
      await declare(
        base,
        renewed.map(({ id }) => id),
      )
    } catch (error) {
      Object.assign(base, before)
      throw error
    }
    base.house.inbound.setBacklogMax(config.limits.webhookBacklogMs)
    base.options.onConfig?.(config)
    this.#onTakenOver()
  }

  #tell({ outcome, changed, needs_restart, problems }: ReloadReport): void {
    const { metrics, options } = this.#base
    metrics.configReloads.add(1, { outcome })
    metrics.configLoaded.set(outcome === 'refused' ? 0 : 1)
    for (const problem of problems) options.log.error('configuration not taken over', { reason: problem })
    if (outcome !== 'refused') {
      options.log.info('configuration read anew', { outcome, count: changed.length, ...field(changed) })
    }
    if (needs_restart.length > 0) options.log.warn('needs a restart', field(needs_restart))
  }
}

function field(keys: readonly string[]): { field?: string } {
  if (keys.length === 0) return {}
  const rest = keys.length - KEYS_LOGGED_MAX
  return { field: keys.slice(0, KEYS_LOGGED_MAX).join(', ') + (rest > 0 ? ` and ${rest} more` : '') }
}

function refused(...problems: string[]): ReloadReport {
  return { outcome: 'refused', changed: [], needs_restart: [], problems }
}
