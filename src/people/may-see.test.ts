import { describe, expect, test } from 'bun:test'
import type { Principal } from '../core/principal.ts'
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
  test.each([[{ conversationId: 1, numberId: 2 }], [{ conversationId: null, numberId: null }]])(
    'lets who sees the workspace see %j, and nobody else',
    (seen) => {
      expect(maySee(OWNER, seen)).toBe(true)
      expect(maySee(GUEST, seen)).toBe(false)
    },
  )

  test('who sees the same has one visibility', () => {
    expect(visibilityOf(OWNER)).toBe(visibilityOf(ownerNamed('another')))
    expect(visibilityOf(OWNER)).not.toBe(visibilityOf(GUEST))
  })
})

test('may() goes by the permissions', () => {
  expect(may(OWNER, 'contacts.erase')).toBe(true)
  expect(may(GUEST, 'contacts.erase')).toBe(false)
  expect(may(GUEST, 'messages.reply')).toBe(true)
})
