-- Weighing by picture (spec edge 5.4, 9). The jobs are the queue's events.
-- queue inference
CREATE INDEX inference_event_name ON inference_event (event_id);

-- id is made of what was looked at, and by which model; event_id is the job's, which is
-- the same unless the model was exchanged in between.
CREATE TABLE inference_results (
    id text COLLATE "C" PRIMARY KEY,
    event_id text COLLATE "C" NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    farm_id text,
    barn_id text,
    device_id text NOT NULL,
    session_id text,
    media_id text,
    predicted_weight_kg double precision,
    predicted_size text,
    confidence double precision,
    model_version text NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    metadata text NOT NULL
);
CREATE UNIQUE INDEX inference_results_event ON inference_results (tenant_id, event_id);
CREATE INDEX inference_results_session
    ON inference_results (tenant_id, session_id, created_at);
CREATE INDEX inference_results_age ON inference_results (created_at);
CREATE INDEX inference_results_last ON inference_results (tenant_id, created_at);

-- A job's state is where its event is found, as in sync_outbox. Who asks sees no more than
-- the tables would show.
CREATE VIEW inference_jobs WITH (security_invoker = true) AS
SELECT e.event_id AS job_id, e.tenant_id, e.farm_id, e.barn_id, e.device_id,
    e.session_id, e.trace_id, e.payload,
    CASE WHEN r.id IS NOT NULL THEN 'completed'
         WHEN d.seq IS NOT NULL THEN 'failed'
         WHEN c.seq IS NOT NULL THEN 'processing'
         WHEN coalesce(q.seq, t.seq) IS NOT NULL THEN 'pending'
         ELSE 'completed' END AS status,
    e.created_at,
    coalesce(r.created_at, d.died_at, c.claimed_at, t.since_at, e.created_at)
        AS updated_at,
    r.id AS result_id,
    CASE WHEN d.seq IS NOT NULL
         THEN coalesce(x.last_error_code || coalesce(': ' || x.last_error_message, ''),
             d.reason)
         END AS error
FROM inference_event AS e
LEFT JOIN inference_results AS r
    ON r.tenant_id = e.tenant_id AND r.event_id = e.event_id
LEFT JOIN inference_ready AS q
    ON q.rank = -e.priority AND q.occurred_at = e.occurred_at AND q.seq = e.seq
LEFT JOIN inference_retry AS t ON t.seq = e.seq
LEFT JOIN inference_dead AS d ON d.seq = e.seq
LEFT JOIN inference_error AS x ON x.seq = e.seq
LEFT JOIN (
    SELECT s.seq, b.claimed_at
    FROM inference_batch AS b CROSS JOIN LATERAL unnest(b.seqs) AS s (seq)
    WHERE b.token IS NOT NULL) AS c ON c.seq = e.seq;
