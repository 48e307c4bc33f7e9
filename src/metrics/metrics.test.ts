import { describe, expect, test } from 'bun:test'
import { FakeClock } from '../testing/fake-clock.ts'
import { CATALOGUE, LABEL_VALUES_MAX, type MetricType } from './catalogue.ts'
import { createMetrics } from './metrics.ts'
import { type ProcessFigures, readProcess, watchProcess } from './process.ts'

interface AnyDescription {
  type: MetricType
  labels: readonly string[]
}

function openTestMetrics() {
  const clock = new FakeClock()
  return {
    clock,
    metrics: createMetrics(clock, { version: '1.2.3', commit: 'abc1234', bun: '1.4.5', sqlite: '3.53.0' }),
  }
}

function valueIn(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

describe('createMetrics', () => {
  test('keeps the names that other programs rely on', async () => {
    const { metrics } = openTestMetrics()
    const text = await metrics.render()
    const types = [...text.matchAll(/^# TYPE (\S+ \S+)$/gm)].map((match) => match[1])
    for (const fixed of [
      'gatehouse_webhooks_total counter',
      'gatehouse_webhook_seconds histogram',
      'gatehouse_apply_lag_seconds gauge',
      'gatehouse_queue_messages gauge',
      'gatehouse_send_total counter',
      'gatehouse_send_wait_seconds histogram',
      'gatehouse_limit_used_ratio gauge',
      'gatehouse_socket_connections gauge',
      'gatehouse_socket_lag_seconds histogram',
      'gatehouse_quarantined_items gauge',
    ]) {
      expect(types).toContain(fixed)
    }
    expect(types).toHaveLength(Object.keys(CATALOGUE).length)
  })

  test('counts, sets and observes with labels', async () => {
    const { metrics } = openTestMetrics()
    metrics.webhooks.add(2, { outcome: 'kept' })
    metrics.webhooks.add(1, { outcome: 'kept' })
    metrics.queueMessages.set(7, { class: 'bulk' })
    metrics.webhookSeconds.observe(0.004)
    const text = await metrics.render()
    expect(valueIn(text, 'gatehouse_webhooks_total{outcome="kept"}')).toBe(3)
    expect(valueIn(text, 'gatehouse_queue_messages{class="bulk"}')).toBe(7)
    expect(valueIn(text, 'gatehouse_queue_messages{class="urgent"}')).toBe(0)
    expect(valueIn(text, 'gatehouse_webhook_seconds_bucket{le="0.0025"}')).toBe(0)
    expect(valueIn(text, 'gatehouse_webhook_seconds_bucket{le="0.005"}')).toBe(1)
    expect(valueIn(text, 'gatehouse_build_info{version="1.2.3",commit="abc1234",bun="1.4.5",sqlite="3.53.0"}')).toBe(1)
  })

  test('calls the 501st number and all after it "other"', async () => {
    const { metrics } = openTestMetrics()
    for (let index = 1; index <= 700; index++) metrics.limitUsedRatio.set(0.5, { number: `n${index}` })
    metrics.limitUsedRatio.set(0.9, { number: 'n1' })
    const text = await metrics.render()
    const series = text.split('\n').filter((line) => line.startsWith('gatehouse_limit_used_ratio{'))
    expect(series).toHaveLength(501)
    expect(valueIn(text, 'gatehouse_limit_used_ratio{number="n1"}')).toBe(0.9)
    expect(valueIn(text, 'gatehouse_limit_used_ratio{number="n501"}')).toBeUndefined()
    expect(valueIn(text, 'gatehouse_limit_used_ratio{number="other"}')).toBe(0.5)
  })

  test('has as many series however many values its labels are given', async () => {
    const seriesAfter = async (count: number) => {
      const { metrics } = openTestMetrics()
      for (const [key, { type, labels }] of Object.entries(CATALOGUE) as [keyof typeof CATALOGUE, AnyDescription][]) {
        for (let index = 0; labels.length > 0 && index < count; index++) {
          const given = Object.fromEntries(labels.map((label) => [label, `value-${index}`]))
          // A metric of any type, whose labels are known only here.
          const metric = metrics[key] as unknown as Record<string, (value: number, given: object) => void>
          metric[{ counter: 'add', gauge: 'set', histogram: 'observe' }[type]]?.(1, given)
        }
      }
      return (await metrics.render()).split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
    }
    const boundMax = Math.max(...Object.values(LABEL_VALUES_MAX))
    expect(await seriesAfter(boundMax * 4)).toBe(await seriesAfter(boundMax + 1))
  })

  test('gives the same text for a second, then a new one', async () => {
    const { metrics, clock } = openTestMetrics()
    let readCount = 0
    metrics.collect(() => metrics.eventsOffset.set(++readCount))
    expect(valueIn(await metrics.render(), 'gatehouse_events_offset')).toBe(1)
    clock.advance(999)
    expect(valueIn(await metrics.render(), 'gatehouse_events_offset')).toBe(1)
    clock.advance(1)
    expect(valueIn(await metrics.render(), 'gatehouse_events_offset')).toBe(2)
  })

  test('keeps two gateways in one process apart', async () => {
    const one = openTestMetrics().metrics
    const other = openTestMetrics().metrics
    one.resends.add(3)
    expect(valueIn(await other.render(), 'gatehouse_resends_total')).toBe(0)
  })

  test('has finite figures only, and every name once', async () => {
    const { metrics, clock } = openTestMetrics()
    const stop = watchProcess(metrics, clock)
    const text = await metrics.render()
    stop()
    expect(text).not.toMatch(/ (NaN|\+?Inf|-Inf)$/m)
    const names = Object.values(CATALOGUE).map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  const promtool = Bun.which('promtool')
  test.skipIf(promtool === null)('is without fault to promtool, where it is installed', async () => {
    const { metrics, clock } = openTestMetrics()
    const stop = watchProcess(metrics, clock)
    const text = await metrics.render()
    stop()
    const { stderr, exitCode } = Bun.spawnSync([promtool ?? '', 'check', 'metrics'], { stdin: Buffer.from(text) })
    expect({ said: stderr.toString(), exitCode }).toEqual({ said: '', exitCode: 0 })
  })
})

describe('watchProcess', () => {
  const figures: ProcessFigures = {
    residentBytes: 50_000_000,
    heapUsedBytes: 2_000_000,
    cpuSeconds: 1.5,
    uptimeSeconds: 60,
    openFileCount: 12,
  }

  test('shows the figures at the time of the scrape', async () => {
    const { metrics, clock } = openTestMetrics()
    let now = figures
    const stop = watchProcess(metrics, clock, () => now)
    expect(valueIn(await metrics.render(), 'gatehouse_process_cpu_seconds_total')).toBe(1.5)
    now = { ...figures, cpuSeconds: 2.25 }
    clock.advance(5_000)
    const text = await metrics.render()
    stop()
    expect(valueIn(text, 'gatehouse_process_cpu_seconds_total')).toBe(2.25)
    expect(valueIn(text, 'gatehouse_process_resident_memory_bytes')).toBe(50_000_000)
    expect(valueIn(text, 'gatehouse_process_open_fds')).toBe(12)
    expect(valueIn(text, 'gatehouse_process_start_time_seconds')).toBe((clock.epochMs() - 5_000) / 1_000 - 60)
  })

  test('measures by how much the loop is late, until it is stopped', async () => {
    const { metrics, clock } = openTestMetrics()
    // A stalled loop: the timer fires when the clock is already past it.
    const late = { ...clockOf(clock), monoMs: () => clock.monoMs() + (clock.monoMs() >= 200 ? 150 : 0) }
    const stop = watchProcess(metrics, late, () => figures)
    clock.advance(200)
    stop()
    clock.advance(10_000)
    const text = await metrics.render()
    expect(valueIn(text, 'gatehouse_loop_lag_seconds_count')).toBe(2)
    expect(valueIn(text, 'gatehouse_loop_lag_seconds_sum')).toBeCloseTo(0.15)
  })

  test('reads figures of the real process that can be true', () => {
    const real = readProcess()
    expect(real.residentBytes).toBeGreaterThan(real.heapUsedBytes)
    expect(real.cpuSeconds).toBeGreaterThan(0)
    expect(real.openFileCount ?? 3).toBeGreaterThan(2)
  })
})

function clockOf(clock: FakeClock) {
  return {
    epochMs: () => clock.epochMs(),
    monoMs: () => clock.monoMs(),
    after: (delayMs: number, run: () => void) => clock.after(delayMs, run),
  }
}
