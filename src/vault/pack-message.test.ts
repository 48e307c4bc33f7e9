import { expect, test } from 'bun:test'
import { seededRandom } from '../testing/seeded-random.ts'
import { packMessage, unpackMessage } from './pack-message.ts'

const PHONE = '4915110000123'
const DIGITS = '3EB00ABCDEF012345678'
const STAMP = '1790000000'
const REST = '","text":{"body":"Is this there? 你好 🙂"},"type":"text"}'

function idOf(phone: string, digits: string, frame = { start: '\x1c\x18', kind: '\x15\x02\0\x12\x18', end: '\0' }) {
  const [phoneCount, digitsCount] = [phone, digits].map((run) => String.fromCharCode(run.length))
  return btoa(`${frame.start}${phoneCount}${phone}${frame.kind}${digitsCount}${digits}${frame.end}`)
}

function textOf({ phone = PHONE, id = idOf(PHONE, DIGITS), stamp = STAMP, rest = REST }) {
  return `{"from":"${phone}","id":"wamid.${id}","timestamp":"${stamp}${rest}`
}

test('a message whose id is made of its phone becomes short, and is given back', () => {
  const packed = packMessage(textOf({}))
  expect(packed && unpackMessage(packed)).toBe(textOf({}))
  // The counts, seven bytes for the phone, four for the stamp, ten for the digits, and what is said.
  expect(packed?.length).toBe(7 + 7 + 10 + Buffer.byteLength('_Is this there? 你好 🙂_'))
})

test.each([
  ['another phone in it', textOf({ id: idOf('4915110000124', DIGITS) })],
  ['a shorter phone in it', textOf({ id: idOf('491511000012', DIGITS) })],
  ['small digits', textOf({ id: idOf(PHONE, DIGITS.toLowerCase()) })],
  ['a digit that is none', textOf({ id: idOf(PHONE, 'G'.repeat(20)) })],
  ['no end', textOf({ id: idOf(PHONE, DIGITS, { start: '\x1c\x18', kind: '\x15\x02\0\x12\x18', end: '' }) })],
  ['another end', textOf({ id: idOf(PHONE, DIGITS, { start: '\x1c\x18', kind: '\x15\x02\0\x12\x18', end: '\x01' }) })],
  [
    'more behind it',
    textOf({ id: idOf(PHONE, DIGITS, { start: '\x1c\x18', kind: '\x15\x02\0\x12\x18', end: '\0\0' }) }),
  ],
  ['another start', textOf({ id: idOf(PHONE, DIGITS, { start: '\x1d\x18', kind: '\x15\x02\0\x12\x18', end: '\0' }) })],
  [
    'another frame',
    textOf({ id: idOf(PHONE, DIGITS, { start: '\x1c\x18', kind: '\x15\x02\x01\x12\x18', end: '\0' }) }),
  ],
  ['base64 with other unused bits', textOf({ id: idOf(PHONE, DIGITS).replace(/A==$/, 'B==') })],
  ['no padding', textOf({ id: idOf(PHONE, DIGITS).replace(/=+$/, '') })],
  ['nothing', textOf({ id: '' })],
  ['an id that is too long', textOf({ id: 'A'.repeat(400) })],
  ['a stamp beyond 32 bits', textOf({ stamp: '4294967296' })],
  ['a stamp with a zero in front', textOf({ stamp: '0790000000' })],
  ['no phone', textOf({ phone: '', id: idOf('', DIGITS) })],
  ['control characters', textOf({ rest: '","text":"\u0001"}' })],
])('one with %s is left to other forms', (_, text) => {
  expect(packMessage(text)).toBeUndefined()
})

test.each([0, 1, 2, 3, 4, 5, 6])('whatever is packed is given back, seed %d', (seed) => {
  const random = seededRandom(seed)
  const below = (count: number) => Math.floor(random() * count)
  const run = (letters: string, count: number) =>
    Array.from({ length: count }, () => [...letters][below([...letters].length)]).join('')
  let packedCount = 0
  for (let round = 0; round < 500; round++) {
    const phone = run('0123456789', 1 + below(20))
    const digits = run('0123456789ABCDEF', below(60))
    const kind = `\x15\x02\0${String.fromCharCode(below(256))}\x18`
    const id = idOf(phone, digits, { start: '\x1c\x18', kind, end: '\0' })
    const spoilt = random() < 0.3 ? id.replace(id[below(id.length)] ?? '', run('AZaz09+/=', 1)) : id
    const stamp = String(1_000_000_000 + below(5_000_000_000))
    const text = textOf({ phone, id: spoilt, stamp, rest: `"${run('"{}:,abcü你🙂 \\', below(80))}` })
    const packed = packMessage(text)
    if (packed) packedCount++
    if (packed) expect(unpackMessage(packed), `seed ${seed}, round ${round}`).toBe(text)
  }
  expect(packedCount).toBeGreaterThan(100)
})
