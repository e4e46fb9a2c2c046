-- Weigh sessions at the edge (spec edge 5.3, 7).

-- A session's row is what its facts add up to (farmiq_session): it is there from the
-- first fact on, whichever that is, and `pending` until created has come. state and flags
-- are the core's numbers. first_fact_at is the earliest moment that any fact names,
-- finalized_at when the finalized event came in, told_at when it went on.
CREATE TABLE weigh_session (
    tenant_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    state INTEGER NOT NULL,
    start_at INTEGER,
    end_at INTEGER,
    initial_weight_kg REAL,
    final_weight_kg REAL,
    initial_weight_at INTEGER,
    final_weight_at INTEGER,
    weight_count INTEGER NOT NULL,
    late_weight_count INTEGER NOT NULL,
    image_count INTEGER NOT NULL,
    declared_image_count INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    id TEXT NOT NULL,
    farm_id TEXT NOT NULL,
    barn_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    station_id TEXT NOT NULL,
    batch_id TEXT,
    inference_result_id TEXT,
    finalized_event_id TEXT,
    finalized_trace_id TEXT,
    first_fact_at INTEGER NOT NULL,
    inference_at INTEGER,
    finalized_at INTEGER,
    told_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, session_id)
) STRICT, WITHOUT ROWID;

-- Who has a session of that name; what has no image yet; what was finalized and not told;
-- what is old; whether the cloud may lack something of a session.
CREATE INDEX weigh_session_name ON weigh_session (session_id);
CREATE INDEX weigh_session_bare ON weigh_session (start_at)
    WHERE image_count = 0 AND (flags & 1) = 0 AND state IN (1, 2);
CREATE INDEX weigh_session_untold ON weigh_session (finalized_at)
    WHERE told_at IS NULL AND state = 2;
CREATE INDEX weigh_session_age ON weigh_session (updated_at);
CREATE INDEX sync_event_session ON sync_event (tenant_id, session_id)
    WHERE session_id IS NOT NULL;

-- Every weight once, however often it was sent; also those from after the end.
CREATE TABLE weigh_weight (
    tenant_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    trace_id TEXT,
    weight_kg REAL NOT NULL,
    occurred_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX weigh_weight_session ON weigh_weight (tenant_id, session_id, occurred_at);

-- Every medium once, whichever events name it.
CREATE TABLE weigh_media (
    tenant_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    media_object_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    trace_id TEXT,
    occurred_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, session_id, media_object_id)
) STRICT, WITHOUT ROWID;

-- The names of spec edge 5.3.
CREATE VIEW weight_sessions AS
SELECT id, session_id, tenant_id, farm_id, barn_id, device_id, station_id, batch_id,
    CASE state WHEN 1 THEN 'created' WHEN 2 THEN 'finalized' WHEN 3 THEN 'cancelled'
        ELSE 'pending' END AS status,
    start_at, end_at, initial_weight_kg, final_weight_kg, image_count,
    inference_result_id, created_at, updated_at
FROM weigh_session;

CREATE VIEW session_weights AS
SELECT event_id AS id, session_id, tenant_id, weight_kg, occurred_at, event_id, trace_id,
    created_at
FROM weigh_weight;

CREATE VIEW session_media_bindings AS
SELECT m.event_id AS id, m.session_id, m.tenant_id, m.media_object_id, m.occurred_at,
    m.event_id, m.trace_id, s.state IN (1, 2, 3) AS is_bound, m.created_at
FROM weigh_media AS m
JOIN weigh_session AS s ON s.tenant_id = m.tenant_id AND s.session_id = m.session_id;
