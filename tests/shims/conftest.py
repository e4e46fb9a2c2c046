# SPDX-License-Identifier: Apache-2.0
"""Black-box tests: real processes, asked only over their public doors."""
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import farm as farm_module  # noqa: E402

SOAK = os.environ.get("FARMIQ_SOAK") == "1"


@pytest.fixture(scope="session")
def build():
    return pathlib.Path(os.environ.get("FARMIQ_BUILD", ROOT / "build"))


# Which databases are on PostgreSQL; the others are files.
ENGINES = {"sqlite": (), "postgresql": ("edge", "cloud")}


def run_farm(home, build, engine="sqlite"):
    made = farm_module.Farm(home, build, ENGINES[engine])
    try:
        if made.postgresql:
            made.start_postgres()
        made.start_broker()
        made.start_cloud()
        made.start_edge()
        yield made
    finally:
        made.end()


@pytest.fixture
def farm(tmp_path, build):
    """A farm whose broker, cloud and edge run; agents are the test's business."""
    yield from run_farm(tmp_path / "farm", build)


@pytest.fixture
def pg_farm(tmp_path, build):
    """The same with both databases on PostgreSQL."""
    yield from run_farm(tmp_path / "farm", build, "postgresql")


@pytest.fixture(params=ENGINES)
def any_farm(tmp_path, build, request):
    """One after the other: what is asked of it is the same on either engine."""
    yield from run_farm(tmp_path / "farm", build, request.param)


@pytest.fixture(scope="module")
def shared_farm(tmp_path_factory, build):
    """One for tests that leave nothing behind."""
    yield from run_farm(tmp_path_factory.mktemp("shared") / "farm", build)
