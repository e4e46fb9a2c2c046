-- Where the events on the bus came from (bus_origin.c). Runs of numbers do not overlap:
-- on PostgreSQL no number is given out twice, and on SQLite, which begins again when a
-- queue is empty, what a new run covers is forgotten first.

-- name: origin_forget@sqlite
DELETE FROM bus_origin WHERE queue = $1 AND first_seq >= $2

-- name: origin_forget@pg
-- Nothing: no number is given out twice.

-- name: origin_cut@sqlite
UPDATE bus_origin SET last_seq = $2 - 1
WHERE queue = $1 AND last_seq >= $2 AND first_seq = (
    SELECT max(first_seq) FROM bus_origin WHERE queue = $1 AND first_seq < $2)

-- name: origin_cut@pg
-- Nothing: no number is given out twice.

-- name: origin_add@sqlite
INSERT INTO bus_origin (queue, first_seq, last_seq, request_id, edge_id, ingested_at)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: origin_add@pg
INSERT INTO bus_origin (queue, first_seq, last_seq, request_id, edge_id, ingested_at)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[],
    $6::timestamptz[])

-- The run at or before a number, if there is one: whether the number lies in it is asked of
-- last_seq.
-- name: origin_of@sqlite
SELECT first_seq, last_seq, request_id, edge_id, ingested_at
FROM bus_origin
WHERE queue = $1 AND first_seq <= $2
ORDER BY first_seq DESC
LIMIT 1

-- name: origin_of@pg
SELECT g.n, o.first_seq, o.last_seq, o.request_id, o.edge_id, o.ingested_at
FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS g (queue, seq, n)
CROSS JOIN LATERAL (
    SELECT first_seq, last_seq, request_id, edge_id, ingested_at
    FROM bus_origin AS b
    WHERE b.queue = g.queue AND b.first_seq <= g.seq
    ORDER BY b.first_seq DESC
    LIMIT 1) AS o
