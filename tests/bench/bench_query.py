#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The cloud's queries over 100 devices with 30 days of readings by the minute (4.3 million
rows): p50 and p95 over HTTPS with keep-alive, beside GET /api/health, which is what the
road there and back costs.

Usage: bench_query.py [--build DIR] [--rounds N]
"""
import argparse
import http.client
import pathlib
import shutil
import sqlite3
import ssl
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from farm import TENANT, Farm  # noqa: E402

DEVICES, DAYS = 100, 30
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
END = time.time_ns() // 1_000_000 // DAY * DAY
BEGIN = END - DAYS * DAY


def fill(path):
    """As the consumer would have: readings, their buckets of an hour, the latest."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    db.execute(f"""
        WITH RECURSIVE minute(at) AS (
            SELECT {BEGIN} UNION ALL SELECT at + {MINUTE} FROM minute WHERE at + {MINUTE} < {END}),
        device(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM device WHERE n < {DEVICES})
        INSERT INTO telemetry_raw (tenant_id, farm_id, barn_id, device_id, metric, value, unit,
            occurred_at, event_id, created_at)
        SELECT '{TENANT}', 'farm-1', 'barn-1', printf('device-%03d', n), 'temperature',
            20 + (at / {MINUTE} % 100) / 10.0, 'C', at,
            printf('018f1a84-%04x-7d3f-b2e4-%012x', n, at), at
        FROM minute CROSS JOIN device""")
    db.execute(f"""
        INSERT INTO telemetry_agg (tenant_id, farm_id, barn_id, device_id, metric, bucket_size,
            bucket_start, count, sum_value, sumsq_value, min_value, max_value, last_value,
            last_at, created_at, updated_at)
        SELECT tenant_id, farm_id, barn_id, device_id, metric, '1h', occurred_at / {HOUR} * {HOUR},
            count(*), sum(value), sum(value * value), min(value), max(value), max(value),
            max(occurred_at), 0, 0
        FROM telemetry_raw GROUP BY device_id, occurred_at / {HOUR}""")
    db.execute(f"""
        INSERT INTO telemetry_latest (tenant_id, device_id, metric, farm_id, barn_id, value, unit,
            occurred_at)
        SELECT '{TENANT}', device_id, 'temperature', 'farm-1', 'barn-1', 21, 'C', max(occurred_at)
        FROM telemetry_raw GROUP BY device_id""")
    db.execute("COMMIT")
    rows = db.execute("SELECT count(*) FROM telemetry_raw").fetchone()[0]
    db.close()
    return rows


def iso(unix_ms):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix_ms / 1000))


def measure(connection, token, path, rounds):
    times = []
    for i in range(rounds):
        begin = time.perf_counter()
        connection.request("GET", path.format(device=f"device-{i % DEVICES + 1:03d}"),
                           headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {body[:200]}")
        times.append((time.perf_counter() - begin) * 1000)
    times.sort()
    return times[len(times) // 2], times[len(times) * 95 // 100], len(body)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build-bench")
    parser.add_argument("--rounds", type=int, default=200)
    args = parser.parse_args()
    home = pathlib.Path(tempfile.mkdtemp(prefix="farmiq-bench-"))
    farm = Farm(home, args.build)
    window = f"tenantId={TENANT}&from={iso(BEGIN)}&to={iso(END)}"
    queries = [
        ("health", "/api/health", None),
        ("latest of 100 devices", f"/api/v1/telemetry/latest?tenantId={TENANT}&barnId=barn-1", 20),
        ("30 days by the hour", f"/api/v1/telemetry/aggregates?{window}"
                                "&deviceId={device}&metric=temperature&bucket=1h", 50),
        ("last 1000 readings", f"/api/v1/telemetry/readings?tenantId={TENANT}"
                               "&deviceId={device}&metric=temperature&limit=1000", 100),
    ]
    try:
        farm.start_cloud()
        farm.processes["cloud"].end()
        print(f"{fill(home / 'cloud.db'):,} readings")
        farm.processes["cloud"].start()
        connection = http.client.HTTPSConnection(
            "127.0.0.1", farm.ports["cloud"],
            context=ssl.create_default_context(cafile=farm.ca))
        for name, path, target in queries:
            p50, p95, size = measure(connection, farm.token, path, args.rounds)
            print(f"{name:24} p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  {size:>9,} bytes"
                  + (f"  (target p95 {target} ms)" if target else ""))
    finally:
        farm.end()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
