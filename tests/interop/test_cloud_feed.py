# SPDX-License-Identifier: Apache-2.0
"""What was fed as the cloud tells it, from the events of an edge."""
import pytest

from test_cloud_ingestion import Cloud
from wire import TIME, batch_event, fresh, wait_for

RECORDS = "/api/v1/feed/intake-records"
DAY = "2025-06-02"


@pytest.fixture
def cloud(ingestion, target, place):
    return Cloud(ingestion, target.need("cloud", "ingestion"), place)


@pytest.fixture
def batch():
    """The animals of one test."""
    return fresh("b")


def fed(place, batch, quantity_kg=120.5, source="MANUAL", hour=6, payload=None, **changes):
    """What an edge tells of a feeding (cloud 1.3, 6.4)."""
    said = {"quantity_kg": quantity_kg, "source": source, **(payload or {})}
    return batch_event(place, event_type="feed.intake.recorded", batch_id=batch,
                       occurred_at=f"{DAY}T{hour:02}:00:00Z", payload=said, **changes)


@pytest.fixture
def told(cloud_feed, batch, target):
    """The records of the test's batch, once there are so many."""
    def of(count):
        return wait_for(f"{count} intake records", target.patience, lambda: (
            items if len(items := cloud_feed.good(RECORDS, batchId=batch, limit=100)["items"])
            >= count else None))
    return of


def test_a_feeding_is_told_with_everything_that_was_said(cloud, place, batch, told):
    """cloud 6.4, 0.8: feed.intake.recorded becomes an intake record in camelCase."""
    event = fed(place, batch, payload={
        "feed_lot_id": "lot-1", "feed_formula_id": "formula-1", "external_ref": fresh("ref"),
        "sequence": 3, "notes": "wet"})
    cloud.batch([event])
    record, = told(1)
    said = event["payload"]
    assert {name: record[name] for name in (
        "tenantId", "farmId", "barnId", "batchId", "source", "feedLotId", "feedFormulaId",
        "eventId", "externalRef", "sequence", "notes")} == {
            "tenantId": place.tenant, "farmId": place.farm, "barnId": place.barn,
            "batchId": batch, "source": "MANUAL", "feedLotId": "lot-1",
            "feedFormulaId": "formula-1", "eventId": event["event_id"],
            "externalRef": said["external_ref"], "sequence": 3, "notes": "wet"}
    assert float(record["quantityKg"]) == 120.5
    assert record["occurredAt"] == f"{DAY}T06:00:00.000Z" and record["id"]
    assert TIME.fullmatch(record["ingestedAt"])


def test_a_feeding_is_told_once(cloud, cloud_feed, place, batch, told):
    """cloud 2.5, 6.4, 11 #14: a repeat of the event, or of the external reference, is the
    same record."""
    reference = {"external_ref": fresh("ref")}
    first, second = (fed(place, batch, payload=reference) for _ in range(2))
    last = fed(place, batch, hour=7)
    for events in ([first], [first, second], [last]):
        assert cloud.batch(events).status == 200
    told(2)
    items = cloud_feed.good(RECORDS, batchId=batch)["items"]
    assert sorted(item["eventId"] for item in items) == sorted(
        (first["event_id"], last["event_id"]))


def test_where_a_source_is_not_said(cloud, place, batch, told):
    """cloud 9.3 #73: SILO_AUTO."""
    event = fed(place, batch)
    del event["payload"]["source"]
    cloud.batch([event])
    assert [record["source"] for record in told(1)] == ["SILO_AUTO"]


def test_a_feeding_without_a_quantity_keeps_nobody_up(cloud, place, batch, told):
    """cloud 2.5, 6.4: quantity_kg is a number, or it is no feeding; neighbours go on."""
    bad = fed(place, batch, payload={"quantity_kg": "much"})
    good = fed(place, batch)
    cloud.batch([bad, good])
    assert [record["eventId"] for record in told(1)] == [good["event_id"]]


def test_pages_of_feedings(cloud, cloud_feed, place, batch, told):
    """cloud 6.4: items and nextCursor; filters narrow; no record twice."""
    events = [fed(place, batch, 1.0 + hour, hour=hour,
                  source=("MANUAL", "API_IMPORT")[hour % 2],
                  payload={"feed_lot_id": f"lot-{hour}"}) for hour in range(5)]
    cloud.batch(events)
    told(5)
    seen, query = [], {}
    while query is not None:
        page = cloud_feed.good(RECORDS, batchId=batch, limit=2, **query)
        assert len(page["items"]) <= 2
        seen += [item["eventId"] for item in page["items"]]
        query = {"cursor": page["nextCursor"]} if page["nextCursor"] else None
    assert sorted(seen) == sorted(event["event_id"] for event in events)

    def quantities(**filters):
        items = cloud_feed.good(RECORDS, batchId=batch, **filters)["items"]
        return sorted(float(item["quantityKg"]) for item in items)
    assert quantities(source="API_IMPORT") == [2, 4]
    assert quantities(feedLotId="lot-2") == [3]
    assert quantities(farm_id=place.farm, barn_id=place.barn) == [1, 2, 3, 4, 5]
    assert quantities(barnId="nowhere") == []
    assert quantities(start=f"{DAY}T02:00:00Z", end=f"{DAY}T03:00:00Z") == [3, 4]


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"source": "EVENT"},
                                   {"start": "noon"}, {"cursor": "mine"}])
def test_a_question_that_makes_no_sense(cloud_feed, query):
    """cloud 6.4, 0.4: 400 VALIDATION_ERROR."""
    answer = cloud_feed.get(RECORDS, **query)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"


def test_a_token_is_needed(cloud_feed, place, target):
    """cloud 0.3, 0.6, 11 #17: 401 without a token, 403 with another tenant's."""
    target.need("cloud", "token")
    assert cloud_feed.get(RECORDS, {"authorization": ""}).status == 401
    assert cloud_feed.get(RECORDS, tenantId=place.other_tenant).status == 403


def test_the_device_of_a_feeding(cloud, place, batch, told):
    """cloud 1.2, 6.4: the one in the payload; without it the envelope's, where a device can
    have spoken."""
    events = [fed(place, batch, hour=hour, source=source, payload=payload,
                  device_id=place.device)
              for hour, (source, payload) in enumerate([
                  ("SILO_AUTO", {"device_id": "silo-7"}), ("SILO_AUTO", {}), ("MANUAL", {})])]
    cloud.batch(events)
    by_id = {record["eventId"]: record["deviceId"] for record in told(3)}
    assert [by_id[event["event_id"]] for event in events] == ["silo-7", place.device, None]
