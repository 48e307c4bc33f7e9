import { type RefObject, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { Problem } from '../api.ts'
import type { Desk } from '../desk.ts'
import type { ShelvedFile } from '../file-shelf.ts'
import { houseNowMs, watchHouseTime } from '../house-time.ts'

/** The house's time in milliseconds, fresh every half minute: what is shown counts in minutes. */
export function useNow(everyMs = 30_000): number {
  const [nowMs, setNowMs] = useState(houseNowMs)
  useEffect(() => {
    const look = () => setNowMs(houseNowMs())
    const timer = setInterval(look, everyMs)
    const unwatch = watchHouseTime(look)
    return () => {
      clearInterval(timer)
      unwatch()
    }
  }, [everyMs])
  return nowMs
}

const ROUTE = '#/c/'
/** The settings, with whatever follows. */
export const SETTINGS = '#/settings'

/** What stands behind the `#` of the address: where somebody is. The browser's back button leads back. */
export function useHash(): string {
  return useSyncExternalStore(subscribeToHash, () => location.hash)
}

/** Whether an address is one of the settings. */
export function isSettings(hash: string): boolean {
  return hash === SETTINGS || hash.startsWith(`${SETTINGS}/`) || hash.startsWith(`${SETTINGS}?`)
}

/** The conversation that is open; null: none. */
export function useRoute(): string | null {
  const hash = useHash()
  try {
    // An address that names none is the list.
    return hash.startsWith(ROUTE) ? decodeURIComponent(hash.slice(ROUTE.length)) || null : null
  } catch {
    return null
  }
}

/** Names the page: what is unread, and where one is. */
export function useTitle(unread: number, place?: string): void {
  useEffect(() => {
    const name = place === undefined ? 'Gatehouse' : `${place} – Gatehouse`
    document.title = unread === 0 ? name : `(${unread}) ${name}`
  }, [unread, place])
}

/** Opens a conversation, or the list alone. */
export function navigate(id: string | null): void {
  const hash = id === null ? '#/' : `${ROUTE}${encodeURIComponent(id)}`
  if (location.hash !== hash) location.hash = hash
}

function subscribeToHash(listener: () => void): () => void {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}

/** Whether list and thread are two screens. The width is the one in console.css. */
export function isNarrow(): boolean {
  return matchMedia('(max-width: 760px)').matches
}

/** The customer's phone in demo mode, as the server says in the page; null elsewhere. */
export function simulatorAddress(): string | null {
  const content = document.querySelector('meta[name="gatehouse-simulator"]')?.getAttribute('content') ?? ''
  return /^https?:\/\//.test(content) ? content : null
}

/** A file of this server, fetched with the key as long as it is needed. Null: none yet. */
export function useFile(desk: Desk, path: string | null, attempt = 0): ShelvedFile {
  const file = useSyncExternalStore(desk.files.subscribe, () => desk.files.look(path))
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another wish.
  useEffect(() => (path === null ? undefined : desk.files.want(path)), [desk, path, attempt])
  return file
}

/** Whether an element has come near to what is in sight. Once it has, it stays so. */
export function useNear(place: RefObject<HTMLElement | null>): boolean {
  const [isNear, setNear] = useState(false)
  useEffect(() => {
    const element = place.current
    if (element === null || isNear) return
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) setNear(true)
      },
      { rootMargin: '600px' },
    )
    observer.observe(element)
    return () => observer.disconnect()
  }, [place, isNear])
  return isNear
}

/** What to say of something that went wrong. */
export function wordsOf(cause: unknown): string {
  return cause instanceof Problem ? cause.message : 'Something went wrong here.'
}

/** Runs one thing at a time for a part of the screen, and keeps what went wrong. */
export function useTask(): { isBusy: boolean; problem: string | null; run: (work: () => Promise<unknown>) => void } {
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  // Known before the page is drawn anew: the second of two quick clicks finds it.
  const running = useRef(false)
  function run(work: () => Promise<unknown>) {
    if (running.current) return
    running.current = true
    setBusy(true)
    setProblem(null)
    work()
      .catch((cause: unknown) => setProblem(wordsOf(cause)))
      .finally(() => {
        running.current = false
        setBusy(false)
      })
  }
  return { isBusy, problem, run }
}
