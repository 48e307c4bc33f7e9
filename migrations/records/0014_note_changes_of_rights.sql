-- What somebody's standing was before it changed, so that it can be said what came into their view and what left it. As long
-- as the events, whose offsets it goes by: that of `conversation.gone`, which `conversation.visible` follows at once.
CREATE TABLE standing_changes (
  "offset" INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,    -- role, person, team
  subject INTEGER NOT NULL, -- its id
  before TEXT NOT NULL      -- JSON
) STRICT;
