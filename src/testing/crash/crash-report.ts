import { type CrashReport, wrongOf } from './crash-run.ts'

/** The value below which a share of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.filter(Number.isFinite).toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Runs that went on beside each other, as one. */
export function joinReports(reports: readonly CrashReport[]): CrashReport {
  const [first, ...others] = reports
  if (!first) throw new Error('No report to join')
  return others.reduce((sum, report) => {
    const histogram = new Map(sum.histogram)
    for (const [point, count] of report.histogram) histogram.set(point, (histogram.get(point) ?? 0) + count)
    const findings = { ...sum.findings }
    for (const name of Object.keys(findings) as (keyof typeof findings)[]) findings[name] += report.findings[name]
    const figures = new Map(sum.figures)
    for (const [name, samples] of report.figures) figures.set(name, [...(figures.get(name) ?? []), ...samples])
    return {
      seed: sum.seed,
      histogram,
      figures,
      findings,
      details: [...sum.details, ...report.details],
      readyMs: [...sum.readyMs, ...report.readyMs],
      webhooks: sum.webhooks + report.webhooks,
      messagesIn: sum.messagesIn + report.messagesIn,
      sends: sum.sends + report.sends,
      events: sum.events + report.events,
      socketEvents: sum.socketEvents + report.socketEvents,
      folder: sum.folder ?? report.folder,
    }
  }, first)
}

/** The figures for people: kills by point, what went through, what was found. */
export function crashText(report: CrashReport): string {
  const { histogram, findings, readyMs } = report
  const kills = [...histogram.values()].reduce((sum, count) => sum + count, 0)
  const struck = [...histogram].filter(([, count]) => count > 0)
  const bars = struck.map(
    ([point, count]) => `  ${point.padEnd(24)}${String(count).padStart(4)}  ${'#'.repeat(Math.min(count, 60))}`,
  )
  const wrong = wrongOf(report)
  const figures = [...report.figures].map(([name, samples]) => {
    const [p50, p99, most] = [0.5, 0.99, 1].map((share) => quantile(samples, share).toFixed(0))
    return `  ${name}: p50 ${p50}, p99 ${p99}, most ${most} (${samples.length})`
  })
  return [
    `seed ${report.seed}: ${kills} faults`,
    ...bars,
    `  webhooks ${report.webhooks}, messages in ${report.messagesIn}, sends ${report.sends}, events ${report.events} (socket ${report.socketEvents})`,
    `  lost ${findings.lost + findings.sendsLost}, doubled ${findings.doubled}, phantom ${findings.phantom}, sent twice ${findings.sentTwice}, stuck ${findings.stuck}, unsettled ${findings.unsettled}, events changed ${findings.eventsChanged}`,
    `  sent again by policy ${findings.resent}, ended in doubt ${findings.inDoubtAtEnd}, expired ${findings.expired}`,
    `  start to ready: p50 ${quantile(readyMs, 0.5).toFixed(0)} ms, p99 ${quantile(readyMs, 0.99).toFixed(0)} ms, ${readyMs.length} starts`,
    ...figures,
    wrong.length === 0
      ? `  nothing wrong: with 95 % certainty less than ${((3 / Math.max(kills, 3)) * 100).toFixed(1)} % of such faults do harm`
      : `  WRONG: ${wrong.join(', ')}; the folder is left in ${report.folder}`,
    ...report.details.map((line) => `    ${line}`),
  ].join('\n')
}
