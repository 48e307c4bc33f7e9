import { createHash } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { Principal } from '../core/principal.ts'
import type { Standing } from '../records/people-reader.ts'
import type { AccountsApi } from './account-asks.ts'
import type { Accounts, SessionRow, SignInMethod } from './accounts.ts'
import { rightsOf } from './scope.ts'
import { hashToken, nameOfHash, newToken } from './tokens.ts'

/** A use is written down at most this often. */
const USE_NOTED_MS = 60_000
/** Sessions whose time is over are ended this often: their sockets are closed within it. */
const SWEEP_MS = 1_000
const TOKEN = /^[A-Za-z0-9_-]{43}$/

export interface Workspace {
  id: number
  name: string
}

export interface BrowserSessionsDependencies {
  clock: Clock
  accounts: Pick<AccountsApi, 'beginSession' | 'noteUses' | 'endSessions'>
  /** As the configuration has them now. */
  times(): { idleMs: number; absoluteMs: number }
  standingOf(workspaceId: number, personId: number): Standing | undefined
  /** The workspaces that somebody works in right now, the first one first. */
  workspacesOf(personId: number): readonly Workspace[]
  /** These principals may nothing any more, from now on: their sockets and long polls end. */
  onEnd(ids: ReadonlySet<string>): void
  /** What could not be written down; it is tried again with the next. */
  onFault(): void
}

export interface Session extends SessionRow {
  /** Opaque; the id of its principals too. */
  id: string
  expiresAtMs: number
}

interface Held extends Session {
  key: string
  notedAtMs: number
  /** By the workspace's name that was asked for; cleared when rights change. */
  principals: Map<string | null, Principal>
}

/**
 * The sessions of browsers. All of them are in memory, so a request is known without asking anybody and a token that is
 * unknown costs a hash; the file has them for the next start. One that is ended here is over with this call, and in the
 * file soon after.
 */
export class BrowserSessions {
  readonly #deps: BrowserSessionsDependencies
  /** By the token's hash. */
  readonly #held = new Map<string, Held>()
  #cancelSweep: (() => void) | undefined

  constructor(deps: BrowserSessionsDependencies) {
    this.#deps = deps
  }

  /** Takes up what the file has. */
  open(accounts: Pick<Accounts, 'sessions'>): void {
    const { clock, times } = this.#deps
    for (const row of accounts.sessions({ ...times(), nowMs: clock.epochMs() })) this.#hold(row)
    this.#sweepLater()
  }

  close(): void {
    this.#cancelSweep?.()
    this.#noteUses(this.#deps.clock.epochMs(), 0)
  }

  /** A new session; its token is in the cookie and nowhere else. */
  async begin(who: {
    personId: number
    device: string
    method: SignInMethod
  }): Promise<{ token: string; session: Session }> {
    const nowMs = this.#deps.clock.epochMs()
    const token = newToken()
    const row = { ...who, hash: hashToken(token), createdAtMs: nowMs, usedAtMs: nowMs }
    const ended = await this.#deps.accounts.beginSession(row)
    this.drop(ended)
    return { token, session: this.#hold(row) }
  }

  /** Throws `Failure('unauthorized')`; `not_found` for a workspace that its owner does not work in. */
  principalOf(token: string, workspace: string | null): Principal {
    const held = this.#alive(token)
    if (!held) throw new Failure('unauthorized', 'You are not signed in, or not any more')
    held.usedAtMs = Math.max(held.usedAtMs, this.#deps.clock.epochMs())
    const known = held.principals.get(workspace)
    if (known) return known
    const principal = this.#principal(held, workspace)
    held.principals.set(workspace, principal)
    return principal
  }

  /** The session of a cookie; undefined where there is none, or not any more. */
  withToken(token: string): Session | undefined {
    return this.#alive(token)
  }

  /** The session of a principal; undefined for who came with a key. */
  ofPrincipal(principal: Principal): Session | undefined {
    return this.#heldBy(principal)
  }

  /** What a principal of a session is now; undefined where they may nothing there any more. */
  renewed(principal: Principal): Principal | undefined {
    const held = this.#heldBy(principal)
    const workspace = held && this.#deps.workspacesOf(held.personId).find(({ id }) => id === principal.workspaceId)
    return held && workspace && this.#principal(held, workspace.name)
  }

  /** Somebody's sessions, the newest first. */
  ofPerson(personId: number): Session[] {
    return [...this.#held.values()].filter((held) => held.personId === personId).reverse()
  }

  /** Ends sessions: over at once, and in the file when this resolves. */
  async end(sessions: readonly Session[]): Promise<void> {
    this.drop(sessions.map(({ hash }) => hash))
    await this.#deps.accounts.endSessions(sessions.map(({ hash }) => hash))
  }

  /** Forgets sessions that the file does not have any more. */
  drop(hashes: readonly Uint8Array[]): void {
    const ids = new Set<string>()
    for (const hash of hashes) {
      const held = this.#held.get(nameOfHash(hash))
      if (!held) continue
      this.#held.delete(held.key)
      ids.add(held.id)
    }
    if (ids.size > 0) this.#deps.onEnd(ids)
  }

  /** After a change of rights, of one person or of anybody: whoever works nowhere any more is signed out. */
  hear(personId: number | null): void {
    const gone: Held[] = []
    for (const held of this.#held.values()) {
      // Anybody's: a list that is read as of before the change of somebody else would be behind the log for ever.
      held.principals.clear()
      if (personId !== null && held.personId !== personId) continue
      if (this.#deps.workspacesOf(held.personId).length === 0) gone.push(held)
    }
    this.#endLater(gone)
  }

  get size(): number {
    return this.#held.size
  }

  #heldBy({ by, id }: Principal): Held | undefined {
    return by === 'session' ? this.#held.values().find((held) => held.id === id) : undefined
  }

  #alive(token: string): Held | undefined {
    if (!TOKEN.test(token)) return undefined
    const held = this.#held.get(nameOfHash(hashToken(token)))
    return held && !this.#isOver(held, this.#deps.clock.epochMs()) ? held : undefined
  }

  #isOver({ usedAtMs, createdAtMs }: Held, nowMs: number): boolean {
    const { idleMs, absoluteMs } = this.#deps.times()
    return nowMs >= usedAtMs + idleMs || nowMs >= createdAtMs + absoluteMs
  }

  #hold(row: SessionRow): Held {
    const held: Held = {
      ...row,
      key: nameOfHash(row.hash),
      id: `ses_${Buffer.from(createHash('sha256').update(row.hash).digest().subarray(0, 12)).toString('base64url')}`,
      expiresAtMs: row.createdAtMs + this.#deps.times().absoluteMs,
      notedAtMs: row.usedAtMs,
      principals: new Map(),
    }
    this.#held.set(held.key, held)
    return held
  }

  #principal(held: Held, wanted: string | null): Principal {
    const workspaces = this.#deps.workspacesOf(held.personId)
    const workspace = wanted === null ? workspaces[0] : workspaces.find(({ name }) => name === wanted)
    const standing = workspace && this.#deps.standingOf(workspace.id, held.personId)
    if (!workspace || !standing) {
      if (workspaces.length > 0) throw new Failure('not_found', 'You do not work in such a workspace')
      throw new Failure('unauthorized', 'You do not work here any more')
    }
    return {
      id: held.id,
      by: 'session',
      workspaceId: workspace.id,
      personId: held.personId,
      role: standing.role,
      ...rightsOf({ personId: held.personId, standing, boundTo: null, allowed: null }),
      expiresAtMs: held.expiresAtMs,
    }
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#deps.clock.after(SWEEP_MS, () => {
      const nowMs = this.#deps.clock.epochMs()
      this.#endLater([...this.#held.values()].filter((held) => this.#isOver(held, nowMs)))
      this.#noteUses(nowMs, USE_NOTED_MS)
      this.#sweepLater()
    })
  }

  #endLater(sessions: readonly Held[]): void {
    if (sessions.length > 0) this.end(sessions).catch(() => this.#deps.onFault())
  }

  #noteUses(nowMs: number, olderMs: number): void {
    const uses: { hash: Uint8Array; atMs: number }[] = []
    for (const held of this.#held.values()) {
      if (held.usedAtMs <= held.notedAtMs || nowMs - held.notedAtMs < olderMs) continue
      held.notedAtMs = held.usedAtMs
      uses.push({ hash: held.hash, atMs: held.usedAtMs })
    }
    if (uses.length > 0) this.#deps.accounts.noteUses(uses).catch(() => this.#deps.onFault())
  }
}
