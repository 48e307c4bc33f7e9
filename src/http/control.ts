import { chmodSync, existsSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../core/failure.ts'
import type { Log } from '../core/log.ts'
import { readJson } from './body.ts'
import { problemResponse, responseOf } from './errors.ts'

export const CONTROL_SOCKET = 'control.sock'
/** The kernel's bound on a socket's path. */
const PATH_BYTES_MAX = 107
const BODY_BYTES_MAX = 64 * 1024

export interface Control {
  stop(): Promise<void>
}

/** What a command does with what it was asked, and what it answers. A `Failure` is told as the API tells it. */
export type ControlCommand = (ask: Record<string, unknown>) => Promise<object>

export interface ControlOptions {
  folder: string
  log: Log
  /** By their paths, such as `replay` or `search/rebuild`. */
  commands: Readonly<Record<string, ControlCommand>>
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
    const name = new URL(request.url).pathname.slice(1)
    const command = Object.hasOwn(options.commands, name) ? options.commands[name] : undefined
    if (!command || request.method !== 'POST') throw new Failure('not_found', 'No such command')
    return Response.json(await command(await readJson(request, BODY_BYTES_MAX)))
  } catch (error) {
    if (error instanceof Failure) return responseOf(error, options.log)
    // Whoever commands the house is told why: a damaged or shortened journal says so in its own words.
    options.log.error('command failed', { error: error instanceof Error ? error.name : 'unknown' })
    const message = error instanceof Error ? error.message : 'unknown error'
    return problemResponse({ code: 'internal', message, members: {} })
  }
}
