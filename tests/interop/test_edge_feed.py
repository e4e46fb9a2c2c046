# SPDX-License-Identifier: Apache-2.0
"""What was fed, at the edge: told by devices, by silos, by people and in files."""
import pytest

from conftest import edge_door
from wire import TIME, envelope, fresh, new_id, wait_for, without

FEED = "/api/v1/feed-intake"
STATUS, BACKLOG = "/api/v1/edge-feed-intake/status", "/api/v1/edge-feed-intake/backlog"
DAY = "2025-06-02"
RECORD = {"event_id", "external_ref", "tenant_id", "farm_id", "barn_id", "batch_id", "device_id",
          "source", "feed_formula_id", "feed_lot_id", "quantity_kg", "sequence", "notes",
          "occurred_at"}


@pytest.fixture
def feed(target, open_door):
    return edge_door(target, open_door, "feed")


@pytest.fixture
def barn():
    """The barn of one test."""
    return fresh("b")


@pytest.fixture
def records(feed, place, barn):
    def of(**query):
        return feed.good(f"{FEED}/records", tenantId=place.tenant,
                         **{"barnId": barn, **query})["records"]
    return of


@pytest.fixture
def by_hand(feed, place, barn):
    """A feeding that somebody writes down."""
    def of(headers=None, **changes):
        return feed.post(f"{FEED}/manual", without({
            "tenantId": place.tenant, "farmId": place.farm, "barnId": barn, "quantityKg": 40.25,
            "occurredAt": f"{DAY}T06:00:00Z", "externalRef": fresh("sheet"), **changes}), headers)
    return of


# -- by hand -----------------------------------------------------------------------------


def test_a_feeding_that_somebody_writes_down(by_hand, records, place, barn):
    """edge 10.1, 5.5: it becomes a record of source MANUAL with everything that was said."""
    answer = by_hand(batchId="batch-1", feedFormulaId="formula-1", feedLotId="lot-1",
                     sequence=3, notes="wet, \"café\"", occurredAt=f"{DAY}T13:00:00+07:00")
    assert answer.status == 201 and answer.json["source"] == "MANUAL"
    row, = records()
    assert RECORD <= set(row) and TIME.fullmatch(row["ingested_at"])
    assert {name: row[name] for name in (
        "tenant_id", "farm_id", "barn_id", "batch_id", "feed_formula_id", "feed_lot_id",
        "sequence", "notes", "quantity_kg", "occurred_at", "event_id")} == {
            "tenant_id": place.tenant, "farm_id": place.farm, "barn_id": barn,
            "batch_id": "batch-1", "feed_formula_id": "formula-1", "feed_lot_id": "lot-1",
            "sequence": 3, "notes": "wet, \"café\"", "quantity_kg": 40.25,
            "occurred_at": f"{DAY}T06:00:00.000Z", "event_id": answer.json["event_id"]}


@pytest.mark.parametrize("how", ["eventId", "externalRef", "Idempotency-Key"])
def test_a_feeding_is_written_down_once(by_hand, records, how):
    """edge 10.1, 5.5: the event, the external reference or Idempotency-Key says which feeding
    it is: again it is the same record, and says so; with other content it is a conflict."""
    name = new_id() if how == "eventId" else fresh("n")

    def send(**changes):
        if how == "Idempotency-Key":
            return by_hand({how: name}, externalRef=..., **changes)
        return by_hand(**{"externalRef": ..., how: name, **changes})
    first, again, other = send(), send(), send(quantityKg=41)
    assert (first.status, again.status, other.status) == (201, 200, 409)
    assert again.headers["x-idempotent-replay"] == "true"
    assert again.json["event_id"] == first.json["event_id"]
    assert other.error["code"] == "CONFLICT" and len(records()) == 1


@pytest.mark.parametrize("changes, word", [
    ({"quantityKg": 0}, "quantity_kg"), ({"quantityKg": -1}, "quantity_kg"),
    ({"quantityKg": 1e7}, "quantity_kg"), ({"quantityKg": "4"}, "quantity_kg"),
    ({"quantityKg": ...}, "quantity_kg"), ({"farmId": ...}, "farm_id"),
    ({"barnId": "b" * 129}, "barn_id"), ({"tenantId": ...}, "tenant_id"),
    ({"occurredAt": "noon"}, "occurred_at"), ({"occurredAt": ...}, "occurred_at"),
    ({"sequence": -1}, "sequence"), ({"externalRef": ...}, "externalRef")])
def test_a_feeding_of_the_wrong_shape(by_hand, records, changes, word):
    """edge 10.1, 13-G8, 3.4: a quantity above nothing, its place and its time are needed; what
    is wrong is named."""
    answer = by_hand(**changes)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"
    assert word in answer.error["message"] and records() == []


# -- in files ----------------------------------------------------------------------------

HEAD = "occurred_at,farm_id,barn_id,quantity_kg,external_ref,notes"


@pytest.fixture
def send_file(feed, place):
    def of(lines, end="\n", **headers):
        return feed.post(f"{FEED}/import", end.join([*lines, ""]).encode(),
                         {"content-type": "text/csv", "x-tenant-id": place.tenant, **headers})
    return of


def row(barn, quantity, name="", notes="", hour=6):
    return f"{DAY}T{hour:02}:00:00Z,f-1,{barn},{quantity},{name},{notes}"


def test_a_file_is_taken_line_by_line(send_file, records, barn):
    """edge 10.1, 5.5: each line is a record of source API_IMPORT; one that makes no sense is
    named by its number, and the others go through. Cells may be quoted (RFC 4180)."""
    first, second = fresh("r"), fresh("r")
    answer = send_file([HEAD, row(barn, 10.5, first, '"two, ""three"""', 6), row(barn, "much"),
                        row(barn, '"7"', second, '"a\nline"', 7), row(barn, -1),
                        f"{DAY}T06:00:00Z,f-1", "noon" + row(barn, 1)[20:]])
    assert answer.status == 200
    said = answer.json
    assert (said["imported_count"], said["duplicate_count"], said["rejected_count"]) == (2, 0, 4)
    assert [error["line"] for error in said["errors"]] == [3, 6, 7, 8]
    assert all(error["error"] for error in said["errors"])
    assert [(r["quantity_kg"], r["notes"], r["external_ref"], r["source"]) for r in records()] == [
        (7.0, "a\nline", second, "API_IMPORT"), (10.5, 'two, "three"', first, "API_IMPORT")]


def test_a_file_is_taken_once(send_file, records, barn):
    """edge 10.1: the same file again, with other line ends, adds nothing, whether its lines
    have names or not."""
    lines = [HEAD, row(barn, 10.5, fresh("r")), row(barn, 3, hour=7)]
    assert send_file(lines).json["imported_count"] == 2
    again = send_file(lines, "\r\n").json
    assert (again["imported_count"], again["duplicate_count"]) == (0, 2)
    assert len(records()) == 2


def test_what_is_no_file_of_feedings(send_file, records, barn):
    """edge 3.4, 10.1: without columns that say what and when, without a tenant, or longer than
    a thousand lines, a file is refused as a whole."""
    good = row(barn, 1)
    for lines, headers, status in (([], {}, 400), (["a,b", "1,2"], {}, 400),
                                   ([HEAD, good], {"x-tenant-id": ""}, 400),
                                   ([HEAD, *[good] * 1001], {}, 413)):
        answer = send_file(lines, **headers)
        assert answer.status == status and answer.error["message"], status
    assert records() == []


# -- devices and silos -------------------------------------------------------------------


def dispensed(place, barn, quantity=12.5, **changes):
    """As the gateway hands it over (edge 2.6, 10.1)."""
    return envelope(place, event_type="feed.dispensed", farm_id=place.farm, barn_id=barn,
                    payload={"quantity_kg": quantity, "feed_lot_id": "lot-1"}, **changes)


def test_records_are_judged_one_by_one(feed, place, barn, records):
    """edge 10.1: POST records takes what devices dispensed; what makes no sense is told, the
    others are kept once, however often they come."""
    good, bad = dispensed(place, barn), dispensed(place, barn, 0)
    for _ in range(2):
        answer = feed.post(f"{FEED}/records", {"events": [good, bad, good]})
        assert answer.status == 200 and answer.json["ingested_count"] == 2
        refusal, = answer.json["results"]
        assert (refusal["index"], refusal["event_id"], refusal["status"]) == (
            1, bad["event_id"], "skipped")
    kept, = records()
    assert (kept["source"], kept["quantity_kg"], kept["device_id"], kept["feed_lot_id"]) == (
        "MQTT_DISPENSED", 12.5, place.device, "lot-1")


@pytest.fixture
def silo():
    return fresh("silo")


def level(place, barn, silo, kg, minute):
    return {**envelope(place, "silo.weight", kg, ts=f"{DAY}T10:{minute:02}:00Z"),
            "device_id": silo, "farm_id": place.farm, "barn_id": barn}


def test_what_goes_from_a_silo_was_fed(feed, place, barn, silo, records):
    """edge 10.1, 13-A13: a decrease of at least 0.1 kg is a record of source SILO_AUTO; smaller
    ones add up; a refill and what comes late are none; nothing left is a level, too."""
    for kg, minute in ((500, 0), (499.95, 1), (499.88, 2), (450, 3), (460, 2), (900, 4), (0, 5)):
        answer = feed.post(f"{FEED}/levels", {"events": [level(place, barn, silo, kg, minute)]})
        assert answer.status == 200 and answer.json["ingested_count"] == 1
    assert [(r["quantity_kg"], r["source"], r["device_id"]) for r in records()] == [
        (900.0, "SILO_AUTO", silo), (49.88, "SILO_AUTO", silo), (0.12, "SILO_AUTO", silo)]


def test_a_device_tells_what_it_dispensed(device, feed, place, target):
    """edge 10.1, 2.6: feed.dispensed on the device's topic becomes a record."""
    message = without({**dispensed(place, place.barn, 3.125), "farm_id": ..., "barn_id": ...})
    device.publish(device.topic("event", place.device, "feed.dispensed"), message)
    wait_for("its record", target.patience, lambda: [
        r for r in feed.good(f"{FEED}/records", tenantId=place.tenant, barnId=place.barn)["records"]
        if r["event_id"] == message["event_id"] and r["quantity_kg"] == 3.125])


# -- questions ---------------------------------------------------------------------------


def test_feedings_by_time_and_number(by_hand, records):
    """edge 10.1: newest first; from and to bound the time, limit the number."""
    for hour in (6, 8, 7):
        assert by_hand(occurredAt=f"{DAY}T{hour:02}:00:00Z").status == 201

    def hours(**query):
        return [r["occurred_at"][11:13] for r in records(**query)]
    assert hours() == ["08", "07", "06"] and hours(limit=2) == ["08", "07"]
    assert hours(**{"from": f"{DAY}T07:00:00Z"}) == ["08", "07"]
    assert hours(to=f"{DAY}T07:00:00Z")[-1:] == ["06"] and "08" not in hours(to=f"{DAY}T07:00:00Z")


def test_feedings_of_another_tenant(feed, by_hand, place, barn):
    """edge 13-E: a tenant is named, and sees its own."""
    assert by_hand().status == 201
    other = feed.good(f"{FEED}/records", tenantId=place.other_tenant, barnId=barn)
    assert other == {"records": [], "count": 0}
    answer = feed.get(f"{FEED}/records", barnId=barn)
    assert answer.status == 400 and "tenantId" in answer.error["message"]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"limit": "x"},
                                   {"from": "noon"}, {"to": "2025-02-30T00:00:00Z"}])
def test_a_question_of_the_wrong_shape(feed, place, query):
    """edge 3.4: 400 VALIDATION_ERROR."""
    answer = feed.get(f"{FEED}/records", tenantId=place.tenant, **query)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"


def test_how_much_there_is(feed, by_hand):
    """edge 4.7: status counts the records and the silos."""
    before = feed.good(STATUS)
    assert by_hand().status == 201
    after = feed.good(STATUS)
    assert after["total_records"] == before["total_records"] + 1
    assert TIME.fullmatch(after["last_ingested_at"]) and after["silos"] >= 0


def test_the_cloud_is_told(feed, forwarder, by_hand, target):
    """edge 6.1, 4.7: feed.intake.recorded is in the outbox, and in the backlog until the cloud
    has it."""
    made = by_hand().json
    rows = wait_for("its event", target.patience, lambda: [
        entry["event_type"] for status in ("pending", "claimed", "acked")
        for entry in forwarder.good("/api/v1/sync/outbox", status=status, limit=1000)["entries"]
        if entry["id"] == made["event_id"]])
    assert rows[0] == "feed.intake.recorded"
    backlog = wait_for("an empty backlog", target.patience, lambda: (
        said if not (said := feed.good(BACKLOG))["pending_count"] else None))
    assert backlog["oldest_pending_at"] is None and backlog["dlq_count"] >= 0
