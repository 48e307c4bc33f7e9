import { expect } from 'bun:test'
import { must } from '../../core/assert.ts'
import type { InboundItem } from '../../core/inbound.ts'
import { itemsOf } from './parse.ts'

export const RECEIVED_MS = Date.UTC(2026, 10, 22, 9)
export const METADATA = { display_phone_number: '15550783881', phone_number_id: '106540352242922' }
export const ACCOUNT = { id: '106540352242922', display: '+15550783881' }
export const WABA = '102290129340398'
export const STAMP = '1790000000'
export const STAMP_MS = 1790000000000

/** A webhook with one change. `more` stands beside the changes. */
export function body(value: unknown, field = 'messages', more: Record<string, unknown> = {}): Record<string, unknown> {
  return { object: 'whatsapp_business_account', entry: [{ id: WABA, ...more, changes: [{ field, value }] }] }
}

export const withFrame = (value: Record<string, unknown>) => ({
  messaging_product: 'whatsapp',
  metadata: METADATA,
  ...value,
})

/** All items of a body at once. */
export const parse = (body: unknown, receivedAtMs: number): InboundItem[] => [...itemsOf(body, receivedAtMs)]

export const items = (value: Record<string, unknown>, field = 'messages') =>
  parse(body(withFrame(value), field), RECEIVED_MS)

/** The only item, which is of this kind. */
export function one<K extends InboundItem['kind']>(found: InboundItem[], kind: K): Extract<InboundItem, { kind: K }> {
  expect(found).toHaveLength(1)
  const item = must(found[0], 'the item')
  expect(item.kind).toBe(kind)
  return item as Extract<InboundItem, { kind: K }>
}

/** A message of the customer whose phone is +16505551234. */
export const said = (type: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  from: '16505551234',
  id: 'wamid.A',
  timestamp: STAMP,
  type,
  ...more,
})

/** Without the members that every item of a number has, and without `raw`. */
export function told(item: InboundItem): Record<string, unknown> {
  const {
    raw: _raw,
    account: _account,
    kind: _kind,
    ...rest
  } = item as InboundItem & { raw: unknown; account: unknown }
  return rest
}
