# SPDX-License-Identifier: Apache-2.0
"""How a site is: as an answer, as metrics, and as a page in a real browser (spec edge 4.7,
10.4, 11.3)."""
import pytest

pytest.importorskip("selenium")
from selenium.webdriver.common.by import By  # noqa: E402

import farm as farm_module  # noqa: E402
from asking import ask, reading  # noqa: E402
from browsing import browser, foreign_hosts, severe_errors, text_of  # noqa: E402, F401
from farm import wait_for  # noqa: E402
from test_forwarder import BadCloud  # noqa: E402

STATUS = "/api/v1/ops/edge/status"
AGENT = "edge-observability-agent"


def refuse_all(events):
    return 200, {"accepted": 0, "duplicated": 0, "rejected": len(events), "errors": [
        {"index": i, "event_id": e["event_id"], "code": "INVALID_PAYLOAD", "error": "<b>no</b>",
         "retryable": False} for i, e in enumerate(events)]}, {}


class Site:
    """An edge, a telemetry service apart, and the agent that watches both."""

    def __init__(self, farm, cloud):
        self.farm, self.cloud = farm, cloud
        self.token = {"Authorization": f"Bearer {farm.internal_token}"}

    def start(self):
        self.farm.start_broker()
        url = f"http://127.0.0.1:{self.cloud.server.server_port}/api/v1/edge/batch"
        self.farm.start_edge(CLOUD_INGESTION_URL=url, CLOUD_AUTH_MODE="api_key",
                             CLOUD_API_KEY="key-1",
                             INTERNAL_TOKEN=self.farm.internal_token)
        self.farm.start_service("edge-telemetry-timeseries",
                                DATABASE_URL=self.farm.database_url("other"))
        targets = ", ".join(f"{name}={self.farm.url_of(name)}"
                            for name in ("edge", "edge-telemetry-timeseries"))
        self.farm.start_service(
            AGENT, OBSERVE_TARGETS=targets, OBSERVE_INTERVAL_MS="200",
            OBSERVE_DISK_PATH=str(self.farm.home), INTERNAL_ADMIN_ENABLED="true",
            EDGE_SYNC_FORWARDER_URL=self.farm.edge_url)

    def status(self):
        status, body = ask(self.farm.url_of(AGENT) + STATUS, headers=self.token)
        assert status == 200, body
        return body

    def wait_for_overall(self, overall):
        return wait_for(f"the site to be {overall}", 15,
                        lambda: (s := self.status())["overall"] == overall and s)

    def metrics(self):
        with self.farm.open(self.farm.url_of(AGENT) + "/metrics") as answer:
            return answer.read().decode()

    def bury(self, count):
        self.cloud.judge = refuse_all
        status, _ = ask(self.farm.edge_url + "/api/v1/telemetry/readings",
                        {"events": [reading() for _ in range(count)]}, self.token)
        assert status == 200
        wait_for("dead letters", 15,
                 lambda: self.status()["sync_state"]["dlq_count"] == count)
        self.cloud.judge = self.cloud.accept


@pytest.fixture
def site(tmp_path, build):
    site = Site(farm_module.Farm(tmp_path / "farm", build), BadCloud())
    try:
        site.start()
        yield site
    finally:
        site.farm.end()
        site.cloud.server.shutdown()


def test_the_status_of_a_site(site):
    body = site.wait_for_overall("OK")
    assert [s["name"] for s in body["services"]] == ["edge", "edge-telemetry-timeseries"]
    assert all(s["health_ok"] and s["ready_ok"] and s["latency_ms"] >= 0 and s["last_check_at"]
               for s in body["services"])
    machine = body["resources"]
    assert 0 < machine["disk_free_bytes"] <= machine["disk_total_bytes"]
    assert 0 < machine["memory_free_bytes"] <= machine["memory_total_bytes"]
    assert machine["cpu_load_1m"] >= 0
    assert body["sync_state"]["pending_count"] == 0
    text = site.metrics()
    assert 'edge_service_up{service="edge"} 1' in text
    assert 'edge_service_ready{service="edge-telemetry-timeseries"} 1' in text
    assert "edge_disk_free_bytes " in text and "edge_memory_free_bytes " in text
    assert ask(site.farm.url_of(AGENT) + STATUS)[0] == 401, "not for everybody"


def test_what_stops_is_seen_and_comes_back(site):
    site.wait_for_overall("OK")
    site.farm.processes["edge-telemetry-timeseries"].end()
    body = site.wait_for_overall("DEGRADED")
    assert [s["health_ok"] for s in body["services"]] == [True, False]
    assert 'edge_service_up{service="edge-telemetry-timeseries"} 0' in site.metrics()
    site.farm.processes["edge-telemetry-timeseries"].start()
    site.wait_for_overall("OK")
    site.farm.processes["broker"].end()
    body = site.wait_for_overall("WARN")
    assert (body["services"][0]["health_ok"], body["services"][0]["ready_ok"]) == (True, False)
    site.farm.processes["edge"].end()
    assert site.wait_for_overall("DEGRADED")["sync_state"] is None


def test_a_whole_site_in_one_process_watches_itself(farm):
    body = wait_for("the first look", 15, lambda: (
        a := ask(farm.edge_url + STATUS))[0] == 200 and a[1])
    assert [s["health_ok"] for s in body["services"]] == [True]
    assert body["sync_state"]["dlq_count"] == 0
    status, body = ask(farm.edge_url + "/api/v1/ops/edge/redrive", {"allDlq": True})
    assert (status, body["redriven_count"]) == (200, 0)


def test_targets_that_make_no_sense_are_refused_at_the_start(tmp_path, build):
    farm = farm_module.Farm(tmp_path / "farm", build)
    for wrong in ("edge", "edge=ftp://x", "=http://127.0.0.1:1"):
        with pytest.raises(RuntimeError):
            farm.start_service(AGENT, OBSERVE_TARGETS=wrong)
    assert "OBSERVE_TARGETS must be" in (farm.home / f"{AGENT}.log").read_text()


def level_of(browser, selector):
    return browser.execute_script(
        "return document.querySelector(arguments[0])?.dataset.level", selector)


def test_the_page_shows_what_stopped_and_sends_dead_letters_again(site, browser, tmp_path):
    site.bury(3)
    browser.get(f"{site.farm.url_of(AGENT)}/#token={site.farm.internal_token}")
    wait_for("the page", 15, lambda: text_of(browser, "#overall") == ["OK"])
    card = "[data-service=edge-telemetry-timeseries]"
    assert level_of(browser, card) == "good"
    wait_for("the dead letters", 10, lambda: len(text_of(browser, "#dead tbody tr")) == 3)
    assert "<b>no</b>" in text_of(browser, "#dead tbody tr")[0], "text, never markup"
    assert {"disk", "memory", "backlog", "oldest waiting"} <= set(text_of(browser, "dt"))

    site.farm.processes["edge-telemetry-timeseries"].end()
    wait_for("red", 15, lambda: level_of(browser, card) == "bad")
    red = browser.find_element(By.CSS_SELECTOR, card).value_of_css_property("color")
    assert red in ("rgba(179, 38, 30, 1)", "rgba(242, 134, 126, 1)")
    assert text_of(browser, "#overall") == ["DEGRADED"]

    picture = tmp_path / "ops.png"
    assert browser.save_screenshot(str(picture)) and picture.stat().st_size > 10_000
    browser.find_element(By.ID, "redrive").click()
    wait_for("no dead letters", 15, lambda: text_of(browser, "#dead-note") == ["none"])
    assert site.status()["sync_state"]["dlq_count"] == 0
    wait_for("their acknowledgement", 15,
             lambda: site.status()["sync_state"]["acked_count"] == 3)
    assert severe_errors(browser) == []
    assert foreign_hosts(browser) == []


def test_a_stranger_is_asked_for_the_token(site, browser):
    browser.get(site.farm.url_of(AGENT))
    wait_for("the question", 15, lambda: browser.execute_script(
        "return document.getElementById('ask').open"))
    assert text_of(browser, "#services article") == []
