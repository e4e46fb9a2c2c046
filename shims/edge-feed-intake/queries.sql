-- Feed at the edge (spec edge 5.5).

-- Of a silo: $1 tenant, $2 device, $3 kilograms, $4 when, $5 now.
-- name: level_open
INSERT INTO silo_weight_snapshot (tenant_id, device_id, weight_kg, recorded_at,
    created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT (tenant_id, device_id) DO NOTHING

-- name: level_look@sqlite
SELECT weight_kg, recorded_at FROM silo_weight_snapshot
WHERE tenant_id = $1 AND device_id = $2

-- name: level_look@pg
SELECT weight_kg, recorded_at FROM silo_weight_snapshot
WHERE tenant_id = $1 AND device_id = $2
FOR UPDATE

-- name: level_move
UPDATE silo_weight_snapshot SET weight_kg = $3, recorded_at = $4, updated_at = $5
WHERE tenant_id = $1 AND device_id = $2

-- $4 barn, or '' for all
-- name: feedings
SELECT event_id, external_ref, tenant_id, farm_id, barn_id, batch_id, device_id, source,
    feed_formula_id, feed_lot_id, quantity_kg, sequence, notes, occurred_at, ingested_at
FROM feed_intake_local
WHERE tenant_id = $1 AND occurred_at >= $2 AND occurred_at <= $3
    AND ($4 = '' OR barn_id = $4)
ORDER BY occurred_at DESC, event_id
LIMIT $5

-- name: feed_status
SELECT (SELECT count(*) FROM feed_intake_local),
    (SELECT max(ingested_at) FROM feed_intake_local),
    (SELECT count(*) FROM silo_weight_snapshot),
    (SELECT max(recorded_at) FROM silo_weight_snapshot)

-- Waiting: to be sent for the first time, or again. What is on its way just now is neither.
-- name: feed_backlog
SELECT count(coalesce(r.seq, t.seq)), count(d.seq),
    min(CASE WHEN coalesce(r.seq, t.seq) IS NOT NULL THEN e.created_at END)
FROM feed_intake_local AS f
JOIN sync_event AS e ON e.tenant_id = f.tenant_id AND e.event_id = f.event_id
LEFT JOIN sync_ready AS r
    ON r.rank = -e.priority AND r.occurred_at = e.occurred_at AND r.seq = e.seq
LEFT JOIN sync_retry AS t ON t.seq = e.seq
LEFT JOIN sync_dead AS d ON d.seq = e.seq

-- What came before $1, at most $2, and is no longer in the outbox.
-- name: feedings_purge
DELETE FROM feed_intake_local
WHERE (tenant_id, event_id) IN (
    SELECT tenant_id, event_id FROM feed_intake_local AS f
    WHERE ingested_at < $1 AND NOT EXISTS (
        SELECT 1 FROM sync_event AS e
        WHERE e.tenant_id = f.tenant_id AND e.event_id = f.event_id)
    ORDER BY ingested_at
    LIMIT $2)
RETURNING 1

-- Silos that have not said anything since $1: there are as many as there are scales.
-- name: silos_purge
DELETE FROM silo_weight_snapshot
WHERE (tenant_id, device_id) IN (
    SELECT tenant_id, device_id FROM silo_weight_snapshot
    WHERE updated_at < $1
    LIMIT $2)
RETURNING 1
