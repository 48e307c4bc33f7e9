import { useEffect, useState } from 'react'
import type { Door, LinkKind } from '../door.ts'
import { Field, Form, Submit, textOf, useForm } from './form.tsx'
import { wordsOf } from './hooks.ts'
import { DoorCard } from './sign-in.tsx'

const LEADS: Readonly<Record<LinkKind, string>> = {
  setup: 'Welcome. Who owns this house?',
  invitation: 'Welcome. Choose a password.',
  password: 'Choose another password.',
  second_factor: 'Take the second factor away that was lost.',
}

/** What a new password has to be. */
export const PASSWORD_HELP =
  'At least 12 characters. Four words that have nothing to do with each other are a good one.'

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
    door.lookAtLink(token).then(setKind, (cause: unknown) => setProblem(wordsOf(cause)))
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
  const isNew = kind === 'setup'
  const isOld = kind === 'second_factor'
  const form = useForm(['name', 'email', 'password'], async (data) => {
    const [email, password] = [textOf(data, 'email'), String(data.get('password'))]
    await door.takeLink({ token, password, ...(isNew ? { name: textOf(data, 'name'), email } : {}) })
    if (!isNew) return onEnd(isOld ? 'Done. Sign in now.' : 'Your password is set. Sign in now.', false)
    await door.signIn(email, password)
    onEnd(null, true)
  })
  return (
    <DoorCard lead={LEADS[kind]}>
      <Form form={form}>
        {isNew && (
          <>
            <Field form={form} name="name" label="Your name" autoComplete="name" />
            <Field form={form} name="email" label="E-mail" type="email" autoComplete="username" />
          </>
        )}
        <Field
          form={form}
          name="password"
          label={isOld ? 'Your password' : 'New password'}
          type="password"
          autoComplete={isOld ? 'current-password' : 'new-password'}
          help={isOld ? 'All your sessions end. Set up a new second factor when you are in.' : PASSWORD_HELP}
        />
        <Submit form={form}>Go on</Submit>
      </Form>
    </DoorCard>
  )
}
