import { type ReactNode, useEffect, useRef, useState } from 'react'
import type { Permission } from '../../core/permissions.ts'
import { Dialog } from '../view/dialog.tsx'
import { Form, Submit, useForm } from '../view/form.tsx'
import { wordsOf } from '../view/hooks.ts'
import { Icon } from '../view/icons.tsx'
import type { SettingsApi } from './settings-api.ts'
import { addressOf, type Part } from './settings-place.ts'
import type { Session } from './settings-wire.ts'

/** What every page of the settings knows: who is here, what they may, and whom to ask. */
export interface Here {
  api: SettingsApi
  session: Session
  nowMs: number
  may: (permission: Permission) => boolean
  /** Reads anew who is here. */
  refresh: () => void
  onSignOut: () => void
}

interface PageProps {
  title: string
  lead?: ReactNode
  /** Where it was come from, on a page below a list. */
  back?: { part: Part; name: string }
  action?: ReactNode
  children: ReactNode
}

/** One page. Whoever comes to it begins at its heading. */
export function Page({ title, lead, back, action, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <>
      {back !== undefined && (
        <a className="settings-back" href={addressOf(back.part)}>
          <Icon name="back" /> {back.name}
        </a>
      )}
      <div className="settings-title">
        <h2 ref={heading} tabIndex={-1} dir="auto">
          {title}
        </h2>
        {action}
      </div>
      {lead !== undefined && <p className="settings-lead quiet">{lead}</p>}
      {children}
    </>
  )
}

/** A titled part of a page. */
export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="settings-section">
      <h3>{title}</h3>
      {children}
    </section>
  )
}

/** Something that is read when the page comes up. */
export interface Loaded<T> {
  value: T | null
  problem: string | null
  set: (value: T) => void
  again: () => void
}

/** Reads something; anew when its name changes. What came for a page that has gone is dropped. */
export function useLoaded<T>(load: () => Promise<T>, name = ''): Loaded<T> {
  const [value, setValue] = useState<T | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [attempt, setAttempt] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is loaded is told by its name.
  useEffect(() => {
    let isWanted = true
    setProblem(null)
    load().then(
      (answer) => isWanted && setValue(answer),
      (cause: unknown) => isWanted && setProblem(wordsOf(cause)),
    )
    return () => {
      isWanted = false
    }
  }, [name, attempt])
  return { value, problem, set: setValue, again: () => setAttempt((before) => before + 1) }
}

/** Shows what was read, or that it is being read, or why it could not be. */
export function WhenLoaded<T>({ of, children }: { of: Loaded<T>; children: (value: T) => ReactNode }) {
  if (of.value !== null) return children(of.value)
  if (of.problem === null) return <p className="quiet">Loading…</p>
  return (
    <div className="settings-problem" role="alert">
      <p>{of.problem}</p>
      <button type="button" className="plain bordered" onClick={of.again}>
        Try again
      </button>
    </div>
  )
}

/** A text that is never shown again, to be copied. */
export function ShownOnce({ label, value, note }: { label: string; value: string; note: ReactNode }) {
  const field = useRef<HTMLInputElement>(null)
  const [said, setSaid] = useState('')
  async function onCopy() {
    setSaid(await copy(value, () => field.current?.select()))
  }
  return (
    <div className="shown-once">
      <label>
        {label}
        <input
          ref={field}
          readOnly
          value={value}
          spellCheck={false}
          autoComplete="off"
          onFocus={(event) => event.target.select()}
        />
      </label>
      <button type="button" className="plain bordered" onClick={() => void onCopy()}>
        <Icon name="copy" /> Copy
      </button>
      <p className="note" role="status">
        {said}
      </p>
      <p className="note">{note}</p>
    </div>
  )
}

/**
 * Puts a text where it can be pasted from, and answers what to say of it. Without TLS browsers have only the old way, which
 * takes what is selected.
 */
export async function copy(text: string, select: () => void): Promise<string> {
  select()
  try {
    await navigator.clipboard.writeText(text)
    return 'Copied'
  } catch {
    return document.execCommand('copy') ? 'Copied' : 'Please copy it by hand: it is selected'
  }
}

interface ConfirmProps {
  title: string
  yes: string
  isDanger?: boolean
  onYes: () => Promise<unknown>
  onClose: () => void
  children: ReactNode
}

/** Asks once more. It stays open with what went wrong. */
function Confirm({ title, yes, isDanger, onYes, onClose, children }: ConfirmProps) {
  const dialog = useRef<() => void>(() => {})
  const form = useForm([], async () => {
    await onYes()
    dialog.current()
  })
  return (
    <Dialog className="erase" labelledBy="confirm-title" onClose={onClose}>
      {(close) => {
        dialog.current = close
        return (
          <>
            <h3 id="confirm-title">{title}</h3>
            {children}
            <Form form={form} className="confirm">
              <button type="button" className="plain bordered" onClick={close}>
                Leave it
              </button>
              <Submit form={form} className={isDanger === true ? 'danger' : 'primary'}>
                {yes}
              </Submit>
            </Form>
          </>
        )
      }}
    </Dialog>
  )
}

/** A button that asks once more before it does what it says. */
export function ConfirmButton({ label, className, ...confirm }: ConfirmButtonProps) {
  const [isAsking, setAsking] = useState(false)
  useEffect(() => headingIfLost, [])
  return (
    <>
      <button type="button" className={className ?? 'plain bordered'} onClick={() => setAsking(true)}>
        {label}
      </button>
      {isAsking && <Confirm {...confirm} onClose={() => setAsking(false)} />}
    </>
  )
}

/** What took its own button away, such as a key that was revoked, leaves the focus nowhere. */
function headingIfLost() {
  setTimeout(() => {
    if (document.activeElement === document.body) document.querySelector<HTMLElement>('.settings-title h2')?.focus()
  })
}

type ConfirmButtonProps = Omit<ConfirmProps, 'onClose'> & { label: ReactNode; className?: string }

/** What a list shows when it has nothing. */
export function Nothing({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children}
    </div>
  )
}

interface PagedProps<T> {
  items: readonly T[]
  render: (item: T) => ReactNode
  /** How many are shown at first, and more each time. */
  step?: number
}

/** As many of a list as are looked at: a page of 500 rows is slow, and read by nobody. */
export function Paged<T>({ items, render, step = 50 }: PagedProps<T>) {
  const [count, setCount] = useState(step)
  const left = items.length - count
  return (
    <>
      <ul className="items">{items.slice(0, count).map(render)}</ul>
      {left > 0 && (
        <button type="button" className="plain bordered more" onClick={() => setCount(count + step)}>
          Show {Math.min(step, left)} more of {left.toLocaleString()}
        </button>
      )}
    </>
  )
}
