# SPDX-License-Identifier: Apache-2.0
"""Pictures at the edge, and what a model says of them. They come the way of a device: by the
target's own media store."""
import json
import types

import pytest

from conftest import edge_door
from wire import TIME, fresh, new_id, picture, put_on, wait_for, without

INFERENCE, MEDIA = "/api/v1/inference", "/api/v1/media/images"
SESSIONS = "/api/v1/weighvision/sessions"
JOB = {"job_id", "tenant_id", "farm_id", "barn_id", "device_id", "media_id", "object_key",
       "session_id", "trace_id", "status", "created_at", "updated_at"}
RESULT = {"id", "event_id", "tenant_id", "farm_id", "barn_id", "device_id", "session_id",
          "media_id", "predicted_weight_kg", "predicted_size", "confidence", "model_version",
          "occurred_at", "created_at", "metadata"}


@pytest.fixture
def inference(target, open_door):
    return edge_door(target, open_door, "inference")


@pytest.fixture
def owner(place):
    return {"tenant_id": place.tenant, "farm_id": place.farm, "barn_id": place.barn,
            "device_id": place.device}


@pytest.fixture
def upload(store, owner):
    """A picture into the media store: its id and its key."""
    def of(bytes_, **more):
        tenant = {"x-tenant-id": owner["tenant_id"]}
        given = store.post(f"{MEDIA}/presign", {**owner, "content_type": "image/jpeg",
                                                "filename": "a.jpg", **more}, tenant).json
        sent = put_on(given["upload_url"], bytes_, {"content-type": "image/jpeg"})
        assert sent.status in (200, 201, 204), sent
        done = store.post(f"{MEDIA}/complete", {
            **owner, "object_key": given["object_key"], "mime_type": "image/jpeg", **more}, tenant)
        assert done.status == 200, done
        return types.SimpleNamespace(id=done.json["media_id"], key=given["object_key"])
    return of


@pytest.fixture
def order(inference, owner):
    """A job for a picture."""
    def of(headers=None, **more):
        return inference.post(f"{INFERENCE}/jobs", without({**owner, **more}), headers)
    return of


@pytest.fixture
def ended(inference, target):
    """A job when it has come to its end."""
    def of(answer):
        assert answer.status == 200, answer
        return wait_for("the job's end", target.patience, lambda: (
            job if (job := inference.good(f"{INFERENCE}/jobs/{answer.json['job_id']}"))["status"]
            in ("completed", "failed") else None))
    return of


def results(door, tenant, session, **query):
    return door.get(f"{INFERENCE}/results", {"x-tenant-id": tenant}, sessionId=session, **query)


# -- jobs --------------------------------------------------------------------------------


def test_a_job_from_order_to_result(inference, upload, order, ended, owner):
    """edge 4.5, 9: a job is accepted at once, with its times in UTC, and looked at in the
    background; then it says everything that was ordered, and its result."""
    medium, trace = upload(picture()), fresh("trace")
    answer = order(media_id=medium.id, session_id=fresh("s"), trace_id=trace)
    assert answer.status == 200 and answer.json["status"] in (
        "pending", "processing", "completed")
    assert TIME.fullmatch(answer.json["created_at"]) and TIME.fullmatch(answer.json["updated_at"])
    job = ended(answer)
    assert job["status"] == "completed" and JOB <= set(job) and job["result_id"]
    assert {name: job[name] for name in owner} == owner
    assert (job["job_id"], job["media_id"], job["trace_id"]) == (
        answer.json["job_id"], medium.id, trace)


def test_a_job_in_camel_case(upload, order, ended, owner):
    """edge 4.5: each name also in camelCase."""
    medium = upload(picture(1001))
    camel = {"tenantId": owner["tenant_id"], "farmId": owner["farm_id"],
             "barnId": owner["barn_id"], "deviceId": owner["device_id"],
             "mediaId": medium.id, "sessionId": fresh("s"), "jobType": "inference"}
    job = ended(order(**{name: ... for name in owner}, **camel))
    assert (job["status"], job["media_id"], job["session_id"]) == (
        "completed", medium.id, camel["sessionId"])


def test_a_picture_by_its_key_alone(upload, order, ended):
    """edge 4.5, 13-B7: media_id or object_key is needed; either does."""
    medium = upload(picture(1002))
    job = ended(order(object_key=medium.key))
    assert (job["status"], job["object_key"]) == ("completed", medium.key)


def test_the_same_picture_is_one_job(inference, upload, order, ended, place):
    """edge 9, 13-D2: a job is its medium and the model's version: again it is the same job,
    and has one result."""
    medium, session = upload(picture(1003)), fresh("s")
    first = ended(order(media_id=medium.id, session_id=session))
    again = order(media_id=medium.id, session_id=session)
    assert (again.json["job_id"], again.json["status"]) == (first["job_id"], "completed")
    assert results(inference, place.tenant, session).json["count"] == 1


def test_a_picture_that_is_not_there_fails(order, ended):
    """edge 4.5: a job that cannot be done is failed, with an error."""
    job = ended(order(media_id=new_id()))
    assert job["status"] == "failed" and job["error"] and "result_id" not in job


@pytest.mark.parametrize("changes", [
    {}, {"media_id": "m-1", "tenant_id": ...}, {"media_id": "m-1", "tenant_id": 7},
    {"media_id": ""}, {"media_id": 5}, {"media_id": "m-1", "job_type": "training"},
    {"media_id": "x" * 2000}])
def test_an_order_of_the_wrong_shape(order, changes, differs):
    """edge 4.5, 3.4: a tenant and a picture are needed; what is not text, or too much of it, is
    refused with the error body of all services."""
    answer = order(**changes)
    differs("shapes-are-400", answer.status in (400, 422),
            answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR")


def test_an_order_for_somebody_else(order, place):
    """edge 4.5, 13-B13: x-tenant-id, if sent, must be the body's tenant."""
    answer = order({"x-tenant-id": place.other_tenant}, media_id=new_id())
    assert answer.status == 403 and answer.error["code"] in ("TENANT_MISMATCH", "FORBIDDEN")
    assert order({"x-tenant-id": place.tenant}, media_id=new_id()).status == 200


def test_a_job_that_nobody_ordered(inference):
    """edge 4.5: 404."""
    answer = inference.get(f"{INFERENCE}/jobs/{new_id()}")
    assert answer.status == 404 and answer.error["code"] == "NOT_FOUND"


# -- results -----------------------------------------------------------------------------


def test_results_of_a_session(inference, upload, order, ended, place, owner):
    """edge 4.5: the results of a session, newest first, each a full row, its metadata as JSON
    text; limit bounds them."""
    session = fresh("s")
    media = [upload(picture(2000 + number)) for number in range(3)]
    jobs = [ended(order(media_id=medium.id, session_id=session)) for medium in media]
    said = results(inference, place.tenant, session).json
    assert (said["session_id"], said["count"]) == (session, 3)
    assert [row["id"] for row in said["results"]] == [job["result_id"] for job in reversed(jobs)]
    row = said["results"][0]
    assert RESULT <= set(row) and row["event_id"] == jobs[2]["job_id"]
    assert {name: row[name] for name in owner} == owner and row["media_id"] == media[2].id
    assert TIME.fullmatch(row["occurred_at"]) and TIME.fullmatch(row["created_at"])
    assert 0 <= row["confidence"] <= 1 and row["predicted_weight_kg"] >= 0
    assert isinstance(json.loads(row["metadata"]), dict)
    two = results(inference, place.tenant, session, limit=2).json
    assert two["count"] == 2 and two["results"] == said["results"][:2]


def test_what_the_stub_says(inference, upload, order, ended, place):
    """edge 9, 14.2: the stub's weight and confidence follow from the file's size."""
    if inference.good(f"{INFERENCE}/models")["status"] != "stub_mode":
        pytest.skip("skipped: there is a model that looks")
    for size, weight, confidence in ((204800, 8.0, 0.5), (54321, 3.21, 0.605), (1999, 9.99, 0.95)):
        session = fresh("s")
        job = ended(order(media_id=upload(picture(size)).id, session_id=session))
        row, = results(inference, place.tenant, session).json["results"]
        assert (row["predicted_weight_kg"], row["confidence"]) == (weight, confidence), size
        said = json.loads(row["metadata"])
        assert said["file_size_bytes"] == size and said["stub_mode"] is True
        assert (said["job_id"], said["media_id"], said["session_id"]) == (
            job["job_id"], job["media_id"], session)


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 501}, {"limit": "ten"},
                                   {"sessionId": ""}])
def test_a_question_of_the_wrong_shape(inference, place, query, differs):
    """edge 4.5: sessionId is needed, limit is from 1 to 500."""
    answer = inference.get(f"{INFERENCE}/results", {"x-tenant-id": place.tenant},
                           **{"sessionId": "s-1", **query})
    differs("shapes-are-400", answer.status in (400, 422), answer.status == 400)


def test_results_of_another_tenant(inference, upload, order, ended, place, differs):
    """edge 4.5, 13-E4: one tenant does not see another's results."""
    session = fresh("s")
    ended(order(media_id=upload(picture(3000)).id, session_id=session))
    assert results(inference, place.other_tenant, session).json["count"] == 0
    nobody = inference.get(f"{INFERENCE}/results", sessionId=session)
    differs("results-have-an-owner", nobody.status == 200,
            nobody.status == 400 and nobody.error["code"] == "MISSING_TENANT")


def test_figures(inference, upload, order, ended, place):
    """edge 4.5: the results of the tenant, and when the last one came; nobody's are none."""
    def stats(tenant=None):
        return inference.good(f"{INFERENCE}/stats", {"x-tenant-id": tenant} if tenant else None)
    before = stats(place.tenant)
    ended(order(media_id=upload(picture(4000)).id))
    after = stats(place.tenant)
    assert after["total_results"] == before["total_results"] + 1
    assert TIME.fullmatch(after["last_result_at"]) and after["tenant_id"] == place.tenant
    assert stats()["total_results"] == 0 and stats()["last_result_at"] is None


def test_the_model(inference):
    """edge 4.5: which model looks, and with which thresholds."""
    model = inference.good(f"{INFERENCE}/models")
    assert {"model_version", "model_path", "confidence_threshold", "nms_threshold",
            "status"} <= set(model)
    assert model["status"] in ("ready", "stub_mode") and model["model_version"]


# -- who is told -------------------------------------------------------------------------


def test_the_session_has_its_result(edge_sessions, upload, order, ended, place):
    """edge 9, 4.3: a result is attached to its session."""
    session = fresh("s")
    made = edge_sessions.post(SESSIONS, {
        "sessionId": session, "eventId": new_id(), "tenantId": place.tenant,
        "farmId": place.farm, "barnId": place.barn, "deviceId": place.device,
        "stationId": place.station, "startAt": "2025-05-01T10:00:00Z"})
    assert made.status == 201
    job = ended(order(media_id=upload(picture(5000)).id, session_id=session))
    assert edge_sessions.good(f"{SESSIONS}/{session}", tenantId=place.tenant)[
        "inferenceResultId"] == job["result_id"]


def test_the_cloud_is_told(forwarder, upload, order, ended, target):
    """edge 6.1, 9: inference.completed is in the outbox under the job's id, once."""
    job = ended(order(media_id=upload(picture(6000)).id))

    def told():
        rows = [row for status in ("pending", "claimed", "acked") for row in forwarder.good(
            "/api/v1/sync/outbox", status=status, limit=1000)["entries"]]
        return [row["event_type"] for row in rows if row["id"] == job["job_id"]]
    assert wait_for("its event", target.patience, told) == ["inference.completed"]
