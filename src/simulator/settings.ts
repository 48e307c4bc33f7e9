import { DAY_MS } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'

/** One of the firm's business numbers, as the simulated platform knows it. */
export interface SimulatedNumber {
  /** The platform's id of the number, which is part of the address of every send. */
  phoneNumberId: string
  /** E.164 with its plus sign. */
  display: string
  /** A short name for people and for the control API. */
  alias: string
  /** The WhatsApp Business Account it belongs to. */
  wabaId: string
}

/** What may be changed while the simulator runs. Outside, the names are in snake case. */
export interface Settings {
  /** Messages of one number in any second, inbound and outbound together. The platform's rule: 80, 20 or 1000. */
  messagesPerSecond: number
  /** HTTP status of 130429: the platform's table of November 2025 says 400, older ones 429. */
  throttleStatus: 400 | 429
  /** Messages to one person that may be sent at once. The platform's rule: 45. 0 switches the pair limit off. */
  pairBurst: number
  /** What one message to one person costs. The platform's rule: 6 seconds. */
  pairIntervalMs: number
  /** Whether a message outside the window fails later by a status (as it mostly does), at once, or not at all. */
  windowMode: 'async' | 'sync' | 'off'
  /** From the send to its `sent` status. */
  sentAfterMs: number
  /** From the send to its `delivered` status. */
  deliveredAfterMs: number
  /** From the send to its `read` status, for customers that read by themselves. */
  readAfterMs: number
  /** From a refusal that comes later to its `failed` status. */
  failedAfterMs: number
  /** Webhook requests under way at once. */
  webhookConcurrency: number
  /** Updates in one webhook. The platform's rule: up to 1000. */
  webhookBatchMax: number
  /** How long a batch that is not full waits for more. */
  webhookBatchWaitMs: number
  /** A webhook without an answer is given up, and tried again, after this. */
  webhookTimeoutMs: number
  /** Wait before the second try; doubled for each more. */
  webhookRetryMs: number
  /** The longest wait between tries. */
  webhookRetryMsMax: number
  /** A webhook older than this is dropped. The platform's rule: 7 days. */
  webhookKeepMs: number
  /** Whether a media message names, beside the file's id, an address that holds 5 minutes, as since November 2025. */
  webhookMediaUrl: boolean
  /** How a group's statuses name the member: the platform's own texts have both. */
  groupParticipantName: 'recipient_participant_id' | 'participant_recipient_id'
  /** Webhooks wait until the gateway has answered the handshake rightly, as on the platform. */
  requireHandshake: boolean
}

/** The simulator's defaults: the platform's limits, and a compressed time for statuses and retries. */
export const DEFAULT_SETTINGS: Readonly<Settings> = {
  messagesPerSecond: 80,
  throttleStatus: 400,
  pairBurst: 45,
  pairIntervalMs: 6000,
  windowMode: 'async',
  sentAfterMs: 60,
  deliveredAfterMs: 250,
  readAfterMs: 1500,
  failedAfterMs: 200,
  webhookConcurrency: 64,
  webhookBatchMax: 1,
  webhookBatchWaitMs: 0,
  webhookTimeoutMs: 10_000,
  webhookRetryMs: 250,
  webhookRetryMsMax: 5000,
  webhookKeepMs: 7 * DAY_MS,
  webhookMediaUrl: true,
  groupParticipantName: 'recipient_participant_id',
  requireHandshake: true,
}

type Form = { least: number; most: number } | { oneOf: readonly (string | number | boolean)[] }

const FORMS: Record<keyof Settings, Form> = {
  messagesPerSecond: { least: 1, most: 100_000 },
  throttleStatus: { oneOf: [400, 429] },
  pairBurst: { least: 0, most: 100_000 },
  pairIntervalMs: { least: 1, most: DAY_MS },
  windowMode: { oneOf: ['async', 'sync', 'off'] },
  sentAfterMs: { least: 0, most: DAY_MS },
  deliveredAfterMs: { least: 0, most: DAY_MS },
  readAfterMs: { least: 0, most: DAY_MS },
  failedAfterMs: { least: 0, most: DAY_MS },
  webhookConcurrency: { least: 1, most: 200 },
  webhookBatchMax: { least: 1, most: 1000 },
  webhookBatchWaitMs: { least: 0, most: 60_000 },
  webhookTimeoutMs: { least: 100, most: 120_000 },
  webhookRetryMs: { least: 1, most: DAY_MS },
  webhookRetryMsMax: { least: 1, most: DAY_MS },
  webhookKeepMs: { least: 1000, most: 30 * DAY_MS },
  webhookMediaUrl: { oneOf: [true, false] },
  groupParticipantName: { oneOf: ['recipient_participant_id', 'participant_recipient_id'] },
  requireHandshake: { oneOf: [true, false] },
}

function outsideName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** The settings with their outside names. */
export function showSettings(settings: Settings): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [outsideName(name), value]))
}

/** A change of settings from outside, checked; an unknown name or a wrong value is refused with its path. */
export function readSettings(input: unknown): Partial<Settings> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new Failure('invalid', 'The body must be a JSON object of settings')
  }
  const known = new Map(Object.entries(FORMS).map(([name, form]) => [outsideName(name), { name, form }]))
  const change: Record<string, unknown> = {}
  for (const [outside, value] of Object.entries(input)) {
    const setting = known.get(outside)
    if (!setting) {
      throw new Failure('invalid', `No such setting; there are: ${[...known.keys()].join(', ')}`, { path: outside })
    }
    checkForm(outside, setting.form, value)
    change[setting.name] = value
  }
  return change as Partial<Settings>
}

function checkForm(path: string, form: Form, value: unknown): void {
  if ('oneOf' in form) {
    if (form.oneOf.some((choice) => choice === value)) return
    throw new Failure('invalid', `Must be one of: ${form.oneOf.join(', ')}`, { path })
  }
  if (typeof value === 'number' && Number.isInteger(value) && value >= form.least && value <= form.most) return
  throw new Failure('invalid', `Must be a whole number from ${form.least} to ${form.most}`, { path })
}
