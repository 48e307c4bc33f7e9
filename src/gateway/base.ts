import type { Config } from '../config.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { ClockTrust } from '../relay/clock-trust.ts'
import type { RunningDrill } from '../relay/drills.ts'
import type { House } from '../relay/house.ts'
import type { SpaceWatch } from '../relay/space-watch.ts'
import type { Setup } from '../setup.ts'
import type { Reading } from './reload.ts'

export interface GatewayOptions {
  /** As it was at the start; what holds now is `Base.config`. */
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
  /** Reads the configuration anew; absent: it is not changed while the house runs. */
  readConfig?: () => Reading
  /** Told of a configuration that was taken over. */
  onConfig?: (config: Config) => void
  /** Progress of an upgrade of the data folder, a line at a time. */
  say?: (line: string) => void
  /** The last lines of the log, for a support bundle. */
  recentLines?: () => { lines: string[]; trouble: string[] }
  /** Tries the newest backup in a process of its own; absent: the house does not do it by itself. */
  beginDrill?: () => RunningDrill
  /** The process has to end: a thread or a disk has failed. */
  onFatal(error: Error): void
}

/** What every part is made from: it is there before the folder is opened. */
export interface Base {
  options: GatewayOptions
  /**
   * What holds now. A reload puts others in the place of these two: whoever needs something of them asks here each time,
   * unless config/changes.ts says that it needs a restart.
   */
  config: Config
  setup: Setup
  metrics: Metrics
  dispatcher: Dispatcher
  house: House
  clockTrust: ClockTrust
  /** How much room is left, and what is not taken while there is none. */
  space: SpaceWatch
  /** Whether requests are taken. */
  isServing(): boolean
  /** Whether a thread or a disk has failed. */
  isFatal(): boolean
  /** Where it listens, once it does. */
  port(): number | undefined
}
