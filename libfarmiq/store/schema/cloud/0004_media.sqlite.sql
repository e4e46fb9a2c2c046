-- Images as the cloud hears of them (spec cloud 3.4, 6.9).

-- The local bus: what ingestion hands to the media store.
-- queue bus_media

-- Where the images of sessions lie: the session model's, by medium, because an image may be
-- stored before anybody says to which session it belongs, or after.
CREATE TABLE weigh_image (
    tenant_id TEXT NOT NULL,
    media_object_id TEXT NOT NULL,
    path TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, media_object_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX weigh_image_age ON weigh_image (created_at);

DROP VIEW weighvision_media;
CREATE VIEW weighvision_media AS
SELECT m.event_id AS id, m.tenant_id, m.session_id, m.media_object_id AS object_id, i.path,
    m.occurred_at AS ts, m.created_at
FROM weigh_media AS m
LEFT JOIN weigh_image AS i
    ON i.tenant_id = m.tenant_id AND i.media_object_id = m.media_object_id;

-- What media.stored says, once for each image. file_name and what follows say that the
-- bytes are here, too.
CREATE TABLE media_object_cloud (
    tenant_id TEXT NOT NULL,
    media_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    farm_id TEXT,
    barn_id TEXT,
    device_id TEXT,
    session_id TEXT,
    bucket TEXT,
    object_key TEXT NOT NULL,
    etag TEXT,
    mime_type TEXT,
    size_bytes INTEGER,
    captured_at INTEGER,
    occurred_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    file_name TEXT,
    file_type TEXT,
    file_bytes INTEGER,
    file_sha256 TEXT,
    file_stored_at INTEGER,
    PRIMARY KEY (tenant_id, media_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX media_object_cloud_time
    ON media_object_cloud (tenant_id, occurred_at, media_id);
CREATE INDEX media_object_cloud_session
    ON media_object_cloud (tenant_id, session_id, occurred_at, media_id)
    WHERE session_id IS NOT NULL;
CREATE INDEX media_object_cloud_age ON media_object_cloud (created_at);
CREATE UNIQUE INDEX media_object_cloud_file ON media_object_cloud (file_name)
    WHERE file_name IS NOT NULL;

-- What links are signed with, where the operator gives nothing: one row.
CREATE TABLE media_secret (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
