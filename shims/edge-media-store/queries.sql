-- Images: what is known of them (spec edge 5.4).

-- name: media_add
INSERT INTO media_objects (id, tenant_id, farm_id, barn_id, device_id, session_id, bucket,
    object_key, etag, mime_type, size_bytes, captured_at, created_at, event_id,
    inference_due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT DO NOTHING

-- $1 tenant, $2 key
-- name: media_kept
SELECT id, object_key, bucket, etag, size_bytes, inference_job_id, event_id FROM media_objects
WHERE tenant_id = $1 AND object_key = $2

-- name: media_by_key
SELECT object_key, mime_type, etag FROM media_objects
WHERE tenant_id = $1 AND object_key = $2

-- $1 tenant, $2 id
-- name: media_by_id
SELECT object_key, mime_type, etag FROM media_objects
WHERE tenant_id = $1 AND id = $2

-- name: media_meta
SELECT id, tenant_id, farm_id, barn_id, device_id, session_id, bucket, object_key, etag,
    mime_type, size_bytes, captured_at, created_at
FROM media_objects
WHERE tenant_id = $1 AND id = $2

-- name: media_totals@sqlite
SELECT count(*), round(coalesce(sum(size_bytes), 0) / 1048576.0, 1), max(created_at), $1
FROM media_objects
WHERE tenant_id = $1

-- name: media_totals@pg
SELECT count(*), round(coalesce(sum(size_bytes), 0) / 1048576, 1)::double precision,
    max(created_at), $1::text
FROM media_objects
WHERE tenant_id = $1

-- name: media_unseen
SELECT id, tenant_id, farm_id, barn_id, device_id, session_id, object_key, created_at
FROM media_objects
WHERE inference_due_at IS NOT NULL AND inference_due_at <= $1
ORDER BY inference_due_at
LIMIT $2

-- $1 id, $2 job, $3 when to ask again
-- name: media_seen
UPDATE media_objects SET inference_job_id = $2, inference_due_at = $3 WHERE id = $1
