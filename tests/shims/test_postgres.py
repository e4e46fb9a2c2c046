# SPDX-License-Identifier: Apache-2.0
"""Edge and cloud on PostgreSQL: the same promise as on SQLite, whatever is killed, the
server itself included; replicas on one database; and errors that name the fix."""
import random
import signal
import subprocess
import threading
import time
import urllib.error

import pytest

import farm as farm_module
from conftest import SOAK
from farm import free_port, wait_for
from support import Device, deliver_everything, envelope, in_logs, is_alive, metric, topic

KILLS = 20 if SOAK else 3
LOAD = {"DEVICES": 10, "RATE": 500, "BUFFER_MAX_MESSAGES": 1_000_000,
        "BUFFER_MAX_AGE": "7d", "REPLAY_RATE": 0, "WINDOW": 1000, "ACK_TIMEOUT": "2s"}
VICTIMS = {
    "edge": ["edge"],
    "cloud": ["cloud"],
    "postgres": ["postgres"],
    "everything": ["edge", "cloud", "postgres", "broker", "agent-0"],
}
# A settled batch leaves its row, without a token, to the next.
LEASES = "sync_batch WHERE token IS NOT NULL"
STARTS = "postgres broker cloud edge agent-0".split()


def how(name):
    """The server goes by an immediate shutdown: to its sessions a crash, as to its files."""
    return signal.SIGQUIT if name == "postgres" else signal.SIGKILL


def assert_books_are_equal(tally):
    assert tally["lost"] == 0, tally
    assert tally["duplicated"] == 0, tally
    assert tally["edge_stored"] == tally["acked"] == tally["cloud_stored"], tally


@pytest.mark.parametrize("victims", VICTIMS)
def test_kill_minus_nine_loses_and_doubles_nothing(pg_farm, victims):
    chance = random.Random(20261128)
    pg_farm.start_agent(0, **LOAD)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.5, 1.5))
        for name in VICTIMS[victims]:
            pg_farm.processes[name].end(how(name))
        time.sleep(chance.uniform(0.0, 0.5))
        for name in sorted(VICTIMS[victims], key=STARTS.index):
            pg_farm.processes[name].start()
    time.sleep(1)
    tally = deliver_everything(pg_farm)
    print(f"{KILLS} kills of {victims}: {tally}")
    assert tally["published"] > 200 * KILLS, "there was no load worth the name"
    assert_books_are_equal(tally)
    assert all(is_alive(pg_farm, name) for name in ("edge", "cloud", "postgres"))


def readiness(farm, url):
    try:
        with farm.open(f"{url}/api/ready") as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def test_while_the_server_is_away_nothing_is_acknowledged_and_all_resumes_by_itself(pg_farm):
    farm, message = pg_farm, envelope()
    urls = farm.edge_url, farm.cloud_url
    assert [readiness(farm, url) for url in urls] == [200, 200]
    farm.processes["postgres"].end(signal.SIGQUIT)
    assert [readiness(farm, url) for url in urls] == [503, 503]
    with Device(farm) as device:
        device.listen("d-1")
        device.publish(topic(), message)
        time.sleep(2)
        assert device.acks == []
        farm.processes["postgres"].start()
        wait_for("readiness", 15, lambda: [readiness(farm, url) for url in urls] == [200, 200])
        wait_for("the acknowledgement", 30, lambda: device.acks)
    assert device.acks[0]["acked"] == [message["event_id"]]
    wait_for("the reading at the cloud", 30, lambda: farm.count("cloud") == 1)
    assert is_alive(farm, "edge") and is_alive(farm, "cloud")
    assert in_logs(farm, farm.cluster.password, farm.secret) == []


@pytest.fixture
def two_clouds(tmp_path, build):
    """Started at the same moment on an empty database: who brings it up to date?"""
    farm = farm_module.Farm(tmp_path / "farm", build, ("edge", "cloud"))
    try:
        farm.start_postgres()
        farm.start_broker()
        started = []
        for name in ("cloud", "cloud-1"):
            farm.ports.setdefault(name, free_port())
            started.append(threading.Thread(target=farm.start_cloud,
                                            kwargs={"name": name}))
        for thread in started:
            thread.start()
        for thread in started:
            thread.join()
        yield farm
    finally:
        farm.end()


def test_two_clouds_share_a_database_and_the_bus(two_clouds):
    """Two edges, one to each. What either takes in, either may deliver; each event once."""
    farm, chance = two_clouds, random.Random(20261129)
    assert is_alive(farm, "cloud") and is_alive(farm, "cloud-1")
    farm.start_edge()
    forwarder = farm.start_service(
        "edge-sync-forwarder", **farm.forwarder_env(), DATABASE_URL=farm.database_url("edge"),
        INSTANCE_ID="edge-sync-forwarder-1")
    farm.start_agent(0, **LOAD)
    for victim in ("cloud-1", "cloud", "cloud-1"):
        time.sleep(chance.uniform(0.5, 1.5))
        farm.processes[victim].end(signal.SIGKILL)
        farm.processes[victim].start()
    time.sleep(1)
    tally = deliver_everything(farm)
    assert tally["published"] > 600 and forwarder.running.poll() is None
    assert_books_are_equal(tally)


def test_a_neighbour_s_lease_outlives_our_start(pg_farm):
    """On a file a forwarder that starts is the only one; here a replica may live."""
    farm = pg_farm
    farm.processes["cloud"].running.send_signal(signal.SIGSTOP)
    try:
        farm.start_agent(0, COUNT=50, RATE=1000)
        wait_for("a lease", 10, lambda: farm.count("edge", LEASES) == 1)
        leased = farm.query("edge", f"SELECT token FROM {LEASES}")
        farm.start_service("edge-sync-forwarder", **farm.forwarder_env(),
                           DATABASE_URL=farm.database_url("edge"), INSTANCE_ID="another")
        assert set(leased) <= set(farm.query("edge", f"SELECT token FROM {LEASES}"))
    finally:
        farm.processes["cloud"].running.send_signal(signal.SIGCONT)
    assert_books_are_equal(deliver_everything(farm))


# -- what only a server does -----------------------------------------------------------


def statuses(*devices):
    return [(topic(device, "", "status").rstrip("/"),
             envelope(device, event_type="device.status", payload={"status": "online"}))
            for device in devices]


def test_a_deadlock_is_tried_again_and_costs_nobody_anything(pg_farm):
    """Another program locks the rows of two devices in the other order. The server ends
    our transaction; it runs again, and no message has to come twice."""
    farm = pg_farm
    update = "UPDATE device_last_seen SET last_topic = 'other' WHERE device_id = '%s'"
    gateway = farm.processes["edge"]
    gateway.end()
    gateway.env["MQTT_BATCH_WAIT_MS"] = "300"
    gateway.start()
    with Device(farm) as device, farm.cluster.cursor("edge") as other:
        for where, what in statuses("d-1", "d-2"):
            device.publish(where, what)
        wait_for("two devices", 10, lambda: farm.count("edge", "device_last_seen") == 2)
        other.execute("SET deadlock_timeout = '60s'")  # it is us who notice
        other.execute("BEGIN")
        other.execute(update % "d-2")
        for where, what in statuses("d-1", "d-2"):
            device.publish(where, what)
        wait_for("a wait for d-2", 10, lambda: farm.query(
            "edge", "SELECT 1 FROM pg_locks WHERE NOT granted"))
        other.execute(update % "d-1")
        other.execute("COMMIT")
        device.flush()
        wait_for("the devices' own words", 20, lambda: farm.query(
            "edge", "SELECT count(*) FROM device_last_seen WHERE last_topic = 'other'")
            == [(0,)])
    assert "deadlock detected" in (farm.home / "postgres.log").read_text()
    assert "batch_failed" not in (farm.home / "edge.log").read_text()


OFTEN = {"OUTBOX_CLEANUP_INTERVAL_MS": "100", "TELEMETRY_CLEANUP_INTERVAL_MS": "100",
         "STORE_QUOTA_BYTES": "100G"}
PARTS = "SELECT part::text FROM telemetry_raw_parts"


@pytest.fixture
def tidy_farm(pg_farm):
    edge = pg_farm.processes["edge"]
    edge.end()
    edge.env.update(OFTEN)
    edge.start()
    return pg_farm


def test_what_is_old_goes_and_what_the_cloud_lacks_stays(tidy_farm):
    farm = tidy_farm
    farm.start_agent(0, COUNT=50, RATE=1000)
    wait_for("the readings", 30, farm.drained)
    assert 0 < metric(farm, farm.edge_url, "farmiq_store_used_percent") < 1
    farm.processes["cloud"].end()
    with Device(farm) as device:
        for _ in range(3):
            device.publish(topic(), envelope())
        wait_for("three more", 10, lambda: farm.count("edge") == 53)
    farm.cluster.execute(
        "edge", "UPDATE sync_receipt SET acked_at = acked_at - interval '15 days'",
        "UPDATE telemetry_raw SET ingested_at = ingested_at - interval '91 days'",
        "UPDATE telemetry_agg SET bucket_end_at = bucket_end_at - interval '366 days'"
        " WHERE \"window\" = '1m'")
    wait_for("old events gone", 20, lambda: farm.count("edge", "sync_event") == 3)
    wait_for("old readings gone", 20, lambda: farm.count("edge") == 3)
    wait_for("old buckets gone", 20, lambda: farm.query(
        "edge", "SELECT count(*) FROM telemetry_agg WHERE \"window\" = '1m'") == [(0,)])
    farm.processes["cloud"].start()
    wait_for("everything at the cloud", 30, lambda: farm.count("cloud") == 53)


def test_months_are_made_ahead_and_dropped_whole(tidy_farm):
    farm = tidy_farm
    before = set(farm.query("edge", PARTS))
    assert len(before) == 3
    ahead = max(before)
    farm.cluster.execute(
        "edge", f"DROP TABLE {ahead[0]}",
        "SELECT telemetry_raw_make('2020-02-01', '2020-02-29')",
        "INSERT INTO telemetry_raw (tenant_id, device_id, metric_type, metric_value,"
        " occurred_at, ingested_at, event_id)"
        " SELECT 't', 'd', 'm', 1, '2020-02-03', '2020-02-03', i::text"
        " FROM generate_series(1, 5000) AS i")
    wait_for("the month ahead, and no old one", 20,
             lambda: set(farm.query("edge", PARTS)) == before)
    assert farm.count("edge") == 0


# -- what an operator may get wrong ---------------------------------------------------

PASSWORD = "s3cr%40t-of-barn-7"


def start_without_luck(build, url, tmp_path):
    done = subprocess.run(
        [build / "shims/farmiqd/farmiqd", "cloud"], cwd=tmp_path, timeout=30, check=False,
        env={"APP_PORT": "0", "DATABASE_URL": url, "FARMIQ_INSECURE_DEV": "true"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    assert done.returncode == 1
    assert "s3cr" not in done.stdout and "barn-7" not in done.stdout, done.stdout
    return done.stdout


@pytest.mark.parametrize("url, named", [
    (f"postgresql://farmiq:{PASSWORD}@127.0.0.1:1/cloud", "Connection refused"),
    (f"postgres://farmiq:{PASSWORD}@127.0.0.1:1/cloud", "Connection refused"),
    ("postgresql://farmiq:s3cr@t-of-barn-7@127.0.0.1:1/cloud", "%40"),
    ("postgresql://farmiq:s3cr/t-of-barn-7@127.0.0.1:1/cloud", "%2F"),
    (f"postgresql://farmiq:{PASSWORD}@[::1/cloud", "not a connection string"),
    (f"postgresql://farmiq:{PASSWORD}@127.0.0.1:1/cloud?sslmod=x", "not a connection string"),
    ("mysql://127.0.0.1/cloud", "sqlite: or postgresql://"),
])
def test_a_database_that_cannot_be_reached_is_named_without_its_password(build, tmp_path, url,
                                                                         named):
    said = start_without_luck(build, url, tmp_path)
    assert "DATABASE_URL" in said and named in said, said


def test_the_server_s_refusal_is_told(build, tmp_path, pg_farm):
    url = pg_farm.cluster.url("cloud")
    wrong = url.replace(pg_farm.cluster.password, PASSWORD)
    assert "password authentication failed" in start_without_luck(build, wrong, tmp_path)
    nowhere = pg_farm.cluster.url("no_such_database")
    assert "does not exist" in start_without_luck(build, nowhere, tmp_path)
