-- Weigh sessions at the edge (spec edge 5.3, 7).

-- weighing weigh

-- Who has a session of that name; what has no image yet; what was finalized and not told;
-- what has waited long for created; what is old; whether the cloud may lack something of a session.
CREATE INDEX weigh_session_name ON weigh_session (session_id);
CREATE INDEX weigh_session_bare ON weigh_session (start_at)
    WHERE image_count = 0 AND (flags & 1) = 0 AND state IN (1, 2);
CREATE INDEX weigh_session_untold ON weigh_session (finalized_at)
    WHERE told_at IS NULL AND state = 2;
CREATE INDEX weigh_session_orphan ON weigh_session (created_at)
    WHERE state IN (0, 4);
CREATE INDEX weigh_session_age ON weigh_session (updated_at);
CREATE INDEX sync_event_session ON sync_event (tenant_id, session_id)
    WHERE session_id IS NOT NULL;

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
