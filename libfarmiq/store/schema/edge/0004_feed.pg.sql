-- Feed at the edge (spec edge 5.5).

-- A feeding once, however often it was told; by its event and by the name that others have
-- for it.
CREATE TABLE feed_intake_local (
    tenant_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    external_ref text COLLATE "C",
    farm_id text COLLATE "C" NOT NULL,
    barn_id text COLLATE "C" NOT NULL,
    batch_id text COLLATE "C",
    device_id text COLLATE "C",
    source text COLLATE "C" NOT NULL,
    feed_formula_id text COLLATE "C",
    feed_lot_id text COLLATE "C",
    quantity_kg double precision NOT NULL,
    sequence bigint,
    notes text COLLATE "C",
    occurred_at timestamptz NOT NULL,
    ingested_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
);
CREATE UNIQUE INDEX feed_intake_local_ref ON feed_intake_local (tenant_id, external_ref)
    WHERE external_ref IS NOT NULL;
CREATE INDEX feed_intake_local_time ON feed_intake_local (tenant_id, occurred_at);
CREATE INDEX feed_intake_local_age ON feed_intake_local (ingested_at);

-- weight_kg is the level up to which feed was counted, recorded_at the newest reading that
-- was looked at: it only moves forward.
CREATE TABLE silo_weight_snapshot (
    tenant_id text COLLATE "C" NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    weight_kg double precision NOT NULL,
    recorded_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, device_id)
);
