#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every table of every schema has a row in docs/storage.md that says who bounds it, and the
options that the row names are that service's."""
import fnmatch
import importlib.util
import pathlib
import re
import sys

HEADING = "## What grows, and who bounds it"
ROW = re.compile(r"^\| (edge|cloud|agent|any): ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]*)\|$", re.M)
CREATE = re.compile(r"CREATE TABLE (\w+)")
NAMES = re.compile(r"`([^`]+)`")


def schemas(root):
    """{schema: its tables}; a queue's are the template's."""
    store = root / "libfarmiq/store"
    spec = importlib.util.spec_from_file_location("queries", store / "queries.py")
    queries = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(queries)
    shared = sorted((store / "schema").glob("*.sql"))
    found = {}
    for folder in sorted(p for p in (store / "schema").iterdir() if p.is_dir()):
        templates, steps = queries.parse_schema([*shared, *sorted(folder.glob("*.sql"))])
        texts = [queries.expand_templates(paths["sqlite"].read_text(), templates["sqlite"],
                                          folder) for paths in steps.values()]
        found[folder.name] = {name for text in texts for name in CREATE.findall(text)}
    return found


def options_of(root, owner):
    """What stands in the tables of a service, or of what its tables take from common."""
    folder = root / "shims" / owner
    files = [*folder.glob("*.c"), root / "shims/common/purge.h"]
    return set(re.findall(r'"([A-Z][A-Z_]+)"', "".join(f.read_text() for f in files)))


def main(root):
    text = (root / "docs/storage.md").read_text().split(HEADING)[1].split("\n## ")[0]
    rows = [(schema, NAMES.findall(tables), owner.strip(), NAMES.findall(after + every))
            for schema, tables, owner, after, every in ROW.findall(text)]
    bad = []
    for schema, tables in schemas(root).items():
        patterns = [p for s, names, *_ in rows if s in (schema, "any") for p in names]
        bad += [f"{schema}: nobody bounds {table}" for table in sorted(tables)
                if not any(fnmatch.fnmatch(table, pattern) for pattern in patterns)]
        bad += [f"{schema}: there is no table {p}" for s, names, *_ in rows if s == schema
                for p in names if not fnmatch.filter(tables, p)]
    for schema, tables, owner, options in rows:
        if (root / "shims" / owner / "service.c").exists():
            known = options_of(root, owner)
            bad += [f"{owner} has no option {o}" for o in options
                    if re.fullmatch("[A-Z_]+", o) and o not in known]
        elif "-" in owner:
            bad.append(f"there is no service {owner}")
    print("\n".join(f"docs/storage.md: {line}" for line in bad) or f"{len(rows)} rows")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
