# SPDX-License-Identifier: Apache-2.0
"""Weigh sessions from the scale to the cloud's answers: their facts come in any order and
come again, and leave the same rows (spec edge 7.3)."""
import contextlib
import itertools
import json
import signal
import sqlite3
import time
from urllib.parse import urlencode

import pytest

import farm as farm_module
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
    text = json.dumps(row, default=str).replace(f'"{session}"', '"S"').replace(f'\\"{session}\\"', '"S"')
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


def test_all_orders_of_a_sessions_facts_leave_the_same_rows(any_farm):
    farm = any_farm
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
    weight = body(weightKg=100)
    post(edge, "/s1/bind-weight", weight)
    post(edge, "/s1/bind-media", body(mediaObjectId="m1"))
    first = post(edge, "/s1/finalize", body(at="2026-01-01T10:02:00Z"))[1]
    for _ in range(2):
        assert post(edge, "", creation())[0] == 201
        assert post(edge, "/s1/bind-weight", weight)[0] == 200
        assert post(edge, "/s1/bind-media", body(mediaObjectId="m1"))[0] == 200
        assert post(edge, "/s1/finalize", body(at="2026-01-01T10:02:00Z")) == (200, first)
        assert post(edge, "/s1/finalize", body(at="2026-01-01T10:05:00Z")) == (200, first)
    assert get(edge)[1]["weightCount"] == 1
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
    for _ in range(2):
        post(edge, "/s1/bind-media", body(mediaObjectId="m1", at="2026-01-01T10:01:00Z"))
    assert types_told(edge) == ["image.captured", "session.created", "session.finalized"]
    payload = json.loads(edge.query(
        "edge", "SELECT payload_json FROM sync_outbox WHERE event_type LIKE '%captured'")[0][0])
    assert (payload["session_id"], payload["media_id"]) == ("s1", "m1")


def test_an_image_that_is_attached_after_the_end_reaches_the_session_at_the_cloud(farm):
    """edge 4.3, cloud 3.4: its store did not know the session, and the end has been told."""
    session = f"late-{new_id()}"
    post(farm, "", creation(session, TENANT))
    post(farm, f"/{session}/finalize", body(TENANT, "2026-01-01T10:02:00Z"))
    wait_for("the end", 60,
             lambda: "session.finalized" in types_told(farm, TENANT, session), 0.2)
    assert post(farm, f"/{session}/attach", {"media_id": "m-late"}, TENANT)[0] == 200
    assert "image.captured" in types_told(farm, TENANT, session)
    at_cloud = f"SELECT object_id FROM weighvision_media WHERE session_id = '{session}'"
    wait_for("the image at the cloud", 60, lambda: [
        tuple(row) for row in farm.query("cloud", at_cloud)] == [("m-late",)], 0.2)


def test_what_waits_for_created_in_vain_is_told_without_it(edge):
    edge.processes["edge"].end()
    edge.processes["edge"].env.update(SESSION_ORPHAN_TIMEOUT="1s")
    edge.processes["edge"].start()
    post(edge, "/s1/bind-weight", body(weightKg=100))
    post(edge, "/s1/finalize", body(at="2026-01-01T10:02:00Z"))
    wait_for("the orphan", 10, lambda: len(types_told(edge)) == 2)
    assert types_told(edge) == ["session.finalized", "weight.recorded"]
    post(edge, "/s1/bind-weight", body(weightKg=101))
    wait_for("its second weight", 10, lambda: len(types_told(edge)) == 3)
    post(edge, "", creation())
    post(edge, "/s1/bind-media", body(mediaObjectId="m1"))
    assert types_told(edge) == ["image.captured", "session.created", "session.finalized",
                                "weight.recorded", "weight.recorded"]
    assert metric(edge, edge.edge_url, "farmiq_sessions_orphaned_total") == 2


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


def test_what_is_attached_before_created_is_there_when_it_comes(edge):
    attach = {"media_id": "m1", "inference_result_id": "r1"}
    for _ in range(2):
        status, answer = post(edge, "/s1/attach", attach, "t1")
        assert (status, answer["session"]["status"]) == (202, "pending")
        assert answer["media_binding"]["isBound"] is False
    assert get(edge)[0] == 404 and types_told(edge) == []
    session = post(edge, "", creation())[1]
    assert (session["status"], session["imageCount"]) == ("created", 1)
    assert (session["inferenceResultId"], session["stationId"]) == ("r1", "st-1")


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


# -- age ----------------------------------------------------------------------------


DAY_MS = 24 * 3600 * 1000


def write(farm, database, sql):
    """Time passes: the database is told what it would say by then."""
    with contextlib.closing(sqlite3.connect(farm.home / f"{database}.db", timeout=10)) as db:
        with db:
            db.execute(sql)


def test_old_sessions_go_with_their_facts_once_the_cloud_has_them(farm):
    farm.processes["edge"].end()
    farm.processes["edge"].env.update(
        SESSION_CLEANUP_INTERVAL_MS="100", OUTBOX_CLEANUP_INTERVAL_MS="100",
        SESSION_SETTLE_MS="60s")
    farm.processes["edge"].start()
    with Device(farm) as device:
        for name, kinds in (("done", KINDS), ("untold", ["created", "finalized"])):
            for kind in kinds:
                device.publish(topic(name, kind), fact(kind))
        device.flush()
    wait_for("the cloud", 20, lambda: farm.query(
        "edge", "SELECT count(*) FROM sync_outbox WHERE status = 'acked'")[0][0] == 4)
    write(farm, "edge", f"UPDATE weigh_session SET updated_at = updated_at - {91 * DAY_MS}")
    time.sleep(0.5)
    assert farm.count("edge", "weigh_session") == 2, "something of them is in the outbox"
    write(farm, "edge", f"UPDATE sync_receipt SET acked_at = acked_at - {15 * DAY_MS}")
    wait_for("the purge", 10, lambda: farm.count("edge", "weigh_session") == 1)
    assert farm.query("edge", "SELECT session_id FROM weigh_session") == [("untold",)]
    assert farm.count("edge", "weigh_weight") == farm.count("edge", "weigh_media") == 0


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


# -- at the cloud ---------------------------------------------------------------------


def sessions_of(farm, path="", **query):
    return farm.get(f"{farm.cloud_url}{SESSIONS}{path}?{urlencode(query)}")


def has_all(session):
    return (session["status"] == "FINALIZED" and session["measurements"]
            and session["imageCount"] and session["batchId"])


def comparable(session):
    """A session of the cloud without what names it and without our own clock."""
    text = json.dumps({key: value for key, value in session.items()
                       if key not in ("id", "sessionId", "createdAt", "updatedAt")})
    for child in session["measurements"]:
        text = text.replace(child["id"], "W")
    return text


def test_the_cloud_shows_one_session_whatever_the_order(any_farm):
    farm = any_farm
    orders = list(itertools.permutations(KINDS))
    with Device(farm) as device:
        publish_all(device, orders)

    def there():
        items = sessions_of(farm, limit=1000)["items"]
        return len(items) == len(orders) and all(has_all(s) for s in items) and items
    items = wait_for("the sessions at the cloud", 30, there)
    assert len({comparable(session) for session in items}) == 1
    one = sessions_of(farm, "/s-0")
    assert (one["startedAt"], one["endedAt"]) == ("2026-01-01T10:00:00.000Z",
                                                  "2026-01-01T10:02:00.000Z")
    assert (one["finalWeightKg"], one["stationId"], one["imageCount"]) == (120.5, "st-1", 1)
    assert len(one["measurements"]) == 1 and one["measurements"][0]["source"] == "scale"
    def summed_up():
        found = farm.get(f"{farm.cloud_url}/api/v1/weighvision/weight-aggregates?farmId={FARM}"
                         "&start=2026-01-01&end=2026-01-01")["items"]
        return found and found[0]["sampleCount"] == len(orders) and found
    found = wait_for("the day", 15, summed_up)
    assert len(found) == 1 and found[0]["p50"] == found[0]["p50WeightKg"] == 120.5
    assert found[0]["batchId"] == "batch-7" and found[0]["qualityPassRate"] == 1


class Cloud:
    """A cloud alone, which believes any batch."""

    def __init__(self, tmp_path, build, **more):
        self.farm = farm_module.Farm(tmp_path / "farm", build)
        self.token, self.other = self.farm.token, new_id()
        self.farm.start_cloud(
            CLOUD_AUTH_MODE="none", FARMIQ_INSECURE_DEV="true", EDGE_KEYS="",
            API_TOKENS=f"{self.token}:{TENANT},{self.other}:t2", **more)

    def send(self, events, tenant=TENANT):
        status, answer = ask(
            f"{self.farm.cloud_url}/api/v1/edge/batch",
            {"tenant_id": tenant, "edge_id": "e", "sent_at": moment(), "events": events},
            ca=self.farm.ca)
        assert status == 200 and answer["rejected"] == 0, answer

    def get(self, path, token=None):
        return ask(f"{self.farm.cloud_url}/api/v1/weighvision/{path}",
                   headers={"Authorization": f"Bearer {token or self.token}"},
                   ca=self.farm.ca)

    def settled(self):
        return self.farm.count("cloud", "bus_sessions_event") == 0 and \
            self.farm.count("cloud", "weigh_day") == 0

    def take(self, events, tenant=TENANT):
        self.send(events, tenant)
        wait_for("the bus and the days", 15, self.settled)


def batch_fact(event_type, session, at, payload, tenant=TENANT, **changes):
    made = {"event_id": new_id(), "event_type": event_type, "tenant_id": tenant,
            "farm_id": FARM, "barn_id": BARN, "station_id": "st-1", "device_id": "scale-1",
            "session_id": session, "batch_id": "batch-7", "occurred_at": at,
            "trace_id": "trace-1", "schema_version": "1.0", "payload": payload, **changes}
    return {key: value for key, value in made.items() if value is not None}


def weighing(session, kg, day="2026-01-01", tenant=TENANT, **changes):
    """created, weight and finalized of one session."""
    def one(kind, time, payload):
        return batch_fact(kind, session, f"{day}T{time}Z", payload, tenant, **changes)
    return [one("weighvision.session.created", "10:00:00", {}),
            one("weighvision.weight.recorded", "10:00:10", {"weight_kg": kg}),
            one("weighvision.session.finalized", "10:02:00",
                {"final_weight_kg": kg, "image_count": 2})]


@pytest.fixture
def cloud(tmp_path, build):
    made = Cloud(tmp_path, build)
    try:
        yield made
    finally:
        made.farm.end()


def test_pages_of_sessions_follow_each_other_without_gap_or_repeat(cloud):
    cloud.take([event for n in range(25) for event in weighing(f"s-{n:02}", 100 + n)])
    seen, cursor = [], ""
    while True:
        status, page = cloud.get(f"sessions?limit=10&cursor={cursor}")
        assert status == 200
        seen += [session["sessionId"] for session in page["items"]]
        if not page["hasMore"]:
            break
        cursor = page["nextCursor"]
        cloud.take(weighing(f"later-{len(seen)}", 50, day="2026-02-01"))
    assert page["nextCursor"] is None
    assert len(seen) == len(set(seen)) == 25


def test_sessions_are_filtered(cloud):
    cloud.take(weighing("a", 100) + weighing("b", 100, batch_id="batch-8", barn_id="barn-2")
               + weighing("c", 100, day="2026-01-05")[:2] + weighing("x", 100, tenant=TENANT,
                                                                     station_id="st-2"))
    cloud.take(weighing("a", 200, tenant="t2"), "t2")

    def names(query, token=None):
        return sorted(s["sessionId"] for s in cloud.get(f"sessions?{query}", token)[1]["items"])
    assert names("") == ["a", "b", "c", "x"]
    assert names("batchId=batch-8") == names("batch_id=batch-8") == names("barnId=barn-2") == ["b"]
    assert names("stationId=st-2") == ["x"]
    assert names("status=RUNNING") == ["c"]
    assert names("from=2026-01-02T00:00:00Z") == ["c"]
    assert names("to=2026-01-02T00:00:00Z") == ["a", "b", "x"]
    assert names("", cloud.other) == ["a"]
    assert cloud.get("sessions/a")[1]["finalWeightKg"] == 100
    assert cloud.get("sessions/a", cloud.other)[1]["finalWeightKg"] == 200
    assert cloud.get("sessions/c", cloud.other)[0] == 404
    assert cloud.get("sessions?tenantId=t2")[0] == 403
    for wrong in ("status=DONE", "limit=0", "limit=1001", "cursor=x", "from=noon"):
        assert cloud.get(f"sessions?{wrong}")[0] == 400, wrong


def test_facts_without_created_make_a_running_session_and_its_end_is_final(cloud):
    created, weight, finalized = weighing("s1", 100)
    cloud.take([weight])
    assert cloud.get("sessions/s1")[1]["status"] == "RUNNING"
    assert cloud.get("sessions/s1")[1]["startedAt"] == "2026-01-01T10:00:10.000Z"
    cloud.take([finalized])
    assert cloud.get("sessions/s1")[1]["status"] == "FINALIZED"
    cloud.take([created])
    session = cloud.get("sessions/s1")[1]
    assert session["status"] == "FINALIZED"
    assert session["startedAt"] == "2026-01-01T10:00:00.000Z" and session["imageCount"] == 2


def prediction(session, kg, confidence):
    return batch_fact("inference.completed", session, "2026-01-01T10:01:00Z",
                      {"inference_result_id": new_id(), "session_id": session,
                       "predicted_weight_kg": kg, "confidence": confidence,
                       "model_version": "m-1", "media_id": "m1"})


@pytest.mark.parametrize("place", range(4))
def test_a_prediction_finds_its_session_whenever_it_comes(cloud, place):
    """Before created, in between, and after the end: each in a batch of its own."""
    facts = weighing("s1", 100)
    facts.insert(place, prediction("s1", 101, 0.9))
    for fact in facts:
        cloud.take([fact, fact])
    session = cloud.get("sessions/s1")[1]
    assert session["status"] == "FINALIZED" and session["finalWeightKg"] == 100
    assert session["startedAt"] == "2026-01-01T10:00:00.000Z"
    assert [found["predictedWeightKg"] for found in session["inferences"]] == [101]


def test_a_days_figures_count_each_finalized_session_once(cloud):
    def day(query="start=2026-01-01&end=2026-01-01"):
        return cloud.get(f"weight-aggregates?{query}")[1]["items"]

    events = [e for n, kg in enumerate((100, 110, 120, 130, 140)) for e in weighing(f"s{n}", kg)]
    events += weighing("open", 500)[:2]
    cloud.take(events)
    found = day()[0]
    assert (found["avg_weight_kg"], found["p10"], found["p50"], found["p90"]) == (120, 104, 120, 136)
    assert (found["sample_count"], found["quality_pass_rate"]) == (5, 1)
    cloud.take(events[:6] + weighing("s0", 101)[1:2])
    assert day()[0]["sampleCount"] == 5
    # No scale: a trusted prediction is a weight; one that is not is none, and is counted.
    for name, confidence in (("p1", 0.9), ("p2", 0.4)):
        created, _, finalized = weighing(name, 1)
        finalized["payload"] = {"final_weight_kg": None, "image_count": 1}
        cloud.take([finalized, prediction(name, 150, confidence), created])
    assert (day()[0]["sampleCount"], round(day()[0]["qualityPassRate"], 4)) == (6, 0.8571)
    assert cloud.get("sessions/p1")[1]["inferences"][0]["resultJson"]["confidence"] == 0.9
    assert day("start=2026-01-02&end=2026-01-05") == []
    for wrong in ("start=2026-01-01", "start=2026-01-02&end=2026-01-01", "start=x&end=y",
                  "start=2020-01-01&end=2026-01-01", "start=2026-01-01&end=2026-01-01&tz=Mars"):
        assert cloud.get(f"weight-aggregates?{wrong}")[0] == 400, wrong


@pytest.mark.parametrize("is_wanted", [False, True])
def test_a_day_is_told_where_somebody_takes_it(tmp_path, build, is_wanted):
    """Else it would lie unrouted, and the alarm for that would never rest."""
    def told():
        return [json.loads(row[0]) for row in cloud.farm.query(
            "cloud", "SELECT payload FROM bus_unrouted_event WHERE event_type = "
                     "'weighvision.weight_aggregate.upserted'")]

    cloud = Cloud(tmp_path, build, WEIGHT_AGGREGATE_EVENTS=str(is_wanted).lower())
    try:
        cloud.take(weighing("s1", 100))
        if is_wanted:
            assert wait_for("a day", 60, told)[0]["avg_weight_kg"] == 100
        else:
            cloud.get("weight-aggregates?start=2026-01-01&end=2026-01-01")
            assert told() == []
    finally:
        cloud.farm.end()


def test_days_are_local(tmp_path, build):
    cloud = Cloud(tmp_path, build, TIME_ZONE="Asia/Bangkok")
    try:
        for name, hour in (("before", 16), ("after", 17)):
            events = weighing(name, 100)
            for event in events:
                event["occurred_at"] = f"2026-01-01T{hour}:30:00Z"
            cloud.take(events)
        items = cloud.get("weight-aggregates?start=2026-01-01&end=2026-01-02")[1]["items"]
        assert [item["date"] for item in items] == ["2026-01-01", "2026-01-02"]
    finally:
        cloud.farm.end()


def test_a_zone_that_does_not_exist_is_an_error_at_start(tmp_path, build):
    with pytest.raises(RuntimeError):
        Cloud(tmp_path, build, TIME_ZONE="Mars/Olympus")


def test_analytics_by_day_week_and_month(cloud):
    cloud.take([event for n, day in enumerate(("2026-01-04", "2026-01-05", "2026-02-01"))
                for k in range(11) for event in weighing(f"s{n}-{k}", 100 + 10 * n + k, day=day)])

    def trend(more):
        status, answer = cloud.get(
            f"analytics?start_date=2026-01-01&end_date=2026-02-28{more}")
        assert status == 200
        return answer["data"]
    data = trend("")
    assert [d["date"] for d in data["weight_trend"]] == ["2026-01-04", "2026-01-05", "2026-02-01"]
    first = data["weight_trend"][0]
    assert (first["avg_weight_kg"], first["min_weight_kg"], first["max_weight_kg"]) == \
        (105, 100, 110)
    assert [first[f"p{p}_weight_kg"] for p in (10, 25, 50, 75, 90)] == \
        [101, 102.5, 105, 107.5, 109]
    statistics = data["statistics"]
    assert statistics["current_avg_weight_kg"] == 125 and statistics["iqr_kg"] == 5
    assert round(statistics["current_stddev_kg"], 4) == 3.3166
    assert round(statistics["cv"], 4) == 2.6533 and statistics["uniformity_percent"] == 100
    bins = data["distribution"]["bins"]
    assert len(bins) == 10 and sum(b["count"] for b in bins) == 11
    assert bins[0] == {"range": "120-121", "count": 1} and bins[9]["count"] == 2
    assert [d["date"] for d in trend("&aggregation=weekly")["weight_trend"]] == \
        ["2025-12-29", "2026-01-05", "2026-01-26"]
    assert [(d["date"], d["sample_count"]) for d in
            trend("&aggregation=monthly")["weight_trend"]] == [("2026-01-01", 22),
                                                               ("2026-02-01", 11)]
    assert trend("&batch_id=none")["weight_trend"] == []
    assert cloud.get("analytics?start_date=2026-01-01&end_date=2026-01-02&aggregation=x")[0] == 400


def test_what_is_no_fact_becomes_a_dead_letter_and_media_of_nobody_pass(cloud):
    bad = batch_fact("weighvision.weight.recorded", "s1", moment(), {"weight_kg": -1})
    stray = batch_fact("media.stored", None, moment(), {"media_id": "m1"})
    cloud.send([bad, stray] + weighing("s2", 100))
    wait_for("the good ones", 15, lambda: cloud.get("sessions/s2")[0] == 200)
    wait_for("the dead letter", 15, lambda: cloud.farm.count("cloud", "bus_sessions_dead") == 1)
    assert cloud.get("sessions/s1")[0] == 404
    assert cloud.farm.count("cloud", "weigh_media") == 0


# -- whatever is killed -----------------------------------------------------------------


@pytest.mark.parametrize("victims", [["edge"], ["cloud"], ["edge", "cloud"]])
def test_kill_minus_nine_loses_and_doubles_nothing(any_farm, victims):
    farm = any_farm
    orders = list(itertools.permutations(KINDS)) * 4
    with Device(farm) as device:
        expected = {}
        for start in range(0, len(orders), 12):
            sessions = {}
            for number, order in enumerate(orders[start:start + 12], start):
                sessions[f"s-{number}"] = {kind: fact(kind) for kind in order}
            expected.update(sessions)
            for name, facts in sessions.items():
                for kind, message in facts.items():
                    device.publish(topic(name, kind), message)
            for name in victims:
                farm.processes[name].end(signal.SIGKILL)
            for name in reversed(victims):
                farm.processes[name].start()
        device.flush()

    def there():
        items = sessions_of(farm, limit=1000)["items"]
        return len(items) == len(expected) and all(has_all(s) for s in items) and items
    items = wait_for("every session at the cloud", 60, there)
    assert {item["sessionId"] for item in items} == set(expected)
    assert len({comparable(item) for item in items}) == 1
    wait_for("the outbox", 30, lambda: farm.query(
        "edge", "SELECT count(*) FROM sync_outbox WHERE status <> 'acked'")[0][0] == 0)
    assert told(farm) == 3 * len(expected)
    assert farm.count("cloud", "weigh_weight") == len(expected)
    assert farm.query("edge", "SELECT count(*) FROM weight_sessions WHERE status = 'finalized' "
                              "AND image_count = 1 AND final_weight_kg = 120.5"
                      )[0][0] == len(expected)
