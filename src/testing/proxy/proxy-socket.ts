import { systemClock } from '../../core/clock.ts'
import { connectRealtime, type RealtimeConnection, type WebSocketLike } from '../../realtime/client.ts'
import type { RealtimeEvent } from '../../realtime/protocol.ts'
import { type CrashStand, OWN_CERTIFICATE } from '../crash/stand.ts'

/** A browser's socket, but for the certificate that nobody has signed. */
const LenientWebSocket = class {
  constructor(url: string, protocols: string[]) {
    // biome-ignore lint/correctness/noConstructorReturn: the client makes its sockets with new
    return new WebSocket(url, { protocols, tls: OWN_CERTIFICATE } as never)
  }
} as unknown as new (
  url: string,
  protocols: string[],
) => WebSocketLike

/** The client that the console uses, through a proxy, with everything it was told. */
export class ProxySocket {
  readonly problems: string[] = []
  /** The platform's ids of the messages that came in. */
  readonly messages = new Set<string>()
  cursor = 0
  isLive = false
  /** How often it was ended, and how long each time until it was up to date again. */
  ends = 0
  resumeMs: number[] = []
  readonly #stand: CrashStand
  readonly #url: string
  readonly #random: () => number
  #endedMs = 0
  #connection: RealtimeConnection | undefined

  constructor(stand: CrashStand, proxyUrl: string, random: () => number) {
    this.#stand = stand
    this.#url = `${proxyUrl.replace('http', 'ws')}/realtime`
    this.#random = random
  }

  connect(): void {
    this.#connection = connectRealtime({
      url: this.#url,
      ticket: () => this.#stand.ticket(),
      after: 0,
      random: this.#random,
      WebSocket: LenientWebSocket,
      onEvents: (events, upto) => this.#hear(events, upto),
      onState: (state) => this.#enter(state === 'live'),
      onGone: (info) => {
        this.problems.push(`told that ${this.cursor} is gone, head ${info.head}`)
        return { after: this.cursor }
      },
    })
  }

  close(): void {
    this.#connection?.close()
  }

  #enter(isLive: boolean): void {
    if (this.isLive && !isLive) {
      this.ends++
      this.#endedMs = systemClock.monoMs()
    }
    if (!this.isLive && isLive && this.#endedMs > 0) this.resumeMs.push(systemClock.monoMs() - this.#endedMs)
    this.isLive = isLive
  }

  #hear(events: readonly RealtimeEvent[], upto: number): void {
    for (const { offset, type, data } of events) {
      if (offset !== this.cursor + 1) this.problems.push(`${offset} came after ${this.cursor}`)
      this.cursor = offset
      if (type !== 'message.received') continue
      const { message } = data as { message: { upstream_id: string } }
      if (this.messages.has(message.upstream_id)) this.problems.push(`${message.upstream_id} came twice`)
      this.messages.add(message.upstream_id)
    }
    if (upto !== this.cursor) this.problems.push(`upto ${upto} after ${this.cursor}`)
  }
}
