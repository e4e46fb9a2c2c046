-- Weigh sessions at the cloud (spec cloud 3.4).

-- The local bus: what ingestion hands to the session model.
-- queue bus_sessions

-- weighing weigh

-- A session has begun when created says so, or else with the first of its facts.
ALTER TABLE weigh_session ADD COLUMN started_at timestamptz
    GENERATED ALWAYS AS (coalesce(start_at, first_fact_at)) STORED;
CREATE INDEX weigh_session_started ON weigh_session (tenant_id, started_at, id);
CREATE INDEX weigh_session_ended ON weigh_session (tenant_id, end_at)
    WHERE end_at IS NOT NULL;
CREATE INDEX weigh_session_age ON weigh_session (updated_at);

CREATE TABLE weigh_inference (
    tenant_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    model_version text,
    predicted_weight_kg double precision,
    confidence double precision,
    result_json text NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
);
CREATE INDEX weigh_inference_session
    ON weigh_inference (tenant_id, session_id, occurred_at);

-- Finalized sessions of a local day, summed up; one weight is one sample.
CREATE TABLE weighvision_weight_aggregate (
    tenant_id text COLLATE "C" NOT NULL,
    farm_id text COLLATE "C" NOT NULL,
    barn_id text COLLATE "C" NOT NULL,
    batch_id text COLLATE "C" NOT NULL,
    record_date text COLLATE "C" NOT NULL,
    avg_weight_kg double precision,
    p10_weight_kg double precision,
    p50_weight_kg double precision,
    p90_weight_kg double precision,
    sample_count bigint NOT NULL,
    quality_pass_rate double precision,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, farm_id, barn_id, batch_id, record_date)
);
CREATE INDEX weighvision_weight_aggregate_date
    ON weighvision_weight_aggregate (tenant_id, record_date);
CREATE INDEX weighvision_weight_aggregate_age
    ON weighvision_weight_aggregate (updated_at);

-- Days whose figures are to be computed again.
CREATE TABLE weigh_day (
    tenant_id text COLLATE "C" NOT NULL,
    farm_id text COLLATE "C" NOT NULL,
    barn_id text COLLATE "C" NOT NULL,
    batch_id text COLLATE "C" NOT NULL,
    record_date text COLLATE "C" NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, farm_id, barn_id, batch_id, record_date)
);

-- The names of spec cloud 3.4.
CREATE VIEW weighvision_session AS
SELECT id, tenant_id, farm_id, barn_id, batch_id, station_id, session_id, started_at,
    end_at AS ended_at,
    CASE WHEN state IN (2, 4) THEN 'FINALIZED' WHEN state = 3 THEN 'CANCELLED'
        ELSE 'RUNNING' END AS status,
    created_at, updated_at
FROM weigh_session;

CREATE VIEW weighvision_measurement AS
SELECT event_id AS id, tenant_id, session_id, occurred_at AS ts, weight_kg,
    'scale' AS source, created_at
FROM weigh_weight;

CREATE VIEW weighvision_media AS
SELECT event_id AS id, tenant_id, session_id, media_object_id AS object_id,
    occurred_at AS ts, created_at
FROM weigh_media;

CREATE VIEW weighvision_inference AS
SELECT event_id AS id, tenant_id, session_id, model_version, result_json,
    occurred_at AS ts, created_at
FROM weigh_inference;
