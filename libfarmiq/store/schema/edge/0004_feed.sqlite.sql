-- Feed at the edge (spec edge 5.5).

-- A feeding once, however often it was told; by its event and by the name that others have
-- for it.
CREATE TABLE feed_intake_local (
    tenant_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    external_ref TEXT,
    farm_id TEXT NOT NULL,
    barn_id TEXT NOT NULL,
    batch_id TEXT,
    device_id TEXT,
    source TEXT NOT NULL,
    feed_formula_id TEXT,
    feed_lot_id TEXT,
    quantity_kg REAL NOT NULL,
    sequence INTEGER,
    notes TEXT,
    occurred_at INTEGER NOT NULL,
    ingested_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX feed_intake_local_ref ON feed_intake_local (tenant_id, external_ref)
    WHERE external_ref IS NOT NULL;
CREATE INDEX feed_intake_local_time ON feed_intake_local (tenant_id, occurred_at);
CREATE INDEX feed_intake_local_age ON feed_intake_local (ingested_at);

-- weight_kg is the level up to which feed was counted, recorded_at the newest reading that
-- was looked at: it only moves forward.
CREATE TABLE silo_weight_snapshot (
    tenant_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    weight_kg REAL NOT NULL,
    recorded_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, device_id)
) STRICT, WITHOUT ROWID;
