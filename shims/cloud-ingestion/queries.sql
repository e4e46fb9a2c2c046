-- The ingestion's own rows.

-- A signature is accepted once. tenant_id holds the edge the credential belongs to.
-- name: replay_add
INSERT INTO edge_replay (tenant_id, sig_hash, seen_at) VALUES ($1, $2, $3)
ON CONFLICT (tenant_id, sig_hash) DO NOTHING

-- name: replay_purge@sqlite
DELETE FROM edge_replay
WHERE (tenant_id, sig_hash) IN (
    SELECT tenant_id, sig_hash FROM edge_replay WHERE seen_at < $1
    ORDER BY seen_at LIMIT $2)
RETURNING 1

-- name: replay_purge@pg
WITH old AS (SELECT tenant_id, sig_hash FROM edge_replay WHERE seen_at < $1
             ORDER BY seen_at LIMIT $2 FOR UPDATE SKIP LOCKED)
DELETE FROM edge_replay AS r USING old
WHERE r.tenant_id = old.tenant_id AND r.sig_hash = old.sig_hash
RETURNING 1

-- Where events of {queue}, which is $1, came from, once none of them is left.
-- name: origin_purge@sqlite
DELETE FROM bus_origin
WHERE queue = $1 AND first_seq IN (
    SELECT o.first_seq FROM bus_origin AS o
    WHERE o.queue = $1 AND NOT EXISTS (
        SELECT 1 FROM {queue}_event AS e WHERE e.seq BETWEEN o.first_seq AND o.last_seq)
    ORDER BY o.first_seq LIMIT $2)
RETURNING 1

-- name: origin_purge@pg
WITH old AS (
    SELECT o.first_seq FROM bus_origin AS o
    WHERE o.queue = $1 AND NOT EXISTS (
        SELECT FROM {queue}_event AS e WHERE e.seq BETWEEN o.first_seq AND o.last_seq)
    ORDER BY o.first_seq LIMIT $2 FOR UPDATE SKIP LOCKED)
DELETE FROM bus_origin AS b USING old
WHERE b.queue = $1 AND b.first_seq = old.first_seq
RETURNING 1

-- $1 edge, $2 tenant, $3 backlog, $4 age in seconds, $5 now, $6..$8 counts
-- name: edge_seen
INSERT INTO edge_status AS s (edge_id, tenant_id, backlog, oldest_pending_age_s, last_sync_at,
    events_accepted, events_duplicated, events_rejected)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (tenant_id, edge_id) DO UPDATE SET
    backlog = excluded.backlog,
    oldest_pending_age_s = excluded.oldest_pending_age_s,
    last_sync_at = excluded.last_sync_at,
    events_accepted = s.events_accepted + excluded.events_accepted,
    events_duplicated = s.events_duplicated + excluded.events_duplicated,
    events_rejected = s.events_rejected + excluded.events_rejected

-- name: edges@sqlite
SELECT edge_id, tenant_id, backlog, oldest_pending_age_s, last_sync_at,
    ($2 - last_sync_at) / 1000.0, events_accepted, events_duplicated, events_rejected
FROM edge_status
WHERE tenant_id = $1
ORDER BY edge_id
LIMIT 1000

-- name: edges@pg
SELECT edge_id, tenant_id, backlog, oldest_pending_age_s, last_sync_at,
    extract(epoch FROM $2::timestamptz - last_sync_at)::double precision,
    events_accepted, events_duplicated, events_rejected
FROM edge_status
WHERE tenant_id = $1
ORDER BY edge_id
LIMIT 1000

-- name: dedupe_count
SELECT count(*) FROM cloud_dedupe WHERE tenant_id = $1

-- name: dedupe_newest
SELECT tenant_id, event_id, first_seen_at
FROM cloud_dedupe
WHERE tenant_id = $1
ORDER BY first_seen_at DESC
LIMIT $2

-- Edges that are gone (purge_silent()).
-- name: edge_end
SELECT tenant_id, edge_id FROM edge_status
WHERE (tenant_id, edge_id) > ($1, $2) AND $3 = ''
ORDER BY tenant_id, edge_id
LIMIT 1 OFFSET $4

-- name: edge_purge
DELETE FROM edge_status
WHERE last_sync_at < $5 AND (tenant_id, edge_id) IN (
    SELECT tenant_id, edge_id FROM edge_status
    WHERE (tenant_id, edge_id) > ($1, $2) AND $3 = ''
    ORDER BY tenant_id, edge_id
    LIMIT $4)

-- For the gauges: an edge may speak for several tenants, a tenant have several edges.
-- name: edges_seen
SELECT edge_id, max(last_sync_at), max(backlog), max(oldest_pending_age_s)
FROM edge_status
GROUP BY edge_id
ORDER BY 2 DESC
LIMIT 1000

-- name: tenants_seen
SELECT tenant_id, max(last_sync_at)
FROM edge_status
GROUP BY tenant_id
ORDER BY 2 DESC
LIMIT 1000
