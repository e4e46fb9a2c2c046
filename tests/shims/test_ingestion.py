# SPDX-License-Identifier: Apache-2.0
"""The cloud's door, as spec cloud 11 (checks 1 to 5, 17 and 23) knocks on it."""
import json
import time

import pytest

import farm as farm_module
from asking import BATCH, ask, batch_event, moment, new_id, signature
from farm import wait_for

SECRET, OTHER, TOKEN = "secret-of-edge-1", "secret-of-edge-2", "0123456789abcdef"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
HANDSHAKE = "/api/v1/edge/diagnostics/handshake"


class Cloud:
    def __init__(self, farm):
        self.farm, self.url, self.ca = farm, farm.cloud_url, farm.ca
        self.used = int(time.time() * 1000)

    def ask(self, path, body=None, headers=None):
        return ask(self.url + path, body, headers, self.ca)

    def next_ms(self):
        """No two signatures of a test alike."""
        self.used = max(self.used + 1, int(time.time() * 1000))
        return self.used

    def post(self, document, path=BATCH, secret=SECRET, **headers):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        signed = signature(secret, "POST", path, body, self.next_ms())
        return self.ask(path, body, {**signed, **headers})

    def send(self, *events, tenant="t1", **headers):
        status, answer = self.post({"tenant_id": tenant, "events": events}, **headers)
        assert status == 200, answer
        return answer

    def readings(self, query=""):
        status, rows = self.ask(f"/api/v1/telemetry/readings?{query}", headers=BEARER)
        assert status == 200, rows
        return rows


def open_cloud(tmp_path, build, **more):
    farm = farm_module.Farm(tmp_path / "farm", build)
    farm.start_cloud(**{"EDGE_KEYS": f"edge-1:{SECRET}:t1+t2,edge-2:{OTHER}:t3",
                        "API_TOKENS": f"{TOKEN}:t1", **more})
    return farm


@pytest.fixture
def cloud(tmp_path, build):
    farm = open_cloud(tmp_path, build)
    try:
        yield Cloud(farm)
    finally:
        farm.end()


def counts(answer):
    return answer["accepted"], answer["duplicated"], answer["rejected"]


def codes(answer):
    return {error["index"]: error["code"] for error in answer.get("errors", [])}


def test_a_batch_is_taken_once_on_either_path(cloud):
    events = [batch_event() for _ in range(3)]
    first = cloud.post({"tenant_id": "t1", "batchId": "B-1", "events": events})[1]
    assert counts(first) == (3, 0, 0) and first["batchId"] == "B-1"
    assert "errors" not in first
    again = cloud.post({"tenant_id": "t1", "events": events}, "/api/v1/ingestion/batch")[1]
    assert counts(again) == (0, 3, 0) and again["deduped"] == 3
    wait_for("the rows", 5, lambda: len(cloud.readings()) == 3)


def test_a_repeat_within_a_batch_and_the_full_results(cloud):
    twin = batch_event()
    answer = cloud.send(twin, twin, **{"x-farmiq-results": "full"})
    assert counts(answer) == (1, 1, 0)
    assert [result["status"] for result in answer["results"]] == ["accepted", "duplicated"]


def test_one_id_with_two_contents_is_a_conflict(cloud):
    event = batch_event()
    cloud.send(event)
    changed = dict(event, payload={"metric_type": "temperature", "metric_value": 99})
    answer = cloud.send(changed)
    assert counts(answer) == (0, 0, 1) and codes(answer) == {0: "CONFLICT"}
    resent = cloud.send(dict(event, trace_id="another trace"))
    assert counts(resent) == (0, 1, 0), "a trace id is not content"


def test_bad_events_are_named_and_good_ones_taken(cloud):
    answer = cloud.send(
        batch_event(event_id=...), batch_event(tenant="t2"), None, batch_event(),
        batch_event(occurred_at="yesterday"), batch_event(event_type="no.such"),
        batch_event(payload=5), batch_event(occurred_at=moment(3600)),
        batch_event(schema_version="2.0"), batch_event(farm_id=...),
        batch_event(device_id=..., station_id="s1"), batch_event(trace_id=...))
    assert codes(answer) == {
        0: "MISSING_EVENT_ID", 1: "TENANT_MISMATCH", 2: "INVALID_EVENT", 4: "INVALID_TIME",
        5: "UNKNOWN_EVENT_TYPE", 6: "INVALID_PAYLOAD", 7: "INVALID_TIME",
        8: "UNSUPPORTED_SCHEMA", 9: "MISSING_SCOPE"}
    assert counts(answer) == (3, 0, 9)
    assert not any(error["retryable"] for error in answer["errors"])
    wait_for("the good rows", 5, lambda: len(cloud.readings()) == 3)


@pytest.mark.parametrize("body, status", [
    (b"[]", 400), (b"{", 400), ({"events": []}, 400),
    ({"tenant_id": "t1", "events": {}}, 400), ({"tenant_id": "t1", "events": []}, 200),
    ({"tenant_id": "t1", "events": [None] * 1000}, 200),
    ({"tenant_id": "t1", "events": [None] * 1001}, 413)])
def test_bodies_that_are_no_batch(cloud, body, status):
    assert cloud.post(body)[0] == status


def test_a_header_that_names_another_tenant(cloud):
    status, answer = cloud.post({"tenant_id": "t1", "events": []}, **{"x-tenant-id": "t2"})
    assert status == 400 and answer["error"]["code"] == "VALIDATION_ERROR"


def test_a_secret_speaks_for_its_tenants_only(cloud):
    assert codes(cloud.send(batch_event("t3"), tenant="t3")) == {0: "TENANT_MISMATCH"}
    assert counts(cloud.send(batch_event("t2"), tenant="t2")) == (1, 0, 0)
    assert counts(cloud.send(batch_event("t3"), tenant="t3", secret=OTHER)) == (1, 0, 0)
    assert cloud.readings() == [], "the token is for t1"
    status, _ = cloud.ask("/api/v1/telemetry/readings?tenantId=t2", headers=BEARER)
    assert status == 403


def test_signatures(cloud):
    body = json.dumps({"tenant_id": "t1", "events": []}).encode()

    def code(headers):
        status, answer = cloud.ask(BATCH, body, headers)
        return answer["error"]["code"] if status != 200 else 200

    now = cloud.next_ms()
    good = signature(SECRET, "POST", BATCH, body, now, prefix="")
    assert code(good) == 200
    assert code(good) == "HMAC_REPLAY_DETECTED"
    prefixed = dict(good, **{"x-edge-signature": "sha256=" + good["x-edge-signature"]})
    assert code(prefixed) == "HMAC_REPLAY_DETECTED"
    assert code({}) == "HMAC_TIMESTAMP_MISSING"
    assert code({"x-edge-timestamp": "1"}) == "HMAC_SIGNATURE_MISSING"
    assert code({**good, "x-edge-timestamp": "1x"}) == "HMAC_TIMESTAMP_INVALID"
    assert code(signature("wrong", "POST", BATCH, body)) == "HMAC_SIGNATURE_INVALID"
    assert code(signature(SECRET, "POST", "/other", body)) == "HMAC_SIGNATURE_INVALID"
    mine = signature(SECRET, "POST", BATCH, body, cloud.next_ms())
    assert code({**mine, "x-edge-id": "edge-2"}) == "HMAC_SIGNATURE_INVALID"
    assert code({**mine, "x-edge-id": "edge-1"}) == 200


def test_the_clock_of_a_signature(cloud):
    body = b'{"tenant_id":"t1","events":[]}'
    late = signature(SECRET, "POST", BATCH, body, int(time.time() * 1000) - 301_000)
    status, answer = cloud.ask(BATCH, body, late)
    assert status == 401 and answer["error"]["code"] == "HMAC_TIMESTAMP_OUT_OF_WINDOW"
    assert answer["error"]["skewMs"] >= 301_000 and answer["error"]["maxSkewMs"] == 300_000
    near = signature(SECRET, "POST", BATCH, body, int(time.time() * 1000) + 290_000)
    assert cloud.ask(BATCH, body, near)[0] == 200


def test_a_signed_get(cloud):
    signed = signature(SECRET, "GET", HANDSHAKE)
    status, answer = cloud.ask(HANDSHAKE + "?a=1", headers=signed)
    assert status == 200 and answer["ok"] is True and answer["auth_mode"] == "hmac"
    assert cloud.ask(HANDSHAKE)[0] == 401


def test_the_dedupe_listing_keeps_to_the_credential(cloud):
    cloud.send(batch_event(), batch_event())
    path = "/api/v1/edge/diagnostics/dedupe"
    signed = signature(SECRET, "GET", path)
    status, answer = cloud.ask(path + "?tenant_id=t1&limit=1", headers=signed)
    assert status == 200 and answer["count"] == 2 and len(answer["entries"]) == 1
    assert cloud.ask(path + "?tenant_id=t3", headers=signed)[0] == 403
    assert cloud.ask(path, headers=signed)[0] == 400


def test_a_poison_reading_ends_in_the_dead_letters_with_its_reason(cloud):
    bad = batch_event(payload={"metric_type": "temperature", "metric_value": "warm"})
    assert counts(cloud.send(bad, batch_event())) == (2, 0, 0)
    wait_for("the good one", 5, lambda: len(cloud.readings()) == 1)
    dead = cloud.farm.query("cloud", "SELECT event_id, last_error_message FROM "
                                     "bus_telemetry_error JOIN bus_telemetry_event USING (seq)")
    assert dead == [(bad["event_id"], "INVALID_VALUE")]


def test_what_waits_knows_the_request_that_brought_it(tmp_path, build):
    """cloud 1.9 on the local bus: request, edge and time stand once for a request's events,
    in the order of their numbers, also where those begin again; they go when the last of
    the events does."""
    farm = open_cloud(tmp_path, build, INGEST_CLEANUP_INTERVAL_MS="200")
    lots = [batch_event(event_type="feed.lot.received", payload={}) for _ in range(5)]
    try:
        cloud = Cloud(farm)
        cloud.send(*lots[:2], **{"x-request-id": "request-1"})
        cloud.send(*lots[1:], **{"x-request-id": "request-2"})
        for i in range(10):
            cloud.send(batch_event(), **{"x-request-id": f"reading-{i}"})
        origins = "SELECT queue, request_id, edge_id, last_seq - first_seq + 1 FROM bus_origin"
        wait_for("what was delivered to be forgotten", 60, lambda: sorted(
            farm.query("cloud", origins)) == [("bus_unrouted", "request-1", "edge-1", 2),
                                              ("bus_unrouted", "request-2", "edge-1", 3)])
        whose = dict(farm.query("cloud", """
            SELECT event_id, request_id FROM bus_unrouted_event JOIN bus_origin
                ON queue = 'bus_unrouted' AND seq BETWEEN first_seq AND last_seq"""))
        assert [whose[lot["event_id"]] for lot in lots] == ["request-1"] * 2 + ["request-2"] * 3
    finally:
        farm.end()


def test_a_dead_letter_is_told_of_with_the_request_that_brought_it(cloud):
    """cloud 10: x-request-id crosses every hop, up to the consumer's log."""
    bad = batch_event(payload={"metric_type": "temperature", "metric_value": "warm"})
    cloud.send(batch_event(), **{"x-request-id": "request-1"})
    cloud.send(batch_event(), bad, **{"x-request-id": "request-2"})

    def told():
        lines = map(json.loads, (cloud.farm.home / "cloud.log").read_text().splitlines())
        return [line for line in lines if line["event"] == "bus.refused"]
    line, = wait_for("the line", 60, told)
    assert (line["requestId"], line["traceId"]) == ("request-2", bad["trace_id"])
    assert "edge-1" in line["message"] and "INVALID_VALUE" in line["message"]


def test_a_seed_reading_is_stored_under_its_own_names(cloud):
    event = batch_event(event_type="telemetry.reading", occurred_at=..., ts=moment(),
                        payload={"metric": "humidity", "value": 61.25, "unit": "%"})
    cloud.send(event)
    row = wait_for("the row", 5, lambda: cloud.readings("metric=humidity"))[0]
    assert (row["value"], row["unit"], row["eventId"]) == (61.25, "%", event["event_id"])


def test_paging_neither_skips_nor_repeats(cloud):
    cloud.send(*[batch_event(occurred_at=moment(-i // 3)) for i in range(20)])
    wait_for("the rows", 5, lambda: len(cloud.readings()) == 20)
    seen, cursor = [], ""
    while True:
        page = cloud.readings(f"envelope=1&limit=7{cursor}")
        seen += [row["eventId"] for row in page["data"]["readings"]]
        if not page["meta"]["hasNext"]:
            break
        cloud.send(batch_event(occurred_at=moment()))  # newcomers shift nothing
        cursor = f"&cursor={page['meta']['nextCursor']}"
    assert len(seen) == len(set(seen)) == 20


def test_aggregates_equal_what_the_readings_say(cloud):
    values = [1.0, 2.5, 4.0, -3.5]
    cloud.send(*[batch_event(payload={"metric_type": "m", "metric_value": v})
                 for v in values])
    wait_for("the rows", 5, lambda: len(cloud.readings()) == 4)
    span = f"from={moment(-90000)}&to={moment(60)}"
    for bucket in ("1m", "5m", "15m", "1h", "1d"):
        status, rows = cloud.ask(f"/api/v1/telemetry/aggregates?{span}&bucket={bucket}",
                                 headers=BEARER)
        assert status == 200
        assert sum(row["count"] for row in rows) == 4
        assert sum(row["avgValue"] * row["count"] for row in rows) == pytest.approx(4.0)
        assert min(row["minValue"] for row in rows) == -3.5
        assert max(row["maxValue"] for row in rows) == 4.0


@pytest.mark.parametrize("query", [
    "limit=0", "limit=10001", "limit=x", "from=yesterday", "cursor=1",
    "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"])
def test_questions_that_make_no_sense(cloud, query):
    assert cloud.ask(f"/api/v1/telemetry/readings?{query}", headers=BEARER)[0] == 400


def test_the_overview_knows_the_edges(cloud):
    cloud.send(batch_event(), **{"x-farmiq-backlog": "17",
                                 "x-farmiq-oldest-pending-age-seconds": "42"})
    status, answer = cloud.ask("/api/v1/edge/overview", headers=BEARER)
    edge = answer["edges"][0]
    assert status == 200 and answer["count"] == 1
    assert (edge["edge_id"], edge["backlog"], edge["oldest_pending_age_seconds"],
            edge["events_accepted"]) == ("edge-1", 17, 42, 1)
    assert edge["last_sync_age_seconds"] < 10


def test_the_reference_texts_and_api_keys(tmp_path, build):
    farm = open_cloud(tmp_path, build, CLOUD_AUTH_MODE="api_key", STRICT_ENVELOPE="true")
    try:
        missing = ["event_id", "event_type", "tenant_id", "farm_id", "barn_id",
                   "device_id", "occurred_at", "trace_id", "payload"]
        body = {"tenant_id": "t1", "events": [batch_event(**{name: ...})
                                              for name in missing]}
        url = farm.cloud_url + BATCH
        status, answer = ask(url, body, {"x-api-key": SECRET}, farm.ca)
        texts = [error["error"] for error in answer["errors"]]
        wanted = [f"Missing {name}" for name in missing]
        wanted[5] = "Missing device_id or station_id"
        assert status == 200 and texts == wanted
        assert ask(url, body, {"x-api-key": SECRET + "x"}, farm.ca)[0] == 401
        assert ask(url, body, {}, farm.ca)[0] == 401
    finally:
        farm.end()


@pytest.mark.parametrize("settings", [
    {"CLOUD_AUTH_MODE": "none"}, {"EDGE_KEYS": ""}, {"EDGE_KEYS": "edge-1:secret"},
    {"CLOUD_AUTH_MODE": "bogus"}, {"CLOUD_HMAC_SECRET": "bound-to-nobody"}])
def test_it_does_not_start_open(tmp_path, build, settings):
    with pytest.raises(RuntimeError, match="ended at start"):
        open_cloud(tmp_path, build, **settings)
