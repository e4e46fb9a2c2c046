# SPDX-License-Identifier: Apache-2.0
"""The edge's own store of readings."""
import pytest

from wire import TIME, fresh, moment, reading, wait_for

READINGS = "/api/v1/telemetry/readings"
AGGREGATES = "/api/v1/telemetry/aggregates"
HOUR = "2025-03-01T10"


def store(door, *events):
    answer = door.post(READINGS, {"events": list(events)})
    assert answer.status == 200, answer
    return answer.json


def stored(door, place, metric, **query):
    rows = door.good(READINGS, tenant_id=place.tenant, device_id=place.device, limit=1000,
                     **query)["readings"]
    return [row for row in rows if row["metric_type"] == metric]


def test_a_reading_is_kept_as_it_was_sent(edge_telemetry, place):
    """edge 4.2: each field of a reading is stored and given back, the value as a number, the
    times in UTC with milliseconds, whatever offset they came with."""
    metric = fresh("m")
    event = reading(place, metric, 21.375, ts="2025-03-01T17:00:00.5+07:00")
    assert store(edge_telemetry, event) == {"ingested_count": 1}
    row, = stored(edge_telemetry, place, metric)
    assert (row["tenant_id"], row["farm_id"], row["barn_id"], row["device_id"]) == (
        place.tenant, place.farm, place.barn, place.device)
    assert row["metric_value"] == 21.375 and isinstance(row["metric_value"], float)
    assert row["unit"] == "C" and row["occurred_at"] == "2025-03-01T10:00:00.500Z"
    assert TIME.fullmatch(row["ingested_at"])


def test_a_repeat_is_counted_and_kept_once(edge_telemetry, place):
    """edge 4.2, 13-G1: the same event id again is no second reading."""
    metric = fresh("m")
    event = reading(place, metric)
    for _ in range(3):
        assert store(edge_telemetry, event)["ingested_count"] == 1
    assert store(edge_telemetry, event, event)["ingested_count"] == 2
    assert len(stored(edge_telemetry, place, metric)) == 1


@pytest.mark.parametrize("value", [0, -0.5, 1e-9, 123456789.125, 1e15])
def test_values_are_not_rounded(edge_telemetry, place, value):
    """edge 13-A12: what a device measured is what is told, small and large; zero is a value."""
    metric = fresh("m")
    store(edge_telemetry, reading(place, metric, value))
    assert stored(edge_telemetry, place, metric)[0]["metric_value"] == value


def test_optional_members(edge_telemetry, place):
    """edge 4.2: schema_version, trace_id, farm_id, barn_id, unit and metric may be missing; a
    missing metric is "unknown"; other members are ignored."""
    metric = fresh("m")
    bare = reading(place, schema_version=..., trace_id=..., farm_id=..., barn_id=...,
                   payload={"metric": metric, "value": 1}, colour="red")
    assert store(edge_telemetry, bare)["ingested_count"] == 1
    row, = stored(edge_telemetry, place, metric)
    assert row["unit"] is None and row["farm_id"] is None
    store(edge_telemetry, reading(place, payload={"value": 7.25}))
    assert any(row["metric_value"] == 7.25 for row in stored(edge_telemetry, place, "unknown"))


def test_elements_are_judged_one_by_one(edge_telemetry, place):
    """edge 4.2, 13-A11: a bad time or a value that cannot be kept skips its element, which is
    told; the others are stored, and the answer is 200."""
    metric = fresh("m")
    good = [reading(place, metric) for _ in range(2)]
    answer = store(edge_telemetry, good[0], reading(place, metric, ts="never", event_id="bad"),
                   good[1], reading(place, metric, 1e300))
    assert answer["ingested_count"] == 2 == len(stored(edge_telemetry, place, metric))
    assert [(skipped["index"], skipped["error"]) for skipped in answer["results"]] == [
        (1, "INVALID_TIME"), (3, "INVALID_VALUE")]
    assert answer["results"][0]["event_id"] == "bad"


@pytest.mark.parametrize("body", [
    b"{", b"[]", b"null", b"", {"events": 5}, {}, {"events": [1]}, {"events": [None]}])
def test_a_body_of_the_wrong_shape(edge_telemetry, body):
    """edge 4.2: a wrong shape is 400 VALIDATION_ERROR for the whole request."""
    answer = edge_telemetry.post(READINGS, body)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("change", [
    {"payload": {}}, {"payload": {"value": "1"}}, {"payload": {"value": None}},
    {"payload": 5}, {"payload": ...}, {"tenant_id": 7}, {"tenant_id": ...},
    {"device_id": ...}, {"event_id": ...}])
def test_an_element_of_the_wrong_shape(edge_telemetry, place, change):
    """edge 4.2: a reading that lacks what it needs is 400, and nothing of the request is
    stored."""
    metric = fresh("m")
    body = {"events": [reading(place, metric), reading(place, metric, **change)]}
    answer = edge_telemetry.post(READINGS, body)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"
    assert stored(edge_telemetry, place, metric) == []


def test_an_empty_request(edge_telemetry):
    """edge 4.2: events may be empty."""
    assert store(edge_telemetry) == {"ingested_count": 0}


def test_how_many_at_once(edge_telemetry, place, differs):
    """edge 4.2: how many readings one request may hold."""
    metric = fresh("m")
    events = [reading(place, metric) for _ in range(1001)]
    answer = edge_telemetry.post(READINGS, {"events": events})
    differs("a-thousand-readings", answer.status == 200,
            answer.status == 413 and answer.error["code"] == "PAYLOAD_TOO_LARGE")
    assert store(edge_telemetry, *events[:1000])["ingested_count"] == 1000


# -- questions -------------------------------------------------------------------------


@pytest.fixture
def series(edge_telemetry, place):
    """Six readings, one every ten minutes, on one metric of their own."""
    metric = fresh("m")
    store(edge_telemetry, *[reading(place, metric, 20 + at, ts=f"{HOUR}:{at}0:00Z")
                            for at in range(6)])
    return metric


FROM = ["from", "start", "start_time", "startTime", "startDate", "start_date"]
TO = ["to", "end", "end_time", "endTime", "endDate", "end_date"]


@pytest.mark.parametrize("first, last", zip(FROM, TO))
def test_a_range_in_every_spelling(edge_telemetry, place, series, first, last):
    """edge 4.2, cloud 0.7: readings between two times, both included, newest first."""
    rows = stored(edge_telemetry, place, series,
                  **{first: f"{HOUR}:10:00Z", last: f"{HOUR}:30:00Z"})
    assert [row["metric_value"] for row in rows] == [23, 22, 21]


def test_both_spellings_of_ids(edge_telemetry, place, series):
    """cloud 0.7: tenant_id or tenantId, device_id or deviceId."""
    for tenant, device in (("tenant_id", "device_id"), ("tenantId", "deviceId")):
        rows = edge_telemetry.good(READINGS, **{tenant: place.tenant, device: place.device},
                                   start_time=f"{HOUR}:00:00Z", end_time=f"{HOUR}:59:59Z")
        assert series in {row["metric_type"] for row in rows["readings"]}


def test_count_is_the_length(edge_telemetry, place, series):
    """edge 4.2: count is how many readings are listed; limit bounds it, 100 unless told."""
    assert series
    for limit in (1, 3):
        answer = edge_telemetry.good(READINGS, tenant_id=place.tenant, limit=limit)
        assert answer["count"] == len(answer["readings"]) == limit
    store(edge_telemetry, *[reading(place) for _ in range(101)])
    assert edge_telemetry.good(READINGS, tenant_id=place.tenant)["count"] == 100


def test_others_see_nothing(edge_telemetry, series):
    """edge 4.2: readings of one tenant are not another's."""
    answer = edge_telemetry.good(READINGS, tenant_id="t-nobody")
    assert answer == {"readings": [], "count": 0} and series


@pytest.mark.parametrize("query", [
    {}, {"tenant_id": ""}, {"tenant_id": "t", "limit": "0"}, {"tenant_id": "t", "limit": "x"},
    {"tenant_id": "t", "limit": "1001"}, {"tenant_id": "t", "limit": "-1"},
    {"tenant_id": "t", "start_time": "yesterday"}, {"tenant_id": "t", "end_time": "1"},
    {"tenant_id": "t", "end_time": "2025-13-01T00:00:00Z"}])
@pytest.mark.parametrize("path", [READINGS, AGGREGATES])
def test_a_question_that_makes_no_sense(edge_telemetry, path, query):
    """edge 4.2: 400 VALIDATION_ERROR, with a message that names the parameter."""
    answer = edge_telemetry.get(path, **query)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"
    faulty = [name for name in query if name != "tenant_id"] or ["tenant_id"]
    named = {"start_time": "from", "end_time": "to"}.get(faulty[0], faulty[0])
    assert named in answer.error["message"] or faulty[0] in answer.error["message"]


@pytest.mark.parametrize("window, start, end", [
    ("1m", f"{HOUR}:30:00.000Z", f"{HOUR}:31:00.000Z"),
    ("1h", f"{HOUR}:00:00.000Z", "2025-03-01T11:00:00.000Z"),
    ("1d", "2025-03-01T00:00:00.000Z", "2025-03-02T00:00:00.000Z")])
def test_buckets(edge_telemetry, place, series, window, start, end):
    """edge 4.2, 5.2: 1m, 1h and 1d buckets with average, least, greatest and count."""
    buckets = edge_telemetry.good(AGGREGATES, tenant_id=place.tenant, window=window,
                                  device_id=place.device, start_time="2025-03-01T00:00:00Z",
                                  end_time="2025-03-02T00:00:00Z", limit=1000)["aggregates"]
    mine = [bucket for bucket in buckets if bucket["metric_type"] == series]
    bucket, = [b for b in mine if b["bucket_start_at"] == start]
    assert bucket["bucket_end_at"] == end and bucket["window"] == window
    values = [23] if window == "1m" else [20, 21, 22, 23, 24, 25]
    assert (bucket["count"], bucket["min_value"], bucket["max_value"]) == (
        len(values), min(values), max(values))
    assert bucket["avg_value"] == pytest.approx(sum(values) / len(values))


def test_the_hour_is_the_usual_window(edge_telemetry, place, series):
    """edge 4.2: window is 1h unless told otherwise; another is 400."""
    usual = edge_telemetry.good(AGGREGATES, tenant_id=place.tenant)["aggregates"]
    assert usual and {bucket["window"] for bucket in usual} == {"1h"} and series
    answer = edge_telemetry.get(AGGREGATES, tenant_id=place.tenant, window="7m")
    assert answer.status == 400 and "window" in answer.error["message"]


def test_a_late_reading_is_in_its_bucket(edge_telemetry, place, series):
    """cloud 11 #16: late data changes the bucket it belongs to."""
    store(edge_telemetry, reading(place, series, 100, ts=f"{HOUR}:05:00Z"))
    buckets = edge_telemetry.good(AGGREGATES, tenant_id=place.tenant, limit=1000,
                                  device_id=place.device)["aggregates"]
    bucket, = [bucket for bucket in buckets if bucket["metric_type"] == series]
    assert (bucket["count"], bucket["max_value"]) == (7, 100)


# -- figures ---------------------------------------------------------------------------


def test_figures_of_all(edge_telemetry, place):
    """edge 4.2: GET metrics, in camelCase, over all tenants."""
    before = edge_telemetry.good("/api/v1/telemetry/metrics")
    store(edge_telemetry, reading(place), reading(place))
    after = edge_telemetry.good("/api/v1/telemetry/metrics")
    assert after["totalReadings"] == before["totalReadings"] + 2
    assert after["ingestionRatePerMinute"] >= 2 and after["totalAggregates"] > 0


def test_figures_of_a_tenant(edge_telemetry, place):
    """edge 4.2: GET stats for the tenant in the query or the header, or for all; the last
    reading's time."""
    store(edge_telemetry, reading(place, ts=moment()))
    path = "/api/v1/telemetry/stats"
    by_query = edge_telemetry.good(path, tenant_id=place.tenant)
    by_header = edge_telemetry.good(path, {"x-tenant-id": place.tenant})
    assert by_query == by_header and by_query["tenant_id"] == place.tenant
    assert by_query["total_readings"] > 0 and TIME.fullmatch(by_query["last_reading_at"])
    assert edge_telemetry.good(path)["total_readings"] >= by_query["total_readings"]


def test_no_last_reading(edge_telemetry, differs):
    """edge 4.2: without a reading there is no last_reading_at."""
    nobody = edge_telemetry.good("/api/v1/telemetry/stats", tenant_id="t-nobody")
    assert nobody["total_readings"] == 0
    differs("null-is-said", "last_reading_at" not in nobody,
            nobody.get("last_reading_at", 0) is None)


def test_a_reading_waits_for_the_cloud(edge_telemetry, forwarder, place, target):
    """edge 6.1: a stored reading is an event of the outbox, with the reading's own id."""
    event = reading(place)
    store(edge_telemetry, event)

    def entry():
        for status in ("pending", "claimed", "acked"):
            entries = forwarder.good("/api/v1/sync/outbox", status=status, limit=1000)
            for one in entries["entries"]:
                if one["id"] == event["event_id"]:
                    return one
        return None
    found = wait_for("the outbox row", target.patience, entry)
    assert (found["tenant_id"], found["event_type"]) == (place.tenant, "telemetry.ingested")
