# SPDX-License-Identifier: Apache-2.0
"""The bus on RabbitMQ: ingestion and telemetry are processes of their own, with a database
each, and pika is the independent client that looks at what is between them."""
import json
import os
import random
import re
import signal
import subprocess
import threading
import time

import pytest

import farm as farm_module
from asking import BATCH, ask, batch_event, signature
from conftest import ROOT, SOAK
from farm import TENANT, wait_for
from support import in_logs, metric

CTL = "shims/farmiqctl/farmiqctl"
INGESTION, TELEMETRY = "cloud-ingestion-0", "cloud-telemetry-service"
FEED, SESSIONS = "cloud-feed-service", "cloud-weighvision-readmodel"
EXCHANGE = "farmiq.telemetry.exchange"
INGEST = "farmiq.cloud-telemetry-service.ingest.queue"
DLQ = "farmiq.cloud-telemetry-service.dlq.queue"
UNROUTED = "farmiq.unrouted.queue"
FEED_EXCHANGE, SYNC_EXCHANGE = "farmiq.feed.exchange", "farmiq.sync.exchange"
FEED_QUEUE = "farmiq.cloud-feed-service.intake.queue"
FEED_DLQ = "farmiq.cloud-feed-service.dlq.queue"


def ask_service(farm, name, path, *body_and_headers):
    url = farm.url_of(name)
    return ask(url + path, *body_and_headers, ca=farm.ca if url.startswith("https") else None)


def is_ready(farm, name):
    return ask_service(farm, name, "/api/ready")[0] == 200


def run_cloud(home, build, **options):
    farm = farm_module.Farm(home, build)
    try:
        farm.start_rabbit(**options)
        farm.start_cloud_apart()
        for name in (INGESTION, TELEMETRY, FEED):
            wait_for(f"{name} ready", 20, lambda: is_ready(farm, name))
        yield farm
    finally:
        farm.end()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory, build):
    """One broker for all: a node takes ten seconds to start."""
    home = tmp_path_factory.mktemp("bus") / "farm"
    home.mkdir()
    farm_module.make_certificates(home)
    yield from run_cloud(home, build, certificates=str(home))


@pytest.fixture
def channel(cloud):
    connection = cloud.rabbit.connect()
    yield connection.channel()
    connection.close()


# -- what a test says ------------------------------------------------------------------


def event(**changes):
    return batch_event(TENANT, **changes)


def post(farm, events, name=INGESTION):
    body = json.dumps({"tenant_id": TENANT, "edge_id": "edge-demo", "events": events}).encode()
    headers = signature(farm.secret, "POST", BATCH, body)
    return ask_service(farm, name, BATCH, body, headers)


def stored(farm):
    return [row[0] for row in farm.query("cloud", "SELECT event_id FROM telemetry_raw")]


def waiting(farm):
    """Events that the broker has not confirmed."""
    return farm.query("ingestion", "SELECT pending + claimed FROM ingest_count")[0][0]


def wait_stored(farm, events, seconds=30):
    wanted = {e["event_id"] for e in events}
    wait_for("the readings at the telemetry service", seconds,
             lambda: wanted <= set(stored(farm)), every=0.2)


def take(channel, queue, seconds=10):
    """The next message of a queue, acknowledged."""
    def get():
        found = channel.basic_get(queue, auto_ack=True)
        return found if found[0] else None
    return wait_for(f"a message in {queue}", seconds, get)


def empty(channel, *queues):
    for queue in queues:
        channel.queue_purge(queue)


def ctl(farm, build, *args, url=None):
    done = subprocess.run([str(build / CTL), *args], timeout=60, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True,
                          env={**os.environ, "RABBITMQ_URL": url or farm.rabbit.url})
    return done.returncode, done.stdout, done.stderr


def assert_once(farm, events):
    """Each has its row, and was counted once in the aggregates."""
    wait_stored(farm, events, 90)
    ids = stored(farm)
    assert len(ids) == len(set(ids))
    counted = farm.query("cloud", "SELECT coalesce(sum(count), 0) FROM telemetry_agg "
                                  "WHERE bucket_size = '1d'")[0][0]
    assert counted == len(ids), "an event took effect twice, or never"


# -- the way of an event -----------------------------------------------------------------


def test_a_reading_travels_from_one_process_to_the_other(cloud):
    events = [event() for _ in range(20)]
    assert post(cloud, events)[1]["accepted"] == 20
    assert_once(cloud, events)
    assert waiting(cloud) == 0


def test_a_message_is_as_the_contract_says(cloud, channel):
    """Spec cloud 1.9 and 2.4, as an independent consumer sees it."""
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, EXCHANGE, "#")
    sent = event(event_type="telemetry.reading", trace_id="trace-77",
                 payload={"metric": "temperature", "value": 21.5, "unit": "C"})
    post(cloud, [sent])
    method, properties, body = take(channel, queue)
    got = json.loads(body)
    assert (method.exchange, method.routing_key) == (EXCHANGE, "telemetry.ingested")
    assert properties.delivery_mode == 2
    assert properties.content_type == "application/json"
    assert properties.content_encoding == "utf-8"
    assert properties.message_id == sent["event_id"]
    assert properties.type == "telemetry.ingested"
    assert properties.app_id == "cloud-ingestion"
    assert abs(properties.timestamp - time.time()) < 60
    wanted = {"tenant_id": TENANT, "trace_id": "trace-77", "x-trace-id": "trace-77",
              "schema_version": "1.0", "event_type": "telemetry.reading"}
    assert wanted.items() <= properties.headers.items()
    assert got["event_type"] == "telemetry.ingested"
    for member in ("event_id", "tenant_id", "farm_id", "barn_id", "device_id", "trace_id",
                   "occurred_at", "payload"):
        assert got[member] == sent[member], member


def test_a_foreign_publisher_is_understood(cloud, channel):
    """telemetry.reading under its own key, as spec cloud 2.2 binds it."""
    reading = event(event_type="telemetry.reading",
                    payload={"metric": "humidity", "value": 61, "unit": "%"})
    channel.basic_publish(EXCHANGE, "telemetry.reading", json.dumps(reading).encode())
    wait_stored(cloud, [reading])


# -- nothing vanishes ----------------------------------------------------------------------


def test_what_no_queue_takes_is_caught_and_can_be_replayed(cloud, channel, build):
    empty(channel, UNROUTED)
    sent = event(event_type="sync.batch.sent")
    assert post(cloud, [sent])[1]["accepted"] == 1
    wait_for("the unrouted message", 10, lambda: channel.queue_declare(
        UNROUTED, passive=True).method.message_count == 1)
    assert waiting(cloud) == 0, "the alternate exchange took it: nothing is kept here"
    code, out, _ = ctl(cloud, build, "dlq", "show", "--queue", UNROUTED)
    assert code == 0 and sent["event_id"] in out
    assert "farmiq.sync.exchange\tsync.batch.sent" in out
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "farmiq.sync.exchange", "sync.#")
    assert ctl(cloud, build, "dlq", "replay", "--queue", UNROUTED)[0] == 0
    method, _, body = take(channel, queue)
    assert method.routing_key == "sync.batch.sent"
    assert json.loads(body)["event_id"] == sent["event_id"]
    assert channel.queue_declare(UNROUTED, passive=True).method.message_count == 0


POISON = {
    "no JSON": (b'{"event_id":"e-1"', "INVALID_JSON"),
    "no event": (b"[1, 2]", "INVALID_EVENT"),
    "no tenant": (json.dumps(event(tenant_id=...)).encode(), "TENANT_MISMATCH"),
    "no number": (json.dumps(event(payload={"metric_type": "t", "metric_value": "x"}))
                  .encode(), "INVALID_VALUE"),
}


@pytest.mark.parametrize("poison", POISON)
def test_poison_goes_to_the_dead_letters_with_its_reason(cloud, channel, poison):
    body, reason = POISON[poison]
    neighbour = event()
    empty(channel, DLQ)
    channel.basic_publish(EXCHANGE, "telemetry.ingested", body)
    channel.basic_publish(EXCHANGE, "telemetry.ingested", json.dumps(neighbour).encode())
    _, properties, dead = take(channel, DLQ)
    assert dead == body, "the original, byte for byte"
    assert properties.headers["x-farmiq-error"] == reason
    assert properties.headers["x-farmiq-exchange"] == EXCHANGE
    assert properties.headers["x-farmiq-routing-key"] == "telemetry.ingested"
    assert re.match(r"\d{4}-\d\d-\d\dT", properties.headers["x-farmiq-first-failed-at"])
    assert properties.delivery_mode == 2
    wait_stored(cloud, [neighbour])


def test_a_replay_goes_back_where_it_was_published(cloud, channel, build):
    empty(channel, DLQ)
    channel.basic_publish(EXCHANGE, "telemetry.ingested", b"{")
    wait_for("a dead letter", 10, lambda: channel.queue_declare(
        DLQ, passive=True).method.message_count == 1)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, EXCHANGE, "#")
    code, out, complaints = ctl(cloud, build, "dlq", "replay", "--queue",
                                "cloud-telemetry-service", "--rate", "10")
    assert (code, complaints) == (0, "") and out.startswith("1 messages")
    method, properties, body = take(channel, queue)
    assert (method.exchange, method.routing_key, body) == (EXCHANGE, "telemetry.ingested",
                                                           b"{")
    assert not [name for name in properties.headers or {} if name.startswith("x-")]
    _, _, again = take(channel, DLQ)  # its cause was not repaired
    assert again == b"{"


def test_show_keeps_payloads_to_itself_unless_asked(cloud, channel, build):
    empty(channel, DLQ)
    channel.basic_publish(EXCHANGE, "telemetry.ingested", b'{"secret barn": ')
    wait_for("a dead letter", 10, lambda: channel.queue_declare(
        DLQ, passive=True).method.message_count == 1)
    show = ("dlq", "show", "--queue", DLQ)
    assert "secret barn" not in ctl(cloud, build, *show)[1]
    assert "secret barn" in ctl(cloud, build, *show, "--payload")[1]
    assert ctl(cloud, build, "dlq", "ls")[1].splitlines()[0] == "queue\tmessages"
    assert f"{DLQ}\t1\n" in ctl(cloud, build, "dlq", "ls")[1], "looking takes nothing away"
    empty(channel, DLQ)


def test_what_the_broker_buries_is_caught_too(cloud, channel, build):
    """A message that kills each of its consumers: after ten deliveries the broker gives
    it up, to a dead letter exchange that is bound (finding B5 of spec cloud 10)."""
    empty(channel, DLQ)
    cloud.processes[TELEMETRY].end()
    sent = event()
    channel.basic_publish(EXCHANGE, "telemetry.ingested", json.dumps(sent).encode())
    for _ in range(11):
        method, _, _ = wait_for("a delivery", 10, lambda: (
            lambda got: got if got[0] else None)(channel.basic_get(INGEST)))
        channel.basic_nack(method.delivery_tag, requeue=True)
    wait_for("the broker's dead letter", 10, lambda: channel.queue_declare(
        DLQ, passive=True).method.message_count == 1)
    out = ctl(cloud, build, "dlq", "show", "--queue", DLQ)[1]
    assert f"delivery_limit\t0\t{EXCHANGE}\ttelemetry.ingested" in out
    cloud.processes[TELEMETRY].start()
    assert ctl(cloud, build, "dlq", "replay", "--queue", DLQ)[0] == 0
    wait_stored(cloud, [sent])


def test_a_step_of_the_ladder_leads_home(cloud, channel):
    sent, began = event(), time.monotonic()
    channel.basic_publish("farmiq.retry.exchange", "farmiq.cloud-telemetry-service.retry.5s",
                          json.dumps(sent).encode())
    time.sleep(3)
    assert sent["event_id"] not in stored(cloud)
    wait_stored(cloud, [sent])
    assert time.monotonic() - began >= 5


# -- outages ---------------------------------------------------------------------------------


def test_without_a_broker_batches_are_acknowledged_and_arrive_later(cloud):
    events = [event() for _ in range(1000)]
    cloud.processes["rabbitmq"].end(signal.SIGKILL)
    for at in range(0, 1000, 200):
        began = time.monotonic()
        assert post(cloud, events[at:at + 200])[1]["accepted"] == 200
        assert time.monotonic() - began < 5
    assert waiting(cloud) == 1000
    for name in (INGESTION, TELEMETRY):
        wait_for(f"{name} not ready", 5, lambda: not is_ready(cloud, name))
    cloud.processes["rabbitmq"].start()
    for name in (INGESTION, TELEMETRY):
        wait_for(f"{name} ready", 30, lambda: is_ready(cloud, name))
    assert_once(cloud, events)
    wait_for("an empty outbox", 10, lambda: waiting(cloud) == 0)
    dead = cloud.query("ingestion", "SELECT count(*) FROM ingest_dead")[0][0]
    assert dead == 0, "an outage is no attempt"


def load_while(farm, happenings):
    """Post batches until all has happened. Returns what was accepted."""
    accepted, over = [], threading.Event()

    def produce():
        while not over.is_set():
            events = [event() for _ in range(50)]
            try:
                status, _ = post(farm, events)
            except OSError:
                continue  # it was being killed: not acknowledged, nothing promised
            if status == 200:
                accepted.extend(events)

    producer = threading.Thread(target=produce)
    producer.start()
    try:
        happenings()
    finally:
        over.set()
        producer.join()
    return accepted


@pytest.mark.parametrize("victim", ["rabbitmq", INGESTION, TELEMETRY])
def test_kill_minus_nine_under_load_loses_and_doubles_nothing(cloud, victim):
    chance = random.Random(20261128)
    kills = 20 if SOAK else 2 if victim == "rabbitmq" else 4

    def kill():
        for _ in range(kills):
            time.sleep(chance.uniform(0.5, 1.5))
            cloud.processes[victim].end(signal.SIGKILL)
            cloud.processes[victim].start()
        time.sleep(1)

    accepted = load_while(cloud, kill)
    assert len(accepted) > 100 * kills, "there was no load worth the name"
    assert_once(cloud, accepted)
    print(f"{kills} kills of {victim}: {len(accepted)} events")


def test_two_replicas_drain_one_outbox(cloud):
    cloud.start_service("cloud-ingestion", "cloud-ingestion-1", RABBITMQ_URL=cloud.bus_url,
                        DATABASE_URL=cloud.database_url("ingestion"), CLOUD_AUTH_MODE="hmac",
                        EDGE_KEYS=f"edge-demo:{cloud.secret}:{TENANT}",
                        API_TOKENS=f"{cloud.token}:{TENANT}")
    try:
        events = [event() for _ in range(2000)]
        for at in range(0, 2000, 100):
            name = (INGESTION, "cloud-ingestion-1")[at // 100 % 2]
            assert post(cloud, events[at:at + 100], name)[1]["accepted"] == 100
        assert_once(cloud, events)
    finally:
        cloud.processes["cloud-ingestion-1"].end()


# -- feedings ----------------------------------------------------------------------------------


def feeding(quantity_kg=5.0, **changes):
    return event(event_type="feed.intake.recorded", device_id="edge-feed-intake",
                 payload={"quantity_kg": quantity_kg, "source": "MANUAL"}, **changes)


def assert_fed_once(farm, feedings):
    wanted = {one["event_id"]: one["payload"]["quantity_kg"] for one in feedings}
    listed = "', '".join(wanted)
    look = f"SELECT event_id, quantity_kg FROM feed_intake WHERE event_id IN ('{listed}')"
    wait_for("the feedings at the feed service", 60,
             lambda: len(farm.query("feed", look)) >= len(wanted), every=0.2)
    assert sorted(farm.query("feed", look)) == sorted(wanted.items())


def test_a_feeding_is_kept_once_however_often_it_is_delivered(cloud, channel):
    """From ingestion, from the exchange that feed had before, and with the consumer killed."""
    fed = [feeding(1.0 + n) for n in range(40)]
    cloud.processes[FEED].end(signal.SIGKILL)
    assert post(cloud, fed)[1]["accepted"] == len(fed)
    for exchange in (FEED_EXCHANGE, SYNC_EXCHANGE):
        for one in fed:
            channel.basic_publish(exchange, "feed.intake.recorded", json.dumps(one).encode())
    cloud.processes[FEED].start()
    last = feeding()
    post(cloud, [last])
    assert_fed_once(cloud, [*fed, last])
    wait_for("an empty queue", 60, lambda: channel.queue_declare(
        FEED_QUEUE, passive=True).method.message_count == 0)
    status, page = ask_service(cloud, FEED, "/api/v1/feed/intake-records?limit=100", None,
                               {"Authorization": f"Bearer {cloud.token}"})
    ids = [row["eventId"] for row in page["items"]]
    assert status == 200 and {one["event_id"] for one in [*fed, last]} <= set(ids)
    assert len(ids) == len(set(ids))


def test_feedings_that_waited_unrouted_are_replayed_to_their_consumer(cloud, channel, build):
    """A broker that had no queue for them, as before there was a cloud-feed-service."""
    empty(channel, UNROUTED)
    cloud.processes[FEED].end()
    for exchange in (FEED_EXCHANGE, SYNC_EXCHANGE):
        channel.queue_unbind(FEED_QUEUE, exchange, "feed.intake.recorded")
    waited = [feeding(1.0 + n) for n in range(150)]
    for at in range(0, 150, 50):
        post(cloud, waited[at:at + 50])
    wait_for("the unrouted messages", 60, lambda: channel.queue_declare(
        UNROUTED, passive=True).method.message_count == len(waited))
    assert ctl(cloud, build, "bus", "declare")[0] == 0
    cloud.processes[FEED].start()
    for _ in range(2):
        ctl(cloud, build, "dlq", "replay", "--queue", UNROUTED, "--limit", "100", "--rate", "0")
    assert_fed_once(cloud, waited)
    assert channel.queue_declare(UNROUTED, passive=True).method.message_count == 0


def test_kills_of_the_feed_service_lose_and_double_nothing(cloud):
    fed = []
    for number in range(120):
        fed.append(feeding(1.0 + number))
        assert post(cloud, fed[-1:])[0] == 200
        if number % 40 == 20:
            cloud.processes[FEED].end(signal.SIGKILL)
            cloud.processes[FEED].start()
    assert_fed_once(cloud, fed)


def test_what_is_no_feeding_is_a_dead_letter_that_says_why(cloud, channel):
    empty(channel, FEED_DLQ)
    good, bad = feeding(), feeding(-3.0)
    post(cloud, [bad, good])
    assert_fed_once(cloud, [good])
    _, properties, body = take(channel, FEED_DLQ)
    assert json.loads(body)["event_id"] == bad["event_id"]
    assert properties.headers["x-farmiq-error"] == "quantity_kg must be above 0 and at most 1000000"


# -- the door -----------------------------------------------------------------------------------


def start_telemetry(farm, name, **env):
    farm.start_service("cloud-telemetry-service", name, API_TOKENS=f"{farm.token}:{TENANT}",
                       DATABASE_URL=f"sqlite:{farm.home}/{name}.db", **env)


def test_tls_is_checked(cloud):
    url = cloud.rabbit.tls_url
    start_telemetry(cloud, "trusting", RABBITMQ_URL=url, RABBITMQ_CA_FILE=cloud.ca)
    wait_for("a link over TLS", 10, lambda: is_ready(cloud, "trusting"))
    cloud.processes["trusting"].end()
    other = cloud.home / "other"
    other.mkdir()
    farm_module.make_certificates(other)
    start_telemetry(cloud, "doubting", RABBITMQ_URL=url,
                    RABBITMQ_CA_FILE=str(other / "ca.pem"))
    time.sleep(3)
    assert not is_ready(cloud, "doubting")
    start_telemetry(cloud, "elsewhere", RABBITMQ_CA_FILE=cloud.ca,
                    RABBITMQ_URL=url.replace("localhost", "127.0.0.1"))
    time.sleep(3)
    assert not is_ready(cloud, "elsewhere")
    for name in ("doubting", "elsewhere"):
        assert cloud.processes[name].end() == 0


def test_no_log_has_the_password(cloud):
    assert in_logs(cloud, cloud.rabbit.password) == []


def test_an_ingestion_alone_on_the_local_bus_does_not_start(cloud, build):
    done = subprocess.run([str(build / "shims/programs/cloud-ingestion")], timeout=30,
                          stdout=subprocess.PIPE, universal_newlines=True,
                          env={"DATABASE_URL": f"sqlite:{cloud.home}/alone.db",
                               "APP_PORT": "0", "CLOUD_AUTH_MODE": "api_key",
                               "EDGE_KEYS": f"e:{cloud.secret}:*",
                               "API_TOKENS": f"{cloud.token}:{TENANT}"})
    assert done.returncode != 0
    assert "RABBITMQ_URL is local:, but no consumer lives in this process" in done.stdout


@pytest.mark.parametrize("url", ["amqp:/x", "http://127.0.0.1", "amqp://:@:/"])
def test_an_url_of_no_broker_is_an_error_at_start(cloud, build, url):
    done = subprocess.run([str(build / "shims/programs/cloud-telemetry-service")], timeout=30,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True,
                          env={"DATABASE_URL": f"sqlite:{cloud.home}/nowhere.db",
                               "APP_PORT": "0", "RABBITMQ_URL": url,
                               "API_TOKENS": f"{cloud.token}:{TENANT}"})
    assert done.returncode != 0 and "RABBITMQ_URL" in done.stdout


def test_metrics_tell_what_happened(cloud):
    def value(name, family, **labels):
        return metric(cloud, cloud.url_of(name), family, **labels)

    post(cloud, [event()])
    wait_for("a confirm", 10, lambda: value(INGESTION, "farmiq_bus_published_total",
                                            outcome="confirmed") > 0)
    assert value(INGESTION, "farmiq_bus_connected", link="publisher") == 1
    assert value(TELEMETRY, "farmiq_bus_connected", link="telemetry") == 1
    wait_for("a delivery", 10, lambda: value(TELEMETRY, "farmiq_bus_deliveries_total",
                                             outcome="done") > 0)


# -- the topology ----------------------------------------------------------------------------------


def test_the_definitions_file_says_what_bus_declare_does(build, cloud):
    code, out, _ = ctl(cloud, build, "bus", "definitions")
    shipped = json.loads((ROOT / "deploy/rabbitmq/definitions.json").read_text())
    assert code == 0 and json.loads(out) == shipped, (
        "farmiqctl bus definitions says otherwise than deploy/rabbitmq/definitions.json")


def test_declaring_again_changes_nothing(cloud, build):
    for _ in range(2):
        assert ctl(cloud, build, "bus", "declare")[0] == 0


def test_what_is_there_otherwise_is_named_with_its_remedy(cloud, build):
    """A virtual host where another program declared first."""
    import pika
    cloud.rabbit.ctl("add_vhost", "older")
    cloud.rabbit.ctl("set_permissions", "-p", "older", "farmiq", ".*", ".*", ".*")
    url = cloud.rabbit.url + "older"
    connection = pika.BlockingConnection(pika.URLParameters(url))
    connection.channel().queue_declare(INGEST, durable=True,
                                       arguments={"x-message-ttl": 86400000})
    connection.close()
    code, out, complaints = ctl(cloud, build, "bus", "declare", url=url)
    assert code == 1 and "1 faults; everything else is declared" in out
    assert f"queue {INGEST}: PRECONDITION_FAILED" in complaints
    assert "drain it, delete it and declare again" in complaints


def shipped_definitions(password):
    """deploy/rabbitmq's, with the users that its permissions are for."""
    made = json.loads((ROOT / "deploy/rabbitmq/definitions.json").read_text())
    made["users"], made["permissions"] = [], []
    for line in (ROOT / "deploy/rabbitmq/permissions").read_text().splitlines():
        if not line.startswith("#"):
            user, configure, write, read = line.split(" ")
            made["users"].append({"name": user, "password": password, "tags": ""})
            made["permissions"].append({"user": user, "vhost": "/", "configure": configure,
                                        "write": write, "read": read})
    return made


def test_the_shipped_configuration_serves_least_privileged_services(tmp_path, build):
    """deploy/rabbitmq as it is: TLS with certificates on both sides, definitions loaded,
    users that may not declare."""
    farm = farm_module.Farm(tmp_path / "farm", build)
    conf = (ROOT / "deploy/rabbitmq/rabbitmq.conf").read_text()
    site = ("listeners.", "ssl_options.cacertfile", "ssl_options.certfile",
            "ssl_options.keyfile", "load_definitions", "vm_memory", "disk_free", "log.")
    more = "\n".join(line for line in conf.splitlines()
                     if line and not line.startswith(("#", *site)))
    definitions = farm.home / "definitions.json"
    definitions.write_text(json.dumps(shipped_definitions(farm.secret)))
    more += f"\nload_definitions = {definitions}\n"
    farm.authority.issue("service", "cn = service", "tls_www_client")
    try:
        farm.start_rabbit(certificates=str(farm.home), more=more)
        tls = {"RABBITMQ_CA_FILE": farm.ca, "BUS_DECLARE": "false",
               "RABBITMQ_CERT_FILE": str(farm.home / "service.pem"),
               "RABBITMQ_KEY_FILE": str(farm.home / "service.key")}
        farm.start_service("cloud-ingestion", INGESTION, CLOUD_AUTH_MODE="hmac",
                           DATABASE_URL=farm.database_url("ingestion"),
                           EDGE_KEYS=f"edge-demo:{farm.secret}:{TENANT}",
                           API_TOKENS=f"{farm.token}:{TENANT}",
                           RABBITMQ_URL=farm.rabbit.url_of("cloud-ingestion", farm.secret), **tls)
        for consumer, database in ((TELEMETRY, "cloud"), (FEED, "feed"), (SESSIONS, "sessions")):
            farm.start_service(consumer, DATABASE_URL=farm.database_url(database),
                               API_TOKENS=f"{farm.token}:{TENANT}",
                               WEIGHT_AGGREGATE_EVENTS="true" if consumer == SESSIONS else None,
                               RABBITMQ_URL=farm.rabbit.url_of(consumer, farm.secret), **tls)
        good, bad = event(), event(payload={"metric_type": "t", "metric_value": "x"})
        fed = feeding()
        ended = event(event_type="weighvision.session.finalized", session_id="s-1",
                      payload={"final_weight_kg": 100, "image_count": 0})
        post(farm, [good, bad, fed, ended])
        wait_stored(farm, [good])
        assert_fed_once(farm, [fed])
        wait_for("the day's sum", 60, lambda: metric(
            farm, farm.url_of(SESSIONS), "farmiq_bus_published_total", outcome="confirmed") == 1)
        connection = farm.rabbit.connect("farmiq-operator", farm.secret)
        take(connection.channel(), DLQ, 60)
        connection.close()
        for name in (INGESTION, TELEMETRY, FEED, SESSIONS):
            assert is_ready(farm, name)
    finally:
        farm.end()
