-- The forwarder's own rows, and the outbox as people read it. sync_state has a row per
-- tenant, and one called * for the endpoint.

-- name: endpoint
SELECT last_error_at, paused_until, consecutive_failures
FROM sync_state
WHERE tenant_id = '*'

-- name: endpoint_well
UPDATE sync_state SET consecutive_failures = 0, paused_until = NULL
WHERE tenant_id = '*' AND (consecutive_failures > 0 OR paused_until IS NOT NULL)

-- $1 the endpoint, $2 the tenant whose batch met it, $3 now, $4 until when
-- name: endpoint_paused
INSERT INTO sync_state AS s (tenant_id, consecutive_failures, last_error_at, paused_until)
VALUES ($1, 1, $3, $4), ($2, 1, $3, NULL)
ON CONFLICT (tenant_id) DO UPDATE SET
    consecutive_failures = s.consecutive_failures + 1,
    last_error_at = excluded.last_error_at,
    paused_until = excluded.paused_until

-- name: tenant_acked
INSERT INTO sync_state (tenant_id, last_acked_event_id, last_acked_at, last_sent_batch_id)
VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id) DO UPDATE SET
    last_acked_event_id = excluded.last_acked_event_id,
    last_acked_at = excluded.last_acked_at,
    last_sent_batch_id = excluded.last_sent_batch_id,
    consecutive_failures = 0

-- name: tenants
SELECT tenant_id, last_acked_at, consecutive_failures
FROM sync_state
LIMIT 1000

-- name: sync_state
SELECT max(last_acked_at), max(last_error_at),
    coalesce(max(CASE WHEN tenant_id = '*' THEN consecutive_failures END), 0),
    max(CASE WHEN tenant_id = '*' THEN paused_until END)
FROM sync_state

-- The state of an event is where it is found; looking it up there, and not in the view
-- sync_outbox, reads no more of a long backlog than is shown.
-- name: outbox@sqlite
SELECT e.event_id, e.tenant_id, e.event_type, $1, f.attempt_count,
    coalesce(f.due_at, e.created_at), f.claimed_by, f.lease_expires_at, x.last_error_code,
    x.last_error_message, e.created_at
FROM (
    SELECT * FROM (
        SELECT seq, attempt_count, NULL AS due_at, NULL AS claimed_by,
            NULL AS lease_expires_at
        FROM sync_ready WHERE $1 = 'pending' ORDER BY rank, occurred_at, seq LIMIT $2)
    UNION ALL SELECT * FROM (
        SELECT seq, attempt_count, due_at, NULL, NULL
        FROM sync_retry WHERE $1 = 'pending' ORDER BY due_at LIMIT $2)
    UNION ALL
        SELECT s.value, json_extract(b.attempt_counts, '$[' || s.key || ']'), NULL,
            b.claimed_by, b.lease_expires_at
        FROM sync_batch AS b, json_each(b.seqs) AS s WHERE $1 = 'claimed'
    UNION ALL SELECT * FROM (
        SELECT seq, attempt_count, NULL, NULL, NULL
        FROM sync_dead
        WHERE $1 IN ('dlq', 'failed') AND status = CASE $1 WHEN 'dlq' THEN 6 ELSE 7 END
        ORDER BY died_at LIMIT $2)
    UNION ALL SELECT * FROM (
        SELECT s.value, 0, NULL, NULL, NULL
        FROM (SELECT seqs FROM sync_receipt WHERE $1 = 'acked'
              ORDER BY acked_at DESC LIMIT $2) AS r, json_each(r.seqs) AS s LIMIT $2)
) AS f CROSS JOIN sync_event AS e ON e.seq = f.seq
LEFT JOIN sync_error AS x ON x.seq = e.seq
ORDER BY e.occurred_at, e.seq
LIMIT $2

-- name: outbox@pg
SELECT e.event_id, e.tenant_id, e.event_type, $1, f.attempt_count,
    coalesce(f.due_at, e.created_at), f.claimed_by, f.lease_expires_at, x.last_error_code,
    x.last_error_message, e.created_at
FROM (
    (SELECT seq, attempt_count, NULL::timestamptz AS due_at, NULL::text AS claimed_by,
        NULL::timestamptz AS lease_expires_at
     FROM sync_ready WHERE $1 = 'pending' ORDER BY rank, occurred_at, seq LIMIT $2)
    UNION ALL
    (SELECT seq, attempt_count, due_at, NULL, NULL
     FROM sync_retry WHERE $1 = 'pending' ORDER BY due_at LIMIT $2)
    UNION ALL
    (SELECT s.seq, s.attempt_count, NULL, b.claimed_by, b.lease_expires_at
     FROM sync_batch AS b
     CROSS JOIN LATERAL unnest(b.seqs, b.attempt_counts) AS s (seq, attempt_count)
     WHERE $1 = 'claimed')
    UNION ALL
    (SELECT seq, attempt_count, NULL, NULL, NULL
     FROM sync_dead
     WHERE $1 IN ('dlq', 'failed') AND status = CASE $1 WHEN 'dlq' THEN 6 ELSE 7 END
     ORDER BY died_at LIMIT $2)
    UNION ALL
    (SELECT s.seq, 0, NULL, NULL, NULL
     FROM (SELECT seqs FROM sync_receipt WHERE $1 = 'acked'
           ORDER BY acked_at DESC LIMIT $2) AS r
     CROSS JOIN LATERAL unnest(r.seqs) AS s (seq) LIMIT $2)
) AS f JOIN sync_event AS e ON e.seq = f.seq
LEFT JOIN sync_error AS x ON x.seq = e.seq
ORDER BY e.occurred_at, e.seq
LIMIT $2

-- name: dlq
SELECT e.event_id, e.tenant_id, e.event_type, d.attempt_count, x.last_error_code,
    x.last_error_message, d.reason, d.died_at, e.created_at
FROM sync_dead AS d JOIN sync_event AS e ON e.seq = d.seq
LEFT JOIN sync_error AS x ON x.seq = d.seq
ORDER BY d.died_at DESC, d.seq DESC
LIMIT $1

-- Dead letters are few, and an id without its tenant leads nowhere in the events' index.
-- name: dead_seq@sqlite
SELECT d.seq
FROM sync_dead AS d CROSS JOIN sync_event AS e ON e.seq = d.seq
WHERE e.event_id = $1

-- name: dead_seq@pg
SELECT g.n, d.seq
FROM unnest($1::text[]) WITH ORDINALITY AS g (event_id, n)
JOIN (sync_dead AS d JOIN sync_event AS e ON e.seq = d.seq) ON e.event_id = g.event_id
