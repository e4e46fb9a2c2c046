# SPDX-License-Identifier: Apache-2.0
"""Weigh sessions at the edge, by HTTP and by MQTT."""
import itertools

import pytest

from wire import TIME, envelope, fresh, new_id, wait_for

SESSIONS = "/api/v1/weighvision/sessions"
FIELDS = {"id", "sessionId", "tenantId", "farmId", "barnId", "deviceId", "stationId", "batchId",
          "status", "startAt", "endAt", "initialWeightKg", "finalWeightKg", "imageCount",
          "inferenceResultId", "createdAt", "updatedAt"}
HOUR = "2025-05-01T10"


class Session:
    """One session and what can be said about it."""

    def __init__(self, door, place):
        self.door, self.place, self.id = door, place, fresh("s")

    def post(self, what, **body):
        fact = {"tenantId": self.place.tenant, "eventId": new_id(),
                "occurredAt": f"{HOUR}:30:00Z", **body}
        return self.door.post(f"{SESSIONS}/{self.id}/{what}",
                              {name: value for name, value in fact.items()
                               if value is not ...})

    def create(self, **changes):
        place = self.place
        body = {"sessionId": self.id, "eventId": new_id(), "tenantId": place.tenant,
                "farmId": place.farm, "barnId": place.barn, "deviceId": place.device,
                "stationId": place.station, "startAt": f"{HOUR}:00:00Z", **changes}
        return self.door.post(SESSIONS, {name: value for name, value in body.items()
                                         if value is not ...})

    def get(self, tenant=None):
        return self.door.get(f"{SESSIONS}/{self.id}", tenantId=tenant or self.place.tenant)

    def read(self):
        answer = self.get()
        assert answer.status == 200, answer
        return answer.json


@pytest.fixture
def session(edge_sessions, place):
    return Session(edge_sessions, place)


def test_a_session_is_created(session, place):
    """edge 4.3: 201 with the session object; the same again finds it and changes nothing."""
    event = new_id()
    first = session.create(eventId=event, batchId="batch-1",
                           startAt="2025-05-01T17:00:00+07:00")
    assert first.status == 201 and FIELDS <= set(first.json)
    assert (first.json["sessionId"], first.json["tenantId"], first.json["stationId"]) == (
        session.id, place.tenant, place.station)
    assert first.json["startAt"] == f"{HOUR}:00:00.000Z" and first.json["batchId"] == "batch-1"
    assert first.json["status"] == "created" and first.json["endAt"] is None
    assert first.json["imageCount"] == 0 and first.json["initialWeightKg"] is None
    again = session.create(eventId=event, batchId="batch-1")
    assert again.status == 201 and again.json["id"] == first.json["id"]


@pytest.mark.parametrize("member", ["sessionId", "eventId", "tenantId", "farmId", "barnId",
                                    "deviceId", "stationId", "startAt"])
def test_what_a_session_needs(session, member):
    """edge 4.3: each of these is needed, and not empty: else 400 that names it."""
    for value in (..., "", None, 7):
        answer = session.create(**{member: value})
        assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR", value
        assert member in answer.error["message"]


def test_a_session_and_its_weights(session):
    """edge 4.3, 7.3: GET lists the weights, oldest first; the first weight is the earliest and
    the last one the latest, whatever order they came in; decimals are strings."""
    session.create()
    for at, weight in ((20, 2.31), (10, 2.05), (25, 2.4)):
        answer = session.post("bind-weight", weightKg=weight, occurredAt=f"{HOUR}:{at}:00Z")
        assert answer.status == 200
        assert float(answer.json["weightKg"]) == weight
        assert isinstance(answer.json["weightKg"], str)
    session.post("finalize")
    read = session.read()
    assert [float(weight["weightKg"]) for weight in read["weights"]] == [2.05, 2.31, 2.4]
    assert (float(read["initialWeightKg"]), float(read["finalWeightKg"])) == (2.05, 2.4)
    assert all(TIME.fullmatch(weight["occurredAt"]) for weight in read["weights"])


def test_images_are_counted_once(session):
    """edge 4.3, 7.3: imageCount is the number of different bound images; an image before its
    session waits, unbound."""
    image = new_id()
    early = session.post("bind-media", mediaObjectId=image)
    assert early.status == 200 and early.json["isBound"] is False
    session.create()
    assert session.post("bind-media", mediaObjectId=image).status == 200
    late = session.post("bind-media", mediaObjectId=new_id())
    assert late.json["isBound"] is True and late.json["mediaObjectId"]
    assert session.read()["imageCount"] == 2


def test_the_first_end_stands(session):
    """edge 4.3, 7.3: finalize is 200 with the session, endAt the event's time; repeating it is
    200 and changes nothing."""
    session.create()
    session.post("bind-weight", weightKg=2.31)
    event = new_id()
    first = session.post("finalize", eventId=event, occurredAt=f"{HOUR}:40:00Z")
    assert first.status == 200 and first.json["status"] == "finalized"
    assert first.json["endAt"] == f"{HOUR}:40:00.000Z"
    again = session.post("finalize", eventId=event, occurredAt=f"{HOUR}:40:00Z")
    assert again.status == 200 and again.json["endAt"] == first.json["endAt"]


def test_an_end_before_the_beginning(session, differs):
    """edge 4.3, 7.3: finalizing a session that is not there."""
    answer = session.post("finalize", occurredAt=f"{HOUR}:40:00Z")
    differs("an-end-is-remembered", answer.status == 404, answer.status == 202)
    if answer.status == 202:
        session.create()
        assert session.read()["status"] == "finalized"


@pytest.mark.parametrize("what, body", [
    ("bind-weight", {}), ("bind-weight", {"weightKg": "2.3"}), ("bind-weight", {"weightKg": -1}),
    ("bind-weight", {"weightKg": 1e9}), ("bind-weight", {"weightKg": 2, "occurredAt": "noon"}),
    ("bind-weight", {"weightKg": 2, "tenantId": ...}),
    ("bind-weight", {"weightKg": 2, "eventId": ""}), ("bind-media", {}),
    ("bind-media", {"mediaObjectId": ""}), ("bind-media", {"mediaObjectId": 5}),
    ("finalize", {"tenantId": ...}), ("finalize", {"occurredAt": ...})])
def test_a_fact_of_the_wrong_shape(session, what, body):
    """edge 4.3, 13-G8: 400 VALIDATION_ERROR; a weight is a positive number that can be."""
    session.create()
    answer = session.post(what, **body)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"


def test_a_session_that_is_not_there(session):
    """edge 4.3: GET is 404 NOT_FOUND."""
    answer = session.get()
    assert answer.status == 404 and answer.error["code"] == "NOT_FOUND"


def test_a_session_of_another_tenant(session, place):
    """edge 13-E3: the tenant is part of a session's key: another's is not there."""
    session.create()
    assert session.get(place.other_tenant).status in (403, 404)


def attach(session, headers, **body):
    return session.door.post(f"{SESSIONS}/{session.id}/attach", body, headers)


def test_images_and_results_are_attached(session, place):
    """edge 4.3: attach binds an image or an inference's result to a session that is there."""
    tenant = {"x-tenant-id": place.tenant}
    session.create()
    image, result = new_id(), new_id()
    first = attach(session, tenant, media_id=image)
    assert first.status == 200 and first.json["media_binding"]["mediaObjectId"] == image
    assert first.json["session"]["imageCount"] == 1
    assert attach(session, tenant, media_id=image).json["session"]["imageCount"] == 1
    second = attach(session, tenant, inference_result_id=result)
    assert second.json["media_binding"] is None
    assert second.json["session"]["inferenceResultId"] == result


def test_what_is_attached_to_a_session_that_is_not_there(session, place):
    """edge 4.3, 7.3: it is not found, or remembered until created comes."""
    tenant = {"x-tenant-id": place.tenant}
    status = attach(session, tenant, media_id=new_id()).status
    session.create()
    assert (status, session.get().json["imageCount"]) in ((404, 0), (202, 1))


def test_what_cannot_be_attached(session, place):
    """edge 4.3: without a tenant or without anything to attach 400; another's session 403 or
    404."""
    session.create()
    tenant = {"x-tenant-id": place.tenant}
    assert attach(session, tenant).status == 400
    assert attach(session, {}, media_id=new_id()).status == 400
    foreign = attach(session, {"x-tenant-id": place.other_tenant}, media_id=new_id())
    assert foreign.status in (403, 404)
    assert foreign.error["code"] in ("TENANT_MISMATCH", "NOT_FOUND")


# -- in every order --------------------------------------------------------------------

FACTS = {
    "created": ("weighvision.session.created", "00", {"batch_id": "batch-7"}),
    "weight.recorded": ("weighvision.weight.recorded", "10", {"weight_kg": 2.31}),
    "image.captured": ("weighvision.image.captured", "20", {}),
    "finalized": ("weighvision.session.finalized", "30", {"image_count": 1}),
}


def publish(device, place, order, number):
    """A session's facts in this order; short and full topics take turns. Returns the
    session's id and the facts' event ids."""
    name, ids = fresh("s"), {}
    for fact in order:
        kind, minute, payload = FACTS[fact]
        if fact == "image.captured":
            payload = {"media_id": new_id()}
        message = envelope(place, event_type=kind, payload=payload, ts=f"{HOUR}:{minute}:00Z")
        leaf = kind if number % 2 else fact
        device.publish(device.topic("weighvision", place.station, "session", name, leaf),
                       message)
        ids[fact] = message["event_id"]
    return name, ids


def test_all_orders_of_a_sessions_facts(session, device, place, target):
    """edge 14.1 #5, 7.3: all 24 orders of created, weight, image and finalized come to the same
    session."""
    made = [publish(device, place, order, number)
            for number, order in enumerate(itertools.permutations(FACTS))]

    def seen():
        rows = []
        for name, _ in made:
            session.id = name
            answer = session.get()
            if answer.status != 200 or answer.json["status"] != "finalized" or (
                    answer.json["imageCount"], len(answer.json["weights"])) != (1, 1):
                return None
            rows.append(answer.json)
        return rows
    same = ("status", "startAt", "endAt", "initialWeightKg", "finalWeightKg", "imageCount",
            "batchId", "stationId", "deviceId", "farmId", "barnId")
    rows = wait_for("24 finished sessions", target.patience, seen)
    first = {name: rows[0][name] for name in same}
    assert all({name: row[name] for name in same} == first for row in rows)
    assert (first["startAt"], first["endAt"], first["finalWeightKg"], first["batchId"]) == (
        f"{HOUR}:00:00.000Z", f"{HOUR}:30:00.000Z", "2.31", "batch-7")


def test_what_the_cloud_is_told_of_a_session(device, place, forwarder, session, target):
    """edge 14.1 #5, 6.1: created, weight and finalized become events of the outbox under their
    own ids, once, in whatever order and however often they came."""
    assert session
    _, forth = publish(device, place, list(FACTS), 0)
    _, back = publish(device, place, list(reversed(FACTS)), 1)
    wanted = {ids[fact]: FACTS[fact][0] for ids in (forth, back)
              for fact in ("created", "weight.recorded", "finalized")}

    def told():
        entries = [entry for status in ("pending", "claimed", "acked") for entry in
                   forwarder.good("/api/v1/sync/outbox", status=status, limit=1000)["entries"]]
        return {entry["id"]: entry["event_type"] for entry in entries
                if entry["id"] in wanted} == wanted
    wait_for("six events", target.patience, told)
