#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From a picture's order to its result: p50 and p95 over drawn animals that come one by one
at a steady rate, with the services as processes of their own; beside the same for the stub,
which does not look, and so is what the way itself costs.

Usage: bench_inference.py [--build DIR] [--pictures N] [--per-second N]
"""
import argparse
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/shims")]
from test_inference import Site, draw  # noqa: E402

MODELS = {"silhouette": "broiler.json", "stub": "stub.json"}


def run(build, manifest, pictures, per_second):
    """Milliseconds for each picture."""
    with tempfile.TemporaryDirectory() as home:
        site = Site(home, build, build / "shims/vision" / manifest)
        try:
            site.start()
            site.create_session()
            start, ordered = time.time(), {}
            for number, picture in enumerate(pictures):
                time.sleep(max(0, start + number / per_second - time.time()))
                began = time.time()
                ordered[site.show(picture, session_id="s1")] = began
            site.ended(*ordered, seconds=120)
            ends = dict(site.farm.query("edge", "SELECT event_id, created_at FROM inference_results"))
            return sorted(ends[job] - began * 1000 for job, began in ordered.items())
        finally:
            site.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--per-second", type=float, default=5)
    args = parser.parse_args()
    build = args.build.resolve()
    pictures = [draw(build, "broiler", 0.5 + n % 30 / 10, n) for n in range(args.pictures)]
    print(f"{args.pictures} pictures, {args.per_second:g} a second, "
          f"{sum(map(len, pictures)) // len(pictures)} bytes each")
    for name, manifest in MODELS.items():
        took_ms = run(build, manifest, pictures, args.per_second)
        print(f"{name:12} p50 {took_ms[len(took_ms) // 2]:6.0f} ms   "
              f"p95 {took_ms[len(took_ms) * 95 // 100]:6.0f} ms   worst {took_ms[-1]:6.0f} ms")


if __name__ == "__main__":
    main()
