/**
 * Why the server ends a socket. 4000–4499: connect again (with a new ticket); 4500–4999: do not, because the same
 * attempt would end the same way. Clients rely on the numbers: never change one.
 */
export const CLOSE_CODES = {
  drain: 4001,
  rights: 4003,
  slow: 4008,
  resync: 4010,
  no_answer: 4012,
  too_many_commands: 4013,
  bad_ticket: 4500,
  bad_frame: 4501,
  forbidden: 4503,
  too_many_connections: 4504,
  version: 4509,
} as const

export type CloseName = keyof typeof CLOSE_CODES

/** What each close code tells the client, for people. */
export const CLOSE_MEANING: Readonly<Record<CloseName, string>> = {
  drain: 'The server is stopping; the reason text holds retry_ms=LOW-HIGH, the span to choose a delay from.',
  rights: 'What this account may see has changed; connect again, and the frames are what it may see now.',
  slow: 'The client read or acknowledged too slowly; connect again and resume from the cursor.',
  resync: 'The event log was replaced; connect again, the subscription will answer offset_gone.',
  no_answer: 'No subscription, pong or ack came in time.',
  too_many_commands: 'More commands than allowed in a second.',
  bad_ticket: 'The ticket is unknown, used, expired or of another origin; only a new ticket helps.',
  bad_frame: 'Too many frames that the protocol does not allow.',
  forbidden: 'The right to be connected was withdrawn.',
  too_many_connections: 'This account has too many sockets open.',
  version: 'This version of the protocol is no longer spoken. Reserved: version 1 never sends it.',
}

/** Whether a client should connect again after a close code. Codes below 4500 include what the network does (1006). */
export function reconnectsAfter(code: number): boolean {
  return code < 4500 || code > 4999
}
