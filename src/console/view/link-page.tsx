import { useEffect, useRef, useState } from 'react'
import { Problem } from '../api.ts'
import type { Door, LinkKind } from '../door.ts'
import { DoorCard, useTask } from './sign-in.tsx'

const LEADS: Readonly<Record<LinkKind, string>> = {
  setup: 'Welcome. Who owns this house?',
  invitation: 'Welcome. Choose a password.',
  password: 'Choose another password.',
  second_factor: 'Take the second factor away that was lost.',
}

interface LinkPageProps {
  door: Door
  token: string
  /** It was used, or is not wanted: what is said at the door, and whether somebody is in. */
  onEnd: (notice: string | null, isSignedIn: boolean) => void
}

/** What a one-time link opens: for the first owner, somebody new, or who has lost a password or a second factor. */
export function LinkPage({ door, token, onEnd }: LinkPageProps) {
  const [kind, setKind] = useState<LinkKind | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  useEffect(() => {
    const failed = (cause: unknown) => setProblem(cause instanceof Problem ? cause.message : 'Something went wrong.')
    door.lookAtLink(token).then(setKind, failed)
  }, [door, token])
  if (kind !== null) return <LinkForm door={door} token={token} kind={kind} onEnd={onEnd} />
  return (
    <DoorCard lead={problem === null ? 'One moment…' : 'This link does not open.'}>
      {problem !== null && <p className="notice">{problem}</p>}
      {problem !== null && (
        <button type="button" className="plain" onClick={() => onEnd(null, false)}>
          To the door
        </button>
      )}
    </DoorCard>
  )
}

function LinkForm({ door, token, kind, onEnd }: LinkPageProps & { kind: LinkKind }) {
  const [name, email, password] = [useField(), useField(), useField()]
  const isNew = kind === 'setup'
  const isOld = kind === 'second_factor'
  const task = useTask(async () => {
    const owner = isNew ? { name: name.value().trim(), email: email.value().trim() } : {}
    await door.takeLink({ token, password: password.value(), ...owner })
    if (!isNew) return onEnd(isOld ? 'Done. Sign in now.' : 'Your password is set. Sign in now.', false)
    await door.signIn(email.value().trim(), password.value())
    onEnd(null, true)
  })
  return (
    <DoorCard lead={LEADS[kind]}>
      <form className="door-form" onSubmit={task.onSubmit} noValidate>
        {isNew && (
          <>
            <label htmlFor="name">Your name</label>
            <input id="name" ref={name.ref} type="text" autoComplete="name" />
            <label htmlFor="email">E-mail</label>
            <input id="email" ref={email.ref} type="email" autoComplete="username" spellCheck={false} />
          </>
        )}
        <label htmlFor="password">{isOld ? 'Your password' : 'New password'}</label>
        <input
          id="password"
          ref={password.ref}
          type="password"
          autoComplete={isOld ? 'current-password' : 'new-password'}
          aria-invalid={task.problem !== null}
          aria-describedby="link-problem link-help"
        />
        <p id="link-problem" className="field-problem" role="alert">
          {task.problem}
        </p>
        <button type="submit" className="primary" disabled={task.busy}>
          {task.busy ? 'One moment…' : 'Go on'}
        </button>
        <p id="link-help" className="quiet">
          {isOld
            ? 'All your sessions end. Set up a new second factor when you are in.'
            : 'At least 12 characters. Four words that have nothing to do with each other are a good one.'}
        </p>
      </form>
    </DoorCard>
  )
}

function useField() {
  const ref = useRef<HTMLInputElement>(null)
  return { ref, value: () => ref.current?.value ?? '' }
}
