import { describe, expect, test } from 'bun:test'
import { seededRandom } from '../testing/seeded-random.ts'
import { keyedHash, keyedHash64, SEAL_OVERHEAD_BYTES, seal, sealText, tagOf, unseal, unsealText } from './sealing.ts'

const KEY = new Uint8Array(32).fill(1)
const OTHER_KEY = new Uint8Array(32).fill(2)
const PLACE = 'messages.body:1'

describe('a sealed cell', () => {
  test.each([0, 1, 63, 64, 511, 512, 513, 2048, 2049, 100_000])('gives back %d bytes, noise or words', (length) => {
    const random = seededRandom(length + 1)
    const noise = Uint8Array.from({ length }, () => Math.floor(random() * 256))
    const words = new Uint8Array(length).fill(65)
    for (const content of [noise, words]) {
      const sealed = seal(KEY, PLACE, content)
      expect(unseal(KEY, PLACE, sealed).toHex()).toBe(content.toHex())
      expect(sealed.length).toBeLessThanOrEqual(length + SEAL_OVERHEAD_BYTES)
    }
  })

  test('gives back any text', () => {
    for (const text of ['', 'Grüße 你好 🙂', `{"text":{"body":"${'ha '.repeat(400)}"}}`]) {
      expect(unsealText(KEY, PLACE, sealText(KEY, PLACE, text))).toBe(text)
    }
  })

  test('of a message of a customer is short', () => {
    const id = 'wamid.HBgNNDkxNTExMDAwMDEyMxUCABIYFDNFQjBBQkNERUYwMTIzNDU2Nzg5AA=='
    const text = `{"from":"4915110000123","id":"${id}","timestamp":"1790000000","text":{"body":"Is this there?"},"type":"text"}`
    const sealed = sealText(KEY, PLACE, text)
    expect(unsealText(KEY, PLACE, sealed)).toBe(text)
    expect(sealed.length).toBeLessThan(text.length - 35)
    expect(new TextDecoder().decode(unseal(KEY, PLACE, sealed))).toBe(text)
    const odd = [
      '',
      'x'.repeat(5000),
      'ü🙂'.repeat(50),
      '\u0001 \u001f \u0000',
      '","id":"wamid.","id":"wamid.$&',
      '\n\t',
    ]
    for (const more of odd) {
      expect(unsealText(KEY, PLACE, sealText(KEY, PLACE, `{"from":"${more}`))).toBe(`{"from":"${more}`)
    }
  })

  test('is deflated where that makes it smaller', () => {
    expect(sealText(KEY, PLACE, 'the same words '.repeat(200)).length).toBeLessThan(300)
  })

  test('is never sealed twice alike', () => {
    const seen = new Set(Array.from({ length: 2000 }, () => sealText(KEY, PLACE, 'x').toHex()))
    expect(seen.size).toBe(2000)
  })

  test('opens neither with another key nor in another place', () => {
    const sealed = sealText(KEY, PLACE, 'a secret of some length, that is not told')
    expect(() => unseal(OTHER_KEY, PLACE, sealed)).toThrow()
    expect(() => unseal(KEY, 'messages.body:2', sealed)).toThrow()
    expect(unsealText(KEY, PLACE, sealed)).toStartWith('a secret')
  })

  test.each([
    ['short', 'short'],
    ['deflated', 'deflated '.repeat(100)],
    ['message', '{"from":"4915112345678","id":"wamid.x","timestamp":"1790000000","text":{"body":"Hi"},"type":"text"}'],
  ])('does not open once any of its bits is flipped: %s', (_, text) => {
    const sealed = sealText(KEY, PLACE, text)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const damaged = sealed.slice()
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => unseal(KEY, PLACE, damaged), `bit ${bit}`).toThrow()
    }
  })

  test('does not open where it is cut short', () => {
    const sealed = sealText(KEY, PLACE, 'something')
    for (let length = 0; length < sealed.length; length++) {
      expect(() => unseal(KEY, PLACE, sealed.slice(0, length)), `${length} bytes`).toThrow()
    }
  })

  test('ends with its tag, which a chain is made of', () => {
    const sealed = sealText(KEY, PLACE, 'x')
    expect(tagOf(sealed)).toEqual(sealed.slice(-16))
  })
})

describe('a keyed hash', () => {
  test('depends on the key and on where each part ends', () => {
    const hashes = [
      keyedHash(KEY, 'phone', 'acme', '+4915'),
      keyedHash(OTHER_KEY, 'phone', 'acme', '+4915'),
      keyedHash(KEY, 'phone', 'acm', 'e+4915'),
      keyedHash(KEY, 'phone', 'acme+4915'),
      keyedHash(KEY, 'phone', 'acme', '+491', '5'),
    ]
    expect(new Set(hashes.map((hash) => hash.toHex())).size).toBe(hashes.length)
    expect(keyedHash(KEY, 'a').toHex()).toBe(keyedHash(KEY, 'a').toHex())
  })

  test('of 64 bits fits what SQLite calls an integer', () => {
    const hashes = Array.from({ length: 200 }, (_, index) => keyedHash64(KEY, String(index)))
    expect(new Set(hashes).size).toBe(200)
    expect(hashes.every((hash) => hash === BigInt.asIntN(64, hash))).toBeTrue()
    expect(hashes.some((hash) => hash < 0n)).toBeTrue()
  })
})
