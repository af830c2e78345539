-- Of a clock that is ahead: such a time counts as the one at which the ward stored it (pumpd_ward/store/history.py).
CREATE INDEX alarm_ahead ON alarm (stored_at) WHERE raised_at > stored_at;
CREATE INDEX entry_ahead ON entry (stored_at) WHERE ts > stored_at;
