import { randomBytes } from 'node:crypto'
import packageJson from '../package.json' with { type: 'json' }
import { channelNamed } from './channels/registry.ts'
import type { Config } from './config.ts'
import { must } from './core/assert.ts'
import type { Clock } from './core/clock.ts'
import { showId } from './core/ids.ts'
import type { SendOutcome } from './core/inbound.ts'
import type { Log } from './core/log.ts'
import type { MessageClass } from './core/message.ts'
import { Dispatcher } from './dispatch/dispatcher.ts'
import { apiRoutes } from './http/api.ts'
import { consoleRoutes } from './http/console.ts'
import { startControl } from './http/control.ts'
import { documentationRoutes } from './http/documentation.ts'
import { erasureRoutes } from './http/erasures-api.ts'
import { EventsPoll } from './http/events-poll.ts'
import { mediaRoutes } from './http/media.ts'
import { operationsFetch, operationsRoutes } from './http/operations.ts'
import { type RunningServer, startServer } from './http/server.ts'
import { sourceOf, type WebhookApp, webhookRoutes } from './http/webhooks.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import { watchProcess } from './metrics/process.ts'
import { ApiKeys, hashApiKey, newApiKey } from './people/api-keys.ts'
import { maySee, visibilityOf } from './people/may-see.ts'
import { createRealtime, type Realtime } from './realtime/realtime.ts'
import { addApiKey } from './records/api-key.ts'
import type { Commit } from './records/book.ts'
import { ErasureReader } from './records/erasure-reader.ts'
import { RecordedEvents } from './records/event-log.ts'
import { UNFINISHED_DUTY } from './records/lost-commits.ts'
import { NoticeReader } from './records/notice-reader.ts'
import { declareApp, declareNumber } from './records/number.ts'
import { Reader } from './records/reader.ts'
import { type Departure, holdUnfinished } from './records/send-message.ts'
import { declareSettings } from './records/setting.ts'
import type { Wake } from './records/tx.ts'
import { Views } from './records/views.ts'
import { ClockTrust } from './relay/clock-trust.ts'
import { createMedia, type MediaParts } from './relay/create-media.ts'
import { Destruction } from './relay/destruction.ts'
import { Duties } from './relay/duties.ts'
import { eraseWhole } from './relay/erase-command.ts'
import { House } from './relay/house.ts'
import { thumbnailName } from './relay/media-folder.ts'
import { BULK_HEADS_MAX, Outbound } from './relay/outbound.ts'
import { replay } from './relay/replay.ts'
import { SearchClient } from './relay/search-client.ts'
import { type Setup, setupOf } from './setup.ts'
import { THREADS } from './threads.ts'
import { keyedHash } from './vault/sealing.ts'

/** A send that has no answer by then is in doubt. The platform's own requests end within seconds. */
const SEND_TIMEOUT_MS = 15_000
/** Answers that were given need a moment to reach the socket before it is closed. */
const LAST_ANSWERS_MS = 100
const DAY_MS = 86_400_000

export interface GatewayOptions {
  config: Config
  clock: Clock
  log: Log
  random: () => number
  acceptLoss: boolean
  /** Where the simulator runs; in the demo its address takes the platform's place. */
  graphUrl: string
  simulatorUrl: string | null
  /** How long a send may be without an answer before it is in doubt. Default: 15 s. */
  sendTimeoutMs?: number
  /** The process has to end: a thread or a disk has failed. */
  onFatal(error: Error): void
}

export interface StartedGateway {
  port: number
  /** The owner's key that was just made; null where there is one already. Shown once, never logged. */
  newOwnerKey: string | null
  setup: Setup
}

/** The whole house: builds every part once, starts them in order, stops them in reverse. */
export class Gateway {
  readonly #options: GatewayOptions
  readonly #setup: Setup
  readonly #metrics: Metrics
  readonly #stack = new AsyncDisposableStack()
  readonly #dispatcher: Dispatcher
  readonly #house: House
  readonly #clockTrust: ClockTrust
  #reader: Reader | undefined
  #realtime: Realtime | undefined
  #poll: EventsPoll | undefined
  #outbound: Outbound | undefined
  #duties: Duties | undefined
  #media: MediaParts | undefined
  #destruction: Destruction | undefined
  #search: SearchClient | undefined
  #server: RunningServer | undefined
  #serving = false
  #stopping: Promise<void> | undefined
  #fatal = false

  constructor(options: GatewayOptions) {
    this.#options = options
    const { config, clock } = options
    this.#setup = setupOf(config)
    this.#metrics = createMetrics(clock, packageJson.version)
    this.#dispatcher = new Dispatcher({ messagesMax: config.limits.queueMax, bulkHeadsMax: BULK_HEADS_MAX })
    this.#clockTrust = new ClockTrust(clock, { operatorTrusts: config.storage.trustClock })
    this.#house = new House({
      threads: THREADS,
      clock,
      folder: config.dataDir,
      masterKey: this.#setup.masterKey,
      acceptLoss: options.acceptLoss,
      webhookBacklogMs: config.limits.webhookBacklogMs,
      onCommit: (commit) => this.#committed(commit),
      onJournalCommit: (commitMs) => this.#metrics.journalCommitSeconds.observe(commitMs / 1000),
      onOverflow: () => this.#metrics.overflows.add(1, { queue: 'journal' }),
      onFailure: (error) => this.#fail(error),
    })
  }

  /** Throws, with everything closed again, where any part does not start. */
  async start(): Promise<StartedGateway> {
    try {
      return await this.#start()
    } catch (error) {
      this.#house.abandon()
      await this.#stack.disposeAsync().catch(() => {})
      throw error
    }
  }

  /** Takes no more, finishes what is under way, closes everything. Safe to call twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #start(): Promise<StartedGateway> {
    const { log, clock } = this.#options
    this.#stack.defer(watchProcess(this.#metrics, clock))
    const { appliedSeq, journalHead } = await this.#house.open()
    const views = this.#buildReader()
    const lastInputAtMs = this.#readerPart().lastInputAtMs()
    log.info('folder opened', { seq: journalHead, count: journalHead - appliedSeq })
    await this.#declare()
    await this.#holdAfterLoss()
    const newOwnerKey = await this.#firstKey()
    await this.#openSearch()
    await this.#build(views)
    this.#serving = true
    void this.#outboundPart()
      .start(lastInputAtMs)
      .catch((error: Error) => this.#fail(error))
    this.#dutiesPart().start()
    void this.#mediaPart()
      .media.start()
      .catch((error: Error) => this.#fail(error))
    void this.#destructionPart()
      .eraser.start()
      .catch((error: Error) => this.#fail(error))
    const { port } = must(this.#server, 'the server')
    log.info('gateway started', { port, version: packageJson.version })
    return { port, newOwnerKey, setup: this.#setup }
  }

  /** Nothing that happens to the search ends the process, and no start waits for more than its file being opened. */
  async #openSearch(): Promise<void> {
    const { clock, log, config } = this.#options
    this.#search = new SearchClient({
      thread: THREADS.search,
      clock,
      log,
      onSearch: (seconds) => this.#metrics.searchSeconds.observe(seconds),
    })
    await this.#search.open({ folder: config.dataDir, masterKey: this.#setup.masterKey })
  }

  /** What the configuration declares goes into the records, by the same inputs as everything else. */
  async #declare(): Promise<void> {
    const { ask } = this.#house.book
    // Asked for at once: the book takes them in this order, all in one commit instead of one fsync for each.
    await Promise.all([
      ...this.#setup.apps.map(({ id, portfolio }) => ask(declareApp, { id: sourceOf('whatsapp', id), portfolio })),
      ...this.#setup.numbers.map((number) => ask(declareNumber, number)),
      ask(declareSettings, { revoked: REVOKED_AS[this.#options.config.messages.revoked] }),
    ])
  }

  /** Where commits were lost, what waits may have gone out already: it is held before anything is sent. */
  async #holdAfterLoss(): Promise<void> {
    if (!this.#readerPart().isOwed(UNFINISHED_DUTY)) return
    const { ask } = this.#house.book
    let count = 0
    for (let isDone = false; !isDone; ) {
      const done = await ask(holdUnfinished, null)
      count += done.held
      isDone = done.isDone
    }
    this.#options.log.warn('the records had lost commits: what waited to be sent is held', { count })
  }

  /** The first start of a house without a bootstrap token makes an owner's key; the demo's is always the same. */
  async #firstKey(): Promise<string | null> {
    const { ask } = this.#house.book
    const { demo, bootstrapToken } = this.#setup
    if (demo) {
      await ask(addApiKey, { hash: hashApiKey(demo.ownerKey), role: 'owner' })
      return demo.ownerKey
    }
    if (bootstrapToken !== null || this.#readerPart().hasApiKey()) return null
    const key = newApiKey()
    await ask(addApiKey, { hash: hashApiKey(key), role: 'owner' })
    return key
  }

  #buildReader(): Views {
    const views = new Views(
      this.#house.records(),
      this.#house.vault(),
      (channel, type, raw) => must(channelNamed(channel), 'the channel of a message').view(type, raw),
      (channel, type, raw) => must(channelNamed(channel), 'the channel of a message').content(type, raw),
    )
    this.#reader = new Reader(this.#house.records(), views)
    return views
  }

  async #build(views: Views): Promise<void> {
    const { config, clock, log, random } = this.#options
    const reader = this.#readerPart()
    const events = new RecordedEvents(this.#house.records(), views)
    const metrics = this.#metrics
    this.#poll = new EventsPoll(events, clock)
    this.#realtime = createRealtime(
      {
        clock,
        log,
        randomBytes: (size) => new Uint8Array(randomBytes(size)),
        eventLog: events,
        maySee,
        visibilityOf,
        metrics: {
          connections: (count) => metrics.socketConnections.set(count),
          lagSeconds: (seconds) => metrics.socketLagSeconds.observe(seconds),
          delivered: (events) => metrics.socketEvents.add(events),
          closed: (reason) => metrics.socketCloses.add(1, { outcome: reason }),
          refused: (reason) => metrics.socketRefusals.add(1, { outcome: reason }),
          // How often the hub had to read back is seen in its effect, the lag.
          logRead: () => {},
        },
      },
      { origins: () => this.#origins() },
    )
    this.#outbound = new Outbound(
      {
        clock,
        log,
        random,
        ask: this.#house.book.ask,
        reader,
        dispatcher: this.#dispatcher,
        send: (departure) => this.#send(departure),
        metrics: {
          sent: (outcome) => metrics.sends.add(1, { outcome }),
          waited: (messageClass, ms) =>
            metrics.sendWaitSeconds.observe(Math.max(0, ms) / 1000, { class: messageClass }),
          overflow: () => metrics.overflows.add(1, { queue: 'dispatch' }),
        },
      },
      { doubtWaitMs: doubtWaitsOf(config), queueMax: config.limits.queueMax },
    )
    this.#duties = new Duties({
      clock,
      log,
      ask: this.#house.book.ask,
      reader,
      caughtUp: () => this.#house.inbound.caughtUp(),
      eventsKeepMs: config.storage.eventsKeepDays * DAY_MS,
      keepHouse: async () => {
        await this.#destructionPart().endJournalDays()
        if (this.#clockTrust.isTrusted()) await this.#mediaPart().media.keepHouse()
      },
    })
    this.#media = this.#createMedia()
    this.#destruction = this.#createDestruction()
    this.#collectMetrics(reader)
    await this.#listen(reader)
  }

  #createMedia(): MediaParts {
    const { config, clock, log, random } = this.#options
    const metrics = this.#metrics
    return createMedia({
      clock,
      log,
      random,
      house: this.#house,
      ask: this.#house.book.ask,
      fetch: this.#clockTrust.fetch,
      dataDir: config.dataDir,
      graphUrl: () => this.#options.graphUrl,
      settings: config.media,
      allowPrivate: config.allowPrivate,
      appOf: (name) => this.#setup.apps.find(({ id }) => id === name),
      metrics: {
        ended: (outcome) => metrics.mediaFetches.add(1, { outcome }),
        received: (bytes) => metrics.mediaBytes.add(bytes),
      },
    })
  }

  #createDestruction(): Destruction {
    const { clock, log } = this.#options
    return new Destruction({
      house: this.#house,
      clock,
      log,
      clockTrust: this.#clockTrust,
      scanThread: THREADS.scan,
      search: () => this.#search,
      forgetEvents: () => this.#realtime?.forget(),
      isServing: () => this.#serving,
      metrics: {
        erasure: (state) => this.#metrics.erasures.add(1, { state }),
        daysEnded: (count) => this.#metrics.journalDaysEnded.add(count),
      },
    })
  }

  async #listen(reader: Reader): Promise<void> {
    const { config, clock, log, simulatorUrl } = this.#options
    const metrics = this.#metrics
    const keys = new ApiKeys({
      roleOf: (hash) => reader.apiKeyRole(hash),
      bootstrapToken: this.#setup.bootstrapToken,
    })
    const principalOf = (authorization: string | null) => keys.principalOf(authorization)
    const operations = {
      log,
      version: packageJson.version,
      readiness: () => this.#readiness(),
      metrics: async () => ({ text: await metrics.render(), contentType: metrics.contentType }),
      principalOf,
    }
    const hashKey = must(this.#house.vault().findNamedKey('upstream'), 'the hash key')
    const ofRoutes = {
      clock,
      log,
      principalOf,
      count: (route: string, status: number, seconds: number) => {
        metrics.httpRequests.add(1, { route, status: String(status) })
        metrics.httpRequestSeconds.observe(seconds, { route })
      },
      ask: this.#house.book.ask,
    }
    const { reader: mediaReader, open } = this.#mediaPart()
    const media = mediaRoutes({ ...ofRoutes, reader: mediaReader, open, thumbnailName })
    const api = apiRoutes({
      ...ofRoutes,
      reader,
      notices: new NoticeReader(this.#house.records(), this.#house.vault()),
      search: (ask, principal) => this.#searchPart().search(ask, principal),
      events: must(this.#poll, 'the poll'),
      tickets: this.#realtimePart().tickets,
      channel: must(channelNamed('whatsapp'), 'the channel'),
      deadlineMs: config.dispatch.deadlineMs,
      hash: (text) => keyedHash(hashKey, 'request', text),
      predict: (messageClass) => this.#outboundPart().predict(messageClass),
      explain: (messageId) => this.#outboundPart().explain(messageId),
      isAccepting: () => this.#serving,
    })
    const erasures = erasureRoutes({
      ...ofRoutes,
      reader,
      erasures: new ErasureReader(this.#house.records()),
      erase: (contactId, by) => this.#destructionPart().eraser.begin(contactId, by),
    })
    const webhooks = webhookRoutes({
      clock,
      log,
      apps: this.#webhookApps(),
      isReady: () => this.#serving && this.#house.isStoring().journal,
      accept: (source, body) => this.#house.inbound.accept(source, body),
      bodyBytesMax: config.limits.webhookBodyBytesMax,
      count: (outcome, seconds) => {
        metrics.webhooks.add(1, { outcome })
        if (outcome === 'stored') metrics.webhookSeconds.observe(seconds)
      },
    })
    const pages = [
      await consoleRoutes(simulatorUrl),
      documentationRoutes(packageJson.version, config.http.publicUrl ?? ''),
    ]
    this.#server = startServer({
      hostname: config.http.host,
      port: config.http.port,
      routes: [webhooks, api, media, erasures, operationsRoutes(operations), ...pages],
      realtime: this.#realtimePart(),
      log,
    })
    const listen = config.http.operationsListen
    if (listen) {
      const server = Bun.serve({
        hostname: listen.host,
        port: listen.port,
        // Bun's default lets a second process share the port in silence.
        reusePort: false,
        fetch: operationsFetch(operations),
      })
      this.#stack.defer(() => server.stop(true))
    }
    await this.#control()
  }

  /** Commands of the command line reach the running house through a socket in the folder. */
  async #control(): Promise<void> {
    const { config, clock, log } = this.#options
    const control = await startControl({
      folder: config.dataDir,
      log,
      erase: (who) => eraseWhole(this.#house, this.#destructionPart().eraser, who),
      changeMasterKey: (next) => this.#destructionPart().changeMasterKey(next),
      rebuildSearch: () => this.#searchPart().rebuild(),
      replay: async (ask) => {
        const journal = this.#house.journalReader()
        try {
          return await replay(
            {
              ask: this.#house.book.ask,
              journal,
              append: (entry) => this.#house.inbound.accept(entry.source, entry.body),
              nowMs: () => clock.epochMs(),
            },
            ask,
          )
        } finally {
          journal.close()
        }
      },
    })
    this.#stack.defer(() => control.stop())
  }

  #committed(commit: Commit): void {
    const metrics = this.#metrics
    metrics.bookCommitSeconds.observe(commit.commitMs / 1000)
    metrics.bookBatchInputs.observe(commit.inputs)
    metrics.eventsOffset.set(commit.head)
    this.#options.log.together(() => {
      for (const wake of commit.wakes) this.#note(wake)
    })
    this.#outbound?.hear(commit.wakes)
    this.#duties?.hear(commit.wakes)
    this.#media?.media.hear(commit.wakes)
    this.#search?.hear(this.#house.inbound.lagMs())
    this.#realtime?.wake()
    this.#poll?.wake()
  }

  /** The line and the figures of one thing that a commit did. */
  #note(wake: Wake): void {
    switch (wake.kind) {
      case 'message':
        this.#metrics.messages.add(1, { direction: wake.direction, state: 'received' })
        this.#options.log.info('message', {
          number: this.#outbound?.number(wake.numberId)?.alias ?? '',
          message: showId('message', wake.messageId),
          direction: wake.direction,
          ms: Math.max(0, this.#options.clock.epochMs() - wake.sinceMs),
        })
        return
      case 'state':
        if (wake.resend) this.#metrics.resends.add(1)
        else this.#metrics.messages.add(1, { direction: 'out', state: wake.state })
        return
      case 'kept':
        this.#metrics.unknownItems.add(1, { kind: wake.what })
        return
      case 'notice':
        this.#metrics.notices.add(1, { severity: wake.severity })
        if (wake.severity === 'info') return
        this.#options.log[wake.severity === 'critical' ? 'error' : 'warn']('notice', {
          field: wake.field,
          event: wake.event ?? '',
        })
        return
      default:
    }
  }

  async #send(departure: Departure): Promise<SendOutcome> {
    const app = this.#setup.apps.find(({ id }) => id === departure.app)
    if (!app) {
      return { kind: 'refused', code: null, reason: 'app_not_configured', pauses: 'number', closesWindow: false }
    }
    return await must(channelNamed(departure.channel), 'the channel of a number').send(
      {
        graphUrl: this.#options.graphUrl,
        graphVersion: app.graphVersion,
        accessToken: app.accessToken,
        accountId: departure.account,
        to: departure.to,
        groupId: departure.groupId,
        content: departure.content,
        correlation: departure.correlation,
        timeoutMs: this.#options.sendTimeoutMs ?? SEND_TIMEOUT_MS,
      },
      this.#clockTrust.fetch,
    )
  }

  #collectMetrics(reader: Reader): void {
    const metrics = this.#metrics
    metrics.collect(() => {
      const stats = this.#dispatcher.stats(this.#options.clock.monoMs())
      metrics.applyLagSeconds.set(this.#house.inbound.lagMs() / 1000)
      metrics.searchBehindMessages.set(this.#searchPart().state().behind)
      metrics.laterBodies.set(reader.laterCount())
      metrics.quarantinedItems.set(reader.quarantinedCount())
      metrics.mediaWaiting.set(this.#mediaPart().reader.waitingCount())
      metrics.erasuresRunning.set(this.#destructionPart().eraser.count())
      metrics.limitUsedRatio.reset()
      for (const [messageClass, count] of Object.entries(stats.waiting)) {
        metrics.queueMessages.set(count, { class: messageClass as MessageClass })
      }
      for (const number of stats.numbers) {
        const alias = this.#outbound?.number(number.numberId)?.alias ?? ''
        metrics.limitUsedRatio.set(number.limitUsedRatio, { number: alias })
      }
    })
  }

  #webhookApps(): Map<string, WebhookApp> {
    const channel = must(channelNamed('whatsapp'), 'the channel')
    return new Map(
      this.#setup.apps.map(({ id, secrets, verifyToken }) => [
        sourceOf('whatsapp', id),
        { id, channel, secrets, verifyToken },
      ]),
    )
  }

  #readiness() {
    const storing = this.#house.isStoring()
    const checks = { serving: this.#serving, journal: storing.journal, book: storing.book && !this.#fatal }
    return { ready: Object.values(checks).every(Boolean), checks }
  }

  /** Pages that may open sockets: where the house is seen, and while that is not set, this machine. */
  #origins(): string[] {
    const { http } = this.#options.config
    if (http.publicUrl !== undefined) return [new URL(http.publicUrl).origin, ...http.origins]
    const port = this.#server?.port ?? http.port
    return [`http://localhost:${port}`, `http://127.0.0.1:${port}`, `http://[::1]:${port}`, ...http.origins]
  }

  #readerPart(): Reader {
    return must(this.#reader, 'the reader')
  }
  #realtimePart(): Realtime {
    return must(this.#realtime, 'the sockets')
  }
  #outboundPart(): Outbound {
    return must(this.#outbound, 'the outbound relay')
  }
  #mediaPart(): MediaParts {
    return must(this.#media, 'the media')
  }
  #destructionPart(): Destruction {
    return must(this.#destruction, 'what destroys')
  }
  #searchPart(): SearchClient {
    return must(this.#search, 'the search')
  }
  #dutiesPart(): Duties {
    return must(this.#duties, 'the duties')
  }

  /** Ready goes first, so that a proxy stops sending; then what is under way; then what was said; then the files. */
  async #stop(): Promise<void> {
    this.#serving = false
    this.#options.log.info('stopping')
    this.#duties?.stop()
    this.#poll?.stop()
    if (!this.#fatal) await this.#destruction?.eraser.stop()
    // A book that has failed can take no outcome in: nothing is worth waiting for.
    await Promise.all([
      this.#fatal ? undefined : this.#outbound?.drain(),
      this.#realtime?.drain(),
      this.#media?.media.stop(),
    ])
    await new Promise<void>((resolve) => this.#options.clock.after(LAST_ANSWERS_MS, resolve))
    await this.#server?.stop()
    await this.#stack.disposeAsync()
    await this.#search?.close()
    if (!this.#fatal) await this.#house.close()
    this.#options.log.info('stopped')
  }

  #fail(error: Error): void {
    this.#fatal = true
    this.#serving = false
    this.#options.onFatal(error)
  }
}

/** The operator's words, and what is said of a message. */
const REVOKED_AS = { keep: 'kept', hide: 'hidden', delete: 'deleted' } as const

function doubtWaitsOf(config: Config): Record<MessageClass, number> {
  const { urgent, reply, notice, bulk } = config.dispatch.inDoubtWaitS
  return { urgent: urgent * 1000, reply: reply * 1000, notice: notice * 1000, bulk: bulk * 1000 }
}
