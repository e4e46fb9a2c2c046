#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a flood of badly signed batches costs the one writer and an honest edge.

Usage: bench_flood.py [--seconds N] [--rounds N] BUILD [BUILD...]

For each flood: the processor time that the writer's thread spends on one refused request
(which no neighbour on the machine can blur), and how long an honest edge's batches of 100
events take beside it, as a ratio to the same alone. Several builds are measured in turn.
"""
import argparse
import hashlib
import hmac
import http.client
import itertools
import json
import multiprocessing
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/shims")]
from asking import BATCH, batch_event  # noqa: E402
from farm import free_port, wait_for  # noqa: E402

EDGES, CONNECTIONS = 64, 16
SECRETS = [hashlib.sha256(b"%d" % i).hexdigest() for i in range(EDGES)]
# What floods say: the name of an edge (None: no name, so that each secret is tried), how
# many bytes, and how often in a second. The same for all builds: one that refuses faster
# must not be flooded faster.
FLOODS = {"a named edge, 64 kB, 800/s": (b"edge-1", 64 << 10, 800),
          "a named edge, 1 MB, 80/s": (b"edge-1", 1 << 20, 80),
          "nobody's name, 64 kB, 120/s": (None, 64 << 10, 120),
          "nobody's name, 1 MB, 16/s": (None, 1 << 20, 16)}


class Cloud:
    def __init__(self, build, home):
        self.port, home = free_port(), pathlib.Path(home)
        keys = ",".join(f"edge-{i}:{secret}:t1" for i, secret in enumerate(SECRETS))
        env = {"DATABASE_URL": f"sqlite:{home}/cloud.db", "APP_PORT": str(self.port),
               "CLOUD_AUTH_MODE": "hmac", "EDGE_KEYS": keys, "LOG_LEVEL": "error",
               "API_TOKENS": "0123456789abcdef:t1"}
        self.process = subprocess.Popen([f"{build}/shims/farmiqd/farmiqd", "cloud"], env=env,
                                        stdout=subprocess.DEVNULL)
        wait_for("the cloud", 20, self.answers)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def writer_us(self):
        """Processor time of the writer's thread so far."""
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text().strip() == "writer":
                return int((task / "schedstat").read_text().split()[0]) / 1000
        raise RuntimeError("no thread is named writer")

    def end(self):
        self.process.terminate()
        self.process.wait(20)


def honest(port, seconds):
    """Milliseconds of each batch."""
    connection, took, stamp = http.client.HTTPConnection("127.0.0.1", port), [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        body = json.dumps({"tenant_id": "t1",
                           "events": [batch_event() for _ in range(100)]}).encode()
        stamp = max(stamp + 1, int(time.time() * 1000))
        text = f"{stamp}.POST.{BATCH}.".encode() + body
        headers = {"x-edge-id": "edge-0", "x-edge-timestamp": str(stamp), "x-edge-signature":
                   hmac.new(SECRETS[0].encode(), text, hashlib.sha256).hexdigest()}
        began = time.monotonic()
        connection.request("POST", BATCH, body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        took.append((time.monotonic() - began) * 1000)
    return took


def flood(port, name, size, rate, answered):
    """From another address of loopback, `rate` a second or as fast as it is answered."""
    body = b'{"tenant_id":"t1","events":[]}'.ljust(size)
    head = [b"POST " + BATCH.encode() + b" HTTP/1.1", b"Host: x",
            b"Content-Length: %d" % size, b"x-edge-timestamp: %d" % (time.time() * 1000),
            b"x-edge-signature: " + b"0" * 64]
    request = b"\r\n".join(head + ([b"x-edge-id: " + name] if name else [])) + \
        b"\r\n\r\n" + body
    links = [socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0))
             for _ in range(CONNECTIONS)]
    began = time.monotonic()
    for count, link in enumerate(itertools.cycle(links)):
        if count >= CONNECTIONS:  # what it was sent a round ago
            assert b" 401 " in link.recv(65536)
            answered.value += 1
        time.sleep(max(0, began + count / rate - time.monotonic()))
        link.sendall(request)


def measure(build, seconds):
    """{situation: (writer's us for a refusal, median ms of a batch, refused/s)}"""
    results = {}
    with tempfile.TemporaryDirectory(prefix="farmiq-flood-") as home:
        cloud = Cloud(build, home)
        try:
            honest(cloud.port, 1)
            for situation, what in [("alone", None), *FLOODS.items()]:
                answered = multiprocessing.Value("q", 0)
                flooding = what and multiprocessing.Process(
                    target=flood, args=(cloud.port, *what, answered), daemon=True)
                if flooding:
                    flooding.start()
                    wait_for("the flood", 20, lambda: answered.value)
                refused, us = answered.value, cloud.writer_us()
                time.sleep(seconds if what else 0)
                us, refused = cloud.writer_us() - us, answered.value - refused
                results[situation] = (us / max(1, refused),
                                      statistics.median(honest(cloud.port, seconds)),
                                      refused / seconds)
                if flooding:
                    flooding.terminate()
                    flooding.join()
        finally:
            cloud.end()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("builds", nargs="+", metavar="BUILD")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rounds = [[measure(build, args.seconds) for build in args.builds]
              for _ in range(args.rounds)]
    for at, build in enumerate(args.builds):
        print(build)
        alone = statistics.median(r[at]["alone"][1] for r in rounds)
        for situation in rounds[0][at]:
            writer, median, refused = (statistics.median(r[at][situation][i] for r in rounds)
                                      for i in range(3))
            print(f"  {situation:27} batch {median:7.1f} ms ({median / alone:5.1f} x alone)" +
                  (f", writer {writer:8.1f} us a refusal, {refused:.0f}/s" if refused else ""))


if __name__ == "__main__":
    main()
