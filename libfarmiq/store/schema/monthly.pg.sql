-- A table in parts by the month (UTC) of occurred_at (docs/storage.md). The table itself
-- is above; it has id, occurred_at and ingested_at.

-- What lies in no month that was made: a reading of 1999 or of 2031 is never refused.
CREATE TABLE {monthly}_other PARTITION OF {monthly} DEFAULT;

CREATE VIEW {monthly}_parts AS
SELECT c.oid::regclass AS part, b.bounds[1]::timestamptz AS first,
    b.bounds[2]::timestamptz AS next
FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid),
    'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)') AS b (bounds)
WHERE i.inhparent = '{monthly}'::regclass AND b.bounds IS NOT NULL;

-- Makes the months from that of `since` to that of `until` which are missing, and returns
-- their names. What already lies in the rest moves. Writers wait only for the moment in
-- which a month becomes part of the table; who would make them wait longer gives up (55P03).
CREATE FUNCTION {monthly}_make(since timestamptz, until timestamptz)
RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
SET lock_timeout = '2s' SET timezone = 'UTC' AS $make$
DECLARE
    month timestamptz := date_trunc('month', since);
    part text;
BEGIN
    LOCK TABLE {monthly} IN SHARE UPDATE EXCLUSIVE MODE;
    WHILE month <= until LOOP
        part := '{monthly}_' || to_char(month, 'YYYY_MM');
        IF NOT EXISTS (SELECT FROM {monthly}_parts AS p
                       WHERE p.first < month + interval '1 month' AND p.next > month) THEN
            LOCK TABLE {monthly}_other IN ACCESS EXCLUSIVE MODE;
            EXECUTE format('CREATE TABLE %I (LIKE {monthly} INCLUDING DEFAULTS'
                ' INCLUDING CONSTRAINTS INCLUDING STORAGE)', part);
            EXECUTE format('WITH moved AS (DELETE FROM {monthly}_other'
                ' WHERE occurred_at >= %L AND occurred_at < %L RETURNING *)'
                ' INSERT INTO %I SELECT * FROM moved',
                month, month + interval '1 month', part);
            EXECUTE format('ALTER TABLE {monthly} ATTACH PARTITION %I'
                ' FOR VALUES FROM (%L) TO (%L)', part, month, month + interval '1 month');
            RETURN NEXT part;
        END IF;
        month := month + interval '1 month';
    END LOOP;
END
$make$;

-- Drops the months that ended before `before`, and returns their names. A month stays
-- while its last row arrived later than that, or while one of its rows is in `kept_by`,
-- which knows rows by tenant_id and event_id. Of the rest nothing is dropped: that is
-- deleted by the row.
CREATE FUNCTION {monthly}_drop(before timestamptz, kept_by regclass DEFAULT NULL)
RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
SET lock_timeout = '2s' SET timezone = 'UTC' SET enable_seqscan = on AS $drop$
DECLARE
    month record;
    is_kept boolean;
BEGIN
    FOR month IN SELECT p.part::text AS part, p.first, p.next FROM {monthly}_parts AS p
                 WHERE p.next <= before ORDER BY p.first
    LOOP
        EXECUTE format('SELECT coalesce((SELECT ingested_at >= %L FROM %s'
            ' ORDER BY id DESC LIMIT 1), false)', before, month.part) INTO is_kept;
        IF NOT is_kept AND kept_by IS NOT NULL THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM %s AS k'
                ' JOIN %s AS p USING (tenant_id, event_id)'
                ' WHERE k.occurred_at >= %L AND k.occurred_at < %L)',
                kept_by, month.part, month.first, month.next) INTO is_kept;
        END IF;
        CONTINUE WHEN is_kept;
        EXECUTE format('ALTER TABLE {monthly} DETACH PARTITION %s', month.part);
        EXECUTE format('DROP TABLE %s', month.part);
        RETURN NEXT month.part;
    END LOOP;
END
$drop$;

-- They act with their owner's rights: for whom they are granted to, and on these tables.
REVOKE ALL ON FUNCTION {monthly}_make, {monthly}_drop FROM PUBLIC;
DO $pin$
BEGIN
    EXECUTE format('ALTER FUNCTION {monthly}_make SET search_path = %I, pg_temp',
        current_schema);
    EXECUTE format('ALTER FUNCTION {monthly}_drop SET search_path = %I, pg_temp',
        current_schema);
END
$pin$;

SELECT {monthly}_make(now(), now() + interval '2 months');
