-- What a cell held before it changed, for the events told until then: an event read later says what it said at first.
CREATE TABLE former_cells (
  kind INTEGER NOT NULL,           -- contact profile, number names, platform id of a sent message
  subject INTEGER NOT NULL,
  until_offset INTEGER NOT NULL,   -- the last event that was told with it
  cell BLOB NOT NULL,              -- sealed with the key of the person, or of the house for numbers
  PRIMARY KEY (kind, subject, until_offset)
) STRICT, WITHOUT ROWID;
