# SPDX-License-Identifier: Apache-2.0
"""What time does to files at the edge: they go when their row allows it, and not before (spec
edge 4.7, 5.8, 10.3). One edge takes the images in; each test has janitors of its own."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import time
import uuid

import pytest

import farm as farm_module
from asking import ask
from farm import BARN, FARM, TENANT, wait_for
from support import metric
from uploading import (agent_wish, get, image, presign, put, rows, start, stored, upload)

SERVICE = "edge-retention-janitor"
RUN, STATE = "/api/v1/janitor/run", "/api/v1/janitor/state"
SESSIONS = "/api/v1/weighvision/sessions"
DAY = 24 * 3600


@pytest.fixture(scope="module")
def site(tmp_path_factory, build):
    made = start(farm_module.Farm(tmp_path_factory.mktemp("janitor") / "farm", build))
    yield made
    made.end()


@pytest.fixture
def edge(site):
    """The site without what an earlier test left."""
    change(site, "DELETE FROM media_objects")
    heard(site)
    for name in stored(site):
        (site.home / "media" / name).unlink()
    yield site
    for name in [name for name in site.processes if name.startswith(SERVICE)]:
        site.processes.pop(name).end()


def change(edge, *statements):
    with contextlib.closing(sqlite3.connect(edge.home / "edge.db", timeout=60)) as database:
        with database:
            for statement in statements:
                database.execute(statement)


def heard(edge, but=""):
    """The cloud has acknowledged everything, but perhaps one event."""
    change(edge, f"DELETE FROM sync_ready WHERE seq NOT IN (SELECT seq FROM sync_event "
                 f"WHERE event_id = '{but}')",
           f"DELETE FROM sync_event WHERE event_id <> '{but}'")


def aged(edge, days=365, where="1"):
    made_ms = int((time.time() - days * DAY) * 1000)
    change(edge, f"UPDATE media_objects SET created_at = {made_ms} WHERE {where}")


def of_session(edge, session):
    """An image of a session."""
    given = presign(edge, agent_wish(sessionId=session))
    assert put(edge, given["upload_url"], image())[0] == 200
    return given


def begin_session(edge):
    session = str(uuid.uuid4())
    assert ask(f"{edge.edge_url}{SESSIONS}", {
        "tenantId": TENANT, "eventId": str(uuid.uuid4()), "sessionId": session,
        "farmId": FARM, "barnId": BARN, "deviceId": "scale-1", "stationId": "st-1",
        "startAt": "2026-01-01T10:00:00Z"})[0] == 201
    return session


def end_session(edge, session):
    assert ask(f"{edge.edge_url}{SESSIONS}/{session}/finalize", {
        "tenantId": TENANT, "eventId": str(uuid.uuid4()),
        "occurredAt": "2026-01-01T10:02:00Z"})[0] == 200


class Janitor:
    """One that works when it is asked to; its first run of itself is over."""

    def __init__(self, edge, number=0, **more):
        self.name = f"{SERVICE}-{number}"
        self.process = edge.start_service(
            SERVICE, self.name, DATABASE_URL=edge.database_url("edge"),
            **{"MEDIA_BASE_PATH": str(edge.home / "media"), "JANITOR_DRY_RUN": "false",
               "MIN_FREE_DISK_GB": "0", "MEDIA_ORPHAN_GRACE": "24h", **more})
        self.edge, self.url = edge, edge.url_of(self.name)
        self.token = {"Authorization": f"Bearer {edge.internal_token}"}
        wait_for("its first run", 60, lambda: self.state()["last_run_at"])

    def run(self, **body):
        status, said = ask(self.url + RUN, body or b"", self.token)
        assert status == 200, said
        return said

    def state(self):
        return ask(self.url + STATE, headers=self.token)[1]


def test_a_run_by_hand_says_what_it_did(edge):
    """4.7: started_at, finished_at, deleted_files, freed_bytes, dry_run, error; and the state."""
    janitor = Janitor(edge)
    assert janitor.state()["last_deleted_files"] == 0
    for _ in range(3):
        upload(edge)
    heard(edge)
    aged(edge)
    said = janitor.run()
    assert said.pop("started_at") <= said.pop("finished_at")
    assert said == {"deleted_files": 3, "freed_bytes": 15000, "dry_run": False, "error": None}
    state = janitor.state()
    assert state.pop("last_run_at")
    assert state == {"last_deleted_files": 3, "last_freed_bytes": 15000, "last_error": None}
    for name, value in (("runs_total", 2), ("deleted_files_total", 3),
                        ("freed_bytes_total", 15000)):
        assert metric(edge, janitor.url, f"edge_janitor_{name}") == value
    ended = metric(edge, janitor.url, "edge_janitor_last_run_timestamp")
    assert abs(ended - time.time()) < 600


def test_a_run_wants_the_token_of_the_site_and_a_body_that_can_be_understood(edge):
    janitor = Janitor(edge)
    assert ask(janitor.url + RUN, b"")[0] == 401
    assert ask(janitor.url + STATE)[0] == 401
    for body in (b"[]", b"{", b'{"dry_run": "yes"}', b'{"dry_run": 1}'):
        status, said = ask(janitor.url + RUN, body, janitor.token)
        assert (status, said["error"]["code"]) == (400, "VALIDATION_ERROR"), body
        assert "dry_run" in said["error"]["message"]


def test_a_dry_run_touches_nothing_and_is_what_an_edge_does_unless_told(edge):
    """D-40: dry unless JANITOR_DRY_RUN is false; a request cannot make it wet."""
    for _ in range(2):
        upload(edge)
    assert put(edge, presign(edge)["upload_url"], image())[0] == 200
    heard(edge)
    aged(edge)
    before = stored(edge)
    for name in before:
        os.utime(edge.home / "media" / name, (0, 0))
    (edge.home / "media/.incoming/left").write_bytes(b"by a process that was killed")
    os.utime(edge.home / "media/.incoming/left", (0, 0))
    for ask_of in (edge.edge_url, Janitor(edge, JANITOR_DRY_RUN=None).url):
        for body in ({}, {"dry_run": False}, {"dry_run": True}):
            status, said = ask(ask_of + RUN, body, {
                "Authorization": f"Bearer {edge.internal_token}"})
            assert status == 200 and said["dry_run"] is True
            assert (said["deleted_files"], said["error"]) == (4, None)
    assert Janitor(edge, 1).run(dry_run=True)["deleted_files"] == 0  # its first was wet
    assert stored(edge) == set() and rows(edge) == []
    assert not list((edge.home / "media/.incoming").iterdir())


def test_old_images_go_once_the_cloud_has_them_and_their_session_has_ended(edge):
    """5.8: media of a session that has not ended stay, and what the cloud has not heard of."""
    janitor, session = Janitor(edge), begin_session(edge)
    known, unheard, weighed = upload(edge), upload(edge), of_session(edge, session)
    young = upload(edge)
    heard(edge, but=unheard["event_id"])
    aged(edge, where=f"id <> '{young['media_id']}'")
    assert janitor.run()["deleted_files"] == 1
    left = {unheard["object_key"], weighed["object_key"], young["object_key"]}
    assert stored(edge) == left == {row[0] for row in rows(edge)}
    assert get(edge, f"objects/{known['media_id']}")[0] == 404
    end_session(edge, session)
    assert janitor.run()["deleted_files"] == 1
    assert stored(edge) == left - {weighed["object_key"]}
    heard(edge)
    assert janitor.run()["deleted_files"] == 1
    assert stored(edge) == {young["object_key"]}


def test_bytes_without_a_row_go_and_rows_without_bytes_are_counted(edge):
    kept, lost = upload(edge), upload(edge)
    for _ in range(3):
        assert put(edge, presign(edge)["upload_url"], image())[0] == 200
    fresh = presign(edge)
    assert put(edge, fresh["upload_url"], image())[0] == 200
    left = edge.home / "media/.incoming/left"
    left.write_bytes(b"by a process that was killed")
    for path in (edge.home / "media").rglob("*"):
        if path.is_file() and not str(path).endswith(fresh["object_key"]):
            os.utime(path, (0, 0))
    (edge.home / "media" / lost["object_key"]).unlink()
    janitor = Janitor(edge)
    assert stored(edge) == {kept["object_key"], fresh["object_key"]} and not left.exists()
    assert metric(edge, janitor.url, "farmiq_media_rows_without_bytes") == 1
    assert metric(edge, janitor.url, "farmiq_media_orphans_total") == 3
    status, _, answer = get(edge, f"objects/{lost['media_id']}")
    assert (status, json.loads(answer)["error"]["code"]) == (500, "STREAM_ERROR")


def test_nothing_outside_the_folders_goes_and_no_link_is_followed(edge, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("photo.jpg", "barn.log"):
        (outside / name).write_bytes(b"somebody else's")
        os.utime(outside / name, (0, 0))
    logs = tmp_path / "logs"
    logs.mkdir()
    for folder in (edge.home / "media", logs):
        (folder / "to-a-folder").symlink_to(outside)
        (folder / "to-a-file.log").symlink_to(outside / "barn.log")
    upload(edge)
    heard(edge)
    aged(edge)
    change(edge, "UPDATE media_objects SET object_key = 'to-a-folder/photo.jpg'")
    Janitor(edge, JANITOR_LOG_PATH=str(logs))
    assert sorted(path.name for path in outside.iterdir()) == ["barn.log", "photo.jpg"]
    for name in ("to-a-folder", "to-a-file.log"):
        (edge.home / "media" / name).unlink()


def test_old_logs_go_and_what_is_no_log_stays(edge, tmp_path):
    names = ["farmiq.log", "farmiq.log.1", "sub/old.log.2.gz", "with a space.log", "edge.db",
             "young.log"]
    (tmp_path / "sub").mkdir()
    for name in names:
        (tmp_path / name).write_bytes(b"12345")
        if name != "young.log":
            os.utime(tmp_path / name, (0, 0))
    janitor = Janitor(edge, JANITOR_LOG_PATH=str(tmp_path), LOG_RETENTION_DAYS="7")
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {"edge.db", "young.log"}
    assert janitor.state()["last_freed_bytes"] == 20


@pytest.fixture
def small_disk(edge):
    """A disk for images of a little more than a gigabyte, which is empty."""
    media = edge.home / "media"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1030m", "none", media],
                          check=False, capture_output=True)
    if done.returncode:
        pytest.skip("only a superuser can mount a small disk")
    yield edge
    subprocess.run(["umount", "--lazy", media], check=True)


def test_a_full_disk_lets_the_oldest_go_that_the_cloud_has(small_disk):
    """10.3: oldest first, and until enough is free; of sessions that go on at last."""
    edge, session = small_disk, begin_session(small_disk)
    megabyte = image(1 << 20)
    images = [upload(edge, megabyte)["object_key"] for _ in range(8)]
    of_open = of_session(edge, session)["object_key"]
    unheard = upload(edge, megabyte)
    heard(edge, but=unheard["event_id"])
    for age, key in enumerate(reversed(images), 1):
        aged(edge, age, f"object_key = '{key}'")
    aged(edge, 20, f"object_key IN ('{of_open}', '{unheard['object_key']}')")
    young = images.pop()
    aged(edge, 0, f"object_key = '{young}'")
    options = {"MEDIA_RETENTION_DAYS": "0", "MIN_FREE_DISK_GB": "1"}
    dry = Janitor(edge, 0, JANITOR_DRY_RUN="true", **options).state()["last_deleted_files"]
    wet = Janitor(edge, 1, **options)
    gone = wet.state()["last_deleted_files"]
    assert 0 < gone == dry < len(images)
    disk = os.statvfs(edge.home / "media")
    assert disk.f_bavail * disk.f_frsize >= 1 << 30
    assert stored(edge) == {young, of_open, unheard["object_key"], *images[gone:]}
    (edge.home / "media/big").write_bytes(bytes(64 << 20))
    assert wet.run()["error"] is None
    assert stored(edge) == {young, unheard["object_key"], "big"}
    assert "janitor.no_room" in pathlib.Path(wet.process.log).read_text()


def test_two_janitors_at_once_take_each_image_once(edge):
    for _ in range(60):
        upload(edge, image(600))
    heard(edge)
    janitors = [Janitor(edge, number) for number in range(2)]
    aged(edge)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        said = list(pool.map(lambda number: janitors[number % 2].run(), range(6)))
    assert sum(run["deleted_files"] for run in said) == 60
    assert {run["error"] for run in said} <= {None, "another run is under way"}
    assert stored(edge) == set() and rows(edge) == []


def test_a_janitor_that_is_killed_loses_nothing_and_the_next_ends_its_work(edge):
    """Each round more images are old, a run begins, and it is killed; the next process ends
    what was begun."""
    unheard, young = upload(edge), upload(edge)
    keys = [upload(edge, image(600, seed=number))["object_key"] for number in range(300)]
    heard(edge, but=unheard["event_id"])
    aged(edge, where=f"id = '{unheard['media_id']}'")
    janitor, chance = Janitor(edge), random.Random(1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        while keys:
            old, keys = keys[:60], keys[60:]
            aged(edge, where="object_key IN ('" + "', '".join(old) + "')")
            asked = pool.submit(janitor.run)
            time.sleep(chance.uniform(0, 0.03))
            janitor.process.end(signal.SIGKILL)
            asked.exception()
            assert {row[0] for row in rows(edge)} >= {*keys, young["object_key"],
                                                      unheard["object_key"]}
            janitor.process.start()
            wait_for("the rest to go", 60, lambda: len(rows(edge)) == len(keys) + 2)
    assert stored(edge) == {unheard["object_key"], young["object_key"]}
    assert {row[0] for row in rows(edge)} == stored(edge)
