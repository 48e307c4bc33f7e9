import { Failure } from '../core/failure.ts'
import type { BackupWish } from '../relay/backups.ts'
import type { EraseAsk } from '../relay/erase-command.ts'
import type { ReleaseWhat } from '../relay/release.ts'
import type { ReplayAsk } from '../relay/replay.ts'

/** What commands of the control socket are asked with. Each throws `invalid`, saying the form that is wanted. */

export function readReplay(body: Record<string, unknown>): ReplayAsk {
  const { kind, from, to } = body
  if (kind === 'quarantine') return { kind }
  if (kind === 'range' && isSequence(from) && isSequence(to)) return { kind, from, to }
  throw new Failure('invalid', 'Say {"kind": "quarantine"} or {"kind": "range", "from": N, "to": N}')
}

export function readErase({ contact, phone }: Record<string, unknown>): EraseAsk {
  if (typeof contact === 'string' && phone === undefined) return { contact }
  if (typeof phone === 'string' && contact === undefined) return { phone }
  throw new Failure('invalid', 'Say {"contact": "con_…"} or {"phone": "+…"}')
}

export function readKey({ key }: Record<string, unknown>): Uint8Array {
  if (typeof key === 'string' && /^[0-9a-f]{64}$/.test(key)) return Uint8Array.fromHex(key)
  throw new Failure('invalid', 'Say {"key": "64 hexadecimal characters"}')
}

export function readRelease({ all, number, message }: Record<string, unknown>): ReleaseWhat {
  if (all === true && number === undefined && message === undefined) return { all }
  if (typeof number === 'string' && all === undefined && message === undefined) return { number }
  if (typeof message === 'string' && all === undefined && number === undefined) return { message }
  throw new Failure('invalid', 'Say {"all": true}, {"number": "…"} or {"message": "msg_…"}')
}

/** Absolute folders, since the house has a working directory of its own. */
export function readBackup({ to, vault_to, vault_beside }: Record<string, unknown>): BackupWish {
  const isFolder = (value: unknown) => value === undefined || (typeof value === 'string' && value.startsWith('/'))
  if (!isFolder(to) || !isFolder(vault_to) || (vault_beside !== undefined && typeof vault_beside !== 'boolean')) {
    throw new Failure('invalid', 'Say {"to": "/folder", "vault_to": "/folder", "vault_beside": true}, each optional')
  }
  return { to: to as string | undefined, vaultTo: vault_to as string | undefined, vaultBeside: vault_beside }
}

function isSequence(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}
