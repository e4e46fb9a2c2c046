# SPDX-License-Identifier: Apache-2.0
"""The same services on PostgreSQL and RabbitMQ, a process each, with replicas: whatever is
killed, nothing is lost, nothing takes effect twice, and everything comes back by itself.
PostgreSQL is shut down immediately (SIGQUIT: no checkpoint, no goodbye); everything else
gets SIGKILL."""
import random
import time
import urllib.request

import pytest

import farm as farm_module
from asking import ask
from conftest import SOAK
from farm import wait_for
from support import Device, deliver_everything, is_alive
from test_feed import dispensed, feed_topic
from test_sessions import KINDS, SESSIONS, fact, topic

KILLS = 20 if SOAK else 1
LOAD = {"DEVICES": 10, "RATE": 300, "BUFFER_MAX_MESSAGES": 1_000_000,
        "BUFFER_MAX_AGE": "7d", "REPLAY_RATE": 0, "WINDOW": 1000, "ACK_TIMEOUT": "2s"}
GATEWAYS = ["edge-ingress-gateway-0", "edge-ingress-gateway-1"]
FORWARDERS = ["edge-sync-forwarder-0", "edge-sync-forwarder-1"]
INGESTIONS = ["cloud-ingestion-0", "cloud-ingestion-1"]
TELEMETRY = ["edge-telemetry-timeseries", "cloud-telemetry-service"]
ENGINES = ["postgres", "rabbitmq", "broker"]


@pytest.fixture(scope="module")
def engines(tmp_path_factory, build):
    farm = farm_module.Farm(tmp_path_factory.mktemp("engines") / "farm", build,
                            postgresql=farm_module.DATABASES)
    try:
        farm.start_engines()
        yield farm
    finally:
        farm.end()


def is_ready(farm, name):
    try:
        with farm.open(f"{farm.url_of(name)}/api/ready", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.mark.parametrize("victims", [
    GATEWAYS, [TELEMETRY[0]], FORWARDERS, INGESTIONS[:1], INGESTIONS, [TELEMETRY[1]],
    ["postgres"], ["rabbitmq"], ["broker"], ENGINES,
    ENGINES + TELEMETRY + INGESTIONS + FORWARDERS + GATEWAYS,
], ids=["gateways", "edge-telemetry", "forwarders", "an-ingestion", "ingestions",
        "cloud-telemetry", "postgresql", "rabbitmq", "mosquitto", "the-engines", "everything"])
def test_whatever_is_killed_nothing_is_lost_or_doubled(engines, victims):
    chance = random.Random(20261128)
    before = engines.tally()["published"]
    engines.start_agent(len(engines.processes), **LOAD)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.5, 1.5))
        for name in victims:
            engines.kill(name)
        time.sleep(chance.uniform(0.0, 1.0))
        for name in victims:
            engines.processes[name].start()
    services = [name for name in engines.processes
                if name.startswith(("edge-", "cloud-", "dashboard-"))]
    assert [name for name in services if not is_alive(engines, name)] == []
    for name in services:
        wait_for(f"{name} ready again, by itself", 60, lambda: is_ready(engines, name), 0.2)
    tally = deliver_everything(engines, 180)
    print(f"{KILLS} kills of {victims}: {tally}")
    assert tally["published"] - before > 100 * KILLS, "there was no load worth the name"
    assert tally["lost"] == 0, tally
    assert tally["duplicated"] == 0, tally
    assert tally["edge_stored"] == tally["acked"] == tally["cloud_stored"], tally


def test_a_weigh_session_crosses_the_bus(engines):
    with Device(engines) as device:
        for kind in reversed(KINDS):  # the worst order
            device.publish(topic("s-engines", kind), fact(kind))
        device.flush()
    there = engines.url_of("cloud-weighvision-readmodel")

    def get(path):
        return ask(f"{there}{path}", headers={"Authorization": f"Bearer {engines.token}"})

    def arrived():
        status, answer = get(f"{SESSIONS}/s-engines?tenantId={farm_module.TENANT}")
        return status == 200 and answer.get("status") == "FINALIZED" and answer
    session = wait_for("the session at the cloud", 60, arrived, 0.2)
    assert [m["weightKg"] for m in session["measurements"]] == [120.5]

    def summed_up():
        return get("/api/v1/weighvision/weight-aggregates?start=2026-01-01&end=2026-01-01"
                   f"&tenantId={farm_module.TENANT}")[1]["items"]
    day, = wait_for("its day", 60, summed_up, 0.2)
    assert (day["p50"], day["sampleCount"]) == (120.5, 1)


def test_a_feeding_crosses_the_bus(engines):
    message = dispensed(12.5, device="feeder-engines")
    with Device(engines) as device:
        for _ in range(2):
            device.publish(feed_topic("feeder-engines"), message)
        device.flush()
    url = f"{engines.url_of('cloud-feed-service')}/api/v1/feed/intake-records"

    def arrived():
        status, page = ask(url, headers={"Authorization": f"Bearer {engines.token}"})
        return status == 200 and page["items"]
    fed = wait_for("the feeding at the cloud", 60, arrived, 0.2)
    assert [(row["eventId"], row["quantityKg"], row["deviceId"]) for row in fed] == [
        (message["event_id"], 12.5, "feeder-engines")]


def test_replicas_share_the_work(engines):
    taken = {}
    for name in INGESTIONS:
        with engines.open(f"{engines.url_of(name)}/metrics") as answer:
            taken[name] = sum(float(line.split()[-1]) for line in answer.read().decode().splitlines()
                              if line.startswith("farmiq_ingest_events_total"))
    assert all(count > 0 for count in taken.values()), taken


def test_the_page_of_a_process_of_its_own_answers(engines):
    url = f"{engines.url_of('dashboard-web')}/api/v1/telemetry/latest?tenantId={farm_module.TENANT}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {engines.token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert b"sensor-" in answer.read()
