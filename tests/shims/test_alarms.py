# SPDX-License-Identifier: Apache-2.0
"""What the alarms of deploy/prometheus look at moves when it should (seed 001: backlog,
age, disk, last successful sync per edge and tenant)."""
import time

import farm as farm_module
import test_media
from farm import TENANT, wait_for
from pictures import Site, blank, moody_manifest
from support import metric


def wait_for_metric(farm, url, name, fits, **labels):
    wait_for(f"{name} {labels}", 30, lambda: fits(metric(farm, url, name, **labels)))


def is_recent(seconds):
    return time.time() - 60 < seconds <= time.time() + 1


def test_edge_and_cloud_say_when_they_last_heard_of_each_other(farm):
    name = "farmiq_sync_last_success_timestamp_seconds"
    assert metric(farm, farm.edge_url, name, tenant=TENANT) == 0, "nothing was sent yet"
    farm.processes["cloud"].end()
    farm.start_cloud(INGEST_GAUGES_INTERVAL_MS="100")
    farm.start_agent(0, COUNT=50, RATE=1000)
    wait_for("all of it", 30, lambda: farm.count("cloud") == 50)
    wait_for_metric(farm, farm.edge_url, name, is_recent, tenant=TENANT)
    assert metric(farm, farm.edge_url, "farmiq_sync_consecutive_failures") == 0
    wait_for_metric(farm, farm.cloud_url, "farmiq_edge_last_batch_timestamp_seconds",
                    is_recent, edge="edge-demo")
    assert is_recent(metric(farm, farm.cloud_url,
                            "farmiq_tenant_last_batch_timestamp_seconds", tenant=TENANT))
    assert 0 < metric(farm, farm.cloud_url, "farmiq_telemetry_lag_seconds") < 60
    assert metric(farm, farm.cloud_url, "farmiq_bus_backlog_rows") == 0
    assert 0 < metric(farm, farm.cloud_url, "farmiq_store_used_percent") < 100


def test_an_outage_shows_in_backlog_age_and_failures(farm):
    farm.start_agent(0, COUNT=10, RATE=1000)
    wait_for("the first ten", 30, lambda: farm.count("cloud") == 10)
    farm.processes["cloud"].end()
    farm.start_agent(1, COUNT=20, RATE=1000)
    url = farm.edge_url
    wait_for_metric(farm, url, "farmiq_sync_consecutive_failures", lambda n: n > 1)
    wait_for_metric(farm, url, "farmiq_outbox_rows", lambda n: n == 20, state="pending")
    wait_for_metric(farm, url, "farmiq_outbox_oldest_seconds", lambda n: n > 1)
    before = metric(farm, url, "farmiq_sync_last_success_timestamp_seconds", tenant=TENANT)
    farm.processes["cloud"].start()
    wait_for("the other twenty", 60, lambda: farm.count("cloud") == 30)
    wait_for_metric(farm, url, "farmiq_sync_consecutive_failures", lambda n: n == 0)
    wait_for_metric(farm, url, "farmiq_sync_last_success_timestamp_seconds",
                    lambda then: then > before, tenant=TENANT)


def test_what_is_known_of_the_last_sync_outlives_a_restart(farm):
    farm.start_agent(0, COUNT=10, RATE=1000)
    wait_for("all of it", 30, lambda: farm.count("cloud") == 10)
    name = "farmiq_sync_last_success_timestamp_seconds"
    wait_for_metric(farm, farm.edge_url, name, is_recent, tenant=TENANT)
    before = metric(farm, farm.edge_url, name, tenant=TENANT)
    farm.processes["cloud"].end()
    farm.processes["edge"].end()
    farm.processes["edge"].start()
    wait_for_metric(farm, farm.edge_url, name, lambda then: abs(then - before) < 2,
                    tenant=TENANT)


# -- images and pictures ---------------------------------------------------------------


def test_uploads_that_are_refused_are_counted_apart(tmp_path, build):
    edge = test_media.start(farm_module.Farm(tmp_path / "farm", build),
                            MEDIA_PRESIGN_PER_MINUTE="2")
    try:
        good, bad = (test_media.presign(edge)["upload_url"] for _ in range(2))
        assert test_media.post(edge, "presign", test_media.wish())[0] == 429
        assert test_media.put(edge, good, test_media.image())[0] == 200
        assert test_media.put(edge, bad, b"this is no image")[0] == 409
        for outcome in ("stored", "refused", "limited"):
            assert metric(edge, edge.edge_url, "farmiq_media_uploads_total",
                          outcome=outcome) == 1, outcome
    finally:
        edge.end()


def pictures_wait(site, count):
    return lambda: (metric(site.farm, site.url, "farmiq_inference_jobs", state="pending") == count
                    and metric(site.farm, site.url, "farmiq_inference_oldest_seconds") > 1)


def test_a_model_that_is_gone_and_pictures_that_wait_show(tmp_path, build):
    manifest = moody_manifest(tmp_path / "model", build)
    library = tmp_path / "model/moody.so"
    good = library.read_bytes()
    library.write_bytes(good + b"x")
    site = Site(tmp_path / "site", build, manifest).start()
    try:
        site.show(blank(1000))
        wait_for("a picture that waits", 60, pictures_wait(site, 1))
        assert metric(site.farm, site.url, "farmiq_inference_model_ready") == 0
        library.write_bytes(good)
        wait_for("nothing that waits", 60, lambda: metric(
            site.farm, site.url, "farmiq_inference_attempts_total", outcome="acked") == 1)
        wait_for_metric(site.farm, site.url, "farmiq_inference_oldest_seconds",
                        lambda seconds: seconds == 0)
        assert metric(site.farm, site.url, "farmiq_inference_model_ready") == 1
        site.media.fault = 503
        site.show(blank(1000))
        wait_for("the media store's outage", 60, pictures_wait(site, 1))
        assert metric(site.farm, site.url, "farmiq_inference_model_ready") == 1
    finally:
        site.end()
