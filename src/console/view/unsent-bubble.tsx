import type { Desk } from '../desk.ts'
import type { OutboxItem } from '../outbox.ts'
import { clockTime } from '../times.ts'
import { Icon } from './icons.tsx'
import { Linked } from './message-body.tsx'

/** A reply that the server has not taken yet: on its way, or kept until somebody decides. */
export function UnsentBubble({ item, desk }: { item: OutboxItem; desk: Desk }) {
  const isSending = item.phase === 'sending'
  return (
    <li className="message message-out message-unsent" data-state={item.phase}>
      <div className="bubble">
        <span className="heard-only">You: </span>
        <span className="text" dir="auto">
          <Linked text={item.body} />
        </span>
        <span className="stamp">
          <time dateTime={item.at}>{clockTime(item.at)}</time>
          <span
            className={isSending ? 'mark mark-clock' : 'mark mark-alert'}
            role="img"
            aria-label={isSending ? 'On its way to the server' : 'Not taken yet'}
          >
            <Icon name={isSending ? 'clock' : 'alert'} />
          </span>
        </span>
      </div>
      {!isSending && (
        <p className="fate fate-failed">
          {item.isUncertain ? 'Not confirmed' : 'Not sent'}: {item.problem}
          {item.isUncertain && ' It may have got through; trying again never sends it twice.'}
          <button type="button" className="link" onClick={() => desk.retryUnsent(item.key)}>
            Try again
          </button>
          {!item.isUncertain && (
            <button
              type="button"
              className="link"
              onClick={() => {
                desk.removeUnsent(item.key, true)
                document.querySelector<HTMLTextAreaElement>('.reply textarea')?.focus()
              }}
            >
              Edit
            </button>
          )}
          <button type="button" className="link" onClick={() => desk.removeUnsent(item.key, false)}>
            Discard
          </button>
        </p>
      )}
    </li>
  )
}
