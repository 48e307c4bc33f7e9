import type { InboundItem, MessageItem } from '../core/inbound.ts'

/** What the input of an item gets: the item, and whose webhook it was. */
export interface ItemAsk<Item extends InboundItem> {
  /** Channel and application, such as `whatsapp/main`. */
  source: string
  item: Item
  arrivedAtMs: number
}

/**
 * How long after the platform's stamp a message still counts. The platform counts it in the second in which it comes
 * in: what it brings later, as after an outage, it has counted before. Longer than a second, as clocks differ.
 */
const COUNTED_MS = 60_000

/** Whether the platform counts it now, with what goes out, in the rate of its number. */
export function takesPlace(item: Pick<MessageItem, 'direction' | 'space' | 'atMs'>, nowMs: number): boolean {
  return item.direction === 'in' && item.space === 'messages' && nowMs - item.atMs < COUNTED_MS
}
