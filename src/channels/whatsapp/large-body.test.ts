import { describe, expect, test } from 'bun:test'
import { itemsOf } from './parse.ts'
import { body, RECEIVED_MS, withFrame } from './webhook.test-support.ts'

describe('a large body', () => {
  /** A list whose elements say when they are looked at. */
  function watched(count: number, element: (index: number) => Record<string, unknown>, seen: number[]): unknown[] {
    return Array.from({ length: count }, (_, index) => {
      const { id, ...rest } = element(index)
      return Object.defineProperty(rest, 'id', {
        enumerable: true,
        get() {
          if (!seen.includes(index)) seen.push(index)
          return id
        },
      })
    })
  }

  const ELEMENTS: Record<string, object> = {
    messages: { from: '1' },
    'a thread of the history': { from: '1' },
    'threads of the history': { messages: [{ id: 'm', from: '1' }] },
  }
  const bodies: [what: string, of: (list: unknown[]) => unknown][] = [
    ['messages', (messages) => body(withFrame({ messages }))],
    [
      'a thread of the history',
      (messages) => body(withFrame({ history: [{ threads: [{ id: '1', messages }] }] }), 'history'),
    ],
    ['threads of the history', (threads) => body(withFrame({ history: [{ threads }] }), 'history')],
  ]
  test.each(bodies)('of %s is read as far as is asked', (what, of) => {
    const seen: number[] = []
    const element = (index: number) => ({ id: `1555${index}`, ...ELEMENTS[what] })
    const found = itemsOf(of(watched(50, element, seen)), RECEIVED_MS)[Symbol.iterator]()
    for (let count = 1; count <= 50; count++) {
      expect(found.next().value).toMatchObject({ kind: 'message' })
      expect(seen).toHaveLength(count)
    }
    expect(found.next().done).toBe(true)
    expect(found.next().done).toBe(true)
  })
})
