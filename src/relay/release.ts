import { Failure } from '../core/failure.ts'
import { readId } from '../core/ids.ts'
import type { MessageClass } from '../core/message.ts'
import type { Ask } from '../records/inputs.ts'
import { findNumber, type ReleasedSome, releaseRestored } from '../records/release.ts'
import { retryMessage } from '../records/send-message.ts'

/** What is to be let go: everything that a restore has held, of one number, or one message whatever it is held for. */
export type ReleaseWhat = { all: true } | { number: string } | { message: string }

export interface Released {
  released: number
  /** What stays held, by the reason. */
  stay: ReleasedSome['stay']
}

/** Lets held messages go, a bounded number at a time: everything else goes on between. */
export async function release(
  ask: Ask,
  what: ReleaseWhat,
  deadlineMs: Readonly<Record<MessageClass, number>>,
): Promise<Released> {
  const all: Released = { released: 0, stay: { erased: 0, number_paused: 0, window_closed: 0 } }
  if ('message' in what) {
    const messageId = readId('message', what.message)
    if (messageId === undefined) throw new Failure('not_found', 'No such message')
    await ask(retryMessage, { messageId, deadlineMs })
    return { ...all, released: 1 }
  }
  const numberId = 'number' in what ? (await ask(findNumber, { name: what.number })).id : null
  for (let after: number | null = 0; after !== null; ) {
    const some: ReleasedSome = await ask(releaseRestored, { after, numberId, deadlineMs })
    all.released += some.released
    for (const reason of ['erased', 'number_paused', 'window_closed'] as const) all.stay[reason] += some.stay[reason]
    after = some.next
  }
  return all
}
