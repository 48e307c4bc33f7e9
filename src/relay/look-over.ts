import { type Clock, pause } from '../core/clock.ts'
import { Db } from '../storage/database.ts'
import { learnPages, lookThrough, pageCountOf } from '../storage/page-look.ts'

/** All pages within a day, looked at every hour; of a small file all of it each time. */
const LOOKS_A_DAY = 24
const PAGES_MIN = 16_384

export interface LookAsk {
  /** Of the database. */
  path: string
  /** Where to begin, as a share of the file. */
  from: number
  /** Rests so many times as long as it has worked. */
  restShare: number
}

export interface LookedOver {
  damaged: number[]
  /** Pages whose sums were not known, and are now. */
  learned: number
  /** Where to go on. */
  next: number
}

/** Looks at a part of a database beside its writer. What is not known is learned, until there is nothing of it. */
export async function lookOver({ path, from, restShare }: LookAsk, clock: Clock): Promise<LookedOver> {
  const pages = pageCountOf(path)
  const wanted = Math.max(PAGES_MIN, Math.ceil(pages / LOOKS_A_DAY))
  const found: LookedOver = { damaged: [], learned: 0, next: 0 }
  let looked = 0
  let sinceMs = clock.monoMs()
  for (const { first, count, unknown, damaged } of lookThrough(path, 1 + Math.floor(from * pages))) {
    const learned = unknown > 0 ? learn(path, first, count) : 0
    found.learned += learned
    found.damaged.push(...damaged)
    found.next = (first - 1 + count) / pages
    looked += count
    if (looked >= wanted && learned === 0) break
    await pause(clock, (clock.monoMs() - sinceMs) * restShare)
    sinceMs = clock.monoMs()
  }
  if (found.next >= 1) found.next = 0
  return found
}

function learn(path: string, first: number, count: number): number {
  const database = new Db(path, { cacheKib: 64, checkpointPages: 0 })
  try {
    return learnPages(database, path, { first, count })
  } finally {
    database.close()
  }
}
