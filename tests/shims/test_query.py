# SPDX-License-Identifier: Apache-2.0
"""The cloud's queries (spec cloud 3.3): one truth, whichever way it is asked."""
import datetime
import json
import time
import urllib.error
import urllib.parse
import zoneinfo

import pytest

from asking import BATCH, batch_event, signature
from asking import ask as send
from farm import TENANT, wait_for

EVENTS = 300


@pytest.fixture
def ask(any_farm):
    farm = any_farm
    farm.start_agent(0, DEVICES=2, RATE=500, COUNT=EVENTS, REPLAY_RATE=0)
    wait_for("all readings", 30, lambda: farm.count("cloud") == EVENTS)

    def asked(path, **parameters):
        now = time.time()
        query = {"tenantId": TENANT, "from": stamp(now - 7200), "to": stamp(now + 60),
                 **parameters}
        try:
            with farm.open(f"{farm.cloud_url}/api/v1/telemetry/{path}?"
                           f"{urllib.parse.urlencode(query)}") as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)
    return asked


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def test_aggregates_agree_with_each_other_and_with_the_readings(ask):
    status, readings = ask("readings", limit=10000)
    assert status == 200 and len(readings) == EVENTS
    for bucket in ("1m", "5m", "15m", "1h", "1d"):
        status, rows = ask("aggregates", bucket=bucket)
        assert status == 200 and sum(row["count"] for row in rows) == EVENTS, bucket
        device, metric = rows[0]["deviceId"], rows[0]["metric"]
        _, series = ask("aggregates", bucket=bucket, deviceId=device, metric=metric)
        # Summed up in another order, a mean may differ in its last digit.
        assert series == [{**row, "avgValue": pytest.approx(row["avgValue"])} for row in rows
                          if (row["deviceId"], row["metric"]) == (device, metric)], bucket
        values = [r["value"] for r in readings
                  if (r["deviceId"], r["metric"]) == (device, metric)]
        assert sum(row["count"] for row in series) == len(values)
        assert min(row["minValue"] for row in series) == min(values)
        assert max(row["maxValue"] for row in series) == max(values)
        mean = sum(row["avgValue"] * row["count"] for row in series) / len(values)
        assert mean == pytest.approx(sum(values) / len(values))


def test_spellings_are_one_and_mistakes_are_named(ask):
    _, one = ask("aggregates", bucket="1h")
    _, other = ask("aggregates", aggregation="1h", tenant_id=TENANT)
    assert one == other
    for wrong in ({"bucket": "2h"}, {"limit": "0"}, {"limit": "10001"}, {"from": "noon"}):
        status, body = ask("aggregates", **wrong)
        assert status == 400 and body["error"]["code"] == "VALIDATION_ERROR", wrong
    assert ask("latest", barnId="barn-1", tenantId="t-other")[0] == 403


def test_the_latest_value_of_each_metric_is_the_newest_reading(ask):
    _, readings = ask("readings", limit=10000)
    newest = {}
    for reading in readings:
        key = reading["deviceId"], reading["metric"]
        if key not in newest or reading["occurredAt"] > newest[key]["occurredAt"]:
            newest[key] = reading
    _, body = ask("latest", barnId="barn-1")
    shown = {(s["device_id"], m["metric_type"]): m["timestamp"]
             for s in body["data"]["sensors"] for m in s["metrics"]}
    assert shown == {key: reading["occurredAt"] for key, reading in newest.items()}
    _, body = ask("metrics")
    assert sorted(body["metrics"]) == sorted({metric for _, metric in newest})


# Bangkok never changes its clocks, Berlin does at 2 and 3 o'clock, Santiago at midnight;
# Kolkata and Kathmandu are not a whole number of hours from UTC.
ZONES = ["UTC", "Asia/Bangkok", "Europe/Berlin", "America/Santiago", "Asia/Kolkata",
         "Asia/Kathmandu"]
CHANGES = ["2026-03-27", "2026-04-03", "2026-09-04", "2026-10-23"]


@pytest.fixture
def over_changes(any_farm):
    """Readings every 20 minutes of the five days around each change of clocks, as an edge
    sends them."""
    for change in CHANGES:
        start = datetime.datetime.fromisoformat(f"{change}T00:00:00+00:00")
        moments = [start + datetime.timedelta(minutes=20 * i) for i in range(5 * 72)]
        events = [batch_event(TENANT, occurred_at=moment.isoformat(), payload={
            "metric_type": "temperature", "metric_value": i % 97})
            for i, moment in enumerate(moments)]
        body = json.dumps({"tenant_id": TENANT, "edge_id": "edge-demo",
                           "events": events}).encode()
        headers = {"x-edge-id": "edge-demo", "content-type": "application/json",
                   **signature(any_farm.secret, "POST", BATCH, body)}
        status, answer = send(any_farm.cloud_url + BATCH, body, headers, any_farm.ca)
        assert (status, answer["accepted"]) == (200, len(events)), answer
    wait_for("all of them", 60, lambda: any_farm.count("cloud") == 4 * 5 * 72)
    return any_farm


def recomputed(readings, zone):
    """Straight from the readings, by another implementation of time zones."""
    days = {}
    for reading in readings:
        then = datetime.datetime.fromisoformat(reading["occurredAt"].replace("Z", "+00:00"))
        day = then.astimezone(zoneinfo.ZoneInfo(zone)).date()
        days.setdefault(day, []).append(reading["value"])
    return {day: (len(values), min(values), max(values),
                  pytest.approx(sum(values) / len(values))) for day, values in days.items()}


def test_days_are_those_of_the_zone_also_when_clocks_change(over_changes):
    """Spec cloud 3.3, check 16: equal to a direct recomputation."""
    farm, span = over_changes, "from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z"

    def get(path):
        return farm.get(f"{farm.cloud_url}/api/v1/telemetry/{path}&tenantId={TENANT}&{span}")

    readings = get("readings?limit=10000")
    for zone in ZONES:
        rows = get(f"aggregates?bucket=1d&tz={zone}")
        found = {}
        for row in rows:
            begin = datetime.datetime.fromisoformat(row["bucketStart"].replace("Z", "+00:00"))
            local = begin.astimezone(zoneinfo.ZoneInfo(zone))
            assert local.time() in (datetime.time(0), datetime.time(1)), (zone, row)
            found[local.date()] = (row["count"], row["minValue"], row["maxValue"],
                                   row["avgValue"])
        assert found == recomputed(readings, zone), zone
        assert [row["bucketStart"] for row in rows] == \
            sorted((row["bucketStart"] for row in rows), reverse=True)
    for wrong in ("Mars/Olympus", "../../etc/passwd", "/etc/localtime"):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            get(f"aggregates?bucket=1d&tz={wrong}")
        assert refusal.value.code == 400
