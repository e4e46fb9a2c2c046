#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole path against its ceilings, in one run, as ratios.

Usage: bench_path.py [--build DIR] [--events N] [--rounds N] [--only PART] [--postgresql]

The ceiling of the edge is a subscriber that only counts (mosquitto_sub) on the same
broker under the same load, alternating with our edge.
"""
import argparse
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from farm import Farm, wait_for  # noqa: E402

TENANT = "018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0002"
FILTER = "iot/telemetry/+/+/+/+/+"


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.running.pid}/stat").read_text()
    user, system = fields.rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / 100


def memory_mb(process, which="VmRSS"):
    for line in pathlib.Path(f"/proc/{process.running.pid}/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) / 1024
    return 0


class Bench:
    def __init__(self, args, home):
        self.args, self.home, self.run = args, home, 0
        self.build = pathlib.Path(args.build).resolve()
        self.window = 1000

    def farm(self, name):
        made = Farm(self.home / name, self.build, self.args.postgresql)
        if self.args.postgresql:
            made.start_postgres(fsync="on")
        made.start_broker()
        return made

    def publish(self, farm, count):
        self.run += 1
        return subprocess.Popen([str(self.build / "tests/bench/load_publisher"),
                                 str(farm.ports["mqtt"]), str(count), str(self.window),
                                 str(self.run)], stdout=subprocess.DEVNULL)

    # -- one measurement each ---------------------------------------------------

    def count_only(self, farm):
        counter = subprocess.Popen(["mosquitto_sub", "-p", str(farm.ports["mqtt"]), "-q", "1",
                                    "-V", "5", "-t", FILTER, "-C", str(self.args.events)],
                                   stdout=subprocess.DEVNULL)
        time.sleep(0.3)
        begin = time.monotonic()
        publisher = self.publish(farm, self.args.events)
        counter.wait(120)
        seconds = time.monotonic() - begin
        publisher.wait(60)
        return self.args.events / seconds

    def edge(self, farm):
        """Events per second until they are committed, and CPU per event."""
        process = farm.processes["edge"]
        have, cpu = farm.count("edge"), cpu_seconds(process)
        begin = time.monotonic()
        publisher = self.publish(farm, self.args.events)
        wait_for("the edge", 240, lambda: farm.count("edge") >= have + self.args.events, 0.02)
        seconds = time.monotonic() - begin
        publisher.wait(60)
        used = cpu_seconds(process) - cpu
        return self.args.events / seconds, used / self.args.events * 1e6

    def compare_edge(self):
        farm = self.farm("edge")
        try:
            farm.start_edge(CLOUD_INGESTION_URL="")
            idle = memory_mb(farm.processes["edge"])
            rows = [(self.count_only_without_edge(farm), *self.edge(farm))
                    for _ in range(self.args.rounds)]
            load = memory_mb(farm.processes["edge"], "VmHWM")
        finally:
            farm.end()
        ceiling, ours, cpu = (statistics.median(column) for column in zip(*rows))
        print(f"subscriber that only counts    {ceiling:>10,.0f} events/s")
        print(f"edge: judged, deduplicated, stored, queued, fsynced "
              f"{ours:>10,.0f} events/s   ratio {ours / ceiling:.2f} (target 0.80)")
        print(f"edge CPU {cpu:.1f} us per event (target 12); memory idle {idle:.1f} MB "
              f"(target 15), peak under load {load:.1f} MB (target 64)")

    def count_only_without_edge(self, farm):
        """The edge must not take its share while the ceiling is measured."""
        farm.processes["edge"].end()
        rate = self.count_only(farm)
        farm.processes["edge"].start()
        # What the broker kept for the edge's session meanwhile is not part of its turn.
        previous = -1
        while farm.count("edge") != previous:
            previous = farm.count("edge")
            time.sleep(0.5)
        return rate

    def drain(self):
        """The backlog's way to the cloud over TLS with signatures."""
        farm = self.farm("drain")
        try:
            farm.start_edge(CLOUD_INGESTION_URL="")
            for _ in range(2):
                self.edge(farm)
            farm.processes["edge"].end()
            farm.start_cloud(EDGE_KEYS=f"edge-demo:{farm.secret}:{TENANT}",
                             API_TOKENS=f"{farm.token}:{TENANT}")
            total = farm.count("edge")
            begin = time.monotonic()
            farm.start_edge()
            ready = time.monotonic() - begin
            wait_for("ingestion", 240, lambda: farm.count("cloud", "cloud_dedupe") >= total,
                     0.02)
            sent = total / (time.monotonic() - begin - ready)
            wait_for("the cloud", 240, lambda: farm.count("cloud") >= total, 0.02)
            stored = total / (time.monotonic() - begin - ready)
        finally:
            farm.end()
        print(f"drain of {total:,} events: acknowledged {sent:,.0f}/s (target 40,000), "
              f"queryable {stored:,.0f}/s")
        print(f"edge ready on that database after {ready * 1000:.0f} ms (target 150)")

    def path(self):
        """Agent to cloud query, at full rate, then the latency at 1,000 events/s."""
        for rate in (25_000, 1_000):
            farm = self.farm(f"path-{rate}")
            try:
                farm.start_cloud()
                farm.start_edge()
                farm.start_agent(DEVICES=20, RATE=rate, WINDOW=4000, REPLAY_RATE=0,
                                 BUFFER_MAX_MESSAGES=1_000_000, BUFFER_MAX_AGE="7d",
                                 DRAIN="60s")
                time.sleep(3)
                have, begin = farm.count("cloud"), time.monotonic()
                time.sleep(10)
                sustained = (farm.count("cloud") - have) / (time.monotonic() - begin)
                memory = {name: memory_mb(p) for name, p in farm.processes.items()}
                lags = [row[0] for row in farm.query(
                    "cloud", "SELECT created_at - occurred_at FROM telemetry_raw "
                             "ORDER BY id DESC LIMIT 5000")]
            finally:
                farm.end()
            lags.sort()
            print(f"asked for {rate:,}/s: {sustained:,.0f} events/s reach the cloud's table; "
                  f"publish to queryable p50 {lags[len(lags) // 2]} ms, "
                  f"p99 {lags[len(lags) * 99 // 100]} ms; memory "
                  + ", ".join(f"{name} {mb:.0f} MB" for name, mb in memory.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build-bench")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["edge", "drain", "path"])
    parser.add_argument("--postgresql", action="store_const", const=["edge"], default=(),
                        help="the edge's rows are there, and not in a file")
    args = parser.parse_args()
    home = pathlib.Path(tempfile.mkdtemp(prefix="farmiq-bench-"))
    bench = Bench(args, home)
    try:
        for name, part in (("edge", bench.compare_edge), ("drain", bench.drain),
                           ("path", bench.path)):
            if args.only in (None, name):
                part()
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
