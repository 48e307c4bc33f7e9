-- Who was found by it before: the vault is committed before the records, so after a crash in between it is the records
-- that say whether the identity has passed on. A person of 0 is nobody.
ALTER TABLE blind_index ADD COLUMN former INTEGER;
CREATE INDEX blind_index_former ON blind_index (former) WHERE former IS NOT NULL;
