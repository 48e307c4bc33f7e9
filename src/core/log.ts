/** The fields that a line may have, with what each may hold; a line holds nothing else. */
export const LOG_FIELDS = {
  part: 'string',
  number: 'string',
  message: 'string',
  direction: 'string',
  ms: 'number',
  count: 'number',
  code: 'any',
  outcome: 'string',
  reason: 'string',
  state: 'string',
  seq: 'number',
  port: 'number',
  version: 'string',
  error: 'string',
  app: 'string',
  attempt: 'number',
  field: 'string',
  event: 'string',
  /** As 2026-11-22. */
  day: 'string',
  hash: 'string',
  /** Of another machine. */
  host: 'string',
} as const

interface Held {
  string: string
  number: number
  any: string | number
}

export type LogFields = { [Name in keyof typeof LOG_FIELDS]?: Held[(typeof LOG_FIELDS)[Name]] }

/** What the parts need of a logger: a constant phrase and some of the allowed fields. */
export interface Log {
  debug(phrase: string, fields?: LogFields): void
  info(phrase: string, fields?: LogFields): void
  warn(phrase: string, fields?: LogFields): void
  error(phrase: string, fields?: LogFields): void
  /** The lines that `work` writes leave together when it ends. */
  together(work: () => void): void
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, together: (work) => work() }
