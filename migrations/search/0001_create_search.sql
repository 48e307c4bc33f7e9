-- The word index. Its terms are keyed hashes, so the file holds no words; it is no record of anything: it may be deleted,
-- and is made anew from records.db. The row of a message has the message's id, so the newest are found first.

-- Words in their order (a phrase is found by their places), then what has no place: single characters, prefixes, and the
-- terms of conversation, number, direction and kind, day, month, and the author in a group.
CREATE VIRTUAL TABLE message_terms USING fts5 (terms, content = '', contentless_delete = 1, tokenize = 'ascii');

-- Names, phones and other identities, by contact: a new name touches no message.
CREATE VIRTUAL TABLE person_terms USING fts5 (
  terms, content = '', contentless_delete = 1, detail = 'none', tokenize = 'ascii'
);

-- One row, written in the commit of what it tells.
CREATE TABLE progress (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  made_of TEXT NOT NULL,           -- the records' epoch and the version of the terms: of another, all is made anew
  low_message_id INTEGER NOT NULL, -- messages with low <= id <= high are in the index; 0: all older ones too
  high_message_id INTEGER NOT NULL,
  low_contact_id INTEGER NOT NULL,
  high_contact_id INTEGER NOT NULL,
  event_offset INTEGER NOT NULL,   -- changes up to here are in it
  residue_since INTEGER            -- since when terms of rows that were taken out are in the file: until the next whole merge
) STRICT;
