# SPDX-License-Identifier: Apache-2.0
"""The edge as a process per service, two gateways and two forwarders: they find each other
over HTTP, and keep the same books as one process does."""
import http.server
import json
import random
import urllib.request
import signal
import subprocess
import threading
import time

import pytest

import farm as farm_module
from asking import ask, reading
from conftest import ENGINES, SOAK
from farm import TENANT, wait_for
from support import Device, deliver_everything, envelope, in_logs, metric, topic

KILLS = 20 if SOAK else 3
LOAD = {"DEVICES": 10, "RATE": 500, "BUFFER_MAX_MESSAGES": 1_000_000,
        "BUFFER_MAX_AGE": "7d", "REPLAY_RATE": 0, "WINDOW": 1000, "ACK_TIMEOUT": "2s"}
TELEMETRY = "edge-telemetry-timeseries"
GATEWAYS = ["edge-ingress-gateway-0", "edge-ingress-gateway-1"]
FORWARDERS = ["edge-sync-forwarder-0", "edge-sync-forwarder-1"]


@pytest.fixture(params=ENGINES)
def apart(tmp_path, build, request):
    farm = farm_module.Farm(tmp_path / "farm", build, ENGINES[request.param])
    try:
        if farm.postgresql:
            farm.start_postgres()
        farm.start_broker()
        farm.start_cloud()
        farm.start_edge_apart()
        yield farm
    finally:
        farm.end()


def bearer(farm):
    return {"Authorization": f"Bearer {farm.internal_token}"}


VICTIMS = {
    "a-gateway": GATEWAYS[:1],
    "gateways": GATEWAYS,
    "telemetry": [TELEMETRY],
    "a-forwarder": FORWARDERS[:1],
    "forwarders": FORWARDERS,
    "the-whole-edge": GATEWAYS + [TELEMETRY] + FORWARDERS,
}
# Each on a file; on PostgreSQL where replicas meet.
CASES = [("sqlite", name) for name in VICTIMS] + [
    ("postgresql", name) for name in ("forwarders", "the-whole-edge")]


@pytest.mark.parametrize("apart, victims", CASES, indirect=["apart"])
def test_kill_minus_nine_of_a_service_loses_and_doubles_nothing(apart, victims):
    chance = random.Random(20261128)
    apart.start_agent(0, **LOAD)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.5, 1.5))
        for name in VICTIMS[victims]:
            apart.processes[name].end(signal.SIGKILL)
        time.sleep(chance.uniform(0.0, 0.5))
        for name in reversed(VICTIMS[victims]):
            apart.processes[name].start()
    time.sleep(1)
    tally = deliver_everything(apart)
    print(f"{KILLS} kills of {victims}: {tally}")
    assert tally["published"] > 200 * KILLS, "there was no load worth the name"
    assert tally["lost"] == 0, tally
    assert tally["duplicated"] == 0, tally
    assert tally["edge_stored"] == tally["acked"] == tally["cloud_stored"], tally


def test_replicas_share_the_work(apart):
    apart.start_agent(0, DEVICES=20, COUNT=2000, RATE=2000)
    wait_for("readings at the cloud", 30, lambda: apart.count("cloud") == 2000)
    tally = deliver_everything(apart)
    assert tally["cloud_stored"] == tally["published"] and tally["duplicated"] == 0, tally
    taken = [metric(apart, apart.url_of(name), "farmiq_ingress_messages_total",
                    outcome="received") for name in GATEWAYS]
    assert all(count > 0 for count in taken), taken
    status_messages = 10  # the agent's own, at most
    assert sum(taken) <= tally["published"] + status_messages, "a message went to both"


def test_without_its_neighbour_a_gateway_acknowledges_nothing(apart):
    """The telemetry service commits first; only then may the gateway say so (spec edge
    2.8). What it could not hand over comes again, from the broker or the device."""
    apart.processes[TELEMETRY].end(signal.SIGKILL)
    message = envelope()
    with Device(apart) as device:
        device.listen("d-1")
        device.publish(topic(), message)
        wait_for("a failed hand-over", 10, lambda: any(
            metric(apart, apart.url_of(name), "farmiq_ingress_route_failures_total",
                   target="edge_telemetry_timeseries") for name in GATEWAYS))
        assert device.acks == []
        assert apart.count(apart.gateway_database, "ingress_dedupe") == 0, "a mark without its reading"
        apart.processes[TELEMETRY].start()
        wait_for("the acknowledgement", 30, lambda: device.acks)
    assert device.acks[0]["acked"] == [message["event_id"]]
    assert apart.count("edge") == 1


def test_only_neighbours_may_put_readings_in_or_ask(apart):
    for name, path in ((TELEMETRY, "/api/v1/telemetry/readings?tenant_id=t1"),
                       (TELEMETRY, "/api/v1/telemetry/stats"),
                       (GATEWAYS[0], "/api/v1/ingress/stats"),
                       (FORWARDERS[0], "/api/v1/sync/state")):
        url = apart.url_of(name) + path
        assert ask(url)[0] == 401, path
        assert ask(url, headers={"Authorization": "Bearer " + "0" * 32})[0] == 401, path
        assert ask(url, headers=bearer(apart))[0] == 200, path
    url = apart.url_of(TELEMETRY) + "/api/v1/telemetry/readings"
    status, answer = ask(url, {"events": [reading()]})
    assert status == 401 and answer["error"]["code"] == "UNAUTHORIZED"
    assert ask(url, {"events": [reading()]}, bearer(apart)) == (200, {"ingested_count": 1})
    for path in ("/api/health", "/api/ready"):
        assert ask(apart.url_of(TELEMETRY) + path)[0] == 200, "a probe has no secrets"
    assert in_logs(apart, apart.internal_token) == []


class Neighbour(http.server.BaseHTTPRequestHandler):
    """Writes down what a gateway asks, and takes everything."""
    asked = []

    def do_POST(self):  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append((self.path, dict(self.headers), body))
        answer = json.dumps({"ingested_count": len(body["events"])}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def test_an_errand_says_whose_it_is(tmp_path, build):
    """The request of spec edge 2.8 and 4.2, with the headers of 3.3."""
    farm = farm_module.Farm(tmp_path / "farm", build)
    server = http.server.HTTPServer(("127.0.0.1", 0), Neighbour)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        farm.start_broker()
        farm.start_service("edge-ingress-gateway", ALLOWLIST_MODE="open",
                           DATABASE_URL=f"sqlite:{farm.home}/gateway.db",
                           MQTT_BROKER_URL=f"mqtt://127.0.0.1:{farm.ports['mqtt']}",
                           EDGE_TELEMETRY_TIMESERIES_URL="http://127.0.0.1:"
                                                         f"{server.server_port}")
        message = envelope()
        with Device(farm) as device:
            device.listen("d-1")
            device.publish(topic(), message)
            wait_for("the acknowledgement", 10, lambda: device.acks)
    finally:
        farm.end()
        server.shutdown()
    path, headers, body = Neighbour.asked[0]
    assert path == "/api/v1/telemetry/readings"
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["authorization"] == f"Bearer {farm.internal_token}"
    assert len(headers["x-request-id"]) == len(headers["x-trace-id"]) == 36
    event = body["events"][0]
    assert event["event_id"] == message["event_id"]
    assert event["trace_id"] == message["trace_id"]
    assert event["payload"] == message["payload"]


@pytest.fixture
def dashboard(farm):
    farm.start_dashboard()
    return farm.url_of("dashboard-web")


def viewer(farm):
    return {"Authorization": f"Bearer {farm.token}"}


def listen(farm, url):
    return urllib.request.urlopen(
        f"{url}/api/v1/telemetry/stream?tenantId={TENANT}&access_token={farm.token}",
        timeout=20)


def next_event(stream):
    """Name and data of the next event that is one."""
    name, data = None, None
    while data is None:
        line = stream.readline().decode()
        assert line, "the stream has ended"
        name = line[7:-1] if line.startswith("event: ") else name
        data = line[6:-1] if line.startswith("data: ") else data
    return name, json.loads(data)


def test_a_page_apart_passes_questions_and_answers_on(farm, dashboard):
    overview = f"{dashboard}/api/v1/edge/overview?tenantId={TENANT}"
    latest = f"{dashboard}/api/v1/telemetry/latest?tenantId={TENANT}"
    assert ask(overview, headers=viewer(farm)) == (200, {"edges": [], "count": 0})
    assert ask(latest, headers=viewer(farm))[0] == 200
    assert ask(latest.replace(TENANT, "other"), headers=viewer(farm))[0] == 403
    for headers in ({}, {"Authorization": "Bearer " + "0" * 32}):
        status, answer = ask(latest, headers={**headers, "x-trace-id": "trace-7"})
        assert (status, answer["error"]["traceId"]) == (401, "trace-7")
    assert ask(latest, {}, viewer(farm))[0] == 405
    assert ask(f"{dashboard}/api/v1/telemetry/metrics", headers=viewer(farm))[0] == 404
    assert in_logs(farm, farm.token) == []


def test_a_page_apart_passes_streams_on(farm, dashboard):
    with listen(farm, dashboard) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert next_event(stream)[0] is None, "a greeting comes first"
        with Device(farm) as device:
            device.publish(topic(), envelope(value=17.25))
            name, readings = next_event(stream)
        assert name == "readings" and readings[0]["value"] == 17.25
    farm.processes["cloud"].end(signal.SIGKILL)
    status, answer = ask(f"{dashboard}/api/v1/telemetry/latest?tenantId={TENANT}",
                         headers=viewer(farm))
    assert status == 502 and answer["error"]["code"] == "BAD_GATEWAY"
    farm.processes["cloud"].start()
    with listen(farm, dashboard) as stream:
        farm.processes["cloud"].end(signal.SIGKILL)
        while stream.readline():
            pass  # it ends, and a browser asks again
    assert farm.processes["dashboard-web"].end() == 0


def test_nobody_listens_for_a_viewer_that_left(farm, dashboard):
    streams = [listen(farm, dashboard) for _ in range(5)]

    def open_at_the_cloud():
        return metric(farm, farm.cloud_url, "farmiq_http_streams")
    wait_for("the streams", 10, lambda: open_at_the_cloud() == 5)
    for stream in streams:
        stream.close()
    wait_for("their end, at the next sign of life", 45, lambda: open_at_the_cloud() == 0)


@pytest.mark.parametrize("setting, named", [
    ({"APP_BIND": "0.0.0.0"}, "INTERNAL_TOKEN"),
    ({"APP_BIND": "0.0.0.0", "INTERNAL_TOKEN": "short"}, "INTERNAL_TOKEN"),
    ({"DATABASE_URL": "mysql:x"}, "DATABASE_URL")])
def test_an_open_door_to_the_network_is_an_error_at_start(tmp_path, build, setting, named):
    done = subprocess.run([build / "shims/programs" / TELEMETRY], cwd=tmp_path, text=True,
                          env={"APP_PORT": "0", **setting}, timeout=20,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 1 and named in done.stdout, done.stdout
