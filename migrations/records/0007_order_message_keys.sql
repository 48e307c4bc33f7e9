-- The key by which a repeated delivery is known: the platform's stamp in seconds before 31 bits of the hash of its id
-- (see messageKey in src/records/message-row.ts), so that new keys stand beside each other in the index and not on a
-- page of their own each. What we sent keeps the whole hash: its statuses come without a stamp.
UPDATE messages SET upstream_hash = ((at / 1000) << 31) | (upstream_hash & 2147483647)
WHERE upstream_hash IS NOT NULL AND type <> 'call' AND id NOT IN (SELECT message_id FROM outbound);
