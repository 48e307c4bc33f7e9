import { readId } from '../core/ids.ts'
import type { SendOutcome } from '../core/inbound.ts'
import { type QueueMessage, queueMessage } from '../records/queue-message.ts'
import { beginSending, type Departure, recordOutcome } from '../records/send-message.ts'
import type { View } from '../records/views.ts'
import { openTestBook, SEES_ALL, type TestBook } from './open-test-book.ts'
import { DOUBT_WAIT_MS, queued, textItem } from './test-items.ts'

/** A house with one number and one customer whose window is open, and the steps of a send by hand. */
export interface Desk {
  house: TestBook
  conversationId: number
  numberId: number
  /** Queues a text to the customer; answers its id. */
  queue(more?: Partial<QueueMessage>): Promise<number>
  /** Marks it as being sent. Throws where it does not leave. */
  begin(messageId: number): Promise<Departure>
  outcome(departure: Departure, outcome: SendOutcome): Promise<string | null>
  /** The message as the API shows it, with its timeline. */
  message(messageId: number): Promise<View>
  state(messageId: number): Promise<unknown>
  /** Its states with their reasons, as `failed (deadline)`. */
  timeline(messageId: number): Promise<string[]>
}

export async function openDesk(): Promise<Desk> {
  const house = openTestBook()
  const numberId = await house.declare()
  await house.give(textItem('wamid.first', house.clock.epochMs()))
  const conversationId = readId('conversation', String((await house.conversations())[0]?.['id'])) ?? 0
  const message = async (id: number) => (await house.reader.message(id, SEES_ALL)) ?? {}
  return {
    house,
    conversationId,
    numberId,
    async queue(more) {
      const { answer } = await house.ask(queueMessage, queued({ kind: 'conversation', id: conversationId }, more))
      return readId('message', answer.id) ?? 0
    },
    async begin(messageId) {
      const { leave, stay } = await house.ask(beginSending, { messageIds: [messageId] })
      if (!leave[0]) throw new Error(`It stays: ${stay[0]?.reason}`)
      return leave[0]
    },
    async outcome({ messageId, attempt }, outcome) {
      const notBeforeMs = house.clock.epochMs() + 1000
      const ask = { messageId, attempt, outcome, doubtWaitMs: DOUBT_WAIT_MS, notBeforeMs }
      return (await house.ask(recordOutcome, ask)).state
    },
    message,
    state: async (id) => (await message(id))['state'],
    async timeline(id) {
      const lines = (await message(id))['timeline'] as { state: string; reason: string | null }[]
      return lines.map(({ state, reason }) => (reason === null ? state : `${state} (${reason})`))
    },
  }
}
