-- The cloud's telemetry (spec cloud 3.2). An empty filter ('') lets everything through.

-- name: raw_add@sqlite
INSERT INTO telemetry_raw (tenant_id, farm_id, barn_id, device_id, batch_id, metric, value,
    unit, occurred_at, trace_id, event_id, created_at, ingested_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
ON CONFLICT (tenant_id, event_id) DO NOTHING

-- name: bucket_add@sqlite
INSERT INTO telemetry_agg (tenant_id, farm_id, barn_id, device_id, metric, bucket_size,
    bucket_start, count, sum_value, sumsq_value, min_value, max_value, last_value, last_at,
    created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)
ON CONFLICT (tenant_id, farm_id, barn_id, device_id, metric, bucket_size, bucket_start)
DO UPDATE SET
    count = count + excluded.count,
    sum_value = sum_value + excluded.sum_value,
    sumsq_value = sumsq_value + excluded.sumsq_value,
    min_value = min(min_value, excluded.min_value),
    max_value = max(max_value, excluded.max_value),
    last_value = CASE WHEN excluded.last_at >= last_at
        THEN excluded.last_value ELSE last_value END,
    last_at = max(last_at, excluded.last_at),
    updated_at = excluded.updated_at

-- $1 tenant, $2 device, $3 metric, $4 value, $5 time, $6 unit, $7 farm, $8 barn
-- name: latest_put@sqlite
INSERT INTO telemetry_latest (tenant_id, device_id, metric, value, occurred_at, unit,
    farm_id, barn_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (tenant_id, device_id, metric) DO UPDATE SET
    value = excluded.value, occurred_at = excluded.occurred_at, unit = excluded.unit,
    farm_id = excluded.farm_id, barn_id = excluded.barn_id
WHERE excluded.occurred_at >= telemetry_latest.occurred_at

-- $1 tenant, $2 device, $3 metric, $4 value, $5 time
-- name: device_seen@sqlite
INSERT INTO device_last_seen (tenant_id, device_id, last_metric, last_value, last_seen_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, device_id) DO UPDATE SET
    last_metric = excluded.last_metric, last_value = excluded.last_value,
    last_seen_at = excluded.last_seen_at
WHERE excluded.last_seen_at >= device_last_seen.last_seen_at

-- $1 tenant, $2 device, $3 metric, $4 window, $5 end, $6..$8 figures, $9 count, $10 now
-- name: edge_aggregate_put@sqlite
INSERT INTO telemetry_edge_agg (tenant_id, device_id, metric, bucket_size, bucket_end,
    avg_value, min_value, max_value, count, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (tenant_id, device_id, metric, bucket_size, bucket_end) DO UPDATE SET
    avg_value = excluded.avg_value, min_value = excluded.min_value,
    max_value = excluded.max_value, count = excluded.count,
    received_at = excluded.received_at
WHERE excluded.count >= telemetry_edge_agg.count

-- $1 tenant, $2 from, $3 to, $4 farm, $5 barn, $6 device, $7 metric, $8 limit,
-- $9 and $10 the cursor's time and id
-- name: readings
SELECT id, tenant_id, farm_id, barn_id, device_id, batch_id, metric, value, unit,
    occurred_at, trace_id, event_id, created_at
FROM telemetry_raw
WHERE tenant_id = $1 AND occurred_at >= $2 AND occurred_at <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6) AND ($7 = '' OR metric = $7)
    AND (occurred_at, id) < ($9, $10)
ORDER BY occurred_at DESC, id DESC
LIMIT $8

-- The same, where an index leads straight to the series.
-- name: readings_of_series
SELECT id, tenant_id, farm_id, barn_id, device_id, batch_id, metric, value, unit,
    occurred_at, trace_id, event_id, created_at
FROM telemetry_raw
WHERE tenant_id = $1 AND device_id = $6 AND metric = $7
    AND occurred_at >= $2 AND occurred_at <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND (occurred_at, id) < ($9, $10)
ORDER BY occurred_at DESC, id DESC
LIMIT $8

-- name: statistics@sqlite
SELECT count(*), min(value), max(value), avg(value),
    CASE WHEN count(*) > 1 THEN sqrt(max(0, (sum(value * value)
        - sum(value) * sum(value) / count(*)) / (count(*) - 1))) END
FROM telemetry_raw
WHERE tenant_id = $1 AND occurred_at >= $2 AND occurred_at <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6) AND ($7 = '' OR metric = $7) AND $8 > 0

-- $9: how many buckets there would be if none were missing
-- name: coverage@sqlite
SELECT 100.0 * count(DISTINCT bucket_start) / $9
FROM telemetry_agg
WHERE tenant_id = $1 AND bucket_size = '5m' AND bucket_start >= $2 AND bucket_start <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6) AND ($7 = '' OR metric = $7) AND $8 > 0

-- $1 to $8 as above, $9 the size's name, $10 its milliseconds
-- name: aggregates_stored@sqlite
SELECT device_id || '/' || metric || '/' || bucket_size || '/' || bucket_start, tenant_id,
    farm_id, barn_id, device_id, metric, bucket_start, bucket_size, avg_value, min_value,
    max_value, count, created_at, updated_at
FROM telemetry_agg
WHERE tenant_id = $1 AND bucket_size = $9 AND bucket_start >= $2 - $2 % $10
    AND bucket_start <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6) AND ($7 = '' OR metric = $7)
ORDER BY bucket_start DESC, device_id, metric
LIMIT $8

-- One series: its index leads to exactly these rows, and to no other device's.
-- name: aggregates_of_series@sqlite
SELECT device_id || '/' || metric || '/' || bucket_size || '/' || bucket_start, tenant_id,
    farm_id, barn_id, device_id, metric, bucket_start, bucket_size, avg_value, min_value,
    max_value, count, created_at, updated_at
FROM telemetry_agg INDEXED BY telemetry_agg_device
WHERE tenant_id = $1 AND device_id = $6 AND metric = $7 AND bucket_size = $9
    AND bucket_start >= $2 - $2 % $10 AND bucket_start <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
ORDER BY bucket_start DESC
LIMIT $8

-- name: aggregates_of_5m@sqlite
SELECT '', tenant_id, farm_id, barn_id, device_id, metric,
    bucket_start - bucket_start % $10 AS start, $9, sum(sum_value) / sum(count),
    min(min_value), max(max_value), sum(count), min(created_at), max(updated_at)
FROM telemetry_agg
WHERE tenant_id = $1 AND bucket_size = '5m' AND bucket_start >= $2 - $2 % $10
    AND bucket_start <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6) AND ($7 = '' OR metric = $7)
GROUP BY tenant_id, farm_id, barn_id, device_id, metric, start
ORDER BY start DESC, device_id, metric
LIMIT $8

-- name: aggregates_of_raw@sqlite
SELECT '', tenant_id, coalesce(farm_id, '') AS farm, coalesce(barn_id, '') AS barn,
    device_id, metric, occurred_at - occurred_at % $10 AS start, $9, avg(value), min(value),
    max(value), count(*), min(created_at), max(created_at)
FROM telemetry_raw
WHERE tenant_id = $1 AND occurred_at >= $2 - $2 % $10 AND occurred_at <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6) AND ($7 = '' OR metric = $7)
GROUP BY tenant_id, farm, barn, device_id, metric, start
ORDER BY start DESC, device_id, metric
LIMIT $8

-- $1 tenant, $2 farm, $3 barn, $4 device, $5 metric, $6 limit
-- name: latest
SELECT farm_id, barn_id, device_id, metric, value, unit, occurred_at
FROM telemetry_latest
WHERE tenant_id = $1 AND ($2 = '' OR farm_id = $2) AND ($3 = '' OR barn_id = $3)
    AND ($4 = '' OR device_id = $4) AND ($5 = '' OR metric = $5)
ORDER BY farm_id, barn_id, device_id, metric
LIMIT $6

-- name: metrics
SELECT DISTINCT metric
FROM telemetry_latest
WHERE tenant_id = $1 AND ($2 = '' OR farm_id = $2) AND ($3 = '' OR barn_id = $3)
    AND ($4 = '' OR device_id = $4)
ORDER BY metric
LIMIT $5

-- $1 tenant, $2 farm, $3 device, $4 metric, $5 since
-- name: trend
SELECT avg_value
FROM telemetry_agg
WHERE tenant_id = $1 AND device_id = $3 AND metric = $4 AND bucket_size = '5m'
    AND bucket_start >= $5 AND farm_id = $2
ORDER BY bucket_start
