import { describe, expect, test } from 'bun:test'
import type { Entry, NewEntry } from '../journal/entry.ts'
import type { JournalReader } from '../journal/journal-reader.ts'
import type { Ask } from '../records/inputs.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { TestBook } from '../testing/open-test-book.ts'
import { replay } from './replay.ts'

/** A book that can parse nothing, whose journal's every body is poison. */
function openPoisoned(count: number) {
  const clock = new FakeClock()
  const book = new TestBook(clock, {
    parse: () => {
      throw new SyntaxError('no JSON')
    },
  })
  for (let index = 0; index < count; index++) book.append(`poison ${index}`)
  const appended: string[] = []
  const append = async ({ body }: { body: Uint8Array }) => {
    appended.push(new TextDecoder().decode(body))
    const seq = book.append(new TextDecoder().decode(body))
    await book.settle()
    return seq
  }
  const deps = { ask: book.ask.bind(book) as Ask, append, nowMs: () => clock.epochMs() }
  return { book, deps, appended }
}

describe('replay of the quarantine', () => {
  test('gives each body in once and ends, although every one of 250 fails again', async () => {
    const { book, deps, appended } = openPoisoned(250)
    await book.settle()
    const none = {} as JournalReader
    expect(await replay({ ...deps, journal: none }, { kind: 'quarantine' })).toBe(250)
    expect(appended).toEqual(Array.from({ length: 250 }, (_, index) => `poison ${index}`))
    // What failed again is there again, for the next try.
    expect(book.reader.quarantinedCount()).toBe(250)
    book.close()
  })

  test('of nothing gives in nothing', async () => {
    const { book, deps, appended } = openPoisoned(0)
    expect(await replay({ ...deps, journal: {} as JournalReader }, { kind: 'quarantine' })).toBe(0)
    expect(appended).toEqual([])
    book.close()
  })
})

describe('replay of a stretch of the journal', () => {
  /** A journal of one-letter bodies with these sequences. */
  function journalOf(...seqs: number[]): JournalReader {
    const entries = seqs.map((seq) => ({ seq, atMs: 0, source: 'whatsapp/main', body: new Uint8Array([seq % 256]) }))
    const read = (after: number, limit: number) => entries.filter(({ seq }) => seq > after).slice(0, limit)
    return { read } as unknown as JournalReader
  }

  test.each([
    ['with both ends', 2, 4, [2, 3, 4]],
    ['that begins before the first', 1, 3, [2, 3]],
    ['of one entry', 3, 3, [3]],
    ['beyond the end', 6, 9, []],
  ])('%s', async (_, from, to, wanted) => {
    const given: number[] = []
    const append = async ({ body }: { body: Uint8Array }) => {
      given.push(body[0] ?? -1)
      return 1000
    }
    const deps = { ask: undefined as unknown as Ask, journal: journalOf(2, 3, 4, 5), append, nowMs: () => 1 }
    expect(await replay(deps, { kind: 'range', from, to })).toBe(wanted.length)
    expect(given).toEqual(wanted)
  })

  test('ends where the journal ended when it began, although its copies are behind that', async () => {
    const entries: Entry[] = Array.from({ length: 333 }, (_, index) => ({
      seq: index + 1,
      atMs: 0,
      source: 'whatsapp/main',
      body: new Uint8Array([index % 256]),
    }))
    const read = (after: number, limit: number) => entries.slice(after, after + limit)
    const append = async ({ source, body }: NewEntry) => {
      if (entries.length > 1000) throw new Error('It gives copies of copies in')
      return entries.push({ seq: entries.length + 1, atMs: 1, source, body })
    }
    const deps = {
      ask: undefined as unknown as Ask,
      journal: { read } as unknown as JournalReader,
      append,
      nowMs: () => 1,
    }
    expect(await replay(deps, { kind: 'range', from: 1, to: 1_000_000 })).toBe(333)
    expect(entries).toHaveLength(666)
  })
})
