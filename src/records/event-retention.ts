import { input, type Tx } from './tx.ts'

/** However old, the newest million events stay: a client that was away for long can still resume. */
export const EVENTS_KEPT_MIN = 1_000_000

/** Forgets events older than a moment, a bounded number at a time, but never the newest million. */
export const purgeEvents = input('event.purge', async (tx: Tx, ask: { beforeMs: number }) => {
  const purged = await tx.run(
    `DELETE FROM events WHERE "offset" IN (SELECT "offset" FROM events WHERE at < ?1
     AND "offset" <= (SELECT max("offset") FROM events) - ?2 ORDER BY "offset" LIMIT 500)`,
    ask.beforeMs,
    EVENTS_KEPT_MIN,
  )
  // Nobody resumes from before them any more.
  await tx.run('DELETE FROM standing_changes WHERE "offset" < (SELECT min("offset") FROM events) /* every workspace */')
  return { purged }
})
