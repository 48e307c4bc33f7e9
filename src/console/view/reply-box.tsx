import { type FormEvent, type KeyboardEvent, type RefObject, useLayoutEffect } from 'react'
import type { Desk } from '../desk.ts'
import type { Draft } from '../drafts.ts'
import { previewOf } from '../message-text.ts'
import type { MessageView } from '../wire.ts'
import { Icon } from './icons.tsx'
import type { ReplyBlock } from './reply-block.ts'

/** The platform's longest text, in characters. */
const TEXT_CHARACTERS_MAX = 4096
/** From here on the count is shown. */
const TEXT_CHARACTERS_SHOWN = 3800

/** The key code of whatever is pressed while a word is being composed (UI Events, 7.3). */
const COMPOSING = 229

interface ReplyBoxProps {
  desk: Desk
  draft: Draft
  name: string
  /** The message that is answered, where it is loaded. */
  answered: MessageView | null
  block: ReplyBlock | null
  fieldRef: RefObject<HTMLTextAreaElement | null>
  onSend: () => void
}

/** Where the reply is written. Its text is kept for each conversation until it is sent. */
export function ReplyBox({ desk, draft, name, answered, block, fieldRef, onSend }: ReplyBoxProps) {
  const isBlocked = block?.isFinal === true
  const excess = draft.text.trim().length - TEXT_CHARACTERS_MAX
  const canSend = !isBlocked && excess <= 0 && draft.text.trim() !== ''
  useFittingHeight(fieldRef, draft.text)

  function send(event?: FormEvent) {
    event?.preventDefault()
    if (canSend) onSend()
    fieldRef.current?.focus()
  }

  function onKeyDown(event: KeyboardEvent) {
    // While a word is being composed (Japanese, Chinese, …) Enter belongs to the composition; Safari says so by the code alone.
    if (event.nativeEvent.isComposing || event.keyCode === COMPOSING) return
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      send()
    } else if (event.key === 'Escape' && draft.replyTo !== null) {
      event.preventDefault()
      desk.changeDraft({ replyTo: null })
    }
  }

  return (
    <form className="reply" onSubmit={send}>
      {block !== null && (
        <p id="reply-block" className={block.isFinal ? 'reply-block' : 'reply-block reply-block-soft'}>
          {block.words}
        </p>
      )}
      {draft.replyTo !== null && (
        <div className="reply-to">
          <Icon name="reply" />
          <span className="reply-to-text">
            {answered === null
              ? 'An earlier message'
              : `${answered.direction === 'in' ? name : 'You'}: ${previewOf(answered)}`}
          </span>
          <button
            type="button"
            className="icon-button"
            aria-label="Do not answer this message in particular"
            onClick={() => desk.changeDraft({ replyTo: null })}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
      <div className="reply-line">
        <textarea
          ref={fieldRef}
          rows={1}
          dir="auto"
          value={draft.text}
          disabled={isBlocked}
          placeholder={isBlocked ? 'No reply possible now' : 'Write a reply'}
          aria-label={`Reply to ${name}`}
          aria-describedby={`${block === null ? '' : 'reply-block '}reply-excess`}
          onChange={(event) => desk.changeDraft({ text: event.target.value })}
          onKeyDown={onKeyDown}
        />
        <button type="submit" className="primary send" disabled={!canSend} aria-label="Send" title="Send (Enter)">
          <Icon name="send" />
        </button>
      </div>
      <p id="reply-excess" className={excess > 0 ? 'reply-count reply-count-over' : 'reply-count'}>
        {draft.text.length >= TEXT_CHARACTERS_SHOWN &&
          (excess > 0 ? `${excess} characters too long` : `${-excess} characters left`)}
      </p>
    </form>
  )
}

/** Grows the field with its text; console.css says how far. */
function useFittingHeight(fieldRef: RefObject<HTMLTextAreaElement | null>, text: string) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is what the height depends on.
  useLayoutEffect(() => {
    const field = fieldRef.current
    if (field === null) return
    field.style.height = 'auto'
    field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`
  }, [fieldRef, text])
}
