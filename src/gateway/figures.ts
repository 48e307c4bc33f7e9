import { showId } from '../core/ids.ts'
import type { MessageClass } from '../core/message.ts'
import type { Commit } from '../records/book.ts'
import type { Wake } from '../records/tx.ts'
import type { Base } from './base.ts'
import type { Parts } from './parts.ts'

/** The lines and figures of a commit. The parts that are made from the records are not there yet at its first commits. */
export function noteCommit(base: Base, parts: Parts | undefined, commit: Commit): void {
  const { metrics, options } = base
  metrics.bookCommitSeconds.observe(commit.commitMs / 1000)
  metrics.bookBatchInputs.observe(commit.inputs)
  metrics.eventsOffset.set(commit.head)
  options.log.together(() => {
    for (const wake of commit.wakes) noteWake(base, parts, wake)
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
export function collectFigures({ metrics, options, house, dispatcher }: Base, parts: Parts): void {
  metrics.collect(() => {
    const stats = dispatcher.stats(options.clock.monoMs())
    metrics.applyLagSeconds.set(house.inbound.lagMs() / 1000)
    metrics.searchBehindMessages.set(parts.search.state().behind)
    metrics.laterBodies.set(parts.reader.laterCount())
    metrics.quarantinedItems.set(parts.reader.quarantinedCount())
    metrics.mediaWaiting.set(parts.media.reader.waitingCount())
    metrics.erasuresRunning.set(parts.destruction.eraser.count())
    metrics.limitUsedRatio.reset()
    for (const [messageClass, count] of Object.entries(stats.waiting)) {
      metrics.queueMessages.set(count, { class: messageClass as MessageClass })
    }
    for (const number of stats.numbers) {
      const alias = parts.outbound.number(number.numberId)?.alias ?? ''
      metrics.limitUsedRatio.set(number.limitUsedRatio, { number: alias })
    }
  })
}
