-- What the gateway asks of the edge's database.

-- $1 tenant, $2 device, $3 farm, $4 barn: a row comes back if the device may speak
-- from there (spec edge 2.9).
-- name: devices_allowed@sqlite
SELECT 1 FROM device_allowlist
WHERE tenant_id = $1 AND device_id = $2 AND enabled
    AND coalesce(farm_id, $3) = $3 AND coalesce(barn_id, $4) = $4

-- name: stations_allowed@sqlite
SELECT 1 FROM station_allowlist
WHERE tenant_id = $1 AND station_id = $2 AND enabled
    AND coalesce(farm_id, $3) = $3 AND coalesce(barn_id, $4) = $4

-- Retained messages and last wills arrive late: last_seen_at never goes back, and a
-- device that says goodbye is not seen (13-G9).
-- $1 tenant, $2 device, $3 seen, $4 topic, $5 is online, $6 now
-- name: last_seen_put@sqlite
INSERT INTO device_last_seen (tenant_id, device_id, last_seen_at, last_topic, is_online,
    received_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (tenant_id, device_id) DO UPDATE SET
    last_seen_at = CASE WHEN excluded.is_online
        THEN max(last_seen_at, excluded.last_seen_at) ELSE last_seen_at END,
    last_topic = excluded.last_topic,
    is_online = excluded.is_online,
    received_at = excluded.received_at,
    updated_at = excluded.updated_at
