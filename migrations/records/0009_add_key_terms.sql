-- What an API key may do. Keys from before are the owner's, which `role` says and `permissions` leaves open.
ALTER TABLE api_keys ADD COLUMN workspace_id INTEGER NOT NULL DEFAULT 1;
ALTER TABLE api_keys ADD COLUMN name TEXT NOT NULL DEFAULT 'first key'; -- the operator's word for it; nothing personal
ALTER TABLE api_keys ADD COLUMN hint TEXT NOT NULL DEFAULT '';          -- the key's last characters, to tell keys apart
ALTER TABLE api_keys ADD COLUMN permissions TEXT;                       -- JSON list of names; null: those of the role
ALTER TABLE api_keys ADD COLUMN number_ids TEXT;                        -- JSON list of numbers it is bound to; null: all
ALTER TABLE api_keys ADD COLUMN expires_at INTEGER;
ALTER TABLE api_keys ADD COLUMN used_at INTEGER;                        -- to the minute
ALTER TABLE api_keys ADD COLUMN revoked_at INTEGER;
