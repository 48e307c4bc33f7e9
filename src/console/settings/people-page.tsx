import { type ReactNode, useEffect, useState } from 'react'
import { wordsOf } from '../view/hooks.ts'
import { ImportPage } from './import-page.tsx'
import { InvitePage } from './invite-page.tsx'
import { byName, memberName, peopleWith } from './people-words.ts'
import { PersonPage } from './person-page.tsx'
import type { SettingsApi } from './settings-api.ts'
import { type Here, Nothing, Page, Paged } from './settings-parts.tsx'
import { addressOf } from './settings-place.ts'
import type { Member } from './settings-wire.ts'
import { counted } from './settings-words.ts'

/** The list of people, or one of them, or how others come in. */
export function PeoplePages({ here, item }: { here: Here; item: string | null }) {
  const mayAdd = here.may('people.manage')
  if (item === 'new' && mayAdd) return <InvitePage here={here} />
  if (item === 'import' && mayAdd) return <ImportPage here={here} />
  return item === null ? <PeopleList here={here} /> : <PersonPage here={here} id={item} />
}

/** More people than this are not listed: they are found by the API. */
const PEOPLE_MAX = 5000

/** Everybody who works here, a page of the API after the other, as they come. */
export function usePeople(api: SettingsApi, isWanted = true) {
  const [people, setPeople] = useState<readonly Member[]>([])
  const [state, setState] = useState<{ isDone: boolean; problem: string | null }>({ isDone: false, problem: null })
  const [attempt, setAttempt] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another wish.
  useEffect(() => {
    if (!isWanted) return
    let isHere = true
    const found: Member[] = []
    async function load(cursor?: string): Promise<void> {
      const page = await api.people(cursor)
      if (!isHere) return
      found.push(...page.items)
      setPeople(found.toSorted(byName))
      if (page.next !== null && found.length < PEOPLE_MAX) await load(page.next)
      else setState({ isDone: true, problem: null })
    }
    load().catch((cause: unknown) => isHere && setState({ isDone: true, problem: wordsOf(cause) }))
    return () => {
      isHere = false
    }
  }, [api, attempt, isWanted])
  return { people, ...state, again: () => setAttempt((before) => before + 1) }
}

function PeopleList({ here }: { here: Here }) {
  const { people, isDone, problem } = usePeople(here.api)
  const [search, setSearch] = useState('')
  const found = peopleWith(people, search)
  return (
    <Page title="People" action={here.may('people.manage') ? <Adding /> : undefined}>
      <SearchLine label="Search people" value={search} onChange={setSearch}>
        {isDone ? counted(found.length, 'person', 'people') : 'Loading…'}
      </SearchLine>
      {problem !== null && (
        <p className="field-problem" role="alert">
          {problem}
        </p>
      )}
      {isDone && problem === null && found.length === 0 && <NobodyFound hasSome={people.length > 0} />}
      <Paged key={search} items={found} render={(member) => <MemberRow key={member.id} member={member} />} />
    </Page>
  )
}

function NobodyFound({ hasSome }: { hasSome: boolean }) {
  return hasSome ? (
    <Nothing title="Nobody is found by these words">
      <p>Names, addresses, roles and teams are searched.</p>
    </Nothing>
  ) : (
    <Nothing title="Nobody works here yet">
      <p>Invite somebody: you get a link for them that opens once.</p>
    </Nothing>
  )
}

function Adding() {
  return (
    <span className="settings-actions">
      <a className="plain bordered" href={addressOf('people', 'import')}>
        Import
      </a>
      <a className="primary" href={addressOf('people', 'new')}>
        Invite
      </a>
    </span>
  )
}

interface SearchLineProps {
  label: string
  value: string
  onChange: (value: string) => void
  children: ReactNode
}

/** Finds in a list that is here already; what is typed is not in the address. */
export function SearchLine({ label, value, onChange, children }: SearchLineProps) {
  return (
    <div className="settings-search">
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
      />
      <span className="note" role="status">
        {children}
      </span>
    </div>
  )
}

function MemberRow({ member }: { member: Member }) {
  return (
    <li className="item">
      <a className="item-main" href={addressOf('people', member.id)}>
        <span className="item-name" dir="auto">
          {memberName(member)}
        </span>
        {member.name && <span className="note">{member.email}</span>}
      </a>
      <span className="item-side">
        {member.state === 'suspended' && <span className="tag tag-warn">suspended</span>}
        <span className="note item-teams">{member.teams.map(({ name }) => name).join(', ')}</span>
        <span className="tag">{member.role.name}</span>
      </span>
    </li>
  )
}
