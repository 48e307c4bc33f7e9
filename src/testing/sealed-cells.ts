import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DayFile, daysIn } from '../journal/day-file.ts'
import { dayKeyName } from '../journal/entry.ts'
import { FORMER } from '../records/codes.ts'
import { Db } from '../storage/database.ts'
import { ChunkOpener, chunkCount, chunkSpan, HEADER_BYTES } from '../vault/chunks.ts'
import { unsealText } from '../vault/sealing.ts'
import { Vault } from '../vault/vault.ts'

/** Whose key opens a cell: a person's number, 0 for the house, or the name of a key. */
type Owner = number | string

interface SealedColumn {
  /** Answers `owner`, `place` and `cell` of every row. Places are built in SQL: nothing here is shared with the product. */
  rows: string
}

/** Every column that holds something sealed. The schema is asked whether one is missing here. */
const SEALED: Readonly<Record<string, SealedColumn>> = {
  'contacts.profile': {
    rows: "SELECT person AS owner, 'contacts.profile:' || id AS place, profile AS cell FROM contacts",
  },
  'contacts.card': { rows: "SELECT person AS owner, 'contacts.card:' || id AS place, card AS cell FROM contacts" },
  'messages.body': {
    rows: `SELECT k.person AS owner, 'messages.body:' || m.id AS place, m.body AS cell FROM messages m
      JOIN conversations c ON c.id = m.conversation_id JOIN contacts k ON k.id = coalesce(m.author_id, c.contact_id)`,
  },
  'outbound.upstream': { rows: outbound('upstream') },
  'outbound.reference': { rows: outbound('reference') },
  'outbound.caller_data': { rows: outbound('caller_data') },
  'statuses.body': { rows: "SELECT person AS owner, 'statuses.body:' || id AS place, body AS cell FROM statuses" },
  'platform_notes.body': {
    rows: "SELECT 0 AS owner, 'platform_notes.body:' || id AS place, body AS cell FROM platform_notes",
  },
  'quarantine_bodies.body': {
    rows: "SELECT 'quarantine' AS owner, 'quarantine_bodies.body:' || seq AS place, body AS cell FROM quarantine_bodies",
  },
  'consents.body': {
    rows: `SELECT k.person AS owner, 'consents.body:' || s.id AS place, s.body AS cell FROM consents s
      JOIN contacts k ON k.id = s.contact_id`,
  },
  'address_book_entries.body': {
    rows: `SELECT k.person AS owner, 'address_book_entries.body:' || s.contact_id AS place, s.body AS cell
      FROM address_book_entries s JOIN contacts k ON k.id = s.contact_id`,
  },
  'media.descriptor': {
    rows: "SELECT person AS owner, 'media.descriptor:' || id AS place, descriptor AS cell FROM media",
  },
  'erasures.subject': {
    rows: "SELECT 'erasure:' || id AS owner, 'erasures.subject:' || id AS place, subject AS cell FROM erasures",
  },
  'people.profile': {
    rows: "SELECT key_person AS owner, 'people.profile:' || id AS place, profile AS cell FROM people",
  },
  'audit.detail': {
    rows: "SELECT detail_person AS owner, 'audit.detail:' || seq AS place, detail AS cell FROM audit",
  },
  'former_cells.cell': {
    rows: `SELECT coalesce(
        CASE WHEN kind = ${FORMER.code('number')} THEN 0 END,
        CASE WHEN kind = ${FORMER.code('upstream')} THEN (SELECT k.person FROM messages m
          JOIN conversations c ON c.id = m.conversation_id JOIN contacts k ON k.id = c.contact_id WHERE m.id = subject) END,
        (SELECT person FROM contacts WHERE id = subject)) AS owner,
      'former_cells.cell:' || CASE kind WHEN 1 THEN 'profile' WHEN 2 THEN 'number' WHEN 3 THEN 'upstream'
        WHEN 5 THEN 'card' WHEN 6 THEN 'head' END || ':' || subject || ':' || until_offset AS place, cell FROM former_cells`,
  },
}

/** Columns of bytes that hold no text of anybody, sealed or not: keyed hashes and sums. */
const HASHES = [
  'idempotency.key_hash',
  'idempotency.request_hash',
  'api_keys.hash',
  'erasures.report_hash',
  'audit.detail_hash',
  'audit.hash',
  'audit_head.hash',
  'audit_head.mac',
]

function outbound(column: string): string {
  return `SELECT k.person AS owner, 'outbound.${column}:' || o.message_id AS place, o.${column} AS cell FROM outbound o
    JOIN messages m ON m.id = o.message_id JOIN conversations c ON c.id = m.conversation_id
    JOIN contacts k ON k.id = c.contact_id`
}

/** Columns of the records that hold bytes and that nobody has said here what they are. */
export function unknownColumns(folder: string): string[] {
  const database = new Db(join(folder, 'records.db'), { readonly: true })
  const columns = database.all<{ name: string }>(
    `SELECT t.name || '.' || c.name AS name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
     WHERE t.type = 'table' AND upper(c.type) = 'BLOB' ORDER BY 1`,
  )
  database.close()
  return columns.map(({ name }) => name).filter((name) => !(name in SEALED) && !HASHES.includes(name))
}

export interface Opened {
  /** Table and column, `journal`, or `media`. */
  where: string
  text: string
}

/**
 * Opens everything in a data folder that the keys of a vault open: what somebody with the disk and the master key can
 * read. `vaultFolder` has the vault; it need not be the folder's own.
 */
export function openEverything(folder: string, vaultFolder: string, masterKey: Uint8Array): Opened[] {
  const vault = new Vault(join(vaultFolder, 'vault.db'), masterKey, { readonly: true })
  try {
    return [...openRecords(folder, vault), ...openJournal(folder, vault), ...openMedia(folder, vaultFolder, vault)]
  } finally {
    vault.close()
  }
}

function openRecords(folder: string, vault: Vault): Opened[] {
  const database = new Db(join(folder, 'records.db'), { readonly: true })
  const opened: Opened[] = []
  for (const [where, { rows }] of Object.entries(SEALED)) {
    for (const row of database.all<{ owner: Owner; place: string; cell: Uint8Array | null }>(rows)) {
      const key = keyOf(vault, row.owner)
      if (key && row.cell && row.cell.length > 0) opened.push({ where, text: unsealText(key, row.place, row.cell) })
    }
  }
  database.close()
  return opened
}

function keyOf(vault: Vault, owner: Owner): Uint8Array | undefined {
  if (typeof owner === 'string') return vault.findNamedKey(owner)
  return owner === 0 ? vault.findNamedKey('house') : vault.personKey(owner)
}

function openJournal(folder: string, vault: Vault): Opened[] {
  const journal = join(folder, 'journal')
  const opened: Opened[] = []
  for (const day of daysIn(journal)) {
    const key = vault.findNamedKey(dayKeyName(day))
    if (!key) continue
    const file = new DayFile({ folder: journal, day, key, readonly: true })
    for (let after = 0; ; ) {
      const entries = file.read(after, 500, 4 * 1024 * 1024)
      for (const { body } of entries) opened.push({ where: 'journal', text: new TextDecoder().decode(body) })
      const last = entries.at(-1)
      if (!last) break
      after = last.seq
    }
    file.close()
  }
  return opened
}

/** Each file with every key there is: after an erasure no row says whose it was. */
function openMedia(folder: string, vaultFolder: string, vault: Vault): Opened[] {
  const database = new Db(join(vaultFolder, 'vault.db'), { readonly: true })
  const persons = database.all<{ person: number }>('SELECT person FROM person_keys')
  database.close()
  const keys = persons.flatMap(({ person }) => vault.personKey(person) ?? [])
  return filesIn(join(folder, 'media')).flatMap((path) => {
    for (const key of keys) {
      const text = openFile(path, key)
      if (text !== undefined) return [{ where: 'media', text }]
    }
    return []
  })
}

function openFile(path: string, key: Uint8Array): string | undefined {
  const bytes = new Uint8Array(readFileSync(path))
  try {
    const name = path.split('/').at(-1) ?? ''
    const file = new ChunkOpener(key, { name, header: bytes.subarray(0, HEADER_BYTES), lengthBytes: bytes.length })
    const chunks = Array.from({ length: chunkCount(file.sizeBytes) }, (_, index) => {
      const { offset, length } = chunkSpan(file.sizeBytes, index)
      return file.open(index, bytes.subarray(offset, offset + length))
    })
    return Buffer.concat(chunks).toString('latin1')
  } catch {
    return undefined
  }
}

/** All files of a folder, and of those in it. */
export function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}

/** The files in whose raw bytes any of the texts or bytes is found. */
export function filesWith(folder: string, wanted: readonly (string | Uint8Array)[]): string[] {
  const needles = wanted.map((one) => (typeof one === 'string' ? Buffer.from(one) : Buffer.from(one)))
  return filesIn(folder).filter((path) => {
    const bytes = readFileSync(path)
    return needles.some((needle) => bytes.includes(needle))
  })
}
