import { addApiKey } from './api-key.ts'
import { readConversation } from './conversation.ts'
import { purgeEvents } from './event-retention.ts'
import { declareApp, declareNumber, setNumberState } from './number.ts'
import { listQuarantine, markReplayed, purgeQuarantine } from './quarantine.ts'
import { purgeIdempotency, queueMessage } from './queue-message.ts'
import {
  beginSending,
  cancelMessage,
  endDoubt,
  expireMessages,
  recordOutcome,
  recoverSending,
  retryMessage,
} from './send-message.ts'
import type { Input } from './tx.ts'

/** Every command there is: what people, the API, timers and reactors may ask of the book. */
export const COMMANDS = [
  declareApp,
  declareNumber,
  setNumberState,
  queueMessage,
  beginSending,
  recordOutcome,
  expireMessages,
  cancelMessage,
  retryMessage,
  endDoubt,
  recoverSending,
  readConversation,
  addApiKey,
  listQuarantine,
  markReplayed,
  purgeQuarantine,
  purgeIdempotency,
  purgeEvents,
] as const

/** How every part asks the book for something: types follow from the command itself. */
export type Ask = <Args, Result>(command: Input<Args, Result>, args: Args) => Promise<Result>
