import { expect, test } from 'bun:test'
import { firstUnsigned, publicKeyOf, RootSigner, signedText } from './audit-signature.ts'

const SEED = new Uint8Array(32).fill(3)
const ROOT = { day: '2026-11-22', seq: 7, hash: 'ab'.repeat(32) }
const signer = new RootSigner(SEED)
const KEY = publicKeyOf(signer.publicKey)

test('a root that was signed is known by the public key alone', () => {
  expect(firstUnsigned([signer.signed(ROOT), signer.signed({ ...ROOT, seq: 8 })], KEY)).toBeUndefined()
})

test.each([
  ['another day', { day: '2026-11-23' }],
  ['another row', { seq: 8 }],
  ['another hash', { hash: 'cd'.repeat(32) }],
  ['no signature', { signature: undefined }],
  ['the signature of another', { signature: new RootSigner(new Uint8Array(32).fill(4)).signed(ROOT).signature }],
])('%s is not', (_, change) => {
  const altered = { ...signer.signed(ROOT), ...change } as ReturnType<typeof signer.signed>
  expect(firstUnsigned([signer.signed(ROOT), altered], KEY)).toBe(altered)
})

test('the key is that of RFC 8032 for its seed, and the text is said in the README', () => {
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
  const shown = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
  expect(Buffer.from(new RootSigner(seed).publicKey, 'base64').toString('hex')).toBe(shown)
  expect(signedText(ROOT)).toBe(`gatehouse audit root\n2026-11-22 7 ${'ab'.repeat(32)}\n`)
})

test.each(['', 'AAAA', 'not a key'])('%j is no key', (text) => {
  expect(() => publicKeyOf(text)).toThrow('32 bytes')
})
