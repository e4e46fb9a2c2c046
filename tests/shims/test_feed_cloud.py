# SPDX-License-Identifier: Apache-2.0
"""What a farm feeds is seen at the cloud, each feeding once (spec cloud 6.4, 2.5)."""
import json
import signal
import time
import urllib.parse

import pytest

import farm as farm_module
from asking import BATCH, ask, batch_event, moment, new_id, signature
from conftest import ENGINES
from farm import BARN, FARM, TENANT, wait_for
from support import Device, metric
from test_feed import IMPORT, MANUAL, by_hand, dispensed, feed_topic, level, publish_levels

RECORDS = "/api/v1/feed/intake-records"
OTHER, OTHER_TOKEN = "t-other", "token-of-the-other-tenant"


@pytest.fixture(scope="module", params=ENGINES)
def site(tmp_path_factory, build, request):
    """A farm whose edge speaks for two tenants. Each test feeds a batch of its own."""
    farm = farm_module.Farm(tmp_path_factory.mktemp("feed") / "farm", build,
                            ENGINES[request.param])
    try:
        if farm.postgresql:
            farm.start_postgres()
        farm.start_broker()
        farm.start_cloud(INGEST_GAUGES_INTERVAL_MS="500", EDGE_KEYS=f"edge-demo:{farm.secret}:{TENANT}+{OTHER}",
                         API_TOKENS=f"{farm.token}:{TENANT},{OTHER_TOKEN}:{OTHER}")
        farm.start_edge()
        yield farm
    finally:
        farm.end()


@pytest.fixture
def batch():
    """The animals of this test alone."""
    return f"batch-{new_id()}"


def asked(site, token=None, **query):
    return ask(f"{site.cloud_url}{RECORDS}?{urllib.parse.urlencode(query)}",
               headers={"Authorization": f"Bearer {token or site.token}"}, ca=site.ca)


def records(site, token=None, **query):
    status, page = asked(site, token, **{"limit": 100, **query})
    assert status == 200, page
    return page["items"]


def wait_records(site, count, **query):
    """As many as that, and no more."""
    found = wait_for(f"{count} feedings at the cloud", 60, lambda: (
        items if len(items := records(site, **query)) >= count else None))
    assert len(found) == count
    return found


def dispensed_to(batch, quantity_kg):
    message = dispensed(quantity_kg)
    message["payload"]["batch_id"] = batch
    return message


def recorded(tenant=TENANT, quantity_kg=5.0, **changes):
    """An edge's word of a feeding; `payload` says more of it."""
    payload = {"quantity_kg": quantity_kg, "source": "MANUAL", **changes.pop("payload", {})}
    return batch_event(tenant, event_type="feed.intake.recorded", payload=payload,
                       device_id="edge-feed-intake", **changes)


def post(site, *events, tenant=TENANT):
    body = json.dumps({"tenant_id": tenant, "edge_id": "edge-demo", "events": events}).encode()
    status, answer = ask(site.cloud_url + BATCH, body,
                         signature(site.secret, "POST", BATCH, body), site.ca)
    assert status == 200 and not answer["rejected"], answer


# -- from the barn to the cloud -------------------------------------------------------------


def test_whatever_feeds_at_the_farm_is_seen_at_the_cloud(site, batch):
    """A dispenser, a silo, somebody with a pencil and a file."""
    with Device(site, f"feeder-{new_id()}") as device:
        device.publish(feed_topic(), dispensed_to(batch, 12.5))
        device.flush()
    publish_levels(site, [level(500, 0), level(480, 10)])
    assert ask(site.edge_url + MANUAL, by_hand(
        batchId=batch, notes="café \"wet\"", sequence=3, feedLotId="lot-7"))[0] == 201
    file = (f"occurred_at,farm_id,barn_id,batch_id,quantity_kg,external_ref\n"
            f"2026-01-02T06:00:00Z,{FARM},{BARN},{batch},10.5,r-{batch}\n")
    assert ask(site.edge_url + IMPORT, file.encode(), {"x-tenant-id": TENANT})[0] == 200
    found = {row["source"]: row for row in wait_records(site, 3, batchId=batch)}
    silo, = wait_records(site, 1, source="SILO_AUTO")
    assert {source: row["quantityKg"] for source, row in found.items()} == {
        "MQTT_DISPENSED": 12.5, "MANUAL": 40, "API_IMPORT": 10.5}
    assert (found["MQTT_DISPENSED"]["deviceId"], silo["deviceId"]) == ("feeder-1", "silo-1")
    assert (found["MQTT_DISPENSED"]["feedLotId"], silo["quantityKg"]) == ("lot-1", 20)
    assert found["MANUAL"]["deviceId"] is found["API_IMPORT"]["deviceId"] is None
    by_pencil = found["MANUAL"]
    assert {key: by_pencil[key] for key in (
        "tenantId", "farmId", "barnId", "batchId", "occurredAt", "externalRef", "sequence",
        "notes", "feedLotId", "feedFormulaId")} == {
            "tenantId": TENANT, "farmId": FARM, "barnId": BARN, "batchId": batch,
            "occurredAt": "2026-01-01T06:00:00.000Z", "externalRef": "sheet-7", "sequence": 3,
            "notes": "café \"wet\"", "feedLotId": "lot-7", "feedFormulaId": None}
    told = site.query("edge", "SELECT event_id FROM feed_intake_local "
                              "WHERE external_ref = 'sheet-7'")
    assert told == [(by_pencil["eventId"],)] and by_pencil["id"] == by_pencil["eventId"]


def test_kills_of_the_cloud_lose_and_double_no_feeding(site, batch):
    """kill -9 amid feedings: what the edge sent is there once."""
    sent = []
    with Device(site, f"feeder-{new_id()}") as device:
        for number in range(240):
            sent.append(dispensed_to(batch, 0.5 + number / 8))
            device.publish(feed_topic(), sent[-1])
            if number % 60 == 40:
                site.processes["cloud"].end(signal.SIGKILL)
                site.processes["cloud"].start()
            time.sleep(0.005)
        device.flush(60)
    where = f"feed_intake WHERE batch_id = '{batch}'"
    wait_for("every feeding", 90, lambda: site.count("cloud", where) >= len(sent))
    rows = site.query("cloud", f"SELECT event_id, quantity_kg FROM {where}")
    assert sorted(rows) == sorted((m["event_id"], m["payload"]["quantity_kg"]) for m in sent)


# -- once -----------------------------------------------------------------------------------


def test_a_reference_that_was_told_before_is_the_same_feeding(site, batch):
    """Two sites imported the same sheet; ids differ, the reference does not."""
    when, payload = moment(), {"external_ref": f"sheet-{batch}"}
    for _ in range(2):
        post(site, recorded(batch_id=batch, occurred_at=when, payload=payload))
    last = recorded(batch_id=batch)
    post(site, last)
    found = wait_records(site, 2, batchId=batch)
    assert [row["externalRef"] for row in found if row["eventId"] != last["event_id"]] == [
        payload["external_ref"]]


def test_tenants_share_no_names(site, batch):
    """The same event id and the same reference at two tenants are two feedings."""
    same = {"event_id": new_id(), "batch_id": batch,
            "payload": {"external_ref": f"sheet-{batch}"}}
    post(site, recorded(**same))
    post(site, recorded(OTHER, 7.0, **same), tenant=OTHER)
    mine, = wait_records(site, 1, batchId=batch)
    other, = wait_records(site, 1, token=OTHER_TOKEN, batchId=batch)
    assert (mine["tenantId"], mine["quantityKg"]) == (TENANT, 5)
    assert (other["tenantId"], other["quantityKg"]) == (OTHER, 7)
    assert mine["eventId"] == other["eventId"]


def test_two_feedings_under_one_name_are_a_person_s_business(site, batch):
    """Another quantity under a reference that is known: neither is lost."""
    payload = {"external_ref": f"sheet-{batch}"}
    first, second = (recorded(quantity_kg=kg, batch_id=batch, payload=payload)
                     for kg in (5.0, 6.0))
    post(site, first)
    wait_records(site, 1, batchId=batch)
    post(site, second, last := recorded(batch_id=batch))
    wait_records(site, 2, batchId=batch)
    assert reasons(site, second) == ["event_id or external_ref belongs to another feeding, "
                                     "which is kept"]
    assert reasons(site, first) == reasons(site, last) == []


def reasons(site, event):
    return [row[0] for row in site.query(
        "cloud", "SELECT r.last_error_message FROM bus_intake_dead AS d JOIN bus_intake_event AS e "
                 "ON e.seq = d.seq JOIN bus_intake_error AS r ON r.seq = d.seq "
                 f"WHERE e.event_id = '{event['event_id']}'")]


def test_what_cannot_be_a_feeding_waits_with_its_reason(site, batch):
    """Spec cloud 2.5: dead letters with a reason, and the neighbours go through."""
    odd = [({"quantity_kg": "5"}, "quantity_kg must be a number"),
           ({"quantity_kg": -1}, "quantity_kg must be above 0 and at most 1000000"),
           ({"source": "EVENT"}, "source must be MANUAL, API_IMPORT, SILO_AUTO or "
                                 "MQTT_DISPENSED"),
           ({"feed_lot_id": 7}, "feed_lot_id must be text of at most 128 bytes")]
    events = [recorded(batch_id=batch, payload=payload) for payload, _ in odd]
    post(site, *events, recorded(batch_id=batch))
    wait_records(site, 1, batchId=batch)
    for event, (_, why) in zip(events, odd):
        assert reasons(site, event) == [why]
    wait_for("the alarm's gauge", 60, lambda: metric(
        site, site.cloud_url, "farmiq_bus_queue_messages", queue="bus_intake dead") >= len(odd))
    assert metric(site, site.cloud_url, "farmiq_consume_refused_total",
                  reason="INVALID_FEEDING") >= len(odd)


# -- what was recorded before there was anybody to take it -----------------------------------


def wait_as_unrouted(site, events):
    """As a cloud without a feed service left them."""
    columns = "tenant_id, event_id, event_type, farm_id, barn_id, batch_id, device_id"
    moment_of = "now()" if site.postgresql else str(int(time.time() * 1000))
    rows = ", ".join(
        "(" + ", ".join(f"'{event[name]}'" for name in columns.split(", "))
        + f", {moment_of}, 0, {moment_of}, '{json.dumps(event['payload'])}')" for event in events)
    statements = (
        f"INSERT INTO bus_unrouted_event ({columns}, occurred_at, priority, created_at, payload)"
        f" VALUES {rows}",
        "INSERT INTO bus_unrouted_ready SELECT 0, occurred_at, seq, 0, 0 FROM bus_unrouted_event",
        f"UPDATE bus_unrouted_count SET pending = {len(events)}")
    if site.postgresql:
        site.cluster.execute("cloud", *statements)
        return
    import sqlite3
    with sqlite3.connect(site.home / "cloud.db", timeout=10) as db:
        for statement in statements:
            db.execute(statement)
    db.close()


def test_feedings_from_before_there_was_a_consumer_are_delivered_once(site, batch):
    """They waited at the cloud; an upgrade hands them over, and kills change nothing."""
    known = recorded(batch_id=batch)
    post(site, known)
    wait_records(site, 1, batchId=batch)
    site.processes["cloud"].end()
    waiting = [recorded(batch_id=batch, quantity_kg=1.0 + n) for n in range(700)]
    nobodys = batch_event(TENANT, event_type="sync.batch.sent", batch_id=batch, payload={})
    wait_as_unrouted(site, [nobodys, known, *waiting])
    site.processes["cloud"].start()
    site.processes["cloud"].end(signal.SIGKILL)
    site.processes["cloud"].start()
    where = f"feed_intake WHERE batch_id = '{batch}'"
    wait_for("every feeding", 60, lambda: site.count("cloud", where) >= 1 + len(waiting))
    rows = site.query("cloud", f"SELECT event_id FROM {where}")
    assert sorted(rows) == sorted((event["event_id"],) for event in [known, *waiting])
    left = wait_for("the end of the walk", 60, lambda: (
        rows if (rows := site.query("cloud", "SELECT e.event_type FROM bus_unrouted_event AS e "
                                             "JOIN bus_unrouted_ready AS r ON r.seq = e.seq"))
        else None))
    assert left == [("sync.batch.sent",)], "what nobody takes waits on"
    assert site.count("cloud", "bus_unrouted_event") == 1


# -- the question ---------------------------------------------------------------------------


def test_pages_and_filters(site, batch):
    events = [recorded(quantity_kg=1.0 + n, batch_id=batch, barn_id=f"barn-{n % 2}",
                       occurred_at=f"2025-06-0{1 + n // 2}T06:00:00.000Z",
                       payload={"feed_lot_id": f"lot-{n}"}) for n in range(5)]
    post(site, *events)
    everything = wait_records(site, 5, batchId=batch)
    seen, cursor = [], {}
    while cursor is not None:
        status, page = asked(site, batchId=batch, limit=2, **cursor)
        assert status == 200 and len(page["items"]) <= 2
        seen += page["items"]
        cursor = {"cursor": page["nextCursor"]} if page["nextCursor"] else None
    assert seen == everything == sorted(seen, key=lambda row: (row["occurredAt"], row["id"]),
                                        reverse=True)

    def quantities(**query):
        return sorted(row["quantityKg"] for row in records(site, batchId=batch, **query))
    assert quantities(barnId="barn-1") == [2, 4]
    assert quantities(feed_lot_id="lot-3") == [4]
    assert quantities(source="SILO_AUTO") == [] == quantities(farmId="another")
    assert quantities(start="2025-06-02T00:00:00Z", end_date="2025-06-02T06:00:00Z") == [3, 4]


@pytest.mark.parametrize("query, word", [
    ({"limit": 101}, "limit"), ({"limit": 0}, "limit"), ({"source": "EVENT"}, "source"),
    ({"cursor": "mine"}, "cursor"), ({"start": "noon"}, "from"), ({"farmId": "f" * 129}, "farmId"),
    ({"start": "2025-06-02T00:00:00Z", "end": "2025-06-01T00:00:00Z"}, "from is after to")])
def test_a_question_that_makes_no_sense_is_answered_by_its_name(site, query, word):
    status, answer = asked(site, **query)
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert word in answer["error"]["message"]


def test_nobody_reads_another_s_feedings(site):
    assert asked(site, tenantId=OTHER)[0] == 403
    assert ask(site.cloud_url + RECORDS, ca=site.ca)[0] == 401


# -- its end ----------------------------------------------------------------------------------


def test_old_feedings_are_deleted(site, batch):
    old, young = recorded(batch_id=batch), recorded(batch_id=batch)
    post(site, old, young)
    wait_records(site, 2, batchId=batch)
    age = f"UPDATE feed_intake SET ingested_at = ingested_at - {{}} WHERE event_id = '{old['event_id']}'"
    site.processes["cloud"].end()
    if site.postgresql:
        site.cluster.execute("cloud", age.format("interval '2 days'"))
    else:
        import sqlite3
        with sqlite3.connect(site.home / "cloud.db", timeout=10) as db:
            db.execute(age.format(2 * 86400000))
        db.close()
    site.processes["cloud"].env.update(FEED_RETENTION_DAYS="1", FEED_CLEANUP_INTERVAL_MS="200")
    site.processes["cloud"].start()
    wait_for("the clean-up", 60, lambda: [row["eventId"] for row in records(
        site, batchId=batch)] == [young["event_id"]])
