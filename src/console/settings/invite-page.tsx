import { useState } from 'react'
import { Field, Form, Select, Submit, textOf, useForm } from '../view/form.tsx'
import { teamChanges } from './people-words.ts'
import { TeamChecks } from './person-form.tsx'
import { ExpiryNote } from './person-links.tsx'
import { roleChoices } from './role-choices.ts'
import { type Here, Page, ShownOnce, useLoaded, WhenLoaded } from './settings-parts.tsx'
import { addressOf } from './settings-place.ts'
import type { OneTimeLink, Role, Team } from './settings-wire.ts'

const BACK = { part: 'people', name: 'People' } as const

interface Invited {
  id: string
  name: string
  link: OneTimeLink
}

/** Takes somebody in, and makes the link that they come in by. */
export function InvitePage({ here }: { here: Here }) {
  const [invited, setInvited] = useState<Invited | null>(null)
  const known = useLoaded(() => Promise.all([here.api.roles(), here.api.teams()]))
  if (invited !== null) return <Done invited={invited} onAnother={() => setInvited(null)} />
  return (
    <Page title="Invite somebody" back={BACK} lead="They get a link from you. No mail is sent.">
      <WhenLoaded of={known}>
        {([roles, teams]) => <InviteForm here={here} roles={roles} teams={teams} onInvited={setInvited} />}
      </WhenLoaded>
    </Page>
  )
}

interface InviteFormProps {
  here: Here
  roles: readonly Role[]
  teams: readonly Team[]
  onInvited: (invited: Invited) => void
}

function InviteForm({ here, roles, teams, onInvited }: InviteFormProps) {
  // Somebody who was taken in is not taken in again when only the rest has to be repeated.
  const [added, setAdded] = useState<{ id: string; name: string } | null>(null)
  const form = useForm(['name', 'email', 'role', 'teams'], async (data) => {
    const { api } = here
    const ask = { name: textOf(data, 'name'), email: textOf(data, 'email'), role: textOf(data, 'role') }
    const { id } = added ?? (await api.addPerson(ask))
    const who = { id, name: ask.name }
    setAdded(who)
    const wanted = new Set(data.getAll('teams').map(String))
    if (wanted.size > 0)
      for (const { id: team, people } of teamChanges(await api.teams(), id, wanted))
        await api.changeTeam(team, { people })
    onInvited({ ...who, link: await api.makeLink(id, 'invitation') })
  })
  const choices = roleChoices(roles, here.session.permissions)
  return (
    <Form form={form}>
      <Field form={form} name="name" label="Name" autoComplete="off" readOnly={added !== null} />
      <Field form={form} name="email" label="E-mail" type="email" autoComplete="off" readOnly={added !== null} />
      <Select form={form} name="role" label="Role" choices={choices} defaultValue={usualRole(roles)} />
      <TeamChecks form={form} teams={teams} chosen={[]} />
      <Submit form={form} busy="Inviting…">
        Make the invitation
      </Submit>
    </Form>
  )
}

/** What most people are. */
function usualRole(roles: readonly Role[]): string {
  return (roles.find(({ given, name }) => given && name === 'agent') ?? roles[0])?.id ?? ''
}

function Done({ invited, onAnother }: { invited: Invited; onAnother: () => void }) {
  return (
    <Page title={`${invited.name} is invited`} back={BACK}>
      <div className="form">
        <ShownOnce
          label="Link for them"
          value={invited.link.url}
          note={<ExpiryNote expiresAt={invited.link.expires_at} />}
        />
        <div className="form-end">
          <button type="button" className="primary" onClick={onAnother}>
            Invite somebody else
          </button>
          <a className="plain bordered" href={addressOf('people', invited.id)}>
            Open {invited.name}
          </a>
        </div>
      </div>
    </Page>
  )
}
