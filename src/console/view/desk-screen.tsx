import { useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { Desk } from '../desk.ts'
import { may } from '../rights.ts'
import { unreadConversations } from '../store.ts'
import { ConversationList } from './conversation-list.tsx'
import { NothingOpen } from './empty-states.tsx'
import { isNarrow, navigate, useNow, useRoute, useTitle } from './hooks.ts'
import { Icon } from './icons.tsx'
import { PageHeader } from './page-header.tsx'
import { SearchDialog } from './search-dialog.tsx'
import { ThreadScreen } from './thread-screen.tsx'

/** The desk: the list at the left, the open conversation beside it; on a phone one after the other. */
export function DeskScreen({ desk, onSignOut }: { desk: Desk; onSignOut: () => void }) {
  const state = useSyncExternalStore(desk.subscribe, desk.read)
  const nowMs = useNow()
  const route = useRoute()
  const list = useRef<HTMLDivElement>(null)
  const before = useRef(route)

  // Before anything is painted: the reply box must never show what was being written to somebody else.
  useLayoutEffect(() => {
    desk.open(route)
    if (route === null && before.current !== null) list.current?.focus()
    before.current = route
  }, [desk, route])

  useEffect(() => {
    const changed = () => desk.visibilityChanged()
    document.addEventListener('visibilitychange', changed)
    return () => document.removeEventListener('visibilitychange', changed)
  }, [desk])

  useTitle(unreadConversations(state.data))

  /** Back by one step: out of the thread to the list, on a phone to the other screen, from the list to nothing open. */
  function back() {
    const inList = list.current?.contains(document.activeElement) === true
    if (isNarrow() || inList) navigate(null)
    else list.current?.focus()
  }

  const maySearch = may(state, 'search.use')
  const [isSearching, setSearching] = useState(false)

  function onKeyDown(event: KeyboardEvent) {
    if (event.defaultPrevented || document.querySelector('dialog[open]') !== null) return
    if (event.key === 'Escape') back()
    const isWriting = event.target instanceof Element && event.target.matches('input, textarea, select')
    if (event.key === '/' && maySearch && !isWriting && !event.ctrlKey && !event.metaKey) {
      event.preventDefault()
      setSearching(true)
    }
  }

  const keys = useRef(onKeyDown)
  keys.current = onKeyDown
  // Escape and the search key are heard wherever the focus stands, and where it stands nowhere yet.
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => keys.current(event)
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [])

  return (
    <div className="desk" data-screen={route === null ? 'list' : 'thread'}>
      <PageHeader state={state} onSignOut={onSignOut}>
        {maySearch && (
          <button
            type="button"
            className="search-open"
            aria-label="Search messages"
            aria-haspopup="dialog"
            onClick={() => setSearching(true)}
          >
            <Icon name="search" /> <span className="search-open-words">Search messages</span>
            <kbd className="search-open-words">/</kbd>
          </button>
        )}
      </PageHeader>
      {isSearching && <SearchDialog desk={desk} state={state} onClose={() => setSearching(false)} />}
      <ConversationList desk={desk} state={state} nowMs={nowMs} listRef={list} />
      {route === null ? (
        <NothingOpen state={state} />
      ) : (
        <ThreadScreen key={route} id={route} desk={desk} state={state} nowMs={nowMs} onBack={back} />
      )}
      <p className="heard-only" aria-live="polite">
        {state.announcement}
      </p>
    </div>
  )
}
