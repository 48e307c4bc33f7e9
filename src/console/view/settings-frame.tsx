import { type ComponentType, useEffect, useState } from 'react'
import type { Desk } from '../desk.ts'

interface ScreenProps {
  desk: Desk
  onSignOut: () => void
}

/** The settings, fetched when somebody goes there: who answers customers all day needs none of it. */
export function SettingsFrame(props: ScreenProps) {
  const [Screen, setScreen] = useState<ComponentType<ScreenProps> | null>(null)
  const [isMissing, setMissing] = useState(false)
  useEffect(() => {
    import('../settings/settings-screen.tsx').then(
      (module) => setScreen(() => module.SettingsScreen),
      () => setMissing(true),
    )
  }, [])
  if (Screen !== null) return <Screen {...props} />
  if (!isMissing) return null
  return (
    <main className="door">
      <div className="door-card">
        <p role="alert">
          The settings could not be loaded. The house may have been upgraded since this page was opened.
        </p>
        <button type="button" className="primary" onClick={() => location.reload()}>
          Load the page anew
        </button>
      </div>
    </main>
  )
}
