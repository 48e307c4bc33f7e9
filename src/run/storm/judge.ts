import type { Latencies } from './histogram.ts'

/** What one step of rising load came to. Shares are 0 to 1. */
export interface StepFigures {
  /** Messages of customers a second. */
  load: number
  answer: Latencies
  screen: Latencies
  reply: Latencies
  /** Webhooks and answers that the house did not take. */
  refused: number
  /** Webhooks that got no answer at all. */
  unanswered: number
  socketsClosed: number
  /** The worst age of what was taken and not applied. */
  applyLagMs: number
  /** The 99th percentile of the journal's commits, at most the bound of its bucket. */
  diskMs: number
  /** The fullest number's share of its limit. */
  limitUsed: number
  /** How late the generator itself was, 99th percentile. */
  generatorLateMs: number
  /** Of all processors: everything that ran, the house, and what drives it (generator and simulator). */
  cpu: { machine: number; house: number; generator: number }
  /** Of one processor: the busiest process of the generator. */
  generatorBusiest: number
  residentBytes: number
}

export type GaveWay = 'processor' | 'disk' | 'apply lag' | "a number's limit" | 'sockets' | 'load generator' | 'answers'

/** The three figures that buyers of such systems ask for. */
export interface Judgement {
  /** The latencies at the lowest load. */
  ideal: StepFigures | null
  /** The highest load that was carried in time with processors to spare. */
  practical: StepFigures | null
  /** The lowest load that was not carried in time, or of which something was refused; null: none was found. */
  breaking: StepFigures | null
  gaveWay: GaveWay | null
}

/** The share of messages that has to be in time, and what the processors may be used to meanwhile. */
export const WITHIN_MIN = 0.95
export const CPU_MAX = 0.85

/** The share of the messages that was in time, by whichever of the three targets did worst. */
export function withinTarget({ answer, screen, reply }: StepFigures): number {
  return Math.min(answer.within, screen.within, reply.within)
}

/** Whether a step was carried: in time, nothing refused, nothing left out. */
export function isCarried(step: StepFigures): boolean {
  const isWhole = step.refused === 0 && step.unanswered === 0 && step.socketsClosed === 0
  return isWhole && withinTarget(step) >= WITHIN_MIN
}

export function judge(steps: readonly StepFigures[]): Judgement {
  const rising = [...steps].sort((one, other) => one.load - other.load)
  const breaking = rising.find((step) => !isCarried(step)) ?? null
  const below = rising.filter((step) => breaking === null || step.load < breaking.load)
  return {
    ideal: below[0] ?? null,
    practical: below.findLast(({ cpu }) => cpu.machine <= CPU_MAX) ?? null,
    breaking,
    gaveWay: breaking ? gaveWayOf(breaking) : null,
  }
}

/** From here on nothing is left of a processor; what a scheduler takes is in the rest. */
const FULL = 0.93
/** A journal commit that takes this long has nothing else to wait for but the disk. */
const SLOW_DISK_MS = 25
const LAG_MS = 500

/** What there was too little of. The processor comes after the disk: a disk that waits leaves processors idle. */
function gaveWayOf(step: StepFigures): GaveWay {
  if (step.generatorBusiest >= FULL && step.generatorLateMs > 20) return 'load generator'
  if (step.limitUsed >= 0.97) return "a number's limit"
  if (step.cpu.machine >= FULL) return 'processor'
  if (step.diskMs >= SLOW_DISK_MS) return 'disk'
  if (step.applyLagMs >= LAG_MS) return 'apply lag'
  if (step.socketsClosed > 0 || (step.screen.within < WITHIN_MIN && step.answer.within >= WITHIN_MIN)) return 'sockets'
  return 'answers'
}

/** The load to try next: doubled until one breaks, then the middle between the last that held, or none, and it. */
export function nextLoad(steps: readonly StepFigures[], bounds: { first: number; last: number; finer: number }) {
  if (steps.length === 0) return bounds.first
  const { breaking } = judge(steps)
  const highest = Math.max(...steps.map(({ load }) => load))
  if (!breaking) return highest >= bounds.last ? null : Math.min(highest * 2, bounds.last)
  const broken = steps.filter((step) => !isCarried(step)).length
  const held = Math.max(0, ...steps.filter(({ load }) => load < breaking.load).map(({ load }) => load))
  const isFine = breaking.load - held <= Math.max(1, breaking.load * 0.1)
  if (isFine || steps.length - indexOfFirstBroken(steps) - 1 >= bounds.finer || broken > bounds.finer) {
    return null
  }
  return Math.round((held + breaking.load) / 2)
}

function indexOfFirstBroken(steps: readonly StepFigures[]): number {
  return steps.findIndex((step) => !isCarried(step))
}
