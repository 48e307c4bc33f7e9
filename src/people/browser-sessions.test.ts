import { describe, expect, test } from 'bun:test'
import type { Standing } from '../records/people-reader.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { BrowserSessions } from './browser-sessions.ts'
import { GIVEN_ROLES } from './roles.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

async function sessions() {
  const clock = new FakeClock()
  const kept = {
    standing: { role: 'agent', permissions: GIVEN_ROLES.agent, teamIds: [3], numberIds: [] } as Standing | undefined,
    workspaces: [
      { id: 1, name: 'main' },
      { id: 2, name: 'outlet' },
    ],
    ended: [] as string[],
    removed: 0,
    noted: [] as number[],
    reads: 0,
  }
  const all = new BrowserSessions({
    clock,
    accounts: {
      beginSession: async () => [],
      endSessions: async (hashes) => {
        kept.removed += hashes.length
      },
      noteUses: async (uses) => void kept.noted.push(...uses.map(({ atMs }) => atMs)),
    },
    times: () => ({ idleMs: 30 * MINUTE, absoluteMs: 2 * HOUR }),
    standingOf: () => {
      kept.reads++
      return kept.standing
    },
    workspacesOf: () => kept.workspaces,
    onEnd: (ids) => void kept.ended.push(...ids),
    onFault: () => {},
  })
  all.open({ sessions: () => [] })
  const { token, session } = await all.begin({ personId: 7, device: 'Firefox on Linux', method: 'password' })
  return {
    clock,
    kept,
    all,
    token,
    session,
    ask: (workspace: string | null = null) => all.principalOf(token, workspace),
  }
}

describe('BrowserSessions', () => {
  test('know who asks, and read what they may once', async () => {
    const { kept, session, ask } = await sessions()
    const principal = ask()
    expect(principal).toMatchObject({ by: 'session', personId: 7, workspaceId: 1, role: 'agent', id: session.id })
    expect(principal.scope).toEqual({ kind: 'some', numberIds: [], teamIds: [3], personId: 7 })
    expect(principal.expiresAtMs).toBe(session.expiresAtMs)
    for (let index = 0; index < 5; index++) expect(ask()).toBe(principal)
    expect(kept.reads).toBe(1)
    expect(ask('outlet').workspaceId).toBe(2)
    expect(() => ask('elsewhere')).toThrow(expect.objectContaining({ code: 'not_found' }))
    expect(() => ask('')).toThrow(expect.objectContaining({ code: 'not_found' }))
  })

  test.each([[''], ['null'], ['A'.repeat(42)], ['A'.repeat(43)], [`${'A'.repeat(43)}=`]])(
    'know nobody by %p',
    async (token) => {
      const { all } = await sessions()
      expect(() => all.principalOf(token, null)).toThrow(expect.objectContaining({ code: 'unauthorized' }))
    },
  )

  test('end when they are not used, with what hangs on them, within a second', async () => {
    const { clock, kept, session, ask } = await sessions()
    clock.advance(30 * MINUTE - 1)
    ask()
    clock.advance(30 * MINUTE - 1)
    expect(kept.ended).toEqual([])
    clock.advance(1_001)
    expect(kept.ended).toEqual([session.id])
    expect(kept.removed).toBe(1)
    expect(() => ask()).toThrow()
  })

  test('end by their age, however much they are used', async () => {
    const { clock, kept, ask } = await sessions()
    for (let minute = 0; minute < 119; minute += 7) {
      ask()
      clock.advance(7 * MINUTE)
      if (minute + 7 >= 119) break
    }
    clock.advance(MINUTE + 1_000)
    expect(() => ask()).toThrow('not signed in')
    expect(kept.ended).toHaveLength(1)
  })

  test('are worth what their owner may from the moment that it changes', async () => {
    const { kept, all, ask } = await sessions()
    ask()
    kept.standing = { role: 'owner', permissions: GIVEN_ROLES.owner, teamIds: [], numberIds: [] }
    expect(ask().role).toBe('agent')
    all.hear(7)
    expect(ask()).toMatchObject({ role: 'owner', scope: { kind: 'workspace' } })
    kept.workspaces = []
    all.hear(null)
    expect(() => ask()).toThrow()
    expect(kept.removed).toBe(1)
  })

  test('are looked at anew after anybody’s change, so that what they read is not as of before it', async () => {
    const { kept, all, ask } = await sessions()
    const before = ask()
    all.hear(8)
    expect(ask()).not.toBe(before)
    kept.workspaces = []
    all.hear(8)
    expect(kept.removed).toBe(0)
  })

  test('write down a use once a minute', async () => {
    const { clock, kept, ask } = await sessions()
    for (let index = 0; index < 120; index++) {
      ask()
      clock.advance(1_000)
    }
    expect(kept.noted.length).toBeWithin(1, 3)
  })
})
