-- The queue and ledger verbs. {queue} is the name of a queue, or of a ledger.

-- Append -----------------------------------------------------------------------

-- name: event_last@sqlite
SELECT coalesce(max(seq), 0) FROM {queue}_event

-- name: event_last@pg
-- Nothing: append_whole draws the numbers.

-- The numbers ($16) are given out by the verb, under the writer's lock: RETURNING, which
-- would tell them, costs SQLite a temporary table at each row. An engine that numbers
-- rows by itself returns the number.
-- name: event_add@sqlite
INSERT INTO {queue}_event (tenant_id, event_id, event_type, farm_id, barn_id, device_id,
    station_id, session_id, batch_id, trace_id, schema_version, payload, occurred_at,
    priority, created_at, seq)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (tenant_id, event_id) DO NOTHING

-- name: event_add@pg
-- Nothing: append_whole has added them.

-- A chunk of events, ready or waiting for their time ($17), and counted. In the order of
-- the key, so that two writers of the same events meet in one order and one waits for the
-- other, instead of both. The sequence steps by FARMIQ__CHUNK, so that no other writer
-- gives out the same numbers. $16 is not asked for.
-- name: append_whole@sqlite
-- Nothing: its statements are in the process, one is as good as another.

-- name: append_whole@pg
WITH base AS MATERIALIZED (SELECT nextval('{queue}_seq') - 1 AS seq),
added AS (
    INSERT INTO {queue}_event (tenant_id, event_id, event_type, farm_id, barn_id,
        device_id, station_id, session_id, batch_id, trace_id, schema_version, payload,
        occurred_at, priority, created_at, seq)
    SELECT tenant_id, event_id, event_type, farm_id, barn_id, device_id, station_id,
        session_id, batch_id, trace_id, schema_version, payload, occurred_at, priority,
        created_at, base.seq + n
    FROM base, unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
        $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
        $12::text[], $13::timestamptz[], $14::integer[], $15::timestamptz[],
        $16::bigint[]) WITH ORDINALITY
    AS g (tenant_id, event_id, event_type, farm_id, barn_id, device_id, station_id,
        session_id, batch_id, trace_id, schema_version, payload, occurred_at, priority,
        created_at, proposed, n)
    ORDER BY tenant_id COLLATE "C", event_id COLLATE "C", n
    ON CONFLICT (tenant_id, event_id) DO NOTHING
    RETURNING seq, priority, occurred_at, created_at),
placed AS (
    SELECT added.*, (added.seq - base.seq)::integer AS n,
        ($17::timestamptz[])[(added.seq - base.seq)::integer] AS due_at
    FROM added, base),
ready AS (
    INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
    SELECT -priority, occurred_at, seq, 0, 0 FROM placed WHERE due_at <= created_at),
waiting AS (
    INSERT INTO {queue}_retry (seq, since_at, due_at, void_at, attempt_count, claim_count)
    SELECT seq, created_at, due_at, created_at - (due_at - created_at),
        ($18::integer[])[n], ($19::integer[])[n]
    FROM placed WHERE due_at > created_at),
total AS (SELECT count(*) AS n FROM added HAVING count(*) > 0),
mine AS (SELECT part FROM {queue}_count LIMIT 1 FOR UPDATE SKIP LOCKED),
counted AS (
    UPDATE {queue}_count AS c SET pending = c.pending + total.n
    FROM mine, total WHERE c.part = mine.part
    RETURNING 1),
counted_apart AS (
    INSERT INTO {queue}_count (pending, claimed, dead, acked)
    SELECT total.n, 0, 0, 0 FROM total WHERE NOT EXISTS (SELECT FROM counted))
SELECT n::bigint, seq FROM placed

-- The event that is there already, and whether it says the same.
-- name: event_compare@sqlite
SELECT seq, event_type = $3 AND occurred_at = $4 AND payload = $5
FROM {queue}_event
WHERE tenant_id = $1 AND event_id = $2

-- name: event_compare@pg
SELECT g.n, e.seq, e.event_type = g.event_type AND e.occurred_at = g.occurred_at
    AND e.payload = g.payload
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[])
    WITH ORDINALITY AS g (tenant_id, event_id, event_type, occurred_at, payload, n)
JOIN {queue}_event AS e ON e.tenant_id = g.tenant_id AND e.event_id = g.event_id

-- name: ready_add@sqlite
INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
VALUES ($1, $2, $3, 0, 0)

-- name: ready_add@pg
-- Nothing: append_whole has.

-- Claim ------------------------------------------------------------------------

-- The batch whose lease ended longest before $1, or was taken further in the future
-- ($2 is now) than it is long: then a clock has jumped back.
-- name: batch_lapsed@sqlite
SELECT token, seqs, attempt_counts, claim_counts
FROM {queue}_batch
WHERE lease_expires_at < $1 OR 2 * claimed_at - lease_expires_at > $2
ORDER BY lease_expires_at
LIMIT 1

-- The database's clock is the only judge of leases: of the caller's times only their
-- difference counts, which is how much longer ago a lease must have ended.
-- name: batch_lapsed@pg
SELECT token, seqs::text, attempt_counts::text, claim_counts::text
FROM {queue}_batch
WHERE lease_expires_at < farmiq_now() - ($2::timestamptz - $1::timestamptz)
    OR claimed_at - (lease_expires_at - claimed_at) > farmiq_now()
ORDER BY lease_expires_at
LIMIT 1
FOR UPDATE SKIP LOCKED

-- The usual claim, whole: nothing has lapsed, nothing is due ($9 is 0: it is not asked),
-- the first $5 rows fit and are no poison. Otherwise it takes nothing, or too much, and
-- the verb goes on by itself. $1 token, $2 owner, $3 now, $4 the lease's end, $6..$8 and
-- $10 the stretches of the queue that may hold something (farmiq__resume_stretches).
--
-- Taking rows is deleting them: those that another claimer is taking are passed over, not
-- waited for. Rows of ready are never updated, so that a ctid keeps naming the same row.
-- name: claim_whole@sqlite
-- Nothing: its statements are in the process, one is as good as another.

-- name: claim_whole@pg
WITH held_up AS MATERIALIZED (
    SELECT WHERE $9::bigint <> 0 AND (
        EXISTS (SELECT FROM {queue}_batch WHERE lease_expires_at < farmiq_now()
            OR claimed_at - (lease_expires_at - claimed_at) > farmiq_now())
        OR EXISTS (SELECT FROM {queue}_retry WHERE due_at <= $3)
        OR EXISTS (SELECT FROM {queue}_retry WHERE void_at > $3))),
taken AS (
    DELETE FROM {queue}_ready
    WHERE NOT EXISTS (SELECT FROM held_up) AND ctid = ANY (ARRAY(
        SELECT r.ctid
        FROM unnest(translate($6, '[]', '{}')::bigint[],
            translate($7, '[]', '{}')::bigint[], translate($8, '[]', '{}')::bigint[],
            translate($10, '[]', '{}')::bigint[]) WITH ORDINALITY
            AS s (rank, occurred_at, seq, next_rank, n)
        CROSS JOIN LATERAL (
            SELECT ctid FROM {queue}_ready AS q
            WHERE (q.rank, q.occurred_at, q.seq) >= (s.rank,
                    to_timestamp(0) + s.occurred_at * interval '1 millisecond', s.seq)
                AND q.rank < s.next_rank
            ORDER BY q.rank, q.occurred_at, q.seq
            LIMIT $5 FOR UPDATE SKIP LOCKED) AS r
        LIMIT $5))
    RETURNING rank, occurred_at, seq, attempt_count, claim_count),
lists AS (
    SELECT array_agg(seq) AS seqs, array_agg(attempt_count) AS attempt_counts,
        array_agg(claim_count + 1) AS claim_counts, count(*) AS n
    FROM (SELECT * FROM taken ORDER BY rank, occurred_at, seq) AS t
    HAVING count(*) > 0),
free AS (SELECT slot FROM {queue}_batch WHERE token IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED),
reused AS (
    UPDATE {queue}_batch AS b SET token = $1, claimed_by = $2, claimed_at = farmiq_now(),
        lease_expires_at = farmiq_now() + ($4::timestamptz - $3::timestamptz),
        seqs = lists.seqs, attempt_counts = lists.attempt_counts,
        claim_counts = lists.claim_counts
    FROM lists, free WHERE b.slot = free.slot
    RETURNING 1),
added AS (
    INSERT INTO {queue}_batch (token, claimed_by, claimed_at, lease_expires_at, seqs,
        attempt_counts, claim_counts)
    SELECT $1, $2, farmiq_now(),
        farmiq_now() + ($4::timestamptz - $3::timestamptz), lists.seqs,
        lists.attempt_counts, lists.claim_counts
    FROM lists WHERE NOT EXISTS (SELECT FROM reused)),
mine AS (SELECT part FROM {queue}_count LIMIT 1 FOR UPDATE SKIP LOCKED),
counted AS (
    UPDATE {queue}_count AS c SET pending = c.pending - lists.n,
        claimed = c.claimed + lists.n
    FROM mine, lists WHERE c.part = mine.part
    RETURNING 1),
counted_apart AS (
    INSERT INTO {queue}_count (pending, claimed, dead, acked)
    SELECT -lists.n, lists.n, 0, 0 FROM lists WHERE NOT EXISTS (SELECT FROM counted))
SELECT e.seq, r.attempt_count, r.claim_count, e.priority, e.occurred_at, e.tenant_id,
    e.event_id, e.event_type, e.farm_id, e.barn_id, e.device_id, e.station_id,
    e.session_id, e.batch_id, e.trace_id, e.schema_version, e.payload
FROM taken AS r JOIN {queue}_event AS e ON e.seq = r.seq
ORDER BY r.rank, r.occurred_at, r.seq

-- name: batch_events@sqlite
SELECT e.seq, 0, 0, e.priority, e.occurred_at, e.tenant_id, e.event_id, e.event_type,
    e.farm_id, e.barn_id, e.device_id, e.station_id, e.session_id, e.batch_id, e.trace_id,
    e.schema_version, e.payload
FROM json_each($1) AS s CROSS JOIN {queue}_event AS e ON e.seq = s.value
ORDER BY s.id

-- name: batch_events@pg
SELECT e.seq, 0, 0, e.priority, e.occurred_at, e.tenant_id, e.event_id, e.event_type,
    e.farm_id, e.barn_id, e.device_id, e.station_id, e.session_id, e.batch_id, e.trace_id,
    e.schema_version, e.payload
FROM unnest(translate($1, '[]', '{}')::bigint[]) WITH ORDINALITY AS s (seq, n)
JOIN {queue}_event AS e ON e.seq = s.seq
ORDER BY s.n

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

-- name: ready_due@pg
WITH due AS (
    DELETE FROM {queue}_retry
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM {queue}_retry WHERE due_at <= $1
                            ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED))
        OR ctid = ANY (ARRAY(SELECT ctid FROM {queue}_retry WHERE void_at > $1
                             ORDER BY void_at LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING seq, attempt_count, claim_count)
INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
SELECT -e.priority, e.occurred_at, e.seq, due.attempt_count, due.claim_count
FROM due JOIN {queue}_event AS e ON e.seq = due.seq

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

-- name: retry_due_delete@pg
-- Nothing: ready_due has taken them away.

-- name: ready_first@sqlite
SELECT e.seq, r.attempt_count, r.claim_count, e.priority, e.occurred_at, e.tenant_id,
    e.event_id, e.event_type, e.farm_id, e.barn_id, e.device_id, e.station_id,
    e.session_id, e.batch_id, e.trace_id, e.schema_version, e.payload
FROM {queue}_ready AS r CROSS JOIN {queue}_event AS e ON e.seq = r.seq
ORDER BY r.rank, r.occurred_at, r.seq
LIMIT $1

-- name: ready_first@pg
-- Nothing: claim_whole is how rows are claimed.

-- Rows are read in the order of the key, under the writer's lock: what was read is a
-- prefix, and the last row says where it ends.
-- name: ready_take@sqlite
DELETE FROM {queue}_ready WHERE (rank, occurred_at, seq) <= ($1, $2, $3)

-- name: ready_take@pg
-- Nothing: claim_whole has taken them.

-- What was read, but did not fit the claimer's memory, goes back.
-- name: ready_untake@sqlite
-- Nothing: ready_take has left them.

-- name: ready_untake@pg
INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
SELECT -e.priority, e.occurred_at, e.seq, g.attempt_count, g.claim_count
FROM unnest($1::bigint[], $2::integer[], $3::integer[])
    AS g (seq, attempt_count, claim_count)
JOIN {queue}_event AS e ON e.seq = g.seq

-- name: batch_add@sqlite
INSERT INTO {queue}_batch (token, claimed_by, claimed_at, lease_expires_at, seqs,
    attempt_counts, claim_counts)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: batch_add@pg
WITH free AS (
    SELECT slot FROM {queue}_batch WHERE token IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED),
reused AS (
    UPDATE {queue}_batch AS b SET token = $1, claimed_by = $2, claimed_at = farmiq_now(),
        lease_expires_at = farmiq_now() + ($4::timestamptz - $3::timestamptz),
        seqs = translate($5, '[]', '{}')::bigint[],
        attempt_counts = translate($6, '[]', '{}')::integer[],
        claim_counts = translate($7, '[]', '{}')::integer[]
    FROM free WHERE b.slot = free.slot
    RETURNING 1)
INSERT INTO {queue}_batch (token, claimed_by, claimed_at, lease_expires_at, seqs,
    attempt_counts, claim_counts)
SELECT $1, $2, farmiq_now(), farmiq_now() + ($4::timestamptz - $3::timestamptz),
    translate($5, '[]', '{}')::bigint[], translate($6, '[]', '{}')::integer[],
    translate($7, '[]', '{}')::integer[]
WHERE NOT EXISTS (SELECT FROM reused)

-- Settle -----------------------------------------------------------------------

-- The usual settlement, whole: all of the batch ($2, in its order) is acknowledged.
-- Changes nothing if the token does not hold exactly these any more.
-- name: settle_whole@sqlite
-- Nothing: its statements are in the process, one is as good as another.

-- name: settle_whole@pg
WITH gone AS (
    UPDATE {queue}_batch SET token = NULL, lease_expires_at = NULL, seqs = '{}',
        attempt_counts = '{}', claim_counts = '{}'
    WHERE token = $1 AND seqs = translate($2, '[]', '{}')::bigint[]
    RETURNING claimed_by),
receipt AS (
    INSERT INTO {queue}_receipt (acked_at, claimed_by, seqs)
    SELECT $3, claimed_by, translate($2, '[]', '{}')::bigint[] FROM gone
    RETURNING cardinality(seqs) AS n),
mine AS (SELECT part FROM {queue}_count LIMIT 1 FOR UPDATE SKIP LOCKED),
counted AS (
    UPDATE {queue}_count AS c SET claimed = c.claimed - receipt.n,
        acked = c.acked + receipt.n, last_acked_at = $3
    FROM mine, receipt WHERE c.part = mine.part
    RETURNING 1),
counted_apart AS (
    INSERT INTO {queue}_count (pending, claimed, dead, acked, last_acked_at)
    SELECT 0, -receipt.n, 0, receipt.n, $3
    FROM receipt WHERE NOT EXISTS (SELECT FROM counted))
SELECT n::bigint FROM receipt

-- name: batch_get@sqlite
SELECT token, seqs, attempt_counts, claim_counts
FROM {queue}_batch
WHERE token = $1

-- Locked: whoever would take it over meanwhile passes it over, and whoever has taken it
-- over is waited for.
-- name: batch_get@pg
SELECT token, seqs::text, attempt_counts::text, claim_counts::text
FROM {queue}_batch
WHERE token = $1
FOR UPDATE

-- name: batch_renew@sqlite
UPDATE {queue}_batch SET claimed_at = $2, lease_expires_at = $3
WHERE token = $1

-- name: batch_renew@pg
UPDATE {queue}_batch SET claimed_at = farmiq_now(),
    lease_expires_at = farmiq_now() + ($3::timestamptz - $2::timestamptz)
WHERE token = $1

-- name: batch_shrink@sqlite
UPDATE {queue}_batch SET seqs = $2, attempt_counts = $3, claim_counts = $4
WHERE token = $1

-- name: batch_shrink@pg
UPDATE {queue}_batch SET seqs = translate($2, '[]', '{}')::bigint[],
    attempt_counts = translate($3, '[]', '{}')::integer[],
    claim_counts = translate($4, '[]', '{}')::integer[]
WHERE token = $1

-- name: batch_delete@sqlite
DELETE FROM {queue}_batch WHERE token = $1

-- Its place is the next batch's.
-- name: batch_delete@pg
UPDATE {queue}_batch SET token = NULL, lease_expires_at = NULL, seqs = '{}',
    attempt_counts = '{}', claim_counts = '{}'
WHERE token = $1

-- name: ready_return@sqlite
INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
SELECT -priority, occurred_at, seq, $2, $3 FROM {queue}_event WHERE seq = $1

-- name: ready_return@pg
INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
SELECT -e.priority, e.occurred_at, e.seq, g.attempt_count, g.claim_count
FROM unnest($1::bigint[], $2::integer[], $3::integer[])
    AS g (seq, attempt_count, claim_count)
JOIN {queue}_event AS e ON e.seq = g.seq

-- name: retry_add@sqlite
INSERT INTO {queue}_retry (seq, since_at, due_at, attempt_count, claim_count)
VALUES ($1, $2, $3, $4, $5)

-- name: retry_add@pg
INSERT INTO {queue}_retry (seq, since_at, due_at, void_at, attempt_count, claim_count)
SELECT seq, since_at, due_at, since_at - (due_at - since_at), attempt_count, claim_count
FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::integer[],
    $5::integer[]) AS g (seq, since_at, due_at, attempt_count, claim_count)

-- name: error_put@sqlite
INSERT INTO {queue}_error (seq, last_error_code, last_error_message)
VALUES ($1, $2, $3)
ON CONFLICT (seq) DO UPDATE
SET last_error_code = excluded.last_error_code,
    last_error_message = excluded.last_error_message

-- name: error_put@pg
INSERT INTO {queue}_error (seq, last_error_code, last_error_message)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])
ON CONFLICT (seq) DO UPDATE
SET last_error_code = excluded.last_error_code,
    last_error_message = excluded.last_error_message

-- name: dead_add@sqlite
INSERT INTO {queue}_dead (seq, died_at, status, reason, attempt_count)
VALUES ($1, $2, $3, $4, $5)

-- name: dead_add@pg
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

-- name: audit_death@pg
INSERT INTO {queue}_audit (at, action, seq, tenant_id, event_id, actor, reason,
    attempt_count, last_error_code, last_error_message)
SELECT d.died_at, 'died', d.seq, e.tenant_id, e.event_id, $2, d.reason, d.attempt_count,
    x.last_error_code, x.last_error_message
FROM {queue}_dead AS d JOIN {queue}_event AS e ON e.seq = d.seq
LEFT JOIN {queue}_error AS x ON x.seq = d.seq
WHERE d.seq = $1

-- name: receipt_add@sqlite
INSERT INTO {queue}_receipt (acked_at, claimed_by, seqs)
SELECT $2, claimed_by, $3 FROM {queue}_batch WHERE token = $1

-- name: receipt_add@pg
INSERT INTO {queue}_receipt (acked_at, claimed_by, seqs)
SELECT $2, claimed_by, translate($3, '[]', '{}')::bigint[]
FROM {queue}_batch WHERE token = $1

-- name: count_add@sqlite
UPDATE {queue}_count SET pending = pending + $1, claimed = claimed + $2, dead = dead + $3,
    acked = acked + $4, last_acked_at = coalesce($5, last_acked_at)

-- The numbers are the sum of a few rows. Whoever changes them takes one that nobody else
-- is changing, or adds one: many writers, no waiting.
-- name: count_add@pg
WITH mine AS (
    SELECT part FROM {queue}_count LIMIT 1 FOR UPDATE SKIP LOCKED),
changed AS (
    UPDATE {queue}_count AS c SET pending = c.pending + $1, claimed = c.claimed + $2,
        dead = c.dead + $3, acked = c.acked + $4,
        last_acked_at = coalesce($5, c.last_acked_at)
    FROM mine WHERE c.part = mine.part
    RETURNING 1)
INSERT INTO {queue}_count (pending, claimed, dead, acked, last_acked_at)
SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT FROM changed)

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

-- name: stats@pg
WITH RECURSIVE ranks (rank) AS (
    SELECT min(rank) FROM {queue}_ready
    UNION ALL
    SELECT (SELECT min(r.rank) FROM {queue}_ready AS r WHERE r.rank > ranks.rank)
    FROM ranks WHERE ranks.rank IS NOT NULL),
firsts (seq) AS (
    SELECT (SELECT r.seq FROM {queue}_ready AS r WHERE r.rank = ranks.rank
            ORDER BY r.occurred_at, r.seq LIMIT 1)
    FROM ranks LIMIT 100)
SELECT coalesce(sum(pending), 0)::bigint, coalesce(sum(claimed), 0)::bigint,
    coalesce(sum(dead), 0)::bigint, coalesce(sum(acked), 0)::bigint,
    (SELECT min(created_at) FROM {queue}_event
     WHERE seq = ANY (ARRAY(SELECT seq FROM firsts)
                      || (SELECT min(seq) FROM {queue}_retry))),
    max(last_acked_at)
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

-- name: audit_redrive@pg
INSERT INTO {queue}_audit (at, action, seq, tenant_id, event_id, actor, reason,
    attempt_count, last_error_code, last_error_message)
SELECT $2, 'redriven', d.seq, e.tenant_id, e.event_id, $3, $4, d.attempt_count,
    x.last_error_code, x.last_error_message
FROM {queue}_dead AS d JOIN {queue}_event AS e ON e.seq = d.seq
LEFT JOIN {queue}_error AS x ON x.seq = d.seq
WHERE $1::text IS NULL OR d.seq = ANY (translate($1, '[]', '{}')::bigint[])
FOR UPDATE OF d

-- name: ready_redrive@sqlite
INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
SELECT -e.priority, e.occurred_at, e.seq, 0, 0
FROM {queue}_dead AS d CROSS JOIN {queue}_event AS e ON e.seq = d.seq
WHERE $1 IS NULL OR d.seq IN (SELECT value FROM json_each($1))

-- name: ready_redrive@pg
INSERT INTO {queue}_ready (rank, occurred_at, seq, attempt_count, claim_count)
SELECT -e.priority, e.occurred_at, e.seq, 0, 0
FROM {queue}_dead AS d JOIN {queue}_event AS e ON e.seq = d.seq
WHERE $1::text IS NULL OR d.seq = ANY (translate($1, '[]', '{}')::bigint[])

-- name: dead_redrive@sqlite
DELETE FROM {queue}_dead
WHERE $1 IS NULL OR seq IN (SELECT value FROM json_each($1))
RETURNING seq

-- name: dead_redrive@pg
DELETE FROM {queue}_dead
WHERE $1::text IS NULL OR seq = ANY (translate($1, '[]', '{}')::bigint[])
RETURNING seq

-- name: receipt_oldest@sqlite
SELECT receipt, seqs FROM {queue}_receipt
WHERE acked_at < $1
ORDER BY acked_at, receipt
LIMIT 1

-- name: receipt_oldest@pg
SELECT receipt, seqs::text FROM {queue}_receipt
WHERE acked_at < $1
ORDER BY acked_at, receipt
LIMIT 1
FOR UPDATE SKIP LOCKED

-- The dead that died before $1, at most $2, and what there is of them.
-- name: dead_purge_event@sqlite
DELETE FROM {queue}_event
WHERE seq IN (SELECT seq FROM {queue}_dead WHERE died_at < $1 ORDER BY died_at, seq
              LIMIT $2)

-- name: dead_purge_error@sqlite
DELETE FROM {queue}_error
WHERE seq IN (SELECT seq FROM {queue}_dead WHERE died_at < $1 ORDER BY died_at, seq
              LIMIT $2)

-- name: dead_purge@sqlite
DELETE FROM {queue}_dead
WHERE seq IN (SELECT seq FROM {queue}_dead WHERE died_at < $1 ORDER BY died_at, seq
              LIMIT $2)
RETURNING seq

-- In one statement, so that all of it is about the same ones.
-- name: dead_purge_event@pg

-- name: dead_purge_error@pg

-- name: dead_purge@pg
WITH old AS (
    SELECT seq FROM {queue}_dead WHERE died_at < $1 ORDER BY died_at, seq LIMIT $2
    FOR UPDATE SKIP LOCKED),
events AS (DELETE FROM {queue}_event AS e USING old WHERE e.seq = old.seq),
errors AS (DELETE FROM {queue}_error AS x USING old WHERE x.seq = old.seq)
DELETE FROM {queue}_dead AS d USING old WHERE d.seq = old.seq
RETURNING d.seq

-- What was acknowledged from $1 on and before $2, behind the receipt ($3, $4).
-- name: receipt_next@sqlite
SELECT acked_at, receipt, seqs FROM {queue}_receipt
WHERE acked_at >= $1 AND acked_at < $2 AND (acked_at, receipt) > ($3, $4)
ORDER BY acked_at, receipt
LIMIT 1

-- name: receipt_next@pg
SELECT acked_at, receipt, seqs::text FROM {queue}_receipt
WHERE acked_at >= $1 AND acked_at < $2 AND (acked_at, receipt) > ($3, $4)
ORDER BY acked_at, receipt
LIMIT 1
FOR UPDATE

-- Which of these events are the tenant's?
-- name: event_tenant@sqlite
SELECT e.seq FROM json_each($1) AS s CROSS JOIN {queue}_event AS e ON e.seq = s.value
WHERE e.tenant_id = $2

-- name: event_tenant@pg
SELECT seq FROM {queue}_event
WHERE seq = ANY (translate($1, '[]', '{}')::bigint[]) AND tenant_id = $2

-- name: event_delete@sqlite
DELETE FROM {queue}_event WHERE seq IN (SELECT value FROM json_each($1))

-- name: event_delete@pg
DELETE FROM {queue}_event WHERE seq = ANY (translate($1, '[]', '{}')::bigint[])

-- name: error_delete@sqlite
DELETE FROM {queue}_error WHERE seq IN (SELECT value FROM json_each($1))

-- name: error_delete@pg
DELETE FROM {queue}_error WHERE seq = ANY (translate($1, '[]', '{}')::bigint[])

-- name: receipt_shrink@sqlite
UPDATE {queue}_receipt SET seqs = $2 WHERE receipt = $1

-- name: receipt_shrink@pg
UPDATE {queue}_receipt SET seqs = translate($2, '[]', '{}')::bigint[] WHERE receipt = $1

-- name: receipt_delete@sqlite
DELETE FROM {queue}_receipt WHERE receipt = $1

-- name: receipt_delete@pg
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

-- The first of equal keys speaks for them: one statement cannot change a row twice. IS
-- TRUE keeps the last condition what it says, a look into a hash table: as a join, of which
-- only the nested loop is on, it would compare each row with each.
-- name: sighting_add@pg
WITH given AS (
    SELECT DISTINCT ON (tenant_id, event_id) *
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[],
        $6::text[]) WITH ORDINALITY
    AS g (tenant_id, event_id, first_seen_at, expires_at, topic, hash, n)
    ORDER BY tenant_id, event_id, n),
added AS (
    INSERT INTO {queue}_dedupe AS d (tenant_id, event_id, first_seen_at, expires_at,
        topic, hash)
    SELECT tenant_id, event_id, first_seen_at, expires_at, topic, hash
    FROM given ORDER BY tenant_id COLLATE "C", event_id COLLATE "C"
    ON CONFLICT (tenant_id, event_id) DO UPDATE
    SET first_seen_at = excluded.first_seen_at, expires_at = excluded.expires_at,
        topic = excluded.topic, hash = excluded.hash
    WHERE d.expires_at <= excluded.first_seen_at
    RETURNING tenant_id, event_id)
SELECT n FROM given
WHERE ((tenant_id, event_id) IN (SELECT tenant_id, event_id FROM added)) IS TRUE

-- A hash that either side does not know cannot tell a conflict.
-- name: sighting_compare@sqlite
SELECT hash IS NULL OR $3 IS NULL OR hash = $3
FROM {queue}_dedupe
WHERE tenant_id = $1 AND event_id = $2

-- name: sighting_compare@pg
SELECT g.n, d.hash IS NULL OR g.hash IS NULL OR d.hash = g.hash
FROM unnest($1::text[], $2::text[], $3::text[])
    WITH ORDINALITY AS g (tenant_id, event_id, hash, n)
JOIN {queue}_dedupe AS d ON d.tenant_id = g.tenant_id AND d.event_id = g.event_id

-- name: sighting_purge@sqlite
DELETE FROM {queue}_dedupe
WHERE (tenant_id, event_id) IN (
    SELECT tenant_id, event_id FROM {queue}_dedupe WHERE expires_at <= $1
    ORDER BY expires_at LIMIT $2)
RETURNING 1

-- name: sighting_purge@pg
DELETE FROM {queue}_dedupe
WHERE ctid = ANY (ARRAY(SELECT ctid FROM {queue}_dedupe WHERE expires_at <= $1
                        ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING 1
