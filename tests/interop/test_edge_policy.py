# SPDX-License-Identifier: Apache-2.0
"""The barns' configuration at the edge. The cloud that knows it is the suite's stand-in."""
import hashlib
import urllib.parse

import pytest

from cloud_stand_in import Reply
from wire import TIME, compact, fresh, wait_for

EFFECTIVE, STATE = "/api/v1/edge-config/effective", "/api/v1/edge-config/state"


class Cloud:
    """Has one configuration for every barn; `fault` is what it says instead."""

    def __init__(self, stand_in):
        self.stand_in, self.fault = stand_in, None
        stand_in.tell = self.tell
        self.say({"fan": {"on_at": 27.5}})

    def say(self, config):
        self.body, self.etag = compact(config), f'"{fresh("v")}"'

    def tell(self, request):
        if self.fault:
            return self.fault
        if request.headers["if-none-match"] == self.etag:
            return Reply(304, b"", {"etag": self.etag})
        return Reply(200, self.body, {"etag": self.etag})

    def asked(self):
        return self.stand_in.requests


@pytest.fixture
def cloud(configuration):
    return Cloud(configuration)


@pytest.fixture
def unwrapped(differs):
    """What an answer says, with or without the member that some put around it."""
    def of(said):
        differs("no-envelope", set(said) == {"data"}, "data" not in said)
        return said.get("data", said)
    return of


@pytest.fixture
def policy(configuration):
    return configuration.door


@pytest.fixture
def effective(policy, place, unwrapped):
    def of():
        answer = policy.get(EFFECTIVE, tenantId=place.tenant, farmId=place.farm,
                            barnId=place.barn)
        return unwrapped(answer.json) if answer.status == 200 else None
    return of


@pytest.fixture
def state(policy, unwrapped):
    return lambda: unwrapped(policy.good(STATE))


@pytest.fixture
def known(cloud, effective, target):
    """Once what the cloud says is what the edge serves."""
    def of():
        return wait_for("the configuration", target.patience, lambda: (
            kept if (kept := effective()) and compact(kept["config_json"]) == cloud.body
            and kept["source_etag"] == cloud.etag else None))
    return of


def test_a_configuration_is_served_as_it_came(cloud, known, place):
    """edge 4.7, 10.2, 5.7: the cloud's JSON with its SHA-256, its ETag and when it came."""
    kept = known()
    assert (kept["tenant_id"], kept["farm_id"], kept["barn_id"]) == (
        place.tenant, place.farm, place.barn)
    assert kept["hash"] == hashlib.sha256(cloud.body).hexdigest()
    assert TIME.fullmatch(kept["fetched_at"])


def test_what_the_cloud_is_asked(cloud, known, place):
    """edge 10.2: GET /api/v1/config/context names tenant, farm and barn, with the bearer token
    if there is one, and a request id."""
    known()
    request = cloud.asked()[-1]
    url = urllib.parse.urlsplit(request.path)
    assert (request.method, url.path) == ("GET", "/api/v1/config/context")
    assert urllib.parse.parse_qs(url.query) == {
        "tenantId": [place.tenant], "farmId": [place.farm], "barnId": [place.barn]}
    assert request.headers["x-request-id"]
    token = getattr(cloud.stand_in.given, "token", None)
    assert request.headers["authorization"] == (f"Bearer {token}" if token else None)


def test_a_new_configuration_replaces_the_old(cloud, known):
    """edge 10.2: what the cloud says next is served next."""
    old = known()
    cloud.say({"fan": None, "barn": "é"})
    new = known()
    assert new["hash"] != old["hash"] and new["fetched_at"] > old["fetched_at"]


def test_a_good_pass_shows(known, state, target):
    """edge 4.7: when a pass went through, how long ago, and how many configurations are kept."""
    known()
    said = wait_for("a good pass", target.patience, lambda: (
        s if (s := state())["last_success_at"] and not s["consecutive_failures"] else None))
    assert TIME.fullmatch(said["last_success_at"]) and said["cache_entries"] >= 1
    assert said["lag_seconds"] >= 0
    assert {"last_error_at", "last_error"} <= set(said)


@pytest.mark.parametrize("fault", [Reply(500, {"error": {}}), Reply(401, b""),
                                   Reply(200, b"<html>sign in</html>"), Reply(cut=True)],
                         ids=["500", "401", "no JSON", "cut"])
def test_without_the_cloud_the_last_word_stands(cloud, known, effective, state, target, fault):
    """edge 10.2, 11.1: a failed pass is counted and said; the cache is served at any age."""
    kept = known()
    cloud.fault = fault
    said = wait_for("a failed pass", target.patience, lambda: (
        s if (s := state())["consecutive_failures"] else None))
    assert TIME.fullmatch(said["last_error_at"]) and said["last_error"]
    assert effective()["config_json"] == kept["config_json"]
    cloud.fault = None
    wait_for("a good pass", target.patience, lambda: not state()["consecutive_failures"])


def test_a_barn_that_nobody_configured(policy, place):
    """edge 4.7: 404 NOT_FOUND."""
    answer = policy.get(EFFECTIVE, tenantId=place.tenant, farmId=place.farm, barnId=fresh("b"))
    assert answer.status == 404 and answer.error["code"] == "NOT_FOUND"


@pytest.mark.parametrize("missing", ["tenantId", "farmId", "barnId"])
def test_a_question_without_a_barn(policy, place, missing):
    """edge 4.7: tenant, farm and barn are needed: else 400 that names what is missing."""
    query = {"tenantId": place.tenant, "farmId": place.farm, "barnId": place.barn}
    del query[missing]
    answer = policy.get(EFFECTIVE, **query)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"
    assert missing in answer.error["message"]
