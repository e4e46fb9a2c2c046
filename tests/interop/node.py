# SPDX-License-Identifier: Apache-2.0
"""What the suite borrows from npm, in the build folder; without npm, tests are skipped."""
import pathlib
import shutil
import subprocess

import pytest

import target

HERE = pathlib.Path(__file__).resolve().parent


def modules():
    """The folder with node_modules in it, installed once for each version of package.json."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("skipped: npm is not installed")
    home = target.build_folder() / "interop-node"
    wanted, done = (HERE / "package.json").read_text(), home / "installed.json"
    if not done.exists() or done.read_text() != wanted:
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text(wanted)
        run = subprocess.run(["npm", "install", "--no-package-lock", "--ignore-scripts",
                              "--no-audit", "--no-fund"], cwd=home, capture_output=True,
                             text=True, timeout=300)
        if run.returncode:
            pytest.skip("skipped: npm could not install: " + run.stderr[-200:])
        done.write_text(wanted)
    return home / "node_modules"
