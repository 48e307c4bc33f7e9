import { type ReactNode, useState } from 'react'
import { clockTime, dayKey, dayName, fullTime } from '../times.ts'
import { Field, Form, Select, Submit, textOf, useForm, wrongAt } from '../view/form.tsx'
import { useTask } from '../view/hooks.ts'
import { TaskProblem } from '../view/task-problem.tsx'
import type { Page as PageOf } from '../wire.ts'
import { usePeople } from './people-page.tsx'
import { memberName } from './people-words.ts'
import { type Here, Nothing, Page, useLoaded, WhenLoaded } from './settings-parts.tsx'
import { addressOf, askedOf, faultInFilter, filterIn } from './settings-place.ts'
import type { AuditEntry, AuditFilter, Member } from './settings-wire.ts'
import { ACTION_NAMES, actionWords, detailWords } from './settings-words.ts'

/** Who did and saw what, newest first. What narrows it down stands in the address. */
export function AuditPage({ here, query }: { here: Here; query: URLSearchParams }) {
  const filter = filterIn(query)
  const name = JSON.stringify(filter)
  const { people } = usePeople(here.api, here.may('people.see'))
  return (
    <Page title="Audit" lead="Every act, and every look at personal data.">
      <Filters key={`for ${name}`} filter={filter} people={people} />
      <Entries key={name} here={here} filter={filter} people={people} />
    </Page>
  )
}

const FAULTS = {
  actor: 'Please choose somebody, or give an id.',
  action: 'An action is written such as contact.open.',
  object: 'An id is written such as cnv_2j.',
  from: 'Please give a day.',
  to: 'Please give a day.',
} as const

function Filters({ filter, people }: { filter: AuditFilter; people: readonly Member[] }) {
  const names = ['actor', 'action', 'object', 'from', 'to'] as const
  const form = useForm(names, async (data) => {
    const wanted: AuditFilter = {}
    for (const name of names) if (textOf(data, name) !== '') wanted[name] = textOf(data, name)
    const fault = faultInFilter(wanted)
    if (fault !== null) throw wrongAt(fault, FAULTS[fault])
    location.hash = addressOf('audit', null, wanted as Record<string, string>)
  })
  const who = [
    { value: '', label: 'Anybody' },
    ...people.map((member) => ({ value: member.id, label: memberName(member) })),
  ]
  if (filter.actor !== undefined && !people.some(({ id }) => id === filter.actor))
    who.push({ value: filter.actor, label: filter.actor })
  return (
    <Form form={form} className="filters">
      <Select form={form} name="actor" label="Who" choices={who} defaultValue={filter.actor ?? ''} />
      <Field
        form={form}
        name="action"
        label="What"
        placeholder="contact.open"
        list="audit-actions"
        defaultValue={filter.action}
      />
      <datalist id="audit-actions">
        {ACTION_NAMES.map((name) => (
          <option key={name} value={name}>
            {actionWords(name)}
          </option>
        ))}
      </datalist>
      <Field form={form} name="object" label="Of what" placeholder="cnv_2j" defaultValue={filter.object} />
      <Field form={form} name="from" label="From" type="date" max="9999-12-31" defaultValue={filter.from} />
      <Field form={form} name="to" label="To" type="date" max="9999-12-31" defaultValue={filter.to} />
      <div className="filters-end">
        <Submit form={form}>Show</Submit>
        {Object.keys(filter).length > 0 && (
          <a className="plain" href={addressOf('audit')}>
            Show all
          </a>
        )}
      </div>
    </Form>
  )
}

interface EntriesProps {
  here: Here
  filter: AuditFilter
  people: readonly Member[]
}

function Entries({ here, filter, people }: EntriesProps) {
  const first = useLoaded(() => here.api.audit(askedOf(filter)))
  const [more, setMore] = useState<readonly PageOf<AuditEntry>[]>([])
  const task = useTask()
  const names = new Map(people.map((member) => [member.id, memberName(member)]))
  return (
    <WhenLoaded of={first}>
      {(page) => {
        const pages = [page, ...more]
        const entries = pages.flatMap(({ items }) => items)
        const next = pages.at(-1)?.next ?? null
        const load = (cursor: string) =>
          task.run(async () => setMore([...more, await here.api.audit(askedOf(filter), cursor)]))
        return (
          <>
            {entries.length === 0 && next === null && <Nothing title="Nothing is found" />}
            <Days entries={entries} names={names} nowMs={here.nowMs} />
            {next !== null && (
              <button
                type="button"
                className="plain bordered more"
                aria-disabled={task.isBusy}
                onClick={() => load(next)}
              >
                {task.isBusy ? 'Loading…' : 'Show older'}
              </button>
            )}
            <TaskProblem problem={task.problem} />
          </>
        )
      }}
    </WhenLoaded>
  )
}

interface DaysProps {
  entries: readonly AuditEntry[]
  names: ReadonlyMap<string, string>
  nowMs: number
}

function Days({ entries, names, nowMs }: DaysProps) {
  const days = Map.groupBy(entries, ({ at }) => dayKey(at))
  return [...days].map(([day, list]) => (
    <section key={day} className="audit-day">
      <h3>{dayName(list[0]?.at ?? '', nowMs)}</h3>
      <ul className="items">
        {list.map((entry) => (
          <EntryRow key={entry.id} entry={entry} names={names} />
        ))}
      </ul>
    </section>
  ))
}

function EntryRow({ entry, names }: { entry: AuditEntry; names: ReadonlyMap<string, string> }) {
  const detail = detailWords(entry)
  return (
    <li className="item audit-entry">
      <time dateTime={entry.at} title={fullTime(entry.at)}>
        {clockTime(entry.at)}
      </time>
      <div className="item-main">
        <span>
          <Only name="actor" id={entry.actor.person ?? entry.actor.id}>
            {actorName(entry, names)}
          </Only>{' '}
          {actionWords(entry.action)}
          {entry.object !== null && ': '}
          {entry.object !== null && (
            <Only name="object" id={entry.object}>
              {names.get(entry.object) ?? <code>{entry.object}</code>}
            </Only>
          )}
        </span>
        {detail !== '' && (
          <span className="note" dir="auto">
            {detail}
          </span>
        )}
      </div>
    </li>
  )
}

/** Leads to all that one did, or all that was done to one thing. */
function Only({ name, id, children }: { name: 'actor' | 'object'; id: string; children: ReactNode }) {
  if (faultInFilter({ [name]: id }) !== null) return children
  return (
    <a className="audit-only" href={addressOf('audit', null, { [name]: id })} dir="auto">
      {children}
    </a>
  )
}

function actorName({ actor }: AuditEntry, names: ReadonlyMap<string, string>): string {
  if (actor.by === 'command') return 'A command on the machine'
  const name = actor.person === null ? null : (names.get(actor.person) ?? actor.person)
  if (actor.by === 'session') return name ?? 'Somebody'
  return name === null ? `The key ${actor.id}` : `A key of ${name}`
}
