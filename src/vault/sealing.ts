import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { DICTIONARY } from './dictionary.ts'
import { packMessage, unpackMessage } from './pack-message.ts'
import { lengthen, shorten } from './shorten.ts'

/**
 * A sealed cell: one byte of form, a random nonce, the AES-256-GCM cipher text, its tag. The associated data names the
 * form and the place (table, column, row), so a cell that was changed or moved to another place does not open.
 */
export const SEAL_OVERHEAD_BYTES = 1 + 12 + 16

/** Of AES-256-GCM. */
export const NONCE_BYTES = 12
export const TAG_BYTES = 16
const FORM_PLAIN = 1
/** Deflated, with the dictionary beside this file. */
const FORM_DEFLATED = 2
/** A text in which common words stand as single characters. */
const FORM_SHORTENED = 3
/** A platform's message whose phone, id and stamp stand as bytes. */
const FORM_MESSAGE = 4
/** Below this deflating gains less than it costs. */
const DEFLATE_FROM_BYTES = 64
/** A small window and little memory make a short cell twice as fast to deflate, for two bytes more. */
const SHORT_BYTES_MAX = 2048
const SHORT = { dictionary: DICTIONARY, level: 1, memLevel: 1, windowBits: 12 }
const LONG = { dictionary: DICTIONARY, level: 6 }
/** How the platform's object of a customer's message begins. A longer one is worth deflating. */
const MESSAGE_START = '{"from":"'
const MESSAGE_CHARS_MAX = 512

const encoder = new TextEncoder()
const decoder = new TextDecoder()
/** Randomness is drawn for many nonces at once: a call for each costs more than the cipher. */
const noncePool = new Uint8Array(NONCE_BYTES * 512)
let noncePoolUsed = noncePool.length

function freshNonce(): Uint8Array {
  if (noncePoolUsed === noncePool.length) {
    randomFillSync(noncePool)
    noncePoolUsed = 0
  }
  noncePoolUsed += NONCE_BYTES
  return noncePool.subarray(noncePoolUsed - NONCE_BYTES, noncePoolUsed)
}

/** `plain`: not deflated, for what is written in a hurry and kept for days only. */
export function seal(
  key: Uint8Array,
  place: string,
  content: Uint8Array,
  packing: 'deflate' | 'plain' = 'deflate',
): Uint8Array {
  const packed = packing === 'plain' ? content : (deflated(content) ?? content)
  return sealAs(packed === content ? FORM_PLAIN : FORM_DEFLATED, packed, key, place)
}

function sealAs(form: number, packed: Uint8Array, key: Uint8Array, place: string): Uint8Array {
  const nonce = freshNonce()
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(encoder.encode(`${form}:${place}`))
  const text = cipher.update(packed)
  cipher.final()
  const sealed = new Uint8Array(SEAL_OVERHEAD_BYTES + text.length)
  sealed[0] = form
  sealed.set(nonce, 1)
  sealed.set(text, 1 + NONCE_BYTES)
  sealed.set(cipher.getAuthTag(), 1 + NONCE_BYTES + text.length)
  return sealed
}

function deflated(content: Uint8Array): Uint8Array | undefined {
  if (content.length < DEFLATE_FROM_BYTES) return undefined
  const packed = deflateRawSync(content, content.length <= SHORT_BYTES_MAX ? SHORT : LONG)
  return packed.length < content.length ? packed : undefined
}

/** Throws where the key or the place is another one, or a bit has changed. */
export function unseal(key: Uint8Array, place: string, sealed: Uint8Array): Uint8Array {
  const content = open(key, place, sealed)
  const isText = sealed[0] === FORM_SHORTENED || sealed[0] === FORM_MESSAGE
  return isText ? encoder.encode(textOf(sealed[0], content)) : content
}

function open(key: Uint8Array, place: string, sealed: Uint8Array): Uint8Array {
  const form = sealed[0]
  if (sealed.length < SEAL_OVERHEAD_BYTES || form === undefined || form < FORM_PLAIN || form > FORM_MESSAGE) {
    throw new Error(`Cannot open the sealed cell of ${place}: it is not in a known form`)
  }
  const tagStart = sealed.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + NONCE_BYTES))
  decipher.setAAD(encoder.encode(`${form}:${place}`))
  decipher.setAuthTag(sealed.subarray(tagStart))
  const content = decipher.update(sealed.subarray(1 + NONCE_BYTES, tagStart))
  decipher.final()
  return form === FORM_DEFLATED ? inflateRawSync(content, { dictionary: DICTIONARY }) : content
}

/** The tag of a sealed cell: what the next entry of a chain is bound to. */
export function tagOf(sealed: Uint8Array): Uint8Array {
  return sealed.slice(sealed.length - TAG_BYTES)
}

/** Packed, shortened or deflated first, whichever fits; `unsealText` opens it. */
export function sealText(key: Uint8Array, place: string, text: string): Uint8Array {
  const isMessage = text.length <= MESSAGE_CHARS_MAX && text.startsWith(MESSAGE_START)
  const packed = isMessage ? packMessage(text) : undefined
  if (packed) return sealAs(FORM_MESSAGE, packed, key, place)
  const short = isMessage ? shorten(text) : undefined
  if (short !== undefined) return sealAs(FORM_SHORTENED, encoder.encode(short), key, place)
  return seal(key, place, encoder.encode(text))
}

/** Throws where the key or the place is another one, or a bit has changed. */
export function unsealText(key: Uint8Array, place: string, sealed: Uint8Array): string {
  return textOf(sealed[0], open(key, place, sealed))
}

function textOf(form: number | undefined, content: Uint8Array): string {
  if (form === FORM_MESSAGE) return unpackMessage(content)
  const text = decoder.decode(content)
  return form === FORM_SHORTENED ? lengthen(text) : text
}

/** HMAC-SHA256 over parts that cannot run into each other. */
export function keyedHash(key: Uint8Array, ...parts: string[]): Uint8Array {
  const hasher = new Bun.CryptoHasher('sha256', key)
  for (const part of parts) hasher.update(`${part.length}:${part}`)
  return hasher.digest()
}

/** The first 64 bits of a keyed hash as SQLite keeps an integer. A hit has to be confirmed against what is sealed. */
export function keyedHash64(key: Uint8Array, ...parts: string[]): bigint {
  const digest = keyedHash(key, ...parts)
  return new DataView(digest.buffer, digest.byteOffset).getBigInt64(0)
}
