import { describe, expect, test } from 'bun:test'
import { Failure } from '../core/failure.ts'
import type { NewEntry } from '../journal/entry.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { Inbound } from './inbound.ts'

const BACKLOG_MS = 500

function openInbound() {
  const clock = new FakeClock()
  const stored: NewEntry[] = []
  const inbound = new Inbound(
    {
      clock,
      append: async (entry) => {
        stored.push(entry)
        return stored.length
      },
    },
    BACKLOG_MS,
  )
  return { clock, inbound, stored, body: new TextEncoder().encode('{}') }
}

const turns = async () => {
  for (let count = 0; count < 5; count++) await Promise.resolve()
}

/** Moves the clock in the steps that a waiting request takes. */
async function wait(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    clock.advance(10)
    await turns()
  }
}

describe('Inbound', () => {
  test('keeps a body at once while the book is not behind', async () => {
    const { clock, inbound, stored, body } = openInbound()
    inbound.noteAppended(7)
    clock.advance(BACKLOG_MS)
    await inbound.accept('whatsapp/main', body)
    expect(stored).toEqual([{ atMs: clock.epochMs(), source: 'whatsapp/main', body }])
  })

  test('holds a webhook back while the book is behind, and keeps it once the book has caught up', async () => {
    const { clock, inbound, stored, body } = openInbound()
    inbound.noteAppended(7)
    clock.advance(BACKLOG_MS + 1)
    const accepted = inbound.accept('whatsapp/main', body)
    await wait(clock, 100)
    expect(stored).toHaveLength(0)
    inbound.noteApplied(7)
    await wait(clock, 10)
    await accepted
    expect(stored).toHaveLength(1)
  })

  test('refuses a webhook after a quarter of a second, and has not kept it', async () => {
    const { clock, inbound, stored, body } = openInbound()
    inbound.noteAppended(7)
    clock.advance(BACKLOG_MS + 1)
    const startedMs = clock.monoMs()
    let refusedAtMs = 0
    const refusal = inbound.accept('whatsapp/main', body).catch((error: unknown) => {
      refusedAtMs = clock.monoMs()
      return error
    })
    await wait(clock, 400)
    const error = await refusal
    expect(error).toBeInstanceOf(Failure)
    expect(error).toMatchObject({ code: 'unavailable', members: { retry_after_ms: 1000 } })
    expect(refusedAtMs - startedMs).toBe(250)
    expect(stored).toHaveLength(0)
  })

  test('measures the lag from the oldest batch that is not applied as a whole', () => {
    const { clock, inbound } = openInbound()
    expect(inbound.lagMs()).toBe(0)
    inbound.noteAppended(3)
    clock.advance(40)
    inbound.noteAppended(5)
    clock.advance(2)
    inbound.noteApplied(2)
    expect(inbound.lagMs()).toBe(42)
    inbound.noteApplied(3)
    expect(inbound.lagMs()).toBe(2)
    inbound.noteApplied(5)
    expect(inbound.lagMs()).toBe(0)
  })

  test('remembers at most 10,000 batches, and joins what follows to the last', () => {
    const { clock, inbound } = openInbound()
    for (let seq = 1; seq <= 10_050; seq++) {
      inbound.noteAppended(seq)
      clock.advance(1)
    }
    inbound.noteApplied(10_049)
    expect(inbound.lagMs()).toBe(51)
    inbound.noteApplied(10_050)
    expect(inbound.lagMs()).toBe(0)
  })

  test('says when everything kept until now is applied', async () => {
    const { inbound } = openInbound()
    await inbound.caughtUp()
    inbound.noteAppended(3)
    let isReached = false
    const reached = inbound.caughtUp().then(() => {
      isReached = true
    })
    inbound.noteAppended(9)
    inbound.noteApplied(2)
    await turns()
    expect(isReached).toBe(false)
    inbound.noteApplied(3)
    await reached
  })
})
