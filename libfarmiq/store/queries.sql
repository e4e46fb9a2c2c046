-- The queue and ledger verbs. {queue} is the name of a queue, or of a ledger.

-- Append -----------------------------------------------------------------------

-- name: event_last@sqlite
SELECT coalesce(max(seq), 0) FROM {queue}_event

-- The numbers ($16) are given out by the verb, under the writer's lock: RETURNING, which
-- would tell them, costs SQLite a temporary table at each row. An engine that numbers
-- rows by itself returns the number.
-- name: event_add@sqlite
INSERT INTO {queue}_event (tenant_id, event_id, event_type, farm_id, barn_id, device_id,
    station_id, session_id, batch_id, trace_id, schema_version, payload, occurred_at,
    priority, created_at, seq)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (tenant_id, event_id) DO NOTHING

-- The event that is there already, and whether it says the same.
-- name: event_compare@sqlite
SELECT seq, event_type = $3 AND occurred_at = $4 AND payload = $5
FROM {queue}_event
WHERE tenant_id = $1 AND event_id = $2

-- name: ready_add@sqlite
INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
VALUES ($1, $2, $3, 0, 0)

-- Claim ------------------------------------------------------------------------

-- The batch whose lease ended longest before $1, or was taken further in the future
-- ($2 is now) than it is long: then a clock has jumped back.
-- name: batch_lapsed@sqlite
SELECT token, seqs, attempt_counts, claim_counts
FROM {queue}_batch
WHERE lease_expires_at < $1 OR 2 * claimed_at - lease_expires_at > $2
ORDER BY lease_expires_at
LIMIT 1

-- name: batch_events@sqlite
SELECT e.seq, 0, 0, e.priority, e.occurred_at, e.tenant_id, e.event_id, e.event_type,
    e.farm_id, e.barn_id, e.device_id, e.station_id, e.session_id, e.batch_id, e.trace_id,
    e.schema_version, e.payload
FROM json_each($1) AS s CROSS JOIN {queue}_event AS e ON e.seq = s.value
ORDER BY s.id

-- What is due; and what was made to wait further in the future than it was to wait: a
-- clock has jumped back since, and without this it would wait as long as that again.
-- name: ready_due@sqlite
INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
SELECT -e.priority, e.occurred_at, e.seq, r.attempt_count, r.claim_count
FROM (SELECT * FROM (SELECT seq, attempt_count, claim_count FROM {queue}_retry
                     WHERE due_at <= $1 ORDER BY due_at LIMIT $2)
      UNION ALL
      SELECT * FROM (SELECT seq, attempt_count, claim_count FROM {queue}_retry
                     WHERE 2 * since_at - due_at > $1
                     ORDER BY 2 * since_at - due_at LIMIT $2)) AS r
CROSS JOIN {queue}_event AS e ON e.seq = r.seq

-- The same rows: nothing happens between the two in one transaction.
-- name: retry_due_delete@sqlite
DELETE FROM {queue}_retry
WHERE seq IN (
    SELECT * FROM (SELECT seq FROM {queue}_retry
                   WHERE due_at <= $1 ORDER BY due_at LIMIT $2)
    UNION ALL
    SELECT * FROM (SELECT seq FROM {queue}_retry
                   WHERE 2 * since_at - due_at > $1
                   ORDER BY 2 * since_at - due_at LIMIT $2))

-- name: ready_first@sqlite
SELECT e.seq, r.attempt_count, r.claim_count, e.priority, e.occurred_at, e.tenant_id,
    e.event_id, e.event_type, e.farm_id, e.barn_id, e.device_id, e.station_id,
    e.session_id, e.batch_id, e.trace_id, e.schema_version, e.payload
FROM {queue}_ready AS r CROSS JOIN {queue}_event AS e ON e.seq = r.seq
ORDER BY r.rank, r.occurred_at, r.seq
LIMIT $1

-- Rows are read in the order of the key, under the writer's lock: what was read is a
-- prefix, and the last row says where it ends.
-- name: ready_take@sqlite
DELETE FROM {queue}_ready WHERE (rank, occurred_at, seq) <= ($1, $2, $3)

-- name: batch_add
INSERT INTO {queue}_batch (token, claimed_by, claimed_at, lease_expires_at, seqs,
    attempt_counts, claim_counts)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- Settle -----------------------------------------------------------------------

-- name: batch_get@sqlite
SELECT token, seqs, attempt_counts, claim_counts
FROM {queue}_batch
WHERE token = $1

-- name: batch_renew@sqlite
UPDATE {queue}_batch SET claimed_at = $2, lease_expires_at = $3
WHERE token = $1

-- name: batch_shrink@sqlite
UPDATE {queue}_batch SET seqs = $2, attempt_counts = $3, claim_counts = $4
WHERE token = $1

-- name: batch_delete@sqlite
DELETE FROM {queue}_batch WHERE token = $1

-- name: ready_return@sqlite
INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
SELECT -priority, occurred_at, seq, $2, $3 FROM {queue}_event WHERE seq = $1

-- name: retry_add@sqlite
INSERT INTO {queue}_retry (seq, since_at, due_at, attempt_count, claim_count)
VALUES ($1, $2, $3, $4, $5)

-- name: error_put@sqlite
INSERT INTO {queue}_error (seq, last_error_code, last_error_message)
VALUES ($1, $2, $3)
ON CONFLICT (seq) DO UPDATE
SET last_error_code = excluded.last_error_code,
    last_error_message = excluded.last_error_message

-- name: dead_add@sqlite
INSERT INTO {queue}_dead (seq, died_at, status, reason, attempt_count)
VALUES ($1, $2, $3, $4, $5)

-- name: audit_death@sqlite
INSERT INTO {queue}_audit (at, action, seq, tenant_id, event_id, actor, reason,
    attempt_count, last_error_code, last_error_message)
SELECT d.died_at, 'died', d.seq, e.tenant_id, e.event_id, $2, d.reason, d.attempt_count,
    x.last_error_code, x.last_error_message
FROM {queue}_dead AS d CROSS JOIN {queue}_event AS e ON e.seq = d.seq
LEFT JOIN {queue}_error AS x ON x.seq = d.seq
WHERE d.seq = $1

-- name: receipt_add@sqlite
INSERT INTO {queue}_receipt (acked_at, claimed_by, seqs)
SELECT $2, claimed_by, $3 FROM {queue}_batch WHERE token = $1

-- name: count_add
UPDATE {queue}_count SET pending = pending + $1, claimed = claimed + $2, dead = dead + $3,
    acked = acked + $4, last_acked_at = coalesce($5, last_acked_at)

-- Looking after it ---------------------------------------------------------------

-- Nothing is counted or walked through: of what is ready, the row that comes next of
-- each priority is looked at (of the first hundred), and of what waits the oldest.
-- name: stats@sqlite
WITH RECURSIVE ranks (rank) AS (
    SELECT min(rank) FROM {queue}_ready
    UNION ALL
    SELECT (SELECT min(r.rank) FROM {queue}_ready AS r WHERE r.rank > ranks.rank)
    FROM ranks WHERE ranks.rank IS NOT NULL
    LIMIT 100)
SELECT pending, claimed, dead, acked,
    (SELECT coalesce(min(created_at), 0) FROM {queue}_event
     WHERE seq IN (SELECT (SELECT r.seq FROM {queue}_ready AS r
                           WHERE r.rank = ranks.rank
                           ORDER BY r.occurred_at, r.seq LIMIT 1) FROM ranks
                   UNION ALL SELECT min(seq) FROM {queue}_retry)),
    coalesce(last_acked_at, 0)
FROM {queue}_count

-- $1: a JSON list of seqs, or NULL for all of them.
-- name: audit_redrive@sqlite
INSERT INTO {queue}_audit (at, action, seq, tenant_id, event_id, actor, reason,
    attempt_count, last_error_code, last_error_message)
SELECT $2, 'redriven', d.seq, e.tenant_id, e.event_id, $3, $4, d.attempt_count,
    x.last_error_code, x.last_error_message
FROM {queue}_dead AS d CROSS JOIN {queue}_event AS e ON e.seq = d.seq
LEFT JOIN {queue}_error AS x ON x.seq = d.seq
WHERE $1 IS NULL OR d.seq IN (SELECT value FROM json_each($1))

-- name: ready_redrive@sqlite
INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
SELECT -e.priority, e.occurred_at, e.seq, 0, 0
FROM {queue}_dead AS d CROSS JOIN {queue}_event AS e ON e.seq = d.seq
WHERE $1 IS NULL OR d.seq IN (SELECT value FROM json_each($1))

-- name: dead_redrive@sqlite
DELETE FROM {queue}_dead
WHERE $1 IS NULL OR seq IN (SELECT value FROM json_each($1))
RETURNING seq

-- name: receipt_oldest@sqlite
SELECT receipt, seqs FROM {queue}_receipt
WHERE acked_at < $1
ORDER BY acked_at, receipt
LIMIT 1

-- name: event_delete@sqlite
DELETE FROM {queue}_event WHERE seq IN (SELECT value FROM json_each($1))

-- name: error_delete@sqlite
DELETE FROM {queue}_error WHERE seq IN (SELECT value FROM json_each($1))

-- name: receipt_shrink@sqlite
UPDATE {queue}_receipt SET seqs = $2 WHERE receipt = $1

-- name: receipt_delete@sqlite
DELETE FROM {queue}_receipt WHERE receipt = $1

-- The ledger ---------------------------------------------------------------------

-- Changes something for a key that is new, or whose memory has expired.
-- name: sighting_add@sqlite
INSERT INTO {queue}_dedupe (tenant_id, event_id, first_seen_at, expires_at, topic, hash)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant_id, event_id) DO UPDATE
SET first_seen_at = excluded.first_seen_at, expires_at = excluded.expires_at,
    topic = excluded.topic, hash = excluded.hash
WHERE {queue}_dedupe.expires_at <= excluded.first_seen_at

-- A hash that either side does not know cannot tell a conflict.
-- name: sighting_compare@sqlite
SELECT hash IS NULL OR $3 IS NULL OR hash = $3
FROM {queue}_dedupe
WHERE tenant_id = $1 AND event_id = $2

-- name: sighting_purge@sqlite
DELETE FROM {queue}_dedupe
WHERE (tenant_id, event_id) IN (
    SELECT tenant_id, event_id FROM {queue}_dedupe WHERE expires_at <= $1
    ORDER BY expires_at LIMIT $2)
RETURNING 1
