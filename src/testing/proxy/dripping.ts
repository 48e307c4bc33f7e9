import { connect } from 'node:tls'
import { pause, systemClock } from '../../core/clock.ts'

const DRIP_MS = 500

/**
 * A client that sends a byte of its request's head now and then (`head`), or stops in the middle of a body (`body`).
 * Answers after how many milliseconds the other side has ended it; null: not in that time.
 */
export async function endOfDripping(url: string, what: 'head' | 'body', waitMs: number): Promise<number | null> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), servername: hostname, rejectUnauthorized: false })
  const startedMs = systemClock.monoMs()
  let endedMs: number | undefined
  const noteEnd = () => {
    endedMs ??= systemClock.monoMs()
  }
  for (const event of ['error', 'end', 'close']) socket.on(event, noteEnd)
  socket.resume()
  if (what === 'head') socket.write(`GET /healthz HTTP/1.1\r\nHost: ${hostname}\r\nX-Slow: `)
  else socket.write(`POST /webhooks/main HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 1000\r\n\r\n{"object":`)
  while (endedMs === undefined && systemClock.monoMs() - startedMs < waitMs) {
    await pause(systemClock, DRIP_MS)
    if (what === 'head' && endedMs === undefined) socket.write('x')
  }
  socket.destroy()
  return endedMs === undefined ? null : endedMs - startedMs
}

/** Requests of one address whose bodies never come; answers how many were refused at once with 429. */
export async function refusedOfMany(url: string, count: number, waitMs: number): Promise<number> {
  const { hostname, port } = new URL(url)
  let refused = 0
  const sockets = Array.from({ length: count }, () => {
    const socket = connect({ host: hostname, port: Number(port), servername: hostname, rejectUnauthorized: false })
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      if (bytes.toString('latin1').startsWith('HTTP/1.1 429')) refused++
    })
    socket.write(`POST /api/v1/messages HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 1000\r\n\r\n{`)
    return socket
  })
  const endMs = systemClock.monoMs() + waitMs
  while (refused === 0 && systemClock.monoMs() < endMs) await pause(systemClock, DRIP_MS)
  await pause(systemClock, DRIP_MS)
  for (const socket of sockets) socket.destroy()
  return refused
}
