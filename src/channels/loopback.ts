import { createServer, type Server, type Socket } from 'node:net'

/** What the stand-in does with a request that it has read to its end. */
export type Behaviour =
  | { do: 'answer'; status: number; body?: string; headers?: Record<string, string> }
  /** Takes the request and says nothing. */
  | { do: 'silence' }
  /** Takes the request and resets the connection. */
  | { do: 'reset' }
  /** Sends the head and half of the body, then resets. */
  | { do: 'cut'; status: number }

/** A platform on a loopback port that behaves as badly as it is told to. For tests only. */
export class LoopbackPlatform {
  /** Every request that was read to its end, in order. */
  readonly requests: { head: string; body: string }[] = []
  #behaviour: Behaviour = { do: 'silence' }
  #resetsAtOnce = false
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  #port = 0

  constructor() {
    this.#server = createServer((socket) => this.#accept(socket))
  }

  /** The stand-in for the Graph address. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
  }

  /** Safe to call twice. Afterwards nobody listens on the port. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  /** From now on. */
  behave(behaviour: Behaviour): void {
    this.#behaviour = behaviour
    this.requests.length = 0
  }

  /** Resets every new connection before anything is read from it. */
  resetAtOnce(): void {
    this.#resetsAtOnce = true
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    if (this.#resetsAtOnce) return void socket.resetAndDestroy()
    let read = ''
    socket.on('data', (bytes) => {
      read += bytes.toString('utf8')
      const headEnd = read.indexOf('\r\n\r\n')
      if (headEnd < 0) return
      const head = read.slice(0, headEnd)
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      const body = read.slice(headEnd + 4)
      if (Buffer.byteLength(body) < length) return
      read = ''
      this.requests.push({ head, body })
      respond(socket, this.#behaviour)
    })
  }
}

function respond(socket: Socket, behaviour: Behaviour): void {
  if (behaviour.do === 'silence') return
  if (behaviour.do === 'reset') return void socket.resetAndDestroy()
  if (behaviour.do === 'cut') {
    socket.write(`HTTP/1.1 ${behaviour.status} X\r\nContent-Length: 1000\r\n\r\n{"error":`, () =>
      socket.resetAndDestroy(),
    )
    return
  }
  const body = behaviour.body ?? ''
  const headers = Object.entries(behaviour.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`)
  const length = `Content-Length: ${Buffer.byteLength(body)}\r\n`
  socket.write(`HTTP/1.1 ${behaviour.status} X\r\n${length}${headers.join('')}\r\n${body}`)
}
