-- The edge's database (spec edge 5).

-- Ingress (5.1). hash is farmiq_content_hash() of the message, as hex.
CREATE TABLE ingress_dedupe (
    tenant_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    first_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    topic text NOT NULL,
    hash text,
    PRIMARY KEY (tenant_id, event_id)
);
CREATE INDEX ingress_dedupe_expires ON ingress_dedupe (expires_at);

CREATE TABLE device_allowlist (
    tenant_id text COLLATE "C" NOT NULL,
    device_id text NOT NULL,
    farm_id text,
    barn_id text,
    enabled bigint NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    notes text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, device_id)
);

CREATE TABLE station_allowlist (
    tenant_id text COLLATE "C" NOT NULL,
    station_id text NOT NULL,
    farm_id text,
    barn_id text,
    enabled bigint NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    notes text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, station_id)
);

-- Whether a device is online is not when it was last seen (13-G9).
CREATE TABLE device_last_seen (
    tenant_id text COLLATE "C" NOT NULL,
    device_id text NOT NULL,
    last_seen_at timestamptz NOT NULL,
    is_online bigint NOT NULL DEFAULT 1,
    last_topic text NOT NULL,
    last_payload_hash text,
    received_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, device_id)
);

-- Telemetry (5.2). id is the row's number; the reading's own name is its event_id.
-- The second index finds a tenant's time range, and what the purge may delete.
CREATE TABLE telemetry_raw (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id text COLLATE "C" NOT NULL,
    farm_id text,
    barn_id text,
    device_id text NOT NULL,
    metric_type text NOT NULL,
    metric_value double precision NOT NULL,
    unit text,
    occurred_at timestamptz NOT NULL,
    ingested_at timestamptz NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE UNIQUE INDEX telemetry_raw_event
    ON telemetry_raw (tenant_id, event_id, occurred_at);
CREATE INDEX telemetry_raw_series
    ON telemetry_raw (tenant_id, device_id, metric_type, occurred_at);
CREATE INDEX telemetry_raw_time ON telemetry_raw (tenant_id, occurred_at);
-- monthly telemetry_raw

-- An aggregate is kept by adding to it: count, sum_value and sumsq_value compose, the
-- average follows. emitted_count is the count its last telemetry.aggregated had.
CREATE TABLE telemetry_agg (
    tenant_id text COLLATE "C" NOT NULL,
    farm_id text NOT NULL DEFAULT '',
    barn_id text NOT NULL DEFAULT '',
    device_id text NOT NULL,
    metric_type text NOT NULL,
    "window" text NOT NULL CHECK ("window" IN ('1m', '1h', '1d')),
    bucket_start_at timestamptz NOT NULL,
    bucket_end_at timestamptz NOT NULL,
    unit text,
    count bigint NOT NULL,
    sum_value double precision NOT NULL,
    sumsq_value double precision NOT NULL,
    min_value double precision NOT NULL,
    max_value double precision NOT NULL,
    last_value double precision NOT NULL,
    last_at timestamptz NOT NULL,
    avg_value double precision GENERATED ALWAYS AS (sum_value / count) STORED,
    emitted_count bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, farm_id, barn_id, device_id, metric_type, "window",
                 bucket_start_at)
);
CREATE INDEX telemetry_agg_device
    ON telemetry_agg (tenant_id, device_id, "window", bucket_start_at);
CREATE INDEX telemetry_agg_age ON telemetry_agg ("window", bucket_end_at);
CREATE INDEX telemetry_agg_unsent ON telemetry_agg (bucket_end_at)
    WHERE emitted_count <> count;

-- Outbox and sync (5.6).
-- queue sync

-- The contract of seed 002, 7.2: one row per event with a status. The tables behind it
-- are the queue's; the status is where the event is found.
CREATE VIEW sync_outbox AS
SELECT e.event_id AS id, e.tenant_id, e.farm_id, e.barn_id, e.device_id, e.station_id,
    e.session_id, e.batch_id, e.event_type, e.occurred_at, e.trace_id, e.schema_version,
    e.payload AS payload_json, octet_length(e.payload) AS payload_size_bytes,
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
    SELECT s.seq, b.claimed_by, b.claimed_at, b.lease_expires_at, s.attempt_count,
        s.claim_count
    FROM sync_batch AS b
    CROSS JOIN LATERAL unnest(b.seqs, b.attempt_counts, b.claim_counts)
        AS s (seq, attempt_count, claim_count)) AS c ON c.seq = e.seq;

-- A foreign writer may append the seed's way; an id that is there already is left
-- alone (spec edge 6.1).
CREATE FUNCTION sync_outbox_append() RETURNS trigger LANGUAGE plpgsql AS $append$
DECLARE
    added sync_event;
BEGIN
    INSERT INTO sync_event (tenant_id, event_id, event_type, farm_id, barn_id,
        device_id, station_id, session_id, batch_id, trace_id, schema_version,
        occurred_at, priority, created_at, payload)
    VALUES (NEW.tenant_id, coalesce(NEW.id, gen_random_uuid()::text), NEW.event_type,
        NEW.farm_id, NEW.barn_id, NEW.device_id, NEW.station_id, NEW.session_id,
        NEW.batch_id, NEW.trace_id, coalesce(NEW.schema_version, '1.0'),
        coalesce(NEW.occurred_at, farmiq_now()), coalesce(NEW.priority, 0),
        coalesce(NEW.created_at, farmiq_now()), NEW.payload_json)
    ON CONFLICT (tenant_id, event_id) DO NOTHING
    RETURNING * INTO added;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO sync_ready (rank, occurred_at, seq, attempt_count, claim_count)
    VALUES (-added.priority, added.occurred_at, added.seq, 0, 0);
    UPDATE sync_count SET pending = pending + 1
    WHERE part = (SELECT part FROM sync_count LIMIT 1 FOR UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
        INSERT INTO sync_count (pending, claimed, dead, acked) VALUES (1, 0, 0, 0);
    END IF;
    RETURN NEW;
END
$append$;

CREATE TRIGGER sync_outbox_insert INSTEAD OF INSERT ON sync_outbox
FOR EACH ROW EXECUTE FUNCTION sync_outbox_append();

CREATE TABLE sync_state (
    tenant_id text COLLATE "C" PRIMARY KEY,
    last_acked_event_id text,
    last_acked_at timestamptz,
    last_sent_batch_id text,
    consecutive_failures bigint NOT NULL DEFAULT 0,
    paused_until timestamptz,
    last_error_at timestamptz
);
