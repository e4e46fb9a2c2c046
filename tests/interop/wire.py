# SPDX-License-Identifier: Apache-2.0
"""HTTP as anybody would speak it, signatures as anybody would make them, and events as the
contracts write them. Python's own library only; nothing of ours."""
import datetime
import hashlib
import hmac
import http.client
import json
import re
import ssl
import time
import urllib.parse
import uuid

BATCH = "/api/v1/edge/batch"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")  # edge 0.2


def moment(seconds=0):
    """Now, and so many seconds later, as the contracts write a time."""
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id():
    return str(uuid.uuid4())


def fresh(prefix):
    """A name that no test before used."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def without(mapping):
    """A member set to ... is left out."""
    return {key: value for key, value in mapping.items() if value is not ...}


# -- requests --------------------------------------------------------------------------


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body
        self.version = response.version

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


def context_of(ca_file):
    return ssl.create_default_context(cafile=ca_file) if ca_file else None


class Door:
    """One service at a base URL. `check(method, path, answer)` sees every answer."""

    def __init__(self, url, ca_file=None, headers=None, check=None, seconds=30):
        self.url, self.parts = url.rstrip("/"), urllib.parse.urlsplit(url.rstrip("/"))
        self.ca_file, self.headers, self.seconds = ca_file, headers or {}, seconds
        self.check = check or (lambda method, path, answer: None)

    def connect(self):
        if self.parts.scheme == "https":
            return http.client.HTTPSConnection(self.parts.hostname, self.parts.port,
                                               timeout=self.seconds,
                                               context=context_of(self.ca_file))
        return http.client.HTTPConnection(self.parts.hostname, self.parts.port,
                                          timeout=self.seconds)

    def ask_on(self, connection, method, path, body=None, headers=None, **query):
        """On a connection that stays open. `body`: bytes, or what becomes JSON."""
        if body is not None and not isinstance(body, bytes):
            body = compact(body)
        if query:
            path += "?" + urllib.parse.urlencode(query)
        sent = dict(self.headers, **(headers or {}))
        if body is not None and "content-type" not in {name.lower() for name in sent}:
            sent["content-type"] = "application/json"
        connection.request(method, self.parts.path + path, body, sent)
        response = connection.getresponse()
        answer = Answer(response, response.read())
        self.check(method, path.split("?")[0], answer)
        return answer

    def ask(self, method, path, body=None, headers=None, **query):
        connection = self.connect()
        try:
            return self.ask_on(connection, method, path, body, headers, **query)
        finally:
            connection.close()

    def get(self, path, headers=None, **query):
        return self.ask("GET", path, None, headers, **query)

    def post(self, path, body=b"", headers=None):
        return self.ask("POST", path, body, headers)

    def good(self, path, headers=None, **query):
        """The JSON of a GET that must succeed."""
        answer = self.get(path, headers, **query)
        assert answer.status == 200, answer
        return answer.json


def put_on(url, body, headers, ca_file=None):
    """A PUT on a URL that was given out; it needs nothing else."""
    parts = urllib.parse.urlsplit(url)
    door = Door(f"{parts.scheme}://{parts.netloc}", ca_file)
    return door.ask("PUT", f"{parts.path}?{parts.query}", body, headers)


def picture(size=204800, begin=b"\xff\xd8\xff\xe0\0\x10JFIF\0"):
    """A JPEG by its first bytes; nobody but a model looks further."""
    return begin.ljust(size, b"\0")


# -- signatures (edge 6.7), from the contract's words alone ----------------------------


def text_to_sign(stamp, method, path, body):
    return f"{stamp}.{method.upper()}.{path}.".encode() + body


def hex_signature(secret, stamp, method, path, body=b""):
    return hmac.new(secret.encode(), text_to_sign(stamp, method, path, body),
                    hashlib.sha256).hexdigest()


def now_ms():
    return int(time.time() * 1000)


def signed(secret, method, path, body=b"", at_ms=None, prefix="sha256="):
    stamp = str(now_ms() if at_ms is None else at_ms)
    return {"x-edge-timestamp": stamp,
            "x-edge-signature": prefix + hex_signature(secret, stamp, method, path, body)}


# -- events ----------------------------------------------------------------------------


def envelope(place, metric="temperature", value=26.4, **changes):
    """What a device publishes (edge 2.5)."""
    return without({
        "schema_version": "1.0", "event_id": new_id(), "trace_id": fresh("trace"),
        "event_type": "telemetry.reading", "tenant_id": place.tenant,
        "device_id": place.device, "ts": moment(),
        "payload": {"metric": metric, "value": value, "unit": "C"}, **changes})


def reading(place, metric="temperature", value=26.4, **changes):
    """An element of the edge's POST readings (edge 2.8)."""
    return envelope(place, metric, value,
                    **{"farm_id": place.farm, "barn_id": place.barn, **changes})


def batch_event(place, metric="temperature", value=26.4, **changes):
    """An event as an edge sends it to the cloud (cloud 1.2)."""
    return without({
        "event_id": new_id(), "event_type": "telemetry.ingested",
        "tenant_id": place.tenant, "farm_id": place.farm, "barn_id": place.barn,
        "device_id": place.device, "occurred_at": moment(), "trace_id": fresh("trace"),
        "schema_version": "1.0",
        "payload": {"metric_type": metric, "metric_value": value, "unit": "C"}, **changes})


# -- waiting ---------------------------------------------------------------------------


def wait_for(what, seconds, check, every=0.1):
    """Call `check` until it returns something true, which is returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"{what}: not within {seconds} s")
