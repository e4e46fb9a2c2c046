# SPDX-License-Identifier: Apache-2.0
"""Weigh sessions from the scale to the cloud's answers: their facts come in any order and
come again, and leave the same rows (spec edge 7.3)."""
import itertools
import json
import signal

import pytest

from asking import ask, moment, new_id
from farm import BARN, FARM, TENANT, wait_for
from support import Device, metric

PLACE = f"{TENANT}/{FARM}/{BARN}"
SESSIONS = "/api/v1/weighvision/sessions"
KINDS = {"created": {"batch_id": "batch-7"}, "weight.recorded": {"weight_kg": 120.5},
         "image.captured": {"media_id": "media-1"}, "finalized": {"image_count": 1}}
SECONDS = {"created": 0, "weight.recorded": 10, "image.captured": 15, "finalized": 120}
FULL = {"created": "weighvision.session.created",
        "finalized": "weighvision.session.finalized"}
OUTBOX = ("SELECT event_type, id, tenant_id, farm_id, barn_id, device_id, station_id, "
          "session_id, batch_id, trace_id, occurred_at, payload_json FROM sync_outbox ")


def full(kind):
    return FULL.get(kind, f"weighvision.{kind}")


def topic(session, kind, tenant=TENANT, station="st-1"):
    return f"iot/weighvision/{tenant}/{FARM}/{BARN}/{station}/session/{session}/{kind}"


def fact(kind, tenant=TENANT, at=None, payload=None, **changes):
    return {"schema_version": "1.0", "event_id": new_id(), "trace_id": "trace-789",
            "tenant_id": tenant, "device_id": "scale-1", "event_type": full(kind),
            "ts": at or f"2026-01-01T10:{SECONDS[kind] // 60:02}:{SECONDS[kind] % 60:02}Z",
            "payload": KINDS[kind] if payload is None else payload, **changes}


def publish_all(device, orders, tenant=TENANT):
    """A session per order; each of its facts is published, and all of them again."""
    sessions = {}
    for number, order in enumerate(orders):
        facts = {kind: fact(kind, tenant) for kind in order}
        name = f"s-{number}"
        sessions[name] = facts
        for turn in range(2):
            for kind in order:
                spelling = kind if (number + turn) % 2 else full(kind)
                device.publish(topic(name, spelling, tenant), facts[kind])
    device.flush()
    return sessions


def without_names(row, session, facts):
    """A row's text without what names this session and its events."""
    text = json.dumps(row).replace(f'"{session}"', '"S"').replace(f'\\"{session}\\"', '"S"')
    for kind, message in facts.items():
        text = text.replace(message["event_id"], kind)
    return text


def edge_rows(farm, tenant, session):
    where = f"WHERE tenant_id = '{tenant}' AND session_id = '{session}'"
    return (
        farm.query("edge", "SELECT farm_id, barn_id, device_id, station_id, batch_id, status, "
                           "start_at, end_at, initial_weight_kg, final_weight_kg, image_count "
                           f"FROM weight_sessions {where}")
        + farm.query("edge", "SELECT event_id, weight_kg, occurred_at, trace_id "
                             f"FROM session_weights {where} ORDER BY event_id")
        + farm.query("edge", "SELECT event_id, media_object_id, occurred_at, is_bound "
                             f"FROM session_media_bindings {where} ORDER BY event_id"))


def outbox_rows(farm, tenant, session):
    return farm.query("edge", OUTBOX + f"WHERE tenant_id = '{tenant}' AND session_id = "
                              f"'{session}' ORDER BY event_type")


def told(farm):
    return farm.query("edge", "SELECT count(*) FROM sync_outbox WHERE event_type LIKE "
                              "'weighvision.%'")[0][0]


def test_all_orders_of_a_sessions_facts_leave_the_same_rows(farm):
    orders = list(itertools.permutations(KINDS))
    with Device(farm) as device:
        sessions = publish_all(device, orders)
    wait_for("three events of each session", 30, lambda: told(farm) >= 3 * len(orders))
    rows = {without_names(edge_rows(farm, TENANT, name), name, facts)
            for name, facts in sessions.items()}
    events = {without_names(outbox_rows(farm, TENANT, name), name, facts)
              for name, facts in sessions.items()}
    assert len(rows) == 1 and len(events) == 1
    assert told(farm) == 3 * len(orders)
    row = edge_rows(farm, TENANT, "s-0")[0]
    assert row[:6] == (FARM, BARN, "scale-1", "st-1", "batch-7", "finalized")
    assert row[8:] == (120.5, 120.5, 1)


# -- the edge's routes ------------------------------------------------------------


@pytest.fixture
def edge(tmp_path, build):
    """A farm of an edge alone, without a cloud to tell."""
    import farm as farm_module
    made = farm_module.Farm(tmp_path / "farm", build)
    made.start_broker()
    made.start_edge(CLOUD_INGESTION_URL="", SESSION_SETTLE_MS="300",
                    SESSION_SETTLE_INTERVAL_MS="100", SESSION_IMAGE_TIMEOUT="600",
                    SESSION_SWEEP_INTERVAL_MS="100")
    try:
        yield made
    finally:
        made.end()


def post(edge, path, body, tenant=None):
    headers = {"content-type": "application/json", "x-trace-id": "trace-9"}
    if tenant:
        headers["x-tenant-id"] = tenant
    return ask(f"{edge.edge_url}{SESSIONS}{path}", body, headers)


def body(tenant="t1", at="2026-01-01T10:00:00+00:00", **more):
    made = {"tenantId": tenant, "eventId": new_id(), "occurredAt": at, **more}
    return {key: value for key, value in made.items() if value is not ...}


def creation(session="s1", tenant="t1", at="2026-01-01T10:00:00+00:00", **more):
    made = {"sessionId": session, "eventId": new_id(), "tenantId": tenant, "farmId": "f1",
            "barnId": "b1", "deviceId": "scale-1", "stationId": "st-1", "startAt": at, **more}
    return {key: value for key, value in made.items() if value is not ...}


def get(edge, session="s1", tenant="t1"):
    return ask(f"{edge.edge_url}{SESSIONS}/{session}", headers={"x-tenant-id": tenant})


def types_told(edge, tenant="t1", session="s1"):
    return [row[0].removeprefix("weighvision.") for row in edge.query(
        "edge", f"SELECT event_type FROM sync_outbox WHERE tenant_id = '{tenant}' "
                f"AND session_id = '{session}' ORDER BY event_type")]


def test_each_route_answers_as_documented(edge):
    status, made = post(edge, "", creation(batchId="batch-7"))
    assert status == 201
    assert (made["sessionId"], made["status"], made["batchId"]) == ("s1", "created", "batch-7")
    assert made["startAt"] == "2026-01-01T10:00:00.000Z" and made["initialWeightKg"] is None
    weight = body(weightKg=120.5, at="2026-01-01T11:00:10+01:00")
    status, answer = post(edge, "/s1/bind-weight", weight)
    assert status == 200
    assert (answer["weightKg"], answer["occurredAt"], answer["traceId"]) == \
        ("120.5", "2026-01-01T10:00:10.000Z", "trace-9")
    assert post(edge, "/s1/bind-weight", weight) == (200, answer)
    status, answer = post(edge, "/s1/bind-media", body(mediaObjectId="m1"))
    assert status == 200 and answer["isBound"] is True and answer["mediaObjectId"] == "m1"
    status, answer = post(edge, "/s1/finalize", body(at="2026-01-01T10:02:00Z"))
    assert status == 200 and answer["status"] == "finalized"
    assert answer["endAt"] == "2026-01-01T10:02:00.000Z"
    assert (answer["finalWeightKg"], answer["imageCount"]) == ("120.5", 1)
    status, whole = get(edge)
    assert status == 200 and [w["weightKg"] for w in whole["weights"]] == ["120.5"]
    assert whole["isComplete"] is True
    assert types_told(edge) == ["session.created", "session.finalized", "weight.recorded"]


def test_repeats_under_new_ids_change_nothing_and_are_not_told_again(edge):
    post(edge, "", creation())
    post(edge, "/s1/bind-weight", body(weightKg=100))
    post(edge, "/s1/bind-media", body(mediaObjectId="m1"))
    first = post(edge, "/s1/finalize", body(at="2026-01-01T10:02:00Z"))[1]
    for _ in range(2):
        assert post(edge, "", creation())[0] == 201
        assert post(edge, "/s1/bind-media", body(mediaObjectId="m1"))[0] == 200
        assert post(edge, "/s1/finalize", body(at="2026-01-01T10:02:00Z")) == (200, first)
        assert post(edge, "/s1/finalize", body(at="2026-01-01T10:05:00Z")) == (200, first)
    assert metric(edge, edge.edge_url, "farmiq_session_conflicts_total") == 2
    assert types_told(edge) == ["session.created", "session.finalized", "weight.recorded"]


@pytest.mark.parametrize("path, sent", [
    ("", creation(tenantId=...)), ("", creation(farmId="")), ("", creation(startAt="noon")),
    ("", creation(sessionId=...)), ("", creation(stationId="x" * 129)),
    ("/s1/bind-weight", body(weightKg="heavy")), ("/s1/bind-weight", body(weightKg=0)),
    ("/s1/bind-weight", body(weightKg=5001)), ("/s1/bind-weight", body(weightKg=-1)),
    ("/s1/bind-weight", body()), ("/s1/bind-weight", body(weightKg=1, eventId=...)),
    ("/s1/bind-weight", body(weightKg=1, at=None)), ("/s1/bind-media", body()),
    ("/s1/bind-media", body(mediaObjectId="")), ("/s1/finalize", body(tenantId=...)),
    ("/s1/finalize", b"{"), ("/s1/finalize", b"[]"), ("/s1/cancel", {}),
    ("/s1/bind-weight", body(weightKg=1, sessionId="s2"))])
def test_bad_input_names_its_fault_and_stores_nothing(shared_edge, path, sent):
    status, answer = post(shared_edge, path, sent)
    assert status == 400 and answer["error"]["code"] == "VALIDATION_ERROR"
    for table in ("weigh_session", "weigh_weight", "weigh_media", "sync_outbox"):
        assert shared_edge.count("edge", table) == 0


@pytest.fixture(scope="module")
def shared_edge(tmp_path_factory, build):
    import farm as farm_module
    made = farm_module.Farm(tmp_path_factory.mktemp("edge") / "farm", build)
    made.start_broker()
    made.start_edge(CLOUD_INGESTION_URL="")
    try:
        yield made
    finally:
        made.end()


def test_what_comes_before_created_waits_for_it(edge):
    assert get(edge)[0] == 404
    assert post(edge, "/s1/bind-weight", body(weightKg=100))[0] == 200
    status, binding = post(edge, "/s1/bind-media", body(mediaObjectId="m1"))
    assert status == 200 and binding["isBound"] is False
    status, pending = post(edge, "/s1/finalize", body(at="2026-01-01T10:02:00Z"))
    assert status == 202 and pending["status"] == "pending"
    assert get(edge)[0] == 404 and types_told(edge) == []
    status, made = post(edge, "", creation())
    assert status == 201 and made["status"] == "finalized" and made["imageCount"] == 1
    assert types_told(edge) == ["session.created", "session.finalized", "weight.recorded"]


def test_an_end_that_lacks_its_image_is_told_after_a_while(edge):
    post(edge, "", creation())
    post(edge, "/s1/finalize", body(at="2026-01-01T10:02:00Z", imageCount=3))
    assert types_told(edge) == ["session.created"]
    wait_for("the end", 5, lambda: len(types_told(edge)) == 2)
    payload = json.loads(edge.query(
        "edge", "SELECT payload_json FROM sync_outbox WHERE event_type LIKE '%finalized'")[0][0])
    assert payload["final_weight_kg"] is None and payload["image_count"] == 0
    assert payload["farm_id"] == "f1" and payload["station_id"] == "st-1"
    assert metric(edge, edge.edge_url, "farmiq_session_image_mismatches_total") == 1
    post(edge, "/s1/bind-media", body(mediaObjectId="m1"))
    assert types_told(edge) == ["session.created", "session.finalized"]


def test_weights_from_after_the_end_are_kept_and_do_not_count(edge):
    """Whether they come before the end is known or after."""
    post(edge, "", creation())
    for kg, minute in ((101, 1), (150, 9)):
        post(edge, "/s1/bind-weight", body(weightKg=kg, at=f"2026-01-01T10:0{minute}:00Z"))
    post(edge, "/s1/finalize", body(at="2026-01-01T10:02:00Z"))
    post(edge, "/s1/bind-weight", body(weightKg=160, at="2026-01-01T10:08:00Z"))
    _, whole = get(edge)
    assert (whole["initialWeightKg"], whole["finalWeightKg"]) == ("101", "101")
    assert (whole["weightCount"], whole["lateWeightCount"]) == (1, 2)
    assert [w["isLate"] for w in whole["weights"]] == [False, True, True]


def test_the_initial_weight_is_the_earliest_not_the_first_that_came(edge):
    post(edge, "", creation())
    for kg, second in ((103, 30), (101, 10), (102, 20)):
        post(edge, "/s1/bind-weight", body(weightKg=kg, at=f"2026-01-01T10:00:{second}Z"))
    _, whole = get(edge)
    assert (whole["initialWeightKg"], whole["finalWeightKg"]) == ("101", "103")


def test_two_tenants_sessions_of_one_name_and_one_event_id_are_two(edge):
    shared = new_id()
    for tenant, kg in (("t1", 100), ("t2", 200)):
        post(edge, "", creation(tenant=tenant))
        post(edge, "/s1/bind-weight", dict(body(tenant, weightKg=kg), eventId=shared))
    assert get(edge, tenant="t1")[1]["finalWeightKg"] == "100"
    assert get(edge, tenant="t2")[1]["finalWeightKg"] == "200"
    assert get(edge, tenant="t3")[0] == 404
    assert ask(f"{edge.edge_url}{SESSIONS}/s1")[1]["error"]["code"] == "MISSING_TENANT"
    post(edge, "", creation("s2", tenant="t2"))
    assert ask(f"{edge.edge_url}{SESSIONS}/s2")[1]["tenantId"] == "t2"


def test_an_event_id_that_names_another_weight_is_a_conflict(edge):
    weight = body(weightKg=100)
    assert post(edge, "/s1/bind-weight", weight)[0] == 200
    assert post(edge, "/s1/bind-weight", dict(weight, weightKg=101))[0] == 409
    assert post(edge, "/s2/bind-weight", weight)[0] == 409
    assert edge.count("edge", "session_weights") == 1


def test_attaching_media_and_results(edge):
    attach = {"media_id": "m1", "inference_result_id": "r1",
              "captured_at": "2026-01-01T10:00:30Z"}
    assert post(edge, "/s1/attach", attach, "t1")[0] == 404
    post(edge, "", creation())
    assert post(edge, "/s1/attach", attach)[0] == 400
    for wrong in ({}, {"media_id": None}, {"media_id": 5}, {"media_id": "m1",
                  "captured_at": "noon"}):
        assert post(edge, "/s1/attach", wrong, "t1")[0] == 400
    status, answer = post(edge, "/s1/attach", attach, "t2")
    assert status == 403 and answer["error"]["code"] == "TENANT_MISMATCH"
    status, answer = post(edge, "/s1/attach", attach, "t1")
    assert status == 200 and answer["session"]["inferenceResultId"] == "r1"
    assert answer["media_binding"]["eventId"] == "attach-t1-m1"
    assert post(edge, "/s1/bind-media", body(mediaObjectId="m1"))[0] == 200
    status, answer = post(edge, "/s1/attach", {"inference_result_id": "r2"}, "t1")
    assert answer["session"]["inferenceResultId"] == "r2" and answer["media_binding"] is None
    assert get(edge)[1]["imageCount"] == 1


def test_a_cancelled_session_takes_no_more_and_is_not_told(edge):
    assert post(edge, "/s1/cancel", body())[0] == 404
    post(edge, "", creation())
    assert post(edge, "/s1/cancel", body())[1]["status"] == "cancelled"
    assert post(edge, "/s1/bind-weight", body(weightKg=1))[0] == 409
    assert post(edge, "/s1/finalize", body())[0] == 409
    assert edge.count("edge", "session_weights") == 0 and types_told(edge) == ["session.created"]
    post(edge, "", creation("s2"))
    post(edge, "/s2/finalize", body())
    assert post(edge, "/s2/cancel", body())[0] == 409


def test_a_session_without_an_image_is_incomplete_once_until_one_comes(edge):
    def incomplete():
        return metric(edge, edge.edge_url, "farmiq_sessions_incomplete_total")

    post(edge, "", creation("old"))
    post(edge, "", creation("young", at=moment()))
    wait_for("the alert", 5, lambda: incomplete() == 1)
    assert get(edge, "old")[1]["isIncomplete"] is True
    assert get(edge, "young")[1]["isIncomplete"] is False
    post(edge, "/old/bind-media", body(mediaObjectId="m1"))
    assert get(edge, "old")[1]["isIncomplete"] is False
    assert incomplete() == 1


def test_a_batch_keeps_its_good_events_and_names_the_others(edge):
    def event(kind, **changes):
        made = {**fact(kind, "t1"), "session_id": "s1", "farm_id": "f1", "barn_id": "b1",
                "station_id": "st-1", **changes}
        return {key: value for key, value in made.items() if value is not ...}

    sent = [event("weight.recorded"), event("created"),
            event("weight.recorded", payload={"weight_kg": -1}),
            event("created", session_id=...), event("created", tenant_id=...),
            event("created", event_type="weighvision.frame.uploaded"),
            event("image.captured", ts="noon"), event("finalized")]
    status, answer = ask(f"{edge.edge_url}/api/v1/weighvision/events", {"events": sent})
    assert status == 200 and answer["ingested_count"] == 3
    assert {r["index"]: r["error"] for r in answer["results"]} == {
        2: "INVALID_PAYLOAD", 3: "MISSING_SESSION_ID", 4: "TENANT_MISMATCH",
        5: "UNKNOWN_EVENT_TYPE", 6: "INVALID_TIME"}
    assert get(edge)[1]["status"] == "finalized"
    assert ask(f"{edge.edge_url}/api/v1/weighvision/events", {"events": 1})[0] == 400


# -- over MQTT ----------------------------------------------------------------------


@pytest.mark.parametrize("kind, payload, fate", [
    ("created", {}, "acked"), ("created", {"batch_id": 7}, "acked"),
    ("created", {"session_id": "other"}, "INVALID_PAYLOAD"),
    ("weight.recorded", {"weightKg": 100}, "acked"), ("weight.recorded", {"value": 1}, "acked"),
    ("weight.recorded", {"weight_kg": "1"}, "INVALID_PAYLOAD"),
    ("weight.recorded", {}, "INVALID_PAYLOAD"), ("weight.recorded", {"weight_kg": 0},
                                                 "INVALID_PAYLOAD"),
    ("image.captured", {"mediaObjectId": "m1", "sha256": None}, "acked"),
    ("image.captured", {"media_id": ""}, "INVALID_PAYLOAD"),
    ("inference.completed", {"inference_result_id": "r1"}, "acked"),
    ("inference.completed", {}, "INVALID_PAYLOAD"),
    ("finalized", {"image_count": -1}, "acked"), ("frame.uploaded", {}, "NO_ROUTE")])
def test_the_fate_of_a_fact(shared_farm, kind, payload, fate):
    message = fact(kind, at=moment(), payload=payload)
    with Device(shared_farm) as device:
        device.listen("st-1")
        device.publish(topic(f"s-{new_id()}", full(kind)), message)

        def answer():
            for ack in device.acks:
                if message["event_id"] in ack["acked"]:
                    return "acked"
                for refused in ack["refused"]:
                    if refused["event_id"] == message["event_id"]:
                        return refused["error"]
            return None
        assert wait_for("the answer", 10, answer) == fate
