import { codeOf } from './failure.ts'

const WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken. Stop what listens there, or choose another port',
  EACCES: 'this user may not listen there. Choose a port above 1023',
  EADDRNOTAVAIL: 'this machine has no such address',
}

/** Where somebody is about to listen, and the configuration's names for it. */
export interface Listening {
  hostname: string
  port: number
  settings: string
}

/** The host in a URL by which this machine reaches what listens at `host`: `0.0.0.0` and `::` only say that it is everywhere. */
export function hereOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

/** Opens a port; where that cannot be, throws in words that name the address and the setting. */
export function listening<T>({ hostname, port, settings }: Listening, open: () => T): T {
  try {
    return open()
  } catch (cause) {
    const code = codeOf(cause) ?? 'unknown error'
    const words = WORDS[code] ?? 'is that an address of this machine?'
    throw new Error(`Cannot listen at ${hostname}:${port} (${code}): ${words} (${settings})`, { cause })
  }
}
