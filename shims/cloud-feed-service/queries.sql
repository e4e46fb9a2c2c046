-- Feed at the cloud (spec cloud 6.4). An empty filter ('') lets everything through.

-- $1 tenant, $2 from, $3 to, $4 farm, $5 barn, $6 batch, $7 lot, $8 source, $9 limit,
-- $10 and $11 the cursor's time and id
-- name: records
SELECT event_id, tenant_id, farm_id, barn_id, batch_id, device_id, source,
    feed_formula_id, feed_lot_id, quantity_kg, occurred_at, ingested_at, event_id,
    external_ref, sequence, notes, ingested_at, ingested_at
FROM feed_intake
WHERE tenant_id = $1 AND occurred_at >= $2 AND occurred_at <= $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR batch_id = $6) AND ($7 = '' OR feed_lot_id = $7)
    AND ($8 = '' OR source = $8)
    AND (occurred_at, event_id) < ($10, $11)
ORDER BY occurred_at DESC, event_id DESC
LIMIT $9

-- What came in before $1, at most $2.
-- name: records_purge
DELETE FROM feed_intake
WHERE (tenant_id, event_id) IN (
    SELECT tenant_id, event_id FROM feed_intake
    WHERE ingested_at < $1 ORDER BY ingested_at LIMIT $2)
RETURNING 1
