import type { MessageContent } from '../core/content.ts'
import type { InboundItem, PersonReference, SendOutcome } from '../core/inbound.ts'
import type { MessageClass } from '../core/message.ts'

/** A webhook request as it came: the signature is made over these bytes and no others. */
export interface SignedRequest {
  headers: { get(name: string): string | null }
  body: Uint8Array
  /** The secrets that may have signed it: one, or two while the operator changes it. */
  secrets: readonly string[]
}

/** An outgoing message that was checked and is ready to be queued. */
export interface PreparedMessage {
  /** The platform's word, such as `text`. */
  type: string
  /** What `send` puts on the wire, without recipient and correlation: plain JSON, kept in the records as it is. */
  content: Record<string, unknown>
  /**
   * The message this one answers: our id or the platform's, as the caller gave it. Also in `content`, to be replaced
   * there.
   */
  replyTo: string | null
  /** Whether the platform takes it only while the customer service window is open. */
  needsWindow: boolean
  template: { name: string; language: string } | null
}

/** One send. Everything it needs is an argument; a channel keeps no state between two sends. */
export interface SendRequest {
  /** Where the platform is, without a slash at its end. */
  graphUrl: string
  graphVersion: string
  accessToken: string
  /** The platform's id of the number or account that sends. */
  accountId: string
  to: PersonReference
  /** The platform's id of a group; then it goes there, and `to` is empty. */
  groupId?: string | null
  /** `PreparedMessage.content`. */
  content: Record<string, unknown>
  /** Our id of this attempt. It comes back in statuses, and is the only way to settle a send in doubt. */
  correlation: string
  timeoutMs: number
  /** Ends the send early. What was already written is then in doubt. */
  signal?: AbortSignal
}

/** The question where a file of a message lies. */
export interface FileRequest {
  graphUrl: string
  graphVersion: string
  accessToken: string
  /** The platform's id of the number or account that the file came to. */
  accountId: string
  /** `AttachmentContent.upstreamId`. */
  fileId: string
  timeoutMs: number
}

export type FileLocation =
  /** For a short time, and for the same access token. `sha256`: 64 hexadecimal digits. */
  | { kind: 'found'; url: string; sha256: string | null; sizeBytes: number | null }
  /** The platform does not have it any more. */
  | { kind: 'gone' }
  /** Not now. */
  | { kind: 'later'; reason: string; afterMs: number | null }

/** The part of `fetch` that a channel uses. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/**
 * A messaging platform. This is one of the two interfaces of the house (the other is Clock): everything that differs
 * between platforms is behind it, and nothing behind it keeps state, reads a clock or touches the records.
 *
 * A second channel must do what each member says and pass `channel-suite.ts`.
 */
export interface Channel {
  /** The channel's word in addresses, configuration and metrics; lower case. */
  readonly name: string

  /**
   * Whether one of the secrets signed exactly these bytes. Constant time; false for a missing or malformed signature.
   */
  verifySignature(request: SignedRequest): boolean

  /**
   * The answer to the platform's question whether the webhook's address is ours: the text to send back, or null to
   * refuse. A platform that never asks answers null.
   */
  answerChallenge(query: { get(name: string): string | null }, verifyToken: string): string | null

  /**
   * Everything a webhook body says, in its order. Must never throw and never lose anything, whatever the body is: what
   * is not understood becomes an OtherItem. The same body gives the same items; times and identities come from the
   * body, `receivedAtMs` only stands in for a missing stamp. An item is made when it is asked for, so that a large body
   * takes nobody's time at once; it can be gone through once.
   */
  parse(body: unknown, receivedAtMs: number): Iterable<InboundItem>

  /**
   * What the API shows of a message's own object, for messages that came in and for `PreparedMessage.content`. Never
   * throws.
   */
  view(type: string, raw: Record<string, unknown>): Record<string, unknown>

  /**
   * What a message says, in words that fit every channel: of `MessageItem.raw` under its type (what came in, and what
   * the firm sent from elsewhere), of `ActItem.raw` and `ActItem.edited`, of `CallItem.raw` under `call`, and of
   * `PreparedMessage.content`. Pure; never throws, whatever the object holds.
   */
  content(type: string, raw: Record<string, unknown>): MessageContent

  /**
   * Checks an outgoing message, which holds the platform's own fields only; `ours` may stand beside them and were taken
   * out. Throws `Failure('invalid')` whose `path` is the JSON pointer of the wrong field and whose text names the wanted
   * form, never the value.
   */
  prepare(body: Record<string, unknown>, ours?: readonly string[]): PreparedMessage

  /**
   * The class of a message whose sender named none. The category is null for no template and for one we do not know.
   */
  defaultClass(message: PreparedMessage, templateCategory: string | null): MessageClass

  /**
   * Sends once and says what became of it. Never throws and never tries a second time. Whatever may have gone out is
   * `unknown`: `retry` and `refused` promise that it has not. `reason` is a fixed word: never a value, secret or
   * address.
   */
  send(request: SendRequest, fetch: Fetch): Promise<SendOutcome>

  /** Asks where a file that came in lies. Never throws; `reason` is a fixed word. */
  locateFile(request: FileRequest, fetch: Fetch): Promise<FileLocation>
}
