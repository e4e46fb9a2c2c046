#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every metric declared in a table is explained in docs/operations.md, and no other."""
import pathlib
import re
import sys

DECLARED = re.compile(r'\{[\s\\]*"((?:farmiq|edge)_\w+)",\s*SHIM_(?:COUNTER|GAUGE)')
DOCUMENTED = re.compile(r"`(farmiq_\w+)(?:\{[^`]*\})?`")
EDGES = re.compile(r"`(edge_\w+)(?:\{[^`]*\})?`")  # elsewhere such names are secrets, members


def main(root):
    code = {m[1] for file in (root / "shims").glob("*/*.[ch]")
            for m in DECLARED.finditer(file.read_text())}
    handbook = (root / "docs/operations.md").read_text()
    table = handbook.split("\n## Metrics")[1].split("\n## ")[0]
    docs = set(DOCUMENTED.findall(handbook)) | set(EDGES.findall(table))
    for name in sorted(code - docs):
        print(f"{name} is not in docs/operations.md")
    for name in sorted(docs - code):
        print(f"{name} is in docs/operations.md only")
    print(f"{len(code)} metrics")
    return code != docs


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
