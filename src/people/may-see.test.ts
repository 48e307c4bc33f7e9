import { describe, expect, test } from 'bun:test'
import type { Principal } from '../core/principal.ts'
import { noConversation, type Seen } from '../records/page.ts'
import { ownerNamed } from '../testing/principals.ts'
import { may, maySee, visibilityOf } from './may-see.ts'
import { GIVEN_ROLES } from './roles.ts'

const OWNER = ownerNamed()
const GUEST: Principal = {
  ...OWNER,
  permissions: new Set(GIVEN_ROLES.agent),
  scope: { kind: 'some', numberIds: [], teamIds: [], personId: 7 },
}

describe('maySee()', () => {
  const seenByMany: Seen[] = [{ ...noConversation(1), conversationId: 1, numberId: 2 }, noConversation(1)]
  test.each(seenByMany.map((seen) => [seen] as const))(
    'lets who sees the workspace see %j, and nobody else',
    (seen) => {
      expect(maySee(OWNER, seen)).toBe(true)
      expect(maySee(GUEST, seen)).toBe(false)
    },
  )

  test('nobody sees anything of another workspace, however they stand', () => {
    for (const seen of seenByMany) expect(maySee(OWNER, { ...seen, workspaceId: 2 })).toBe(false)
    const own = { ...noConversation(2), conversationId: 1, numberId: 2, assigneeId: 7, teamId: 3 }
    const everywhere = { kind: 'some', numberIds: [2], teamIds: [3], personId: 7 } as const
    expect(maySee({ ...GUEST, scope: everywhere }, own)).toBe(false)
    expect(maySee({ ...GUEST, workspaceId: 2, scope: everywhere }, own)).toBe(true)
  })

  const seen = { workspaceId: 1, conversationId: 1, numberId: 2, assigneeId: 7, teamId: 3 }
  const scope = { kind: 'some', numberIds: [], teamIds: [], personId: null } as const
  test.each([
    ['by number', { ...scope, numberIds: [2] }, true],
    ['by another number', { ...scope, numberIds: [3] }, false],
    ['by team', { ...scope, teamIds: [3] }, true],
    ['by another team', { ...scope, teamIds: [2] }, false],
    ['by who has it', { ...scope, personId: 7 }, true],
    ['by somebody else', { ...scope, personId: 3 }, false],
    ['nothing', scope, false],
  ])('%s', (_, within, expected) => {
    expect(maySee({ ...GUEST, scope: within }, seen)).toBe(expected)
  })

  test('a conversation that passes on is told to who wins it, and to who loses it', () => {
    const told = (as: 'visible' | 'gone', personId: number) => {
      const from = { assigneeId: 7, teamId: null }
      const to = { assigneeId: 8, teamId: null }
      return maySee({ ...GUEST, scope: { ...scope, personId } }, { ...seen, teamId: null, moved: { as, from, to } })
    }
    expect([told('gone', 7), told('visible', 7), told('gone', 8), told('visible', 8)]).toEqual([
      true,
      false,
      false,
      true,
    ])
    expect([told('gone', 9), told('visible', 9)]).toEqual([false, false])
    const whole = {
      ...seen,
      moved: { as: 'gone', from: { assigneeId: 7, teamId: null }, to: { assigneeId: null, teamId: null } },
    }
    expect(maySee(OWNER, whole as never)).toBe(false)
  })

  test('what moved before a change of rights is told by what was seen before it', () => {
    const told = (as: 'visible' | 'gone', now: number, then: number) => {
      const before = { scopes: [{ until: 9, scope: { ...scope, personId: then } }], knownFrom: 0, asOf: 9 }
      const moved = { as, from: { assigneeId: 7, teamId: null }, to: { assigneeId: 8, teamId: null } }
      return maySee({ ...GUEST, scope: { ...scope, personId: now }, before }, { ...seen, teamId: null, moved })
    }
    expect([told('gone', 1, 7), told('visible', 1, 7)]).toEqual([true, false])
    expect([told('gone', 8, 7), told('visible', 8, 7)]).toEqual([false, true])
    expect([told('gone', 1, 2), told('visible', 1, 8)]).toEqual([false, false])
  })

  test('a change of rights is told to whom it concerns, and to whoever was away for too long', () => {
    const change = { ...noConversation(1), change: 9 }
    const asked = (until: number, knownFrom: number) =>
      maySee({ ...GUEST, before: { scopes: [{ until, scope }], knownFrom, asOf: 20 } }, change)
    expect([asked(9, 0), asked(8, 0), asked(12, 10)]).toEqual([true, false, true])
    expect([maySee(OWNER, change), maySee({ ...OWNER, workspaceId: 2 }, change)]).toEqual([false, false])
  })

  test('who sees the same has one visibility', () => {
    expect(visibilityOf(OWNER)).toBe(visibilityOf(ownerNamed('another')))
    expect(visibilityOf(OWNER)).not.toBe(visibilityOf(GUEST))
    const before = { scopes: [{ until: 9, scope }], knownFrom: 0, asOf: 9 }
    expect(visibilityOf({ ...GUEST, before })).not.toBe(visibilityOf(GUEST))
    expect(visibilityOf({ ...GUEST, before: { ...before, scopes: [] } })).toBe(visibilityOf(GUEST))
  })
})

test('may() goes by the permissions', () => {
  expect(may(OWNER, 'contacts.erase')).toBe(true)
  expect(may(GUEST, 'contacts.erase')).toBe(false)
  expect(may(GUEST, 'messages.reply')).toBe(true)
})
