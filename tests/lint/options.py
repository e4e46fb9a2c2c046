#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every option that docs/operations.md names exists, with the default it names.

A row of its table, "| `NAME` | `default` |", is compared with the tables in shims."""
import pathlib
import re
import sys

DECLARED = re.compile(r'\{\s*"([A-Z][A-Z0-9_]*)",\s*SHIM_\w+,\s*"([^"]*)"')
ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]*)` \| `([^`]*)` \|", re.MULTILINE)
SECTION = re.compile(r"^## The options that matter$.*?^## ", re.MULTILINE | re.DOTALL)


def main(root):
    declared = {}
    for file in sorted((root / "shims").glob("*/*.[ch]")):
        text = re.sub(r"\s*\\\n", "\n", file.read_text())  # macros go on over lines
        for name, fallback in DECLARED.findall(text):
            declared.setdefault(name, set()).add(fallback)
    rows = ROW.findall(SECTION.search((root / "docs/operations.md").read_text())[0])
    wrong = 0
    for name, fallback in rows:
        if fallback not in declared.get(name, ()):
            print(f"{name}: docs/operations.md says {fallback!r}, "
                  f"the code {sorted(declared.get(name, ['no such option']))}")
            wrong += 1
    print(f"{len(rows)} options described, {len(declared)} declared")
    return wrong != 0 or not rows


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
