import { DAY_MS } from '../core/clock.ts'
import type { AttachmentContent } from '../core/content.ts'
import { Failure } from '../core/failure.ts'
import { ACT, MEDIA_STATE, type MediaState } from './codes.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** The platform's rule: the id of a file that came in a webhook holds 7 days. */
const FETCH_DAYS = 7
/** Far more than a message has; a body that names more is not believed. */
const ATTACHMENTS_MAX = 32
const BATCH = 100
/** The reason of a file that was refused from the first: the platform names neither an id nor an address. */
export const NO_SOURCE = 'no_source'
/** Files that came with history wait until nothing that was shown just now waits. */
const LANE_LIVE = 0
const LANE_HISTORY = 1

export function descriptorPlace(mediaId: number): string {
  return `media.descriptor:${mediaId}`
}

/** The message, or the edit, that files come with, and whose key seals them. */
export interface MediaOwner {
  messageId: number
  person: number
  isHistory: boolean
}

/** Writes down the files of a message, each with the duty to fetch it. Nobody waits for that: the message is shown first. */
export async function attachMedia(
  tx: Tx,
  owner: MediaOwner,
  attachments: readonly AttachmentContent[],
  { now, ids }: InputContext,
): Promise<void> {
  for (const [position, attachment] of attachments.slice(0, ATTACHMENTS_MAX).entries()) {
    const id = ids.next()
    const hasSource = attachment.upstreamId !== null || attachment.url !== null
    await tx.run(
      `INSERT INTO media (id, message_id, position, person, descriptor, created_at, state, reason, lane, due_at, attempt, give_up_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?11)`,
      id,
      owner.messageId,
      position,
      owner.person,
      tx.seal(owner.person, descriptorPlace(id), JSON.stringify(attachment)),
      now,
      MEDIA_STATE.code(hasSource ? 'waiting' : 'refused'),
      hasSource ? null : NO_SOURCE,
      owner.isHistory ? LANE_HISTORY : LANE_LIVE,
      hasSource ? now : null,
      now + FETCH_DAYS * DAY_MS,
    )
  }
  tx.wake({ kind: 'media' })
}

/** What became of an attempt to fetch a file. Reasons are words, never anything of the person's. */
export type FetchOutcome =
  | { kind: 'ready'; file: string; sizeBytes: number; mimeType: string | null; hasThumbnail: boolean }
  /** It may come yet. */
  | { kind: 'later'; reason: string; delayMs: number }
  | { kind: 'failed' | 'gone' | 'too_large' | 'refused'; reason: string }

interface MediaRow {
  id: number
  message_id: number
  state: number
  reason: string | null
  lane: number
  attempt: number
  give_up_at: number
  file: string | null
}

const MEDIA_COLUMNS = 'id, message_id, state, reason, lane, attempt, give_up_at, file'

/** What a `message.media` event keeps: which file, the message it is shown with, and what it had become by then. */
export type MediaEventData = [
  mediaId: number,
  messageId: number,
  state: number,
  reason: string | null,
  mimeType: string | null,
  sizeBytes: number | null,
  hasThumbnail: 0 | 1,
]

/** Takes the outcome of an attempt; false where nobody waits for it any more, and its file is to be thrown away. */
export const recordFetch = input(
  'media.fetched',
  async (tx: Tx, ask: { mediaId: number; attempt: number; outcome: FetchOutcome }, { now }: InputContext) => {
    const row = await tx.one<MediaRow>(`SELECT ${MEDIA_COLUMNS} FROM media WHERE id = ?1`, ask.mediaId)
    if (!row || row.attempt !== ask.attempt || row.state !== MEDIA_STATE.code('waiting')) return { taken: false }
    const { outcome } = ask
    if (outcome.kind === 'ready') await keepFile(tx, row, outcome)
    else if (outcome.kind !== 'later') await end(tx, row, outcome.kind, outcome.reason)
    else if (now + outcome.delayMs >= row.give_up_at) await end(tx, row, 'failed', outcome.reason)
    else {
      await tx.run(
        'UPDATE media SET attempt = attempt + 1, reason = ?2, due_at = ?3 WHERE id = ?1',
        row.id,
        outcome.reason,
        now + outcome.delayMs,
      )
    }
    return { taken: true }
  },
)

async function keepFile(tx: Tx, row: MediaRow, ready: Extract<FetchOutcome, { kind: 'ready' }>): Promise<void> {
  await tx.run(
    `UPDATE media SET state = ?2, reason = NULL, due_at = NULL, file = ?3, size_bytes = ?4, mime_type = ?5, has_thumbnail = ?6
     WHERE id = ?1`,
    row.id,
    MEDIA_STATE.code('ready'),
    ready.file,
    ready.sizeBytes,
    ready.mimeType,
    ready.hasThumbnail ? 1 : 0,
  )
  // The same content was here before, and was about to be removed.
  await tx.run('DELETE FROM media_removals WHERE file = ?1', ready.file)
  await tell(tx, row)
}

async function end(tx: Tx, row: MediaRow, state: MediaState, reason: string): Promise<void> {
  await tx.run(
    'UPDATE media SET state = ?2, reason = ?3, due_at = NULL WHERE id = ?1',
    row.id,
    MEDIA_STATE.code(state),
    reason,
  )
  await tell(tx, row)
}

/** History makes no events; what somebody asked for again does. */
async function tell(tx: Tx, row: Pick<MediaRow, 'id' | 'message_id' | 'lane'>): Promise<void> {
  if (row.lane === LANE_HISTORY) return
  const about = await tx.one<{ conversation_id: number; number_id: number; target_id: number | null }>(
    `SELECT m.conversation_id, c.number_id, a.target_id FROM messages m JOIN conversations c ON c.id = m.conversation_id
     LEFT JOIN message_acts a ON a.act_id = m.id
     WHERE m.id = ?1 AND c.workspace_id = coalesce(?2, c.workspace_id)`,
    row.message_id,
    tx.within,
  )
  const now = await tx.one<{
    state: number
    reason: string | null
    mime_type: string | null
    size_bytes: number | null
    has_thumbnail: 0 | 1
  }>('SELECT state, reason, mime_type, size_bytes, has_thumbnail FROM media WHERE id = ?1', row.id)
  if (!about || !now) return
  const { conversation_id: conversationId, number_id: numberId } = about
  const messageId = about.target_id ?? row.message_id
  const data: MediaEventData = [
    row.id,
    messageId,
    now.state,
    now.reason,
    now.mime_type,
    now.size_bytes,
    now.has_thumbnail,
  ]
  await tx.event('message.media', { conversationId, messageId: row.message_id, numberId }, data)
}

/** Fetches a file again that could not be had: a person asks, and the platform may still have it. */
export const refetchMedia = input('media.refetch', async (tx: Tx, ask: { mediaId: number }, { now }: InputContext) => {
  const row = await tx.one<MediaRow>(
    `SELECT ${MEDIA_COLUMNS} FROM media WHERE id = ?1 AND EXISTS (SELECT 1 FROM messages m JOIN conversations c
     ON c.id = m.conversation_id WHERE m.id = media.message_id AND c.workspace_id = coalesce(?2, c.workspace_id))`,
    ask.mediaId,
    tx.within,
  )
  if (!row) throw new Failure('not_found', 'No such attachment')
  const state = MEDIA_STATE.word(row.state)
  if (state === 'ready') throw new Failure('conflict', 'The file is here already')
  if (row.reason === NO_SOURCE) throw new Failure('conflict', 'The platform did not say where the file is')
  await tx.run(
    // One that is under way keeps its number, so that its outcome is taken.
    `UPDATE media SET state = ?2, reason = NULL, lane = ?3, due_at = ?4, give_up_at = ?5,
     attempt = iif(state = ?2, attempt, 0) WHERE id = ?1`,
    row.id,
    MEDIA_STATE.code('waiting'),
    LANE_LIVE,
    now,
    now + FETCH_DAYS * DAY_MS,
  )
  if (state !== 'waiting') await tell(tx, { ...row, lane: LANE_LIVE })
  tx.wake({ kind: 'media' })
  return { state: 'waiting' as const }
})

/** Takes the files of a message away, as where its author takes it back for good. */
export async function dropMediaOf(tx: Tx, messageId: number): Promise<void> {
  const rows = await tx.all<{ file: string | null }>('SELECT file FROM media WHERE message_id = ?1', messageId)
  if (rows.length === 0) return
  await tx.run('DELETE FROM media WHERE message_id = ?1', messageId)
  await removeUnnamed(tx, rows)
}

/**
 * Takes away what a person sent: deletes the rows and answers the names of the files, which are owed to be removed from
 * the folder. Thumbnails go with their files.
 */
export async function eraseMediaOf(tx: Tx, person: number): Promise<string[]> {
  const rows = await tx.all<{ file: string | null }>('SELECT file FROM media WHERE person = ?1', person)
  await tx.run('DELETE FROM media WHERE person = ?1', person)
  return await removeUnnamed(tx, rows)
}

/** A file stays as long as any row names it. */
async function removeUnnamed(tx: Tx, rows: readonly { file: string | null }[]): Promise<string[]> {
  const files = new Set(rows.flatMap(({ file }) => (file === null ? [] : [file])))
  const unnamed: string[] = []
  for (const file of files) {
    if ((await tx.one('SELECT id FROM media WHERE file = ?1 LIMIT 1', file)) !== undefined) continue
    await tx.run('INSERT INTO media_removals (file) VALUES (?1) ON CONFLICT DO NOTHING', file)
    unnamed.push(file)
  }
  if (unnamed.length > 0) tx.wake({ kind: 'media' })
  return unnamed
}

/** Notes that files are out of the folder. */
export const forgetRemoved = input('media.removed', async (tx: Tx, ask: { files: readonly string[] }) => {
  for (const file of ask.files) await tx.run('DELETE FROM media_removals WHERE file = ?1', file)
  return { forgotten: ask.files.length }
})

/** Removes files that are kept no longer; their messages say so. Some at a time: the caller asks until there are none. */
export const purgeMedia = input('media.purge', async (tx: Tx, ask: { beforeMs: number }) => {
  const rows = await tx.all<MediaRow>(
    `SELECT ${MEDIA_COLUMNS} FROM media WHERE file IS NOT NULL AND created_at < ?1 ORDER BY created_at LIMIT ?2`,
    ask.beforeMs,
    BATCH,
  )
  for (const row of rows) {
    await tx.run('UPDATE media SET file = NULL, size_bytes = NULL, has_thumbnail = 0 WHERE id = ?1', row.id)
    await end(tx, row, 'gone', 'retention')
  }
  await removeUnnamed(tx, rows)
  return { purged: rows.length }
})

/** Whether a revoke hides what the message of a file says, or has deleted it: for `MEDIA_SHOWN`. */
export const REVOKED_OF_MEDIA = `(SELECT max(a.revoked) FROM message_acts a WHERE a.kind = ${ACT.code('revoke')} AND a.applies = 1
  AND a.target_id = coalesce((SELECT e.target_id FROM message_acts e WHERE e.act_id = media.message_id), media.message_id))`
