import { type FormEvent, useEffect, useRef, useState } from 'react'
import type { Desk } from '../desk.ts'
import { fullTime } from '../times.ts'
import type { PersonView } from '../wire.ts'
import { navigate, useTask } from './hooks.ts'
import { nameOf } from './names.ts'

interface EraseDialogProps {
  person: PersonView
  desk: Desk
  onClose: () => void
}

/** What has to be typed, so that nobody erases anybody by a slip of the hand. */
const WORD = 'erase'

/** Asks once more, erases, and shows what became of everything. */
export function EraseDialog({ person, desk, onClose }: EraseDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [typed, setTyped] = useState('')
  const [report, setReport] = useState<Record<string, unknown> | null>(null)
  const task = useTask()
  useEffect(() => dialog.current?.showModal(), [])
  const isSure = typed.trim().toLowerCase() === WORD

  function erase(event: FormEvent) {
    event.preventDefault()
    if (!isSure || report !== null) return
    task.run(async () => setReport(await desk.ask((api) => api.erasePerson(person.id))))
  }
  function close() {
    if (report !== null) {
      navigate(null)
      desk.personErased(person.id)
    }
    onClose()
  }

  return (
    <dialog
      ref={dialog}
      className="erase"
      aria-labelledby="erase-title"
      onClose={close}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <h3 id="erase-title">{report === null ? `Erase ${nameOf(person)}?` : 'Erased'}</h3>
      {report === null ? (
        <form onSubmit={erase}>
          <p>
            All messages, files, names and numbers of this person are deleted here, and the keys that open the copies in
            backups are destroyed. <strong>Nobody can take this back.</strong>
          </p>
          <label>
            To go on, type <kbd>{WORD}</kbd>
            <input
              value={typed}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => setTyped(event.target.value)}
            />
          </label>
          <p className="field-problem" role="alert">
            {task.problem}
          </p>
          <div className="dialog-buttons">
            <button type="button" className="plain" onClick={close}>
              Keep them
            </button>
            <button type="submit" className="danger" disabled={!isSure || task.isBusy}>
              {task.isBusy ? 'Erasing…' : 'Erase for good'}
            </button>
          </div>
        </form>
      ) : (
        <>
          <div className="report" role="status">
            <Report value={report} />
          </div>
          <div className="dialog-buttons">
            <button type="button" className="primary" onClick={close}>
              Done
            </button>
          </div>
        </>
      )}
    </dialog>
  )
}

/** A report as it came, in words: members by name, lists as lists. */
function Report({ value }: { value: unknown }) {
  if (Array.isArray(value)) {
    return (
      <ul>
        {value.map((each, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a report never changes.
          <li key={index}>
            <Report value={each} />
          </li>
        ))}
      </ul>
    )
  }
  if (typeof value !== 'object' || value === null) return plain(value)
  return (
    <dl>
      {Object.entries(value).map(([name, each]) => (
        <div key={name}>
          <dt>{name.replaceAll('_', ' ')}</dt>
          <dd>
            <Report value={each} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

function plain(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  const text = String(value)
  return /^\d{4}-\d\d-\d\dT/.test(text) ? fullTime(text) : text
}
