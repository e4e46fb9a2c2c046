# SPDX-License-Identifier: Apache-2.0
"""A device that knows MQTT and nothing of FarmIQ: QoS 1, and what was PUBACKed is
forgotten. What it may expect of the shipped broker configuration (docs/reliability.md):
nothing is lost while the broker lives, whatever becomes of the edge; if the broker itself
is killed, what it took in since it last wrote its file."""
import itertools
import random
import signal
import threading
import time

import pytest

import farm as farm_module
from conftest import SOAK
from farm import wait_for
from support import Device, envelope, ids, topic

KILLS = 20 if SOAK else 3
RATE = 200
SAVED_EVERY_S = 5  # autosave_interval of farmiq.conf


@pytest.fixture
def site(tmp_path, build):
    """The broker as shipped, but for its listener and its certificates."""
    made = farm_module.Farm(tmp_path / "farm", build)
    try:
        made.start_broker("farmiq.conf")
        made.start_cloud()
        made.start_edge()
        yield made
    finally:
        made.end()


class Talk(threading.Thread):
    """A device that speaks RATE times a second until told to stop."""

    def __init__(self, device):
        super().__init__(daemon=True)
        self.device, self.said, self.is_over = device, 0, threading.Event()

    def run(self):
        begin = time.monotonic()
        for self.said in itertools.count():
            if self.is_over.wait(max(0, begin + self.said / RATE - time.monotonic())):
                return
            self.device.publish(topic("d-1"), envelope("d-1", value=self.said))

    def end(self):
        self.is_over.set()
        self.join()


def kill(farm, name, chance):
    time.sleep(chance.uniform(0.5, 1.5))
    farm.processes[name].end(signal.SIGKILL)
    time.sleep(chance.uniform(0.0, 0.5))
    farm.processes[name].start()


def wait_until_connected(site):
    wait_for("the gateway's session", 10, lambda: "as edge-ingress-gateway" in
             site.processes["broker"].log.read_text())


def talk_while(site, disturb):
    """The ids that were PUBACKed."""
    with Device(site) as device:
        talk = Talk(device)
        talk.start()
        disturb()
        talk.end()
        device.flush()
    assert talk.said > RATE, "there was no load worth the name"
    return device.puback_ids


def test_whatever_becomes_of_the_edge_nothing_is_lost(site):
    chance = random.Random(7)
    safe = talk_while(site, lambda: [kill(site, "edge", chance) for _ in range(KILLS)])
    wait_for("every PUBACKed event, at the cloud", 60,
             lambda: safe <= set(ids(site, "cloud")), every=0.2)
    rows = ids(site, "cloud")
    assert len(rows) == len(set(rows)) == len(safe)


def test_an_edge_that_is_away_finds_everything_that_was_said(site):
    """The broker keeps it: more than Mosquitto's own limit of 1000 messages."""
    edge = site.processes["edge"]
    wait_until_connected(site)
    edge.end(signal.SIGKILL)
    with Device(site) as device:
        for number in range(3000):
            device.publish(topic("d-1"), envelope("d-1", value=number))
        device.flush()
    edge.start()
    wait_for("all of it", 60, lambda: site.count("cloud") == 3000, every=0.2)


def test_a_clean_restart_of_the_broker_loses_nothing(site):
    """SIGTERM makes Mosquitto write its file, also while nobody is there to fetch."""
    edge, broker = site.processes["edge"], site.processes["broker"]
    wait_until_connected(site)
    edge.end()
    with Device(site) as device:
        for number in range(500):
            device.publish(topic("d-1"), envelope("d-1", value=number))
        device.flush()
    broker.end()
    broker.start()
    edge.start()
    wait_for("all of it", 30, lambda: site.count("cloud") == 500, every=0.2)


def wait_until_known(site):
    """The gateway's session stands in the broker's file: as after the first seconds of
    a site's life. A broker that starts without it takes messages for nobody, until the
    gateway is back."""
    file = site.home / "mosquitto" / "mosquitto.db"
    wait_for("the gateway's session, in the file", 3 * SAVED_EVERY_S, lambda:
             file.exists() and b"edge-ingress-gateway" in file.read_bytes())


def measure_loss(site, safe):
    """How many PUBACKed events never arrive; what is on its way gets time to."""
    seen = -1
    while site.count("cloud") != seen:
        seen = site.count("cloud")
        time.sleep(2)
    return len(safe - set(ids(site, "cloud")))


def test_a_killed_broker_loses_only_what_the_gateway_had_not_fetched(site):
    """A PUBACK of Mosquitto's is no promise. While the gateway is there and keeps up, what
    a kill can lose is what was between the two of them."""
    chance = random.Random(8)

    def disturb():
        for _ in range(KILLS):
            kill(site, "broker", chance)
            wait_for("the gateway's return", 20, lambda: site.get(
                f"{site.edge_url}/api/v1/ingress/stats")["mqttConnected"])

    wait_until_known(site)
    safe = talk_while(site, disturb)
    lost = measure_loss(site, safe)
    print(f"{KILLS} kills of the broker at {RATE}/s, gateway there: "
          f"{lost} of {len(safe)} PUBACKed lost")
    assert lost <= KILLS * RATE, "more than a second's worth for each kill"


def test_a_killed_broker_loses_at_most_what_came_since_it_last_wrote(site):
    """The worst case: the gateway is away, so that everything is in the broker alone."""
    wait_until_known(site)
    site.processes["edge"].end(signal.SIGKILL)

    def disturb():
        time.sleep(SAVED_EVERY_S + 1.5)
        site.processes["broker"].end(signal.SIGKILL)
        site.processes["broker"].start()

    safe = talk_while(site, disturb)
    site.processes["edge"].start()
    lost = measure_loss(site, safe)
    print(f"one kill of the broker at {RATE}/s, gateway away: "
          f"{lost} of {len(safe)} PUBACKed lost")
    assert lost <= (SAVED_EVERY_S + 2) * RATE
    assert lost < len(safe), "the file was never written"
