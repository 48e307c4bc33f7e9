import type { Customer } from './customers.ts'
import type { Fault } from './faults.ts'
import { GraphRefusal } from './graph-error.ts'
import type { SendRequest } from './message-rules.ts'

/** The platform's answer to an id that it does not know. */
export function unknownObject(method: 'get' | 'post' | 'delete'): GraphRefusal {
  const details = `Unsupported ${method} request. Object with that ID does not exist or cannot be loaded due to missing permissions.`
  return new GraphRefusal(100, details, { subcode: 33 })
}

/** What a fault that strikes before the send is answered with. */
export function refusalOf(fault: Fault): GraphRefusal {
  if (fault.kind === 'throttle_429') return new GraphRefusal(130429, undefined, { status: 429 })
  if (fault.kind === 'refuse') return new GraphRefusal(131026)
  return new GraphRefusal(fault.code ?? 131000, undefined, fault.status === null ? {} : { status: fault.status })
}

/** The platform's body for a send it took. */
export function successBody(
  customer: Customer,
  request: SendRequest,
  what: { wamid: string; isHeld: boolean },
): string {
  const contact = {
    input: request.input,
    ...(customer.identity !== 'user_id' && { wa_id: customer.phone }),
    ...(customer.identity !== 'phone' && { user_id: customer.userId }),
  }
  const message_status = what.isHeld ? 'held_for_quality_assessment' : 'accepted'
  return JSON.stringify({
    messaging_product: 'whatsapp',
    contacts: [contact],
    messages: [{ id: what.wamid, message_status }],
  })
}

/** The platform's body for a send to a group. */
export function groupSuccessBody(groupId: string, what: { wamid: string; isHeld: boolean }): string {
  const message_status = what.isHeld ? 'held_for_quality_assessment' : 'accepted'
  return JSON.stringify({
    messaging_product: 'whatsapp',
    contacts: [{ input: groupId, wa_id: groupId }],
    messages: [{ id: what.wamid, group_id: groupId, message_status }],
  })
}
