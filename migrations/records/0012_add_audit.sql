-- Who did what and who saw what, in one chain: each row's hash covers the hash of the row before.

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,         -- without gaps
  at INTEGER NOT NULL,
  workspace_id INTEGER NOT NULL,
  actor TEXT NOT NULL,             -- an opaque id: of a key, a person's session, the command line
  actor_kind INTEGER NOT NULL,     -- 0 key, 1 session, 2 command line
  person_id INTEGER,
  action TEXT NOT NULL,            -- noun.verb
  object TEXT,                     -- our id
  outcome TEXT NOT NULL,           -- done, or the code of the refusal
  times INTEGER NOT NULL,          -- within the minute that ended with `at`, where more than one
  detail_person INTEGER,           -- whose key seals the detail; 0: the house's; null: there is none
  detail_hash BLOB,                -- SHA-256 of the sealed detail, so that it can be erased and the chain holds
  hash BLOB NOT NULL,
  detail BLOB                      -- sealed; empty once it is erased
) STRICT;
CREATE INDEX audit_object ON audit (object, seq) WHERE object IS NOT NULL;
CREATE INDEX audit_detail ON audit (detail_person, seq) WHERE detail_person > 0;

CREATE TRIGGER audit_rows_stay BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'rows of the audit are never deleted'); END;
CREATE TRIGGER audit_rows_hold BEFORE UPDATE OF seq, at, workspace_id, actor, actor_kind, person_id, action, object,
  outcome, times, detail_person, detail_hash, hash ON audit
BEGIN SELECT RAISE(ABORT, 'rows of the audit are never changed'); END;
CREATE TRIGGER audit_details_go BEFORE UPDATE OF detail ON audit WHEN NEW.detail IS NOT x''
BEGIN SELECT RAISE(ABORT, 'a detail of the audit is only erased'); END;

-- The last row, under a keyed hash: rows that are taken from the end are missed.
CREATE TABLE audit_head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL,
  mac BLOB NOT NULL
) STRICT;
INSERT INTO audit_head (id, seq, hash, mac) VALUES (1, 0, x'', x'');

-- What machines do in great numbers is counted for a minute and becomes one row.
CREATE TABLE audit_minutes (
  workspace_id INTEGER NOT NULL,
  actor TEXT NOT NULL,
  actor_kind INTEGER NOT NULL,
  person_id INTEGER,
  action TEXT NOT NULL,
  outcome TEXT NOT NULL,
  minute INTEGER NOT NULL,
  times INTEGER NOT NULL,
  PRIMARY KEY (actor, workspace_id, action, outcome)
) STRICT, WITHOUT ROWID;
