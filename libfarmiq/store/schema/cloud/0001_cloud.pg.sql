-- The cloud's database on PostgreSQL (spec cloud 1.6, 3.2).

-- topic is the edge that sent the event; the name is the ledger verb's.
CREATE TABLE cloud_dedupe (
    tenant_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    first_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    topic text NOT NULL,
    hash text,
    PRIMARY KEY (tenant_id, event_id)
);
CREATE INDEX cloud_dedupe_expires ON cloud_dedupe (expires_at);

-- The name seed 002, 2.3 gives it.
CREATE VIEW ingestion_dedupe AS
SELECT tenant_id, event_id, first_seen_at FROM cloud_dedupe;

-- Signatures already used; purged after twice the permitted skew (spec cloud 1.5).
CREATE TABLE edge_replay (
    tenant_id text COLLATE "C" NOT NULL,
    sig_hash text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, sig_hash)
);
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
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id text COLLATE "C" NOT NULL,
    farm_id text,
    barn_id text,
    device_id text NOT NULL,
    batch_id text,
    metric text NOT NULL,
    value double precision NOT NULL,
    unit text,
    occurred_at timestamptz NOT NULL,
    trace_id text,
    event_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    ingested_at timestamptz,
    quality bigint,
    PRIMARY KEY (id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE UNIQUE INDEX telemetry_raw_event
    ON telemetry_raw (tenant_id, event_id, occurred_at);
CREATE INDEX telemetry_raw_series
    ON telemetry_raw (tenant_id, device_id, metric, occurred_at);
CREATE INDEX telemetry_raw_time ON telemetry_raw (tenant_id, occurred_at);
-- monthly telemetry_raw

-- Kept by adding: count, sum_value and sumsq_value compose, the average follows.
CREATE TABLE telemetry_agg (
    tenant_id text COLLATE "C" NOT NULL,
    farm_id text NOT NULL DEFAULT '',
    barn_id text NOT NULL DEFAULT '',
    device_id text NOT NULL,
    metric text NOT NULL,
    bucket_size text NOT NULL CHECK (bucket_size IN ('5m', '1h', '1d')),
    bucket_start timestamptz NOT NULL,
    count bigint NOT NULL,
    sum_value double precision NOT NULL,
    sumsq_value double precision NOT NULL,
    min_value double precision NOT NULL,
    max_value double precision NOT NULL,
    last_value double precision NOT NULL,
    last_at timestamptz NOT NULL,
    avg_value double precision GENERATED ALWAYS AS (sum_value / count) STORED,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, farm_id, barn_id, device_id, metric, bucket_size,
                 bucket_start)
);
CREATE INDEX telemetry_agg_time ON telemetry_agg (tenant_id, bucket_size, bucket_start);
CREATE INDEX telemetry_agg_device
    ON telemetry_agg (tenant_id, device_id, metric, bucket_size, bucket_start);
CREATE INDEX telemetry_agg_age ON telemetry_agg (bucket_size, bucket_start);

CREATE TABLE device_last_seen (
    tenant_id text COLLATE "C" NOT NULL,
    device_id text NOT NULL,
    last_seen_at timestamptz NOT NULL,
    last_metric text,
    last_value double precision,
    PRIMARY KEY (tenant_id, device_id)
);

-- What the live page asks for without reading the past.

-- The newest value of each series.
CREATE TABLE telemetry_latest (
    tenant_id text COLLATE "C" NOT NULL,
    device_id text NOT NULL,
    metric text NOT NULL,
    farm_id text NOT NULL,
    barn_id text NOT NULL,
    value double precision NOT NULL,
    unit text,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, device_id, metric)
);

-- How each edge is doing, as of its last batch.
CREATE TABLE edge_status (
    tenant_id text COLLATE "C" NOT NULL,
    edge_id text NOT NULL,
    backlog bigint NOT NULL,
    oldest_pending_age_s bigint NOT NULL,
    last_sync_at timestamptz NOT NULL,
    events_accepted bigint NOT NULL,
    events_duplicated bigint NOT NULL,
    events_rejected bigint NOT NULL,
    PRIMARY KEY (tenant_id, edge_id)
);

-- What an edge computed itself (telemetry.aggregated), beside our own buckets.
CREATE TABLE telemetry_edge_agg (
    tenant_id text COLLATE "C" NOT NULL,
    device_id text NOT NULL,
    metric text NOT NULL,
    bucket_size text NOT NULL,
    bucket_end timestamptz NOT NULL,
    avg_value double precision NOT NULL,
    min_value double precision NOT NULL,
    max_value double precision NOT NULL,
    count bigint NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, device_id, metric, bucket_size, bucket_end)
);
CREATE INDEX telemetry_edge_agg_age ON telemetry_edge_agg (received_at);
