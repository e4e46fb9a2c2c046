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
