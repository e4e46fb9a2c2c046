# SPDX-License-Identifier: Apache-2.0
"""What operators ask of a janitor. What it lets go is seen in a folder, not on a wire."""
import pytest

from wire import TIME, wait_for

RUN, STATE = "/api/v1/janitor/run", "/api/v1/janitor/state"


@pytest.fixture
def opened(differs):
    """An answer without the envelope that others have around it."""
    def of(said):
        differs("no-envelope", set(said) == {"data"}, "data" not in said)
        return said.get("data", said)
    return of


@pytest.fixture
def run(janitor, opened, target):
    """A run by hand, when no other is under way."""
    def ended():
        answer = janitor.post(RUN)
        assert answer.status == 200, answer
        said = opened(answer.json)
        return said if said["error"] is None else None
    return lambda: wait_for("a run", target.patience, ended)


def test_a_run_by_hand(run):
    """edge 4.7: POST run answers when the run has ended, with what it did."""
    said = run()
    assert TIME.fullmatch(said["started_at"]) and TIME.fullmatch(said["finished_at"])
    assert said["started_at"] <= said["finished_at"]
    for name in ("deleted_files", "freed_bytes"):
        assert isinstance(said[name], int) and said[name] >= 0, name
    assert isinstance(said["dry_run"], bool) and said["error"] is None


def test_the_state_is_that_of_the_last_run(janitor, run, opened):
    """edge 4.7: GET state has when the last run was and what it did."""
    said, state = run(), opened(janitor.good(STATE))
    assert set(state) >= {"last_run_at", "last_deleted_files", "last_freed_bytes",
                          "last_error"}
    assert state["last_run_at"] >= said["started_at"]
    assert state["last_deleted_files"] >= 0 and state["last_freed_bytes"] >= 0
    assert state["last_error"] is None


def test_metrics_of_the_janitor(janitor, run):
    """edge 11.3: runs, files and bytes that went, and when the last run was."""
    def of():
        text = janitor.get("/metrics").body.decode()
        return {line.split()[0]: float(line.split()[1]) for line in text.splitlines()
                if line.startswith("edge_janitor_")}
    before = of()
    run()
    after = of()
    assert after["edge_janitor_runs_total"] > before.get("edge_janitor_runs_total", 0)
    for name in ("deleted_files_total", "freed_bytes_total"):
        assert after[f"edge_janitor_{name}"] >= 0
    assert after["edge_janitor_last_run_timestamp"] >= before.get(
        "edge_janitor_last_run_timestamp", 0)
