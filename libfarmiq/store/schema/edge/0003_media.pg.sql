-- Images at the edge (spec edge 5.4, 8). The bytes are elsewhere, under object_key.
CREATE TABLE media_objects (
    id text COLLATE "C" PRIMARY KEY,
    event_id text COLLATE "C" NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    farm_id text NOT NULL,
    barn_id text NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C",
    bucket text COLLATE "C" NOT NULL,
    object_key text COLLATE "C" NOT NULL,
    etag text,
    mime_type text NOT NULL,
    size_bytes bigint,
    captured_at timestamptz,
    inference_job_id text,
    inference_due_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX media_objects_key ON media_objects (tenant_id, object_key);
CREATE UNIQUE INDEX media_objects_bucket ON media_objects (bucket, object_key);
CREATE INDEX media_objects_device
    ON media_objects (tenant_id, device_id, captured_at DESC);
CREATE INDEX media_objects_age ON media_objects (created_at);
CREATE INDEX media_objects_unseen ON media_objects (inference_due_at)
    WHERE inference_due_at IS NOT NULL;

-- What upload URLs are signed with, where the operator gives nothing: one row.
CREATE TABLE media_secret (
    id integer PRIMARY KEY CHECK (id = 1),
    secret text NOT NULL,
    created_at timestamptz NOT NULL
);
