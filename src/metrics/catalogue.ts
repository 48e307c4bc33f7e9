/**
 * Every metric: its name, type, help and labels, in one place. Names get the prefix `gatehouse_`; units are Prometheus's
 * base units. Labels are words from short lists, never people; each has a bound, beyond which its value is `other`.
 */

export type LabelName = keyof typeof LABEL_VALUES_MAX

/** How many different values a label may take in one metric. */
export const LABEL_VALUES_MAX = {
  /** Names of acts and looks; they stand in the code. */
  action: 128,
  app: 100,
  bun: 1,
  check: 16,
  class: 8,
  commit: 1,
  database: 8,
  direction: 2,
  kind: 64,
  /** Phone number ids, or their aliases: a gateway may have more numbers than Prometheus should have series. */
  number: 500,
  outcome: 32,
  part: 16,
  queue: 32,
  /** Patterns such as /api/v1/messages/:id, never paths. */
  route: 128,
  severity: 3,
  sqlite: 1,
  state: 16,
  status: 64,
  version: 1,
} as const satisfies Record<string, number>

export interface Description<T extends MetricType, L extends LabelName> {
  readonly type: T
  readonly name: string
  readonly help: string
  readonly labels: readonly L[]
  /** Upper bounds of a histogram's buckets. */
  readonly buckets: readonly number[]
}

export type MetricType = 'counter' | 'gauge' | 'histogram'

type Described = [name: string, help: string]

function counter<const L extends LabelName = never>([name, help]: Described, labels: readonly L[] = []) {
  return { type: 'counter', name, help, labels, buckets: [] } as const satisfies Description<'counter', L>
}

function gauge<const L extends LabelName = never>([name, help]: Described, labels: readonly L[] = []) {
  return { type: 'gauge', name, help, labels, buckets: [] } as const satisfies Description<'gauge', L>
}

function histogram<const L extends LabelName = never>(
  [name, help]: Described,
  buckets: readonly number[],
  labels: readonly L[] = [],
) {
  return { type: 'histogram', name, help, labels, buckets } as const satisfies Description<'histogram', L>
}

/** The answer to a webhook holds one fsync: half a millisecond on a good disk; the platform gives up after seconds. */
const ANSWER_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1]
const COMMIT_SECONDS = [0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]
const LAG_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60]
/** From one send's spacing to a campaign's day. */
const WAIT_SECONDS = [0.005, 0.0125, 0.05, 0.1, 0.5, 1, 5, 15, 30, 60, 300, 900, 3_600, 21_600, 86_400]
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const SEARCH_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
const BATCH_INPUTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

export const CATALOGUE = {
  // What comes in.
  webhooks: counter(['webhooks_total', 'Webhooks of platforms by what became of them.'], ['outcome']),
  lastWebhookSeconds: gauge(
    ['last_webhook_timestamp_seconds', 'When the last webhook of an app was kept; before the first, when we started.'],
    ['app'],
  ),
  accessTokenExpires: gauge(
    [
      'access_token_expires_timestamp_seconds',
      'When the access token of an app expires, since 1970; +Inf: never, 0: it is not valid. Asked for once a day.',
    ],
    ['app'],
  ),
  webhookSeconds: histogram(['webhook_seconds', 'From a webhook complete in memory to its answer.'], ANSWER_SECONDS),
  journalCommitSeconds: histogram(['journal_commit_seconds', 'One group commit of the journal.'], COMMIT_SECONDS),
  applyLagSeconds: gauge(['apply_lag_seconds', 'Age of the oldest journal entry that is not yet applied; 0 if none.']),
  bookCommitSeconds: histogram(['book_commit_seconds', 'One durable commit of the book.'], COMMIT_SECONDS),
  bookBatchInputs: histogram(['book_batch_inputs', 'Inputs in one commit of the book.'], BATCH_INPUTS),
  recordsAheadSeconds: gauge([
    'records_ahead_seconds',
    "How far the records' time is ahead of the wall clock, which was set back; 0: not at all.",
  ]),
  eventsOffset: gauge(['events_offset', 'Offset of the newest event.']),
  unknownItems: counter(
    [
      'unknown_items_total',
      'What a platform said in words that are not known here, by what it is: a field, a message, a status. It is kept.',
    ],
    ['kind'],
  ),
  notices: counter(['notices_total', "Notices about the firm's own numbers, accounts and templates."], ['severity']),
  laterBodies: gauge(['later_bodies', 'Webhooks of which what they bring of the past is still to be applied.']),
  recordsDamagedPages: gauge([
    'records_damaged_pages',
    'Pages of records.db that are not what was written, found since the start.',
  ]),
  quarantinedItems: gauge(['quarantined_items', 'Items put aside because applying them failed.']),

  mediaFetches: counter(
    ['media_fetch_total', 'Attempts to fetch a file of a message, by what came of them; `later` is tried again.'],
    ['outcome'],
  ),
  mediaBytes: counter(['media_bytes_total', 'Bytes of files that were fetched.']),
  mediaWaiting: gauge(['media_waiting', 'Files that are still to be fetched.']),

  // What goes out.
  messages: counter(['messages_total', 'Messages by direction and the state they came to.'], ['direction', 'state']),
  queueMessages: gauge(['queue_messages', 'Messages that wait to be sent.'], ['class']),
  oldestWaitingSeconds: gauge(
    ['oldest_waiting_seconds', 'Age of the oldest message that waits to be sent, paused numbers included; 0 if none.'],
    ['class'],
  ),
  unsettledMessages: gauge(
    ['unsettled_messages', 'Messages in doubt, and messages held for a person (up to 100,000 are counted).'],
    ['state'],
  ),
  inFlightMessages: gauge(['in_flight_messages', 'Requests to platforms that have no answer yet.']),
  throttled: counter(['throttled_total', 'Answers by which a platform said: too fast.']),
  sends: counter(['send_total', 'Attempts to send by what the platform answered.'], ['outcome']),
  sendWaitSeconds: histogram(
    ['send_wait_seconds', 'From a message being queued to its first byte leaving.'],
    WAIT_SECONDS,
    ['class'],
  ),
  resends: counter(['resends_total', 'Messages in doubt that were sent again.']),
  limitUsedRatio: gauge(
    ['limit_used_ratio', 'Share in use of the rate that a number may send at, 0 to 1.'],
    ['number'],
  ),
  numberState: gauge(
    ['number_state', 'Always 1; its labels say which state a number is in: active, paused or unclaimed.'],
    ['number', 'state'],
  ),
  numberBreakerOpen: gauge(
    ['number_breaker_open', 'Whether nothing is sent from a number because its requests got no answer.'],
    ['number'],
  ),

  // What is found.
  searchSeconds: histogram(['search_seconds', 'From a search being asked for to its answer.'], SEARCH_SECONDS),
  searchBehindMessages: gauge([
    'search_behind_messages',
    'At most so many messages are not in the word index yet; all of them at first where it is made anew.',
  ]),

  // Who listens.
  socketConnections: gauge(['socket_connections', 'Open real-time sockets.']),
  socketEvents: counter(['socket_events_total', 'Events delivered to sockets, each counted for each socket.']),
  socketCloses: counter(['socket_closes_total', 'Sockets closed, by reason; `client` is the other side.'], ['outcome']),
  socketRefusals: counter(['socket_refusals_total', 'Handshakes refused, by reason.'], ['outcome']),
  socketLagSeconds: histogram(['socket_lag_seconds', 'From an event committed to its frame handed over.'], LAG_SECONDS),
  httpRequests: counter(['http_requests_total', 'HTTP requests by route and status.'], ['route', 'status']),
  signIns: counter(['sign_ins_total', 'Attempts to sign in, and links used, by what came of them.'], ['outcome']),
  browserSessions: gauge(['browser_sessions', 'People signed in with a browser, each browser counted.']),
  requestsLimited: counter(['requests_limited_total', 'API requests refused because their key asked too often.']),
  httpRequestSeconds: histogram(['http_request_seconds', 'From a request to its answer.'], REQUEST_SECONDS, ['route']),

  // What is destroyed.
  erasures: counter(['erasures_total', 'People erased, by how far it came: begun or done.'], ['state']),
  erasuresRunning: gauge(['erasures_running', 'Erasures that are begun and not done.']),
  erasureOldestSeconds: gauge(['erasure_oldest_seconds', 'Age of the oldest erasure that is not done; 0 if none.']),
  journalDaysEnded: counter(['journal_keys_destroyed_total', 'Keys of days of the journal that were destroyed.']),

  // The room it takes.
  diskFreeBytes: gauge(['disk_free_bytes', 'What may still be written to the disk of the data folder.']),
  diskFullForecastSeconds: gauge([
    'disk_full_forecast_seconds',
    'Until the disk or the quota is full at the pace of the last days; +Inf where that is not known, or never.',
  ]),
  quotaUsedRatio: gauge(['quota_used_ratio', 'Share in use of [storage] quota_gb; 0 without a quota.']),
  folderBytes: gauge(['folder_bytes', 'Size of the data folder by what takes it up.'], ['part']),
  walBytes: gauge(
    ['wal_bytes', "Size of the databases' write-ahead logs; grows while somebody reads for long."],
    ['database'],
  ),

  // What is kept elsewhere.
  backupLastSuccess: gauge([
    'backup_last_success_timestamp_seconds',
    'When the last whole backup was done, since 1970.',
  ]),
  backupSeconds: gauge(['backup_duration_seconds', 'How long the last whole backup took.']),
  backupBytes: gauge(['backup_last_bytes', 'Bytes of the last whole backup, without the media it shares with others.']),
  drillLastSuccess: gauge([
    'restore_drill_last_success_timestamp_seconds',
    'When a backup was last tried with success by gatehouse restore drill, since 1970; 0: never.',
  ]),
  backupFailures: counter(['backup_failures_total', 'Backups that failed.']),
  journalShipLagSeconds: gauge([
    'journal_ship_lag_seconds',
    'Age of the oldest journal entry that is not in the second place; 0 if none, or if none is configured.',
  ]),
  journalShipFailures: counter(['journal_ship_failures_total', 'Attempts to ship the journal that failed.']),

  auditRows: counter(
    ['audit_rows_total', 'Acts and looks at personal data in the audit, by what was done.'],
    ['action'],
  ),
  auditChainOk: gauge(['audit_chain_ok', '0 where the newest rows of the audit are not what they were.']),

  // The house itself.
  overflows: counter(['overflow_total', 'Things refused or dropped because a queue was full.'], ['queue']),
  logFieldsDropped: counter(['log_fields_dropped_total', 'Log fields held back: not on the allow-list.']),
  buildInfo: gauge(['build_info', 'Always 1; its labels say what runs.'], ['version', 'commit', 'bun', 'sqlite']),
  configReloads: counter(
    ['config_reloads_total', 'Times the configuration was read anew, by what came of it.'],
    ['outcome'],
  ),
  configLoaded: gauge(['config_last_reload_successful', '0 while the last reading of the configuration was refused.']),
  readiness: gauge(['ready', 'Each check of /readyz, 1 if it holds.'], ['check']),
  loopLagSeconds: histogram(
    ['loop_lag_seconds', 'How much later than asked a timer of the main thread fired.'],
    [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1],
  ),
  processResidentBytes: gauge(['process_resident_memory_bytes', 'Memory held in RAM.']),
  processHeapBytes: gauge(['process_heap_used_bytes', "JavaScript objects of the main thread's heap."]),
  processCpuSeconds: counter(['process_cpu_seconds_total', 'Processor time used, all threads, user and system.']),
  processStartSeconds: gauge(['process_start_time_seconds', 'When the process started, since 1970.']),
  processOpenFiles: gauge(['process_open_fds', 'Open file descriptors, sockets included.']),
} as const

/**
 * Series that are there from the start, at 0. Prometheus sees no rise in a series that begins at 1, so the first failure of
 * its kind would wake nobody.
 */
export const BEGINS_AT_ZERO = {
  webhooks: outcomes(
    ...['stored', 'too_large', 'bad_signature', 'too_deep', 'cut_short', 'unknown_app', 'unavailable', 'failed'],
  ),
  sends: outcomes('accepted', 'refused', 'retry', 'unknown'),
  mediaFetches: outcomes('ready', 'later', 'failed', 'gone', 'too_large', 'refused'),
  notices: ['info', 'warning', 'critical'].map((severity) => ({ severity })),
  overflows: ['journal', 'book', 'dispatch', 'audit', 'webhook_bodies'].map((queue) => ({ queue })),
  messages: [
    { direction: 'in', state: 'received' },
    ...['failed', 'expired', 'held'].map((state) => ({ direction: 'out', state })),
  ],
} as const satisfies Partial<Record<keyof typeof CATALOGUE, readonly Readonly<Partial<Record<LabelName, string>>>[]>>

function outcomes(...words: readonly string[]): readonly { outcome: string }[] {
  return words.map((outcome) => ({ outcome }))
}
