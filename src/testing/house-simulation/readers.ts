import type { Server } from 'bun'
import { must } from '../../core/assert.ts'
import type { ServerFrame } from '../../realtime/protocol.ts'
import type { Socket, SocketData } from '../../realtime/session.ts'
import { ownerNamed } from '../principals.ts'
import type { Chance } from './chance.ts'
import type { SimulatedProcess } from './simulated-process.ts'

/** The one account of the log: whoever reads tells it what they saw. */
export interface Witness {
  /** An event as somebody saw it; a finding where the same offset had other bytes before. */
  sees(who: string, event: { offset: number }): void
  fail(what: string): void
}

/** The server's end of a socket whose other end is a reader. */
class FakeSocket {
  readonly data: SocketData
  readonly #hear: (text: string) => void
  readonly #closed: (code: number) => void
  #held: string[] = []
  isFull = false

  constructor(data: SocketData, on: { text: (text: string) => void; close: (code: number) => void }) {
    this.data = data
    this.#hear = on.text
    this.#closed = on.close
  }

  /** As Bun's: the bytes sent, or -1 where they are held back. */
  send(text: string): number {
    if (this.isFull) {
      this.#held.push(text)
      return -1
    }
    this.#hear(text)
    return text.length
  }

  getBufferedAmount(): number {
    return this.#held.length
  }

  ping(): number {
    return 1
  }

  close(code: number): void {
    this.#closed(code)
  }

  empty(): void {
    this.isFull = false
    for (const text of this.#held.splice(0)) this.#hear(text)
  }
}

/** Follows the log over a socket and resumes by its cursor after whatever ended it. */
export class SocketReader {
  readonly name: string
  cursor: number
  readonly #witness: Witness
  #process: SimulatedProcess | null = null
  #socket: FakeSocket | null = null
  #lastOffset: number

  constructor(name: string, after: number, witness: Witness) {
    this.name = name
    this.cursor = after
    this.#lastOffset = after
    this.#witness = witness
  }

  get isConnected(): boolean {
    return this.#socket !== null && this.#process?.isAlive === true
  }

  connect(process: SimulatedProcess): void {
    const { realtime } = process
    if (!realtime || this.isConnected) return
    const { ticket } = realtime.tickets.issue({ viewer: ownerNamed(), byApiKey: true, origin: null })
    const headers = { upgrade: 'websocket', 'sec-websocket-protocol': `gatehouse.v1, ticket.${ticket}` }
    let data: SocketData | undefined
    const upgrade = (_request: Request, options: { data: SocketData }) => {
      data = options.data
      return true
    }
    const refusal = realtime.upgrade(new Request('http://house/realtime', { headers }), {
      upgrade,
    } as unknown as Server<SocketData>)
    // Refused for coming too fast: comes again later.
    if (refusal) return
    const socket = new FakeSocket(must(data, 'the data of the socket'), {
      text: (text) => this.#hear(socket, text),
      close: (code) => this.#closed(process, socket, code),
    })
    this.#process = process
    this.#socket = socket
    void realtime.websocket.open?.(socket as unknown as Socket)
  }

  disconnect(): void {
    const { realtime } = this.#process ?? {}
    const socket = this.#socket
    this.#socket = null
    if (!socket || !realtime || !this.#process?.isAlive) return
    void realtime.websocket.close?.(socket as unknown as Socket, 1000, '')
  }

  /** The socket takes nothing more, or takes it again. */
  block(chance: Chance): void {
    const socket = this.#socket
    if (!socket || !this.isConnected) return
    if (!socket.isFull) {
      socket.isFull = chance.is(0.7)
      return
    }
    this.unblock()
  }

  unblock(): void {
    const socket = this.#socket
    if (!socket?.isFull || !this.isConnected) return
    socket.empty()
    void this.#process?.realtime?.websocket.drain?.(socket as unknown as Socket)
  }

  #closed(process: SimulatedProcess, socket: FakeSocket, code: number): void {
    if (this.#socket === socket) this.#socket = null
    void process.realtime?.websocket.close?.(socket as unknown as Socket, code, '')
  }

  #hear(socket: FakeSocket, text: string): void {
    if (this.#socket !== socket || !this.isConnected) return
    const frame = JSON.parse(text) as ServerFrame
    switch (frame.type) {
      case 'hello':
        return this.#say({ type: 'subscribe', id: 1, after: this.cursor, epoch: frame.epoch })
      case 'events':
        return this.#take(frame)
      case 'ping':
        if (frame.upto !== undefined && frame.upto !== this.cursor) {
          this.#witness.fail(`${this.name} is at ${this.cursor}, and a ping says ${frame.upto}`)
        }
        return this.#say({ type: 'ack', upto: this.cursor })
      case 'error':
        this.#witness.fail(`${this.name} was told: ${text}`)
    }
  }

  #take(frame: Extract<ServerFrame, { type: 'events' }>): void {
    if (frame.after > this.cursor)
      this.#witness.fail(`${this.name} is at ${this.cursor}, a frame begins at ${frame.after}`)
    for (const event of frame.events) {
      if (event.offset <= this.cursor) continue
      if (event.offset !== this.#lastOffset + 1) {
        this.#witness.fail(`${this.name} got event ${event.offset} after ${this.#lastOffset}`)
      }
      this.#lastOffset = event.offset
      this.#witness.sees(this.name, event)
    }
    if (this.#lastOffset !== frame.upto)
      this.#witness.fail(`${this.name}: a frame up to ${frame.upto} has a hole at its end`)
    this.cursor = frame.upto
  }

  #say(frame: object): void {
    const socket = this.#socket
    const process = this.#process
    if (!socket || !process) return
    // A client answers when it has heard, not inside the server's call.
    queueMicrotask(() => {
      if (!process.isAlive || this.#socket !== socket) return
      void process.realtime?.websocket.message?.(socket as unknown as Socket, JSON.stringify(frame))
    })
  }
}

/** Asks `GET /api/v1/events` again and again. */
export class PollReader {
  cursor = 0
  readonly #witness: Witness
  #asking: SimulatedProcess | null = null

  constructor(witness: Witness) {
    this.#witness = witness
  }

  get isAsking(): boolean {
    return this.#asking?.isAlive === true
  }

  ask(process: SimulatedProcess, waitMs: number, limit: number): void {
    if (this.isAsking || !process.poll || !process.isServing) return
    this.#asking = process
    const { signal } = new AbortController()
    const ask = { after: this.cursor, epoch: null, limit, waitMs, signal }
    void process.poll.answer(ask, ownerNamed()).then((text) => {
      this.#asking = null
      if (process.isAlive) this.#take(JSON.parse(text) as { events: { offset: number }[]; upto: number; head: number })
    })
  }

  #take({ events, upto, head }: { events: { offset: number }[]; upto: number; head: number }): void {
    let last = this.cursor
    for (const event of events) {
      if (event.offset !== last + 1) this.#witness.fail(`the poll got event ${event.offset} after ${last}`)
      last = event.offset
      this.#witness.sees('the poll', event)
    }
    if (upto !== last || upto > head)
      this.#witness.fail(`the poll was told ${upto} of ${head}, and its last event was ${last}`)
    this.cursor = upto
  }
}
