# SPDX-License-Identifier: Apache-2.0
"""What is fed, from devices, silos, people and files to the outbox: each feeding once (spec
edge 10.1, 13-A13)."""
import contextlib
import json
import signal
import sqlite3
import time

import pytest

from asking import ask, moment, new_id
from farm import BARN, FARM, TENANT, wait_for
from support import Device, envelope, topic

RECORDS = "/api/v1/feed-intake/records"
LEVELS = "/api/v1/feed-intake/levels"
MANUAL = "/api/v1/feed-intake/manual"
IMPORT = "/api/v1/feed-intake/import"


def dispensed(quantity=12.5, device="feeder-1", **changes):
    return envelope(device, event_type="feed.dispensed",
                    payload={"quantity_kg": quantity, "feed_lot_id": "lot-1"}, **changes)


def feed_topic(device="feeder-1"):
    return topic(device, "feed.dispensed", "event")


def fed(farm, where="TRUE"):
    return farm.query("edge", "SELECT quantity_kg, source FROM feed_intake_local "
                              f"WHERE {where} ORDER BY occurred_at, event_id")


def told(farm, database="edge"):
    return [json.loads(row[0]) for row in farm.query(
        database, "SELECT payload_json FROM sync_outbox "
                  "WHERE event_type = 'feed.intake.recorded' ORDER BY occurred_at")]


def test_what_a_device_dispensed_is_kept_once_and_queued(any_farm):
    with Device(any_farm) as device:
        one, odd = dispensed(), dispensed(3.5, event_id="not-a-uuid")
        for message in (one, odd, one, odd):
            device.publish(feed_topic(), message)
        device.flush()
        wait_for("both", 10, lambda: len(fed(any_farm)) == 2)
    assert sorted(fed(any_farm)) == [(3.5, "MQTT_DISPENSED"), (12.5, "MQTT_DISPENSED")]
    rows = told(any_farm)
    assert sorted(row["quantity_kg"] for row in rows) == [3.5, 12.5]
    assert {(row["farm_id"], row["barn_id"], row["device_id"], row["feed_lot_id"])
            for row in rows} == {(FARM, BARN, "feeder-1", "lot-1")}


def test_a_feeding_that_makes_no_sense_is_refused_and_its_neighbours_go_through(farm):
    with Device(farm) as device:
        device.listen("feeder-1")
        bad = [dispensed(quantity) for quantity in (0, -1, 1e9)]
        bad.append(envelope("feeder-1", event_type="feed.dispensed", payload={"quantity_kg": "12"}))
        good = dispensed(1)
        for message in [*bad, good]:
            device.publish(feed_topic(), message)
        device.flush()
        wait_for("the good one", 10, lambda: fed(farm) == [(1.0, "MQTT_DISPENSED")])
    counters = ask(farm.edge_url + "/api/v1/ingress/stats")[1]["counters"]
    assert counters["routed_edge_feed_intake_success_total"] == 1
    assert counters["messages_invalid_total"] == len(bad)


@pytest.mark.parametrize("how", [
    {"METRICS": "feed.dispensed", "RATE": 200, "DEVICES": 3},
    {"SOURCE": "command", "POLL_INTERVAL_MS": 50, "COMMAND": "echo feed.dispensed 12.5 kg"},
], ids=["simulated", "by-command"])
def test_a_feeder_with_an_agent_loses_and_doubles_nothing(farm, how):
    feeder = farm.start_feeder(COUNT=40, **how)
    time.sleep(0.2)
    feeder.end(signal.SIGKILL)
    feeder.start()
    assert feeder.running.wait(60) == 0
    kept = [row[0] for row in farm.query("edge", "SELECT event_id FROM feed_intake_local")]
    assert set(farm.ledger("feeder")) <= set(kept) and len(kept) >= 40
    assert len(told(farm)) == len(kept)


def level(kg, second, device="silo-1"):
    return envelope(device, "silo.weight", kg, ts=f"2026-01-01T10:{second // 60:02}:{second % 60:02}.000Z",
                    payload={"metric": "silo.weight", "value": kg, "unit": "kg"})


def publish_levels(farm, levels):
    """Each in a message of its own, acknowledged before the next."""
    with Device(farm, f"silos-{new_id()}") as device:
        for message in levels:
            device.publish(topic(message["device_id"], "silo.weight"), message)
            device.flush()


def test_what_goes_from_a_silo_was_fed(any_farm):
    weights = [500, 499.96, 499.92,  # noise, which adds up
               499.88,               # ... to 0.12 kg since the level that was counted
               450, 900, 880.5, 0]
    readings = [level(kg, 10 * i) for i, kg in enumerate(weights)]
    publish_levels(any_farm, readings)
    want = [0.12, 49.88, 19.5, 880.5]
    assert fed(any_farm) == [(kg, "SILO_AUTO") for kg in want]
    assert len(told(any_farm)) == len(want)
    assert any_farm.count("edge") == len(weights), "the readings are kept as such, too"


def test_levels_that_come_late_or_again_make_no_phantoms(any_farm):
    readings = [level(kg, 10 * i) for i, kg in enumerate([500, 480, 470, 900, 850])]
    publish_levels(any_farm, [readings[0], readings[2], readings[1], readings[4], readings[3],
                              *readings])
    # 30 kg gone; from 470 up to 850 at the end, whatever happened between.
    assert fed(any_farm) == [(30.0, "SILO_AUTO")]
    snapshot = any_farm.query("edge", "SELECT weight_kg FROM silo_weight_snapshot")
    assert snapshot == [(850.0,)]


def test_levels_of_one_request_are_taken_by_time_and_each_silo_has_its_own(farm):
    readings = [level(kg, second, device) for kg, second, device in (
        (90, 20, "silo-a"), (100, 0, "silo-a"), (95, 10, "silo-a"), (50, 5, "silo-b"),
        (-3, 30, "silo-a"))]
    for reading in readings:
        reading.update(farm_id=FARM, barn_id=BARN)
    status, body = ask(farm.edge_url + LEVELS, {"events": readings})
    assert (status, body) == (200, {"ingested_count": 5})
    assert fed(farm) == [(5.0, "SILO_AUTO"), (5.0, "SILO_AUTO")]
    again = ask(farm.edge_url + LEVELS, {"events": readings})
    assert again == (200, {"ingested_count": 5}) and len(fed(farm)) == 2


def by_hand(**changes):
    return {"tenantId": TENANT, "farmId": FARM, "barnId": BARN, "quantityKg": 40,
            "occurredAt": "2026-01-01T06:00:00Z", "externalRef": "sheet-7", **changes}


def test_a_feeding_written_down_by_hand(any_farm):
    url = any_farm.edge_url + MANUAL
    status, body = ask(url, by_hand(notes="café \"wet\"", sequence=3))
    assert status == 201
    assert (body["source"], body["quantity_kg"], body["notes"]) == ("MANUAL", 40, "café \"wet\"")
    status, again = ask(url, by_hand())
    assert (status, again["event_id"]) == (200, body["event_id"])
    assert ask(url, by_hand(quantityKg=41))[0] == 409
    assert ask(url, by_hand(externalRef=None), {"Idempotency-Key": "k-1"})[0] == 201
    assert len(fed(any_farm)) == 2 and len(told(any_farm)) == 2
    wait_for("the cloud's yes to both", 15, lambda: any_farm.query(
        "edge", "SELECT count(*) FROM sync_outbox WHERE status = 'acked'") == [(2,)])
    status, listed = ask(any_farm.edge_url + RECORDS + f"?tenantId={TENANT}&barnId={BARN}")
    assert status == 200 and listed["count"] == 2
    assert ask(any_farm.edge_url + RECORDS + "?tenantId=another")[1]["count"] == 0


def test_what_is_wrong_with_a_feeding_is_said_by_its_name(farm):
    for changes, word in ((dict(quantityKg=0), "quantity_kg"), (dict(farmId=None), "farm_id"),
                          (dict(occurredAt="yesterday"), "occurred_at"),
                          (dict(externalRef=None), "Idempotency-Key"),
                          (dict(quantityKg="4"), "quantity_kg"),
                          (dict(barnId="b" * 129), "barn_id"), (dict(sequence=-1), "sequence")):
        status, body = ask(farm.edge_url + MANUAL, by_hand(**changes))
        assert status == 400 and word in body["error"]["message"], (changes, body)
    assert fed(farm) == []


FILE = """occurred_at,farm_id,barn_id,quantity_kg,external_ref,notes
2026-01-01T06:00:00Z,f-1,b-1,10.5,r-1,"two, ""three"" four"
2026-01-01T07:00:00Z,f-1,b-1,much,r-2,
2026-01-01T08:00:00Z,f-1,b-1,3,,
2026-01-01T08:30:00Z,f-1

2026-01-01T09:00:00Z,f-1,b-1,"7",r-4,"a
line"
noon,f-1,b-1,7,r-5,
2026-01-01T09:00:00Z,f-1,b-1,"1,""tenant_id"":1",r-6,
2026-01-01T10:00:00Z,f-1,b-1,0x10,r-7,
2026-01-01T11:00:00Z,f-1,b-1,2,r-8,"open
"""


def test_a_file_is_imported_line_by_line(any_farm):
    url = any_farm.edge_url + IMPORT
    status, body = ask(url, FILE.encode(), {"x-tenant-id": TENANT, "Content-Type": "text/csv"})
    assert status == 200
    assert [error["line"] for error in body["errors"]] == [3, 5, 9, 10, 11, 12]
    assert (body["imported_count"], body["duplicate_count"], body["rejected_count"]) == (3, 0, 6)
    assert fed(any_farm) == [(10.5, "API_IMPORT"), (3.0, "API_IMPORT"), (7.0, "API_IMPORT")]
    status, body = ask(url, FILE.replace("\n", "\r\n").encode(), {"x-tenant-id": TENANT})
    assert (body["imported_count"], body["duplicate_count"]) == (0, 3)
    assert len(told(any_farm)) == 3


def test_a_file_that_cannot_be_one_is_refused_as_a_whole(farm):
    url, tenant = farm.edge_url + IMPORT, {"x-tenant-id": TENANT}
    assert ask(url, FILE.encode())[0] == 400
    assert ask(url, b"", tenant)[0] == 400
    assert ask(url, b"a,b\n1,2\n", tenant)[0] == 400
    head, row = FILE.splitlines()[0], "2026-01-01T06:00:00Z,f-1,b-1,10.5,,"
    assert ask(url, "\n".join([head] + [row] * 1001).encode(), tenant)[0] == 413
    assert fed(farm) == []


def test_the_backlog_says_what_the_cloud_lacks(farm):
    farm.processes["cloud"].end()
    assert ask(farm.edge_url + MANUAL, by_hand())[0] == 201
    backlog = farm.edge_url + "/api/v1/edge-feed-intake/backlog"
    body = wait_for("the backlog", 10, lambda: (b := ask(backlog)[1])["pending_count"] and b)
    assert body["pending_count"] == 1 and body["oldest_pending_at"]
    status = ask(farm.edge_url + "/api/v1/edge-feed-intake/status")[1]
    assert (status["total_records"], status["silos"]) == (1, 0)


def test_old_feedings_that_the_cloud_has_are_deleted(farm):
    assert ask(farm.edge_url + MANUAL, by_hand())[0] == 201
    wait_for("the cloud", 15, lambda: farm.query(
        "edge", "SELECT count(*) FROM sync_outbox WHERE status = 'acked'") == [(1,)])
    assert ask(farm.edge_url + MANUAL, by_hand(externalRef="sheet-8"))[0] == 201
    farm.processes["edge"].end()
    with contextlib.closing(sqlite3.connect(farm.home / "edge.db", timeout=10)) as db, db:
        db.execute("UPDATE feed_intake_local SET ingested_at = ingested_at - 2 * 86400000")
        db.execute("DELETE FROM sync_event WHERE event_id IN (SELECT event_id FROM "
                   "feed_intake_local WHERE external_ref = 'sheet-7')")
    farm.start_edge(FEED_RETENTION_DAYS="1", FEED_CLEANUP_INTERVAL_MS="200")
    wait_for("the clean-up", 10, lambda: len(fed(farm)) == 1)
    time.sleep(0.5)
    assert len(fed(farm, "external_ref = 'sheet-8'")) == 1, "what is in the outbox stays"


def test_kills_lose_and_double_no_feeding(any_farm):
    """kill -9 of the edge amid feedings and levels: what was acknowledged is there once."""
    sent, kg = [], 1000.0
    with Device(any_farm) as device:
        for number in range(300):
            message = dispensed(0.5 + number / 8)
            sent.append(message)
            device.publish(feed_topic(), message)
            if number % 3 == 0:
                step = 0.25 * (number % 5)
                kg -= step
                device.publish(topic("silo-1", "silo.weight"),
                               level(kg, 10 + number))
            if number % 75 == 40:
                any_farm.processes["edge"].end(signal.SIGKILL)
                any_farm.processes["edge"].start()
            time.sleep(0.005)
        device.flush(60)
    wait_for("what the broker holds", 30, lambda: len(fed(
        any_farm, "source = 'MQTT_DISPENSED'")) == len(sent) and any_farm.query(
            "edge", "SELECT weight_kg FROM silo_weight_snapshot")[0][0] == kg)
    devices = any_farm.query("edge", "SELECT event_id, quantity_kg FROM feed_intake_local "
                                     "WHERE source = 'MQTT_DISPENSED'")
    assert sorted(devices) == sorted((m["event_id"], m["payload"]["quantity_kg"]) for m in sent)
    quantity = sum(row[0] for row in fed(any_farm, "source = 'SILO_AUTO'"))
    last = any_farm.query("edge", "SELECT weight_kg FROM silo_weight_snapshot")[0][0]
    assert abs(1000 - last - quantity) < 0.2 and last == kg
    rows = any_farm.query("edge", "SELECT id FROM sync_outbox "
                                  "WHERE event_type = 'feed.intake.recorded'")
    assert len(rows) == len(set(rows)) == len(fed(any_farm))
