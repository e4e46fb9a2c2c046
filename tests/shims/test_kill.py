# SPDX-License-Identifier: Apache-2.0
"""Whatever is killed: everything that an agent had durably in its buffer arrives at the
cloud exactly once in effect, both as a row and in the aggregates (seed 002, 1.1). Three
kills of each process here, twenty in the soak."""
import random
import signal
import time

import pytest

from conftest import SOAK
from farm import wait_for
from support import deliver_everything

KILLS = 20 if SOAK else 3
LOAD = {"DEVICES": 10, "RATE": 1000, "BUFFER_MAX_MESSAGES": 1_000_000,
        "BUFFER_MAX_AGE": "7d", "REPLAY_RATE": 0, "WINDOW": 1000, "ACK_TIMEOUT": "2s"}

VICTIMS = {
    "agent": ["agent-0"],
    "broker": ["broker"],
    "edge": ["edge"],
    "cloud": ["cloud"],
    "the-whole-site": ["edge", "broker", "agent-0"],
    "everything": ["cloud", "edge", "broker", "agent-0"],
}


def kill(farm, names, chance):
    for name in names:
        farm.processes[name].end(signal.SIGKILL)
    time.sleep(chance.uniform(0.0, 0.5))
    # The broker first: an agent or edge that finds none waits before it tries again.
    for name in sorted(names, key="broker cloud edge agent-0".split().index):
        farm.processes[name].start()


@pytest.mark.parametrize("victims", VICTIMS)
def test_kill_minus_nine_loses_and_doubles_nothing(farm, victims):
    chance = random.Random(20261121)
    farm.start_agent(0, **LOAD)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.5, 1.5))
        kill(farm, VICTIMS[victims], chance)
    time.sleep(1)
    tally = deliver_everything(farm)
    print(f"{KILLS} kills of {victims}: {tally}")
    assert tally["published"] > 300 * KILLS, "there was no load worth the name"
    assert tally["lost"] == 0, tally
    assert tally["duplicated"] == 0, tally
    assert tally["edge_stored"] == tally["acked"] == tally["cloud_stored"], tally


def test_what_was_in_hand_does_not_wait_for_its_lease(farm):
    """A killed forwarder leaves leased rows behind; whoever starts next must not wait for
    the two minutes of the lease (spec edge 6.3)."""
    farm.processes["cloud"].running.send_signal(signal.SIGSTOP)
    try:
        farm.start_agent(0, COUNT=50, RATE=1000)
        wait_for("a lease", 10, lambda: farm.count("edge", "sync_batch") == 1)
        farm.processes["edge"].end(signal.SIGKILL)
    finally:
        farm.processes["cloud"].running.send_signal(signal.SIGCONT)
    farm.processes["edge"].start()
    wait_for("what was in hand, at the cloud", 20, lambda: farm.count("cloud") == 50)
    assert deliver_everything(farm, seconds=20)["duplicated"] == 0
