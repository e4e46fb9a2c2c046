-- The agent's own: its buffer is a queue, whose verbs do the rest.

-- Keep the newest $1 rows of the audit.
-- name: audit_bound
DELETE FROM agent_audit WHERE audit <= (SELECT max(audit) FROM agent_audit) - $1

-- The first $2 events whose type is not in the list $1 go to the head of the queue. The
-- rank is the negated priority, and other events have none.
-- name: expendable_first@sqlite
UPDATE agent_ready SET rank = -1
WHERE (rank, occurred_at, seq) IN (
    SELECT r.rank, r.occurred_at, r.seq
    FROM agent_ready AS r CROSS JOIN agent_event AS e ON e.seq = r.seq
    WHERE e.event_type NOT IN (SELECT value FROM json_each($1))
    ORDER BY r.rank, r.occurred_at, r.seq LIMIT $2)

-- name: expendable_first@pg
-- Nothing: an agent's buffer is a file.

-- name: expendable_rank@sqlite
UPDATE agent_event SET priority = 1
WHERE seq IN (SELECT seq FROM agent_ready WHERE rank = -1)

-- name: expendable_rank@pg
-- Nothing: an agent's buffer is a file.
