import type { Settings } from './settings.ts'
import type { StatusUpdate } from './webhook-body.ts'

/** What decides which statuses a send will have. */
export interface StatusCircumstances {
  /** The code it fails with later, or null. */
  errorCode: number | null
  /** The platform's rule: a reaction that is sent only ever has `sent`. */
  onlySent: boolean
  /** Whether the customer reads by themselves. */
  reads: boolean
  /** How long it is held for quality assessment. */
  heldMs: number
  /** Whether the statuses come at once, before the answer does. */
  atOnce: boolean
}

/** The statuses of a send in their order, each with its time from now. */
export function planStatuses(
  settings: Readonly<Settings>,
  circumstances: StatusCircumstances,
): { status: StatusUpdate['status']; afterMs: number }[] {
  const { errorCode, onlySent, reads, heldMs, atOnce } = circumstances
  const wait = (afterMs: number, place: number) => (atOnce ? place : afterMs) + heldMs
  if (errorCode !== null) return [{ status: 'failed', afterMs: wait(settings.failedAfterMs, 0) }]
  const sent = { status: 'sent' as const, afterMs: wait(settings.sentAfterMs, 0) }
  if (onlySent) return [sent]
  const delivered = { status: 'delivered' as const, afterMs: wait(settings.deliveredAfterMs, 10) }
  if (!reads) return [sent, delivered]
  return [sent, delivered, { status: 'read', afterMs: wait(settings.readAfterMs, 20) }]
}
