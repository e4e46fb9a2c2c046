# SPDX-License-Identifier: Apache-2.0
"""What the demo promises: sensors, a scale with a camera and a feeder through edge and cloud,
with kill -9 of each process in turn, and every reading, session, image, inference and feeding
counted once at both ends. And that its books would tell if it were not so."""
import contextlib
import json
import sqlite3
import subprocess

import pytest

from conftest import ROOT, SOAK
from demo import SESSIONS, is_settled, session_tally
from farm import wait_for

SECONDS = "240" if SOAK else "10"
SERVICES = {
    "together": {"broker", "cloud", "edge"},
    "engines": {
        "postgres", "rabbitmq", "broker", "cloud-ingestion-0", "cloud-ingestion-1",
        "cloud-telemetry-service", "cloud-weighvision-readmodel", "cloud-feed-service", "dashboard-web",
        "edge-telemetry-timeseries", "edge-weighvision-session", "edge-feed-intake",
        "edge-media-store", "edge-vision-inference", "edge-observability-agent",
        "edge-ingress-gateway-0", "edge-ingress-gateway-1", "edge-sync-forwarder-0",
        "edge-sync-forwarder-1"},
}
DEVICES = {"agent-0", "scale-0", "feeder-0"}


@pytest.mark.parametrize("how", SERVICES)
def test_whatever_is_killed_everything_is_counted_once_at_both_ends(tmp_path, build, how):
    ran = subprocess.run(
        ["/usr/bin/python3", ROOT / "scripts/demo.py", "--build", build, "--home",
         tmp_path / "farm", "--seconds", SECONDS, "--rate", "300", "--json", "--kill",
         *(["--engines"] if how == "engines" else [])],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    print(ran.stdout, ran.stderr)
    books = json.loads(ran.stdout.splitlines()[-1])
    assert set(books["kills"]) >= SERVICES[how] | DEVICES, "something was never killed"
    assert books["edge_stored"] == books["acked"] == books["cloud_stored"] > 1000
    assert books["lost"] == books["duplicated"] == 0
    sessions = {books[f"{side}_{key}"] for side in ("edge", "cloud") for key in SESSIONS}
    assert len(sessions) == 1 and sessions.pop() > 5
    assert books["sessions_lost"] == books["sessions_doubled"] == 0
    assert books["edge_feedings"] == books["cloud_feedings"] >= books["feedings_produced"] > 20
    assert books["feedings_lost"] == books["feedings_doubled"] == 0
    assert ran.returncode == 0


FIRST = "(SELECT min(session_id) FROM weigh_session)"
MISCHIEF = {
    "a-session-is-gone": ("cloud", f"DELETE FROM weigh_session WHERE session_id = {FIRST}"),
    "one-never-ends": ("edge", f"UPDATE weigh_session SET state = 1 WHERE session_id = {FIRST}"),
    "an-image-is-gone": ("cloud", f"DELETE FROM weigh_media WHERE session_id = {FIRST}"),
    "a-result-is-gone": ("cloud", f"DELETE FROM weigh_inference WHERE session_id = {FIRST}"),
    "a-result-is-nobodys": ("edge", "UPDATE weigh_session SET inference_result_id = NULL "
                                    f"WHERE session_id = {FIRST}"),
    "an-image-is-twice": ("edge", "INSERT INTO weigh_media SELECT tenant_id, session_id, 'again', "
                                  "'again', trace_id, occurred_at, created_at FROM weigh_media LIMIT 1"),
    "a-weight-is-twice": ("cloud", "INSERT INTO weigh_weight SELECT tenant_id, 'again', session_id, "
                                   "trace_id, weight_kg, occurred_at, created_at, told_at "
                                   "FROM weigh_weight LIMIT 1"),
    "a-feeding-is-gone": ("edge", "DELETE FROM feed_intake_local WHERE event_id = "
                                  "(SELECT min(event_id) FROM feed_intake_local)"),
    "a-feeding-is-not-there": ("cloud", "DELETE FROM feed_intake WHERE event_id = "
                                        "(SELECT min(event_id) FROM feed_intake)"),
    "a-feeding-is-anothers": ("cloud", "UPDATE feed_intake SET event_id = 'another' WHERE "
                                       "event_id = (SELECT min(event_id) FROM feed_intake)"),
}


def test_the_books_notice_what_is_not_so(farm):
    farm.processes["edge"].end()
    farm.start_edge(**farm.vision_env())
    devices = [farm.start_feeder(COUNT=3, RATE=10),
               farm.start_scale(COUNT=3, SPEED=20, SESSION_INTERVAL="10s",
                                IMAGE_SOURCE="generator", MEDIA_STORE_URL=farm.edge_url)]
    for device in devices:
        assert device.running.wait(60) == 0

    def is_balanced():
        return is_settled(session_tally(farm), farm.feed_tally())
    wait_for("balanced books", 60, is_balanced, 0.2)
    for name in ("edge", "cloud"):
        farm.processes[name].end()
    for what, (database, mischief) in MISCHIEF.items():
        path = farm.home / f"{database}.db"
        before = path.read_bytes()
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute(mischief).rowcount == 1
            connection.commit()
        assert not is_balanced(), what
        path.write_bytes(before)
        assert is_balanced(), what
