-- What people sign in with. People are known here by their numbers in the records alone: no name, no address, no word of
-- theirs stands in this file.

CREATE TABLE passwords (
  person_id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,              -- Argon2id of a keyed hash: without the vault it cannot be guessed at
  changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE second_factors (
  person_id INTEGER PRIMARY KEY,
  secret BLOB NOT NULL,            -- sealed
  confirmed INTEGER NOT NULL,      -- 0: shown, and not yet proven
  last_step INTEGER NOT NULL,      -- of the newest code that was taken: none is taken twice
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_codes (
  person_id INTEGER NOT NULL,
  hash BLOB NOT NULL,              -- keyed
  PRIMARY KEY (person_id, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  hash BLOB PRIMARY KEY,           -- SHA-256 of what the cookie holds
  person_id INTEGER NOT NULL,
  device TEXT NOT NULL,            -- browser and system in two words
  method TEXT NOT NULL,            -- password, oidc
  created_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL         -- to the minute
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_person ON sessions (person_id, created_at);

CREATE TABLE links (
  hash BLOB PRIMARY KEY,           -- SHA-256 of the link's token
  kind TEXT NOT NULL,              -- setup, invitation, password, second_factor
  person_id INTEGER,               -- null: the first owner, who is not there yet
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who somebody is at the single sign-on: by issuer and subject, never by an e-mail address.
CREATE TABLE identities (
  hash BLOB PRIMARY KEY,           -- keyed, of issuer and subject
  person_id INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_person ON identities (person_id);
