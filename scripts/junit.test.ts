import { describe, expect, test } from 'bun:test'
import { totalsOf } from './junit.ts'

describe('totalsOf', () => {
  const report = (head: string) =>
    `<?xml version="1.0"?>\n<testsuites ${head}>\n<testsuite tests="99"/>\n</testsuites>\n`

  test('reads the totals of the whole, not of its parts', () => {
    const head = 'name="bun test" tests="10" assertions="30" failures="2" skipped="1" time="0.5"'
    expect(totalsOf(report(head))).toEqual({ passed: 7, failed: 2, skipped: 1 })
  })

  test('counts errors as failures', () => {
    const head = 'tests="10" failures="2" errors="3" skipped="0"'
    expect(totalsOf(report(head))).toEqual({ passed: 5, failed: 5, skipped: 0 })
  })

  test.each([[''], ['<testsuites tests="1" failures="0" skipped="0">'], [report('tests="x"')], ['<html></html>']])(
    'knows nothing from %j',
    (text) => {
      expect(totalsOf(text)).toBeUndefined()
    },
  )
})
