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

-- name: ready_due@sqlite
INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
SELECT -e.priority, e.occurred_at, e.seq, r.attempt_count, r.claim_count
FROM (SELECT seq, attempt_count, claim_count FROM {queue}_retry
      WHERE due_at <= $1 ORDER BY due_at, seq LIMIT $2) AS r
CROSS JOIN {queue}_event AS e ON e.seq = r.seq

-- name: retry_due_delete@sqlite
DELETE FROM {queue}_retry
WHERE seq IN (SELECT seq FROM {queue}_retry WHERE due_at <= $1 ORDER BY due_at, seq
              LIMIT $2)

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
INSERT INTO {queue}_retry (seq, due_at, attempt_count, claim_count, last_error_code,
    last_error_message)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: dead_add@sqlite
INSERT INTO {queue}_dead (seq, died_at, status, reason, attempt_count, last_error_code,
    last_error_message)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: audit_death@sqlite
INSERT INTO {queue}_audit (at, action, seq, tenant_id, event_id, actor, reason,
    attempt_count, last_error_code, last_error_message)
SELECT d.died_at, 'died', d.seq, e.tenant_id, e.event_id, $2, d.reason, d.attempt_count,
    d.last_error_code, d.last_error_message
FROM {queue}_dead AS d CROSS JOIN {queue}_event AS e ON e.seq = d.seq
WHERE d.seq = $1

-- name: receipt_add@sqlite
INSERT INTO {queue}_receipt (acked_at, claimed_by, acked, seqs)
SELECT $2, claimed_by, $3, $4 FROM {queue}_batch WHERE token = $1

-- Looking after it ---------------------------------------------------------------

-- name: stats@sqlite
SELECT (SELECT count(*) FROM {queue}_ready) + (SELECT count(*) FROM {queue}_retry),
    (SELECT coalesce(sum(json_array_length(seqs)), 0) FROM {queue}_batch),
    (SELECT count(*) FROM {queue}_dead),
    (SELECT coalesce(sum(acked), 0) FROM {queue}_receipt),
    (SELECT coalesce(min(created_at), 0) FROM {queue}_event
     WHERE seq IN ((SELECT min(seq) FROM {queue}_ready),
                   (SELECT min(seq) FROM {queue}_retry))),
    (SELECT coalesce(max(acked_at), 0) FROM {queue}_receipt)

-- $1: a JSON list of seqs, or NULL for all of them.
-- name: audit_redrive@sqlite
INSERT INTO {queue}_audit (at, action, seq, tenant_id, event_id, actor, reason,
    attempt_count, last_error_code, last_error_message)
SELECT $2, 'redriven', d.seq, e.tenant_id, e.event_id, $3, $4, d.attempt_count,
    d.last_error_code, d.last_error_message
FROM {queue}_dead AS d CROSS JOIN {queue}_event AS e ON e.seq = d.seq
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

-- The newest receipt stays when its events are gone, emptied: it is how long ago anything
-- was acknowledged, which an operator wants to know most when it was long ago.
-- name: receipt_sweep@sqlite
DELETE FROM {queue}_receipt
WHERE acked = 0 AND acked_at < (SELECT max(acked_at) FROM {queue}_receipt)

-- name: receipt_oldest@sqlite
SELECT receipt, seqs FROM {queue}_receipt
WHERE acked_at < $1 AND acked > 0
ORDER BY acked_at, acked, receipt
LIMIT 1

-- name: event_delete@sqlite
DELETE FROM {queue}_event WHERE seq IN (SELECT value FROM json_each($1))

-- name: receipt_shrink@sqlite
UPDATE {queue}_receipt SET seqs = $2, acked = $3 WHERE receipt = $1

-- name: receipt_delete@sqlite
DELETE FROM {queue}_receipt
WHERE receipt = $1 AND acked_at < (SELECT max(acked_at) FROM {queue}_receipt)

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
WHERE rowid IN (SELECT rowid FROM {queue}_dedupe WHERE expires_at <= $1
                ORDER BY expires_at LIMIT $2)
RETURNING 1
