/**
 * Gatehouse's ingest beside a bare ceiling and a team's usual choice, on the same bodies, in one run.
 *
 *   bun scripts/bench/ingest.ts [--rows answer,lag,complete,socket] [--seconds 60] [--messages 5000000]
 *                               [--quick] [--folder /var/tmp/gatehouse-bench] [--port 19200] [--statuses 0]
 *
 * Server, load and listener are processes of their own. README.md says what each row is and what came out.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Gauges } from '../../src/run/storm/gauges.ts'
import { fill } from './generate.ts'
import { LOAD_DEFAULTS, type LoadPlan, type LoadResult } from './load.ts'
import { optionsOf } from './options.ts'
import { fillUsual, type Kind, type RunningServer, removeFolder, type ServerOptions, startServer } from './servers.ts'
import type { WatchResult } from './watch.ts'

/** What section 9 of the design demands, in milliseconds and messages a second. */
const APPLY_LAG_S_MAX = 0.5
const ANSWER_RATE = 2_000
const SOCKET_RATE = 1_000
const LAG_RATE = 200
const SLOW_FSYNC_US = 100_000
/** Before each measurement, of every server alike: just-in-time compilers need a moment, and none runs for a minute. */
const WARM_UP = { rate: 1_000, seconds: 3 }
const SEARCH_SECONDS = 8
const SEARCH_STEPS = 5
/** A load that misses this share of its answers did not hold. */
const ANSWERED_SHARE_MIN = 0.999
const BATCH = 10
/** Enough that a moment of delayed answers does not stop the load itself. */
const CONNECTIONS = 512

interface Options {
  rows: readonly string[]
  seconds: number
  messages: number
  folder: string
  port: number
  statusShare: number
}

interface Run extends LoadResult {
  /** Highest age of the oldest unapplied webhook, sampled once a second. */
  lagSecondsMax: number
  /** Items in the records by the end, of those accepted. */
  applied: number
  /** Processor seconds of the whole server. */
  serverCpuSeconds: number
  /** Processors that neither server nor load used: on a machine that does something else a row says little. */
  othersCores: number
}

class Bench {
  readonly #options: Options
  #runs = 0

  constructor(options: Options) {
    this.#options = options
  }

  async run(): Promise<void> {
    const { rows, messages } = this.#options
    if (rows.includes('answer')) await this.#answers('empty')
    if (rows.includes('lag')) await this.#loopLag()
    if (rows.includes('complete')) await this.#completes('empty')
    if (rows.includes('socket')) await this.#socket('empty')
    if (messages === 0) return
    await this.#fill()
    if (rows.includes('answer')) await this.#answers('filled')
    if (rows.includes('complete')) await this.#completes('filled')
    if (rows.includes('socket')) await this.#socket('filled')
  }

  async #answers(state: 'empty' | 'filled'): Promise<void> {
    console.log(
      `\nWebhook answers at ${ANSWER_RATE}/s for ${this.#options.seconds} s, ${this.#nameOf(state)}, milliseconds:`,
    )
    const show = async (kind: Kind, logLevel: 'info' | 'warn' = 'info') => {
      const run = await this.#withServer(kind, { state, logLevel }, (server) =>
        this.#load(server, { rate: ANSWER_RATE, seconds: this.#options.seconds }),
      )
      const name = logLevel === 'warn' ? `${kind}, no log` : kind
      const { p50, p99, p999, max } = run.latency
      console.log(
        `  ${name.padEnd(18)} p50 ${p50}  p99 ${p99}  p99.9 ${p999}  max ${max}   ${statusesOf(run)}  ${cpuOf(run)}`,
      )
    }
    await show('gatehouse')
    await show('gatehouse', 'warn')
    // The ceiling only appends: what is there already changes nothing for it.
    if (state === 'empty') await show('ceiling')
    await show('usual')
  }

  /** How late the main thread's timers are while every fsync takes 100 ms more. */
  async #loopLag(): Promise<void> {
    const inject = `inject=fsync,fdatasync:delay_enter=${SLOW_FSYNC_US}`
    const prefix = [
      'strace',
      '-f',
      '-qq',
      '--seccomp-bpf',
      '-o',
      '/dev/null',
      '-e',
      'trace=fsync,fdatasync',
      '-e',
      inject,
    ]
    await this.#withServer('gatehouse', { state: 'empty', prefix }, async (server) => {
      const before = await Gauges.read(server.origin)
      const run = await this.#load(server, { rate: LAG_RATE, seconds: this.#options.seconds })
      const after = await Gauges.read(server.origin)
      const p99 = after.percentileSince(before, 'loop_lag_seconds', 0.99) * 1000
      console.log(
        `\nLoop lag with every fsync ${SLOW_FSYNC_US / 1000} ms slower, ${LAG_RATE} webhooks/s for ${this.#options.seconds} s: ` +
          `p99 ${p99} ms (of its buckets); answers p50 ${run.latency.p50} ms, ${statusesOf(run)}`,
      )
    })
  }

  /** Complete messages a second that are kept up with. */
  async #completes(state: 'empty' | 'filled'): Promise<void> {
    const { seconds, statusShare } = this.#options
    const mix = statusShare > 0 ? `, ${statusShare * 100} % statuses` : ''
    console.log(`\nMessages a second with apply lag ≤ 500 ms for ${seconds} s${mix}, ${this.#nameOf(state)}:`)
    for (const batch of [1, BATCH]) {
      const ceiling = state === 'empty' ? await this.#flood('ceiling', batch, state) : this.#ceilings.get(batch)
      if (ceiling !== undefined) this.#ceilings.set(batch, ceiling)
      const usual = await this.#flood('usual', batch, state)
      const rate = await this.#withServer('gatehouse', { state }, (server) => this.#highest(server, batch))
      const held = await this.#confirm(state, rate, batch)
      const ratios = [
        ceiling === undefined ? '' : `ceiling ${Math.round(ceiling)}/s (ratio ${(held / ceiling).toFixed(2)})`,
        `usual ${Math.round(usual)}/s (ratio ${(held / usual).toFixed(1)})`,
      ]
      console.log(`  ${batch} a body: gatehouse ${Math.round(held)}/s   ${ratios.join('   ')}`)
    }
  }

  readonly #ceilings = new Map<number, number>()

  /** As much as is answered; what is not told apart from what is stored, since both store before they answer. */
  async #flood(kind: 'ceiling' | 'usual', batch: number, state: 'empty' | 'filled'): Promise<number> {
    const { seconds } = this.#options
    return await this.#withServer(kind, { state }, async (server) => {
      const requestsMax = kind === 'usual' ? 8_000 * seconds : 100_000
      const run = await this.#load(server, { rate: null, seconds, batch, requestsMax, repeat: kind === 'ceiling' })
      return run.items / seconds
    })
  }

  /** Looks for the highest rate that holds: first what it takes when pressed, then up and down from there. */
  async #highest(server: RunningServer, batch: number): Promise<number> {
    const seconds = Math.min(SEARCH_SECONDS, this.#options.seconds)
    const pressed = await this.#load(server, {
      rate: null,
      seconds,
      batch,
      requestsMax: (25_000 / batch) * seconds,
      connections: 64,
    })
    let low = 0
    let high = Math.max(500, pressed.items / seconds) * 1.3
    for (let step = 0; step < SEARCH_STEPS; step++) {
      const rate = low === 0 ? high * 0.7 : (low + high) / 2
      const run = await this.#load(server, { rate: rate / batch, seconds, batch, connections: CONNECTIONS })
      const isHeld = this.#holds(run)
      console.log(`    ${Math.round(rate)}/s ${isHeld ? 'holds' : 'does not hold'}: ${describe(run)}`)
      if (isHeld) low = rate
      else high = rate
    }
    return low
  }

  /** The whole time at the rate that was found, each try on a new folder; a little less where it does not hold after all. */
  async #confirm(state: 'empty' | 'filled', found: number, batch: number): Promise<number> {
    for (let rate = found; rate > found / 2; rate *= 0.92) {
      const load = { rate: rate / batch, seconds: this.#options.seconds, batch, connections: CONNECTIONS }
      const run = await this.#withServer('gatehouse', { state }, (server) => this.#load(server, load))
      const isHeld = this.#holds(run)
      console.log(
        `    ${Math.round(rate)}/s ${isHeld ? 'held' : 'did not hold'} for ${run.seconds} s: ${describe(run)}`,
      )
      if (isHeld) return rate
    }
    return 0
  }

  #holds(run: Run): boolean {
    const due = run.items + run.unanswered
    return (
      run.lagSecondsMax <= APPLY_LAG_S_MAX &&
      refusalsOf(run) === 0 &&
      run.items >= due * ANSWERED_SHARE_MIN &&
      run.applied >= run.items
    )
  }

  async #socket(state: 'empty' | 'filled'): Promise<void> {
    const { seconds } = this.#options
    await this.#withServer('gatehouse', { state }, async (server) => {
      const load = this.#plan(server, { rate: SOCKET_RATE, seconds })
      const watcher = spawn('watch.ts', { origin: server.origin, load })
      const lines = linesOf(watcher.stdout)
      await lines.next()
      const run = await this.#measure(server, load)
      watcher.stdin.write(`${run.startedAtMs}\n`)
      await watcher.stdin.end()
      const { heard, doubled, latency } = JSON.parse((await lines.next()).value ?? '{}') as WatchResult
      console.log(
        `\nWebhook to socket at ${SOCKET_RATE}/s for ${seconds} s, ${this.#nameOf(state)}: p50 ${latency.p50}  p99 ${latency.p99}  ` +
          `p99.9 ${latency.p999}  max ${latency.max} ms; ${heard} of ${run.items} heard, ${doubled} twice; ${statusesOf(run)}`,
      )
    })
  }

  #nameOf(state: 'empty' | 'filled'): string {
    return state === 'empty' ? 'empty folder' : `${this.#options.messages} messages present`
  }

  async #fill(): Promise<void> {
    const folder = join(this.#options.folder, 'filled')
    if (existsSync(join(folder, 'data/records.db')))
      console.log(`\nThe folder ${folder} is there already and is used as it is.`)
    else await fill(folder, this.#options.messages)
    const usual = join(this.#options.folder, 'filled-usual')
    if (!existsSync(usual)) fillUsual(usual, this.#options.messages)
  }

  async #withServer<Result>(
    kind: Kind,
    how: { state: 'empty' | 'filled' } & Pick<ServerOptions, 'logLevel' | 'prefix'>,
    work: (server: RunningServer) => Promise<Result>,
  ): Promise<Result> {
    const filled = kind === 'usual' ? 'filled-usual' : 'filled'
    const folder = join(this.#options.folder, how.state === 'filled' ? filled : 'empty')
    if (how.state === 'empty') removeFolder(folder)
    const server = await startServer(kind, { folder, port: this.#options.port, ...how })
    try {
      await this.#load(server, how.prefix ? { ...WARM_UP, rate: LAG_RATE } : WARM_UP)
      return await work(server)
    } finally {
      await server.stop()
      if (how.state === 'empty') removeFolder(folder)
    }
  }

  #plan(server: RunningServer, load: Partial<LoadPlan>): LoadPlan {
    const { statusShare } = this.#options
    this.#runs += 1
    return {
      ...LOAD_DEFAULTS,
      url: server.url,
      statusShare,
      idPrefix: `${process.pid}.${Date.now()}.${this.#runs}`,
      ...load,
    }
  }

  async #load(server: RunningServer, load: Partial<LoadPlan>): Promise<Run> {
    return await this.#measure(server, this.#plan(server, load))
  }

  async #measure(server: RunningServer, plan: LoadPlan): Promise<Run> {
    const child = spawn('load.ts', plan)
    const lines = linesOf(child.stdout)
    if (server.kind !== 'gatehouse') {
      const result = JSON.parse((await lines.next()).value ?? '{}') as LoadResult
      return { ...result, lagSecondsMax: 0, applied: result.items, serverCpuSeconds: Number.NaN, othersCores: 0 }
    }
    const before = await Gauges.read(server.origin)
    const busyBefore = { seconds: busySeconds(), atMs: performance.now() }
    const sampling = new AbortController()
    const lag = highestLag(server.origin, sampling.signal)
    const result = JSON.parse((await lines.next()).value ?? '{}') as LoadResult
    sampling.abort()
    await untilApplied(server.origin)
    const after = await Gauges.read(server.origin)
    const busy = busySeconds() - busyBefore.seconds
    const since = (series: string) => after.value(series) - before.value(series)
    // Every item is one input; where all are messages, each has to have become one.
    const series = plan.statusShare > 0 ? 'book_batch_inputs_sum' : 'messages_total{direction="in",state="received"}'
    const applied = since(series)
    const serverCpuSeconds = since('process_cpu_seconds_total')
    const others = busy - serverCpuSeconds - result.cpuSeconds
    const othersCores = others / ((performance.now() - busyBefore.atMs) / 1000)
    return { ...result, lagSecondsMax: await lag, applied, serverCpuSeconds, othersCores }
  }
}

/** Processor seconds used by all processes since the machine started. */
function busySeconds(): number {
  const [, ...ticks] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.split(/ +/).map(Number) ?? []
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = ticks
  return (user + nice + system + irq + softIrq) / 100
}

async function highestLag(origin: string, signal: AbortSignal): Promise<number> {
  let highest = 0
  while (!signal.aborted) {
    // The gateway renders its figures at most once a second.
    await Bun.sleep(1_000)
    highest = Math.max(highest, (await Gauges.read(origin)).value('apply_lag_seconds'))
  }
  return highest
}

async function untilApplied(origin: string): Promise<void> {
  const endMs = performance.now() + 60_000
  do await Bun.sleep(1_100)
  while ((await Gauges.read(origin)).value('apply_lag_seconds') > 0 && performance.now() < endMs)
}

function spawn(file: string, plan: object) {
  const command = [process.execPath, join(import.meta.dir, file), JSON.stringify(plan)]
  return Bun.spawn(command, { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' })
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      yield text.slice(0, end)
      text = text.slice(end + 1)
    }
  }
}

function refusalsOf(run: LoadResult): number {
  return Object.entries(run.statuses).reduce((sum, [status, count]) => sum + (status === '200' ? 0 : count), 0)
}

function statusesOf(run: LoadResult): string {
  return `${run.statuses['200'] ?? 0} stored, ${refusalsOf(run)} refused, ${run.unanswered} unanswered`
}

function cpuOf(run: Run): string {
  if (Number.isNaN(run.serverCpuSeconds)) return ''
  return `(${(run.serverCpuSeconds / run.seconds).toFixed(2)} cores, others ${run.othersCores.toFixed(2)})`
}

function describe(run: Run): string {
  return `${statusesOf(run)}, lag ≤ ${Math.round(run.lagSecondsMax * 1000)} ms, answers p99 ${run.latency.p99} ms ${cpuOf(run)}`
}

if (import.meta.main) {
  // A server that outlived its benchmark would keep the port.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
  const words = process.argv.slice(2)
  const isQuick = words.includes('--quick')
  const options = optionsOf(
    words.filter((word) => word !== '--quick'),
    {
      rows: 'answer,lag,complete,socket',
      seconds: isQuick ? '5' : '60',
      messages: isQuick ? '0' : '5000000',
      folder: '/var/tmp/gatehouse-bench',
      port: '19200',
      statuses: '0',
    },
  )
  await new Bench({
    rows: options.rows.split(','),
    seconds: Number(options.seconds),
    messages: Number(options.messages),
    folder: options.folder,
    port: Number(options.port),
    statusShare: Number(options.statuses),
  }).run()
  process.exit(0)
}
