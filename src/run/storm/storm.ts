import { tmpdir } from 'node:os'
import packageJson from '../../../package.json' with { type: 'json' }
import { type CommandContext, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../../cli/commands.ts'
import { type StormOptions, stormOptions } from '../../cli/storm-options.ts'
import type { Config } from '../../config.ts'
import { type Clock, pause, systemClock, toTime } from '../../core/clock.ts'
import { messageOf } from '../../core/failure.ts'
import { ownProgram } from '../own-program.ts'
import type { DeskResult } from './desk-part.ts'
import { Gauges } from './gauges.ts'
import type { Latencies } from './histogram.ts'
import { isCarried, judge, nextLoad, type StepFigures, withinTarget } from './judge.ts'
import type { LoadResult } from './load-part.ts'
import { busyShare, cpuTimes, lookAtMachine, type Machine, processorCount, processSeconds } from './machine.ts'
import { APP, HEAD_START_MS, type StepPlan } from './plan.ts'
import { type Report, reportText } from './report.ts'
import { Sandbox, type StormPart } from './sandbox.ts'

/** Above this share of the processors in the hands of others, the figures say little. */
const BUSY_MAX = 0.15
/** A faster sync than this is none. */
const HONEST_FSYNC_MS = 0.02
const LOOK_MS = 500
const SETTLE_MS_MAX = 20_000
const MS_PER_SECOND = 1000
/** SIGHUP: the terminal was closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Drives a sandbox of its own through rising load and says what it carries. Touches no configured house. */
export async function stormCommand(context: CommandContext<Config>): Promise<number> {
  const options = stormOptions(context.options)
  if (typeof options === 'string') throw new Error('Assertion failed: the options were checked')
  const folder = options.folder ?? tmpdir()
  const sandbox = sandboxIn(folder)
  if (!(sandbox instanceof Sandbox)) {
    context.complain(`No sandbox can be made in ${folder}: ${sandbox.message}`)
    return EXIT_USAGE
  }
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  // Also those that come while all is removed: that takes a moment, and a second Ctrl-C would leave the rest.
  for (const signal of SIGNALS) process.on(signal, onSignal)
  const stopped = new Promise<never>((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(new Error('Stopped; the sandbox is removed')), { once: true })
  })
  stopped.catch(() => {})
  try {
    const report = await Promise.race([new Storm(systemClock, sandbox, options, context.complain).run(), stopped])
    context.print(options.json ? JSON.stringify(report, null, 2) : reportText(report))
    return EXIT_OK
  } catch (error) {
    const ended = stop.signal.aborted ? null : sandbox.whatEnded()
    context.complain(ended ?? messageOf(error))
    return EXIT_FAILED
  } finally {
    await sandbox.close()
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
}

function msText({ count, p99 }: Latencies): string {
  return count === 0 ? 'none' : `${p99} ms`
}

function sandboxIn(folder: string): Sandbox | Error {
  try {
    return new Sandbox(systemClock, ownProgram(), folder)
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** What was read at both ends of a step. */
interface Reading {
  gauges: Gauges
  machine: ReturnType<typeof cpuTimes>
  seconds: { house: number; simulator: number; load: number; desk: number }
}

class Storm {
  readonly #clock: Clock
  readonly #sandbox: Sandbox
  readonly #options: StormOptions
  readonly #say: (line: string) => void
  #pids = { house: 0, simulator: 0, load: 0, desk: 0 }

  constructor(clock: Clock, sandbox: Sandbox, options: StormOptions, say: (line: string) => void) {
    this.#clock = clock
    this.#sandbox = sandbox
    this.#options = options
    this.#say = say
  }

  async run(): Promise<Report> {
    const { origin, secrets, folder } = this.#sandbox
    const load = this.#sandbox.startPart('load')
    // It inherits all this if we are killed: from the first moment on.
    load.tell({ do: 'inherit', pids: [], folder })
    await load.ask({ do: 'begin', url: `${origin}/webhooks/whatsapp/${APP}`, appSecret: secrets.appSecret })
    const machine = await lookAtMachine(this.#clock, folder)
    this.#warn(machine)
    const servers = this.#sandbox.start()
    load.tell({ do: 'inherit', pids: [servers.house, servers.simulator], folder })
    await this.#sandbox.ready()
    const desk = this.#sandbox.startPart('desk')
    this.#pids = { ...servers, load: load.pid, desk: desk.pid }
    await desk.ask({ do: 'begin', origin, key: secrets.ownerKey, sockets: this.#options.sockets })
    const steps = await this.#climb(load, desk)
    return {
      version: packageJson.version,
      at: toTime(this.#clock.epochMs()),
      machine,
      sockets: this.#options.sockets,
      stepSeconds: this.#options.measureMs / MS_PER_SECOND,
      steps,
      judgement: judge(steps),
    }
  }

  #warn({ busyBefore, fsyncMs }: Machine): void {
    if (busyBefore > BUSY_MAX) {
      this.#say(`Others use ${Math.round(busyBefore * 100)} % of this machine: the figures will be worse than its own`)
    }
    if (fsyncMs.p50 < HONEST_FSYNC_MS) {
      this.#say('A synced write takes no time here: this folder may be in memory. --folder names one on the disk')
    }
  }

  async #climb(load: StormPart, desk: StormPart): Promise<StepFigures[]> {
    const steps: StepFigures[] = []
    for (let index = 0; ; ) {
      const next = this.#nextLoad(steps)
      if (next === null) return steps
      const { warmUpMs, measureMs } = this.#options
      const plan = { load: next, warmUpMs, measureMs }
      let figures = await this.#step({ ...plan, index: index++ }, load, desk)
      // Somebody else's second must not decide: what fails is tried once more.
      if (!isCarried(figures)) {
        await this.#settle()
        const again = await this.#step({ ...plan, index: index++ }, load, desk)
        if (isCarried(again) || withinTarget(again) > withinTarget(figures)) figures = again
      }
      steps.push(figures)
      await this.#settle()
    }
  }

  #nextLoad(steps: readonly StepFigures[]): number | null {
    const { loads, first, last, finer } = this.#options
    return loads ? (loads[steps.length] ?? null) : nextLoad(steps, { first, last, finer })
  }

  async #step(plan: StepPlan, load: StormPart, desk: StormPart): Promise<StepFigures> {
    await Promise.all([load.ask({ do: 'prepare', plan }), desk.ask({ do: 'prepare' })])
    const atMs = this.#clock.epochMs() + HEAD_START_MS
    const results = Promise.all([
      load.ask<LoadResult>({ do: 'go', atMs }),
      desk.ask<DeskResult>({ do: 'go', plan, atMs }),
    ])
    results.catch(() => {})
    await pause(this.#clock, HEAD_START_MS + plan.warmUpMs)
    const before = await this.#read()
    const worst = await this.#watch(plan.measureMs)
    const after = await this.#read()
    const figures = this.#figures({ plan, results: await results, before, after, worst })
    const { answer, screen, reply } = figures
    this.#say(
      `${String(plan.load).padStart(6)} a second: p99 ${msText(answer)} answered, ${msText(screen)} on a screen, ${msText(reply)} reply; ${Math.round(figures.cpu.machine * 100)} % CPU${isCarried(figures) ? '' : '; not carried'}`,
    )
    return figures
  }

  async #watch(measureMs: number): Promise<{ lagMs: number; limitUsed: number }> {
    const endMs = this.#clock.monoMs() + measureMs
    const worst = { lagMs: 0, limitUsed: 0 }
    while (this.#clock.monoMs() < endMs) {
      await pause(this.#clock, Math.min(LOOK_MS, endMs - this.#clock.monoMs()))
      const gauges = await this.#gauges()
      // What is refused for want of room says nothing of the load.
      if (gauges.value('ready{check="space"}') === 0) throw new Error(`The disk of ${this.#sandbox.folder} is full`)
      worst.lagMs = Math.max(worst.lagMs, gauges.value('apply_lag_seconds') * MS_PER_SECOND)
      worst.limitUsed = Math.max(worst.limitUsed, ...gauges.all('limit_used_ratio'))
    }
    return worst
  }

  #figures(step: {
    plan: StepPlan
    results: [LoadResult, DeskResult]
    before: Reading
    after: Reading
    worst: { lagMs: number; limitUsed: number }
  }): StepFigures {
    const { plan, results, before, after, worst } = step
    const [webhooks, desk] = results
    // Processor time of all processors together, as the kernel counts it.
    const seconds = (after.machine.allMs - before.machine.allMs) / MS_PER_SECOND
    const used = (name: keyof Reading['seconds']) => after.seconds[name] - before.seconds[name]
    const oneProcessor = seconds / processorCount()
    return {
      load: plan.load,
      answer: webhooks.answer,
      screen: desk.screen,
      reply: desk.reply,
      refused: webhooks.refused + desk.refused,
      unanswered: webhooks.unanswered,
      socketsClosed: desk.socketsClosed,
      applyLagMs: worst.lagMs,
      diskMs: after.gauges.percentileSince(before.gauges, 'journal_commit_seconds', 0.99) * MS_PER_SECOND,
      limitUsed: worst.limitUsed,
      generatorLateMs: webhooks.lateMs,
      cpu: {
        machine: busyShare(before.machine, after.machine),
        house: used('house') / seconds,
        generator: (used('simulator') + used('load') + used('desk')) / seconds,
      },
      generatorBusiest: Math.max(used('simulator'), used('load'), used('desk')) / oneProcessor,
      residentBytes: after.gauges.value('process_resident_memory_bytes'),
    }
  }

  async #read(): Promise<Reading> {
    const { house, simulator, load, desk } = this.#pids
    return {
      gauges: await this.#gauges(),
      machine: cpuTimes(),
      seconds: {
        house: processSeconds(house),
        simulator: processSeconds(simulator),
        load: processSeconds(load),
        desk: processSeconds(desk),
      },
    }
  }

  #gauges(): Promise<Gauges> {
    return Gauges.read(this.#sandbox.origin, this.#sandbox.secrets.ownerKey)
  }

  /** The next step begins with nothing left of the one before. */
  async #settle(): Promise<void> {
    const endMs = this.#clock.monoMs() + SETTLE_MS_MAX
    while (this.#clock.monoMs() < endMs) {
      const gauges = await this.#gauges()
      if (gauges.value('apply_lag_seconds') === 0 && gauges.sum('queue_messages') === 0) return
      await pause(this.#clock, LOOK_MS / 2)
    }
  }
}
