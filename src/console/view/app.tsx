import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { createApi, Problem } from '../api.ts'
import { Desk } from '../desk.ts'
import { createDoor, type Door, linkIn, type Methods, refusalIn } from '../door.ts'
import { forgetStored } from '../drafts.ts'
import { fetchHere, houseNowMs } from '../house-time.ts'
import { connectLive } from '../live.ts'
import { DeskScreen } from './desk-screen.tsx'
import { isSettings, useHash } from './hooks.ts'
import { LinkPage } from './link-page.tsx'
import { SettingsFrame } from './settings-frame.tsx'
import { DoorCard, SignIn } from './sign-in.tsx'
import { ElsewhereNotice, forgetWorkspace, StandingContext, useStanding } from './workspaces.tsx'

const KEY = 'gatehouse.key'
const NO_METHODS: Methods = { oidc: false, signed_in: false }
const RETRY_MS_MAX = 15_000

/** An API key, which lives as long as the tab; or the browser's session, which no script can read. */
type Pass = { key: string | null }

/** The whole console: the door, and the desk behind it. */
export function App() {
  const door = useMemo(() => createDoor(fetchHere), [])
  const [link, setLink] = useState(() => linkIn(location.hash))
  const [pass, setPass] = useState<Pass | null>(keptPass)
  const [notice, setNotice] = useState(() => refusalIn(location.hash))
  useEffect(() => {
    // Neither a link's token nor a refusal stays in the address, where it would be in the history.
    if (linkIn(location.hash) !== null || refusalIn(location.hash) !== null) history.replaceState(null, '', '/')
  }, [])
  const enter = useCallback(() => setPass((known) => known ?? { key: null }), [])
  const { methods, problem } = useMethods(door, enter)
  const signOut = useCallback(
    (why: string | null) => {
      if (pass?.key === null && why === null) void door.signOut().catch(() => {})
      // Whose session has ended by itself goes on where they were, once they are in again.
      if (why === null || pass?.key !== null) forgetStored(sessionStorage)
      if (why === null) forgetWorkspace()
      setNotice(why)
      setPass(null)
    },
    [door, pass],
  )
  const signIn = useCallback((key: string | null) => {
    if (key !== null) {
      // Nobody knows who that is: what somebody was writing here before is not for them.
      forgetStored(sessionStorage)
      sessionStorage.setItem(KEY, key)
    }
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
  if (pass !== null) return <SignedIn key={pass.key} door={door} apiKey={pass.key} onSignOut={signOut} />
  if (methods === null) return <Waiting problem={problem} />
  return <SignIn notice={notice} door={door} hasSingleSignOn={methods.oidc} onSignIn={signIn} />
}

/** Nothing at first: most often it takes no time. */
function Waiting({ problem }: { problem: string | null }) {
  if (problem === null) return null
  return (
    <DoorCard lead="One moment…">
      <p className="notice" role="alert">
        {problem}
      </p>
    </DoorCard>
  )
}

/** How one may come in here, asked until it is known; whether this browser is in already is told to `onSignedIn`. */
function useMethods(door: Door, onSignedIn: () => void): { methods: Methods | null; problem: string | null } {
  const [methods, setMethods] = useState<Methods | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let isOver = false
    const ask = (delayMs: number) => void door.methods().then(take, (cause: unknown) => tryLater(cause, delayMs))
    const take = (found: Methods) => {
      if (isOver) return
      setMethods(found)
      if (found.signed_in) onSignedIn()
    }
    const tryLater = (cause: unknown, delayMs: number) => {
      if (isOver) return
      if (!(cause instanceof Problem && cause.isPassing)) return take(NO_METHODS)
      // Whoever is in must not be asked to come in again because the house is just starting.
      setProblem(cause.message)
      timer = setTimeout(() => ask(Math.min(delayMs * 2, RETRY_MS_MAX)), delayMs)
    }
    ask(1000)
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [door, onSignedIn])
  return { methods, problem }
}

function keptPass(): Pass | null {
  const key = sessionStorage.getItem(KEY)
  return key === null ? null : { key }
}

interface SignedInProps {
  door: Door
  apiKey: string | null
  onSignOut: (why: string | null) => void
}

/** Whoever is in, once it is known in which workspace: another one is another desk. */
function SignedIn({ door, apiKey, onSignOut }: SignedInProps) {
  const refused = () =>
    onSignOut(
      apiKey === null
        ? 'You are not signed in any more. Please sign in again.'
        : 'Your key is no longer valid. Please sign in again.',
    )
  const { standing, problem, again } = useStanding(door, apiKey !== null, refused)
  if (standing === null) return <Waiting problem={problem} />
  const { workspace } = standing
  return (
    <StandingContext value={standing}>
      <AtWork
        key={workspace}
        apiKey={apiKey}
        workspace={workspace}
        onRefused={refused}
        onLost={again}
        onSignOut={() => onSignOut(null)}
      />
      <ElsewhereNotice />
    </StandingContext>
  )
}

interface AtWorkProps {
  apiKey: string | null
  workspace: string | null
  onRefused: () => void
  onLost: () => void
  onSignOut: () => void
}

/** The desk of one workspace, and its settings. */
function AtWork({ apiKey, workspace, onSignOut, ...heard }: AtWorkProps) {
  const hearing = useRef(heard)
  hearing.current = heard
  const desk = useMemo(
    () =>
      new Desk({
        api: createApi(apiKey, fetchHere, workspace),
        connect: connectLive,
        store: sessionStorage,
        nowMs: houseNowMs,
        newKey,
        makeUrl: (blob) => URL.createObjectURL(blob),
        dropUrl: (url) => URL.revokeObjectURL(url),
        isVisible: () => document.visibilityState === 'visible',
        onRefused: () => hearing.current.onRefused(),
        onLost: () => hearing.current.onLost(),
      }),
    [apiKey, workspace],
  )
  useEffect(() => {
    void desk.start()
    return () => desk.close()
  }, [desk])
  const Screen = isSettings(useHash()) ? SettingsFrame : DeskScreen
  return <Screen desk={desk} onSignOut={onSignOut} />
}

/** 128 random bits. `crypto.randomUUID` is missing where the page is served without TLS. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return `console-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
