import { memo } from 'react'
import type { Desk } from '../desk.ts'
import { statusOf } from '../message-status.ts'
import { describeMessage, linksIn, previewOf } from '../message-text.ts'
import { clockTime, fullTime } from '../times.ts'
import type { MessageView } from '../wire.ts'
import { Icon, StatusMark } from './icons.tsx'

interface MessageBubbleProps {
  message: MessageView
  /** The message that this one answers: null when it answers none, undefined when it is not loaded. */
  quoted: MessageView | null | undefined
  customer: string
  /** Whether it follows closely on one of the same side. */
  isContinued: boolean
  /** What went wrong with the last thing asked for it. */
  problem: string | null
  desk: Desk
}

/** One message of the thread. */
export const MessageBubble = memo(function MessageBubble(props: MessageBubbleProps) {
  const { message, quoted, customer, desk } = props
  const status = statusOf(message)
  const { kind, text, note } = describeMessage(message)
  const isPlain = message.type === 'text'
  const classes = ['message', `message-${message.direction}`, props.isContinued && 'message-continued']
  const sender = message.direction === 'in' ? customer : message.source === 'phone' ? 'You, on the phone' : 'You'
  return (
    <li className={classes.filter(Boolean).join(' ')} data-message={message.id} data-state={message.state}>
      <div className={isPlain ? 'bubble' : 'bubble bubble-other'}>
        <span className="heard-only">{sender}: </span>
        {quoted !== null && <Quote quoted={quoted} customer={customer} />}
        {kind !== null && <span className="kind">{kind}</span>}
        {text !== null && (
          <span className={message.type === 'reaction' ? 'text text-reaction' : 'text'} dir="auto">
            <Linked text={text} />
          </span>
        )}
        {note !== null && <span className="note">{note}</span>}
        <span className="stamp">
          {message.source === 'phone' && <span className="stamp-source">from the phone</span>}
          <time dateTime={message.at} title={fullTime(message.at)}>
            {clockTime(message.at)}
          </time>
          {status !== null && <StatusMark status={status} />}
        </span>
      </div>
      <button
        type="button"
        className="icon-button message-reply"
        aria-label={`Answer this message: ${previewOf(message).slice(0, 60)}`}
        title="Answer this message"
        onClick={() => {
          desk.changeDraft({ replyTo: message.id })
          document.querySelector<HTMLTextAreaElement>('.reply textarea')?.focus()
        }}
      >
        <Icon name="reply" />
      </button>
      {status !== null && (status.words !== null || status.actions.length > 0) && (
        <MessageFate message={message} problem={props.problem} desk={desk} />
      )}
    </li>
  )
})

function MessageFate({ message, problem, desk }: { message: MessageView; problem: string | null; desk: Desk }) {
  const status = statusOf(message)
  if (status === null) return null
  return (
    <p className={`fate fate-${message.state}`}>
      {status.words}
      {status.actions.includes('retry') && (
        <button type="button" className="link" onClick={() => desk.act(message.id, 'retry')}>
          Try again
        </button>
      )}
      {status.actions.includes('cancel') && (
        <button type="button" className="link" onClick={() => desk.act(message.id, 'cancel')}>
          Cancel
        </button>
      )}
      {problem !== null && <span role="alert">{problem}</span>}
    </p>
  )
}

function Quote({ quoted, customer }: { quoted: MessageView | undefined; customer: string }) {
  if (quoted === undefined) return <span className="quote quote-unknown">Answers an earlier message</span>
  return (
    <button
      type="button"
      className="quote"
      onClick={() =>
        document.querySelector(`[data-message="${CSS.escape(quoted.id)}"]`)?.scrollIntoView({ block: 'center' })
      }
    >
      <span className="quote-who">{quoted.direction === 'in' ? customer : 'You'}</span>
      <span className="quote-text">{previewOf(quoted)}</span>
    </button>
  )
}

/** Text with its web addresses to open. They learn nothing of where they were opened from. */
export function Linked({ text }: { text: string }) {
  return linksIn(text).map((piece, index) =>
    piece.href === null ? (
      piece.text
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text never move.
      <a key={index} href={piece.href} target="_blank" rel="noopener noreferrer">
        {piece.text}
      </a>
    ),
  )
}
