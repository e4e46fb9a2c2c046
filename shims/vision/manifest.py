#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the manifest of a model that was just built: its members, and the SHA-256 of its
library.

manifest.py LIBRARY OUT NAME=VALUE...     a VALUE that reads as JSON is JSON, else text"""
import hashlib
import json
import pathlib
import sys


def value_of(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def main(library, out, *members):
    library = pathlib.Path(library)
    made = {name: value_of(text) for name, text in (m.split("=", 1) for m in members)}
    made |= {"library": library.name,
             "sha256": hashlib.sha256(library.read_bytes()).hexdigest()}
    pathlib.Path(out).write_text(json.dumps(made, indent=2) + "\n")


main(*sys.argv[1:])
