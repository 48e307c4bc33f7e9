import { useEffect, useState, useSyncExternalStore } from 'react'

/** Wall time in milliseconds, fresh every half minute: what is shown counts in minutes. */
export function useNow(everyMs = 30_000): number {
  const [nowMs, setNowMs] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return nowMs
}

const ROUTE = '#/c/'

/** The open conversation stands in the address, so that the browser's back button leads to the list. */
export function useRoute(): string | null {
  const hash = useSyncExternalStore(subscribeToHash, () => location.hash)
  try {
    return hash.startsWith(ROUTE) ? decodeURIComponent(hash.slice(ROUTE.length)) : null
  } catch {
    return null
  }
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
