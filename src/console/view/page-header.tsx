import type { ReactNode } from 'react'
import type { DeskState } from '../desk.ts'
import type { NumberView } from '../wire.ts'
import { ConnectionBadge } from './connection-badge.tsx'
import { SETTINGS, simulatorAddress } from './hooks.ts'
import { Icon } from './icons.tsx'
import { WorkspaceMenu } from './workspaces.tsx'

interface PageHeaderProps {
  state: DeskState
  onSignOut: () => void
  /** What can be done where one is. */
  children: ReactNode
}

/** What the house is called, what state it is in, and the way out. */
export function PageHeader({ state, onSignOut, children }: PageHeaderProps) {
  const simulator = simulatorAddress()
  const trouble = numberTrouble(state.data.numbers)
  return (
    <header className="page-header">
      <h1 className="wordmark">
        <Icon name="gate" /> Gatehouse
      </h1>
      <WorkspaceMenu />
      {simulator !== null && (
        <a className="tag tag-demo" href={simulator} target="_blank" rel="noreferrer" title="Open the customer’s phone">
          Demo
        </a>
      )}
      {trouble !== null && (
        <span className="tag tag-warn" role="img" aria-label={trouble.summary} title={trouble.detail}>
          <Icon name="alert" />
          <span className="tag-words">{trouble.summary}</span>
        </span>
      )}
      <span className="spacer" />
      {children}
      <ConnectionBadge connection={state.connection} />
      <a className="icon-button" href={SETTINGS} aria-label="Settings" title="Settings">
        <Icon name="gear" />
      </a>
      <button type="button" className="plain" onClick={onSignOut}>
        Sign out
      </button>
    </header>
  )
}

function numberTrouble(numbers: readonly NumberView[]): { summary: string; detail: string } | null {
  const troubled = numbers.filter((number) => number.state !== 'active')
  const first = troubled[0]
  if (first === undefined) return null
  const name = (number: NumberView) => number.alias ?? number.display ?? number.number
  const summary = troubled.length === 1 ? `${name(first)} ${first.state}` : `${troubled.length} numbers inactive`
  return { summary, detail: troubled.map((number) => `${name(number)}: ${number.state}`).join('\n') }
}
