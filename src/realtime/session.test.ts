import { describe, expect, test } from 'bun:test'
import { ownerNamed } from '../testing/principals.ts'
import type { Socket } from './session.ts'
import { newSession, sendText, unblock } from './session.ts'

function openSession(statuses: number[]) {
  const viewer = ownerNamed('ada')
  const group = { key: 'all', viewer, sessionCount: 1, body: null }
  const socket = { send: () => statuses.shift() ?? 1 } as unknown as Socket
  return newSession(socket, { viewer, group }, 100, { commandsPerSecondMax: 20, acksPerSecondMax: 20 })
}

describe('sendText()', () => {
  test.each([
    [25, 'sent', false],
    [-1, 'held_back', true],
    [0, 'dropped', true],
  ] as const)('takes status %d of the socket as %s', (status, sent, blocked) => {
    const session = openSession([status])
    expect([sendText(session, 'x', 200), session.blocked, session.behindSinceMs]).toEqual([
      sent,
      blocked,
      blocked ? 200 : 0,
    ])
  })
})

describe('unblock()', () => {
  test('a resuming session counts as behind only since its last progress', () => {
    const session = openSession([-1, -1])
    sendText(session, 'x', 200)
    unblock(session)
    sendText(session, 'x', 300)
    expect(session.behindSinceMs).toBe(300)
  })

  test('a live session counts as behind until it has caught up, however often its socket empties', () => {
    const session = openSession([-1, -1])
    session.live = true
    sendText(session, 'x', 200)
    unblock(session)
    sendText(session, 'x', 300)
    expect(session.behindSinceMs).toBe(200)
  })
})
