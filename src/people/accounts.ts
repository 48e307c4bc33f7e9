import { randomBytes } from 'node:crypto'
import createAccounts from '../../migrations/accounts/0001_create_accounts.sql' with { type: 'text' }
import addMakerOfLinks from '../../migrations/accounts/0002_add_maker_of_links.sql' with { type: 'text' }
import { HOUR_MS } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { Db } from '../storage/database.ts'
import { type Migration, migrate } from '../storage/migrate.ts'
import { keyedHash, keyedHash64, seal, unseal } from '../vault/sealing.ts'
import { PasswordHashing } from './passwords.ts'
import { hashToken, newToken } from './tokens.ts'
import { base32, TOTP_SECRET_BYTES, totpStep } from './totp.ts'

export const MIGRATIONS: readonly Migration[] = [
  { name: '0001_create_accounts.sql', sql: createAccounts },
  { name: '0002_add_maker_of_links.sql', sql: addMakerOfLinks },
]
export const ACCOUNTS_FILE = 'accounts.db'
export const LINK_HOURS = 72
/** Sessions of one person; the oldest goes first. */
export const SESSIONS_OF_ONE_MAX = 20
/** Sessions of the house, all of which are in memory. */
const SESSIONS_MAX = 20_000
const RECOVERY_CODES = 10
/** 80 bits each, in groups that can be typed. */
const RECOVERY_BYTES = 10
/** Passwords hashed at once: each takes a core and 19 MiB. */
const HASHED_AT_ONCE = 2
/** A whole firm at nine o'clock; more are told to come again. */
const HASHES_WAITING_MAX = 1_000

export const LINK_KINDS = ['invitation', 'password', 'second_factor'] as const
export type LinkKind = (typeof LINK_KINDS)[number]
export type SignInMethod = 'password' | 'oidc'

export interface SessionRow {
  hash: Uint8Array
  personId: number
  device: string
  method: SignInMethod
  createdAtMs: number
  usedAtMs: number
}

export interface Link {
  kind: LinkKind | 'setup'
  personId: number | null
  /** What whoever made it could do then, in the words of `links.ts`; null: nobody did. */
  madeBy: string | null
}

/** What somebody can sign in with. */
export interface Credentials {
  hasPassword: boolean
  hasSecondFactor: boolean
  recoveryCodesLeft: number
}

export interface LinkUse {
  token: string
  /** Sets it; for a second factor that is taken away it has to be the right one. */
  password: string
  nowMs: number
}

interface StoredSession {
  hash: Uint8Array
  person_id: number
  device: string
  method: SignInMethod
  created_at: number
  used_at: number
}

export interface OpenAccounts {
  path: string
  key: Uint8Array
  /** Of the records. */
  epoch: string
}

export function openAccounts({ path, key, epoch }: OpenAccounts): Accounts {
  const hashing = new PasswordHashing(key, { atOnce: HASHED_AT_ONCE, waitingMax: HASHES_WAITING_MAX })
  const accounts = new Accounts(path, key, hashing)
  accounts.follow(epoch)
  return accounts
}

/**
 * The credentials of people, in `accounts.db`. It knows people by number alone, and it is used in a thread of its own:
 * hashing a password takes a core for 25 ms.
 */
export class Accounts {
  readonly #database: Db
  readonly #key: Uint8Array
  readonly #hashing: PasswordHashing

  /** `key` seals and hashes; it is a key of the vault. */
  constructor(path: string, key: Uint8Array, hashing: PasswordHashing) {
    this.#database = new Db(path, { secureDelete: true, cacheKib: 2048 })
    migrate(this.#database, ACCOUNTS_FILE, MIGRATIONS)
    this.#key = key
    this.#hashing = hashing
  }

  /**
   * What was opened and what was not yet used is told by the present alone: beside records of another epoch, such as after
   * a restore, sessions and links that may have ended since are over.
   */
  follow(epoch: string): void {
    const mark = Number(keyedHash64(this.#key, 'epoch', epoch) & 0x7fff_ffffn)
    if (this.#database.commitCount() === mark) return
    this.#database.transaction(() => {
      this.#database.run('DELETE FROM sessions')
      this.#database.run('DELETE FROM links')
      this.#database.countCommit(mark)
    })
  }

  close(): void {
    this.#database.close()
  }

  /** Whether it is somebody's password. For nobody, or somebody without one, it takes as long and is wrong. */
  async isPassword(personId: number | null, password: string): Promise<boolean> {
    const row =
      personId === null
        ? undefined
        : this.#database.one<{ hash: string }>('SELECT hash FROM passwords WHERE person_id = ?1', personId)
    return await this.#hashing.isSame(password, row?.hash ?? null)
  }

  credentialsOf(personId: number): Credentials {
    const password = this.#database.one('SELECT person_id FROM passwords WHERE person_id = ?1', personId)
    const codes = this.#database.one<{ count: number }>(
      'SELECT count(*) AS count FROM recovery_codes WHERE person_id = ?1',
      personId,
    )
    return {
      hasPassword: password !== undefined,
      hasSecondFactor: this.#secondFactor(personId)?.confirmed === 1,
      recoveryCodesLeft: codes?.count ?? 0,
    }
  }

  /** Sets a password and ends all sessions of its owner but one. Answers the sessions that have ended. */
  async setPassword(personId: number, password: string, { nowMs, but }: { nowMs: number; but: Uint8Array | null }) {
    const hash = await this.#hashing.hash(password)
    return this.#database.transaction(() => {
      this.#keepPassword(personId, hash, nowMs)
      return this.#endSessionsOf(personId, but)
    })
  }

  /** The sessions that are not over yet. */
  sessions({ idleMs, absoluteMs, nowMs }: { idleMs: number; absoluteMs: number; nowMs: number }): SessionRow[] {
    this.#database.run(
      'DELETE FROM sessions WHERE used_at <= ?1 OR created_at <= ?2',
      nowMs - idleMs,
      nowMs - absoluteMs,
    )
    return this.#database
      .all<StoredSession>(
        'SELECT hash, person_id, device, method, created_at, used_at FROM sessions ORDER BY created_at',
      )
      .map((row) => ({
        hash: row.hash,
        personId: row.person_id,
        device: row.device,
        method: row.method,
        createdAtMs: row.created_at,
        usedAtMs: row.used_at,
      }))
  }

  /** Begins a session. Answers those of the same person that had to go for it. */
  beginSession(session: SessionRow): Uint8Array[] {
    return this.#database.transaction(() => {
      const total = this.#database.one<{ count: number }>('SELECT count(*) AS count FROM sessions')
      if ((total?.count ?? 0) >= SESSIONS_MAX)
        throw new Failure('unavailable', 'Too many people are signed in', { retry_after_ms: 60_000 })
      const ended = this.#database.all<{ hash: Uint8Array }>(
        'SELECT hash FROM sessions WHERE person_id = ?1 ORDER BY created_at DESC LIMIT -1 OFFSET ?2',
        session.personId,
        SESSIONS_OF_ONE_MAX - 1,
      )
      for (const { hash } of ended) this.#database.run('DELETE FROM sessions WHERE hash = ?1', hash)
      this.#database.run(
        'INSERT INTO sessions (hash, person_id, device, method, created_at, used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)',
        session.hash,
        session.personId,
        session.device,
        session.method,
        session.createdAtMs,
        session.usedAtMs,
      )
      return ended.map(({ hash }) => hash)
    })
  }

  noteUses(uses: readonly { hash: Uint8Array; atMs: number }[]): void {
    this.#database.transaction(() => {
      for (const { hash, atMs } of uses)
        this.#database.run('UPDATE sessions SET used_at = ?2 WHERE hash = ?1 AND used_at < ?2', hash, atMs)
    })
  }

  endSessions(hashes: readonly Uint8Array[]): void {
    this.#database.transaction(() => {
      for (const hash of hashes) this.#database.run('DELETE FROM sessions WHERE hash = ?1', hash)
    })
  }

  /** Makes a secret for an app, which counts from the moment that a code of it was shown. */
  enrol(personId: number, nowMs: number): string {
    if (this.#secondFactor(personId)?.confirmed === 1)
      throw new Failure('conflict', 'There is a second factor already: take it away first')
    const secret = new Uint8Array(randomBytes(TOTP_SECRET_BYTES))
    this.#database.run(
      `INSERT OR REPLACE INTO second_factors (person_id, secret, confirmed, last_step, created_at)
       VALUES (?1, ?2, 0, 0, ?3)`,
      personId,
      seal(this.#key, secretPlace(personId), secret),
      nowMs,
    )
    return base32(secret)
  }

  /** The first code: from now on it is asked for. Answers the recovery codes, shown this once; undefined for a wrong code. */
  confirm(personId: number, code: string, nowMs: number): string[] | undefined {
    return this.#database.transaction(() => {
      const factor = this.#secondFactor(personId)
      if (factor?.confirmed !== 0) throw new Failure('conflict', 'No second factor waits to be confirmed')
      if (!this.#takeCode(personId, code, nowMs)) return undefined
      this.#database.run('UPDATE second_factors SET confirmed = 1 WHERE person_id = ?1', personId)
      this.#database.run('DELETE FROM recovery_codes WHERE person_id = ?1', personId)
      const codes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode)
      for (const one of codes)
        this.#database.run(
          'INSERT INTO recovery_codes (person_id, hash) VALUES (?1, ?2)',
          personId,
          this.#codeHash(one),
        )
      return codes
    })
  }

  /** Takes a code of the app, or a recovery code; each opens once. */
  isSecond(personId: number, { code, recoveryCode }: SecondFactor, nowMs: number): boolean {
    return this.#database.transaction(() => {
      if (this.#secondFactor(personId)?.confirmed !== 1) return false
      if (code !== null) return this.#takeCode(personId, code, nowMs)
      if (recoveryCode === null) return false
      const hash = this.#codeHash(recoveryCode)
      return this.#database.run('DELETE FROM recovery_codes WHERE person_id = ?1 AND hash = ?2', personId, hash) === 1
    })
  }

  removeSecond(personId: number): void {
    this.#database.transaction(() => this.#removeSecond(personId))
  }

  /** A link's token, shown this once. A newer one of the same kind takes the older one's place. */
  makeLink({ kind, personId, madeBy }: Link, nowMs: number): { token: string; expiresAtMs: number } {
    const token = newToken()
    const expiresAtMs = nowMs + LINK_HOURS * HOUR_MS
    this.#database.transaction(() => {
      this.#database.run(
        'DELETE FROM links WHERE (kind = ?1 AND person_id IS ?2) OR expires_at <= ?3',
        kind,
        personId,
        nowMs,
      )
      this.#database.run(
        'INSERT INTO links (hash, kind, person_id, expires_at, made_by) VALUES (?1, ?2, ?3, ?4, ?5)',
        hashToken(token),
        kind,
        personId,
        expiresAtMs,
        madeBy,
      )
    })
    return { token, expiresAtMs }
  }

  /** What a link is for; undefined for one that is unknown, used or over. */
  linkOf(token: string, nowMs: number): Link | undefined {
    const row = this.#database.one<{ kind: Link['kind']; person_id: number | null; made_by: string | null }>(
      'SELECT kind, person_id, made_by FROM links WHERE hash = ?1 AND expires_at > ?2',
      hashToken(token),
      nowMs,
    )
    return row && { kind: row.kind, personId: row.person_id, madeBy: row.made_by }
  }

  /** Spends the link of a first owner; true for the one who was first. */
  spendSetup(token: string, nowMs: number): boolean {
    return this.#spend(token, nowMs)?.kind === 'setup'
  }

  /**
   * Does what a person's link is for, once. Answers whose it is and the sessions that have ended with it; undefined where
   * the link, or the password that goes with a second factor's, is not right.
   */
  async spendLink({ token, password, nowMs }: LinkUse): Promise<{ personId: number; ended: Uint8Array[] } | undefined> {
    const link = this.linkOf(token, nowMs)
    if (!link || link.personId === null) return undefined
    const { personId } = link
    const isRemoval = link.kind === 'second_factor'
    if (isRemoval && !(await this.isPassword(personId, password))) return undefined
    const hash = isRemoval ? null : await this.#hashing.hash(password)
    return this.#database.transaction(() => {
      if (this.#spend(token, nowMs)?.person_id !== personId) return undefined
      if (hash === null) this.#removeSecond(personId)
      else this.#keepPassword(personId, hash, nowMs)
      return { personId, ended: this.#endSessionsOf(personId, null) }
    })
  }

  /** Whoever came from the single sign-on before. */
  personOf(issuer: string, subject: string): number | undefined {
    return this.#database.one<{ person_id: number }>(
      'SELECT person_id FROM identities WHERE hash = ?1',
      this.#identityHash(issuer, subject),
    )?.person_id
  }

  connect(issuer: string, subject: string, { personId, nowMs }: { personId: number; nowMs: number }): void {
    const known = this.personOf(issuer, subject)
    if (known !== undefined && known !== personId)
      throw new Failure('conflict', 'Somebody else comes in with this identity')
    this.#database.run(
      'INSERT OR IGNORE INTO identities (hash, person_id, created_at) VALUES (?1, ?2, ?3)',
      this.#identityHash(issuer, subject),
      personId,
      nowMs,
    )
  }

  /** Somebody does not work here any more: nothing of theirs opens anything. */
  forget(personId: number): void {
    this.#database.transaction(() => {
      this.#removeSecond(personId)
      this.#database.run('DELETE FROM passwords WHERE person_id = ?1', personId)
      this.#database.run('DELETE FROM links WHERE person_id = ?1', personId)
      this.#database.run('DELETE FROM identities WHERE person_id = ?1', personId)
      this.#database.run('DELETE FROM sessions WHERE person_id = ?1', personId)
    })
  }

  #secondFactor(personId: number) {
    return this.#database.one<{ secret: Uint8Array; confirmed: number; last_step: number }>(
      'SELECT secret, confirmed, last_step FROM second_factors WHERE person_id = ?1',
      personId,
    )
  }

  #takeCode(personId: number, code: string, nowMs: number): boolean {
    const factor = this.#secondFactor(personId)
    if (!factor) return false
    const secret = unseal(this.#key, secretPlace(personId), factor.secret)
    const step = totpStep(secret, code, { nowMs, after: factor.last_step })
    if (step === null) return false
    this.#database.run('UPDATE second_factors SET last_step = ?2 WHERE person_id = ?1', personId, step)
    return true
  }

  #removeSecond(personId: number): void {
    this.#database.run('DELETE FROM second_factors WHERE person_id = ?1', personId)
    this.#database.run('DELETE FROM recovery_codes WHERE person_id = ?1', personId)
  }

  #spend(token: string, nowMs: number) {
    return this.#database.one<{ kind: Link['kind']; person_id: number | null }>(
      'DELETE FROM links WHERE hash = ?1 AND expires_at > ?2 RETURNING kind, person_id',
      hashToken(token),
      nowMs,
    )
  }

  /** With a new password every link that could set another one is void. */
  #keepPassword(personId: number, hash: string, nowMs: number): void {
    this.#database.run(
      'INSERT OR REPLACE INTO passwords (person_id, hash, changed_at) VALUES (?1, ?2, ?3)',
      personId,
      hash,
      nowMs,
    )
    this.#database.run("DELETE FROM links WHERE person_id = ?1 AND kind IN ('invitation', 'password')", personId)
  }

  #endSessionsOf(personId: number, but: Uint8Array | null): Uint8Array[] {
    return this.#database
      .all<{ hash: Uint8Array }>(
        'DELETE FROM sessions WHERE person_id = ?1 AND hash IS NOT ?2 RETURNING hash',
        personId,
        but,
      )
      .map(({ hash }) => hash)
  }

  #codeHash(code: string): Uint8Array {
    return keyedHash(this.#key, 'recovery', code.toUpperCase().replaceAll(/[^A-Z2-7]/g, ''))
  }

  #identityHash(issuer: string, subject: string): Uint8Array {
    return keyedHash(this.#key, 'identity', issuer, subject)
  }
}

export interface SecondFactor {
  code: string | null
  recoveryCode: string | null
}

function newRecoveryCode(): string {
  return (base32(randomBytes(RECOVERY_BYTES)).match(/.{4}/g) ?? []).join('-')
}

function secretPlace(personId: number): string {
  return `second_factors.secret:${personId}`
}
