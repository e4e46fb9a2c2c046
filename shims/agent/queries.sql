-- The agent's own: its buffer is a queue, whose verbs do the rest.

-- Keep the newest $1 rows of the audit.
-- name: audit_bound
DELETE FROM agent_audit WHERE audit <= (SELECT max(audit) FROM agent_audit) - $1
