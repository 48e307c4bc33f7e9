import { createHash } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { AccountsApi } from './account-asks.ts'
import type { Credentials, SecondFactor, SignInMethod } from './accounts.ts'
import type { BrowserSessions, Session } from './browser-sessions.ts'
import { requireGoodPassword } from './passwords.ts'
import { PendingSteps } from './pending-steps.ts'
import type { Attempt, SignInLimits } from './sign-in-limits.ts'

/** From the password to the code. */
export const SECOND_STEP_MS = 5 * 60_000
/** Wrong codes after which the password is asked for again. */
const SECOND_TRIES_MAX = 5

/** The browser that somebody sits at. */
export interface Visitor {
  address: string | null
  /** Browser and system, to tell sessions apart. */
  device: string
}

export type SignInOutcome =
  | { state: 'signed_in'; token: string; session: Session }
  | { state: 'second_factor_required'; token: string }

/** What became of an attempt, as it is counted. */
export type SignInResult =
  | 'signed_in'
  | 'second_factor_required'
  | 'wrong_password'
  | 'wrong_code'
  | 'limited'
  | 'not_let_in'

/** What is told of an attempt, to whoever counts and writes down. `personId` is null for nobody we know. */
export interface SignInNote {
  personId: number | null
  method: SignInMethod
  result: SignInResult
}

export interface SignInDependencies {
  clock: Clock
  accounts: AccountsApi
  sessions: BrowserSessions
  limits: SignInLimits
  /** Who has this e-mail address. */
  personWith(email: string): number | undefined
  /** Whether somebody works anywhere right now. */
  isActive(personId: number): boolean
  /** Words that somebody's password may not be made of. */
  wordsOf(personId: number): readonly string[]
  note(note: SignInNote): void
}

interface Step {
  personId: number
  method: SignInMethod
  tries: number
}

/** Signing in, with what a person has: a password, a second factor. Who is unknown gets the same answer after the same time. */
export class SignIn {
  readonly #deps: SignInDependencies
  readonly #steps: PendingSteps<Step>

  constructor(deps: SignInDependencies) {
    this.#deps = deps
    this.#steps = new PendingSteps(deps.clock, SECOND_STEP_MS)
  }

  async withPassword(ask: { email: string; password: string }, visitor: Visitor): Promise<SignInOutcome> {
    const { accounts, personWith, isActive } = this.#deps
    const found = personWith(ask.email)
    const personId = found !== undefined && isActive(found) ? found : null
    const attempt = this.#begin(accountOf(ask.email), visitor, { personId, method: 'password' })
    const isRight = await this.#look(attempt, () => accounts.isPassword(personId, ask.password))
    if (!isRight || personId === null) {
      this.#deps.note({ personId, method: 'password', result: 'wrong_password' })
      throw new Failure('unauthorized', 'The e-mail address or the password is wrong')
    }
    attempt.succeeded()
    return await this.letIn(personId, 'password', visitor)
  }

  /** Somebody has shown who they are; where they have a second factor, that is asked for before anything opens. */
  async letIn(personId: number, method: SignInMethod, visitor: Visitor): Promise<SignInOutcome> {
    const { hasSecondFactor } = await this.#deps.accounts.credentialsOf(personId)
    // Whoever comes from a single sign-on has shown there what the firm wants to see.
    if (!this.#deps.isActive(personId)) {
      this.#deps.note({ personId, method, result: 'not_let_in' })
      throw new Failure('forbidden', 'Whoever this is does not work here now')
    }
    if (!hasSecondFactor || method === 'oidc') return await this.#begun(personId, method, visitor)
    this.#deps.note({ personId, method, result: 'second_factor_required' })
    return { state: 'second_factor_required', token: this.#steps.add({ personId, method, tries: 0 }) }
  }

  async withSecond(token: string, factor: SecondFactor, visitor: Visitor): Promise<SignInOutcome> {
    const { accounts, clock, isActive } = this.#deps
    const step = this.#steps.get(token)
    if (!step) throw new Failure('unauthorized', 'Too late, or too many wrong codes: begin again with the password')
    step.tries++
    const { personId, method } = step
    if (step.tries >= SECOND_TRIES_MAX) this.#steps.take(token)
    const attempt = this.#begin(`second ${personId}`, visitor, { personId, method })
    const isRight = await this.#look(attempt, () => accounts.isSecond(personId, factor, clock.epochMs()))
    if (!isRight || !isActive(personId)) {
      this.#deps.note({ personId, method, result: 'wrong_code' })
      throw new Failure('unauthorized', 'This code is wrong, or was used already')
    }
    attempt.succeeded()
    this.#steps.take(token)
    return await this.#begun(personId, method, visitor)
  }

  /** Whether it is the password of somebody who is signed in; counted like signing in. Throws `forbidden`. */
  async requirePassword(personId: number, password: string, visitor: Visitor): Promise<void> {
    const attempt = this.#begin(`again ${personId}`, visitor, { personId, method: 'password' })
    if (!(await this.#look(attempt, () => this.#deps.accounts.isPassword(personId, password)))) {
      throw new Failure('forbidden', 'The password is wrong', { path: '/password' })
    }
    attempt.succeeded()
  }

  /** Sets another password; every other session of its owner ends. */
  async changePassword(
    session: Session,
    ask: { password: string; newPassword: unknown },
    visitor: Visitor,
  ): Promise<void> {
    const { personId, hash } = session
    const { accounts, clock, sessions, wordsOf } = this.#deps
    const newPassword = requireGoodPassword(ask.newPassword, '/new_password', wordsOf(personId))
    await this.requirePassword(personId, ask.password, visitor)
    sessions.drop(await accounts.setPassword(personId, newPassword, { nowMs: clock.epochMs(), but: hash }))
  }

  /** A secret for an app; it counts once a code of it was shown. */
  async enrol(personId: number, password: string, visitor: Visitor): Promise<string> {
    await this.requirePassword(personId, password, visitor)
    return await this.#deps.accounts.enrol(personId, this.#deps.clock.epochMs())
  }

  /** The first code. Answers the recovery codes, shown this once. */
  async confirm(personId: number, code: string, visitor: Visitor): Promise<string[]> {
    const { accounts, clock } = this.#deps
    const attempt = this.#begin(`second ${personId}`, visitor, { personId, method: 'password' })
    let codes: string[] | undefined
    await this.#look(attempt, async () => {
      codes = await accounts.confirm(personId, code, clock.epochMs())
      return codes !== undefined
    })
    if (!codes)
      throw new Failure('forbidden', 'This code is wrong: is the clock of the phone right?', { path: '/code' })
    attempt.succeeded()
    return codes
  }

  /** Takes the second factor away. Wants both, so that a browser that was left open gives nothing away. */
  async removeSecond(personId: number, ask: { password: string; code: string }, visitor: Visitor): Promise<void> {
    const { accounts, clock } = this.#deps
    await this.requirePassword(personId, ask.password, visitor)
    const attempt = this.#begin(`second ${personId}`, visitor, { personId, method: 'password' })
    const factor = { code: ask.code, recoveryCode: null }
    if (!(await this.#look(attempt, () => accounts.isSecond(personId, factor, clock.epochMs()))))
      throw new Failure('forbidden', 'This code is wrong, or was used already', { path: '/code' })
    attempt.succeeded()
    await accounts.removeSecond(personId)
  }

  credentialsOf(personId: number): Promise<Credentials> {
    return this.#deps.accounts.credentialsOf(personId)
  }

  async #begun(personId: number, method: SignInMethod, visitor: Visitor): Promise<SignInOutcome> {
    const { sessions, note } = this.#deps
    const { token, session } = await sessions.begin({ personId, device: visitor.device, method })
    note({ personId, method, result: 'signed_in' })
    return { state: 'signed_in', token, session }
  }

  #begin(account: string, { address }: Visitor, who: Pick<SignInNote, 'personId' | 'method'>): Attempt {
    try {
      return this.#deps.limits.begin(account, address)
    } catch (error) {
      this.#deps.note({ ...who, result: 'limited' })
      throw error
    }
  }

  async #look(attempt: Attempt, look: () => Promise<boolean>): Promise<boolean> {
    try {
      const isRight = await look()
      if (!isRight) attempt.failed()
      return isRight
    } catch (error) {
      // Too many at once, or the disk is full: that is nobody's guess.
      attempt.takeBack()
      throw error
    }
  }
}

/** What was typed, made opaque: it is remembered for a while. */
function accountOf(email: string): string {
  return createHash('sha256').update(email.trim().toLowerCase()).digest('base64url').slice(0, 22)
}
