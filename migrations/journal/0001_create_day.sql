-- One file a day, append-only. The sequence has no gap but those written down in losses.
CREATE TABLE entries (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,             -- when it arrived, milliseconds since 1970
  source TEXT NOT NULL,            -- channel and application, such as 'whatsapp/main'
  sealed BLOB NOT NULL             -- the raw bytes, sealed with the day's key and bound to the entry before
) STRICT;

-- What the first entry of this file is bound to: the tag of the last entry of the file before.
CREATE TABLE chain (
  previous_seq INTEGER NOT NULL,
  previous_tag BLOB NOT NULL
) STRICT;

-- Entries that a damaged disk took and an operator accepted as lost.
CREATE TABLE losses (
  after_seq INTEGER PRIMARY KEY,
  next_seq INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT;
