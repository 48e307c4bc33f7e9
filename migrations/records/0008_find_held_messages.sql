-- Messages that are held are few and wanted at once: for figures, and for letting them go. 10: held.
CREATE INDEX messages_held ON messages (id) WHERE state = 10;
