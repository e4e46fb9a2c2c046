# SPDX-License-Identifier: Apache-2.0
"""What operators can see of an edge's forwarder, and do. Its way to the cloud is in
test_edge_sync.py."""
import pytest

from wire import TIME, new_id, reading, wait_for

SYNC = "/api/v1/sync"
ADMIN = [("GET", "/dlq"), ("POST", "/redrive"), ("POST", "/dlq/redrive"),
         ("POST", "/unclaim-stuck")]


@pytest.fixture
def operator(forwarder, target):
    """The forwarder, with its operator's endpoints open."""
    target.need("edge", "forwarder", "admin")
    return forwarder


def test_the_state(forwarder):
    """edge 4.6: counts, the age of the oldest pending row, and when the cloud last answered
    well and badly."""
    state = forwarder.good(SYNC + "/state")
    for name in ("pending_count", "claimed_count", "dlq_count"):
        assert isinstance(state[name], int) and state[name] >= 0, name
    age = state["oldest_pending_age_seconds"]
    assert age is None or age >= 0
    for name in ("last_success_at", "last_error_at"):
        assert state[name] is None or TIME.fullmatch(state[name]), name


def test_rows_of_a_state(edge_telemetry, forwarder, place, target):
    """edge 4.6: GET outbox lists rows of one state with their attempts and lease, oldest
    first; pending unless told otherwise."""
    event = reading(place)
    edge_telemetry.post("/api/v1/telemetry/readings", {"events": [event]})

    def acked():
        rows = forwarder.good(SYNC + "/outbox", status="acked", limit=1000)["entries"]
        return [row for row in rows if row["id"] == event["event_id"]]
    row, = wait_for("its acknowledgement", target.patience, acked)
    assert row["status"] == "acked" and row["tenant_id"] == place.tenant
    assert row["event_type"] == "telemetry.ingested" and row["attempt_count"] >= 0
    assert TIME.fullmatch(row["created_at"])
    assert {"next_attempt_at", "claimed_by", "lease_expires_at", "last_error_code",
            "last_error_message"} <= set(row)
    pending = forwarder.good(SYNC + "/outbox")
    assert {row["status"] for row in pending["entries"]} <= {"pending"}
    assert pending["count"] == len(pending["entries"])
    assert forwarder.good(SYNC + "/state")["last_success_at"]


def test_how_many_rows(edge_telemetry, forwarder, place, target, differs):
    """edge 4.6: limit is 100 unless told otherwise, 1000 at most."""
    events = [reading(place) for _ in range(120)]
    edge_telemetry.post("/api/v1/telemetry/readings", {"events": events})
    wait_for("120 acknowledgements", target.patience, lambda: forwarder.good(
        SYNC + "/outbox", status="acked", limit=1000)["count"] >= 120)
    assert forwarder.good(SYNC + "/outbox", status="acked")["count"] == 100
    assert forwarder.good(SYNC + "/outbox", status="acked", limit=7)["count"] == 7
    above = forwarder.get(SYNC + "/outbox", status="acked", limit=1001)
    differs("limit-above-the-cap", above.status == 200 and above.json["count"] <= 1000,
            above.status == 400)


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"limit": "-5"},
                                   {"status": "lost"}, {"status": "PENDING"}])
def test_a_question_that_makes_no_sense(forwarder, query):
    """edge 3.4: 400 VALIDATION_ERROR that names the parameter."""
    answer = forwarder.get(SYNC + "/outbox", **query)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"
    assert next(iter(query)) in answer.error["message"]


def test_a_cycle_on_request(forwarder):
    """edge 4.6: POST trigger answers 200 with a message, with a body or without."""
    for body in (b"", {}, b"not looked at"):
        answer = forwarder.post(SYNC + "/trigger", body)
        assert answer.status == 200 and answer.json["message"]


def test_the_cloud_answers(forwarder, ingestion):
    """edge 4.6: diagnostics/cloud is 200 with ok, status and message while it does."""
    assert ingestion.get("/api/health").status == 200
    answer = forwarder.get(SYNC + "/diagnostics/cloud")
    assert (answer.status, answer.json["ok"], answer.json["status"]) == (200, True, 200)
    assert answer.json["message"]


def test_the_cloud_answers_to_a_key(open_door, target):
    """edge 6.7: in api_key mode the forwarder sends x-api-key; a cloud that wants keys knows
    it."""
    target.need("cloud", "keyed_ingestion", "key")
    keyed = open_door(target.need("edge", "shut_forwarder").shut_forwarder)
    answer = keyed.get(SYNC + "/diagnostics/cloud")
    assert (answer.status, answer.json["ok"]) == (200, True)


# -- the operator's --------------------------------------------------------------------


def test_dead_letters(operator):
    """edge 4.6: GET dlq lists entries and their count, newest failure first."""
    listed = operator.good(SYNC + "/dlq", limit=1000)
    assert listed["count"] == len(listed["entries"])
    times = [entry["failed_at"] for entry in listed["entries"]]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("path", ["/redrive", "/dlq/redrive"])
@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": [new_id(), "nobody", 7]},
                                  {"allDlq": False}])
def test_nothing_is_redriven_unless_named(operator, path, body):
    """edge 4.6: redriven_count is zero when neither ids nor allDlq names a dead letter."""
    answer = operator.post(SYNC + path, body)
    assert answer.status == 200
    assert answer.json["redriven_count"] == 0 and answer.json["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7"])
def test_a_redrive_of_the_wrong_shape(operator, body):
    """edge 3.4: a body that is no object is 400."""
    answer = operator.post(SYNC + "/redrive", body)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("body", [b"", {}, {"olderThanSeconds": 0},
                                  {"olderThanSeconds": "junk"}, {"olderThanSeconds": 1}])
def test_leases_that_expired(operator, body):
    """edge 4.6: unclaim-stuck answers how many; zero or junk means 300 seconds."""
    answer = operator.post(SYNC + "/unclaim-stuck", body)
    assert answer.status == 200
    assert answer.json["unclaimed_count"] >= 0 and answer.json["message"]


@pytest.mark.parametrize("method, path", ADMIN)
def test_the_operators_doors_are_shut(open_door, target, method, path):
    """edge 4.6: without INTERNAL_ADMIN_ENABLED they are 403 FORBIDDEN."""
    shut = target.need("edge", "shut_forwarder").shut_forwarder
    answer = open_door(shut).ask(method, SYNC + path, b"{}" if method == "POST" else None)
    assert answer.status == 403 and answer.error["code"] == "FORBIDDEN"
