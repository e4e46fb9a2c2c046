-- Whether a device is online is not when it was last seen (spec edge 13-G9).
ALTER TABLE device_last_seen ADD COLUMN is_online INTEGER NOT NULL DEFAULT 1;
ALTER TABLE device_last_seen ADD COLUMN received_at INTEGER;

ALTER TABLE sync_state ADD COLUMN last_error_at INTEGER;
