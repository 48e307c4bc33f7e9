import { useCallback, useEffect, useMemo, useState } from 'react'
import { createApi } from '../api.ts'
import { Desk } from '../desk.ts'
import { forgetStored } from '../drafts.ts'
import { connectLive } from '../live.ts'
import { DeskScreen } from './desk-screen.tsx'
import { SignIn } from './sign-in.tsx'

const KEY = 'gatehouse.key'

/** The whole console: the door, and the desk behind it. The key lives as long as the tab. */
export function App() {
  const [key, setKey] = useState(() => sessionStorage.getItem(KEY))
  const [notice, setNotice] = useState<string | null>(null)
  const signOut = useCallback((why: string | null) => {
    forgetStored(sessionStorage)
    setNotice(why)
    setKey(null)
  }, [])
  const signIn = useCallback((given: string) => {
    sessionStorage.setItem(KEY, given)
    setNotice(null)
    setKey(given)
  }, [])
  if (key === null) return <SignIn notice={notice} onSignIn={signIn} />
  return <SignedIn key={key} apiKey={key} onSignOut={signOut} />
}

function SignedIn({ apiKey, onSignOut }: { apiKey: string; onSignOut: (why: string | null) => void }) {
  const desk = useMemo(
    () =>
      new Desk({
        api: createApi(apiKey, (url, init) => fetch(url, init)),
        connect: connectLive,
        store: sessionStorage,
        nowMs: () => Date.now(),
        newKey,
        makeUrl: (blob) => URL.createObjectURL(blob),
        dropUrl: (url) => URL.revokeObjectURL(url),
        isVisible: () => document.visibilityState === 'visible',
        onRefused: () => onSignOut('Your key is no longer valid. Please sign in again.'),
      }),
    [apiKey, onSignOut],
  )
  useEffect(() => {
    void desk.start()
    return () => desk.close()
  }, [desk])
  return <DeskScreen desk={desk} onSignOut={() => onSignOut(null)} />
}

/** 128 random bits. `crypto.randomUUID` is missing where the page is served without TLS. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return `console-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
