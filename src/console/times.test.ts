import { describe, expect, test } from 'bun:test'
import { dayKey, dayName, listTime, timeLeft } from './times.ts'

// Local time throughout: days begin and end where the reader is.
const NOW = new Date(2026, 2, 18, 9, 30).getTime()
const local = (day: number, hour = 12, year = 2026) => new Date(year, 2, day, hour).toISOString()

describe('days', () => {
  const cases: [string, string][] = [
    [local(18, 0), 'Today'],
    [local(17, 23), 'Yesterday'],
    [local(17, 0), 'Yesterday'],
  ]
  test.each(cases)('%s is %s', (time, name) => {
    expect(dayName(time, NOW)).toBe(name)
  })

  test('further back are named in full, with the year when it is another', () => {
    expect(dayName(local(12), NOW)).not.toContain('2026')
    expect(dayName(local(12, 12, 2025), NOW)).toContain('2025')
  })

  test('change at midnight where the reader is', () => {
    expect(dayKey(local(17, 23))).not.toBe(dayKey(local(18, 0)))
    expect(dayKey(local(18, 0))).toBe(dayKey(local(18, 23)))
  })
})

test('listTime() is a time today and the day before that', () => {
  expect(listTime(local(18, 8), NOW)).toMatch(/\d/)
  expect(listTime(local(17), NOW)).toBe('Yesterday')
  expect(listTime(local(14), NOW)).not.toMatch(/\d/)
  expect(listTime('not a time', NOW)).toBe('')
})

test('timeLeft() rounds to what a person plans with, and is empty once it is over', () => {
  const left = (ms: number) => timeLeft(new Date(NOW + ms).toISOString(), NOW)
  expect([left(5 * 3_600_000 + 60_000), left(59 * 60_000), left(1), left(0), left(-1)]).toEqual([
    '5 h',
    '59 min',
    '1 min',
    '',
    '',
  ])
  expect(timeLeft('not a time', NOW)).toBe('')
})
