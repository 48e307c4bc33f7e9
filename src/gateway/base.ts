import type { Config } from '../config.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { ClockTrust } from '../relay/clock-trust.ts'
import type { House } from '../relay/house.ts'
import type { Setup } from '../setup.ts'

export interface GatewayOptions {
  config: Config
  clock: Clock
  log: Log
  random: () => number
  acceptLoss: boolean
  /** Where the simulator runs; in the demo its address takes the platform's place. */
  graphUrl: string
  simulatorUrl: string | null
  /** How long a send may be without an answer before it is in doubt. Default: 15 s. */
  sendTimeoutMs?: number
  /** The process has to end: a thread or a disk has failed. */
  onFatal(error: Error): void
}

/** What every part is made from: it is there before the folder is opened. */
export interface Base {
  options: GatewayOptions
  setup: Setup
  metrics: Metrics
  dispatcher: Dispatcher
  house: House
  clockTrust: ClockTrust
  /** Whether requests are taken. */
  isServing(): boolean
  /** Whether a thread or a disk has failed. */
  isFatal(): boolean
  /** Where it listens, once it does. */
  port(): number | undefined
}
