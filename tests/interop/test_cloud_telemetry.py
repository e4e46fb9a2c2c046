# SPDX-License-Identifier: Apache-2.0
"""What the cloud tells of readings, from the batch that brings them to the last spelling of a
question."""
import json

import pytest

from test_cloud_ingestion import Cloud
from wire import TIME, batch_event, envelope, fresh, moment, wait_for

READINGS = "/api/v1/telemetry/readings"
AGGREGATES = "/api/v1/telemetry/aggregates"
DAY = "2025-04-02"
FIELDS = {"id", "tenantId", "farmId", "barnId", "deviceId", "batchId", "metric", "value",
          "unit", "occurredAt", "traceId", "eventId", "createdAt"}


@pytest.fixture
def send(ingestion, target, place, cloud_telemetry):
    """Send events to the ingestion, and wait until the last one can be asked for."""
    cloud = Cloud(ingestion, target.need("cloud", "ingestion"), place)

    def send_all(*events):
        answer = cloud.batch(list(events))
        assert answer.status == 200 and not answer.json["rejected"], answer
        wanted = {event["event_id"] for event in events}
        wait_for("the readings", target.patience, lambda: wanted <= {
            row["eventId"] for row in cloud_telemetry.good(READINGS, limit=10000)})
    return send_all


@pytest.fixture
def series(send, place):
    """A metric with a reading every ten minutes of six hours; the value is its number."""
    metric = fresh("m")
    send(*[batch_event(place, metric, number,
                       occurred_at=f"{DAY}T{number // 6:02}:{number % 6}0:00Z")
           for number in range(36)])
    return metric


def values(rows):
    return [row["value"] for row in rows]


def test_a_reading_comes_through(send, cloud_telemetry, place):
    """cloud 3.3, 11 #1: what the ingestion accepted is stored and told, each field as sent."""
    metric = fresh("m")
    event = batch_event(place, metric, 26.4, batch_id="batch-9", trace_id="trace-9",
                        occurred_at=f"{DAY}T17:00:00.25+07:00")
    send(event)
    row, = cloud_telemetry.good(READINGS, metric=metric)
    assert set(row) >= FIELDS
    assert (row["tenantId"], row["farmId"], row["barnId"], row["deviceId"]) == (
        place.tenant, place.farm, place.barn, place.device)
    assert (row["metric"], row["value"], row["unit"]) == (metric, 26.4, "C")
    assert (row["batchId"], row["traceId"], row["eventId"]) == (
        "batch-9", "trace-9", event["event_id"])
    assert row["occurredAt"] == f"{DAY}T10:00:00.250Z" and TIME.fullmatch(row["createdAt"])


def test_the_other_spelling_of_a_reading(send, cloud_telemetry, place):
    """cloud 3.1, 2.3: telemetry.reading with metric and value is the same reading."""
    metric = fresh("m")
    send(batch_event(place, event_type="telemetry.reading",
                     payload={"metric": metric, "value": 7.5, "unit": "ppm"}))
    row, = cloud_telemetry.good(READINGS, metric=metric)
    assert (row["value"], row["unit"]) == (7.5, "ppm")


@pytest.mark.parametrize("value", [0, -40.125, 0.004, 1e9, 123456789.875])
def test_values_are_numbers_and_not_rounded(send, cloud_telemetry, place, value):
    """cloud 0.8, 10-C9: a value is a JSON number, as it was measured; zero is a value."""
    metric = fresh("m")
    send(batch_event(place, metric, value))
    row, = cloud_telemetry.good(READINGS, metric=metric)
    assert row["value"] == value and not isinstance(row["value"], str)


def test_a_repeat_has_no_second_effect(send, cloud_telemetry, place):
    """cloud 11 #1, 1.7: an event that comes again is one row, and counted once."""
    metric = fresh("m")
    event = batch_event(place, metric, occurred_at=f"{DAY}T10:00:00Z")
    for _ in range(3):
        send(event)
    assert len(cloud_telemetry.good(READINGS, metric=metric)) == 1
    bucket, = cloud_telemetry.good(AGGREGATES, metric=metric, bucket="1d",
                                   **{"from": f"{DAY}T00:00:00Z", "to": f"{DAY}T23:59:59Z"})
    assert bucket["count"] == 1


def test_a_reading_without_a_farm(ingestion, target, place, differs):
    """cloud 11 #12, 1.8: the envelope of the seed, with ts and without farm and barn."""
    cloud = Cloud(ingestion, target.need("cloud", "ingestion"), place)
    answer = cloud.batch([batch_event(
        place, event_type="telemetry.reading", farm_id=..., barn_id=..., occurred_at=...,
        ts=moment(), payload={"metric": "temperature", "value": 26.4, "unit": "C"})])
    differs("no-place-no-reading", answer.json["accepted"] == 1,
            answer.json["errors"][0]["code"] == "MISSING_SCOPE")


# -- questions -------------------------------------------------------------------------

FROM = ["from", "start", "start_time", "startTime", "startDate", "start_date"]
TO = ["to", "end", "end_time", "endTime", "endDate", "end_date"]


@pytest.mark.parametrize("first, last", zip(FROM, TO))
def test_a_range_in_every_spelling(cloud_telemetry, series, first, last):
    """cloud 0.7, 3.3: from and to are included; newest first; six spellings."""
    rows = cloud_telemetry.good(READINGS, metric=series,
                                **{first: f"{DAY}T01:00:00Z", last: f"{DAY}T01:30:00Z"})
    assert values(rows) == [9, 8, 7, 6]


@pytest.mark.parametrize("name", ["metric", "metric_type"])
def test_filters_in_both_spellings(cloud_telemetry, series, place, name):
    """cloud 0.7, 3.3: farm, barn, device and metric, in camelCase and snake_case, each narrows
    the answer."""
    spellings = [("farmId", "farm_id", place.farm), ("barnId", "barn_id", place.barn),
                 ("deviceId", "device_id", place.device)]
    for camel, snake, value in spellings:
        for spelling in (camel, snake):
            asked = {name: series, spelling: value}
            assert len(cloud_telemetry.good(READINGS, **asked)) == 36, spelling
            asked[spelling] = "nobody"
            assert cloud_telemetry.good(READINGS, **asked) == [], spelling


@pytest.mark.parametrize("query", [
    {"limit": "0"}, {"limit": "10001"}, {"limit": "x"}, {"limit": "-1"}, {"limit": "1e3"},
    {"from": "yesterday"}, {"to": "2025-02-30T00:00:00Z"}, {"from": "2025-01-01"},
    {"from": "2025-01-02T00:00:00Z", "to": "2025-01-01T00:00:00Z"}, {"cursor": "mine"},
    {"deviceId": "x" * 129}])
def test_a_question_that_makes_no_sense(cloud_telemetry, query):
    """cloud 3.3: bad limits, dates, ranges and cursors are 400 VALIDATION_ERROR."""
    answer = cloud_telemetry.get(READINGS, **query)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"
    assert next(iter(query)) in answer.error["message"]


def test_the_bare_answer_is_an_array(cloud_telemetry, series):
    """cloud 3.3: without envelope the answer is an array, 1000 rows unless told otherwise."""
    rows = cloud_telemetry.good(READINGS, metric=series)
    assert values(rows) == list(range(35, -1, -1))
    assert values(cloud_telemetry.good(READINGS, metric=series, limit=2)) == [35, 34]


def test_pages(cloud_telemetry, send, series, place):
    """cloud 3.3, 11 #23: with envelope=1 pages follow a cursor, without gap or repeat, also
    while rows come in."""
    seen, cursor = [], None
    while True:
        query = {"cursor": cursor} if cursor else {}
        page = cloud_telemetry.good(READINGS, metric=series, envelope=1, limit=10, **query)
        seen += values(page["data"]["readings"])
        assert page["meta"]["limit"] == 10
        assert page["meta"]["hasNext"] == (page["meta"]["nextCursor"] is not None)
        if not page["meta"]["hasNext"]:
            break
        cursor = page["meta"]["nextCursor"]
        send(batch_event(place, series, 1000, occurred_at=f"{DAY}T23:00:00Z"))
    assert seen == list(range(35, -1, -1))


def test_statistics(cloud_telemetry, series):
    """cloud 3.3: statistics over all that matches, and how much of the range has readings."""
    page = cloud_telemetry.good(READINGS, metric=series, envelope=1, limit=1,
                                **{"from": f"{DAY}T00:00:00Z", "to": f"{DAY}T05:59:59Z"})
    statistics = page["data"]["statistics"]
    assert (statistics["count"], statistics["min"], statistics["max"]) == (36, 0, 35)
    assert statistics["avg"] == pytest.approx(17.5)
    population, sample = 10.388294694831615, 10.535653752852738
    assert any(statistics["stddev"] == pytest.approx(one) for one in (population, sample))
    assert 0 < page["data"]["coverage_percent"] <= 100


BUCKETS = {"1m": (36, 0, 1), "5m": (36, 0, 1), "15m": (24, 1, 1), "1h": (6, 5, 6),
           "1d": (1, 35, 36)}


@pytest.mark.parametrize("size", BUCKETS)
def test_buckets(cloud_telemetry, series, size):
    """cloud 3.3, 11 #16: every bucket size, newest first, with the figures recomputed here."""
    answer = cloud_telemetry.good(AGGREGATES, metric=series, bucket=size,
                                  **{"from": f"{DAY}T00:00:00Z", "to": f"{DAY}T23:59:59Z"})
    seconds = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "1d": 86400}[size]
    wanted = {}
    for number in range(36):
        wanted.setdefault(number * 600 // seconds, []).append(number)
    assert len(answer) == len(wanted)
    for bucket, place_in_day in zip(answer, sorted(wanted, reverse=True)):
        mine, at = wanted[place_in_day], place_in_day * seconds
        assert bucket["bucketStart"] == f"{DAY}T{at // 3600:02}:{at % 3600 // 60:02}:00.000Z"
        assert (bucket["count"], bucket["minValue"], bucket["maxValue"]) == (
            len(mine), min(mine), max(mine))
        assert bucket["avgValue"] == pytest.approx(sum(mine) / len(mine))
        assert (bucket["metric"], bucket["bucketSize"]) == (series, size)


def test_a_late_reading_changes_its_bucket(send, cloud_telemetry, series, place):
    """cloud 11 #16: late data is in its bucket."""
    send(batch_event(place, series, -100, occurred_at=f"{DAY}T02:05:00Z"))
    buckets = cloud_telemetry.good(AGGREGATES, metric=series, aggregation="1h",
                                   startTime=f"{DAY}T02:00:00Z", endTime=f"{DAY}T02:59:59Z")
    assert [(b["count"], b["minValue"]) for b in buckets] == [(7, -100)]


@pytest.mark.parametrize("query", [
    {}, {"from": f"{DAY}T00:00:00Z"}, {"to": f"{DAY}T00:00:00Z"},
    {"from": f"{DAY}T00:00:00Z", "to": f"{DAY}T01:00:00Z", "bucket": "7m"},
    {"from": "2023-01-01T00:00:00Z", "to": "2025-01-01T00:00:00Z", "bucket": "5m"}])
def test_buckets_that_cannot_be(cloud_telemetry, query):
    """cloud 3.3: from and to are needed, bucket is one of five, and 5 minutes reach 400
    days."""
    answer = cloud_telemetry.get(AGGREGATES, **query)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"


def test_the_hour_is_the_usual_bucket(cloud_telemetry, series):
    """cloud 3.3: bucket is 1h unless told otherwise; envelope=1 wraps the series."""
    between = {"from": f"{DAY}T00:00:00Z", "to": f"{DAY}T23:59:59Z", "metric": series}
    usual = cloud_telemetry.good(AGGREGATES, **between)
    wrapped = cloud_telemetry.good(AGGREGATES, envelope=1, **between)
    assert {bucket["bucketSize"] for bucket in usual} == {"1h"}
    assert wrapped["data"]["series"] == usual and "limit" in wrapped["meta"]


def test_which_metrics_there_are(cloud_telemetry, series):
    """cloud 3.3: the names, once each."""
    names = cloud_telemetry.good("/api/v1/telemetry/metrics")["metrics"]
    assert series in names and len(set(names)) == len(names)
    assert cloud_telemetry.good("/api/v1/telemetry/metrics", barnId="nobody")["metrics"] == []


def test_the_newest_of_each(cloud_telemetry, send, place):
    """cloud 3.3: latest tells each device's newest value per metric; an older reading that
    comes later is not the newest."""
    metric = fresh("m")
    send(batch_event(place, metric, 2, occurred_at=moment(-10)))
    send(batch_event(place, metric, 1, occurred_at=moment(-3600)))
    sensors = cloud_telemetry.good("/api/v1/telemetry/latest", barn_id=place.barn,
                                   deviceId=place.device)["data"]["sensors"]
    sensor, = [one for one in sensors if one["device_id"] == place.device]
    newest, = [one for one in sensor["metrics"] if one["metric_type"] == metric]
    assert newest["value"] == 2 and newest["unit"] == "C" and newest["status"]
    assert TIME.fullmatch(newest["timestamp"])


def test_the_stream(cloud_telemetry, send, place, target):
    """cloud 10-D: readings as they come, as server-sent events."""
    if not target.is_ours:
        pytest.skip("skipped: the stream is an extension")
    connection = cloud_telemetry.connect()
    connection.request("GET", "/api/v1/telemetry/stream", headers=cloud_telemetry.headers)
    stream = connection.getresponse()
    assert (stream.status, stream.headers.get_content_type()) == (200, "text/event-stream")
    metric = fresh("m")
    send(batch_event(place, metric, 3.5))
    for line in iter(stream.readline, b""):
        if line.startswith(b"data: [") and metric.encode() in line:
            told, = [one for one in json.loads(line[6:]) if one["metric"] == metric]
            assert (told["value"], told["device_id"]) == (3.5, place.device)
            assert TIME.fullmatch(told["occurred_at"])
            break
    connection.close()


# -- whose readings --------------------------------------------------------------------


@pytest.mark.parametrize("path", [READINGS, AGGREGATES, "/api/v1/telemetry/metrics",
                                  "/api/v1/telemetry/latest", "/api/v1/telemetry/stream"])
def test_a_token_is_needed(cloud_telemetry, path, target):
    """cloud 0.3, 10-A3: without a token, or with another, 401; the answer says what is
    wanted."""
    target.need("cloud", "token")
    for headers in ({"authorization": ""}, {"authorization": "Bearer nobody"},
                    {"authorization": "Basic eDp5"}):
        answer = cloud_telemetry.get(path, headers)
        assert answer.status == 401
        assert answer.error["code"] in ("UNAUTHORIZED", "INVALID_TOKEN")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("how", ["tenantId", "tenant_id", "x-tenant-id"])
def test_a_token_is_for_one_tenant(cloud_telemetry, place, target, how):
    """cloud 0.6, 11 #17: asking with one tenant's token for another's is 403; naming the
    token's own is allowed."""
    target.need("cloud", "token")

    def ask(tenant):
        if how.startswith("x-"):
            return cloud_telemetry.get(READINGS, {how: tenant}, limit=1)
        return cloud_telemetry.get(READINGS, limit=1, **{how: tenant})
    assert ask(place.tenant).status == 200
    answer = ask(place.other_tenant)
    assert answer.status == 403 and answer.error["code"] == "FORBIDDEN"


# -- the whole way ---------------------------------------------------------------------


def test_from_the_device_to_the_question(device, cloud_telemetry, place, target):
    """S2 2, cloud 11: a reading that a device publishes at the barn can be asked for at the
    cloud, with its own event id, time and value."""
    metric = fresh("m")
    sent = envelope(place, metric, 26.4, ts="2025-04-03T10:00:00Z")
    device.read(sent)
    row, = wait_for("the reading at the cloud", target.patience,
                    lambda: cloud_telemetry.good(READINGS, metric=metric))
    assert row["eventId"] == sent["event_id"] and row["traceId"] == sent["trace_id"]
    assert (row["value"], row["unit"]) == (26.4, "C")
    assert row["occurredAt"] == "2025-04-03T10:00:00.000Z"
