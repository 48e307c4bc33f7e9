/*
 * What the parts of a storm agree on. One unit of load is one message of a customer a second; every fourth is answered,
 * and every answer brings its statuses: sent, delivered, read.
 */

export const APP = 'storm'
export const WABA = '200000000000001'
/** So many that no limit of a single number is in the way: each takes 1,000 messages a second, in and out together. */
export const NUMBER_COUNT = 16
export const PEOPLE = 20_000
export const MESSAGES_PER_REPLY = 4
/** Of the answers, one in so many is a program's template; the others are people's texts. */
export const REPLIES_PER_TEMPLATE = 5

/** What counts as in time, in milliseconds. */
export const TARGETS = {
  /** From when a webhook was due to its 200. */
  answer: 50,
  /** From when a webhook was due to its event at an agent's socket. */
  screen: 250,
  /** From an agent's request being due to the platform's yes at an agent's socket. */
  reply: 500,
} as const

/** The first start of a step is this far ahead, so that both parts are ready. */
export const HEAD_START_MS = 300

export interface Secrets {
  appSecret: string
  verifyToken: string
  accessToken: string
  ownerKey: string
}

/** One step of rising load. */
export interface StepPlan {
  index: number
  /** Messages of customers a second. */
  load: number
  warmUpMs: number
  measureMs: number
}

export function phoneNumberId(index: number): string {
  return String(300_000_000_000_000 + (index % NUMBER_COUNT))
}

/** From the range that is kept for fiction. */
export function displayOf(index: number): string {
  return `+1202555${String(100 + (index % NUMBER_COUNT)).padStart(4, '0')}`
}

/** How many requests a rate makes in the warm-up and in all. */
export function countsOf({ load, warmUpMs, measureMs }: StepPlan, perSecond = load): { warmUp: number; all: number } {
  return {
    warmUp: Math.round((perSecond * warmUpMs) / 1000),
    all: Math.round((perSecond * (warmUpMs + measureMs)) / 1000),
  }
}
