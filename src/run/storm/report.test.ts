import { expect, test } from 'bun:test'
import { judge, type StepFigures } from './judge.ts'
import { type Report, reportText } from './report.ts'

function step(load: number, machine: number, p99: number, refused = 0): StepFigures {
  const latencies = { count: load, p50: 1.25, p99, p999: p99, max: p99, within: refused > 0 ? 0.5 : 1 }
  return {
    load,
    answer: latencies,
    screen: latencies,
    reply: latencies,
    refused,
    unanswered: 0,
    socketsClosed: 0,
    applyLagMs: 12,
    diskMs: 2.5,
    limitUsed: 0.1,
    generatorLateMs: 1,
    cpu: { machine, house: machine - 0.3, generator: 0.1 },
    generatorBusiest: 0.2,
    residentBytes: 200 * 1024 * 1024,
  }
}

test('the report names the three figures, what gave way, the machine, and others that were in the way', () => {
  const steps = [step(100, 0.4, 5), step(200, 0.8, 20), step(800, 0.99, 900, 7), step(400, 0.9, 40)]
  const report: Report = {
    version: '1.2.3',
    at: '2026-11-22T18:00:00.000Z',
    machine: {
      cores: 4,
      processor: 'A processor',
      memoryBytes: 8 * 1024 ** 3,
      platform: 'linux x64',
      fsyncMs: { p50: 0.5, max: 3 },
      busyBefore: 0.02,
    },
    sockets: 10,
    stepSeconds: 12,
    steps,
    judgement: judge(steps),
  }
  const lines = reportText(report).split('\n')
  const starting = (word: string) => lines.find((line) => line.trim().startsWith(word))
  expect(lines[0]).toBe('Gatehouse 1.2.3, storm of 2026-11-22T18:00:00.000Z')
  expect(lines[1]).toContain('4 processors (A processor), 8.0 GiB, linux x64; one synced write 0.50 ms')
  expect(starting('ideal')).toContain('webhook 1.3 (p99 5)')
  expect(starting('practical')).toContain('200 messages a second: 100 % in time, 80 % of the processors')
  expect(starting('breaking')).toContain('800 messages a second: 50 % in time, 7 refused')
  expect(starting('gave way')).toContain('first: processor')
  expect(starting('Others used 20 %')).toBeDefined()
  // A row for each load, from low to high, whatever the order of the steps was.
  const rows = lines.filter((line) => /^ *\d+ +1\.3 /.test(line)).map((line) => Number.parseInt(line, 10))
  expect(rows).toEqual([100, 200, 400, 800])
  // The curves: 5, 20, 40 and 900 ms stand at their heights.
  const chart = (height: string) => lines.find((line) => line.startsWith(`${height.padStart(6)} |`))
  expect(chart('1000')?.trimEnd()).toEndWith('wsr')
  expect(chart('1000')).toHaveLength('  1000 |'.length + 4 * 8)
  expect(chart('5')?.slice(8, 16).trim()).toBe('wsr')
  expect(chart('25')?.slice(16, 24).trim()).toBe('wsr')
})
