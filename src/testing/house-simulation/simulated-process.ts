import { join } from 'node:path'
import { channelNamed } from '../../channels/registry.ts'
import { must } from '../../core/assert.ts'
import { canonicalJson } from '../../core/canonical-json.ts'
import { pause } from '../../core/clock.ts'
import { Failure, failureFrom } from '../../core/failure.ts'
import type { Log } from '../../core/log.ts'
import type { MessageClass } from '../../core/message.ts'
import { MAIN_WORKSPACE } from '../../core/principal.ts'
import { RecordTime } from '../../core/record-time.ts'
import { Dispatcher } from '../../dispatch/dispatcher.ts'
import { EventsPoll } from '../../http/events-poll.ts'
import { readSendRequest } from '../../http/send-request.ts'
import { eventTextFor } from '../../people/mask.ts'
import { maySee, visibilityOf } from '../../people/may-see.ts'
import { silentRealtimeMetrics } from '../../realtime/metrics.ts'
import { createRealtime, type Realtime } from '../../realtime/realtime.ts'
import type { Answer, Commit } from '../../records/book.ts'
import { RecordedEvents } from '../../records/event-log.ts'
import type { Ask } from '../../records/inputs.ts'
import { type DeclareNumber, declareApp, declareNumber } from '../../records/number.ts'
import { openRecordsReadonly } from '../../records/open.ts'
import { queueMessage } from '../../records/queue-message.ts'
import { Reader } from '../../records/reader.ts'
import type { Departure } from '../../records/send-message.ts'
import { declareSettings } from '../../records/setting.ts'
import { Views } from '../../records/views.ts'
import { Duties } from '../../relay/duties.ts'
import { Inbound } from '../../relay/inbound.ts'
import { BULK_HEADS_MAX, Outbound } from '../../relay/outbound.ts'
import { replay } from '../../relay/replay.ts'
import type { Db } from '../../storage/database.ts'
import { keyedHash } from '../../vault/sealing.ts'
import { Vault } from '../../vault/vault.ts'
import type { FakeClock } from '../fake-clock.ts'
import type { Chance } from './chance.ts'
import { ProcessClock } from './process-clock.ts'
import { MASTER_KEY, StorageSide } from './storage-side.ts'
import type { Step } from './trace.ts'

export const APP = 'main'
const SOURCE = `whatsapp/${APP}`
export const PORTFOLIO = 'acme'
export const ACCESS_TOKEN = 'simulated-access-token'
export const SEND_TIMEOUT_MS = 15_000

const DEADLINE_MS: Readonly<Record<MessageClass, number>> = {
  urgent: 60_000,
  reply: 30_000,
  notice: 3_600_000,
  bulk: 86_400_000,
}
/** Bulk's day is shortened: the end of a run waits for every doubt. */
const DOUBT_WAIT_MS: Readonly<Record<MessageClass, number>> = {
  urgent: 20_000,
  reply: 120_000,
  notice: 120_000,
  bulk: 600_000,
}
const WEBHOOK_BACKLOG_MS = 500
const LAST_ANSWERS_MS = 100
const QUEUE_MAX = 1000
const EVENTS_KEEP_MS = 8 * 86_400_000

export interface ProcessOptions {
  folder: string
  epoch: string
  world: FakeClock
  wallOffsetMs(): number
  chance: Chance
  numbers: readonly DeclareNumber[]
  /** The network, as this process reaches it. */
  fetch(process: SimulatedProcess, url: string, init: RequestInit): Promise<Response>
  /** A part of a living process failed. */
  onFailure(what: string): void
  /** A part gave up because the disk is full, and ends the process: the next life may find space. */
  onFatal(): void
  onCommit(commit: Commit): void
}

interface Waiter {
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** Who hears of commits. Each hears all of them in order, one a step, so that a crash can fall between any two. */
const HEARERS = ['inbound', 'outbound', 'duties', 'sockets', 'poll'] as const
type Hearer = (typeof HEARERS)[number]

/** One life of the house: what gateway.ts and house.ts build, on steps instead of threads. */
export class SimulatedProcess {
  readonly clock: ProcessClock
  readonly storage: StorageSide
  readonly reader: Reader
  readonly events: RecordedEvents
  readonly records: Db
  readonly vault: Vault
  isAlive = true
  isServing = false
  /** Since the disk was full in this life, parts may say in the log that something was refused. */
  wasDiskFull = false
  isDiskFull = false
  realtime: Realtime | undefined
  poll: EventsPoll | undefined
  readonly #options: ProcessOptions
  readonly #inbound: Inbound
  readonly #dispatcher: Dispatcher
  readonly #waiting = new Map<number, Waiter>()
  readonly #unheard: Record<Hearer, (() => void)[]> = { inbound: [], outbound: [], duties: [], sockets: [], poll: [] }
  #appended: (() => void)[] = []
  #laterTurns: (() => void)[] = []
  #outbound: Outbound | undefined
  #duties: Duties | undefined
  readonly #time: RecordTime
  #nextCommand = 1

  constructor(options: ProcessOptions) {
    this.#options = options
    const { folder, epoch, chance } = options
    this.clock = new ProcessClock(options.world, options.wallOffsetMs)
    this.#time = new RecordTime(this.clock)
    this.#dispatcher = new Dispatcher({ messagesMax: QUEUE_MAX, bulkHeadsMax: BULK_HEADS_MAX })
    this.storage = new StorageSide({
      folder,
      epoch,
      clock: this.clock,
      chance,
      onCommit: (commit) => this.#committed(commit),
      onAppended: (entries, answer) => {
        this.#appended.push(() => {
          answer()
          this.#inbound.noteAppended(must(entries.at(-1), 'an entry').seq)
          this.storage.book.offer(entries)
        })
      },
      onFailure: (error) => this.#failed('the book', error),
    })
    this.#inbound = new Inbound(
      { clock: this.clock, append: (entry) => this.storage.append(entry) },
      WEBHOOK_BACKLOG_MS,
    )
    const { journalHead, book } = this.storage
    if (journalHead > book.appliedSeq()) this.#inbound.noteAppended(journalHead)
    this.records = openRecordsReadonly(join(folder, 'records.db'))
    this.vault = new Vault(join(folder, 'vault.db'), MASTER_KEY, { readonly: true })
    const views = new Views(
      this.records,
      this.vault,
      (channel, type, raw) => must(channelNamed(channel), 'the channel').view(type, raw),
      (channel, type, raw) => must(channelNamed(channel), 'the channel').content(type, raw),
    )
    this.reader = new Reader(this.records, views)
    this.events = new RecordedEvents(this.records, views)
    void this.#start().catch((error: unknown) => this.#failed('the start', error))
  }

  readonly ask: Ask = (command, args) => {
    const id = this.#nextCommand++
    return new Promise((resolve, reject) => {
      // Nothing that a dead process still tries comes to anything.
      if (!this.isAlive) return
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      if (!this.storage.submit({ id, name: command.name, args: structuredClone(args) })) {
        this.#options.onFailure('too many commands wait')
      }
    })
  }

  /** What is ready to happen inside. */
  steps(): Step[] {
    const steps = this.storage.steps()
    for (const hearer of HEARERS) {
      const next = this.#unheard[hearer][0]
      if (next) steps.push({ name: `${hearer} hears`, weight: 10, run: () => this.#unheard[hearer].shift()?.() })
    }
    if (this.#appended.length > 0) {
      steps.push({ name: 'the journal answers', weight: 10, run: () => this.#appended.shift()?.() })
    }
    if (this.#laterTurns.length > 0) {
      steps.push({ name: 'a later turn', weight: 10, run: () => this.#laterTurns.shift()?.() })
    }
    if (this.clock.nextDelayMs() === 0) steps.push({ name: 'a timer', weight: 10, run: () => this.clock.fire() })
    return steps
  }

  /** Takes a webhook's body as http/webhooks.ts does after the signature was found right. */
  async accept(body: Uint8Array): Promise<void> {
    if (!this.isServing) throw new Failure('unavailable', 'Not ready')
    await this.#inbound.accept(SOURCE, body)
  }

  /** `POST /api/v1/messages`: what http/api.ts does with the body. */
  async send(body: Record<string, unknown>, idempotencyKey: string): Promise<{ id: string; repeated: boolean }> {
    if (!this.isServing) throw new Failure('unavailable', 'Not ready')
    const channel = must(channelNamed('whatsapp'), 'the channel')
    const request = readSendRequest(body, channel, { deadlineMs: DEADLINE_MS, idempotencyKey })
    const hashKey = must(this.vault.findNamedKey('upstream'), 'the hash key')
    const hash = (text: string) => keyedHash(hashKey, 'request', text)
    const { repeated, answer } = await this.ask(queueMessage, {
      workspaceId: MAIN_WORKSPACE,
      recipient: request.recipient,
      sender: request.sender,
      type: request.prepared.type,
      content: request.prepared.content,
      class: request.class,
      numberIds: null,
      answersIn: null,
      deadlineMs: request.deadlineMs,
      whenInDoubt: request.whenInDoubt,
      reference: request.reference,
      callerData: request.callerData,
      idempotency: { keyHash: hash(`key:${idempotencyKey}`), requestHash: hash(`body:${canonicalJson(body)}`) },
      ...(this.#outbound?.predict(request.class, () => true) ?? { predictions: [], hasRoom: request.class === 'bulk' }),
    })
    return { id: answer.id, repeated }
  }

  get deadlineMs(): Readonly<Record<MessageClass, number>> {
    return DEADLINE_MS
  }

  /** SIGTERM: what gateway.ts does, up to the closing of the files. Resolves when those may be closed. */
  async stop(): Promise<void> {
    this.isServing = false
    this.#duties?.stop()
    await Promise.all([this.#outbound?.drain(), this.realtime?.drain()])
    await pause(this.clock, LAST_ANSWERS_MS)
  }

  /** Space goes and comes back. */
  setDiskFull(isFull: boolean): void {
    this.isDiskFull = isFull
    this.wasDiskFull ||= isFull
    if (isFull) this.storage.fillDisk()
    else this.storage.freeDisk()
  }

  /** Gives in again what is in quarantine, as the operator's command does. */
  async replay(): Promise<void> {
    await replay(
      {
        ask: this.ask,
        journal: this.storage.reader,
        append: (entry) => this.#inbound.accept(entry.source, entry.body),
        nowMs: () => this.clock.epochMs(),
      },
      { kind: 'quarantine' },
    )
  }

  /** Whether nothing is under way inside, timers apart. */
  isIdle(): boolean {
    return this.storage.isIdle() && this.steps().length === 0
  }

  /** From now on nothing that it does reaches anything. Its files stay as they are. */
  die(): void {
    this.isAlive = false
    this.isServing = false
    this.clock.stop()
    for (const hearer of HEARERS) this.#unheard[hearer].length = 0
    this.#appended.length = 0
    this.#laterTurns.length = 0
  }

  /** Gives the files of a dead process free. */
  bury(): void {
    this.records.close()
    this.vault.close()
    this.storage.close()
  }

  async #start(): Promise<void> {
    const lastInputAtMs = this.reader.lastInputAtMs()
    this.#time.note(lastInputAtMs)
    await this.ask(declareApp, { id: SOURCE, portfolio: PORTFOLIO })
    // An event of what is hidden changes by design; all others must not.
    await this.ask(declareSettings, { revoked: 'kept' })
    for (const number of this.#options.numbers) await this.ask(declareNumber, number)
    this.#build()
    this.isServing = true
    must(this.#outbound, 'the outbound relay')
      .start(lastInputAtMs)
      .catch((error: unknown) => this.#failed('the outbound relay', error))
    this.#duties?.start()
  }

  #build(): void {
    const { clock, ask, reader, events } = this
    const { chance } = this.#options
    const log = this.#log()
    this.poll = new EventsPoll(events, clock, {
      renewed: (principal) => principal,
      renew: (principal) => principal,
      changeText: () => null,
    })
    this.realtime = createRealtime(
      {
        clock,
        log,
        randomBytes: (size) => new Uint8Array(Array.from({ length: size }, () => chance.between(0, 255))),
        eventLog: events,
        maySee,
        textOf: eventTextFor,
        renew: (viewer) => viewer,
        visibilityOf,
        metrics: silentRealtimeMetrics,
        laterTurn: (run) => {
          if (this.isAlive) this.#laterTurns.push(run)
        },
      },
      { origins: () => [] },
    )
    this.#outbound = new Outbound(
      {
        clock,
        time: this.#time,
        log,
        random: chance.random,
        ask,
        reader,
        dispatcher: this.#dispatcher,
        send: (departure) => this.#send(departure),
        metrics: { sent() {}, waited() {}, overflow() {} },
      },
      { doubtWaitMs: () => DOUBT_WAIT_MS, queueMax: QUEUE_MAX },
    )
    this.#duties = new Duties({
      clock,
      time: this.#time,
      log,
      ask,
      reader,
      caughtUp: () => this.#inbound.caughtUp(),
      eventsKeepMs: () => EVENTS_KEEP_MS,
      keepHouse: async () => {},
    })
  }

  #send(departure: Departure) {
    return must(channelNamed(departure.channel), 'the channel').send(
      {
        graphUrl: 'https://graph.example',
        graphVersion: 'v25.0',
        accessToken: ACCESS_TOKEN,
        accountId: departure.account,
        to: departure.to,
        groupId: departure.groupId,
        content: departure.content,
        correlation: departure.correlation,
        timeoutMs: SEND_TIMEOUT_MS,
      },
      (url, init) => this.#options.fetch(this, url, init),
    )
  }

  #committed(commit: Commit): void {
    if (!this.isAlive) return
    this.#options.onCommit(commit)
    const copy = structuredClone(commit)
    this.#time.note(copy.lastInputAtMs)
    this.#unheard.inbound.push(() => this.#inbound.noteApplied(copy.appliedSeq))
    this.#unheard.outbound.push(() => this.#outbound?.hear(copy.wakes))
    // The relay has heard of a commit before it gets that commit's answers.
    this.#unheard.outbound.push(() => {
      for (const answer of copy.answers) this.#give(answer)
    })
    this.#unheard.duties.push(() => this.#duties?.hear(copy.wakes))
    this.#unheard.sockets.push(() => this.realtime?.wake())
    this.#unheard.poll.push(() => this.poll?.wake())
  }

  #give(answer: Answer): void {
    const waiter = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('failure' in answer) waiter?.reject(failureFrom(answer.failure))
    else waiter?.resolve(answer.value)
  }

  /** The parts report what they cannot help in the log; here that is a finding. */
  #log(): Log {
    return {
      together: (work) => work(),
      debug() {},
      info() {},
      warn() {},
      error: (phrase, fields) => {
        if (this.wasDiskFull && fields?.error === 'Failure') return
        if (this.isAlive) this.#options.onFailure(`the log says: ${phrase} ${JSON.stringify(fields ?? {})}`)
      },
    }
  }

  #failed(part: string, error: unknown): void {
    if (!this.isAlive) return
    if (this.wasDiskFull && error instanceof Failure && error.code === 'unavailable') return this.#options.onFatal()
    this.#options.onFailure(
      `${part} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    )
  }
}
