# SPDX-License-Identifier: Apache-2.0
"""The cloud's queries (spec cloud 3.3): one truth, whichever way it is asked."""
import json
import time
import urllib.error
import urllib.parse

import pytest

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
        assert series == [row for row in rows
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
