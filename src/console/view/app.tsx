import { useCallback, useEffect, useMemo, useState } from 'react'
import { createApi } from '../api.ts'
import { Desk } from '../desk.ts'
import { createDoor, linkIn, type Methods, refusalIn } from '../door.ts'
import { forgetStored } from '../drafts.ts'
import { connectLive } from '../live.ts'
import { DeskScreen } from './desk-screen.tsx'
import { isSettings, useHash } from './hooks.ts'
import { LinkPage } from './link-page.tsx'
import { SettingsFrame } from './settings-frame.tsx'
import { SignIn } from './sign-in.tsx'

const KEY = 'gatehouse.key'
const NO_METHODS: Methods = { oidc: false, signed_in: false }

/** An API key, which lives as long as the tab; or the browser's session, which no script can read. */
type Pass = { key: string | null }

/** The whole console: the door, and the desk behind it. */
export function App() {
  const door = useMemo(() => createDoor((url, init) => fetch(url, init)), [])
  const [link, setLink] = useState(() => linkIn(location.hash))
  const [pass, setPass] = useState<Pass | null>(keptPass)
  const [notice, setNotice] = useState(() => refusalIn(location.hash))
  const [methods, setMethods] = useState<Methods | null>(null)
  useEffect(() => {
    // Neither a link's token nor a refusal stays in the address, where it would be in the history.
    if (linkIn(location.hash) !== null || refusalIn(location.hash) !== null) history.replaceState(null, '', '/')
    door.methods().then(
      (found) => {
        setMethods(found)
        if (found.signed_in) setPass((known) => known ?? { key: null })
      },
      () => setMethods(NO_METHODS),
    )
  }, [door])
  const signOut = useCallback(
    (why: string | null) => {
      if (pass?.key === null && why === null) void door.signOut().catch(() => {})
      forgetStored(sessionStorage)
      setNotice(why)
      setPass(null)
    },
    [door, pass],
  )
  const signIn = useCallback((key: string | null) => {
    if (key !== null) sessionStorage.setItem(KEY, key)
    setNotice(null)
    setPass({ key })
  }, [])
  if (link !== null) {
    const end = (said: string | null, isSignedIn: boolean) => {
      setLink(null)
      setNotice(said)
      setPass(isSignedIn ? { key: null } : null)
    }
    return <LinkPage door={door} token={link} onEnd={end} />
  }
  if (pass !== null) return <SignedIn key={pass.key} apiKey={pass.key} onSignOut={signOut} />
  if (methods === null) return null
  return <SignIn notice={notice} door={door} hasSingleSignOn={methods.oidc} onSignIn={signIn} />
}

function keptPass(): Pass | null {
  const key = sessionStorage.getItem(KEY)
  return key === null ? null : { key }
}

function SignedIn({ apiKey, onSignOut }: { apiKey: string | null; onSignOut: (why: string | null) => void }) {
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
        onRefused: () =>
          onSignOut(
            apiKey === null
              ? 'You are not signed in any more. Please sign in again.'
              : 'Your key is no longer valid. Please sign in again.',
          ),
      }),
    [apiKey, onSignOut],
  )
  useEffect(() => {
    void desk.start()
    return () => desk.close()
  }, [desk])
  const Screen = isSettings(useHash()) ? SettingsFrame : DeskScreen
  return <Screen desk={desk} onSignOut={() => onSignOut(null)} />
}

/** 128 random bits. `crypto.randomUUID` is missing where the page is served without TLS. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return `console-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
