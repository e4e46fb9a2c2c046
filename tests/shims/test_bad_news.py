# SPDX-License-Identifier: Apache-2.0
"""Neighbours that are away, full, late, mad or cut off in mid-sentence. Whatever they do:
what was acknowledged is kept, nothing happens twice, nothing becomes a dead letter that
is not one, and the way goes on by itself when the news is good again."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time

import pytest

import farm as farm_module
from asking import new_id
from farm import BARN, FARM, TENANT, wait_for
from support import Device, deliver_everything, envelope, ids, in_logs, is_alive, topic

STEADY = {"RATE": 500, "BUFFER_MAX_MESSAGES": 1_000_000, "WINDOW": 500, "ACK_TIMEOUT": "2s",
          "REPLAY_RATE": 0}


@pytest.fixture
def empty_farm(tmp_path, build):
    """Nothing runs yet."""
    made = farm_module.Farm(tmp_path / "farm", build)
    try:
        yield made
    finally:
        made.end()


def sync_state(farm):
    return farm.get(f"{farm.edge_url}/api/v1/sync/state")


def publish_some(farm, count, device="d-1"):
    """PUBACKed and at the edge; the ids."""
    before = farm.count("edge")
    messages = [envelope(device, value=number) for number in range(count)]
    with Device(farm) as plain:
        for message in messages:
            plain.publish(topic(device), message)
        wait_for("them at the edge", 20, lambda: farm.count("edge") == before + count)
    return {message["event_id"] for message in messages}


def restart(process, how=signal.SIGTERM, **env):
    process.end(how)
    process.env.update(env)
    process.start()


def assert_all_well(farm, sent):
    """Everything at the cloud, once, and nobody to be redriven."""
    wait_for("everything, at the cloud", 40, lambda: sent <= set(ids(farm, "cloud")))
    assert sorted(ids(farm, "cloud")) == sorted(sent)
    assert sync_state(farm)["dlq_count"] == 0
    assert farm.query("edge", "SELECT max(attempt_count) FROM sync_outbox") == [(0,)]


# -- away --------------------------------------------------------------------------------


def test_a_broker_that_is_not_there_yet(empty_farm):
    """Edge and agent start first, in any order, and find it when it comes."""
    farm = empty_farm
    farm.start_cloud()
    farm.start_edge()
    farm.start_agent(0, COUNT=200, **STEADY)
    time.sleep(1)
    assert not farm.get(f"{farm.edge_url}/api/v1/ingress/stats")["mqttConnected"]
    assert is_alive(farm, "edge") and is_alive(farm, "agent-0")
    farm.start_broker()
    assert farm.processes["agent-0"].running.wait(30) == 0, "it ends when all is delivered"
    tally = deliver_everything(farm)
    assert (tally["published"], tally["lost"], tally["duplicated"]) == (200, 0, 0)


def test_a_cloud_that_is_not_there_yet(empty_farm):
    farm = empty_farm
    farm.start_broker()
    farm.start_edge()
    sent = publish_some(farm, 50)
    wait_for("the first refusal", 10, lambda: sync_state(farm)["consecutive_failures"] > 0)
    farm.start_cloud()
    assert_all_well(farm, sent)


# -- full --------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(path, size):
    path.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", path],
                             stderr=subprocess.DEVNULL)
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def stored(farm):
    return farm.count("disk/edge")


def fill_until_nothing_moves(farm):
    """The agent goes on; the edge stores no more."""
    seen = -1
    while stored(farm) != seen:
        seen = stored(farm)
        time.sleep(1.5)
    return seen


def test_an_edge_whose_disk_is_full_takes_nothing_and_loses_nothing(empty_farm):
    """Back-pressure: no acknowledgement without a commit. And when there is space again,
    nobody has to be told."""
    farm = empty_farm
    with small_disk(farm.home / "disk", "16m") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(14 << 20))
        farm.start_broker()
        farm.start_cloud()
        farm.start_edge(DATABASE_URL=f"sqlite:{disk}/edge.db", SYNC_FORWARDER_MODE="noop")
        farm.start_agent(0, COUNT=4000, **STEADY)
        before = fill_until_nothing_moves(farm)
        assert 0 < before < 4000 and is_alive(farm, "edge")
        assert in_logs(farm, "mqtt.batch_failed") and is_alive(farm, "agent-0")
        with farm.open(f"{farm.edge_url}/api/health") as healthy:
            assert healthy.status == 200
        ballast.unlink()
        assert farm.processes["agent-0"].running.wait(60) == 0
        assert stored(farm) == 4000
        restart(farm.processes["edge"], SYNC_FORWARDER_MODE="send")
        wait_for("all of it, at the cloud", 40, lambda: farm.count("cloud") == 4000)
        assert sorted(ids(farm, "cloud")) == sorted(farm.ledger())
        farm.processes["edge"].end()


def test_a_quota_is_a_full_disk(empty_farm):
    farm = empty_farm
    farm.start_broker()
    farm.start_cloud()
    farm.start_edge(STORE_QUOTA_BYTES="1M", SYNC_FORWARDER_MODE="noop")
    farm.start_agent(0, COUNT=3000, **STEADY)
    wait_for("the limit", 20, lambda: in_logs(farm, "mqtt.batch_failed"))
    time.sleep(1)
    assert 0 < farm.count("edge") < 3000 and is_alive(farm, "edge")
    assert (farm.home / "edge.db").stat().st_size <= 1 << 20
    restart(farm.processes["edge"], STORE_QUOTA_BYTES="0", SYNC_FORWARDER_MODE="send")
    assert farm.processes["agent-0"].running.wait(40) == 0
    wait_for("all of it, at the cloud", 40, lambda: farm.count("cloud") == 3000)
    assert sorted(ids(farm, "cloud")) == sorted(farm.ledger())


# -- at odds about the time ------------------------------------------------------------------

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@pytest.mark.skipif(not FAKETIME, reason="needs the package faketime")
def test_a_clock_that_jumps_back_an_hour(empty_farm):
    """The edge's clock jumps while it works. Readings are taken as ever; the cloud does
    not believe signatures of the past, which is an outage and no fault of the events;
    when the clock is right again, all of them arrive."""
    farm = empty_farm
    clock = farm.home / "clock"
    clock.write_text("+0\n")
    farm.start_broker()
    farm.start_cloud()
    farm.start_edge(LD_PRELOAD=str(FAKETIME), FAKETIME_TIMESTAMP_FILE=str(clock),
                    FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1")
    sent = publish_some(farm, 20)
    wait_for("the first ones", 20, lambda: farm.count("cloud") == 20)
    clock.write_text("-3600\n")
    sent |= publish_some(farm, 20)
    wait_for("a refusal", 20, lambda: sync_state(farm)["consecutive_failures"] > 0)
    assert farm.count("cloud") == 20
    clock.write_text("+0\n")
    assert_all_well(farm, sent)


# -- mad -------------------------------------------------------------------------------------


class StandIn:
    """Takes the cloud's place, with its certificate, and answers each request by
    `answer(line)`; `line` is the TLS connection."""

    def __init__(self, farm, answer):
        self.answer, self.requests = answer, 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(farm.home / "server.pem", farm.home / "server.key")
        self.listener = socket.create_server(("127.0.0.1", farm.ports["cloud"]))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                plain = self.listener.accept()[0]
                with contextlib.suppress(OSError), \
                        self.context.wrap_socket(plain, server_side=True) as line:
                    while line.recv(1 << 20):
                        self.requests += 1
                        if not self.answer(line):
                            break

    def end(self):
        # accept() in another thread returns only when the socket is shut down.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def http(body, length=None, status="200 OK"):
    return (f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
            ).encode() + body


def half_a_record(line):
    """A TLS record that promises 16 KiB and breaks off."""
    os.write(line.fileno(), b"\x17\x03\x03\x40\x00" + b"x" * 100)
    return False


def says(text, goes_on=False):
    def answer(line):
        line.sendall(text)
        return goes_on
    return answer


MAD_ANSWERS = {
    "a page": says(http(b"<html>Welcome to the hotel</html>")),
    "an empty object": says(http(b"{}")),
    "counts that do not add up": says(http(b'{"accepted": 1, "duplicated": 0, "rejected": 0}')),
    "half a body": says(http(b'{"accepted": 3, "dup', 60)),
    "half a head": says(b"HTTP/1.1 200 OK\r\nContent-"),
    "no HTTP": says(b"220 mail.example.org ESMTP\r\n"),
    "half a TLS record": half_a_record,
    "nothing": lambda line: False,
    "a way to elsewhere": says(b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\n"
                               b"Content-Length: 0\r\n\r\n"),
    "too busy": says(http(b"{}", status="503 Service Unavailable")),
    "a body without end": lambda line: line.sendall(
        http(b"", 1 << 40) + b" " * (20 << 20)) or False,
}


@pytest.mark.parametrize("name", MAD_ANSWERS)
def test_a_cloud_that_talks_nonsense_is_an_outage(name, farm):
    cloud = farm.processes["cloud"]
    cloud.end()
    stand_in = StandIn(farm, MAD_ANSWERS[name])
    try:
        sent = publish_some(farm, 3)
        wait_for("a failure", 20, lambda: sync_state(farm)["consecutive_failures"] > 0)
        state = sync_state(farm)
        assert state["acked_count"] == 0 and stand_in.requests > 0
    finally:
        stand_in.end()
    cloud.start()
    assert_all_well(farm, sent)


class LossyLine:
    """Carries bytes between edge and cloud, and cuts the first answers off: the cloud has
    committed, and the edge does not know."""

    def __init__(self, farm, cuts):
        self.farm, self.cuts = farm, cuts
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def port(self):
        return self.listener.getsockname()[1]

    def serve(self):
        while True:
            edge = self.listener.accept()[0]
            cloud = socket.create_connection(("127.0.0.1", self.farm.ports["cloud"]))
            asked = threading.Event()
            threading.Thread(target=self.carry_up, args=(edge, cloud, asked),
                             daemon=True).start()
            threading.Thread(target=self.carry_down, args=(cloud, edge, asked),
                             daemon=True).start()

    @staticmethod
    def carry_up(edge, cloud, asked):
        """`asked` once the request must be on its way: a handshake is shorter."""
        carried = 0
        with contextlib.suppress(OSError):
            while some := edge.recv(65536):
                cloud.sendall(some)
                carried += len(some)
                if carried > 3000:
                    asked.set()
            cloud.shutdown(socket.SHUT_WR)

    def carry_down(self, cloud, edge, asked):
        before = self.farm.count("cloud", "ingestion_dedupe")
        with contextlib.suppress(OSError):
            while some := cloud.recv(65536):
                committed = self.farm.count("cloud", "ingestion_dedupe")
                if asked.is_set() and self.cuts and committed > before:
                    self.cuts -= 1
                    break
                edge.sendall(some)
            edge.shutdown(socket.SHUT_RDWR)
            edge.close()


def test_an_answer_that_gets_lost_doubles_nothing(empty_farm):
    farm = empty_farm
    farm.start_broker()
    farm.start_cloud()
    line = LossyLine(farm, cuts=1)
    farm.start_edge(CLOUD_INGESTION_URL=f"https://127.0.0.1:{line.port}/api/v1/edge/batch",
                    SYNC_FORWARDER_MODE="noop")
    sent = publish_some(farm, 100)
    restart(farm.processes["edge"], SYNC_FORWARDER_MODE="send")
    wait_for("the edge's knowledge of it", 30,
             lambda: sync_state(farm)["acked_count"] == len(sent))
    assert_all_well(farm, sent)
    edges = farm.get(f"{farm.cloud_url}/api/v1/edge/overview")["edges"]
    assert line.cuts == 0 and edges[0]["events_duplicated"] == len(sent)


# -- too much ------------------------------------------------------------------------------


def test_a_batch_of_one_event_too_many_is_halved(farm):
    """The cloud takes a thousand; a refusal of the whole is no fault of its events."""
    restart(farm.processes["edge"], OUTBOX_BATCH_SIZE="1001", SYNC_FORWARDER_MODE="noop")
    sent = publish_some(farm, 1001)
    restart(farm.processes["edge"], SYNC_FORWARDER_MODE="send")
    assert_all_well(farm, sent)


def test_an_event_that_fits_no_request_stands_alone(farm):
    """It can never be sent and is a dead letter at once; its neighbours go."""
    restart(farm.processes["edge"], SYNC_BATCH_MAX_BYTES="4K")
    long = new_id()
    with sqlite3.connect(farm.home / "edge.db", timeout=10) as outbox:
        outbox.execute("INSERT INTO sync_outbox (id, tenant_id, event_type, farm_id, barn_id, "
                       "device_id, trace_id, payload_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                       [long, TENANT, "telemetry.ingested", FARM, BARN, "d-1", "trace-1",
                        json.dumps({"metric_type": "m", "metric_value": 1, "x": "x" * 8000})])
    sent = publish_some(farm, 20)
    wait_for("the others", 20, lambda: sent <= set(ids(farm, "cloud")))
    wait_for("the dead letter", 10, lambda: sync_state(farm)["dlq_count"] == 1)
    assert farm.query("edge", "SELECT id, status, last_error_code FROM sync_outbox "
                              "WHERE status IN ('dlq', 'failed')") == [
        (long, "failed", "EVENT_TOO_LARGE")]


# -- names -----------------------------------------------------------------------------------

STRANGE_IDS = ["7", "reading 7", "018F1A84-BB0E-7D3F-B2E4-9E8B5F8E0001", "a/b#c+d", "é-ü-😀",
               "x" * 128, "'; DROP TABLE telemetry_raw; --", "null", "\t\\\""]


def test_event_ids_that_are_no_uuids_travel_and_count_once(farm):
    """Spec edge 0.2: opaque text on MQTT; what the cloud sees is a UUID made from it."""
    with Device(farm) as device:
        for repeat in range(2):
            for number, strange in enumerate(STRANGE_IDS):
                device.publish(topic("d-1"), envelope("d-1", value=number, event_id=strange,
                                                      ts="2025-01-01T10:00:00Z"))
        counters = lambda: farm.get(  # noqa: E731
            f"{farm.edge_url}/api/v1/ingress/stats")["counters"]
        wait_for("the repeats", 10, lambda: counters()["messages_deduped_total"] ==
                 len(STRANGE_IDS))
    wait_for("each, at the cloud", 20, lambda: farm.count("cloud") >= len(STRANGE_IDS))
    time.sleep(0.5)
    values = farm.query("cloud", "SELECT value FROM telemetry_raw ORDER BY 1")
    assert values == [(float(number),) for number in range(len(STRANGE_IDS))]
    assert all(len(event_id) == 36 for event_id in ids(farm, "cloud"))


def test_two_tenants_may_use_the_same_event_id(farm):
    """The key is (tenant_id, event_id) from the device to the last table (seed 002, 1.1)."""
    restart(farm.processes["cloud"],
            EDGE_KEYS=f"edge-demo:{farm.secret}:{TENANT}+t-second")
    same = new_id()
    with Device(farm) as device:
        for value, tenant in enumerate([TENANT, "t-second"]):
            device.publish(topic("d-1", tenant=tenant),
                           envelope("d-1", value=value, tenant=tenant, event_id=same))
    wait_for("both", 20, lambda: farm.count("cloud") == 2)
    for database, column in (("edge", "metric_value"), ("cloud", "value")):
        assert farm.query(database, f"SELECT tenant_id, event_id, {column} FROM "
                                    f"telemetry_raw ORDER BY {column}") == [
            (TENANT, same, 0.0), ("t-second", same, 1.0)]
    assert sync_state(farm)["dlq_count"] == 0
