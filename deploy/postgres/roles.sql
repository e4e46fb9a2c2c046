-- SPDX-License-Identifier: Apache-2.0
-- One role per service, which owns nothing and touches only what its service needs; and
-- one for queries, which sees the rows of one tenant at a time. Applied by the tables'
-- owner to a database that `farmiqctl migrate` has made, and again after each new version;
-- README.md beside this file says how.
BEGIN;

CREATE TEMPORARY TABLE farmiq_right (role text, tables text, rights text) ON COMMIT DROP;

-- Tables by a regular expression; those that a database does not have are nobody's.
INSERT INTO farmiq_right VALUES
    ('farmiq_service', 'farmiq_migration', 'SELECT'),
    -- To append to the outbox is less than to empty it.
    ('farmiq_outbox_writer', 'sync_event', 'SELECT, INSERT'),
    ('farmiq_outbox_writer', 'sync_(ready|retry)', 'INSERT'),
    ('farmiq_outbox_writer', 'sync_count', 'SELECT, INSERT, UPDATE'),
    -- The edge.
    ('farmiq_edge_ingress_gateway', 'ingress_dedupe|device_last_seen',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_edge_ingress_gateway', '(device|station)_allowlist', 'SELECT'),
    ('farmiq_edge_telemetry_timeseries', 'telemetry_raw|telemetry_agg',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_edge_telemetry_timeseries', 'telemetry_raw_parts', 'SELECT'),
    ('farmiq_edge_weighvision_session', 'weigh_(session|weight|media)',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_edge_media_store', 'media_objects', 'SELECT, INSERT, UPDATE'),
    ('farmiq_edge_media_store', 'media_secret', 'SELECT, INSERT'),
    ('farmiq_edge_retention_janitor', 'media_objects', 'SELECT, DELETE'),
    ('farmiq_edge_retention_janitor', 'sync_event|weigh_session', 'SELECT'),
    ('farmiq_edge_feed_intake', 'feed_intake_local|silo_weight_snapshot',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_edge_feed_intake', 'sync_(ready|retry|dead)', 'SELECT'),
    ('farmiq_edge_vision_inference',
        'inference_(event|ready|batch|retry|dead|error|receipt|count|audit|results)',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_edge_vision_inference', 'inference_jobs', 'SELECT'),
    ('farmiq_edge_policy_sync', 'edge_config_(cache|sync_state)',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_edge_sync_forwarder',
        'sync_(event|ready|batch|retry|dead|error|receipt|count|audit|state)',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_edge_sync_forwarder', 'sync_outbox', 'SELECT'),
    -- The cloud.
    ('farmiq_cloud_ingestion', 'cloud_dedupe|edge_replay|edge_status|bus_origin',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_cloud_ingestion',
        '(ingest|bus_[a-z]+)_(event|ready|batch|retry|dead|error|receipt|count|audit)',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_cloud_weighvision_readmodel', 'bus_origin', 'SELECT, INSERT'),
    ('farmiq_cloud_telemetry_service',
        'telemetry_(raw|agg|latest|edge_agg)|device_last_seen',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_cloud_telemetry_service', 'telemetry_raw_parts|edge_status', 'SELECT'),
    ('farmiq_cloud_telemetry_service',
        'bus_telemetry_(event|ready|batch|retry|dead|error|receipt|count|audit)',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_cloud_weighvision_readmodel', 'weigh_[a-z]+|weighvision_weight_aggregate',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_cloud_weighvision_readmodel',
        '(ingest|bus_sessions)_(event|ready|batch|retry|dead|error|receipt|count|audit)',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_cloud_feed_service', 'feed_intake', 'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_cloud_feed_service',
        'bus_intake_(event|ready|batch|retry|dead|error|receipt|count|audit)',
        'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_cloud_media_store', 'media_object_cloud', 'SELECT, INSERT, UPDATE, DELETE'),
    ('farmiq_cloud_media_store', 'media_secret', 'SELECT, INSERT'),
    ('farmiq_cloud_media_store',
        'bus_media_(event|ready|batch|retry|dead|error|receipt|count|audit)',
        'SELECT, INSERT, UPDATE, DELETE'),
    -- Queries: what has a tenant, of the tenant; and how full the queues are.
    ('farmiq_query', 'telemetry_(raw|agg|latest|edge_agg)|device_last_seen|edge_status',
        'SELECT'),
    ('farmiq_query', '(device|station)_allowlist|weigh_[a-z]+|weighvision_[a-z_]+|feed_[a-z_]+'
        '|media_objects|media_object_cloud|silo_weight_snapshot',
        'SELECT'),
    ('farmiq_query', 'inference_(event|ready|batch|retry|dead|error|results|jobs)',
        'SELECT'),
    ('farmiq_query', 'sync_(event|ready|batch|retry|dead|error|receipt|count|state)',
        'SELECT');

DO $roles$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT DISTINCT role FROM farmiq_right UNION SELECT 'farmiq_edge'
        UNION SELECT 'farmiq_cloud' LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r.role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', r.role);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema, r.role);
    END LOOP;
    FOR r IN
        SELECT f.role, f.rights, c.oid::regclass AS name, c.relkind
        FROM farmiq_right AS f JOIN pg_class AS c ON c.relname ~ ('^(' || f.tables || ')$')
        WHERE c.relnamespace = current_schema::regnamespace
            AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
    LOOP
        EXECUTE format('GRANT %s ON %s TO %I', r.rights, r.name, r.role);
        -- A view looks with its owner's eyes, past the wall below, unless it is told not to.
        IF r.role = 'farmiq_query' AND r.relkind = 'v' THEN
            EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', r.name);
        END IF;
    END LOOP;
END
$roles$;

-- All services of a site in one process; and what every service has.
GRANT farmiq_outbox_writer TO farmiq_edge_telemetry_timeseries,
    farmiq_edge_weighvision_session, farmiq_edge_media_store, farmiq_edge_feed_intake,
    farmiq_edge_vision_inference;
GRANT farmiq_edge_ingress_gateway, farmiq_edge_telemetry_timeseries,
    farmiq_edge_weighvision_session, farmiq_edge_media_store, farmiq_edge_feed_intake,
    farmiq_edge_vision_inference, farmiq_edge_policy_sync, farmiq_edge_retention_janitor,
    farmiq_edge_sync_forwarder
    TO farmiq_edge;
GRANT farmiq_cloud_ingestion, farmiq_cloud_telemetry_service,
    farmiq_cloud_weighvision_readmodel, farmiq_cloud_feed_service,
    farmiq_cloud_media_store TO farmiq_cloud;
GRANT farmiq_service TO farmiq_outbox_writer, farmiq_edge_ingress_gateway,
    farmiq_edge_policy_sync, farmiq_edge_retention_janitor, farmiq_edge_sync_forwarder,
    farmiq_cloud_ingestion, farmiq_cloud_telemetry_service,
    farmiq_cloud_weighvision_readmodel, farmiq_cloud_feed_service,
    farmiq_cloud_media_store, farmiq_query;

-- Numbers for new rows, and the months of the readings.
DO $more$
DECLARE
    r record;
BEGIN
    FOR r IN
        SELECT c.oid::regclass AS name, CASE c.relname WHEN 'sync_seq'
            THEN 'farmiq_outbox_writer, farmiq_edge_sync_forwarder'
            WHEN 'inference_seq' THEN 'farmiq_edge_vision_inference'
            ELSE 'farmiq_cloud_ingestion, farmiq_cloud_telemetry_service,'
                ' farmiq_cloud_weighvision_readmodel, farmiq_cloud_feed_service,'
                ' farmiq_cloud_media_store' END AS roles
        FROM pg_class AS c
        WHERE c.relnamespace = current_schema::regnamespace AND c.relkind = 'S'
            AND c.relname ~ '^(sync|inference|ingest|bus_[a-z]+)_seq$'
    LOOP
        EXECUTE format('GRANT USAGE ON SEQUENCE %s TO %s', r.name, r.roles);
    END LOOP;
    IF to_regclass('telemetry_raw_id_seq') IS NOT NULL THEN
        GRANT USAGE ON SEQUENCE telemetry_raw_id_seq
            TO farmiq_edge_telemetry_timeseries, farmiq_cloud_telemetry_service;
        GRANT EXECUTE ON FUNCTION telemetry_raw_make, telemetry_raw_drop
            TO farmiq_edge_telemetry_timeseries, farmiq_cloud_telemetry_service;
    END IF;
END
$more$;

-- The second wall: a query that forgot to name the tenant still sees only the one that the
-- session has named, and none if it has named none. '*' is for what has no tenant, as the
-- state of a site. Services that write see all; the owner is not bound.
DO $wall$
DECLARE
    r record;
BEGIN
    FOR r IN
        SELECT c.oid::regclass AS name
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = current_schema::regnamespace AND c.relkind IN ('r', 'p')
            AND NOT c.relispartition AND a.attname = 'tenant_id' AND NOT a.attisdropped
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', r.name);
        EXECUTE format('DROP POLICY IF EXISTS farmiq_tenant ON %s', r.name);
        EXECUTE format('CREATE POLICY farmiq_tenant ON %s FOR SELECT TO farmiq_query'
            ' USING (current_setting(''farmiq.tenant_id'', true) IN (tenant_id, ''*''))',
            r.name);
        EXECUTE format('DROP POLICY IF EXISTS farmiq_service ON %s', r.name);
        EXECUTE format('CREATE POLICY farmiq_service ON %s TO farmiq_outbox_writer,'
            ' farmiq_edge_ingress_gateway, farmiq_edge_sync_forwarder,'
            ' farmiq_edge_telemetry_timeseries, farmiq_edge_weighvision_session,'
            ' farmiq_edge_feed_intake, farmiq_edge_vision_inference, farmiq_edge_media_store,'
            ' farmiq_edge_policy_sync, farmiq_edge_retention_janitor,'
            ' farmiq_cloud_ingestion, farmiq_cloud_telemetry_service,'
            ' farmiq_cloud_weighvision_readmodel, farmiq_cloud_feed_service,'
            ' farmiq_cloud_media_store USING (true) WITH CHECK (true)', r.name);
    END LOOP;
END
$wall$;

COMMIT;
