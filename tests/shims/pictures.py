# SPDX-License-Identifier: Apache-2.0
"""An edge that weighs by pictures, for tests and measurements: the services, a media store
with faults, pictures of known weight, and a model that misbehaves on demand."""
import hashlib
import http.server
import json
import pathlib
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request

import farm as farm_module
from asking import ask, new_id
from farm import wait_for
from support import is_sanitized

WORKER = "shims/vision/farmiq-model-worker"
PATH = "/api/v1/inference"
MEDIA = "/api/v1/media/images"
SESSIONS = "/api/v1/weighvision/sessions"


def blank(size):
    """As many bytes, which begin as a JPEG does."""
    return b"\xff\xd8\xff\xe0".ljust(size, b"\0")[:size]


class MediaStore:
    """GET /api/v1/media/objects/{id} of spec edge 4.4, with faults."""

    def __init__(self):
        self.pictures, self.fault, self.asked = {}, None, []
        store = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                tenant, medium = self.headers["x-tenant-id"], self.path.rsplit("/", 1)[1]
                store.asked.append((tenant, medium, self.headers["x-request-id"],
                                    self.headers["x-trace-id"]))
                body = store.pictures.get((tenant, medium))
                status = store.fault or (404 if body is None else 200)
                body = body if status == 200 else b"{}"
                self.send_response(status)
                self.send_header("Content-Type", "image/jpeg")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, picture, tenant="t1", medium=None):
        medium = medium or new_id()
        self.pictures[tenant, medium] = picture
        return medium

    def end(self):
        self.server.shutdown()
        self.server.server_close()


def draw(build, species, kg, seed):
    return subprocess.run([build / "tests/shims/draw_animal", species, str(kg), str(seed)],
                          check=True, capture_output=True).stdout


def moody_manifest(folder, build, version="moody-1"):
    """A folder of its own for the model that misbehaves."""
    folder.mkdir(exist_ok=True)
    library = pathlib.Path(shutil.copy(build / "tests/shims/moody.so", folder))
    digest = hashlib.sha256(library.read_bytes()).hexdigest()
    manifest = folder / "moody.json"
    manifest.write_text(json.dumps({"model": "moody", "version": version,
                                    "library": "moody.so", "sha256": digest}))
    return manifest


class Site:
    """The inference service and the session service as processes of their own on one
    database, or, `together`, as a whole edge in one."""

    def __init__(self, home, build, manifest, together=False, databases=(), **env):
        self.farm, self.media, self.together = farm_module.Farm(home, build, databases), MediaStore(), together
        self.env = {"INFERENCE_MODEL_MANIFEST": str(manifest),
                    "INFERENCE_MODEL_WORKER": str(build / WORKER),
                    "INFERENCE_MODEL_TIMEOUT_MS": "2s", "INFERENCE_BACKOFF_CAP_MS": "100",
                    "INFERENCE_INTERVAL_MS": "100", "EDGE_MEDIA_STORE_URL": self.media.url,
                    "MEDIA_TIMEOUT_MS": "2s", "DOWNSTREAM_TIMEOUT_MS": "1s",
                    **({"INFERENCE_MODEL_MEMORY_BYTES": "0"} if is_sanitized(build) else {}),
                    **env}

    def start(self):
        if self.farm.postgresql:
            self.farm.start_postgres()
        if self.together:
            self.farm.start_broker()
            self.farm.start_edge(CLOUD_INGESTION_URL="", MEDIA_PRESIGN_PER_MINUTE="1000", **self.env)
            self.name = self.sessions = "edge"
            return self
        database = self.farm.database_url("edge")
        self.name, self.sessions = "edge-vision-inference", "edge-weighvision-session"
        self.farm.start_service(self.sessions, DATABASE_URL=database)
        self.farm.start_service(self.name, DATABASE_URL=database,
                                EDGE_WEIGHVISION_SESSION_URL=self.farm.url_of(self.sessions),
                                **self.env)
        return self

    def end(self):
        self.farm.end()
        self.media.end()

    @property
    def url(self):
        return self.farm.url_of(self.name)

    @property
    def process(self):
        return self.farm.processes[self.name]

    def headers(self, tenant=None):
        made = {"Content-Type": "application/json"}
        if not self.together:
            made["Authorization"] = f"Bearer {self.farm.internal_token}"
        return {**made, "x-tenant-id": tenant} if tenant else made

    def ask(self, path, body=None, tenant=None, service=None):
        return ask(self.farm.url_of(service or self.name) + path, body, self.headers(tenant))

    def put(self, picture, tenant="t1", session=None):
        """Into the media store: the medium's id."""
        return (self.upload(picture, tenant, session) if self.together
                else self.media.put(picture, tenant))

    def upload(self, picture, tenant, session=None):
        """The way of a device: presign, PUT, complete (spec edge 8.1)."""
        who = {"tenant_id": tenant, "farm_id": "f1", "barn_id": "b1", "device_id": "cam-1"}
        if session:
            who["session_id"] = session
        status, given = self.ask(f"{MEDIA}/presign", {
            **who, "content_type": "image/jpeg", "filename": "a.jpg"}, tenant)
        assert status == 200, given
        parts = urllib.parse.urlsplit(given["upload_url"])
        put = urllib.request.Request(f"{self.url}{parts.path}?{parts.query}", picture,
                                     {"Content-Type": "image/jpeg"}, method="PUT")
        with urllib.request.urlopen(put, timeout=20):
            pass
        status, done = self.ask(f"{MEDIA}/complete", {
            **who, "object_key": given["object_key"], "mime_type": "image/jpeg"}, tenant)
        assert status == 200, done
        return done["media_id"]

    def order(self, medium, tenant="t1", **more):
        made = {"tenant_id": tenant, "farm_id": "f1", "barn_id": "b1", "device_id": "cam-1",
                "media_id": medium, **more}
        return self.ask(f"{PATH}/jobs", {k: v for k, v in made.items() if v is not ...}, tenant)

    def show(self, picture, tenant="t1", **more):
        """A picture into the store, and a job for it: its id."""
        if isinstance(picture, int):
            picture = blank(1000 + picture)
        status, job = self.order(self.put(picture, tenant), tenant, **more)
        assert status == 200, job
        return job["job_id"]

    def job(self, job_id):
        status, job = self.ask(f"{PATH}/jobs/{job_id}")
        assert status == 200, job
        return job

    def ended(self, *jobs, seconds=30):
        """The jobs when each has come to its end."""
        def all_ended():
            found = [self.job(job) for job in jobs]
            return all(j["status"] in ("completed", "failed") for j in found) and found
        return wait_for("the end of the jobs", seconds, all_ended)

    def results(self):
        return self.farm.query("edge", "SELECT event_id, predicted_weight_kg FROM inference_results")

    def told(self):
        return [row[0] for row in self.farm.query(
            "edge", "SELECT id FROM sync_outbox WHERE event_type = 'inference.completed'")]

    def workers(self):
        """The model's processes, by their parent."""
        out = subprocess.run(["pgrep", "-P", str(self.process.running.pid), "-f", "model-worker"],
                             capture_output=True, text=True).stdout
        return [int(pid) for pid in out.split()]

    def create_session(self, name="s1", tenant="t1"):
        status, session = self.ask(
            SESSIONS, {"sessionId": name, "eventId": new_id(), "tenantId": tenant, "farmId": "f1",
                       "barnId": "b1", "deviceId": "cam-1", "stationId": "st-1",
                       "startAt": "2026-01-01T10:00:00Z"}, tenant, self.sessions)
        assert status in (200, 201), session

    def do(self, what, name="s1", tenant="t1"):
        """Its end, or that it never was: "finalize", "cancel"."""
        status, session = self.ask(
            f"{SESSIONS}/{name}/{what}", {"tenantId": tenant, "eventId": new_id(),
                                          "occurredAt": "2026-01-01T10:02:00Z"},
            tenant, self.sessions)
        assert status == 200, session

    def session(self, name="s1", tenant="t1"):
        return self.ask(f"{SESSIONS}/{name}", tenant=tenant, service=self.sessions)[1]
