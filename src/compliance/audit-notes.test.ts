import { describe, expect, test } from 'bun:test'
import { Failure } from '../core/failure.ts'
import type { Actor } from '../core/principal.ts'
import type { AuditNote } from '../records/audit.ts'
import type { Ask } from '../records/inputs.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { AuditNotes } from './audit-notes.ts'

const PERSON: Actor = { id: 'person', by: 'session', workspaceId: 1, personId: 9 }
const look = (object: string, by = PERSON): AuditNote => ({ by, action: 'contact.open', object, outcome: 'done' })

function notes() {
  const clock = new FakeClock()
  const book = { batches: [] as AuditNote[][], isFull: false, hasMinutes: false, lost: 0 }
  const ask = (async (_command: unknown, args: { notes: AuditNote[] }) => {
    if (book.isFull) throw new Failure('unavailable', 'The disk is full')
    book.batches.push([...args.notes])
  }) as unknown as Ask
  const waiting = new AuditNotes({
    clock,
    ask,
    hasOpenMinutes: () => book.hasMinutes,
    overflow: (count) => {
      book.lost += count
    },
  })
  return { clock, book, waiting }
}

/** Lets what was asked be answered. */
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

describe('AuditNotes', () => {
  test('gives what came within half a second in one go', async () => {
    const { clock, book, waiting } = notes()
    waiting.note(look('con_1'))
    clock.advance(400)
    waiting.note(look('con_2'))
    expect(book.batches).toEqual([])
    clock.advance(100)
    await settle()
    expect(book.batches).toEqual([[look('con_1'), look('con_2')]])
  })

  test('notes the same of the same once a minute, and of somebody else by themselves', async () => {
    const { clock, book, waiting } = notes()
    for (let index = 0; index < 5; index++) waiting.note(look('con_1'))
    waiting.note(look('con_1', { ...PERSON, id: 'somebody else' }))
    waiting.note(look('con_1', { ...PERSON, workspaceId: 2 }))
    await waiting.flush()
    expect(book.batches[0]).toHaveLength(3)
    clock.advance(60_000)
    waiting.note(look('con_1'))
    await waiting.flush()
    expect(book.batches[1]).toHaveLength(1)
  })

  test('keeps what the book cannot take, says how many it dropped, and gives them when it can', async () => {
    const { clock, book, waiting } = notes()
    book.isFull = true
    for (let index = 0; index < 10_005; index++) waiting.note(look(`con_${index}`))
    expect(book.lost).toBe(5)
    clock.advance(500)
    await settle()
    expect(book.batches).toEqual([])
    book.isFull = false
    clock.advance(500)
    for (let turn = 0; turn < 20; turn++) await settle()
    const all = book.batches.flat()
    expect(all).toHaveLength(10_001)
    expect(all.filter(({ action }) => action === 'audit.overflow')).toMatchObject([{ times: 5 }])
    expect(Math.max(...book.batches.map((batch) => batch.length))).toBe(1000)
  })

  test('gives everything at the stop, and takes nothing more', async () => {
    const { book, waiting } = notes()
    waiting.start()
    waiting.note(look('con_1'))
    await waiting.stop()
    waiting.note(look('con_2'))
    expect(book.batches).toEqual([[look('con_1')]])
  })

  test('has the counted minutes closed where nobody does anything', async () => {
    const { clock, book, waiting } = notes()
    waiting.start()
    clock.advance(60_000)
    expect(book.batches).toEqual([])
    book.hasMinutes = true
    clock.advance(60_000)
    await settle()
    expect(book.batches).toEqual([[]])
    await waiting.stop()
  })
})
