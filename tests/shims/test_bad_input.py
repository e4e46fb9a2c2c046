# SPDX-License-Identifier: Apache-2.0
"""What comes over the wire is not always meant well, or JSON, or finished. Each row: the
reason it is refused for, its neighbours taken all the same, the process alive, and not a
word of a payload in any log (spec edge 2.7, 2.11, 14.1.2; spec cloud 11.2 to 11.5).

The fates of well-formed messages are in test_gateway.py and test_ingestion.py; this is
about bytes."""
import json
import socket
import ssl
import time

import pytest

from asking import BATCH, ask, batch_event, moment, signature
from farm import TENANT, wait_for
from support import Device, envelope, ids, in_logs, is_alive, metric, topic

SECRET_WORDS = "hushed-word"  # in every bad payload; in no log


def written(message, **texts):
    """The message with members written as given, `payload` before all others."""
    members = {name: json.dumps(value) for name, value in message.items()}
    members.update(texts)
    return ("{%s}" % ", ".join(f'"{n}": {t}' for n, t in members.items())).encode()


def reading_with(payload):
    return written(envelope("d-1"), payload=payload)


# -- over MQTT ---------------------------------------------------------------------------

HUSHED = f'"note": "{SECRET_WORDS}"'

MQTT_BAD = {
    "no JSON": (b"hushed-word", "INVALID_ENVELOPE"),
    "nothing": (b"", "INVALID_ENVELOPE"),
    "half a message": (reading_with('{"value": 1, %s}' % HUSHED)[:-10], "INVALID_ENVELOPE"),
    "two messages": (reading_with('{"value": 1}') * 2, "INVALID_ENVELOPE"),
    "a comment": (b"/* hushed-word */ " + reading_with('{"value": 1}'), "INVALID_ENVELOPE"),
    "an array": (b'["hushed-word"]', "INVALID_ENVELOPE"),
    "a byte order mark": (b"\xef\xbb\xbf" + reading_with('{"value": 1}'), "INVALID_ENVELOPE"),
    "UTF-16": (json.dumps(envelope("d-1")).encode("utf-16"), "INVALID_ENVELOPE"),
    "invalid UTF-8": (reading_with('{"value": 1, "note": "?"}').replace(b"?", b"\xff"),
                      "INVALID_ENVELOPE"),
    "an overlong UTF-8 slash": (written(envelope("d-1")).replace(b"temperature",
                                                                 b"temper\xc0\xafture"),
                                "INVALID_ENVELOPE"),
    "an encoded NUL": (reading_with('{"value": 1, "note": "a\\u0000b"}'), "INVALID_ENVELOPE"),
    "a raw NUL": (reading_with('{"value": 1, "note": "a\0b"}'), "INVALID_ENVELOPE"),
    "half a surrogate pair": (reading_with('{"value": 1, "note": "\\ud83d"}'),
                              "INVALID_ENVELOPE"),
    "a tenant twice": (written(envelope("d-1"), tenant_id='"t-demo", "tenant_id": "t-2"'),
                       "INVALID_ENVELOPE"),
    "a payload twice": (written(envelope("d-1"), payload='{"value": 1}, "payload": {}'),
                        "INVALID_ENVELOPE"),
    "a value twice": (reading_with('{"value": 1, "value": 2}'), "INVALID_PAYLOAD"),
    "NaN": (reading_with('{"value": NaN, %s}' % HUSHED), "INVALID_ENVELOPE"),
    "Infinity": (reading_with('{"value": -Infinity}'), "INVALID_ENVELOPE"),
    "a number without a double": (reading_with('{"value": 1e999}'), "INVALID_ENVELOPE"),
    "a very long number": (reading_with('{"value": %s}' % ("9" * 100_000)),
                           "INVALID_ENVELOPE"),
    "a hexadecimal number": (reading_with('{"value": 0x10}'), "INVALID_ENVELOPE"),
    "a number as text": (reading_with('{"value": "26.4", %s}' % HUSHED), "INVALID_PAYLOAD"),
    "null for a value": (reading_with('{"value": null}'), "INVALID_PAYLOAD"),
    "true for a value": (reading_with('{"value": true}'), "INVALID_PAYLOAD"),
    "no value": (reading_with('{%s}' % HUSHED), "INVALID_PAYLOAD"),
    "33 levels": (reading_with('{"value": 1, "deep": %s}' % ("[" * 33 + "]" * 33)),
                  "INVALID_ENVELOPE"),
    "100,000 levels": (reading_with('{"value": 1, "deep": %s}'
                                    % ("[" * 100_000 + "]" * 100_000)), "INVALID_ENVELOPE"),
    "100,000 open brackets": (b"[" * 100_000, "INVALID_ENVELOPE"),
    "300 KiB": (reading_with('{"value": 1, "note": "%s"}' % (SECRET_WORDS * 28_000)),
                "PAYLOAD_TOO_LARGE"),
    "200 KiB for an id": (written(envelope("d-1"), event_id='"%s"' % ("x" * 200_000)),
                          "INVALID_ENVELOPE"),
    "another tenant": (written(envelope("d-1", tenant="t-2")), "TENANT_MISMATCH"),
    "another device": (written(envelope("d-2")), "TOPIC_MISMATCH"),
    "another type": (written(envelope("d-1", event_type="telemetry.other")), "TOPIC_MISMATCH"),
}


def refused(farm):
    """What /metrics counted so far, by reason."""
    with farm.open(f"{farm.edge_url}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    begin = 'farmiq_ingress_refused_total{reason="'
    return {line[len(begin):].split('"')[0]: float(line.split(" ")[-1])
            for line in lines if line.startswith(begin)}


def test_bad_messages_among_good_ones(farm):
    """All in one breath, so that they share batches; a good one after each."""
    good, wanted = [], {}
    with Device(farm) as device:
        for bad, reason in MQTT_BAD.values():
            device.publish(topic("d-1"), bad)
            wanted[reason] = wanted.get(reason, 0) + 1
            good.append(envelope("d-1"))
            device.publish(topic("d-1"), good[-1])
        device.flush()
    wait_for("the good ones, at the cloud", 30, lambda: farm.count("cloud") >= len(good))
    assert sorted(ids(farm, "cloud")) == sorted(g["event_id"] for g in good)
    assert refused(farm) == wanted
    counters = farm.get(f"{farm.edge_url}/api/v1/ingress/stats")["counters"]
    assert counters["messages_received_total"] == 2 * len(MQTT_BAD)
    assert counters["messages_invalid_total"] == len(MQTT_BAD)
    assert counters["messages_valid_total"] == len(MQTT_BAD)
    assert counters["messages_processing_errors_total"] == 0
    assert is_alive(farm, "edge") and in_logs(farm, SECRET_WORDS) == []


@pytest.mark.parametrize("name", MQTT_BAD)
def test_each_alone_has_its_reason(name, shared_farm):
    bad, reason = MQTT_BAD[name]
    before = refused(shared_farm)
    with Device(shared_farm) as device:
        device.publish(topic("d-1"), bad)
        wait_for("the refusal", 10, lambda: refused(shared_farm) != before)
    after = refused(shared_farm)
    assert {key for key in after if after[key] != before.get(key, 0)} == {reason}
    assert shared_farm.count("edge") == 0 and is_alive(shared_farm, "edge")


BAD_TOPICS = ["iot/telemetry/t demo/f/b/d/m", "iot/telemetry/t-demo/f/b/./m",
              "iot/telemetry/t-demo/f/../d/m", "iot/telemetry/t-demo//b/d/m",
              "iot/telemetry/tè/f/b/d/m", "iot/telemetry/$x/f/b/d/m",
              f"iot/telemetry/t-demo/f/b/{'d' * 129}/m"]


def test_topics_that_match_the_filter_and_not_the_grammar(farm):
    with Device(farm) as device:
        for bad in BAD_TOPICS:
            device.publish(bad, envelope("d-1"))
        device.publish(topic("d-1"), envelope("d-1"))
        wait_for("the good one", 10, lambda: farm.count("edge") == 1)
    assert refused(farm) == {"INVALID_TOPIC": len(BAD_TOPICS)}
    assert in_logs(farm, "26.4") == []


# -- over HTTPS ---------------------------------------------------------------------------


class Cloud:
    """Well-signed requests with bodies of our own making."""

    def __init__(self, farm):
        self.farm, self.at_ms = farm, 0

    def post(self, body, path=BATCH, signed_path=None, secret=None, **headers):
        self.at_ms = max(self.at_ms + 1, time.time_ns() // 1_000_000)
        signed = signature(secret or self.farm.secret, "POST", signed_path or path, body,
                           self.at_ms)
        return ask(self.farm.cloud_url + path, body, {**signed, **headers}, self.farm.ca)

    def send(self, *elements):
        """A batch of elements that are JSON text already."""
        status, answer = self.post(b'{"tenant_id": "%s", "events": [%s]}' % (
            TENANT.encode(), b", ".join(elements)))
        assert status == 200, answer
        return answer


def element(**texts):
    return written(batch_event(TENANT), **texts)


def payload(text):
    return element(payload='{"metric_type": "m", "metric_value": 1, %s}' % text)


BAD_ELEMENTS = {
    "null": (b"null", "INVALID_EVENT"),
    "a number": (b"42", "INVALID_EVENT"),
    "an array": (b'["hushed-word"]', "INVALID_EVENT"),
    "an empty object": (b"{}", "MISSING_EVENT_ID"),
    "an empty id": (element(event_id='""'), "MISSING_EVENT_ID"),
    "an id of 129": (element(event_id=json.dumps("x" * 129)), "MISSING_EVENT_ID"),
    "a number for an id": (element(event_id="7"), "MISSING_EVENT_ID"),
    "a type nobody knows": (element(event_type='"hushed-word.x"'), "UNKNOWN_EVENT_TYPE"),
    "another tenant": (element(tenant_id='"t-2"'), "TENANT_MISMATCH"),
    "no time": (element(occurred_at="null"), "INVALID_TIME"),
    "no such day": (element(occurred_at='"2025-02-30T10:00:00Z"'), "INVALID_TIME"),
    "an hour ahead": (element(occurred_at=json.dumps(moment(3600))), "INVALID_TIME"),
    "version 2": (element(schema_version='"2.0"'), "UNSUPPORTED_SCHEMA"),
    "no barn": (element(barn_id="null"), "MISSING_SCOPE"),
    "no payload": (element(payload="null"), "INVALID_PAYLOAD"),
    "0 for a payload": (element(payload="0"), "INVALID_PAYLOAD"),
    "an encoded NUL": (payload('"note": "\\u0000 hushed-word"'), "INVALID_PAYLOAD"),
    "half a surrogate pair": (payload('"note": "\\udc14"'), "INVALID_PAYLOAD"),
    "a number without a double": (payload('"more": 1e999'), "INVALID_PAYLOAD"),
    "an id twice": (element(event_id='"a", "event_id": "b"'), "INVALID_EVENT"),
}


def test_bad_elements_among_good_ones(farm):
    good = [batch_event(TENANT) for _ in BAD_ELEMENTS]
    mixed = [text for (bad, _), event in zip(BAD_ELEMENTS.values(), good)
             for text in (bad, json.dumps(event).encode())]
    answer = Cloud(farm).send(*mixed)
    assert (answer["accepted"], answer["rejected"]) == (len(good), len(good))
    found = {error["index"]: (error["code"], error["retryable"]) for error in answer["errors"]}
    assert found == {2 * i: (code, False) for i, (_, code) in
                     enumerate(BAD_ELEMENTS.values())}
    wait_for("the good ones", 10, lambda: farm.count("cloud") == len(good))
    for code in {code for _, code in BAD_ELEMENTS.values()}:
        assert metric(farm, farm.cloud_url, "farmiq_ingest_rejected_total", code=code) == \
            sum(code == other for _, other in BAD_ELEMENTS.values())
    assert is_alive(farm, "cloud") and in_logs(farm, "hushed-word") == []


# Depth is a limit of the batch, as bytes and events are (spec cloud 1.7): the edge halves
# what was refused until the culprit stands alone.
BAD_BODIES = {
    "nothing": (b"", 400),
    "no JSON": (b"hushed-word", 400),
    "an array": (b"[]", 400),
    "half a batch": (b'{"tenant_id": "t-demo", "events": [', 400),
    "a NUL behind it": (b'{"tenant_id": "t-demo", "events": []}\0', 400),
    "invalid UTF-8": (b'{"tenant_id": "t-demo", "note": "\xff", "events": []}', 400),
    "NaN": (b'{"tenant_id": "t-demo", "events": [{"payload": {"v": NaN}}]}', 400),
    "a tenant twice": (b'{"tenant_id": "t-demo", "tenant_id": "t-2", "events": []}', 400),
    "no tenant": (b'{"events": []}', 400),
    "an object of events": (b'{"tenant_id": "t-demo", "events": {}}', 400),
    "100,000 open brackets": (b"[" * 100_000, 400),
    "an element of 40 levels": (b'{"tenant_id": "t-demo", "events": [%s]}'
                                % payload('"deep": %s' % ("[" * 40 + "]" * 40)), 413),
    "1001 events": (b'{"tenant_id": "t-demo", "events": [%s]}'
                    % b",".join([b"null"] * 1001), 413),
    "more than 10 MiB": (b'{"tenant_id": "t-demo", "events": [], "note": "%s"}'
                         % (b"x" * 10_485_760), 413),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bodies_that_are_no_batch(name, shared_farm):
    body, wanted = BAD_BODIES[name]
    status, answer = Cloud(shared_farm).post(body)
    assert status == wanted and answer["error"]["code"] and "traceId" in answer["error"]
    assert SECRET_WORDS not in json.dumps(answer) and in_logs(shared_farm, SECRET_WORDS) == []
    assert is_alive(shared_farm, "cloud") and shared_farm.count("cloud") == 0


def test_what_is_signed_is_the_path(shared_farm):
    """Spec edge 6.7: without the query and without one trailing slash."""
    cloud, empty = Cloud(shared_farm), b'{"tenant_id": "t-demo", "events": []}'
    assert cloud.post(empty, BATCH + "?a=1", BATCH)[0] == 200
    assert cloud.post(empty, BATCH + "?a=1")[0] == 401, "the query is not signed"
    assert cloud.post(empty, BATCH + "/", BATCH)[0] == 200
    assert cloud.post(empty, "/api/v1/ingestion/batch", BATCH)[0] == 401
    assert cloud.post(empty, BATCH.upper(), BATCH)[0] == 404


def test_both_secrets_work_while_one_replaces_the_other(farm):
    """Rotation: the cloud learns the new one, edges move, the old one goes."""
    cloud, empty = Cloud(farm), b'{"tenant_id": "t-demo", "events": []}'
    old, new = farm.secret, "1" * 64
    process = farm.processes["cloud"]
    for keys, accepted in (([old], [old]), ([old, new], [old, new]), ([new], [new])):
        process.end()
        process.env["EDGE_KEYS"] = ",".join(f"edge-demo:{key}:{TENANT}" for key in keys)
        process.start()
        for secret in (old, new):
            status = cloud.post(empty, secret=secret, **{"x-edge-id": "edge-demo"})[0]
            assert status == (200 if secret in accepted else 401)
    assert in_logs(farm, old, new) == []


# -- bytes that are no request -----------------------------------------------------------

HEAD = b"POST /api/v1/edge/batch HTTP/1.1\r\nHost: a\r\n"
RAW = {
    "nothing and gone": b"",
    "no request": b"hushed-word\r\n\r\n",
    "binary": bytes(range(256)) * 16,
    "half a head": HEAD,
    "half a body": HEAD + b"Content-Length: 100\r\n\r\n{",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length below nothing": HEAD + b"Content-Length: -1\r\n\r\n",
    "a length beyond everything": HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    "a bad chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a head of 100 KiB": HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    "1000 headers": HEAD + b"X: y\r\n" * 1000 + b"\r\n",
}


@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize("door", ["edge", "cloud"])
def test_bytes_that_are_no_request(name, door, shared_farm):
    farm = shared_farm
    with socket.create_connection(("127.0.0.1", farm.ports[door]), timeout=3) as line:
        if door == "cloud":
            line = ssl.create_default_context(cafile=farm.ca).wrap_socket(
                line, server_hostname="127.0.0.1")
        line.sendall(RAW[name])
        line.settimeout(0.3)
        try:
            answer = line.recv(4096)
        except (TimeoutError, OSError):
            answer = b""
        assert not answer or answer.split(b" ")[1][:1] in (b"4", b"5"), answer[:80]
    url = farm.edge_url if door == "edge" else farm.cloud_url
    with farm.open(f"{url}/api/health") as healthy:
        assert healthy.status == 200
    assert is_alive(farm, door) and in_logs(farm, "hushed-word") == []


@pytest.mark.parametrize("greeting", [b"", b"\0" * 1000, b"GET / HTTP/1.1\r\n\r\n",
                                      b"\x16\x03\x01\xff\xff" + b"x" * 500])
def test_bytes_that_are_no_tls(greeting, shared_farm):
    with socket.create_connection(("127.0.0.1", shared_farm.ports["cloud"])) as line:
        line.sendall(greeting)
    assert Cloud(shared_farm).post(b'{"tenant_id": "t-demo", "events": []}')[0] == 200
