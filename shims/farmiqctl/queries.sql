-- What `farmiqctl outbox ls` shows. The status is where the event is found; see the
-- view sync_outbox, which says the same of the queue "sync" in the seed's words. Not
-- called status: in a WHERE that is the column of the dead.

-- name: list@sqlite
SELECT e.seq, e.tenant_id, e.event_id, e.event_type, e.occurred_at, e.created_at,
    CASE WHEN d.status = 7 THEN 'failed'
         WHEN d.status = 6 THEN 'dlq'
         WHEN coalesce(r.seq, t.seq) IS NOT NULL THEN 'pending'
         WHEN e.seq IN (SELECT s.value FROM {queue}_batch AS b, json_each(b.seqs) AS s)
             THEN 'claimed'
         ELSE 'acked' END AS state,
    coalesce(r.attempt_count, t.attempt_count, d.attempt_count, 0),
    coalesce(x.last_error_code, ''), coalesce(x.last_error_message, d.reason, '')
FROM {queue}_event AS e
LEFT JOIN {queue}_ready AS r
    ON r.rank = -e.priority AND r.occurred_at = e.occurred_at AND r.seq = e.seq
LEFT JOIN {queue}_retry AS t ON t.seq = e.seq
LEFT JOIN {queue}_dead AS d ON d.seq = e.seq
LEFT JOIN {queue}_error AS x ON x.seq = e.seq
WHERE $1 = 'all' OR $1 = state
ORDER BY e.seq
LIMIT $2

-- name: list@pg
SELECT seq, tenant_id, event_id, event_type, occurred_at, created_at, state,
    attempt_count, error, message
FROM (
    SELECT e.*,
        CASE WHEN d.status = 7 THEN 'failed'
             WHEN d.status = 6 THEN 'dlq'
             WHEN coalesce(r.seq, t.seq) IS NOT NULL THEN 'pending'
             WHEN EXISTS (SELECT FROM {queue}_batch AS b WHERE e.seq = ANY (b.seqs))
                 THEN 'claimed'
             ELSE 'acked' END AS state,
        coalesce(r.attempt_count, t.attempt_count, d.attempt_count, 0) AS attempt_count,
        coalesce(x.last_error_code, '') AS error,
        coalesce(x.last_error_message, d.reason, '') AS message
    FROM {queue}_event AS e
    LEFT JOIN {queue}_ready AS r
        ON r.rank = -e.priority AND r.occurred_at = e.occurred_at AND r.seq = e.seq
    LEFT JOIN {queue}_retry AS t ON t.seq = e.seq
    LEFT JOIN {queue}_dead AS d ON d.seq = e.seq
    LEFT JOIN {queue}_error AS x ON x.seq = e.seq) AS found
WHERE $1 = 'all' OR $1 = state
ORDER BY seq
LIMIT $2
