# SPDX-License-Identifier: Apache-2.0
"""Images at the cloud: what is known of them, to whose session they belong in whatever order
that is said, and their bytes, where somebody brings them (spec cloud 2.3, 3.4, 6.9)."""
import hashlib
import http.client
import itertools
import json
import ssl
import urllib.parse

import pytest

import farm as farm_module
from asking import BATCH, batch_event, new_id, signature
from farm import TENANT, wait_for
from support import metric
from test_media import HEADS, LIMIT, image, altered, target_of

MEDIA, SESSIONS = "/api/v1/media", "/api/v1/weighvision/sessions"
OTHER = "t-other"
DAY = "2026-01-02T03"


class Cloud:
    """A cloud that two tenants send to and may ask."""

    def __init__(self, farm):
        self.farm, self.folder = farm, farm.home / "cloud-media"
        self.tokens = {TENANT: farm.token, OTHER: "another-tenant-0123456789"}
        self.link = http.client.HTTPSConnection(
            "127.0.0.1", farm.ports["cloud"], timeout=30,
            context=ssl.create_default_context(cafile=farm.ca))

    def start(self, **more):
        pairs = ",".join(f"{token}:{tenant}" for tenant, token in self.tokens.items())
        self.farm.start_cloud(**{
            "EDGE_KEYS": f"edge-demo:{self.farm.secret}:{TENANT}+{OTHER}",
            "API_TOKENS": pairs, "MEDIA_BASE_PATH": str(self.folder), **more})
        return self

    def post(self, *events, tenant=TENANT):
        body = json.dumps({"tenant_id": tenant, "events": events}).encode()
        signed = signature(self.farm.secret, "POST", BATCH, body)
        return json.loads(self.request("POST", BATCH, body, None, **signed)[2])

    def send(self, *events, tenant=TENANT):
        answer = self.post(*events, tenant=tenant)
        assert "error" not in answer and not answer.get("rejected"), answer

    def request(self, method, target, body=None, tenant=TENANT, **headers):
        """Status, headers, body."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        if tenant:
            said["Authorization"] = f"Bearer {self.tokens[tenant]}"
        self.link.request(method, target, body, said)
        answer = self.link.getresponse()
        return answer.status, answer.headers, answer.read()

    def get(self, target, tenant=TENANT, **headers):
        status, _, body = self.request("GET", target, tenant=tenant, **headers)
        return status, json.loads(body)

    def put(self, media_id, bytes_, kind="image/jpeg", tenant=TENANT):
        status, _, body = self.request("PUT", f"{MEDIA}/objects/{media_id}", bytes_,
                                       tenant=tenant, Content_Type=kind)
        return status, json.loads(body)

    def known(self, media_id, tenant=TENANT):
        """What is known of an image, once it is."""
        def asked():
            status, answer = self.get(f"{MEDIA}/objects/{media_id}/meta", tenant)
            return status == 200 and answer["media"]
        return wait_for(f"image {media_id} at the cloud", 60, asked, 0.05)

    def files(self):
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")
                if path.is_file() and ".incoming" not in path.parts}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory, build):
    farm = farm_module.Farm(tmp_path_factory.mktemp("cloud-media") / "farm", build)
    try:
        yield Cloud(farm).start()
    finally:
        farm.end()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def any_cloud(tmp_path_factory, build, request):
    farm = farm_module.Farm(tmp_path_factory.mktemp("any-cloud") / "farm", build,
                            ("cloud",) if request.param == "postgresql" else ())
    try:
        if farm.postgresql:
            farm.start_postgres()
        yield Cloud(farm).start()
    finally:
        farm.end()


# -- what a site tells -----------------------------------------------------------------


def stored(media_id=None, bytes_=None, tenant=TENANT, session=..., kind="image/jpeg",
           minute=15, **more):
    """media.stored as a site's media store tells it."""
    media_id = media_id or new_id()
    payload = {"media_id": media_id, "object_id": media_id, "mime_type": kind,
               "object_key": f"tenants/{tenant}/images/{media_id}.jpg",
               "path": f"tenants/{tenant}/images/{media_id}.jpg", "bucket": "farmiq-media",
               "captured_at": f"{DAY}:{minute}:00.000Z", "session_id": None, **more}
    if bytes_ is not None:
        payload |= {"size_bytes": len(bytes_), "etag": hashlib.sha256(bytes_).hexdigest()}
    if session is not ...:
        payload["session_id"] = session
    return batch_event(tenant, event_type="media.stored", session_id=session, device_id="cam-1",
                       occurred_at=f"{DAY}:{minute}:00.000Z", payload=payload)


def weighing(kind, session, minute, **payload):
    return batch_event(TENANT, event_type=f"weighvision.{kind}", session_id=session,
                       device_id="scale-1", station_id="st-1",
                       occurred_at=f"{DAY}:{minute}:00.000Z",
                       payload={"session_id": session, **payload})


# -- to whose session an image belongs ---------------------------------------------------


@pytest.mark.parametrize("who_names_it", ["media.stored", "image.captured"])
def test_all_orders_attach_an_image_to_its_session(any_cloud, who_names_it):
    """cloud 3.4, 11 #13: an image that is stored before its session begins, while it goes on,
    or after its end, and whose session its store knows or only the camera; all of them
    come twice."""
    told, rounds = [], [[], [], [], []]
    for order in itertools.permutations(range(4)):
        session, medium = new_id(), new_id()
        knows = session if who_names_it == "media.stored" else ...
        events = [weighing("session.created", session, 10, batch_id="batch-1"),
                  weighing("image.captured", session, 16, media_id=medium),
                  stored(medium, session=knows),
                  weighing("session.finalized", session, 20, image_count=1)]
        for turn, at in enumerate(order):
            rounds[turn].append(events[at])
        told.append((session, medium, events))
    for events in (*rounds, *rounds):
        any_cloud.send(*events)

    def found(session, path):
        status, answer = any_cloud.get(f"{SESSIONS}/{session}")
        return (status == 200 and answer["status"] == "FINALIZED" and answer["media"]
                and answer["media"][0]["path"] == path and answer)

    for session, medium, events in told:
        path = events[2]["payload"]["path"]
        answer = wait_for("the image in its session", 60, lambda: found(session, path), 0.05)
        first = events[2] if who_names_it == "media.stored" else events[1]
        assert answer["media"] == [{"id": first["event_id"], "ts": first["occurred_at"],
                                    "objectId": medium, "path": path}]
        assert (answer["imageCount"], answer["startedAt"], answer["endedAt"]) == (
            1, f"{DAY}:10:00.000Z", f"{DAY}:20:00.000Z")
        assert (answer["batchId"], answer["deviceId"]) == ("batch-1", "scale-1")


# -- what is known -----------------------------------------------------------------------


def test_an_image_is_known_once_and_to_its_tenant_alone(any_cloud):
    bytes_ = image()
    event = stored(bytes_=bytes_, session="s-known")
    media_id = event["payload"]["media_id"]
    theirs = stored(media_id, tenant=OTHER)
    for _ in range(3):
        any_cloud.send(event)
        any_cloud.send({**event, "event_id": new_id()})
    any_cloud.send(theirs, tenant=OTHER)
    known = any_cloud.known(media_id)
    assert known.pop("createdAt")
    assert known == {
        "id": media_id, "tenantId": TENANT, "farmId": "f1", "barnId": "b1",
        "deviceId": "cam-1", "sessionId": "s-known", "bucket": "farmiq-media",
        "objectKey": event["payload"]["object_key"], "mimeType": "image/jpeg",
        "etag": hashlib.sha256(bytes_).hexdigest(), "sizeBytes": len(bytes_),
        "capturedAt": f"{DAY}:15:00.000Z", "occurredAt": f"{DAY}:15:00.000Z",
        "storedAt": None}
    assert any_cloud.known(media_id, OTHER)["sessionId"] is None
    rows = any_cloud.farm.query("cloud", "SELECT tenant_id, count(*) FROM media_object_cloud "
                                f"WHERE media_id = '{media_id}' GROUP BY tenant_id ORDER BY 1")
    assert [tuple(row) for row in rows] == [(TENANT, 1), (OTHER, 1)]


def test_pages_of_images(any_cloud):
    session = new_id()
    events = [stored(session=session, minute=minute) for minute in (11, 12, 13, 13, 14)]
    any_cloud.send(*events)
    for event in events:
        any_cloud.known(event["payload"]["media_id"])
    seen, cursor = [], None
    while cursor or not seen:
        query = urllib.parse.urlencode({"sessionId": session, "limit": 2,
                                        **({"cursor": cursor} if cursor else {})})
        status, page = any_cloud.get(f"{MEDIA}/objects?{query}")
        assert status == 200 and page["hasMore"] == (page["nextCursor"] is not None)
        seen += page["items"]
        cursor = page["nextCursor"]
    assert sorted(one["id"] for one in seen) == sorted(
        event["payload"]["media_id"] for event in events)
    assert [one["occurredAt"][14:16] for one in seen] == ["14", "13", "13", "12", "11"]
    one_minute = f"from={DAY}:12:00Z&to={DAY}:12:59Z&session_id={session}"
    assert len(any_cloud.get(f"{MEDIA}/objects?{one_minute}")[1]["items"]) == 1
    assert any_cloud.get(f"{MEDIA}/objects?deviceId=nobody")[1]["items"] == []
    assert any_cloud.get(f"{MEDIA}/objects?deviceId=cam-1&limit=1")[1]["items"]
    for nonsense in ("limit=0", "cursor=x", "from=yesterday"):
        assert any_cloud.get(f"{MEDIA}/objects?{nonsense}")[0] == 400


def test_an_event_that_names_no_image_is_a_dead_letter_and_its_neighbours_go_through(cloud):
    bad = stored()
    bad["payload"] = {"media_id": bad["payload"]["media_id"]}  # and does not say where
    good = stored()
    refused = metric(cloud.farm, cloud.farm.cloud_url, "farmiq_consume_refused_total",
                     reason="INVALID_MEDIA")
    cloud.send(bad, good)
    cloud.known(good["payload"]["media_id"])
    assert cloud.get(f"{MEDIA}/objects/{bad['payload']['media_id']}/meta")[0] == 404
    assert metric(cloud.farm, cloud.farm.cloud_url, "farmiq_consume_refused_total",
                  reason="INVALID_MEDIA") == refused + 1


# -- bytes -------------------------------------------------------------------------------


def brought(cloud, bytes_=None, kind="image/jpeg", **more):
    """An image that the cloud has heard of and whose bytes are there: its id."""
    bytes_ = image() if bytes_ is None else bytes_
    event = stored(bytes_=bytes_, kind=kind, **more)
    cloud.send(event)
    cloud.known(event["payload"]["media_id"])
    status, answer = cloud.put(event["payload"]["media_id"], bytes_, kind)
    assert status == 200, answer
    return event["payload"]["media_id"]


@pytest.mark.parametrize("kind", HEADS)
def test_an_image_is_brought_once_and_comes_back(any_cloud, kind):
    bytes_ = image(3000, kind, seed=hash(kind) % 1000)
    media_id = brought(any_cloud, bytes_, kind, session="s-1")
    status, answer = any_cloud.put(media_id, bytes_, kind)
    assert status == 200 and answer["sha256"] == hashlib.sha256(bytes_).hexdigest()
    assert answer["path"].startswith(f"{TENANT}/f1/b1/s-1/")
    assert answer["path"] in any_cloud.files()
    where = f"{MEDIA}/objects/{media_id}"
    status, headers, body = any_cloud.request("GET", where)
    assert (status, body, headers["Content-Type"]) == (200, bytes_, kind)
    status, headers, body = any_cloud.request("GET", where, Range="bytes=100-199")
    assert (status, body) == (206, bytes_[100:200])
    assert headers["Content-Range"] == "bytes 100-199/3000"
    assert any_cloud.request("GET", where, Range="bytes=3000-")[0] == 416
    etag = f'"{answer["sha256"]}"'
    assert any_cloud.request("GET", where, If_None_Match=etag)[0] == 304
    assert any_cloud.known(media_id)["storedAt"]
    assert any_cloud.get(f"{MEDIA}/stats")[1]["storedObjects"] >= 1


@pytest.mark.parametrize("bytes_, kind, status, code", [
    (image(5000, seed=2), "image/jpeg", 409, "DIGEST_MISMATCH"),
    (image(4999), "image/jpeg", 409, "SIZE_MISMATCH"),
    (image(5000, "image/png"), "image/png", 409, "CONTENT_TYPE_MISMATCH"),
    (b"GIF89a" + bytes(4994), "image/jpeg", 409, "CONTENT_TYPE_MISMATCH"),
    (b"", "image/jpeg", 400, "VALIDATION_ERROR"),
    (bytes(LIMIT + 1), "image/jpeg", 413, "PAYLOAD_TOO_LARGE"),
    (image(5000), "image/gif", 415, "UNSUPPORTED_MEDIA_TYPE"),
    (image(5000), None, 415, "UNSUPPORTED_MEDIA_TYPE"),
], ids=["digest", "size", "another-type", "no-image", "empty", "too-long", "gif", "no-type"])
def test_other_bytes_are_refused_and_nothing_is_stored(cloud, bytes_, kind, status, code):
    event = stored(bytes_=image(5000))
    cloud.send(event)
    media_id = event["payload"]["media_id"]
    cloud.known(media_id)
    before = cloud.files()
    headers = {"Content_Type": kind} if kind else {}
    got, _, answer = cloud.request("PUT", f"{MEDIA}/objects/{media_id}", bytes_, **headers)
    assert (got, json.loads(answer)["error"]["code"]) == (status, code)
    assert cloud.files() == before
    assert cloud.known(media_id)["storedAt"] is None
    status, answer = cloud.get(f"{MEDIA}/objects/{media_id}")
    assert (status, answer["error"]["code"]) == (404, "BYTES_NOT_HERE")


def test_bytes_wait_for_their_event(cloud):
    event, before = stored(bytes_=image()), cloud.files()
    status, answer = cloud.put(event["payload"]["media_id"], image())
    assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")
    assert cloud.files() == before
    cloud.send(event)
    cloud.known(event["payload"]["media_id"])
    assert cloud.put(event["payload"]["media_id"], image())[0] == 200


def test_nobody_touches_another_tenants_image(cloud):
    media_id = brought(cloud)
    where = f"{MEDIA}/objects/{media_id}"
    for path in (where, f"{where}/meta", f"{where}/link"):
        assert cloud.get(path, OTHER)[0] == 404
        assert cloud.get(path, None)[0] == 401
    assert cloud.put(media_id, image(seed=3), tenant=OTHER)[0] == 404
    assert cloud.request("PUT", where, image(), tenant=None,
                         Content_Type="image/jpeg")[0] == 401
    assert cloud.get(f"{where}?tenantId={TENANT}", OTHER)[0] == 403


@pytest.mark.parametrize("media_id", ["../../x", "..%2f..%2fx", "%2e%2e", "a\0b", "/etc/x"])
def test_what_a_site_calls_an_image_leads_nowhere(cloud, media_id):
    """Names of files are made at the cloud: from hostile ids, too."""
    event = stored(media_id, bytes_=image(), session="../../s")
    cloud.post(event)
    cloud.put(urllib.parse.quote(media_id, safe=""), image())
    assert all(name.startswith(f"{TENANT}/f1/b1/") and ".." not in name.split("/")
               for name in cloud.files())
    assert not list(cloud.farm.home.glob("x*"))


# -- links -------------------------------------------------------------------------------


def link_to(cloud, media_id):
    status, answer = cloud.get(f"{MEDIA}/objects/{media_id}/link")
    assert status == 200 and answer["expiresIn"] == 900, answer
    return answer["url"]


def test_a_link_shows_an_image_to_whoever_has_it(any_cloud):
    bytes_ = image(2000, seed=7)
    url = link_to(any_cloud, brought(any_cloud, bytes_))
    assert url.startswith(any_cloud.farm.cloud_url)
    status, _, body = any_cloud.request("GET", target_of(url), tenant=None)
    assert (status, body) == (200, bytes_)
    assert any_cloud.request("GET", target_of(url), tenant=None, Range="bytes=0-9")[2] == (
        bytes_[:10])


@pytest.mark.parametrize("name, value", [
    ("tenant", OTHER), ("media", "another"), ("expires_at", "9999999999999"),
    ("signature", "0" * 64), ("signature", "")])
def test_an_altered_link_is_refused(cloud, name, value):
    url = link_to(cloud, brought(cloud))
    status, answer = cloud.get(altered(url, **{name: value}), None)
    assert (status, answer["error"]["code"]) == (403, "FORBIDDEN")


def test_there_is_no_link_to_bytes_that_are_not_here(cloud):
    event = stored()
    cloud.send(event)
    cloud.known(event["payload"]["media_id"])
    status, answer = cloud.get(f"{MEDIA}/objects/{event['payload']['media_id']}/link")
    assert (status, answer["error"]["code"]) == (404, "BYTES_NOT_HERE")


# -- time ----------------------------------------------------------------------------------


def test_without_a_folder_a_cloud_knows_images_and_takes_none(tmp_path, build):
    farm = farm_module.Farm(tmp_path / "farm", build)
    try:
        cloud = Cloud(farm).start(MEDIA_BASE_PATH="")
        event = stored()
        cloud.send(event)
        cloud.known(event["payload"]["media_id"])
        status, answer = cloud.put(event["payload"]["media_id"], image())
        assert (status, answer["error"]["code"]) == (501, "NOT_IMPLEMENTED")
    finally:
        farm.end()


def test_bytes_without_a_row_go_and_links_expire(tmp_path, build):
    farm = farm_module.Farm(tmp_path / "farm", build)
    try:
        cloud = Cloud(farm).start()
        media_id, kept = brought(cloud), cloud.files()
        farm.processes["cloud"].end()
        cloud = Cloud(farm).start(MEDIA_ORPHAN_GRACE="0s", MEDIA_SWEEP_INTERVAL_MS="200ms",
                                  MEDIA_LINK_EXPIRES_IN="1s")
        orphan = cloud.folder / f"{TENANT}/f1/b1/s-1/left-by-a-kill.jpg"
        orphan.parent.mkdir(parents=True, exist_ok=True)
        orphan.write_bytes(image())
        wait_for("the orphan to go", 60, lambda: not orphan.exists())
        assert cloud.files() == kept
        _, answer = cloud.get(f"{MEDIA}/objects/{media_id}/link")
        target = target_of(answer["url"])
        wait_for("the link to expire", 60,
                 lambda: cloud.request("GET", target, tenant=None)[0] == 403)
        (cloud.folder / kept.pop()).unlink()
        wait_for("the loss to be counted", 60, lambda: metric(
            farm, farm.cloud_url, "farmiq_media_rows_without_bytes") == 1)
        status, answer = cloud.get(f"{MEDIA}/objects/{media_id}")
        assert (status, answer["error"]["code"]) == (500, "STREAM_ERROR")
    finally:
        farm.end()
