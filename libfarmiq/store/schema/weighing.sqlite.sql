-- The tables of weigh sessions, at the edge and at the cloud: what shims/common/sessions.c
-- keeps. {weighing} is the beginning of their names.

-- A session's row is what its facts add up to (farmiq_session): it is there from the
-- first fact on, whichever that is, and `pending` until created has come. state and flags
-- are the core's numbers. first_fact_at is the earliest moment that any fact names,
-- finalized_at when the finalized event came in, told_at when it went on. declared_* is
-- what that event says, for comparison, and for want of anything else.
CREATE TABLE {weighing}_session (
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
    declared_weight_kg REAL,
    PRIMARY KEY (tenant_id, session_id)
) STRICT, WITHOUT ROWID;

-- Every weight once, however often it was sent; also those from after the end. told_at is
-- empty while its session waits for created.
CREATE TABLE {weighing}_weight (
    tenant_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    trace_id TEXT,
    weight_kg REAL NOT NULL,
    occurred_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    told_at INTEGER,
    PRIMARY KEY (tenant_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX {weighing}_weight_session ON {weighing}_weight (tenant_id, session_id, occurred_at);

-- Every medium once, whichever events name it.
CREATE TABLE {weighing}_media (
    tenant_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    media_object_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    trace_id TEXT,
    occurred_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, session_id, media_object_id)
) STRICT, WITHOUT ROWID;
