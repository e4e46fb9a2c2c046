#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The core library as firmware: it compiles for a bare Cortex-M3 without warnings, asks
for nothing but what a microcontroller has, and says how much flash each file takes.
The image of examples/firmware, linked with newlib-nano, brings no heap along; an image
that prints a double does, and docs/firmware.md says so."""
import argparse
import pathlib
import re
import subprocess
import sys

FLAGS = ["-mcpu=cortex-m3", "-mthumb", "--specs=nano.specs", "-std=gnu11", "-ffreestanding",
         "-fshort-enums", "-Os", "-ffunction-sections", "-fdata-sections", "-ffp-contract=off",
         "-fno-strict-aliasing", "-Wall", "-Wextra", "-Wshadow",
         "-Wno-missing-field-initializers", "-Werror"]

# What the core may ask of its surroundings: functions that by C's rules touch nothing but
# their arguments. No streams, no clock, no files; and no heap of our own. What newlib's
# snprintf() and strtod() do behind that is another matter: see HEAP.
ALLOWED = [
    r"mem(cpy|set|cmp|move|chr)|str(len|cmp|ncmp)",
    r"strtod|strtol|snprintf",       # numbers in JSON, both ways: json_number.c only
    r"_printf_float",                # newlib-nano's half of snprintf
    r"setjmp|longjmp",               # out of yajl when the scratch is full
    r"yajl_\w+",
    r"(sqrt|cbrt|hypot|log|log1p|log2|log10|exp|expm1|pow|floor|ceil|trunc|(ll?)?round|fabs|fmod|"
    r"fmin|fmax|erf|erfc|lgamma|tgamma|sin|cos|tan|asin|acos|atan|atan2)",
    r"__aeabi_\w+|__(clz|ctz|popcount|bswap)[sd]i2",  # the compiler's own
]

# newlib converts doubles with numbers of any length, and keeps those on the heap.
HEAP = re.compile(r"_?(malloc|calloc|realloc|free)(_r)?|_?sbrk(_r)?")
PRINTS_A_DOUBLE = """
#include <farmiq/json.h>
char text[64];
double value;
void image(void)
{
    struct farmiq_json_writer w;

    farmiq_json_begin(&w, text, sizeof text);
    farmiq_json_double(&w, value);
}
"""


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


def compile_all(args, sources):
    objects = []
    for source in sources:
        made = args.work / (source.parent.name + "_" + source.stem + ".o")
        run(args.compiler, *FLAGS, "-I", args.include, "-I", args.generated,
            "-I", yajl_only(args.work, args.yajl), "-c", source, "-o", made)
        objects.append(made)
    return objects


def link(args, name, archive, sources):
    """An image without startup code; what a board would supply stays undefined."""
    made = args.work / (name + ".elf")
    run(args.compiler, "-mcpu=cortex-m3", "-mthumb", "--specs=nano.specs", "-nostartfiles",
        "-Wl,--gc-sections", "-Wl,--entry=image", "-Wl,--unresolved-symbols=ignore-all",
        *compile_all(args, sources), archive, "-lm", "-o", made)
    return made


def heap_users(args, image):
    listed = symbols(tool(args.compiler, "nm"), image, "--defined-only")
    return sorted(name for name in listed if HEAP.fullmatch(name))


def check_images(args, archive):
    """Complaints about what images bring along."""
    text = args.work / "prints_a_double.c"
    text.write_text(PRINTS_A_DOUBLE)
    example = link(args, "example", archive, args.example)
    doubles = link(args, "doubles", archive, [text])
    print(run(tool(args.compiler, "size"), example, doubles))
    board = [name for name in imports(tool(args.compiler, "nm"), example)
             if not name.startswith("board_")]
    bad = [f"the example asks for {name}" for name in board]
    bad += [f"the example brings {name}" for name in heap_users(args, example)]
    if "_printf_float" not in symbols(tool(args.compiler, "nm"), doubles, "--defined-only"):
        bad.append("snprintf() in the image would print no double")
    if not heap_users(args, doubles):
        bad.append("printing a double needs no heap any more: tell docs/firmware.md")
    return bad


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
    parser.add_argument("--example", type=pathlib.Path, action="append", required=True)
    parser.add_argument("sources", type=pathlib.Path, nargs="+")
    args = parser.parse_args()
    archive = args.work / "libfarmiq.a"

    archive.unlink(missing_ok=True)
    run(tool(args.compiler, "ar"), "rcs", archive, *compile_all(args, args.sources))
    ram = print_sizes(tool(args.compiler, "size"), archive)
    needed = imports(tool(args.compiler, "nm"), archive)
    print("imports:", " ".join(needed))
    foreign = [name for name in needed
               if not any(re.fullmatch(allowed, name) for allowed in ALLOWED)]
    if foreign:
        print("not to be had on a microcontroller:", " ".join(foreign))
    if ram:
        print("the core must have no variables of its own")
    bad = check_images(args, archive)
    print("\n".join(bad))
    return bool(foreign or ram or bad)


if __name__ == "__main__":
    sys.exit(main())
