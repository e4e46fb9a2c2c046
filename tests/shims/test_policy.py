# SPDX-License-Identifier: Apache-2.0
"""The barns' configuration: asked for with its ETag, served at any age (spec edge 10.2). The
cloud is a small HTTP server of this test's own."""
import hashlib
import http.server
import json
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

import farm as farm_module
from asking import ask
from farm import wait_for
from support import metric

SERVICE = "edge-policy-sync"
EFFECTIVE = "/api/v1/edge-config/effective"
STATE = "/api/v1/edge-config/state"
BARNS = [{"tenantId": "t-1", "farmId": "f-1", "barnId": barn} for barn in ("b-1", "b-2")]


class Cloud:
    """Knows a text for each barn; answers 304 to whoever has it."""

    def __init__(self):
        cloud = self
        self.texts, self.status, self.asked = {}, 200, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                url = urlsplit(self.path)
                query = {k: v[0] for k, v in parse_qs(url.query).items()}
                text = cloud.texts.get(query.get("barnId"), "{}").encode()
                etag = '"%s"' % hashlib.md5(text).hexdigest()
                status = cloud.status
                if status == 200 and self.headers["if-none-match"] == etag:
                    status = 304
                cloud.asked.append((url.path, query, dict(self.headers), status))
                self.send_response(status)
                self.send_header("ETag", etag)
                self.end_headers()
                if status != 304:
                    self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


class Edge:
    def __init__(self, farm, cloud):
        self.farm, self.cloud = farm, cloud
        self.token = {"Authorization": f"Bearer {farm.internal_token}"}

    def start(self, barns=None, **more):
        self.farm.start_service(SERVICE, DATABASE_URL=self.farm.database_url("edge"),
                                BFF_BASE_URL=self.cloud.url, EDGE_CLOUD_TOKEN="secret-token",
                                EDGE_CONTEXTS=json.dumps(BARNS if barns is None else barns),
                                **{"POLICY_SYNC_INTERVAL_SECONDS": "200ms", **more})

    def ask(self, path, **query):
        text = "&".join(f"{k}={v}" for k, v in query.items())
        return ask(f"{self.farm.url_of(SERVICE)}{path}?{text}", headers=self.token)

    def state(self):
        return self.ask(STATE)[1]

    def config(self, barn="b-1"):
        status, body = self.ask(EFFECTIVE, tenantId="t-1", farmId="f-1", barnId=barn)
        return body if status == 200 else status


@pytest.fixture
def edge(tmp_path, build):
    edge = Edge(farm_module.Farm(tmp_path / "farm", build), Cloud())
    edge.cloud.texts = {"b-1": '{"fan": {"on_at": 27.5}}', "b-2": '{"fan": null}'}
    try:
        yield edge
    finally:
        edge.farm.end()
        edge.cloud.server.shutdown()


def test_what_the_cloud_says_is_kept_and_served(edge):
    edge.start()
    body = wait_for("both barns", 10, lambda: edge.config("b-2") != 404 and edge.config())
    text = edge.cloud.texts["b-1"]
    assert body["config_json"] == json.loads(text)
    assert body["hash"] == hashlib.sha256(text.encode()).hexdigest()
    assert body["source_etag"] == '"%s"' % hashlib.md5(text.encode()).hexdigest()
    path, query, headers, status = edge.cloud.asked[0]
    assert (path, query, status) == ("/api/v1/config/context", BARNS[0], 200)
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["authorization"] == "Bearer secret-token" and headers["x-request-id"]
    state = wait_for("success", 10, lambda: (s := edge.state())["last_success_at"] and s)
    assert (state["cache_entries"], state["consecutive_failures"]) == (2, 0)
    assert state["lag_seconds"] >= 0
    assert edge.config("b-9") == 404
    assert edge.ask(EFFECTIVE, tenantId="t-1")[0] == 400


def test_what_did_not_change_is_not_sent_again_and_what_did_is_taken(edge):
    edge.start()
    first = wait_for("the first", 10, lambda: edge.config() != 404 and edge.config())
    wait_for("a 304", 10, lambda: edge.cloud.asked[-1][3] == 304)
    wait_for("a newer time", 10, lambda: edge.config()["fetched_at"] > first["fetched_at"])
    assert edge.config()["hash"] == first["hash"]
    edge.cloud.texts["b-1"] = '{"fan": {"on_at": 30}}'
    wait_for("the change", 10, lambda: edge.config()["config_json"]["fan"]["on_at"] == 30)


def test_without_the_cloud_the_last_word_stands(edge):
    edge.start()
    first = wait_for("the first", 10, lambda: edge.config() != 404 and edge.config())
    edge.cloud.status = 500
    state = wait_for("failures", 15,
                     lambda: (s := edge.state())["consecutive_failures"] >= 2 and s)
    assert state["last_error"] == "the cloud refuses to say" and state["last_error_at"]
    edge.farm.processes[SERVICE].end()
    edge.farm.processes[SERVICE].start()
    assert edge.config()["config_json"] == first["config_json"], "also after a restart"
    asked = len(edge.cloud.asked)
    edge.cloud.status = 200
    wait_for("success", 60, lambda: edge.state()["consecutive_failures"] == 0)
    assert len(edge.cloud.asked) > asked


def test_an_answer_that_is_no_configuration_changes_nothing(edge):
    edge.start()
    first = wait_for("the first", 10, lambda: edge.config() != 404 and edge.config())
    edge.cloud.texts["b-1"] = "<html>captive portal</html>"
    wait_for("the fault", 15,
             lambda: edge.state()["last_error"] == "the cloud's answer is no JSON object")
    assert edge.config()["config_json"] == first["config_json"]
    assert "captive" not in (edge.farm.home / f"{SERVICE}.log").read_text()
    assert "secret-token" not in (edge.farm.home / f"{SERVICE}.log").read_text()


def lag(edge):
    return metric(edge.farm, edge.farm.url_of(SERVICE), "edge_policy_sync_lag_seconds")


def test_the_age_of_what_is_kept_shows_though_nobody_asks(edge):
    edge.cloud.status = 500
    edge.start()
    wait_for("a cloud that never answered", 60, lambda: lag(edge) > 1)
    edge.cloud.status = 200
    wait_for("both barns", 60, lambda: metric(
        edge.farm, edge.farm.url_of(SERVICE), "edge_policy_cache_entries") == 2)
    assert lag(edge) < 1
    edge.cloud.status = 500
    wait_for("a cloud that is gone", 60, lambda: lag(edge) > 1)


def test_a_barn_that_left_is_forgotten(edge):
    edge.start()
    wait_for("both", 10, lambda: edge.config("b-2") != 404)
    edge.farm.processes[SERVICE].end()
    edge.start(BARNS[:1])
    wait_for("one", 10, lambda: edge.config("b-2") == 404 and edge.config() != 404)


def test_contexts_that_make_no_sense_are_refused_at_the_start(edge):
    for wrong in ([], [{"tenantId": "t-1"}], [1], "t-1/f-1"):
        with pytest.raises(RuntimeError):
            edge.start(wrong)
    assert "EDGE_CONTEXTS must be" in (edge.farm.home / f"{SERVICE}.log").read_text()
