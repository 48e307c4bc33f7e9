import { type FormEvent, useEffect, useState } from 'react'
import type { Desk } from '../desk.ts'
import type { ErasureView, PersonView } from '../wire.ts'
import { Dialog } from './dialog.tsx'
import { ErasureReportText } from './erasure-report.tsx'
import { navigate, useTask } from './hooks.ts'
import { nameOf } from './names.ts'

interface EraseDialogProps {
  person: PersonView
  desk: Desk
  onClose: () => void
}

/** What has to be typed, so that nobody erases anybody by a slip of the hand. */
const WORD = 'erase'
/** Between two looks whether the report is there. */
const LOOK_MS = 500

/** Asks once more, erases, and shows what became of everything. */
export function EraseDialog({ person, desk, onClose }: EraseDialogProps) {
  const [typed, setTyped] = useState('')
  const [erasure, setErasure] = useState<ErasureView | null>(null)
  const task = useTask()
  useEffect(() => {
    if (erasure === null || erasure.state === 'done') return
    const timer = setTimeout(() => {
      // It goes on without this page: what could not be asked now is asked again.
      const again = () => setErasure({ ...erasure })
      desk.ask((api) => api.erasure(erasure.id)).then(setErasure, again)
    }, LOOK_MS)
    return () => clearTimeout(timer)
  }, [desk, erasure])
  const isSure = typed.trim().toLowerCase() === WORD

  function erase(event: FormEvent) {
    event.preventDefault()
    if (!isSure || erasure !== null) return
    task.run(async () => setErasure(await desk.ask((api) => api.erasePerson(person.id))))
  }
  function closed() {
    if (erasure !== null) navigate(null)
    onClose()
  }

  return (
    <Dialog className={erasure === null ? 'erase' : 'erase erase-done'} labelledBy="erase-title" onClose={closed}>
      {(close) => (
        <>
          <h3 id="erase-title">{erasure === null ? `Erase ${nameOf(person)}?` : 'Erased'}</h3>
          {erasure === null ? (
            <form onSubmit={erase}>
              <p>
                All messages, files, names and numbers of this person are deleted here, and the keys that open the
                copies in backups are destroyed. <strong>Nobody can take this back.</strong>
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
                {erasure.report === null ? (
                  <p>
                    <span className="spinner" aria-hidden="true" /> Nothing of this person can be read any more. The
                    last of their rows and files are being deleted.
                  </p>
                ) : (
                  <ErasureReportText report={erasure.report} erasure={erasure} />
                )}
              </div>
              <div className="dialog-buttons">
                <button type="button" className="primary" onClick={close}>
                  Done
                </button>
              </div>
            </>
          )}
        </>
      )}
    </Dialog>
  )
}
