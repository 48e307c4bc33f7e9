import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CrashPoint, onCrashPoint } from '../../core/crash-point.ts'
import type { DeclareNumber } from '../../records/number.ts'
import { Platform } from '../../simulator/platform.ts'
import { FakeClock } from '../fake-clock.ts'
import { Acts } from './acts.ts'
import { Audit, PLAIN_MARK, plainTextIn } from './audit.ts'
import { Chance } from './chance.ts'
import { APP_SECRET, Network } from './network.ts'
import { PollReader, SocketReader } from './readers.ts'
import { ACCESS_TOKEN, APP, PORTFOLIO, SimulatedProcess } from './simulated-process.ts'
import { Crash, HouseFault, type Step, Trace } from './trace.ts'
import { PHONES, Traffic } from './traffic.ts'

export interface HouseRunOptions {
  /** What the outside does before it falls silent. Default 120. */
  actions?: number
  /** Requests in a second that count as allowed, to see a run fail. Default: the numbers' limit. */
  requestsPerSecondAllowed?: number
  /** Whether customers react to messages, change them and take them back. */
  acts?: boolean
  /** Called with every line of the trace. */
  onLine?(line: string): void
}

/** What one run did. */
export interface HouseRun {
  seed: number
  steps: number
  crashes: number
  virtualMs: number
  webhookItems: number
  sends: number
  events: number
  /** Passed crash points at which the process died. */
  crashedAt: Readonly<Record<string, number>>
  /** The same for every run of a seed. */
  digest: string
}

/** A run that broke a promise. Its message is the whole report: seed, finding, last steps. */
export class HouseRunFailed extends Error {
  readonly seed: number

  constructor(seed: number, finding: string, lines: readonly string[]) {
    super(
      `Seed ${seed}: ${finding}\nThe last steps:\n${lines.join('\n')}\nAgain: bun scripts/simulate-house.ts --seed ${seed} --trace`,
    )
    this.name = 'HouseRunFailed'
    this.seed = seed
  }
}

const LINES_SHOWN = 50
const ACTIONS_DEFAULT = 120
const CRASH_AT_STEP = 0.003
/** Named places are passed often by the book and the journal, and rarely by the reactors. */
const CRASH_AT_POINT = 0.004
const CRASH_AT_RARE_POINT = 0.02
const OFTEN_PASSED = /^(book|journal)\./
const SET_CLOCK_WHILE_DOWN = 0.25
const STOP_AT_STEP = 0.0006
/** The outbound relay's drain waits this long for answers. */
const DRAIN_MS_MAX = 10_000
const JUMP_AT_STEP = 0.0015
/** Steps and time after which a house that is left alone must have come to rest. */
const REST_STEPS_MAX = 30_000
const REST_MS_MAX = 4 * 86_400_000
/** Sums of fractions may fall a hair short of what is due. */
const LEAST_MS = 0.01
const NUMBERS = ['106540352242922', '106540352242923', '106540352242924']

/** Runs the whole house from one seed, and throws `HouseRunFailed` where it breaks a promise. */
export async function runHouse(seed: number, options: HouseRunOptions = {}): Promise<HouseRun> {
  const run = new Run(seed, options)
  try {
    return await run.all()
  } finally {
    onCrashPoint(null)
    run.close()
  }
}

class Run {
  readonly #seed: number
  readonly #options: HouseRunOptions
  readonly #chance: Chance
  readonly #trace: Trace
  readonly #world: FakeClock
  readonly #root: string
  readonly #platform: Platform
  readonly #network: Network
  readonly #traffic: Traffic
  readonly #acts: Acts | null
  readonly #audit: Audit
  readonly #readers: SocketReader[]
  readonly #poll: PollReader
  readonly #limit: number
  readonly #thirdFromLife: number
  readonly #crashedAt: Record<string, number> = {}
  #process: SimulatedProcess | null = null
  #folder = ''
  #lives = 0
  #downUntilMs = 0
  #wallOffsetMs = 0
  #actionsLeft: number
  #isRough = true
  #finding: string | null = null
  #dyingAt: string | null = null
  #stopping: { sinceMs: number; isDone: boolean } | null = null
  #committedUnaudited = false

  constructor(seed: number, options: HouseRunOptions) {
    this.#seed = seed
    this.#options = options
    this.#trace = new Trace(options.onLine)
    this.#chance = new Chance(seed)
    this.#actionsLeft = options.actions ?? ACTIONS_DEFAULT
    this.#root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'gatehouse-simulation-'))
    // Some runs begin shortly before midnight: the journal's day ends on the way.
    const startMs = this.#chance.is(0.4)
      ? 86_400_000 - this.#chance.between(1000, 120_000)
      : this.#chance.between(0, 86_400_000)
    this.#world = new FakeClock(Date.UTC(2026, 10, 22) + startMs)
    this.#thirdFromLife = this.#chance.between(2, 20)
    this.#limit = this.#chance.of([3, 5, 10, 80])
    this.#platform = new Platform({
      numbers: NUMBERS.map((phoneNumberId, index) => ({
        phoneNumberId,
        display: `+1555078388${index}`,
        alias: `number-${index}`,
        wabaId: '102290129340398',
      })),
      accessToken: ACCESS_TOKEN,
      appSecret: APP_SECRET,
      clock: this.#world,
      random: this.#chance.random,
      settings: { messagesPerSecond: this.#limit, webhookRetryMs: 2000, webhookRetryMsMax: 60_000 },
    })
    const note = (what: string) => this.#trace.note(what)
    const fail = (what: string) => this.#fail(what)
    this.#audit = new Audit({ fail, note })
    const process = () => this.#process
    this.#network = new Network({
      world: this.#world,
      chance: this.#chance,
      platform: this.#platform,
      process,
      onAcknowledged: (updates) => this.#audit.acknowledged(updates),
      onNonsense: (body) => this.#audit.nonsense(body),
      note,
    })
    const witness = { sees: (who: string, event: { offset: number }) => this.#audit.sees(who, event), fail }
    this.#readers = ['socket 1', 'socket 2', 'socket 3'].map((name) => new SocketReader(name, 0, witness))
    this.#poll = new PollReader(witness)
    this.#acts = options.acts ? new Acts({ chance: this.#chance, platform: this.#platform, note, fail }) : null
    this.#traffic = new Traffic({
      acts: this.#acts,
      chance: this.#chance,
      platform: this.#platform,
      audit: this.#audit,
      network: this.#network,
      readers: this.#readers,
      poll: this.#poll,
      process,
      note,
      fail,
    })
  }

  async all(): Promise<HouseRun> {
    onCrashPoint((point) => this.#passes(point))
    this.#traffic.openWindows()
    while (this.#actionsLeft > 0) await this.#step()
    await this.#rest()
    await this.#lastLook()
    return {
      seed: this.#seed,
      steps: this.#trace.stepCount,
      crashes: this.#lives - 1,
      virtualMs: this.#world.monoMs(),
      webhookItems: this.#audit.acknowledgedCount,
      sends: this.#platform.sends.total,
      events: this.#audit.head,
      crashedAt: this.#crashedAt,
      digest: this.#trace.digest(),
    }
  }

  close(): void {
    this.#process?.die()
    this.#process?.bury()
    this.#platform.sends.close()
    rmSync(this.#root, { recursive: true, force: true })
  }

  #fail(finding: string): void {
    this.#finding ??= finding
  }

  #throwFinding(): void {
    if (this.#finding === null) return
    throw new HouseRunFailed(this.#seed, this.#finding, this.#trace.last(LINES_SHOWN))
  }

  /** One step, chosen by the seed among what is ready; then everything that follows from it at once. */
  async #step(): Promise<void> {
    if (this.#process === null && this.#world.monoMs() >= this.#downUntilMs) this.#begin()
    else if (this.#process && this.#isRough && this.#chance.is(CRASH_AT_STEP)) this.#crash('between two steps')
    else if (this.#process?.isServing && this.#isRough && this.#chance.is(STOP_AT_STEP)) this.#stop(this.#process)
    else this.#choose()
    await settle()
    // With a full disk the house closes without what the book cannot take.
    if (this.#stopping?.isDone && (this.#process?.isIdle() || this.#process?.isDiskFull)) this.#stopped(this.#stopping)
    if (this.#dyingAt !== null) this.#buried(this.#dyingAt)
    if (this.#committedUnaudited && this.#process) {
      this.#committedUnaudited = false
      await this.#audit.committed(this.#process)
    }
    this.#throwFinding()
  }

  #choose(): void {
    const ready = [...(this.#process?.steps() ?? []), ...this.#network.steps()]
    const steps: Step[] = [
      ...ready,
      { name: 'time passes', weight: ready.length === 0 ? 20 : 1, run: () => this.#passTime(ready.length > 0) },
    ]
    if (this.#actionsLeft > 0) {
      const action = this.#chance.byWeight(this.#traffic.actions)
      const act = () => {
        this.#actionsLeft -= 1
        action.act(this.#process)
      }
      steps.push({ name: action.name, weight: 2, run: act })
    }
    if (this.#isRough && this.#chance.is(JUMP_AT_STEP)) {
      steps.length = 0
      steps.push({ name: 'the wall clock is set', weight: 1, run: () => this.#setWallClock() })
    }
    const step = this.#chance.byWeight(steps)
    this.#note(step.name)
    try {
      step.run()
    } catch (error) {
      if (!(error instanceof Crash))
        this.#fail(`the step threw: ${error instanceof Error ? error.stack : String(error)}`)
    }
  }

  #note(what: string): void {
    this.#trace.step(this.#world.monoMs(), what)
  }

  /** Mostly to the next thing that is due; now and then a little, or long beyond it. No request is overtaken. */
  #passTime(isBusy: boolean): void {
    const chance = this.#chance
    const nowMs = this.#world.monoMs()
    const timerMs = this.#process?.clock.nextDelayMs()
    const dues = [
      timerMs === undefined ? undefined : nowMs + timerMs,
      this.#network.nextDueMs(),
      this.#process ? undefined : this.#downUntilMs,
    ].filter((dueMs) => dueMs !== undefined)
    const nextMs = Math.max(0, Math.min(nowMs + 60_000, ...dues) - nowMs)
    let byMs = Math.max(nextMs, LEAST_MS)
    if (isBusy || (this.#isRough && chance.is(0.3))) byMs = chance.random() * 40
    else if (this.#isRough && chance.is(0.02)) byMs = nextMs + chance.random() * 5000
    else if (this.#isRough && chance.is(0.004)) byMs = nextMs + chance.random() * 3_600_000
    const barrierMs = this.#network.barrierMs()
    if (barrierMs !== undefined) byMs = Math.min(byMs, Math.max(LEAST_MS, barrierMs - nowMs))
    this.#world.advance(byMs)
  }

  #setWallClock(): void {
    const chance = this.#chance
    const byMs = (chance.is(0.8) ? 60_000 : 3_600_000) * (2 * chance.random() - 1)
    this.#wallOffsetMs = chance.is(0.3) ? 0 : this.#wallOffsetMs + byMs
    this.#trace.note(`by ${this.#wallOffsetMs.toFixed(0)} ms from the truth`)
  }

  /** The process starts, from whatever is on the disk. */
  #begin(): void {
    this.#lives += 1
    if (this.#folder === '') {
      this.#folder = join(this.#root, 'life-1')
      mkdirSync(this.#folder)
    }
    this.#note(`life ${this.#lives} begins`)
    try {
      this.#process = new SimulatedProcess({
        folder: this.#folder,
        epoch: 'the-epoch',
        world: this.#world,
        wallOffsetMs: () => this.#wallOffsetMs,
        chance: this.#chance,
        numbers: this.#numbers(),
        fetch: (process, url, init) => this.#network.fetch(process, url, init),
        onFailure: (what) => this.#fail(what),
        onFatal: () => this.#crash('on a full disk'),
        onCommit: () => {
          this.#committedUnaudited = true
        },
      })
    } catch (error) {
      this.#fail(`life ${this.#lives} does not begin: ${error instanceof Error ? error.stack : String(error)}`)
    }
  }

  #numbers(): DeclareNumber[] {
    // The third number is not declared at first: what comes in on it is kept as unclaimed.
    return NUMBERS.slice(0, this.#lives >= this.#thirdFromLife ? 3 : 2).map((account, index) => ({
      channel: 'whatsapp',
      account,
      app: APP,
      portfolio: PORTFOLIO,
      waba: '102290129340398',
      pool: 'support',
      alias: `number-${index}`,
      display: `+1555078388${index}`,
      perSecondMax: this.#limit,
    }))
  }

  /** A named place in the code is passed: perhaps the process dies right there. */
  #passes(point: CrashPoint): void {
    if (this.#dyingAt !== null || !this.#isRough || !this.#process?.isAlive) return
    if (!this.#chance.is(OFTEN_PASSED.test(point) ? CRASH_AT_POINT : CRASH_AT_RARE_POINT)) return
    this.#dyingAt = point
    this.#process.die()
    throw new Crash(point)
  }

  #crash(where: string): void {
    this.#note(`the process dies ${where}`)
    this.#process?.die()
    this.#dyingAt = where
  }

  /** Somebody stops the house as one should; it may still die on the way. */
  #stop(process: SimulatedProcess): void {
    this.#note('the house is told to stop')
    const stopping = { sinceMs: this.#world.monoMs(), isDone: false }
    this.#stopping = stopping
    process.stop().then(
      () => {
        stopping.isDone = true
      },
      (error: unknown) => this.#fail(`the stop failed: ${String(error)}`),
    )
  }

  #stopped({ sinceMs }: { sinceMs: number }): void {
    this.#note('the house has stopped')
    const process = this.#process
    if (process && !process.wasDiskFull && this.#world.monoMs() - sinceMs < DRAIN_MS_MAX) this.#audit.stopped(process)
    process?.die()
    this.#dyingAt = 'after a stop'
  }

  #buried(where: string): void {
    const process = this.#process
    this.#dyingAt = null
    this.#process = null
    this.#stopping = null
    this.#crashedAt[where] = (this.#crashedAt[where] ?? 0) + 1
    this.#trace.note(`died: ${where}`)
    if (!process) return
    this.#traffic.processDied()
    // The copy is made before the connections are closed: closing tidies up what a death leaves lying.
    const left = join(this.#root, `left-${this.#lives}`)
    cpSync(this.#folder, left, { recursive: true, filter: (path) => !path.endsWith('-shm') })
    process.bury()
    rmSync(this.#folder, { recursive: true })
    this.#folder = left
    this.#committedUnaudited = false
    if (this.#chance.is(0.2)) this.#checkSealing()
    if (this.#isRough && this.#chance.is(SET_CLOCK_WHILE_DOWN)) this.#setWallClock()
    this.#downUntilMs =
      this.#world.monoMs() + (this.#chance.is(0.7) ? this.#chance.random() * 300 : this.#chance.random() * 20_000)
  }

  #checkSealing(): void {
    const words = [PLAIN_MARK, ...PHONES, ACCESS_TOKEN, 'words of the caller']
    const found = plainTextIn(this.#folder, words)
    if (found !== undefined) this.#fail(found)
  }

  /** Trouble is over and nobody asks for anything new: all that was promised is brought to its end. */
  async #rest(): Promise<void> {
    this.#isRough = false
    this.#network.isRough = false
    this.#platform.faults.clear()
    const endMs = this.#world.monoMs() + REST_MS_MAX
    for (let steps = 0; ; steps++) {
      const owed = this.#unfinished()
      if (owed === null) return
      if (steps > REST_STEPS_MAX || this.#world.monoMs() > endMs) {
        this.#fail(`the house does not come to rest: ${owed}`)
      }
      if (steps % 50 === 0) {
        this.#trace.note(`still owed: ${owed}`)
        this.#help()
      }
      await this.#step()
    }
  }

  /** Callers ask again, watchers come back. */
  #help(): void {
    const process = this.#process
    if (!process?.isServing) return
    this.#traffic.wrapUp(process)
    for (const reader of this.#readers) {
      reader.unblock()
      if (reader.cursor < this.#audit.head) reader.connect(process)
      // A watcher that has seen all goes: its heartbeats would fill the wait for the last duty.
      else reader.disconnect()
    }
    if (this.#poll.cursor < this.#audit.head) this.#poll.ask(process, 0, 500)
  }

  #unfinished(): string | null {
    const process = this.#process
    if (!process?.isServing) return 'it is not up'
    if (!this.#network.isQuiet()) return 'something is on its way'
    if (!this.#traffic.isAnswered) return 'a caller waits for its answer'
    if (!process.isIdle()) return 'it works'
    const owed = this.#audit.owed(process)
    if (owed.length > 0) return owed.join(', ')
    const behind = [...this.#readers, this.#poll].find(({ cursor }) => cursor < this.#audit.head)
    return behind ? `a watcher is at ${behind.cursor} of ${this.#audit.head}` : null
  }

  async #lastLook(): Promise<void> {
    if (this.#chance.is(0.5)) {
      this.#crash('at the very end')
      this.#downUntilMs = 0
      while (this.#dyingAt !== null || this.#process === null || !this.#process.isServing) await this.#step()
    }
    const process = this.#process
    if (!process) throw new HouseFault('the house is not up at the end')
    await this.#audit.finish(process, this.#platform)
    await this.#acts?.check(process, (id) => this.#audit.isAcknowledged(id))
    this.#checkLimits()
    this.#checkSealing()
    this.#throwFinding()
  }

  #checkLimits(): void {
    for (const { phoneNumberId, alias } of this.#platform.numbers) {
      const { most } = this.#platform.meter(phoneNumberId).attempted
      const limit = this.#options.requestsPerSecondAllowed ?? this.#limit
      if (most > limit) this.#fail(`${alias} made ${most} requests in a second; its limit is ${limit}`)
    }
  }
}

/** Lets everything happen that needs no outside: promises, and what they lead to. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 2; turns++) await new Promise<void>((resolve) => setImmediate(resolve))
}
