# SPDX-License-Identifier: Apache-2.0
"""The live page in a real browser: values per barn and device, a chart that moves,
backlog, oldest age, last sync; nothing loaded from elsewhere; a screenshot."""
import time

import pytest

pytest.importorskip("selenium")
from selenium.webdriver.common.by import By  # noqa: E402

from browsing import browser, foreign_hosts, severe_errors, text_of  # noqa: E402, F401
from farm import wait_for  # noqa: E402


@pytest.mark.parametrize("served_by", ["cloud", "dashboard-web"])
def test_a_new_reading_appears_by_itself(farm, browser, tmp_path, served_by):
    farm.start_agent(0, DEVICES=3, RATE=30)
    wait_for("readings at the cloud", 20, lambda: farm.count("cloud") > 30)
    if served_by == "dashboard-web":
        farm.start_dashboard()
        browser.get(farm.page_url_at(farm.url_of("dashboard-web")))
    else:
        browser.get(farm.page_url)

    wait_for("the devices", 15, lambda: len(text_of(browser, ".device")) >= 3)
    wait_for("the stream", 15, lambda: text_of(browser, "#link") == ["live"])
    values = "dd[data-metric]"
    before = wait_for("values", 15, lambda: text_of(browser, values))
    wait_for("a value that moved", 20, lambda: text_of(browser, values) != before)

    points = lambda: int(browser.find_element(By.ID, "chart")  # noqa: E731
                         .get_attribute("data-points") or 0)
    drawn = wait_for("the chart", 15, points)
    wait_for("a chart that moved", 20, lambda: points() > drawn)
    assert browser.find_elements(By.CSS_SELECTOR, "#chart canvas")

    wait_for("the site's card", 20, lambda: text_of(browser, "#edges dt"))
    assert text_of(browser, "#edges dt") == ["backlog", "oldest waiting", "last sync"]
    assert "edge-demo" in text_of(browser, "#edges h3")

    picture = tmp_path / "page.png"
    assert browser.save_screenshot(str(picture)) and picture.stat().st_size > 10_000
    time.sleep(0.5)
    assert severe_errors(browser) == []
    assert foreign_hosts(browser) == []


def test_a_stranger_sees_nothing(farm, browser):
    farm.start_agent(0, DEVICES=1, RATE=10)
    wait_for("readings at the cloud", 20, lambda: farm.count("cloud") > 5)
    browser.get(farm.page_url.replace(farm.token, "0" * 32))
    wait_for("the refusal", 15,
             lambda: "401" in "".join(text_of(browser, "#link")) or
             "lost" in "".join(text_of(browser, "#link")))
    assert text_of(browser, ".device") == []
