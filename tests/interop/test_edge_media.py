# SPDX-License-Identifier: Apache-2.0
"""Images at the edge: presign, PUT, complete, and what comes back."""
import urllib.parse
import uuid

import pytest

from wire import TIME, fresh, new_id, picture, put_on, without

MEDIA = "/api/v1/media"
SPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "farmiq.edge.media-store")


@pytest.fixture
def whose(place):
    return {"tenant_id": place.tenant, "farm_id": place.farm, "barn_id": place.barn,
            "device_id": place.device}


@pytest.fixture
def tell(store, place):
    """A POST to presign or complete, in the tenant's name."""
    def of(what, body, tenant=place.tenant):
        return store.post(f"{MEDIA}/images/{what}", body,
                          {"x-tenant-id": tenant} if tenant else None)
    return of


@pytest.fixture
def wish(whose):
    def of(**changes):
        return without({**whose, "content_type": "image/jpeg", "filename": "frame.jpg",
                        **changes})
    return of


@pytest.fixture
def given(tell, wish):
    """A URL to put an image to."""
    answer = tell("presign", wish())
    assert answer.status == 200, answer
    return answer.json


@pytest.fixture
def completion(whose, given):
    def of(**changes):
        return without({**whose, "object_key": given["object_key"],
                        "mime_type": "image/jpeg", **changes})
    return of


@pytest.fixture
def stored(given, completion, tell):
    """An image that is complete: the answer, and its bytes."""
    bytes_ = picture(5000)
    sent = put_on(given["upload_url"], bytes_, given["headers"])
    assert sent.status in (200, 201), sent
    answer = tell("complete", completion(size_bytes=len(bytes_), session_id=fresh("s")))
    assert answer.status == 200, answer
    return answer.json, bytes_


@pytest.fixture
def fetch(store, place):
    def of(path, tenant=place.tenant, **query):
        return store.get(f"{MEDIA}/objects/{path}",
                         {"x-tenant-id": tenant} if tenant else None, **query)
    return of


# -- the way of an image ---------------------------------------------------------------


def test_what_presign_gives(given):
    """edge 4.4, 8.5: the union of what either kind of client looks for."""
    assert given["method"] == "PUT" and given["expires_in"] == 900
    assert given["headers"] == given["required_headers"] == {"Content-Type": "image/jpeg"}
    assert given["object_key"] and given["media_id"] and TIME.fullmatch(given["expires_at"])
    assert urllib.parse.urlsplit(given["upload_url"]).scheme in ("http", "https")


def test_the_devices_spelling(tell, whose):
    """edge 8.5: camelCase, without a filename, is understood as well."""
    camel = {"tenantId": "tenant_id", "farmId": "farm_id", "barnId": "barn_id",
             "deviceId": "device_id"}
    answer = tell("presign", {**{name: whose[old] for name, old in camel.items()},
                              "contentType": "image/png", "sessionId": fresh("s"),
                              "stationId": "st-1", "traceId": fresh("trace"),
                              "capturedAt": "2025-06-02T06:00:00Z", "contentLength": 5000})
    assert answer.status == 200 and answer.json["headers"] == {"Content-Type": "image/png"}


def test_an_image_comes_back(stored, fetch, completion, tell, place):
    """edge 4.4, 8.2: complete answers once and again the same, and ids follow from the key."""
    done, bytes_ = stored
    assert done["size_bytes"] == len(bytes_) and done["inference_job_id"] is None
    assert not (done["etag"] or "").startswith('"')
    media_id = uuid.uuid5(SPACE, f"{place.tenant}:{done['bucket']}:{done['object_key']}")
    assert done["media_id"] == str(media_id)
    assert done["event_id"] == str(uuid.uuid5(SPACE, f"{media_id}:media.stored"))
    assert tell("complete", completion()).json == done
    for answer in (fetch(done["media_id"]),
                   fetch("by-key", object_key=done["object_key"])):
        assert (answer.status, answer.body) == (200, bytes_)
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["content-length"] == str(len(bytes_))


def test_what_is_known_of_an_image(stored, fetch, store, whose, place):
    """edge 4.4: the row in snake_case, and how many there are."""
    done, bytes_ = stored
    media = fetch(f"{done['media_id']}/meta").json["media"]
    assert {name: media[name] for name in whose} == whose
    assert (media["id"], media["object_key"], media["mime_type"], media["size_bytes"]) == (
        done["media_id"], done["object_key"], "image/jpeg", len(bytes_))
    stats = store.good(f"{MEDIA}/stats", {"x-tenant-id": place.tenant})
    assert stats["total_objects"] >= 1 and stats["tenant_id"] == place.tenant
    assert TIME.fullmatch(stats["last_created_at"])


def test_all_in_one_form(store, whose, place, fetch):
    """edge 4.4 (seed 001): multipart with one image is stored at once."""
    boundary, bytes_ = "interop", picture(3000)
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in whose.items()]
    body = "".join(parts).encode() + (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n").encode() + bytes_ + f"\r\n--{boundary}--\r\n".encode()
    answer = store.post(f"{MEDIA}/images", body, {
        "x-tenant-id": place.tenant,
        "content-type": f"multipart/form-data; boundary={boundary}"})
    assert answer.status == 200, answer
    assert fetch(answer.json["media_id"]).body == bytes_


# -- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize("changes, status, code", [
    *[({name: ...}, 400, "VALIDATION_ERROR")
      for name in ("tenant_id", "farm_id", "barn_id", "device_id", "content_type")],
    ({"filename": "../x.jpg"}, 400, "VALIDATION_ERROR"),
    ({"content_type": "image/gif"}, 400, "UNSUPPORTED_CONTENT_TYPE")])
def test_no_url_for_a_wish_that_makes_no_sense(tell, wish, changes, status, code):
    """edge 4.4: presign's errors."""
    answer = tell("presign", wish(**changes))
    assert (answer.status, answer.error["code"]) == (status, code)


@pytest.mark.parametrize("what", ["presign", "complete"])
@pytest.mark.parametrize("header", ["absent", "other"])
def test_another_tenants_name(tell, wish, completion, place, what, header):
    """edge 4.4: the header names the body's tenant, or it is 403."""
    body = wish() if what == "presign" else completion()
    answer = tell(what, body, place.other_tenant if header == "other" else None)
    assert (answer.status, answer.error["code"]) == (403, "TENANT_MISMATCH")


@pytest.mark.parametrize("changes, status, code", [
    ({"object_key": ...}, 400, "VALIDATION_ERROR"), ({"mime_type": ...}, 400, "VALIDATION_ERROR"),
    ({"size_bytes": -1}, 400, "VALIDATION_ERROR"), ({"size_bytes": 1}, 409, "SIZE_MISMATCH"),
    ({"mime_type": "image/png"}, 409, "CONTENT_TYPE_MISMATCH")])
def test_complete_that_does_not_fit(tell, given, completion, changes, status, code):
    """edge 4.4: complete's errors, of an image that is there."""
    assert put_on(given["upload_url"], picture(5000), given["headers"]).status in (200, 201)
    answer = tell("complete", completion(**changes))
    assert (answer.status, answer.error["code"]) == (status, code)


def test_complete_without_an_image(tell, completion):
    """edge 4.4: nothing was put."""
    answer = tell("complete", completion())
    assert (answer.status, answer.error["code"]) == (404, "OBJECT_NOT_FOUND")


def test_a_url_for_one_thing_only(given):
    """edge 8.4: the signature binds key, type and length."""
    url = given["upload_url"]
    assert put_on(url, picture(100), {"content-type": "image/png"}).status in (403, 409)
    parts = urllib.parse.urlsplit(url)
    for at, (name, value) in enumerate(urllib.parse.parse_qsl(parts.query,
                                                               keep_blank_values=True)):
        pairs = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        pairs[at] = (name, value + "1")
        bent = parts._replace(query=urllib.parse.urlencode(pairs)).geturl()
        assert put_on(bent, picture(100), given["headers"]).status in (400, 403), name


@pytest.mark.parametrize("path, query", [("{id}", {}), ("{id}/meta", {}),
                                         ("by-key", {"object_key": "{key}"})])
def test_images_belong_to_a_tenant(stored, fetch, place, path, query):
    """edge 4.4: without a tenant 400, for another one 404."""
    done, _ = stored
    names = {"id": done["media_id"], "key": done["object_key"]}
    path = path.format(**names)
    query = {name: value.format(**names) for name, value in query.items()}
    answer = fetch(path, None, **query)
    assert (answer.status, answer.error["code"]) == (400, "MISSING_TENANT")
    assert fetch(path, place.other_tenant, **query).status == 404


def test_an_image_that_is_not_there(fetch, store):
    """edge 4.4: 404, and stats of nobody are 400."""
    assert fetch(new_id()).status == fetch(f"{new_id()}/meta").status == 404
    assert fetch("by-key", object_key="nothing.jpg").status == 404
    assert fetch("by-key").status == 400
    answer = store.get(f"{MEDIA}/stats")
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
