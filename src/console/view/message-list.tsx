import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Desk, DeskState } from '../desk.ts'
import { isNotice } from '../message-text.ts'
import type { MessageEntry, Thread } from '../store.ts'
import { dayKey, dayName } from '../times.ts'
import type { ConversationView, MessageView } from '../wire.ts'
import { Icon } from './icons.tsx'
import { MessageBubble, MessageNotice } from './message-bubble.tsx'
import { titleOf } from './names.ts'
import { useThreadScroll } from './thread-scroll.ts'
import { UnsentBubble } from './unsent-bubble.tsx'

/** Messages on the page at once. */
const RENDERED_MAX = 500
/** How far the rendered part moves when an end of it comes near. */
const STEP = 150
/** Messages of one side within this time stand close together. */
const CONTINUED_MS = 5 * 60_000

interface MessageListProps {
  desk: Desk
  state: DeskState
  view: ConversationView
  thread: Thread
  nowMs: number
}

/** The messages of a conversation, oldest at the top, and below them what is not sent yet. */
export function MessageList({ desk, state, view, thread, nowMs }: MessageListProps) {
  const { messages } = thread
  const older = `older ${view.id}`
  // The last message to render while the page is scrolled far up; null: whatever is newest.
  const [lastId, setLastId] = useState<string | null>(null)
  const box = useRef<HTMLDivElement>(null)
  const at = lastId === null ? -1 : messages.findIndex((entry) => entry.view.id === lastId)
  const to = at === -1 ? messages.length : at + 1
  const from = Math.max(0, to - RENDERED_MAX)
  const outbox = state.outbox.filter((item) => item.conversationId === view.id)
  const byAnyId = useMemo(() => indexById(thread), [thread])

  function onTop() {
    if (from > 0) setLastId(messages[Math.max(to - STEP, RENDERED_MAX) - 1]?.view.id ?? lastId)
    else if (!state.loading.has(older) && !state.problems.has(older)) desk.loadOlderMessages(view.id)
  }
  function onBottom() {
    if (to < messages.length) setLastId(messages[to - 1 + STEP]?.view.id ?? null)
  }
  const newest = messages.at(-1)?.view.id ?? ''
  const isAtEnd = to === messages.length
  const scroll = useThreadScroll({ box, onTop, onBottom, isAtEnd, newest, ownCount: outbox.length })

  function jump() {
    setLastId(null)
    scroll.toEnd()
  }
  const [jumpTo, setJumpTo] = useState<string | null>(null)
  const jumpToMessage = useCallback((id: string) => setJumpTo(id), [])
  const sought = jumpTo ?? state.sought
  const place = sought === null ? -1 : messages.findIndex((entry) => entry.view.id === sought)
  const isRendered = place >= from && place < to
  const settled = useRef(() => {})
  settled.current = () => {
    if (sought === null || place < 0) return
    if (!isRendered) return setLastId(messages[Math.min(place + STEP, messages.length - 1)]?.view.id ?? null)
    scroll.toMessage(sought)
    setShown(sought)
    setJumpTo(null)
    desk.found()
  }
  const [shown, setShown] = useState<string | null>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever the sought message comes, or comes into the rendered part.
  useEffect(() => settled.current(), [sought, place >= 0, isRendered])

  return (
    <div className="messages-frame">
      <div
        ref={box}
        className="messages"
        onScroll={scroll.onScroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by key.
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label="Messages"
      >
        <ThreadTop desk={desk} state={state} thread={thread} isCut={from > 0} view={view} />
        <ol className="message-rows">
          {messages.slice(from, to).map((entry, index) => (
            <MessageRow
              key={entry.view.id}
              entry={entry}
              previous={messages[from + index - 1]?.view}
              quoted={quotedBy(entry.view, byAnyId)}
              isSought={shown === entry.view.id}
              problem={state.problems.get(`message ${entry.view.id}`) ?? null}
              view={view}
              nowMs={nowMs}
              desk={desk}
              onJump={jumpToMessage}
            />
          ))}
          {isAtEnd && outbox.map((item) => <UnsentBubble key={item.key} item={item} desk={desk} />)}
        </ol>
      </div>
      {!scroll.isNearEnd && (
        <button type="button" className="jump" onClick={jump}>
          <Icon name="down" /> {scroll.hasNew ? 'New messages' : 'Newest'}
        </button>
      )}
    </div>
  )
}

interface MessageRowProps {
  entry: MessageEntry
  previous: MessageView | undefined
  quoted: MessageView | null | undefined
  isSought: boolean
  problem: string | null
  view: ConversationView
  nowMs: number
  desk: Desk
  onJump: (id: string) => void
}

/** A message, and above the first one of a day the day. */
function MessageRow({ entry, previous, view, nowMs, ...rest }: MessageRowProps) {
  const message = entry.view
  const startsDay = previous === undefined || dayKey(previous.at) !== dayKey(message.at)
  return (
    <>
      {startsDay && (
        <li className="day">
          <span>{dayName(message.at, nowMs)}</span>
        </li>
      )}
      {isNotice(message) ? (
        <MessageNotice message={message} customer={titleOf(view)} />
      ) : (
        <MessageBubble
          message={message}
          customer={titleOf(view)}
          isGroup={view.kind === 'group'}
          isContinued={!startsDay && previous !== undefined && follows(previous, message)}
          {...rest}
        />
      )}
    </>
  )
}

interface ThreadTopProps {
  desk: Desk
  state: DeskState
  thread: Thread
  isCut: boolean
  view: ConversationView
}

function ThreadTop({ desk, state, thread, isCut, view }: ThreadTopProps) {
  const problem = state.problems.get(`older ${view.id}`)
  if (problem !== undefined) {
    return (
      <p className="thread-top" role="alert">
        {problem}{' '}
        <button type="button" className="link" onClick={() => desk.loadOlderMessages(view.id)}>
          Try again
        </button>
      </p>
    )
  }
  if (isCut || thread.next !== null) return <p className="thread-top quiet">Loading older messages…</p>
  if (thread.horizon !== null) return <p className="thread-top quiet">Older messages are not shown on this page.</p>
  if (thread.messages.length === 0) return <p className="thread-top quiet">No messages yet.</p>
  return <p className="thread-top quiet">The conversation begins here.</p>
}

function follows(previous: MessageView, message: MessageView): boolean {
  const isSame = previous.direction === message.direction && previous.sender?.id === message.sender?.id
  return isSame && !isNotice(previous) && Date.parse(message.at) - Date.parse(previous.at) < CONTINUED_MS
}

/** Answers name a message by our id or by the platform's. */
function indexById(thread: Thread): Map<string, MessageView> {
  const index = new Map<string, MessageView>()
  for (const { view } of thread.messages) {
    index.set(view.id, view)
    if (typeof view.upstream_id === 'string') index.set(view.upstream_id, view)
  }
  return index
}

function quotedBy(message: MessageView, byAnyId: Map<string, MessageView>): MessageView | null | undefined {
  const { reply_to: answered, context } = message
  const ids = [answered?.message_id, answered?.upstream_id, context?.['message_id'], context?.['id']]
  const known = ids.filter((id) => typeof id === 'string')
  if (known.length === 0) return null
  return known.map((id) => byAnyId.get(id)).find((found) => found !== undefined)
}
