# SPDX-License-Identifier: Apache-2.0
"""What is old goes by itself, and nothing else does (spec edge 5.8, spec cloud 1.6)."""
import contextlib
import shutil
import sqlite3

import pytest

import farm as farm_module
from asking import reading
from farm import wait_for
from test_forwarder import BadCloud, Edge

DAY_MS = 24 * 3600 * 1000
OFTEN = {"OUTBOX_CLEANUP_INTERVAL_MS": "100", "TELEMETRY_CLEANUP_INTERVAL_MS": "100",
         "DEDUPE_CLEANUP_INTERVAL_MS": "100", "SILENT_CLEANUP_INTERVAL_MS": "100"}
NOW = "(unixepoch() * 1000)"


@pytest.fixture
def edge(tmp_path, build):
    farm, cloud = farm_module.Farm(tmp_path / "farm", build), BadCloud()
    url = f"http://127.0.0.1:{cloud.server.server_port}/api/v1/edge/batch"
    try:
        farm.start_broker()
        farm.start_edge(CLOUD_INGESTION_URL=url, CLOUD_AUTH_MODE="api_key",
                        CLOUD_API_KEY="key-1", OUTBOX_BACKOFF_CAP_SECONDS="1", **OFTEN)
        yield Edge(farm, cloud)
    finally:
        farm.end()
        cloud.server.shutdown()


def write(farm, database, *statements):
    """Time passes: the database is told what it would say by then."""
    with contextlib.closing(sqlite3.connect(farm.home / f"{database}.db", timeout=10)) as db:
        with db:
            for statement in statements:
                db.execute(statement)


def age(table, column, days, where="1"):
    return f"UPDATE {table} SET {column} = {column} - {days * DAY_MS} WHERE {where}"


def wait_for_count(farm, database, table, count):
    wait_for(f"{count} rows of {table}", 10, lambda: farm.count(database, table) == count)


def test_acknowledged_events_go_after_two_weeks(edge):
    edge.store(*[reading() for _ in range(5)])
    edge.wait_until_acked(5)
    write(edge.farm, "edge", age("sync_receipt", "acked_at", 15))
    wait_for_count(edge.farm, "edge", "sync_event", 0)
    edge.wait_until(acked_count=0, pending_count=0, claimed_count=0)
    assert edge.farm.count("edge", "sync_receipt") == 0
    assert edge.farm.count("edge") == 5, "the readings themselves stay for 90 days"


def test_events_that_are_not_acknowledged_never_go(edge):
    edge.store(*[reading() for _ in range(3)])
    edge.wait_until_acked(3)
    edge.cloud.judge = lambda events: (503, {}, {})
    edge.store(*[reading() for _ in range(4)])
    write(edge.farm, "edge", age("sync_receipt", "acked_at", 400),
          age("sync_event", "created_at", 400), age("telemetry_raw", "ingested_at", 400))
    wait_for_count(edge.farm, "edge", "sync_event", 4)
    wait_for_count(edge.farm, "edge", "telemetry_raw", 4)
    assert edge.state()["pending_count"] + edge.state()["claimed_count"] == 4
    edge.cloud.judge = BadCloud.accept
    edge.wait_until(seconds=30, acked_count=4)
    assert edge.farm.count("edge") == 4, "the cloud has them only since now"
    write(edge.farm, "edge", age("sync_receipt", "acked_at", 15))
    wait_for_count(edge.farm, "edge", "telemetry_raw", 0)


def test_a_reading_and_its_event_find_each_other_by_any_id(edge):
    edge.cloud.judge = lambda events: (503, {}, {})
    edge.store(reading(event_id="no-uuid-1"), reading())
    write(edge.farm, "edge", age("telemetry_raw", "ingested_at", 91),
          "INSERT INTO telemetry_raw (tenant_id, device_id, metric_type, metric_value,"
          " occurred_at, ingested_at, event_id, id)"
          " VALUES ('t', 'd', 'm', 1, 1, 1, 'e', 3)")
    wait_for_count(edge.farm, "edge", "telemetry_raw", 2)
    assert edge.farm.query("edge", "SELECT count(*) FROM telemetry_raw AS r JOIN sync_event"
                                   " AS e USING (tenant_id, event_id)") == [(2,)]


def test_more_than_one_chunk_of_old_readings_goes_around_what_must_stay(edge):
    edge.cloud.judge = lambda events: (503, {}, {})
    edge.store(*[reading() for _ in range(10)])
    write(edge.farm, "edge", age("telemetry_raw", "ingested_at", 91),
          "INSERT INTO telemetry_raw (tenant_id, device_id, metric_type, metric_value,"
          " occurred_at, ingested_at, event_id) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL"
          " SELECT i + 1 FROM n WHERE i < 5000)"
          " SELECT 't', 'd', 'm', 1, 1, i, 'old-' || i FROM n")
    wait_for_count(edge.farm, "edge", "telemetry_raw", 10)


def test_buckets_go_after_a_year(edge):
    edge.store(reading())
    wait_for_count(edge.farm, "edge", "telemetry_agg", 3)
    write(edge.farm, "edge", age("telemetry_agg", "bucket_end_at", 366, "\"window\" = '1m'"),
          age("telemetry_agg", "bucket_end_at", 360, "\"window\" = '1h'"))
    wait_for_count(edge.farm, "edge", "telemetry_agg", 2)


def add_audit(queue, days):
    return (f"INSERT INTO {queue}_audit (at, action, seq, tenant_id, event_id, actor, reason,"
            f" attempt_count) VALUES ({NOW} - {days * DAY_MS}, 'died', 1, 't', 'e', 'a', 'r', 1)")


def test_the_audit_and_the_ids_seen_are_bounded_at_the_edge(edge):
    add_id = ("INSERT INTO ingress_dedupe (tenant_id, event_id, first_seen_at, expires_at,"
              " topic) VALUES ('t', '{}', 0, {} + {}, '')")
    write(edge.farm, "edge", add_audit("sync", 91), add_audit("sync", 89),
          add_id.format("old", NOW, -1), add_id.format("young", NOW, DAY_MS))
    wait_for_count(edge.farm, "edge", "sync_audit", 1)
    wait_for_count(edge.farm, "edge", "ingress_dedupe", 1)
    assert edge.farm.query("edge", "SELECT event_id FROM ingress_dedupe") == [("young",)]


def test_ids_signatures_and_audit_are_bounded_at_the_cloud(tmp_path, build):
    farm = farm_module.Farm(tmp_path / "farm", build)
    add_id = ("INSERT INTO cloud_dedupe (tenant_id, event_id, first_seen_at, expires_at,"
              " topic) VALUES ('t', '{}', 0, {} + {}, '')")
    add_signature = "INSERT INTO edge_replay VALUES ('t', '{}', {} - {})"
    try:
        farm.start_cloud(INGEST_CLEANUP_INTERVAL_MS="100")
        write(farm, "cloud", add_audit("bus_telemetry", 91), add_audit("bus_telemetry", 89),
              add_id.format("old", NOW, -1), add_id.format("young", NOW, DAY_MS),
              add_signature.format("old", NOW, 601000),
              add_signature.format("young", NOW, 500000))
        for table, key in [("cloud_dedupe", "event_id"), ("edge_replay", "sig_hash")]:
            wait_for_count(farm, "cloud", table, 1)
            assert farm.query("cloud", f"SELECT {key} FROM {table}") == [("young",)]
        wait_for_count(farm, "cloud", "bus_telemetry_audit", 1)
    finally:
        farm.end()


def test_a_silent_device_is_forgotten_after_a_year(edge):
    add = "INSERT INTO device_last_seen (tenant_id, device_id, last_seen_at, last_topic)"
    many = ("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
            f" SELECT 't', 'old-' || i, {NOW} - {{}}, '' FROM n")
    write(edge.farm, "edge", f"{add} {many.format(366 * DAY_MS)}",
          f"{add} VALUES ('a', 'young', {NOW} - {364 * DAY_MS}, '')",
          f"{add} VALUES ('z', 'young', {NOW}, '')")
    wait_for_count(edge.farm, "edge", "device_last_seen", 2)


def test_a_dead_letter_waits_for_a_year(edge):
    edge.cloud.judge = lambda events: (400, {}, {})
    edge.store(*[reading() for _ in range(3)])
    edge.wait_until(dlq_count=3)
    write(edge.farm, "edge", age("sync_dead", "died_at", 366,
                                 "seq IN (SELECT seq FROM sync_dead LIMIT 2)"))
    edge.wait_until(dlq_count=1)
    assert edge.farm.count("edge", "sync_event") == 1
    assert edge.farm.count("edge", "sync_error") == 1
    assert edge.farm.count("edge", "sync_audit") == 3, "who died is known for 90 days"


@pytest.fixture
def cloud(tmp_path, build):
    farm = farm_module.Farm(tmp_path / "farm", build)
    try:
        farm.start_cloud(TELEMETRY_CLEANUP_INTERVAL_MS="100",
                         SILENT_CLEANUP_INTERVAL_MS="100", INGEST_CLEANUP_INTERVAL_MS="100")
        yield farm
    finally:
        farm.end()


def add_reading(event_id, days):
    then = f"{NOW} - {days * DAY_MS}"
    return ("INSERT INTO telemetry_raw (tenant_id, device_id, metric, value, occurred_at,"
            f" event_id, created_at) VALUES ('t', 'd', 'm', 1, {then}, '{event_id}', {then})")


def test_the_cloud_s_readings_go_after_two_years_and_its_aggregates_after_seven(cloud):
    add_bucket = ("INSERT INTO telemetry_agg (tenant_id, device_id, metric, bucket_size,"
                  " bucket_start, count, sum_value, sumsq_value, min_value, max_value,"
                  " last_value, last_at, created_at, updated_at)"
                  " VALUES ('t', 'd', 'm', '{}', {} - {}, 1, 1, 1, 1, 1, 1, 1, 1, 1)")
    add_edge_bucket = ("INSERT INTO telemetry_edge_agg VALUES ('t', 'd', 'm', '1h', {},"
                       " 1, 1, 1, 1, {} - {})")
    years = [6 * 365 * DAY_MS, 8 * 365 * DAY_MS]
    write(cloud, "cloud", add_reading("old", 731), add_reading("young", 729),
          *[add_bucket.format(size, NOW, age) for size in ("5m", "1h", "1d") for age in years],
          *[add_edge_bucket.format(age, NOW, age) for age in years])
    wait_for_count(cloud, "cloud", "telemetry_raw", 1)
    wait_for_count(cloud, "cloud", "telemetry_agg", 3)
    wait_for_count(cloud, "cloud", "telemetry_edge_agg", 1)
    assert cloud.query("cloud", "SELECT event_id FROM telemetry_raw") == [("young",)]


def test_the_cloud_forgets_who_is_silent(cloud):
    write(cloud, "cloud", *[
        statement.format(name=name, then=f"{NOW} - {days * DAY_MS}")
        for name, days in (("old", 366), ("young", 364)) for statement in (
            "INSERT INTO telemetry_latest VALUES ('t', '{name}', 'm', '', '', 1, '', {then})",
            "INSERT INTO device_last_seen VALUES ('t', '{name}', {then}, 'm', 1)",
            "INSERT INTO edge_status VALUES ('t', '{name}', 0, 0, {then}, 0, 0, 0)")])
    for table, name in (("telemetry_latest", "device_id"), ("device_last_seen", "device_id"),
                        ("edge_status", "edge_id")):
        wait_for_count(cloud, "cloud", table, 1)
        assert cloud.query("cloud", f"SELECT {name} FROM {table}") == [("young",)]


def test_what_no_service_takes_is_kept_for_a_year(cloud):
    add = ("INSERT INTO bus_unrouted_event (tenant_id, event_id, event_type, occurred_at,"
           " priority, created_at, payload) VALUES ('t', '{0}', 'x.y', {1}, 0, {1}, '{{}}')")
    ready = ("INSERT INTO bus_unrouted_ready SELECT 0, occurred_at, seq, 0, 0"
             " FROM bus_unrouted_event")
    write(cloud, "cloud", *[add.format(f"old-{i}", f"{NOW} - {366 * DAY_MS}")
                            for i in range(450)],
          add.format("young", f"{NOW} - {364 * DAY_MS}"), ready,
          "UPDATE bus_unrouted_count SET pending = 451")
    wait_for_count(cloud, "cloud", "bus_unrouted_event", 1)
    wait_for_count(cloud, "cloud", "bus_unrouted_ready", 1)
    assert cloud.query("cloud", "SELECT pending, claimed, acked FROM bus_unrouted_count") == \
        [(1, 0, 0)]


def test_a_filling_disk_gives_up_in_order_and_never_what_the_cloud_lacks(edge):
    """Architecture, 6: acknowledged history, then aggregates, then readings the cloud has."""
    if shutil.disk_usage(edge.farm.home).used / shutil.disk_usage(edge.farm.home).total > 0.8:
        pytest.skip("this disk is too full to tell the quota's fullness from its own")
    process = edge.farm.processes["edge"]
    edge.store(*[reading() for _ in range(5)])
    edge.wait_until_acked(5)
    edge.cloud.judge = lambda events: (503, {}, {})
    edge.store(*[reading() for _ in range(2)])
    write(edge.farm, "edge", age("sync_receipt", "acked_at", 1),
          age("telemetry_agg", "bucket_end_at", 2), age("telemetry_raw", "ingested_at", 1))
    assert edge.farm.count("edge", "sync_event") == 7, "a day old is young"
    process.end()
    size = edge.farm.query("edge", "SELECT page_count * page_size FROM pragma_page_count, "
                                   "pragma_page_size")[0][0]
    process.env.update(STORE_QUOTA_BYTES=str(int(size / 0.9)), DISK_PRESSURE_PCT="85")
    process.start()
    wait_for_count(edge.farm, "edge", "sync_event", 2)
    wait_for_count(edge.farm, "edge", "telemetry_agg", 0)
    assert edge.farm.count("edge") == 7, "readings are the last to go"
    process.end()
    process.env.update(DISK_PRESSURE_PCT="70")
    process.start()
    wait_for_count(edge.farm, "edge", "telemetry_raw", 2)
    edge.cloud.judge = BadCloud.accept
    edge.wait_until(seconds=30, pending_count=0, claimed_count=0)
