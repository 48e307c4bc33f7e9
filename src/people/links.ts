import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { Permission } from '../core/permissions.ts'
import type { Principal, Scope } from '../core/principal.ts'
import type { AccountsApi } from './account-asks.ts'
import type { Link, LinkKind } from './accounts.ts'
import type { BrowserSessions } from './browser-sessions.ts'
import { lacks, seesMore } from './giving.ts'
import { requireGoodPassword } from './passwords.ts'

/** What somebody may in one of the workspaces that they belong to. */
export interface Membership {
  workspaceId: number
  /** Of whoever is suspended nobody knows what they may once they are back: then it is everything. */
  isActive: boolean
  permissions: readonly string[]
  scope: Scope
}

export interface FirstOwner {
  name: string
  email: string
}

/** What a link was for, and whose it was. */
export interface Used {
  kind: Link['kind']
  personId: number
}

export interface LinksDependencies {
  clock: Clock
  accounts: AccountsApi
  sessions: BrowserSessions
  membershipsOf(personId: number): readonly Membership[]
  wordsOf(personId: number): readonly string[]
  /** Whether there is an owner, so that nobody can be the first. */
  hasOwner(): boolean
  /** Takes the first owner into the records. */
  addOwner(owner: FirstOwner): Promise<number>
}

/** What whoever makes a link can do then. */
type Maker = Pick<Principal, 'by' | 'workspaceId' | 'personId' | 'permissions' | 'scope'> & { everywhere?: boolean }

/** One-time links: how somebody gets in for the first time, or again, where no mail can be sent. */
export class Links {
  readonly #deps: LinksDependencies

  constructor(deps: LinksDependencies) {
    this.#deps = deps
  }

  /** A link for somebody in the workspace of who asks. Nobody opens an account that may more than they do. */
  async make(kind: LinkKind, personId: number, by: Principal): Promise<{ token: string; expiresAtMs: number }> {
    const { accounts, clock, membershipsOf } = this.#deps
    const memberships = membershipsOf(personId)
    if (!memberships.some(({ workspaceId, isActive }) => workspaceId === by.workspaceId && isActive))
      throw new Failure('not_found', 'No such person, or not active')
    if (memberships.some((one) => this.#isBeyond(one, by)))
      throw new Failure('forbidden', 'This person may do what you may not: ask somebody who may')
    const { hasPassword, hasSecondFactor } = await accounts.credentialsOf(personId)
    if (kind === 'invitation' && hasPassword)
      throw new Failure('conflict', 'There is a password already: ask for a link of the kind password')
    if (kind === 'second_factor' && !hasSecondFactor) throw new Failure('conflict', 'There is no second factor')
    return await accounts.makeLink({ kind, personId, madeBy: makerText(by) }, clock.epochMs())
  }

  /**
   * Whether somebody may more, as a member of a workspace, than who asks. What that may in another workspace is asked
   * there: an owner of one is nobody in the others.
   */
  #isBeyond({ workspaceId, permissions, scope }: Membership, by: Maker): boolean {
    if (workspaceId === by.workspaceId || by.everywhere) {
      return lacks(by, permissions) !== undefined || seesMore(scope, by.scope)
    }
    const memberships = by.by === 'session' && by.personId !== null ? this.#deps.membershipsOf(by.personId) : []
    const own = memberships.find((one) => one.workspaceId === workspaceId && one.isActive)
    if (!own) return true
    return permissions.some((name) => !own.permissions.includes(name)) || seesMore(scope, own.scope)
  }

  /** What a link is for. Throws `not_found`: unknown, used and over are the same. */
  async look(token: string): Promise<Link> {
    const link = await this.#deps.accounts.linkOf(token, this.#deps.clock.epochMs())
    if (!link || this.#isOver(link)) throw unusable()
    return link
  }

  /** Also where the person may more by now than whoever made it: an invitation does not open the account of an owner. */
  #isOver({ kind, personId, madeBy }: Link): boolean {
    const { membershipsOf, hasOwner } = this.#deps
    if (kind === 'setup') return hasOwner()
    if (personId === null) return true
    const memberships = membershipsOf(personId)
    const maker = madeBy === null ? null : makerIn(madeBy)
    return (
      !memberships.some(({ isActive }) => isActive) ||
      (maker !== null && memberships.some((one) => this.#isBeyond(one, maker)))
    )
  }

  /** Does what the link is for, once; all sessions of its owner end. */
  async use(token: string, ask: { password: unknown; owner: () => FirstOwner }): Promise<Used> {
    const { accounts, clock, sessions, wordsOf } = this.#deps
    const { kind, personId } = await this.look(token)
    const nowMs = clock.epochMs()
    if (kind === 'setup' || personId === null) return await this.#begin(token, ask)
    const password =
      kind === 'second_factor'
        ? textOf(ask.password)
        : requireGoodPassword(ask.password, '/password', wordsOf(personId))
    const used = await accounts.spendLink({ token, password, nowMs })
    if (!used) throw kind === 'second_factor' ? wrongPassword() : unusable()
    sessions.drop(used.ended)
    return { kind, personId: used.personId }
  }

  async #begin(token: string, ask: { password: unknown; owner: () => FirstOwner }): Promise<Used> {
    const { accounts, clock, addOwner } = this.#deps
    const owner = ask.owner()
    const password = requireGoodPassword(ask.password, '/password', [owner.name, owner.email])
    if (!(await accounts.spendSetup(token, clock.epochMs()))) throw unusable()
    const personId = await addOwner(owner)
    await accounts.setPassword(personId, password, { nowMs: clock.epochMs(), but: null })
    return { kind: 'setup', personId }
  }
}

function makerText({ by, workspaceId, personId, permissions, scope, everywhere = false }: Maker): string {
  return JSON.stringify({ by, workspaceId, personId, permissions: [...permissions], scope, everywhere })
}

function makerIn(madeBy: string): Maker {
  const maker = JSON.parse(madeBy) as Maker & { permissions: Permission[] }
  return { ...maker, permissions: new Set(maker.permissions) }
}

function textOf(value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= 1000) return value
  throw new Failure('invalid', 'Wrong member: /password must be your password', { path: '/password' })
}

function wrongPassword(): Failure {
  return new Failure('forbidden', 'The password is wrong', { path: '/password' })
}

function unusable(): Failure {
  return new Failure('not_found', 'This link was used already, or its time is over: ask for another one')
}
