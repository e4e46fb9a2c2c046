-- What the gateway asks of the edge's database.

-- $1 tenant, $2 device, $3 farm, $4 barn: a row comes back if the device may speak
-- from there (spec edge 2.9).
-- name: devices_allowed@sqlite
SELECT 1 FROM device_allowlist
WHERE tenant_id = $1 AND device_id = $2 AND enabled
    AND coalesce(farm_id, $3) = $3 AND coalesce(barn_id, $4) = $4

-- name: devices_allowed@pg
SELECT g.n, 1
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    WITH ORDINALITY AS g (tenant_id, device_id, farm_id, barn_id, n)
JOIN device_allowlist AS a ON a.tenant_id = g.tenant_id AND a.device_id = g.device_id
WHERE a.enabled <> 0 AND coalesce(a.farm_id, g.farm_id) = g.farm_id
    AND coalesce(a.barn_id, g.barn_id) = g.barn_id

-- name: stations_allowed@sqlite
SELECT 1 FROM station_allowlist
WHERE tenant_id = $1 AND station_id = $2 AND enabled
    AND coalesce(farm_id, $3) = $3 AND coalesce(barn_id, $4) = $4

-- name: stations_allowed@pg
SELECT g.n, 1
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    WITH ORDINALITY AS g (tenant_id, station_id, farm_id, barn_id, n)
JOIN station_allowlist AS a ON a.tenant_id = g.tenant_id AND a.station_id = g.station_id
WHERE a.enabled <> 0 AND coalesce(a.farm_id, g.farm_id) = g.farm_id
    AND coalesce(a.barn_id, g.barn_id) = g.barn_id

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

-- One statement cannot change a row twice: the last word of a device stands for what it
-- said in this batch, with the newest time at which it was online.
-- name: last_seen_put@pg
WITH said AS (
    SELECT DISTINCT ON (tenant_id, device_id) tenant_id, device_id, topic, is_online, now,
        max(seen_at) FILTER (WHERE is_online <> 0) OVER device AS online_at,
        first_value(seen_at) OVER (device ORDER BY n) AS seen_at
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::bigint[],
        $6::timestamptz[]) WITH ORDINALITY
    AS g (tenant_id, device_id, seen_at, topic, is_online, now, n)
    WINDOW device AS (PARTITION BY tenant_id, device_id)
    ORDER BY tenant_id, device_id, n DESC)
INSERT INTO device_last_seen AS d (tenant_id, device_id, last_seen_at, last_topic,
    is_online, received_at, updated_at)
SELECT tenant_id, device_id, greatest(seen_at, online_at), topic, is_online, now, now
FROM said ORDER BY tenant_id, device_id
ON CONFLICT (tenant_id, device_id) DO UPDATE SET
    last_seen_at = greatest(d.last_seen_at, (
        SELECT s.online_at FROM said AS s
        WHERE s.tenant_id = d.tenant_id AND s.device_id = d.device_id)),
    last_topic = excluded.last_topic,
    is_online = excluded.is_online,
    received_at = excluded.received_at,
    updated_at = excluded.updated_at
