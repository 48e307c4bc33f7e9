import { connectRealtime } from '../realtime/client.ts'
import { CLOSE_CODES } from '../realtime/close-codes.ts'
import type { LiveOptions } from './desk.ts'

/** Listens on the realtime socket of the server that the page came from. */
export function connectLive(options: LiveOptions): { close(): void } {
  return connectRealtime({
    url: `${location.origin.replace(/^http/, 'ws')}/realtime`,
    ticket: options.ticket,
    after: options.after,
    epoch: options.epoch,
    onEvents: (events) => options.onEvents(events),
    onState: (state, { code }) => {
      options.onConnected(state === 'live')
      if (state === 'closed' && code !== undefined) options.onEnded(code === CLOSE_CODES.version)
    },
    onGone: () => {
      options.onGone()
      return undefined
    },
  })
}
