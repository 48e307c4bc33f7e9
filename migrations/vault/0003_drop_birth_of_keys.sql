-- Nobody asks when a key was made, and what is kept in the clear can be damaged unseen.
ALTER TABLE named_keys DROP COLUMN created_at;
