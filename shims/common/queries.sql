-- What several services ask of a queue beside its verbs. {queue} is its name.

-- name: audit_purge@sqlite
DELETE FROM {queue}_audit
WHERE audit IN (SELECT audit FROM {queue}_audit WHERE at < $1 ORDER BY at LIMIT $2)
RETURNING 1

-- name: audit_purge@pg
WITH old AS (SELECT audit FROM {queue}_audit WHERE at < $1 ORDER BY at LIMIT $2
             FOR UPDATE SKIP LOCKED)
DELETE FROM {queue}_audit AS a USING old WHERE a.audit = old.audit
RETURNING 1

-- Weigh sessions: the edge and the cloud keep them in tables of the same shape.

-- One writer at a time folds a session, also one that has no row yet; all ask in the same
-- order. SQLite has one writer in all.
-- $1 tenant, $2 session
-- name: session_lock@sqlite
-- Nothing.
-- name: session_lock@pg
WITH wanted AS MATERIALIZED (
    SELECT hashtextextended(tenant_id || chr(10) || session_id, 0) AS key, n
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS g (tenant_id, session_id, n)
    ORDER BY key)
SELECT n FROM wanted WHERE pg_advisory_xact_lock(key) IS NOT NULL

-- $1 tenant, $2 session
-- name: session_load@sqlite
SELECT state, start_at, end_at, initial_weight_kg, final_weight_kg, initial_weight_at,
    final_weight_at, weight_count, late_weight_count, image_count, declared_image_count,
    flags, id, farm_id, barn_id, device_id, station_id, batch_id, inference_result_id,
    finalized_event_id, finalized_trace_id, first_fact_at, inference_at, finalized_at,
    told_at, created_at, updated_at, declared_weight_kg
FROM weigh_session
WHERE tenant_id = $1 AND session_id = $2

-- name: session_load@pg
SELECT g.n, s.state, s.start_at, s.end_at, s.initial_weight_kg, s.final_weight_kg,
    s.initial_weight_at, s.final_weight_at, s.weight_count, s.late_weight_count,
    s.image_count, s.declared_image_count, s.flags, s.id, s.farm_id, s.barn_id,
    s.device_id, s.station_id, s.batch_id, s.inference_result_id, s.finalized_event_id,
    s.finalized_trace_id, s.first_fact_at, s.inference_at, s.finalized_at, s.told_at,
    s.created_at, s.updated_at, s.declared_weight_kg
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS g (tenant_id, session_id, n)
JOIN weigh_session AS s ON s.tenant_id = g.tenant_id AND s.session_id = g.session_id

-- name: session_save@sqlite
REPLACE INTO weigh_session (tenant_id, session_id, state, start_at, end_at,
    initial_weight_kg, final_weight_kg, initial_weight_at, final_weight_at, weight_count,
    late_weight_count, image_count, declared_image_count, flags, id, farm_id, barn_id,
    device_id, station_id, batch_id, inference_result_id, finalized_event_id,
    finalized_trace_id, first_fact_at, inference_at, finalized_at, told_at, created_at,
    updated_at, declared_weight_kg)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
    $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30)

-- name: session_save@pg
INSERT INTO weigh_session (tenant_id, session_id, state, start_at, end_at,
    initial_weight_kg, final_weight_kg, initial_weight_at, final_weight_at, weight_count,
    late_weight_count, image_count, declared_image_count, flags, id, farm_id, barn_id,
    device_id, station_id, batch_id, inference_result_id, finalized_event_id,
    finalized_trace_id, first_fact_at, inference_at, finalized_at, told_at, created_at,
    updated_at, declared_weight_kg)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[],
    $5::timestamptz[], $6::float8[], $7::float8[], $8::timestamptz[], $9::timestamptz[],
    $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
    $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[],
    $21::text[], $22::text[], $23::text[], $24::timestamptz[], $25::timestamptz[],
    $26::timestamptz[], $27::timestamptz[], $28::timestamptz[], $29::timestamptz[],
    $30::float8[])
ON CONFLICT (tenant_id, session_id) DO UPDATE SET
    state = excluded.state, start_at = excluded.start_at, end_at = excluded.end_at,
    initial_weight_kg = excluded.initial_weight_kg,
    final_weight_kg = excluded.final_weight_kg,
    initial_weight_at = excluded.initial_weight_at,
    final_weight_at = excluded.final_weight_at,
    weight_count = excluded.weight_count,
    late_weight_count = excluded.late_weight_count,
    image_count = excluded.image_count,
    declared_image_count = excluded.declared_image_count,
    flags = excluded.flags, farm_id = excluded.farm_id, barn_id = excluded.barn_id,
    device_id = excluded.device_id, station_id = excluded.station_id,
    batch_id = excluded.batch_id, inference_result_id = excluded.inference_result_id,
    finalized_event_id = excluded.finalized_event_id,
    finalized_trace_id = excluded.finalized_trace_id,
    first_fact_at = excluded.first_fact_at, inference_at = excluded.inference_at,
    finalized_at = excluded.finalized_at, told_at = excluded.told_at,
    updated_at = excluded.updated_at,
    declared_weight_kg = excluded.declared_weight_kg

-- $1 tenant, $2 session, $3 event, $4 trace, $5 kilograms, $6 when, $7 now, $8 told
-- name: session_weight_add@sqlite
INSERT INTO weigh_weight (tenant_id, session_id, event_id, trace_id, weight_kg,
    occurred_at, created_at, told_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (tenant_id, event_id) DO NOTHING

-- name: session_weight_add@pg
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[],
        $6::timestamptz[], $7::timestamptz[], $8::timestamptz[]) WITH ORDINALITY
    AS g (tenant_id, session_id, event_id, trace_id, weight_kg, occurred_at, created_at,
        told_at, n)),
added AS (
    INSERT INTO weigh_weight (tenant_id, session_id, event_id, trace_id, weight_kg,
        occurred_at, created_at, told_at)
    SELECT tenant_id, session_id, event_id, trace_id, weight_kg, occurred_at, created_at,
        told_at
    FROM given ORDER BY tenant_id COLLATE "C", event_id COLLATE "C", n
    ON CONFLICT (tenant_id, event_id) DO NOTHING
    RETURNING tenant_id, event_id)
SELECT min(n) FROM added JOIN given USING (tenant_id, event_id)
GROUP BY tenant_id, event_id

-- Of all events that name a medium the earliest is its row, whichever came first.
-- $1 tenant, $2 session, $3 medium, $4 event, $5 trace, $6 when, $7 now
-- name: session_media_add@sqlite
INSERT INTO weigh_media (tenant_id, session_id, media_object_id, event_id, trace_id,
    occurred_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tenant_id, session_id, media_object_id) DO UPDATE SET
    event_id = excluded.event_id, trace_id = excluded.trace_id,
    occurred_at = excluded.occurred_at
WHERE (excluded.occurred_at, excluded.event_id) < (occurred_at, event_id)

-- name: session_media_add@pg
WITH given AS (
    SELECT DISTINCT ON (tenant_id COLLATE "C", session_id COLLATE "C",
        media_object_id COLLATE "C") *
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
        $6::timestamptz[], $7::timestamptz[]) WITH ORDINALITY
    AS g (tenant_id, session_id, media_object_id, event_id, trace_id, occurred_at,
        created_at, n)
    ORDER BY tenant_id COLLATE "C", session_id COLLATE "C", media_object_id COLLATE "C",
        occurred_at, event_id COLLATE "C"),
added AS (
    INSERT INTO weigh_media AS m (tenant_id, session_id, media_object_id, event_id,
        trace_id, occurred_at, created_at)
    SELECT tenant_id, session_id, media_object_id, event_id, trace_id, occurred_at,
        created_at
    FROM given
    ORDER BY tenant_id COLLATE "C", session_id COLLATE "C", media_object_id COLLATE "C"
    ON CONFLICT (tenant_id, session_id, media_object_id) DO UPDATE SET
        event_id = excluded.event_id, trace_id = excluded.trace_id,
        occurred_at = excluded.occurred_at
    WHERE (excluded.occurred_at, excluded.event_id) < (m.occurred_at, m.event_id)
    RETURNING tenant_id, session_id, media_object_id)
SELECT n FROM added JOIN given USING (tenant_id, session_id, media_object_id)

-- How many media are bound to each of these sessions: counted, never added up.
-- $1 tenant, $2 session
-- name: session_media_count@sqlite
SELECT count(*) FROM weigh_media WHERE tenant_id = $1 AND session_id = $2

-- name: session_media_count@pg
SELECT g.n, (SELECT count(*) FROM weigh_media AS m
    WHERE m.tenant_id = g.tenant_id AND m.session_id = g.session_id)
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS g (tenant_id, session_id, n)

-- name: session_weights
SELECT event_id, trace_id, weight_kg, occurred_at, created_at, told_at
FROM weigh_weight
WHERE tenant_id = $1 AND session_id = $2
ORDER BY occurred_at, weight_kg, event_id

-- Feedings: edge and cloud keep them in tables of the same shape. {queue} is the table.

-- name: feeding_add@sqlite
INSERT INTO {queue} (tenant_id, event_id, external_ref, farm_id, barn_id,
    batch_id, device_id, source, feed_formula_id, feed_lot_id, quantity_kg, sequence,
    notes, occurred_at, ingested_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT DO NOTHING

-- In the order of the key, so that two writers of the same feedings meet in one order. The
-- first of equal keys speaks for them.
-- name: feeding_add@pg
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
        $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
        $11::double precision[], $12::bigint[], $13::text[], $14::timestamptz[],
        $15::timestamptz[]) WITH ORDINALITY
    AS g (tenant_id, event_id, external_ref, farm_id, barn_id, batch_id, device_id,
        source, feed_formula_id, feed_lot_id, quantity_kg, sequence, notes, occurred_at,
        ingested_at, n)),
added AS (
    INSERT INTO {queue} (tenant_id, event_id, external_ref, farm_id, barn_id,
        batch_id, device_id, source, feed_formula_id, feed_lot_id, quantity_kg, sequence,
        notes, occurred_at, ingested_at)
    SELECT tenant_id, event_id, external_ref, farm_id, barn_id, batch_id, device_id,
        source, feed_formula_id, feed_lot_id, quantity_kg, sequence, notes, occurred_at,
        ingested_at
    FROM given ORDER BY tenant_id COLLATE "C", event_id COLLATE "C", n
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, event_id)
SELECT min(n) FROM added JOIN given USING (tenant_id, event_id)
GROUP BY tenant_id, event_id

-- What is stored under this event or this reference.
-- name: feeding_twin
SELECT quantity_kg, occurred_at FROM {queue}
WHERE tenant_id = $1 AND event_id = $2
UNION ALL
SELECT quantity_kg, occurred_at FROM {queue}
WHERE tenant_id = $1 AND external_ref = $3 AND event_id <> $2

-- What edge and cloud know of a device (purge_silent()).
-- name: device_end
SELECT tenant_id, device_id FROM device_last_seen
WHERE (tenant_id, device_id) > ($1, $2) AND $3 = ''
ORDER BY tenant_id, device_id
LIMIT 1 OFFSET $4

-- name: device_purge
DELETE FROM device_last_seen
WHERE last_seen_at < $5 AND (tenant_id, device_id) IN (
    SELECT tenant_id, device_id FROM device_last_seen
    WHERE (tenant_id, device_id) > ($1, $2) AND $3 = ''
    ORDER BY tenant_id, device_id
    LIMIT $4)

-- What URLs of images are signed with.
-- name: url_secret_add
INSERT INTO media_secret (id, secret, created_at) VALUES (1, $1, $2)
ON CONFLICT DO NOTHING

-- name: url_secret
SELECT secret FROM media_secret WHERE id = 1

-- Monthly parts of readings are PostgreSQL's.
-- $1 from, $2 until
-- name: months_make@sqlite

-- name: months_make@pg
SELECT telemetry_raw_make($1, $2)
