# SPDX-License-Identifier: Apache-2.0
"""Pictures become weights once each: whatever is killed, crashes, hangs or is away, every job
ends, with one result and one event for the cloud, or with the reason why not (spec edge
4.5, 9)."""
import json
import os
import pathlib
import signal
import time

import pytest

from asking import new_id
from farm import wait_for
from pictures import PATH, Site, blank, draw, moody_manifest
from support import is_sanitized, metric

WELL, CRASHES, HANGS, SLOW, NOTHING, DOUBTS, RAVES, LIES, CRASHES_ONCE, EATS = range(10)


def run(site):
    try:
        yield site.start()
    finally:
        site.end()


@pytest.fixture
def site(tmp_path, build):
    yield from run(Site(tmp_path / "site", build, moody_manifest(tmp_path / "model", build)))


@pytest.fixture(params=["apart", "together", "postgresql"])
def any_site(tmp_path, build, request):
    """Each way to run it: what is asked of it is the same."""
    yield from run(Site(tmp_path / "site", build, moody_manifest(tmp_path / "model", build),
                        request.param == "together",
                        ("edge",) if request.param == "postgresql" else ()))


# -- one picture ----------------------------------------------------------------------


def test_a_picture_becomes_a_result_an_event_and_a_part_of_its_session(any_site):
    site = any_site
    site.create_session()
    medium = site.put(blank(1230))
    status, ordered = site.order(medium, session_id="s1", trace_id="trace-5")
    assert status == 200 and ordered["status"] == "pending"
    job, = site.ended(ordered["job_id"])
    assert job["status"] == "completed" and "error" not in job
    assert (job["tenant_id"], job["farm_id"], job["barn_id"], job["device_id"]) == \
        ("t1", "f1", "b1", "cam-1")
    assert (job["media_id"], job["session_id"], job["trace_id"]) == (medium, "s1", "trace-5")
    if not site.together:
        assert site.media.asked[-1] == ("t1", medium, job["job_id"], "trace-5")

    answer = site.ask(f"{PATH}/results?sessionId=s1", tenant="t1")[1]
    assert (answer["session_id"], answer["count"]) == ("s1", 1)
    result = answer["results"][0]
    assert (result["id"], result["event_id"]) == (job["result_id"], job["job_id"])
    assert (result["predicted_weight_kg"], result["confidence"]) == (1230, 0.9)
    assert result["model_version"] == "moody-1"
    assert json.loads(result["metadata"])["media_id"] == medium

    row = site.farm.query("edge", "SELECT id, event_type, tenant_id, farm_id, barn_id, device_id, "
                                  "session_id, trace_id, payload_json FROM sync_outbox "
                                  "WHERE event_type = 'inference.completed'")
    assert len(row) == 1 and row[0][:8] == (result["id"], "inference.completed", "t1", "f1", "b1",
                                            "cam-1", "s1", "trace-5")
    payload = json.loads(row[0][8])
    assert payload == {"inference_result_id": result["id"], "media_id": medium, "session_id": "s1",
                       "predicted_weight_kg": 1230, "confidence": 0.9, "model_version": "moody-1",
                       "occurred_at": result["occurred_at"], "tenant_id": "t1", "farm_id": "f1",
                       "barn_id": "b1", "device_id": "cam-1"}
    session = site.session()
    assert (session["inferenceResultId"], session["imageCount"]) == (result["id"], 1)
    stats = site.ask(f"{PATH}/stats", tenant="t1")[1]
    assert stats == {"total_results": 1, "last_result_at": result["created_at"], "tenant_id": "t1"}


def test_the_same_medium_asked_for_again_is_the_same_job(site):
    medium = site.media.put(bytes(1000))
    first = site.order(medium)[1]
    site.ended(first["job_id"])
    for _ in range(3):
        again = site.order(medium, trace_id=new_id())[1]
        assert (again["job_id"], again["status"]) == (first["job_id"], "completed")
    time.sleep(0.5)
    assert len(site.results()) == len(site.told()) == 1


def test_another_model_looks_at_a_picture_again(site, build):
    medium = site.media.put(bytes(1000))
    first = site.order(medium)[1]["job_id"]
    site.ended(first)
    site.process.end()
    moody_manifest(site.farm.home.parent / "model", build, "moody-2")
    site.process.start()
    second = site.order(medium)[1]["job_id"]
    assert second != first
    site.ended(second)
    assert len(site.results()) == len(site.told()) == 2


def test_a_doubtful_weight_passes_and_is_counted(site):
    job, = site.ended(site.show(DOUBTS))
    assert job["status"] == "completed"
    assert metric(site.farm, site.url, "farmiq_inference_low_confidence_total") == 1
    assert len(site.told()) == 1


def test_a_result_before_its_session_is_there_when_it_begins(any_site):
    """What the scale says may come later than what its camera shows (spec edge 7.3)."""
    site = any_site
    job, = site.ended(site.show(WELL, session_id="s1"))
    assert job["status"] == "completed" and len(site.told()) == 1
    assert site.session()["error"]["code"] == "NOT_FOUND"
    site.create_session()
    session = site.session()
    assert (session["inferenceResultId"], session["imageCount"]) == (job["result_id"], 1)
    assert metric(site.farm, site.url, "farmiq_inference_unattached_total") == 0


def test_a_result_after_its_sessions_end_is_there_too(site):
    site.create_session()
    site.do("finalize")
    job, = site.ended(site.show(WELL, session_id="s1"))
    session = site.session()
    assert (session["status"], session["inferenceResultId"]) == ("finalized", job["result_id"])
    assert session["imageCount"] == 1


def test_a_cancelled_session_keeps_nothing_from_its_result(site):
    site.create_session()
    site.do("cancel")
    job, = site.ended(site.show(WELL, session_id="s1"))
    assert job["status"] == "completed" and len(site.told()) == 1
    assert metric(site.farm, site.url, "farmiq_inference_unattached_total") == 1
    assert site.session()["inferenceResultId"] is None


def test_an_upload_is_weighed_without_being_asked_for(tmp_path, build):
    site = Site(tmp_path / "site", build, build / "shims/vision/pig.json", together=True,
                TRIGGER_INFERENCE_ON_COMPLETE="true")
    try:
        site.start()
        site.create_session()
        medium = site.upload(draw(build, "pig", 80, 1), "t1", "s1")
        wait_for("the result", 10, site.told)
        result, = site.ask(f"{PATH}/results?sessionId=s1", tenant="t1")[1]["results"]
        assert result["media_id"] == medium
        assert result["predicted_weight_kg"] == pytest.approx(80, rel=0.1)
        assert site.session()["inferenceResultId"] == result["id"]
    finally:
        site.end()


# -- two tenants --------------------------------------------------------------------------


def test_tenants_do_not_see_each_others_jobs_and_results(site):
    medium = new_id()
    jobs = {}
    for tenant, size in (("t1", 1000), ("t2", 2000)):
        site.create_session("s1", tenant)
        site.media.put(bytes(size), tenant, medium)
        jobs[tenant] = site.order(medium, tenant, session_id="s1")[1]["job_id"]
    assert jobs["t1"] != jobs["t2"]
    site.ended(*jobs.values())
    for tenant, weight in (("t1", 1000), ("t2", 2000)):
        found = site.ask(f"{PATH}/results?sessionId=s1", tenant=tenant)[1]["results"]
        assert [r["predicted_weight_kg"] for r in found] == [weight]
        assert site.session("s1", tenant)["inferenceResultId"] == found[0]["id"]
    assert site.ask(f"{PATH}/jobs/{jobs['t1']}", tenant="t2")[0] == 404
    assert site.ask(f"{PATH}/stats")[1] == {"total_results": 0, "last_result_at": None,
                                            "tenant_id": None}
    status, error = site.ask(f"{PATH}/results?sessionId=s1")
    assert (status, error["error"]["code"]) == (400, "MISSING_TENANT")


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize("changes, named", [
    ({"tenant_id": ...}, "tenant_id"), ({"farm_id": ""}, "farm_id"), ({"barn_id": 7}, "barn_id"),
    ({"device_id": ...}, "device_id"), ({"media_id": ...}, "media_id"),
    ({"media_id": "../../etc/passwd"}, "media_id"), ({"session_id": "s?x=1"}, "session_id"),
    ({"job_type": "training"}, "job_type"), ({"object_key": "k" * 1025}, "object_key"),
    ({"trace_id": "t" * 129}, "trace_id")])
def test_a_wrong_order_is_refused_by_its_member(shared_site, changes, named):
    status, error = shared_site.order(new_id(), **changes)
    assert (status, error["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert named in error["error"]["message"]


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory, build):
    home = tmp_path_factory.mktemp("shared")
    yield from run(Site(home / "site", build, moody_manifest(home / "model", build)))


def test_another_tenants_order_is_forbidden(shared_site):
    body = {"tenantId": "t1", "farmId": "f", "barnId": "b", "deviceId": "d", "mediaId": "m"}
    status, error = shared_site.ask(f"{PATH}/jobs", body, "t2")
    assert (status, error["error"]["code"]) == (403, "TENANT_MISMATCH")
    assert shared_site.ask(f"{PATH}/jobs", b"[1]")[0] == 400
    assert shared_site.ask(f"{PATH}/jobs/{new_id()}")[0] == 404
    assert shared_site.ask(f"{PATH}/results?sessionId=s&limit=501", tenant="t1")[0] == 400
    assert shared_site.ask(f"{PATH}/results", tenant="t1")[0] == 400


def test_a_key_leads_to_its_medium(site):
    """The ids of spec edge 14.2."""
    key = ("tenants/t-001/farms/f-001/barns/b-001/devices/wv-001/images/2025/01/02/"
           "00000000-0000-4000-8000-000000000001.jpg")
    site.media.put(bytes(1000), "t-001", "2445db68-82bc-55a9-b80f-25258f79ca62")
    job = site.order(..., "t-001", object_key=key)[1]["job_id"]
    found, = site.ended(job)
    assert (found["status"], found["object_key"]) == ("completed", key)
    assert found["media_id"] == "2445db68-82bc-55a9-b80f-25258f79ca62"


def test_without_a_model_jobs_are_refused(tmp_path, build):
    site = Site(tmp_path / "site", build, "")
    try:
        site.start()
        assert site.ask(f"{PATH}/models")[1]["status"] == "no_model"
        status, error = site.order(new_id())
        assert (status, error["error"]["code"]) == (503, "NO_MODEL")
    finally:
        site.end()


# -- what goes wrong with a picture, or with the model ------------------------------------------


@pytest.mark.parametrize("mood, error", [
    (NOTHING, "NO_ANIMAL"), (LIES, "MODEL_ERROR"), (CRASHES, "MODEL_LOST: was ended by signal 6"),
    (HANGS, "MODEL_LOST: gave no answer in 2000 ms"), (RAVES, "MODEL_LOST: ended with code 1"),
    (EATS, "MODEL_LOST")])
def test_a_picture_that_the_model_cannot_bear_fails_alone(tmp_path, build, mood, error):
    if mood == EATS and is_sanitized(build):
        pytest.skip("a sanitizer needs the address space that would be bounded")
    for site in run(Site(tmp_path / "site", build, moody_manifest(tmp_path / "model", build),
                         INFERENCE_MAX_ATTEMPTS="2")):
        fails_alone(site, mood, error)


def fails_alone(site, mood, error):
    jobs = [site.show(WELL), site.show(mood), site.show(WELL)]
    before, bad, after = site.ended(*jobs)
    assert before["status"] == after["status"] == "completed"
    assert bad["status"] == "failed" and bad["error"].startswith(error), bad
    assert "result_id" not in bad
    assert sorted(row[0] for row in site.results()) == sorted([jobs[0], jobs[2]])
    assert sorted(site.told()) == sorted([jobs[0], jobs[2]])


def test_a_crash_that_does_not_come_again_costs_an_attempt(site):
    job, = site.ended(site.show(CRASHES_ONCE))
    assert job["status"] == "completed" and len(site.told()) == 1


def test_a_picture_that_never_came_fails_after_some_attempts(site):
    bad, good = site.ended(site.order(new_id())[1]["job_id"], site.show(WELL))
    assert bad["status"] == "failed" and bad["error"].startswith("MEDIA_NOT_GIVEN")
    assert good["status"] == "completed"


def test_an_outage_of_the_media_store_fails_nothing(tmp_path, build):
    """Were it an attempt, the first would be the last."""
    for site in run(Site(tmp_path / "site", build, moody_manifest(tmp_path / "model", build),
                         INFERENCE_MAX_ATTEMPTS="1")):
        site.media.fault = 503
        jobs = [site.show(WELL) for _ in range(3)]
        wait_for("some attempts", 60, lambda: len(site.media.asked) >= 2)
        assert {site.job(job)["status"] for job in jobs} <= {"pending", "processing"}
        site.media.fault = None
        assert {job["status"] for job in site.ended(*jobs)} == {"completed"}
        assert len(site.results()) == len(site.told()) == 3


def test_an_outage_of_the_session_service_fails_nothing(site):
    site.create_session()
    site.farm.processes[site.sessions].end()
    job = site.show(WELL, session_id="s1")
    time.sleep(1)
    assert site.job(job)["status"] in ("pending", "processing")
    assert site.results() == [] and site.told() == []
    site.farm.processes[site.sessions].start()
    found, = site.ended(job)
    assert found["status"] == "completed"
    assert site.session()["inferenceResultId"] == found["result_id"]


def test_a_model_that_cannot_be_loaded_keeps_jobs_waiting(tmp_path, build):
    manifest = moody_manifest(tmp_path / "model", build)
    library = tmp_path / "model/moody.so"
    good = library.read_bytes()
    library.write_bytes(good + b"x")
    site = Site(tmp_path / "site", build, manifest)
    try:
        site.start()
        job = site.show(WELL)
        wait_for("a job that waits", 60, lambda: metric(
            site.farm, site.url, "farmiq_inference_jobs", state="pending") == 1)
        assert site.job(job)["status"] == "pending"
        assert metric(site.farm, site.url, "farmiq_inference_model_ready") == 0
        library.write_bytes(good)
        assert site.ended(job)[0]["status"] == "completed"
        assert metric(site.farm, site.url, "farmiq_inference_model_ready") == 1
    finally:
        site.end()


# -- kill -9 ------------------------------------------------------------------------------------


def kill_worker(site):
    for pid in site.workers():
        os.kill(pid, signal.SIGKILL)


def kill_service(site):
    site.process.end(signal.SIGKILL)
    site.process.start()


@pytest.mark.parametrize("kill", [kill_worker, kill_service])
def test_kill_minus_nine_in_the_middle_of_a_job_loses_and_doubles_nothing(any_site, kill):
    """Under leases that a killed process leaves behind, on a shared database, it takes as
    long as they are."""
    site = any_site
    site.create_session()
    jobs = [site.show(mood, session_id="s1") for mood in [SLOW, WELL] * 3]
    for _ in range(2):
        wait_for("a job in hand", 20, lambda: any(
            site.job(job)["status"] == "processing" for job in jobs) and site.workers())
        time.sleep(0.2)
        kill(site)
    found = site.ended(*jobs, seconds=120)
    assert {job["status"] for job in found} == {"completed"}
    assert sorted(row[0] for row in site.results()) == sorted(jobs)
    assert sorted(site.told()) == sorted(jobs)
    session = site.session()
    assert session["imageCount"] == len(jobs) and session["inferenceResultId"] in jobs


def test_no_worker_outlives_its_service(site):
    site.ended(site.show(WELL))
    worker, = site.workers()
    site.process.end(signal.SIGKILL)
    wait_for("the worker's end", 5, lambda: not pathlib.Path(f"/proc/{worker}").exists())


# -- real models --------------------------------------------------------------------------------


def test_the_stub_says_what_the_reference_says(tmp_path, build):
    """Spec edge 9, 14.2: 204800 bytes are 8.00 kg with a confidence of 0.5."""
    site = Site(tmp_path / "site", build, build / "shims/vision/stub.json")
    try:
        site.start()
        site.create_session()
        sizes = {204800: (8.0, 0.5), 123456: (4.56, 0.78), 99: (0.99, 0.95)}
        jobs = {site.show(bytes(size), session_id="s1"): size for size in sizes}
        site.ended(*jobs)
        found = site.ask(f"{PATH}/results?sessionId=s1", tenant="t1")[1]["results"]
        assert {jobs[r["event_id"]]: (r["predicted_weight_kg"], r["confidence"])
                for r in found} == sizes
        for result in found:
            said = json.loads(result["metadata"])
            assert said["stub_mode"] is True and said["job_id"] == result["event_id"]
            assert said["file_size_bytes"] == jobs[result["event_id"]]
        assert site.ask(f"{PATH}/models")[1]["status"] == "stub_mode"
    finally:
        site.end()


def test_a_drawn_animal_is_weighed_and_what_is_no_picture_is_refused(tmp_path, build):
    site = Site(tmp_path / "site", build, build / "shims/vision/pig.json")
    try:
        site.start()
        assert site.ask(f"{PATH}/models")[1]["status"] == "ready"
        drawn = {}
        for seed, kg in enumerate((20, 60, 110)):
            drawn[site.show(draw(build, "pig", kg, seed))] = kg
        no_jpeg, empty = site.show(b"GIF89a, says it"), site.show(b"")
        assert {job["status"] for job in site.ended(*drawn)} == {"completed"}
        weights = dict(site.results())
        for job, kg in drawn.items():
            assert weights[job] == pytest.approx(kg, rel=0.1)
        for job in site.ended(no_jpeg, empty):
            assert job["status"] == "failed" and job["error"].startswith("PICTURE_REFUSED")
    finally:
        site.end()
