import { useState } from 'react'
import { Checks, Field, Form, type FormState, Submit, textOf, useForm } from '../view/form.tsx'
import type { NumberView } from '../wire.ts'
import { SearchLine, usePeople } from './people-page.tsx'
import { changedList, memberName, peopleWith } from './people-words.ts'
import { ConfirmButton, type Here, Nothing, Page, Paged, Section, useLoaded, WhenLoaded } from './settings-parts.tsx'
import { addressOf, go } from './settings-place.ts'
import type { Team } from './settings-wire.ts'
import { counted } from './settings-words.ts'

const BACK = { part: 'teams', name: 'Teams' } as const

/** The list of teams, or one of them, or a new one. */
export function TeamsPages({ here, item }: { here: Here; item: string | null }) {
  const teams = useLoaded(() => here.api.teams())
  const numbers = useLoaded(() => (here.may('numbers.see') ? here.api.numbers() : Promise.resolve([])))
  if (item === null) return <TeamList here={here} teams={teams.value} problem={teams.problem} />
  const title = item === 'new' ? 'New team' : (teams.value?.find(({ id }) => id === item)?.name ?? 'Team')
  return (
    <Page title={title} back={BACK}>
      <WhenLoaded of={teams}>
        {(found) => (
          <WhenLoaded of={numbers}>
            {(known) => {
              const team = found.find(({ id }) => id === item) ?? null
              if (team === null && item !== 'new') return <p className="quiet">There is no such team any more.</p>
              return <TeamForm here={here} team={team} numbers={known} onChanged={teams.again} />
            }}
          </WhenLoaded>
        )}
      </WhenLoaded>
    </Page>
  )
}

interface TeamListProps {
  here: Here
  teams: readonly Team[] | null
  problem: string | null
}

function TeamList({ here, teams, problem }: TeamListProps) {
  const action = here.may('people.manage') && (
    <a className="primary" href={addressOf('teams', 'new')}>
      New team
    </a>
  )
  return (
    <Page title="Teams" lead="Who sees what comes in on which numbers." action={action}>
      {teams === null && <p className="quiet">{problem ?? 'Loading…'}</p>}
      {teams?.length === 0 && (
        <Nothing title="No teams yet">
          <p>A team has people and numbers: its people see the conversations of the team.</p>
        </Nothing>
      )}
      <Paged
        items={teams ?? []}
        render={({ id, name, people, numbers }) => (
          <li key={id} className="item">
            <a className="item-main" href={addressOf('teams', id)}>
              <span className="item-name" dir="auto">
                {name}
              </span>
              <span className="note">
                {counted(people.length, 'person', 'people')}, {counted(numbers.length, 'number')}
              </span>
            </a>
          </li>
        )}
      />
    </Page>
  )
}

interface TeamFormProps {
  here: Here
  /** Null: a new one. */
  team: Team | null
  numbers: readonly NumberView[]
  onChanged: () => void
}

function TeamForm({ here, team, numbers, onChanged }: TeamFormProps) {
  const isReadOnly = !here.may('people.manage')
  const [before, setBefore] = useState<ReadonlySet<string>>(new Set(team?.people))
  const [chosen, setChosen] = useState<ReadonlySet<string>>(before)
  const form = useForm(['name', 'numbers', 'people'], async (data) => {
    const [name, ticked] = [textOf(data, 'name'), data.getAll('numbers').map(String)]
    if (team === null) {
      const made = await here.api.addTeam({ name, people: [...chosen], numbers: ticked })
      return go('teams', made.id)
    }
    const now = (await here.api.teams()).find(({ id }) => id === team.id) ?? team
    const people = changedList(now.people, before, chosen)
    // Numbers that are not shown stay.
    const had = numbers.map(({ number }) => number).filter((number) => team.numbers.includes(number))
    const changed = changedList(now.numbers, new Set(had), new Set(ticked))
    const named = name === team.name ? {} : { name }
    await here.api.changeTeam(team.id, { ...named, people, numbers: changed })
    setBefore(new Set(people))
    setChosen(new Set(people))
    onChanged()
    return 'Saved'
  })
  return (
    <>
      <Form form={form}>
        <Field
          key={team?.name}
          form={form}
          name="name"
          label="Name"
          defaultValue={team?.name}
          readOnly={isReadOnly}
          autoComplete="off"
        />
        {numbers.length > 0 && (
          <Checks
            key={team?.numbers.join()}
            form={form}
            name="numbers"
            legend="Numbers"
            choices={numbers.map(numberChoice)}
            chosen={new Set(team?.numbers)}
            isReadOnly={isReadOnly}
          />
        )}
        <PeopleChecks here={here} form={form} chosen={chosen} onChange={setChosen} isReadOnly={isReadOnly} />
        {!isReadOnly && <Submit form={form}>{team === null ? 'Make the team' : 'Save'}</Submit>}
      </Form>
      {team !== null && !isReadOnly && <Removing here={here} team={team} />}
    </>
  )
}

function numberChoice({ number, alias, display }: NumberView) {
  return { value: number, label: alias ?? display ?? number, ...(alias && display ? { note: display } : {}) }
}

function Removing({ here, team }: { here: Here; team: Team }) {
  return (
    <Section title="Remove">
      <ConfirmButton
        label="Remove the team"
        className="danger"
        title={`Remove ${team.name}?`}
        yes="Remove"
        isDanger
        onYes={async () => {
          await here.api.removeTeam(team.id)
          go('teams')
        }}
      >
        <p>Its people stay, without this team. A team that has conversations is not removed: give them away first.</p>
      </ConfirmButton>
    </Section>
  )
}

interface PeopleChecksProps {
  here: Here
  form: FormState
  chosen: ReadonlySet<string>
  onChange: (chosen: ReadonlySet<string>) => void
  isReadOnly: boolean
}

/** Whom a team has: those who are in it first, others found by their names. */
function PeopleChecks({ here, form, chosen, onChange, isReadOnly }: PeopleChecksProps) {
  const { people, problem } = usePeople(here.api)
  const [search, setSearch] = useState('')
  // Nobody moves while the boxes are ticked.
  const [first] = useState(chosen)
  const found = peopleWith(people, search).filter(({ id }) => !isReadOnly || chosen.has(id))
  const ordered = [...found.filter(({ id }) => first.has(id)), ...found.filter(({ id }) => !first.has(id))]
  function tick(id: string, isIn: boolean) {
    const next = new Set(chosen)
    if (isIn) next.add(id)
    else next.delete(id)
    onChange(next)
  }
  return (
    <fieldset className="checks">
      <legend>People</legend>
      <SearchLine label="Search people" value={search} onChange={setSearch}>
        {counted(chosen.size, 'person', 'people')} in the team
      </SearchLine>
      <Paged
        key={search}
        items={ordered}
        render={(member) => (
          <li key={member.id}>
            <label className="check">
              <input
                type="checkbox"
                checked={chosen.has(member.id)}
                disabled={isReadOnly}
                onChange={(event) => tick(member.id, event.target.checked)}
              />
              <span dir="auto">
                {memberName(member)}
                {member.name && <span className="note">{member.email}</span>}
              </span>
            </label>
          </li>
        )}
      />
      <p className="field-problem" role="alert">
        {problem ?? form.problems['people']}
      </p>
    </fieldset>
  )
}
