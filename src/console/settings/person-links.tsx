import { useState } from 'react'
import { fullTime } from '../times.ts'
import { useTask } from '../view/hooks.ts'
import { TaskProblem } from '../view/task-problem.tsx'
import { type Here, ShownOnce } from './settings-parts.tsx'
import type { LinkKind, OneTimeLink } from './settings-wire.ts'

const KINDS: Readonly<Record<LinkKind, string>> = {
  invitation: 'To come in for the first time',
  password: 'For a forgotten password',
  second_factor: 'For a lost second factor',
}

/** Makes links for somebody that open once. */
export function PersonLinks({ here, id }: { here: Here; id: string }) {
  const [link, setLink] = useState<OneTimeLink | null>(null)
  const task = useTask()
  const make = (kind: LinkKind) =>
    task.run(async () => {
      setLink(null)
      setLink(await here.api.makeLink(id, kind))
    })
  return (
    <>
      <div className="form-end">
        {(Object.entries(KINDS) as [LinkKind, string][]).map(([kind, words]) => (
          <button
            key={kind}
            type="button"
            className="plain bordered"
            aria-disabled={task.isBusy}
            onClick={() => make(kind)}
          >
            {words}
          </button>
        ))}
      </div>
      <TaskProblem problem={task.problem} />
      {link !== null && (
        <ShownOnce
          key={link.url}
          label={KINDS[link.kind]}
          value={link.url}
          note={<ExpiryNote expiresAt={link.expires_at} />}
        />
      )}
    </>
  )
}

/** What is to be known of a link. */
export function ExpiryNote({ expiresAt }: { expiresAt: string }) {
  return (
    <>
      Give it to them yourself; it is shown only now. It opens once, until {fullTime(expiresAt)}. A newer one of its
      kind takes its place.
    </>
  )
}
