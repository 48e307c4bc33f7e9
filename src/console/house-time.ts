import type { Fetch } from './api.ts'

/** A difference that a slow line, or a header in whole seconds, may make is none. */
const SKEW_MS_MIN = 5000
/** Files may come out of the browser's cache, with the time at which they were put there. */
const NEVER_CACHED = /^\/api\/(?!v1\/media\/)/

let skewMs = 0
const listeners = new Set<() => void>()

/** Calls whenever the house turns out to have another time than was thought. */
export function watchHouseTime(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The house's time in milliseconds. Windows and days go by it: a browser's clock may be hours off. */
export function houseNowMs(): number {
  return Date.now() + skewMs
}

/** Asks the house, and learns its time from the answer. */
export const fetchHere: Fetch = async (url, init) => {
  const response = await fetch(url, init)
  const ownMs = Date.now()
  const saidMs = NEVER_CACHED.test(url) ? Date.parse(response.headers.get('date') ?? '') : Number.NaN
  if (!Number.isNaN(saidMs)) learn(saidMs - ownMs)
  return response
}

function learn(foundMs: number): void {
  if (Math.abs(foundMs - skewMs) < SKEW_MS_MIN) return
  skewMs = Math.abs(foundMs) < SKEW_MS_MIN ? 0 : foundMs
  for (const listener of listeners) listener()
}
