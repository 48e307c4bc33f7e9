-- Whom the house has erased, without saying who they were: random numbers and places in the journal. Kept apart from the
-- backups, for one that is older than an erasure brings the person back: a restore applies this again before it serves.
CREATE TABLE erasures (
  epoch TEXT NOT NULL,             -- of the records in which it was asked for
  erasure INTEGER NOT NULL,        -- its id there
  asked_at INTEGER NOT NULL,       -- milliseconds since 1970
  asked_by TEXT NOT NULL,          -- an opaque id
  done_at INTEGER,
  report_hash BLOB,                -- SHA-256 of the report
  PRIMARY KEY (epoch, erasure)
) STRICT, WITHOUT ROWID;

CREATE TABLE persons (
  person INTEGER PRIMARY KEY,      -- the number whose key is destroyed
  epoch TEXT NOT NULL,
  erasure INTEGER NOT NULL
) STRICT;

-- What was cut out of an entry of the journal. The tag says which entry: after a restore other entries get its number.
CREATE TABLE cuts (
  seq INTEGER NOT NULL,
  tag BLOB NOT NULL,
  paths TEXT NOT NULL,             -- JSON: the paths of what was taken out, each a list of names and places
  PRIMARY KEY (seq, tag)
) STRICT, WITHOUT ROWID;
