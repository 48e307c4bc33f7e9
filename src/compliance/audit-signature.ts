import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { AuditRoot } from '../records/audit-reader.ts'

/** The vault's name of the 32 bytes that the signing key is made of. */
export const AUDIT_SIGNATURE_KEY = 'audit-signature'

export interface SignedRoot extends AuditRoot {
  /** Ed25519 over `signedText`, base64. Absent of roots of before they were signed. */
  signature?: string
}

/** RFC 8410: what stands before the 32 bytes of an Ed25519 key in PKCS #8 and in SubjectPublicKeyInfo. */
const PRIVATE_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_HEAD = Buffer.from('302a300506032b6570032100', 'hex')
const PUBLIC_KEY_BYTES = 32

/** What is signed of a root: the same bytes for whoever checks it with another tool. */
export function signedText({ day, seq, hash }: AuditRoot): string {
  return `gatehouse audit root\n${day} ${seq} ${hash}\n`
}

/** Signs roots with a key of the vault. */
export class RootSigner {
  /** Base64 of 32 bytes, to be given away. */
  readonly publicKey: string
  readonly #key: KeyObject

  constructor(seed: Uint8Array) {
    this.#key = createPrivateKey({ key: Buffer.concat([PRIVATE_HEAD, seed]), format: 'der', type: 'pkcs8' })
    const shown = createPublicKey(this.#key).export({ format: 'der', type: 'spki' })
    this.publicKey = shown.subarray(PUBLIC_HEAD.length).toString('base64')
  }

  signed({ day, seq, hash }: AuditRoot): SignedRoot {
    const signature = sign(null, Buffer.from(signedText({ day, seq, hash })), this.#key).toString('base64')
    return { day, seq, hash, signature }
  }
}

/** A public key as a tool that takes PEM wants it. Throws where the text is no key of ours. */
export function publicKeyOf(text: string): KeyObject {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== PUBLIC_KEY_BYTES) throw new Error('A public key is 32 bytes in base64, as audit roots prints it')
  return createPublicKey({ key: Buffer.concat([PUBLIC_HEAD, bytes]), format: 'der', type: 'spki' })
}

/** The first root whose signature is missing or not by this key; undefined where all are. Needs no vault. */
export function firstUnsigned(roots: readonly SignedRoot[], key: KeyObject): SignedRoot | undefined {
  return roots.find(({ signature = '', ...root }) => {
    return !verify(null, Buffer.from(signedText(root)), key, Buffer.from(signature, 'base64'))
  })
}
