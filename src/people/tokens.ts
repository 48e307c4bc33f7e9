import { createHash, randomBytes } from 'node:crypto'

/** 256 random bits as a text of 43 characters. */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

/** What is kept of one, SHA-256: a token of this length needs no slow hash. */
export function hashToken(token: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(token).digest())
}

/** The hash as a key of a map. */
export function nameOfHash(hash: Uint8Array): string {
  return Buffer.from(hash).toString('latin1')
}
