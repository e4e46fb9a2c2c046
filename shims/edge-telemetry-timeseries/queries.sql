-- The edge's telemetry (spec edge 5.2).

-- The ids are given out by the service, under the writer's lock: RETURNING would have
-- SQLite keep a journal of each statement, at a third of an insert's cost.
-- name: raw_last@sqlite
SELECT coalesce(max(id), 0) FROM telemetry_raw

-- name: raw_add@sqlite
INSERT INTO telemetry_raw (tenant_id, farm_id, barn_id, device_id, metric_type,
    metric_value, unit, occurred_at, ingested_at, event_id, id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (tenant_id, event_id) DO NOTHING

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

-- name: aggregates_of_device@sqlite
SELECT device_id || '/' || metric_type || '/' || "window" || '/' || bucket_start_at,
    tenant_id, device_id, "window", bucket_start_at, bucket_end_at, metric_type,
    avg_value, min_value, max_value, count
FROM telemetry_agg
WHERE tenant_id = $1 AND device_id = $6 AND "window" = $2 AND bucket_start_at >= $3
    AND bucket_end_at <= $4
ORDER BY bucket_start_at DESC, metric_type
LIMIT $5

-- Rows are numbered as they come in, so the last minute is the end of the table.
-- name: totals@sqlite
SELECT (SELECT count(*) FROM (SELECT ingested_at FROM telemetry_raw
        ORDER BY id DESC LIMIT 100000) WHERE ingested_at > $1),
    (SELECT count(*) FROM telemetry_raw),
    (SELECT count(*) FROM telemetry_agg)

-- name: totals_of_tenant@sqlite
SELECT (SELECT count(*) FROM telemetry_raw WHERE tenant_id = $1),
    (SELECT count(*) FROM telemetry_agg WHERE tenant_id = $1),
    (SELECT max(occurred_at) FROM telemetry_raw WHERE tenant_id = $1),
    $1

-- $1 is not asked for.
-- name: totals_of_all@sqlite
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

-- The same rows: nothing happens between the two in one transaction.
-- name: closed_buckets_told@sqlite
UPDATE telemetry_agg SET emitted_count = count
WHERE (tenant_id, farm_id, barn_id, device_id, metric_type, "window", bucket_start_at) IN (
    SELECT tenant_id, farm_id, barn_id, device_id, metric_type, "window", bucket_start_at
    FROM telemetry_agg
    WHERE emitted_count <> count AND bucket_end_at <= $1
    ORDER BY bucket_end_at, tenant_id, farm_id, barn_id, device_id, metric_type, "window"
    LIMIT $2)

-- The next rows behind the number $1, however old: their last number, its time, how many.
-- name: raw_chunk@sqlite
SELECT coalesce(max(id), 0), coalesce(max(ingested_at), 0), count(*)
FROM (SELECT id, ingested_at FROM telemetry_raw WHERE id > $1 ORDER BY id LIMIT $2)

-- Of the numbers behind $1 up to $2, what came before $3 and is not in the outbox: the
-- forwarder takes an event from there some time after the cloud acknowledged it.
-- name: raw_purge@sqlite
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
