-- What a notice says in clear: words of the platform about the firm's own numbers, accounts and templates, never about a
-- customer. The platform's own object stays whole in `body`.
ALTER TABLE platform_notes ADD COLUMN event TEXT;            -- the platform's word for what happened
ALTER TABLE platform_notes ADD COLUMN business_account TEXT; -- whose webhook it was (WhatsApp: the WABA)
ALTER TABLE platform_notes ADD COLUMN severity INTEGER;      -- info, warning, critical; null: kept and not understood
ALTER TABLE platform_notes ADD COLUMN facts TEXT;            -- JSON: the facts it stated
ALTER TABLE platform_notes ADD COLUMN arrived_at INTEGER;
CREATE INDEX platform_notes_recent ON platform_notes (at);

-- What the platform said last about a number, an account, a portfolio or a template, by name.
CREATE TABLE facts (
  channel TEXT NOT NULL,
  subject_kind INTEGER NOT NULL,   -- number, written number, account, portfolio, template
  subject TEXT NOT NULL,           -- the channel's own id; of a template JSON: account, name, language
  name TEXT NOT NULL,
  value ANY,                       -- text or number; null: it does not hold any more
  since INTEGER NOT NULL,          -- the platform's stamp of the newest notice that said so; older ones change nothing
  until INTEGER,                   -- when it ends by itself
  note_id INTEGER NOT NULL,        -- that notice
  PRIMARY KEY (channel, subject_kind, subject, name)
) STRICT, WITHOUT ROWID;

-- What people want and do not want to receive. The newest stamp of a category holds; what held before is kept.
CREATE TABLE consents (
  id INTEGER PRIMARY KEY,
  contact_id INTEGER NOT NULL,
  category TEXT NOT NULL,          -- the platform's word, such as 'marketing_messages'
  value TEXT NOT NULL,             -- 'stop', 'resume', or another word of the platform
  at INTEGER NOT NULL,             -- the platform's stamp
  arrived_at INTEGER NOT NULL,
  source TEXT NOT NULL,            -- who says so: 'platform'
  body BLOB NOT NULL               -- sealed with the person's key: the platform's own object, whole
) STRICT;
CREATE UNIQUE INDEX consents_contact ON consents (contact_id, category, at, value);

-- The newest entry of the firm's phone's address book about a contact; the name is in the contact's sealed profile.
CREATE TABLE address_book_entries (
  contact_id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,             -- the platform's stamp; an older entry changes nothing
  is_removed INTEGER NOT NULL,
  body BLOB NOT NULL               -- sealed with the person's key: the platform's own object, whole
) STRICT;
