# SPDX-License-Identifier: Apache-2.0
"""The edge's way to a cloud that behaves badly (spec edge 6.4 to 6.6, 13-C)."""
import http.server
import json
import threading

import pytest

import farm as farm_module
from asking import ask, new_id, reading
from farm import wait_for


class BadCloud:
    """Answers each batch as `judge(events)` says: status, body, headers."""

    def __init__(self):
        cloud = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                cloud.batches.append((body, self.headers))
                status, answer, headers = cloud.judge(body["events"])
                text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"content-length": len(text), **headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.batches, self.judge = [], self.accept
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def accept(events):
        return 200, {"accepted": len(events), "duplicated": 0, "rejected": 0}, {}


class Edge:
    def __init__(self, farm, cloud):
        self.farm, self.cloud = farm, cloud

    def ask(self, path, body=None):
        status, answer = ask(self.farm.edge_url + path, body)
        assert status == 200, answer
        return answer

    def store(self, *events):
        return self.ask("/api/v1/telemetry/readings", {"events": events})

    def state(self):
        return self.ask("/api/v1/sync/state")

    def wait_until(self, seconds=20, **wanted):
        def fits():
            state = self.state()
            return all(state[name] == value for name, value in wanted.items())
        wait_for(f"the state {wanted}", seconds, fits)

    def wait_until_acked(self, count):
        self.wait_until(acked_count=count, pending_count=0, claimed_count=0)


@pytest.fixture
def edge(tmp_path, build):
    farm, cloud = farm_module.Farm(tmp_path / "farm", build), BadCloud()
    port = cloud.server.server_port
    try:
        farm.start_broker()
        farm.start_edge(CLOUD_INGESTION_URL=f"http://127.0.0.1:{port}/api/v1/edge/batch",
                        CLOUD_AUTH_MODE="api_key", CLOUD_API_KEY="key-1",
                        SYNC_INTERVAL_MS="100", OUTBOX_BATCH_SIZE="50",
                        SYNC_BATCH_MAX_BYTES="16k")
        yield Edge(farm, cloud)
    finally:
        farm.end()
        cloud.server.shutdown()


def test_batches_are_bounded_named_and_of_one_tenant(edge):
    edge.store(*[reading("t1") for _ in range(100)], *[reading("t2") for _ in range(20)])
    edge.wait_until_acked(120)
    for body, headers in edge.cloud.batches:
        assert {event["tenant_id"] for event in body["events"]} == {body["tenant_id"]}
        assert int(headers["content-length"]) <= 16384 and len(body["events"]) <= 50
        assert headers["x-tenant-id"] == body["tenant_id"]
        assert headers["x-api-key"] == "key-1" and headers["x-edge-id"] == "edge-demo"
        assert headers["x-request-id"] and headers["x-trace-id"]
        assert int(headers["x-farmiq-backlog"]) >= 0
    keys = [headers["x-idempotency-key"] for _, headers in edge.cloud.batches]
    assert len(set(keys)) == len(keys) >= 4


def test_more_headers_for_a_proxy(tmp_path, build):
    farm, cloud = farm_module.Farm(tmp_path / "farm", build), BadCloud()
    url = f"http://127.0.0.1:{cloud.server.server_port}/api/v1/edge/batch"
    settings = {"CLOUD_INGESTION_URL": url, "FARMIQ_INSECURE_DEV": "true",
                "CLOUD_AUTH_MODE": "none", "CLOUD_INGESTION_AUTHORIZATION": "Bearer b"}
    try:
        farm.start_broker()
        farm.start_edge(**settings, CLOUD_INGESTION_HEADERS_JSON='{"x-a": "1", "x-b":"c:d"}')
        Edge(farm, cloud).store(reading())
        wait_for("the batch", 10, lambda: cloud.batches)
        headers = cloud.batches[0][1]
        assert (headers["x-a"], headers["x-b"]) == ("1", "c:d")
        assert headers["authorization"] == "Bearer b"
        farm.processes["edge"].end()
        for broken in ("{", '{"x": 1}', '["x"]', '{"x": "\\u0041"}'):
            with pytest.raises(RuntimeError, match="ended at start"):
                farm.start_edge(**settings, CLOUD_INGESTION_HEADERS_JSON=broken)
    finally:
        farm.end()
        cloud.server.shutdown()


def test_an_outage_costs_no_attempts_and_honours_retry_after(edge):
    edge.cloud.judge = lambda events: (503, {}, {"Retry-After": "3"})
    edge.store(*[reading() for _ in range(10)])
    edge.wait_until(consecutive_failures=1)
    state = edge.state()
    assert state["pending_count"] == 10 and state["paused_until"]
    entries = edge.ask("/api/v1/sync/outbox")["entries"]
    assert {entry["attempt_count"] for entry in entries} == {0}
    tried = len(edge.cloud.batches)
    edge.cloud.judge = BadCloud.accept
    edge.wait_until_acked(10)
    assert tried == 1, "it was to stay away for three seconds"
    assert edge.state()["consecutive_failures"] == 0


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_batch_is_halved_until_the_culprit_stands_alone(edge, status):
    poison = {new_id(), new_id()}

    def judge(events):
        is_bad = any(event["event_id"] in poison for event in events)
        return (status, {}, {}) if is_bad else BadCloud.accept(events)

    edge.cloud.judge = judge
    edge.store(*[reading() for _ in range(20)], *[reading(event_id=id) for id in poison])
    edge.wait_until(acked_count=20, dlq_count=2, pending_count=0, claimed_count=0)
    entries = edge.ask("/api/v1/sync/dlq")["entries"]
    assert {entry["id"] for entry in entries} == poison
    assert {entry["last_error_message"] for entry in entries} == {
        f"the request was answered {status}"}


@pytest.mark.parametrize("answer", [
    b"<html>", b"", {"status": "ok"}, {"accepted": 0, "duplicated": 0, "rejected": 0},
    {"accepted": 0, "duplicated": 0, "rejected": 1,
     "errors": [{"event_id": "nobody", "error": "who?"}]}])
def test_a_200_that_does_not_fit_is_no_acknowledgement(edge, answer):
    edge.cloud.judge = lambda events: (200, answer, {})
    edge.store(reading())
    edge.wait_until(consecutive_failures=1)
    assert edge.state()["pending_count"] == 1 and edge.state()["acked_count"] == 0
    edge.cloud.judge = BadCloud.accept
    edge.wait_until_acked(1)


def test_each_event_gets_its_own_fate(edge):
    def judge(events):
        errors = [{"event_id": events[0]["event_id"], "index": 0, "error": "never",
                   "code": "X", "retryable": False},
                  {"event_id": events[1]["event_id"], "index": 1, "error": "later",
                   "code": "Y", "retryable": True}]
        edge.cloud.judge = BadCloud.accept
        return 200, {"accepted": 1, "duplicated": 0, "rejected": 2, "errors": errors}, {}

    edge.cloud.judge = judge
    edge.store(*[reading() for _ in range(3)])
    edge.wait_until(dlq_count=1, acked_count=1, pending_count=1)
    waiting = edge.ask("/api/v1/sync/outbox")["entries"][0]
    assert (waiting["attempt_count"], waiting["last_error_message"]) == (1, "later")
    assert edge.ask("/api/v1/sync/dlq")["entries"][0]["last_error_message"] == "never"
    edge.wait_until(acked_count=2, dlq_count=1, pending_count=0)


def test_dead_letters_are_redriven_by_id_or_all_and_audited(edge):
    edge.cloud.judge = lambda events: (400, {}, {})
    edge.store(reading(), reading())
    edge.wait_until(dlq_count=2)
    edge.cloud.judge = BadCloud.accept
    ids = [entry["id"] for entry in edge.ask("/api/v1/sync/dlq")["entries"]]
    assert edge.ask("/api/v1/sync/redrive", {})["redriven_count"] == 0
    answer = edge.ask("/api/v1/sync/redrive", {"ids": ["unknown", ids[0]], "by": "ann",
                                               "reason": "cloud was fixed"})
    assert answer["redriven_count"] == 1
    assert edge.ask("/api/v1/sync/dlq/redrive", {"allDlq": True})["redriven_count"] == 1
    edge.wait_until_acked(2)
    audit = edge.farm.query("edge", "SELECT actor, reason FROM sync_audit "
                                    "WHERE action = 'redriven' ORDER BY audit")
    assert audit[0] == ("ann", "cloud was fixed")


def test_the_operators_doors_are_shut_by_default(tmp_path, build):
    farm = farm_module.Farm(tmp_path / "farm", build)
    try:
        farm.start_broker()
        farm.start_edge(CLOUD_INGESTION_URL="", INTERNAL_ADMIN_ENABLED="false")
        for path in ("/api/v1/sync/redrive", "/api/v1/sync/dlq/redrive",
                     "/api/v1/sync/unclaim-stuck"):
            assert ask(farm.edge_url + path, {})[0] == 403
        assert ask(farm.edge_url + "/api/v1/sync/dlq")[0] == 403
    finally:
        farm.end()


def test_posted_readings_are_stored_once_and_judged_one_by_one(edge):
    event = reading()
    assert edge.store(event) == edge.store(event) == {"ingested_count": 1}
    answer = edge.store(reading(event_id="bad-time", ts="never"), reading(),
                        reading(event_id="huge", payload={"value": 1e300}))
    assert answer["ingested_count"] == 1
    assert [(r["index"], r["error"]) for r in answer["results"]] == [
        (0, "INVALID_TIME"), (2, "INVALID_VALUE")]
    url = edge.farm.edge_url + "/api/v1/telemetry/readings"
    for body in (b"{", b"[]", {"events": [1]}, {"events": [reading(payload={})]},
                 {"events": [reading(tenant_id=7)]}):
        assert ask(url, body)[0] == 400
    assert edge.farm.count("edge") == 2
    stored = edge.ask("/api/v1/telemetry/aggregates?tenant_id=t1&window=1d")["aggregates"]
    assert [bucket["count"] for bucket in stored] == [2]


def test_a_device_id_that_is_no_uuid_travels_as_one(edge):
    edge.store(reading(event_id="reading 7"))
    edge.wait_until_acked(1)
    event = edge.cloud.batches[0][0]["events"][0]
    assert len(event["event_id"]) == 36
    assert event["payload"]["source_event_id"] == "reading 7"
