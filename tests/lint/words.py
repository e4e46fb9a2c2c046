#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each source file begins with its licence, and the tree holds no machine's paths."""
import pathlib
import re
import subprocess
import sys

FOREIGN = re.compile(r"/work/|/root/|/home/\w+/|deb\.debian\.org|registry\.npmjs")


def main(root):
    bad = []
    files = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True,
                           check=True).stdout.split()
    for path in files:
        file = root / path
        if not file.is_file() or path == "tests/lint/words.py":
            continue
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            bad.append(f"{path}: not text")
            continue
        if path.endswith((".c", ".h")) and "SPDX-License-Identifier" not in text[:200]:
            bad.append(f"{path}: no licence line")
        bad += [f"{path}:{n}: names a place of one machine" for n, line in
                enumerate(text.splitlines(), 1) if FOREIGN.search(line)]
    print(f"{len(files)} files")
    print("\n".join(bad))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
