import { fullTime, listTime } from '../times.ts'
import { Field, Form, Submit, useForm } from '../view/form.tsx'
import { PASSWORD_HELP } from '../view/link-page.tsx'
import { SecondFactor } from './second-factor.tsx'
import { ConfirmButton, type Here, Page, Section, useLoaded, WhenLoaded } from './settings-parts.tsx'
import type { BrowserSession } from './settings-wire.ts'

/** Who one is here, and what one comes in with. */
export function AccountPage({ here }: { here: Here }) {
  const { person, role, workspace, second_factor: second } = here.session
  return (
    <Page title="My account">
      <dl className="settings-facts">
        <Fact name="Name" value={person?.name ?? 'an API key'} />
        {person !== null && <Fact name="E-mail" value={person.email ?? 'not known'} />}
        <Fact name="Role" value={role} />
        {workspace !== null && <Fact name="Workspace" value={workspace} />}
      </dl>
      {second === null ? (
        <p className="settings-lead quiet">
          You are here with an API key. Password, second factor and sessions belong to people who sign in.
        </p>
      ) : (
        <>
          <Section title="Password">
            <PasswordForm here={here} />
          </Section>
          <Section title="Second factor">
            <SecondFactor here={here} isSet={second} />
          </Section>
          <Section title="Where you are signed in">
            <Sessions here={here} />
          </Section>
        </>
      )}
      <Section title="Leave">
        <button type="button" className="plain bordered" onClick={here.onSignOut}>
          Sign out of this browser
        </button>
      </Section>
    </Page>
  )
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd dir="auto">{value}</dd>
    </div>
  )
}

function PasswordForm({ here }: { here: Here }) {
  const form = useForm(['password', 'new_password'], async (data, element) => {
    await here.api.changePassword(String(data.get('password')), String(data.get('new_password')))
    element.reset()
    return 'Changed. All your other sessions are over.'
  })
  return (
    <Form form={form}>
      <Field
        form={form}
        name="password"
        label="Password you have now"
        type="password"
        autoComplete="current-password"
      />
      <Field
        form={form}
        name="new_password"
        label="New password"
        type="password"
        autoComplete="new-password"
        help={PASSWORD_HELP}
      />
      <Submit form={form}>Change the password</Submit>
    </Form>
  )
}

function Sessions({ here }: { here: Here }) {
  const sessions = useLoaded(() => here.api.sessions())
  return (
    <WhenLoaded of={sessions}>
      {(items) => (
        <>
          <ul className="items">
            {items.map((session) => (
              <SessionRow key={session.id} session={session} here={here} onEnded={sessions.again} />
            ))}
          </ul>
          {items.length > 1 && (
            <ConfirmButton
              className="plain bordered more"
              label="End all others"
              title="End all your other sessions?"
              yes="End them"
              onYes={async () => {
                await here.api.endOtherSessions()
                sessions.again()
              }}
            >
              <p>Whoever uses them has to sign in again. This browser stays signed in.</p>
            </ConfirmButton>
          )}
        </>
      )}
    </WhenLoaded>
  )
}

interface SessionRowProps {
  session: BrowserSession
  here: Here
  onEnded: () => void
}

function SessionRow({ session, here, onEnded }: SessionRowProps) {
  return (
    <li className="item">
      <div className="item-main">
        <span className="item-name">{session.device}</span>
        <span className="note">
          <span title={fullTime(session.used_at)}>seen {listTime(session.used_at, here.nowMs)}</span>,{' '}
          <span title={fullTime(session.created_at)}>signed in {listTime(session.created_at, here.nowMs)}</span>
          {session.method === 'oidc' && ' by single sign-on'}
        </span>
      </div>
      {session.current ? (
        <span className="tag">this browser</span>
      ) : (
        <ConfirmButton
          label={
            <>
              End<span className="heard-only"> the session of {session.device}</span>
            </>
          }
          title="End this session?"
          yes="End it"
          onYes={async () => {
            await here.api.endSession(session.id)
            onEnded()
          }}
        >
          <p>{session.device}: whoever uses it has to sign in again.</p>
        </ConfirmButton>
      )}
    </li>
  )
}
