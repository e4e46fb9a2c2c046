#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every man page is one that groff has nothing to say against, and shows each option.

    pages.py PAGE..."""
import pathlib
import re
import subprocess
import sys


def rendered(page):
    """The page as a terminal shows it, and what groff complained about."""
    run = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-P-cbou", str(page)],
                         text=True, capture_output=True, check=False)
    return run.stdout, run.stderr if run.returncode == 0 else run.stderr or "groff failed"


def main(names):
    wrong = 0
    for page in map(pathlib.Path, names):
        text, complaints = rendered(page)
        source = page.read_text()
        for complaint in complaints.splitlines():
            print(f"{page.name}: {complaint}")
            wrong += 1
        options = re.findall(r"^\\fB\\-\\-(.*?)\\fR", source, re.MULTILINE)
        for option in options:
            if f"--{option}".replace("\\-", "-") not in text:
                print(f"{page.name}: --{option} is not on the rendered page")
                wrong += 1
        for section in ("NAME", "SYNOPSIS", "SEE ALSO"):
            if not re.search(rf"^{section}$", text, re.MULTILINE):
                print(f"{page.name}: no section {section}")
                wrong += 1
        print(f"{page.name}: {len(options)} options")
    return wrong != 0 or not names


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
