# SPDX-License-Identifier: Apache-2.0
"""What devices publish, by Eclipse Paho."""
import json
import time

import pytest

from wire import TIME, envelope, fresh, moment, new_id, wait_for

STATS = "/api/v1/ingress/stats"


class Counters:
    """The gateway's counters since this was made. They are the process's, so the suite runs
    alone at its target."""

    def __init__(self, gateway, seconds):
        self.gateway, self.seconds = gateway, seconds
        self.before = self.now()

    def now(self):
        return self.gateway.good(STATS)["counters"]

    def rise(self, name):
        return self.now().get(name, 0) - self.before.get(name, 0)

    def wait(self, **wanted):
        """Until each of these has risen by exactly so much."""
        wait_for(f"the counters {wanted}", self.seconds,
                 lambda: all(self.rise(name) == by for name, by in wanted.items()))


@pytest.fixture
def counters(gateway, target):
    return Counters(gateway, target.patience)


@pytest.fixture
def rows(edge_telemetry, place, target):
    """The stored readings of a metric, once there are so many."""
    def of(metric, count):
        def enough():
            answer = edge_telemetry.good("/api/v1/telemetry/readings", limit=1000,
                                         tenant_id=place.tenant, device_id=place.device)
            found = [row for row in answer["readings"] if row["metric_type"] == metric]
            return found if len(found) >= count else None
        return wait_for(f"{count} readings of {metric}", target.patience, enough)
    return of


# -- readings --------------------------------------------------------------------------


def test_a_reading_by_mqtt(device, rows, place, counters):
    """edge 2.2, 2.8: a telemetry.reading is stored; farm, barn and metric are the topic's."""
    metric = fresh("m")
    sent = envelope(place, metric, 26.4, ts="2025-03-02T10:00:00+07:00")
    device.read(sent)
    row, = rows(metric, 1)
    assert (row["farm_id"], row["barn_id"], row["device_id"]) == (
        place.farm, place.barn, place.device)
    assert (row["metric_value"], row["unit"]) == (26.4, "C")
    assert row["occurred_at"] == "2025-03-02T03:00:00.000Z"
    counters.wait(messages_received_total=1, messages_valid_total=1,
                  messages_invalid_total=0, routed_edge_telemetry_timeseries_total=1,
                  routed_edge_telemetry_timeseries_success_total=1)


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_every_quality_of_service(device, rows, place, qos):
    """edge 2.4: devices publish with QoS 1; 0 and 2 are taken just so."""
    metric = fresh("m")
    device.read(envelope(place, metric), qos)
    assert len(rows(metric, 1)) == 1


def test_the_metric_may_be_left_to_the_topic(device, rows, place):
    """edge 2.6: the metric is the topic's; a unit that is no text is ignored."""
    metric = fresh("m")
    device.read(envelope(place, payload={"metric": metric, "value": 1, "unit": 5}))
    device.publish(device.topic("telemetry", place.device, metric),
                   envelope(place, payload={"value": 2}))
    assert {row["unit"] for row in rows(metric, 2)} == {None}


@pytest.mark.parametrize("change", [
    {"trace_id": ...}, {"trace_id": None}, {"content_hash": None, "produced_at": None},
    {"ts": ..., "occurred_at": moment()}, {"ts": moment(), "occurred_at": "whenever"},
    {"retry_count": 3, "content_hash": "sha256:1", "produced_at": moment()},
    {"event_id": ...}, {"anything": {"else": [1, None]}}])
def test_what_of_the_envelope_is_optional(device, rows, place, change):
    """edge 2.5, D-05: optional members may be missing or null; occurred_at stands in for ts;
    unknown members are ignored; an event id is any text."""
    metric = fresh("m")
    if change == {"event_id": ...}:
        change = {"event_id": fresh("no uuid")}
    device.read(envelope(place, metric, **change))
    assert len(rows(metric, 1)) == 1


# -- other kinds of topic --------------------------------------------------------------

SPELLINGS = [
    ("created", "weighvision.session.created", {"batch_id": "batch-1"}),
    ("weight.recorded", "weighvision.weight.recorded", {"weight_kg": 2.31}),
    ("image.captured", "weighvision.image.captured", {"media_id": new_id()}),
    ("finalized", "weighvision.session.finalized", {"image_count": 1}),
]


@pytest.mark.parametrize("short, full, payload", SPELLINGS)
def test_both_spellings_of_weigh_vision(device, place, counters, short, full, payload):
    """edge 14.1 #1, 2.2, D-01: the last level of a weigh-vision topic may be short or full;
    the envelope always has the full type."""
    for leaf in (short, full):
        device.publish(device.topic("weighvision", place.station, "session", fresh("s"), leaf),
                       envelope(place, event_type=full, payload=payload))
    counters.wait(messages_received_total=2, messages_valid_total=2, messages_invalid_total=0)


def test_a_leaf_that_names_another_event(device, place, counters):
    """edge 2.7 step 6: topic and envelope must name the same weigh-vision event."""
    device.publish(device.topic("weighvision", place.station, "session", "s", "finalized"),
                   envelope(place, event_type="weighvision.weight.recorded",
                            payload={"weight_kg": 1}))
    counters.wait(messages_received_total=1, messages_invalid_total=1)


def test_feed_that_was_dispensed(device, place, counters):
    """edge 2.6, 2.8, D-14: feed.dispensed goes to the feed intake."""
    device.publish(device.topic("event", place.device, "feed.dispensed"),
                   envelope(place, event_type="feed.dispensed", payload={"quantity_kg": 3.5}))
    counters.wait(messages_received_total=1, messages_valid_total=1)


@pytest.mark.parametrize("kind", ["sensor.heartbeat", "door.opened"])
def test_events_are_taken_and_not_routed(device, place, counters, kind):
    """edge 2.6, 14.1 #1: an event is accepted and deduplicated, whatever its type."""
    sent = envelope(place, event_type=kind, payload={"quantity_kg": 3.5})
    for _ in range(2):
        device.publish(device.topic("event", place.device, kind), sent)
    counters.wait(messages_received_total=2, messages_valid_total=1, messages_deduped_total=1,
                  routed_edge_telemetry_timeseries_total=0)


STATUS = {"last_seen_at": moment(), "firmware_version": "1.2.3", "ip": "10.0.0.7",
          "signal_strength": -61, "health": {"camera_ok": True, "scale_ok": True}}


def test_a_status_is_retained_and_read(device, place, counters, mqtt):
    """edge 2.4, 2.12: a status message is retained by the broker and updates the last seen
    time; taking it back with an empty message harms nothing."""
    topic = device.topic("status", place.device)
    sent = envelope(place, event_type="device.status", payload=STATUS)
    device.publish(topic, sent, retain=True)
    counters.wait(messages_valid_total=1, routed_device_last_seen_total=1)
    device.subscribe(topic)
    kept = device.heard.get(timeout=10)
    assert kept.retain and json.loads(kept.payload) == sent
    device.publish(topic, b"", retain=True)
    counters.wait(messages_received_total=2, messages_valid_total=1)


# -- what is not taken -----------------------------------------------------------------

REFUSED = {
    "no JSON": ({}, b"hello", "INVALID_ENVELOPE"),
    "nothing": ({}, b"", "INVALID_ENVELOPE"),
    "an array": ({}, b"[]", "INVALID_ENVELOPE"),
    "another schema": ({"schema_version": "2.0"}, None, "INVALID_ENVELOPE"),
    "no schema": ({"schema_version": ...}, None, "INVALID_ENVELOPE"),
    "no id": ({"event_id": ...}, None, "INVALID_ENVELOPE"),
    "an empty trace": ({"trace_id": ""}, None, "INVALID_ENVELOPE"),
    "no time": ({"ts": ...}, None, "INVALID_ENVELOPE"),
    "no payload": ({"payload": ...}, None, "INVALID_ENVELOPE"),
    "half a retry": ({"retry_count": 0.5}, None, "INVALID_ENVELOPE"),
    "a retry before the first": ({"retry_count": -1}, None, "INVALID_ENVELOPE"),
    "another tenant": ({"tenant_id": "t-other"}, None, "TENANT_MISMATCH"),
    "another device": ({"device_id": "d-other"}, None, "TOPIC_MISMATCH"),
    "another type": ({"event_type": "sensor.heartbeat"}, None, "TOPIC_MISMATCH"),
    "a value as text": ({"payload": {"value": "26.4"}}, None, "INVALID_PAYLOAD"),
    "no value": ({"payload": {"unit": "C"}}, None, "INVALID_PAYLOAD"),
    "another metric": ({"payload": {"value": 1, "metric": "other"}}, None,
                       "INVALID_PAYLOAD"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_message_that_is_refused(device, place, counters, edge_telemetry, name):
    """edge 14.1 #2, 2.7, 2.11: counted as invalid, stored nowhere, routed nowhere."""
    change, raw, _ = REFUSED[name]
    message = raw if raw is not None else envelope(place, **change)
    before = edge_telemetry.good("/api/v1/telemetry/metrics")["totalReadings"]
    device.publish(device.topic("telemetry", place.device, "temperature"), message)
    counters.wait(messages_received_total=1, messages_invalid_total=1, messages_valid_total=0,
                  routed_edge_telemetry_timeseries_total=0, messages_deduped_total=0)
    assert edge_telemetry.good("/api/v1/telemetry/metrics")["totalReadings"] == before


@pytest.mark.parametrize("levels", [
    ("telemetry", "d-1"), ("telemetry", "d-1", "m", "more"), ("event", "d-1"),
    ("weighvision", "st-1", "meeting", "s-1", "created"), ("feed", "delivery")])
def test_a_topic_that_means_nothing(device, place, gateway, levels):
    """edge 2.2: a topic with other levels is not subscribed to, or invalid; never taken."""
    before = gateway.good(STATS)["counters"]["messages_valid_total"]
    device.publish(device.topic(*levels), envelope(place))
    device.publish(device.topic("event", place.device, "sensor.heartbeat"),
                   envelope(place, event_type="sensor.heartbeat"))
    wait_for("the message behind it", 30, lambda: gateway.good(STATS)["counters"]
             ["messages_valid_total"] == before + 1)


def test_a_message_above_256_kib(device, place, counters):
    """edge 2.5: a message above 256 KiB is refused; the connection stands."""
    device.publish(device.topic("telemetry", place.device, "temperature"),
                   envelope(place, payload={"value": 1, "note": "x" * 300_000}))
    counters.wait(messages_received_total=1, messages_invalid_total=1)
    assert device.client.is_connected()


def test_the_same_event_twice(device, rows, place, counters):
    """edge 14.1 #3, 2.10: an event id that was seen has no second effect, also when the
    message is not byte for byte the same."""
    metric = fresh("m")
    sent = envelope(place, metric)
    device.read(sent)
    device.read(dict(reversed(sent.items())))
    counters.wait(messages_received_total=2, messages_valid_total=1, messages_deduped_total=1)
    assert len(rows(metric, 1)) == 1


def test_a_corrected_message_gets_in(device, rows, place, counters):
    """edge 2.7, 13-A2: an id that was refused is not marked as seen."""
    metric = fresh("m")
    wrong = envelope(place, payload={"metric": metric, "value": "warm"})
    device.read(wrong)
    counters.wait(messages_invalid_total=1)
    device.read({**wrong, "payload": {"metric": metric, "value": 21.5}})
    assert rows(metric, 1)[0]["metric_value"] == 21.5


def test_the_same_id_for_another_reading(device, rows, place, counters, differs):
    """edge 2.10: an id that comes back with other content."""
    metric = fresh("m")
    sent = envelope(place, metric, 1.5)
    device.read(sent)
    rows(metric, 1)
    device.read({**sent, "payload": {"metric": metric, "value": 2.5}})
    counters.wait(messages_received_total=2, messages_valid_total=1, messages_invalid_total=1)
    deduped = counters.rise("messages_deduped_total")
    differs("an-id-with-other-content", deduped == 1, deduped == 0)
    assert [row["metric_value"] for row in rows(metric, 1)] == [1.5]


# -- what the device is told -----------------------------------------------------------


@pytest.fixture
def told(device, mqtt, place, target):
    """Publish a reading; what the device hears about it."""
    if not mqtt.acknowledges:
        pytest.skip("skipped: [mqtt] acknowledges not given")
    device.subscribe(device.topic("ack", place.device))

    def tell(message):
        device.publish(device.topic("telemetry", place.device, "temperature"), message)
        return device.answers(message["event_id"], target.patience)
    return tell


def test_the_application_acknowledgement(told, place):
    """edge 2.13 and docs/decisions/0004: after the commit the device hears its event's id
    under acked on iot/ack/..., for a repeat as well."""
    sent = envelope(place)
    assert told(sent) == "acked"
    assert told(sent) == "acked"


@pytest.mark.parametrize("name", [name for name, (change, raw, _) in REFUSED.items()
                                  if raw is None and change.get("event_id") is not ...])
def test_a_refusal_is_told(told, place, name):
    """edge 2.11 and docs/decisions/0004: a refused event's id comes back with a code."""
    change, _, code = REFUSED[name]
    assert told(envelope(place, **change)) == code


def test_an_acknowledgement_is_not_retained(told, device, mqtt, place):
    """edge 2.4 and docs/decisions/0004: the acknowledgement is not retained."""
    assert told(envelope(place)) == "acked"
    device.told = {}
    device.client.unsubscribe(device.topic("ack", place.device))
    device.subscribe(device.topic("ack", place.device))
    time.sleep(1)
    assert device.heard.empty()


# -- figures ---------------------------------------------------------------------------


def test_the_gateways_figures(gateway, device, place, counters):
    """edge 4.1, 2.11: startedAt, mqttConnected, lastMessageAt, counters and lastErrors; the
    counters by their documented names."""
    device.read(envelope(place))
    counters.wait(messages_valid_total=1)
    stats = gateway.good(STATS)
    assert TIME.fullmatch(stats["startedAt"]) and TIME.fullmatch(stats["lastMessageAt"])
    assert stats["mqttConnected"] is True and isinstance(stats["lastErrors"], dict)
    assert {"messages_received_total", "messages_valid_total", "messages_invalid_total",
            "messages_deduped_total"} <= set(stats["counters"])
    assert all(isinstance(count, int) for count in stats["counters"].values())
