import { readSync } from 'node:fs'
import { Db } from './database.ts'
import { PageSums, pagesInLog, sumOf } from './page-sums.ts'
import { withRawFile } from './raw-file.ts'

/** Pages that are read at a time. */
const PIECE_PAGES = 256
/** Pages of one snapshot: nobody's log is kept for long. */
const SNAPSHOT_PAGES = 2048
/** What looks damaged is looked at again: damage stays. */
const LOOKS = 3

export interface Range {
  /** The first page is 1. */
  first: number
  count: number
}

export interface Look {
  /** Whether there are sums of this file. */
  isKnown: boolean
  /** How many the database has. */
  pages: number
  /** So many of those that were looked at have no sum yet, or are in the log. */
  unknown: number
  /** These are not what was written. */
  damaged: number[]
}

/**
 * Compares pages of a database with their sums, beside its writer. While it reads from one snapshot the log starts over
 * once at most, so what changes meanwhile is in the log before it or after it.
 */
export function lookAtPages(database: Db, path: string, range: Range): Look {
  const sums = new PageSums(path, { readonly: true })
  try {
    let look = database.snapshot(() => lookOnce({ database, path, sums }, range, false))
    for (let count = 0; count < LOOKS && look.damaged.length > 0; count++) {
      look = database.snapshot(() => lookOnce({ database, path, sums }, range, true))
    }
    return look
  } finally {
    sums.close()
  }
}

/** Looks at all pages from one on, some milliseconds at a time. */
export function* lookThrough(path: string, first = 1): Generator<Look & Range> {
  const database = new Db(path, { readonly: true, cacheKib: 64 })
  try {
    for (let pages = first; first <= pages; first += SNAPSHOT_PAGES) {
      const range = { first, count: SNAPSHOT_PAGES }
      const look = lookAtPages(database, path, range)
      pages = look.pages
      yield { ...look, ...range }
      if (!look.isKnown) return
    }
  } finally {
    database.close()
  }
}

export function pageCountOf(path: string): number {
  const database = new Db(path, { readonly: true, cacheKib: 64 })
  try {
    return numberOf(database, 'page_count')
  } finally {
    database.close()
  }
}

/** How damage is told: where it is, and nothing of what it is. */
export function damageText(name: string, pages: readonly number[]): string {
  const some = pages.slice(0, 5).join(', ')
  return `${name} is damaged: ${pages.length} ${pages.length === 1 ? 'page is' : 'pages are'} not what was written (${some}${pages.length > 5 ? ', …' : ''})`
}

interface Looked {
  database: Db
  path: string
  sums: PageSums
}

function lookOnce({ database, path, sums }: Looked, { first, count }: Range, isCareful: boolean): Look {
  // The first statement is where the snapshot begins.
  const pages = numberOf(database, 'page_count')
  const look: Look = { isKnown: sums.belong(), pages, unknown: 0, damaged: [] }
  if (!look.isKnown) return look
  const changing = isCareful ? pagesInLog(path) : new Set<number>()
  const different: number[] = []
  eachPage({ database, path }, { first, count: Math.min(count, pages - first + 1) }, sums, (page, sum, known) => {
    if (known === 0n) look.unknown++
    else if (sum !== known) different.push(page)
  })
  for (const page of isCareful ? pagesInLog(path) : []) changing.add(page)
  look.damaged = different.filter((page) => !changing.has(page))
  look.unknown += different.length - look.damaged.length
  return look
}

/**
 * Learns the sums of pages that have none. Nobody can write meanwhile, and what is in the log comes to the sums when it
 * comes to the database. Says how many it has learned.
 *
 * @param database a connection that writes.
 */
export function learnPages(database: Db, path: string, range: Range): number {
  const sums = new PageSums(path)
  try {
    // What is to be read while everybody waits is in memory then.
    eachPage({ database, path }, range, sums, () => {})
    return whileNobodyWrites(database, () => {
      if (!sums.belong()) return 0
      const inLog = pagesInLog(path)
      const learned = new Map<number, bigint>()
      const count = Math.min(range.count, numberOf(database, 'page_count') - range.first + 1)
      eachPage({ database, path }, { ...range, count }, sums, (page, sum, known) => {
        if (known === 0n && sum !== undefined && !inLog.has(page)) learned.set(page, sum)
      })
      sums.write(learned)
      return learned.size
    })
  } finally {
    sums.close()
  }
}

/** Each page of the file itself with its sum, undefined where the file ends before it, and the sum that it is to have. */
function eachPage(
  { database, path }: Pick<Looked, 'database' | 'path'>,
  { first, count }: Range,
  sums: PageSums,
  visit: (page: number, sum: bigint | undefined, known: bigint) => void,
): void {
  const pageBytes = numberOf(database, 'page_size')
  const piece = new Uint8Array(PIECE_PAGES * pageBytes)
  withRawFile(path, (file) => {
    for (let done = 0; done < count; done += PIECE_PAGES) {
      const wanted = Math.min(PIECE_PAGES, count - done)
      const bytes = readSync(file, piece, 0, wanted * pageBytes, (first + done - 1) * pageBytes)
      const known = sums.read(first + done, wanted)
      for (let index = 0; index < wanted; index++) {
        const page = first + done + index
        const isThere = (index + 1) * pageBytes <= bytes
        const content = piece.subarray(index * pageBytes, (index + 1) * pageBytes)
        visit(page, isThere ? sumOf(page, content) : undefined, known[index] ?? 0n)
      }
    }
  })
}

/** Runs `work` while nobody can write. */
export function whileNobodyWrites<T>(database: Db, work: () => T): T {
  database.run('BEGIN IMMEDIATE')
  try {
    return work()
  } finally {
    database.rollback()
  }
}

function numberOf(database: Db, pragma: 'page_count' | 'page_size'): number {
  const row = database.one<Record<string, number>>(`PRAGMA ${pragma}`)
  return row?.[pragma] ?? 0
}
