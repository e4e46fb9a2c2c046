# SPDX-License-Identifier: Apache-2.0
"""Backups are tested by restoring them (seed 003, section 12; spec cloud 8.6): taken under
load, the database destroyed, put back, and then every event is accounted for."""
import contextlib
import datetime
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import time

import pytest

from conftest import ROOT
from farm import wait_for
from support import deliver_everything, ids, is_alive
from test_ctl import CTL, run

LOAD = {"DEVICES": 10, "RATE": 500, "BUFFER_MAX_MESSAGES": 1_000_000,
        "BUFFER_MAX_AGE": "7d", "REPLAY_RATE": 0, "WINDOW": 1000, "ACK_TIMEOUT": "2s"}
RTO_SECONDS = 7200  # seed 003's


def url(farm, database):
    return farm.database_url(database)


def moment():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def backup(farm, database, name="copy"):
    """The file; the daemon goes on meanwhile."""
    copy = farm.home / f"{database}-{name}.backup"
    code, out, complaints = run(farm.build, CTL, "backup", "--to", str(copy),
                                "--database-url", url(farm, database))
    assert (code, complaints) == (0, ""), complaints
    assert "whole and checked" in out and is_alive(farm, database)
    return copy


def rows(path, sql):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def destroy(farm, database):
    """The daemon is killed and its disk is gone. Returns what was on it, as evidence."""
    farm.processes[database].end(signal.SIGKILL)
    evidence = farm.home / f"{database}-evidence"
    evidence.mkdir()
    for path in farm.home.glob(f"{database}.db*"):
        path.rename(evidence / path.name)
    return evidence / f"{database}.db"


def restore(farm, database, copy):
    """Put it back and start: how long until it answers again, in seconds."""
    began = time.monotonic()
    code, _, complaints = run(farm.build, CTL, "restore", "--from", str(copy), "--schema",
                              database, "--database-url", url(farm, database))
    assert (code, complaints) == (0, "")
    farm.processes[database].start()
    return time.monotonic() - began


def replay(farm, since, *more):
    return run(farm.build, CTL, "outbox", "replay", "--since", since, "--database-url",
               url(farm, "edge"), *more)


def wait_for_empty_outbox(farm):
    """What the edge has sent is in the cloud's database, perhaps still on its bus."""
    for database, queue in (("edge", "sync"), ("cloud", "bus_telemetry")):
        wait_for(f"an empty {queue}", 60, lambda: farm.query(
            database, f"SELECT sum(pending + claimed) FROM {queue}_count") == [(0,)])


def drain(farm):
    """The agents end and the outbox empties, though not everything can be at the cloud."""
    agent = farm.processes["agent-0"]
    nothing = farm.home / "nothing.csv"
    nothing.write_text("ts,metric,value,unit\n")
    agent.end()
    agent.env.update(SOURCE="csv", CSV_FILE=str(nothing))
    agent.start()
    assert agent.running.wait(60) == 0
    wait_for_empty_outbox(farm)


@pytest.fixture
def busy(farm):
    """A farm in the middle of its work."""
    farm.start_agent(0, **LOAD)
    wait_for("some work", 30, lambda: farm.count("cloud") > 500)
    return farm


# -- the copy -----------------------------------------------------------------------------


def test_a_backup_under_load_is_of_one_moment(busy):
    before = busy.count("edge")
    copy = backup(busy, "edge")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert not list(busy.home.glob("*.partial*")) and not list(busy.home.glob("*.backup-*"))
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
    stored, = rows(copy, "SELECT count(*) FROM telemetry_raw")[0]
    assert before <= stored <= busy.count("edge")
    # Readings, their events and their aggregates were written together: so they are here.
    assert rows(copy, "SELECT count(*) FROM sync_event WHERE event_type ="
                      " 'telemetry.ingested'") == [(stored,)]
    assert rows(copy, "SELECT sum(count) FROM telemetry_agg WHERE \"window\" = '1d'") == \
        [(stored,)]


def test_a_backup_never_writes_over_another(busy):
    copy = backup(busy, "edge")
    before = copy.read_bytes()
    code, out, complaints = run(busy.build, CTL, "backup", "--to", str(copy),
                                "--database-url", url(busy, "edge"))
    assert (code, out) == (2, "") and "already" in complaints
    assert copy.read_bytes() == before


def test_what_is_missing_or_damaged_is_not_backed_up(farm, tmp_path):
    code, _, complaints = run(farm.build, CTL, "backup", "--to", str(tmp_path / "copy"),
                              "--database-url", f"sqlite:{tmp_path}/nothing.db")
    assert code == 2 and complaints
    damaged = tmp_path / "damaged.db"
    content = bytearray(backup(farm, "edge").read_bytes())
    for page in range(5, len(content) // 4096):
        content[page * 4096:page * 4096 + 8] = b"\xff" * 8
    damaged.write_bytes(content)
    code, _, complaints = run(farm.build, CTL, "backup", "--to", str(tmp_path / "copy"),
                              "--database-url", f"sqlite:{damaged}")
    assert code == 2 and complaints and not list(tmp_path.glob("copy*"))


@pytest.mark.parametrize("missing", ["--to", "--from"])
def test_a_file_is_asked_for_by_name(farm, missing):
    command = "backup" if missing == "--to" else "restore"
    code, _, complaints = run(farm.build, CTL, command, "--database-url", url(farm, "edge"))
    assert code == 2 and f"{missing} is needed" in complaints
    code, _, complaints = run(farm.build, CTL, command, "--database-url",
                              "postgresql://localhost/farmiq")
    assert code == 2 and "sqlite:" in complaints


# -- the way back -------------------------------------------------------------------------


def test_a_restore_refuses_a_database_in_use_a_stranger_and_a_wreck(farm):
    copy = backup(farm, "edge")

    def refused(source, schema, because, database):
        code, out, complaints = run(farm.build, CTL, "restore", "--from", str(source),
                                    "--schema", schema, "--database-url", url(farm, database))
        assert (code, out) == (2, "") and because in complaints, complaints

    refused(copy, "edge", "stop it first", "edge")
    assert is_alive(farm, "edge")
    refused(copy, "cloud", "nothing of this schema", "elsewhere")
    wreck = farm.home / "wreck"
    wreck.write_bytes(copy.read_bytes()[:20000])
    refused(wreck, "edge", "", "elsewhere")
    with contextlib.closing(sqlite3.connect(copy)) as db, db:
        db.execute("UPDATE farmiq_migration SET version = version + 1000")
    refused(copy, "edge", "newer than this library", "elsewhere")
    assert not (farm.home / "elsewhere.db").exists()


def test_a_restore_keeps_what_was_there(busy):
    copy = backup(busy, "edge")
    busy.processes["edge"].end(signal.SIGKILL)
    before = busy.count("edge")
    restore(busy, "edge", copy)
    kept = busy.home / "edge.db.replaced"
    assert rows(kept, "SELECT count(*) FROM telemetry_raw") == [(before,)]
    busy.processes["edge"].end()
    code, _, complaints = run(busy.build, CTL, "restore", "--from", str(copy),
                              "--database-url", url(busy, "edge"))
    assert code == 2 and ".replaced" in complaints, "a second one must not take it away"


# -- what happens to the events ------------------------------------------------------------


def test_a_restored_cloud_and_a_replay_lose_and_double_nothing(busy):
    since = moment()
    copy = backup(busy, "cloud")
    gap_began = time.monotonic()
    wait_for("work after the backup", 30, lambda: busy.count("cloud") > 2000)
    evidence = destroy(busy, "cloud")
    gap = time.monotonic() - gap_began
    seconds = restore(busy, "cloud", copy)
    drain(busy)
    tally = busy.tally()
    assert tally["lost"] > 200, "nothing was lost with the disk: this shows nothing"
    began = time.monotonic()
    code, out, _ = replay(busy, since)
    assert code == 0 and int(out.split()[0]) >= tally["lost"]
    wait_for_empty_outbox(busy)
    whole_after = time.monotonic() - began
    after = busy.tally()
    print(f"cloud: {gap:.1f} s between backup and loss, {tally['lost']} events in it; "
          f"serving after {seconds:.2f} s, whole after {whole_after:.2f} s more")
    assert seconds + whole_after < RTO_SECONDS
    assert after["lost"] == 0 and after["duplicated"] == 0, after
    known = {row[0] for row in rows(evidence, "SELECT event_id FROM telemetry_raw")}
    assert known <= set(ids(busy, "cloud")), "what the lost disk had is all here again"


def test_a_replay_of_what_the_cloud_has_changes_nothing(busy):
    tally = deliver_everything(busy)
    assert tally["lost"] == tally["duplicated"] == 0
    code, out, _ = replay(busy, "2020-01-01T00:00:00Z")
    assert code == 0 and int(out.split()[0]) >= tally["published"]
    wait_for_empty_outbox(busy)
    assert busy.tally() == tally
    assert replay(busy, "2020-01-01T00:00:00Z", "--tenant", "nobody")[0] == 1
    assert replay(busy, "2099-01-01T00:00:00Z")[0] == 1
    for since in ("", "yesterday", "2026-11-28"):
        code, _, complaints = replay(busy, since)
        assert code == 2 and "--since" in complaints


def unsent(path):
    return {row[0] for row in rows(path, "SELECT id FROM sync_outbox WHERE status <> 'acked'")}


def test_a_restored_edge_loses_only_what_it_had_not_sent(busy):
    """With the cloud there: what came since the backup is at the cloud, but for the last
    moment; what the backup holds as waiting is sent a second time and counts once."""
    copy = backup(busy, "edge")
    size = len(set(busy.ledger()))
    wait_for("work after the backup", 30, lambda: busy.count("cloud") > size + 1000)
    evidence = destroy(busy, "edge")
    seconds = restore(busy, "edge", copy)
    drain(busy)
    lost = set(busy.ledger()) - set(ids(busy, "cloud"))
    tally = busy.tally()
    print(f"edge: serving after {seconds:.2f} s; {len(lost)} of {tally['published']} lost, "
          f"{len(unsent(evidence))} were unsent")
    assert lost <= unsent(evidence), "the cloud has everything that was ever sent"
    assert tally["duplicated"] == 0, tally
    assert busy.query("edge", "SELECT dead FROM sync_count") == [(0,)]


def test_a_restored_edge_brings_the_backlog_of_its_backup(busy):
    """In an outage the backup's age is what is lost (RPO): everything older arrives."""
    busy.processes["cloud"].end()
    size = busy.count("edge")
    wait_for("a backlog", 30, lambda: busy.count("edge") > size + 500)
    copy = backup(busy, "edge")
    wait_for("more", 30, lambda: busy.count("edge") > size + 1500)
    evidence = destroy(busy, "edge")
    restore(busy, "edge", copy)
    busy.processes["cloud"].start()
    drain(busy)
    saved = {row[0] for row in rows(copy, "SELECT event_id FROM telemetry_raw")}
    at_cloud = set(ids(busy, "cloud"))
    assert saved <= at_cloud
    lost = set(busy.ledger()) - at_cloud
    assert lost and lost <= unsent(evidence) - saved, "this is the price of the interval"
    assert busy.tally()["duplicated"] == 0


# -- by the clock, on both engines ---------------------------------------------------------


def script(farm, name, database, *args):
    """deploy/backup's, as a timer runs them: the password is not on the command line."""
    place, password = url(farm, database), ""
    if database in farm.postgresql:
        password = farm.cluster.password
        place = place.replace(f":{password}@", "@")
    env = {**os.environ, "DATABASE_URL": place, "PGPASSWORD": password,
           "PATH": f"{farm.build / 'shims/farmiqctl'}:{os.environ['PATH']}"}
    done = subprocess.run([str(ROOT / "deploy/backup" / name), *map(str, args)], env=env,
                          timeout=120, text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr


def copies(folder, name):
    return sorted(folder.glob(f"{name}-*.backup"))


def test_the_newest_copies_stay_and_only_whole_ones_count(farm, tmp_path):
    for _ in range(3):
        code, _, complaints = script(farm, "farmiq-backup", "edge", "edge", tmp_path, 2)
        assert code == 0, complaints
        time.sleep(1.1)
    kept = copies(tmp_path, "edge")
    assert len(kept) == 2
    farm.processes["edge"].end()
    for path in farm.home.glob("edge.db*"):
        path.unlink()
    code, _, complaints = script(farm, "farmiq-backup", "edge", "edge", tmp_path, 1)
    assert code != 0 and complaints
    assert copies(tmp_path, "edge") == kept, "a failure takes none away"
    code, _, complaints = script(farm, "farmiq-restore", "edge", "edge", kept[-1])
    assert code == 0, complaints
    farm.processes["edge"].start()


def forget(farm, database):
    """The server is there again, empty."""
    farm.processes[database].end(signal.SIGKILL)
    farm.cluster.execute("postgres", f"DROP DATABASE {database} WITH (FORCE)")
    farm.cluster.create(database)


def test_a_cloud_on_postgresql_comes_back_whole(pg_farm, tmp_path):
    farm = pg_farm
    farm.start_agent(0, **LOAD)
    wait_for("some work", 60, lambda: farm.count("cloud") > 300)
    since = moment()
    code, out, complaints = script(farm, "farmiq-backup", "cloud", "cloud", tmp_path, 2)
    assert code == 0 and "whole and checked" in out, complaints
    copy, = copies(tmp_path, "cloud")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    size = farm.count("cloud")
    wait_for("work after the backup", 60, lambda: farm.count("cloud") > size + 500)
    code, _, complaints = script(farm, "farmiq-restore", "cloud", "cloud", copy)
    assert code == 2 and "restore into a new one" in complaints
    forget(farm, "cloud")
    began = time.monotonic()
    code, out, complaints = script(farm, "farmiq-restore", "cloud", "cloud", copy)
    assert code == 0 and "version" in out, complaints
    farm.processes["cloud"].start()
    seconds = time.monotonic() - began
    drain(farm)
    lost = farm.tally()["lost"]
    assert lost > 100, "nothing was lost with the database: this shows nothing"
    code, out, complaints = replay(farm, since)
    assert code == 0 and int(out.split()[0]) >= lost, complaints
    wait_for_empty_outbox(farm)
    tally = farm.tally()
    print(f"PostgreSQL: {lost} events in the gap; serving after {seconds:.2f} s")
    assert tally["lost"] == tally["duplicated"] == 0, tally


def test_a_password_never_stands_on_a_command_line(farm, tmp_path):
    for name, args in (("farmiq-backup", ("cloud", tmp_path, 1)),
                       ("farmiq-restore", ("cloud", tmp_path))):
        done = subprocess.run([str(ROOT / "deploy/backup" / name), *map(str, args)],
                              env={**os.environ, "DATABASE_URL": "postgresql://u:p@h/d"},
                              text=True, check=False, stderr=subprocess.PIPE)
        assert done.returncode == 2 and "PGPASSFILE" in done.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_has_nothing_against_the_timers(build, tmp_path):
    for unit in (build / "deploy/farmiq-backup@.service",
                 *(ROOT / "deploy/backup").glob("*.timer")):
        copy = tmp_path / unit.name.replace("@.", "@edge.")
        copy.write_text(unit.read_text().replace("/usr/local/bin/farmiq-backup", "/bin/true"))
    units = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], text=True,
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
