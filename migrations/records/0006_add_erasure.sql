-- That people were erased, whom and how far it has come: until it is done the row is the duty. Codes: src/records/erasure-codes.ts.
CREATE TABLE erasures (
  id INTEGER PRIMARY KEY,
  contact_id INTEGER NOT NULL,     -- who was asked for; their whole family goes
  requested_at INTEGER NOT NULL,
  requested_by TEXT NOT NULL,      -- an opaque id
  state INTEGER NOT NULL,          -- begun, rows, journal, done
  progress TEXT NOT NULL,          -- JSON: where it goes on, and what was erased so far
  subject BLOB,                    -- sealed with a key of its own, until it is done: keyed hashes of what they were known by
  keys_destroyed_at INTEGER,
  done_at INTEGER,
  report TEXT,                     -- JSON; never personal
  report_hash BLOB                 -- SHA-256 of the report's text
) STRICT;

CREATE TABLE erased_contacts (
  contact_id INTEGER PRIMARY KEY,
  erasure_id INTEGER NOT NULL,
  person INTEGER NOT NULL          -- the number whose key is destroyed
) STRICT;
CREATE INDEX erased_contacts_erasure ON erased_contacts (erasure_id);

-- What somebody wrote in groups. Most messages have no author of their own and are not in here.
CREATE INDEX messages_author ON messages (author_id) WHERE author_id IS NOT NULL;
