# SPDX-License-Identifier: Apache-2.0
"""What every service's HTTP has in common."""
import json
import re
import subprocess

import pytest

from wire import TIME, new_id

A_BUSINESS_PATH = {
    ("edge", "gateway"): "/api/v1/ingress/stats",
    ("edge", "telemetry"): "/api/v1/telemetry/metrics",
    ("edge", "sessions"): "/api/v1/weighvision/sessions/nobody",
    ("edge", "forwarder"): "/api/v1/sync/state",
    ("edge", "media"): "/api/v1/media/stats",
    ("edge", "inference"): "/api/v1/inference/models",
    ("edge", "feed"): "/api/v1/edge-feed-intake/status",
    ("edge", "policy"): "/api/v1/edge-config/state",
    ("edge", "observer"): "/api/v1/ops/edge/status",
    ("edge", "janitor"): "/api/v1/janitor/state",
    ("cloud", "ingestion"): "/api/v1/edge/diagnostics/handshake",
    ("cloud", "telemetry"): "/api/v1/telemetry/readings",
    ("cloud", "sessions"): "/api/v1/weighvision/sessions",
    ("cloud", "feed"): "/api/v1/feed/intake-records",
    ("cloud", "media"): "/api/v1/media/objects",
}
A_POST = {
    ("edge", "gateway"): "/api/v1/media/images/presign",
    ("edge", "telemetry"): "/api/v1/telemetry/readings",
    ("edge", "sessions"): "/api/v1/weighvision/sessions",
    ("edge", "forwarder"): "/api/v1/sync/trigger",
    ("edge", "media"): "/api/v1/media/images/complete",
    ("edge", "inference"): "/api/v1/inference/jobs",
    ("edge", "feed"): "/api/v1/feed-intake/manual",
    ("cloud", "ingestion"): "/api/v1/edge/batch",
}
READINESS = {("edge", "gateway"): {"db": "up", "mqtt": True},
             ("edge", "media"): {"db": "up", "presign": "ok"},
             ("edge", "forwarder"): {"db": "up", "outbox": "ok"}}


def curl(door, path, *more, body=None):
    """Status and header lines as curl sees them; a 100 on the way is not the answer."""
    trust = ["--cacert", door.ca_file] if door.ca_file else []
    data = ["--data-binary", "@-"] if body is not None else []
    run = subprocess.run(["curl", "-sS", "-i", "-m", "20", *trust, *more, *data,
                          door.url + path], input=body, capture_output=True, check=True)
    head, rest = run.stdout.split(b"\r\n\r\n", 1)
    while head.split(b" ")[1].startswith(b"1"):
        head, rest = rest.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split(" ")[1]), headers


def is_error(answer, code):
    error = answer.error
    return (answer.headers.get_content_type() == "application/json"
            and error["code"] == code and isinstance(error["message"], str)
            and error["message"] and error["traceId"] == answer.headers["x-trace-id"])


# -- health, readiness -----------------------------------------------------------------


def test_health_needs_no_credential(service, differs):
    """edge 3.1, cloud 0.2: GET /api/health is 200 whenever the process serves."""
    answer = service.get("/api/health", headers={"authorization": ""})
    assert answer.status == 200
    is_json = answer.headers.get_content_type() == "application/json"
    as_text = answer.body == b"OK"
    as_json = is_json and answer.json["status"] == "healthy"
    if service.name[0] == "cloud" or service.name == ("edge", "gateway"):
        differs("health-is-json", as_text, as_json)
    else:
        assert as_json


def test_readiness_names_what_it_needs(service, differs):
    """edge 3.2, cloud 0.2: GET /api/ready is 200 with status ready while its needs are met."""
    answer = service.get("/api/ready")
    assert answer.status == 200
    if service.name == ("cloud", "ingestion"):
        is_json = answer.headers.get_content_type() == "application/json"
        differs("ready-is-json", not is_json, is_json and answer.json["status"] == "ready")
        return
    body = answer.json
    assert body["status"] == "ready"
    wanted = READINESS.get(service.name, {})
    differs("ready-lists-the-process",
            all(body.get(name) == value for name, value in wanted.items()),
            body.get("db") == "up")


# -- ids -------------------------------------------------------------------------------


def test_ids_of_the_caller_come_back(service):
    """edge 3.3, cloud 0.3: x-request-id and x-trace-id are taken from the caller and echoed."""
    for path in ("/api/health", A_BUSINESS_PATH[service.name], "/no/such/path"):
        answer = service.get(path, {"x-request-id": "req-1", "x-trace-id": "trace-2"})
        assert answer.headers["x-request-id"] == "req-1", path
        assert answer.headers["x-trace-id"] == "trace-2", path


def test_ids_are_made_where_there_are_none(service):
    """edge 3.3, cloud 0.3: without them the request id is a fresh UUID, and the trace id the
    request id."""
    first, second = service.get("/api/health"), service.get("/api/health")
    made = first.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                        r"[0-9a-f]{12}", made)
    assert first.headers["x-trace-id"] == made != second.headers["x-request-id"]
    given = service.get("/api/health", {"x-request-id": "req-7"})
    assert given.headers["x-trace-id"] == "req-7"


def test_a_trace_context_is_a_trace_id(service, target):
    """cloud 0.3: a W3C traceparent names the trace where x-trace-id does not."""
    if not target.is_ours:
        pytest.skip("skipped: traceparent is an extension")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    assert service.get("/api/health", parent).headers["x-trace-id"] == trace
    both = service.get("/api/health", {**parent, "x-trace-id": "mine"})
    assert both.headers["x-trace-id"] == "mine"


def test_an_id_that_could_do_harm_is_not_echoed(service):
    """edge 3.3: an id is opaque text; one that is no id at all is replaced by a new one."""
    for bad in ("x" * 1000, 'a"b', "a b<script>"):
        answer = service.get("/api/health", {"x-request-id": bad, "x-trace-id": bad})
        assert answer.status == 200
        assert answer.headers["x-request-id"] != bad != answer.headers["x-trace-id"]


def test_every_answer_names_the_build(service, target):
    """edge 3.3, cloud 0.3: X-commit-ID is COMMIT_ID, or Unknown."""
    for path in ("/api/health", "/no/such/path"):
        commit = service.get(path).headers["X-commit-ID"]
        assert commit == ("interop-commit" if target.is_ours else commit) and commit


def test_answers_are_hardened(service):
    """cloud 0.3: security headers on every answer."""
    headers = service.get("/api/health").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] in ("DENY", "SAMEORIGIN")


# -- errors ----------------------------------------------------------------------------


def test_an_unknown_path(service):
    """edge 3.4: an unknown path is 404 NOT_FOUND in the one error body."""
    answer = service.get("/api/v1/no/such/thing", {"x-trace-id": "trace-404"})
    assert answer.status == 404 and is_error(answer, "NOT_FOUND")
    assert answer.error["traceId"] == "trace-404"


def test_a_wrong_method(service):
    """edge 3.4: a known path with another method is 405, and Allow tells which are taken."""
    path = A_BUSINESS_PATH[service.name]
    for method in ("DELETE", "PUT", "PATCH"):
        answer = service.ask(method, path)
        assert answer.status == 405 and is_error(answer, "METHOD_NOT_ALLOWED")
        assert "GET" in answer.headers["allow"].split(", ")


def test_head_is_get_without_a_body(service):
    """edge 3.1: HEAD answers like GET, without the body (RFC 9110, 9.3.2)."""
    head, get = service.ask("HEAD", "/api/health"), service.get("/api/health")
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_options_tells_the_methods(service, target):
    """edge 3.4: OPTIONS names the methods of a path (RFC 9110, 9.3.7)."""
    if not target.is_ours:
        pytest.skip("skipped: OPTIONS is an extension")
    answer = service.ask("OPTIONS", A_BUSINESS_PATH[service.name])
    assert answer.status == 204 and answer.body == b""
    assert {"GET", "HEAD", "OPTIONS"} <= set(answer.headers["allow"].split(", "))


@pytest.fixture
def posted(service):
    if service.name not in A_POST:
        pytest.skip("skipped: no POST here")
    return A_POST[service.name]


def test_a_content_coding_that_nobody_speaks(service, posted):
    """edge 3.4: a body in an unknown coding is 415, in the one error body, with the ids."""
    answer = service.post(posted, b"{}", {"content-encoding": "br", "x-request-id": "r-415"})
    assert answer.status == 415 and is_error(answer, "UNSUPPORTED_MEDIA_TYPE")
    assert answer.headers["x-request-id"] == answer.headers["x-trace-id"] == "r-415"


def test_a_body_that_is_too_large(service, posted):
    """edge 3.4, cloud 0.5: a body above 10 MiB is 413 PAYLOAD_TOO_LARGE, said before it is
    read."""
    connection = service.connect()
    connection.putrequest("POST", service.parts.path + posted)
    connection.putheader("content-length", str(11 * 1024 * 1024))
    connection.putheader("content-type", "application/json")
    connection.endheaders()
    response = connection.getresponse()
    error = json.loads(response.read())["error"]
    connection.close()
    assert response.status == 413 and error["code"] == "PAYLOAD_TOO_LARGE"
    assert error["traceId"] == response.headers["x-trace-id"]


@pytest.mark.parametrize("name, method, path", [
    ("telemetry", "POST", "/api/v1/telemetry/readings"),
    ("telemetry", "GET", "/api/v1/telemetry/readings"),
    ("sessions", "POST", "/api/v1/weighvision/sessions"),
    ("sessions", "GET", "/api/v1/weighvision/sessions/s-1")])
def test_neighbours_show_a_token(target, open_door, name, method, path):
    """edge 13-E1, 3.5: where the site has a token, nobody stores or reads without it."""
    edge = target.need("edge", name, "internal_token")
    for wrong in ("", "Bearer nobody", f"Bearer {edge.internal_token}x"):
        answer = open_door(getattr(edge, name)).ask(
            method, path, b"{}" if method == "POST" else None, {"authorization": wrong})
        assert (answer.status, answer.error["code"]) == (401, "UNAUTHORIZED")


# -- connections -----------------------------------------------------------------------


def test_a_connection_serves_many_requests(service):
    """edge 3.1: HTTP/1.1 connections stay open between requests, errors included."""
    connection = service.connect()
    for path in ("/api/health", "/no/such/path", "/api/ready", "/api/health"):
        answer = service.ask_on(connection, "GET", path)
        assert answer.version == 11 and answer.headers["connection"] != "close"
        assert connection.sock, "it was closed"
    connection.close()


def test_curl_sees_the_same(service):
    """edge 3.1: another client, and other habits: HTTP/1.0, two requests in one command, a
    client that asks before it sends its body."""
    assert curl(service, "/api/health")[0] == 200
    assert curl(service, "/api/health", "--http1.0")[0] == 200
    status, headers = curl(service, "/no/such/path", "-H", "x-trace-id: c-1")
    assert status == 404 and headers["x-trace-id"] == "c-1"
    if service.name in A_POST:
        for habit in ("expect:", "expect: 100-continue", "transfer-encoding: chunked"):
            status, _ = curl(service, A_POST[service.name], "-H", habit,
                             body=b"x" * 2_000_000)
            assert status in (200, 400, 401, 410), habit


def test_times_have_a_zone_and_milliseconds(gateway):
    """edge 0.2: times are ISO 8601 in UTC, with Z and milliseconds."""
    assert TIME.fullmatch(gateway.good("/api/v1/ingress/stats")["startedAt"])


def test_images_are_uploaded_elsewhere(gateway):
    """edge 4.1: the gateway's old image routes are 410 GONE and say where to go, unless the
    media store answers at the same address."""
    for path in ("/api/v1/media/images", "/api/v1/media/images/presign"):
        answer = gateway.post(path, {"id": new_id()})
        if answer.status in (400, 415):
            continue
        assert answer.status == 410 and is_error(answer, "GONE")
        assert "presign" in answer.error["message"] or "media" in answer.error["message"]
