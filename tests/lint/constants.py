#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every public struct and constant of farmiq.h can be had from the linked library.

The compiler's view of the headers, not the generator's, says what there is and what it
is worth; the shared library must say the same.

constants.py INCLUDE_DIR LIBRARY VERSION COMPILER...
"""
import ctypes
import pathlib
import re
import subprocess
import sys
import tempfile

HEADER = "#include <farmiq/farmiq.h>\n"


def preprocess(cc, include, *options):
    return subprocess.run([*cc, "-E", *options, "-I", include, "-x", "c", "-"], input=HEADER,
                          capture_output=True, text=True, check=True).stdout


def structs(cc, include):
    return set(re.findall(r"\bstruct\s+(farmiq_\w+)\s*{", preprocess(cc, include, "-P")))


def constants(cc, include):
    macros = preprocess(cc, include, "-dM")
    names = set(re.findall(r"^#define (FARMIQ_\w+) (?![\"_}e])\S", macros, re.M))
    for body in re.findall(r"\benum\b[^{;]*{([^}]*)}", preprocess(cc, include, "-P")):
        names |= set(re.findall(r"\b(FARMIQ_\w+)\b(?=\s*(?:=|,|$))", body))
    return names


def compiled(cc, include, names, expression):
    """What the compiler makes of each name: {name: number}."""
    rows = "".join(f'printf("%s %lld\\n", "{n}", (long long)({expression.format(n)}));\n'
                   for n in sorted(names))
    program = HEADER + "#include <stdio.h>\nint main(void)\n{\n" + rows + "return 0;\n}\n"
    with tempfile.TemporaryDirectory() as folder:
        run = str(pathlib.Path(folder) / "values")
        subprocess.run([*cc, "-I", include, "-x", "c", "-", "-o", run], input=program,
                       text=True, check=True)
        out = subprocess.run([run], capture_output=True, text=True, check=True).stdout
    return {name: int(value) for name, value in map(str.split, out.splitlines())}


def main(include, library, version, *cc):
    lib = ctypes.CDLL(library)
    lib.farmiq_struct_size.restype = ctypes.c_size_t
    lib.farmiq_version_string.restype = ctypes.c_char_p
    bad = []

    sizes = compiled(cc, include, structs(cc, include), "sizeof(struct {0})")
    for name, size in sizes.items():
        told = lib.farmiq_struct_size(name.encode())
        if told != size:
            bad.append(f"farmiq_struct_size(\"{name}\") is {told}, not {size}")
    values = compiled(cc, include, constants(cc, include), "{0}")
    for name, value in values.items():
        told = ctypes.c_int64()
        if lib.farmiq_constant(name.encode(), ctypes.byref(told)) != 0:
            bad.append(f"farmiq_constant() does not know {name}")
        elif told.value != value:
            bad.append(f"farmiq_constant(\"{name}\") is {told.value}, not {value}")
    if lib.farmiq_version_string().decode() != version:
        bad.append(f"farmiq_version_string() is not {version}, the project's version")
    if len(sizes) < 15 or len(values) < 80:
        bad.append("too few names were found: has the look of the headers changed?")
    print(f"{len(sizes)} structs, {len(values)} constants")
    print("\n".join(bad))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
