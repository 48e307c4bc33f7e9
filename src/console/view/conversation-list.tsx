import { type KeyboardEvent, type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { Desk, DeskState } from '../desk.ts'
import { ConversationRow } from './conversation-row.tsx'
import { NoConversations } from './empty-states.tsx'
import { navigate } from './hooks.ts'

/** Every row is as high as this, in CSS pixels, so that only those in sight need to exist. Also in console.css. */
const ROW_HEIGHT = 69
/** Rows kept ready above and below what is in sight. */
const ROWS_BEYOND = 8

interface ConversationListProps {
  desk: Desk
  state: DeskState
  nowMs: number
  listRef: RefObject<HTMLDivElement | null>
}

/** Conversations, newest activity first. The focus stays on the list, which says which row is the active one. */
export function ConversationList({ desk, state, nowMs, listRef }: ConversationListProps) {
  const { order, conversations, list } = state.data
  const [view, setView] = useState({ top: 0, height: 800 })
  const [active, setActive] = useState<string | null>(null)
  const activeIndex = Math.max(0, order.indexOf(active ?? state.open ?? ''))
  const from = Math.max(0, Math.floor(view.top / ROW_HEIGHT) - ROWS_BEYOND)
  const to = Math.min(order.length, Math.ceil((view.top + view.height) / ROW_HEIGHT) + ROWS_BEYOND)
  useKeptPlace(listRef, order, setView)

  const nearEnd = to >= order.length && list.next !== null && list.loaded
  const blocked = state.loading.has('list') || state.problems.has('list')
  useEffect(() => {
    if (nearEnd && !blocked) desk.loadMoreConversations()
  }, [desk, nearEnd, blocked])

  function move(index: number) {
    const id = order[Math.min(Math.max(0, index), order.length - 1)]
    if (id === undefined) return
    setActive(id)
    bringIntoSight(listRef.current, order.indexOf(id))
  }

  function onKeyDown(event: KeyboardEvent) {
    const page = Math.max(1, Math.floor(view.height / ROW_HEIGHT) - 1)
    const steps: Record<string, number> = {
      ArrowDown: activeIndex + 1,
      ArrowUp: activeIndex - 1,
      PageDown: activeIndex + page,
      PageUp: activeIndex - page,
      Home: 0,
      End: order.length - 1,
    }
    const target = steps[event.key]
    if (target !== undefined) move(target)
    else if (event.key === 'Enter' || event.key === ' ') navigate(order[activeIndex] ?? null)
    else return
    event.preventDefault()
  }

  const isShown = activeIndex >= from && activeIndex < to
  return (
    <nav className="list" aria-label="Conversations">
      <div
        ref={listRef}
        className="list-scroll"
        role="listbox"
        tabIndex={0}
        aria-label="Conversations, newest activity first"
        aria-activedescendant={isShown && order.length > 0 ? `row-${activeIndex}` : undefined}
        onKeyDown={onKeyDown}
        onScroll={(event) => setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}
      >
        <div className="list-rows" role="presentation" style={{ height: order.length * ROW_HEIGHT }}>
          {order.slice(from, to).map((id, offset) => {
            const entry = conversations.get(id)
            const index = from + offset
            return entry === undefined ? null : (
              <ConversationRow
                key={id}
                view={entry.view}
                index={index}
                count={list.next === null ? order.length : -1}
                top={index * ROW_HEIGHT}
                isOpen={state.open === id}
                isActive={index === activeIndex}
                nowMs={nowMs}
                onOpen={setActive}
              />
            )
          })}
        </div>
      </div>
      <ListFoot desk={desk} state={state} />
    </nav>
  )
}

function ListFoot({ desk, state }: { desk: Desk; state: DeskState }) {
  const { order, list } = state.data
  const problem = state.problems.get('list')
  if (problem !== undefined) {
    return (
      <p className="list-foot" role="alert">
        {problem}{' '}
        {list.loaded ? (
          <button type="button" className="link" onClick={() => desk.reload()}>
            Try again
          </button>
        ) : (
          'Trying again…'
        )}
      </p>
    )
  }
  if (!list.loaded || state.loading.has('list')) return <p className="list-foot quiet">Loading conversations…</p>
  if (order.length === 0) return <NoConversations />
  if (list.horizon !== null && list.next === null) {
    return <p className="list-foot quiet">Only the newest {order.length} are listed here.</p>
  }
  return null
}

/** Follows the list's size, and keeps the row at the top edge in place when others move above it. */
function useKeptPlace(
  listRef: RefObject<HTMLDivElement | null>,
  order: readonly string[],
  setView: (view: { top: number; height: number }) => void,
) {
  const before = useRef<readonly string[]>(order)
  useLayoutEffect(() => {
    const box = listRef.current
    if (box !== null && box.scrollTop > ROW_HEIGHT && before.current !== order) {
      const index = Math.floor(box.scrollTop / ROW_HEIGHT)
      const moved = order.indexOf(before.current[index] ?? '') - index
      // A row that jumped to the top is not followed there.
      if (moved !== 0 && Math.abs(moved) < 20 && index + moved >= 0) box.scrollTop += moved * ROW_HEIGHT
    }
    before.current = order
  }, [listRef, order])
  useEffect(() => {
    const box = listRef.current
    if (box === null) return
    const observer = new ResizeObserver(() => setView({ top: box.scrollTop, height: box.clientHeight }))
    observer.observe(box)
    return () => observer.disconnect()
  }, [listRef, setView])
}

function bringIntoSight(box: HTMLDivElement | null, index: number): void {
  if (box === null) return
  const top = index * ROW_HEIGHT
  if (top < box.scrollTop) box.scrollTop = top
  else if (top + ROW_HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW_HEIGHT - box.clientHeight
}
