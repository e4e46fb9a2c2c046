# SPDX-License-Identifier: Apache-2.0
"""A barn controller, a UPS and a switch speak SNMP; the collector asks them and what they
say reaches the cloud like any reading (seed 004: data collection). The devices are real
snmpd processes."""
import os
import re
import signal
import subprocess

import pytest

from farm import BARN, FARM, TENANT, Process, free_port, wait_for
from support import deliver_everything, in_logs, is_alive

SNMPD = "/usr/sbin/snmpd"
pytestmark = pytest.mark.skipif(not os.path.exists(SNMPD), reason="snmpd is not installed")

PRIVATE = ".1.3.6.1.4.1.8072.9999"  # where net-snmp lets people experiment
COMMUNITY, AUTH, PRIV = "a-community-nobody-logs", "an-auth-password", "a-priv-password"
VALUES = f"""
override {PRIVATE}.1.0 integer 217
override {PRIVATE}.2.0 octet_str "-3.5"
override {PRIVATE}.3.0 uinteger 4294967295
override {PRIVATE}.4.0 octet_str "warm"
"""
METRICS = f"""
metric.temperature = {PRIVATE[1:]}.1.0 C 0.1
metric.delta = {PRIVATE}.2.0 K
metric.big = {PRIVATE}.3.0
metric.text = {PRIVATE}.4.0
metric.missing = {PRIVATE}.5.0
metric.uptime = 1.3.6.1.2.1.1.3.0 s 0.01
metric.bytes = 1.3.6.1.2.1.31.1.1.1.6.1 - 1
metric.load = 1.3.6.1.4.1.2021.10.1.6.1
"""
V2C = f"version = 2c\ncommunity_file = {{home}}/community\n{METRICS}"
V3 = (f"version = 3\nuser = farmiq\nauth_protocol = SHA-256\nauth_password = {AUTH}\n"
      f"priv_protocol = AES\npriv_password = {PRIV}\n{METRICS}")


class Device(Process):
    """An snmpd with a few values of its own."""

    def __init__(self, home, name, access):
        self.port = free_port()
        place = home / name
        place.mkdir()
        (place / "device.conf").write_text(f"{access}\n{VALUES}")
        super().__init__(
            name, [SNMPD, "-f", "-C", "-c", str(place / "device.conf"), "-Lo", "-I",
                   "-smux", "-p", str(place / "pid"), f"udp:127.0.0.1:{self.port}"],
            {"SNMP_PERSISTENT_DIR": str(place), "MIBS": ""}, home / f"{name}.log", self._listens)

    def _listens(self):
        return "NET-SNMP version" in self.log.read_text()

    def section(self, rest, interval="200ms"):
        return (f"[{self.name}]\naddress = udp:127.0.0.1:{self.port}\n"
                f"interval = {interval}\ntimeout = 300ms\nretries = 0\n{rest}\n")


@pytest.fixture
def devices(tmp_path):
    """One that speaks v2c, and one that speaks v3."""
    made = [Device(tmp_path, "ups-1", f"rocommunity {COMMUNITY} 127.0.0.1"),
            Device(tmp_path, "controller-1",
                   f'createUser farmiq SHA-256 "{AUTH}" AES "{PRIV}"\nrouser farmiq priv')]
    try:
        for device in made:
            device.start()
        yield made
    finally:
        for device in made:
            device.end()


def collect(farm, *sections):
    """Start a collector for these sections of the file."""
    (farm.home / "community").write_text(f"{COMMUNITY}\n")
    path = farm.home / "devices.ini"
    path.write_text("\n".join(sections).format(home=farm.home))
    env = {"DATABASE_URL": f"sqlite:{farm.home}/agent-snmp.db", "MQTT_HOST": "127.0.0.1",
           "MQTT_PORT": str(farm.ports["mqtt"]), "TENANT_ID": TENANT, "FARM_ID": FARM,
           "BARN_ID": BARN, "LEDGER": str(farm.home / "agent-snmp.ledger"),
           "SNMP_DEVICES_FILE": str(path), "REPLAY_RATE": "0", "ACK_TIMEOUT": "2s",
           "DRAIN": "60s"}
    return farm._add("agent-snmp",
                     [str(farm.build / "shims/iot-snmp-agent/iot-snmp-agent")], env,
                     lambda: True)


def latest(farm, device):
    """{metric: (value, unit)} as the cloud's table has it."""
    rows = farm.query("cloud", "SELECT metric, value, unit FROM telemetry_latest "
                               f"WHERE device_id = '{device}'")
    return {metric: (value, unit or "") for metric, value, unit in rows}


def readings(farm, device, metric):
    return farm.query("cloud", "SELECT value FROM telemetry_raw WHERE device_id = "
                               f"'{device}' AND metric = '{metric}' ORDER BY occurred_at")


@pytest.mark.parametrize("which, access", [(0, V2C), (1, V3)], ids=["v2c", "v3"])
def test_values_reach_the_cloud_under_the_devices_own_name(farm, devices, which, access):
    device = devices[which]
    collect(farm, device.section(access))
    wait_for("values at the cloud", 20, lambda: len(readings(farm, device.name, "big")) > 3)
    told = latest(farm, device.name)
    assert told["temperature"] == (pytest.approx(21.7), "C")  # scaled
    assert told["delta"] == (-3.5, "K")  # text that is a number
    assert told["big"] == (4294967295, "")  # unsigned
    assert told["snmp.up"] == (1, "")
    assert told["uptime"][0] > 0 and told["bytes"][0] > 0  # TimeTicks, Counter64
    assert told["load"][0] >= 0  # an opaque float
    assert not {"text", "missing"} & set(told)  # no numbers: neighbours go through
    assert not in_logs(farm, COMMUNITY, AUTH, PRIV)


def test_a_device_that_is_away_is_reported_and_comes_back(farm, devices):
    gone, other = devices
    collect(farm, gone.section(V2C), other.section(V3))
    wait_for("both", 20, lambda: latest(farm, gone.name) and latest(farm, other.name))
    gone.end(signal.SIGKILL)
    wait_for("the news that it is away", 20,
             lambda: latest(farm, gone.name)["snmp.up"] == (0, ""))
    before = len(readings(farm, other.name, "temperature"))
    wait_for("the other's values meanwhile", 20,
             lambda: len(readings(farm, other.name, "temperature")) > before + 3)
    gone.start()
    wait_for("its return", 40, lambda: latest(farm, gone.name)["snmp.up"] == (1, ""))


def test_a_wrong_password_stops_nobody_else(farm, devices):
    ups, controller = devices
    collect(farm, controller.section(V3.replace(AUTH, "some-other-password")),
            ups.section(V2C))
    wait_for("the other device", 20, lambda: latest(farm, ups.name))
    wait_for("the refusal", 20,
             lambda: latest(farm, controller.name).get("snmp.up") == (0, ""))
    assert "temperature" not in latest(farm, controller.name)
    log = (farm.home / "agent-snmp.log").read_text()
    assert re.search(r"snmp\.failed.*controller-1.*uthentication", log)
    assert not in_logs(farm, COMMUNITY, PRIV, "some-other-password")


def test_kill_9_loses_and_doubles_nothing(farm, devices):
    device = devices[0]
    agent = collect(farm, device.section(V2C, interval="100ms"))
    for _ in range(3):
        seen = len(readings(farm, device.name, "big"))
        wait_for("more values", 20,
                 lambda: len(readings(farm, device.name, "big")) > seen + 5)
        agent.end(signal.SIGKILL)
        agent.start()
    agent.end(seconds=70)
    wait_for("the way to the cloud", 60, farm.drained)
    books = farm.tally()
    assert books["published"] > 50
    assert (books["lost"], books["duplicated"]) == (0, 0)


BAD_FILES = [
    ("", "names no device"),
    ("[ups-1]\nversion = 2c\n", "[ups-1] has no metric"),
    ("[ups/1]\naddress = x\n", "a device's name must be"),
    ("[a]\nmetric.x = 1.3.6\ncommunity = c\n", "[a] address is needed"),
    ("[a]\nmetric.x = 1.3.6\naddress = h\n", "[a] community is needed"),
    ("[a]\nmetric.x = 1.3.6\naddress = h\nversion = 1\n", "[a] version must be 2c or 3"),
    ("[a]\nmetric.x = sysUpTime.0\n", "[a] metric.x must be: numeric OID"),
    ("[a]\nmetric.x = 1.3.6 C much\n", "[a] metric.x must be: numeric OID"),
    ("[a]\ninterval = soon\n", "[a] interval must be a time like 30s"),
    ("[a]\ncolour = red\n", "[a] colour is no known name"),
    ("[a]\ncommunity_file = /nowhere\n", "[a] community_file cannot be read"),
    ("[a]\nmetric.x = 1.3.6\naddress = h\nversion = 3\n", "[a] user is needed"),
    ("[a]\nmetric.x = 1.3.6\naddress = h\nversion = 3\nuser = u\nauth_password = short\n",
     "[a] auth_password must have 8 characters"),
    ("[a]\nmetric.x = 1.3.6\naddress = h\nversion = 3\nuser = u\n"
     "priv_password = longenough\n", "[a] priv_password needs an auth_password"),
    ("[a]\nmetric.x = 1.3.6\naddress = h\nversion = 3\nuser = u\n"
     "auth_password = longenough\nauth_protocol = ROT13\n", "[a] auth_protocol must be"),
    ("[a]\nwhat is this\n", "line 2 is neither"),
]


@pytest.mark.parametrize("text, complaint", BAD_FILES)
def test_a_bad_file_is_refused_by_name(tmp_path, build, text, complaint):
    path = tmp_path / "devices.ini"
    path.write_text(text)
    ran = subprocess.run(
        [str(build / "shims/iot-snmp-agent/iot-snmp-agent"), "--snmp-devices-file",
         str(path), "--database-url", f"sqlite:{tmp_path}/x.db"],
        capture_output=True, text=True, timeout=20)
    assert ran.returncode == 2
    assert "SNMP_DEVICES_FILE" in ran.stderr and complaint in ran.stderr
    assert "short" not in ran.stderr and "longenough" not in ran.stderr
