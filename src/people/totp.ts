import { createHmac, timingSafeEqual } from 'node:crypto'

const STEP_MS = 30_000
const DIGITS = 6
/** Clocks of phones are off by some seconds: the code before and the one after are taken too. */
const STEPS_AROUND = 1
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
export const TOTP_SECRET_BYTES = 20

/** The code of a step of 30 seconds (RFC 6238 with SHA-1, which is what all apps speak). */
export function totpAt(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', secret).update(counter).digest()
  const offset = (mac.at(-1) ?? 0) & 15
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** DIGITS).padStart(DIGITS, '0')
}

export function stepAt(nowMs: number): number {
  return Math.floor(nowMs / STEP_MS)
}

/** The step that a code is of, if it is later than the newest that was taken; otherwise null. */
export function totpStep(secret: Uint8Array, code: string, { nowMs, after }: { nowMs: number; after: number }) {
  if (!/^\d{6}$/.test(code)) return null
  const now = stepAt(nowMs)
  let found: number | null = null
  for (let step = now - STEPS_AROUND; step <= now + STEPS_AROUND; step++) {
    const isSame = timingSafeEqual(Buffer.from(totpAt(secret, step)), Buffer.from(code))
    if (isSame && step > after) found ??= step
  }
  return found
}

/** RFC 4648 without padding, as apps want secrets. */
export function base32(bytes: Uint8Array): string {
  let bits = 0
  let value = 0
  let text = ''
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET[(value >> bits) & 31]
    }
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text
}
