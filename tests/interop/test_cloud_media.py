# SPDX-License-Identifier: Apache-2.0
"""Images as the cloud tells them, from the events of an edge; and their bytes, where it keeps
those."""
import hashlib
import itertools

import pytest

from test_cloud_ingestion import Cloud
from wire import TIME, batch_event, fresh, new_id, picture, wait_for

OBJECTS, SESSIONS = "/api/v1/media/objects", "/api/v1/weighvision/sessions"
DAY = "2025-06-02"


@pytest.fixture
def cloud(ingestion, target, place):
    return Cloud(ingestion, target.need("cloud", "ingestion"), place)


def stored(place, media_id=None, bytes_=b"", session=..., minute="15", **more):
    """What an edge tells of an image (edge 6.1)."""
    media_id = media_id or new_id()
    key = f"tenants/{place.tenant}/images/{media_id}.jpg"
    return batch_event(
        place, event_type="media.stored", session_id=session,
        occurred_at=f"{DAY}T10:{minute}:00Z", payload={
            "media_id": media_id, "object_id": media_id, "object_key": key, "path": key,
            "bucket": "images", "mime_type": "image/jpeg",
            "captured_at": f"{DAY}T10:{minute}:00Z",
            **({"size_bytes": len(bytes_), "etag": hashlib.sha256(bytes_).hexdigest()}
               if bytes_ else {}), **more})


def weighing(place, kind, session, minute, **payload):
    return batch_event(place, event_type=f"weighvision.{kind}", session_id=session,
                       station_id=place.station, occurred_at=f"{DAY}T10:{minute}:00Z",
                       payload={"session_id": session, **payload})


@pytest.fixture
def known(cloud_media, target, place):
    """What is told of an image, once it is."""
    def of(event):
        path = f"{OBJECTS}/{event['payload']['media_id']}/meta"
        return wait_for("the image at the cloud", target.patience, lambda: (
            answer.json["media"] if (answer := cloud_media.get(
                path, tenantId=place.tenant)).status == 200 else None))
    return of


def test_all_orders_of_a_sessions_image(cloud, cloud_sessions, place, target):
    """cloud 3.4, 11 #13: an image that is stored before, in or after its session, whoever
    names the two together."""
    wanted = {}
    for order in itertools.permutations(range(4)):
        session, medium = fresh("s"), new_id()
        of_store = order[0] % 2 == 0  # else only the camera knows
        events = [weighing(place, "session.created", session, "10"),
                  weighing(place, "image.captured", session, "16", media_id=medium),
                  stored(place, medium, session=session if of_store else ...),
                  weighing(place, "session.finalized", session, "20", image_count=1)]
        for at in order:
            assert cloud.batch([events[at]]).status == 200
        wanted[session] = medium, events[2]["payload"]["path"]

    def told(session):
        answer = cloud_sessions.get(f"{SESSIONS}/{session}", tenantId=place.tenant)
        found = answer.json if answer.status == 200 else {}
        return found if found.get("status") == "FINALIZED" and [
            medium["path"] for medium in found["media"]] == [wanted[session][1]] else None
    for session, (medium, _) in wanted.items():
        found = wait_for(f"the image of {session}", target.patience, lambda: told(session))
        assert [one["objectId"] for one in found["media"]] == [medium]
        assert found["imageCount"] == 1


def test_what_is_known_of_an_image(cloud, known, place):
    """cloud 6.9: what media.stored says, once."""
    event = stored(place, bytes_=picture(100), session=fresh("s"))
    for _ in range(2):
        cloud.batch([event])
    media, said = known(event), event["payload"]
    assert {name: media[name] for name in (
        "id", "tenantId", "farmId", "barnId", "deviceId", "sessionId", "bucket", "objectKey",
        "etag", "mimeType", "sizeBytes", "capturedAt", "storedAt")} == {
            "id": said["media_id"], "tenantId": place.tenant, "farmId": place.farm,
            "barnId": place.barn, "deviceId": place.device, "sessionId": event["session_id"],
            "bucket": "images", "objectKey": said["object_key"], "etag": said["etag"],
            "mimeType": "image/jpeg", "sizeBytes": 100,
            "capturedAt": f"{DAY}T10:15:00.000Z", "storedAt": None}
    assert TIME.fullmatch(media["createdAt"])


def test_pages_of_images(cloud, cloud_media, known, place):
    """cloud 0.7, 6.9: items, nextCursor and hasMore; no image twice."""
    session = fresh("s")
    events = [stored(place, session=session, minute=minute) for minute in ("11", "12", "13")]
    cloud.batch(events)
    for event in events:
        known(event)
    seen, query = [], {"sessionId": session, "limit": 2, "tenantId": place.tenant}
    while True:
        page = cloud_media.good(OBJECTS, **query)
        seen += [item["id"] for item in page["items"]]
        if not page["hasMore"]:
            break
        query["cursor"] = page["nextCursor"]
    assert seen == [event["payload"]["media_id"] for event in reversed(events)]
    for nonsense in ({"limit": 0}, {"cursor": "x"}, {"from": "yesterday"}):
        assert cloud_media.get(OBJECTS, tenantId=place.tenant, **nonsense).status == 400


def test_a_token_is_needed(cloud_media, place, target):
    """cloud 0.6, 6.9: images belong to a tenant."""
    target.need("cloud", "token")
    for path in (OBJECTS, f"{OBJECTS}/{new_id()}", f"{OBJECTS}/{new_id()}/meta",
                 f"{OBJECTS}/{new_id()}/link"):
        assert cloud_media.get(path, {"authorization": ""}).status == 401
        assert cloud_media.get(path, tenantId=place.other_tenant).status == 403
    assert cloud_media.get(f"{OBJECTS}/{new_id()}/meta").status == 404


# -- bytes -----------------------------------------------------------------------------


@pytest.fixture
def put(cloud_media, target):
    target.need("cloud", "media_keeps_bytes")

    def of(event, bytes_, kind="image/jpeg"):
        return cloud_media.ask("PUT", f"{OBJECTS}/{event['payload']['media_id']}", bytes_,
                               {"content-type": kind})
    return of


def test_an_image_is_brought_and_shown_by_a_link(cloud, cloud_media, known, place, put, target,
                                                 open_door):
    """cloud 6.9: bytes that were brought, whole and in part; and a link that needs no token."""
    bytes_ = picture(5000)
    event = stored(place, bytes_=bytes_)
    cloud.batch([event])
    known(event)
    where = f"{OBJECTS}/{event['payload']['media_id']}"
    assert cloud_media.get(where).status == 404
    for _ in range(2):
        answer = put(event, bytes_)
        assert answer.status == 200, answer
    assert TIME.fullmatch(known(event)["storedAt"])
    assert cloud_media.get(where).body == bytes_
    part = cloud_media.get(where, {"range": "bytes=0-9"})
    assert (part.status, part.body) == (206, bytes_[:10])
    link = cloud_media.good(f"{where}/link")
    assert link["expiresIn"] > 0 and TIME.fullmatch(link["expiresAt"])
    base, path = link["url"].split("/api/", 1)
    anybody = open_door(base, cloud_media.ca_file)
    assert anybody.get(f"/api/{path}").body == bytes_
    assert anybody.get(f"/api/{path}0").status == 403


@pytest.mark.parametrize("bytes_, kind, code", [
    (picture(4999), "image/jpeg", "SIZE_MISMATCH"),
    (picture(5000, b"\xff\xd8\xff\xe1"), "image/jpeg", "DIGEST_MISMATCH"),
    (picture(5000, b"GIF89a"), "image/jpeg", "CONTENT_TYPE_MISMATCH"),
    (picture(5000, b"\x89PNG\r\n\x1a\n"), "image/png", "CONTENT_TYPE_MISMATCH"),
], ids=["size", "digest", "no-image", "another-type"])
def test_other_bytes_than_were_announced(cloud, known, place, put, bytes_, kind, code):
    """cloud 6.9: an image is what its media.stored says."""
    event = stored(place, bytes_=picture(5000))
    cloud.batch([event])
    known(event)
    answer = put(event, bytes_, kind)
    assert (answer.status, answer.error["code"]) == (409, code)


def test_bytes_that_nobody_announced(place, put):
    """cloud 6.9: the event comes first."""
    assert put(stored(place), picture(100)).status == 404
