/**
 * How long one decision of the dispatcher takes: 100,000 messages wait on 100 numbers and all of them are let go.
 * `decision` is `take` alone, `whole` is with the `charge` and the `finished` of each. Beside it, in the same run, what a bare binary heap needs to give out as
 * many items: the ceiling of anything that keeps an order. Time is virtual; only the decisions cost.
 */
import { MESSAGE_CLASSES } from '../../src/core/message.ts'
import { Dispatcher } from '../../src/dispatch/dispatcher.ts'
import { type HeapItem, IndexedHeap } from '../../src/dispatch/indexed-heap.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'

const MESSAGES = 100_000
const NUMBERS = 100
const ROUNDS = 7

interface Round {
  enqueueUs: number
  /** `take` alone. */
  decisionUs: number
  /** `take`, `charge` and `finished`. */
  wholeUs: number
  heapUs: number
}

function fill(random: () => number): Dispatcher {
  const dispatcher = new Dispatcher({ messagesMax: MESSAGES, bulkHeadsMax: MESSAGES, inFlightMax: 100_000 })
  for (let numberId = 0; numberId < NUMBERS; numberId++) dispatcher.declareNumber(numberId, { ratePerSecondMax: 80 }, 0)
  for (let messageId = 1; messageId <= MESSAGES; messageId++) {
    const numberId = messageId % NUMBERS
    const conversationId = Math.floor(random() * MESSAGES)
    const messageClass = MESSAGE_CLASSES[Math.floor(random() * 4)] ?? 'bulk'
    const own = { messageId, numberId, conversationId, order: messageId, notBeforeMs: 0 }
    dispatcher.enqueue({ ...own, class: messageClass, deadlineMs: 1e7 + random() * 30_000 }, 0)
  }
  return dispatcher
}

/** Lets everything go, each message answered at the next wake-up. */
function drain(dispatcher: Dispatcher): { left: number; takeNs: number } {
  let left = 0
  let takeNs = 0
  let nowMs = 0
  let inFlight: number[] = []
  for (;;) {
    const startNs = Bun.nanoseconds()
    const { leave, wakeAtMs } = dispatcher.take(nowMs)
    takeNs += Bun.nanoseconds() - startNs
    for (const messageId of inFlight) dispatcher.finished(messageId, 'accepted', nowMs)
    inFlight = []
    for (const { messageId } of leave) {
      dispatcher.charge(messageId, nowMs)
      inFlight.push(messageId)
    }
    left += leave.length
    if (left === MESSAGES || (wakeAtMs === null && leave.length === 0)) return { left, takeNs }
    nowMs = Math.max(nowMs, wakeAtMs ?? nowMs)
  }
}

/** The ceiling: the same number of items through one heap per number, and nothing else. */
function heapOnly(random: () => number): number {
  const heaps = Array.from({ length: NUMBERS }, () => new IndexedHeap<HeapItem>())
  for (let index = 0; index < MESSAGES; index++) {
    heaps[index % NUMBERS]?.set({ heapKey: 0, heapTie: 0, heapIndex: -1 }, random())
  }
  const startNs = Bun.nanoseconds()
  let sum = 0
  for (let index = 0; index < MESSAGES; index++) sum += heaps[index % NUMBERS]?.pop()?.heapKey ?? 0
  const tookUs = (Bun.nanoseconds() - startNs) / 1_000
  if (!(sum > 0)) throw new Error('The heaps gave nothing out')
  return tookUs / MESSAGES
}

function round(seed: number): Round {
  const random = seededRandom(seed)
  const fillStartNs = Bun.nanoseconds()
  const dispatcher = fill(random)
  const enqueueUs = (Bun.nanoseconds() - fillStartNs) / 1_000 / MESSAGES
  const startNs = Bun.nanoseconds()
  const { left, takeNs } = drain(dispatcher)
  const wholeUs = (Bun.nanoseconds() - startNs) / 1_000 / MESSAGES
  const decisionUs = takeNs / 1_000 / MESSAGES
  if (left !== MESSAGES) throw new Error(`Only ${left} of ${MESSAGES} messages left`)
  return { enqueueUs, decisionUs, wholeUs, heapUs: heapOnly(random) }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** Bytes that 100,000 queued messages take, by the growth of the live heap. */
function bytesQueued(): number {
  Bun.gc(true)
  const before = process.memoryUsage().heapUsed
  const dispatcher = fill(seededRandom(99))
  Bun.gc(true)
  const after = process.memoryUsage().heapUsed
  return dispatcher.stats(0).numbers.length > 0 ? after - before : 0
}

const bytes = bytesQueued()
const rounds = Array.from({ length: ROUNDS }, (_, index) => round(index + 1))
const decisionUs = median(rounds.map((one) => one.decisionUs))
const heapUs = median(rounds.map((one) => one.heapUs))
console.log(
  JSON.stringify(
    {
      messages: MESSAGES,
      numbers: NUMBERS,
      rounds: ROUNDS,
      enqueue_us_median: round3(median(rounds.map((one) => one.enqueueUs))),
      decision_us_median: round3(decisionUs),
      decision_us_min: round3(Math.min(...rounds.map((one) => one.decisionUs))),
      decision_us_max: round3(Math.max(...rounds.map((one) => one.decisionUs))),
      whole_us_median: round3(median(rounds.map((one) => one.wholeUs))),
      heap_only_us_median: round3(heapUs),
      decision_to_heap_ratio: round3(decisionUs / heapUs),
      queued_megabytes: round3(bytes / 1e6),
    },
    null,
    2,
  ),
)

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
