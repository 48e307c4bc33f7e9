import type { ActItem, CallItem, MessageItem, PersonReference, SendOutcome, StatusItem } from '../core/inbound.ts'
import type { MessageClass } from '../core/message.ts'
import type { DeclareNumber } from '../records/number.ts'
import type { QueueMessage } from '../records/queue-message.ts'

/** The number that most tests use; its state is whatever the test has declared. */
export const TEST_ACCOUNT = { id: '106540352242922', display: '+15550783881' }
export const ANNA: PersonReference = { phone: '+4915112345678', userId: 'DE.1001', name: 'Anna Beispiel' }
export const DOUBT_WAIT_MS: Record<MessageClass, number> = {
  urgent: 20_000,
  reply: 120_000,
  notice: 120_000,
  bulk: 86_400_000,
}
export const DEADLINE_MS: Record<MessageClass, number> = {
  urgent: 60_000,
  reply: 30_000,
  notice: 3_600_000,
  bulk: 86_400_000,
}

/** A customer's text; the platform's object is what the platform would send. */
export function textItem(
  upstreamId: string,
  atMs: number,
  more: Partial<MessageItem> & { text?: string } = {},
): MessageItem {
  const { text = `text of ${upstreamId}`, ...members } = more
  return {
    kind: 'message',
    account: TEST_ACCOUNT,
    space: 'messages',
    direction: 'in',
    upstreamId,
    atMs,
    type: 'text',
    person: ANNA,
    opensWindow: true,
    raw: { id: upstreamId, timestamp: String(Math.floor(atMs / 1000)), type: 'text', text: { body: text } },
    ...members,
  }
}

export function statusItem(
  upstreamId: string,
  state: NonNullable<StatusItem['state']>,
  atMs: number,
  more: Partial<StatusItem> = {},
): StatusItem {
  return {
    kind: 'status',
    account: TEST_ACCOUNT,
    space: 'messages',
    upstreamId,
    status: state,
    state,
    atMs,
    recipient: { phone: '+4915112345678' },
    participant: null,
    correlation: null,
    failure: state === 'failed' ? { code: 131026, title: 'Message undeliverable' } : null,
    pricing: null,
    raw: { id: upstreamId, status: state },
    ...more,
  }
}

export function declared(more: Partial<DeclareNumber> = {}): DeclareNumber {
  return {
    channel: 'whatsapp',
    account: TEST_ACCOUNT.id,
    app: 'main',
    portfolio: 'acme',
    waba: '102290129340398',
    pool: 'support',
    alias: 'support-1',
    display: TEST_ACCOUNT.display,
    perSecondMax: 80,
    ...more,
  }
}

/** A text to whom the test says, of class `reply`. */
export function queued(recipient: QueueMessage['recipient'], more: Partial<QueueMessage> = {}): QueueMessage {
  return {
    workspaceId: 1,
    recipient,
    sender: null,
    type: 'text',
    content: { type: 'text', text: { body: 'an answer' } },
    class: 'reply',
    deadlineMs: DEADLINE_MS.reply,
    whenInDoubt: 'hold',
    reference: null,
    callerData: null,
    idempotency: null,
    numberIds: null,
    answersIn: null,
    predictions: [],
    hasRoom: true,
    ...more,
  }
}

export const ACCEPTED = (upstreamId: string): SendOutcome => ({
  kind: 'accepted',
  upstreamId,
  recipient: null,
  pacing: false,
})

/** Something done to a message; without an emoji a reaction is taken back. */
export function actItem(
  act: ActItem['act'],
  upstreamId: string,
  about: { target: string; atMs: number },
  more: Partial<ActItem> & { text?: string } = {},
): ActItem {
  const { text, ...members } = more
  const edited = { type: 'text', raw: { type: 'text', text: { body: text ?? `edit of ${about.target}` } } }
  return {
    kind: 'act',
    act,
    account: TEST_ACCOUNT,
    space: 'messages',
    direction: 'in',
    upstreamId,
    targetUpstreamId: about.target,
    atMs: about.atMs,
    person: ANNA,
    opensWindow: act === 'reaction',
    ...(act === 'reaction' && { emoji: members.emoji ?? null }),
    ...(act === 'edit' && { edited }),
    raw: { id: upstreamId, type: act, [act]: { original_message_id: about.target } },
    ...members,
  }
}

export function callItem(step: string, atMs: number, more: Partial<CallItem> = {}): CallItem {
  const upstreamId = more.upstreamId ?? 'wacid.1'
  return {
    kind: 'call',
    account: TEST_ACCOUNT,
    direction: 'in',
    upstreamId,
    step,
    atMs,
    person: ANNA,
    opensWindow: step === 'connect',
    outcome: null,
    durationS: null,
    raw: { id: upstreamId, event: step },
    ...more,
  }
}
