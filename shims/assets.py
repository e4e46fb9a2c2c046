#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files to C: one struct shim_asset per file, served under the path given with it.

Usage: assets.py SYMBOL out.h /path=file [/path=file]...
"""
import sys

TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
         "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}


def c_bytes(data):
    lines = []
    for i in range(0, len(data), 16):
        lines.append("    " + ", ".join(str(b) for b in data[i:i + 16]) + ",\n")
    return "".join(lines)


def main(symbol, target, *pairs):
    arrays, rows = [], []
    for number, pair in enumerate(pairs):
        path, name = pair.split("=", 1)
        with open(name, "rb") as file:
            data = file.read()
        kind = TYPES[name.rsplit(".", 1)[1]]
        arrays.append(f"static const unsigned char {symbol}_{number}[] = {{\n"
                      f"{c_bytes(data)}}};\n")
        rows.append(f'    {{ "{path}", "{kind}", {symbol}_{number}, {len(data)} }},\n')
    with open(target, "w", encoding="utf-8") as file:
        file.write("/* Generated. */\n" + "".join(arrays))
        file.write(f"static const struct shim_asset {symbol}[] = {{\n{''.join(rows)}"
                   f"    {{ 0 }},\n}};\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
