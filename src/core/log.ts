/** What the parts need of a logger: a constant phrase and fields from the allow-list of `LogFields`. */
export interface LogFields {
  part?: string
  number?: string
  message?: string
  conversation?: string
  direction?: 'in' | 'out'
  ms?: number
  count?: number
  code?: number | string
  outcome?: string
  reason?: string
  state?: string
  seq?: number
  offset?: number
  port?: number
  path?: string
  version?: string
  error?: string
  app?: string
  class?: string
  attempt?: number
  retry_after_ms?: number
  field?: string
  event?: string
  /** As 2026-11-22. */
  day?: string
  hash?: string
  /** Of another machine. */
  host?: string
}

export interface Log {
  debug(phrase: string, fields?: LogFields): void
  info(phrase: string, fields?: LogFields): void
  warn(phrase: string, fields?: LogFields): void
  error(phrase: string, fields?: LogFields): void
  /** The lines that `work` writes leave together when it ends. */
  together(work: () => void): void
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, together: (work) => work() }
