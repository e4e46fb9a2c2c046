# SPDX-License-Identifier: Apache-2.0
"""A real browser, and what the tests of the pages ask of it."""
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service


@pytest.fixture
def browser(tmp_path):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                 "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync",
                 "--ignore-certificate-errors", "--window-size=1200,900",
                 f"--user-data-dir={tmp_path}/browser"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    yield driver
    driver.quit()


def text_of(browser, selector):
    """In one step inside the page: it redraws while we look."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(n => n.innerText)", selector)


def severe_errors(browser):
    return [entry["message"] for entry in browser.get_log("browser")
            if entry["level"] == "SEVERE" and "favicon" not in entry["message"]]


def foreign_hosts(browser):
    """Whom the page asked besides the one it came from."""
    return browser.execute_script(
        "return performance.getEntriesByType('resource').map(e => new URL(e.name).host)"
        ".filter(host => host !== location.host)")
