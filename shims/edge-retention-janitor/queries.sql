-- Images by their rows: which may go, and which files somebody speaks of.

-- What came before $1, behind the row ($2, $3), unless its event is still in the outbox; of
-- those whose session goes on ($4: 1), or of the others (0). An event that left and a session
-- that ended stay so: what is read here may go in a later transaction.
-- name: images
SELECT id, object_key, coalesce(size_bytes, 0), created_at FROM media_objects AS m
WHERE created_at < $1 AND (created_at, id) > ($2, $3) AND NOT EXISTS (
        SELECT 1 FROM sync_event AS e
        WHERE e.tenant_id = m.tenant_id AND e.event_id = m.event_id)
    AND ($4 = 1) = EXISTS (
        SELECT 1 FROM weigh_session AS s
        WHERE s.tenant_id = m.tenant_id AND s.session_id = m.session_id
            AND s.state NOT IN (2, 3))
ORDER BY created_at, id
LIMIT $5

-- name: image_forget
DELETE FROM media_objects WHERE id = $1 RETURNING 1

-- name: image_of_file
SELECT 1 FROM media_objects WHERE bucket = $1 AND object_key = $2

-- name: image_keys
SELECT object_key, id FROM media_objects WHERE id > $1 ORDER BY id LIMIT $2
