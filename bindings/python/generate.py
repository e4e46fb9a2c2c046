#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Derive farmiq/_abi.py from the public headers. It is committed; a test runs this
with --check and fails when it is out of date.

Usage: generate.py [--check] INCLUDE_DIR OUT
"""
import pathlib
import re
import sys

SCALARS = {"uint8_t": "c_uint8", "int32_t": "c_int32", "uint32_t": "c_uint32",
           "int64_t": "c_int64", "uint64_t": "c_uint64", "double": "c_double",
           "size_t": "c_size_t", "int": "c_int", "char": "c_char", "unsigned": "c_uint",
           "float": "c_float"}


def read(include):
    texts = []
    for path in sorted((include / "farmiq").glob("*.h")):
        if path.name == "model.h":
            continue  # the plug-ins' interface is in no library
        text = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S)
        texts.append(re.sub(r"^\s*#\s*(?!define).*$", "", text, flags=re.M))
    return "\n".join(texts)


def find_structs(text):
    return {m[1]: m[2] for m in
            re.finditer(r"\bstruct\s+(farmiq_\w+)\s*\{((?:[^{}]|\{[^{}]*\})*)\};", text)}


def find_callbacks(text):
    return {m[2]: (m[1], m[3]) for m in
            re.finditer(r"\btypedef\s+(\w+)\s+\(\*(farmiq_\w+)\)\(([^;]*)\);", text)}


def find_functions(text):
    pattern = r"\bFARMIQ_API\s+(?:FARMIQ_MUST_USE\s+)?([\w\s*]+?)\b(farmiq_\w+)\(([^;{]*)\);"
    return {m[2]: (m[1], m[3]) for m in re.finditer(pattern, text, flags=re.S)}


def find_constants(text):
    found = {}
    for body in re.findall(r"\benum\s+farmiq_\w+\s*\{(.*?)\}", text, flags=re.S):
        for name, value in re.findall(r"\b(FARMIQ_\w+)\s*=\s*([^,]+)", body):
            found[name] = eval(value, {"__builtins__": {}}, found)  # numbers and shifts
    for name, value in re.findall(r"#\s*define\s+(FARMIQ_\w+)\s+([-\w()<|]+)\s*$", text,
                                  flags=re.M):
        if re.fullmatch(r"\(?-?\d+\)?", value):
            found[name] = int(value.strip("()"))
    return found


class Types:
    """C declarations to ctypes expressions."""

    def __init__(self, structs, callbacks):
        self.structs, self.callbacks = structs, callbacks

    def base(self, name):
        if name.startswith("struct "):
            name = name[7:]
            return name if name in self.structs else None
        return name if name in self.callbacks else SCALARS[name]

    def of(self, declaration):
        """"const struct farmiq_str *name[2]" to an expression; the name is dropped."""
        text = re.sub(r"\b(const|enum \w+)\b", lambda m: "int32_t" if m[1] != "const" else "",
                      declaration)
        array = re.search(r"\[(\w*)\]\s*$", text.strip())
        text = re.sub(r"\[\w*( \+ 1)?\]", "", text)
        stars = text.count("*")
        words = text.replace("*", " ").split()
        name = " ".join(words[:2]) if words[0] == "struct" else words[0]
        if name == "void":
            return "c_void_p" if stars == 1 else "POINTER(c_void_p)"
        base = self.base(name)
        if base is None:
            return "c_void_p"  # opaque
        if base == "c_char" and stars == 1 and not array:
            return "c_char_p"
        for _ in range(stars):
            base = f"POINTER({base})"
        return (base, array[1]) if array else base

    def argument(self, declaration):
        if "[" in declaration:  # an array parameter is a pointer
            declaration = re.sub(r"\[[^\]]*\]", "", declaration.replace(" ", "  ", 1))
            words = declaration.split()
            declaration = " ".join(words[:-1]) + " *" + words[-1]
        return self.of(declaration)


def split_arguments(text):
    text = " ".join(text.split())
    return [] if text in ("", "void") else re.split(r",\s*(?![^()]*\))", text)


def fields(types, body, constants):
    for declaration in body.split(";"):
        declaration = " ".join(declaration.split())
        if not declaration:
            continue
        pointer = re.match(r".*\(\*(\w+)\)\(", declaration)
        if pointer:
            yield pointer[1], "c_void_p"
            continue
        head = re.match(r"(?:const )?(?:struct )?\w+ ", declaration)[0]
        for part in declaration[len(head):].split(","):
            name = re.sub(r"[*\s]|\[.*", "", part)
            kind = types.of(head + part)
            if isinstance(kind, tuple):
                size = int(kind[1]) if kind[1].isdigit() else constants[kind[1]]
                kind = f"{kind[0]} * {size}"
            yield name, kind


def result(text):
    text = " ".join(text.split())
    if text == "void":
        return "None"
    if "*" in text:
        return "c_char_p" if "char" in text else "c_void_p"
    if text.startswith("struct "):
        return text[7:]
    return SCALARS[text.replace("const ", "")]


def generate(include):
    text = read(include)
    structs, callbacks = find_structs(text), find_callbacks(text)
    functions, constants = find_functions(text), find_constants(text)
    types = Types(structs, callbacks)
    out = ['# SPDX-License-Identifier: Apache-2.0',
           '"""Generated by generate.py from the public headers. Do not edit."""',
           "from ctypes import (CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double,  # noqa: F401",
           "                    c_int, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_uint64,",
           "                    c_void_p)", ""]
    out += [f"{name} = {value}" for name, value in sorted(constants.items())]
    for name in structs:
        out += ["", "", f"class {name}(Structure):", "    pass"]
    out.append("")
    for name, (returned, arguments) in sorted(callbacks.items()):
        kinds = ["c_void_p" if "*" in a else types.argument(a)
                 for a in split_arguments(arguments)]
        out.append(f"{name} = CFUNCTYPE({', '.join([result(returned)] + kinds)})")
    for name, body in structs.items():
        out += ["", f"{name}._fields_ = ["]
        out += [f'    ("{field}", {kind}),' for field, kind in
                fields(types, body, constants)]
        out.append("]")
    out += ["", "STRUCTS = {" + ", ".join(f'"{name}": {name}' for name in sorted(structs))
            + "}", "", "FUNCTIONS = {"]
    for name, (returned, arguments) in sorted(functions.items()):
        kinds = ", ".join(types.argument(a) for a in split_arguments(arguments))
        out.append(f'    "{name}": ({result(returned)}, [{kinds}]),')
    out += ["}", ""]
    return "\n".join(out)


def main(arguments):
    check = "--check" in arguments
    include, target = [pathlib.Path(a) for a in arguments if a != "--check"]
    text = generate(include)
    if not check:
        target.write_text(text)
        return 0
    if target.read_text() == text:
        return 0
    print(f"{target} is out of date: run generate.py {include} {target}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
