# SPDX-License-Identifier: Apache-2.0
"""A weigh station: sessions from the scale to the cloud's tables (seed 002, section 3; spec
edge 2.13), whatever happens on the way."""
import json
import os
import random
import signal
import sqlite3
import subprocess
import time

import pytest

from farm import TENANT, wait_for
from support import in_logs, is_alive

FAST = {"SPEED": "20", "SESSION_INTERVAL": "10s"}  # two animals a second


def edge_sessions(farm):
    return farm.query("edge", "SELECT session_id, station_id, device_id, batch_id, status, "
                              "final_weight_kg, image_count FROM weight_sessions "
                              "ORDER BY start_at")


def weights(farm, database):
    table = "session_weights" if database == "edge" else "weighvision_measurement"
    return farm.query(database, f"SELECT session_id, weight_kg FROM {table} "
                                "ORDER BY session_id")


def end_well(scale, seconds=30):
    assert scale.running.wait(seconds) == 0


def settled(farm):
    """Every session's end has been told to the cloud."""
    tally = farm.session_tally()
    return tally["edge"] == tally["cloud"] and tally["lost"] == 0 and tally


def buffer(farm, sql, name="scale-0"):
    connection = sqlite3.connect(f"file:{farm.home}/{name}.db?mode=ro", uri=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


# -- the way ----------------------------------------------------------------------------


def test_each_animal_is_a_session_at_the_edge_and_at_the_cloud(farm):
    scale = farm.start_scale(COUNT=6, BATCH_ID="batch-7", **FAST)
    end_well(scale)
    tally = wait_for("the sessions' ends at the cloud", 30, lambda: settled(farm))
    assert tally["edge"]["sessions_created"] == tally["edge"]["sessions_finalized"] == 6
    for _id, station, device, batch, status, weight, images in edge_sessions(farm):
        assert (station, device, batch, status) == ("station-0", "weigher-0", "batch-7",
                                                    "finalized")
        assert 20 <= weight <= 120.1 and images == 0
    assert weights(farm, "edge") == weights(farm, "cloud")
    assert len(weights(farm, "edge")) == 6
    assert len(farm.ledger("scale")) == 18


def test_a_full_buffer_keeps_beginnings_and_ends(farm):
    farm.processes["broker"].end()
    scale = farm.start_scale(COUNT=30, BUFFER_MAX_MESSAGES=45, **FAST)
    wait_for("thirty sessions", 40, lambda: len(farm.ledger("scale")) == 90)
    scale.end()
    kinds = dict(buffer(farm, "SELECT event_type, count(*) FROM agent_event GROUP BY 1"))
    # 60 beginnings and ends do not fit either: of those the oldest went, of the weights all.
    assert sum(kinds.values()) == 45
    assert set(kinds) == {"weighvision.session.created", "weighvision.session.finalized"}
    farm.processes["broker"].start()
    scale.env.update(COUNT="1", REPLAY_RATE="0")
    scale.start()
    end_well(scale)
    assert farm.count("edge", "weight_sessions") >= 23


def test_of_a_full_buffer_only_what_must_goes(farm):
    farm.processes["broker"].end()
    scale = farm.start_scale(COUNT=20, BUFFER_MAX_MESSAGES=50, **FAST)
    wait_for("twenty sessions", 40, lambda: len(farm.ledger("scale")) == 60)
    scale.end()
    kinds = dict(buffer(farm, "SELECT event_type, count(*) FROM agent_event GROUP BY 1"))
    assert kinds == {"weighvision.session.created": 20, "weighvision.session.finalized": 20,
                     "weighvision.weight.recorded": 10}
    oldest = buffer(farm, "SELECT min(occurred_at) FROM agent_event WHERE event_type = "
                          "'weighvision.weight.recorded'")[0][0]
    begun = buffer(farm, "SELECT occurred_at FROM agent_event WHERE event_type = "
                         "'weighvision.session.created' ORDER BY occurred_at")
    assert oldest > begun[9][0]  # the newest ten weights stayed


def test_kill_9_loses_nothing_and_leaves_no_session_open(farm):
    chance = random.Random(4)
    scale = farm.start_scale(**FAST)
    for _ in range(6):
        time.sleep(chance.uniform(0.3, 1.2))
        scale.end(signal.SIGKILL)
        scale.start()
    time.sleep(1)
    scale.end()
    scale.env.update(COUNT="1")  # what is in progress ends with the next animal
    scale.start()
    end_well(scale)
    tally = wait_for("the sessions' ends at the cloud", 30, lambda: settled(farm))
    assert tally["edge"]["sessions_created"] > 6
    assert tally["edge"]["sessions_created"] == tally["edge"]["sessions_finalized"]
    told = [row[0] for row in farm.query("edge", "SELECT session_id FROM session_weights")]
    assert len(told) == len(set(told))  # no animal was weighed twice
    assert farm.count("edge", "sync_outbox WHERE status IN ('dlq', 'failed')") == 0


def test_a_session_s_events_are_sent_in_their_order_after_an_outage(farm):
    seen = []
    from support import Device
    farm.processes["broker"].end()
    scale = farm.start_scale(COUNT=8, WINDOW=20, REPLAY_RATE=20, **FAST)
    wait_for("eight sessions", 30, lambda: len(farm.ledger("scale")) == 24)
    time.sleep(5)  # younger ones are not a replay
    farm.processes["broker"].start()
    with Device(farm, "listener") as device:
        device.client.on_message = lambda _c, _u, got: seen.append(
            (time.monotonic(), got.topic, json.loads(got.payload)))
        device.client.subscribe(f"iot/weighvision/{TENANT}/#", 1)
        end_well(scale, 60)
        wait_for("all of them", 20, lambda: len({m[2]["event_id"] for m in seen}) == 24)
    by_session = {}
    for _at, topic, message in seen:
        by_session.setdefault(topic.split("/")[7], []).append(message["event_type"])
    assert len(by_session) == 8
    for kinds in by_session.values():
        assert kinds[:3] == ["weighvision.session.created", "weighvision.weight.recorded",
                             "weighvision.session.finalized"]


# -- an indicator at a serial line --------------------------------------------------------


class Indicator:
    """The other end of a pty, which says what an indicator would."""

    def __init__(self):
        self.ours, self.theirs = os.openpty()
        self.path = os.ttyname(self.theirs)

    def say(self, *lines, pause=0.02):
        for line in lines:
            os.write(self.ours, line.encode() + b"\r\n")
            time.sleep(pause)

    def weigh(self, shown, times=8):
        """An animal steps on, stands, and leaves."""
        self.say("ST,GS,+   0.00kg", "US,GS,+   7.10kg", *[shown] * times,
                 "US,GS,+   3.30kg", "ST,GS,+   0.00kg")

    def close(self):
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def indicator():
    made = Indicator()
    yield made
    made.close()


def test_a_serial_scale_weighs(farm, indicator):
    farm.start_scale(SCALE="serial", SCALE_PORT=indicator.path, SESSION_READING_INTERVAL="20ms")
    wait_for("the line", 10, lambda: b"scale.connected" in (farm.home / "scale-0.log").read_bytes())
    indicator.weigh("ST,GS,+  12.34kg", 12)
    indicator.say("???", "ST,GS,+1.2.3kg", "x" * 400, "OL,GS,+999.99kg")
    indicator.weigh("ST,NT,  45.60 kg", 12)
    wait_for("both animals", 20, lambda: [s[4] for s in edge_sessions(farm)]
             == ["finalized"] * 2)
    assert [s[5] for s in edge_sessions(farm)] == [pytest.approx(12.34), pytest.approx(45.6)]
    assert is_alive(farm, "scale-0")


def test_an_animal_that_never_stands_still_ends_a_session_without_a_weight(farm, indicator):
    farm.start_scale(SCALE="serial", SCALE_PORT=indicator.path, SESSION_READING_INTERVAL="20ms")
    wait_for("the line", 10, lambda: b"scale.connected" in (farm.home / "scale-0.log").read_bytes())
    indicator.say("ST,GS,+ 0.00kg", *["US,GS,+ 30.00kg", "ST,GS,+ 31.00kg",
                                      "ST,GS,+ 29.00kg"] * 5, "ST,GS,+ 0.00kg")
    wait_for("its end", 20, lambda: [s[4] for s in edge_sessions(farm)] == ["finalized"])
    assert weights(farm, "edge") == []
    assert b"is failed" in (farm.home / "scale-0.log").read_bytes()


def test_a_scale_that_is_unplugged_comes_back(farm):
    link = farm.home / "ttyScale"
    first, second = Indicator(), Indicator()
    farm.start_scale(SCALE="serial", SCALE_PORT=str(link), SESSION_READING_INTERVAL="20ms")
    log = farm.home / "scale-0.log"
    wait_for("the complaint", 10, lambda: b"scale.failed" in log.read_bytes())
    link.symlink_to(first.path)
    wait_for("the line", 10, lambda: b"scale.connected" in log.read_bytes())
    first.say("ST,GS,+ 0.00kg", *["ST,GS,+ 50.00kg"] * 12)
    first.close()
    link.unlink()
    link.symlink_to(second.path)
    wait_for("the other line", 10, lambda: log.read_bytes().count(b"scale.connected") == 2)
    second.say("ST,GS,+ 50.00kg", "ST,GS,+ 0.00kg")
    wait_for("the end", 20, lambda: [s[4:6] for s in edge_sessions(farm)]
             == [("finalized", 50)])
    second.close()


# -- settings -----------------------------------------------------------------------------


@pytest.mark.parametrize("name, value, complaint", [
    ("STATION_ID", "a/b", "must be 1 to 128"),
    ("BATCH_ID", "a b", "must be 1 to 128"),
    ("SESSION_START_KG", "much", "must be a weight"),
    ("SESSION_WEIGHT_STABILITY_THRESHOLD", "0", "must be a weight"),
    ("SESSION_MAX_WEIGHT_READINGS", "33", "out of range"),
    ("SCALE", "serial", "is needed for the scale serial"),
])
def test_a_wrong_setting_is_refused_by_name(tmp_path, build, name, value, complaint):
    program = build / "shims/iot-weighvision-agent/iot-weighvision-agent"
    ran = subprocess.run([str(program), f"--database-url=sqlite:{tmp_path}/x.db"],
                         env={name: value}, capture_output=True, text=True, timeout=20,
                         check=False)
    assert ran.returncode == 2
    assert (name in ran.stderr or "SCALE_PORT" in ran.stderr) and complaint in ran.stderr


def test_a_damaged_record_is_forgotten(farm):
    spool = farm.home / "scale-0.spool"
    spool.mkdir()
    (spool / "session.json").write_text('{"session_id": 7')
    end_well(farm.start_scale(COUNT=1, **FAST))
    assert b"session.forgotten" in (farm.home / "scale-0.log").read_bytes()
    assert not (spool / "session.json").exists()
    assert not in_logs(farm, "session_id\": 7")
