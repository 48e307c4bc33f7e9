-- Files that come with messages. Codes: src/records/codes.ts.

CREATE TABLE media (
  id INTEGER PRIMARY KEY,
  message_id INTEGER NOT NULL,     -- the row of `messages` that brought it; an edit brings its own
  position INTEGER NOT NULL,       -- its place among the files of that row
  person INTEGER NOT NULL,         -- whose key seals it
  descriptor BLOB NOT NULL,        -- sealed: what the sender said of it: upstream id, address, name, type, sum
  created_at INTEGER NOT NULL,
  state INTEGER NOT NULL,          -- waiting, ready, failed, gone, too large, refused
  reason TEXT,
  lane INTEGER NOT NULL,           -- 0: shown just now; 1: older than the connection, fetched when nothing else waits
  due_at INTEGER,                  -- when it is fetched next: while it is set, the row is the duty
  attempt INTEGER NOT NULL,        -- 0 before the first; an outcome that carries another is dropped
  give_up_at INTEGER NOT NULL,     -- the platform forgets the file by then
  file TEXT,                       -- its name in the folder media/: a keyed hash of person and content
  size_bytes INTEGER,
  mime_type TEXT,                  -- what its first bytes say it is
  has_thumbnail INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX media_message ON media (message_id, position);
CREATE INDEX media_person ON media (person);
CREATE INDEX media_due ON media (lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX media_file ON media (file) WHERE file IS NOT NULL;
-- For retention: what was fetched longest ago.
CREATE INDEX media_kept ON media (created_at) WHERE file IS NOT NULL;

-- Files that are to be removed from the folder because the rows that named them are gone.
CREATE TABLE media_removals (
  file TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
