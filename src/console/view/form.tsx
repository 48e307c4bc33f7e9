import { type FormEvent, type InputHTMLAttributes, type ReactNode, useId, useRef, useState } from 'react'
import { Problem } from '../api.ts'
import { wordsOf } from './hooks.ts'

/** A form's state: what is wrong with it and where, and whether it is under way. */
export interface FormState {
  /** What is wrong with all of it, or with what has no field here. */
  readonly problem: string | null
  /** What is wrong, by the names of fields. */
  readonly problems: Readonly<Record<string, string>>
  readonly isBusy: boolean
  /** What is said when it was done and the form stays. */
  readonly done: string | null
  readonly onSubmit: (event: FormEvent<HTMLFormElement>) => void
}

/**
 * Sends a form once at a time, and puts what is refused to the field that it is about. `names` are the fields: a refusal at
 * `/hours/mon/0` is shown at `hours.mon`, else at `hours`, else under the form. A text that `send` answers is said when it is done.
 */
export function useForm(
  names: readonly string[],
  send: (data: FormData, form: HTMLFormElement) => Promise<unknown>,
): FormState {
  const [state, setState] = useState<Omit<FormState, 'onSubmit'>>(NOTHING_WRONG)
  const running = useRef(false)
  async function run(form: HTMLFormElement) {
    if (running.current) return
    running.current = true
    setState({ ...NOTHING_WRONG, isBusy: true })
    try {
      const done = await send(new FormData(form), form)
      setState({ ...NOTHING_WRONG, done: typeof done === 'string' ? done : null })
    } catch (cause) {
      const name = fieldOf(cause, names)
      const words = wordsOf(cause)
      setState(name === null ? { ...NOTHING_WRONG, problem: words } : { ...NOTHING_WRONG, problems: { [name]: words } })
      if (name !== null) focusOn(form, name)
    } finally {
      running.current = false
    }
  }
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    void run(event.currentTarget)
  }
  return { ...state, onSubmit }
}

const NOTHING_WRONG = { problem: null, problems: {}, isBusy: false, done: null }

/** The field that a refusal is about, by its `path`; null: none of these. */
export function fieldOf(cause: unknown, names: readonly string[]): string | null {
  const path = cause instanceof Problem ? cause.members['path'] : undefined
  if (typeof path !== 'string') return null
  const parts = path.replace(/^[/?]/, '').split('/')
  for (let count = parts.length; count > 0; count--) {
    const name = parts.slice(0, count).join('.')
    if (names.includes(name)) return name
  }
  return null
}

/** A refusal of the page itself, at a field. */
export function wrongAt(name: string, words: string): Problem {
  return new Problem('invalid', 0, words, { path: `/${name}` })
}

/** A text of a form without the space around it. */
export function textOf(form: FormData, name: string): string {
  return String(form.get(name) ?? '').trim()
}

function focusOn(form: HTMLFormElement, name: string) {
  const field = form.querySelector<HTMLElement>(`[name="${CSS.escape(name)}"]`)
  field?.focus()
  if (field instanceof HTMLInputElement && field.type !== 'checkbox') field.select()
}

/** A form as it is everywhere here: fields in a column, what is wrong with all of it, then what can be done. */
export function Form({ form, className, children }: { form: FormState; className?: string; children: ReactNode }) {
  return (
    <form className={className ?? 'form'} onSubmit={form.onSubmit} noValidate>
      {children}
    </form>
  )
}

interface FieldFrame {
  form: FormState
  name: string
  label: ReactNode
  help?: ReactNode
}

/** How a field and the words around it are tied together. */
function useTies({ form, name, help }: FieldFrame) {
  const id = useId()
  const problem = form.problems[name] ?? null
  const ties = {
    id,
    name,
    'aria-invalid': problem !== null,
    'aria-describedby': help === undefined ? `${id}-problem` : `${id}-problem ${id}-help`,
  } as const
  return { id, ties, problem }
}

function Around({ frame, id, problem, children }: AroundProps) {
  return (
    <div className="field">
      <label htmlFor={id}>{frame.label}</label>
      {children}
      {frame.help !== undefined && (
        <p id={`${id}-help`} className="quiet field-help">
          {frame.help}
        </p>
      )}
      <p id={`${id}-problem`} className="field-problem" role="alert">
        {problem}
      </p>
    </div>
  )
}

interface AroundProps {
  frame: FieldFrame
  id: string
  problem: string | null
  children: ReactNode
}

type InputProps = Omit<InputHTMLAttributes<HTMLInputElement>, 'form' | 'name' | 'id'>

/** A line of text with its label, what it wants, and what is wrong with it. */
export function Field({ form, name, label, help, ...input }: FieldFrame & InputProps) {
  const frame = { form, name, label, help }
  const { id, ties, problem } = useTies(frame)
  return (
    <Around frame={frame} id={id} problem={problem}>
      <input type="text" spellCheck={false} {...input} {...ties} />
    </Around>
  )
}

interface Choice {
  value: string
  label: string
  note?: string
  isDisabled?: boolean
}

/** One of a few. */
export function Select({
  choices,
  defaultValue,
  onChange,
  ...frame
}: FieldFrame & { choices: readonly Choice[]; defaultValue?: string; onChange?: (value: string) => void }) {
  const { id, ties, problem } = useTies(frame)
  return (
    <Around frame={frame} id={id} problem={problem}>
      <select {...ties} defaultValue={defaultValue} onChange={(event) => onChange?.(event.target.value)}>
        {choices.map(({ value, label, isDisabled }) => (
          <option key={value} value={value} disabled={isDisabled}>
            {label}
          </option>
        ))}
      </select>
    </Around>
  )
}

interface ChecksProps {
  form: FormState
  name: string
  legend: string
  choices: readonly Choice[]
  chosen: ReadonlySet<string>
  isReadOnly?: boolean
}

/** Any of many, each a box to tick. */
export function Checks({ form, name, legend, choices, chosen, isReadOnly }: ChecksProps) {
  const id = useId()
  return (
    <fieldset className="checks" aria-describedby={`${id}-problem`}>
      <legend>{legend}</legend>
      <div className="checks-list">
        {choices.map(({ value, label, note, isDisabled }) => (
          <label key={value} className="check">
            <input
              type="checkbox"
              name={name}
              value={value}
              defaultChecked={chosen.has(value)}
              disabled={isReadOnly === true || isDisabled === true}
            />
            <span>
              {label}
              {note !== undefined && <span className="note">{note}</span>}
            </span>
          </label>
        ))}
      </div>
      <p id={`${id}-problem`} className="field-problem" role="alert">
        {form.problems[name]}
      </p>
    </fieldset>
  )
}

interface SubmitProps {
  form: FormState
  children: ReactNode
  /** What it says while it is under way. */
  busy?: string
  className?: string
}

/** Sends the form. It keeps the focus while it is under way, so it is never disabled. */
export function Submit({ form, children, busy = 'One moment…', className = 'primary' }: SubmitProps) {
  return (
    <>
      <p className="field-problem" role="alert">
        {form.problem}
      </p>
      <div className="form-end">
        <button type="submit" className={className} aria-disabled={form.isBusy}>
          {form.isBusy ? busy : children}
        </button>
        <span className="form-done" role="status">
          {form.done}
        </span>
      </div>
    </>
  )
}
