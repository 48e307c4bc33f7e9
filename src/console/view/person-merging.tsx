import { type FormEvent, useRef, useState } from 'react'
import type { Desk } from '../desk.ts'
import type { PersonView } from '../wire.ts'
import { useTask } from './hooks.ts'
import { nameOf } from './names.ts'
import { TaskProblem } from './task-problem.tsx'

/** Says that two contacts are one person, and takes it back. */
export function Merging({ person, desk }: { person: PersonView; desk: Desk }) {
  const task = useTask()
  const [words, setWords] = useState('')
  const [other, setOther] = useState<PersonView | null>(null)
  // What was clicked goes away with what it did: the focus stays in the panel.
  const field = useRef<HTMLInputElement>(null)
  function look(event: FormEvent) {
    event.preventDefault()
    setOther(null)
    task.run(async () => setOther(await desk.ask((api) => api.lookUpPerson(identityIn(words)))))
  }
  const merge = (into: PersonView) =>
    task.run(async () => {
      // The other one comes to this one: whoever is on the screen stays.
      await desk.ask((api) => api.mergePerson(into.id, person.id))
      setOther(null)
      setWords('')
      await desk.loadPerson(person.id)
      field.current?.focus()
    })
  const separate = (id: string) =>
    task.run(async () => {
      await desk.ask((api) => api.unmergePerson(id))
      await desk.loadPerson(person.id)
      field.current?.focus()
    })
  return (
    <section>
      <h4>The same person as</h4>
      <ul className="facts">
        {person.merged.map((id) => (
          <li key={id}>
            <span className="fact-value">{namesOf(person, id)}</span>
            <button type="button" className="link" disabled={task.isBusy} onClick={() => separate(id)}>
              Separate again
            </button>
          </li>
        ))}
      </ul>
      <form className="attribute-add" onSubmit={look}>
        <input
          ref={field}
          value={words}
          maxLength={256}
          placeholder="Phone, e-mail or user id"
          aria-label="Phone, e-mail address or user id of the other contact"
          onChange={(event) => setWords(event.target.value)}
        />
        <button type="submit" className="plain" disabled={task.isBusy || words.trim() === ''}>
          Look up
        </button>
      </form>
      {other !== null && other.id === person.id && <p className="note">That is this contact already.</p>}
      {other !== null && other.id !== person.id && (
        <p className="merge-offer">
          <span>{nameOf(other)}</span>
          <button type="button" className="plain" disabled={task.isBusy} onClick={() => merge(other)}>
            Is the same person
          </button>
        </p>
      )}
      <TaskProblem problem={task.problem} />
    </section>
  )
}

/** By what a contact that is merged into this one is known. */
function namesOf(person: PersonView, id: string): string {
  const own = person.identities.filter((identity) => identity.contact_id === id).map(({ value }) => value)
  return own.length > 0 ? own.join(', ') : 'Another contact'
}

function identityIn(words: string): Partial<Record<'phone' | 'email' | 'user_id' | 'username', string>> {
  const text = words.trim()
  if (/^[+\d][\d\s().-]*$/.test(text)) return { phone: text.startsWith('+') ? text : `+${text}` }
  if (/^[^@\s]+@[^@\s]+$/.test(text)) return { email: text }
  return /^[A-Z]{2}\./.test(text) ? { user_id: text } : { username: text.replace(/^@/, '') }
}
