import { type FormEvent, useEffect, useRef, useState } from 'react'
import type { Desk, DeskState } from '../desk.ts'
import { contentOf, previewOf } from '../message-text.ts'
import { filtersSet, isTurned, NO_FILTERS, type SearchAsk, searchAsk } from '../search-ask.ts'
import { excerptOf } from '../search-excerpt.ts'
import { listTime } from '../times.ts'
import type { SearchItem, SearchPage } from '../wire.ts'
import { navigate, useNow, useTask } from './hooks.ts'
import { Icon } from './icons.tsx'
import { titleOf } from './names.ts'
import { SearchFields } from './search-filters.tsx'

interface SearchDialogProps {
  desk: Desk
  state: DeskState
  onClose: () => void
}

/** Whoever types gets an answer when they pause. */
const PAUSE_MS = 250
const WORDS_MAX = 200

/** Finds messages by their words and by what narrows them down, newest first, and opens the thread at the one chosen. */
export function SearchDialog({ desk, state, onClose }: SearchDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [words, setWords] = useState('')
  const [isHere, setHere] = useState(false)
  const [filters, setFilters] = useState(NO_FILTERS)
  const [isNarrowing, setNarrowing] = useState(false)
  const open = state.open
  useEffect(() => dialog.current?.showModal(), [])
  const asked = isTurned(filters) ? null : searchAsk(words, isHere ? open : null, filters)
  const { page, task, isCurrent, older } = useSearch(desk, asked)

  function choose(item: SearchItem) {
    navigate(item.conversation_id)
    desk.seek(item.conversation_id, item.message.id)
    onClose()
  }
  function submit(event: FormEvent) {
    event.preventDefault()
    const first = page?.items[0]
    if (isCurrent() && first !== undefined && !task.isBusy) choose(first)
  }

  return (
    <dialog
      ref={dialog}
      className="search"
      aria-label="Search messages"
      onClose={onClose}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <search>
        <form className="search-line" onSubmit={submit}>
          <Icon name="search" />
          <input
            type="search"
            value={words}
            maxLength={WORDS_MAX}
            placeholder="Words, or “a phrase”"
            aria-label="Search messages"
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setWords(event.target.value)}
          />
          <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </form>
        <div className="search-narrow">
          <button type="button" className="link" aria-expanded={isNarrowing} onClick={() => setNarrowing(!isNarrowing)}>
            {filterWords(filtersSet(filters))}
          </button>
          {filtersSet(filters) > 0 && (
            <button type="button" className="link" onClick={() => setFilters(NO_FILTERS)}>
              Clear
            </button>
          )}
          {open !== null && (
            <label className="search-here">
              <input type="checkbox" checked={isHere} onChange={(event) => setHere(event.target.checked)} /> Only in
              this conversation
            </label>
          )}
        </div>
        {isNarrowing && (
          <SearchFields
            filters={filters}
            numbers={state.data.numbers}
            onChange={(change) => setFilters({ ...filters, ...change })}
          />
        )}
      </search>
      <SearchAnswer
        page={page}
        isBusy={task.isBusy}
        problem={asked === null ? null : task.problem}
        isAsked={asked !== null}
      >
        {page !== null && page.items.length > 0 && (
          <ol className="results">
            {page.items.map((item) => (
              <Result key={item.message.id} item={item} state={state} onChoose={() => choose(item)} />
            ))}
          </ol>
        )}
        {page !== null && page.next !== null && (
          <button type="button" className="plain" disabled={task.isBusy} onClick={older}>
            Older results
          </button>
        )}
      </SearchAnswer>
    </dialog>
  )
}

function filterWords(count: number): string {
  if (count === 0) return 'Filters'
  return count === 1 ? '1 filter' : `${count} filters`
}

/** Searches when what is asked rests for a moment; what came for an earlier question is not shown. */
function useSearch(desk: Desk, asked: SearchAsk | null) {
  const [page, setPage] = useState<SearchPage | null>(null)
  const task = useTask()
  const key = asked === null ? '' : JSON.stringify(asked)
  const latest = useRef('')
  function ask(cursor?: string) {
    if (task.isBusy || asked === null) return
    latest.current = key
    task.run(async () => {
      const more = await desk
        .ask((api) => api.search({ ...asked, ...(cursor ? { cursor } : {}) }))
        .catch((cause) => {
          if (!cursor) setPage(null)
          throw cause
        })
      if (latest.current !== key) return
      setPage((before) => (cursor && before ? { ...more, items: [...before.items, ...more.items] } : more))
    })
  }
  const askNow = useRef(ask)
  askNow.current = ask
  useEffect(() => {
    if (key === '') {
      latest.current = ''
      return setPage(null)
    }
    if (latest.current === key || task.isBusy) return
    const timer = setTimeout(() => askNow.current(), PAUSE_MS)
    return () => clearTimeout(timer)
  }, [key, task.isBusy])
  return { page, task, isCurrent: () => latest.current === key, older: () => ask(page?.next ?? undefined) }
}

interface SearchAnswerProps {
  page: SearchPage | null
  isBusy: boolean
  problem: string | null
  isAsked: boolean
  children: React.ReactNode
}

function SearchAnswer({ page, isBusy, problem, isAsked, children }: SearchAnswerProps) {
  const isEmpty = page !== null && page.items.length === 0 && !isBusy
  return (
    <div className="search-answer">
      <p className="search-words" role="status">
        {problem === null && isBusy && page === null && 'Searching…'}
        {problem === null &&
          isEmpty &&
          page.more &&
          page.next === null &&
          'Nothing found so far: too much fits. More words help.'}
        {problem === null && isEmpty && !page.more && 'Nothing found.'}
        {!isAsked &&
          'All words have to be in the message. In quotes they have to follow each other. A person’s messages are found by a filter.'}
      </p>
      {problem !== null && <p role="alert">{problem}</p>}
      {children}
    </div>
  )
}

function Result({ item, state, onChoose }: { item: SearchItem; state: DeskState; onChoose: () => void }) {
  const nowMs = useNow()
  const { message, highlights } = item
  const view = state.data.conversations.get(item.conversation_id)?.view
  const { text } = contentOf(message)
  const pieces = text === undefined ? [{ text: previewOf(message), isHit: false }] : excerptOf(text, highlights)
  const name = message.sender?.name ?? (view === undefined ? whoOf(message) : titleOf(view))
  return (
    <li>
      <button type="button" className="result" onClick={onChoose}>
        <span className="result-who">{message.direction === 'out' ? `You to ${name}` : name}</span>
        <time className="row-time" dateTime={message.at}>
          {listTime(message.at, nowMs)}
        </time>
        <span className="result-text" dir="auto">
          {pieces.map((piece, index) =>
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text never move.
            piece.isHit ? <mark key={index}>{piece.text}</mark> : piece.text,
          )}
        </span>
      </button>
    </li>
  )
}

function whoOf(message: SearchItem['message']): string {
  const other = message.direction === 'in' ? message['from'] : message['to']
  return typeof other === 'string' ? other : 'Conversation'
}
