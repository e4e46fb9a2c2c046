#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run a farm for a while and tell how it went."""
import argparse
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from farm import DATABASES, Farm, wait_for  # noqa: E402

KEYS = ("published", "edge_stored", "acked", "cloud_stored", "lost", "duplicated")
SESSION_KEYS = ("sessions_created", "sessions_finalized", "sessions_with_image")
IMAGES_A_MINUTE = 600  # what the media store lets one station upload


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--seconds", type=float, help="stop after this long; else Ctrl-C")
    parser.add_argument("--json", action="store_true",
                        help="no progress line; the tally as JSON last")
    parser.add_argument("--engines", action="store_true",
                        help="on PostgreSQL and RabbitMQ, a process per service, with "
                             "replicas, instead of one edge and one cloud on SQLite")
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
    """Returns the live page's address."""
    if args.engines:
        farm.start_engines()
        farm.start_media(MEDIA_PRESIGN_PER_MINUTE=str(IMAGES_A_MINUTE))
    else:
        farm.start_broker()
        farm.start_cloud()
        farm.start_edge(MEDIA_PRESIGN_PER_MINUTE=str(IMAGES_A_MINUTE))
    farm.start_agent(DEVICES=args.devices, RATE=args.rate, WINDOW=4000,
                     BUFFER_MAX_MESSAGES=1_000_000, BUFFER_MAX_AGE="7d", REPLAY_RATE=0, DRAIN="60s")
    media = "edge-media-store" if args.engines else "edge"
    farm.start_scale(SPEED=20, SESSION_INTERVAL="20s", IMAGE_SOURCE="generator",
                     MEDIA_STORE_URL=farm.url_of(media),
                     MEDIA_STORE_TOKEN=farm.internal_token if args.engines else "")
    return farm.page_url_at(farm.url_of("dashboard-web")) if args.engines else farm.page_url


def progress(farm):
    state = farm.get(f"{farm.forwarder_url}/api/v1/sync/state")
    oldest = state.get("oldest_pending_age_seconds")
    sys.stderr.write(f"\rat the edge {farm.count('edge'):>9,}   at the cloud "
                     f"{farm.count('cloud'):>9,}   waiting {state['pending_count']:>7,}"
                     f"   oldest {oldest if oldest is not None else 0:>4.0f} s ")
    sys.stderr.flush()


def watch(farm, args):
    """Until the time is up or somebody presses Ctrl-C."""
    end = time.monotonic() + args.seconds if args.seconds else float("inf")
    try:
        while time.monotonic() < end:
            if not args.json:
                progress(farm)
            time.sleep(min(1.0, max(0.05, end - time.monotonic())))
    except KeyboardInterrupt:
        pass


def finish(farm):
    """No more readings; what was produced finds its way; then everything stops."""
    for name, process in farm.processes.items():
        if name.startswith("agent"):
            process.end(seconds=70)
    try:
        end_scale(farm.processes["scale-0"])
        wait_for("the backlog's way to the cloud", 60, farm.drained, every=0.2)
        wait_for("the sessions' way to the cloud", 30, lambda: are_equal(session_tally(farm)),
                 every=0.2)
    except (TimeoutError, subprocess.TimeoutExpired) as late:
        print(f"\n{late}", file=sys.stderr)
    tally = {**farm.tally(), **session_tally(farm)}
    farm.end()
    return tally


def end_scale(scale):
    """The session in progress ends with its animal, and one more passes; then the scale ends
    by itself, once all is acknowledged and every image is uploaded."""
    scale.end()
    scale.env["COUNT"] = "1"
    scale.start()
    scale.running.wait(60)


def session_tally(farm):
    tally = farm.session_tally()
    return {**{f"{side}_{key}": tally[side][key] for side in ("edge", "cloud")
               for key in SESSION_KEYS}, "sessions_lost": tally["lost"]}


def are_equal(tally):
    """Every session was created, ended and pictured, at the edge and at the cloud."""
    counts = {tally[f"{side}_{key}"] for side in ("edge", "cloud") for key in SESSION_KEYS}
    return len(counts) == 1 and tally["sessions_lost"] == 0


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    shutil.rmtree(args.home, ignore_errors=True)
    farm = Farm(args.home, args.build,
                DATABASES if args.engines else ())
    try:
        page = start(farm, args)
        signed = f"\n(its certificate is signed by {farm.ca})" if "https" in page else ""
        print(f"The live page: {page}{signed}", file=sys.stderr)
        watch(farm, args)
        tally = finish(farm)
    finally:
        farm.end()
    keys = (*KEYS, *(key for key in tally if "sessions" in key))
    if args.json:
        print(json.dumps({key: tally[key] for key in keys}))
    else:
        print("\n" + ", ".join(f"{key} {tally[key]:,}" for key in keys), file=sys.stderr)
    is_whole = tally["lost"] == 0 and tally["duplicated"] == 0 and are_equal(tally)
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
