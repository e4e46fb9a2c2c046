# SPDX-License-Identifier: Apache-2.0
"""What a gateway asks of its neighbours, and what it makes of their answers. The neighbours
are the suite's own (cloud_stand_in.py)."""
import types
import urllib.parse

import pytest

from cloud_stand_in import Reply
from mqtt_client import Device
from wire import TIME, envelope, fresh, new_id, wait_for

READINGS = "/api/v1/telemetry/readings"
FACTS = "/api/v1/weighvision/events"
SESSIONS = "/api/v1/weighvision/sessions"


def take_all(request):
    """What a telemetry service says that stored everything (edge 4.2)."""
    return Reply(200, {"ingested_count": len(request.json.get("events", [0]))})


class Route:
    def __init__(self, target, neighbour, device):
        self.given, self.neighbour, self.device = target.settings["neighbour"], neighbour, device
        self.place, self.seconds = target.place, target.patience
        self.acknowledges = self.given.get("acknowledges")

    def events(self, path=READINGS):
        """(request, event) of what the neighbour heard, in order."""
        return [(request, event) for request in self.neighbour.batches()
                if request.path == path for event in request.events]

    def wait_for(self, event_id, times=1):
        """The requests and events with this id, once there are so many."""
        def heard():
            found = [(request, event) for request, event in self.events()
                     if event["event_id"] == event_id]
            return found if len(found) >= times else None
        return wait_for(f"{event_id} at the neighbour", self.seconds, heard)

    def told(self, event_id):
        if not self.acknowledges:
            pytest.skip("skipped: [neighbour] acknowledges not given")
        return self.device.answers(event_id, self.seconds)


@pytest.fixture
def route(target, neighbour):
    url = urllib.parse.urlsplit(target.need("neighbour", "listen", "mqtt").mqtt)
    broker = types.SimpleNamespace(host=url.hostname, port=url.port, username=url.username,
                                   password=url.password)
    neighbour.judge = take_all
    with Device(broker, target.place) as device:
        device.subscribe(device.topic("ack", target.place.device))
        neighbour.requests.clear()
        yield Route(target, neighbour, device)
        neighbour.judge = take_all


def test_the_request(route):
    """edge 2.8: POST readings as JSON, with a request id and a trace id."""
    sent = envelope(route.place)
    route.device.read(sent)
    (request, _), = route.wait_for(sent["event_id"])
    assert (request.method, request.path) == ("POST", READINGS)
    assert request.headers["content-type"].split(";")[0] == "application/json"
    assert request.headers["x-request-id"] and request.headers["x-trace-id"]
    assert list(request.json) == ["events"]


def test_the_event(route):
    """edge 2.8: ids, type and time as they came, farm, barn and metric from the topic."""
    metric = fresh("m")
    sent = envelope(route.place, metric, 26.4, ts="2025-06-01T10:00:00+07:00")
    route.device.read(sent)
    (_, event), = route.wait_for(sent["event_id"])
    for name in ("schema_version", "event_id", "trace_id", "tenant_id", "device_id",
                 "event_type"):
        assert event[name] == sent[name], name
    assert event["ts"] == "2025-06-01T03:00:00.000Z" and TIME.fullmatch(event["ts"])
    assert (event["farm_id"], event["barn_id"]) == (route.place.farm, route.place.barn)
    assert event["payload"] == {"metric": metric, "value": 26.4, "unit": "C"}


def test_a_missing_trace_id_is_made(route):
    """edge 2.5: what came without a trace id goes on with one; a unit that is no text does not
    go on."""
    sent = envelope(route.place, trace_id=..., payload={"value": 1, "unit": 5})
    route.device.read(sent)
    (_, event), = route.wait_for(sent["event_id"])
    assert event["trace_id"] and event["payload"] == {"metric": "temperature", "value": 1}


def test_what_was_stored_is_acknowledged(route):
    """edge 2.7, docs/decisions/0004: after the neighbour's yes, and not before."""
    sent = envelope(route.place)
    route.device.read(sent)
    assert route.told(sent["event_id"]) == "acked"
    assert route.events()


@pytest.mark.parametrize("reply", [
    Reply(500, {"error": {}}), Reply(503, {}), Reply(429, {}), Reply(401, {}), Reply(404, {}),
    Reply(cut=True), Reply(200, b"<html>")],
    ids=["500", "503", "429", "401", "404", "cut", "page"])
def test_a_neighbour_that_fails_loses_nothing(route, reply):
    """edge 2.7, 13-A2: a failure of the neighbour is none of the event's: it comes again, and
    the device is not told before it is stored."""
    failed = []

    def fail_twice(request):
        if len(failed) == 2:
            return take_all(request)
        failed.append(request)
        return reply
    route.neighbour.judge = fail_twice
    sent = envelope(route.place)
    route.device.read(sent)
    route.wait_for(sent["event_id"], times=3)
    assert route.told(sent["event_id"]) == "acked"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_neighbour_that_refuses(route, status):
    """edge 2.7, 13-C6: a refusal is about some event: the culprit is found and refused, its
    neighbours are stored."""
    poison = envelope(route.place)

    def judge(request):
        ids = [event["event_id"] for event in request.events]
        return Reply(status, {}) if poison["event_id"] in ids else take_all(request)
    route.neighbour.judge = judge
    good = [envelope(route.place) for _ in range(6)]
    for sent in (*good[:3], poison, *good[3:]):
        route.device.read(sent)
    assert {route.told(sent["event_id"]) for sent in good} == {"acked"}
    assert route.told(poison["event_id"]) == "NOT_STORED"


def test_an_element_that_was_skipped(route):
    """edge 4.2, 13-A11: of a 200 with results, what was skipped is refused."""
    bad = envelope(route.place)

    def judge(request):
        results = [{"index": index, "event_id": event["event_id"], "status": "skipped",
                    "error": "INVALID_TIME"} for index, event in enumerate(request.events)
                   if event["event_id"] == bad["event_id"]]
        return Reply(200, {"ingested_count": len(request.events) - len(results),
                           **({"results": results} if results else {})})
    route.neighbour.judge = judge
    good = envelope(route.place)
    for sent in (good, bad):
        route.device.read(sent)
    assert route.told(good["event_id"]) == "acked"
    assert route.told(bad["event_id"]) == "NOT_STORED"


def test_an_older_store_that_skips_in_silence(route):
    """edge 4.2, 13-A11: a count that is too small and no word about which: the event that was
    not stored is found, and not acknowledged."""
    bad = envelope(route.place)

    def judge(request):
        stored = [event for event in request.events if event["event_id"] != bad["event_id"]]
        return Reply(200, {"ingested_count": len(stored)})
    route.neighbour.judge = judge
    good = [envelope(route.place) for _ in range(4)]
    for sent in (*good[:2], bad, *good[2:]):
        route.device.read(sent)
    assert {route.told(sent["event_id"]) for sent in good} == {"acked"}
    assert route.told(bad["event_id"]) == "NOT_STORED"


def test_facts_of_a_session(route, differs):
    """edge 2.8: what the session service is asked for a weight."""
    sent = envelope(route.place, event_type="weighvision.weight.recorded",
                    payload={"weight_kg": 2.31})
    session = fresh("s")
    route.device.publish(route.device.topic("weighvision", route.place.station, "session",
                                            session, "weight.recorded"), sent)

    def asked():
        return [request for request in route.neighbour.batches() if request.path == FACTS
                or request.path.startswith(SESSIONS)]
    request = wait_for("the session service's request", route.seconds, asked)[0]
    one_by_one = request.path == f"{SESSIONS}/{session}/bind-weight"
    together = request.path == FACTS
    differs("facts-in-one-request", one_by_one, together)
    if together:
        event, = request.events
        assert (event["session_id"], event["station_id"]) == (session, route.place.station)
        assert event["payload"] == {"weight_kg": 2.31} and event["event_id"] == sent["event_id"]
    else:
        assert request.json["weightKg"] == 2.31 and request.json["eventId"]


def test_status_and_events_stay_here(route):
    """edge 2.8: status updates the gateway's own table, other events go nowhere."""
    for topic, kind in ((route.device.topic("status", route.place.device), "device.status"),
                        (route.device.topic("event", route.place.device, "sensor.heartbeat"),
                         "sensor.heartbeat")):
        route.device.publish(topic, envelope(route.place, event_type=kind, event_id=new_id(),
                                             payload={"status": "online"}))
    marker = envelope(route.place)
    route.device.read(marker)
    route.wait_for(marker["event_id"])
    assert {event["event_type"] for _, event in route.events()} == {"telemetry.reading"}
