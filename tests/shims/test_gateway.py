# SPDX-License-Identifier: Apache-2.0
"""What becomes of each kind of message (spec edge 2.7 to 2.12), told by the application
acknowledgement, the counters and the tables."""
import json
import subprocess

import pytest

import farm as farm_module
from asking import ask, moment, new_id
from farm import BARN, FARM, TENANT, wait_for

PLACE = f"{TENANT}/{FARM}/{BARN}"
TELEMETRY = f"iot/telemetry/{PLACE}/d1/temperature"


def envelope(**changes):
    message = {"schema_version": "1.0", "event_id": new_id(), "trace_id": "trace-1",
               "tenant_id": TENANT, "device_id": "d1", "event_type": "telemetry.reading",
               "ts": moment(), "payload": {"metric": "temperature", "value": 21.5}}
    message.update(changes)
    return {key: value for key, value in message.items() if value is not ...}


class Gateway:
    def __init__(self, farm):
        self.farm, self.acks = farm, farm.home / "acks"
        with open(self.acks, "wb") as out:
            self.listener = subprocess.Popen(
                ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(farm.ports["mqtt"]), "-q",
                 "1", "-t", "iot/ack/#", "-F", "%t %p"], stdout=out)
        self.publish_until_heard()

    def publish_until_heard(self):
        """A subscription stands when its first message has come."""
        def heard():
            self.publish("iot/ack/t/f/b/nobody", {"acked": ["ready"], "refused": []})
            return "ready" in self.acks.read_text()
        wait_for("the listener", 10, heard, every=0.2)

    def publish(self, topic, message, *more):
        text = message if isinstance(message, str) else json.dumps(message)
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p",
                        str(self.farm.ports["mqtt"]), "-q", "1", "-t", topic, "-s", *more],
                       input=text.encode(), check=True)

    def answers(self, device="d1"):
        """Everything the device was told so far: ids acknowledged, ids refused."""
        acked, refused = [], {}
        for line in self.acks.read_text().split("\n")[:-1]:
            topic, text = line.split(" ", 1)
            if topic == f"iot/ack/{PLACE}/{device}":
                answer = json.loads(text)
                acked += answer["acked"]
                refused.update({r["event_id"]: r["error"] for r in answer["refused"]})
        return acked, refused

    def fate(self, topic, message, device="d1"):
        """"acked" or the code of the refusal."""
        event_id = message["event_id"]
        self.publish(topic, message)

        def told():
            acked, refused = self.answers(device)
            return refused.get(event_id) or ("acked" if event_id in acked else None)
        return wait_for(f"an answer about {event_id}", 10, told)

    def counters(self):
        return ask(self.farm.edge_url + "/api/v1/ingress/stats")[1]["counters"]


def open_gateway(tmp_path, build, **more):
    farm = farm_module.Farm(tmp_path / "farm", build)
    farm.start_broker()
    farm.start_edge(CLOUD_INGESTION_URL="", **more)
    return farm


@pytest.fixture
def gateway(tmp_path, build):
    farm = open_gateway(tmp_path, build)
    made = Gateway(farm)
    try:
        yield made
    finally:
        made.listener.terminate()
        made.listener.wait()
        farm.end()


@pytest.mark.parametrize("changes, fate", [
    ({}, "acked"), ({"trace_id": ...}, "acked"), ({"content_hash": None}, "acked"),
    ({"event_id": "not a UUID"}, "acked"),
    ({"ts": ..., "occurred_at": moment()}, "acked"),
    ({"schema_version": "2.0"}, "INVALID_ENVELOPE"), ({"ts": "noon"}, "INVALID_ENVELOPE"),
    ({"payload": ...}, "INVALID_ENVELOPE"), ({"retry_count": -1}, "INVALID_ENVELOPE"),
    ({"tenant_id": "other"}, "TENANT_MISMATCH"), ({"device_id": "d2"}, "TOPIC_MISMATCH"),
    ({"event_type": "sensor.heartbeat"}, "TOPIC_MISMATCH"),
    ({"payload": {"value": "warm"}}, "INVALID_PAYLOAD"),
    ({"payload": {"value": 1e300}}, "INVALID_PAYLOAD"),
    ({"payload": {"value": 1, "metric": "humidity"}}, "INVALID_PAYLOAD")])
def test_the_fate_of_a_reading(gateway, changes, fate):
    message = envelope(**changes)
    assert gateway.fate(TELEMETRY, message) == fate
    assert gateway.farm.count("edge") == (fate == "acked")
    assert gateway.counters()["messages_valid_total"] == (fate == "acked")
    assert gateway.counters()["messages_invalid_total"] == (fate != "acked")


def test_a_refused_id_may_come_back_corrected(gateway):
    bad = envelope(payload={"value": "warm"})
    assert gateway.fate(TELEMETRY, bad) == "INVALID_PAYLOAD"
    gateway.publish(TELEMETRY, dict(bad, payload={"value": 21.5}))
    wait_for("the corrected reading", 10, lambda: gateway.farm.count("edge") == 1)


def test_a_repeat_is_acknowledged_and_stored_once(gateway):
    message = envelope()
    assert gateway.fate(TELEMETRY, message) == "acked"
    gateway.publish(TELEMETRY, dict(message, retry_count=1, trace_id="again"))
    wait_for("the second answer", 10,
             lambda: gateway.answers()[0].count(message["event_id"]) == 2)
    assert gateway.farm.count("edge") == 1
    assert gateway.counters()["messages_deduped_total"] == 1


def test_one_id_with_two_contents_is_refused(gateway):
    message = envelope()
    assert gateway.fate(TELEMETRY, message) == "acked"
    gateway.publish(TELEMETRY, dict(message, payload={"value": 99}))
    wait_for("the refusal", 10,
             lambda: gateway.answers()[1].get(message["event_id"]) == "CONFLICT")
    assert gateway.farm.query("edge", "SELECT metric_value FROM telemetry_raw") == [(21.5,)]


def test_what_is_no_message_is_counted_and_forgotten(gateway):
    gateway.publish(TELEMETRY, "not json")
    gateway.publish(f"iot/telemetry/{PLACE}/d 1/temperature", envelope())
    gateway.publish(TELEMETRY, "x" * 300_000)
    wait_for("the counter", 10, lambda: gateway.counters()["messages_invalid_total"] == 3)
    assert gateway.fate(TELEMETRY, envelope()) == "acked", "and it goes on"
    log = (gateway.farm.home / "edge.log").read_text()
    assert "not json" not in log and "xxx" not in log, "never the payload"


def test_other_topics(gateway):
    beat = envelope(event_type="sensor.heartbeat", payload={})
    assert gateway.fate(f"iot/event/{PLACE}/d1/sensor.heartbeat", beat) == "acked"
    created = envelope(event_type="weighvision.session.created", payload={})
    path = f"iot/weighvision/{PLACE}/st1/session/s1/created"
    assert gateway.fate(path, created, device="st1") == "acked"
    assert gateway.counters()["routed_edge_weighvision_session_success_total"] == 1
    fed = envelope(event_type="feed.dispensed", payload={"quantity_kg": 12.5})
    assert gateway.fate(f"iot/event/{PLACE}/d1/feed.dispensed", fed) == "acked"
    assert gateway.counters()["routed_edge_feed_intake_success_total"] == 1

def test_last_seen_never_goes_back_and_a_farewell_is_not_a_sighting(gateway):
    def seen():
        return gateway.farm.query("edge", "SELECT last_seen_at, is_online "
                                          "FROM device_last_seen")[0]

    def say(seconds, **payload):
        message = envelope(event_type="device.status", ts=moment(seconds), payload=payload)
        assert gateway.fate(f"iot/status/{PLACE}/d1", message) == "acked"
        return seen()

    first = say(-60, status="online")
    assert say(-120, status="online") == first
    assert say(-1, status="offline") == (first[0], 0)
    later = say(0, health={"scale_ok": True, "disk_ok": False})
    assert later[0] > first[0] and later[1] == 1
    assert say(0, health={"scale_ok": False, "disk_ok": False})[1] == 0
    assert say(86400, status="online")[0] < later[0] + 60_000, "its clock runs ahead"


def test_only_listed_devices_in_their_place_may_speak(tmp_path, build):
    import sqlite3
    farm = open_gateway(tmp_path, build, ALLOWLIST_MODE="enforce")
    made = Gateway(farm)
    try:
        with sqlite3.connect(farm.home / "edge.db", timeout=10) as database:
            database.executemany(
                "INSERT INTO device_allowlist (tenant_id, device_id, farm_id, enabled) "
                "VALUES (?, ?, ?, ?)",
                [(TENANT, "d1", None, 1), (TENANT, "d2", "elsewhere", 1),
                 (TENANT, "d3", FARM, 0)])
        for device, fate in (("d1", "acked"), ("d2", "NOT_ALLOWED"),
                             ("d3", "NOT_ALLOWED"), ("d4", "NOT_ALLOWED")):
            topic = f"iot/telemetry/{PLACE}/{device}/temperature"
            assert made.fate(topic, envelope(device_id=device), device) == fate
    finally:
        made.listener.terminate()
        made.listener.wait()
        farm.end()


def test_images_go_elsewhere(gateway):
    farm = gateway.farm
    farm.start_service("edge-ingress-gateway", **farm.gateway_env(),
                       DATABASE_URL=f"sqlite:{farm.home}/alone.db", MQTT_CLIENT_ID="alone")
    for path in ("/api/v1/media/images", "/api/v1/media/images/presign"):
        status, answer = ask(farm.url_of("edge-ingress-gateway") + path, {})
        assert status == 410 and answer["error"]["code"] == "GONE"
