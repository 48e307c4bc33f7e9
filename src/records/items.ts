import type { InboundItem } from '../core/inbound.ts'
import { receiveAddressBook } from './address-book.ts'
import { receiveCall } from './call.ts'
import { receiveGroup } from './group.ts'
import { receiveHandover } from './handover.ts'
import type { ItemAsk } from './item-ask.ts'
import { receiveMessage } from './message.ts'
import { receiveAct } from './message-act.ts'
import { receiveNotice } from './notice.ts'
import { keepNote } from './platform-note.ts'
import { receivePreference } from './preference.ts'
import { receiveStatus } from './status.ts'
import type { Input } from './tx.ts'

type ItemOf<Kind extends InboundItem['kind']> = Extract<InboundItem, { kind: Kind }>

/** The input of each kind of item that a channel delivers. */
const INPUTS: { [Kind in InboundItem['kind']]: Input<ItemAsk<ItemOf<Kind>>, unknown> } = {
  message: receiveMessage,
  status: receiveStatus,
  act: receiveAct,
  call: receiveCall,
  handover: receiveHandover,
  preference: receivePreference,
  address_book: receiveAddressBook,
  group: receiveGroup,
  notice: receiveNotice,
  other: keepNote,
}

export function inputOf(kind: InboundItem['kind']): Input<ItemAsk<InboundItem>, unknown> {
  return INPUTS[kind] as Input<ItemAsk<InboundItem>, unknown>
}
