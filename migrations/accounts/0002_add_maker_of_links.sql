-- What whoever made a link could do and see then, as JSON: it opens nothing that they could not have opened. Null: it opens
-- the house for the first owner.
ALTER TABLE links ADD COLUMN made_by TEXT;
