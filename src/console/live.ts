import { connectRealtime, type RealtimeOptions } from '../realtime/client.ts'
import { CLOSE_CODES } from '../realtime/close-codes.ts'
import type { LiveOptions } from './desk.ts'

/** What a browser says when its network comes or goes. */
const NETWORK_EVENTS = ['online', 'offline'] as const

/** Listens on the realtime socket of the server that the page came from. */
export function connectLive(options: LiveOptions): { close(): void } {
  let connection = connect(options)
  // The silence of a network that is gone, or the wait for the next try, would take half a minute to end by itself.
  const again = () => {
    const after = connection.cursor() ?? options.after
    connection.close()
    connection = connect({ ...options, after })
  }
  for (const event of NETWORK_EVENTS) addEventListener(event, again)
  return {
    close() {
      for (const event of NETWORK_EVENTS) removeEventListener(event, again)
      connection.close()
    },
  }
}

function connect(options: LiveOptions) {
  return connectRealtime({ ...heardBy(options), url: `${location.origin.replace(/^http/, 'ws')}/realtime` })
}

/** What the desk hears of a connection, wherever that leads. */
export function heardBy({ ticket, after, epoch, ...desk }: LiveOptions): Omit<RealtimeOptions, 'url'> {
  return {
    ticket,
    after,
    epoch,
    onEvents: (events) => desk.onEvents(events),
    onState: (state, { code }) => {
      desk.onConnected(state === 'live')
      if (state === 'closed' && code !== undefined) desk.onEnded(code === CLOSE_CODES.version)
    },
    onGone: () => {
      desk.onGone()
      return undefined
    },
  }
}
