import { join } from 'node:path'
import { must } from '../core/assert.ts'
import { HOUR_MS, MINUTE_MS } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { showId } from '../core/ids.ts'
import { isPermission, PERMISSION_NAMES } from '../core/permissions.ts'
import { type Actor, MAIN_WORKSPACE } from '../core/principal.ts'
import { ACCOUNTS_FILE } from '../people/accounts.ts'
import { AccountsClient } from '../people/accounts-client.ts'
import { BrowserSessions } from '../people/browser-sessions.ts'
import { Links } from '../people/links.ts'
import { Oidc, type OidcSettings } from '../people/oidc.ts'
import { scopeOf } from '../people/scope.ts'
import { SignIn, type SignInNote } from '../people/sign-in.ts'
import { SignInLimits } from '../people/sign-in-limits.ts'
import type { AuditNote } from '../records/audit.ts'
import { addPeople, changePerson } from '../records/person.ts'
import { PersonLookup } from '../records/person-lookup.ts'
import { OWNER_ROLE } from '../records/role.ts'
import type { Wake } from '../records/tx.ts'
import { THREADS } from '../threads.ts'
import type { Base } from './base.ts'
import type { Rights } from './rights.ts'

const NO_WORK = { languages: [], skills: [], zone: null, hours: null }

export interface EntranceDependencies {
  rights: Pick<Rights, 'people'>
  /** These principals may nothing any more. */
  onEnd(ids: ReadonlySet<string>): void
  /** Says it in the audit. */
  note(note: AuditNote): void
}

/** How people come in with a browser: credentials, sessions, links, the single sign-on. */
export class Entrance {
  readonly accounts: AccountsClient
  readonly sessions: BrowserSessions
  readonly signIn: SignIn
  readonly links: Links
  readonly lookup: PersonLookup
  readonly #base: Base
  readonly #deps: EntranceDependencies
  #oidc: { settings: unknown; oidc: Oidc } | undefined

  constructor(base: Base, deps: EntranceDependencies) {
    const { house, options } = base
    const { clock } = options
    this.#base = base
    this.#deps = deps
    this.lookup = new PersonLookup(house.records(), house.vault())
    this.accounts = new AccountsClient(THREADS.accounts, options.onFatal)
    const accounts = this.accounts.asks
    const { lookup } = this
    const { people } = deps.rights
    this.sessions = new BrowserSessions({
      clock,
      accounts,
      times: () => ({
        idleMs: base.config.signIn.idleMinutes * MINUTE_MS,
        absoluteMs: base.config.signIn.absoluteHours * HOUR_MS,
      }),
      standingOf: (workspaceId, personId) => people.standing(workspaceId, personId),
      workspacesOf: (personId) => lookup.workspacesOf(personId),
      onEnd: deps.onEnd,
      onFault: () => options.log.warn('a session could not be written down; its end holds here', {}),
    })
    const wordsOf = (personId: number) => this.#wordsOf(personId)
    this.signIn = new SignIn({
      clock,
      accounts,
      sessions: this.sessions,
      limits: new SignInLimits(clock),
      personWith: (email) => lookup.personWith(email),
      isActive: (personId) => lookup.workspacesOf(personId).length > 0,
      wordsOf,
      note: (note) => this.#note(note),
    })
    this.links = new Links({
      clock,
      accounts,
      sessions: this.sessions,
      membershipsOf: (personId) =>
        lookup.belongsTo(personId).map((workspaceId) => {
          const active = people.standing(workspaceId, personId)
          const standing = active ?? { permissions: PERMISSION_NAMES, teamIds: [], numberIds: [] }
          const allowed = new Set((standing.permissions as string[]).filter(isPermission))
          const scope = scopeOf(allowed, { personId, standing, boundTo: null })
          return { workspaceId, isActive: active !== undefined, permissions: standing.permissions, scope }
        }),
      wordsOf,
      hasOwner: () => lookup.hasOwner(MAIN_WORKSPACE),
      addOwner: (owner) => this.addOwner(owner),
    })
  }

  /** Opens the credentials. Answers the token of the first owner's link, as long as nobody works here. */
  async open(epoch: string): Promise<string | null> {
    const { house, options, metrics, setup } = this.#base
    const key = must(house.vault().findNamedKey('accounts'), 'the key of the credentials')
    const isEmpty = !this.lookup.hasAny()
    const where = { path: join(options.config.dataDir, ACCOUNTS_FILE), key, epoch }
    const setupToken = this.accounts.open(where, (accounts) => {
      this.sessions.open(accounts)
      if (!isEmpty || setup.demo) return null
      return accounts.makeLink({ kind: 'setup', personId: null, madeBy: null }, options.clock.epochMs()).token
    })
    metrics.collect(() => metrics.browserSessions.set(this.sessions.size))
    if (!isEmpty || !setup.demo) return setupToken
    const { name, email, password } = setup.demo.owner
    const personId = await this.addOwner({ name, email })
    await this.accounts.asks.setPassword(personId, password, { nowMs: options.clock.epochMs(), but: null })
    return null
  }

  async close(): Promise<void> {
    this.sessions.close()
    await this.accounts.close()
  }

  /** After a change of rights; whoever works here no more has nothing left to come in with. */
  hear(wakes: readonly Wake[]): void {
    for (const wake of wakes) {
      if (wake.kind !== 'rights' || wake.keyHash !== null) continue
      this.sessions.hear(wake.personId)
      if (wake.personId === null || this.lookup.belongsTo(wake.personId).length > 0) continue
      this.accounts.asks.forget(wake.personId).catch(() => {
        this.#base.options.log.warn('credentials of somebody who left could not be removed', {})
      })
    }
  }

  /** The single sign-on as it is configured now; null where none is. */
  oidc(): Oidc | null {
    const { signIn } = this.#base.config
    if (this.#oidc?.settings === signIn.oidc) return this.#oidc.oidc
    const settings = oidcSettingsOf(signIn.oidc)
    if (!settings) return null
    this.#oidc = { settings: signIn.oidc, oidc: this.#createOidc(settings) }
    return this.#oidc.oidc
  }

  async addOwner(owner: { name: string; email: string }): Promise<number> {
    return await this.#add({ ...owner, role: OWNER_ROLE })
  }

  #createOidc(settings: OidcSettings): Oidc {
    const base = this.#base
    return new Oidc({
      clock: base.options.clock,
      settings,
      redirectUri: () => `${base.config.http.publicUrl ?? ''}/api/auth/oidc/callback`,
      fetch: (address, init) => base.setup.proxies.fetchFor('', (to, more) => fetch(to, more))(address, init),
      accounts: this.accounts.asks,
      addPerson: async (claimed) => {
        // An address proves nothing: whoever has it here connects their account themselves.
        if (this.lookup.personWith(claimed.email) !== undefined)
          throw new Failure('conflict', 'Somebody with this e-mail address works here: sign in and connect the account')
        return await this.#add(claimed)
      },
      setRole: (personId, role) => this.#setRole(personId, role),
    })
  }

  async #add({ name, email, role }: { name: string; email: string; role: string }): Promise<number> {
    const roleId = this.#roleNamed(role)
    const people = [{ name, email, roleId, work: NO_WORK }]
    const { ids } = await this.#base.house.book.ask(
      addPeople,
      { workspaceId: MAIN_WORKSPACE, people },
      actorFor(null, 'sign-in'),
    )
    return must(ids[0], 'the person')
  }

  /** The provider's groups say the role at each sign-on; the last owner stays one. */
  async #setRole(personId: number, role: string): Promise<void> {
    const standing = this.#deps.rights.people.standing(MAIN_WORKSPACE, personId)
    if (!standing || standing.role === role) return
    const roleId = this.#roleNamed(role)
    const change = { workspaceId: MAIN_WORKSPACE, personId, roleId }
    await this.#base.house.book.ask(changePerson, change, actorFor(personId, 'sign-in')).catch((error) => {
      if (!(error instanceof Failure && error.code === 'conflict')) throw error
    })
  }

  #roleNamed(name: string): number {
    const role = this.#deps.rights.people.roles(MAIN_WORKSPACE).find((one) => one.name === name)
    if (!role) throw new Failure('forbidden', 'The role that sign_in.oidc.roles names is not there')
    return role.id
  }

  #wordsOf(personId: number): string[] {
    const { people } = this.#deps.rights
    return this.lookup.workspacesOf(personId).flatMap(({ id }) => {
      const profile = people.member(id, personId)?.profile
      return profile ? [profile.name, profile.email] : []
    })
  }

  /** Of somebody we know; whoever guesses at addresses fills no audit. */
  #tell(personId: number | null, action: string, outcome: string): void {
    if (personId === null) return
    const object = showId('person', personId)
    this.#deps.note({ by: actorFor(personId, object), action, object, outcome })
  }

  #note({ personId, method, result }: SignInNote): void {
    const { metrics, options } = this.#base
    this.#tell(personId, method === 'oidc' ? 'sign_in.oidc' : 'sign_in.password', result)
    metrics.signIns.add(1, { outcome: result })
    options.log.info('sign-in', { outcome: result })
  }
}

/** Who did it, where nobody is known yet. */
function actorFor(personId: number | null, id: string): Actor {
  return { id, by: 'session', workspaceId: MAIN_WORKSPACE, personId }
}

function oidcSettingsOf({
  issuer,
  clientId,
  clientSecret,
  scopes,
  groupsClaim,
  roles,
}: Base['config']['signIn']['oidc']): OidcSettings | null {
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) return null
  const asked = scopes.includes('openid') ? scopes : ['openid', ...scopes]
  return { issuer, clientId, clientSecret: clientSecret.reveal(), scopes: asked, groupsClaim, roles }
}
