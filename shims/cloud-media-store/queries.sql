-- Images as the cloud knows them (spec cloud 6.9). An empty filter ('') lets everything
-- through.

-- $1 tenant, $2 image, $3 event, $4 farm, $5 barn, $6 device, $7 session, $8 bucket, $9 key,
-- $10 etag, $11 type, $12 bytes, $13 captured, $14 when, $15 now
-- name: object_add@sqlite
INSERT INTO media_object_cloud (tenant_id, media_id, event_id, farm_id, barn_id, device_id,
    session_id, bucket, object_key, etag, mime_type, size_bytes, captured_at, occurred_at,
    created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (tenant_id, media_id) DO NOTHING

-- name: object_add@pg
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
        $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
        $12::bigint[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[])
        WITH ORDINALITY
    AS g (tenant_id, media_id, event_id, farm_id, barn_id, device_id, session_id, bucket,
        object_key, etag, mime_type, size_bytes, captured_at, occurred_at, created_at, n)),
added AS (
    INSERT INTO media_object_cloud (tenant_id, media_id, event_id, farm_id, barn_id,
        device_id, session_id, bucket, object_key, etag, mime_type, size_bytes,
        captured_at, occurred_at, created_at)
    SELECT tenant_id, media_id, event_id, farm_id, barn_id, device_id, session_id, bucket,
        object_key, etag, mime_type, size_bytes, captured_at, occurred_at, created_at
    FROM given ORDER BY tenant_id COLLATE "C", media_id COLLATE "C", n
    ON CONFLICT (tenant_id, media_id) DO NOTHING
    RETURNING tenant_id, media_id)
SELECT min(n) FROM added JOIN given USING (tenant_id, media_id)
GROUP BY tenant_id, media_id

-- $1 tenant, $2 image
-- name: object
SELECT media_id, farm_id, barn_id, session_id, etag, mime_type, file_name, file_type,
    file_sha256, size_bytes
FROM media_object_cloud
WHERE tenant_id = $1 AND media_id = $2

-- name: object_meta
SELECT media_id, tenant_id, farm_id, barn_id, device_id, session_id, bucket, object_key,
    etag, mime_type, size_bytes, captured_at, occurred_at, created_at, file_stored_at
FROM media_object_cloud
WHERE tenant_id = $1 AND media_id = $2

-- $1 tenant, $2 image, $3 file, $4 type, $5 bytes, $6 SHA-256, $7 now
-- name: object_keep
UPDATE media_object_cloud SET file_name = $3, file_type = $4, file_bytes = $5,
    file_sha256 = $6, file_stored_at = $7
WHERE tenant_id = $1 AND media_id = $2 AND file_name IS NULL

-- $1 tenant, $2 from, $3 to, $4 farm, $5 barn, $6 device, $7 limit, $8 and $9 the cursor's
-- time and id, $10 session
-- name: objects_page
SELECT media_id, tenant_id, farm_id, barn_id, device_id, session_id, bucket, object_key,
    etag, mime_type, size_bytes, captured_at, occurred_at, created_at, file_stored_at
FROM media_object_cloud
WHERE tenant_id = $1 AND occurred_at BETWEEN $2 AND $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6) AND ($10 = '' OR session_id = $10)
    AND (occurred_at, media_id) < ($8, $9)
ORDER BY occurred_at DESC, media_id DESC
LIMIT $7

-- name: objects_of_session
SELECT media_id, tenant_id, farm_id, barn_id, device_id, session_id, bucket, object_key,
    etag, mime_type, size_bytes, captured_at, occurred_at, created_at, file_stored_at
FROM media_object_cloud
WHERE tenant_id = $1 AND session_id = $10 AND occurred_at BETWEEN $2 AND $3
    AND ($4 = '' OR farm_id = $4) AND ($5 = '' OR barn_id = $5)
    AND ($6 = '' OR device_id = $6)
    AND (occurred_at, media_id) < ($8, $9)
ORDER BY occurred_at DESC, media_id DESC
LIMIT $7

-- name: totals@sqlite
SELECT count(*), count(file_name), coalesce(sum(file_bytes), 0), max(created_at)
FROM media_object_cloud
WHERE tenant_id = $1

-- name: totals@pg
SELECT count(*), count(file_name), coalesce(sum(file_bytes), 0)::bigint, max(created_at)
FROM media_object_cloud
WHERE tenant_id = $1

-- $1 before, $2 how many
-- name: objects_purge
DELETE FROM media_object_cloud
WHERE (tenant_id, media_id) IN (
    SELECT tenant_id, media_id FROM media_object_cloud WHERE created_at < $1
    ORDER BY created_at LIMIT $2)
RETURNING file_name

-- name: objects_stored
SELECT file_name, file_name FROM media_object_cloud
WHERE file_name IS NOT NULL AND file_name > $1
ORDER BY file_name
LIMIT $2

-- name: object_of_file
SELECT 1 FROM media_object_cloud WHERE file_name = $1
