import { useState } from 'react'
import { Problem } from '../api.ts'
import { useForm, wrongAt } from '../view/form.tsx'
import { useTask } from '../view/hooks.ts'
import { TaskProblem } from '../view/task-problem.tsx'
import { type Here, Page } from './settings-parts.tsx'
import { addressOf } from './settings-place.ts'
import type { ImportReport, RowFault } from './settings-wire.ts'
import { counted } from './settings-words.ts'

/** As large as the API takes one. */
const FILE_BYTES_MAX = 1024 * 1024
const LINES_SHOWN = 6
const BACK = { part: 'people', name: 'People' } as const

interface Preview {
  file: File
  lines: string[]
  report: ImportReport
}

/** Takes many people in from a file: looked at first, then all of them or none. */
export function ImportPage({ here }: { here: Here }) {
  const [preview, setPreview] = useState<Preview | null>(null)
  const [added, setAdded] = useState<number | null>(null)
  const looking = useTask()
  function look(file: File | undefined) {
    setPreview(null)
    if (file === undefined) return
    looking.run(async () => {
      if (file.size > FILE_BYTES_MAX) throw wrongAt('file', 'A file has at most 1 MB.')
      const lines = (await file.text()).split(/\r?\n/).slice(0, LINES_SHOWN)
      setPreview({ file, lines, report: await here.api.importPeople(file, true) })
    })
  }
  if (added !== null) return <Added count={added} />
  return (
    <Page
      title="Import people"
      back={BACK}
      lead="From a CSV file. Nobody is added before you have seen what it would do, and then all are, or none."
    >
      <div className="form">
        <label htmlFor="import-file">File</label>
        <input
          id="import-file"
          type="file"
          accept=".csv,text/csv"
          aria-describedby="import-help"
          onChange={(event) => look(event.target.files?.[0])}
        />
        <p id="import-help" className="quiet field-help">
          The first row names the columns: name, email, role; and, if you like, languages, skills, zone. Several
          languages or skills are parted by spaces. At most 500 people.
        </p>
        <TaskProblem problem={looking.problem} />
        {looking.isBusy && <p role="status">Looking at it…</p>}
        {preview !== null && <PreviewPart here={here} preview={preview} onAdded={setAdded} />}
      </div>
    </Page>
  )
}

interface PreviewPartProps {
  here: Here
  preview: Preview
  onAdded: (count: number) => void
}

function PreviewPart({ here, preview, onAdded }: PreviewPartProps) {
  const { file, lines, report } = preview
  const [late, setLate] = useState<RowFault[]>([])
  const form = useForm([], async () => {
    try {
      onAdded((await here.api.importPeople(file, false)).added ?? 0)
    } catch (cause) {
      // Somebody else may have added one of them since.
      if (cause instanceof Problem) setLate(faultsIn(cause))
      throw cause
    }
  })
  const faults = late.length > 0 ? late : report.faults
  return (
    <>
      <p className="note">The file begins so:</p>
      <pre className="file-start">{lines.join('\n')}</pre>
      {faults.length > 0 ? (
        <Faults faults={faults} />
      ) : (
        <form className="form" onSubmit={form.onSubmit}>
          <p role="status">{counted(report.would_add ?? 0, 'person', 'people')} would be added.</p>
          <TaskProblem problem={form.problem} />
          <div className="form-end">
            <button type="submit" className="primary" aria-disabled={form.isBusy}>
              {form.isBusy ? 'Adding…' : `Add ${counted(report.would_add ?? 0, 'person', 'people')}`}
            </button>
          </div>
        </form>
      )}
    </>
  )
}

function Faults({ faults }: { faults: readonly RowFault[] }) {
  return (
    <div role="alert">
      <p className="field-problem">Nobody can be added: {counted(faults.length, 'fault')} in the file.</p>
      <table className="faults">
        <thead>
          <tr>
            <th scope="col">Row</th>
            <th scope="col">Column</th>
            <th scope="col">What is wrong</th>
          </tr>
        </thead>
        <tbody>
          {faults.map(({ row, column, fault }) => (
            <tr key={`${row} ${column} ${fault}`}>
              <td>{row}</td>
              <td>{column ?? '–'}</td>
              <td>{fault}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** What the refusal of a whole file says of its rows. */
export function faultsIn(problem: Problem): RowFault[] {
  const { faults } = problem.members
  return Array.isArray(faults) ? (faults as RowFault[]) : []
}

function Added({ count }: { count: number }) {
  return (
    <Page title={`${counted(count, 'person', 'people')} added`} back={BACK}>
      <p className="settings-lead quiet">Each needs a link to come in: open somebody in the list and make one.</p>
      <a className="primary" href={addressOf('people')}>
        To the list
      </a>
    </Page>
  )
}
