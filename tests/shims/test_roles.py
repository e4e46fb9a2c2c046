# SPDX-License-Identifier: Apache-2.0
"""deploy/postgres/roles.sql under real services: each works as a user that owns nothing, and
queries see the tenant that was asked for. And the processes wake each other."""
import json
import pathlib
import subprocess
import time
import urllib.request

import psycopg2
import pytest

import farm as farm_module
from asking import BATCH, ask, batch_event, signature
from farm import TENANT, wait_for
from support import Device, deliver_everything, envelope, topic

ROLES = pathlib.Path(__file__).resolve().parents[2] / "deploy/postgres/roles.sql"
USERS = {
    "edge": {"gateway": "farmiq_edge_ingress_gateway",
             "telemetry": "farmiq_edge_telemetry_timeseries",
             "sessions": "farmiq_edge_weighvision_session",
             "media": "farmiq_edge_media_store",
             "janitor": "farmiq_edge_retention_janitor",
             "forwarder": "farmiq_edge_sync_forwarder"},
    "cloud": {"cloud_user": "farmiq_cloud"},
}
READER = "reader"
AN_HOUR = "1h"


def execute(farm, database, sql):
    with psycopg2.connect(farm.cluster.url(database)) as connection:
        connection.cursor().execute(sql)
    connection.close()


def set_up(farm, database, build):
    """What deploy/postgres/README.md tells the operator to do."""
    subprocess.run([build / "shims/farmiqctl/farmiqctl", "migrate", "--schema", database,
                    "--database-url", farm.cluster.url(database)], check=True)
    execute(farm, database, ROLES.read_text().replace("BEGIN;", "").replace("COMMIT;", ""))
    for user, role in USERS[database].items():
        execute(farm, database,
                f"CREATE USER {user} PASSWORD '{farm.cluster.password}' IN ROLE {role}")


def url_as(farm, database, user):
    return farm.cluster.url(database).replace("//farmiq:", f"//{user}:")


def start_edge(farm, interval):
    reader = url_as(farm, "edge", READER)
    for name, user in [("edge-telemetry-timeseries", "telemetry"),
                       ("edge-weighvision-session", "sessions")]:
        farm.start_service(name, DATABASE_URL=url_as(farm, "edge", user),
                           DATABASE_READ_URL=reader)
    farm.start_service("edge-sync-forwarder", DATABASE_READ_URL=reader,
                       DATABASE_URL=url_as(farm, "edge", "forwarder"),
                       **{**farm.forwarder_env(), "SYNC_INTERVAL_MS": interval})
    farm.start_service(
        "edge-ingress-gateway", **farm.gateway_env(), DATABASE_READ_URL=reader,
        DATABASE_URL=url_as(farm, "edge", "gateway"), MQTT_CLIENT_ID="gateway",
        EDGE_TELEMETRY_TIMESERIES_URL=farm.url_of("edge-telemetry-timeseries"),
        EDGE_WEIGHVISION_SESSION_URL=farm.url_of("edge-weighvision-session"))


@pytest.fixture
def farm(tmp_path, build):
    farm = farm_module.Farm(tmp_path / "farm", build, ("edge", "cloud"))
    try:
        farm.start_postgres()
        farm.start_broker()
        for database in USERS:
            set_up(farm, database, build)
        execute(farm, "cloud",
                f"CREATE USER {READER} PASSWORD '{farm.cluster.password}' IN ROLE farmiq_query")
        farm.start_cloud(DATABASE_URL=url_as(farm, "cloud", "cloud_user"),
                         DATABASE_READ_URL=url_as(farm, "cloud", READER))
        yield farm
    finally:
        farm.end()


def test_a_view_shows_no_other_tenant_s_rows(farm):
    """The names of the contracts are views: the wall stands behind them, too."""
    for tenant in ("a", "b"):
        execute(farm, "cloud", "INSERT INTO feed_intake (tenant_id, event_id, farm_id, barn_id,"
                               " source, quantity_kg, occurred_at, ingested_at) VALUES"
                               f" ('{tenant}', 'e', 'f', 'b', 'MANUAL', 1, now(), now())")
        execute(farm, "cloud", "INSERT INTO weigh_media (tenant_id, session_id,"
                               " media_object_id, event_id, occurred_at, created_at) VALUES"
                               f" ('{tenant}', 's', 'm', 'e', now(), now())")
    with psycopg2.connect(url_as(farm, "cloud", READER)) as connection:
        cursor = connection.cursor()
        for view in ("feed_intake_record", "weighvision_media"):
            for tenant, seen in (("a", ["a"]), ("*", ["a", "b"]), ("", [])):
                cursor.execute(f"SET farmiq.tenant_id = '{tenant}'")
                cursor.execute(f"SELECT tenant_id FROM {view} ORDER BY tenant_id")
                assert [row[0] for row in cursor.fetchall()] == seen, (view, tenant)
    connection.close()


def test_feedings_are_kept_and_asked_for_as_users_that_own_nothing(farm):
    body = json.dumps({"tenant_id": TENANT, "edge_id": "edge-demo", "events": [batch_event(
        TENANT, event_type="feed.intake.recorded",
        payload={"quantity_kg": 5, "source": "MANUAL"})]}).encode()
    assert ask(farm.cloud_url + BATCH, body, signature(farm.secret, "POST", BATCH, body),
               farm.ca)[1]["accepted"] == 1
    records = f"{farm.cloud_url}/api/v1/feed/intake-records"
    wait_for("the feeding", 60, lambda: farm.get(records)["items"])


def latest_of(farm, tenant):
    return farm.get(f"{farm.cloud_url}/api/v1/telemetry/latest?tenantId={tenant}")


def test_every_service_does_its_work_as_a_user_that_owns_nothing(farm):
    start_edge(farm, "200ms")
    farm.start_agent(0, COUNT=300, RATE=300)
    wait_for("the load", 20, lambda: farm.count("edge") > 100)
    tally = deliver_everything(farm)
    assert tally["lost"] == 0 and tally["duplicated"] == 0, tally
    # The reader sees nothing of a tenant that it has not named: so the daemon names it.
    assert len(str(latest_of(farm, TENANT))) > 200
    with psycopg2.connect(url_as(farm, "cloud", READER)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM telemetry_raw")
        assert cursor.fetchone() == (0,)
    connection.close()


def test_the_forwarder_hears_of_another_process_s_append_at_once(farm):
    """It looks by itself once an hour."""
    start_edge(farm, AN_HOUR)
    wait_for("the listeners", 10, lambda: farm.query(
        "edge", "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN farmiq'"
                " AND datname = 'edge'")[0][0] >= 3)
    time.sleep(1)
    with Device(farm) as device:
        for number in range(5):
            begin = time.monotonic()
            device.publish(topic(), envelope())
            wait_for("the reading at the cloud", 10,
                     lambda n=number: farm.count("cloud") == n + 1, every=0.01)
            print(f"published to stored at the cloud: {time.monotonic() - begin:.3f} s")


def test_the_media_store_and_the_janitor_work_as_users_that_own_nothing(farm):
    for service, user in (("edge-media-store", "media"), ("edge-retention-janitor", "janitor")):
        farm.start_service(service, DATABASE_URL=url_as(farm, "edge", user),
                           DATABASE_READ_URL=url_as(farm, "edge", READER),
                           MEDIA_BASE_PATH=str(farm.home / "media"), JANITOR_DRY_RUN="false")
    url = farm.url_of("edge-media-store")
    who = {"x-tenant-id": TENANT, "authorization": f"Bearer {farm.internal_token}"}
    status, given = ask(f"{url}/api/v1/media/images/presign", {
        "tenantId": TENANT, "farmId": "f", "barnId": "b", "deviceId": "cam-1",
        "contentType": "image/jpeg"}, who)
    assert status == 200
    put = urllib.request.Request(given["upload_url"], b"\xff\xd8\xff" + bytes(100),
                                 {"content-type": "image/jpeg"}, method="PUT")
    assert urllib.request.urlopen(put, timeout=10).status == 200
    where = f"{url}/api/v1/media/objects/{given['media_id']}"
    assert ask(f"{where}/meta", headers=who)[1]["media"]["tenant_id"] == TENANT
    execute(farm, "edge", "UPDATE media_objects SET created_at = '2020-01-01Z'")
    run = f"{farm.url_of('edge-retention-janitor')}/api/v1/janitor/run"
    assert ask(run, {}, who)[1]["deleted_files"] == 0  # its event is not told yet
    execute(farm, "edge", "DELETE FROM sync_ready; DELETE FROM sync_event")
    status, told = ask(run, {}, who)
    assert (status, told["deleted_files"], told["error"]) == (200, 1, None)
    for service in ("edge-media-store", "edge-retention-janitor"):
        log = (farm.home / f"{service}.log").read_text()
        assert "permission denied" not in log and '"level":"error"' not in log
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        with psycopg2.connect(url_as(farm, "edge", READER)) as connection:
            connection.cursor().execute("SELECT secret FROM media_secret")
