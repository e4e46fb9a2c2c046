-- Configuration from the cloud (spec edge 5.7).

-- What the cloud last said of a barn; served whatever its age.
CREATE TABLE edge_config_cache (
    tenant_id text COLLATE "C" NOT NULL,
    farm_id text COLLATE "C" NOT NULL,
    barn_id text COLLATE "C" NOT NULL,
    config_json text COLLATE "C" NOT NULL,
    hash text COLLATE "C" NOT NULL,
    source_etag text COLLATE "C",
    fetched_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, farm_id, barn_id)
);

-- One row: how the asking goes.
CREATE TABLE edge_config_sync_state (
    id bigint NOT NULL PRIMARY KEY CHECK (id = 1),
    last_success_at timestamptz,
    last_error_at timestamptz,
    last_error text COLLATE "C",
    consecutive_failures bigint NOT NULL
);
