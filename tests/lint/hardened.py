#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs and libraries are built so that a memory error is harder to use: code at
addresses nobody can guess, a stack without code and with canaries, no table of functions
left to overwrite.

    hardened.py FILE..."""
import re
import subprocess
import sys

# What readelf must, or must not, say: what is missing if it does not.
REQUIRED = [
    (r"Type:\s+DYN", "position independent code"),
    (r"GNU_RELRO", "a read-only relocation table (relro)"),
    (r"\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*NOW", "functions bound at start (now)"),
    (r"GNU_STACK(?:\s+0x\w+){5}\s+RW\s", "a stack that is not executable"),
    (r"__stack_chk_fail", "canaries on the stack"),
]


def main(names):
    wrong = 0
    for name in names:
        said = subprocess.run(["readelf", "-hdlW", "--dyn-syms", name], text=True,
                              check=True, stdout=subprocess.PIPE).stdout
        for pattern, what in REQUIRED:
            if not re.search(pattern, said):
                print(f"{name}: no {what}")
                wrong += 1
    print(f"{len(names)} files, {wrong} complaints")
    return wrong != 0 or not names


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
