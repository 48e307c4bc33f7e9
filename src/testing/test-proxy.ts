import { connect, createServer, type Server, type Socket } from 'node:net'

/** What one request asked of the proxy: `CONNECT host:port` or `POST http://…`, and as whom. */
export interface ProxyRequest {
  line: string
  authorization: string | null
}

/** A forward proxy as firms have it: CONNECT for TLS, the whole address in the request line for plain HTTP. */
export class TestProxy {
  readonly requests: ProxyRequest[] = []
  /** Said instead of passing anything on. */
  refusal: string | null = null
  readonly #sockets = new Set<Socket>()
  /** Where names lead that only this proxy knows. */
  readonly #hosts: Readonly<Record<string, number>>
  #server: Server | undefined
  #port = 0

  constructor(hosts: Readonly<Record<string, number>> = {}) {
    this.#hosts = hosts
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Starts at a free port; after `stop` at the same one. */
  async start(): Promise<this> {
    const server = createServer((socket) => this.#take(socket))
    this.#server = server
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    const address = server.address()
    this.#port = typeof address === 'object' && address !== null ? address.port : 0
    return this
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()))
  }

  #take(socket: Socket): void {
    this.#keep(socket)
    let received = Buffer.alloc(0)
    const hear = (piece: Buffer) => {
      received = Buffer.concat([received, piece])
      const end = received.indexOf('\r\n\r\n')
      if (end === -1) return
      socket.off('data', hear)
      this.#answer(socket, received.subarray(0, end).toString('latin1').split('\r\n'), received.subarray(end + 4))
    }
    socket.on('data', hear)
  }

  #answer(socket: Socket, [line = '', ...headers]: string[], rest: Buffer): void {
    const authorization = headers.find((header) => /^proxy-authorization:/i.test(header))?.split(': ')[1] ?? null
    const [method = '', target = '', version = ''] = line.split(' ')
    this.requests.push({ line: `${method} ${target}`, authorization })
    if (this.refusal !== null) return void socket.end(`HTTP/1.1 ${this.refusal}\r\nContent-Length: 0\r\n\r\n`)
    const url = new URL(method === 'CONNECT' ? `https://${target}` : target)
    const upstream = connect(this.#hosts[url.hostname] ?? Number(url.port), '127.0.0.1')
    this.#keep(upstream)
    upstream.once('connect', () => {
      if (method === 'CONNECT') socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      else {
        // One request a connection, so that each is seen here.
        const own = headers.filter((header) => !/^(proxy-|connection:)/i.test(header))
        upstream.write(
          [`${method} ${url.pathname}${url.search} ${version}`, ...own, 'Connection: close', '', ''].join('\r\n'),
        )
      }
      upstream.write(rest)
      if (method !== 'CONNECT') socket.on('data', (piece: Buffer) => this.#hearMore(piece, authorization))
      socket.pipe(upstream)
      upstream.pipe(socket)
    })
  }

  /** A client may have another request under way on a connection that is about to end. */
  #hearMore(piece: Buffer, authorization: string | null): void {
    const line = /^([A-Z]+ http\S+) HTTP/.exec(piece.toString('latin1'))?.[1]
    if (line !== undefined) this.requests.push({ line, authorization })
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
