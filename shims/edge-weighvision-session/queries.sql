-- What the session service asks beside the facts and folds of shims/common.

-- Who has a session of that name: two are enough to be too many.
-- name: owners
SELECT tenant_id FROM weigh_session
WHERE session_id = $1 AND state IN (1, 2, 3)
LIMIT 2

-- $1 tenant, $2 session, $3 medium
-- name: binding
SELECT event_id, trace_id, occurred_at, created_at
FROM weigh_media
WHERE tenant_id = $1 AND session_id = $2 AND media_object_id = $3

-- Begun before $1, and no image yet.
-- name: sessions_bare
SELECT tenant_id, session_id FROM weigh_session
WHERE image_count = 0 AND (flags & 1) = 0 AND state IN (1, 2) AND start_at < $1
ORDER BY start_at
LIMIT $2

-- Finalized up to $1, and the cloud has not been told.
-- name: sessions_untold
SELECT tenant_id, session_id FROM weigh_session
WHERE told_at IS NULL AND state = 2 AND finalized_at <= $1
ORDER BY finalized_at
LIMIT $2

-- created has not come since $1, and something of it waits.
-- name: sessions_orphaned@sqlite
SELECT tenant_id, session_id FROM weigh_session AS s
WHERE state IN (0, 4) AND created_at < $1 AND ((state = 4 AND told_at IS NULL) OR EXISTS (
    SELECT 1 FROM weigh_weight AS w INDEXED BY weigh_weight_session
    WHERE w.tenant_id = s.tenant_id AND w.session_id = s.session_id
        AND w.told_at IS NULL))
ORDER BY created_at
LIMIT $2

-- name: sessions_orphaned@pg
SELECT tenant_id, session_id FROM weigh_session AS s
WHERE state IN (0, 4) AND created_at < $1 AND ((state = 4 AND told_at IS NULL) OR EXISTS (
    SELECT 1 FROM weigh_weight AS w
    WHERE w.tenant_id = s.tenant_id AND w.session_id = s.session_id
        AND w.told_at IS NULL))
ORDER BY created_at
LIMIT $2

-- SQLite would rather walk through all weights of the tenant.
-- $1 tenant, $2 session, $3 now
-- name: weights_told@sqlite
UPDATE weigh_weight INDEXED BY weigh_weight_session SET told_at = $3
WHERE tenant_id = $1 AND session_id = $2 AND told_at IS NULL

-- name: weights_told@pg
UPDATE weigh_weight SET told_at = $3
WHERE tenant_id = $1 AND session_id = $2 AND told_at IS NULL

-- Of what has not changed since $1, the oldest of which nothing is in the outbox: the
-- three statements name the same sessions, as nothing happens between them.
-- name: weights_purge
DELETE FROM weigh_weight
WHERE (tenant_id, session_id) IN (
    SELECT tenant_id, session_id FROM weigh_session AS s
    WHERE updated_at < $1 AND NOT (state = 2 AND told_at IS NULL) AND NOT EXISTS (
        SELECT 1 FROM sync_event AS e
        WHERE e.tenant_id = s.tenant_id AND e.session_id = s.session_id)
    ORDER BY updated_at, tenant_id, session_id
    LIMIT $2)

-- name: media_purge
DELETE FROM weigh_media
WHERE (tenant_id, session_id) IN (
    SELECT tenant_id, session_id FROM weigh_session AS s
    WHERE updated_at < $1 AND NOT (state = 2 AND told_at IS NULL) AND NOT EXISTS (
        SELECT 1 FROM sync_event AS e
        WHERE e.tenant_id = s.tenant_id AND e.session_id = s.session_id)
    ORDER BY updated_at, tenant_id, session_id
    LIMIT $2)

-- name: sessions_purge
DELETE FROM weigh_session
WHERE (tenant_id, session_id) IN (
    SELECT tenant_id, session_id FROM weigh_session AS s
    WHERE updated_at < $1 AND NOT (state = 2 AND told_at IS NULL) AND NOT EXISTS (
        SELECT 1 FROM sync_event AS e
        WHERE e.tenant_id = s.tenant_id AND e.session_id = s.session_id)
    ORDER BY updated_at, tenant_id, session_id
    LIMIT $2)
RETURNING 1
