import { useEffect, useRef, useState } from 'react'
import { encode } from 'uqr'
import { Field, Form, Submit, textOf, useForm } from '../view/form.tsx'
import { Icon } from '../view/icons.tsx'
import { copy, type Here, ShownOnce } from './settings-parts.tsx'
import { counted } from './settings-words.ts'

/** Sets a second factor up, says how it stands, takes it away. */
export function SecondFactor({ here, isSet }: { here: Here; isSet: boolean }) {
  const [secret, setSecret] = useState<{ secret: string; uri: string } | null>(null)
  const [codes, setCodes] = useState<readonly string[] | null>(null)
  if (codes !== null) return <RecoveryCodes codes={codes} onDone={() => setCodes(null)} />
  if (secret !== null) {
    const confirmed = (shown: readonly string[]) => {
      setCodes(shown)
      setSecret(null)
      here.refresh()
    }
    return <Confirming here={here} {...secret} onConfirmed={confirmed} onBack={() => setSecret(null)} />
  }
  return isSet ? <Removing here={here} /> : <Enrolling here={here} onBegun={setSecret} />
}

interface EnrollingProps {
  here: Here
  onBegun: (secret: { secret: string; uri: string }) => void
}

function Enrolling({ here, onBegun }: EnrollingProps) {
  const form = useForm(['password'], async (data) =>
    onBegun(await here.api.enrolSecondFactor(String(data.get('password')))),
  )
  return (
    <Form form={form}>
      <p className="quiet">
        A code of an app on your phone, asked for after the password: a password that somebody saw opens nothing then.
      </p>
      <Field form={form} name="password" label="Your password" type="password" autoComplete="current-password" />
      <Submit form={form}>Set it up</Submit>
    </Form>
  )
}

interface ConfirmingProps {
  here: Here
  secret: string
  uri: string
  onConfirmed: (codes: readonly string[]) => void
  onBack: () => void
}

function Confirming({ here, secret, uri, onConfirmed, onBack }: ConfirmingProps) {
  const form = useForm(['code'], async (data) =>
    onConfirmed(await here.api.confirmSecondFactor(textOf(data, 'code').replaceAll(/\s/g, ''))),
  )
  return (
    <Form form={form}>
      <p>Scan this with an app for codes, or type the secret into it.</p>
      <QrCode text={uri} />
      <ShownOnce label="Secret" value={secret} note="It is shown only now, and belongs into the app alone." />
      <Field
        form={form}
        name="code"
        label="The code that the app shows"
        inputMode="numeric"
        autoComplete="one-time-code"
        autoFocus
      />
      <Submit form={form}>Confirm</Submit>
      <button type="button" className="plain" onClick={onBack}>
        Not now
      </button>
    </Form>
  )
}

/** Dark on light in both themes: not every phone reads the other way round. */
function QrCode({ text }: { text: string }) {
  const { data, size } = encode(text, { ecc: 'M', border: 4 })
  const dark = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])))
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label="The secret as a QR code">
      <path d={dark.join('')} />
    </svg>
  )
}

function RecoveryCodes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  const [said, setSaid] = useState('')
  const list = useRef<HTMLUListElement>(null)
  const text = `${codes.join('\n')}\n`
  const [url, setUrl] = useState<string | undefined>(undefined)
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [text])
  return (
    <div className="form">
      <p>
        The second factor is set up. These codes open the door when the phone is lost, each once.{' '}
        <strong>They are shown only now.</strong>
      </p>
      <ul ref={list} className="codes" aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div className="form-end">
        <button
          type="button"
          className="plain bordered"
          onClick={() => void copy(text, () => selectAll(list.current)).then(setSaid)}
        >
          <Icon name="copy" /> Copy
        </button>
        <a className="plain bordered" href={url} download="gatehouse-recovery-codes.txt">
          <Icon name="save" /> Save as a file
        </a>
        <button type="button" className="primary" onClick={onDone}>
          I have kept them
        </button>
        <span className="form-done" role="status">
          {said}
        </span>
      </div>
    </div>
  )
}

function selectAll(element: HTMLElement | null) {
  if (element !== null) getSelection()?.selectAllChildren(element)
}

function Removing({ here }: { here: Here }) {
  const [isAsking, setAsking] = useState(false)
  const form = useForm(['password', 'code'], async (data) => {
    await here.api.removeSecondFactor(String(data.get('password')), textOf(data, 'code').replaceAll(/\s/g, ''))
    here.refresh()
  })
  const left = here.session.recovery_codes_left ?? 0
  return (
    <>
      <p className="form">It is set up. {counted(left, 'recovery code')} left.</p>
      {isAsking ? (
        <Form form={form}>
          <Field form={form} name="password" label="Your password" type="password" autoComplete="current-password" />
          <Field form={form} name="code" label="The code that the app shows" autoComplete="one-time-code" />
          <Submit form={form} className="danger">
            Take it away
          </Submit>
          <button type="button" className="plain" onClick={() => setAsking(false)}>
            Leave it
          </button>
        </Form>
      ) : (
        <button type="button" className="plain bordered" onClick={() => setAsking(true)}>
          Take it away, or set it up on another phone
        </button>
      )}
    </>
  )
}
