import { describe, expect, test } from 'bun:test'
import { createApi } from './api.ts'
import { addressIn, placeElsewhere, standingIn, workspaceIn } from './workspace.ts'

const BOTH = { workspace: 'main', workspaces: ['main', 'outlet'] }
const ONE = { workspace: 'main', workspaces: ['main'] }

describe('standingIn()', () => {
  const cases: [string, typeof BOTH, string | null, string, boolean][] = [
    ['nothing asked for', BOTH, null, 'main', false],
    ['one of several', BOTH, 'outlet', 'outlet', false],
    ['an unknown one', BOTH, 'lost', 'main', true],
    ['one that was lost, of two', ONE, 'outlet', 'main', true],
    ['the only one', ONE, 'main', 'main', false],
  ]
  test.each(cases)('%s', (_, memberships, asked, workspace, isElsewhere) => {
    expect(standingIn(memberships, asked)).toEqual({ workspace, workspaces: memberships.workspaces, isElsewhere })
  })
})

describe('addressIn()', () => {
  test('names the workspace where there are several, and nothing where there is one', () => {
    const outlet = { ...BOTH, workspace: 'a&b' }
    expect(addressIn(outlet, '#/c/cnv_1')).toBe('/?workspace=a%26b#/c/cnv_1')
    expect(workspaceIn(new URL(addressIn(outlet, ''), 'http://house').search)).toBe('a&b')
    expect(addressIn(ONE, '#/c/cnv_1')).toBe('/#/c/cnv_1')
    expect(workspaceIn('')).toBeNull()
  })
})

describe('placeElsewhere()', () => {
  const cases = [
    ['#/c/cnv_1', '#/'],
    ['', '#/'],
    ['#/settings', '#/settings'],
    ['#/settings/teams/tea_1', '#/settings/teams'],
    ['#/settings/audit?actor=per_1', '#/settings/audit'],
  ]
  test.each(cases)('of %j is %j: no id goes along', (hash, place) => {
    expect(placeElsewhere(hash)).toBe(place)
  })
})

describe('createApi()', () => {
  test.each([
    [null, 'outlet', 'outlet'],
    [null, null, null],
  ])(
    'with the key %j in %j says %j with every request, those for files and tickets too',
    async (key, workspace, said) => {
      const heard: (string | null)[] = []
      const answer = async (_: string, init: RequestInit) => {
        heard.push(new Headers(init.headers).get('gatehouse-workspace'))
        return Response.json({ ticket: 't' })
      }
      const api = createApi(key, answer, workspace)
      await api.me()
      await api.ticket()
      await api.file('/api/v1/media/med_1/thumbnail')
      await api.send({}, 'once')
      await api.call('GET', '/v1/teams')
      expect(heard).toEqual(Array(5).fill(said))
    },
  )
})
