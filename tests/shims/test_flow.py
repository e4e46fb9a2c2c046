# SPDX-License-Identifier: Apache-2.0
"""The telemetry flow of seed 002, section 2, walked step by step with the seed's own
example message; each step is looked at from its own door."""
import json
import re

import pytest

import farm as farm_module
from asking import BATCH, ask, signature
from conftest import ROOT
from farm import wait_for
from support import Device, metric

# Seed 002, 2.5, to the letter.
EXAMPLE = {
    "schema_version": "1.0",
    "event_id": "018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0001",
    "trace_id": "trace-id-123",
    "event_type": "telemetry.reading",
    "tenant_id": "018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0002",
    "device_id": "device-sensor-001",
    "ts": "2025-01-01T10:00:00Z",
    "payload": {"metric": "temperature", "value": 26.4, "unit": "C"},
}
TENANT, DEVICE, EVENT = (EXAMPLE[key] for key in ("tenant_id", "device_id", "event_id"))
TOPIC = f"iot/telemetry/{TENANT}/farm-1/barn-1/{DEVICE}/temperature"  # seed 002, 2.4


@pytest.fixture
def site(tmp_path, build):
    """Broker and edge run; the cloud is not there yet."""
    made = farm_module.Farm(tmp_path / "farm", build)
    try:
        made.start_broker()
        made.start_edge(EDGE_ID="edge-1")
        yield made
    finally:
        made.end()


def start_cloud(site):
    site.start_cloud(EDGE_KEYS=f"edge-1:{site.secret}:{TENANT}",
                     API_TOKENS=f"{site.token}:{TENANT}")


def counters(site):
    return site.get(f"{site.edge_url}/api/v1/ingress/stats")["counters"]


def outbox(site):
    return site.query("edge", "SELECT id, status, event_type, tenant_id, farm_id, barn_id, "
                              "device_id, trace_id, payload_json FROM sync_outbox")


def readings(site, url, **query):
    text = "&".join(f"{key}={value}" for key, value in query.items())
    return site.get(f"{url}/api/v1/telemetry/readings?{text}")


def steps_1_and_2_the_broker_forwards(site, device):
    device.publish(TOPIC, EXAMPLE)
    wait_for("the gateway's receipt", 10,
             lambda: counters(site)["messages_received_total"] == 1)


def step_3_the_gateway_validates_dedupes_and_routes(site):
    seen = counters(site)
    assert seen["messages_valid_total"] == 1 and seen["messages_invalid_total"] == 0
    assert seen["routed_edge_telemetry_timeseries_success_total"] == 1
    assert site.query("edge", "SELECT tenant_id, event_id FROM ingress_dedupe") == [
        (TENANT, EVENT)]


def step_4_the_reading_is_stored_and_in_the_outbox(site):
    assert site.query("edge", "SELECT tenant_id, device_id, metric_type, metric_value, unit "
                              "FROM telemetry_raw") == [
        (TENANT, DEVICE, "temperature", 26.4, "C")]
    [row] = outbox(site)
    assert row[:2] == (EVENT, "pending")
    assert row[2:8] == ("telemetry.ingested", TENANT, "farm-1", "barn-1", DEVICE,
                        "trace-id-123")
    payload = json.loads(row[8])  # spec edge 6.1
    assert payload["metric_type"] == "temperature" and payload["metric_value"] == 26.4
    assert payload["occurred_at"] == "2025-01-01T10:00:00.000Z" and payload["unit"] == "C"


def steps_5_and_6_the_forwarder_brings_it(site):
    wait_for("the cloud's acknowledgement", 20,
             lambda: site.get(f"{site.edge_url}/api/v1/sync/state")["acked_count"] == 1)
    assert [row[1] for row in outbox(site)] == ["acked"]


def step_7_the_ingestion_dedupes_and_publishes(site):
    path = "/api/v1/edge/diagnostics/dedupe"
    status, answer = ask(f"{site.cloud_url}{path}?tenant_id={TENANT}",
                         headers=signature(site.secret, "GET", path), ca=site.ca)
    assert status == 200 and [entry["event_id"] for entry in answer["entries"]] == [EVENT]
    assert site.query("cloud", "SELECT tenant_id, event_id FROM ingestion_dedupe") == [
        (TENANT, EVENT)]
    assert metric(site, site.cloud_url, "farmiq_ingest_events_total", outcome="accepted") == 1


def step_8_the_cloud_stores_it_and_answers_for_it(site):
    [row] = wait_for("the reading", 10, lambda: readings(site, site.cloud_url, deviceId=DEVICE))
    assert (row["eventId"], row["value"], row["unit"]) == (EVENT, 26.4, "C")
    assert row["occurredAt"] == "2025-01-01T10:00:00.000Z"
    assert (row["farmId"], row["barnId"], row["metric"]) == ("farm-1", "barn-1",
                                                               "temperature")


def nothing_happens_twice(site, device):
    """Seed 002, 2.3: at the edge's ingress, and at the cloud's."""
    device.publish(TOPIC, EXAMPLE)
    wait_for("the repeat", 10, lambda: counters(site)["messages_deduped_total"] == 1)
    again = {"event_id": EVENT, "event_type": "telemetry.ingested", "tenant_id": TENANT,
             "farm_id": "farm-1", "barn_id": "barn-1", "device_id": DEVICE,
             "occurred_at": EXAMPLE["ts"], "trace_id": "trace-id-123",
             "schema_version": "1.0", "payload": "as the edge wrote it"}
    body = json.dumps({"tenant_id": TENANT, "events": [again]}).replace(
        '"as the edge wrote it"', outbox(site)[0][8]).encode()
    status, answer = ask(site.cloud_url + BATCH, body,
                         signature(site.secret, "POST", BATCH, body), site.ca)
    assert status == 200 and (answer["accepted"], answer["duplicated"]) == (0, 1), answer
    assert site.count("edge") == site.count("cloud") == len(outbox(site)) == 1


def test_the_telemetry_flow(site):
    with Device(site) as device:
        steps_1_and_2_the_broker_forwards(site, device)
        step_3_the_gateway_validates_dedupes_and_routes(site)
        step_4_the_reading_is_stored_and_in_the_outbox(site)
        start_cloud(site)
        steps_5_and_6_the_forwarder_brings_it(site)
        step_7_the_ingestion_dedupes_and_publishes(site)
        step_8_the_cloud_stores_it_and_answers_for_it(site)
        nothing_happens_twice(site, device)


def test_what_the_agent_publishes_has_the_seed_s_form(site):
    """Step 1 as iot-sensor-agent takes it: the topic of 2.4, the members of 2.5."""
    heard = []
    with Device(site) as listener:
        listener.client.on_message = lambda _c, _u, message: heard.append(message)
        listener.client.subscribe("iot/telemetry/#", 1)
        site.start_agent(0, DEVICE_ID=DEVICE, COUNT=5, RATE=100)
        wait_for("five messages", 15, lambda: len(heard) >= 5)
    for message in heard[:5]:
        said = json.loads(message.payload)
        assert set(EXAMPLE) <= set(said) and said["event_type"] == EXAMPLE["event_type"]
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                            r"[0-9a-f]{12}", said["event_id"]), "a UUID of version 7"
        assert set(said["payload"]) == set(EXAMPLE["payload"])
        kind, place, device, leaf = re.fullmatch(
            r"(iot/telemetry)/([^/]+/[^/]+/[^/]+)/([^/]+)/([^/]+)", message.topic).groups()
        assert (said["tenant_id"], said["device_id"], said["payload"]["metric"]) == (
            place.split("/")[0], device, leaf) and kind == "iot/telemetry"
        assert message.qos == 1 and not message.retain
    assert site.processes["agent-0"].running.wait(10) == 0


def test_the_readme_s_example_is_the_seed_s():
    """docs/spec/envelope.md changes one member of the same message at a time."""
    text = (ROOT / "docs/spec/envelope.md").read_text()
    written = json.loads(re.search(r"```json\n(.*?)```", text, re.S).group(1))
    assert {**written, "tenant_id": TENANT} == EXAMPLE
