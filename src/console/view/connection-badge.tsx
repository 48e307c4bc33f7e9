import type { Connection } from '../desk.ts'
import { clockTime } from '../times.ts'
import { useNow } from './hooks.ts'

/** A break shorter than this is a hiccup; a longer one is said with its time. */
const HICCUP_MS = 10_000

/** Whether what is on the screen is what is true. */
export function ConnectionBadge({ connection }: { connection: Connection }) {
  const nowMs = useNow(2000)
  if (connection.kind === 'outdated') {
    return (
      <button type="button" className="connection connection-offline plain" onClick={() => location.reload()}>
        Gatehouse was updated: reload the page
      </button>
    )
  }
  const isLong = nowMs - connection.sinceMs > HICCUP_MS
  const kind = connection.kind === 'live' ? 'live' : isLong ? 'offline' : 'waiting'
  return (
    <span className={`connection connection-${kind}`} role="status">
      <span className="dot" aria-hidden="true" />
      {wordsFor(connection, isLong)}
    </span>
  )
}

function wordsFor(connection: Connection, isLong: boolean): string {
  if (connection.kind === 'live') return 'Live'
  if (isLong) return `Offline since ${clockTime(new Date(connection.sinceMs).toISOString())}`
  return connection.kind === 'connecting' ? 'Connecting…' : 'Reconnecting…'
}
