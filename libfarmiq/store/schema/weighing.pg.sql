-- The tables of weigh sessions, at the edge and at the cloud: what shims/common/sessions.c
-- keeps. {weighing} is the beginning of their names.

-- A session's row is what its facts add up to (farmiq_session): it is there from the
-- first fact on, whichever that is, and `pending` until created has come. state and flags
-- are the core's numbers. first_fact_at is the earliest moment that any fact names,
-- finalized_at when the finalized event came in, told_at when it went on. declared_* is
-- what that event says, for comparison, and for want of anything else.
CREATE TABLE {weighing}_session (
    tenant_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    state bigint NOT NULL,
    start_at timestamptz,
    end_at timestamptz,
    initial_weight_kg double precision,
    final_weight_kg double precision,
    initial_weight_at timestamptz,
    final_weight_at timestamptz,
    weight_count bigint NOT NULL,
    late_weight_count bigint NOT NULL,
    image_count bigint NOT NULL,
    declared_image_count bigint NOT NULL,
    flags bigint NOT NULL,
    id text NOT NULL,
    farm_id text NOT NULL,
    barn_id text NOT NULL,
    device_id text NOT NULL,
    station_id text NOT NULL,
    batch_id text,
    inference_result_id text,
    finalized_event_id text,
    finalized_trace_id text,
    first_fact_at timestamptz NOT NULL,
    inference_at timestamptz,
    finalized_at timestamptz,
    told_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    declared_weight_kg double precision,
    PRIMARY KEY (tenant_id, session_id)
);

-- Every weight once, however often it was sent; also those from after the end. told_at is
-- empty while its session waits for created.
CREATE TABLE {weighing}_weight (
    tenant_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    trace_id text,
    weight_kg double precision NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    told_at timestamptz,
    PRIMARY KEY (tenant_id, event_id)
);
CREATE INDEX {weighing}_weight_session ON {weighing}_weight (tenant_id, session_id, occurred_at);

-- Every medium once, whichever events name it.
CREATE TABLE {weighing}_media (
    tenant_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    media_object_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    trace_id text,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, session_id, media_object_id)
);
