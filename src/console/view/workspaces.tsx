import { createContext, type KeyboardEvent, type ToggleEvent, useContext, useEffect, useRef, useState } from 'react'
import { Problem } from '../api.ts'
import type { Door } from '../door.ts'
import { claimStored } from '../drafts.ts'
import {
  addressIn,
  OF_KEY,
  placeElsewhere,
  type Session,
  type Standing,
  standingIn,
  workspaceIn,
} from '../workspace.ts'
import { useHash, wordsOf } from './hooks.ts'
import { Icon } from './icons.tsx'

/** The workspace that this browser was in last, for addresses that name none. */
const KEPT = 'gatehouse.workspace'
const RETRY_MS_MAX = 15_000

/** Where somebody works, for whatever of the screen is about that. */
export const StandingContext = createContext<Standing>(OF_KEY)

interface Asking {
  /** Null: not known yet. */
  standing: Standing | null
  problem: string | null
  /** Asks anew, since the answer may be another by now. */
  again: () => void
}

/** Where somebody works with the browser's session, by the address or as it was last. Tries until it is known. */
export function useStanding(door: Door, isKey: boolean, onRefused: () => void): Asking {
  const [standing, setStanding] = useState<Standing | null>(isKey ? OF_KEY : null)
  const [problem, setProblem] = useState<string | null>(null)
  const [round, setRound] = useState(0)
  const refused = useRef(onRefused)
  refused.current = onRefused
  // biome-ignore lint/correctness/useExhaustiveDependencies: another round is another question.
  useEffect(() => {
    if (isKey) return
    let isOver = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = (delayMs: number) => void door.session().then(take, (cause: unknown) => tryLater(cause, delayMs))
    const take = ({ person, workspace, workspaces }: Session) => {
      if (isOver) return
      claimStored(sessionStorage, person?.id ?? '')
      setStanding(placed(standingIn({ workspace, workspaces }, workspaceIn(location.search) ?? kept())))
    }
    const tryLater = (cause: unknown, delayMs: number) => {
      if (isOver) return
      if (cause instanceof Problem && cause.status === 401) return refused.current()
      setProblem(wordsOf(cause))
      timer = setTimeout(() => ask(Math.min(delayMs * 2, RETRY_MS_MAX)), delayMs)
    }
    ask(1000)
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [door, isKey, round])
  return { standing, problem, again: () => setRound((before) => before + 1) }
}

/** The address says where one is, and the browser keeps it. */
function placed(standing: Standing): Standing {
  const { workspace, workspaces, isElsewhere } = standing
  const address = addressIn(standing, isElsewhere ? placeElsewhere(location.hash) : location.hash)
  if (address !== `/${location.search}${location.hash}`) history.replaceState(null, '', address)
  try {
    if (workspace !== null && workspaces.length > 1) localStorage.setItem(KEPT, workspace)
    else localStorage.removeItem(KEPT)
  } catch {
    // Storage is full or switched off: the address alone keeps it then.
  }
  return standing
}

function kept(): string | null {
  try {
    return localStorage.getItem(KEPT)
  } catch {
    return null
  }
}

/** Whoever comes in next in this browser begins in their own first workspace. */
export function forgetWorkspace(): void {
  try {
    localStorage.removeItem(KEPT)
  } catch {
    // Then there is nothing to forget.
  }
  if (workspaceIn(location.search) !== null) history.replaceState(null, '', '/')
}

/** The workspace that one is in, and the way to the others: each is a page of its own, loaded anew. */
export function WorkspaceMenu() {
  const standing = useContext(StandingContext)
  const place = placeElsewhere(useHash())
  const button = useRef<HTMLButtonElement>(null)
  const menu = useRef<HTMLElement>(null)
  const { workspace, workspaces } = standing
  if (workspace === null || workspaces.length < 2) return null

  /** The browser shows it above everything, so it has to be told where. */
  function onBeforeToggle({ currentTarget }: ToggleEvent<HTMLElement>) {
    const at = button.current?.getBoundingClientRect()
    if (at === undefined) return
    currentTarget.style.left = `${Math.round(at.left)}px`
    currentTarget.style.maxWidth = `${Math.round(innerWidth - at.left - 12)}px`
    currentTarget.style.top = `${Math.round(at.bottom + 4)}px`
  }
  // The browser closes it and leads the focus back; the desk must not go a step back as well.
  function onKeyDown(event: KeyboardEvent<HTMLElement>) {
    if (event.key === 'Escape' && event.currentTarget.querySelector(':popover-open') !== null) event.stopPropagation()
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape is heard on the button and in its menu.
    <div className="workspaces" onKeyDown={onKeyDown}>
      <button
        type="button"
        ref={button}
        className="plain bordered workspaces-open"
        popoverTarget="workspaces"
        aria-label={`Workspace: ${workspace}`}
        title="Workspace"
      >
        <span className="workspaces-name">{workspace}</span> <Icon name="menu" />
      </button>
      <nav
        id="workspaces"
        ref={menu}
        popover="auto"
        className="workspaces-menu"
        aria-label="Workspaces"
        onBeforeToggle={onBeforeToggle}
      >
        <ul>
          {workspaces.map((name) => (
            <li key={name}>
              <a
                href={addressIn({ workspace: name, workspaces }, place)}
                aria-current={name === workspace ? 'true' : undefined}
                onClick={() => menu.current?.hidePopover()}
              >
                {name}
              </a>
            </li>
          ))}
        </ul>
      </nav>
    </div>
  )
}

/** Says that one is not where one wanted to be. */
export function ElsewhereNotice() {
  const { workspace, isElsewhere } = useContext(StandingContext)
  const [isRead, setRead] = useState(false)
  if (!isElsewhere || isRead) return null
  return (
    <p className="notice elsewhere" role="alert">
      You do not work in that workspace, or not any more. You are in {workspace} now.
      <button type="button" className="icon-button" aria-label="Close" onClick={() => setRead(true)}>
        <Icon name="close" />
      </button>
    </p>
  )
}
