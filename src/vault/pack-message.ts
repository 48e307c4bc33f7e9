import { lengthen, shorten } from './shorten.ts'

/**
 * How nearly every message of a customer begins: the phone, the platform's id, the stamp. In the field an id is base64 of
 * the phone and some hexadecimal digits, twice as long as what it says: told as bytes, the three take 25 in place of 98.
 * Documented is none of it ("opaque"), so whatever looks otherwise is sealed in another form.
 */
const HEAD = /^\{"from":"(\d{1,20})","id":"wamid\.([A-Za-z0-9+/]{1,200}={0,2})","timestamp":"([1-9]\d{9})(?=")/
const STAMP_MAX = 0xffff_ffff
/** Around the phone and the digits stand these bytes. */
const BEFORE_PHONE = [0x1c, 0x18] as const
const BEFORE_KIND = [0x15, 0x02, 0x00] as const
const BEFORE_DIGITS = 0x18
/** The bytes of an id that are neither phone nor digits. */
const FRAME_BYTES = 10
/** Counts of the phone's digits and of the id's, the id's kind, the stamp. */
const COUNTS_BYTES = 7
/** Of the id at hand; 204 characters are 153 bytes. */
const ID_BYTES = Buffer.alloc(160)
const NO_DIGIT = 'f'
const DIGITS = /^[0-9A-F]*$/

/**
 * The platform's object of a message as bytes: count of the phone's digits, those (two a byte), the stamp (4), the id's
 * kind, count of its digits, those (two a byte), then the rest of the text, shortened. Undefined where it does not begin
 * like that.
 */
export function packMessage(text: string): Uint8Array | undefined {
  const head = HEAD.exec(text)
  if (!head) return undefined
  const [start, phone = '', id = '', stamp = ''] = head
  const upstream = digitsOf(id, phone)
  const rest = upstream && shorten(text.slice(start.length))
  if (!upstream || rest === undefined || Number(stamp) > STAMP_MAX) return undefined
  const packed = Buffer.allocUnsafe(COUNTS_BYTES + bytesFor(phone) + bytesFor(upstream.digits) + rest.length * 3)
  let at = writeDigits(packed, phone, 0)
  at = packed.writeUInt32BE(Number(stamp), at)
  at = packed.writeUInt8(upstream.kind, at)
  at = writeDigits(packed, upstream.digits, at)
  return packed.subarray(0, at + packed.write(rest, at))
}

export function unpackMessage(packed: Uint8Array): string {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  const phone = readDigits(bytes, 0)
  const stamp = bytes.readUInt32BE(phone.end)
  const kind = bytes.readUInt8(phone.end + 4)
  const digits = readDigits(bytes, phone.end + 5)
  const id = idOf(phone.digits, kind, digits.digits)
  return `{"from":"${phone.digits}","id":"wamid.${id}","timestamp":"${stamp}${lengthen(bytes.toString('utf8', digits.end))}`
}

/** What an id says beside the phone; undefined where it is not exactly the id that is made of that. */
function digitsOf(id: string, phone: string): { kind: number; digits: string } | undefined {
  const bytes = ID_BYTES
  const end = bytes.write(id, 'base64') - 1
  const kindAt = BEFORE_PHONE.length + 1 + phone.length + BEFORE_KIND.length
  const kind = bytes[kindAt]
  const isFramed =
    end >= kindAt + 3 &&
    bytes[end] === 0 &&
    bytes[0] === BEFORE_PHONE[0] &&
    bytes[1] === BEFORE_PHONE[1] &&
    bytes[2] === phone.length &&
    bytes[kindAt - 3] === BEFORE_KIND[0] &&
    bytes[kindAt - 2] === BEFORE_KIND[1] &&
    bytes[kindAt - 1] === BEFORE_KIND[2] &&
    bytes[kindAt + 1] === BEFORE_DIGITS &&
    bytes[kindAt + 2] === end - kindAt - 3
  if (kind === undefined || !isFramed || bytes.toString('latin1', 3, 3 + phone.length) !== phone) return undefined
  const digits = bytes.toString('latin1', kindAt + 3, end)
  if (!DIGITS.test(digits)) return undefined
  // Only the last four characters of base64 can be written in more than one way.
  const lastAt = end - (end % 3)
  return bytes.toString('base64', lastAt, end + 1) === id.slice(-4) ? { kind, digits } : undefined
}

function idOf(phone: string, kind: number, digits: string): string {
  const bytes = Buffer.allocUnsafe(FRAME_BYTES + phone.length + digits.length)
  bytes.set([...BEFORE_PHONE, phone.length])
  let at = BEFORE_PHONE.length + 1
  at += bytes.write(phone, at, 'latin1')
  bytes.set([...BEFORE_KIND, kind, BEFORE_DIGITS, digits.length], at)
  at += BEFORE_KIND.length + 3
  at += bytes.write(digits, at, 'latin1')
  bytes[at] = 0
  return bytes.toString('base64')
}

function bytesFor(digits: string): number {
  return (digits.length + 1) >> 1
}

/** Their count, then two digits a byte; answers where it ended. */
function writeDigits(into: Buffer, digits: string, from: number): number {
  into[from] = digits.length
  const isOdd = digits.length % 2 === 1
  return from + 1 + into.write(isOdd ? digits + NO_DIGIT : digits, from + 1, 'hex')
}

function readDigits(bytes: Buffer, from: number): { digits: string; end: number } {
  const count = bytes.readUInt8(from)
  const end = from + 1 + ((count + 1) >> 1)
  return {
    digits: bytes
      .toString('hex', from + 1, end)
      .slice(0, count)
      .toUpperCase(),
    end,
  }
}
