import { mkdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf } from '../core/failure.ts'
import { syncFolder } from './copy-database.ts'

const PIECE_BYTES = 1024 * 1024

/**
 * Copies a file whose length and sum are known, durably. Throws, naming the file by its label, where what was read is
 * another: then the copy is not to be used.
 */
export async function copyChecked(
  from: string,
  to: string,
  expected: { label: string; bytes: number; sha256: string },
): Promise<void> {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
  const source = await open(from, 'r').catch((cause: unknown) => {
    const code = codeOf(cause) ?? 'unknown error'
    throw new Error(`The backup is damaged: ${expected.label} cannot be read (${code})`, { cause })
  })
  try {
    const copy = await open(to, 'w', 0o600)
    try {
      const hasher = new Bun.CryptoHasher('sha256')
      const piece = new Uint8Array(PIECE_BYTES)
      let bytes = 0
      for (;;) {
        const { bytesRead } = await source.read(piece, 0, PIECE_BYTES, null)
        if (bytesRead === 0) break
        const part = piece.subarray(0, bytesRead)
        hasher.update(part)
        for (let written = 0; written < bytesRead; ) {
          written += (await copy.write(part, written, bytesRead - written, null)).bytesWritten
        }
        bytes += bytesRead
      }
      if (bytes !== expected.bytes) {
        throw new Error(`The backup is damaged: ${expected.label} has ${bytes} bytes instead of ${expected.bytes}`)
      }
      if (hasher.digest('hex') !== expected.sha256) {
        throw new Error(`The backup is damaged: ${expected.label} was changed, its SHA-256 is another`)
      }
      await copy.sync()
    } finally {
      await copy.close()
    }
  } finally {
    await source.close()
  }
  syncFolder(dirname(to))
}
