import { Checks, Field, Form, type FormState, Select, Submit, textOf, useForm } from '../view/form.tsx'
import { DAY_NAMES, hoursOf, partsOf, shiftsText, teamChanges } from './people-words.ts'
import { roleChoices } from './role-choices.ts'
import type { Here } from './settings-parts.tsx'
import { type Hours, type Member, type MemberChange, type Role, type Team, WEEKDAYS } from './settings-wire.ts'

const DAYS = WEEKDAYS.map((day) => `hours.${day}`)
const FIELDS = ['name', 'role', 'teams', 'languages', 'skills', 'zone', ...DAYS]

interface PersonFormProps {
  here: Here
  person: Member
  roles: readonly Role[]
  teams: readonly Team[]
  onChanged: () => void
}

/** What can be changed of somebody. */
export function PersonForm({ here, person, roles, teams, onChanged }: PersonFormProps) {
  const form = useForm(FIELDS, async (data) => {
    const change = changeIn(data, person)
    if (Object.keys(change).length > 0) await here.api.changePerson(person.id, change)
    const wanted = new Set(data.getAll('teams').map(String))
    for (const { id, people } of teamChanges(await here.api.teams(), person.id, wanted))
      await here.api.changeTeam(id, { people })
    onChanged()
    return 'Saved'
  })
  return (
    <Form form={form}>
      <Field form={form} name="name" label="Name" defaultValue={person.name ?? ''} autoComplete="off" />
      <Select
        form={form}
        name="role"
        label="Role"
        choices={roleChoices(roles, here.session.permissions)}
        defaultValue={person.role.id}
      />
      <TeamChecks form={form} teams={teams} chosen={person.teams.map(({ id }) => id)} />
      <WorkFields form={form} person={person} />
      <Submit form={form} busy="Saving…">
        Save
      </Submit>
    </Form>
  )
}

/** Nothing where there is no team to choose. */
export function TeamChecks(props: { form: FormState; teams: readonly Team[]; chosen: readonly string[] }) {
  const { form, teams, chosen } = props
  if (teams.length === 0) return null
  const choices = teams.map(({ id, name }) => ({ value: id, label: name }))
  return <Checks form={form} name="teams" legend="Teams" choices={choices} chosen={new Set(chosen)} />
}

function WorkFields({ form, person }: { form: FormState; person: Member }) {
  return (
    <>
      <Field
        form={form}
        name="languages"
        label="Languages"
        defaultValue={person.languages.join(', ')}
        help="Such as en, pt-BR; parted by commas."
      />
      <Field
        form={form}
        name="skills"
        label="Skills"
        defaultValue={person.skills.join(', ')}
        help="Such as billing, returns; parted by commas."
      />
      <Field
        form={form}
        name="zone"
        label="Time zone"
        defaultValue={person.zone ?? ''}
        help="Such as Europe/Berlin. Empty: that of the house."
      />
      <details className="hours" open={person.hours !== null || undefined}>
        <summary>Working hours</summary>
        <p className="note">Such as 09:00–12:30, 13:30–18:00. Nothing at all: at any time.</p>
        {WEEKDAYS.map((day) => (
          <Field
            key={day}
            form={form}
            name={`hours.${day}`}
            label={DAY_NAMES[day]}
            defaultValue={shiftsText(person.hours?.[day])}
            autoComplete="off"
          />
        ))}
      </details>
    </>
  )
}

/** Only what is another than before: whoever changes a name needs no right to give the role. */
function changeIn(data: FormData, person: Member): MemberChange {
  const zone = textOf(data, 'zone')
  const wanted: Required<Omit<MemberChange, 'state'>> = {
    name: textOf(data, 'name'),
    role: textOf(data, 'role'),
    languages: partsOf(textOf(data, 'languages')),
    skills: partsOf(textOf(data, 'skills')),
    zone: zone === '' ? null : zone,
    hours: hoursOf((day) => textOf(data, `hours.${day}`)),
  }
  const before = { ...person, name: person.name ?? '', role: person.role.id, hours: inOrder(person.hours) }
  const changed = Object.entries(wanted).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof typeof wanted]),
  )
  return Object.fromEntries(changed)
}

/** The days as the form has them: in their order, and without those that are off. */
function inOrder(hours: Hours | null): Hours | null {
  return hours === null ? null : hoursOf((day) => shiftsText(hours[day]))
}
