import { useEffect, useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import type { Desk, DeskState } from '../desk.ts'
import { may } from '../rights.ts'
import { fullTime, shortTime } from '../times.ts'
import type { ConversationView } from '../wire.ts'
import { isNarrow } from './hooks.ts'
import { Icon } from './icons.tsx'
import { MessageList } from './message-list.tsx'
import { numberName, titleOf } from './names.ts'
import { PersonPanel } from './person-panel.tsx'
import { replyBlock } from './reply-block.ts'
import { ReplyBox } from './reply-box.tsx'

interface ThreadScreenProps {
  id: string
  desk: Desk
  state: DeskState
  nowMs: number
  onBack: () => void
}

/** One conversation: who it is, what was said, and the reply. */
export function ThreadScreen({ id, desk, state, nowMs, onBack }: ThreadScreenProps) {
  const view = state.data.conversations.get(id)?.view
  const thread = state.data.threads.get(id)
  const heading = useRef<HTMLHeadingElement>(null)
  const field = useRef<HTMLTextAreaElement>(null)
  const isReady = view !== undefined
  const [isPersonShown, setPersonShown] = useState(false)
  const [isTakingOver, setTakingOver] = useState(false)
  const personButton = useRef<HTMLButtonElement>(null)
  const isPerson = view !== undefined && view.kind !== 'group' && view.contact.erased !== true

  useEffect(() => {
    // On a phone the reply box would bring the keyboard up over what there is to read.
    if (!isReady) return
    if (isNarrow() || field.current === null || field.current.disabled) heading.current?.focus()
    else field.current.focus()
  }, [isReady])

  const problem = state.problems.get(id)
  return (
    <main className="thread" aria-label="Conversation">
      <header className="thread-header">
        <button type="button" className="icon-button back" aria-label="Back to the list" onClick={onBack}>
          <Icon name="back" />
        </button>
        <div className="thread-who">
          <h2 ref={heading} tabIndex={-1} dir="auto">
            {view === undefined ? 'Conversation' : titleOf(view)}
          </h2>
          {view !== undefined && <ThreadFacts view={view} nowMs={nowMs} />}
        </div>
        <span className="spacer" />
        {isPerson && (
          <button
            ref={personButton}
            type="button"
            className="icon-button"
            aria-label="About this person"
            title="About this person"
            aria-expanded={isPersonShown}
            onClick={() => setPersonShown(!isPersonShown)}
          >
            <Icon name="person" />
          </button>
        )}
      </header>
      {view?.standby === true && may(state, 'conversations.take_over') && (
        <StandbyBanner
          isTakingOver={isTakingOver}
          onChange={(isTaking) => {
            // The field can take the focus only once it is open.
            flushSync(() => setTakingOver(isTaking))
            if (isTaking) field.current?.focus()
          }}
        />
      )}
      {thread !== undefined && view !== undefined ? (
        <MessageList desk={desk} state={state} view={view} thread={thread} nowMs={nowMs} />
      ) : (
        <div className="messages">
          {problem === undefined ? (
            <p className="empty quiet">Loading messages…</p>
          ) : (
            <p className="empty" role="alert">
              {problem}{' '}
              <button type="button" className="link" onClick={() => desk.reload()}>
                Try again
              </button>
            </p>
          )}
        </div>
      )}
      {view !== undefined && (
        <ReplyBox
          desk={desk}
          draft={state.draft}
          name={titleOf(view)}
          answered={thread?.messages.find((entry) => entry.view.id === state.draft.replyTo)?.view ?? null}
          block={replyBlock(view, state.data.numbers, nowMs, { isTakingOver, mayReply: may(state, 'messages.reply') })}
          fieldRef={field}
          onSend={() => desk.send(view.standby === true && isTakingOver)}
        />
      )}
      {view !== undefined && view.kind !== 'group' && isPersonShown && (
        <PersonPanel
          key={view.contact.id}
          id={view.contact.id}
          conversationId={id}
          desk={desk}
          state={state}
          onClose={() => {
            setPersonShown(false)
            personButton.current?.focus()
          }}
        />
      )}
    </main>
  )
}

interface StandbyBannerProps {
  isTakingOver: boolean
  onChange: (isTakingOver: boolean) => void
}

/** The platform's rule: a thread is taken over by sending a message into it, so taking over is opening the reply box. */
function StandbyBanner({ isTakingOver, onChange }: StandbyBannerProps) {
  return (
    <div className="thread-banner">
      <Icon name="stop" />
      <p role="status">Another application holds this conversation. You can read along.</p>
      <button type="button" className="link" onClick={() => onChange(!isTakingOver)}>
        {isTakingOver ? 'Leave it there' : 'Take over'}
      </button>
    </div>
  )
}

function ThreadFacts({ view, nowMs }: { view: ConversationView; nowMs: number }) {
  if (view.kind === 'group') return <p className="thread-facts">Group on {numberName(view)}</p>
  const isNamed = view.contact.name !== null && view.contact.name !== undefined && view.contact.name !== ''
  const phone = isNamed ? view.contact.phone : null
  const until = view.window_expires_at
  return (
    <p className="thread-facts">
      {phone !== null && phone !== undefined && <span>{phone}</span>}
      <span>on {numberName(view)}</span>
      {until !== null && view.contact.erased !== true && Date.parse(until) > nowMs && (
        <span className="thread-until" title={fullTime(until)}>
          window open until {shortTime(until, nowMs)}
        </span>
      )}
    </p>
  )
}
