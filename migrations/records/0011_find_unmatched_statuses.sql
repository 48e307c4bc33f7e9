-- Statuses of messages that nobody here has sent, for their list. Our own are in it only until their send is answered.
CREATE INDEX statuses_unmatched ON statuses (at) WHERE message_id IS NULL;
