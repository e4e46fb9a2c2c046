-- The tables of one queue (docs/storage.md): the split. The event is written once;
-- the claim queue is narrow and in exactly claim order; a lease belongs to a batch.

-- What happened. Never changed, deleted some time after it was acknowledged.
CREATE TABLE {queue}_event (
    seq INTEGER PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    farm_id TEXT,
    barn_id TEXT,
    device_id TEXT,
    station_id TEXT,
    session_id TEXT,
    batch_id TEXT,
    trace_id TEXT,
    schema_version TEXT,
    occurred_at INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    payload TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX {queue}_event_id ON {queue}_event (tenant_id, event_id);

-- What may be claimed now. rank is the negated priority, so that the key runs in
-- claim order and a claim deletes a prefix of it.
CREATE TABLE {queue}_ready (
    rank INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    attempt_count INTEGER NOT NULL,
    claim_count INTEGER NOT NULL,
    PRIMARY KEY (rank, occurred_at, seq)
) STRICT, WITHOUT ROWID;

-- What is in flight: one row per claim. The lists are JSON, in claim order.
CREATE TABLE {queue}_batch (
    token TEXT PRIMARY KEY,
    claimed_by TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    lease_expires_at INTEGER NOT NULL,
    seqs TEXT NOT NULL,
    attempt_counts TEXT NOT NULL,
    claim_counts TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What waits for its next attempt since since_at, out of the way of the claim. The
-- second index finds what a clock that jumped back would strand (-- name: ready_due).
CREATE TABLE {queue}_retry (
    seq INTEGER PRIMARY KEY,
    since_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempt_count INTEGER NOT NULL,
    claim_count INTEGER NOT NULL
) STRICT;
CREATE INDEX {queue}_retry_due ON {queue}_retry (due_at);
CREATE INDEX {queue}_retry_void ON {queue}_retry (2 * since_at - due_at);

-- What needs a person. status as in farmiq/outbox.h: 6 is dlq, 7 is failed.
CREATE TABLE {queue}_dead (
    seq INTEGER PRIMARY KEY,
    status INTEGER NOT NULL CHECK (status IN (6, 7)),
    reason TEXT NOT NULL,
    attempt_count INTEGER NOT NULL,
    died_at INTEGER NOT NULL
) STRICT;
CREATE INDEX {queue}_dead_died ON {queue}_dead (died_at);

-- What the last attempt that counted came to. It stays as long as the event: a retry
-- that comes due, and then kills its claimers, still has its story.
CREATE TABLE {queue}_error (
    seq INTEGER PRIMARY KEY,
    last_error_code TEXT,
    last_error_message TEXT
) STRICT;

-- What was acknowledged: one row per settled batch.
CREATE TABLE {queue}_receipt (
    receipt INTEGER PRIMARY KEY,
    acked_at INTEGER NOT NULL,
    claimed_by TEXT NOT NULL,
    seqs TEXT NOT NULL
) STRICT;
CREATE INDEX {queue}_receipt_acked ON {queue}_receipt (acked_at);

-- How many events are where; a verb that moves some changes it once. pending is ready
-- and retry. last_acked_at outlives the receipts: in a long outage it matters most.
CREATE TABLE {queue}_count (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    pending INTEGER NOT NULL,
    claimed INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    acked INTEGER NOT NULL,
    last_acked_at INTEGER
) STRICT;
INSERT INTO {queue}_count (one, pending, claimed, dead, acked) VALUES (1, 0, 0, 0, 0);

-- Who buried and who redrove what, and why.
CREATE TABLE {queue}_audit (
    audit INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('died', 'redriven')),
    seq INTEGER NOT NULL,
    tenant_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempt_count INTEGER NOT NULL,
    last_error_code TEXT,
    last_error_message TEXT
) STRICT;
CREATE INDEX {queue}_audit_at ON {queue}_audit (at);
