# SPDX-License-Identifier: Apache-2.0
"""How a site is, as its observer says. The one service that it watches is the suite's
stand-in, and so is the forwarder whose backlog it tells."""
import pytest

from cloud_stand_in import Reply
from wire import TIME, wait_for

STATUS = "/api/v1/ops/edge/status"
SYNC_STATE = {"pending_count": 3, "claimed_count": 0, "dlq_count": 1,
              "oldest_pending_age_seconds": 7, "last_success_at": None, "last_error_at": None}


class Watched:
    """Health, readiness and backlog, by their statuses."""

    def __init__(self, stand_in):
        self.health = self.ready = self.sync = 200
        self.stand_in = stand_in
        stand_in.tell = self.tell

    def tell(self, request):
        if request.path == "/api/v1/sync/state":
            return Reply(self.sync, SYNC_STATE)
        return Reply(self.health if request.path == "/api/health" else self.ready,
                     {"status": "as told"})


@pytest.fixture
def watched(observed):
    return Watched(observed)


@pytest.fixture
def status(watched, differs):
    def of():
        said = watched.stand_in.door.good(STATUS)
        differs("no-envelope", set(said) == {"data"}, "data" not in said)
        return said.get("data", said)
    return of


@pytest.fixture
def once(status, target):
    """The status, once the site is as it is said to be."""
    def of(overall):
        return wait_for(f"{overall}", target.patience, lambda: (
            said if (said := status())["overall"] == overall else None))
    return of


def test_a_site_that_is_well(watched, once):
    """edge 4.7, 10.4: overall OK; each service with its address, its health, its readiness and
    how long it took."""
    said = once("OK")
    service, = said["services"]
    assert service["name"] and service["base_url"] == watched.stand_in.url
    assert service["health_ok"] is True and service["ready_ok"] is True
    assert service["latency_ms"] >= 0
    assert TIME.fullmatch(service["last_check_at"]) and TIME.fullmatch(said["last_check_at"])


def test_the_machine(once):
    """edge 4.7: loads, memory and disk, in bytes."""
    machine = once("OK")["resources"]
    for minutes in (1, 5, 15):
        assert machine[f"cpu_load_{minutes}m"] >= 0
    for what in ("memory", "disk"):
        assert 0 < machine[f"{what}_free_bytes"] <= machine[f"{what}_total_bytes"]


def test_a_service_that_is_not_ready(watched, once):
    """edge 10.4: alive and not ready is WARN."""
    watched.ready = 503
    service, = once("WARN")["services"]
    assert (service["health_ok"], service["ready_ok"]) == (True, False)
    watched.ready = 200
    once("OK")


def test_a_service_that_is_not_alive(watched, once):
    """edge 10.4: not alive is DEGRADED, whatever the others are."""
    watched.health = 500
    service, = once("DEGRADED")["services"]
    assert service["health_ok"] is False
    watched.health = 200
    once("OK")


def test_the_backlog(watched, status):
    """edge 4.7: sync_state is what the forwarder's GET state says, or null when it says
    nothing."""
    assert status()["sync_state"] == SYNC_STATE
    watched.sync = 500
    assert status()["sync_state"] is None


def test_metrics_of_the_services(watched, once):
    """edge 11.3: edge_service_up, _ready and the machine's room for Prometheus."""
    once("OK")
    text = watched.stand_in.door.get("/metrics").body.decode()
    for name in ("edge_service_up", "edge_service_ready"):
        assert any(line.startswith(name + '{service="') and line.endswith(" 1")
                   for line in text.splitlines()), name
    assert "\nedge_disk_free_bytes " in text and "\nedge_memory_free_bytes " in text
