import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react'

/** As near to an end as this, in CSS pixels, more is brought. */
const NEAR_END = 600
/** As near to the bottom as this counts as being there. */
const AT_BOTTOM = 48

interface ThreadScrollOptions {
  box: RefObject<HTMLDivElement | null>
  onTop: () => void
  onBottom: () => void
  /** Whether the newest message is rendered. */
  isAtEnd: boolean
  /** The newest message's id. */
  newest: string
  /** How many own messages wait to be sent: one more, and the page goes to the end to show it. */
  ownCount: number
}

interface ThreadScroll {
  onScroll: () => void
  toEnd: () => void
  /** Brings a message that is rendered into the middle. */
  toMessage: (id: string) => void
  isNearEnd: boolean
  /** Whether something came while the end was out of sight. */
  hasNew: boolean
}

/**
 * Keeps what is being read in its place: at the bottom the thread follows new messages, anywhere else the first
 * message in sight stays where it is, whatever comes above or below it.
 */
export function useThreadScroll(options: ThreadScrollOptions): ThreadScroll {
  const { box, isAtEnd, newest, ownCount } = options
  const isBottom = useRef(true)
  const anchor = useRef<{ id: string; top: number } | null>(null)
  const ownBefore = useRef(ownCount)
  const [isNearEnd, setNearEnd] = useState(true)
  const [seen, setSeen] = useState(newest)

  if (ownCount > ownBefore.current) isBottom.current = true
  ownBefore.current = ownCount

  function settle() {
    const element = box.current
    if (element === null) return
    if (isBottom.current && isAtEnd) element.scrollTop = element.scrollHeight
    else if (anchor.current !== null) {
      const kept = element.querySelector(`[data-message="${CSS.escape(anchor.current.id)}"]`)
      if (kept !== null) element.scrollTop += kept.getBoundingClientRect().top - anchor.current.top
    }
    anchor.current = firstInSight(element)
    const below = element.scrollHeight - element.scrollTop - element.clientHeight
    if (element.scrollTop < NEAR_END) options.onTop()
    if (below < NEAR_END && !isAtEnd) options.onBottom()
  }
  const settleNow = useRef(settle)
  settleNow.current = settle

  useLayoutEffect(() => settleNow.current())

  useEffect(() => {
    const element = box.current
    if (element === null) return
    const observer = new ResizeObserver(() => settleNow.current())
    observer.observe(element)
    for (const child of element.children) observer.observe(child)
    return () => observer.disconnect()
  }, [box])

  useEffect(() => {
    if (isNearEnd) setSeen(newest)
  }, [isNearEnd, newest])

  return {
    isNearEnd: isNearEnd && isAtEnd,
    hasNew: newest !== seen,
    toEnd() {
      isBottom.current = true
      setNearEnd(true)
      settle()
    },
    toMessage(id) {
      const element = box.current
      const row = element?.querySelector<HTMLElement>(`[data-message="${CSS.escape(id)}"]`)
      if (!element || !row) return
      isBottom.current = false
      const { top, height } = row.getBoundingClientRect()
      element.scrollTop += top - element.getBoundingClientRect().top - (element.clientHeight - height) / 2
      anchor.current = firstInSight(element)
    },
    onScroll() {
      const element = box.current
      if (element === null) return
      const below = element.scrollHeight - element.scrollTop - element.clientHeight
      isBottom.current = isAtEnd && below < AT_BOTTOM
      setNearEnd(below < element.clientHeight / 2)
      anchor.current = firstInSight(element)
      if (element.scrollTop < NEAR_END) options.onTop()
      if (below < NEAR_END && !isAtEnd) options.onBottom()
    },
  }
}

/** The topmost message that is at least partly in sight, found by halving: there may be 500. */
function firstInSight(element: HTMLElement): { id: string; top: number } | null {
  const rows = element.querySelectorAll<HTMLElement>('[data-message]')
  const edge = element.getBoundingClientRect().top
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((rows[middle]?.getBoundingClientRect().bottom ?? 0) > edge) high = middle
    else low = middle + 1
  }
  const row = rows[low]
  return row === undefined ? null : { id: row.dataset['message'] ?? '', top: row.getBoundingClientRect().top }
}
