-- How a contact's first identities came to be known; each further link says so itself, in the card. Codes: codes.ts.
ALTER TABLE contacts ADD COLUMN source INTEGER NOT NULL DEFAULT 0;
-- Sealed: the links contact <-> identity, each with its source and dates, and the attributes. NULL, as nearly always: the
-- profile says all there is, since the contact was made. So contacts that are older than this column need nothing done.
ALTER TABLE contacts ADD COLUMN card BLOB;
-- Who stands in its place in views: the head of the family of contacts that are one person. NULL: itself.
ALTER TABLE contacts ADD COLUMN merged_into INTEGER;
-- 1: is or was in a family. Only then an event has to ask who stood in its place at the time.
ALTER TABLE contacts ADD COLUMN joined INTEGER NOT NULL DEFAULT 0;
CREATE INDEX contacts_family ON contacts (merged_into) WHERE merged_into IS NOT NULL;

-- That two contacts are one person, and who says so. A link is undone, never changed: `merged_into` follows from the links
-- that hold, whatever the order in which they came and went.
CREATE TABLE contact_merges (
  id INTEGER PRIMARY KEY,
  from_id INTEGER NOT NULL,
  into_id INTEGER NOT NULL,
  source INTEGER NOT NULL,         -- platform, person
  said_by TEXT,                    -- the person's opaque id
  at INTEGER NOT NULL,
  undone_at INTEGER,
  undone_by TEXT
) STRICT;
CREATE INDEX contact_merges_from ON contact_merges (from_id);
CREATE INDEX contact_merges_into ON contact_merges (into_id);
