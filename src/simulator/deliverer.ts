import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Delivery } from './outbox.ts'
import type { Platform } from './platform.ts'

/** How the webhook's handshake stands. */
export interface HandshakeState {
  state: 'waiting' | 'verified' | 'refused'
  attempts: number
  detail: string
}

/** What the deliverer needs. */
export interface DelivererOptions {
  platform: Platform
  webhookUrl: string
  verifyToken: string
  clock: Clock
  random: () => number
  log: Log
}

const HANDSHAKE_TIMEOUT_MS = 5000
const HANDSHAKE_WAIT_MS = 250
const HANDSHAKE_WAIT_MS_MAX = 2000
/** Tries of the handshake before its failing is worth a warning: about six seconds. */
const QUIET_ATTEMPTS = 6

/** The platform's hand that reaches the gateway: the handshake, then webhooks, several at once. */
export class Deliverer {
  readonly #options: DelivererOptions
  #isStopped = false
  #cancelTimer: (() => void) | null = null
  #timerDueMs = Number.POSITIVE_INFINITY
  #cancelHandshake: (() => void) | null = null
  #aborts = new Set<AbortController>()
  #underWay = new Set<Promise<void>>()
  readonly handshake: HandshakeState = { state: 'waiting', attempts: 0, detail: 'Not tried yet' }

  constructor(options: DelivererOptions) {
    this.#options = options
  }

  start(): void {
    this.#options.platform.outbox.onPush(() => this.#pump())
    void this.#tryHandshake()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#options.platform.outbox.onPush(null)
    this.#cancelTimer?.()
    this.#cancelHandshake?.()
    for (const abort of this.#aborts) abort.abort()
    await Promise.allSettled(this.#underWay)
  }

  /** Looks for work again, after a setting changed. */
  wake(): void {
    this.#pump()
  }

  get #mayDeliver(): boolean {
    const { requireHandshake } = this.#options.platform.settings
    return !this.#isStopped && (this.handshake.state === 'verified' || !requireHandshake)
  }

  #pump(): void {
    if (!this.#mayDeliver) return
    const { platform, clock } = this.#options
    while (platform.outbox.underWay < platform.settings.webhookConcurrency) {
      const delivery = platform.outbox.take(clock.monoMs())
      if (!delivery) break
      this.#track(this.#deliver(delivery))
    }
    if (platform.outbox.underWay < platform.settings.webhookConcurrency) this.#setTimer()
  }

  #setTimer(): void {
    const { platform, clock } = this.#options
    const dueMs = platform.outbox.nextDueMs()
    if (dueMs === undefined || dueMs >= this.#timerDueMs) return
    this.#cancelTimer?.()
    this.#timerDueMs = dueMs
    this.#cancelTimer = clock.after(Math.max(0, dueMs - clock.monoMs()), () => {
      this.#timerDueMs = Number.POSITIVE_INFINITY
      this.#cancelTimer = null
      this.#pump()
    })
  }

  #track(work: Promise<void>): void {
    this.#underWay.add(work)
    void work.finally(() => this.#underWay.delete(work))
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const { platform, webhookUrl, log } = this.#options
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'facebookexternalua',
      'x-hub-signature-256': delivery.signature,
    }
    const request = { method: 'POST', headers, body: delivery.body }
    const answer = await this.#ask(webhookUrl, request, platform.settings.webhookTimeoutMs)
    if (this.#isStopped) return
    if (answer?.status !== 200) {
      log.debug('webhook not taken', { attempt: delivery.attempt, code: answer?.status ?? 'no answer' })
    }
    platform.settle(delivery, answer?.status ?? null)
    this.#pump()
  }

  /** The answer of the gateway, or null if there was none in time. */
  async #ask(url: string, request: RequestInit, timeoutMs: number): Promise<{ status: number; text: string } | null> {
    const abort = new AbortController()
    this.#aborts.add(abort)
    const cancel = this.#options.clock.after(timeoutMs, () => abort.abort())
    try {
      const response = await fetch(url, { ...request, redirect: 'manual', signal: abort.signal })
      return { status: response.status, text: await response.text() }
    } catch {
      return null
    } finally {
      cancel()
      this.#aborts.delete(abort)
    }
  }

  async #tryHandshake(): Promise<void> {
    const { webhookUrl, verifyToken, random, log, clock } = this.#options
    const challenge = String(1_000_000_000 + Math.floor(random() * 8_999_999_999))
    const url = new URL(webhookUrl)
    url.searchParams.set('hub.mode', 'subscribe')
    url.searchParams.set('hub.challenge', challenge)
    url.searchParams.set('hub.verify_token', verifyToken)
    const answer = await this.#ask(url.href, { method: 'GET' }, HANDSHAKE_TIMEOUT_MS)
    if (this.#isStopped) return
    const { handshake } = this
    handshake.attempts += 1
    if (answer?.status === 200 && answer.text === challenge) {
      handshake.state = 'verified'
      handshake.detail = 'The gateway echoed the challenge'
      log.info('webhook verified', { attempt: handshake.attempts })
      return this.#pump()
    }
    handshake.state = answer ? 'refused' : 'waiting'
    handshake.detail = describe(answer)
    // Started together, the simulator is sooner there than the gateway: the first tries say nothing.
    if (handshake.attempts === QUIET_ATTEMPTS || handshake.attempts % 60 === 0) {
      log.warn('webhook not verified', { attempt: handshake.attempts, reason: handshake.detail })
    }
    const waitMs = Math.min(HANDSHAKE_WAIT_MS_MAX, HANDSHAKE_WAIT_MS * 2 ** Math.min(handshake.attempts - 1, 10))
    this.#cancelHandshake = clock.after(waitMs, () => void this.#tryHandshake())
  }
}

function describe(answer: { status: number } | null): string {
  if (!answer) return 'The gateway did not answer'
  if (answer.status !== 200) return `The gateway answered ${answer.status}: the verify token may differ`
  return 'The gateway did not echo the challenge as the whole body'
}
