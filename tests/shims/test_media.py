# SPDX-License-Identifier: Apache-2.0
"""Images at the edge: presign, PUT, complete, and what is refused (spec edge 4.4, 8)."""
import concurrent.futures
import hashlib
import http.client
import http.server
import json
import pathlib
import signal
import socket
import threading
import time
import urllib.parse
import uuid

import boto3
import botocore.config
import pytest

import farm as farm_module
import swift
from asking import ask
from conftest import SOAK
from farm import BARN, FARM, TENANT, wait_for
from support import metric
from uploading import (HEADS, MEDIA, agent_wish, completion, get, image, nothing_is_left_of,
                       post, presign, put, request, rows, start, stored, target_of, told,
                       upload, wish)

SPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "farmiq.edge.media-store")
LIMIT = 10 * 1024 * 1024


@pytest.fixture
def edge(tmp_path, build):
    made = start(farm_module.Farm(tmp_path / "farm", build))
    yield made
    made.end()


@pytest.fixture(scope="module")
def shared_edge(tmp_path_factory, build):
    made = start(farm_module.Farm(tmp_path_factory.mktemp("media") / "farm", build))
    yield made
    made.end()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_edge(tmp_path, build, request):
    made = farm_module.Farm(tmp_path / "farm", build,
                            ("edge",) if request.param == "postgresql" else ())
    if made.postgresql:
        made.start_postgres()
    yield start(made)
    made.end()


# -- the way of an image ---------------------------------------------------------------


def test_an_image_goes_up_is_complete_once_and_comes_back(any_edge):
    edge, bytes_ = any_edge, image()
    given = presign(edge)
    assert given["method"] == "PUT" and given["expires_in"] == 900
    assert given["headers"] == given["required_headers"] == {"Content-Type": "image/jpeg"}
    assert given["object_key"].startswith(
        f"tenants/{TENANT}/farms/{FARM}/barns/{BARN}/devices/cam-1/images/")
    assert put(edge, given["upload_url"], bytes_)[0] == 200
    assert told(edge) == [] and rows(edge) == []

    said = completion(given["object_key"], size_bytes=len(bytes_), session_id="s-9",
                      captured_at="2026-01-02T03:04:05Z")
    status, done = post(edge, "complete", said)
    assert status == 200
    media_id = uuid.uuid5(SPACE, f"{TENANT}:farmiq-media:{given['object_key']}")
    assert done == {"media_id": str(media_id), "bucket": "farmiq-media",
                    "event_id": str(uuid.uuid5(SPACE, f"{media_id}:media.stored")),
                    "object_key": given["object_key"], "size_bytes": len(bytes_),
                    "etag": hashlib.sha256(bytes_).hexdigest(), "inference_job_id": None}
    assert given["media_id"] == done["media_id"]
    assert post(edge, "complete", said) == (200, done)

    (event,) = told(edge)
    payload = json.loads(event[2])
    assert event[:2] == (done["event_id"], "s-9")
    assert payload["object_id"] == payload["media_id"] == done["media_id"]
    assert payload["path"] == payload["object_key"] == given["object_key"]
    assert payload["captured_at"] == "2026-01-02T03:04:05.000Z"

    status, headers, body = get(edge, f"objects/{done['media_id']}")
    assert (status, body, headers["Content-Type"]) == (200, bytes_, "image/jpeg")
    key = urllib.parse.quote(given["object_key"], safe="")
    assert get(edge, f"objects/by-key?object_key={key}")[2] == bytes_
    meta = json.loads(get(edge, f"objects/{done['media_id']}/meta")[2])["media"]
    assert meta["session_id"] == "s-9" and meta["size_bytes"] == len(bytes_)
    stats = json.loads(get(edge, "stats")[2])
    assert (stats["total_objects"], stats["total_size_mb"]) == (1, 0.0)
    assert stored(edge) == {given["object_key"]}


def test_the_put_of_an_agent_is_also_its_complete(edge):
    given, bytes_ = presign(edge, agent_wish()), image()
    prefix = f"{TENANT}/{FARM}/{BARN}/s-1/20260102T030405678Z-"
    assert given["object_key"].startswith(prefix) and given["expires_at"]
    for _ in range(2):
        status, answer = put(edge, given["upload_url"], bytes_)
        assert (status, answer["media_id"]) == (200, given["media_id"])
    assert rows(edge) == [(given["object_key"], hashlib.sha256(bytes_).hexdigest(),
                           len(bytes_))]
    assert [row[1] for row in told(edge)] == ["s-1"]
    status, answer = put(edge, given["upload_url"], image(seed=2))
    assert (status, answer["error"]["code"]) == (409, "CONFLICT")
    assert get(edge, f"objects/{given['media_id']}")[2] == bytes_


@pytest.mark.parametrize("kind", HEADS)
def test_each_accepted_type_is_known_by_its_first_bytes(shared_edge, kind):
    given = presign(shared_edge, wish(content_type=kind, filename=...))
    assert put(shared_edge, given["upload_url"], image(kind=kind), kind)[0] == 200


def test_a_part_of_an_image_can_be_asked_for(shared_edge):
    bytes_ = image(1000)
    done = upload(shared_edge, bytes_)
    where = f"objects/{done['media_id']}"
    for asked, status, part, said in [
            ("bytes=0-99", 206, bytes_[:100], "bytes 0-99/1000"),
            ("bytes=900-", 206, bytes_[900:], "bytes 900-999/1000"),
            ("bytes=-10", 206, bytes_[-10:], "bytes 990-999/1000"),
            ("bytes=990-2000", 206, bytes_[990:], "bytes 990-999/1000"),
            ("bytes=0-1,5-6", 200, bytes_, None),
            ("lines=0-1", 200, bytes_, None),
            ("bytes=9-1", 200, bytes_, None),
            ("bytes=1000-", 416, None, "bytes */1000"),
            ("bytes=-0", 416, None, "bytes */1000")]:
        got = get(shared_edge, where, Range=asked)
        assert (got[0], got[1]["Content-Range"]) == (status, said), asked
        assert part is None or got[2] == part
    etag = f'"{done["etag"]}"'
    assert get(shared_edge, where, If_None_Match=etag)[0] == 304
    assert get(shared_edge, where, Range="bytes=0-0", If_Range=etag)[0] == 206
    assert get(shared_edge, where, Range="bytes=0-0", If_Range='"other"')[0] == 200
    status, headers, body = request(shared_edge, "HEAD", f"{MEDIA}/{where}",
                                    headers={"x-tenant-id": TENANT})
    assert (status, headers["Content-Length"], body) == (200, "1000", b"")


# -- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize("changes, tenant, status, code", [
    ({"device_id": ...}, TENANT, 400, "VALIDATION_ERROR"),
    ({"farm_id": ""}, TENANT, 400, "VALIDATION_ERROR"),
    ({"barn_id": "../b"}, TENANT, 400, "VALIDATION_ERROR"),
    ({"filename": "../../etc/passwd"}, TENANT, 400, "VALIDATION_ERROR"),
    ({"filename": "a/b.jpg"}, TENANT, 400, "VALIDATION_ERROR"),
    ({"filename": "a\\b.jpg"}, TENANT, 400, "VALIDATION_ERROR"),
    ({"content_length": -1}, TENANT, 400, "VALIDATION_ERROR"),
    ({"content_length": LIMIT + 1}, TENANT, 413, "PAYLOAD_TOO_LARGE"),
    ({"content_type": "image/gif"}, TENANT, 400, "UNSUPPORTED_CONTENT_TYPE"),
    ({}, "t-other", 403, "TENANT_MISMATCH"),
    ({}, None, 403, "TENANT_MISMATCH"),
])
def test_no_url_is_given_for(shared_edge, changes, tenant, status, code):
    got, answer = post(shared_edge, "presign", wish(**changes), tenant)
    assert (got, answer["error"]["code"]) == (status, code)


def altered(url, **changes):
    parts = urllib.parse.urlsplit(url)
    query = {**dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True)), **changes}
    return f"{parts.path}?{urllib.parse.urlencode(query)}"


ALTERED = {
    "key": "tenants/t-other/farms/f/barns/b/devices/d/images/2026/01/01/x.jpg",
    "tenant": "t-other", "farm": "f", "barn": "b", "device": "d", "session": "s",
    "type": "image/png", "captured_at": "1", "max_bytes": "99999999",
    "expires_at": "9999999999999", "completes": "1", "signature": "0" * 64,
}


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_url_is_refused_and_nothing_is_stored(shared_edge, name):
    before = stored(shared_edge)
    url = altered(presign(shared_edge)["upload_url"], **{name: ALTERED[name]})
    status, answer = put(shared_edge, url, image())
    assert (status, answer["error"]["code"]) == (403, "FORBIDDEN")
    assert stored(shared_edge) == before


@pytest.mark.parametrize("path", ["../x.jpg", "/etc/x.jpg", "a/../../x.jpg", "a//x.jpg",
                                  ".incoming/x.jpg", "a/%2e%2e/x.jpg", "a\0b.jpg"])
def test_no_path_leads_out_of_the_folder(shared_edge, path):
    before = stored(shared_edge)
    url = altered(presign(shared_edge)["upload_url"], key=path)
    assert request(shared_edge, "PUT", url, image(),
                   {"Content-Type": "image/jpeg"})[0] in (400, 403)
    status, answer = post(shared_edge, "complete", completion(path.replace("\0", "x")))
    assert (status, answer["error"]["code"]) == (403, "TENANT_MISMATCH")
    key = urllib.parse.quote(path.replace("\0", "x"), safe="")
    assert get(shared_edge, f"objects/by-key?object_key={key}")[0] == 404
    assert stored(shared_edge) == before


def put_chunked(edge, url, bytes_):
    """The status line of the answer to a body that does not say how long it will be."""
    head = (f"PUT {target_of(url)} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
            "Transfer-Encoding: chunked\r\n\r\n")
    with socket.create_connection(("127.0.0.1", edge.ports["edge"]), timeout=10) as link:
        try:
            link.sendall(head.encode())
            for at in range(0, len(bytes_), 10000):
                chunk = bytes_[at:at + 10000]
                link.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            link.sendall(b"0\r\n\r\n")
        except OSError:
            pass  # it has heard enough
        return link.recv(100).decode().split("\r\n")[0]


@pytest.mark.parametrize("bytes_, kind, status, code", [
    (b"", "image/jpeg", 400, "VALIDATION_ERROR"),
    (b"GIF89a" + bytes(100), "image/jpeg", 409, "CONTENT_TYPE_MISMATCH"),
    (image(kind="image/png"), "image/jpeg", 409, "CONTENT_TYPE_MISMATCH"),
    (image(), "image/png", 409, "CONTENT_TYPE_MISMATCH"),
    (image(), None, 409, "CONTENT_TYPE_MISMATCH"),
    (image(LIMIT + 1), "image/jpeg", 413, "PAYLOAD_TOO_LARGE"),
    (HEADS["image/jpeg"][:3], "image/jpeg", 409, "CONTENT_TYPE_MISMATCH"),
], ids=["empty", "gif", "png bytes", "other header", "no header", "too long", "too short"])
def test_bytes_that_are_not_what_was_signed_are_refused(shared_edge, bytes_, kind, status, code):
    before, given = stored(shared_edge), presign(shared_edge)
    got, answer = put(shared_edge, given["upload_url"], bytes_, kind)
    assert (got, answer["error"]["code"]) == (status, code)
    got, answer = post(shared_edge, "complete", completion(given["object_key"]))
    assert (got, answer["error"]["code"]) == (404, "OBJECT_NOT_FOUND")
    assert stored(shared_edge) == before
    nothing_is_left_of(shared_edge)


def test_a_body_without_a_length_ends_at_the_limit(shared_edge):
    before, given = stored(shared_edge), presign(shared_edge, wish(content_length=100000))
    assert " 413 " in put_chunked(shared_edge, given["upload_url"], image(200000))
    assert " 200 " in put_chunked(shared_edge, given["upload_url"], image(100000))
    before |= {given["object_key"]}
    assert stored(shared_edge) == before


def test_an_image_of_the_largest_size_is_taken(shared_edge):
    given = presign(shared_edge)
    assert put(shared_edge, given["upload_url"], image(LIMIT))[0] == 200


def test_a_url_expires(edge):
    edge.processes["edge"].end()
    edge.processes["edge"].env["MEDIA_PRESIGN_EXPIRES_IN"] = "1"
    edge.processes["edge"].start()
    given = presign(edge)
    time.sleep(1.1)
    status, answer = put(edge, given["upload_url"], image())
    assert (status, answer["error"]["code"]) == (403, "FORBIDDEN")
    assert "expired" in answer["error"]["message"] and not stored(edge)


@pytest.mark.parametrize("changes, tenant, status, code", [
    ({"object_key": ...}, TENANT, 400, "VALIDATION_ERROR"),
    ({"size_bytes": 1.5}, TENANT, 400, "VALIDATION_ERROR"),
    ({"captured_at": "yesterday"}, TENANT, 400, "VALIDATION_ERROR"),
    ({"tenant_id": "t-other"}, TENANT, 403, "TENANT_MISMATCH"),
    ({"tenant_id": "t-other"}, "t-other", 403, "TENANT_MISMATCH"),
    ({"size_bytes": 4999}, TENANT, 409, "SIZE_MISMATCH"),
    ({"mime_type": "image/png"}, TENANT, 409, "CONTENT_TYPE_MISMATCH"),
])
def test_complete_is_refused_for(shared_edge, changes, tenant, status, code):
    given = presign(shared_edge)
    assert put(shared_edge, given["upload_url"], image())[0] == 200
    said = {key: value for key, value in
            completion(given["object_key"], **changes).items() if value is not ...}
    got, answer = post(shared_edge, "complete", said, tenant)
    assert (got, answer["error"]["code"]) == (status, code)
    assert given["object_key"] not in [row[0] for row in rows(shared_edge)]


def test_another_tenant_sees_nothing(shared_edge):
    done = upload(shared_edge)
    where = f"objects/{done['media_id']}"
    assert get(shared_edge, where, "t-other")[0] == 404
    assert get(shared_edge, f"{where}/meta", "t-other")[0] == 404
    status, _, answer = get(shared_edge, where, None)
    assert (status, json.loads(answer)["error"]["code"]) == (400, "MISSING_TENANT")
    assert json.loads(get(shared_edge, "stats", "t-other")[2])["total_objects"] == 0


def test_a_device_gets_ten_urls_a_minute(tmp_path, build):
    edge = start(farm_module.Farm(tmp_path / "farm", build), MEDIA_PRESIGN_PER_MINUTE="10")
    try:
        answers = [request(edge, "POST", f"{MEDIA}/images/presign", json.dumps(wish()),
                           {"x-tenant-id": TENANT}) for _ in range(12)]
        assert [answer[0] for answer in answers] == [200] * 10 + [429] * 2
        assert 1 <= int(answers[-1][1]["Retry-After"]) <= 6
        assert post(edge, "presign", wish(device_id="cam-2"))[0] == 200
    finally:
        edge.end()


def test_no_link_in_the_folder_is_followed(edge, tmp_path):
    done = upload(edge)
    where = f"objects/{done['media_id']}"
    day = (edge.home / "media" / done["object_key"]).parent
    elsewhere = tmp_path / "elsewhere"
    day.rename(elsewhere)
    day.symlink_to(elsewhere)
    status, _, answer = get(edge, where)
    assert (status, json.loads(answer)["error"]["code"]) == (500, "STREAM_ERROR")
    status, answer = put(edge, presign(edge)["upload_url"], image())
    assert (status, answer["error"]["code"]) == (503, "STORAGE_UNAVAILABLE")
    assert len(list(elsewhere.iterdir())) == 1
    day.unlink()
    elsewhere.rename(day)
    assert get(edge, where)[0] == 200


# -- the one request of seed 001 ------------------------------------------------------------


def form(parts, boundary="b0"):
    """`parts`: (name, bytes), or (name, bytes, type) for a file."""
    lines = []
    for name, value, *kind in parts:
        more = f'; filename="x.jpg"\r\nContent-Type: {kind[0]}' if kind else ""
        lines.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}'
                     "\r\n\r\n".encode() + value + b"\r\n")
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


def fields(**changes):
    made = {"tenant_id": TENANT, "farm_id": FARM, "barn_id": BARN, "device_id": "cam-1",
            **changes}
    return [(name, value.encode()) for name, value in made.items()]


def post_form(edge, body, tenant=TENANT, kind="multipart/form-data; boundary=b0"):
    status, _, answer = request(edge, "POST", f"{MEDIA}/images", body,
                                {"Content-Type": kind, "x-tenant-id": tenant})
    return status, json.loads(answer)


@pytest.mark.parametrize("size", [5000, 32768, 65535, 300_000, LIMIT])
def test_a_form_does_all_three_steps(shared_edge, size):
    bytes_ = image(size - 20, seed=size) + b"\r\n--b\r\n--b9\r\n\r\n----"[:20].ljust(20)
    status, done = post_form(shared_edge, form(
        fields(session_id="s-7", captured_at="2026-01-02T03:04:05Z")
        + [("file", bytes_, "image/jpeg")]))
    assert status == 200 and done["etag"] == hashlib.sha256(bytes_).hexdigest()
    assert done["object_key"].startswith(f"{TENANT}/{FARM}/{BARN}/s-7/20260102T030405000Z-")
    assert get(shared_edge, f"objects/{done['media_id']}")[2] == bytes_
    meta = json.loads(get(shared_edge, f"objects/{done['media_id']}/meta")[2])["media"]
    assert (meta["session_id"], meta["mime_type"]) == ("s-7", "image/jpeg")


FILE = [("file", image(), "image/jpeg")]


@pytest.mark.parametrize("body, tenant, status, code", [
    (b"", TENANT, 400, "VALIDATION_ERROR"),
    (b"--b0", TENANT, 400, "VALIDATION_ERROR"),
    (form(fields()), TENANT, 400, "VALIDATION_ERROR"),
    (form(fields() + FILE)[:-200], TENANT, 400, "VALIDATION_ERROR"),
    (form(fields(device_id="") + FILE), TENANT, 400, "VALIDATION_ERROR"),
    (form(fields(device_id="d" * 129) + FILE), TENANT, 400, "VALIDATION_ERROR"),
    (form(fields() * 10 + FILE), TENANT, 400, "VALIDATION_ERROR"),
    (form(fields() + FILE), "t-other", 403, "TENANT_MISMATCH"),
    (form(fields() + [("file", image(), "image/gif")]), TENANT, 400, "UNSUPPORTED_CONTENT_TYPE"),
    (form(fields() + [("file", image(), "image/png")]), TENANT, 409, "CONTENT_TYPE_MISMATCH"),
    (form(fields() + [("file", b"", "image/jpeg")]), TENANT, 400, "VALIDATION_ERROR"),
    (form(fields() + [("file", image(LIMIT + 1), "image/jpeg")]), TENANT, 413,
     "PAYLOAD_TOO_LARGE"),
    (form(fields() + [("file", image(LIMIT + 65537), "image/jpeg")]), TENANT, 413,
     "PAYLOAD_TOO_LARGE"),
], ids=["nothing", "a line", "no file", "cut", "empty id", "long id", "many parts", "foreign",
        "gif", "other type", "empty", "too long", "far too long"])
def test_a_form_is_refused_for(shared_edge, body, tenant, status, code):
    before = stored(shared_edge)
    got, answer = post_form(shared_edge, body, tenant)
    assert (got, answer["error"]["code"]) == (status, code)
    assert stored(shared_edge) == before
    nothing_is_left_of(shared_edge)


def test_what_is_no_form_is_refused_before_its_body(shared_edge):
    assert post_form(shared_edge, image(), kind="image/jpeg")[0] == 415


# -- kill -9 and load --------------------------------------------------------------------


def resident_mb(edge):
    status = pathlib.Path(f"/proc/{edge.processes['edge'].running.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def check_books(edge):
    """All rows have bytes, all bytes have rows, and none is torn."""
    root = edge.home / "media"
    found = {key: (etag, size) for key, etag, size in rows(edge)}
    assert set(found) == stored(edge)
    for key, (etag, size) in found.items():
        bytes_ = (root / key).read_bytes()
        assert (hashlib.sha256(bytes_).hexdigest(), len(bytes_)) == (etag, size)
    return found


def test_uploads_in_parallel_take_no_memory_of_their_own(edge):
    count, size = (1000, 2_000_000) if SOAK else (64, 2_000_000)
    before = resident_mb(edge)

    def one(number):
        given = presign(edge, agent_wish(deviceId=f"cam-{number % 16}"))
        return put(edge, given["upload_url"], image(size, seed=number))[0]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(one, range(count))) == {200}
    peak = resident_mb(edge)
    print(f"peak memory {before:.1f} -> {peak:.1f} MB")
    assert len(check_books(edge)) == len(told(edge)) == count
    assert peak <= 64


def test_a_kill_in_mid_upload_tears_nothing(edge):
    process, done, stop = edge.processes["edge"], [], threading.Event()

    def client(number):
        turn = 0
        while not stop.is_set():
            turn += 1
            try:
                given = presign(edge, agent_wish(deviceId=f"cam-{number}"))
                bytes_ = image(500_000, seed=number * 1000 + turn)
                while put(edge, given["upload_url"], bytes_)[0] != 200:
                    pass
                done.append(given["object_key"])
            except (OSError, http.client.HTTPException, AssertionError):
                time.sleep(0.05)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for number in range(8):
            pool.submit(client, number)
        for _ in range(10 if SOAK else 4):
            time.sleep(1)
            process.end(signal.SIGKILL)
            process.start()
        time.sleep(1)
        stop.set()
    kept = {key for key, *_ in rows(edge)}
    assert done and set(done) <= kept
    for key, etag, size in rows(edge):
        bytes_ = (edge.home / "media" / key).read_bytes()
        assert (hashlib.sha256(bytes_).hexdigest(), len(bytes_)) == (etag, size)
    assert len(told(edge)) == len(kept)


# -- readiness ----------------------------------------------------------------------------


def ready(edge):
    status, answer = ask(f"{edge.edge_url}/api/ready")
    return status, answer.get("s3", answer.get("folder"))


def test_a_store_is_ready_while_its_folder_takes_files(edge):
    """edge 3.2: what images need is part of being ready."""
    edge.processes["edge"].end()
    edge.start_edge(CLOUD_INGESTION_URL="", MEDIA_PROBE_INTERVAL_MS="200ms")
    _, answer = ask(f"{edge.edge_url}/api/ready")
    assert (answer["bucket"], answer["presign"], answer["db"]) == ("farmiq-media", "ok", "up")
    wait_for("the folder", 60, lambda: ready(edge) == (200, "up"))
    folder = edge.home / "media"
    folder.rename(edge.home / "elsewhere")
    folder.write_text("no folder")  # as a mount that is gone: nothing can be made in it
    wait_for("the loss of the folder", 60, lambda: ready(edge) == (503, "down"))
    assert metric(edge, edge.edge_url, "farmiq_media_backend_up") == 0
    folder.unlink()
    (edge.home / "elsewhere").rename(folder)
    wait_for("the folder again", 60, lambda: ready(edge) == (200, "up"))


# -- inference -------------------------------------------------------------------------------


class Inference(http.server.BaseHTTPRequestHandler):
    """Answers as edge-vision-inference does, after having been away."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, self.headers["x-tenant-id"], body))
        status, answer = self.server.answers.pop(0)
        answer = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def inference():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Inference)
    server.asked, server.answers = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def test_the_inference_service_is_asked_about_each_image(tmp_path, build, inference):
    inference.answers = [(200, {"job_id": "job-1", "status": "pending"}), (400, {})]
    edge = farm_module.Farm(tmp_path / "farm", build)
    edge.start_service(
        "edge-media-store", DATABASE_URL=edge.database_url("edge"), INTERNAL_TOKEN="",
        MEDIA_BASE_PATH=str(edge.home / "media"), TRIGGER_INFERENCE_ON_COMPLETE="true",
        EDGE_VISION_INFERENCE_URL=f"http://127.0.0.1:{inference.server_port}")
    edge.ports["edge"] = edge.ports["edge-media-store"]
    try:
        for job in ("job-1", None):
            given = presign(edge, agent_wish())
            assert put(edge, given["upload_url"], image())[0] == 200
            wait_for("the question", 10, lambda: not inference.answers or job)
            wait_for("its answer", 10, lambda: edge.query(
                "edge", "SELECT inference_job_id FROM media_objects WHERE id = "
                f"'{given['media_id']}' AND inference_due_at IS NULL") == [(job,)])
            path, tenant, body = inference.asked[-1]
            assert (path, tenant) == ("/api/v1/inference/jobs", TENANT)
            assert body == {"tenant_id": TENANT, "farm_id": FARM, "barn_id": BARN,
                            "device_id": "cam-1", "session_id": "s-1",
                            "media_id": given["media_id"], "object_key": given["object_key"]}
    finally:
        edge.end()


# -- an S3-compatible store, which verifies signatures -----------------------------------------


@pytest.fixture(scope="module")
def s3_edge(tmp_path_factory, build):
    home = tmp_path_factory.mktemp("s3")
    store = swift.Store(home / "swift", farm_module.free_port)
    store.start()
    made = farm_module.Farm(home / "farm", build)
    try:
        wait_for("the store", 60, store.answers)
        made.s3 = boto3.client(
            "s3", endpoint_url=store.url, aws_access_key_id=swift.ACCESS_KEY,
            aws_secret_access_key=swift.SECRET_KEY, region_name="us-east-1",
            config=botocore.config.Config(s3={"addressing_style": "path"}))
        made.s3.create_bucket(Bucket="farmiq-media")
        made.store = store
        yield start(made, MEDIA_PROBE_INTERVAL_MS="200ms", MEDIA_BACKEND="s3", MEDIA_ENDPOINT=store.url,
                    MEDIA_ACCESS_KEY=swift.ACCESS_KEY, MEDIA_SECRET_KEY=swift.SECRET_KEY)
    finally:
        made.end()
        store.end()


def put_far(url, body, kind="image/jpeg"):
    """Status of the store's own answer."""
    parts = urllib.parse.urlsplit(url)
    link = http.client.HTTPConnection(parts.netloc, timeout=20)
    try:
        link.request("PUT", f"{parts.path}?{parts.query}", body, {"Content-Type": kind})
        return link.getresponse().status
    finally:
        link.close()


def test_s3_an_image_goes_straight_to_the_store_and_is_complete_once(s3_edge):
    bytes_, given = image(), presign(s3_edge, wish(content_length=5000))
    assert given["upload_url"].startswith(s3_edge.s3.meta.endpoint_url + "/farmiq-media/")
    assert put_far(given["upload_url"], bytes_) == 200
    said = completion(given["object_key"], size_bytes=len(bytes_))
    status, done = post(s3_edge, "complete", said)
    assert status == 200 and done["etag"] == hashlib.md5(bytes_).hexdigest()
    assert done["media_id"] == given["media_id"]
    assert post(s3_edge, "complete", said) == (200, done)
    assert get(s3_edge, f"objects/{done['media_id']}")[2] == bytes_
    found = s3_edge.s3.get_object(Bucket="farmiq-media", Key=given["object_key"])
    assert (found["Body"].read(), found["ContentType"]) == (bytes_, "image/jpeg")


@pytest.mark.parametrize("change", [
    {"X-Amz-Signature": "0" * 64}, {"X-Amz-Expires": "9000"},
    {"X-Amz-Date": "20260101T000000Z"}, {"X-Amz-SignedHeaders": "host"}, "path", "type",
    "length"], ids=str)
def test_s3_an_altered_url_is_refused_by_the_store(s3_edge, change):
    given = presign(s3_edge, wish(content_length=5000))
    parts = urllib.parse.urlsplit(given["upload_url"])
    query = dict(urllib.parse.parse_qsl(parts.query))
    query.update(change if isinstance(change, dict) else {})
    path = parts.path.replace(TENANT, "t-other") if change == "path" else parts.path
    url = parts._replace(path=path, query=urllib.parse.urlencode(query)).geturl()
    assert put_far(url, image(5001 if change == "length" else 5000),
                   "image/png" if change == "type" else "image/jpeg") == 403
    assert post(s3_edge, "complete", completion(given["object_key"]))[0] == 404


@pytest.mark.parametrize("bytes_, changes, status, code", [
    (image(), {"size_bytes": 1}, 409, "SIZE_MISMATCH"),
    (image(), {"mime_type": "image/png"}, 409, "CONTENT_TYPE_MISMATCH"),
    (b"GIF89a" + bytes(100), {}, 409, "CONTENT_TYPE_MISMATCH"),
    (b"", {}, 409, "CONTENT_TYPE_MISMATCH"),
    (image(LIMIT + 1), {}, 413, "PAYLOAD_TOO_LARGE"),
], ids=["size", "type", "gif", "empty", "too long"])
def test_s3_complete_is_refused_for(s3_edge, bytes_, changes, status, code):
    given = presign(s3_edge)
    assert put_far(given["upload_url"], bytes_) == 200
    got, answer = post(s3_edge, "complete", completion(given["object_key"], **changes))
    assert (got, answer["error"]["code"]) == (status, code)


def test_s3_names_that_presign_did_not_give_are_refused(s3_edge):
    key = f"tenants/{TENANT}/farms/f/barns/b/devices/d/images/2026/01/01/{uuid.uuid4()}.jpg"
    s3_edge.s3.put_object(Bucket="farmiq-media", Key=key, Body=image(),
                          ContentType="image/jpeg")
    assert post(s3_edge, "complete", completion(key))[0] == 403


def test_s3_a_store_is_ready_while_its_back_end_answers(s3_edge):
    """The last of these: it ends the store."""
    wait_for("the back end", 60, lambda: ready(s3_edge) == (200, "up"))
    s3_edge.store.end()
    wait_for("the loss of the back end", 60, lambda: ready(s3_edge) == (503, "down"))
