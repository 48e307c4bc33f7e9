import type { InboundItem } from '../core/inbound.ts'

/** What the input of an item gets: the item, and whose webhook it was. */
export interface ItemAsk<Item extends InboundItem> {
  /** Channel and application, such as `whatsapp/main`. */
  source: string
  item: Item
  arrivedAtMs: number
}
