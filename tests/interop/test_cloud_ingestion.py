# SPDX-License-Identifier: Apache-2.0
"""The cloud's one door for edges."""
import gzip
import json
import threading

import pytest

from wire import (BATCH, TIME, batch_event, compact, fresh, hex_signature, moment, new_id,
                  now_ms, signed)

ALIAS = "/api/v1/ingestion/batch"
HANDSHAKE = "/api/v1/edge/diagnostics/handshake"
DEDUPE = "/api/v1/edge/diagnostics/dedupe"


class Cloud:
    """The door together with what an edge must show at it."""

    def __init__(self, door, given, place):
        self.door, self.given, self.place = door, given, place
        self.mode = getattr(given, "auth", "none")

    def credentials(self, method, path, body=b"", **how):
        if self.mode == "api_key":
            return {"x-api-key": self.given.secret}
        if self.mode == "hmac":
            return signed(how.pop("secret", self.given.secret), method, path, body, **how)
        return {}

    def send(self, body, path=BATCH, headers=None):
        body = body if isinstance(body, bytes) else compact(body)
        return self.door.post(path, body, {**self.credentials("POST", path, body),
                                           **(headers or {})})

    def batch(self, events, path=BATCH, headers=None, **more):
        return self.send({"tenant_id": self.place.tenant, "edge_id": "interop",
                          "sent_at": moment(), "events": events, **more}, path, headers)

    def get(self, path, **query):
        return self.door.get(path, self.credentials("GET", path), **query)


@pytest.fixture
def cloud(ingestion, target, place):
    return Cloud(ingestion, target.need("cloud", "ingestion"), place)


@pytest.fixture
def signing(cloud):
    if cloud.mode != "hmac":
        pytest.skip("skipped: [cloud] auth is not hmac")
    return cloud


def counts(answer):
    assert answer.status == 200, answer
    return tuple(answer.json[name] for name in ("accepted", "duplicated", "rejected"))


# -- what is taken ---------------------------------------------------------------------


@pytest.mark.parametrize("path", [BATCH, ALIAS])
def test_a_batch_and_its_repeat(cloud, place, path):
    """cloud 11 #1, 1.4: n events are accepted, without an errors key; the same again are n
    duplicates; on both paths."""
    events = [batch_event(place) for _ in range(5)]
    first, second = cloud.batch(events, path), cloud.batch(events, path)
    assert counts(first) == (5, 0, 0) and "errors" not in first.json
    assert counts(second) == (0, 5, 0) and "errors" not in second.json


def test_the_two_paths_are_one_operation(cloud, place):
    """cloud 1.1: /api/v1/ingestion/batch is an alias; what one took the other knows."""
    event = batch_event(place)
    assert counts(cloud.batch([event], BATCH)) == (1, 0, 0)
    assert counts(cloud.batch([event], ALIAS)) == (0, 1, 0)


def test_an_empty_batch_answers_zeros(cloud):
    """cloud 1.2: events may be empty."""
    assert counts(cloud.batch([])) == (0, 0, 0)


def test_a_repeat_within_a_batch_counts_once(cloud, place):
    """cloud 1.7 step 6: of equal ids in one batch one is accepted, the rest are duplicates."""
    event = batch_event(place)
    assert counts(cloud.batch([event, batch_event(place), event, event])) == (2, 2, 0)


def test_a_batch_id_comes_back(cloud, place):
    """cloud 1.4: batchId is echoed when given, and deduped repeats duplicated."""
    named = cloud.batch([batch_event(place)], batchId="batch-7").json
    assert (named["batchId"], named["deduped"]) == ("batch-7", 0)
    assert "batchId" not in cloud.batch([batch_event(place)]).json


def test_full_results_on_request(cloud, place):
    """cloud 1.4: x-farmiq-results: full lists every event's fate in order."""
    twice = batch_event(place)
    bad = batch_event(place, payload=5)
    answer = cloud.batch([twice, bad, twice], headers={"x-farmiq-results": "full"})
    assert [(one["event_id"], one["status"]) for one in answer.json["results"]] == [
        (twice["event_id"], "accepted"), (bad["event_id"], "rejected"),
        (twice["event_id"], "duplicated")]


def test_the_payloads_that_come_in_practice(cloud, place):
    """cloud 1.3: each event type of the table is accepted with its usual payload."""
    session = fresh("s")
    payloads = {
        "telemetry.ingested": {"telemetry_raw_id": new_id(), "metric_type": "humidity",
                               "metric_value": 61.5, "unit": "%"},
        "telemetry.reading": {"metric": "humidity", "value": 61.5, "unit": "%"},
        "telemetry.aggregated": {"metric_type": "humidity", "aggregation_window": "1h",
                                 "avg_value": 60, "min_value": 59, "max_value": 61.5,
                                 "unit": "%", "count": 3},
        "weighvision.session.created": {"session_id": session, "batch_id": "b"},
        "weighvision.weight.recorded": {"weight_kg": 2.31},
        "weighvision.session.finalized": {"session_id": session, "image_count": 1,
                                          "final_weight_kg": 2.31, "end_at": moment()},
        "media.stored": {"object_key": "k", "media_id": new_id(), "mime_type": "image/jpeg"},
        "inference.completed": {"inference_result_id": new_id(), "confidence": 0.5,
                                "predicted_weight_kg": 2.3, "model_version": "v1.0.0"},
        "feed.intake.recorded": {"feed_intake_id": new_id(), "quantity_kg": 120.5,
                                 "source": "MANUAL", "occurred_at": moment()},
        "sync.batch.sent": {"batch_id": new_id(), "event_count": 3},
        "sync.batch.acked": {"batch_id": new_id(), "status": "acked"},
    }
    events = [batch_event(place, event_type=kind, session_id=session, payload=payload)
              for kind, payload in payloads.items()]
    answer = cloud.batch(events)
    assert counts(answer) == (len(events), 0, 0), answer


# -- what is refused, event by event ---------------------------------------------------

REFUSED = {
    "no object": (None, "INVALID_EVENT"),
    "a number": (7, "INVALID_EVENT"),
    "no id": ({"event_id": ...}, "MISSING_EVENT_ID"),
    "an empty id": ({"event_id": ""}, "MISSING_EVENT_ID"),
    "an id of 129 bytes": ({"event_id": "x" * 129}, "MISSING_EVENT_ID"),
    "no type": ({"event_type": ...}, "UNKNOWN_EVENT_TYPE"),
    "an unknown type": ({"event_type": "telemetry.guessed"}, "UNKNOWN_EVENT_TYPE"),
    "a type of the cloud's own": ({"event_type": "kpi.daily.updated"}, "UNKNOWN_EVENT_TYPE"),
    "another tenant": ({"tenant_id": "t-other"}, "TENANT_MISMATCH"),
    "no tenant": ({"tenant_id": ...}, "TENANT_MISMATCH"),
    "no time": ({"occurred_at": ...}, "INVALID_TIME"),
    "a time that is none": ({"occurred_at": "noon"}, "INVALID_TIME"),
    "the 30th of February": ({"occurred_at": "2025-02-30T00:00:00Z"}, "INVALID_TIME"),
    "a time to come": ({"occurred_at": moment(3600)}, "INVALID_TIME"),
    "another schema": ({"schema_version": "2.0"}, "UNSUPPORTED_SCHEMA"),
    "a number for payload": ({"payload": 5}, "INVALID_PAYLOAD"),
    "null for payload": ({"payload": None}, "INVALID_PAYLOAD"),
    "a list for payload": ({"payload": [1]}, "INVALID_PAYLOAD"),
    "no payload": ({"payload": ...}, "INVALID_PAYLOAD"),
    "no farm": ({"farm_id": ...}, "MISSING_SCOPE"),
    "no barn": ({"barn_id": None}, "MISSING_SCOPE"),
    "no device": ({"device_id": ...}, "MISSING_SCOPE"),
}


def build_refused(place, change):
    return batch_event(place, **change) if isinstance(change, dict) else change


def test_a_mixed_batch(cloud, place):
    """cloud 11 #2, 1.8: each bad event is listed with index and code, its neighbours are
    taken, and the service lives."""
    events, wanted = [], []
    for change, code in REFUSED.values():
        wanted.append((len(events), code))
        events += [build_refused(place, change), batch_event(place)]
    answer = cloud.batch(events)
    assert counts(answer) == (len(REFUSED), 0, len(REFUSED))
    errors = answer.json["errors"]
    assert [(error["index"], error["code"]) for error in errors] == wanted
    assert all(error["retryable"] is False and error["error"] for error in errors)
    for error in errors:
        sent = events[error["index"]]
        if isinstance(sent, dict) and 0 < len(sent.get("event_id", "")) <= 128:
            assert error["event_id"] == sent["event_id"]
    assert counts(cloud.batch([batch_event(place)])) == (1, 0, 0)


@pytest.mark.parametrize("change", [
    {"trace_id": ...}, {"schema_version": ...}, {"schema_version": "1.1.0"},
    {"payload": {}}, {"occurred_at": ..., "ts": moment()}, {"occurred_at": moment(500)},
    {"occurred_at": "2025-01-01T07:00:00+07:00"}, {"device_id": ..., "station_id": "st-1"},
    {"session_id": None, "batch_id": None}, {"event_id": "no-uuid-at-all"},
    {"content_hash": "x", "retry_count": 1, "produced_at": moment(), "anything": [1]},
    {"event_type": "media.stored", "farm_id": ..., "barn_id": ..., "device_id": ...}])
def test_what_is_tolerated(cloud, place, change):
    """cloud 1.2, 1.8: optional members, aliases, offsets, ids of any kind."""
    if change.get("event_id"):
        change = {**change, "event_id": fresh("id")}
    answer = cloud.batch([batch_event(place, **change)])
    assert counts(answer) == (1, 0, 0), answer


def test_an_old_reading_of_a_missing_field(cloud, place, differs):
    """cloud 1.4: the words of a rejection."""
    error = cloud.batch([batch_event(place, farm_id=...)]).json["errors"][0]
    differs("rejection-words", error["error"] == "Missing farm_id",
            error["code"] == "MISSING_SCOPE" and "farm_id" in error["error"])


# -- what is refused as a whole --------------------------------------------------------


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b"null", b'"text"', b"\xff\xfe",
                                  b'{"events": []}', b'{"tenant_id": "", "events": []}',
                                  b'{"tenant_id": 7, "events": []}'])
def test_a_body_that_is_no_batch(cloud, body):
    """cloud 11 #3, 1.2: no object, or no tenant: 400 VALIDATION_ERROR."""
    answer = cloud.send(body)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR", answer


@pytest.mark.parametrize("events", [None, {}, 5, "e"])
def test_events_that_are_no_array(cloud, events):
    """cloud 11 #3, 1.2: events must be an array: 400."""
    answer = cloud.batch(events)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"


def test_the_header_must_name_the_same_tenant(cloud, place):
    """cloud 11 #3, 1.2: an x-tenant-id that differs from the body's tenant_id is 400."""
    event = batch_event(place)
    answer = cloud.batch([event], headers={"x-tenant-id": "t-somebody"})
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"
    assert counts(cloud.batch([event], headers={"x-tenant-id": place.tenant})) == (1, 0, 0)


def test_more_than_a_thousand_events(cloud, place):
    """cloud 11 #3, 1.7: 1000 events are taken, 1001 are 413 PAYLOAD_TOO_LARGE."""
    events = [batch_event(place) for _ in range(1001)]
    answer = cloud.batch(events)
    assert answer.status == 413 and answer.error["code"] == "PAYLOAD_TOO_LARGE"
    assert counts(cloud.batch(events[:1000])) == (1000, 0, 0)


def test_how_deep_a_body_may_be(cloud, place, differs):
    """cloud 1.7 step 1: nesting has a limit."""
    def status(levels):
        deep = batch_event(place, payload=...)
        text = compact({"tenant_id": place.tenant, "events": [deep]}).decode()
        payload = '{"d":' * (levels - 3) + "1" + "}" * (levels - 3)
        return cloud.send(text.replace('"schema_version"', f'"payload":{payload},'
                                       '"schema_version"').encode())
    shallow, deep, abyss = status(20), status(60), status(5000)
    assert counts(shallow) == (1, 0, 0)
    assert abyss.status in (400, 413) or counts(abyss)[2] == 1
    taken = deep.status == 200 and deep.json["accepted"] == 1
    differs("depth-32", taken, not taken)


def test_packed_bodies(cloud, place):
    """cloud 1.2 with RFC 9110, 8.4: a gzip body is unpacked; its signature covers what came
    over the wire before packing."""
    body = compact({"tenant_id": place.tenant,
                    "events": [batch_event(place) for _ in range(50)]})
    packed = gzip.compress(body)
    headers = {**cloud.credentials("POST", BATCH, body), "content-encoding": "gzip"}
    answer = cloud.door.post(BATCH, packed, headers)
    assert counts(answer) == (50, 0, 0)
    cut = cloud.door.post(BATCH, packed[:-9], {**headers, **cloud.credentials("POST", BATCH)})
    assert cut.status == 400 and cut.error["code"] == "VALIDATION_ERROR"


# -- two at once -----------------------------------------------------------------------


def test_the_same_batch_twice_at_once(cloud, place):
    """cloud 11 #9: of one batch sent by many at the same time, each event is accepted once."""
    events, answers = [batch_event(place) for _ in range(200)], []

    def send(order):
        answers.append(counts(cloud.batch(events[::order])))
    threads = [threading.Thread(target=send, args=(order,)) for order in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(accepted for accepted, _, _ in answers) == len(events)
    assert sum(duplicated for _, duplicated, _ in answers) == 3 * len(events)


# -- who one is ------------------------------------------------------------------------


def test_the_published_signatures():
    """edge 14.2: the vectors of the contract, computed by this suite's own signer."""
    body = compact({"tenant_id": "t-001", "edge_id": "edge-01",
                    "sent_at": "2025-01-01T00:00:00.000Z", "events": []})
    stamp = "1704067200000"
    assert hex_signature("test-secret", stamp, "POST", BATCH, body) == (
        "c9b11b88d7f8af1125a5517169cfc3bf27342a5e0d744bbc111a93eb7b0b6ce5")
    assert hex_signature("test-secret", stamp, "get", HANDSHAKE) == (
        "f71170fafab40f4fb61059e87b0022bd89ddd93ba73288fea6e438f5e9a8d510")


def knock(cloud, headers, body, at=BATCH):
    """A batch with exactly these credentials."""
    return cloud.door.post(at, body, headers)


def test_both_spellings_of_a_signature(signing):
    """cloud 11 #4, 1.5: with and without sha256= in front."""
    body = compact({"tenant_id": signing.place.tenant, "events": []})
    for at, prefix in enumerate(("sha256=", "")):
        headers = signed(signing.given.secret, "POST", BATCH, body, now_ms() + at, prefix)
        assert knock(signing, headers, body=body).status == 200, prefix


def test_both_secrets_while_they_change(signing):
    """cloud 11 #4, 1.5: during a rotation the old and the new secret are good."""
    other = getattr(signing.given, "other_secret", None)
    if not other:
        pytest.skip("skipped: [cloud] other_secret not given")
    for secret in (signing.given.secret, other):
        assert signing.door.get(HANDSHAKE, signed(secret, "GET", HANDSHAKE)).status == 200


@pytest.mark.parametrize("at", [BATCH + "/", BATCH + "?a=b", BATCH + "?tenant_id=t-9"])
def test_what_of_the_target_is_signed(signing, at):
    """cloud 11 #4, 1.5: the path without query and without one trailing slash."""
    body = compact({"tenant_id": signing.place.tenant, "events": [], "sent_at": moment()})
    answer = knock(signing, signed(signing.given.secret, "POST", BATCH, body), body=body, at=at)
    assert answer.status == 200, answer


def bad_credentials(secret, body):
    good = signed(secret, "POST", BATCH, body)
    stamp = good["x-edge-timestamp"]

    def sign(**changes):
        return {**good, **changes}
    return {
        "no time": (sign(**{"x-edge-timestamp": ""}), "HMAC_TIMESTAMP_MISSING"),
        "nothing": ({}, "HMAC_TIMESTAMP_MISSING"),
        "no signature": ({"x-edge-timestamp": stamp}, "HMAC_SIGNATURE_MISSING"),
        "letters for a time": (sign(**{"x-edge-timestamp": stamp[:-1] + "x"}),
                               "HMAC_TIMESTAMP_INVALID"),
        "a negative time": (sign(**{"x-edge-timestamp": "-" + stamp}),
                            "HMAC_TIMESTAMP_INVALID"),
        "too old": (signed(secret, "POST", BATCH, body, now_ms() - 301_000),
                    "HMAC_TIMESTAMP_OUT_OF_WINDOW"),
        "too new": (signed(secret, "POST", BATCH, body, now_ms() + 301_000),
                    "HMAC_TIMESTAMP_OUT_OF_WINDOW"),
        "another secret": (signed(secret + "x", "POST", BATCH, body),
                           "HMAC_SIGNATURE_INVALID"),
        "another method": (signed(secret, "PUT", BATCH, body), "HMAC_SIGNATURE_INVALID"),
        "another path": (signed(secret, "POST", ALIAS, body), "HMAC_SIGNATURE_INVALID"),
        "another body": (signed(secret, "POST", BATCH, body + b" "),
                         "HMAC_SIGNATURE_INVALID"),
        "capitals": (sign(**{"x-edge-signature": good["x-edge-signature"].upper()}),
                     "HMAC_SIGNATURE_INVALID"),
        "half of it": (sign(**{"x-edge-signature": good["x-edge-signature"][:40]}),
                       "HMAC_SIGNATURE_INVALID"),
    }


@pytest.mark.parametrize("fault", bad_credentials("", b""))
def test_a_signature_that_is_not_accepted(signing, fault):
    """cloud 11 #4, 1.5; edge 6.7: each check has its code, in its order, all of them 401."""
    body = compact({"tenant_id": signing.place.tenant, "events": [], "sent_at": moment()})
    headers, code = bad_credentials(signing.given.secret, body)[fault]
    answer = knock(signing, headers, body=body)
    assert (answer.status, answer.error["code"]) == (401, code)
    if code == "HMAC_TIMESTAMP_OUT_OF_WINDOW":
        error = answer.error
        assert abs(error["clientTimestamp"] - int(headers["x-edge-timestamp"])) <= 1
        assert abs(error["serverTime"] - now_ms()) < 60_000
        assert 300_000 < error["skewMs"] < 302_000 and error["maxSkewMs"] == 300_000


def test_a_request_is_good_once(signing):
    """cloud 11 #5, 1.5: the same signed request again is 401 HMAC_REPLAY_DETECTED; both
    spellings of the signature are the same request."""
    body = compact({"tenant_id": signing.place.tenant,
                    "events": [batch_event(signing.place)]})
    headers = signed(signing.given.secret, "POST", BATCH, body)
    assert counts(knock(signing, headers, body=body)) == (1, 0, 0)
    bare = {**headers,
            "x-edge-signature": headers["x-edge-signature"].removeprefix("sha256=")}
    for again in (headers, bare):
        answer = knock(signing, again, body=body)
        assert (answer.status, answer.error["code"]) == (401, "HMAC_REPLAY_DETECTED")
        assert str(answer.error["timestamp"]) == headers["x-edge-timestamp"]


@pytest.fixture
def keyed(target, open_door):
    """An ingestion that wants keys, and a good one."""
    given = target.need("cloud", "keyed_ingestion", "key")
    return open_door(given.keyed_ingestion, getattr(given, "keyed_ca_file", None)), given.key


def test_a_key_opens(keyed, place):
    """cloud 1.5: in api_key mode x-api-key is who one is, for batches and diagnostics."""
    door, key = keyed
    body = {"tenant_id": place.tenant, "events": [batch_event(place)]}
    assert counts(door.post(BATCH, body, {"x-api-key": key})) == (1, 0, 0)
    handshake = door.get(HANDSHAKE, {"x-api-key": key})
    assert (handshake.status, handshake.json["auth_mode"]) == (200, "api_key")


@pytest.mark.parametrize("change", [lambda key: "", lambda key: key + "x",
                                    lambda key: key[:-1], lambda key: key.upper()])
def test_a_key_that_does_not(keyed, place, change):
    """cloud 1.5, edge 6.7: a missing or unknown key is 401 UNAUTHORIZED."""
    door, key = keyed
    for answer in (door.get(HANDSHAKE, {"x-api-key": change(key)}), door.get(HANDSHAKE),
                   door.post(BATCH, {"tenant_id": place.tenant, "events": []},
                             {"x-api-key": change(key)})):
        assert (answer.status, answer.error["code"]) == (401, "UNAUTHORIZED")


def test_figures_move(cloud, place):
    """cloud 11 #25, 8.3: the counters of accepted, duplicated and rejected events."""
    def figures():
        text = cloud.door.get("/metrics").body.decode()
        begin = "farmiq_ingest_events_total{"
        found = {}
        for line in text.splitlines():
            for outcome in ("accepted", "duplicated", "rejected"):
                if line.startswith(begin) and f'outcome="{outcome}"' in line:
                    found[outcome] = found.get(outcome, 0) + float(line.split(" ")[-1])
        return [found.get(outcome, 0) for outcome in ("accepted", "duplicated", "rejected")]
    before, event = figures(), batch_event(place)
    cloud.batch([event, event, batch_event(place, payload=5)])
    assert [after - was for after, was in zip(figures(), before)] == [1, 1, 1]


def test_a_credential_speaks_for_its_tenants_only(cloud, place):
    """cloud 1.5, 10-A1: events of a tenant that the credential is not for are refused, one by
    one, and nothing of them is kept."""
    if cloud.mode == "none":
        pytest.skip("skipped: [cloud] auth is none")
    event = batch_event(place, tenant_id=place.other_tenant)
    answer = cloud.send({"tenant_id": place.other_tenant, "events": [event]})
    if answer.status == 200:
        assert counts(answer) == (0, 0, 1)
        assert answer.json["errors"][0]["code"] == "TENANT_MISMATCH"
    else:
        assert answer.status in (401, 403)


# -- diagnostics -----------------------------------------------------------------------


def test_the_handshake(cloud):
    """cloud 1.1, 11 #4: a signed GET with an empty body is 200, and says who answers."""
    headers = {**cloud.credentials("GET", HANDSHAKE), "x-request-id": "hand-1",
               "x-trace-id": "shake-1"}
    answer = cloud.door.get(HANDSHAKE, headers)
    assert answer.status == 200, answer
    body = answer.json
    assert body["ok"] is True and body["service"] == "cloud-ingestion"
    assert body["auth_mode"] == cloud.mode
    assert (body["request_id"], body["trace_id"]) == ("hand-1", "shake-1")
    assert TIME.fullmatch(body["time"])


def test_the_newest_ids(cloud, place):
    """cloud 1.1: the dedupe diagnostics list a tenant's newest ids, 20 unless told otherwise,
    200 at most."""
    sent = [batch_event(place) for _ in range(25)]
    cloud.batch(sent)
    usual = cloud.get(DEDUPE, tenant_id=place.tenant).json
    assert len(usual["entries"]) == 20 and usual["count"] >= 25
    few = cloud.get(DEDUPE, tenant_id=place.tenant, limit=25).json["entries"]
    assert {entry["event_id"] for entry in few} <= {event["event_id"] for event in sent}
    assert {entry["tenant_id"] for entry in few} == {place.tenant}
    assert all(TIME.fullmatch(entry["first_seen_at"]) for entry in few)


def test_the_limits_of_the_newest_ids(cloud, place, differs):
    """cloud 1.1, 0.4: tenant_id is needed, limit is at most 200."""
    assert cloud.get(DEDUPE).status == 400
    for limit in ("0", "-1", "x", "1.5", "99999999999999999999"):
        answer = cloud.get(DEDUPE, tenant_id=place.tenant, limit=limit)
        assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR", limit
    above = cloud.get(DEDUPE, tenant_id=place.tenant, limit=201)
    differs("limit-above-the-cap",
            above.status == 200 and len(above.json["entries"]) <= 200, above.status == 400)


def test_the_ids_of_others_are_not_shown(cloud, place):
    """cloud 10-A10: a credential sees the ids of its own tenants."""
    if cloud.mode == "none":
        pytest.skip("skipped: [cloud] auth is none")
    answer = cloud.get(DEDUPE, tenant_id=place.other_tenant)
    assert answer.status == 403 and answer.error["code"] == "FORBIDDEN"


def test_a_batch_names_its_errors_in_json(cloud):
    """cloud 0.4: an error is one object with code, message as text and traceId."""
    answer = cloud.send(b"{", headers={"x-trace-id": "trace-e"})
    error = json.loads(answer.body)["error"]
    assert set(error) >= {"code", "message", "traceId"} and error["traceId"] == "trace-e"
    assert isinstance(error["message"], str)
