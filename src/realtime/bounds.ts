const KIB = 1024
const MIB = 1024 * KIB

/** Every bound of the hub, with its default. Tests make them small. */
export const REALTIME_BOUNDS = {
  /** Sockets in all; more are refused with 503. */
  connectionsMax: 20_000,
  /** Sockets of one viewer; more are closed with 4504. An API key stands for a whole firm, and leaves room for another. */
  connectionsPerViewerMax: 15_000,
  /** Handshakes in a second, and at once; more are refused with 503. A handshake takes about 0.1 ms. */
  upgradesPerSecondMax: 5_000,
  upgradesBurstMax: 10_000,
  /** Tickets that wait for their socket. */
  ticketsMax: 20_000,
  /** Of those, one viewer's; more are refused with 429. */
  ticketsPerViewerMax: 15_000,
  ticketMs: 30_000,
  /** From the open socket to its first subscription; after that 4012. */
  firstSubscribeMs: 10_000,
  /** Silence, in either direction, after which the server pings. */
  heartbeatMs: 20_000,
  /** From a ping to any sign of life; after that 4012. */
  answerMs: 10_000,
  /** How long a socket may stay blocked and behind; after that 4008. */
  slowMs: 30_000,
  /** Commands that are no acks; more close with 4013. */
  commandsPerSecondMax: 20,
  /** A fast resume earns hundreds of acks in a second; more than this is abuse. */
  acksPerSecondMax: 1_000,
  /** Frames the protocol does not allow, over a socket's life; at this many it closes with 4501. */
  badFramesMax: 5,
  commandBytesMax: 4 * KIB,
  /** Above this Bun itself ends the socket (1009), before the text reaches us. */
  payloadBytesMax: 16 * KIB,
  frameEventsMax: 500,
  frameBytesMax: 256 * KIB,
  /** Events looked at for one frame of a viewer who may see few of them: 2,000 take about 50 µs. */
  frameScannedMax: 2_000,
  ringEventsMax: 20_000,
  ringBytesMax: 16 * MIB,
  /** Offsets below the head that the ring begins with, so that a restart's reconnects do not all read the log. */
  warmOffsets: 2_000,
  /** Log reads of resuming sessions under way at once. */
  readsMax: 4,
  /**
   * After a flush the next one waits two or four times as long as the sockets took, within these bounds: 500 sockets
   * take 4 ms, so at 50 events a second each leaves at once, and what comes faster is joined.
   */
  coalesceMsMin: 5,
  coalesceMsMax: 25,
  /** Work on sockets in one turn of the loop. */
  sliceMs: 5,
  /** What Bun may hold for one socket before it drops a frame. We stop at the first frame it holds back. */
  backpressureBytesMax: 4 * MIB,
} as const

export type RealtimeBounds = { readonly [name in keyof typeof REALTIME_BOUNDS]: number }
