# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the interoperation suite; docs/interop.md says how to point it elsewhere."""
import os
import re
import types
import urllib.parse

import pytest

import differences
import target as targets
from cloud_stand_in import StandIn
from documents import Document
from mqtt_client import Device
from wire import Door, wait_for

REQUIREMENT = re.compile(r"(edge|cloud|S\d) \d")


def pytest_collection_modifyitems(items):
    """Each test says which section of the contracts it proves."""
    nameless = {item.nodeid.split("[")[0] for item in items
                if not REQUIREMENT.match((item.function.__doc__ or "").strip())}
    if nameless:
        raise pytest.UsageError("tests without a requirement: " + ", ".join(sorted(nameless)))


def pytest_terminal_summary(terminalreporter):
    differences.report(terminalreporter)


@pytest.fixture(scope="session")
def target(tmp_path_factory):
    path = os.environ.get("FARMIQ_INTEROP")
    if path:
        yield targets.Target(targets.from_file(path))
        return
    farm = targets.OwnFarm(tmp_path_factory.mktemp("farms"), targets.build_folder())
    try:
        farm.start()
        yield targets.Target(farm.settings(), farm)
    finally:
        farm.end()


@pytest.fixture
def place(target):
    return target.place


@pytest.fixture
def differs(target):
    return differences.Judge(target.is_ours)


@pytest.fixture(scope="session")
def open_door(target):
    """A door to a base URL, whose answers are held against its own OpenAPI document."""
    known = {}

    def open_one(url, ca_file=None, headers=None):
        if not target.settings["documents"]:
            return Door(url, ca_file, headers)
        if url not in known:
            known[url] = Document(Door(url, ca_file).good("/api-docs/openapi.json"))
        return Door(url, ca_file, headers, known[url].check)
    return open_one


def edge_door(target, open_door, name):
    """A service of the edge; its neighbours show a token where the site has one."""
    edge = target.need("edge", name)
    token = getattr(edge, "internal_token", None)
    return open_door(getattr(edge, name),
                     headers={"authorization": f"Bearer {token}"} if token else None)


@pytest.fixture
def gateway(target, open_door):
    return edge_door(target, open_door, "gateway")


@pytest.fixture
def edge_telemetry(target, open_door):
    return edge_door(target, open_door, "telemetry")


@pytest.fixture
def edge_sessions(target, open_door):
    return edge_door(target, open_door, "sessions")


@pytest.fixture
def janitor(target, open_door):
    return edge_door(target, open_door, "janitor")


@pytest.fixture
def forwarder(target, open_door):
    return edge_door(target, open_door, "forwarder")


def cloud_door(target, open_door, name, headers=None):
    cloud = target.need("cloud", name)
    return open_door(getattr(cloud, name), getattr(cloud, "ca_file", None), headers)


@pytest.fixture
def ingestion(target, open_door):
    return cloud_door(target, open_door, "ingestion")


def asking_door(target, open_door, name):
    """A service that answers who has a token."""
    token = target.settings["cloud"].get("token")
    return cloud_door(target, open_door, name,
                      {"authorization": f"Bearer {token}"} if token else None)


@pytest.fixture
def cloud_telemetry(target, open_door):
    return asking_door(target, open_door, "telemetry")


@pytest.fixture
def cloud_sessions(target, open_door):
    return asking_door(target, open_door, "sessions")


@pytest.fixture
def cloud_feed(target, open_door):
    return asking_door(target, open_door, "feed")


@pytest.fixture
def store(target, open_door):
    """The edge's, of images."""
    return edge_door(target, open_door, "media")


@pytest.fixture
def cloud_media(target, open_door):
    return asking_door(target, open_door, "media")


SERVICES = [("edge", "gateway"), ("edge", "telemetry"), ("edge", "sessions"),
            ("edge", "forwarder"), ("edge", "media"), ("edge", "inference"), ("edge", "feed"),
            ("edge", "policy"), ("edge", "observer"),
            ("edge", "janitor"),
            ("cloud", "ingestion"), ("cloud", "telemetry"),
            ("cloud", "sessions"), ("cloud", "feed"), ("cloud", "media")]


@pytest.fixture(params=SERVICES, ids=lambda where: "-".join(where))
def service(request, target, open_door):
    """Every service there is, one after the other."""
    section, name = request.param
    door = (cloud_door if section == "cloud" else edge_door)(target, open_door, name)
    door.name = (section, name)
    return door


@pytest.fixture(scope="session")
def bus(target, open_door):
    """A bus, and the cloud that is on it."""
    target.start_bus()
    given = target.need("bus", "url", "ingestion", "telemetry")
    ca_file, headers = getattr(given, "ca_file", None), {}
    if getattr(given, "token", None):
        headers = {"authorization": f"Bearer {given.token}"}
    made = types.SimpleNamespace(
        url=given.url, given=given, ingestion=open_door(given.ingestion, ca_file),
        telemetry=open_door(given.telemetry, ca_file, headers))
    for door in (made.ingestion, made.telemetry):
        wait_for("the bus behind the cloud", target.patience,
                 lambda: door.get("/api/ready").status == 200)
    return made


@pytest.fixture
def mqtt(target):
    given = target.need("mqtt", "url")
    url = urllib.parse.urlsplit(given.url)
    return types.SimpleNamespace(host=url.hostname, port=url.port or 1883,
                                 username=getattr(given, "username", None),
                                 password=getattr(given, "password", None),
                                 acknowledges=getattr(given, "acknowledges", False))


@pytest.fixture
def device(mqtt, place):
    with Device(mqtt, place) as made:
        yield made


def stand_in(given):
    host, port = given.listen.rsplit(":", 1)
    made = StandIn(host, int(port), getattr(given, "certificate", None),
                   getattr(given, "key", None))
    yield made
    made.close()


def asked_by(target, open_door, section):
    """The suite's stand-in for what a service asks, and that service's door."""
    target.start(section)
    given = target.need(section, "url", "listen")
    token = getattr(given, "internal_token", None)
    for made in stand_in(given):
        made.given, made.door = given, open_door(
            given.url, headers={"authorization": f"Bearer {token}"} if token else None)
        yield made


@pytest.fixture(scope="session")
def configuration(target, open_door):
    """The cloud that knows the barns' configuration, and an edge-policy-sync that asks it."""
    yield from asked_by(target, open_door, "configuration")


@pytest.fixture(scope="session")
def observed(target, open_door):
    """A service and a forwarder, and an edge-observability-agent that watches them."""
    yield from asked_by(target, open_door, "observed")


@pytest.fixture(scope="session")
def one_stand_in(target):
    yield from stand_in(target.need("stand_in", "listen", "telemetry", "forwarder"))


@pytest.fixture(scope="session")
def unhurried_stand_in(target):
    """Another for an edge with the contract's own pauses; None where there is no such."""
    target.start("unhurried")
    yield from (stand_in(target.need("unhurried", "listen"))
                if target.settings["unhurried"] else [None])


@pytest.fixture(scope="session")
def neighbour(target):
    """What a gateway apart takes for the telemetry and session services."""
    yield from stand_in(target.need("neighbour", "listen", "mqtt"))
