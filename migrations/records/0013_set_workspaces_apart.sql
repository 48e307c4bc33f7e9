-- Brands or subsidiaries in one house, their data apart. Everything a customer has to do with follows from the number, and
-- so from the application and its portfolio, which belongs to one workspace and stays there. 1: main.
ALTER TABLE apps ADD COLUMN workspace_id INTEGER NOT NULL DEFAULT 1;
ALTER TABLE numbers ADD COLUMN workspace_id INTEGER NOT NULL DEFAULT 1;
ALTER TABLE contacts ADD COLUMN workspace_id INTEGER NOT NULL DEFAULT 1;
ALTER TABLE conversations ADD COLUMN workspace_id INTEGER NOT NULL DEFAULT 1;
ALTER TABLE events ADD COLUMN workspace_id INTEGER NOT NULL DEFAULT 1;
ALTER TABLE platform_notes ADD COLUMN workspace_id INTEGER NOT NULL DEFAULT 1;
ALTER TABLE facts ADD COLUMN workspace_id INTEGER NOT NULL DEFAULT 1;
ALTER TABLE erasures ADD COLUMN workspace_id INTEGER NOT NULL DEFAULT 1;

-- The same order as before within each workspace: a large one costs a small one nothing.
DROP INDEX conversations_recent;
CREATE INDEX conversations_recent ON conversations (workspace_id, last_message_at);
CREATE INDEX contacts_workspace ON contacts (workspace_id, id);
