import { Elysia } from 'elysia'
import {
  addPerson,
  addRoleOf,
  addTeamOf,
  assign,
  deletePerson,
  deleteRole,
  deleteTeam,
  getPerson,
  importPeople,
  listPeople,
  listRoles,
  listTeams,
  type PeopleDependencies,
  patchPerson,
  patchRole,
  patchTeam,
} from './people-api.ts'
import { type Asked, type RouteDependencies, type Rule, route } from './route.ts'
import { listWorkspaces } from './workspaces-api.ts'

type Handle = (deps: PeopleDependencies, asked: Asked) => Promise<Response | object>
type Row = [
  method: 'get' | 'post' | 'patch' | 'delete',
  pattern: string,
  rule: Rule,
  handle: Handle,
  query?: readonly string[],
]

const PAGE = ['limit', 'cursor']

const ROUTES: readonly Row[] = [
  ['get', '/people', 'people.see', listPeople, PAGE],
  ['post', '/people', 'people.manage', addPerson],
  ['post', '/people/import', 'people.manage', importPeople, ['dry_run']],
  ['get', '/people/:id', 'people.see', getPerson],
  ['patch', '/people/:id', 'people.manage', patchPerson],
  ['delete', '/people/:id', 'people.manage', deletePerson],
  ['get', '/workspaces', 'anybody known', listWorkspaces],
  ['get', '/roles', 'people.see', listRoles],
  ['post', '/roles', 'roles.manage', addRoleOf],
  ['patch', '/roles/:id', 'roles.manage', patchRole],
  ['delete', '/roles/:id', 'roles.manage', deleteRole],
  ['get', '/teams', 'people.see', listTeams],
  ['post', '/teams', 'people.manage', addTeamOf],
  ['patch', '/teams/:id', 'people.manage', patchTeam],
  ['delete', '/teams/:id', 'people.manage', deleteTeam],
  ['post', '/conversations/:id/assign', 'conversations.assign', assign],
]

/** People, roles, teams, and what they have. */
export function peopleRoutes(deps: RouteDependencies & PeopleDependencies): Elysia {
  const app = new Elysia({ name: 'people', prefix: '/api/v1' })
  for (const [method, pattern, rule, handle, query] of ROUTES) {
    const answer = route(deps, { pattern: `/api/v1${pattern}`, rule }, (asked) => handle(deps, asked), query)
    if (method === 'get') app.get(pattern, answer)
    else app.route(method.toUpperCase(), pattern, answer, { parse: 'none' } as never)
  }
  return app as unknown as Elysia
}
