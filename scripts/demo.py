#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run a farm for a while and tell how it went: sensors, a weigh station with a camera, a
feeder, the edge and the cloud. Everything that a device produced is counted at the edge and
at the cloud; the exit code is 0 only if nothing was lost and nothing counted twice."""
import argparse
import collections
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from farm import DATABASES, Farm, wait_for  # noqa: E402

READINGS = ("published", "edge_stored", "acked", "cloud_stored", "lost", "duplicated")
SESSIONS = ("sessions_created", "sessions_finalized", "sessions_with_image",
            "sessions_with_inference")
IMAGES_A_MINUTE = 600  # what the media store lets one station upload


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--seconds", type=float, help="stop after this long; else Ctrl-C")
    parser.add_argument("--json", action="store_true",
                        help="no progress line; the tally as JSON last")
    parser.add_argument("--engines", action="store_true",
                        help="on PostgreSQL and RabbitMQ, a process per service, with "
                             "replicas, instead of one edge and one cloud on SQLite")
    parser.add_argument("--kill", action="store_true",
                        help="kill -9 each process in turn, devices included, and start it "
                             "again as a supervisor would; at least one round")
    parser.add_argument("--rate", type=int,
                        help="readings per second, all devices together (2500; with "
                             "--engines 1000)")
    parser.add_argument("--devices", type=int, default=20,
                        help="simulated devices (%(default)s)")
    parser.add_argument("--home", default="farmiq-demo",
                        help="folder for databases and logs, emptied first (%(default)s)")
    parser.add_argument("--build", default="build-demo", help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.rate = args.rate or (1000 if args.engines else 2500)
    return args


def start(farm, args):
    """Returns the addresses of the pages, by what they show."""
    images = {"MEDIA_PRESIGN_PER_MINUTE": str(IMAGES_A_MINUTE)}
    if args.engines:
        farm.start_engines(**images)
        farm.start_ops()
    else:
        farm.start_broker()
        farm.start_cloud()
        farm.start_edge(OBSERVE_INTERVAL_MS="5s", **farm.vision_env(), **images)
    start_devices(farm, args)
    if not args.engines:
        return {"live page": farm.page_url, "page of the site": farm.edge_url}
    ops = farm.url_of("edge-observability-agent")
    return {"live page": farm.page_url_at(farm.url_of("dashboard-web")),
            "page of the site": f"{ops}/#token={farm.internal_token}"}


def start_devices(farm, args):
    buffer = {"WINDOW": 4000, "BUFFER_MAX_MESSAGES": 1_000_000, "BUFFER_MAX_AGE": "7d",
              "REPLAY_RATE": 0, "ACK_TIMEOUT": "5s" if args.kill else "30s"}
    farm.start_agent(DEVICES=args.devices, RATE=args.rate, **buffer)
    farm.start_feeder(DEVICES=2, RATE=5, **buffer)
    farm.start_scale(SPEED=20, SESSION_INTERVAL="20s", IMAGE_SOURCE="generator",
                     MEDIA_STORE_URL=farm.url_of("edge-media-store" if args.engines else "edge"),
                     MEDIA_STORE_TOKEN=farm.internal_token if args.engines else "")


def progress(farm):
    state = farm.get(f"{farm.forwarder_url}/api/v1/sync/state")
    oldest = state.get("oldest_pending_age_seconds")
    sys.stderr.write(f"\rat the edge {farm.count('edge'):>9,}   at the cloud "
                     f"{farm.count('cloud'):>9,}   waiting {state['pending_count']:>7,}"
                     f"   oldest {oldest if oldest is not None else 0:>4.0f} s ")
    sys.stderr.flush()


def watch(farm, args):
    """Until the time is up or somebody presses Ctrl-C. Returns how often what was killed."""
    end = time.monotonic() + args.seconds if args.seconds else float("inf")
    kills = collections.Counter()
    try:
        while time.monotonic() < end or (args.kill and not kills):
            if args.kill:
                kills.update(kill_each(farm, args, end if kills else float("inf")))
            else:
                look(farm, args)
                time.sleep(min(1.0, max(0.05, end - time.monotonic())))
    except KeyboardInterrupt:
        pass
    return kills


def look(farm, args):
    if not args.json:
        progress(farm)


def kill_each(farm, args, end):
    """One round, given up at the `end`."""
    chance = random.Random()
    for name in farm.kill_in_turn(chance):
        yield name
        time.sleep(chance.uniform(0.2, 0.8))
        look(farm, args)
        if time.monotonic() >= end:
            return


def finish(farm):
    """Nothing new is made; what was made finds its way; then everything stops."""
    try:
        farm.end_devices(300)
        wait_for("the backlog's way to the cloud", 300, farm.drained, every=0.2)
        wait_for("the way of sessions and feedings to the cloud", 300,
                 lambda: is_settled(session_tally(farm), farm.feed_tally()), every=0.2)
    except (TimeoutError, subprocess.TimeoutExpired) as late:
        print(f"\n{late}", file=sys.stderr)
    tally = {**farm.tally(), **session_tally(farm), **farm.feed_tally()}
    farm.end()
    return tally


def session_tally(farm):
    tally = farm.session_tally()
    return {**{f"{side}_{key}": tally[side][key] for side in ("edge", "cloud")
               for key in SESSIONS},
            "sessions_lost": tally["lost"], "sessions_doubled": tally["doubled"]}


def is_settled(sessions, feedings):
    """Every session was created, ended, pictured and looked at, at the edge and at the cloud;
    every feeding is at both; and nothing is lost or twice. An agent that is killed on the way
    from its buffer to its ledger has produced one more than the ledger says."""
    counts = {sessions[f"{side}_{key}"] for side in ("edge", "cloud") for key in SESSIONS}
    return len(counts) == 1 and feedings["edge_feedings"] == feedings["cloud_feedings"] \
        and not any(count for tally in (sessions, feedings) for name, count in tally.items()
                    if name.endswith(("_lost", "_doubled")))


def is_whole(tally):
    return tally["lost"] == tally["duplicated"] == 0 and is_settled(tally, tally)


def say(tally, kills, args):
    if args.json:
        print(json.dumps({**tally, "kills": kills}))
        return
    print("\n" + ", ".join(f"{key} {count:,}" for key, count in tally.items()),
          file=sys.stderr)
    if kills:
        print(f"killed {sum(kills.values())} times, each of {', '.join(kills)}",
              file=sys.stderr)


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    shutil.rmtree(args.home, ignore_errors=True)
    farm = Farm(args.home, args.build,
                DATABASES if args.engines else ())
    try:
        pages = start(farm, args)
        for what, address in pages.items():
            print(f"The {what}: {address}", file=sys.stderr)
        if "https" in pages["live page"]:
            print(f"(its certificate is signed by {farm.ca})", file=sys.stderr)
        kills = watch(farm, args)
        tally = finish(farm)
    finally:
        farm.end()
    say(tally, kills, args)
    return 0 if is_whole(tally) else 1


if __name__ == "__main__":
    sys.exit(main())
