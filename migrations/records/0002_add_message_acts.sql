-- What people do to messages, calls, groups, who owns a thread, and how a revoke is taken. Codes: src/records/codes.ts.

-- 0 person, 1 group. A group is a contact with a key of its own, so its thread is a conversation like any other.
ALTER TABLE contacts ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;

-- Who wrote it in a group, and whose key seals the body. Null: the conversation's contact.
ALTER TABLE messages ADD COLUMN author_id INTEGER;
-- The message it answers, as far as it was there by then: never changed, since events tell it.
ALTER TABLE messages ADD COLUMN reply_id INTEGER;

-- The platform's stamp of the last word on who owns the thread: an older word does not win.
ALTER TABLE conversations ADD COLUMN standby_at INTEGER NOT NULL DEFAULT 0;

-- An act is a row of `messages` (flag 8) as everything is that people do there; this ties it to its target.
CREATE TABLE message_acts (
  act_id INTEGER PRIMARY KEY,      -- its row in `messages`
  kind INTEGER NOT NULL,           -- reaction, edit, revoke, call step, reply that waits
  target_hash INTEGER NOT NULL,    -- of the target's platform id
  target_id INTEGER,               -- null: the target has not come yet
  at INTEGER NOT NULL,             -- the platform's stamp as it is: acts are ordered by it
  applies INTEGER NOT NULL,        -- 1: whoever did it may; 0: it changes nothing
  revoked INTEGER                  -- of a revoke that applies: kept, hidden, deleted
) STRICT;
CREATE INDEX message_acts_target ON message_acts (target_id, kind, at) WHERE target_id IS NOT NULL;
-- Those that wait for their target: a target that comes asks here, and mostly memory says that nothing waits.
CREATE INDEX message_acts_waiting ON message_acts (target_hash) WHERE target_id IS NULL;

CREATE TABLE group_members (
  group_id INTEGER NOT NULL,       -- contact
  member_id INTEGER NOT NULL,      -- contact
  at INTEGER NOT NULL,             -- the platform's stamp of the last change
  how INTEGER NOT NULL,            -- member, left, asks to join, asks no more
  joined_at INTEGER,
  left_at INTEGER,
  PRIMARY KEY (group_id, member_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_member ON group_members (member_id);

-- Settings of the workspace that inputs go by; said anew at every start.
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Journal entries with older messages or an address book: these are applied beside the rest, at a fifth of the time.
CREATE TABLE later_bodies (
  seq INTEGER PRIMARY KEY,         -- the journal entry
  applied_items INTEGER NOT NULL   -- of all its items, those up to here
) STRICT;
