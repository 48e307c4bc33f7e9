-- Who works here. People belong to the house and are members of workspaces; a workspace has its own roles and teams.

CREATE TABLE workspaces (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,       -- the operator's word for it; nothing personal
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO workspaces (id, name, created_at) VALUES (1, 'main', 0);

CREATE TABLE people (
  id INTEGER PRIMARY KEY,
  key_person INTEGER NOT NULL UNIQUE, -- whose key (vault.db) seals the profile
  profile BLOB NOT NULL,           -- sealed: name, e-mail address
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE roles (
  id INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
  name TEXT NOT NULL,
  permissions TEXT NOT NULL,       -- JSON list of names
  given INTEGER NOT NULL,          -- 1: one of those that every workspace begins with
  UNIQUE (workspace_id, name)
) STRICT;

CREATE TABLE memberships (
  workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
  person_id INTEGER NOT NULL REFERENCES people (id),
  role_id INTEGER NOT NULL REFERENCES roles (id),
  state INTEGER NOT NULL,          -- 0 active, 1 suspended
  work TEXT NOT NULL,              -- JSON: languages, skills, zone, hours
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_person ON memberships (person_id);
CREATE INDEX memberships_role ON memberships (role_id);

CREATE TABLE teams (
  id INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
  name TEXT NOT NULL,
  UNIQUE (workspace_id, name)
) STRICT;

CREATE TABLE team_people (
  workspace_id INTEGER NOT NULL,
  team_id INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
  person_id INTEGER NOT NULL,
  PRIMARY KEY (team_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_people_person ON team_people (person_id);

-- The numbers that a team answers on.
CREATE TABLE team_numbers (
  workspace_id INTEGER NOT NULL,
  team_id INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
  number_id INTEGER NOT NULL,
  PRIMARY KEY (team_id, number_id)
) STRICT, WITHOUT ROWID;

-- An API key may speak for a person: then it may and sees what they do.
ALTER TABLE api_keys ADD COLUMN person_id INTEGER;

-- Who has a conversation.
ALTER TABLE conversations ADD COLUMN assignee_id INTEGER;
ALTER TABLE conversations ADD COLUMN team_id INTEGER;
CREATE INDEX conversations_assignee ON conversations (assignee_id, last_message_at) WHERE assignee_id IS NOT NULL;
CREATE INDEX conversations_team ON conversations (team_id, last_message_at) WHERE team_id IS NOT NULL;
