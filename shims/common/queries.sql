-- What several services ask of a queue beside its verbs. {queue} is its name.

-- name: audit_purge@sqlite
DELETE FROM {queue}_audit
WHERE audit IN (SELECT audit FROM {queue}_audit WHERE at < $1 ORDER BY at LIMIT $2)
RETURNING 1

-- name: audit_purge@pg
WITH old AS (SELECT audit FROM {queue}_audit WHERE at < $1 ORDER BY at LIMIT $2
             FOR UPDATE SKIP LOCKED)
DELETE FROM {queue}_audit AS a USING old WHERE a.audit = old.audit
RETURNING 1
