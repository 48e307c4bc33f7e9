import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import { createApi, Problem } from '../api.ts'
import type { Door } from '../door.ts'
import { simulatorAddress } from './hooks.ts'
import { Icon } from './icons.tsx'

interface SignInProps {
  /** Why somebody stands here who was inside. */
  notice: string | null
  door: Door
  /** Whether there is a single sign-on. */
  hasSingleSignOn: boolean
  /** With an API key, or by the browser's cookie: null. */
  onSignIn: (key: string | null) => void
}

/** The door: e-mail and password, or an API key, which is tried before it lets anybody in. */
export function SignIn({ notice, door, hasSingleSignOn, onSignIn }: SignInProps) {
  const [wantsCode, setWantsCode] = useState(false)
  return (
    <DoorCard lead={wantsCode ? 'One more step' : 'Sign in to the desk'}>
      {notice !== null && <p className="notice">{notice}</p>}
      {wantsCode ? (
        <CodeForm door={door} onDone={() => onSignIn(null)} onBack={() => setWantsCode(false)} />
      ) : (
        <>
          <PasswordForm door={door} onDone={() => onSignIn(null)} onCode={() => setWantsCode(true)} />
          {hasSingleSignOn && <SingleSignOn door={door} />}
          <KeyForm onDone={onSignIn} />
        </>
      )}
    </DoorCard>
  )
}

/** What stands before the desk. */
export function DoorCard({ lead, children }: { lead: string; children: ReactNode }) {
  return (
    <main className="door">
      <div className="door-card">
        <h1 className="wordmark">
          <Icon name="gate" /> Gatehouse
        </h1>
        <p className="door-lead">{lead}</p>
        {children}
      </div>
    </main>
  )
}

/** What a form does when it is sent, what is wrong with it, and whether it is under way. */
export function useTask(work: () => Promise<void>) {
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  async function run() {
    setProblem(null)
    setBusy(true)
    try {
      await work()
    } catch (cause) {
      setProblem(cause instanceof Problem ? cause.message : 'Something went wrong here.')
    } finally {
      setBusy(false)
    }
  }
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    void run()
  }
  return { problem, busy, onSubmit, run }
}

function PasswordForm({ door, onDone, onCode }: { door: Door; onDone: () => void; onCode: () => void }) {
  const email = useRef<HTMLInputElement>(null)
  const password = useRef<HTMLInputElement>(null)
  useEffect(() => email.current?.focus(), [])
  const task = useTask(async () => {
    const [address, secret] = [email.current?.value.trim() ?? '', password.current?.value ?? '']
    if (address === '' || secret === '') throw new Problem('invalid', 0, 'Please enter your e-mail and your password.')
    const state = await door.signIn(address, secret)
    if (state === 'signed_in') onDone()
    else onCode()
  })
  return (
    <form className="door-form" onSubmit={task.onSubmit} noValidate>
      <label htmlFor="email">E-mail</label>
      <input id="email" ref={email} type="email" autoComplete="username" spellCheck={false} />
      <label htmlFor="password">Password</label>
      <input
        id="password"
        ref={password}
        type="password"
        autoComplete="current-password"
        aria-invalid={task.problem !== null}
        aria-describedby="password-problem"
      />
      <p id="password-problem" className="field-problem" role="alert">
        {task.problem}
      </p>
      <button type="submit" className="primary" disabled={task.busy}>
        {task.busy ? 'Checking…' : 'Sign in'}
      </button>
    </form>
  )
}

function CodeForm({ door, onDone, onBack }: { door: Door; onDone: () => void; onBack: () => void }) {
  const code = useRef<HTMLInputElement>(null)
  useEffect(() => code.current?.focus(), [])
  const task = useTask(async () => {
    const text = code.current?.value.trim() ?? ''
    if (text === '') throw new Problem('invalid', 0, 'Please enter a code.')
    await door.secondFactor(text)
    onDone()
  })
  return (
    <form className="door-form" onSubmit={task.onSubmit} noValidate>
      <label htmlFor="code">Code of your app, or a recovery code</label>
      <input
        id="code"
        ref={code}
        type="text"
        autoComplete="one-time-code"
        spellCheck={false}
        aria-invalid={task.problem !== null}
        aria-describedby="code-problem"
      />
      <p id="code-problem" className="field-problem" role="alert">
        {task.problem}
      </p>
      <button type="submit" className="primary" disabled={task.busy}>
        {task.busy ? 'Checking…' : 'Go on'}
      </button>
      <button type="button" className="plain" onClick={onBack}>
        Back
      </button>
    </form>
  )
}

function SingleSignOn({ door }: { door: Door }) {
  const task = useTask(async () => location.assign(await door.singleSignOn()))
  return (
    <div className="door-form">
      <button type="button" className="plain" disabled={task.busy} onClick={() => void task.run()}>
        Single sign-on
      </button>
      <p className="field-problem" role="alert">
        {task.problem}
      </p>
    </div>
  )
}

function KeyForm({ onDone }: { onDone: (key: string) => void }) {
  const field = useRef<HTMLInputElement>(null)
  const task = useTask(async () => {
    const key = field.current?.value.trim() ?? ''
    try {
      await tryKey(key)
    } catch (cause) {
      field.current?.focus()
      field.current?.select()
      throw cause
    }
    onDone(key)
  })
  return (
    <form className="door-form door-other" onSubmit={task.onSubmit} noValidate>
      {/* Password managers keep a key only under some name. */}
      <input type="text" autoComplete="username" value="API key" readOnly hidden />
      <label htmlFor="key">API key</label>
      <input
        id="key"
        ref={field}
        type="password"
        autoComplete="off"
        spellCheck={false}
        aria-invalid={task.problem !== null}
        aria-describedby="key-help key-problem"
      />
      <p id="key-problem" className="field-problem" role="alert">
        {task.problem}
      </p>
      <button type="submit" className="plain" disabled={task.busy}>
        {task.busy ? 'Checking…' : 'Use the key'}
      </button>
      <p id="key-help" className="quiet">
        {simulatorAddress() === null
          ? 'A key is kept in this tab only and forgotten when you sign out.'
          : 'This is a demo: e-mail, password and key were printed where Gatehouse was started.'}
      </p>
    </form>
  )
}

/** Throws a `Problem` that says why a key does not open the door. */
async function tryKey(key: string): Promise<void> {
  if (key === '') throw new Problem('invalid', 0, 'Please enter an API key.')
  // Anything else cannot stand in a header, so it cannot be a key either.
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new Problem('invalid', 0, 'This is not an API key: it has characters that keys never have.')
  try {
    await createApi(key, (url, init) => fetch(url, init)).me()
  } catch (cause) {
    if (!(cause instanceof Problem) || cause.status !== 401) throw cause
    const said = new Problem(cause.code, cause.status, 'That key is not valid. Please check that it was copied whole.')
    throw Object.assign(said, { cause })
  }
}
