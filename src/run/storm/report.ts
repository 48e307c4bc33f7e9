import type { Latencies } from './histogram.ts'
import type { Judgement, StepFigures } from './judge.ts'
import { CPU_MAX, WITHIN_MIN, withinTarget } from './judge.ts'
import type { Machine } from './machine.ts'
import { MESSAGES_PER_REPLY, TARGETS } from './plan.ts'

export interface Report {
  version: string
  at: string
  machine: Machine
  sockets: number
  stepSeconds: number
  steps: readonly StepFigures[]
  judgement: Judgement
}

const GIB = 1024 ** 3
const MIB = 1024 ** 2
const PERCENT = 100
/** The kernel's own work for the load is among the others; more than this is somebody else's. */
const OTHERS_MAX = 0.15

/** The report as people read it and keep it. */
export function reportText(report: Report): string {
  return [
    ...headLines(report),
    '',
    ...figureLines(report),
    '',
    ...tableLines(report.steps),
    '',
    ...chartLines(report.steps),
    '',
    ...wordLines(report),
  ].join('\n')
}

function headLines({ version, at, machine, sockets, stepSeconds }: Report): string[] {
  const { cores, processor, memoryBytes, platform, fsyncMs, busyBefore } = machine
  return [
    `Gatehouse ${version}, storm of ${at}`,
    `${cores} ${cores === 1 ? 'processor' : 'processors'} (${processor}), ${(memoryBytes / GIB).toFixed(1)} GiB, ${platform}; one synced write ${fsyncMs.p50.toFixed(2)} ms, worst of 50 ${fsyncMs.max.toFixed(1)} ms`,
    `Load, platform and ${sockets} sockets ran on the same machine. ${stepSeconds} s a step. Others used ${percent(busyBefore)} of it before the start.`,
  ]
}

function figureLines({ judgement, steps }: Report): string[] {
  const { ideal, practical, breaking, gaveWay } = judgement
  const highest = Math.max(...steps.map(({ load }) => load))
  const line = (name: string, text: string) => `  ${name.padEnd(11)}${text}`
  return [
    line(
      'ideal',
      ideal
        ? `${latencyWords(ideal)}, at ${ideal.load} messages a second`
        : 'not found: the lowest load that was tried was too much',
    ),
    line(
      'practical',
      practical
        ? `${practical.load} messages a second: ${percent(withinTarget(practical))} in time, ${percent(practical.cpu.machine)} of the processors`
        : 'not found: no load was carried in time with processors to spare',
    ),
    line(
      'breaking',
      breaking
        ? `${breaking.load} messages a second: ${percent(withinTarget(breaking))} in time, ${breaking.refused} refused`
        : `not found up to ${highest} messages a second`,
    ),
    line('gave way', gaveWay === null ? 'nothing' : `first: ${gaveWay}`),
  ]
}

/** A percentile of what came at all. */
function latency({ count }: Latencies, value: number): string {
  return count === 0 ? '-' : ms(value)
}

function latencyWords({ answer, screen, reply }: StepFigures): string {
  const pair = (one: { p50: number; p99: number }) => `${ms(one.p50)} (p99 ${ms(one.p99)})`
  return `webhook ${pair(answer)}, on the screen ${pair(screen)}, answer taken ${pair(reply)} ms`
}

const COLUMNS: readonly [name: string, show: (step: StepFigures) => string][] = [
  ['load/s', ({ load }) => String(load)],
  ['200 p50', ({ answer }) => latency(answer, answer.p50)],
  ['p99', ({ answer }) => latency(answer, answer.p99)],
  ['p99.9', ({ answer }) => latency(answer, answer.p999)],
  ['screen p50', ({ screen }) => latency(screen, screen.p50)],
  ['p99', ({ screen }) => latency(screen, screen.p99)],
  ['reply p50', ({ reply }) => latency(reply, reply.p50)],
  ['p99', ({ reply }) => latency(reply, reply.p99)],
  ['lag', ({ applyLagMs }) => ms(applyLagMs)],
  ['disk', ({ diskMs }) => ms(diskMs)],
  ['in time', (step) => percent(withinTarget(step))],
  ['refused', ({ refused, unanswered }) => String(refused + unanswered)],
  ['CPU', ({ cpu }) => percent(cpu.machine)],
  ['house', ({ cpu }) => percent(cpu.house)],
  ['driver', ({ cpu }) => percent(cpu.generator)],
  ['others', ({ cpu }) => percent(othersShare(cpu))],
  ['MiB', ({ residentBytes }) => String(Math.round(residentBytes / MIB))],
]

function tableLines(steps: readonly StepFigures[]): string[] {
  const rows = [COLUMNS.map(([name]) => name), ...rising(steps).map((step) => COLUMNS.map(([, show]) => show(step)))]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '))
}

/** The heights of the chart, from above, in milliseconds. */
const HEIGHTS = [2000, 1000, 500, 250, 100, 50, 25, 10, 5, 2.5, 1]
const CURVES: readonly [letter: string, of: (step: StepFigures) => number][] = [
  ['w', ({ answer }) => answer.p99],
  ['s', ({ screen }) => screen.p99],
  ['r', ({ reply }) => reply.p99],
]
const STEP_WIDTH = 8

/** Three curves over the load: each letter stands on the first height that is not below its figure. */
function chartLines(steps: readonly StepFigures[]): string[] {
  const columns = rising(steps)
  const rows = HEIGHTS.map((height, index) => {
    const above = HEIGHTS[index - 1] ?? Number.POSITIVE_INFINITY
    const floor = HEIGHTS[index + 1] ?? 0
    const cells = columns.map((step) => {
      const letters = CURVES.filter(([, of]) => {
        const value = of(step)
        return value > floor && (value <= height || above === Number.POSITIVE_INFINITY)
      })
      return letters
        .map(([letter]) => letter)
        .join('')
        .padStart(STEP_WIDTH)
    })
    return `${ms(height).padStart(6)} |${cells.join('')}`
  })
  const loads = columns.map(({ load }) => String(load).padStart(STEP_WIDTH)).join('')
  return [
    'p99 in ms over messages a second: w webhook answered, s on a screen, r reply taken by the platform',
    ...rows,
    `${' '.repeat(7)}+${'-'.repeat(STEP_WIDTH * columns.length)}`,
    `${' '.repeat(8)}${loads}`,
  ]
}

function wordLines({ judgement }: Report): string[] {
  const { breaking } = judgement
  return [
    `Load: messages of customers a second. Every ${MESSAGES_PER_REPLY}th is answered, and each answer brings three statuses,`,
    'so that 100 are 175 webhooks, 25 sends and 250 things stored. All latencies count from when each was due.',
    `In time: the webhook answered in ${TARGETS.answer} ms, the message on a screen in ${TARGETS.screen}, the reply taken by the platform in ${TARGETS.reply}.`,
    `Practical: the highest load with ${percent(WITHIN_MIN)} in time and at most ${percent(CPU_MAX)} of all processors used, the driver's share included.`,
    'Lag: the worst age of what was taken and not applied. Disk: p99 of a commit of the journal. CPU: everything that ran.',
    ...(breaking && breaking.cpu.generator > breaking.cpu.house
      ? ['The driver used more than the house: on a machine of its own it would leave the house more.']
      : []),
    ...(breaking && othersShare(breaking.cpu) > OTHERS_MAX
      ? [
          `Others used ${percent(othersShare(breaking.cpu))} of the processors while it broke: run it again when nothing else runs.`,
        ]
      : []),
  ]
}

/** What ran beside house and driver: the kernel, and whatever else this machine does. */
function othersShare({ machine, house, generator }: StepFigures['cpu']): number {
  return Math.max(0, machine - house - generator)
}

function rising(steps: readonly StepFigures[]): StepFigures[] {
  return [...steps].sort((one, other) => one.load - other.load)
}

function ms(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Math.round(value * 10) / 10)
}

function percent(share: number): string {
  return `${Math.round(share * PERCENT * 10) / 10} %`
}
