#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bus on RabbitMQ beside bare librabbitmq on the same broker, alternating, as ratios.

Usage: bench_bus.py [--build DIR] [--events N] [--rounds N] [--postgresql]

Out: ingestion's publisher, from rows in its database to confirms, beside amqp_peer with
the same window. In: the telemetry service, from deliveries to committed rows and
aggregates, beside amqp_peer that only acknowledges.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(ROOT / "tests/shims"))
from asking import BATCH, ask, batch_event, signature  # noqa: E402
from farm import Farm, TENANT, wait_for  # noqa: E402

QUEUE = "farmiq.cloud-telemetry-service.ingest.queue"
INGESTION, TELEMETRY = "cloud-ingestion-0", "cloud-telemetry-service"
NOWHERE = "amqp://nobody@127.0.0.1:1/"


def metric(farm, name, sample):
    with farm.open(f"{farm.url_of(name)}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(sample + " "):
                return float(line.rsplit(" ", 1)[1])
    return 0


def rate_of(farm, name, sample, count):
    """Per second, from the first look that shows something to the last."""
    first = wait_for("a beginning", 60, lambda: metric(farm, name, sample), 0.01)
    begin = time.monotonic()
    wait_for("the end", 300, lambda: metric(farm, name, sample) >= count, 0.02)
    return (count - first) / (time.monotonic() - begin)


class Bench:
    def __init__(self, args, farm):
        self.args, self.farm, self.run = args, farm, 0
        self.peer_program = pathlib.Path(args.build).resolve() / "tests/bench/amqp_peer"
        self.channel = farm.rabbit.connect().channel()

    def peer(self, how, last):
        done = subprocess.run([str(self.peer_program), how, self.farm.rabbit.url,
                               str(self.args.events), last], check=True,
                              stdout=subprocess.PIPE)
        return float(done.stdout)

    def purge(self):
        self.farm.rabbit.connect().channel().queue_purge(QUEUE)

    def fill(self):
        """Events in ingestion's database, with no broker to go to."""
        process = self.farm.processes[INGESTION]
        process.env["RABBITMQ_URL"] = NOWHERE
        process.start()
        for _ in range(self.args.events // 1000):
            events = [batch_event(TENANT) for _ in range(1000)]
            body = json.dumps({"tenant_id": TENANT, "edge_id": "edge-demo",
                               "events": events}).encode()
            status, _ = ask(f"{self.farm.url_of(INGESTION)}{BATCH}", body,
                            signature(self.farm.secret, "POST", BATCH, body), self.farm.ca)
            assert status == 200
        process.end()

    def out_ours(self):
        self.fill()
        process = self.farm.processes[INGESTION]
        process.env["RABBITMQ_URL"] = self.farm.rabbit.url
        process.start()
        rate = rate_of(self.farm, INGESTION, 'farmiq_bus_published_total{outcome="confirmed"}',
                       self.args.events)
        process.end()
        self.purge()
        return rate

    def out_peer(self):
        self.run += 1
        rate = self.peer("pub", str(self.run))
        self.purge()
        return rate

    def refill(self):
        self.run += 1
        self.peer("pub", str(self.run))

    def in_ours(self):
        self.refill()
        process = self.farm.processes[TELEMETRY]
        process.start()
        rate = rate_of(self.farm, TELEMETRY, 'farmiq_telemetry_rows_total{outcome="stored"}',
                       self.args.events)
        process.end()
        return rate

    def in_peer(self):
        self.refill()
        return self.peer("sub", QUEUE)


def compare(bench, rounds, what, ours, peer):
    pairs = [(ours(), peer()) for _ in range(rounds)]
    us, them = (statistics.median(column) for column in zip(*pairs))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"{what}: ours {us:.0f}/s, bare librabbitmq {them:.0f}/s, ratio {ratio:.2f} "
          f"({', '.join(f'{a / b:.2f}' for a, b in pairs)})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--events", type=int, default=30000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgresql", action="store_true",
                        help="the telemetry service's rows are in PostgreSQL")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="farmiq-bench-") as home:
        farm = Farm(pathlib.Path(home) / "farm", args.build,
                    postgresql=("cloud",) if args.postgresql else ())
        try:
            if args.postgresql:
                farm.start_postgres(fsync="on")
            farm.start_rabbit()
            farm.start_cloud_apart()
            for name in (INGESTION, TELEMETRY):
                wait_for("a link", 30, lambda: ask(
                    f"{farm.url_of(name)}/api/ready", ca=farm.ca)[0] == 200)
                farm.processes[name].end()
            bench = Bench(args, farm)
            compare(bench, args.rounds, "out", bench.out_ours, bench.out_peer)
            compare(bench, args.rounds, "in", bench.in_ours, bench.in_peer)
        finally:
            farm.end()


if __name__ == "__main__":
    main()
