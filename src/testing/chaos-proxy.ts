import { createServer, type Server, type Socket } from 'node:net'
import { pause, systemClock } from '../core/clock.ts'

/** What may happen to a request on its way to the platform, or to the answer on its way back. */
export const CHAOS = {
  // The platform never sees it.
  reset_before: { executes: false },
  error_500: { executes: false },
  error_502_html: { executes: false },
  error_503: { executes: false },
  error_504: { executes: false },
  html_200: { executes: false },
  error_body_200: { executes: false },
  // The platform carries it out, and its answer is lost or spoilt.
  close_after: { executes: true },
  reset_after: { executes: true },
  hold: { executes: true },
  half_answer: { executes: true },
  half_close: { executes: true },
  html_502_after: { executes: true },
  garbage_after: { executes: true },
  // Only slow.
  drip: { executes: true },
  pass: { executes: true },
} as const
export type Chaos = keyof typeof CHAOS

const HTML = '<!doctype html><title>Sorry</title><h1>Something went wrong</h1>'
const ERROR_BODY = '{"error":{"message":"(#2) Service temporarily unavailable","type":"OAuthException","code":2}}'
const MADE: Partial<Record<Chaos, readonly [status: number, type: string, body: string]>> = {
  error_500: [500, 'application/json', '{"error":{"code":1,"message":"An unknown error"}}'],
  error_502_html: [502, 'text/html', HTML],
  error_503: [503, 'text/plain', ''],
  error_504: [504, 'text/html', HTML],
  html_200: [200, 'text/html', HTML],
  error_body_200: [200, 'application/json', ERROR_BODY],
  html_502_after: [502, 'text/html', HTML],
}
const DRIP_MS = 3
const DRIP_BYTES = 16
const HOLD_MS = 2_000

/** Stands before the platform and does to each request what it is told to. It counts what it did. */
export class ChaosProxy {
  readonly counts = new Map<Chaos, number>()
  readonly #target: () => string
  readonly #refusalHeaders: string
  readonly #choose: () => Chaos
  readonly #sockets = new Set<Socket>()
  readonly #server: Server

  /**
   * `target`: the platform's address; `choose` says what happens to the next request; `refusalHeaders` join every
   * refusal of the platform, such as `Retry-After: 1`.
   */
  constructor(target: () => string, choose: () => Chaos, refusalHeaders = '') {
    this.#target = target
    this.#refusalHeaders = refusalHeaders
    this.#choose = choose
    this.#server = createServer((socket) => this.#serve(socket))
  }

  async start(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
    const address = this.#server.address()
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {})
    let text = ''
    // One character for each byte.
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += String(chunk)
      const headEnd = text.indexOf('\r\n\r\n')
      if (headEnd < 0) return
      const head = text.slice(0, headEnd)
      const bodyEnd = headEnd + 4 + Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0)
      if (text.length < bodyEnd) return
      const body = text.slice(headEnd + 4, bodyEnd)
      text = text.slice(bodyEnd)
      // The platform itself may be gone by then, at the end of a test.
      this.#answer(socket, head, body).catch(() => socket.destroy())
    })
  }

  async #answer(socket: Socket, head: string, body: string): Promise<void> {
    const chaos = this.#choose()
    this.counts.set(chaos, (this.counts.get(chaos) ?? 0) + 1)
    if (chaos === 'reset_before') return void socket.resetAndDestroy()
    const made = MADE[chaos]
    if (made && !CHAOS[chaos].executes) return void socket.write(answerText(...made))
    const real = await this.#forward(head, body)
    if (made) return void socket.write(answerText(...made))
    await misbehave(socket, chaos, real)
  }

  async #forward(head: string, body: string): Promise<string> {
    const [line = '', ...lines] = head.split('\r\n')
    const [method = 'GET', path = '/'] = line.split(' ')
    const headers = new Headers(
      lines.map((text): [string, string] => {
        const at = text.indexOf(':')
        return [text.slice(0, at), text.slice(at + 1).trim()]
      }),
    )
    for (const name of ['host', 'connection', 'content-length', 'accept-encoding']) headers.delete(name)
    const response = await fetch(this.#target() + path, {
      method,
      headers,
      ...(method === 'GET' ? {} : { body: Buffer.from(body, 'latin1') }),
    })
    const type = response.headers.get('content-type') ?? ''
    const more = response.ok || this.#refusalHeaders === '' ? '' : `\r\n${this.#refusalHeaders}`
    return answerText(response.status, type + more, await response.text())
  }
}

async function misbehave(socket: Socket, chaos: Chaos, answer: string): Promise<void> {
  const half = answer.slice(0, Math.floor(answer.length / 2))
  if (chaos === 'close_after') socket.destroy()
  else if (chaos === 'reset_after') socket.resetAndDestroy()
  else if (chaos === 'half_answer') socket.write(half, () => socket.destroy())
  else if (chaos === 'half_close') socket.end(half)
  else if (chaos === 'garbage_after') socket.end('\u0000\u0001 no HTTP at all\r\n\r\n')
  else if (chaos === 'hold') {
    await pause(systemClock, HOLD_MS)
    socket.destroy()
  } else if (chaos === 'drip') {
    for (let at = 0; at < answer.length && !socket.destroyed; at += DRIP_BYTES) {
      socket.write(answer.slice(at, at + DRIP_BYTES))
      await pause(systemClock, DRIP_MS)
    }
  } else socket.write(answer)
}

function answerText(status: number, type: string, body: string): string {
  const length = Buffer.byteLength(body)
  return `HTTP/1.1 ${status} X\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n${body}`
}
