# SPDX-License-Identifier: Apache-2.0
"""What a consumer and a producer of another make see of the bus, by pika. How services live
through a broker's outage cannot be asked over a wire: tests/shims/test_bus.py does."""
import json
import time

import pytest

from test_cloud_ingestion import Cloud
from wire import TIME, batch_event, fresh, moment, new_id, wait_for

pika = pytest.importorskip("pika", reason="skipped: pika is not installed")

TELEMETRY = "farmiq.telemetry.exchange"
READINGS = "/api/v1/telemetry/readings"
DEAD, UNROUTED = "farmiq.cloud-telemetry-service.dlq.queue", "farmiq.unrouted.queue"
QUEUE = "farmiq.cloud-telemetry-service.ingest.queue"
EXCHANGES = [f"farmiq.{name}.exchange" for name in (
    "telemetry", "weighvision", "media", "sync", "inference", "feed")]

# What an edge may send, and where it goes (cloud 2.3).
ROUTES = {
    "telemetry.reading": (TELEMETRY, "telemetry.ingested"),
    "telemetry.ingested": (TELEMETRY, "telemetry.ingested"),
    "telemetry.aggregated": (TELEMETRY, "telemetry.aggregated"),
    "device.status": (TELEMETRY, "device.status"),
    "sensor.heartbeat": (TELEMETRY, "sensor.heartbeat"),
    "weighvision.session.created": ("farmiq.weighvision.exchange", None),
    "weighvision.weight.recorded": ("farmiq.weighvision.exchange", None),
    "weighvision.session.finalized": ("farmiq.weighvision.exchange", None),
    "weighvision.image.captured": ("farmiq.weighvision.exchange", None),
    "weighvision.inference.completed": ("farmiq.weighvision.exchange", None),
    "media.stored": ("farmiq.media.exchange", None),
    "inference.completed": ("farmiq.inference.exchange", None),
    "feed.intake.recorded": ("farmiq.feed.exchange", None),
    "feed.lot.received": ("farmiq.feed.exchange", None),
    "sync.batch.sent": ("farmiq.sync.exchange", None),
    "sync.batch.acked": ("farmiq.sync.exchange", None),
}


@pytest.fixture
def channel(bus):
    connection = pika.BlockingConnection(pika.URLParameters(bus.url))
    made = connection.channel()
    made.confirm_delivery()
    yield made
    connection.close()


@pytest.fixture
def listen(channel, target):
    """A queue of our own on every exchange; the messages of given event ids, once there."""
    queue = channel.queue_declare("", exclusive=True).method.queue
    for exchange in EXCHANGES:
        channel.queue_bind(queue, exchange, "#")

    def heard(*ids):
        found = {}

        def all_there():
            method, properties, body = channel.basic_get(queue, auto_ack=True)
            while method:
                event_id = json.loads(body).get("event_id")
                if event_id in ids:
                    found.setdefault(event_id, []).append((method, properties, body))
                method, properties, body = channel.basic_get(queue, auto_ack=True)
            return set(found) == set(ids)
        wait_for(f"{len(ids)} messages", target.patience, all_there)
        return found
    return heard


@pytest.fixture
def cloud(bus, place):
    return Cloud(bus.ingestion, bus.given, place)


@pytest.fixture
def stored(bus, target):
    """The rows of a metric, once there are so many."""
    return lambda metric, count=1: wait_for(
        f"{count} readings", target.patience, lambda: (
            lambda rows: rows if len(rows) >= count else None)(
                bus.telemetry.good(READINGS, metric=metric)))


# -- what is published -----------------------------------------------------------------


def test_the_topology_is_there(channel):
    """cloud 2.1, 2.2: exchanges and queues have their documented names, declared before
    anybody publishes."""
    for exchange in EXCHANGES + ["farmiq.dlq.exchange", "farmiq.unrouted.exchange"]:
        channel.exchange_declare(exchange, passive=True)
    for queue in (QUEUE, DEAD, UNROUTED):
        channel.queue_declare(queue, passive=True)


def test_every_type_has_its_way(cloud, place, listen):
    """cloud 2.3: exchange and routing key of each event type; a reading travels as
    telemetry.ingested."""
    events = {kind: batch_event(place, event_type=kind) for kind in ROUTES}
    answer = cloud.batch(list(events.values()))
    assert answer.json["accepted"] == len(ROUTES), answer
    heard = listen(*[event["event_id"] for event in events.values()])
    for kind, event in events.items():
        (method, _, _), = heard[event["event_id"]]
        exchange, key = ROUTES[kind]
        assert (method.exchange, method.routing_key) == (exchange, key or kind)


def test_the_properties_of_a_message(cloud, place, listen):
    """cloud 1.9: persistent JSON with message_id, type, timestamp and app_id; tenant, trace,
    request, edge and the time it came in, in the headers."""
    event = batch_event(place, event_type="telemetry.reading",
                        payload={"metric": "humidity", "value": 61.5, "unit": "%"})
    cloud.batch([event], headers={"x-request-id": "bus-request"})
    (_, properties, _), = listen(event["event_id"])[event["event_id"]]
    assert properties.delivery_mode == 2
    assert properties.content_type == "application/json"
    assert properties.content_encoding in ("utf-8", "UTF-8")
    assert properties.message_id == event["event_id"]
    assert properties.app_id == "cloud-ingestion"
    assert abs(properties.timestamp - time.time()) < 120
    headers = properties.headers
    assert headers["tenant_id"] == place.tenant
    assert headers["trace_id"] == headers["x-trace-id"] == event["trace_id"]
    assert headers["schema_version"] == "1.0"
    assert headers["event_type"] == "telemetry.reading"
    assert headers["x-request-id"] == "bus-request"
    assert headers["edge_id"] == (getattr(cloud.given, "edge_id", None) or "interop")
    assert TIME.fullmatch(headers["ingested_at"])


def test_the_body_of_a_message(cloud, place, listen, differs):
    """cloud 2.4, 1.9: the envelope with occurred_at, trace_id, schema_version and a payload
    object; places where they are known."""
    event = batch_event(place, event_type="telemetry.reading", trace_id=..., ts=moment(),
                        occurred_at=..., session_id="s-1", batch_id="b-9",
                        payload={"metric": "humidity", "value": 61.5, "unit": "%"})
    cloud.batch([event], headers={"x-trace-id": "trace-of-request"})
    (method, _, text), = listen(event["event_id"])[event["event_id"]]
    body = json.loads(text)
    assert body["event_type"] == method.routing_key == "telemetry.ingested"
    assert TIME.fullmatch(body["occurred_at"]) and body["trace_id"] == "trace-of-request"
    assert body["schema_version"] == "1.0" and isinstance(body["payload"], dict)
    for name in ("event_id", "tenant_id", "farm_id", "barn_id", "device_id", "session_id",
                 "batch_id"):
        assert body[name] == event[name], name
    assert None not in body.values()
    assert TIME.fullmatch(body["ingested_at"])
    both = {"metric_type", "metric_value"} <= set(body["payload"])
    differs("bus-body", both, not both and body["payload"] == event["payload"])


def test_a_repeat_in_a_batch_keeps_its_own_origin(cloud, place, listen):
    """cloud 1.9: what two requests bring has the id of the one that brought it first, also
    where the second repeats some of the first."""
    first, second = ([batch_event(place) for _ in range(3)] for _ in range(2))
    cloud.batch(first, headers={"x-request-id": "request-1"})
    cloud.batch(first[1:] + second, headers={"x-request-id": "request-2"})
    heard = listen(*[event["event_id"] for event in first + second])
    said = [heard[event["event_id"]][0][1].headers["x-request-id"]
            for event in first + second]
    assert said == ["request-1"] * 3 + ["request-2"] * 3


def test_a_repeat_is_not_published_again(cloud, place, listen, channel):
    """cloud 1.7: what was deduplicated goes to the bus once."""
    event = batch_event(place)
    for _ in range(3):
        cloud.batch([event])
    marker = batch_event(place)
    cloud.batch([marker])
    heard = listen(event["event_id"], marker["event_id"])
    assert len(heard[event["event_id"]]) == 1


def test_what_is_refused_is_not_published(cloud, place, listen):
    """cloud 1.8: of a mixed batch only what was accepted goes to the bus."""
    good, bad = batch_event(place), batch_event(place, payload=5)
    cloud.batch([bad, good])
    assert set(listen(good["event_id"])) == {good["event_id"]}


# -- what is consumed ------------------------------------------------------------------


def publish(channel, message, key="telemetry.ingested", properties=None):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    channel.basic_publish(TELEMETRY, key, body, properties or pika.BasicProperties(
        delivery_mode=2, headers={"tenant_id": "t-1", "trace_id": "trace-bus"}))


@pytest.mark.parametrize("kind, payload", [
    ("telemetry.ingested", {"metric_type": "M", "metric_value": 7.25, "unit": "ppm"}),
    ("telemetry.reading", {"metric": "M", "value": 7.25, "unit": "ppm"})])
def test_a_message_of_another_producer(channel, stored, place, kind, payload):
    """cloud 3.1, 2.2 #5: both types are consumed, with the properties that older producers
    set and no others."""
    metric = fresh("m")
    payload = {name: metric if value == "M" else value for name, value in payload.items()}
    event = batch_event(place, event_type=kind, payload=payload)
    publish(channel, event, kind)
    row, = stored(metric)
    assert (row["value"], row["unit"], row["eventId"]) == (7.25, "ppm", event["event_id"])


def test_a_message_without_properties(channel, stored, place):
    """cloud 2.4: everything that is needed is in the body."""
    metric = fresh("m")
    publish(channel, batch_event(place, metric), properties=pika.BasicProperties())
    assert stored(metric)


def test_a_message_twice(channel, stored, place):
    """cloud 2.5: a duplicate is acknowledged and has no second effect."""
    metric = fresh("m")
    event = batch_event(place, metric)
    for _ in range(3):
        publish(channel, event)
    publish(channel, batch_event(place, metric))
    assert len(stored(metric, 2)) == 2


def test_messages_out_of_order(channel, stored, place):
    """cloud 2.5: the order of messages means nothing."""
    metric = fresh("m")
    for seconds in (-10, -3600, -60):
        publish(channel, batch_event(place, metric, occurred_at=moment(seconds)))
    times = [row["occurredAt"] for row in stored(metric, 3)]
    assert times == sorted(times, reverse=True)


def poison(place):
    return {
        "no JSON": b"{",
        "an array": b"[]",
        "no tenant": batch_event(place, tenant_id=...),
        "no device": batch_event(place, device_id=...),
        "no number": batch_event(place, payload={"metric_type": "m", "metric_value": "1"}),
        "no metric": batch_event(place, payload={"metric_value": 1}),
        "no payload": batch_event(place, payload=...),
    }


class Anywhere:
    tenant = farm = barn = device = "x"


@pytest.mark.parametrize("name", poison(Anywhere))
def test_poison(channel, stored, place, target, name):
    """cloud 2.5, 11 #11: what can never be stored goes to the service's dead letters, as it
    came, with its reason; the consumer goes on."""
    message, metric = poison(place)[name], fresh("m")
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    channel.queue_purge(DEAD)
    publish(channel, body)
    publish(channel, batch_event(place, metric))
    assert stored(metric)

    def dead():
        method, properties, letter = channel.basic_get(DEAD, auto_ack=True)
        return method and (properties, letter)
    properties, letter = wait_for("the dead letter", target.patience, dead)
    assert letter == body and properties.headers["x-farmiq-error"]
    assert properties.headers["trace_id"] == "trace-bus", "the original headers are kept"


def test_what_nobody_takes_is_caught(channel, target):
    """cloud 2.2 #1, 11 #10: a message that no queue is bound for waits in the unrouted queue,
    and does not come back to its publisher."""
    name = new_id()
    channel.basic_publish(TELEMETRY, "telemetry.from.the.future", name.encode(),
                          mandatory=True)

    def caught():
        method, _, body = channel.basic_get(UNROUTED, auto_ack=True)
        return method and body == name.encode()
    wait_for("the unrouted message", target.patience, caught)


def test_everything_was_acknowledged(channel, target):
    """cloud 2.5: a consumer acknowledges what it stored; nothing stays in its queue."""
    wait_for("an empty queue", target.patience, lambda: channel.queue_declare(
        QUEUE, passive=True).method.message_count == 0)
