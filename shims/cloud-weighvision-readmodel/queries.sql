-- The cloud's session model (spec cloud 3.4). An empty filter ('') lets everything through.

-- $1 tenant, $2 event, $3 session, $4 model, $5 kilograms, $6 confidence, $7 the result,
-- $8 when, $9 now
-- name: inference_add@sqlite
INSERT INTO weigh_inference (tenant_id, event_id, session_id, model_version,
    predicted_weight_kg, confidence, result_json, occurred_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant_id, event_id) DO NOTHING

-- name: inference_add@pg
INSERT INTO weigh_inference (tenant_id, event_id, session_id, model_version,
    predicted_weight_kg, confidence, result_json, occurred_at, created_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[],
    $6::float8[], $7::text[], $8::timestamptz[], $9::timestamptz[])
    AS g (tenant_id, event_id)
ORDER BY g.tenant_id COLLATE "C", g.event_id COLLATE "C"
ON CONFLICT (tenant_id, event_id) DO NOTHING

-- $1 tenant, $2 medium, $3 path, $4 now
-- name: image_add@sqlite
INSERT INTO weigh_image (tenant_id, media_object_id, path, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, media_object_id) DO NOTHING

-- name: image_add@pg
INSERT INTO weigh_image (tenant_id, media_object_id, path, created_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
    AS g (tenant_id, media_object_id)
ORDER BY g.tenant_id COLLATE "C", g.media_object_id COLLATE "C"
ON CONFLICT (tenant_id, media_object_id) DO NOTHING

-- $1 tenant, $2 farm, $3 barn, $4 batch, $5 date, $6 start, $7 end, $8 now
-- name: day_mark@sqlite
INSERT INTO weigh_day (tenant_id, farm_id, barn_id, batch_id, record_date, start_at,
    end_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (tenant_id, farm_id, barn_id, batch_id, record_date) DO UPDATE SET
    changed_at = excluded.changed_at

-- An update also where nothing is new: it waits for the job that is taking the mark away.
-- name: day_mark@pg
INSERT INTO weigh_day (tenant_id, farm_id, barn_id, batch_id, record_date, start_at,
    end_at, changed_at)
SELECT DISTINCT ON (tenant_id, farm_id, barn_id, batch_id, record_date) *
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
    $6::timestamptz[], $7::timestamptz[], $8::timestamptz[])
    AS g (tenant_id, farm_id, barn_id, batch_id, record_date)
ORDER BY tenant_id, farm_id, barn_id, batch_id, record_date
ON CONFLICT (tenant_id, farm_id, barn_id, batch_id, record_date) DO UPDATE SET
    changed_at = excluded.changed_at

-- name: days_marked
SELECT tenant_id, farm_id, barn_id, batch_id, record_date, start_at, end_at
FROM weigh_day
ORDER BY tenant_id, farm_id, barn_id, batch_id, record_date
LIMIT $1

-- name: day_unmark
DELETE FROM weigh_day
WHERE tenant_id = $1 AND farm_id = $2 AND barn_id = $3 AND batch_id = $4
    AND record_date = $5

-- One weight for each finalized session: the scale's, else what the edge said at the end,
-- else a prediction; NULL for one that is not trusted.
-- $1 tenant, $2 farm, $3 barn, $4 batch, $5 from, $6 to
-- name: samples_of_day
SELECT CASE WHEN scale IS NOT NULL THEN scale WHEN confidence >= 0.5 THEN predicted END
    AS kg, end_at
FROM (SELECT coalesce(s.final_weight_kg, s.declared_weight_kg) AS scale, s.end_at,
        (SELECT i.predicted_weight_kg FROM weigh_inference AS i
            WHERE i.tenant_id = s.tenant_id AND i.session_id = s.session_id
            ORDER BY i.occurred_at DESC, i.event_id DESC LIMIT 1) AS predicted,
        (SELECT i.confidence FROM weigh_inference AS i
            WHERE i.tenant_id = s.tenant_id AND i.session_id = s.session_id
            ORDER BY i.occurred_at DESC, i.event_id DESC LIMIT 1) AS confidence
    FROM weigh_session AS s
    WHERE s.tenant_id = $1 AND s.farm_id = $2 AND s.barn_id = $3
        AND coalesce(s.batch_id, '') = $4 AND s.end_at >= $5 AND s.end_at < $6
        AND s.state IN (2, 4)) AS ended
WHERE scale IS NOT NULL OR predicted IS NOT NULL
ORDER BY kg

-- $1 tenant, $2 from, $3 to, $4 farm, $5 barn, $6 batch
-- name: samples
SELECT CASE WHEN scale IS NOT NULL THEN scale WHEN confidence >= 0.5 THEN predicted END
    AS kg, end_at
FROM (SELECT coalesce(s.final_weight_kg, s.declared_weight_kg) AS scale, s.end_at,
        (SELECT i.predicted_weight_kg FROM weigh_inference AS i
            WHERE i.tenant_id = s.tenant_id AND i.session_id = s.session_id
            ORDER BY i.occurred_at DESC, i.event_id DESC LIMIT 1) AS predicted,
        (SELECT i.confidence FROM weigh_inference AS i
            WHERE i.tenant_id = s.tenant_id AND i.session_id = s.session_id
            ORDER BY i.occurred_at DESC, i.event_id DESC LIMIT 1) AS confidence
    FROM weigh_session AS s
    WHERE s.tenant_id = $1 AND s.end_at >= $2 AND s.end_at < $3
        AND ($4 = '' OR s.farm_id = $4) AND ($5 = '' OR s.barn_id = $5)
        AND ($6 = '' OR s.batch_id = $6) AND s.state IN (2, 4)) AS ended
WHERE scale IS NOT NULL OR predicted IS NOT NULL
ORDER BY kg

-- $1 tenant, $2 farm, $3 barn, $4 batch, $5 date, $6 to $9 kilograms, $10 how many,
-- $11 pass rate, $12 now
-- name: aggregate_put
INSERT INTO weighvision_weight_aggregate (tenant_id, farm_id, barn_id, batch_id,
    record_date, avg_weight_kg, p10_weight_kg, p50_weight_kg, p90_weight_kg, sample_count,
    quality_pass_rate, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
ON CONFLICT (tenant_id, farm_id, barn_id, batch_id, record_date) DO UPDATE SET
    avg_weight_kg = excluded.avg_weight_kg, p10_weight_kg = excluded.p10_weight_kg,
    p50_weight_kg = excluded.p50_weight_kg, p90_weight_kg = excluded.p90_weight_kg,
    sample_count = excluded.sample_count,
    quality_pass_rate = excluded.quality_pass_rate, updated_at = excluded.updated_at

-- $1 tenant, $2 first date, $3 last date, $4 farm, $5 barn, $6 batch, $7 limit
-- name: aggregates
SELECT tenant_id, farm_id, barn_id, nullif(batch_id, ''), record_date, avg_weight_kg,
    p10_weight_kg, p50_weight_kg, p90_weight_kg, sample_count, quality_pass_rate,
    created_at, updated_at, record_date, avg_weight_kg, p10_weight_kg, p50_weight_kg,
    p90_weight_kg, sample_count, quality_pass_rate
FROM weighvision_weight_aggregate
WHERE tenant_id = $1 AND record_date >= $2 AND record_date <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR batch_id = $6)
ORDER BY record_date, farm_id, barn_id, batch_id
LIMIT $7

-- $1 tenant, $2 from, $3 to, $4 farm, $5 barn, $6 batch, $7 station, $8 status, $9 limit,
-- $10 and $11 the cursor's time and id
-- name: sessions_page
SELECT session_id
FROM weigh_session
WHERE tenant_id = $1 AND started_at >= $2 AND started_at <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR batch_id = $6) AND ($7 = '' OR station_id = $7)
    AND ($8 = '' OR CASE WHEN state IN (2, 4) THEN 'FINALIZED'
        WHEN state = 3 THEN 'CANCELLED' ELSE 'RUNNING' END = $8)
    AND (started_at, id) < ($10, $11)
ORDER BY started_at DESC, id DESC
LIMIT $9

-- What hangs on a session, newest first. $1 tenant, $2 session, $3 how many at most
-- name: measurements@sqlite
SELECT event_id, occurred_at, weight_kg, 'scale'
FROM weigh_weight
WHERE tenant_id = $1 AND session_id = $2
ORDER BY occurred_at DESC
LIMIT $3

-- name: measurements@pg
SELECT g.n, c.event_id, c.occurred_at, c.weight_kg, 'scale'
FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY
    AS g (tenant_id, session_id, most, n)
CROSS JOIN LATERAL (
    SELECT event_id, occurred_at, weight_kg FROM weigh_weight AS w
    WHERE w.tenant_id = g.tenant_id AND w.session_id = g.session_id
    ORDER BY occurred_at DESC LIMIT g.most) AS c
ORDER BY g.n, c.occurred_at DESC

-- name: media@sqlite
SELECT m.event_id, m.occurred_at, m.media_object_id, i.path
FROM weigh_media AS m
LEFT JOIN weigh_image AS i
    ON i.tenant_id = m.tenant_id AND i.media_object_id = m.media_object_id
WHERE m.tenant_id = $1 AND m.session_id = $2
ORDER BY m.occurred_at DESC
LIMIT $3

-- name: media@pg
SELECT g.n, c.event_id, c.occurred_at, c.media_object_id, i.path
FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY
    AS g (tenant_id, session_id, most, n)
CROSS JOIN LATERAL (
    SELECT event_id, occurred_at, media_object_id FROM weigh_media AS m
    WHERE m.tenant_id = g.tenant_id AND m.session_id = g.session_id
    ORDER BY occurred_at DESC LIMIT g.most) AS c
LEFT JOIN weigh_image AS i
    ON i.tenant_id = g.tenant_id AND i.media_object_id = c.media_object_id
ORDER BY g.n, c.occurred_at DESC

-- name: inferences@sqlite
SELECT event_id, occurred_at, model_version, predicted_weight_kg, confidence, result_json
FROM weigh_inference
WHERE tenant_id = $1 AND session_id = $2
ORDER BY occurred_at DESC
LIMIT $3

-- name: inferences@pg
SELECT g.n, c.event_id, c.occurred_at, c.model_version, c.predicted_weight_kg,
    c.confidence, c.result_json
FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY
    AS g (tenant_id, session_id, most, n)
CROSS JOIN LATERAL (
    SELECT event_id, occurred_at, model_version, predicted_weight_kg, confidence,
        result_json
    FROM weigh_inference AS i
    WHERE i.tenant_id = g.tenant_id AND i.session_id = g.session_id
    ORDER BY occurred_at DESC LIMIT g.most) AS c
ORDER BY g.n, c.occurred_at DESC

-- The oldest that have not changed since $1: the statements name the same sessions.
-- name: weights_purge
DELETE FROM weigh_weight
WHERE (tenant_id, session_id) IN (
    SELECT tenant_id, session_id FROM weigh_session WHERE updated_at < $1
    ORDER BY updated_at, tenant_id, session_id LIMIT $2)

-- name: media_purge
DELETE FROM weigh_media
WHERE (tenant_id, session_id) IN (
    SELECT tenant_id, session_id FROM weigh_session WHERE updated_at < $1
    ORDER BY updated_at, tenant_id, session_id LIMIT $2)

-- name: inferences_purge
DELETE FROM weigh_inference
WHERE (tenant_id, session_id) IN (
    SELECT tenant_id, session_id FROM weigh_session WHERE updated_at < $1
    ORDER BY updated_at, tenant_id, session_id LIMIT $2)

-- name: sessions_purge
DELETE FROM weigh_session
WHERE (tenant_id, session_id) IN (
    SELECT tenant_id, session_id FROM weigh_session WHERE updated_at < $1
    ORDER BY updated_at, tenant_id, session_id LIMIT $2)
RETURNING 1

-- name: images_purge
DELETE FROM weigh_image
WHERE (tenant_id, media_object_id) IN (
    SELECT tenant_id, media_object_id FROM weigh_image WHERE created_at < $1
    ORDER BY created_at LIMIT $2)
RETURNING 1

-- name: aggregates_purge
DELETE FROM weighvision_weight_aggregate
WHERE (tenant_id, farm_id, barn_id, batch_id, record_date) IN (
    SELECT tenant_id, farm_id, barn_id, batch_id, record_date
    FROM weighvision_weight_aggregate WHERE updated_at < $1 ORDER BY updated_at LIMIT $2)
RETURNING 1
