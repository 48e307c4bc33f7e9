import createMessagePath from '../../migrations/records/0001_create_message_path.sql' with { type: 'text' }
import addMessageActs from '../../migrations/records/0002_add_message_acts.sql' with { type: 'text' }
import addPlatformNotices from '../../migrations/records/0003_add_platform_notices.sql' with { type: 'text' }
import addContactIdentities from '../../migrations/records/0004_add_contact_identities.sql' with { type: 'text' }
import addMedia from '../../migrations/records/0005_add_media.sql' with { type: 'text' }
import addErasure from '../../migrations/records/0006_add_erasure.sql' with { type: 'text' }
import orderMessageKeys from '../../migrations/records/0007_order_message_keys.sql' with { type: 'text' }
import findHeldMessages from '../../migrations/records/0008_find_held_messages.sql' with { type: 'text' }
import addKeyTerms from '../../migrations/records/0009_add_key_terms.sql' with { type: 'text' }
import addPeople from '../../migrations/records/0010_add_people.sql' with { type: 'text' }
import findUnmatchedStatuses from '../../migrations/records/0011_find_unmatched_statuses.sql' with { type: 'text' }
import addAudit from '../../migrations/records/0012_add_audit.sql' with { type: 'text' }
import setWorkspacesApart from '../../migrations/records/0013_set_workspaces_apart.sql' with { type: 'text' }
import noteChangesOfRights from '../../migrations/records/0014_note_changes_of_rights.sql' with { type: 'text' }
import eraseStaff from '../../migrations/records/0015_erase_staff.sql' with { type: 'text' }
import { Db, type OpenOptions, requireSqliteVersion } from '../storage/database.ts'
import { type Migration, migrate } from '../storage/migrate.ts'

export const MIGRATIONS: readonly Migration[] = [
  { name: '0001_create_message_path.sql', sql: createMessagePath },
  { name: '0002_add_message_acts.sql', sql: addMessageActs },
  { name: '0003_add_platform_notices.sql', sql: addPlatformNotices },
  { name: '0004_add_contact_identities.sql', sql: addContactIdentities },
  { name: '0005_add_media.sql', sql: addMedia },
  { name: '0006_add_erasure.sql', sql: addErasure },
  { name: '0007_order_message_keys.sql', sql: orderMessageKeys },
  { name: '0008_find_held_messages.sql', sql: findHeldMessages },
  { name: '0009_add_key_terms.sql', sql: addKeyTerms },
  { name: '0010_add_people.sql', sql: addPeople },
  { name: '0011_find_unmatched_statuses.sql', sql: findUnmatchedStatuses },
  { name: '0012_add_audit.sql', sql: addAudit },
  { name: '0013_set_workspaces_apart.sql', sql: setWorkspacesApart },
  { name: '0014_note_changes_of_rights.sql', sql: noteChangesOfRights },
  { name: '0015_erase_staff.sql', sql: eraseStaff },
]

/** Opens the records for writing: migrated, and with the row of the house. */
export function openRecords(path: string, epoch: string, options: OpenOptions = {}): Db {
  const database = new Db(path, { cacheKib: 65_536, ...options })
  requireSqliteVersion(database)
  migrate(database, 'records.db', MIGRATIONS)
  database.run(
    `INSERT INTO house (id, epoch, next_id, event_offset, applied_seq, applied_items, last_input_at)
     VALUES (1, ?1, 0, 0, 0, 0, 0) ON CONFLICT (id) DO NOTHING`,
    epoch,
  )
  return database
}

/** Opens the records for short reads beside the writer. */
export function openRecordsReadonly(path: string): Db {
  return new Db(path, { readonly: true, cacheKib: 32_768 })
}
