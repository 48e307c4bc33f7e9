import packageJson from '../package.json' with { type: 'json' }
import { must } from './core/assert.ts'
import { BUILD } from './core/build.ts'
import { Dispatcher } from './dispatch/dispatcher.ts'
import type { Base, GatewayOptions } from './gateway/base.ts'
import { ClockWatch } from './gateway/clock-watch.ts'
import { collectFigures, noteCommit } from './gateway/figures.ts'
import { giveFirstInputs, giveFirstKey } from './gateway/first-inputs.ts'
import { listen } from './gateway/listen.ts'
import { createParts, type Parts } from './gateway/parts.ts'
import type { ReloadReport } from './gateway/reload.ts'
import { startDrills, startSafekeeping } from './gateway/safekeeping.ts'
import { watchTokens } from './gateway/token-watch.ts'
import type { RunningServer } from './http/server.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import { watchProcess } from './metrics/process.ts'
import type { Commit } from './records/book.ts'
import { ClockTrust } from './relay/clock-trust.ts'
import { createSpace } from './relay/create-space.ts'
import { House } from './relay/house.ts'
import { BULK_HEADS_MAX } from './relay/outbound.ts'
import { type Setup, setupOf } from './setup.ts'
import { sqliteVersion } from './storage/database.ts'
import { THREADS } from './threads.ts'

export interface StartedGateway {
  port: number
  /** The owner's key that was just made; null where there is one already. Shown once, never logged. */
  newOwnerKey: string | null
  /** Of the first owner's link, as long as nobody works here; null otherwise. Shown, never logged. */
  setupToken: string | null
  setup: Setup
}

/** The whole house: builds every part once, starts them in order, stops them in reverse. */
export class Gateway {
  readonly #base: Base
  readonly #clockWatch: ClockWatch
  readonly #stack = new AsyncDisposableStack()
  #parts: Parts | undefined
  #server: RunningServer | undefined
  #isServing = false
  #isFatal = false
  #stopping: Promise<void> | undefined

  constructor(options: GatewayOptions) {
    const { config, clock } = options
    const setup = setupOf(config)
    const metrics = createMetrics(clock, {
      version: packageJson.version,
      commit: BUILD.commit ?? '',
      bun: Bun.version,
      sqlite: sqliteVersion(),
    })
    const house = this.#createHouse(options, setup, metrics)
    this.#clockWatch = new ClockWatch(house.time, options.log)
    this.#base = {
      options,
      config,
      setup,
      metrics,
      dispatcher: new Dispatcher({ messagesMax: config.limits.queueMax, bulkHeadsMax: BULK_HEADS_MAX }),
      clockTrust: new ClockTrust(clock, { operatorTrusts: config.storage.trustClock }),
      house,
      space: createSpace({
        clock,
        log: options.log,
        house,
        dataDir: config.dataDir,
        backupFolder: () => this.#base.config.backup.folder,
        quotaGb: () => this.#base.config.storage.quotaGb,
        mediaBytes: async () => (await this.#parts?.media.sizes.look()) ?? 0,
      }),
      isServing: () => this.#isServing,
      isFatal: () => this.#isFatal,
      port: () => this.#server?.port,
    }
  }

  /** Throws, with everything closed again, where any part does not start. */
  async start(): Promise<StartedGateway> {
    try {
      return await this.#start()
    } catch (error) {
      this.#base.house.abandon()
      await this.#stack.disposeAsync().catch(() => {})
      throw error
    }
  }

  /** Reads the configuration anew and takes it over, whole or not at all; says what it did. */
  async reload(): Promise<ReloadReport> {
    return await must(this.#parts, 'a house that has started').reload.run()
  }

  /** Takes no more, finishes what is under way, closes everything. Safe to call twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  #createHouse({ config, clock, acceptLoss, say }: GatewayOptions, setup: Setup, metrics: Metrics): House {
    return new House({
      threads: THREADS,
      clock,
      folder: config.dataDir,
      masterKey: setup.masterKey,
      acceptLoss,
      say,
      webhookBacklogMs: config.limits.webhookBacklogMs,
      journalKeepDays: config.storage.journalKeepDays,
      onCommit: (commit) => this.#committed(commit),
      onJournalCommit: (commitMs, lastSeq) => {
        metrics.journalCommitSeconds.observe(commitMs / 1000)
        this.#parts?.safekeeping.shipping.noteAppended(lastSeq)
      },
      onOverflow: (queue) => metrics.overflows.add(1, { queue }),
      onFailure: (error) => this.#fail(error),
    })
  }

  async #start(): Promise<StartedGateway> {
    const { options, house, metrics, setup, space } = this.#base
    const { config, log, clock } = options
    this.#stack.defer(watchProcess(metrics, clock))
    await space.begin()
    const { appliedSeq, journalHead, damagedPages } = await house.open()
    log.info('folder opened', { seq: journalHead, count: journalHead - appliedSeq })
    const parts = createParts(this.#base)
    const lastInputAtMs = parts.reader.lastInputAtMs()
    this.#clockWatch.look()
    await giveFirstInputs(this.#base, parts.reader)
    this.#parts = parts
    const setupToken = await parts.entrance.open(parts.reader.epoch())
    // Nothing that happens to the search ends the process, and no start waits for more than its file being opened.
    await parts.search.open({ folder: config.dataDir, masterKey: setup.masterKey })
    collectFigures(this.#base, parts)
    this.#server = await listen(this.#base, parts, this.#stack)
    this.#isServing = true
    const reactors = [parts.outbound.start(lastInputAtMs), parts.media.media.start(), parts.destruction.eraser.start()]
    for (const reactor of reactors) void reactor.catch((error: Error) => this.#fail(error))
    parts.duties.start()
    parts.audit.start()
    this.#stack.defer(watchTokens(this.#base))
    this.#stack.defer(house.watch([parts.search.watched(), parts.entrance.accounts.watched()]))
    this.#stack.defer(() => space.stop())
    space.start()
    parts.safekeeping.pages.start(damagedPages)
    await startSafekeeping(this.#base, parts.safekeeping, journalHead)
    this.#stack.defer(startDrills(this.#base))
    const { port } = must(this.#server, 'the server')
    const newOwnerKey = await giveFirstKey(this.#base)
    log.info('gateway started', { port, version: packageJson.version })
    return { port, newOwnerKey, setupToken, setup }
  }

  #committed(commit: Commit): void {
    const parts = this.#parts
    noteCommit(this.#base, parts, commit)
    this.#base.space.hear(commit.paused)
    this.#clockWatch.look()
    if (!parts) return
    parts.outbound.hear(commit.wakes)
    parts.duties.hear(commit.wakes)
    parts.media.media.hear(commit.wakes)
    parts.rights.hear(commit.wakes)
    parts.entrance.hear(commit.wakes)
    parts.audit.hear(commit.wakes)
    parts.search.hear(this.#base.house.inbound.lagMs())
    parts.realtime.wake()
    parts.poll.wake()
  }

  /** Ready goes first, so that a proxy stops sending; then what is under way; then what was said; then the files. */
  async #stop(): Promise<void> {
    const { options, house } = this.#base
    const parts = this.#parts
    this.#isServing = false
    options.log.info('stopping')
    parts?.duties.stop()
    parts?.poll.stop()
    parts?.safekeeping.pages.stop()
    // A book that has failed can take no outcome in: nothing is worth waiting for.
    if (!this.#isFatal) await parts?.destruction.eraser.stop()
    await Promise.all([
      this.#isFatal ? undefined : parts?.outbound.drain(),
      parts?.realtime.drain(),
      parts?.media.media.stop(),
      parts?.safekeeping.backups.stop(),
    ])
    await this.#server?.stop()
    await parts?.audit.stop()
    await this.#stack.disposeAsync()
    await parts?.search.close()
    if (!this.#isFatal) await parts?.entrance.close()
    await parts?.safekeeping.shipping.close()
    if (!this.#isFatal) await house.close()
    options.log.info('stopped')
  }

  #fail(error: Error): void {
    this.#isFatal = true
    this.#isServing = false
    this.#base.options.onFatal(error)
  }
}
