-- The tables of one queue (docs/storage.md): the split. The event is written once;
-- the claim queue is narrow and in exactly claim order; a lease belongs to a batch.

-- A writer draws the numbers of one chunk at a time (FARMIQ__CHUNK), and gives them out
-- in the order of its rows.
CREATE SEQUENCE {queue}_seq AS bigint START 1 INCREMENT 128;

-- What happened. Never changed, deleted some time after it was acknowledged.
CREATE TABLE {queue}_event (
    seq bigint PRIMARY KEY DEFAULT nextval('{queue}_seq'),
    tenant_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    event_type text NOT NULL,
    farm_id text,
    barn_id text,
    device_id text,
    station_id text,
    session_id text,
    batch_id text,
    trace_id text,
    schema_version text,
    occurred_at timestamptz NOT NULL,
    priority integer NOT NULL,
    created_at timestamptz NOT NULL,
    payload text NOT NULL
);
CREATE UNIQUE INDEX {queue}_event_id ON {queue}_event (tenant_id, event_id);

-- What may be claimed now. rank is the negated priority, so that the key runs in claim
-- order. Rows come and go, and are never updated: the vacuum must keep up with them.
CREATE TABLE {queue}_ready (
    rank bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    seq bigint NOT NULL,
    attempt_count integer NOT NULL,
    claim_count integer NOT NULL,
    PRIMARY KEY (rank, occurred_at, seq)
) WITH (autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0);

-- What is in flight: one row per claim, whose lists are in claim order. A settled batch
-- leaves its row, without a token, to the next claim: there are as many as there were ever
-- batches in flight at a time, and looking at all of them is cheap.
CREATE TABLE {queue}_batch (
    slot bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token text COLLATE "C",
    claimed_by text NOT NULL,
    claimed_at timestamptz NOT NULL,
    lease_expires_at timestamptz,
    seqs bigint[] NOT NULL,
    attempt_counts integer[] NOT NULL,
    claim_counts integer[] NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);

-- What waits for its next attempt since since_at, out of the way of the claim. void_at
-- lies as long before since_at as due_at after it: a clock that reads less than that has
-- jumped back (-- name: ready_due).
CREATE TABLE {queue}_retry (
    seq bigint PRIMARY KEY,
    since_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    void_at timestamptz NOT NULL,
    attempt_count integer NOT NULL,
    claim_count integer NOT NULL
);
CREATE INDEX {queue}_retry_due ON {queue}_retry (due_at);
CREATE INDEX {queue}_retry_void ON {queue}_retry (void_at);

-- What needs a person. status as in farmiq/outbox.h: 6 is dlq, 7 is failed.
CREATE TABLE {queue}_dead (
    seq bigint PRIMARY KEY,
    status integer NOT NULL CHECK (status IN (6, 7)),
    reason text NOT NULL,
    attempt_count integer NOT NULL,
    died_at timestamptz NOT NULL
);
CREATE INDEX {queue}_dead_died ON {queue}_dead (died_at);

-- What the last attempt that counted came to. It stays as long as the event: a retry
-- that comes due, and then kills its claimers, still has its story.
CREATE TABLE {queue}_error (
    seq bigint PRIMARY KEY,
    last_error_code text,
    last_error_message text
);

-- What was acknowledged: one row per settled batch.
CREATE TABLE {queue}_receipt (
    receipt bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    acked_at timestamptz NOT NULL,
    claimed_by text NOT NULL,
    seqs bigint[] NOT NULL
);
CREATE INDEX {queue}_receipt_acked ON {queue}_receipt (acked_at);

-- How many events are where: the sum of the rows, of which there are as many as there
-- were ever writers at a time. pending is ready and retry. last_acked_at outlives the
-- receipts: in a long outage it matters most.
CREATE TABLE {queue}_count (
    part bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pending bigint NOT NULL,
    claimed bigint NOT NULL,
    dead bigint NOT NULL,
    acked bigint NOT NULL,
    last_acked_at timestamptz
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);

-- Who buried and who redrove what, and why.
CREATE TABLE {queue}_audit (
    audit bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    action text NOT NULL CHECK (action IN ('died', 'redriven')),
    seq bigint NOT NULL,
    tenant_id text NOT NULL,
    event_id text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    attempt_count integer NOT NULL,
    last_error_code text,
    last_error_message text
);
CREATE INDEX {queue}_audit_at ON {queue}_audit (at);
