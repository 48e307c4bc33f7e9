import type { CloseName } from './close-codes.ts'

/** Why a handshake was answered with an HTTP error. */
export type UpgradeRefusal =
  | 'no_upgrade'
  | 'draining'
  | 'foreign_origin'
  | 'subprotocol'
  | 'no_ticket'
  | 'full'
  | 'too_fast'
  | 'origin_required'

/** What the hub reports, as plain functions. Counts are given as increments, except `connections`. */
export interface RealtimeMetrics {
  /** Open sockets, after every change. */
  connections(count: number): void
  /** From the first commit that a flush covers to the last socket it was sent to. */
  lagSeconds(seconds: number): void
  delivered(events: number, frames: number): void
  closed(reason: CloseName | 'client'): void
  refused(reason: UpgradeRefusal | 'bad_ticket' | 'too_many_connections'): void
  /** A log read for resuming sessions. */
  logRead(): void
}

export const silentRealtimeMetrics: RealtimeMetrics = {
  connections() {},
  lagSeconds() {},
  delivered() {},
  closed() {},
  refused() {},
  logRead() {},
}
