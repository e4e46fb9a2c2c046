#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What libfarmiq.so exports is what the headers promise, and docs/symbols.txt says since
when. With --update the file is rewritten: new names get the current version, names that
are there keep theirs.

symbols.py [--update] [ROOT [LIBRARY]]    by default this tree and what it built in build/
"""
import pathlib
import re
import subprocess
import sys

HEAD = "# Functions of libfarmiq.so: name, since. A test compares this with the library and\n" \
       "# the headers; tests/lint/symbols.py --update rewrites it.\n"


def functions(header):
    """The FARMIQ_API functions that a header declares."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    return set(re.findall(r"^FARMIQ_API\b[^;]*?\b(farmiq_\w+)\(", text, re.M))


def promised(include):
    """The functions of farmiq.h: everything that is pure."""
    text = (include / "farmiq/farmiq.h").read_text()
    return set().union(*(functions(include / name) for name in
                         re.findall(r"#include <(farmiq/[^>]+)>", text)))


def declared(include):
    """The functions of all headers: the library also carries what stores build upon."""
    return set().union(*map(functions, include.glob("farmiq/*.h")))


def exported(library):
    out = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True,
                         text=True, check=True).stdout
    return {line.split()[2].split("@")[0] for line in out.splitlines()}


def documented(file):
    lines = file.read_text().splitlines() if file.exists() else []
    return dict(line.split() for line in lines if line and not line.startswith("#"))


def current_version(include):
    text = (include / "farmiq/version.h").read_text()
    return re.search(r'#define FARMIQ_VERSION_STRING "([^"]+)"', text)[1]


def complaints(names, others, text):
    return [f"{name}: {text}" for name in sorted(names - others)]


def main(root=pathlib.Path(__file__).resolve().parents[2], library=None, update=False):
    root = pathlib.Path(root)
    library = library or root / "build/libfarmiq/libfarmiq.so"
    file = root / "docs/symbols.txt"
    include = root / "include"
    exports, since = exported(library), documented(file)
    if update:
        since = {name: since.get(name, current_version(include))
                 for name in exports | promised(include)}
        width = max(map(len, since)) + 2
        file.write_text(HEAD + "".join(f"{name:<{width}}{since[name]}\n"
                                       for name in sorted(since)))
    bad = complaints(promised(include), exports, "promised by farmiq.h, not exported")
    bad += complaints(exports, declared(include), "exported, in no header")
    bad += complaints(exports, set(since), "exported, not in docs/symbols.txt")
    bad += complaints(set(since), exports, "in docs/symbols.txt, not exported")
    print(f"{len(exports)} symbols")
    print("\n".join(bad))
    return bool(bad)


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--update"]
    sys.exit(main(*arguments, update="--update" in sys.argv))
