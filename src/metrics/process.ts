import { readdirSync, readFileSync, statSync } from 'node:fs'
import { totalmem } from 'node:os'
import type { Clock } from '../core/clock.ts'
import type { Metrics } from './metrics.ts'

/*
 * prom-client has defaults of its own, made for Node. Looked at on Bun 1.4.5, these say nothing or something wrong, and
 * are left out: process_heap_bytes (6.4 GB in a process of 43 MB: it is address space), process_virtual_memory_bytes
 * (likewise), nodejs_heap_space_* (V8's spaces: all 0 but one, which repeats the heap), nodejs_active_* (always 0),
 * nodejs_gc_* (never appears), nodejs_version_info (v26.3.0, a version that Bun imitates), nodejs_eventloop_lag_* (the
 * delay of the one scrape, and percentiles since the start that never fall again: our histogram can be rated).
 * nodejs_heap_size_* and nodejs_external_memory_bytes are right, but the resident size says what counts.
 */

/** How often the loop's lag is looked at: a stall of this length cannot be missed. */
const SAMPLE_MS = 100

/** What the operating system and the engine say about this process. */
export interface ProcessFigures {
  residentBytes: number
  heapUsedBytes: number
  cpuSeconds: number
  uptimeSeconds: number
  /** Undefined where the system does not tell. */
  openFileCount: number | undefined
}

/** Keeps the process's figures in the metrics until the answer is called. */
export function watchProcess(metrics: Metrics, clock: Clock, read: () => ProcessFigures = readProcess): () => void {
  const startedAtSeconds = clock.epochMs() / 1_000 - read().uptimeSeconds
  let cpuSeconds = 0
  metrics.processStartSeconds.set(startedAtSeconds)
  metrics.collect(() => {
    const figures = read()
    metrics.processResidentBytes.set(figures.residentBytes)
    metrics.processHeapBytes.set(figures.heapUsedBytes)
    metrics.processCpuSeconds.add(Math.max(0, figures.cpuSeconds - cpuSeconds))
    cpuSeconds = figures.cpuSeconds
    if (figures.openFileCount !== undefined) metrics.processOpenFiles.set(figures.openFileCount)
  })
  return watchLoop(metrics, clock)
}

function watchLoop(metrics: Metrics, clock: Clock): () => void {
  let dueMs = clock.monoMs() + SAMPLE_MS
  let cancel = clock.after(SAMPLE_MS, sample)
  function sample() {
    const nowMs = clock.monoMs()
    metrics.loopLagSeconds.observe(Math.max(0, nowMs - dueMs) / 1_000)
    dueMs = nowMs + SAMPLE_MS
    cancel = clock.after(SAMPLE_MS, sample)
  }
  return () => cancel()
}

/** Reads this process's figures. */
export function readProcess(): ProcessFigures {
  const memory = process.memoryUsage()
  const cpu = process.cpuUsage()
  return {
    residentBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
    cpuSeconds: (cpu.user + cpu.system) / 1_000_000,
    uptimeSeconds: process.uptime(),
    openFileCount: countOpenFiles('/proc/self/fd') ?? countOpenFiles('/dev/fd'),
  }
}

/** How many files and sockets this process may have open; null where the system does not tell, Infinity without a limit. */
export function openFilesMax(): number | null {
  try {
    const soft = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER
    return soft === undefined ? null : Number(soft)
  } catch {
    return null
  }
}

/** How much memory this process may have: what its container or unit allows, or what the machine has. */
export function memoryBytesMax(): number {
  return process.constrainedMemory() || totalmem()
}

/** Linux tells the count as the folder's size since 6.2; listing ten thousand sockets would hold the loop up. */
function countOpenFiles(folder: string): number | undefined {
  try {
    const { size } = statSync(folder)
    return folder.startsWith('/proc') && size > 0 ? size : readdirSync(folder).length
  } catch {
    return undefined
  }
}
