-- Images at the edge (spec edge 5.4, 8). The bytes are elsewhere, under object_key.
CREATE TABLE media_objects (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    farm_id TEXT NOT NULL,
    barn_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    session_id TEXT,
    bucket TEXT NOT NULL,
    object_key TEXT NOT NULL,
    etag TEXT,
    mime_type TEXT NOT NULL,
    size_bytes INTEGER,
    captured_at INTEGER,
    inference_job_id TEXT,
    inference_due_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX media_objects_key ON media_objects (tenant_id, object_key);
CREATE UNIQUE INDEX media_objects_bucket ON media_objects (bucket, object_key);
CREATE INDEX media_objects_device
    ON media_objects (tenant_id, device_id, captured_at DESC);
CREATE INDEX media_objects_age ON media_objects (created_at);
CREATE INDEX media_objects_unseen ON media_objects (inference_due_at)
    WHERE inference_due_at IS NOT NULL;

-- What upload URLs are signed with, where the operator gives nothing: one row.
CREATE TABLE media_secret (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
