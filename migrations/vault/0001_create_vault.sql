-- Keys, each wrapped by the master key, which is never in this folder.
CREATE TABLE named_keys (
  name TEXT PRIMARY KEY,           -- 'house', 'blind', 'quarantine', 'day:2026-11-22'
  wrapped BLOB NOT NULL,
  created_at INTEGER NOT NULL      -- milliseconds since 1970
) STRICT, WITHOUT ROWID;

CREATE TABLE person_keys (
  person INTEGER PRIMARY KEY,      -- a number, never reused; its key is empty once it is destroyed
  wrapped BLOB NOT NULL
) STRICT;

-- From a keyed hash of a phone or user id to the person.
CREATE TABLE blind_index (
  hash BLOB PRIMARY KEY,           -- 16 bytes of HMAC-SHA256
  person INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX blind_index_person ON blind_index (person);
