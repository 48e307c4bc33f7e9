import { idsOf, personOf } from './customers.ts'
import { fieldUpdate } from './field-update.ts'
import { needText, readChoice, readObject, readText } from './input.ts'
import type { JsonObject } from './json.ts'
import type { Platform } from './platform.ts'
import type { SimulatedNumber } from './settings.ts'
import { digitsOf } from './webhook-body.ts'
import { reachCustomer } from './writing.ts'

const TEXT_MAX = 200
const SUMMARY_MAX = 4096

/** The other application that may own a thread: the platform's own agent. */
const OTHER = { id: '1500000000000001', role: 'meta_business_agent' }

/** `POST /_/handovers`: a thread goes to the platform's own agent (`other`), or to the gateway (`us`). */
export function handOver(platform: Platform, input: unknown): { to: string } {
  const body = readObject(input, ['number', 'phone', 'to', 'summary'])
  const number = platform.numberOf(readText(body, 'number', TEXT_MAX))
  const customer = reachCustomer(platform, needText(body, 'phone', TEXT_MAX))
  const to = readChoice(body, 'to', ['us', 'other'] as const) ?? 'us'
  const summary = readText(body, 'summary', SUMMARY_MAX)
  tellHandover(platform, number, customer.phone, { isOurs: to === 'us', ...(summary !== undefined && { summary }) })
  return { to }
}

/** Gives the thread of a customer to us or away, and tells it. */
export function tellHandover(
  platform: Platform,
  number: SimulatedNumber,
  phone: string,
  { isOurs, summary }: { isOurs: boolean; summary?: string },
): void {
  const customer = platform.customers.reach(phone, true)
  platform.customers.chat(customer, number.phoneNumberId).isStandby = !isOurs
  const type = isOurs ? 'control_passed' : 'control_taken'
  const details: JsonObject = {
    ...(isOurs && { previous_owner_app_id: OTHER.id, previous_owner_app_role: OTHER.role }),
    ...(!isOurs && { new_owner_app_id: OTHER.id, new_owner_app_role: OTHER.role }),
    previous_owner_role: isOurs ? 'ai_agent' : 'customer_service',
    new_owner_role: isOurs ? 'customer_service' : 'ai_agent',
    ...(summary !== undefined && { conversation_context: { type: 'summary', summary: { text: summary } } }),
  }
  const nowMs = platform.clock.epochMs()
  const update = fieldUpdate(platform, number, 'messaging_handovers', {
    sender: idsOf(personOf(customer), ['phone_number', 'user_id', 'parent_user_id']),
    recipient: { phone_number_id: number.phoneNumberId, display_phone_number: digitsOf(number) },
    type,
    timestamp: String(Math.floor(nowMs / 1000)),
    [type]: details,
  })
  platform.owe([update], 0)
  platform.changes.note('webhook', isOurs ? 'A thread is ours' : 'A thread went to another application', nowMs)
  platform.changes.tell({ kind: 'chat', phone, number: number.phoneNumberId })
}
