-- The edge's database (spec edge 5). Times are INTEGER milliseconds since 1970, UTC.

-- Ingress (5.1). hash is farmiq_content_hash() of the message, as hex.
CREATE TABLE ingress_dedupe (
    tenant_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    topic TEXT NOT NULL,
    hash TEXT,
    PRIMARY KEY (tenant_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ingress_dedupe_expires ON ingress_dedupe (expires_at);

CREATE TABLE device_allowlist (
    tenant_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    farm_id TEXT,
    barn_id TEXT,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    notes TEXT,
    created_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
    updated_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
    PRIMARY KEY (tenant_id, device_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE station_allowlist (
    tenant_id TEXT NOT NULL,
    station_id TEXT NOT NULL,
    farm_id TEXT,
    barn_id TEXT,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    notes TEXT,
    created_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
    updated_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
    PRIMARY KEY (tenant_id, station_id)
) STRICT, WITHOUT ROWID;

-- Whether a device is online is not when it was last seen (13-G9).
CREATE TABLE device_last_seen (
    tenant_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    last_seen_at INTEGER NOT NULL,
    is_online INTEGER NOT NULL DEFAULT 1,
    last_topic TEXT NOT NULL,
    last_payload_hash TEXT,
    received_at INTEGER,
    updated_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
    PRIMARY KEY (tenant_id, device_id)
) STRICT, WITHOUT ROWID;

-- Telemetry (5.2). id is the row's number; the reading's own name is its event_id.
-- The second index finds a tenant's time range, and what the purge may delete.
CREATE TABLE telemetry_raw (
    id INTEGER PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    farm_id TEXT,
    barn_id TEXT,
    device_id TEXT NOT NULL,
    metric_type TEXT NOT NULL,
    metric_value REAL NOT NULL,
    unit TEXT,
    occurred_at INTEGER NOT NULL,
    ingested_at INTEGER NOT NULL,
    event_id TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX telemetry_raw_event ON telemetry_raw (tenant_id, event_id);
CREATE INDEX telemetry_raw_series
    ON telemetry_raw (tenant_id, device_id, metric_type, occurred_at);
CREATE INDEX telemetry_raw_time ON telemetry_raw (tenant_id, occurred_at);

-- An aggregate is kept by adding to it: count, sum_value and sumsq_value compose, the
-- average follows. emitted_count is the count its last telemetry.aggregated had.
CREATE TABLE telemetry_agg (
    tenant_id TEXT NOT NULL,
    farm_id TEXT NOT NULL DEFAULT '',
    barn_id TEXT NOT NULL DEFAULT '',
    device_id TEXT NOT NULL,
    metric_type TEXT NOT NULL,
    "window" TEXT NOT NULL CHECK ("window" IN ('1m', '1h', '1d')),
    bucket_start_at INTEGER NOT NULL,
    bucket_end_at INTEGER NOT NULL,
    unit TEXT,
    count INTEGER NOT NULL,
    sum_value REAL NOT NULL,
    sumsq_value REAL NOT NULL,
    min_value REAL NOT NULL,
    max_value REAL NOT NULL,
    last_value REAL NOT NULL,
    last_at INTEGER NOT NULL,
    avg_value REAL GENERATED ALWAYS AS (sum_value / count) VIRTUAL,
    emitted_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, farm_id, barn_id, device_id, metric_type, "window",
                 bucket_start_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX telemetry_agg_device
    ON telemetry_agg (tenant_id, device_id, "window", bucket_start_at);
CREATE INDEX telemetry_agg_age ON telemetry_agg ("window", bucket_end_at);
CREATE INDEX telemetry_agg_unsent ON telemetry_agg (bucket_end_at)
    WHERE emitted_count <> count;

-- Outbox and sync (5.6).
-- queue sync

-- The contract of seed 002, 7.2: one row per event with a status. The tables behind it
-- are the queue's; the status is where the event is found. (json_extract() would be
-- refused on our own connections, which do not trust a schema.)
CREATE VIEW sync_outbox AS
SELECT e.event_id AS id, e.tenant_id, e.farm_id, e.barn_id, e.device_id, e.station_id,
    e.session_id, e.batch_id, e.event_type, e.occurred_at, e.trace_id, e.schema_version,
    e.payload AS payload_json, length(CAST(e.payload AS BLOB)) AS payload_size_bytes,
    CASE WHEN d.status = 7 THEN 'failed'
         WHEN d.status = 6 THEN 'dlq'
         WHEN c.seq IS NOT NULL THEN 'claimed'
         WHEN coalesce(r.seq, t.seq) IS NOT NULL THEN 'pending'
         ELSE 'acked' END AS status,
    e.priority,
    coalesce(r.attempt_count, t.attempt_count, c.attempt_count, d.attempt_count, 0)
        AS attempt_count,
    coalesce(r.claim_count, t.claim_count, c.claim_count, 0) AS claim_count,
    coalesce(t.due_at, e.created_at) AS next_attempt_at,
    c.claimed_by, c.claimed_at, c.lease_expires_at,
    x.last_error_code, x.last_error_message,
    d.died_at AS failed_at, d.reason AS dlq_reason, e.created_at,
    coalesce(d.died_at, c.claimed_at, e.created_at) AS updated_at, e.seq
FROM sync_event AS e
LEFT JOIN sync_ready AS r
    ON r.rank = -e.priority AND r.occurred_at = e.occurred_at AND r.seq = e.seq
LEFT JOIN sync_retry AS t ON t.seq = e.seq
LEFT JOIN sync_dead AS d ON d.seq = e.seq
LEFT JOIN sync_error AS x ON x.seq = e.seq
LEFT JOIN (
    SELECT s.value AS seq, b.claimed_by, b.claimed_at, b.lease_expires_at,
        a.value AS attempt_count, k.value AS claim_count
    FROM sync_batch AS b CROSS JOIN json_each(b.seqs) AS s
    CROSS JOIN json_each(b.attempt_counts) AS a ON a.key = s.key
    CROSS JOIN json_each(b.claim_counts) AS k ON k.key = s.key) AS c ON c.seq = e.seq;

-- A foreign writer may append the seed's way; an id that is there already is left
-- alone (spec edge 6.1).
CREATE TRIGGER sync_outbox_insert INSTEAD OF INSERT ON sync_outbox BEGIN
    INSERT OR IGNORE INTO sync_event (tenant_id, event_id, event_type, farm_id, barn_id,
        device_id, station_id, session_id, batch_id, trace_id, schema_version,
        occurred_at, priority, created_at, payload)
    VALUES (NEW.tenant_id,
        coalesce(NEW.id, (SELECT substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4'
            || substr(h, 14, 3) || '-a' || substr(h, 18, 3) || '-' || substr(h, 21)
            FROM (SELECT lower(hex(randomblob(16))) AS h))),
        NEW.event_type, NEW.farm_id, NEW.barn_id, NEW.device_id, NEW.station_id,
        NEW.session_id, NEW.batch_id, NEW.trace_id, coalesce(NEW.schema_version, '1.0'),
        coalesce(NEW.occurred_at, unixepoch() * 1000), coalesce(NEW.priority, 0),
        coalesce(NEW.created_at, unixepoch() * 1000), NEW.payload_json);
    INSERT INTO sync_ready (rank, occurred_at, seq, attempt_count, claim_count)
    SELECT -priority, occurred_at, seq, 0, 0 FROM sync_event
    WHERE seq = last_insert_rowid() AND changes() = 1;
    UPDATE sync_count SET pending = pending + changes();
END;

CREATE TABLE sync_state (
    tenant_id TEXT PRIMARY KEY,
    last_acked_event_id TEXT,
    last_acked_at INTEGER,
    last_sent_batch_id TEXT,
    consecutive_failures INTEGER NOT NULL DEFAULT 0,
    paused_until INTEGER,
    last_error_at INTEGER
) STRICT, WITHOUT ROWID;
