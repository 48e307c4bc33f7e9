import type { Desk } from '../desk.ts'
import type { NumberView, Page } from '../wire.ts'
import type {
  ApiKey,
  AuditEntry,
  AuditFilter,
  BrowserSession,
  ImportReport,
  KeyAsk,
  LinkKind,
  Member,
  MemberChange,
  OneTimeLink,
  Role,
  Session,
  Team,
  TeamChange,
} from './settings-wire.ts'

/** The part of the HTTP API that the settings use. Every call rejects with a `Problem`. */
export interface SettingsApi {
  session(): Promise<Session>
  sessions(): Promise<BrowserSession[]>
  endSession(id: string): Promise<unknown>
  endOtherSessions(): Promise<unknown>
  changePassword(password: string, newPassword: string): Promise<unknown>
  enrolSecondFactor(password: string): Promise<{ secret: string; uri: string }>
  /** Answers the recovery codes. */
  confirmSecondFactor(code: string): Promise<string[]>
  removeSecondFactor(password: string, code: string): Promise<unknown>
  people(cursor?: string): Promise<Page<Member>>
  person(id: string): Promise<Member>
  addPerson(ask: { name: string; email: string; role: string }): Promise<Member>
  changePerson(id: string, change: MemberChange): Promise<Member>
  removePerson(id: string): Promise<unknown>
  makeLink(id: string, kind: LinkKind): Promise<OneTimeLink>
  importPeople(file: Blob, isDryRun: boolean): Promise<ImportReport>
  roles(): Promise<Role[]>
  addRole(name: string, permissions: readonly string[]): Promise<Role>
  changeRole(id: string, permissions: readonly string[]): Promise<Role>
  removeRole(id: string): Promise<unknown>
  teams(): Promise<Team[]>
  addTeam(ask: { name: string } & TeamChange): Promise<Team>
  changeTeam(id: string, change: TeamChange): Promise<Team>
  removeTeam(id: string): Promise<unknown>
  numbers(): Promise<NumberView[]>
  keys(cursor?: string): Promise<Page<ApiKey>>
  makeKey(ask: KeyAsk): Promise<ApiKey & { key: string }>
  revokeKey(id: string): Promise<unknown>
  audit(filter: AuditFilter, cursor?: string): Promise<Page<AuditEntry>>
}

/** The most that a page of a list has. */
const PAGE_ITEMS = 200
const AUDIT_PAGE_ITEMS = 50

/** Asks as whoever is at the desk. */
export function createSettingsApi(desk: Pick<Desk, 'ask'>): SettingsApi {
  const ask = <T>(method: string, path: string, body?: object) =>
    desk.ask((api) => (body === undefined ? api.call<T>(method, path) : api.call<T>(method, path, body)))
  const get = <T>(path: string) => ask<T>('GET', path)
  const list = async <T>(path: string) => (await get<{ items: T[] }>(path)).items
  const at = (path: string, id: string) => `${path}/${encodeURIComponent(id)}`
  const paged = (path: string, cursor?: string) =>
    `${path}?limit=${PAGE_ITEMS}${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
  const [people, roles, teams, keys, own] = ['/v1/people', '/v1/roles', '/v1/teams', '/v1/keys', '/auth']
  return {
    session: () => get(`${own}/session`),
    sessions: () => list(`${own}/sessions`),
    endSession: (id) => ask('DELETE', at(`${own}/sessions`, id), {}),
    endOtherSessions: () => ask('DELETE', `${own}/sessions`, {}),
    changePassword: (password, newPassword) => ask('POST', `${own}/password`, { password, new_password: newPassword }),
    enrolSecondFactor: (password) => ask('POST', `${own}/second-factor/enrol`, { password }),
    confirmSecondFactor: async (code) =>
      (await ask<{ recovery_codes: string[] }>('POST', `${own}/second-factor/confirm`, { code })).recovery_codes,
    removeSecondFactor: (password, code) => ask('POST', `${own}/second-factor/remove`, { password, code }),
    people: (cursor) => get(paged(people, cursor)),
    person: (id) => get(at(people, id)),
    addPerson: (body) => ask('POST', people, body),
    changePerson: (id, change) => ask('PATCH', at(people, id), change),
    removePerson: (id) => ask('DELETE', at(people, id), {}),
    makeLink: (id, kind) => ask('POST', `${at(people, id)}/link`, { kind }),
    importPeople: (file, isDryRun) => ask('POST', `${people}/import${isDryRun ? '?dry_run=true' : ''}`, file),
    roles: () => list(roles),
    addRole: (name, permissions) => ask('POST', roles, { name, permissions }),
    changeRole: (id, permissions) => ask('PATCH', at(roles, id), { permissions }),
    removeRole: (id) => ask('DELETE', at(roles, id), {}),
    teams: () => list(teams),
    addTeam: (body) => ask('POST', teams, body),
    changeTeam: (id, change) => ask('PATCH', at(teams, id), change),
    removeTeam: (id) => ask('DELETE', at(teams, id), {}),
    numbers: () => list(`/v1/numbers?limit=${PAGE_ITEMS}`),
    keys: (cursor) => get(paged(keys, cursor)),
    makeKey: (body) => ask('POST', keys, body),
    revokeKey: (id) => ask('DELETE', at(keys, id), {}),
    audit: (filter, cursor) => {
      const query = new URLSearchParams({ limit: String(AUDIT_PAGE_ITEMS), ...filter })
      if (cursor !== undefined) query.set('cursor', cursor)
      return get(`/v1/audit?${query}`)
    },
  }
}
