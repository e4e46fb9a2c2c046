-- Configuration from the cloud (spec edge 5.7).

-- What the cloud last said of a barn; served whatever its age.
CREATE TABLE edge_config_cache (
    tenant_id TEXT NOT NULL,
    farm_id TEXT NOT NULL,
    barn_id TEXT NOT NULL,
    config_json TEXT NOT NULL,
    hash TEXT NOT NULL,
    source_etag TEXT,
    fetched_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, farm_id, barn_id)
) STRICT, WITHOUT ROWID;

-- One row: how the asking goes.
CREATE TABLE edge_config_sync_state (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    last_success_at INTEGER,
    last_error_at INTEGER,
    last_error TEXT,
    consecutive_failures INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
