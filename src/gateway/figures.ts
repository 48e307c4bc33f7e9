import { showId } from '../core/ids.ts'
import { MESSAGE_CLASSES, type MessageClass } from '../core/message.ts'
import type { NumberStats } from '../dispatch/types.ts'
import type { Commit } from '../records/book.ts'
import { NUMBER_STATE } from '../records/codes.ts'
import { FiguresReader } from '../records/figures-reader.ts'
import type { Wake } from '../records/tx.ts'
import { readDrill } from '../relay/drill-result.ts'
import { FOLDER_PARTS, LOGGED, sumOf } from '../storage/folder-sizes.ts'
import type { Base } from './base.ts'
import type { Parts } from './parts.ts'
import { readinessOf } from './readiness.ts'
import { collectShipping } from './safekeeping.ts'

/** The lines and figures of a commit. The parts that are made from the records are not there yet at its first commits. */
export function noteCommit(base: Base, parts: Parts | undefined, commit: Commit): void {
  const { metrics, options } = base
  metrics.bookCommitSeconds.observe(commit.commitMs / 1000)
  metrics.bookBatchInputs.observe(commit.inputs)
  metrics.eventsOffset.set(commit.head)
  options.log.together(() => {
    for (const wake of commit.wakes) noteWake(base, parts, wake)
    const count = commit.wakes.filter(({ kind }) => kind === 'quarantined').length
    if (count > 0)
      options.log.error('a platform said what could not be applied; it is kept: see gatehouse doctor', { count })
  })
}

function noteWake({ metrics, options }: Base, parts: Parts | undefined, wake: Wake): void {
  switch (wake.kind) {
    case 'message':
      metrics.messages.add(1, { direction: wake.direction, state: 'received' })
      options.log.info('message', {
        number: parts?.outbound.number(wake.numberId)?.alias ?? '',
        message: showId('message', wake.messageId),
        direction: wake.direction,
        ms: Math.max(0, options.clock.epochMs() - wake.sinceMs),
      })
      return
    case 'state':
      if (wake.resend) metrics.resends.add(1)
      else metrics.messages.add(1, { direction: 'out', state: wake.state })
      return
    case 'kept':
      metrics.unknownItems.add(1, { kind: wake.what })
      return
    case 'notice':
      metrics.notices.add(1, { severity: wake.severity })
      if (wake.severity === 'info') return
      options.log[wake.severity === 'critical' ? 'error' : 'warn']('notice', {
        field: wake.field,
        event: wake.event ?? '',
      })
      return
    default:
  }
}

/** The figures that are looked at when somebody asks for them. */
export function collectFigures(base: Base, parts: Parts): void {
  const { metrics, house } = base
  collectShipping(base, parts.safekeeping)
  const figures = new FiguresReader(house.records())
  let throttledBefore = 0
  metrics.collect(() => {
    // Another process makes the drill; a few hundred bytes are read.
    metrics.drillLastSuccess.set((readDrill(base.options.config.dataDir)?.last_success_at ?? 0) / 1000)
    const stats = base.dispatcher.stats(base.options.clock.monoMs())
    metrics.applyLagSeconds.set(house.inbound.lagMs() / 1000)
    metrics.recordsAheadSeconds.set(house.time.aheadMs() / 1000)
    metrics.searchBehindMessages.set(parts.search.state().behind)
    metrics.laterBodies.set(parts.reader.laterCount())
    metrics.quarantinedItems.set(parts.reader.quarantinedCount())
    metrics.mediaWaiting.set(parts.media.reader.waitingCount())
    metrics.erasuresRunning.set(parts.destruction.eraser.count())
    metrics.inFlightMessages.set(stats.inFlight)
    metrics.throttled.add(stats.counters.throttled - throttledBefore)
    throttledBefore = stats.counters.throttled
    for (const [messageClass, count] of Object.entries(stats.waiting)) {
      metrics.queueMessages.set(count, { class: messageClass as MessageClass })
    }
    for (const [check, holds] of Object.entries(readinessOf(base).checks)) {
      metrics.readiness.set(holds ? 1 : 0, { check })
    }
    setSpace(base)
    setAges(base, figures)
    setNumbers(base, parts, stats.numbers)
  })
}

function setSpace({ metrics, space }: Base): void {
  const { freeBytes, fullInSeconds, parts, logs, quotaBytes } = space.figures()
  metrics.diskFreeBytes.set(freeBytes)
  metrics.diskFullForecastSeconds.set(fullInSeconds ?? Number.POSITIVE_INFINITY)
  for (const part of FOLDER_PARTS) metrics.folderBytes.set(parts[part], { part })
  for (const database of LOGGED) metrics.walBytes.set(logs[database], { database })
  metrics.quotaUsedRatio.set(quotaBytes === null ? 0 : sumOf(parts) / quotaBytes)
}

function setAges({ metrics, house }: Base, figures: FiguresReader): void {
  const nowMs = house.time.nowMs()
  const ageSeconds = (atMs: number | undefined) => (atMs === undefined ? 0 : Math.max(0, nowMs - atMs) / 1000)
  const oldest = figures.oldestWaitingAtMs()
  for (const messageClass of MESSAGE_CLASSES) {
    metrics.oldestWaitingSeconds.set(ageSeconds(oldest[messageClass]), { class: messageClass })
  }
  metrics.unsettledMessages.set(figures.inDoubtCount(), { state: 'in_doubt' })
  metrics.unsettledMessages.set(figures.heldCount(), { state: 'held' })
  metrics.erasureOldestSeconds.set(ageSeconds(figures.oldestErasureAtMs()))
}

/** Told anew whole: a number that changed its name or its state leaves no series behind. */
function setNumbers({ metrics }: Base, parts: Parts, numbers: readonly NumberStats[]): void {
  metrics.numberState.reset()
  metrics.limitUsedRatio.reset()
  metrics.numberBreakerOpen.reset()
  for (const { alias, state } of parts.outbound.numbers()) {
    metrics.numberState.set(1, { number: alias, state: NUMBER_STATE.word(state) })
  }
  for (const number of numbers) {
    const alias = parts.outbound.number(number.numberId)?.alias ?? ''
    metrics.limitUsedRatio.set(number.limitUsedRatio, { number: alias })
    metrics.numberBreakerOpen.set(number.breakerOpen ? 1 : 0, { number: alias })
  }
}
