import type { Actor } from '../core/principal.ts'
import { addApiKey, noteKeyUse, revokeApiKey } from './api-key.ts'
import { assignConversation, openConversationsOf } from './assignment.ts'
import { noteAudit } from './audit-acts.ts'
import { declareConfiguration } from './configuration.ts'
import { changeContact } from './contact-change.ts'
import { mergeContacts, unmergeContact } from './contact-merge.ts'
import { readConversation } from './conversation.ts'
import {
  beginErasure,
  beginErasureOfPerson,
  beginErasureOfStaff,
  eraseRows,
  finishErasure,
  listErasures,
  noteKeysDestroyed,
  noteOverwritten,
  readErasure,
} from './erasure.ts'
import { purgeEvents } from './event-retention.ts'
import { forgetRemoved, purgeMedia, recordFetch, refetchMedia } from './media.ts'
import { declareApp, declareNumber, setNumberState } from './number.ts'
import { addPeople, changePerson, removePerson, tryPeople } from './person.ts'
import { listQuarantine, markReplayed, purgeQuarantine } from './quarantine.ts'
import { purgeIdempotency, queueMessage } from './queue-message.ts'
import { findNumber, releaseRestored } from './release.ts'
import { addRole, changeRole, declareRoles, removeRole } from './role.ts'
import {
  beginSending,
  cancelMessage,
  endDoubt,
  expireMessages,
  holdUnfinished,
  recordOutcome,
  recoverSending,
  retryMessage,
} from './send-message.ts'
import { declareSettings } from './setting.ts'
import { addTeam, changeTeam, removeTeam } from './team.ts'
import type { Input } from './tx.ts'

/** Every command there is: what people, the API, timers and reactors may ask of the book. */
export const COMMANDS = [
  noteAudit,
  assignConversation,
  openConversationsOf,
  addPeople,
  tryPeople,
  changePerson,
  removePerson,
  declareRoles,
  addRole,
  changeRole,
  removeRole,
  addTeam,
  changeTeam,
  removeTeam,
  noteKeyUse,
  revokeApiKey,
  declareApp,
  declareNumber,
  declareSettings,
  declareConfiguration,
  setNumberState,
  queueMessage,
  beginSending,
  recordOutcome,
  expireMessages,
  cancelMessage,
  retryMessage,
  endDoubt,
  holdUnfinished,
  releaseRestored,
  findNumber,
  recoverSending,
  readConversation,
  recordFetch,
  refetchMedia,
  forgetRemoved,
  purgeMedia,
  changeContact,
  mergeContacts,
  unmergeContact,
  addApiKey,
  listQuarantine,
  markReplayed,
  purgeQuarantine,
  purgeIdempotency,
  purgeEvents,
  beginErasure,
  beginErasureOfPerson,
  beginErasureOfStaff,
  readErasure,
  listErasures,
  noteKeysDestroyed,
  eraseRows,
  noteOverwritten,
  finishErasure,
] as const

/** How every part asks the book for something: types follow from the command itself. `by`: for whom, to be audited. */
export type Ask = <Args, Result>(command: Input<Args, Result>, args: Args, by?: Actor) => Promise<Result>
