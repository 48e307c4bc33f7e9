import { memo } from 'react'
import { statusOf } from '../message-status.ts'
import { previewOf } from '../message-text.ts'
import { listTime, timeLeft } from '../times.ts'
import type { ConversationView } from '../wire.ts'
import { navigate } from './hooks.ts'
import { StatusMark } from './icons.tsx'
import { initialsOf, numberName, titleOf, toneOf } from './names.ts'

interface ConversationRowProps {
  view: ConversationView
  index: number
  /** Rows in all, -1 while that is not known. */
  count: number
  /** Distance from the list's top in CSS pixels. */
  top: number
  isOpen: boolean
  isActive: boolean
  nowMs: number
  onOpen: (id: string) => void
}

/** Less time than this before the window closes is worth a warning. */
const CLOSING_MS = 2 * 3_600_000

/** One conversation in the list. */
export const ConversationRow = memo(function ConversationRow(props: ConversationRowProps) {
  const { view, nowMs } = props
  const name = titleOf(view)
  const at = view.last_message_at ?? view.created_at
  const last = view.last_message ?? null
  const status = last === null ? null : statusOf(last)
  const classes = ['row', props.isOpen && 'row-open', props.isActive && 'row-active', view.unread > 0 && 'row-unread']
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/useFocusableInteractive: the list itself has the focus and hears the keys.
    <div
      id={`row-${props.index}`}
      className={classes.filter(Boolean).join(' ')}
      role="option"
      aria-selected={props.isOpen}
      aria-setsize={props.count}
      aria-posinset={props.index + 1}
      style={{ transform: `translateY(${props.top}px)` }}
      data-conversation={view.id}
      onClick={() => {
        props.onOpen(view.id)
        navigate(view.id)
      }}
    >
      <span className={`avatar tone-${toneOf(view.contact.id)}`} aria-hidden="true">
        {initialsOf(name)}
      </span>
      <span className="row-name" dir="auto">
        {name}
      </span>
      <time className="row-time" dateTime={at}>
        {listTime(at, nowMs)}
      </time>
      <span className="row-preview" dir="auto">
        {status !== null && <StatusMark status={status} />}
        {last === null ? 'No messages yet' : previewOf(last)}
      </span>
      {view.unread > 0 && (
        <span className="badge" role="img" aria-label={`${view.unread} unread`}>
          {view.unread > 99 ? '99+' : view.unread}
        </span>
      )}
      <span className="row-facts">
        {numberName(view)}
        <WindowFact view={view} nowMs={nowMs} />
      </span>
    </div>
  )
})

function WindowFact({ view, nowMs }: { view: ConversationView; nowMs: number }) {
  if (view.standby) return <span className="fact fact-closed">with another app</span>
  if (view.contact.erased === true) return null
  if (view.kind === 'group') return <span className="fact">group</span>
  const left = view.window_expires_at === null ? '' : timeLeft(view.window_expires_at, nowMs)
  if (left === '') return <span className="fact fact-closed">window closed</span>
  const isClosing = Date.parse(view.window_expires_at ?? '') - nowMs < CLOSING_MS
  return (
    <span className={isClosing ? 'fact fact-closing' : 'fact'}>{isClosing ? `closes in ${left}` : `open ${left}`}</span>
  )
}
