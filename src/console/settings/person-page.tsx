import { DAY_NAMES, memberName, shiftsText } from './people-words.ts'
import { PersonForm } from './person-form.tsx'
import { PersonLinks } from './person-links.tsx'
import { ConfirmButton, type Here, Page, Section, useLoaded, WhenLoaded } from './settings-parts.tsx'
import { go } from './settings-place.ts'
import { type Hours, type Member, WEEKDAYS } from './settings-wire.ts'

const BACK = { part: 'people', name: 'People' } as const

/** Somebody who works here, to be read, or changed by whoever may. */
export function PersonPage({ here, id }: { here: Here; id: string }) {
  const known = useLoaded(() => Promise.all([here.api.person(id), here.api.roles(), here.api.teams()]))
  const [person] = known.value ?? []
  if (person === undefined)
    return (
      <Page title="Somebody" back={BACK}>
        <WhenLoaded of={known}>{() => null}</WhenLoaded>
      </Page>
    )
  return (
    <Page key={person.id} title={memberName(person)} back={BACK} lead={person.email ?? undefined}>
      {person.state === 'suspended' && (
        <p className="notice">Suspended: they cannot come in until they are let back.</p>
      )}
      <WhenLoaded of={known}>
        {([found, roles, teams]) => {
          if (!here.may('people.manage')) return <PersonFacts person={found} />
          return (
            <>
              <PersonForm here={here} person={found} roles={roles} teams={teams} onChanged={known.again} />
              <Section title="A link that opens once">
                <PersonLinks here={here} id={found.id} />
              </Section>
              <Section title="Suspend or remove">
                <Leaving here={here} person={found} onChanged={(next) => known.set([next, roles, teams])} />
              </Section>
            </>
          )
        }}
      </WhenLoaded>
    </Page>
  )
}

function PersonFacts({ person }: { person: Member }) {
  const facts: [string, string][] = [
    ['Role', person.role.name],
    ['Teams', person.teams.map(({ name }) => name).join(', ') || 'none'],
    ['Languages', person.languages.join(', ') || 'none said'],
    ['Skills', person.skills.join(', ') || 'none said'],
    ['Time zone', person.zone ?? 'that of the house'],
    ['Works', hoursText(person.hours)],
  ]
  return (
    <dl className="settings-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd dir="auto">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function hoursText(hours: Hours | null): string {
  if (hours === null) return 'at any time'
  const days = WEEKDAYS.filter((day) => (hours[day] ?? []).length > 0)
  return days.map((day) => `${DAY_NAMES[day]} ${shiftsText(hours[day])}`).join('; ') || 'never'
}

interface LeavingProps {
  here: Here
  person: Member
  onChanged: (person: Member) => void
}

function Leaving({ here, person, onChanged }: LeavingProps) {
  const name = memberName(person)
  const isMe = here.session.person?.id === person.id
  const change = (state: Member['state']) => async () => onChanged(await here.api.changePerson(person.id, { state }))
  const self = isMe && (
    <p>
      <strong>This is you.</strong> You are out at once.
    </p>
  )
  return (
    <div className="form-end">
      {person.state === 'active' ? (
        <ConfirmButton label="Suspend" title={`Suspend ${name}?`} yes="Suspend" onYes={change('suspended')}>
          <p>Their sessions and keys stop opening anything, at once, until they are let back in. Nothing is lost.</p>
          {self}
        </ConfirmButton>
      ) : (
        <ConfirmButton label="Let back in" title={`Let ${name} back in?`} yes="Let in" onYes={change('active')}>
          <p>They may again what their role allows, and sign in with the password that they have.</p>
        </ConfirmButton>
      )}
      <ConfirmButton
        label="Remove"
        className="danger"
        title={`Remove ${name}?`}
        yes="Remove for good"
        isDanger
        onYes={async () => {
          await here.api.removePerson(person.id)
          go('people')
        }}
      >
        <p>
          They are out at once, their keys are revoked, and their conversations are nobody’s until somebody takes them.
          What they wrote stays. <strong>Nobody can take this back:</strong> to come in again they need a new
          invitation.
        </p>
        {self}
      </ConfirmButton>
    </div>
  )
}
