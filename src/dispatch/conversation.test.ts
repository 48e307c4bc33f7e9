import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { MESSAGE_CLASSES, type MessageClass } from '../core/message.ts'
import { Conversation, Entry } from './conversation.ts'
import { RANK_OF } from './lane.ts'

function entry(
  conversation: Conversation,
  order: number,
  more: { class?: MessageClass; deadlineMs?: number } = {},
): Entry {
  const deadlineMs = more.deadlineMs ?? 1_000
  const message = { messageId: order, numberId: 1, conversationId: 1, notBeforeMs: 0, order, deadlineMs }
  return new Entry({ ...message, class: more.class ?? 'reply' }, conversation)
}

function ordersOf(conversation: Conversation): number[] {
  const orders: number[] = []
  for (let one = conversation.first; one !== undefined; one = one.next) orders.push(one.order)
  return orders
}

describe('Conversation', () => {
  test('keeps the order and the most urgent lane under any inserts and removals', () => {
    const step = fc.record({ order: fc.nat(15), class: fc.constantFrom(...MESSAGE_CLASSES) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const conversation = new Conversation(1)
        const inside = new Map<number, Entry>()
        for (const { order, class: messageClass } of steps) {
          const known = inside.get(order)
          if (known !== undefined) {
            conversation.unlink(known)
            inside.delete(order)
          } else {
            const added = entry(conversation, order, { class: messageClass })
            conversation.insert(added)
            inside.set(order, added)
          }
          expect(ordersOf(conversation)).toEqual([...inside.keys()].sort((a, b) => a - b))
          const ranks = [...inside.values()].map((one) => RANK_OF[one.class])
          if (ranks.length > 0) expect<number>(conversation.rank).toBe(Math.min(...ranks))
        }
      }),
    )
  })

  test('the first stands with the earliest deadline of those behind it, in the lanes that go by deadline', () => {
    const conversation = new Conversation(1)
    conversation.insert(entry(conversation, 1, { class: 'bulk', deadlineMs: 9_000 }))
    expect(conversation.place()).toEqual({ key: 1, tie: 0 })
    conversation.insert(entry(conversation, 2, { class: 'urgent', deadlineMs: 500 }))
    expect(conversation.rank).toBe(RANK_OF.urgent)
    expect(conversation.place()).toEqual({ key: 500, tie: 1 })
  })
})
