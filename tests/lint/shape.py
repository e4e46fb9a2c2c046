#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shape of the code: no function over 60 lines, the median at most 14, services
thin, tests at least one line per line of code."""
import pathlib
import re
import statistics
import subprocess
import sys

LONGEST, MEDIAN, SERVICE = 60, 14, 250


def functions(text):
    """(name, first line, lines) of each function of a formatted C file."""
    lines, found, start = text.split("\n"), [], None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line.startswith("}") and start is not None:
            head = " ".join(lines[max(0, start - 4):start])
            name = re.findall(r"(\w+)\s*\(", head)
            found.append((name[-1] if name else "?", start + 1, i - start - 1))
            start = None
    return found


def tracked(root, *patterns):
    out = subprocess.run(["git", "-C", root, "ls-files", *patterns], capture_output=True,
                         text=True, check=True).stdout.split()
    return [p for p in out if (root / p).exists()]


def code_lines(root, paths):
    return sum(1 for p in paths for line in (root / p).read_text().splitlines()
               if line.strip())


def main(root):
    bad, lengths = [], []
    ours = tracked(root, "libfarmiq/*.c", "shims/*.c")
    for path in ours:
        text = (root / path).read_text()
        for name, line, length in functions(text):
            lengths.append(length)
            if length > LONGEST:
                bad.append(f"{path}:{line}: {name} has {length} lines, at most {LONGEST}")
        is_service = re.match(r"shims/(?!kit/|common/|farmiqd/|farmiqctl/)[^/]+/", path)
        if is_service and text.count("\n") > SERVICE:
            bad.append(f"{path}: {text.count(chr(10))} lines, a service file has at most "
                       f"{SERVICE}")
    median = statistics.median(lengths)
    if median > MEDIAN:
        bad.append(f"the median function has {median} lines, at most {MEDIAN}")
    tests = code_lines(root, tracked(root, "tests/*.c", "tests/*.h", "tests/*.py",
                                     "bindings/python/tests/*.py"))
    core = code_lines(root, tracked(root, "libfarmiq/*.c"))
    if tests < core:
        bad.append(f"{tests} lines of tests for {core} lines of library")
    print(f"{len(lengths)} functions, median {median}, longest {max(lengths)} lines; "
          f"{tests / core:.2f} lines of tests per line of library")
    print("\n".join(bad))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
