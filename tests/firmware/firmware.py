#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The core library as firmware: it compiles for a bare Cortex-M3 without warnings, asks
for nothing but what a microcontroller has, and says how much flash each file takes."""
import argparse
import pathlib
import re
import subprocess
import sys

FLAGS = ["-mcpu=cortex-m3", "-mthumb", "-std=gnu11", "-ffreestanding", "-fshort-enums", "-Os",
         "-ffunction-sections", "-fdata-sections", "-ffp-contract=off", "-fno-strict-aliasing",
         "-Wall", "-Wextra", "-Wshadow", "-Wno-missing-field-initializers", "-Werror"]

# What the core may ask of its surroundings: functions that touch nothing but their
# arguments. No stdio streams, no heap, no clock, no files.
ALLOWED = [
    r"mem(cpy|set|cmp|move|chr)|str(len|cmp|ncmp)",
    r"strtod|strtol|snprintf",       # numbers in JSON, both ways
    r"setjmp|longjmp",               # out of yajl when the scratch is full
    r"yajl_\w+",
    r"(sqrt|cbrt|hypot|log|log1p|log2|log10|exp|expm1|pow|floor|ceil|trunc|(ll?)?round|fabs|fmod|"
    r"fmin|fmax|erf|erfc|lgamma|tgamma|sin|cos|tan|asin|acos|atan|atan2)",
    r"__aeabi_\w+|__(clz|ctz|popcount|bswap)[sd]i2",  # the compiler's own
]


def tool(compiler, name):
    return re.sub(r"gcc$", name, compiler)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def yajl_only(work, include):
    """A folder with yajl's headers and none of the host's."""
    headers, link = pathlib.Path(include), work / "yajl-include" / "yajl"
    if headers.name != "yajl":
        headers /= "yajl"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(headers)
    return link.parent


def compile_all(args, work):
    objects = []
    for source in args.sources:
        made = work / (source.parent.name + "_" + source.stem + ".o")
        run(args.compiler, *FLAGS, "-I", args.include, "-I", args.generated,
            "-I", yajl_only(work, args.yajl), "-c", source, "-o", made)
        objects.append(made)
    return objects


def symbols(nm, archive, kind):
    lines = run(nm, kind, "--format=posix", archive).splitlines()
    return {line.split()[0] for line in lines if len(line.split()) > 1}


def imports(nm, archive):
    needed = symbols(nm, archive, "--undefined-only")
    return sorted(needed - symbols(nm, archive, "--defined-only"))


def print_sizes(size, archive):
    """text is code and constants, data and bss would be RAM: the core has no globals."""
    total, ram = 0, 0
    print(f"{'file':<24}{'flash':>8}{'ram':>6}")
    for line in run(size, archive).splitlines()[1:]:
        text, data, bss, _, _, name = line.split()[:6]
        print(f"{name:<24}{int(text) + int(data):>8}{int(data) + int(bss):>6}")
        total += int(text) + int(data)
        ram += int(data) + int(bss)
    print(f"{'all':<24}{total:>8}{ram:>6}")
    return ram


def main():
    parser = argparse.ArgumentParser()
    for option in ("--include", "--generated", "--yajl", "--compiler"):
        parser.add_argument(option, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("sources", type=pathlib.Path, nargs="+")
    args = parser.parse_args()
    archive = args.work / "libfarmiq.a"

    archive.unlink(missing_ok=True)
    run(tool(args.compiler, "ar"), "rcs", archive, *compile_all(args, args.work))
    ram = print_sizes(tool(args.compiler, "size"), archive)
    needed = imports(tool(args.compiler, "nm"), archive)
    print("imports:", " ".join(needed))
    foreign = [name for name in needed
               if not any(re.fullmatch(allowed, name) for allowed in ALLOWED)]
    if foreign:
        print("not to be had on a microcontroller:", " ".join(foreign))
    if ram:
        print("the core must have no variables of its own")
    return bool(foreign or ram)


if __name__ == "__main__":
    sys.exit(main())
