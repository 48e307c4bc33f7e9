import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync } from 'node:fs'
import type { SignedRoot } from './audit-signature.ts'

/** In the data folder: a line for each day that is over. Kept elsewhere too, it shows what was made anew as a whole. */
export const AUDIT_ROOTS_FILE = 'audit-roots'

/** 64 bytes. */
const SIGNATURE = /^[A-Za-z0-9+/]{86}==$/
const FORM = /^\d{4}-\d{2}-\d{2}$/

/** The roots in a file, in its order; none where there is no file. Throws where a line is no root. */
export function readRoots(path: string): SignedRoot[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  // A line that has no end was cut off by a stop while it was written; it is written again.
  return lines.slice(0, -1).map((line, index) => {
    const root = parsed(line)
    if (!root) throw new Error(`Line ${index + 1} of ${path} is no root of the audit`)
    return root
  })
}

function parsed(line: string): SignedRoot | undefined {
  try {
    const { day, seq, hash, signature } = JSON.parse(line) as Partial<SignedRoot>
    const isRoot = FORM.test(day ?? '') && Number.isSafeInteger(seq) && /^[0-9a-f]{64}$/.test(hash ?? '')
    if (!isRoot || (signature !== undefined && !SIGNATURE.test(signature))) return undefined
    return { day, seq, hash, ...(signature === undefined ? {} : { signature }) } as SignedRoot
  } catch {
    return undefined
  }
}

/** Puts roots at the end of a file; durable when this returns. */
export function appendRoots(path: string, roots: readonly SignedRoot[]): void {
  if (roots.length === 0) return
  const file = openSync(path, 'a', 0o600)
  try {
    dropTorn(path)
    appendFileSync(file, roots.map((root) => `${JSON.stringify(root)}\n`).join(''))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Takes away a last line that a stop cut off. */
function dropTorn(path: string): void {
  const text = readFileSync(path, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole))
}
