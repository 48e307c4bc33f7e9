-- Whoever worked here may be erased as customers are: then this is their id, and `erased_contacts` names it too. Ids of all
-- kinds are drawn from one counter.
ALTER TABLE erasures ADD COLUMN staff_id INTEGER;
