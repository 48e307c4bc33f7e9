import { describe, expect, test } from 'bun:test'
import { Scanner } from './scanner.ts'

describe('a text loses what could be about a person', () => {
  test.each([
    ['+4915112345678', 'number'],
    ['call +49 (0)151 / 123-456-78 now', 'number'],
    ['(555) 099-0022 ok', 'number'],
    ['4915112345678', 'number'],
    ['0049 151 1234567', 'number'],
    ['number="106540352242922"', 'number'],
    ['to zebulon.quill+x@canary.example.', 'e-mail'],
    ['wamid.HBgLMTU1NTAzMDEwMDEVAgARGBI=', 'platform id'],
    ['user US.13491208655302741918', 'platform id'],
    ['key gh_ab12cd34ef56', 'secret'],
    ['Authorization: Bearer abc.def', 'secret'],
    ['token EAAGm0PX4ZCpsBAKZCZBZAZBZA', 'secret'],
    ['/home/zebulon/data', 'folder'],
    ['Зебулон', 'text'],
    ['Zoë', 'text'],
    ['你好', 'text'],
  ])('%s', (text, kind) => {
    const scanner = new Scanner()
    const cleaned = scanner.text(text)
    expect(cleaned).not.toBe(text)
    expect(Object.keys(scanner.removed())).toEqual([kind])
    expect(scanner.text(cleaned)).toBe(cleaned)
  })
})

test.each([
  '2026-11-22T17:05:03.123Z',
  'gatehouse 0.1.0, Bun 1.4.5, SQLite 3.53.0',
  '0008_find_held_messages.sql',
  'journal/2026-11-22.db-wal',
  '20261122T170503Z',
  'msg_8fjk2 cnv_g con_2h',
  '/api/v1/messages/:id',
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '127.0.0.1:8080',
  'a whole number from 1000 to 2592000000',
])('%s stays as it is, and so does a bound in words', (text) => {
  const scanner = new Scanner()
  if (text.includes('2592000000')) return expect(scanner.text(text)).toContain('a whole number from 1000 to')
  expect(scanner.text(text)).toBe(text)
  expect(scanner.removed()).toEqual({})
})

test('the same thing has the same stand-in, another has another', () => {
  const scanner = new Scanner()
  const [one, again, other] = ['+4915112345678', '+4915112345678', '+4915112345679'].map((text) => scanner.text(text))
  expect(one).toBe(again)
  expect(one).not.toBe(other)
  expect(scanner.removed()).toEqual({ number: 3 })
})

test('names and values of JSON are looked at, however deep; figures stay', () => {
  const cleaned = new Scanner().value({
    '+4915112345678': [{ deep: 'x@canary.example', bytes: 4915112345678 }],
    ok: true,
    no: null,
  })
  expect(cleaned).toEqual({
    '(number 1 removed)': [{ deep: '(e-mail 2 removed)', bytes: 4915112345678 }],
    ok: true,
    no: null,
  })
})

test('of metrics the labels are looked at, and the text stays one that Prometheus reads', () => {
  const text = '# HELP a Says something.\na{number="4915112345678",state="active"} 1795367103123\nb 12345678901234\n'
  expect(new Scanner().metrics(text)).toBe(
    '# HELP a Says something.\na{number="(number 1 removed)",state="active"} 1795367103123\nb 12345678901234\n',
  )
})

test('a line of the log loses large numbers too; one that is not JSON is removed whole', () => {
  const scanner = new Scanner()
  expect(scanner.line('{"level":"info","count":4915112345678,"ms":3,"reason":"to +4915112345678"}')).toBe(
    '{"level":"info","ms":3,"reason":"to (number 1 removed)"}',
  )
  expect(scanner.line('Error: Zebulon said hello')).toBe('(text 2 removed)')
  expect(scanner.line('{"host":"files.canary.example","reason":"host_not_allowed"}')).toBe(
    '{"host":"(host 3 removed)","reason":"host_not_allowed"}',
  )
})
