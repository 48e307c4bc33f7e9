import { type ReactNode, useState } from 'react'
import { createApi, Problem } from '../api.ts'
import type { Door } from '../door.ts'
import { fetchHere } from '../house-time.ts'
import { Field, Form, Submit, textOf, useForm, wrongAt } from './form.tsx'
import { simulatorAddress, useTask } from './hooks.ts'
import { Icon } from './icons.tsx'
import { TaskProblem } from './task-problem.tsx'

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

function PasswordForm({ door, onDone, onCode }: { door: Door; onDone: () => void; onCode: () => void }) {
  const form = useForm([], async (data) => {
    const [address, secret] = [textOf(data, 'email'), String(data.get('password'))]
    if (address === '' || secret === '') throw new Problem('invalid', 0, 'Please enter your e-mail and your password.')
    const state = await door.signIn(address, secret)
    if (state === 'signed_in') onDone()
    else onCode()
  })
  return (
    <Form form={form}>
      <Field form={form} name="email" label="E-mail" type="email" autoComplete="username" autoFocus />
      <Field form={form} name="password" label="Password" type="password" autoComplete="current-password" />
      <Submit form={form} busy="Checking…">
        Sign in
      </Submit>
    </Form>
  )
}

function CodeForm({ door, onDone, onBack }: { door: Door; onDone: () => void; onBack: () => void }) {
  const form = useForm(['code'], async (data) => {
    const code = textOf(data, 'code')
    if (code === '') throw wrongAt('code', 'Please enter a code.')
    await door.secondFactor(code)
    onDone()
  })
  const label = 'Code of your app, or a recovery code'
  return (
    <Form form={form}>
      <Field form={form} name="code" label={label} autoComplete="one-time-code" autoFocus />
      <Submit form={form} busy="Checking…">
        Go on
      </Submit>
      <button type="button" className="plain" onClick={onBack}>
        Back
      </button>
    </Form>
  )
}

function SingleSignOn({ door }: { door: Door }) {
  const task = useTask()
  const begin = () => task.run(async () => location.assign(await door.singleSignOn()))
  return (
    <div className="form">
      <button type="button" className="plain" aria-disabled={task.isBusy} onClick={begin}>
        Single sign-on
      </button>
      <TaskProblem problem={task.problem} />
    </div>
  )
}

function KeyForm({ onDone }: { onDone: (key: string) => void }) {
  const form = useForm(['key'], async (data) => {
    const key = textOf(data, 'key')
    await tryKey(key)
    onDone(key)
  })
  const help =
    simulatorAddress() === null
      ? 'A key is kept in this tab only and forgotten when you sign out.'
      : 'This is a demo: e-mail, password and key were printed where Gatehouse was started.'
  return (
    <Form form={form} className="form door-other">
      {/* Password managers keep a key only under some name. */}
      <input type="text" autoComplete="username" value="API key" readOnly hidden />
      <Field form={form} name="key" label="API key" type="password" autoComplete="off" help={help} />
      <Submit form={form} busy="Checking…" className="plain">
        Use the key
      </Submit>
    </Form>
  )
}

/** Throws a `Problem` that says why a key does not open the door. */
async function tryKey(key: string): Promise<void> {
  if (key === '') throw wrongAt('key', 'Please enter an API key.')
  // Anything else cannot stand in a header, so it cannot be a key either.
  if (!/^[\x21-\x7e]+$/.test(key))
    throw wrongAt('key', 'This is not an API key: it has characters that keys never have.')
  try {
    await createApi(key, fetchHere).me()
  } catch (cause) {
    if (!(cause instanceof Problem) || cause.status !== 401) throw cause
    throw Object.assign(wrongAt('key', 'That key is not valid. Please check that it was copied whole.'), { cause })
  }
}
