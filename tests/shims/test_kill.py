# SPDX-License-Identifier: Apache-2.0
"""Whatever is killed: everything that an agent had durably in its buffer arrives at the
cloud exactly once in effect. Three kills of each process here, twenty in the soak."""
import random
import signal
import time

import pytest

from conftest import SOAK
from farm import wait_for

KILLS = 20 if SOAK else 3
LOAD = {"DEVICES": 10, "RATE": 1000, "BUFFER_MAX_MESSAGES": 1_000_000,
        "BUFFER_MAX_AGE": "7d", "REPLAY_RATE": 0, "WINDOW": 1000, "ACK_TIMEOUT": "2s"}


def settle(farm):
    """Stop producing, wait until everything has arrived, and compare the books."""
    for name in list(farm.processes):
        if name.startswith("agent"):
            farm.processes[name].end()
    # An agent that was killed has undelivered events in its buffer: let it bring them.
    for name in list(farm.processes):
        if name.startswith("agent"):
            farm.processes[name].env["COUNT"] = "0"
            farm.processes[name].start()
    wait_for("the backlog's way to the cloud", 90, farm.drained, every=0.2)
    return farm.tally()


@pytest.mark.parametrize("victim", ["agent-0", "broker", "edge", "cloud"])
def test_kill_minus_nine_loses_and_doubles_nothing(farm, victim):
    farm.start_agent(0, **LOAD)
    chance = random.Random(20261121)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.5, 1.5))
        farm.processes[victim].end(signal.SIGKILL)
        time.sleep(chance.uniform(0.0, 0.5))
        farm.processes[victim].start()
    time.sleep(1)
    tally = settle(farm)
    assert tally["published"] > 500 * KILLS, "there was no load worth the name"
    assert tally["lost"] == 0, tally
    assert tally["duplicated"] == 0, tally
