#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every route of a service stands in its openapi.yaml, and the other way round; and what
a document refers to is there."""
import pathlib
import re
import sys

import yaml

ROUTE = re.compile(r'\{\s*"(GET|POST|PUT|DELETE|PATCH)",\s*"(/[^"]*)"')
VERBS = {"get", "post", "put", "delete", "patch"}


def coded(folder):
    return {(m[1], m[2]) for file in folder.glob("*.c")
            for m in ROUTE.finditer(file.read_text())}


def documented(folder):
    document = yaml.safe_load((folder / "openapi.yaml").read_text())
    return {(verb.upper(), path) for path, verbs in document["paths"].items()
            for verb in verbs if verb in VERBS}


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from references(child)


def unknown(root, folder):
    """References of a document that the shared components do not answer."""
    shared = yaml.safe_load((root / "shims/kit/openapi.yaml").read_text())["components"]
    known = {f"#/components/{kind}/{name}" for kind in shared for name in shared[kind]}
    document = yaml.safe_load((folder / "openapi.yaml").read_text())
    return set(references(document)) - known


def main(root):
    bad, count = [], 0
    for document in sorted((root / "shims").glob("*/openapi.yaml")):
        folder = document.parent
        code, docs = coded(folder), documented(folder)
        count += len(code)
        bad += [f"{folder.name}: {v} {p} is not in openapi.yaml" for v, p in code - docs]
        bad += [f"{folder.name}: {v} {p} has no route" for v, p in docs - code]
        bad += [f"{folder.name}: {ref} refers to nothing" for ref in unknown(root, folder)]
    for service in sorted((root / "shims").glob("*/service.c")):
        if coded(service.parent) and not (service.parent / "openapi.yaml").exists():
            bad.append(f"{service.parent.name}: has routes but no openapi.yaml")
    print(f"{count} routes")
    print("\n".join(sorted(bad)))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
