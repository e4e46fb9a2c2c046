# SPDX-License-Identifier: Apache-2.0
"""A real Mosquitto with the configuration that ships, and a device that lies: whatever it
tries, nothing of it reaches anybody, and it hears nothing that was not for it (spec edge
2.1, 13-E9)."""
import json
import subprocess
import time

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from conftest import ROOT
from farm import Authority, Process, free_port, wait_for

CTL = "shims/farmiqctl/farmiqctl"
SHIPPED = ROOT / "deploy/mosquitto"
# A user is in one place at a time: what the module keeps connected, no test connects.
LIST = """
device  d-001      t-123  f-456  b-789
device  d-002      t-123  f-456  b-789
device  d-003      t-123  f-456  b-789
device  chatty     t-123  f-456  b-789
device  elsewhere  t-999  f-456  b-789  d-001
station st-01      t-123  f-456  b-789
station st-02      t-123  f-456  b-789
agent   snmp       t-123  f-456  b-789
gateway edge-ingress-gateway
gateway gateway-0
monitor watcher
"""
HERE = "t-123/f-456/b-789"


class Broker:
    """The shipped files, with this machine's folders and ports instead of a site's."""

    def __init__(self, home, build):
        self.home, self.ports = home, {"8883": free_port(), "8884": free_port()}
        authority = Authority(home)
        authority.issue("broker", "cn = localhost", "ip_address = 127.0.0.1",
                        "tls_www_server")
        for name in ("d-001", "st-01"):
            authority.issue(f"device-{name}", f"cn = {name}", "tls_www_client")
        self.strangers = Authority(home, "strangers")
        self.strangers.issue("forged", "cn = d-001", "tls_www_client")
        self._make_users(build)
        self._install()
        self.process = Process("broker", ["/usr/sbin/mosquitto", "-c",
                                          str(home / "mosquitto.conf")], {},
                               home / "broker.log", self._answers)
        self.process.start()

    def _make_users(self, build):
        acl = subprocess.run([build / CTL, "acl"], input=LIST, check=True, text=True,
                             stdout=subprocess.PIPE).stdout
        (self.home / "dynamic-security.json").write_text(acl)
        (self.home / "farmiq.passwd").write_text("")
        for user in (line.split()[1] for line in LIST.strip().splitlines()):
            subprocess.run(["mosquitto_passwd", "-b", "farmiq.passwd", user, f"of {user}"],
                           cwd=self.home, check=True, stderr=subprocess.DEVNULL)
        for name in ("dynamic-security.json", "farmiq.passwd"):
            (self.home / name).chmod(0o600)

    def _install(self):
        (self.home / "mosquitto").mkdir()
        text = "user root\n" + "".join((SHIPPED / name).read_text() for name in
                                       ("farmiq.conf", "farmiq-certificates.conf"))
        for old, new in {"/etc/mosquitto/certs/ca.crt": "ca.pem",
                         "/etc/mosquitto/certs/devices-ca.crt": "ca.pem",
                         "/etc/mosquitto/certs/broker.crt": "broker.pem",
                         "/etc/mosquitto/certs/broker.key": "broker.key",
                         "/etc/mosquitto/farmiq.passwd": "farmiq.passwd",
                         "/etc/mosquitto/dynamic-security.json": "dynamic-security.json",
                         "/var/lib/mosquitto/": "mosquitto/"}.items():
            text = text.replace(old, f"{self.home}/{new}")
        for port, free in self.ports.items():
            text = text.replace(f"listener {port}", f"listener {free} 127.0.0.1")
        (self.home / "mosquitto.conf").write_text(text)

    def _answers(self):
        try:
            with Client(self, "watcher"):
                return True
        except OSError:
            return False

    def end(self):
        self.process.end()


class Client:
    """A client of the library everybody uses, that may lie in every field it has."""

    def __init__(self, broker, user, password=None, client_id=None, will=None,
                 certificate=None, trust="ca.pem", clean=True):
        self.heard, self.codes, self.reasons, self.refusal = [], {}, {}, None
        self.user, self.broker, self.ends = user, broker, []
        self.port = broker.ports["8884" if certificate is not None else "8883"]
        self.client = paho.Client(client_id or user or "", protocol=paho.MQTTv5)
        self.clean = clean
        if user:
            self.client.username_pw_set(user, password or f"of {user}")
        files = {"ca_certs": str(broker.home / trust)}
        if certificate:
            files.update(certfile=str(broker.home / f"{certificate}.pem"),
                         keyfile=str(broker.home / f"{certificate}.key"))
        self.client.tls_set(**files)
        if will:
            self.client.will_set(will, "I was never here", qos=1, retain=True)
        self.client.on_connect = self._on_connect
        self.client.on_message = lambda _c, _u, m: self.heard.append((m.topic, m.payload))
        self.client.on_publish = lambda _c, _u, mid: self.codes.setdefault(mid, True)
        self.client.on_subscribe = self._on_subscribe
        self.client.on_disconnect = lambda *_: self.ends.append(1)

    def _on_connect(self, _client, _userdata, _flags, reason, _properties):
        self.refusal = None if reason == 0 else str(reason)
        self.reasons["connect"] = reason

    def _on_subscribe(self, _client, _userdata, mid, reasons, _properties):
        self.reasons[mid] = reasons

    def __enter__(self):
        expiry = Properties(PacketTypes.CONNECT)
        expiry.SessionExpiryInterval = 0 if self.clean else 3600
        self.client.connect("127.0.0.1", self.port, clean_start=self.clean,
                            properties=expiry)
        self.client.loop_start()
        try:
            wait_for("an answer to CONNECT", 5, lambda: "connect" in self.reasons)
        except TimeoutError as error:
            self.__exit__()
            raise ConnectionError("never answered") from error
        if self.refusal:
            self.__exit__()
            raise PermissionError(self.refusal)
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def publish(self, topic, payload="{}", retain=False):
        """Sent, and answered: the broker had its say."""
        sent = self.client.publish(topic, payload, qos=1, retain=retain)
        wait_for("a PUBACK", 10, lambda: sent.mid in self.codes)

    def subscribe(self, topic):
        _, mid = self.client.subscribe(topic, 1)
        wait_for("a SUBACK", 10, lambda: mid in self.reasons)
        return self.reasons[mid][0].value < 0x80


@pytest.fixture(scope="module")
def broker(tmp_path_factory, build):
    made = Broker(tmp_path_factory.mktemp("broker"), build)
    yield made
    made.end()


@pytest.fixture(scope="module")
def gateway(broker):
    """The one who reads everything that devices may say: what it does not hear was refused."""
    with Client(broker, "edge-ingress-gateway") as client:
        for family in ("telemetry", "event", "weighvision", "status"):
            assert client.subscribe(f"iot/{family}/#")
        yield client


def reaches(gateway, speak, mark):
    """Does what `speak` says come through? A true word behind it tells that it would have."""
    before = len(gateway.heard)
    speak()
    with Client(gateway.broker, "d-002") as honest:
        honest.publish(f"iot/event/{HERE}/d-002/after", mark)
    wait_for("the honest word", 10, lambda: any(
        payload == mark.encode() for _, payload in gateway.heard[before:]))
    return [topic for topic, payload in gateway.heard[before:] if payload != mark.encode()]


# -- what each may say -------------------------------------------------------------------

MAY_SAY = [
    ("d-001", f"iot/telemetry/{HERE}/d-001/temperature"),
    ("d-001", f"iot/event/{HERE}/d-001/sensor.heartbeat"),
    ("d-001", f"iot/status/{HERE}/d-001"),
    ("st-01", f"iot/weighvision/{HERE}/st-01/session/s-1/created"),
    ("st-01", f"iot/event/{HERE}/st-01/sensor.heartbeat"),
    ("st-01", f"iot/status/{HERE}/st-01"),
    ("elsewhere", "iot/telemetry/t-999/f-456/b-789/d-001/temperature"),
    ("snmp", f"iot/telemetry/{HERE}/ups-1/battery"),
]

MUST_NOT_SAY = [
    ("d-001", "iot/telemetry/t-999/f-456/b-789/d-001/temperature"),  # tenant
    ("d-001", "iot/telemetry/t-123/f-999/b-789/d-001/temperature"),  # farm
    ("d-001", "iot/telemetry/t-123/f-456/b-999/d-001/temperature"),  # barn
    ("d-001", f"iot/telemetry/{HERE}/d-002/temperature"),  # device
    ("d-001", f"iot/telemetry/{HERE}/d-001"),  # a level less
    ("d-001", f"iot/telemetry/{HERE}/d-001/temperature/x"),  # a level more
    ("d-001", f"iot/telemetry/{HERE}/d-001x/temperature"),  # a longer name
    ("d-001", f"iot/telemetry//{HERE}/d-001/temperature"),
    ("d-001", f"/iot/telemetry/{HERE}/d-001/temperature"),
    ("d-001", f"iot/Telemetry/{HERE}/d-001/temperature"),
    ("d-001", f"iot/event/{HERE}/d-002/feed.dispensed"),
    ("d-001", "iot/event/t-999/f-456/b-789/d-001/feed.dispensed"),
    ("d-001", f"iot/status/{HERE}/d-002"),
    ("d-001", f"iot/status/{HERE}/st-01"),
    ("d-001", "iot/status/t-999/f-456/b-789/d-001"),
    ("d-001", f"iot/weighvision/{HERE}/st-01/session/s-1/created"),
    ("d-001", f"iot/weighvision/{HERE}/d-001/session/s-1/created"),
    ("d-001", f"iot/ack/{HERE}/d-001"),  # acknowledging oneself
    ("d-001", f"iot/ack/{HERE}/d-002"),  # making another forget
    ("st-01", f"iot/telemetry/{HERE}/st-01/temperature"),
    ("st-01", f"iot/telemetry/{HERE}/d-001/temperature"),
    ("st-01", f"iot/weighvision/{HERE}/st-02/session/s-1/created"),
    ("st-01", "iot/weighvision/t-999/f-456/b-789/st-01/session/s-1/created"),
    ("st-01", f"iot/weighvision/{HERE}/st-01/session/s-1"),
    ("st-01", f"iot/ack/{HERE}/st-01"),
    ("elsewhere", f"iot/telemetry/{HERE}/d-001/temperature"),  # its namesake's
    ("elsewhere", f"iot/status/{HERE}/d-001"),
    ("snmp", "iot/telemetry/t-123/f-456/b-999/ups-1/battery"),
    ("snmp", f"iot/ack/{HERE}/ups-1"),
    ("watcher", f"iot/telemetry/{HERE}/d-001/temperature"),
    ("edge-ingress-gateway", f"iot/telemetry/{HERE}/d-001/temperature"),
    ("edge-ingress-gateway", f"iot/status/{HERE}/d-001"),
]


@pytest.mark.parametrize("user, topic", MAY_SAY)
def test_what_a_device_may_say_is_heard(broker, gateway, user, topic):
    with Client(broker, user) as client:
        assert reaches(gateway, lambda: client.publish(topic), f"after {topic}") == [topic]


@pytest.mark.parametrize("retain", [False, True], ids=["", "retained"])
@pytest.mark.parametrize("user, topic", MUST_NOT_SAY)
def test_what_it_must_not_say_is_heard_by_nobody(broker, gateway, user, topic, retain):
    if user == gateway.user:
        heard = reaches(gateway, lambda: gateway.publish(topic, retain=retain),
                        f"after {user} {topic} {retain}")
    else:
        with Client(broker, user) as client:
            heard = reaches(gateway, lambda: client.publish(topic, retain=retain),
                            f"after {user} {topic} {retain}")
    assert heard == []


@pytest.mark.parametrize("topic", [f"iot/status/{HERE}/d-002",
                                   f"iot/telemetry/{HERE}/d-002/temperature",
                                   f"iot/ack/{HERE}/d-001",
                                   "iot/status/t-999/f-456/b-789/d-001"])
def test_a_last_will_is_no_way_around(broker, gateway, topic):
    def die():
        try:
            with Client(broker, "d-001", will=topic) as client:
                client.client._sock_close()  # without a farewell
                time.sleep(0.3)
        except (PermissionError, ConnectionError):
            pass  # turned away for its will: as good
    assert reaches(gateway, die, f"after the will {topic}") == []


# -- what each may hear --------------------------------------------------------------------

LISTENING = ["#", "+/#", "iot/#", "iot/telemetry/#", "iot/+/+/+/+/+/+", "iot/ack/#",
             f"iot/ack/{HERE}/+", f"iot/ack/{HERE}/chatty",
             f"iot/telemetry/{HERE}/chatty/temperature", f"iot/status/{HERE}/+",
             "$share/edge-ingress-gateway/iot/telemetry/+/+/+/+/+", "$SYS/#",
             "$SYS/broker/clients/+", "$CONTROL/#"]


@pytest.fixture(scope="module")
def chatter(broker, gateway):
    """Everything that somebody else may say, once, and retained: it is there for whoever
    can get it."""
    with Client(broker, "chatty") as client, Client(broker, "st-02") as station:
        def say():
            client.publish(f"iot/telemetry/{HERE}/chatty/temperature", "secret", retain=True)
            client.publish(f"iot/status/{HERE}/chatty", "secret", retain=True)
            station.publish(f"iot/weighvision/{HERE}/st-02/session/s/created", "secret",
                            retain=True)
            gateway.publish(f"iot/ack/{HERE}/chatty", "secret", retain=True)
            gateway.publish(f"iot/ack/{HERE}/d-001", "mine")
        say()
        yield say


@pytest.mark.parametrize("wanted", LISTENING)
def test_a_wildcard_hears_only_what_is_one_s_own(broker, chatter, wanted):
    with Client(broker, "d-001") as spy:
        assert not spy.subscribe(wanted)
        assert spy.subscribe(f"iot/ack/{HERE}/d-001")
        chatter()
        wait_for("its own acknowledgement", 10,
                 lambda: (f"iot/ack/{HERE}/d-001", b"mine") in spy.heard)
        time.sleep(0.1)
        assert {topic for topic, _ in spy.heard} == {f"iot/ack/{HERE}/d-001"}


# -- who may come in --------------------------------------------------------------------------


@pytest.mark.parametrize("who", [
    {"user": "d-001", "password": "of d-002"}, {"user": "d-001", "password": " "},
    {"user": "nobody"}, {"user": ""}, {"user": "D-001", "password": "of d-001"},
    {"user": "d-001", "trust": "strangers.pem"},
    {"user": "", "certificate": ""}, {"user": "d-001", "certificate": ""},
    {"user": "", "certificate": "forged"}], ids=str)
def test_without_its_secret_nobody_comes_in(broker, who):
    with pytest.raises(OSError):
        with Client(broker, **who):
            pass


def test_nothing_is_spoken_in_the_clear(broker):
    client = paho.Client("d-001", protocol=paho.MQTTv5)
    client.username_pw_set("d-001", "of d-001")
    answers = []
    client.on_connect = lambda *_: answers.append(1)
    client.connect("127.0.0.1", broker.ports["8883"])
    client.loop_start()
    time.sleep(1)
    client.loop_stop()
    assert answers == []


def test_a_certificate_says_who_one_is_whatever_one_says(broker, gateway):
    with Client(broker, "st-01", certificate="device-d-001") as client:
        mine = f"iot/telemetry/{HERE}/d-001/temperature"
        assert reaches(gateway, lambda: client.publish(mine), "1") == [mine]
        theirs = f"iot/weighvision/{HERE}/st-01/session/s/created"
        assert reaches(gateway, lambda: client.publish(theirs), "2") == []


@pytest.mark.parametrize("victim", ["gateway-0", "d-003", "st-01"])
def test_nobody_takes_another_s_session_over(broker, victim):
    """With the victim's client id, and a wish to keep its session: neither its connection
    nor what waits for it is touched."""
    waiting = f"iot/ack/{HERE}/{victim}"
    mine = "iot/event/#" if victim == "gateway-0" else waiting
    with Client(broker, victim, clean=False) as client:
        client.subscribe(mine)
        with Client(broker, "d-001", client_id=victim, clean=False) as thief:
            time.sleep(0.3)
            assert client.ends == [], "it was pushed out"
            assert thief.heard == []
    with Client(broker, "d-001", client_id=victim, clean=False) as thief:
        time.sleep(0.2)
        assert thief.heard == []


def test_the_shipped_list_is_what_the_tool_makes_of_the_shipped_devices(build):
    made = subprocess.run([build / CTL, "acl", SHIPPED / "devices.list"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    assert made == (SHIPPED / "dynamic-security.json").read_text()
    assert len(json.loads(made)["clients"]) == 8


@pytest.mark.parametrize("text, line, why", [
    ("device a t f", 1, "wants"), ("\n\ngateway a b", 3, "wants"), ("agent a t f b d", 1, "wants"), ("devise a t f b", 1, "kind"),
    ("device a t f +", 1, "barn"), ("device a t/x f b", 1, "tenant"),
    ("device a t f b d e", 1, "too many"), ("device a # t f b", 1, "wants"),
    ("device a t f b\ndevice a u f b", 2, "twice"), ("device $SYS t f b", 1, "user"),
    ("device " + "x" * 129 + " t f b", 1, "128")])
def test_a_wrong_list_makes_no_list(build, text, line, why):
    done = subprocess.run([build / CTL, "acl"], input=text, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 2 and done.stdout == ""
    assert f"line {line}:" in done.stderr and why in done.stderr


def test_a_device_in_the_gateways_group_takes_nothing_from_them(broker):
    """A shared subscription hands each message to one member, and what that one must not
    read is gone for all: a device has to be kept out of the group itself."""
    shared = "$share/gateways/iot/telemetry/+/+/+/+/+"
    with Client(broker, "gateway-0") as member, Client(broker, "d-001") as spy, \
            Client(broker, "d-003") as honest:
        assert member.subscribe(shared)
        assert not spy.subscribe(shared)
        for number in range(20):
            honest.publish(f"iot/telemetry/{HERE}/d-003/temperature", str(number))
        wait_for("all of them", 5, lambda: {str(number).encode() for number in range(20)} <=
                 {payload for _, payload in member.heard})
        assert spy.heard == []
