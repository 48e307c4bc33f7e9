import { expect, test } from 'bun:test'
import type { Permission } from '../core/permissions.ts'
import type { Principal, Scope } from '../core/principal.ts'
import { ownerNamed } from '../testing/principals.ts'
import { viewerAfter } from './rights.ts'

const ALL: Scope = { kind: 'workspace' }
const TEAM: Scope = { kind: 'some', numberIds: [], teamIds: [3], personId: 9 }

function viewer(by: Principal['by'], permissions: Permission[], scope: Scope): Principal {
  return { ...ownerNamed(), by, personId: 9, permissions: new Set(permissions), scope }
}

const SEES: Permission[] = ['conversations.see_all', 'contacts.see_names']
const NARROW: Permission[] = ['conversations.see_team', 'contacts.see_names']

test.each([
  ['a program', 'api_key', NARROW, TEAM, 'stays'],
  ['a page', 'session', NARROW, TEAM, 'rights'],
  ['a page that sees the same', 'session', SEES, ALL, 'stays'],
  ['a program that is not shown names any more', 'api_key', ['conversations.see_all'], ALL, 'rights'],
  ['a program that may do more', 'api_key', [...SEES, 'messages.reply'], ALL, 'rights'],
] as const)('%s after a change of rights', (_, by, permissions, scope, outcome) => {
  const renewed = viewer(by, [...permissions], scope)
  expect(viewerAfter(viewer(by, SEES, ALL), renewed)).toEqual(outcome === 'stays' ? renewed : outcome)
})

test('whoever may nothing any more does not come back', () => {
  expect(viewerAfter(viewer('api_key', SEES, ALL), undefined)).toBe('forbidden')
})
