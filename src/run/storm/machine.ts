import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { type CpuInfo, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { type Clock, pause } from '../../core/clock.ts'

/** What the figures were made on: without it they say nothing. */
export interface Machine {
  cores: number
  processor: string
  memoryBytes: number
  platform: string
  /** 50 writes of 4 KiB in the sandbox's folder, each synced: the middle one and the worst. */
  fsyncMs: { p50: number; max: number }
  /** The share of the processors that others used just before. */
  busyBefore: number
}

const FSYNCS = 50
const LOOK_MS = 1_000
/** The kernel counts a process's time in hundredths of a second. */
const TICKS_PER_SECOND = 100
/** Fields of /proc/<pid>/stat after the name: user and system time. */
const USER_FIELD = 11
const SYSTEM_FIELD = 12

export async function lookAtMachine(clock: Clock, folder: string): Promise<Machine> {
  const before = cpuTimes()
  await pause(clock, LOOK_MS)
  const busyBefore = busyShare(before, cpuTimes())
  const own = ownProcessors()
  return {
    cores: own.length,
    processor: own[0]?.model.trim() ?? '',
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    fsyncMs: fsyncTimes(clock, folder),
    busyBefore,
  }
}

export interface CpuTimes {
  busyMs: number
  allMs: number
}

/** How many processors this process, and with it the sandbox, may run on. */
export function processorCount(): number {
  return ownProcessors().length
}

/** Those that we may run on: beside one that we are held to, others that stay idle would make it look half as busy. */
function ownProcessors(): CpuInfo[] {
  const all = cpus()
  const allowed = allowedProcessors()
  const own = all.filter((_, index) => allowed.has(index))
  return own.length === 0 ? all : own
}

/** The kernel's list, such as 0-3,8. Empty where it does not tell. */
function allowedProcessors(): Set<number> {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
    return new Set(
      list.split(',').flatMap((range) => {
        const [first = Number.NaN, last = first] = range.split('-').map(Number)
        return Array.from({ length: last - first + 1 || 0 }, (_, index) => first + index)
      }),
    )
  } catch {
    return new Set()
  }
}

/** Of our processors together, since the machine started. */
export function cpuTimes(): CpuTimes {
  let busyMs = 0
  let allMs = 0
  for (const { times } of ownProcessors()) {
    const used = times.user + times.nice + times.sys + times.irq
    busyMs += used
    allMs += used + times.idle
  }
  return { busyMs, allMs }
}

export function busyShare(before: CpuTimes, after: CpuTimes): number {
  return (after.busyMs - before.busyMs) / Math.max(1, after.allMs - before.allMs)
}

/** Processor seconds of a process with all its threads; 0 where the system does not tell. */
export function processSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[USER_FIELD]) + Number(fields[SYSTEM_FIELD])) / TICKS_PER_SECOND
  } catch {
    return 0
  }
}

function fsyncTimes(clock: Clock, folder: string): Machine['fsyncMs'] {
  const path = join(folder, 'fsync-probe')
  const file = openSync(path, 'w', 0o600)
  const page = new Uint8Array(4096)
  const times = Array.from({ length: FSYNCS }, () => {
    const startMs = clock.monoMs()
    writeSync(file, page)
    fsyncSync(file)
    return clock.monoMs() - startMs
  }).sort((one, other) => one - other)
  closeSync(file)
  rmSync(path)
  return { p50: times[FSYNCS / 2] ?? 0, max: times.at(-1) ?? 0 }
}
