# SPDX-License-Identifier: Apache-2.0
"""The same broker and gateway, by a device that is written in JavaScript (mqtt.js)."""
import json
import pathlib
import subprocess

import pytest

import node
from wire import envelope, fresh, wait_for

SCRIPT = pathlib.Path(__file__).resolve().parent / "device.mjs"


@pytest.fixture
def run(mqtt):
    """Let a device do its task; what it heard."""
    modules = node.modules()

    def run_one(publish, subscribe=None, wait_ms=0, vanish=False, **options):
        if mqtt.username:
            options.update(username=mqtt.username, password=mqtt.password)
        task = {"url": f"mqtt://{mqtt.host}:{mqtt.port}", "subscribe": subscribe,
                "options": {"clientId": fresh("js"), **options}, "publish": publish,
                "wait_ms": wait_ms, "vanish": vanish}
        done = subprocess.run(["node", str(SCRIPT), str(modules)], input=json.dumps(task),
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]
    return run_one


def place_of(place, kind, *levels):
    return "/".join(("iot", kind, place.tenant, place.farm, place.barn) + levels)


@pytest.mark.parametrize("version", [4, 5])
def test_readings_by_another_client(run, place, edge_telemetry, target, version):
    """edge 2.1, 2.4: MQTT 3.1.1 and 5, QoS 0, 1 and 2: every reading is stored."""
    metric = fresh("m")
    topic = place_of(place, "telemetry", place.device, metric)
    run([[topic, json.dumps(envelope(place, metric, value)), {"qos": value}]
         for value in (0, 1, 2)], protocolVersion=version)

    def stored():
        rows = edge_telemetry.good("/api/v1/telemetry/readings", tenant_id=place.tenant,
                                   device_id=place.device, limit=1000)["readings"]
        return {row["metric_value"] for row in rows if row["metric_type"] == metric}
    wait_for("three readings", target.patience, lambda: stored() == {0, 1, 2})


def test_an_acknowledgement_by_another_client(run, place, mqtt):
    """edge 2.4 and docs/decisions/0004: the acknowledgement's topic, quality and shape."""
    if not mqtt.acknowledges:
        pytest.skip("skipped: [mqtt] acknowledges not given")
    good, bad = envelope(place), envelope(place, payload={"value": "warm"})
    topic = place_of(place, "telemetry", place.device, "temperature")
    heard = run([[topic, json.dumps(one), {"qos": 1}] for one in (good, bad)],
                subscribe=place_of(place, "ack", place.device), wait_ms=3000)
    told = [json.loads(message["body"]) for message in heard]
    assert {message["qos"] for message in heard} == {1}
    assert not any(message["retain"] for message in heard)
    assert good["event_id"] in [one for answer in told for one in answer["acked"]]
    assert {"event_id": bad["event_id"], "error": "INVALID_PAYLOAD"} in [
        one for answer in told for one in answer["refused"]]
    assert all(set(answer) == {"acked", "refused"} for answer in told)


def test_a_last_will(run, place, gateway, target):
    """edge 2.4, 2.13: a device that vanishes leaves its last will on the status topic, which
    the gateway takes like any status."""
    def seen():
        return gateway.good("/api/v1/ingress/stats")["counters"][
            "routed_device_last_seen_total"]
    before = seen()
    will = envelope(place, event_type="device.status", payload={"status": "offline"})
    run([], vanish=True, will={"topic": place_of(place, "status", place.device), "qos": 1,
                               "payload": json.dumps(will), "retain": True})
    wait_for("the last will", target.patience, lambda: seen() == before + 1)
    run([[place_of(place, "status", place.device), "", {"retain": True, "qos": 1}]])
