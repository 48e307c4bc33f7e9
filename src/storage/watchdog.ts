import { readFileSync, readlinkSync } from 'node:fs'
import type { Clock } from '../core/clock.ts'

/** How often each thread is asked whether it is there. */
const TICK_MS = 1000
/**
 * A thread that has worked so long since it was asked and has not answered runs in circles: no slice of its work takes
 * more than some milliseconds. Work is what counts, not time: a thread that waits for a slow disk, for a processor that
 * others use, or in a stopped process, does none.
 */
const HANG_WORK_MS = 3000
/** The main thread has longer: it may have to put a large answer together. */
const MAIN_HANG_WORK_MS = 8_000
/**
 * One that does not work and does not answer waits for something, as a rule for the disk: a commit that also checkpoints
 * makes seven syncs, and disks were tried that take 5 s for one. Beyond this it waits for what never comes.
 */
const SILENT_TICKS_MAX = 120
/** Where the system does not say how long a thread has worked. */
const BLIND_TICKS_MAX = 30
/** The clock of /proc: fixed on Linux, whatever the kernel's own is. */
const MS_PER_TICK = 10

export interface Watched {
  name: string
  /** Asks the thread; it answers with the kernel's number of it, null where that is not known. */
  ping(): Promise<number | null>
  /** Called every second, whether the thread answers or not. */
  beat?(): void
  onHang(error: Error): void
  /** Work without an answer that is too much. */
  hangWorkMs?: number
}

/** Asks threads again and again whether they are there, until the answer is called. */
export function watchThreads(
  clock: Clock,
  watched: readonly Watched[],
  workMsOf: (thread: number) => number | undefined = workMsOfThread,
): () => void {
  const watches = watched.map((one) => new Watch(one, workMsOf))
  // At once, since nothing is known of a thread that has never answered.
  for (const watch of watches) watch.tick()
  let cancel = clock.after(TICK_MS, tick)
  function tick() {
    cancel = clock.after(TICK_MS, tick)
    for (const watch of watches) watch.tick()
  }
  return () => cancel()
}

class Watch {
  readonly #watched: Watched
  readonly #workMsOf: (thread: number) => number | undefined
  #thread: number | null = null
  #isAsked = false
  #silentTicks = 0
  #workedMs: number | undefined
  #isOver = false

  constructor(watched: Watched, workMsOf: (thread: number) => number | undefined) {
    this.#watched = watched
    this.#workMsOf = workMsOf
  }

  tick(): void {
    if (this.#isOver) return
    this.#watched.beat?.()
    if (!this.#isAsked) return this.#ask()
    this.#silentTicks += 1
    const workMs = this.#workMs()
    const workedMs = workMs === undefined || this.#workedMs === undefined ? undefined : workMs - this.#workedMs
    const hangs =
      workedMs === undefined
        ? this.#silentTicks >= BLIND_TICKS_MAX
        : workedMs >= (this.#watched.hangWorkMs ?? HANG_WORK_MS)
    if (!hangs && this.#silentTicks < SILENT_TICKS_MAX) return
    this.#isOver = true
    const { name, onHang } = this.#watched
    const how = workedMs === undefined ? '' : `, in which it has worked for ${Math.round(workedMs / 1000)} s`
    onHang(new Error(`The ${name} thread hangs: it has not answered for ${this.#silentTicks} s${how}`))
  }

  #ask(): void {
    this.#isAsked = true
    this.#silentTicks = 0
    this.#workedMs = this.#workMs()
    this.#watched.ping().then(
      (thread) => {
        this.#thread = thread
        this.#isAsked = false
      },
      // A thread that failed is told of elsewhere.
      () => {
        this.#isOver = true
      },
    )
  }

  #workMs(): number | undefined {
    return this.#thread === null ? undefined : this.#workMsOf(this.#thread)
  }
}

/** The kernel's number of the thread that asks; null where there is no /proc. */
export function ownThread(): number | null {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  } catch {
    return null
  }
}

/** How long a thread of this process has used a processor; undefined where the system does not say. */
export function workMsOfThread(thread: number): number | undefined {
  try {
    // Behind the name, which stands in brackets and may hold anything: the 12th and 13th word.
    const words = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8').split(') ').at(-1)?.split(' ')
    return (Number(words?.[11]) + Number(words?.[12])) * MS_PER_TICK
  } catch {
    return undefined
  }
}

/**
 * The other way round: a thread that hears a beat from the main thread every second, and ends the process where that one
 * runs in circles. Nothing else could: timers and signals are the main thread's own.
 */
export class MainWatch {
  readonly #clock: Clock
  readonly #end: () => void
  readonly #workMs: () => number | undefined
  #beats = 0
  #workedMs = 0
  #lookedMs: number

  constructor(clock: Clock, end: () => void, workMs: () => number | undefined = () => workMsOfThread(process.pid)) {
    this.#clock = clock
    this.#end = end
    this.#workMs = workMs
    this.#lookedMs = clock.monoMs()
    clock.after(TICK_MS, () => this.#look())
  }

  beat(): void {
    this.#beats += 1
  }

  #look(): void {
    const nowMs = this.#clock.monoMs()
    const workMs = this.#workMs()
    // This thread was itself away, as in a long sync: what was said to it meanwhile it hears after this.
    const wasAway = nowMs - this.#lookedMs > 2 * TICK_MS
    if (workMs === undefined || this.#beats > 0 || wasAway) this.#workedMs = workMs ?? 0
    else if (workMs - this.#workedMs >= MAIN_HANG_WORK_MS) return this.#end()
    this.#beats = 0
    this.#lookedMs = nowMs
    this.#clock.after(TICK_MS, () => this.#look())
  }
}
