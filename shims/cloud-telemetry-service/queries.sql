-- The cloud's telemetry (spec cloud 3.2). An empty filter ('') lets everything through.

-- name: raw_add@sqlite
INSERT INTO telemetry_raw (tenant_id, farm_id, barn_id, device_id, batch_id, metric, value,
    unit, occurred_at, trace_id, event_id, created_at, ingested_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
ON CONFLICT (tenant_id, event_id) DO NOTHING

-- In the order of the key, so that two writers of the same readings meet in one order and
-- one waits for the other, instead of both. The first of equal keys speaks for them. IS
-- TRUE: a look into a hash table; a join would compare each row with each.
-- name: raw_add@pg
WITH given AS (
    SELECT DISTINCT ON (tenant_id, event_id) *
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::double precision[], $8::text[], $9::timestamptz[], $10::text[], $11::text[],
        $12::timestamptz[]) WITH ORDINALITY
    AS g (tenant_id, farm_id, barn_id, device_id, batch_id, metric, value, unit,
        occurred_at, trace_id, event_id, created_at, n)
    ORDER BY tenant_id, event_id, n),
added AS (
    INSERT INTO telemetry_raw (tenant_id, farm_id, barn_id, device_id, batch_id, metric,
        value, unit, occurred_at, trace_id, event_id, created_at, ingested_at)
    SELECT tenant_id, farm_id, barn_id, device_id, batch_id, metric, value, unit,
        occurred_at, trace_id, event_id, created_at, created_at
    FROM given ORDER BY tenant_id, event_id
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, event_id)
SELECT n FROM given
WHERE ((tenant_id, event_id) IN (SELECT tenant_id, event_id FROM added)) IS TRUE

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

-- name: bucket_add@pg
INSERT INTO telemetry_agg AS t (tenant_id, farm_id, barn_id, device_id, metric,
    bucket_size, bucket_start, count, sum_value, sumsq_value, min_value, max_value,
    last_value, last_at, created_at, updated_at)
SELECT g.*, g.updated_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::timestamptz[], $8::bigint[], $9::double precision[], $10::double precision[],
    $11::double precision[], $12::double precision[], $13::double precision[],
    $14::timestamptz[], $15::timestamptz[])
AS g (tenant_id, farm_id, barn_id, device_id, metric, bucket_size, bucket_start, count,
    sum_value, sumsq_value, min_value, max_value, last_value, last_at, updated_at)
ORDER BY tenant_id, farm_id, barn_id, device_id, metric, bucket_size, bucket_start
ON CONFLICT (tenant_id, farm_id, barn_id, device_id, metric, bucket_size, bucket_start)
DO UPDATE SET
    count = t.count + excluded.count,
    sum_value = t.sum_value + excluded.sum_value,
    sumsq_value = t.sumsq_value + excluded.sumsq_value,
    min_value = least(t.min_value, excluded.min_value),
    max_value = greatest(t.max_value, excluded.max_value),
    last_value = CASE WHEN excluded.last_at >= t.last_at
        THEN excluded.last_value ELSE t.last_value END,
    last_at = greatest(t.last_at, excluded.last_at),
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

-- name: latest_put@pg
INSERT INTO telemetry_latest AS t (tenant_id, device_id, metric, value, occurred_at, unit,
    farm_id, barn_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::double precision[],
    $5::timestamptz[], $6::text[], $7::text[], $8::text[])
AS g (tenant_id, device_id, metric, value, occurred_at, unit, farm_id, barn_id)
ORDER BY tenant_id, device_id, metric
ON CONFLICT (tenant_id, device_id, metric) DO UPDATE SET
    value = excluded.value, occurred_at = excluded.occurred_at, unit = excluded.unit,
    farm_id = excluded.farm_id, barn_id = excluded.barn_id
WHERE excluded.occurred_at >= t.occurred_at

-- $1 tenant, $2 device, $3 metric, $4 value, $5 time
-- name: device_seen@sqlite
INSERT INTO device_last_seen (tenant_id, device_id, last_metric, last_value, last_seen_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, device_id) DO UPDATE SET
    last_metric = excluded.last_metric, last_value = excluded.last_value,
    last_seen_at = excluded.last_seen_at
WHERE excluded.last_seen_at >= device_last_seen.last_seen_at

-- A device has several metrics in a batch, and one statement cannot change a row twice:
-- the newest speaks for it.
-- name: device_seen@pg
INSERT INTO device_last_seen AS d (tenant_id, device_id, last_metric, last_value,
    last_seen_at)
SELECT DISTINCT ON (tenant_id, device_id) tenant_id, device_id, metric, value, seen_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::double precision[],
    $5::timestamptz[]) WITH ORDINALITY
AS g (tenant_id, device_id, metric, value, seen_at, n)
ORDER BY tenant_id, device_id, seen_at DESC, n DESC
ON CONFLICT (tenant_id, device_id) DO UPDATE SET
    last_metric = excluded.last_metric, last_value = excluded.last_value,
    last_seen_at = excluded.last_seen_at
WHERE excluded.last_seen_at >= d.last_seen_at

-- $1 tenant, $2 device, $3 metric, $4 window, $5 end, $6..$8 figures, $9 count, $10 now
-- name: edge_aggregate_put
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

-- name: statistics@pg
SELECT count(*), min(value), max(value), avg(value), stddev_samp(value)
FROM telemetry_raw
WHERE tenant_id = $1 AND occurred_at >= $2 AND occurred_at <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6) AND ($7 = '' OR metric = $7) AND $8::bigint > 0

-- $9: how many buckets there would be if none were missing
-- name: coverage@sqlite
SELECT 100.0 * count(DISTINCT bucket_start) / $9
FROM telemetry_agg
WHERE tenant_id = $1 AND bucket_size = '5m' AND bucket_start >= $2 AND bucket_start <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6) AND ($7 = '' OR metric = $7) AND $8 > 0

-- name: coverage@pg
SELECT 100 * count(DISTINCT bucket_start)::double precision / $9::bigint
FROM telemetry_agg
WHERE tenant_id = $1 AND bucket_size = '5m' AND bucket_start >= $2 AND bucket_start <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6) AND ($7 = '' OR metric = $7) AND $8::bigint > 0

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

-- name: aggregates_stored@pg
SELECT device_id || '/' || metric || '/' || bucket_size || '/'
        || (extract(epoch FROM bucket_start) * 1000)::bigint,
    tenant_id, farm_id, barn_id, device_id, metric, bucket_start, bucket_size, avg_value,
    min_value, max_value, count, created_at, updated_at
FROM telemetry_agg
WHERE tenant_id = $1 AND bucket_size = $9
    AND bucket_start >= date_bin($10::bigint * interval '1 ms', $2, to_timestamp(0))
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

-- name: aggregates_of_series@pg
SELECT device_id || '/' || metric || '/' || bucket_size || '/'
        || (extract(epoch FROM bucket_start) * 1000)::bigint,
    tenant_id, farm_id, barn_id, device_id, metric, bucket_start, bucket_size, avg_value,
    min_value, max_value, count, created_at, updated_at
FROM telemetry_agg
WHERE tenant_id = $1 AND device_id = $6 AND metric = $7 AND bucket_size = $9
    AND bucket_start >= date_bin($10::bigint * interval '1 ms', $2, to_timestamp(0))
    AND bucket_start <= $3
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

-- name: aggregates_of_5m@pg
SELECT '', tenant_id, farm_id, barn_id, device_id, metric,
    date_bin($10::bigint * interval '1 ms', bucket_start, to_timestamp(0)) AS start,
    $9::text, sum(sum_value) / sum(count)::double precision, min(min_value),
    max(max_value), sum(count)::bigint, min(created_at), max(updated_at)
FROM telemetry_agg
WHERE tenant_id = $1 AND bucket_size = '5m'
    AND bucket_start >= date_bin($10::bigint * interval '1 ms', $2, to_timestamp(0))
    AND bucket_start <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6) AND ($7 = '' OR metric = $7)
GROUP BY tenant_id, farm_id, barn_id, device_id, metric, start
ORDER BY start DESC, device_id, metric
LIMIT $8

-- $9 the size that days are put together from, $10 the days: [[start, end], ...]
-- name: aggregates_of_days@sqlite
SELECT '', tenant_id, farm_id, barn_id, device_id, metric,
    json_extract(d.value, '$[0]') AS start, '1d', sum(sum_value) / sum(count),
    min(min_value), max(max_value), sum(count), min(created_at), max(updated_at)
FROM json_each($10) AS d CROSS JOIN telemetry_agg
WHERE tenant_id = $1 AND bucket_size = $9 AND $2 <= $3
    AND bucket_start >= json_extract(d.value, '$[0]')
    AND bucket_start < json_extract(d.value, '$[1]')
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6) AND ($7 = '' OR metric = $7)
GROUP BY tenant_id, farm_id, barn_id, device_id, metric, start
ORDER BY start DESC, device_id, metric
LIMIT $8

-- name: aggregates_of_days@pg
SELECT '', tenant_id, farm_id, barn_id, device_id, metric, d.since AS start, '1d',
    sum(sum_value) / sum(count)::double precision, min(min_value), max(max_value),
    sum(count)::bigint, min(created_at), max(updated_at)
FROM (SELECT to_timestamp((day ->> 0)::double precision / 1000) AS since,
          to_timestamp((day ->> 1)::double precision / 1000) AS until
      FROM jsonb_array_elements($10::text::jsonb) AS day) AS d
JOIN telemetry_agg ON bucket_start >= d.since AND bucket_start < d.until
WHERE tenant_id = $1 AND bucket_size = $9 AND $2::timestamptz <= $3::timestamptz
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

-- name: aggregates_of_raw@pg
SELECT '', tenant_id, coalesce(farm_id, '') AS farm, coalesce(barn_id, '') AS barn,
    device_id, metric,
    date_bin($10::bigint * interval '1 ms', occurred_at, to_timestamp(0)) AS start,
    $9::text, avg(value), min(value), max(value), count(*), min(created_at),
    max(created_at)
FROM telemetry_raw
WHERE tenant_id = $1
    AND occurred_at >= date_bin($10::bigint * interval '1 ms', $2, to_timestamp(0))
    AND occurred_at <= $3
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

-- What is old (seed 003, section 9). Readings are numbered as they come in.
-- name: raw_chunk
SELECT max(id), max(created_at), count(*)
FROM (SELECT id, created_at FROM telemetry_raw WHERE id > $1 ORDER BY id LIMIT $2)
    AS chunk

-- name: raw_purge
DELETE FROM telemetry_raw WHERE id > $1 AND id <= $2 AND created_at < $3

-- name: buckets_purge@sqlite
DELETE FROM telemetry_agg
WHERE (tenant_id, farm_id, barn_id, device_id, metric, bucket_size, bucket_start) IN (
    SELECT tenant_id, farm_id, barn_id, device_id, metric, bucket_size, bucket_start
    FROM telemetry_agg
    WHERE bucket_size IN ('5m', '1h', '1d') AND bucket_start < $1
    LIMIT $2)
RETURNING 1

-- name: buckets_purge@pg
WITH old AS (
    SELECT tenant_id, farm_id, barn_id, device_id, metric, bucket_size, bucket_start
    FROM telemetry_agg
    WHERE bucket_size IN ('5m', '1h', '1d') AND bucket_start < $1
    LIMIT $2
    FOR UPDATE SKIP LOCKED)
DELETE FROM telemetry_agg AS t USING old AS o
WHERE t.tenant_id = o.tenant_id AND t.farm_id = o.farm_id AND t.barn_id = o.barn_id
    AND t.device_id = o.device_id AND t.metric = o.metric
    AND t.bucket_size = o.bucket_size AND t.bucket_start = o.bucket_start
RETURNING 1

-- name: edge_aggregates_purge@sqlite
DELETE FROM telemetry_edge_agg
WHERE (tenant_id, device_id, metric, bucket_size, bucket_end) IN (
    SELECT tenant_id, device_id, metric, bucket_size, bucket_end
    FROM telemetry_edge_agg WHERE received_at < $1 ORDER BY received_at LIMIT $2)
RETURNING 1

-- name: edge_aggregates_purge@pg
WITH old AS (
    SELECT tenant_id, device_id, metric, bucket_size, bucket_end
    FROM telemetry_edge_agg WHERE received_at < $1 ORDER BY received_at LIMIT $2
    FOR UPDATE SKIP LOCKED)
DELETE FROM telemetry_edge_agg AS t USING old AS o
WHERE t.tenant_id = o.tenant_id AND t.device_id = o.device_id AND t.metric = o.metric
    AND t.bucket_size = o.bucket_size AND t.bucket_end = o.bucket_end
RETURNING 1

-- Of the rows behind ($1, $2, $3), the key of the one after $4 more; then those that were silent since
-- before $5. A device that speaks meanwhile is looked at again before it goes.
-- name: latest_end
SELECT tenant_id, device_id, metric FROM telemetry_latest
WHERE (tenant_id, device_id, metric) > ($1, $2, $3)
ORDER BY tenant_id, device_id, metric
LIMIT 1 OFFSET $4

-- name: latest_purge
DELETE FROM telemetry_latest
WHERE occurred_at < $5 AND (tenant_id, device_id, metric) IN (
    SELECT tenant_id, device_id, metric FROM telemetry_latest
    WHERE (tenant_id, device_id, metric) > ($1, $2, $3)
    ORDER BY tenant_id, device_id, metric
    LIMIT $4)

-- name: months_drop@sqlite

-- name: months_drop@pg
SELECT telemetry_raw_drop($1)
