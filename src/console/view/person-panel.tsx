import { type FormEvent, useEffect, useRef, useState } from 'react'
import type { Desk, DeskState } from '../desk.ts'
import { may } from '../rights.ts'
import { fullTime, listTime } from '../times.ts'
import type { AttributeValue, ConversationView, PersonView } from '../wire.ts'
import { EraseDialog } from './erase-dialog.tsx'
import { navigate, useNow, useTask } from './hooks.ts'
import { Icon } from './icons.tsx'
import { nameOf, numberName } from './names.ts'
import { Merging } from './person-merging.tsx'
import { TaskProblem } from './task-problem.tsx'

interface PersonPanelProps {
  id: string
  /** The conversation it was opened from. */
  conversationId: string
  desk: Desk
  state: DeskState
  onClose: () => void
}

/** All that is known of a person, and what can be done about it. */
export function PersonPanel({ id, conversationId, desk, state, onClose }: PersonPanelProps) {
  const person = state.data.people.get(id)?.view
  const isChangeable = may(state, 'contacts.change')
  const { isBusy, problem, run } = useTask()
  // biome-ignore lint/correctness/useExhaustiveDependencies: read when it is opened; events keep it up to date.
  useEffect(() => run(() => desk.loadPerson(id)), [desk, id])
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <aside
      className="person"
      aria-label="About this person"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.defaultPrevented) return
        event.preventDefault()
        onClose()
      }}
    >
      <header className="person-header">
        <h3 ref={heading} tabIndex={-1}>
          {person === undefined ? 'About this person' : nameOf(person)}
        </h3>
        <span className="spacer" />
        <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {person === undefined ? (
        <p className="quiet">{isBusy ? 'Loading…' : problem}</p>
      ) : person.erased === true ? (
        <div className="person-parts">
          <Erasing key="erasing" person={person} desk={desk} />
        </div>
      ) : (
        <div className="person-parts">
          <Identities person={person} />
          {isChangeable && <GivenName key={person.name} person={person} desk={desk} />}
          <Attributes person={person} desk={desk} isChangeable={isChangeable} />
          <Consents person={person} />
          <Conversations person={person} conversationId={conversationId} desk={desk} />
          {isChangeable && <Merging person={person} desk={desk} />}
          {may(state, 'contacts.erase') && <Erasing key="erasing" person={person} desk={desk} />}
        </div>
      )}
    </aside>
  )
}

const KIND_WORDS: Readonly<Record<string, string>> = {
  phone: 'Phone',
  user_id: 'WhatsApp user id',
  parent_user_id: 'User id of linked firms',
  username: 'Username',
  email: 'E-mail',
}

const SOURCE_WORDS: Readonly<Record<string, string>> = {
  message: 'from a message',
  system: 'from a notice of the platform',
  status: 'from a status',
  address_book: 'from the phone’s address book',
  api: 'entered here',
  history: 'from older messages',
}

function Identities({ person }: { person: PersonView }) {
  const nowMs = useNow()
  const names: [string, string | null | undefined][] = [
    ['Name they gave themselves', person.profile_name],
    ['Name in the phone’s address book', person.book_name],
  ]
  const ordered = person.identities.toSorted((a, b) => Number(a.until !== null) - Number(b.until !== null))
  return (
    <section>
      <h4>Known by</h4>
      <ul className="facts">
        {names.map(
          ([words, name]) =>
            name && (
              <li key={words}>
                <span className="fact-value" dir="auto">
                  {name}
                </span>
                <span className="note">{words}</span>
              </li>
            ),
        )}
        {ordered.map((identity) => (
          <li
            key={`${identity.kind} ${identity.value} ${identity.since}`}
            className={identity.until === null ? '' : 'ended'}
          >
            <span className="fact-value">{identity.value}</span>
            <span className="note" title={fullTime(identity.since)}>
              {KIND_WORDS[identity.kind] ?? identity.kind.replaceAll('_', ' ')},{' '}
              {SOURCE_WORDS[identity.source] ?? identity.source.replaceAll('_', ' ')}, since{' '}
              {listTime(identity.since, nowMs)}
              {identity.until !== null && `, until ${listTime(identity.until, nowMs)}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** What the firm calls them. Without one they are called as they call themselves. */
function GivenName({ person, desk }: { person: PersonView; desk: Desk }) {
  const task = useTask()
  const [name, setName] = useState(person.name ?? '')
  function keep(event: FormEvent) {
    event.preventDefault()
    const given = name.trim() === '' ? null : name.trim()
    task.run(async () => desk.keepPerson(await desk.ask((api) => api.changePerson(person.id, { name: given }))))
  }
  return (
    <section>
      <h4>Called here</h4>
      <form className="attribute-add" onSubmit={keep}>
        <input
          value={name}
          maxLength={200}
          placeholder={person.profile_name ?? 'Name'}
          aria-label="What this person is called here"
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" className="plain" disabled={task.isBusy || name.trim() === (person.name ?? '')}>
          Keep
        </button>
      </form>
      <TaskProblem problem={task.problem} />
    </section>
  )
}

interface AttributesProps {
  person: PersonView
  desk: Desk
  isChangeable: boolean
}

function Attributes({ person, desk, isChangeable }: AttributesProps) {
  const task = useTask()
  const [name, setName] = useState('')
  const [value, setValue] = useState('')
  const change = (attributes: Record<string, AttributeValue | null>) =>
    task.run(async () => {
      desk.keepPerson(await desk.ask((api) => api.changePerson(person.id, { attributes })))
      setName('')
      setValue('')
    })
  function add(event: FormEvent) {
    event.preventDefault()
    if (name.trim() !== '') change({ [name.trim()]: valueIn(value) })
  }
  return (
    <section>
      <h4>Notes and attributes</h4>
      {!isChangeable && Object.keys(person.attributes).length === 0 && <p className="note">There are none.</p>}
      <dl className="attributes">
        {Object.entries(person.attributes).map(([key, each]) => (
          <div key={key}>
            <dt>{key.replaceAll('_', ' ')}</dt>
            <dd dir="auto">{each === true ? 'yes' : each === false ? 'no' : each}</dd>
            {isChangeable && (
              <button
                type="button"
                className="icon-button"
                aria-label={`Take ${key} away`}
                disabled={task.isBusy}
                onClick={() => change({ [key]: null })}
              >
                <Icon name="close" />
              </button>
            )}
          </div>
        ))}
      </dl>
      {isChangeable && (
        <form className="attribute-add" onSubmit={add}>
          <input
            value={name}
            maxLength={64}
            placeholder="Name"
            aria-label="Name of the attribute"
            onChange={(event) => setName(event.target.value)}
          />
          <input
            value={value}
            maxLength={1000}
            placeholder="Value"
            aria-label="Value of the attribute"
            onChange={(event) => setValue(event.target.value)}
          />
          <button type="submit" className="plain" disabled={task.isBusy || name.trim() === ''}>
            Keep
          </button>
        </form>
      )}
      <TaskProblem problem={task.problem} />
    </section>
  )
}

/** Numbers and yes or no are kept as what they are. */
function valueIn(text: string): AttributeValue {
  const trimmed = text.trim()
  if (trimmed === 'yes' || trimmed === 'true') return true
  if (trimmed === 'no' || trimmed === 'false') return false
  // Only what reads back the same: a code with leading zeros is a text.
  return trimmed !== '' && String(Number(trimmed)) === trimmed ? Number(trimmed) : trimmed
}

const CONSENT_WORDS: Readonly<Record<string, string>> = {
  stop: 'does not want any',
  resume: 'wants them again',
  signup: 'signed up for them',
}

function Consents({ person }: { person: PersonView }) {
  const nowMs = useNow()
  const entries = Object.entries(person.consents)
  return (
    <section>
      <h4>What they want to receive</h4>
      {entries.length === 0 && <p className="note">They have said nothing about it.</p>}
      <ul className="facts">
        {entries.map(([category, consent]) => (
          <li key={category}>
            <span className={consent.value === 'stop' ? 'fact-value fact-stop' : 'fact-value'}>
              {category.replaceAll('_', ' ')}: {CONSENT_WORDS[consent.value] ?? consent.value}
            </span>
            <span className="note" title={fullTime(consent.at)}>
              since {listTime(consent.at, nowMs)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

interface ConversationsProps {
  person: PersonView
  conversationId: string
  desk: Desk
}

function Conversations({ person, conversationId, desk }: ConversationsProps) {
  const nowMs = useNow()
  const [items, setItems] = useState<readonly ConversationView[]>([])
  const { problem, run } = useTask()
  const family = person.merged.join(' ')
  // biome-ignore lint/correctness/useExhaustiveDependencies: read again when somebody is merged or separated.
  useEffect(
    () => run(async () => setItems((await desk.ask((api) => api.conversationsOf(person.id))).items)),
    [person.id, family],
  )
  const others = items.filter((view) => view.id !== conversationId)
  if (others.length === 0 && problem === null) return null
  return (
    <section>
      <h4>Other conversations</h4>
      {problem !== null && <p role="alert">{problem}</p>}
      <ul className="facts">
        {others.map((view) => (
          <li key={view.id}>
            <button type="button" className="link" onClick={() => navigate(view.id)}>
              on {numberName(view)}
            </button>
            <span className="note">{listTime(view.last_message_at ?? view.created_at, nowMs)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Stays when they are erased: the report is still being read. */
function Erasing({ person, desk }: { person: PersonView; desk: Desk }) {
  const [isAsking, setAsking] = useState(false)
  return (
    <section className="person-end">
      {person.erased !== true && (
        <button type="button" className="danger" onClick={() => setAsking(true)}>
          Erase this person
        </button>
      )}
      {isAsking && <EraseDialog person={person} desk={desk} onClose={() => setAsking(false)} />}
    </section>
  )
}
