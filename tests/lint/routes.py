#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every route of a service stands in its openapi.yaml, and the other way round."""
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


def main(root):
    bad, count = [], 0
    for document in sorted((root / "shims").glob("*/openapi.yaml")):
        folder = document.parent
        code, docs = coded(folder), documented(folder)
        count += len(code)
        bad += [f"{folder.name}: {v} {p} is not in openapi.yaml" for v, p in code - docs]
        bad += [f"{folder.name}: {v} {p} has no route" for v, p in docs - code]
    for service in sorted((root / "shims").glob("*/service.c")):
        if coded(service.parent) and not (service.parent / "openapi.yaml").exists():
            bad.append(f"{service.parent.name}: has routes but no openapi.yaml")
    print(f"{count} routes")
    print("\n".join(sorted(bad)))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
