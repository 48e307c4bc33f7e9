import { type FormEvent, useEffect, useRef, useState } from 'react'
import { createApi, Problem } from '../api.ts'
import { simulatorAddress } from './hooks.ts'
import { Icon } from './icons.tsx'

interface SignInProps {
  /** Why somebody stands here who was inside. */
  notice: string | null
  onSignIn: (key: string) => void
}

/** The door: takes an API key and tries it before it lets anybody in. */
export function SignIn({ notice, onSignIn }: SignInProps) {
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])

  async function submit(event: FormEvent) {
    event.preventDefault()
    const key = field.current?.value.trim() ?? ''
    setProblem(null)
    setBusy(true)
    const refusal = await tryKey(key)
    setBusy(false)
    if (refusal === null) return onSignIn(key)
    setProblem(refusal)
    field.current?.focus()
    field.current?.select()
  }

  return (
    <main className="door">
      <form className="door-card" onSubmit={(event) => void submit(event)} noValidate>
        <h1 className="wordmark">
          <Icon name="gate" /> Gatehouse
        </h1>
        <p className="door-lead">Sign in to the desk</p>
        {notice !== null && <p className="notice">{notice}</p>}
        {/* Password managers keep a key only under some name. */}
        <input type="text" autoComplete="username" value="API key" readOnly hidden />
        <label htmlFor="key">API key</label>
        <input
          id="key"
          ref={field}
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          aria-invalid={problem !== null}
          aria-describedby="key-help key-problem"
        />
        <p id="key-problem" className="field-problem" role="alert">
          {problem}
        </p>
        <button type="submit" className="primary" disabled={busy}>
          {busy ? 'Checking…' : 'Sign in'}
        </button>
        <p id="key-help" className="quiet">
          {simulatorAddress() === null
            ? 'Whoever runs this Gatehouse can give you one. It is kept in this tab only and forgotten when you sign out.'
            : 'This is a demo: the key was printed where Gatehouse was started. It is kept in this tab only.'}
        </p>
      </form>
    </main>
  )
}

/** Why a key does not open the door; null when it does. */
async function tryKey(key: string): Promise<string | null> {
  if (key === '') return 'Please enter an API key.'
  // Anything else cannot stand in a header, so it cannot be a key either.
  if (!/^[\x21-\x7e]+$/.test(key)) return 'This is not an API key: it has characters that keys never have.'
  try {
    await createApi(key, (url, init) => fetch(url, init)).me()
    return null
  } catch (cause) {
    if (!(cause instanceof Problem)) return 'Something went wrong here.'
    return cause.status === 401 ? 'That key is not valid. Please check that it was copied whole.' : cause.message
  }
}
