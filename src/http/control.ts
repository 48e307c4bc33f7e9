import { chmodSync, existsSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../core/failure.ts'
import type { Log } from '../core/log.ts'
import type { EraseAsk } from '../relay/erase-command.ts'
import type { ReplayAsk } from '../relay/replay.ts'
import { readJson } from './body.ts'
import { problemResponse, responseOf } from './errors.ts'

export const CONTROL_SOCKET = 'control.sock'
/** The kernel's bound on a socket's path. */
const PATH_BYTES_MAX = 107
const BODY_BYTES_MAX = 64 * 1024

export interface Control {
  stop(): Promise<void>
}

export interface ControlOptions {
  folder: string
  log: Log
  /** Answers how many bodies were given in again. */
  replay(ask: ReplayAsk): Promise<number>
  /** Erases a person whole, and answers the erasure as the API shows it. */
  erase(who: EraseAsk): Promise<object>
  /** Makes the word index anew, in the background. */
  rebuildSearch(): Promise<void>
  /** Changes the master key. */
  changeMasterKey(next: Uint8Array): Promise<void>
}

/** The way in for commands of the command line. Whoever may read and write the folder's files may command it: 0600. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const path = join(options.folder, CONTROL_SOCKET)
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
    options.log.warn('no control socket: the path of the data folder is too long', { count: Buffer.byteLength(path) })
    return { stop: async () => {} }
  }
  // Left behind by a process that was killed; the folder's lock is ours, so nobody listens there.
  if (existsSync(path)) unlinkSync(path)
  const server = Bun.serve({
    unix: path,
    // A long replay says nothing until it is done. The types know this option only for ports.
    ...({ idleTimeout: 0 } as object),
    fetch: (request) => answer(options, request),
  })
  chmodSync(path, 0o600)
  return {
    stop: async () => {
      await server.stop(true)
      if (existsSync(path)) unlinkSync(path)
    },
  }
}

async function answer(options: ControlOptions, request: Request): Promise<Response> {
  try {
    const { pathname } = new URL(request.url)
    if (pathname === '/replay' && request.method === 'POST') {
      const ask = readReplay(await readJson(request, BODY_BYTES_MAX))
      return Response.json({ replayed: await options.replay(ask) })
    }
    if (pathname === '/erase' && request.method === 'POST') {
      return Response.json(await options.erase(readErase(await readJson(request, BODY_BYTES_MAX))))
    }
    if (pathname === '/master-key' && request.method === 'POST') {
      await options.changeMasterKey(readKey(await readJson(request, BODY_BYTES_MAX)))
      return Response.json({ changed: true })
    }
    if (pathname === '/search/rebuild' && request.method === 'POST') {
      await options.rebuildSearch()
      return Response.json({ rebuilding: true })
    }
    throw new Failure('not_found', 'No such command')
  } catch (error) {
    if (error instanceof Failure) return responseOf(error, options.log)
    // Whoever commands the house is told why: a damaged or shortened journal says so in its own words.
    options.log.error('command failed', { error: error instanceof Error ? error.name : 'unknown' })
    const message = error instanceof Error ? error.message : 'unknown error'
    return problemResponse({ code: 'internal', message, members: {} })
  }
}

function readReplay(body: Record<string, unknown>): ReplayAsk {
  const { kind, from, to } = body
  if (kind === 'quarantine') return { kind }
  if (kind === 'range' && isSequence(from) && isSequence(to)) return { kind, from, to }
  throw new Failure('invalid', 'Say {"kind": "quarantine"} or {"kind": "range", "from": N, "to": N}')
}

function readErase({ contact, phone }: Record<string, unknown>): EraseAsk {
  if (typeof contact === 'string' && phone === undefined) return { contact }
  if (typeof phone === 'string' && contact === undefined) return { phone }
  throw new Failure('invalid', 'Say {"contact": "con_…"} or {"phone": "+…"}')
}

function readKey({ key }: Record<string, unknown>): Uint8Array {
  if (typeof key === 'string' && /^[0-9a-f]{64}$/.test(key)) return Uint8Array.fromHex(key)
  throw new Failure('invalid', 'Say {"key": "64 hexadecimal characters"}')
}

function isSequence(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}
