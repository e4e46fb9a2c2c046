#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""openapi.yaml to C: one struct shim_document per path; and, where the document has
components, those as one JSON text, SYMBOL_components.

Usage: openapi.py SYMBOL openapi.yaml out.h
"""
import json
import sys

import yaml


def c_string(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    # A C compiler need not take a literal of more than 4095 characters in one piece.
    pieces = [escaped[i:i + 80] for i in range(0, len(escaped), 80)]
    for i in range(len(pieces) - 1):  # never part an escape from its backslash
        while (len(pieces[i]) - len(pieces[i].rstrip("\\"))) % 2:
            pieces[i + 1] = pieces[i][-1] + pieces[i + 1]
            pieces[i] = pieces[i][:-1]
    return "\n        ".join(f'"{piece}"' for piece in pieces)


def main(symbol, source, target):
    with open(source, encoding="utf-8") as file:
        document = yaml.safe_load(file)
    rows = []
    for path, operations in document["paths"].items():
        text = json.dumps(operations, separators=(",", ":"))
        rows.append(f'    {{ "{path}",\n        {c_string(text)} }},\n')
    shared = ""
    if "components" in document:
        text = json.dumps(document["components"], separators=(",", ":"))
        shared = f"static const char {symbol}_components[] =\n        {c_string(text)};\n"
    with open(target, "w", encoding="utf-8") as file:
        file.write(f"/* Generated from openapi.yaml. */\n"
                   f"static const struct shim_document {symbol}[] = {{\n"
                   f"{''.join(rows)}    {{ 0 }},\n}};\n{shared}")


if __name__ == "__main__":
    main(*sys.argv[1:])
