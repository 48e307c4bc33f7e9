import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Clock } from '../core/clock.ts'
import { MESSAGE_CLASSES, type MessageClass } from '../core/message.ts'
import {
  BEGINS_AT_ZERO,
  CATALOGUE,
  type Description,
  LABEL_VALUES_MAX,
  type LabelName,
  type MetricType,
} from './catalogue.ts'

/** What a label's value may be where that is known for good. */
interface KnownValues {
  class: MessageClass
  direction: 'in' | 'out'
}
type LabelValue<L> = L extends keyof KnownValues ? KnownValues[L] : string
/** No argument for a metric without labels, else one that names each. */
type LabelArguments<L extends LabelName> = [L] extends [never] ? [] : [labels: { readonly [K in L]: LabelValue<K> }]

export interface CounterMetric<L extends LabelName> {
  add(by: number, ...labels: LabelArguments<L>): void
}
export interface GaugeMetric<L extends LabelName> {
  set(value: number, ...labels: LabelArguments<L>): void
  /** Forgets all values, for gauges that are told anew whole, such as one per number. */
  reset(): void
}
export interface HistogramMetric<L extends LabelName> {
  observe(value: number, ...labels: LabelArguments<L>): void
}

type MetricOf<D> =
  D extends Description<'counter', infer L>
    ? CounterMetric<L>
    : D extends Description<'gauge', infer L>
      ? GaugeMetric<L>
      : D extends Description<'histogram', infer L>
        ? HistogramMetric<L>
        : never

type Catalogue = typeof CATALOGUE

/** What runs. */
export interface BuildLabels {
  version: string
  /** Empty where it runs from the source. */
  commit: string
  bun: string
  sqlite: string
}

/** All metrics of one gateway, by their names in the catalogue. */
export type Metrics = { readonly [K in keyof Catalogue]: MetricOf<Catalogue[K]> } & {
  /** Asked before the text is made, at most once a second: for figures that are cheaper to read than to keep. */
  collect(read: () => void): void
  /** The text of /metrics, at most a second old. */
  render(): Promise<string>
  /** The media type of that text. */
  readonly contentType: string
}

/** A scrape costs milliseconds with many series; whoever asks more often gets the same text. */
const RENDER_KEPT_MS = 1_000
const PREFIX = 'gatehouse_'
const OTHER = 'other'

/** Builds every metric in a registry of its own: two gateways in one process do not know of each other. */
export function createMetrics(clock: Clock, runs: BuildLabels): Metrics {
  const registry = new Registry()
  const collectors: (() => void)[] = []
  const entries = Object.entries(CATALOGUE).map(([key, description]) => [key, build(description, registry)])
  let kept: { text: Promise<string>; madeAtMs: number } | undefined
  const metrics = {
    ...Object.fromEntries(entries),
    contentType: registry.contentType,
    collect: (read: () => void) => void collectors.push(read),
    render: () => {
      const nowMs = clock.monoMs()
      if (kept !== undefined && nowMs - kept.madeAtMs < RENDER_KEPT_MS) return kept.text
      for (const read of collectors) read()
      kept = { text: registry.metrics(), madeAtMs: nowMs }
      return kept.text
    },
    // The loop above gives each key of the catalogue the metric that its description says.
  } as Metrics
  metrics.buildInfo.set(1, { ...runs })
  for (const [key, series] of Object.entries(BEGINS_AT_ZERO)) {
    // Counters all: the catalogue's keys are held to their names, their labels to the words of labels.
    const metric = metrics[key as keyof typeof BEGINS_AT_ZERO] as { add(by: number, labels: object): void }
    for (const labels of series) metric.add(0, labels)
  }
  for (const messageClass of MESSAGE_CLASSES) metrics.queueMessages.set(0, { class: messageClass })
  return metrics
}

type AnyLabels = Readonly<Partial<Record<LabelName, string>>>

function build(description: Description<MetricType, LabelName>, registry: Registry) {
  const { type, help, labels, buckets } = description
  const settings = { name: `${PREFIX}${description.name}`, help, labelNames: [...labels], registers: [registry] }
  const bounded = labels.length === 0 ? (given: AnyLabels = {}) => given : labelBounds(labels)
  if (type === 'counter') {
    const counter = new Counter(settings)
    return { add: (by: number, given?: AnyLabels) => counter.inc(bounded(given), by) }
  }
  if (type === 'gauge') {
    const gauge = new Gauge(settings)
    return {
      set: (value: number, given?: AnyLabels) => gauge.set(bounded(given), value),
      reset: () => gauge.reset(),
    }
  }
  const histogram = new Histogram({ ...settings, buckets: [...buckets] })
  return { observe: (value: number, given?: AnyLabels) => histogram.observe(bounded(given), value) }
}

/** Lets the first values of a label through and calls all that come later `other`: series never grow without end. */
function labelBounds(names: readonly LabelName[]): (given?: AnyLabels) => AnyLabels {
  const known = new Map(names.map((name) => [name, new Set<string>()]))
  const bound = (name: LabelName, value: string) => {
    const values = known.get(name)
    if (values === undefined || values.has(value)) return value
    if (values.size >= LABEL_VALUES_MAX[name]) return OTHER
    values.add(value)
    return value
  }
  return (given = {}) => {
    const labels: Partial<Record<LabelName, string>> = {}
    for (const name of names) labels[name] = bound(name, given[name] ?? '')
    return labels
  }
}
