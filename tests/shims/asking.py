# SPDX-License-Identifier: Apache-2.0
"""What the HTTP tests share: requests, signatures, events."""
import datetime
import hashlib
import hmac
import json
import ssl
import time
import urllib.error
import urllib.request
import uuid

BATCH = "/api/v1/edge/batch"


def moment(seconds=0):
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return then.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def new_id():
    return str(uuid.uuid4())


def ask(url, body=None, headers=None, ca=None):
    """Status and parsed body. `body`: bytes, or what becomes JSON; None: a GET."""
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    request = urllib.request.Request(url, data=body, headers=headers or {})
    context = ssl.create_default_context(cafile=ca) if ca else None
    try:
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def signature(secret, method, path, body=b"", at_ms=None, prefix="sha256="):
    """The headers of spec cloud 1.5."""
    stamp = str(int(time.time() * 1000) if at_ms is None else at_ms)
    text = f"{stamp}.{method}.{path}.".encode() + body
    digest = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return {"x-edge-timestamp": stamp, "x-edge-signature": prefix + digest}


def batch_event(tenant="t1", **changes):
    """An event as an edge sends it; a change to ... leaves the member out."""
    event = {"event_id": new_id(), "event_type": "telemetry.ingested", "tenant_id": tenant,
             "farm_id": "f1", "barn_id": "b1", "device_id": "d1", "occurred_at": moment(),
             "trace_id": "trace-1", "schema_version": "1.0",
             "payload": {"metric_type": "temperature", "metric_value": 21.5, "unit": "C"}}
    event.update(changes)
    return {key: value for key, value in event.items() if value is not ...}


def reading(tenant="t1", **changes):
    """An element of the edge's POST readings."""
    event = {"schema_version": "1.0", "event_id": new_id(), "trace_id": "trace-1",
             "tenant_id": tenant, "farm_id": "f1", "barn_id": "b1", "device_id": "d1",
             "event_type": "telemetry.reading", "ts": moment(),
             "payload": {"metric": "temperature", "value": 21.5, "unit": "C"}}
    event.update(changes)
    return event
