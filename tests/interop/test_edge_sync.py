# SPDX-License-Identifier: Apache-2.0
"""The request that an edge sends to its cloud, and what it makes of every kind of answer. The
cloud is the suite's own (cloud_stand_in.py)."""
import email.utils
import time
import types
import uuid

import pytest

from cloud_stand_in import Reply, accept
from wire import BATCH, TIME, fresh, hex_signature, moment, reading, wait_for

READINGS = "/api/v1/telemetry/readings"


class Site:
    """An edge whose forwarder sends to the stand-in."""

    def __init__(self, target, open_door, cloud, section="stand_in"):
        self.given = target.need(section, "listen", "telemetry", "forwarder")
        self.telemetry = open_door(self.given.telemetry)
        self.forwarder = open_door(self.given.forwarder)
        self.place, self.seconds, self.cloud = target.place, target.patience, cloud

    def store(self, *events):
        answer = self.telemetry.post(READINGS, {"events": list(events)})
        assert answer.status == 200, answer
        return [event["event_id"] for event in events]

    def some(self, count=1, **changes):
        return self.store(*[reading(self.place, **changes) for _ in range(count)])

    def state(self):
        return self.forwarder.good("/api/v1/sync/state")

    def entries(self, status):
        path = "/api/v1/sync/dlq" if status == "dlq" else "/api/v1/sync/outbox"
        query = {} if status == "dlq" else {"status": status}
        found = self.forwarder.good(path, limit=1000, **query)["entries"]
        return {entry["id"]: entry for entry in found}

    def wait_for_batches(self, count):
        wait_for(f"{count} requests", self.seconds,
                 lambda: len(self.cloud.batches()) >= count)

    def wait_until(self, ids, status):
        """Until these rows, and whichever others, are in that state."""
        wait_for(f"{len(ids)} rows {status}", self.seconds,
                 lambda: set(ids) <= set(self.entries(status)))

    def wait_until_empty(self):
        wait_for("an empty outbox", self.seconds, lambda: self.state()["pending_count"]
                 == self.state()["claimed_count"] == 0)


    @property
    def retry_after(self):
        """Seconds that are longer than a pause of the edge's own making."""
        return int(getattr(self.given, "pause_seconds", 3)) + 2


def emptied(site):
    site.cloud.judge = accept
    site.wait_until_empty()
    site.cloud.requests.clear()
    yield site
    site.cloud.judge = accept
    site.wait_until_empty()


@pytest.fixture
def site(target, open_door, one_stand_in):
    yield from emptied(Site(target, open_door, one_stand_in))


@pytest.fixture
def unhurried_site(target, open_door, one_stand_in, unhurried_stand_in):
    """An edge that pauses as long as the contract says; ours elsewhere does not, lest the
    suite wait."""
    yield from emptied(Site(target, open_door, unhurried_stand_in, "unhurried")
                       if unhurried_stand_in else Site(target, open_door, one_stand_in))


# -- the request -----------------------------------------------------------------------


def test_the_request_line_and_its_headers(site):
    """edge 6.5: POST to the configured path, as JSON, with the tenant, a request id, a trace
    id, and an idempotency key that is the batch's alone."""
    site.some()
    site.wait_for_batches(1)
    request = site.cloud.batches()[0]
    assert (request.method, request.path) == ("POST", BATCH)
    headers = request.headers
    assert headers["content-type"].split(";")[0] == "application/json"
    assert headers["x-tenant-id"] == request.json["tenant_id"] == site.place.tenant
    assert headers["x-request-id"] and headers["x-trace-id"]
    assert uuid.UUID(headers["x-idempotency-key"])
    assert int(headers["content-length"]) == len(request.body)
    assert "transfer-encoding" not in headers


def test_the_body(site):
    """edge 6.5: tenant_id, edge_id, sent_at and events; each event has the fields of the
    contract, its payload, and a key of tenant and event id."""
    sent = reading(site.place, "ammonia", 12.25, ts="2025-03-04T12:00:00+07:00",
                   trace_id="trace-body")
    site.store(sent)
    site.wait_for_batches(1)
    body = site.cloud.batches()[0].json
    assert TIME.fullmatch(body["sent_at"])
    if getattr(site.given, "edge_id", None):
        assert body["edge_id"] == site.given.edge_id
    event, = body["events"]
    assert event["event_id"] == sent["event_id"]
    assert event["event_type"] == "telemetry.ingested"
    assert (event["tenant_id"], event["farm_id"], event["barn_id"], event["device_id"]) == (
        site.place.tenant, site.place.farm, site.place.barn, site.place.device)
    assert event["occurred_at"] == "2025-03-04T05:00:00.000Z"
    assert event["trace_id"] == "trace-body" and event["schema_version"] == "1.0"
    payload = event["payload"]
    assert (payload["metric_type"], payload["metric_value"], payload["unit"]) == (
        "ammonia", 12.25, "C")


def test_members_that_the_contract_lists(site, differs):
    """edge 6.1, 6.5: the payload repeats ids and time, and the event has an
    idempotency_key."""
    site.some()
    site.wait_for_batches(1)
    event, = site.cloud.batches()[0].events
    payload = {"telemetry_raw_id", "tenant_id", "device_id", "metric_type", "metric_value",
               "unit", "occurred_at"}
    as_listed = (payload <= set(event["payload"]) and event.get("idempotency_key")
                 == f"{event['tenant_id']}:{event['event_id']}")
    differs("nothing-said-twice", as_listed, not as_listed
            and {"metric_type", "metric_value", "unit"} <= set(event["payload"]))


def test_a_trace_id_is_never_missing(site):
    """edge 6.5: an event without a trace id gets one."""
    site.some(trace_id=...)
    site.wait_for_batches(1)
    assert site.cloud.batches()[0].events[0]["trace_id"]


def test_an_id_that_is_no_uuid(site, differs):
    """edge 0.2, 13-A5: the cloud's event id of a device's id that is not a UUID."""
    name = fresh("reading")
    site.store(reading(site.place, event_id=name))
    site.wait_for_batches(1)
    event, = site.cloud.batches()[0].events
    is_uuid = event["event_id"] != name and uuid.UUID(event["event_id"])
    differs("ids-become-uuids", event["event_id"] == name,
            is_uuid and event["payload"]["source_event_id"] == name)


def test_what_is_absent_is_left_out(site):
    """edge 6.5: farm_id, barn_id and session_id are omitted when there is none; never null."""
    site.some(farm_id=..., barn_id=...)
    site.wait_for_batches(1)
    event, = site.cloud.batches()[0].events
    assert not {"farm_id", "barn_id", "session_id"} & set(event)
    assert None not in event.values()


def test_the_signature(site):
    """edge 6.7, 14.1 #9: HMAC-SHA256 over time, method, path and the exact body, recomputed
    here; the time is the present in milliseconds."""
    if getattr(site.given, "auth", None) != "hmac":
        pytest.skip("skipped: [stand_in] auth is not hmac")
    site.some(3)
    site.wait_for_batches(1)
    request = site.cloud.batches()[0]
    stamp = request.headers["x-edge-timestamp"]
    assert stamp.isdecimal() and abs(int(stamp) - time.time() * 1000) < 60_000
    assert request.headers["x-edge-signature"] == "sha256=" + hex_signature(
        site.given.secret, stamp, "POST", request.path, request.body)


def test_batches_have_bounds_and_one_tenant(site):
    """edge 6.5, 13-C6, C8: at most so many events and bytes in a request, all of one tenant,
    in the order they occurred."""
    place = types.SimpleNamespace(**{**vars(site.place), "tenant": "t-3"})
    many = [reading(site.place, ts=moment(-at)) for at in range(60)]
    site.store(*many, *[reading(place) for _ in range(10)])
    wait_for("all of them", site.seconds,
             lambda: sum(len(r.events) for r in site.cloud.batches()) >= 70)
    for request in site.cloud.batches():
        assert {event["tenant_id"] for event in request.events} == {
            request.json["tenant_id"]} == {request.headers["x-tenant-id"]}
        assert len(request.events) <= getattr(site.given, "batch_events", 100)
        assert len(request.body) <= getattr(site.given, "batch_bytes", 10 * 2**20)
        times = [event["occurred_at"] for event in request.events]
        assert times == sorted(times)
    keys = [request.headers["x-idempotency-key"] for request in site.cloud.batches()]
    assert len(set(keys)) == len(keys) > 1
    assert len({one for r in site.cloud.batches() for one in r.ids}) == 70


def test_the_diagnosis_knocks_at_the_handshake(site):
    """edge 6.7, 4.6: GET diagnostics/cloud asks the cloud's handshake, signed over an empty
    body; a cloud that refuses is 502 with the same body."""
    answer = site.forwarder.get("/api/v1/sync/diagnostics/cloud")
    assert answer.status == 200
    assert answer.json["ok"] is True and set(answer.json) == {"ok", "status", "message"}
    request = site.cloud.requests[-1]
    assert (request.method, request.path) == ("GET", "/api/v1/edge/diagnostics/handshake")
    if getattr(site.given, "auth", None) == "hmac":
        stamp = request.headers["x-edge-timestamp"]
        assert request.headers["x-edge-signature"] == "sha256=" + hex_signature(
            site.given.secret, stamp, "GET", request.path)


# -- answers that settle rows ----------------------------------------------------------


@pytest.mark.parametrize("counts", [
    {}, {"duplicated": 3, "accepted": 0}, {"deduped": 0, "batchId": "x"},
    {"errors": []}, {"something": {"new": [1]}}])
def test_a_good_answer_acknowledges(site, counts):
    """edge 6.6: every event of a 200 that errors does not name is acked, accepted and
    duplicated alike."""
    site.cloud.judge = lambda request: accept(request, **counts)
    ids = site.some(3)
    site.wait_until(ids, "acked")
    assert len(site.cloud.batches()) == 1


@pytest.mark.parametrize("status", [201, 202, 207])
def test_any_success_acknowledges(site, status):
    """cloud 1.4: any 2xx is read like a 200, a 207 with its list of errors, too."""
    def judge(request):
        errors = [{"event_id": request.ids[0], "index": 0, "error": "Missing farm_id",
                   "code": "MISSING_SCOPE", "retryable": False}] if status == 207 else []
        reply = accept(request, accepted=len(request.events) - len(errors),
                       rejected=len(errors), errors=errors)
        reply.status = status
        return reply
    site.cloud.judge = judge
    ids = site.some(3)
    wait_for("acknowledgements", site.seconds, lambda: len(
        set(ids) & set(site.entries("acked"))) == (2 if status == 207 else 3))
    if status == 207:
        first = site.cloud.batches()[0].ids[0]
        site.wait_until([first], "dlq")


def test_errors_are_each_events_own(site, differs):
    """edge 6.6: of one answer some rows are acked and some not; a rejection by rule is for
    good, one that may be retried is retried, and each row keeps its own reason."""
    def judge(request):
        site.cloud.judge = accept
        errors = [{"event_id": request.ids[0], "index": 0, "error": "never", "code": "X",
                   "retryable": False},
                  {"event_id": request.ids[1], "index": 1, "error": "later", "code": "Y",
                   "retryable": True}]
        return accept(request, accepted=len(request.events) - 2, rejected=2, errors=errors)
    site.cloud.judge = judge
    ids = site.some(4)
    site.wait_for_batches(1)
    never, later, *taken = site.cloud.batches()[0].ids
    site.wait_until(taken, "acked")
    site.wait_until([never], "dlq")
    dead = site.entries("dlq")[never]
    assert dead["last_error_message"] == "never" and dead["failed_at"] and dead["dlq_reason"]
    differs("refused-for-good", dead["attempt_count"] > 1, dead["attempt_count"] == 1)
    site.wait_until([later], "acked")
    assert sorted(ids) == sorted([never, later, *taken])


def test_a_rejection_without_a_word_about_retrying(unhurried_site):
    """edge 6.4, 6.6: an old cloud's errors have only event_id and error: the row is tried
    again after 2 to 3 seconds, with its reason."""
    site = unhurried_site

    def judge(request):
        site.cloud.judge = accept
        return accept(request, accepted=0, rejected=1,
                      errors=[{"event_id": request.ids[0], "error": "Missing farm_id"}])
    site.cloud.judge = judge
    ids = site.some()
    wait_for("the attempt", site.seconds, lambda: [
        entry for entry in site.entries("pending").values() if entry["id"] in ids
        and entry["attempt_count"] == 1 and entry["last_error_message"] == "Missing farm_id"])
    site.wait_until(ids, "acked")
    first, second = site.cloud.batches()[:2]
    assert 1.9 <= second.at - first.at <= 3 + 2
    assert first.headers["x-idempotency-key"] != second.headers["x-idempotency-key"]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_whole_batch_that_is_refused(site, status):
    """edge 13-C6: 400, 413 and 422 are about some event: the batch is halved until the culprit
    stands alone; its neighbours are acked."""
    poison = reading(site.place)

    def judge(request):
        return Reply(status, {"error": {"code": "VALIDATION_ERROR", "message": "no",
                                        "traceId": "t"}}) if (
            poison["event_id"] in request.ids) else accept(request)
    site.cloud.judge = judge
    neighbours = [reading(site.place) for _ in range(7)]
    site.store(*neighbours[:4], poison, *neighbours[4:])
    site.wait_until([poison["event_id"]], "dlq")
    site.wait_until([one["event_id"] for one in neighbours], "acked")


# -- answers that say nothing about rows -----------------------------------------------


def outages(request):
    """How a cloud can fail to answer."""
    error = {"error": {"code": "X", "message": "no", "traceId": "t"}}
    return {
        **{str(status): Reply(status, error) for status in (
            401, 403, 404, 408, 425, 429, 500, 502, 503, 504, 301)},
        "a page": Reply(200, b"<html>Sign in to the network</html>",
                        {"content-type": "text/html"}),
        "nothing": Reply(200, b""),
        "half an answer": Reply(200, b'{"accepted": 1, "dupl'),
        "an array": Reply(200, []),
        "counts that do not add up": accept(request, accepted=0),
        "more than were sent": accept(request, duplicated=1),
        "counts below zero": accept(request, accepted=-1, duplicated=2),
        "an error about nobody": accept(request, accepted=0, rejected=1, errors=[
            {"event_id": "somebody", "error": "who?"}]),
        "an error twice": accept(request, accepted=0, rejected=2, errors=[
            {"event_id": request.ids[0], "error": "no"}] * 2),
        "a cut connection": Reply(cut=True),
    }


class Sample:
    ids, events = ["x"], [{}]


@pytest.mark.parametrize("name", outages(Sample))
def test_an_outage_costs_no_attempt(site, name):
    """edge 13-C4, C20, 6.6: what is no answer about the events pauses the endpoint; no row is
    acked, dead or charged with an attempt, and all go out when the cloud is well."""
    site.cloud.judge = lambda request: outages(request)[name]
    ids = site.some(1)
    wait_for("the pause", site.seconds, lambda: site.state()["consecutive_failures"] > 0)
    state = site.state()
    assert TIME.fullmatch(state["paused_until"]) and TIME.fullmatch(state["last_error_at"])
    waiting = {**site.entries("pending"), **site.entries("claimed")}
    assert set(ids) <= set(waiting) and not set(ids) & set(site.entries("dlq"))
    assert {waiting[one]["attempt_count"] for one in ids} == {0}
    site.cloud.judge = accept
    site.wait_until(ids, "acked")
    assert site.state()["consecutive_failures"] == 0


def test_a_cloud_that_is_slow(site):
    """edge 13-C3: a request has a time limit; what did not answer in time did not answer."""
    limit = getattr(site.given, "timeout_seconds", None)
    if not limit:
        pytest.skip("skipped: [stand_in] timeout_seconds not given")
    site.cloud.judge = lambda request: Reply(
        200, accept(request).body, after=limit + 1)
    ids = site.some()
    wait_for("the pause", site.seconds, lambda: site.state()["consecutive_failures"] > 0)
    assert not set(ids) & set(site.entries("acked"))
    site.cloud.judge = accept
    site.wait_until(ids, "acked")


def http_date(seconds):
    """RFC 9110, 5.6.7: whole seconds."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(site, status, form):
    """edge 13-C4: Retry-After, in seconds or as a date, is how long the cloud is left alone."""
    def judge(_request):
        site.cloud.judge = accept
        wait = site.retry_after
        return Reply(status, {}, {"retry-after": str(wait) if form == "seconds"
                                  else http_date(wait + 1)})
    site.cloud.judge = judge
    ids = site.some()
    site.wait_until(ids, "acked")
    first, second = site.cloud.batches()
    assert site.retry_after - 0.5 <= second.at - first.at <= site.retry_after + 7


def test_a_retry_after_that_is_none(site):
    """edge 13-C4: a Retry-After that cannot be read is none."""
    def judge(_request):
        site.cloud.judge = accept
        return Reply(503, {}, {"retry-after": "soon"})
    site.cloud.judge = judge
    site.wait_until(site.some(), "acked")
    first, second = site.cloud.batches()
    assert second.at - first.at <= 6


def test_new_events_do_not_break_a_pause(site):
    """edge 13-C4: while the endpoint is paused, what comes in waits with the others."""
    def judge(_request):
        site.cloud.judge = accept
        return Reply(503, {}, {"retry-after": str(site.retry_after)})
    site.cloud.judge = judge
    ids = site.some()
    site.wait_for_batches(1)
    ids += site.some(5)
    site.wait_until(ids, "acked")
    first, second = site.cloud.batches()[:2]
    assert second.at - first.at >= site.retry_after - 0.5 and len(site.cloud.batches()) == 2


def test_a_backlog_drains(site):
    """edge 14.1 #6, 13-C5: after an outage the backlog goes out request after request, nothing
    of it dead, nothing twice."""
    site.cloud.judge = lambda request: Reply(503, {})
    ids = site.some(300) + site.some(300)
    wait_for("the pause", site.seconds, lambda: site.state()["consecutive_failures"] > 0)
    site.cloud.requests.clear()
    site.cloud.judge = accept
    dead = set(site.entries("dlq"))
    site.wait_until_empty()
    sent = [one for request in site.cloud.batches() for one in request.ids]
    assert sorted(sent) == sorted(ids) and set(site.entries("dlq")) == dead


# -- dead letters ----------------------------------------------------------------------


def test_a_dead_letter_goes_out_again(site):
    """edge 4.6, 6.4: redrive by id puts a dead letter back, and nothing else."""
    site.cloud.judge = lambda request: Reply(422, {})
    ids = site.some(2)
    site.wait_until(ids, "dlq")
    site.cloud.judge = accept
    answer = site.forwarder.post("/api/v1/sync/redrive", {"ids": ids[:1]})
    assert answer.status == 200 and answer.json["redriven_count"] == 1
    site.wait_until(ids[:1], "acked")
    assert ids[1] in site.entries("dlq")
    answer = site.forwarder.post("/api/v1/sync/dlq/redrive", {"ids": ids[1:]})
    assert answer.json["redriven_count"] == 1
    site.wait_until(ids, "acked")
