import { type Clock, pause, systemClock } from '../../core/clock.ts'
import { HEARD_MESSAGE, replyReference, TAKEN_REPLY } from './bodies.ts'
import { type Hear, hearOrders } from './hear-orders.ts'
import { Histogram, type Latencies } from './histogram.ts'
import { countsOf, MESSAGES_PER_REPLY, REPLIES_PER_TEMPLATE, type StepPlan, TARGETS } from './plan.ts'

/** What the agents of a step saw. Only what was due after the warm-up counts. */
export interface DeskResult {
  /** From when a webhook was due to its event at a socket. */
  screen: Latencies
  /** From when an answer was due to the platform's yes at a socket. */
  reply: Latencies
  replies: number
  /** Answers that the house did not take. */
  refused: number
  socketsClosed: number
  cpuSeconds: number
}

interface Begin {
  origin: string
  key: string
  sockets: number
}

const TICK_MS = 2
/** After the last message: how long a silence means that nothing more comes, and how long it is waited for. */
const QUIET_MS = 1_000
const DRAIN_MS_MAX = 6_000
/** Conversations that answers go to: the newest that were heard of. */
const CONVERSATIONS_MAX = 20_000

/** The part of a storm that plays the agents: sockets that watch, and answers to what they show. */
export function runDeskPart(): Promise<number> {
  let desk: Desk | undefined
  const hear: Hear = async (order) => {
    if (order['do'] === 'begin') {
      desk = new Desk(systemClock, order as unknown as Begin)
      await desk.open()
      return { ready: true }
    }
    if (order['do'] === 'prepare' && desk) {
      await desk.open()
      return { ready: true }
    }
    if (order['do'] !== 'go' || !desk) return undefined
    return await desk.run(order['plan'] as StepPlan, order['atMs'] as number)
  }
  return hearOrders(hear)
}

class Desk {
  readonly #clock: Clock
  readonly #begin: Begin
  readonly #conversations: string[] = []
  /** When each message and each answer of the step was heard of, by its index; wall time. */
  #messageAtMs = new Float64Array()
  #replyAtMs = new Float64Array()
  #step = -1
  #lastHeardMs = 0
  #conversationNext = 0
  #refused = 0
  #socketsClosed = 0
  /** Which of the sockets are open. */
  readonly #open = new Set<number>()

  constructor(clock: Clock, begin: Begin) {
    this.#clock = clock
    this.#begin = begin
  }

  /** Opens those that are not open: what a step has closed must not count in the next. */
  async open(): Promise<void> {
    for (let index = 0; index < this.#begin.sockets; index++) if (!this.#open.has(index)) await this.#watch(index)
    this.#socketsClosed = 0
  }

  async run(plan: StepPlan, atMs: number): Promise<DeskResult> {
    const messages = countsOf(plan)
    const replies = countsOf(plan, plan.load / MESSAGES_PER_REPLY)
    this.#step = plan.index
    this.#messageAtMs = new Float64Array(messages.all)
    this.#replyAtMs = new Float64Array(replies.all)
    this.#refused = 0
    await pause(this.#clock, atMs - this.#clock.epochMs())
    const before = process.cpuUsage()
    const replyDueMs = (index: number) => atMs + (index / plan.load) * MESSAGES_PER_REPLY * 1000
    await this.#answerAll(replies.all, replyDueMs)
    await pause(this.#clock, atMs + plan.warmUpMs + plan.measureMs - this.#clock.epochMs())
    await this.#untilQuiet()
    const used = process.cpuUsage(before)
    return {
      screen: latencies(this.#messageAtMs, messages, {
        targetMs: TARGETS.screen,
        dueMs: (index) => atMs + (index / plan.load) * 1000,
      }),
      reply: latencies(this.#replyAtMs, replies, { targetMs: TARGETS.reply, dueMs: replyDueMs }),
      replies: replies.all - replies.warmUp,
      refused: this.#refused,
      socketsClosed: this.#socketsClosed,
      cpuSeconds: (used.user + used.system) / 1e6,
    }
  }

  /** Only the first one looks into its frames: the others cost this process as little as they can. */
  async #watch(index: number): Promise<void> {
    const { origin, key } = this.#begin
    const headers = { Authorization: `Bearer ${key}` }
    const answer = await fetch(`${origin}/api/v1/realtime/tickets`, { method: 'POST', headers })
    const { ticket } = (await answer.json()) as { ticket: string }
    const socket = new WebSocket(`${origin.replace('http', 'ws')}/realtime`, ['gatehouse.v1', `ticket.${ticket}`])
    const opened = Promise.withResolvers<void>()
    socket.onmessage = ({ data }) => {
      const text = String(data)
      if (text.startsWith('{"type":"hello"')) {
        socket.send('{"type":"subscribe","id":1}')
        this.#open.add(index)
        opened.resolve()
        return
      }
      if (!text.startsWith('{"type":"events"')) return
      if (index === 0) this.#look(text)
      socket.send(`{"type":"ack","upto":${/"upto":(\d+)/.exec(text)?.[1]}}`)
    }
    socket.onclose = () => {
      this.#open.delete(index)
      this.#socketsClosed += 1
      opened.reject(new Error('A socket was closed before it was open'))
    }
    await opened.promise
  }

  /** Finding the ids is cheaper than reading the JSON, and the processors are the house's. */
  #look(text: string): void {
    const nowMs = this.#clock.epochMs()
    for (const [, step, index, conversation] of text.matchAll(HEARD_MESSAGE)) {
      if (Number(step) === this.#step) noteFirst(this.#messageAtMs, Number(index), nowMs)
      this.#conversations[this.#conversationNext++ % CONVERSATIONS_MAX] = conversation ?? ''
    }
    for (const [, step, index] of text.matchAll(TAKEN_REPLY)) {
      if (Number(step) === this.#step) noteFirst(this.#replyAtMs, Number(index), nowMs)
    }
    this.#lastHeardMs = nowMs
  }

  async #answerAll(count: number, dueMs: (index: number) => number): Promise<void> {
    for (let index = 0; index < count; ) {
      while (index < count && dueMs(index) <= this.#clock.epochMs()) void this.#answer(index++)
      await pause(this.#clock, TICK_MS)
    }
  }

  async #answer(index: number): Promise<void> {
    const to = this.#conversations[(index * 31 + this.#step) % Math.max(1, this.#conversations.length)]
    // Nobody has written yet, in the first moment of the first step.
    if (to === undefined) return
    const content =
      index % REPLIES_PER_TEMPLATE === 0
        ? {
            type: 'template',
            template: { name: 'hello_world', language: { code: 'en_US' } },
            class: 'notice',
          }
        : { type: 'text', text: { body: 'Thank you, we will look into it at once.' } }
    const { origin, key } = this.#begin
    const response = await fetch(`${origin}/api/v1/messages`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ to, reference: replyReference(this.#step, index), ...content }),
    }).catch(() => undefined)
    if (response?.status !== 202) this.#refused += 1
    await response?.body?.cancel()
  }

  async #untilQuiet(): Promise<void> {
    const endMs = this.#clock.epochMs() + DRAIN_MS_MAX
    while (this.#clock.epochMs() < endMs && this.#clock.epochMs() - this.#lastHeardMs < QUIET_MS) {
      if (isWhole(this.#messageAtMs) && isWhole(this.#replyAtMs)) return
      await pause(this.#clock, 20)
    }
  }
}

function noteFirst(atMs: Float64Array, index: number, nowMs: number): void {
  if (atMs[index] === 0) atMs[index] = nowMs
}

function isWhole(atMs: Float64Array): boolean {
  return atMs.every((one) => one !== 0)
}

function latencies(
  heardAtMs: Float64Array,
  counts: { warmUp: number; all: number },
  due: { targetMs: number; dueMs: (index: number) => number },
): Latencies {
  const histogram = new Histogram(due.targetMs)
  for (let index = counts.warmUp; index < counts.all; index++) {
    const atMs = heardAtMs[index] ?? 0
    if (atMs !== 0) histogram.add(Math.max(0, atMs - due.dueMs(index)))
  }
  return histogram.figures(counts.all - counts.warmUp)
}
