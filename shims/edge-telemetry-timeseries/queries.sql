-- The edge's telemetry (spec edge 5.2).

-- The ids are given out by the service, under the writer's lock: RETURNING would have
-- SQLite keep a journal of each statement, at a third of an insert's cost. An engine that
-- numbers rows by itself returns the number.
-- name: raw_last@sqlite
SELECT coalesce(max(id), 0) FROM telemetry_raw

-- name: raw_last@pg
-- Nothing: raw_add returns the numbers.

-- name: raw_add@sqlite
INSERT INTO telemetry_raw (tenant_id, farm_id, barn_id, device_id, metric_type,
    metric_value, unit, occurred_at, ingested_at, event_id, id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (tenant_id, event_id) DO NOTHING

-- In the order of the key, so that two writers of the same readings meet in one order and
-- one waits for the other, instead of both. The first of equal keys speaks for them. IS
-- TRUE: a look into a hash table; a join would compare each row with each.
-- name: raw_add@pg
WITH given AS (
    SELECT *, nextval('telemetry_raw_id_seq') AS number
    FROM (
        SELECT DISTINCT ON (tenant_id, event_id) *
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
            $6::double precision[], $7::text[], $8::timestamptz[], $9::timestamptz[],
            $10::text[], $11::bigint[]) WITH ORDINALITY
        AS g (tenant_id, farm_id, barn_id, device_id, metric_type, metric_value, unit,
            occurred_at, ingested_at, event_id, id, n)
        ORDER BY tenant_id, event_id, n) AS firsts),
added AS (
    INSERT INTO telemetry_raw (id, tenant_id, farm_id, barn_id, device_id, metric_type,
        metric_value, unit, occurred_at, ingested_at, event_id)
    OVERRIDING SYSTEM VALUE
    SELECT number, tenant_id, farm_id, barn_id, device_id, metric_type, metric_value, unit,
        occurred_at, ingested_at, event_id
    FROM given ORDER BY tenant_id, event_id
    ON CONFLICT DO NOTHING
    RETURNING id)
SELECT n, number FROM given WHERE (number IN (SELECT id FROM added)) IS TRUE

-- name: bucket_add@sqlite
INSERT INTO telemetry_agg (tenant_id, farm_id, barn_id, device_id, metric_type, "window",
    bucket_start_at, bucket_end_at, unit, count, sum_value, sumsq_value, min_value,
    max_value, last_value, last_at, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)
ON CONFLICT (tenant_id, farm_id, barn_id, device_id, metric_type, "window",
    bucket_start_at)
DO UPDATE SET
    unit = coalesce(excluded.unit, unit),
    count = count + excluded.count,
    sum_value = sum_value + excluded.sum_value,
    sumsq_value = sumsq_value + excluded.sumsq_value,
    min_value = min(min_value, excluded.min_value),
    max_value = max(max_value, excluded.max_value),
    last_value = CASE WHEN excluded.last_at >= last_at
        THEN excluded.last_value ELSE last_value END,
    last_at = max(last_at, excluded.last_at),
    updated_at = excluded.updated_at

-- name: bucket_add@pg
INSERT INTO telemetry_agg AS t (tenant_id, farm_id, barn_id, device_id, metric_type,
    "window", bucket_start_at, bucket_end_at, unit, count, sum_value, sumsq_value,
    min_value, max_value, last_value, last_at, created_at, updated_at)
SELECT g.*, g.updated_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::timestamptz[], $8::timestamptz[], $9::text[], $10::bigint[],
    $11::double precision[], $12::double precision[], $13::double precision[],
    $14::double precision[], $15::double precision[], $16::timestamptz[],
    $17::timestamptz[])
AS g (tenant_id, farm_id, barn_id, device_id, metric_type, "window", bucket_start_at,
    bucket_end_at, unit, count, sum_value, sumsq_value, min_value, max_value, last_value,
    last_at, updated_at)
ORDER BY tenant_id, farm_id, barn_id, device_id, metric_type, "window", bucket_start_at
ON CONFLICT (tenant_id, farm_id, barn_id, device_id, metric_type, "window",
    bucket_start_at)
DO UPDATE SET
    unit = coalesce(excluded.unit, t.unit),
    count = t.count + excluded.count,
    sum_value = t.sum_value + excluded.sum_value,
    sumsq_value = t.sumsq_value + excluded.sumsq_value,
    min_value = least(t.min_value, excluded.min_value),
    max_value = greatest(t.max_value, excluded.max_value),
    last_value = CASE WHEN excluded.last_at >= t.last_at
        THEN excluded.last_value ELSE t.last_value END,
    last_at = greatest(t.last_at, excluded.last_at),
    updated_at = excluded.updated_at

-- name: readings_of_tenant
SELECT id, tenant_id, farm_id, barn_id, device_id, metric_type, metric_value, unit,
    occurred_at, ingested_at
FROM telemetry_raw
WHERE tenant_id = $1 AND occurred_at >= $2 AND occurred_at <= $3
ORDER BY occurred_at DESC, id DESC
LIMIT $4

-- name: readings_of_device
SELECT id, tenant_id, farm_id, barn_id, device_id, metric_type, metric_value, unit,
    occurred_at, ingested_at
FROM telemetry_raw
WHERE tenant_id = $1 AND device_id = $5 AND occurred_at >= $2 AND occurred_at <= $3
ORDER BY occurred_at DESC, id DESC
LIMIT $4

-- A bucket has no id of its own: its key, joined, is as good.
-- name: aggregates_of_tenant@sqlite
SELECT device_id || '/' || metric_type || '/' || "window" || '/' || bucket_start_at,
    tenant_id, device_id, "window", bucket_start_at, bucket_end_at, metric_type,
    avg_value, min_value, max_value, count
FROM telemetry_agg
WHERE tenant_id = $1 AND "window" = $2 AND bucket_start_at >= $3 AND bucket_end_at <= $4
ORDER BY bucket_start_at DESC, device_id, metric_type
LIMIT $5

-- name: aggregates_of_tenant@pg
SELECT device_id || '/' || metric_type || '/' || "window" || '/'
        || (extract(epoch FROM bucket_start_at) * 1000)::bigint,
    tenant_id, device_id, "window", bucket_start_at, bucket_end_at, metric_type,
    avg_value, min_value, max_value, count
FROM telemetry_agg
WHERE tenant_id = $1 AND "window" = $2 AND bucket_start_at >= $3 AND bucket_end_at <= $4
ORDER BY bucket_start_at DESC, device_id, metric_type
LIMIT $5

-- name: aggregates_of_device@sqlite
SELECT device_id || '/' || metric_type || '/' || "window" || '/' || bucket_start_at,
    tenant_id, device_id, "window", bucket_start_at, bucket_end_at, metric_type,
    avg_value, min_value, max_value, count
FROM telemetry_agg
WHERE tenant_id = $1 AND device_id = $6 AND "window" = $2 AND bucket_start_at >= $3
    AND bucket_end_at <= $4
ORDER BY bucket_start_at DESC, metric_type
LIMIT $5

-- name: aggregates_of_device@pg
SELECT device_id || '/' || metric_type || '/' || "window" || '/'
        || (extract(epoch FROM bucket_start_at) * 1000)::bigint,
    tenant_id, device_id, "window", bucket_start_at, bucket_end_at, metric_type,
    avg_value, min_value, max_value, count
FROM telemetry_agg
WHERE tenant_id = $1 AND device_id = $6 AND "window" = $2 AND bucket_start_at >= $3
    AND bucket_end_at <= $4
ORDER BY bucket_start_at DESC, metric_type
LIMIT $5

-- Rows are numbered as they come in, so the last minute is the end of the table.
-- name: totals
SELECT (SELECT count(*) FROM (SELECT ingested_at FROM telemetry_raw
        ORDER BY id DESC LIMIT 100000) AS newest WHERE ingested_at > $1),
    (SELECT count(*) FROM telemetry_raw),
    (SELECT count(*) FROM telemetry_agg)

-- name: totals_of_tenant
SELECT (SELECT count(*) FROM telemetry_raw WHERE tenant_id = $1),
    (SELECT count(*) FROM telemetry_agg WHERE tenant_id = $1),
    (SELECT max(occurred_at) FROM telemetry_raw WHERE tenant_id = $1),
    $1

-- $1 is not asked for.
-- name: totals_of_all
SELECT (SELECT count(*) FROM telemetry_raw),
    (SELECT count(*) FROM telemetry_agg),
    (SELECT max(occurred_at) FROM telemetry_raw),
    nullif($1, '')

-- name: closed_buckets@sqlite
SELECT tenant_id, farm_id, barn_id, device_id, metric_type, "window", bucket_start_at,
    bucket_end_at, unit, count, avg_value, min_value, max_value
FROM telemetry_agg
WHERE emitted_count <> count AND bucket_end_at <= $1
ORDER BY bucket_end_at, tenant_id, farm_id, barn_id, device_id, metric_type, "window"
LIMIT $2

-- Reading tells, so that no reading which comes in between is taken for told. What a
-- replica is telling is passed over.
-- name: closed_buckets@pg
WITH closed AS (
    SELECT tenant_id, farm_id, barn_id, device_id, metric_type, "window", bucket_start_at
    FROM telemetry_agg
    WHERE emitted_count <> count AND bucket_end_at <= $1
    ORDER BY bucket_end_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED)
UPDATE telemetry_agg AS t SET emitted_count = t.count
FROM closed AS c
WHERE t.tenant_id = c.tenant_id AND t.farm_id = c.farm_id AND t.barn_id = c.barn_id
    AND t.device_id = c.device_id AND t.metric_type = c.metric_type
    AND t."window" = c."window" AND t.bucket_start_at = c.bucket_start_at
RETURNING t.tenant_id, t.farm_id, t.barn_id, t.device_id, t.metric_type, t."window",
    t.bucket_start_at, t.bucket_end_at, t.unit, t.count, t.avg_value, t.min_value,
    t.max_value

-- The same rows: nothing happens between the two in one transaction.
-- name: closed_buckets_told@sqlite
UPDATE telemetry_agg SET emitted_count = count
WHERE (tenant_id, farm_id, barn_id, device_id, metric_type, "window", bucket_start_at) IN (
    SELECT tenant_id, farm_id, barn_id, device_id, metric_type, "window", bucket_start_at
    FROM telemetry_agg
    WHERE emitted_count <> count AND bucket_end_at <= $1
    ORDER BY bucket_end_at, tenant_id, farm_id, barn_id, device_id, metric_type, "window"
    LIMIT $2)

-- name: closed_buckets_told@pg
-- Nothing: closed_buckets has told them.

-- The next rows behind the number $1, however old: their last number, its time, how many.
-- name: raw_chunk
SELECT max(id), max(ingested_at), count(*)
FROM (SELECT id, ingested_at FROM telemetry_raw WHERE id > $1 ORDER BY id LIMIT $2)
    AS chunk

-- Of the numbers behind $1 up to $2, what came before $3 and is not in the outbox: the
-- forwarder takes an event from there some time after the cloud acknowledged it.
-- name: raw_purge
DELETE FROM telemetry_raw
WHERE id > $1 AND id <= $2 AND ingested_at < $3 AND NOT EXISTS (
    SELECT 1 FROM sync_event AS e
    WHERE e.tenant_id = telemetry_raw.tenant_id AND e.event_id = telemetry_raw.event_id)

-- name: buckets_purge@sqlite
DELETE FROM telemetry_agg
WHERE (tenant_id, farm_id, barn_id, device_id, metric_type, "window", bucket_start_at) IN (
    SELECT tenant_id, farm_id, barn_id, device_id, metric_type, "window", bucket_start_at
    FROM telemetry_agg
    WHERE "window" IN ('1m', '1h', '1d') AND bucket_end_at < $1
    LIMIT $2)
RETURNING 1

-- name: buckets_purge@pg
WITH old AS (
    SELECT tenant_id, farm_id, barn_id, device_id, metric_type, "window", bucket_start_at
    FROM telemetry_agg
    WHERE "window" IN ('1m', '1h', '1d') AND bucket_end_at < $1
    LIMIT $2
    FOR UPDATE SKIP LOCKED)
DELETE FROM telemetry_agg AS t USING old AS o
WHERE t.tenant_id = o.tenant_id AND t.farm_id = o.farm_id AND t.barn_id = o.barn_id
    AND t.device_id = o.device_id AND t.metric_type = o.metric_type
    AND t."window" = o."window" AND t.bucket_start_at = o.bucket_start_at
RETURNING 1

-- A month with a reading that the cloud may lack stays.
-- name: months_drop@sqlite

-- name: months_drop@pg
SELECT telemetry_raw_drop($1, 'sync_event')
