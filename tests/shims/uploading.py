# SPDX-License-Identifier: Apache-2.0
"""A camera's side of the media store: presign, PUT, complete; and what lies on the disk."""
import http.client
import json
import random
import urllib.parse

from asking import ask
from farm import BARN, FARM, TENANT, wait_for

MEDIA = "/api/v1/media"
HEADS = {"image/jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF", "image/png": b"\x89PNG\r\n\x1a\n",
         "image/webp": b"RIFF\x24\0\0\0WEBPVP8 "}


def image(size=5000, kind="image/jpeg", seed=1):
    return HEADS[kind] + random.Random(seed).randbytes(size - len(HEADS[kind]))


def start(farm, **more):
    farm.start_broker()
    farm.start_edge(CLOUD_INGESTION_URL="", **{"MEDIA_PRESIGN_PER_MINUTE": "0", **more})
    return farm


def wish(**changes):
    made = {"tenant_id": TENANT, "farm_id": FARM, "barn_id": BARN, "device_id": "cam-1",
            "content_type": "image/jpeg", "filename": "frame.jpg", **changes}
    return {key: value for key, value in made.items() if value is not ...}


def agent_wish(**changes):
    """As the device agent spells it: it never calls complete."""
    made = {"tenantId": TENANT, "farmId": FARM, "barnId": BARN, "deviceId": "cam-1",
            "contentType": "image/jpeg", "sessionId": "s-1",
            "capturedAt": "2026-01-02T03:04:05.678Z", **changes}
    return {key: value for key, value in made.items() if value is not ...}


def post(edge, what, body, tenant=TENANT):
    headers = {"content-type": "application/json"}
    if tenant:
        headers["x-tenant-id"] = tenant
    return ask(f"{edge.edge_url}{MEDIA}/images/{what}", body, headers)


def request(edge, method, target, body=None, headers=None):
    """Status, headers, body."""
    link = http.client.HTTPConnection("127.0.0.1", edge.ports["edge"], timeout=30)
    try:
        link.request(method, target, body, headers or {})
        answer = link.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        link.close()


def target_of(url):
    parts = urllib.parse.urlsplit(url)
    return f"{parts.path}?{parts.query}"


def put(edge, url, body, kind="image/jpeg"):
    status, _, answer = request(edge, "PUT", target_of(url), body,
                                {"Content-Type": kind} if kind else {})
    return status, json.loads(answer)


def get(edge, path, tenant=TENANT, **headers):
    return request(edge, "GET", f"{MEDIA}/{path}", headers={
        **({"x-tenant-id": tenant} if tenant else {}),
        **{name.replace("_", "-"): value for name, value in headers.items()}})


def presign(edge, body=None):
    status, given = post(edge, "presign", body or wish())
    assert status == 200, given
    return given


def completion(key, **changes):
    return {**wish(content_type=..., filename=...), "object_key": key,
            "mime_type": "image/jpeg", **changes}


def upload(edge, bytes_=None):
    """A whole image: the answer of complete."""
    given = presign(edge)
    assert put(edge, given["upload_url"], bytes_ or image())[0] == 200
    status, done = post(edge, "complete", completion(given["object_key"]))
    assert status == 200
    return done


def stored(edge):
    """The files that have a name."""
    root = edge.home / "media"
    return {str(path.relative_to(root)) for path in root.rglob("*")
            if path.is_file() and ".incoming" not in path.parts}


def nothing_is_left_of(edge):
    """The client may hear its answer before the server is done."""
    wait_for("an empty .incoming", 5,
             lambda: not list((edge.home / "media/.incoming").iterdir()))


def rows(edge):
    return edge.query("edge", "SELECT object_key, etag, size_bytes FROM media_objects")


def told(edge):
    return edge.query("edge", "SELECT id, session_id, payload_json FROM sync_outbox "
                              "WHERE event_type = 'media.stored'")
