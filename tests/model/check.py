#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check outbox.pml with spin: the protocol holds, and every wrong rule is refuted.

    check.py [--full] [--jobs N] [NAME ...]

Builds below the current directory. --full (or FARMIQ_SOAK) adds the long searches; what
is refuted is refuted without them. Exit status 0 only if every verdict is the expected
one."""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

MODEL = pathlib.Path(__file__).with_name("outbox.pml")
HOLDS, REFUTED = "holds", "refuted"

# name, defines, verdict. In the wrong variants one rule is wrong and the rest right.
CHECKS = [
    ("protocol", "NEV=1 FAULTS=2", HOLDS),
    ("two-cloud-workers", "NEV=1 FAULTS=2 NCL=2", HOLDS),
    ("two-events", "NEV=2 FAULTS=1", HOLDS),
    ("plain-device-durable-broker", "NEV=1 FAULTS=2 AGENT=1 BROKER=1", HOLDS),
    ("publish-then-dedupe", "NEV=1 FAULTS=2 CLOUD=2", HOLDS),
    ("cloud-dedupe-expires", "NEV=1 FAULTS=2 TTL=1", HOLDS),
    ("order-by-head-of-line", "NEV=2 FAULTS=1 ORDER ORDCLAIM=1", HOLDS),
    ("liveness", "NEV=1 FAULTS=2 LTL", HOLDS),

    ("delete-at-puback", "NEV=1 FAULTS=1 AGENT=1", REFUTED),
    ("acknowledge-before-commit", "NEV=1 FAULTS=2 APPACK=1", REFUTED),
    ("repeat-not-acknowledged", "NEV=1 NFW=1 FAULTS=1 APPACK=2 LTL", REFUTED),
    ("edge-dedupe-before-row", "NEV=1 INGRESS=1", REFUTED),
    ("puback-before-commit", "NEV=1 INGRESS=2 AGENT=1 BROKER=1", REFUTED),
    ("sending-never-expires", "NEV=1 RECLAIM=0", REFUTED),
    ("outage-uses-attempts", "NEV=1 COUNTTX=1", REFUTED),
    ("no-fencing-token", "NEV=1 FENCE=0", REFUTED),
    ("verdict-not-matched", "NEV=1 RESPKEY=0", REFUTED),
    ("claim-order-is-device-order", "ORDER", REFUTED),
    ("cloud-dedupe-then-publish", "NEV=1 CLOUD=1", REFUTED),
    ("cloud-dedupe-then-publish-race", "NEV=1 CLOUD=1 NCL=2 FAULTS=1", REFUTED),
    ("no-confirm", "NEV=1 CONFIRM=0", REFUTED),
    ("publish-no-confirm-then-dedupe", "NEV=1 CLOUD=2 CONFIRM=0", REFUTED),
    ("publish-then-dedupe-no-consumer-dedupe", "NEV=1 CLOUD=2 CONSUMER=1", REFUTED),
    ("no-consumer-dedupe", "NEV=1 CONSUMER=1", REFUTED),
    ("consumer-dedupe-before-effect", "NEV=1 CONSUMER=2", REFUTED),
    ("consumer-dedupe-expires", "NEV=1 FAULTS=3 TTL=2", REFUTED),
]
FULL = [
    ("protocol-three-faults", "NEV=1 FAULTS=3", HOLDS),
    ("plain-device-three-faults", "NEV=1 FAULTS=3 AGENT=1 BROKER=1", HOLDS),
    ("publish-then-dedupe-three-faults", "NEV=1 FAULTS=3 CLOUD=2", HOLDS),
    ("cloud-dedupe-expires-three-faults", "NEV=1 FAULTS=3 TTL=1", HOLDS),
    ("protocol-four-faults", "NEV=1 FAULTS=4", HOLDS),
    ("two-events-two-faults", "NEV=2 FAULTS=2", HOLDS),
    ("order-two-faults", "NEV=2 FAULTS=2 ORDER ORDCLAIM=1", HOLDS),
]


def run(command, folder):
    return subprocess.run(command, cwd=folder, text=True, stderr=subprocess.STDOUT,
                          stdout=subprocess.PIPE, check=False)


def search(options, folder):
    """The report of one search; empty if it takes unreasonably long."""
    try:
        return subprocess.run(["./pan", "-m400000", "-w24", *options], cwd=folder,
                              text=True, stdout=subprocess.PIPE, check=False,
                              timeout=240).stdout
    except subprocess.TimeoutExpired:
        return ""


def verdict_of(report):
    """Incomplete searches prove nothing and are neither answer."""
    if re.search(r"max search depth too small|out of memory|search was truncated", report):
        return "incomplete"
    errors = re.search(r"errors: (\d+)", report)
    if not errors:
        return "no verdict"
    return REFUTED if int(errors[1]) else HOLDS


def check(name, defines, expected):
    folder = pathlib.Path("model", name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    liveness = "LTL" in defines.split()
    flags = ["-DNOREDUCE"] if liveness else ["-DSAFETY"]
    # A counterexample is near; to optimise takes longer than to find it.
    flags += ["-O2"] if expected == HOLDS else ["-O0"]
    built = run(["spin", *["-D" + d for d in defines.split()], "-a", MODEL], folder)
    if built.returncode == 0:
        built = run(["cc", "-w", "-DCOLLAPSE", "-DVECTORSZ=2048", "-DNFAIR=4",
                     *flags, "-o", "pan", "pan.c"], folder)
    if built.returncode:
        return name, "does not compile", expected, built.stdout
    began = time.monotonic()
    report = search(["-a", "-f"] if liveness else [], folder)
    states = re.search(r"(\d+) states, stored", report)
    why = re.search(r"assertion violated[^\n]*|acceptance cycle", report)
    return name, verdict_of(report), expected, "%9s states %5.1f s  %s" % (
        states[1] if states else "?", time.monotonic() - began, why[0] if why else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true",
                        default="FARMIQ_SOAK" in os.environ)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    wanted = [c for c in CHECKS + FULL if c[0] in args.names] if args.names \
        else CHECKS + (FULL if args.full else [])
    wrong = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for name, got, expected, text in pool.map(lambda c: check(*c), wanted):
            mark = "ok" if got == expected else "NOT " + expected.upper()
            wrong += got != expected
            print("%-40s %-10s %-12s %s" % (name, got, mark, text), flush=True)
    print("%d checks, %d wrong" % (len(wanted), wrong))
    return wrong != 0 or not wanted


if __name__ == "__main__":
    sys.exit(main())
