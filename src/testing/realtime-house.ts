import { randomBytes } from 'node:crypto'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { Server } from 'bun'
import type { Clock } from '../core/clock.ts'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import type { RealtimeBounds } from '../realtime/bounds.ts'
import type { MaySee, Viewer } from '../realtime/event-log.ts'
import type { RealtimeMetrics } from '../realtime/metrics.ts'
import { silentRealtimeMetrics } from '../realtime/metrics.ts'
import type { ServerFrame } from '../realtime/protocol.ts'
import type { Realtime } from '../realtime/realtime.ts'
import { createRealtime } from '../realtime/realtime.ts'
import { serverFrameSchema } from '../realtime/schemas.ts'
import type { SocketData } from '../realtime/session.ts'
import { MemoryEventLog } from './memory-event-log.ts'
import { ownerNamed } from './principals.ts'

/** A hub behind a real server on loopback, over a log in memory. */
export interface RealtimeHouse {
  log: MemoryEventLog
  hub: Realtime
  server: Server<SocketData>
  url: string
  /** A ticket as an API key would get it. */
  ticket(viewerId?: string): string
  stop(): Promise<void>
}

export interface RealtimeHouseOptions {
  clock?: Clock
  maySee?: MaySee
  bounds?: Partial<RealtimeBounds>
  metrics?: Partial<RealtimeMetrics>
  /** Viewers that see the same; default: everybody. */
  visibilityOf?: (viewer: Viewer) => string
}

const serverFrame = TypeCompiler.Compile(serverFrameSchema)

export const TEST_ORIGIN = 'https://desk.example'

export function openRealtimeHouse(options: RealtimeHouseOptions = {}): RealtimeHouse {
  const log = new MemoryEventLog()
  const hub = createRealtime(
    {
      clock: options.clock ?? systemClock,
      randomBytes: (size) => randomBytes(size),
      log: silentLog,
      eventLog: log,
      maySee: options.maySee ?? (() => true),
      textOf: (_viewer, event) => event.json,
      renew: (viewer) => viewer,
      visibilityOf: options.visibilityOf ?? (() => 'all'),
      metrics: { ...silentRealtimeMetrics, ...options.metrics },
    },
    { origins: () => [TEST_ORIGIN], ...(options.bounds ? { bounds: options.bounds } : {}) },
  )
  const server = Bun.serve<SocketData>({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request, self) => hub.upgrade(request, self),
    websocket: hub.websocket,
  })
  return {
    log,
    hub,
    server,
    url: `ws://127.0.0.1:${server.port}/realtime`,
    ticket: (viewerId = 'owner') =>
      hub.tickets.issue({ viewer: ownerNamed(viewerId), byApiKey: true, origin: null }).ticket,
    async stop() {
      await hub.drain()
      await server.stop(true)
    },
  }
}

/** A plain socket that keeps what it hears, so that tests wait for things instead of sleeping. */
export class TestSocket {
  readonly frames: ServerFrame[] = []
  /** Frames that the published schema does not allow. A test that looks at frames must find this empty. */
  readonly illegal: string[] = []
  closed: { code: number; reason: string } | null = null
  readonly #socket: WebSocket
  #waiters: (() => void)[] = []

  constructor(url: string, protocols: string[], headers: Record<string, string> = {}) {
    this.#socket = new WebSocket(url, { protocols, headers } as unknown as string[])
    this.#socket.onmessage = ({ data }) => {
      const frame: unknown = JSON.parse(String(data))
      if (!serverFrame.Check(frame)) this.illegal.push(String(data))
      this.frames.push(frame as ServerFrame)
      this.#wake()
    }
    this.#socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason }
      this.#wake()
    }
  }

  get protocol(): string {
    return this.#socket.protocol
  }

  send(frame: unknown): void {
    this.#socket.send(typeof frame === 'string' || frame instanceof ArrayBuffer ? frame : JSON.stringify(frame))
  }

  /** Waits until the condition holds, which is looked at after each frame and at the close. */
  async until(what: string, holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.illegal.length > 0) throw new Error(`A frame the schema does not allow: ${this.illegal[0]}`)
      if (this.closed) throw new Error(`Closed with ${this.closed.code} before: ${what}`)
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
  }

  async frame<T extends ServerFrame['type']>(type: T, index = 0): Promise<Extract<ServerFrame, { type: T }>> {
    const found = () => this.frames.filter((frame) => frame.type === type)[index]
    await this.until(`${type} frame ${index}`, () => found() !== undefined)
    return found() as Extract<ServerFrame, { type: T }>
  }

  async close(): Promise<{ code: number; reason: string }> {
    this.#socket.close()
    return this.ended()
  }

  async ended(): Promise<{ code: number; reason: string }> {
    while (!this.closed) await new Promise<void>((resolve) => this.#waiters.push(resolve))
    return this.closed
  }

  /** The offsets of every event heard, in order. */
  offsets(): number[] {
    return this.frames.flatMap((frame) => (frame.type === 'events' ? frame.events.map((event) => event.offset) : []))
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}

/** A socket with a good ticket. */
export function connectTo(house: RealtimeHouse, viewerId?: string): TestSocket {
  return new TestSocket(house.url, ['gatehouse.v1', `ticket.${house.ticket(viewerId)}`])
}
