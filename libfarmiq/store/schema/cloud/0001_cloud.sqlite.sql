-- The cloud's database on SQLite (spec cloud 1.6, 3.2): one box, or a test. Times are
-- INTEGER milliseconds since 1970, UTC.

-- topic is the edge that sent the event; the name is the ledger verb's.
CREATE TABLE cloud_dedupe (
    tenant_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    topic TEXT NOT NULL,
    hash TEXT,
    PRIMARY KEY (tenant_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX cloud_dedupe_expires ON cloud_dedupe (expires_at);

-- The name seed 002, 2.3 gives it.
CREATE VIEW ingestion_dedupe AS
SELECT tenant_id, event_id, first_seen_at FROM cloud_dedupe;

-- Signatures already used; purged after twice the permitted skew (spec cloud 1.5).
CREATE TABLE edge_replay (
    tenant_id TEXT NOT NULL,
    sig_hash TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, sig_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_replay_seen ON edge_replay (seen_at);

-- The local bus: what ingestion hands to the telemetry service.
-- queue bus_telemetry

-- What no consumer takes yet waits here instead of vanishing.
-- queue bus_unrouted

-- Towards RabbitMQ: what was taken in and is not confirmed by the broker yet.
-- queue ingest

-- id is the row's number; the reading's own name is its event_id. The index by time
-- finds a tenant's range, and what the purge may delete.
CREATE TABLE telemetry_raw (
    id INTEGER PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    farm_id TEXT,
    barn_id TEXT,
    device_id TEXT NOT NULL,
    batch_id TEXT,
    metric TEXT NOT NULL,
    value REAL NOT NULL,
    unit TEXT,
    occurred_at INTEGER NOT NULL,
    trace_id TEXT,
    event_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ingested_at INTEGER,
    quality INTEGER
) STRICT;
CREATE UNIQUE INDEX telemetry_raw_event ON telemetry_raw (tenant_id, event_id);
CREATE INDEX telemetry_raw_series
    ON telemetry_raw (tenant_id, device_id, metric, occurred_at);
CREATE INDEX telemetry_raw_time ON telemetry_raw (tenant_id, occurred_at);

-- Kept by adding: count, sum_value and sumsq_value compose, the average follows.
CREATE TABLE telemetry_agg (
    tenant_id TEXT NOT NULL,
    farm_id TEXT NOT NULL DEFAULT '',
    barn_id TEXT NOT NULL DEFAULT '',
    device_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    bucket_size TEXT NOT NULL CHECK (bucket_size IN ('5m', '1h', '1d')),
    bucket_start INTEGER NOT NULL,
    count INTEGER NOT NULL,
    sum_value REAL NOT NULL,
    sumsq_value REAL NOT NULL,
    min_value REAL NOT NULL,
    max_value REAL NOT NULL,
    last_value REAL NOT NULL,
    last_at INTEGER NOT NULL,
    avg_value REAL GENERATED ALWAYS AS (sum_value / count) VIRTUAL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, farm_id, barn_id, device_id, metric, bucket_size,
                 bucket_start)
) STRICT, WITHOUT ROWID;
CREATE INDEX telemetry_agg_time ON telemetry_agg (tenant_id, bucket_size, bucket_start);
CREATE INDEX telemetry_agg_device
    ON telemetry_agg (tenant_id, device_id, metric, bucket_size, bucket_start);
CREATE INDEX telemetry_agg_age ON telemetry_agg (bucket_size, bucket_start);

CREATE TABLE device_last_seen (
    tenant_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    last_seen_at INTEGER NOT NULL,
    last_metric TEXT,
    last_value REAL,
    PRIMARY KEY (tenant_id, device_id)
) STRICT, WITHOUT ROWID;

-- What the live page asks for without reading the past.

-- The newest value of each series.
CREATE TABLE telemetry_latest (
    tenant_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    farm_id TEXT NOT NULL,
    barn_id TEXT NOT NULL,
    value REAL NOT NULL,
    unit TEXT,
    occurred_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, device_id, metric)
) STRICT, WITHOUT ROWID;

-- How each edge is doing, as of its last batch.
CREATE TABLE edge_status (
    tenant_id TEXT NOT NULL,
    edge_id TEXT NOT NULL,
    backlog INTEGER NOT NULL,
    oldest_pending_age_s INTEGER NOT NULL,
    last_sync_at INTEGER NOT NULL,
    events_accepted INTEGER NOT NULL,
    events_duplicated INTEGER NOT NULL,
    events_rejected INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, edge_id)
) STRICT, WITHOUT ROWID;

-- What an edge computed itself (telemetry.aggregated), beside our own buckets.
CREATE TABLE telemetry_edge_agg (
    tenant_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    bucket_size TEXT NOT NULL,
    bucket_end INTEGER NOT NULL,
    avg_value REAL NOT NULL,
    min_value REAL NOT NULL,
    max_value REAL NOT NULL,
    count INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, device_id, metric, bucket_size, bucket_end)
) STRICT, WITHOUT ROWID;
CREATE INDEX telemetry_edge_agg_age ON telemetry_edge_agg (received_at);
