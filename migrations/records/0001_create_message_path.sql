-- Ids come from one counter (house.next_id). Moments are milliseconds since 1970, UTC. Sealed cells open only with the
-- key of the person they are about (vault.db) and only in their place. Codes are listed in src/records/codes.ts.

-- One row: written in every commit, so what is applied and what it did are one.
CREATE TABLE house (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch TEXT NOT NULL,             -- changes when the folder is restored from a copy
  next_id INTEGER NOT NULL,
  event_offset INTEGER NOT NULL,   -- the last offset given
  applied_seq INTEGER NOT NULL,    -- the last journal entry wholly applied
  applied_items INTEGER NOT NULL,  -- items applied of the entry after it
  last_input_at INTEGER NOT NULL
) STRICT;

CREATE TABLE apps (
  id TEXT PRIMARY KEY,             -- channel and application, such as 'whatsapp/main'
  portfolio TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE numbers (
  id INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  account TEXT NOT NULL,           -- the channel's own id of the number
  app TEXT NOT NULL,
  portfolio TEXT NOT NULL,
  waba TEXT,
  pool TEXT,
  alias TEXT NOT NULL,
  display TEXT,                    -- the firm's own number, E.164
  per_second_max INTEGER,          -- the operator's ceiling; null: learned
  state INTEGER NOT NULL,          -- active, paused, unclaimed
  reason TEXT,
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX numbers_account ON numbers (channel, account);

CREATE TABLE contacts (
  id INTEGER PRIMARY KEY,
  person INTEGER NOT NULL,         -- whose key (vault.db) seals everything about them
  portfolio TEXT NOT NULL,
  profile BLOB NOT NULL,           -- sealed: name, phone, user ids
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX contacts_person ON contacts (person);

CREATE TABLE conversations (
  id INTEGER PRIMARY KEY,
  number_id INTEGER NOT NULL REFERENCES numbers (id),
  contact_id INTEGER NOT NULL REFERENCES contacts (id),
  created_at INTEGER NOT NULL,
  last_message_id INTEGER,
  last_message_at INTEGER NOT NULL,
  window_expires_at INTEGER,       -- the customer service window: 24 h after the customer's last message
  unread INTEGER NOT NULL DEFAULT 0,
  standby INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX conversations_parties ON conversations (contact_id, number_id);
CREATE INDEX conversations_recent ON conversations (last_message_at);

CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  conversation_id INTEGER NOT NULL,
  at INTEGER NOT NULL,             -- the platform's stamp; a stamp in the future counts as now
  arrived_at INTEGER NOT NULL,
  direction INTEGER NOT NULL,
  type TEXT NOT NULL,
  state INTEGER NOT NULL,
  upstream_hash INTEGER,           -- 64-bit keyed hash of the platform's id; a hit is confirmed against the sealed id
  body BLOB NOT NULL,              -- sealed: the platform's own object, whole
  price_category TEXT,
  price_type TEXT,
  referral_source TEXT,            -- the advertisement or post that led here
  flags INTEGER NOT NULL DEFAULT 0 -- 1 standby, 2 sent from the phone, 4 pacing
) STRICT;
-- An index ends with the row's id by itself: entries of equal moments are in the order of arrival.
CREATE INDEX messages_conversation ON messages (conversation_id, at);
CREATE INDEX messages_upstream ON messages (upstream_hash) WHERE upstream_hash IS NOT NULL;

-- How a message that we send is to be sent. While `owed` is 1 the row is the duty.
CREATE TABLE outbound (
  message_id INTEGER PRIMARY KEY,
  number_id INTEGER NOT NULL,
  class INTEGER NOT NULL,
  owed INTEGER NOT NULL,
  deadline_at INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  attempt INTEGER NOT NULL,        -- 0 before the first
  when_in_doubt INTEGER NOT NULL,
  token INTEGER NOT NULL,          -- random; comes back from the platform as proof that a status is about this message
  upstream BLOB,                   -- sealed: the platform's id
  reference BLOB,                  -- sealed: the caller's own words, given back in events
  caller_data BLOB                 -- sealed: the caller's biz_opaque_callback_data
) STRICT;
CREATE INDEX outbound_owed ON outbound (number_id, class, message_id) WHERE owed = 1;

CREATE TABLE message_states (
  message_id INTEGER NOT NULL,
  step INTEGER NOT NULL,
  at INTEGER NOT NULL,
  state INTEGER NOT NULL,
  reason TEXT,
  number_id INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  source INTEGER NOT NULL,         -- api, dispatch, platform, person, recovery
  PRIMARY KEY (message_id, step)
) STRICT, WITHOUT ROWID;

-- Everything the platform said about a message that was sent, also before we know which message that is.
CREATE TABLE statuses (
  id INTEGER PRIMARY KEY,
  upstream_hash INTEGER NOT NULL,
  message_id INTEGER,
  status TEXT NOT NULL,
  participant_hash INTEGER NOT NULL,
  at INTEGER NOT NULL,
  person INTEGER NOT NULL,         -- whose key seals the body; 0: the house's
  body BLOB NOT NULL               -- sealed: the platform's own object, whole
) STRICT;
CREATE INDEX statuses_upstream ON statuses (upstream_hash);

-- What the platform said that is neither: kept whole for the issue that understands it.
CREATE TABLE platform_notes (
  id INTEGER PRIMARY KEY,
  field TEXT NOT NULL,
  account TEXT,
  at INTEGER NOT NULL,
  hash INTEGER NOT NULL,           -- keyed, of the whole: a repeated delivery is one note
  body BLOB NOT NULL               -- sealed with the house's key
) STRICT;
CREATE INDEX platform_notes_hash ON platform_notes (hash);

CREATE TABLE events (
  "offset" INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  type INTEGER NOT NULL,
  number_id INTEGER,
  conversation_id INTEGER,
  message_id INTEGER,
  data TEXT                        -- what the rows cannot tell later; never personal
) STRICT;

-- What a cell held before it changed, for the events told until then: an event read later says what it said at first.
CREATE TABLE former_cells (
  kind INTEGER NOT NULL,           -- contact profile, number names, platform id of a sent message
  subject INTEGER NOT NULL,
  until_offset INTEGER NOT NULL,   -- the last event that was told with it
  cell BLOB NOT NULL,              -- sealed with the key of the person, or of the house for numbers
  PRIMARY KEY (kind, subject, until_offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE duties (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  subject INTEGER NOT NULL,
  term INTEGER NOT NULL,           -- a firing that carries an older term is dropped
  due_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX duties_subject ON duties (kind, subject);
CREATE INDEX duties_due ON duties (due_at);

-- Items that could not be applied, and their bodies, each kept once.
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,            -- the journal entry
  item INTEGER NOT NULL,           -- its place in the body; -1: the whole body
  at INTEGER NOT NULL,
  reason TEXT NOT NULL,            -- what failed, without the data
  expires_at INTEGER NOT NULL,
  replayed_at INTEGER
) STRICT;
CREATE INDEX quarantine_seq ON quarantine (seq);
CREATE INDEX quarantine_expiry ON quarantine (expires_at);

CREATE TABLE quarantine_bodies (
  seq INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  body BLOB NOT NULL               -- sealed with the quarantine's key
) STRICT;

CREATE TABLE idempotency (
  key_hash BLOB PRIMARY KEY,
  request_hash BLOB NOT NULL,
  message_id INTEGER NOT NULL,
  answer TEXT NOT NULL,            -- what was answered the first time; never personal
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (at);

CREATE TABLE api_keys (
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,       -- SHA-256 of the key; the key itself is shown once
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
