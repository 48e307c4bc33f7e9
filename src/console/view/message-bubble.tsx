import { memo, useState } from 'react'
import type { Desk } from '../desk.ts'
import { statusOf } from '../message-status.ts'
import { describeMessage, previewOf, revokedWords } from '../message-text.ts'
import { clockTime, fullTime } from '../times.ts'
import type { MessageView, ReactionView } from '../wire.ts'
import { useTask } from './hooks.ts'
import { Icon, StatusMark } from './icons.tsx'
import { MessageBody } from './message-body.tsx'

interface MessageBubbleProps {
  message: MessageView
  /** The message that this one answers: null when it answers none, undefined when it is not loaded. */
  quoted: MessageView | null | undefined
  customer: string
  /** Whether it is a group's, where everybody is named. */
  isGroup: boolean
  /** Whether it follows closely on one of the same person. */
  isContinued: boolean
  /** Whether it is the one that was sought. */
  isSought: boolean
  /** What went wrong with the last thing asked for it. */
  problem: string | null
  desk: Desk
  onJump: (id: string) => void
}

/** One message of the thread. */
export const MessageBubble = memo(function MessageBubble(props: MessageBubbleProps) {
  const { message, quoted, customer, desk } = props
  const status = statusOf(message)
  const sender = senderOf(message, customer)
  const classes = [
    'message',
    `message-${message.direction}`,
    props.isContinued && 'message-continued',
    props.isSought && 'message-sought',
  ]
  return (
    <li className={classes.filter(Boolean).join(' ')} data-message={message.id} data-state={message.state}>
      <div className={message.type === 'sticker' ? 'bubble bubble-bare' : 'bubble'}>
        {props.isGroup && message.direction === 'in' && !props.isContinued ? (
          <span className="sender">{sender}</span>
        ) : (
          <span className="heard-only">{sender}: </span>
        )}
        {quoted !== null && <Quote quoted={quoted} customer={customer} onJump={props.onJump} />}
        {message.content === undefined && message.revoked !== undefined ? (
          <Tombstone message={message} desk={desk} />
        ) : (
          <MessageBody message={message} desk={desk} />
        )}
        <Stamp message={message} />
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
      {(message.reactions?.length ?? 0) > 0 && <Reactions reactions={message.reactions ?? []} customer={customer} />}
      {status !== null && (status.words !== null || status.actions.length > 0) && (
        <MessageFate message={message} problem={props.problem} desk={desk} />
      )}
    </li>
  )
})

/** When it was said, from where, and how far it has come. */
function Stamp({ message }: { message: MessageView }) {
  const status = statusOf(message)
  return (
    <span className="stamp">
      {message.source === 'phone' && <span className="stamp-source">from the phone</span>}
      {message.revoked === 'kept' && <span className="stamp-source">taken back</span>}
      {message.edited_at !== undefined && (
        <span className="stamp-source" title={fullTime(message.edited_at)}>
          edited
        </span>
      )}
      <time dateTime={message.at} title={fullTime(message.at)}>
        {clockTime(message.at)}
      </time>
      {status !== null && <StatusMark status={status} />}
    </span>
  )
}

/** Something told in the middle of the thread: what became of somebody, not what they said. */
export function MessageNotice({ message, customer }: { message: MessageView; customer: string }) {
  return (
    <li className="notice-line" data-message={message.id}>
      <span title={fullTime(message.at)}>
        {senderOf(message, customer)}: {describeMessage(message).text} · {clockTime(message.at)}
      </span>
    </li>
  )
}

function senderOf(message: MessageView, customer: string): string {
  if (message.direction === 'out') return message.source === 'phone' ? 'You, on the phone' : 'You'
  const { sender } = message
  return sender === undefined ? customer : (sender.name ?? sender.phone ?? sender.user_id ?? 'Somebody')
}

/** In the place of a message that its author took back. Who may, can see what it said; only here, and until it is hidden again. */
function Tombstone({ message, desk }: { message: MessageView; desk: Desk }) {
  const [shown, setShown] = useState<MessageView | null>(null)
  const task = useTask()
  const mayShow = message.revoked === 'hidden'
  return (
    <>
      <span className="tombstone">{revokedWords(message)}.</span>{' '}
      {mayShow && (
        <button
          type="button"
          className="link"
          disabled={task.isBusy}
          aria-expanded={shown !== null}
          onClick={() =>
            shown === null ? task.run(async () => setShown(await desk.showRevoked(message.id))) : setShown(null)
          }
        >
          {shown === null ? 'Show' : 'Hide'}
        </button>
      )}
      {task.problem !== null && <span role="alert">{task.problem}</span>}
      {shown !== null && (
        <span className="taken-back">
          <MessageBody message={shown} desk={desk} />
        </span>
      )}
    </>
  )
}

/** Reactions under a bubble, equal ones together. */
function Reactions({ reactions, customer }: { reactions: readonly ReactionView[]; customer: string }) {
  const byEmoji = new Map<string, ReactionView[]>()
  for (const reaction of reactions) byEmoji.set(reaction.emoji, [...(byEmoji.get(reaction.emoji) ?? []), reaction])
  return (
    <ul className="reactions" aria-label="Reactions">
      {[...byEmoji].map(([emoji, list]) => {
        const isOurs = list.some(({ by }) => by === 'us')
        const others = list.filter(({ by }) => by === 'customer').length
        const who = [isOurs ? 'you' : null, others === 1 ? customer : others > 1 ? `${others} people` : null]
        const words = `${emoji} by ${who.filter(Boolean).join(' and ')}`
        return (
          <li key={emoji} className={isOurs ? 'reaction reaction-own' : 'reaction'} title={words}>
            <span aria-hidden="true">
              {emoji}
              {list.length > 1 && <span className="reaction-count">{list.length}</span>}
            </span>
            <span className="heard-only">{words}</span>
          </li>
        )
      })}
    </ul>
  )
}

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

interface QuoteProps {
  quoted: MessageView | undefined
  customer: string
  onJump: (id: string) => void
}

function Quote({ quoted, customer, onJump }: QuoteProps) {
  if (quoted === undefined) return <span className="quote quote-unknown">Answers an earlier message</span>
  return (
    <button type="button" className="quote" onClick={() => onJump(quoted.id)}>
      <span className="quote-who">{senderOf(quoted, customer)}</span>
      <span className="quote-text">{previewOf(quoted)}</span>
    </button>
  )
}
