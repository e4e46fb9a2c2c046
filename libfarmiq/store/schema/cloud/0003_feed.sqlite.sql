-- Feed at the cloud (spec cloud 6.4).

-- The local bus: what ingestion hands to the feed service.
-- queue bus_intake

-- A feeding once, whichever site told it how often; by its event and by the name that others
-- have for it.
CREATE TABLE feed_intake (
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
CREATE UNIQUE INDEX feed_intake_ref ON feed_intake (tenant_id, external_ref)
    WHERE external_ref IS NOT NULL;
CREATE INDEX feed_intake_time ON feed_intake (tenant_id, occurred_at, event_id);
CREATE INDEX feed_intake_age ON feed_intake (ingested_at);

-- The name of spec cloud 6.4.
CREATE VIEW feed_intake_record AS
SELECT event_id AS id, tenant_id, farm_id, barn_id, batch_id, device_id, source,
    feed_formula_id, feed_lot_id, quantity_kg, occurred_at, ingested_at, event_id,
    external_ref, sequence, notes, ingested_at AS created_at, ingested_at AS updated_at
FROM feed_intake;
