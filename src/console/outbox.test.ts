import { describe, expect, test } from 'bun:test'
import { Problem } from './api.ts'
import { OUTBOX_ITEMS_MAX, Outbox, type Store } from './outbox.ts'
import type { Accepted } from './wire.ts'

function memoryStore(): Store {
  const items = new Map<string, string>()
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  }
}

type Answer = Accepted | Problem

/** An outbox whose server gives the answers in turn; what was asked is in `keys`. */
function outboxWith(answers: Answer[], store = memoryStore()) {
  const keys: string[] = []
  const accepted: string[] = []
  let changed: () => void = () => {}
  const outbox = new Outbox({
    api: {
      send: async (_, key) => {
        keys.push(key)
        const answer = answers.shift()
        if (answer === undefined) return await new Promise<never>(() => {})
        if (answer instanceof Problem) throw answer
        return answer
      },
    },
    store,
    retryDelaysMs: [0, 0],
    onChange: () => changed(),
    onAccepted: (_, answer) => void accepted.push(answer.id),
    onRefused: () => {
      outbox.close()
      changed()
    },
  })
  /** Waits until what is asked for holds; the test's own time limit is the bound. */
  const until = async (holds: () => boolean) => {
    while (!holds())
      await new Promise<void>((resolve) => {
        changed = resolve
      })
  }
  return { outbox, keys, accepted, until }
}

const ITEM = { key: 'k1', conversationId: 'c', body: 'Hello', replyTo: null, at: '2026-01-01T00:00:00.000Z' }
const LOST = new Problem('unreachable', 0, 'The server cannot be reached.')
const REFUSED = new Problem('window_closed', 422, 'The window is closed')

describe('Outbox', () => {
  test('repeats a lost reply with the same key, and lets go of it once it is taken', async () => {
    const { outbox, keys, accepted, until } = outboxWith([LOST, LOST, { id: 'm', state: 'queued' }])
    outbox.add(ITEM)
    await until(() => outbox.items.length === 0)
    expect(keys).toEqual(['k1', 'k1', 'k1'])
    expect(accepted).toEqual(['m'])
  })

  test('hands over the replies of one conversation in the order they were written, those of another beside them', async () => {
    const { outbox, keys, accepted, until } = outboxWith([
      LOST,
      { id: 'other', state: 'queued' },
      { id: 'first', state: 'queued' },
      { id: 'second', state: 'queued' },
    ])
    outbox.add(ITEM)
    outbox.add({ ...ITEM, key: 'k2' })
    outbox.add({ ...ITEM, key: 'k3', conversationId: 'd' })
    await until(() => outbox.items.length === 0)
    expect(keys).toEqual(['k1', 'k3', 'k1', 'k2'])
    expect(accepted).toEqual(['other', 'first', 'second'])
  })

  test('keeps the text of a reply that cannot be delivered, and tries again when asked', async () => {
    const { outbox, keys, until } = outboxWith([LOST, LOST, LOST, { id: 'm', state: 'queued' }])
    outbox.add(ITEM)
    await until(() => outbox.items[0]?.phase === 'unsent')
    expect(outbox.items[0]).toMatchObject({
      body: 'Hello',
      problem: 'The server cannot be reached.',
      isUncertain: true,
    })
    outbox.retry('k1')
    outbox.retry('k1')
    await until(() => outbox.items.length === 0)
    expect(keys).toEqual(['k1', 'k1', 'k1', 'k1'])
  })

  test('does not repeat what was refused', async () => {
    const { outbox, keys, until } = outboxWith([REFUSED])
    outbox.add(ITEM)
    await until(() => outbox.items[0]?.phase === 'unsent')
    expect(keys).toEqual(['k1'])
    expect(outbox.items[0]?.isUncertain).toBe(false)
    expect(outbox.take('k1')?.body).toBe('Hello')
    expect(outbox.items).toEqual([])
  })

  test('lets go of a reply that turned up as a message, and sends it no more', async () => {
    const { outbox, keys, until } = outboxWith([LOST, LOST, LOST])
    outbox.add(ITEM)
    await until(() => outbox.items[0]?.phase === 'unsent')
    outbox.settle(new Set(['k1']))
    outbox.retry('k1')
    expect(outbox.items).toEqual([])
    expect(keys).toHaveLength(3)
  })

  test('keeps what was on its way over a reload, to be tried again with its key', () => {
    const store = memoryStore()
    outboxWith([], store).outbox.add(ITEM)
    expect(outboxWith([], store).outbox.items).toMatchObject([{ key: 'k1', body: 'Hello', phase: 'unsent' }])
  })

  test('takes no more than its bound', () => {
    const { outbox } = outboxWith([])
    for (let index = 0; index < OUTBOX_ITEMS_MAX; index += 1)
      expect(outbox.add({ ...ITEM, key: `k${index}` })).toBe(true)
    expect(outbox.add({ ...ITEM, key: 'more' })).toBe(false)
  })
})
