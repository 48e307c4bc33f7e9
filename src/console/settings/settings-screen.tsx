import { type KeyboardEvent, useLayoutEffect, useMemo, useSyncExternalStore } from 'react'
import type { Desk } from '../desk.ts'
import { unreadConversations } from '../store.ts'
import { useHash, useNow, useTitle } from '../view/hooks.ts'
import { Icon } from '../view/icons.tsx'
import { PageHeader } from '../view/page-header.tsx'
import { AccountPage } from './account-page.tsx'
import { AuditPage } from './audit-page.tsx'
import { KeysPage } from './keys-page.tsx'
import { PeoplePages } from './people-page.tsx'
import { RolesPages } from './roles-page.tsx'
import { createSettingsApi } from './settings-api.ts'
import { type Here, useLoaded, WhenLoaded } from './settings-parts.tsx'
import { addressOf, PARTS, type Part, type Place, placeOf } from './settings-place.ts'
import type { Session } from './settings-wire.ts'
import { TeamsPages } from './teams-page.tsx'

/** The settings: the parts at the left, the chosen one beside them; on a phone one after the other. */
export function SettingsScreen({ desk, onSignOut }: { desk: Desk; onSignOut: () => void }) {
  const state = useSyncExternalStore(desk.subscribe, desk.read)
  const api = useMemo(() => createSettingsApi(desk), [desk])
  // The desk knows its reader anew when what they may has changed.
  const session = useLoaded(() => api.session(), state.me === null ? '' : `${state.me.role} ${state.me.head}`)
  const place = placeOf(useHash())
  // Nobody reads a conversation here: what comes in stays unread.
  useLayoutEffect(() => desk.open(null), [desk])
  const { again } = session
  const unread = unreadConversations(state.data)
  const part = place.part ?? 'account'
  useTitle(unread, PARTS.find((one) => one.part === part)?.name)

  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== 'Escape' || event.defaultPrevented) return
    if (place.item !== null && place.part !== null) location.hash = addressOf(place.part)
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape leads back to the list wherever the focus stands.
    <div className="settings" data-screen={place.part === null ? 'parts' : 'page'} onKeyDown={onKeyDown}>
      <PageHeader state={state} onSignOut={onSignOut}>
        <a className="search-open" href="#/">
          <Icon name="back" /> Desk
          {unread > 0 && (
            <span className="badge">
              {' '}
              {unread}
              <span className="heard-only"> unread</span>
            </span>
          )}
        </a>
      </PageHeader>
      <Parts session={session.value} part={part} />
      <main className="settings-page">
        <div className="settings-inner">
          {place.part !== null && (
            <a className="settings-back settings-up" href="#/settings">
              <Icon name="back" /> Settings
            </a>
          )}
          <WhenLoaded of={session}>
            {(found) => <Chosen place={place} here={{ api, session: found, refresh: again, onSignOut }} />}
          </WhenLoaded>
        </div>
      </main>
    </div>
  )
}

function Parts({ session, part }: { session: Session | null; part: Part }) {
  const shown = PARTS.filter(({ needs }) => needs === null || session?.permissions.includes(needs) === true)
  return (
    <nav className="settings-nav" aria-label="Settings">
      <h2>Settings</h2>
      <ul>
        {shown.map((one) => (
          <li key={one.part}>
            <a href={addressOf(one.part)} aria-current={one.part === part ? 'page' : undefined}>
              {one.name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

interface ChosenProps {
  place: Place
  here: Omit<Here, 'may' | 'nowMs'>
}

/** The page of a place, for whoever may see it. */
function Chosen({ place, here: given }: ChosenProps) {
  const nowMs = useNow()
  const { permissions } = given.session
  const here: Here = { ...given, nowMs, may: (permission) => permissions.includes(permission) }
  const part = PARTS.find((one) => one.part === (place.part ?? 'account'))
  if (part === undefined || (part.needs !== null && !here.may(part.needs)))
    return <p className="quiet">Your role does not show you this part.</p>
  // Another thing is another page: nothing that was typed for one is left for the next.
  const key = `${part.part} ${place.item ?? ''}`
  switch (part.part) {
    case 'account':
      return <AccountPage here={here} />
    case 'people':
      return <PeoplePages key={key} here={here} item={place.item} />
    case 'teams':
      return <TeamsPages key={key} here={here} item={place.item} />
    case 'roles':
      return <RolesPages key={key} here={here} item={place.item} />
    case 'keys':
      return <KeysPage key={key} here={here} item={place.item} />
    case 'audit':
      return <AuditPage here={here} query={place.query} />
  }
}
