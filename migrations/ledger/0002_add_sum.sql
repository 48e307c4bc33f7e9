-- The sum of all rows of the other tables, written with each of them: what is damaged must not read as fewer erasures. Null:
-- of a file from before, summed when it is next written to.
CREATE TABLE sum (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  value TEXT                       -- 16 hexadecimal digits
) STRICT;
INSERT INTO sum (id, value) VALUES (1, NULL);
