#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the beginning of an upload to the result: p50 and p95 over drawn animals that come one
by one at a steady rate to a whole edge (presign, PUT, complete, queue, model, session); beside
the same for the stub, which does not look, and so is what the way itself costs.

Usage: bench_inference.py [--build DIR] [--pictures N] [--per-second N]
"""
import argparse
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/shims")]
from farm import wait_for  # noqa: E402
from pictures import Site, draw  # noqa: E402

TENANT = "t1"
MODELS = {"silhouette": "broiler.json", "stub": "stub.json"}


def run(build, manifest, pictures, per_second):
    """Milliseconds for each picture."""
    with tempfile.TemporaryDirectory() as home:
        site = Site(home, build, build / "shims/vision" / manifest, together=True,
                    TRIGGER_INFERENCE_ON_COMPLETE="true")
        try:
            site.start()
            site.create_session()
            start, begun = time.time(), {}
            for number, picture in enumerate(pictures):
                time.sleep(max(0, start + number / per_second - time.time()))
                began = time.time()
                begun[site.upload(picture, TENANT, "s1")] = began
            wait_for("the results", 120, lambda: len(site.results()) == len(begun))
            ends = site.farm.query("edge", "SELECT media_id, created_at FROM inference_results")
            return sorted(end - begun[medium] * 1000 for medium, end in ends)
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
