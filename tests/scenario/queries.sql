-- What the checks ask of the farm's databases. $1 tenant, $2 event.

-- name: edge_has
SELECT 1 FROM sync_event WHERE tenant_id = $1 AND event_id = $2

-- name: cloud_marked
SELECT 1 FROM cloud_dedupe WHERE tenant_id = $1 AND event_id = $2

-- name: cloud_has
SELECT 1 FROM telemetry_raw WHERE tenant_id = $1 AND event_id = $2

-- A row from another program's hand. $3 device, $4 now, $5 payload.
-- name: foreign_row
INSERT INTO sync_outbox (id, tenant_id, farm_id, barn_id, device_id, event_type,
    occurred_at, trace_id, payload_json, created_at)
VALUES ($2, $1, 'farm-1', 'barn-0', $3, 'telemetry.ingested', $4, $2, $5, $4)

-- name: backlog@sqlite
SELECT (SELECT count(*) FROM sync_ready) + (SELECT count(*) FROM sync_retry)
    + (SELECT coalesce(sum(json_array_length(seqs)), 0) FROM sync_batch)

-- name: backlog@pg
SELECT (SELECT count(*) FROM sync_ready) + (SELECT count(*) FROM sync_retry)
    + (SELECT coalesce(sum(cardinality(seqs)), 0)::bigint FROM sync_batch)

-- name: dead_letters
SELECT count(*) FROM sync_dead

-- name: readings
SELECT count(*) FROM telemetry_raw

-- name: ids
SELECT count(*) FROM (SELECT DISTINCT tenant_id, event_id FROM telemetry_raw) AS ids

-- name: counted@sqlite
SELECT coalesce(sum(count), 0) FROM telemetry_agg WHERE bucket_size = '1h'

-- name: counted@pg
SELECT coalesce(sum(count), 0)::bigint FROM telemetry_agg WHERE bucket_size = '1h'

-- name: cloud_dead_letters
SELECT (SELECT count(*) FROM bus_telemetry_dead) + (SELECT count(*) FROM bus_sessions_dead)
    + (SELECT count(*) FROM bus_intake_dead)

-- name: cloud_bus
SELECT (SELECT count(*) FROM bus_telemetry_ready)
    + (SELECT count(*) FROM bus_telemetry_retry)
    + (SELECT count(*) FROM bus_telemetry_batch WHERE token IS NOT NULL)
    + (SELECT count(*) FROM bus_sessions_ready)
    + (SELECT count(*) FROM bus_sessions_retry)
    + (SELECT count(*) FROM bus_sessions_batch WHERE token IS NOT NULL)
    + (SELECT count(*) FROM bus_intake_ready)
    + (SELECT count(*) FROM bus_intake_retry)
    + (SELECT count(*) FROM bus_intake_batch WHERE token IS NOT NULL)
    + (SELECT count(*) FROM weigh_day)

-- name: waiting_feedings
SELECT count(*) FROM bus_unrouted_event WHERE event_type = 'feed.intake.recorded'

-- name: every_reading
SELECT tenant_id, event_id, value, occurred_at, device_id
FROM telemetry_raw
ORDER BY tenant_id, event_id

-- What a scale was told of. $1 tenant, $2 session, $3 when
-- name: began
SELECT 1 FROM weigh_session
WHERE tenant_id = $1 AND session_id = $2 AND state IN (1, 2) AND start_at = $3

-- name: ended
SELECT 1 FROM weigh_session
WHERE tenant_id = $1 AND session_id = $2 AND state IN (2, 4) AND end_at = $3

-- name: image_at
SELECT 1 FROM weigh_media WHERE tenant_id = $1 AND session_id = $2 AND occurred_at = $3

-- $1 tenant, $2 session, $3 when
-- name: fed_at
SELECT 1 FROM feed_intake_local WHERE tenant_id = $1 AND $2 <> '' AND occurred_at = $3

-- name: feedings
SELECT count(*) FROM feed_intake

-- $1 tenant, $2 when, $3 kilograms
-- name: fed
SELECT count(*) FROM feed_intake
WHERE tenant_id = $1 AND occurred_at = $2 AND quantity_kg = $3

-- name: weight_at
SELECT 1 FROM weigh_weight WHERE tenant_id = $1 AND session_id = $2 AND occurred_at = $3

-- $1 tenant, $2 session
-- name: weighing
SELECT state, start_at, end_at, initial_weight_kg, final_weight_kg, weight_count,
    CASE WHEN image_count > declared_image_count THEN image_count
        ELSE declared_image_count END
FROM weigh_session
WHERE tenant_id = $1 AND session_id = $2

-- name: weights
SELECT count(*) FROM weigh_weight

-- name: told
SELECT count(*) FROM sync_event
WHERE event_type LIKE 'weighvision.%' AND event_type <> 'weighvision.image.captured'

-- name: images_told
SELECT count(*) FROM sync_event WHERE event_type = 'weighvision.image.captured'

-- Those that the end of their session counts, and those that came later.
-- name: images
SELECT CAST(coalesce(sum(declared_image_count), 0) AS bigint) + (SELECT count(*) FROM weigh_media)
FROM weigh_session

-- name: late_images
SELECT count(*) FROM weigh_media

-- name: weighed@sqlite
SELECT coalesce(sum(sample_count), 0) FROM weighvision_weight_aggregate

-- name: weighed@pg
SELECT coalesce(sum(sample_count), 0)::bigint FROM weighvision_weight_aggregate
