import type { DeskState } from '../desk.ts'
import { simulatorAddress } from './hooks.ts'

/** Stands in the list while there is nothing to list. */
export function NoConversations() {
  const simulator = simulatorAddress()
  return (
    <div className="empty">
      <p className="empty-title">No conversations yet</p>
      {simulator === null ? (
        <p>They begin when a customer writes to one of your numbers. Nothing has to be reloaded.</p>
      ) : (
        <p>
          In the demo, open the customer’s phone at{' '}
          <a href={simulator} target="_blank" rel="noreferrer">
            {simulator.replace(/^https?:\/\//, '').replace(/\/$/, '')}
          </a>{' '}
          and write something. It appears here at once.
        </p>
      )}
    </div>
  )
}

/** Stands where the thread will be. */
export function NothingOpen({ state }: { state: DeskState }) {
  const hasSome = state.data.order.length > 0
  return (
    <main className="thread thread-none">
      <div className="empty">
        <p className="empty-title">{hasSome ? 'No conversation open' : 'All quiet'}</p>
        <p>
          {hasSome ? (
            <>
              Choose one at the left. <kbd>↑</kbd> <kbd>↓</kbd> move in the list, <kbd>Enter</kbd> opens, <kbd>Esc</kbd>{' '}
              goes back.
            </>
          ) : (
            'Conversations open here.'
          )}
        </p>
      </div>
    </main>
  )
}
