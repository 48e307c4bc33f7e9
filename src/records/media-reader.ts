import type { AttachmentContent, AttachmentKind } from '../core/content.ts'
import { showId } from '../core/ids.ts'
import type { Db } from '../storage/database.ts'
import { unsealText } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'
import { MEDIA_STATE, type MediaState } from './codes.ts'
import { descriptorPlace, type MediaEventData, NO_SOURCE, REVOKED_OF_MEDIA } from './media.ts'
import type { See, Seen } from './page.ts'
import type { View } from './views.ts'

/** A file that is to be fetched, with all that it takes. */
export interface FetchTask {
  mediaId: number
  messageId: number
  attempt: number
  person: number
  /** When the platform wrote the message: what addresses in it hold from. */
  saidAtMs: number
  attachment: AttachmentContent
  channel: string
  /** Channel and application whose token opens it. */
  app: string
  /** The number it came to, by the platform's id. */
  account: string
}

/** A file as whoever may see its message gets it. */
export interface ShownMedia {
  id: number
  state: MediaState
  file: string | null
  person: number
  kind: AttachmentKind
  fileName: string | null
  mimeType: string | null
  sizeBytes: number | null
  hasThumbnail: boolean
  /** Its message was taken back and is shown to nobody without asking. */
  isHidden: boolean
}

interface TaskRow {
  id: number
  message_id: number
  attempt: number
  person: number
  descriptor: Uint8Array
  at: number
  channel: string
  app: string
  account: string
}

interface ShownRow {
  id: number
  state: number
  reason: string | null
  person: number
  descriptor: Uint8Array
  file: string | null
  mime_type: string | null
  size_bytes: number | null
  has_thumbnail: number
}

const SHOWN_COLUMNS =
  'media.id, media.state, media.reason, media.person, media.descriptor, media.file, media.mime_type, media.size_bytes, media.has_thumbnail'

/** Opens a cell of a person; undefined where their key is destroyed. */
type Open = (person: number, place: string, sealed: Uint8Array) => string | undefined

/** Reads of files beside the writer: what is owed, and what is shown. */
export class MediaReader {
  readonly #database: Db
  readonly #vault: Vault

  constructor(database: Db, vault: Vault) {
    this.#database = database
    this.#vault = vault
  }

  /** What is due, in the order in which it is fetched: what was shown just now before history, then by its due time. */
  due(nowMs: number, limit: number): FetchTask[] {
    const live = this.#due(0, nowMs, limit)
    const rows = live.length < limit ? [...live, ...this.#due(1, nowMs, limit - live.length)] : live
    return rows.flatMap((row) => {
      const text = this.#open(row.person, descriptorPlace(row.id), row.descriptor)
      if (text === undefined) return []
      const { id, attempt, person, at, channel, app, account } = row
      const attachment = JSON.parse(text) as AttachmentContent
      return [
        { mediaId: id, messageId: row.message_id, attempt, person, saidAtMs: at, attachment, channel, app, account },
      ]
    })
  }

  /** When the next file after a moment is due; undefined where nothing is owed. */
  nextDueAtMs(afterMs: number): number | undefined {
    const moments = [0, 1].flatMap((lane) => {
      const row = this.#database.one<{ due_at: number }>(
        'SELECT due_at FROM media WHERE lane = ?1 AND due_at > ?2 ORDER BY due_at LIMIT 1',
        lane,
        afterMs,
      )
      return row ? [row.due_at] : []
    })
    return moments.length === 0 ? undefined : Math.min(...moments)
  }

  waitingCount(): number {
    return (
      this.#database.one<{ count: number }>('SELECT count(*) AS count FROM media WHERE due_at IS NOT NULL')?.count ?? 0
    )
  }

  removals(limit: number): string[] {
    return this.#database
      .all<{ file: string }>('SELECT file FROM media_removals LIMIT ?1', limit)
      .map(({ file }) => file)
  }

  /** Whether any message still has this file. */
  isNamed(file: string): boolean {
    return this.known(file) !== undefined
  }

  /** What is known of a file that a message has. */
  known(file: string): { sizeBytes: number; mimeType: string | null; hasThumbnail: boolean } | undefined {
    const row = this.#database.one<{ size_bytes: number; mime_type: string | null; has_thumbnail: number }>(
      'SELECT size_bytes, mime_type, has_thumbnail FROM media WHERE file = ?1 LIMIT 1',
      file,
    )
    return row && { sizeBytes: row.size_bytes, mimeType: row.mime_type, hasThumbnail: row.has_thumbnail === 1 }
  }

  /** The sizes of files in the folder, each once, in the order of their names: those after one. `last` null: no more. */
  sizesAfter(file: string, limit: number): { last: string | null; bytes: number } {
    const rows = this.#database.all<{ file: string; bytes: number }>(
      `SELECT file, max(coalesce(size_bytes, 0)) AS bytes FROM media WHERE file > ?1 GROUP BY file ORDER BY file LIMIT ?2`,
      file,
      limit,
    )
    const last = rows.length < limit ? null : (rows.at(-1)?.file ?? null)
    return { last, bytes: rows.reduce((sum, row) => sum + row.bytes, 0) }
  }

  personKey(person: number): Uint8Array | undefined {
    return this.#vault.personKey(person)
  }

  /** A file, where whoever asks may see its message. */
  shown(id: number, see: See): ShownMedia | undefined {
    const row = this.#database.one<ShownRow & Seen & { revoked: number | null }>(
      `SELECT ${SHOWN_COLUMNS}, c.workspace_id AS workspaceId, c.id AS conversationId, c.number_id AS numberId, c.assignee_id AS assigneeId,
       c.team_id AS teamId, ${REVOKED_OF_MEDIA} AS revoked
       FROM media JOIN messages m ON m.id = media.message_id JOIN conversations c ON c.id = m.conversation_id
       WHERE media.id = ?1 AND c.workspace_id = ?2`,
      id,
      see.workspaceId,
    )
    if (!row || !see(row)) return undefined
    const text = this.#open(row.person, descriptorPlace(row.id), row.descriptor)
    if (text === undefined) return undefined
    const { kind, fileName } = JSON.parse(text) as AttachmentContent
    return {
      id: row.id,
      state: MEDIA_STATE.word(row.state),
      file: row.file,
      person: row.person,
      kind,
      fileName,
      mimeType: row.mime_type,
      sizeBytes: row.size_bytes,
      hasThumbnail: row.has_thumbnail === 1,
      isHidden: (row.revoked ?? 0) > 0,
    }
  }

  #due(lane: number, nowMs: number, limit: number): TaskRow[] {
    return this.#database.all<TaskRow>(
      `SELECT media.id, media.message_id, media.attempt, media.person, media.descriptor, m.at, n.channel, n.app, n.account
       FROM media JOIN messages m ON m.id = media.message_id JOIN conversations c ON c.id = m.conversation_id
       JOIN numbers n ON n.id = c.number_id
       WHERE media.lane = ?1 AND media.due_at <= ?2 ORDER BY media.due_at LIMIT ?3`,
      lane,
      nowMs,
      limit,
    )
  }

  #open(person: number, place: string, sealed: Uint8Array): string | undefined {
    const key = this.#vault.personKey(person)
    return key && unsealText(key, place, sealed)
  }
}

/**
 * The files of a message in the API's words. As an event told it, each was still waiting: it was written in the same
 * commit as they were.
 */
export function attachmentViews(
  database: Db,
  open: Open,
  { messageId, asTold }: { messageId: number; asTold: boolean },
): View[] {
  const rows = database.all<ShownRow>(
    `SELECT ${SHOWN_COLUMNS} FROM media WHERE media.message_id = ?1 ORDER BY media.position`,
    messageId,
  )
  return rows.map((row) => {
    const isWaiting = asTold && row.reason !== NO_SOURCE
    return attachmentView(row, isWaiting ? WAITING : row, open)
  })
}

/** The file of a `message.media` event as it was then; undefined where it is not here any more. */
export function attachmentThen(database: Db, open: Open, [id, , ...then]: MediaEventData): View | undefined {
  const row = database.one<ShownRow>(`SELECT ${SHOWN_COLUMNS} FROM media WHERE media.id = ?1`, id)
  const [state, reason, mime_type, size_bytes, has_thumbnail] = then
  return row && attachmentView(row, { state, reason, mime_type, size_bytes, has_thumbnail }, open)
}

type Became = Pick<ShownRow, 'state' | 'reason' | 'mime_type' | 'size_bytes' | 'has_thumbnail'>

const WAITING: Became = {
  state: MEDIA_STATE.code('waiting'),
  reason: null,
  mime_type: null,
  size_bytes: null,
  has_thumbnail: 0,
}

function attachmentView(row: ShownRow, became: Became, open: Open): View {
  const id = showId('media', row.id)
  const text = open(row.person, descriptorPlace(row.id), row.descriptor)
  if (text === undefined) return { id, erased: true }
  const said = JSON.parse(text) as AttachmentContent
  const state = MEDIA_STATE.word(became.state)
  const hasThumbnail = became.has_thumbnail === 1
  return {
    id,
    state,
    reason: became.reason,
    kind: said.kind,
    mime_type: became.mime_type ?? said.mimeType,
    file_name: said.fileName,
    size_bytes: became.size_bytes,
    voice: said.voice,
    animated: said.animated,
    thumbnail: hasThumbnail,
    url: state === 'ready' ? `/api/v1/media/${id}` : null,
    thumbnail_url: hasThumbnail ? `/api/v1/media/${id}/thumbnail` : null,
  }
}
