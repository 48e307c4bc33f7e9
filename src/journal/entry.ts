import { DAY_MS } from '../core/clock.ts'

/** How long the journal of a day is kept after the day's end at least: the platform repeats what it was not answered for 7 days. */
export const KEPT_DAYS = 8

/** What the outside said, before anybody has understood it. */
export interface NewEntry {
  /** When it arrived, milliseconds since 1970. */
  atMs: number
  /** Channel and application, such as `whatsapp/main`. */
  source: string
  /** The raw bytes. */
  body: Uint8Array
}

export interface Entry extends NewEntry {
  /** Its place in the journal: gap-free, from 1. */
  seq: number
  /** How often something was cut out of the body because it named an erased person; an empty one held nothing else. */
  timesCut?: number
}

/** The UTC day of a moment, `2026-11-22`: the name of its journal file and of its key. */
export function dayOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10)
}

export function dayKeyName(day: string): string {
  return `day:${day}`
}

/** The UTC day whose journal died at a moment, and every day before it: a day is kept for so many days after its end. */
export function lastDeadDay(nowMs: number, keptDays: number = KEPT_DAYS): string {
  return dayOf(nowMs - (keptDays + 1) * DAY_MS)
}

/** What an entry's seal is bound to: its own place and, by its tag, the entry before. */
export function placeOf(seq: number, atMs: number, source: string, previousTag: Uint8Array): string {
  return `journal:${seq}:${atMs}:${source}:${previousTag.toHex()}`
}
