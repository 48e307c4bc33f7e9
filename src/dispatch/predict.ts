import type { Entry } from './conversation.ts'
import { LANE_RANKS, LANE_SHARES, type LaneRank } from './lane.ts'
import type { NumberQueue } from './number-queue.ts'
import type { Explanation, WaitReason } from './types.ts'

/**
 * How many departures of the number pass before one that has `ahead` others before it in its lane: either it waits
 * for the more urgent lanes to empty, while the less urgent ones take their shares, or its own share brings it sooner.
 */
function departuresBefore(number: NumberQueue, rank: LaneRank, ahead: number): number {
  let moreUrgent = 0
  let lessUrgentShare = 0
  for (const other of LANE_RANKS) {
    const size = number.lanes.sizeOf(other)
    if (other < rank) moreUrgent += size
    else if (other > rank && size > 0) lessUrgentShare += (LANE_SHARES[other] ?? 0) / 100
  }
  const borrowed = (moreUrgent + ahead) / (1 - lessUrgentShare)
  const guaranteed = (ahead + (moreUrgent > 0 ? 0.5 : 0)) / ((LANE_SHARES[rank] ?? 1) / 100)
  return Math.min(borrowed, guaranteed)
}

/** Milliseconds for so many departures: the number's pace, or the pace of its answers where that is slower. */
function passMs(number: NumberQueue, departures: number, nowMs: number): number {
  const answersMs = number.inFlight.latencyMs / number.placesMax(number.rate.limitAt(nowMs))
  return departures * Math.max(number.spacingMs(nowMs), answersMs)
}

function isFull(number: NumberQueue, nowMs: number): boolean {
  return number.inFlight.count >= number.placesMax(number.rate.limitAt(nowMs))
}

/** What stops a whole number now, and until when; `nothing` where it may send. */
function blockOf(number: NumberQueue, nowMs: number): Explanation {
  return latest(nowMs, [
    ['paused', number.pausedUntilMs],
    ['breaker', number.breaker.openUntilMs],
    ['in_flight', isFull(number, nowMs) ? nowMs + number.inFlight.latencyMs / number.inFlight.count : 0],
  ])
}

/** What a new message of this lane would wait for, and until when; Infinity on a number paused without an end. */
export function foretell(number: NumberQueue, rank: LaneRank, nowMs: number): Explanation {
  const limit = number.rate.limitAt(nowMs)
  const ahead = number.lanes.sizeOf(rank)
  const departures = departuresBefore(number, rank, ahead)
  const answerMs = isFull(number, nowMs) ? number.inFlight.latencyMs / number.inFlight.count : 0
  const startMs = Math.max(nowMs, number.gateMs(limit)) + answerMs
  const leavesAtMs = startMs + passMs(number, departures, nowMs)
  if (leavesAtMs <= nowMs) return { leavesAtMs, waitsFor: 'nothing' }
  const { waitsFor } = blockOf(number, nowMs)
  if (waitsFor !== 'nothing') return { leavesAtMs, waitsFor }
  return { leavesAtMs, waitsFor: departures > ahead ? 'lane' : 'number_rate' }
}

/** Which limit holds a message longest, and when it will leave. */
export function explainEntry(number: NumberQueue, entry: Entry, nowMs: number): Explanation {
  if (entry.state !== 'waiting') return { leavesAtMs: Math.max(nowMs, entry.untilMs), waitsFor: 'nothing' }
  const conversation = entry.conversation
  const head = conversation.first ?? entry
  const held = conversation.inFlight
  const answerMs = number.inFlight.latencyMs
  if (entry !== head || held !== undefined) {
    const before = held === undefined ? explainHead(number, head, nowMs).leavesAtMs : Math.max(nowMs, held.takenAtMs)
    const pairMs = number.pairs.readyAtMs(conversation.id)
    return { leavesAtMs: Math.max(before + answerMs, entry.notBeforeMs, pairMs), waitsFor: 'order' }
  }
  return explainHead(number, head, nowMs)
}

function explainHead(number: NumberQueue, entry: Entry, nowMs: number): Explanation {
  const conversation = entry.conversation
  const limit = number.rate.limitAt(nowMs)
  const stands = conversation.standsIn !== undefined
  const ahead = stands ? number.lanes.countBefore(conversation, conversation.rank) : 0
  const departures = stands ? departuresBefore(number, conversation.rank, ahead) : 0
  const block = blockOf(number, nowMs)
  const startMs = Math.max(block.leavesAtMs, number.pace.readyAtMs, number.fence.openAtMs(limit))
  const turnMs = startMs + passMs(number, departures, nowMs)
  const turnReason = departures > ahead ? 'lane' : 'number_rate'
  return latest(nowMs, [
    // What stops the whole number is the reason, however many are ahead behind the same stop.
    [block.waitsFor === 'nothing' ? turnReason : block.waitsFor, turnMs],
    ['not_before', entry.notBeforeMs],
    ['pair', number.pairs.readyAtMs(conversation.id)],
  ])
}

/** The latest of these times and its reason; 'nothing' if none is to come. */
function latest(nowMs: number, times: readonly (readonly [WaitReason, number])[]): Explanation {
  let latestSoFar: Explanation = { leavesAtMs: nowMs, waitsFor: 'nothing' }
  for (const [waitsFor, leavesAtMs] of times) {
    if (leavesAtMs > latestSoFar.leavesAtMs) latestSoFar = { leavesAtMs, waitsFor }
  }
  return latestSoFar
}
