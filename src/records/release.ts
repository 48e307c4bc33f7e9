import { Failure } from '../core/failure.ts'
import type { MessageClass } from '../core/message.ts'
import { CLASS, NUMBER_STATE, STATE } from './codes.ts'
import { numberById } from './number.ts'
import { putBack } from './send-message.ts'
import { type SentMessage, sentMessage } from './sent-message.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** Rows that one input looks at, and messages that it lets go: some milliseconds. */
const LOOKED_AT_MAX = 2000
const RELEASED_MAX = 200

export interface ReleaseAsk {
  /** After this message. */
  after: number
  /** Only those of a number; null: of all. */
  numberId: number | null
  /** How long a message may wait from now on, by class. */
  deadlineMs: Readonly<Record<MessageClass, number>>
}

/** Why a message that could be let go stays held. */
export type StaysHeld = 'erased' | 'number_paused' | 'window_closed'

export interface ReleasedSome {
  released: number
  stay: Record<StaysHeld, number>
  /** Where to go on; null: nothing is left. */
  next: number | null
}

/**
 * Lets messages go that a restore has held: they are queued again, with a new deadline. What could not be sent anyway
 * stays held. A status that comes before they leave still settles them: their random part is the same.
 */
export const releaseRestored = input(
  'message.release',
  async (tx: Tx, ask: ReleaseAsk, context: InputContext): Promise<ReleasedSome> => {
    const rows = await tx.all<{ id: number; isHeld: number }>(
      `SELECT o.message_id AS id, m.state = ?3 AND (?4 IS NULL OR o.number_id = ?4) AS isHeld
       FROM (SELECT message_id, number_id FROM outbound WHERE message_id > ?1 ORDER BY message_id LIMIT ?2) o
       JOIN messages m ON m.id = o.message_id ORDER BY o.message_id`,
      ask.after,
      LOOKED_AT_MAX,
      STATE.code('held'),
      ask.numberId,
    )
    const some: ReleasedSome = {
      released: 0,
      stay: { erased: 0, number_paused: 0, window_closed: 0 },
      next: rows.length < LOOKED_AT_MAX ? null : (rows.at(-1)?.id ?? null),
    }
    let touched = 0
    for (const { id, isHeld } of rows) {
      if (isHeld !== 1 || !(await isRestored(tx, id))) continue
      if (touched++ === RELEASED_MAX) return { ...some, next: id - 1 }
      const message = await sentMessage(tx, id)
      const reason = message && (await letGo(tx, message, ask, context))
      if (reason) some.stay[reason]++
      else if (message) some.released++
    }
    return some
  },
)

/** The number with an alias, or with the platform's own id. */
export const findNumber = input('number.find', async (tx: Tx, ask: { name: string }) => {
  const rows = await tx.all<{ id: number }>('SELECT id FROM numbers WHERE alias = ?1 OR account = ?1 LIMIT 2', ask.name)
  const [number] = rows
  if (!number || rows.length > 1) {
    throw new Failure('not_found', rows.length > 1 ? 'Several numbers are called so: give its id' : 'No such number')
  }
  return { id: number.id }
})

async function isRestored(tx: Tx, messageId: number): Promise<boolean> {
  const row = await tx.one<{ reason: string | null }>(
    'SELECT reason FROM message_states WHERE message_id = ?1 AND state = ?2 ORDER BY step DESC LIMIT 1',
    messageId,
    STATE.code('held'),
  )
  return row?.reason === 'restored'
}

async function letGo(
  tx: Tx,
  message: SentMessage,
  { deadlineMs }: ReleaseAsk,
  { now, wallMs }: InputContext,
): Promise<StaysHeld | undefined> {
  if (tx.isErased(message.person)) return 'erased'
  const number = await numberById(tx, message.numberId)
  if (number?.state !== NUMBER_STATE.code('active')) return 'number_paused'
  const window = await tx.one<{ window_expires_at: number | null }>(
    'SELECT window_expires_at FROM conversations WHERE id = ?1 AND workspace_id = ?2',
    message.conversationId,
    number.workspace_id,
  )
  if (message.type !== 'template' && (window?.window_expires_at ?? 0) <= wallMs) return 'window_closed'
  await tx.run(
    'UPDATE outbound SET deadline_at = ?2 WHERE message_id = ?1',
    message.id,
    now + deadlineMs[CLASS.word(message.class)],
  )
  await putBack(tx, message, { reason: 'released', notBeforeMs: 0, source: 'person' }, now)
  return undefined
}
