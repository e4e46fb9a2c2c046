-- Configuration from the cloud (spec edge 5.7).

-- $1 tenant, $2 farm, $3 barn; the same below
-- name: policy_etag
SELECT source_etag FROM edge_config_cache
WHERE tenant_id = $1 AND farm_id = $2 AND barn_id = $3

-- name: policy_of
SELECT tenant_id, farm_id, barn_id, config_json, hash, fetched_at, source_etag
FROM edge_config_cache
WHERE tenant_id = $1 AND farm_id = $2 AND barn_id = $3

-- $4 now, $5 the configuration, $6 its hash, $7 its ETag
-- name: policy_put
INSERT INTO edge_config_cache (tenant_id, farm_id, barn_id, config_json, hash,
    source_etag, fetched_at, created_at, updated_at)
VALUES ($1, $2, $3, $5, $6, $7, $4, $4, $4)
ON CONFLICT (tenant_id, farm_id, barn_id) DO UPDATE SET
    config_json = excluded.config_json, hash = excluded.hash,
    source_etag = excluded.source_etag, fetched_at = excluded.fetched_at,
    updated_at = excluded.updated_at

-- The cloud says that what is kept is still right.
-- name: policy_confirm
UPDATE edge_config_cache SET fetched_at = $4
WHERE tenant_id = $1 AND farm_id = $2 AND barn_id = $3

-- After a pass over all: what was not asked for since $1.
-- name: policy_forget
DELETE FROM edge_config_cache WHERE fetched_at < $1

-- name: policy_succeeded
INSERT INTO edge_config_sync_state (id, last_success_at, consecutive_failures)
VALUES (1, $1, 0)
ON CONFLICT (id) DO UPDATE SET
    last_success_at = excluded.last_success_at, consecutive_failures = 0

-- name: policy_failed
INSERT INTO edge_config_sync_state AS s (id, last_error_at, last_error,
    consecutive_failures)
VALUES (1, $1, $2, 1)
ON CONFLICT (id) DO UPDATE SET
    last_error_at = excluded.last_error_at, last_error = excluded.last_error,
    consecutive_failures = s.consecutive_failures + 1

-- name: policy_state
SELECT max(last_success_at), max(last_error_at), max(last_error),
    coalesce(max(consecutive_failures), 0), (SELECT count(*) FROM edge_config_cache)
FROM edge_config_sync_state
