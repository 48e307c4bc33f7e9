import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock } from '../testing/fake-clock.ts'
import type { LogFields } from './log.ts'
import { createLog, type LogLevel, standardOutput } from './pino-log.ts'

function openTestLog(level: LogLevel = 'debug') {
  const lines: string[] = []
  const dropped: string[] = []
  const clock = new FakeClock(Date.UTC(2026, 10, 22, 9, 0, 0))
  const log = createLog(
    level,
    { write: (line: string) => void lines.push(line) },
    { clock, fieldDropped: (name) => void dropped.push(name) },
  )
  return { log, lines, dropped, clock }
}

describe('createLog', () => {
  test('writes one JSON line with the level as a word, the time and the fields', () => {
    const { log, lines } = openTestLog()
    log.warn('number throttled', { part: 'dispatch', number: '106540352242922', ms: 250 })
    expect(lines).toHaveLength(1)
    expect(lines[0]?.endsWith('\n')).toBe(true)
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'warn',
      time: '2026-11-22T09:00:00.000Z',
      part: 'dispatch',
      number: '106540352242922',
      ms: 250,
      msg: 'number throttled',
    })
  })

  test('writes a line at once, and lines that belong together once they are all there, also after an error', () => {
    const flushed: number[] = []
    const lines: string[] = []
    const destination = {
      write: (line: string) => void lines.push(line),
      flushSync: () => void flushed.push(lines.length),
    }
    const log = createLog('info', destination)
    log.info('alone')
    log.together(() => {
      for (let count = 0; count < 3; count++) log.info('message')
    })
    expect(() =>
      log.together(() => {
        log.info('message')
        throw new Error('a mistake')
      }),
    ).toThrow('a mistake')
    log.info('alone again')
    expect(flushed).toEqual([1, 4, 5, 6])
  })

  test('can write to standard output', () => {
    expect(() => createLog('error', standardOutput()).info('below its level')).not.toThrow()
  })

  test('writes nothing below its level', () => {
    const { log, lines } = openTestLog('warn')
    log.debug('a')
    log.info('b')
    log.warn('c')
    log.error('d')
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['c', 'd'])
  })

  test.each([
    ['a field that is not on the list', { text: 'meet me at nine' }],
    ['a phone under another name', { phone: 'meet me at nine' }],
    ['an object in an allowed field', { reason: { text: 'meet me at nine' } }],
    ['a list in an allowed field', { code: ['meet me at nine'] }],
    ['a text in a field for numbers', { count: 'meet me at nine' }],
    ['an error object', { error: new Error('meet me at nine') }],
    ['a name of the prototype', { constructor: 'meet me at nine' }],
    ['a forged level', { level: 'meet me at nine' }],
    ['a forged phrase', { msg: 'meet me at nine' }],
  ])('holds back and counts %s', (_, fields) => {
    const { log, lines, dropped } = openTestLog()
    // The types forbid it; what matters is that a mistake past the types does not get out either.
    log.info('phrase', fields as unknown as LogFields)
    expect(lines.join('')).not.toContain('nine')
    expect(JSON.parse(lines[0] ?? '').level).toBe('info')
    expect(dropped).toEqual(Object.keys(fields))
  })

  test('leaves out undefined fields without counting them, and cuts long texts', () => {
    const { log, lines, dropped } = openTestLog()
    log.info('phrase', { reason: 'x'.repeat(2_000), ...({ state: undefined } as unknown as LogFields) })
    expect(JSON.parse(lines[0] ?? '').reason).toHaveLength(500)
    expect(lines[0]).not.toContain('state')
    expect(dropped).toEqual([])
  })

  test('writes a warning that repeats itself 50 times in ten seconds, then says how many were left out', () => {
    const { log, lines, clock } = openTestLog()
    for (let count = 0; count < 1_000; count++) log.error('request failed', { count })
    for (let count = 0; count < 1_000; count++) log.info('message', { count })
    log.warn('another')
    expect(lines.filter((line) => line.includes('request failed'))).toHaveLength(50)
    expect(lines.filter((line) => line.includes('"message"'))).toHaveLength(1_000)
    expect(lines).toHaveLength(1_051)
    clock.advance(10_000)
    log.info('message')
    log.error('request failed')
    expect(lines.slice(1_051).map((line) => JSON.parse(line))).toMatchObject([
      { level: 'warn', event: 'request failed', count: 950, msg: 'more lines like these were left out' },
      { level: 'info', msg: 'message' },
      { level: 'error', msg: 'request failed' },
    ])
  })

  test('keeps a line one line, whatever a field holds', () => {
    const { log, lines } = openTestLog()
    log.info('phrase', { reason: 'a\n{"level":"error"}\u2028b' })
    expect(lines.join('').trimEnd().split('\n')).toHaveLength(1)
  })
})

describe('a full disk behind the log', () => {
  const disk = mkdtempSync(join(tmpdir(), 'gatehouse-log-'))
  const runs = (...command: string[]) => Bun.spawnSync(command, { stderr: 'ignore' }).exitCode === 0
  const isMounted = runs('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk)
  afterAll(() => {
    // Its file is still open.
    if (isMounted) runs('umount', '-l', disk)
    rmSync(disk, { recursive: true })
  })

  test.skipIf(!existsSync('/dev/full'))('stops nobody (needs /dev/full)', () => {
    const log = createLog('info', standardOutput('/dev/full'))
    for (let count = 0; count < 5000; count++) log.info('phrase', { count })
  })

  test.skipIf(!isMounted)('costs lines, and none after there is space again (needs root, to mount one)', () => {
    const path = join(disk, 'log')
    const log = createLog('info', standardOutput(path))
    writeFileSync(join(disk, 'filler'), 'x'.repeat(40 * 1024))
    for (let count = 0; count < 5000; count++) log.info('before', { count })
    rmSync(join(disk, 'filler'))
    expect(runs('mount', '-o', 'remount,size=8m', disk)).toBeTrue()
    for (let count = 0; count < 100; count++) log.info('after', { count })
    const after = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"after"'))
    // The first of them finds out that there is space.
    expect(after.length).toBeGreaterThanOrEqual(99)
    expect(after.at(-1)).toContain('"count":99')
  })
})
