import packageJson from '../../package.json' with { type: 'json' }
import { memoryBytesMax, openFilesMax } from '../metrics/process.ts'
import type { SpaceFigures } from '../relay/space-watch.ts'
import type { Base } from './base.ts'
import type { Parts } from './parts.ts'
import { readinessOf } from './readiness.ts'

/** What only the running house knows of itself, for `gatehouse doctor`. Holds nothing personal. */
export interface HouseFacts {
  version: string
  /** What `/readyz` says. */
  checks: Readonly<Record<string, boolean>>
  space: SpaceFigures
  isClockTrusted: boolean
  /** How far the records' time is ahead of the wall clock, which was set back. */
  recordsAheadMs: number
  /** Pages of the records that are not what was written, found since the start. */
  damagedPages: number
  applyLagMs: number
  search: { behind: number; isComplete: boolean }
  /** How far the journal's second place is; null: it has none. */
  shipping: { lagMs: number; fault: string | null } | null
  openFilesMax: number | null
  memoryBytesMax: number
  /** Of each database its writer's `PRAGMA synchronous`. */
  synchronous: Readonly<Record<string, number>>
  /** Where it sends to. */
  graphUrl: string
}

export async function houseFacts(base: Base, parts: Parts): Promise<HouseFacts> {
  await base.space.look()
  return {
    version: packageJson.version,
    checks: readinessOf(base).checks,
    space: base.space.figures(),
    isClockTrusted: base.clockTrust.isTrusted(),
    recordsAheadMs: base.house.time.aheadMs(),
    damagedPages: parts.safekeeping.pages.damagedPages(),
    applyLagMs: base.house.inbound.lagMs(),
    search: parts.search.state(),
    shipping: parts.safekeeping.shipping.state(),
    openFilesMax: openFilesMax(),
    memoryBytesMax: memoryBytesMax(),
    synchronous: await base.house.synchronous(),
    graphUrl: base.options.graphUrl,
  }
}
