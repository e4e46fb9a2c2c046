# SPDX-License-Identifier: Apache-2.0
"""A weigh station: sessions from the scale to the cloud's tables (seed 002, section 3; spec
edge 2.13), whatever happens on the way."""
import http.server
import json
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.request

import pytest

from farm import TENANT, free_port, wait_for
from support import Device, in_logs, is_alive

FAST = {"SPEED": "20", "SESSION_INTERVAL": "10s"}  # two animals a second


def edge_sessions(farm):
    return farm.query("edge", "SELECT session_id, station_id, device_id, batch_id, status, "
                              "final_weight_kg, image_count FROM weight_sessions "
                              "ORDER BY start_at")


def weights(farm, database):
    table = "session_weights" if database == "edge" else "weighvision_measurement"
    return farm.query(database, f"SELECT session_id, weight_kg FROM {table} "
                                "ORDER BY session_id")


def end_well(scale, seconds=30):
    assert scale.running.wait(seconds) == 0


def settled(farm):
    """Every session's end has been told to the cloud."""
    tally = farm.session_tally()
    return tally["edge"] == tally["cloud"] and tally["lost"] == 0 and tally


def buffer(farm, sql, name="scale-0"):
    connection = sqlite3.connect(f"file:{farm.home}/{name}.db?mode=ro", uri=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


# -- the way ----------------------------------------------------------------------------


def test_each_animal_is_a_session_at_the_edge_and_at_the_cloud(farm):
    scale = farm.start_scale(COUNT=6, BATCH_ID="batch-7", **FAST)
    end_well(scale)
    tally = wait_for("the sessions' ends at the cloud", 30, lambda: settled(farm))
    assert tally["edge"]["sessions_created"] == tally["edge"]["sessions_finalized"] == 6
    for _id, station, device, batch, status, weight, images in edge_sessions(farm):
        assert (station, device, batch, status) == ("station-0", "weigher-0", "batch-7",
                                                    "finalized")
        assert 20 <= weight <= 120.1 and images == 0
    assert weights(farm, "edge") == weights(farm, "cloud")
    assert len(weights(farm, "edge")) == 6
    assert len(farm.ledger("scale")) == 18


def test_a_full_buffer_keeps_beginnings_and_ends(farm):
    farm.processes["broker"].end()
    scale = farm.start_scale(COUNT=12, BUFFER_MAX_MESSAGES=18, **FAST)
    wait_for("twelve sessions", 60, lambda: len(farm.ledger("scale")) == 36)
    scale.end()
    kinds = dict(buffer(farm, "SELECT event_type, count(*) FROM agent_event GROUP BY 1"))
    # 24 beginnings and ends do not fit either: of those the oldest went, of the weights all.
    assert sum(kinds.values()) == 18
    assert set(kinds) == {"weighvision.session.created", "weighvision.session.finalized"}
    farm.processes["broker"].start()
    scale.env.update(COUNT="1", REPLAY_RATE="0")
    scale.start()
    end_well(scale)
    assert farm.count("edge", "weight_sessions") >= 9


def test_of_a_full_buffer_only_what_must_goes(farm):
    farm.processes["broker"].end()
    scale = farm.start_scale(COUNT=8, BUFFER_MAX_MESSAGES=20, **FAST)
    wait_for("eight sessions", 60, lambda: len(farm.ledger("scale")) == 24)
    scale.end()
    kinds = dict(buffer(farm, "SELECT event_type, count(*) FROM agent_event GROUP BY 1"))
    assert kinds == {"weighvision.session.created": 8, "weighvision.session.finalized": 8,
                     "weighvision.weight.recorded": 4}
    oldest = buffer(farm, "SELECT min(occurred_at) FROM agent_event WHERE event_type = "
                          "'weighvision.weight.recorded'")[0][0]
    begun = buffer(farm, "SELECT occurred_at FROM agent_event WHERE event_type = "
                         "'weighvision.session.created' ORDER BY occurred_at")
    assert oldest > begun[3][0]  # the newest four weights stayed


def test_kill_9_loses_nothing_and_leaves_no_session_open(farm):
    chance = random.Random(4)
    scale = farm.start_scale(**FAST)
    for _ in range(6):
        time.sleep(chance.uniform(0.3, 1.2))
        scale.end(signal.SIGKILL)
        scale.start()
    time.sleep(1)
    scale.end()
    scale.env.update(COUNT="1")  # what is in progress ends with the next animal
    scale.start()
    end_well(scale)
    tally = wait_for("the sessions' ends at the cloud", 30, lambda: settled(farm))
    assert tally["edge"]["sessions_created"] > 6
    assert tally["edge"]["sessions_created"] == tally["edge"]["sessions_finalized"]
    told = [row[0] for row in farm.query("edge", "SELECT session_id FROM session_weights")]
    assert len(told) == len(set(told))  # no animal was weighed twice
    assert farm.count("edge", "sync_outbox WHERE status IN ('dlq', 'failed')") == 0


def test_a_session_s_events_are_sent_in_their_order_after_an_outage(farm):
    seen = []
    farm.processes["broker"].end()
    scale = farm.start_scale(COUNT=4, WINDOW=20, REPLAY_RATE=20, **FAST)
    wait_for("four sessions", 60, lambda: len(farm.ledger("scale")) == 12)
    time.sleep(5)  # younger ones are not a replay
    farm.processes["broker"].start()
    with Device(farm, "listener") as device:
        device.client.on_message = lambda _c, _u, got: seen.append(
            (time.monotonic(), got.topic, json.loads(got.payload)))
        device.client.subscribe(f"iot/weighvision/{TENANT}/#", 1)
        end_well(scale, 60)
        wait_for("all of them", 20, lambda: len({m[2]["event_id"] for m in seen}) == 12)
    by_session = {}
    for _at, topic, message in seen:
        by_session.setdefault(topic.split("/")[7], []).append(message["event_type"])
    assert len(by_session) == 4
    for kinds in by_session.values():
        assert kinds[:3] == ["weighvision.session.created", "weighvision.weight.recorded",
                             "weighvision.session.finalized"]


# -- an indicator at a serial line --------------------------------------------------------


class Indicator:
    """The other end of a pty, which says what an indicator would."""

    def __init__(self):
        self.ours, self.theirs = os.openpty()
        self.path = os.ttyname(self.theirs)

    def say(self, *lines, pause=0.02):
        for line in lines:
            os.write(self.ours, line.encode() + b"\r\n")
            time.sleep(pause)

    def weigh(self, shown, times=8):
        """An animal steps on, stands, and leaves."""
        self.say("ST,GS,+   0.00kg", "US,GS,+   7.10kg", *[shown] * times,
                 "US,GS,+   3.30kg", "ST,GS,+   0.00kg")

    def close(self):
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def indicator():
    made = Indicator()
    yield made
    made.close()


def test_a_serial_scale_weighs(farm, indicator):
    farm.start_scale(SCALE="serial", SCALE_PORT=indicator.path, SESSION_READING_INTERVAL="20ms")
    wait_for("the line", 10, lambda: b"scale.connected" in (farm.home / "scale-0.log").read_bytes())
    indicator.weigh("ST,GS,+  12.34kg", 12)
    indicator.say("???", "ST,GS,+1.2.3kg", "x" * 400, "OL,GS,+999.99kg")
    indicator.weigh("ST,NT,  45.60 kg", 12)
    wait_for("both animals", 20, lambda: [s[4] for s in edge_sessions(farm)]
             == ["finalized"] * 2)
    assert [s[5] for s in edge_sessions(farm)] == [pytest.approx(12.34), pytest.approx(45.6)]
    assert is_alive(farm, "scale-0")


def test_an_animal_that_never_stands_still_ends_a_session_without_a_weight(farm, indicator):
    farm.start_scale(SCALE="serial", SCALE_PORT=indicator.path, SESSION_READING_INTERVAL="20ms")
    wait_for("the line", 10, lambda: b"scale.connected" in (farm.home / "scale-0.log").read_bytes())
    indicator.say("ST,GS,+ 0.00kg", *["US,GS,+ 30.00kg", "ST,GS,+ 31.00kg",
                                      "ST,GS,+ 29.00kg"] * 5, "ST,GS,+ 0.00kg")
    wait_for("its end", 20, lambda: [s[4] for s in edge_sessions(farm)] == ["finalized"])
    assert weights(farm, "edge") == []
    assert b"is failed" in (farm.home / "scale-0.log").read_bytes()


def test_a_scale_that_is_unplugged_comes_back(farm):
    link = farm.home / "ttyScale"
    first, second = Indicator(), Indicator()
    farm.start_scale(SCALE="serial", SCALE_PORT=str(link), SESSION_READING_INTERVAL="20ms")
    log = farm.home / "scale-0.log"
    wait_for("the complaint", 10, lambda: b"scale.failed" in log.read_bytes())
    link.symlink_to(first.path)
    wait_for("the line", 10, lambda: b"scale.connected" in log.read_bytes())
    first.say("ST,GS,+ 0.00kg", *["ST,GS,+ 50.00kg"] * 12)
    first.close()
    link.unlink()
    link.symlink_to(second.path)
    wait_for("the other line", 10, lambda: log.read_bytes().count(b"scale.connected") == 2)
    second.say("ST,GS,+ 50.00kg", "ST,GS,+ 0.00kg")
    wait_for("the end", 20, lambda: [s[4:6] for s in edge_sessions(farm)]
             == [("finalized", 50)])
    second.close()


# -- images -------------------------------------------------------------------------------


class MediaStore(http.server.ThreadingHTTPServer):
    """What the contract says of a media store (spec edge 8), and how it may fail: `fail` is
    asked for the status of a step before anything is done, and may answer None."""

    daemon_threads = True

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Exchange)
        self.fail = lambda step, count: None
        self.steps, self.objects, self.completed, self.scopes = [], {}, [], []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def end(self):
        self.shutdown()
        self.server_close()


class Exchange(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _answer(self, status, body=None, **headers):
        text = json.dumps(body or {}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _take(self, step):
        """The body, unless this step is to fail."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.steps.append(step)
            status = self.server.fail(step, self.server.steps.count(step))
        if status == "hang up":
            self.connection.close()
            self.close_connection = True
        elif status:
            self._answer(status, {"error": {"code": "NO"}}, Retry_After="1")
        return None if status else body

    def do_POST(self):
        step = self.path.rsplit("/", 1)[1]
        body = self._take(step)
        if body is None:
            return
        asked = json.loads(body)
        assert self.headers["x-tenant-id"] == asked["tenant_id"] == TENANT
        self.server.scopes.append(asked)
        if step == "presign":
            key = f"tenants/{TENANT}/images/{len(self.server.steps)}.jpg"
            self._answer(200, {"object_key": key, "media_id": f"media-{len(self.server.steps)}",
                               "upload_url": f"{self.server.url}/put/{key}?sig=a%2Fb",
                               "method": "PUT", "headers": {"Content-Type": "image/jpeg"},
                               "expires_in": 900, "expires_at": "2099-01-01T00:00:00Z"})
        elif asked["object_key"] not in self.server.objects:
            self._answer(404)
        else:
            self.server.completed.append(asked["object_key"])
            self._answer(200, {"object_key": asked["object_key"]})

    def do_PUT(self):
        body = self._take("put")
        if body is None:
            return
        assert self.headers["Content-Type"] == "image/jpeg" and self.path.endswith("?sig=a%2Fb")
        self.server.objects[self.path[len("/put/"):].split("?")[0]] = body
        self._answer(200)


@pytest.fixture
def media():
    made = MediaStore()
    yield made
    made.end()


def bound(farm):
    """{session: its media ids}"""
    made = {}
    for session, image in farm.query("edge", "SELECT session_id, media_object_id FROM "
                                             "session_media_bindings"):
        made.setdefault(session, []).append(image)
    return made


def spooled(farm):
    return sorted(path.name for path in (farm.home / "scale-0.spool").iterdir())


def test_images_reach_the_media_store_and_their_sessions(farm):
    scale = farm.start_scale(COUNT=5, IMAGE_SOURCE="generator",
                             MEDIA_STORE_URL=farm.edge_url, **FAST)
    end_well(scale, 60)
    tally = wait_for("the sessions' ends at the cloud", 30, lambda: settled(farm))
    assert tally["edge"] == {"sessions_created": 5, "sessions_finalized": 5,
                             "sessions_with_image": 5, "sessions_with_inference": 0}
    assert [s[6] for s in edge_sessions(farm)] == [1] * 5
    assert spooled(farm) == []
    for images in bound(farm).values():
        request = urllib.request.Request(f"{farm.edge_url}/api/v1/media/objects/{images[0]}",
                                         headers={"x-tenant-id": TENANT})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.headers["Content-Type"] == "image/jpeg"
            assert answer.read(3) == b"\xff\xd8\xff"


def test_another_media_store_is_asked_as_the_contract_says(farm, media):
    scale = farm.start_scale(COUNT=2, IMAGE_SOURCE="generator", MEDIA_STORE_URL=media.url, **FAST)
    end_well(scale)
    assert media.steps == ["presign", "put", "complete"] * 2
    assert len(bound(farm)) == 2 and len(media.objects) == 2
    sessions = {row[0] for row in edge_sessions(farm)}
    for asked in media.scopes:
        assert asked["session_id"] in sessions and asked["station_id"] == "station-0"
        assert asked["captured_at"].endswith("Z") and asked["device_id"] == "weigher-0"


def test_a_media_store_that_fails_gets_the_image_again(farm, media):
    media.fail = lambda step, count: {("presign", 1): 500, ("put", 1): "hang up",
                                      ("complete", 2): 503}.get((step, count))
    scale = farm.start_scale(COUNT=1, IMAGE_SOURCE="generator", MEDIA_STORE_URL=media.url, **FAST)
    end_well(scale)
    assert len(media.completed) == 1 and len(bound(farm)) == 1
    # What was PUT before complete failed is not PUT again.
    assert media.steps.count("put") == len(media.objects) + 1


def test_a_media_store_that_is_away_gets_the_images_later(farm):
    port = free_port()
    scale = farm.start_scale(COUNT=3, IMAGE_SOURCE="generator",
                             MEDIA_STORE_URL=f"http://127.0.0.1:{port}", **FAST)
    wait_for("three ends", 30, lambda: [s[4] for s in edge_sessions(farm)] == ["finalized"] * 3)
    assert len([name for name in spooled(farm) if name.endswith(".jpg")]) == 3
    assert is_alive(farm, "scale-0")
    store = MediaStore(port)
    try:
        end_well(scale, 60)
    finally:
        store.end()
    assert sorted(len(images) for images in bound(farm).values()) == [1, 1, 1]
    assert [s[6] for s in edge_sessions(farm)] == [1] * 3
    assert spooled(farm) == []


def test_kill_9_amid_uploads_leaves_one_image_a_session(farm, media):
    chance = random.Random(5)

    def slow(step, count):
        time.sleep(0.05)
        return None

    media.fail = slow
    scale = farm.start_scale(IMAGE_SOURCE="generator", MEDIA_STORE_URL=media.url, **FAST)
    for _ in range(8):
        time.sleep(chance.uniform(0.3, 1.0))
        scale.end(signal.SIGKILL)
        scale.start()
    time.sleep(1)
    scale.end()
    scale.env.update(COUNT="1")
    scale.start()
    end_well(scale, 60)
    tally = farm.session_tally()
    assert tally["lost"] == 0
    assert tally["edge"]["sessions_with_image"] == tally["edge"]["sessions_finalized"] > 4
    assert {len(images) for images in bound(farm).values()} == {1}


def test_files_that_are_no_images_are_passed_over(farm, media, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "1.jpg").write_text("this is no picture")
    (pictures / "2.jpg").write_bytes(b"")
    (pictures / "3.JPEG").write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4)
    (pictures / "notes.txt").write_text("not even by its name")
    media.fail = lambda step, count: 415 if (step, count) == ("put", 2) else None
    scale = farm.start_scale(COUNT=3, IMAGE_SOURCE="directory", IMAGE_DIR=pictures,
                             MEDIA_STORE_URL=media.url, **FAST)
    end_well(scale)
    assert len(media.objects) == 2 and len(bound(farm)) == 2  # one was refused
    assert set(media.objects.values()) == {(pictures / "3.JPEG").read_bytes()}
    log = (farm.home / "scale-0.log").read_text()
    assert "image.skipped" in log and "image.refused" in log
    assert spooled(farm) == []


def test_a_camera_that_is_pulled_out_keeps_no_session_from_going_on(farm, media, build,
                                                                     tmp_path):
    """A stand-in for a camera at V4L2 (tests/kit/v4l2_stand_in.c): no real one was tried."""
    says, picture = tmp_path / "says", tmp_path / "camera.jpg"
    picture.write_bytes(subprocess.check_output(
        [build / "tests/shims/draw_animal", "pig", "80", "1"]))
    says.write_text("")

    def say(words):
        (tmp_path / "new").write_text(words)
        (tmp_path / "new").rename(says)
    scale = farm.start_scale(
        IMAGE_SOURCE="v4l2", IMAGE_DEVICE="/dev/video-of-a-test", IMAGE_TIMEOUT="60s",
        MEDIA_STORE_URL=media.url, LD_PRELOAD=build / "tests/kit/v4l2_stand_in.so",
        V4L2_STAND_IN="/dev/video-of-a-test", V4L2_STAND_IN_SAYS=says,
        V4L2_STAND_IN_JPEG=picture, **FAST)
    log = farm.home / "scale-0.log"
    wait_for("pictures", 60, lambda: len(media.objects) >= 2)
    say("gone")
    wait_for("the complaint", 60, lambda: "IMAGE_DEVICE /dev/video-of-a-test is gone"
             in log.read_text())
    ended = farm.count("edge", "weight_sessions WHERE status = 'finalized'")
    wait_for("sessions without", 60, lambda: farm.count(
        "edge", "weight_sessions WHERE status = 'finalized' AND image_count = 0") >= 3)
    assert farm.count("edge", "weight_sessions WHERE status = 'finalized'") > ended
    say("")
    wait_for("the camera", 60, lambda: "gives pictures again" in log.read_text())
    seen = len(media.objects)
    wait_for("more pictures", 60, lambda: len(media.objects) > seen)
    assert set(media.objects.values()) == {picture.read_bytes()}
    scale.end()


def test_the_spool_is_bounded(farm):
    farm.start_scale(IMAGE_SOURCE="generator", SPOOL_MAX_IMAGES=2,
                     MEDIA_STORE_URL=f"http://127.0.0.1:{free_port()}", **FAST)
    wait_for("five ends", 30, lambda: farm.count(
        "edge", "weight_sessions WHERE status = 'finalized'") >= 5)
    assert len([name for name in spooled(farm) if name.endswith(".jpg")]) == 2
    assert "SPOOL_MAX_IMAGES wait already" in (farm.home / "scale-0.log").read_text()


# -- settings -----------------------------------------------------------------------------


@pytest.mark.parametrize("name, value, complaint", [
    ("STATION_ID", "a/b", "must be 1 to 128"),
    ("BATCH_ID", "a b", "must be 1 to 128"),
    ("SESSION_START_KG", "much", "must be a weight"),
    ("SESSION_WEIGHT_STABILITY_THRESHOLD", "0", "must be a weight"),
    ("SESSION_MAX_WEIGHT_READINGS", "33", "out of range"),
    ("SCALE", "serial", "is needed for the scale serial"),
    ("IMAGE_SOURCE", "directory", "is needed for the image source directory"),
    ("IMAGE_QUALITY", "101", "out of range"),
    ("IMAGE_TIMEOUT", "1h", "out of range"),
    ("MEDIA_STORE_URL", "edge", "MEDIA_STORE_URL"),
])
def test_a_wrong_setting_is_refused_by_name(tmp_path, build, name, value, complaint):
    program = build / "shims/iot-weighvision-agent/iot-weighvision-agent"
    ran = subprocess.run([str(program), f"--database-url=sqlite:{tmp_path}/x.db"],
                         env={name: value}, capture_output=True, text=True, timeout=20,
                         check=False)
    assert ran.returncode == 2
    assert any(n in ran.stderr for n in (name, "SCALE_PORT", "IMAGE_DIR")) and complaint in ran.stderr


def test_a_damaged_record_is_forgotten(farm):
    spool = farm.home / "scale-0.spool"
    spool.mkdir()
    (spool / "session.json").write_text('{"session_id": 7')
    end_well(farm.start_scale(COUNT=1, **FAST))
    assert b"session.forgotten" in (farm.home / "scale-0.log").read_bytes()
    assert not (spool / "session.json").exists()
    assert not in_logs(farm, "session_id\": 7")
