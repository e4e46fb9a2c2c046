#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every statement of every queries.sql prepares on SQLite, against a schema that ships;
none of the queue's verbs walks through a backlog to find its rows; and there is no index
that no statement uses.

  prepare.py SOURCE_ROOT [--plans]"""
import importlib.util
import pathlib
import re
import sqlite3
import sys

ROOT = pathlib.Path(sys.argv[1])
STORE = ROOT / "libfarmiq/store"
spec = importlib.util.spec_from_file_location("queries", STORE / "queries.py")
queries = importlib.util.module_from_spec(spec)
spec.loader.exec_module(queries)

# The tables of a queue or ledger are asked for by these names.
QUEUES = {"edge": ["sync", "ingress"], "cloud": ["bus_telemetry", "cloud"],
          "agent": ["agent"]}

# What may be walked through: it holds a row per claim or per dead letter, or is read
# from its head with a LIMIT.
MAY_SCAN = {"queue.batch_lapsed": {"_batch"}, "queue.ready_first": {"_ready"},
            "queue.audit_redrive": {"_dead"}, "queue.ready_redrive": {"_dead"},
            "queue.dead_redrive": {"_dead"}}

# What may sort: batches, of which there are as many as claimers, and the rows of one.
MAY_SORT = {"queue.batch_lapsed", "queue.batch_events"}


def databases():
    """{name: an empty database with that schema}"""
    found = {}
    template = STORE / "schema/queue.sqlite.sql"
    for folder in sorted((STORE / "schema").iterdir()):
        if not folder.is_dir():
            continue
        templates, steps = queries.parse_schema([template, *sorted(folder.glob("*.sql"))])
        db = found[folder.name] = sqlite3.connect(":memory:", isolation_level=None)
        for _, paths in sorted(steps.items()):
            text = paths["sqlite"].read_text()
            db.executescript(queries.expand_templates(text, templates["sqlite"], folder))
    return found


def plan(db, text):
    """The steps of the query plan; raises sqlite3.Error if it does not prepare."""
    params = {n: None for n in re.findall(r"\$(\d+)", text)}
    return [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + text, params)]


def plans(dbs, text):
    """The plan on each schema that has the tables, and why not on the others."""
    good, bad = [], []
    for name, db in dbs.items():
        for queue in QUEUES[name] if "{queue}" in text else [""]:
            try:
                good.append(plan(db, text.replace("{queue}", queue)))
            except sqlite3.Error as error:
                bad.append(f"{name}: {error}")
    return good, bad


def tables_by_alias(text):
    aliases = dict(re.findall(r"\{queue\}(_\w+) AS (\w+)", text))
    return {alias: table for table, alias in aliases.items()}


def scans(text, steps):
    """The suffixes of the queue's tables that the plan walks through."""
    aliases = tables_by_alias(text)
    for step in steps:
        match = re.match(r"SCAN (\w+)", step)
        if match:
            name = match[1]
            suffix = re.search(r"_[a-z]+$", name)
            yield aliases.get(name, suffix[0] if suffix else name)


def idle_indexes(dbs, used):
    """The indexes that are in no plan. A unique one works by being there."""
    for name, db in dbs.items():
        for index, sql in db.execute("SELECT name, sql FROM sqlite_schema"
                                     " WHERE type = 'index' AND sql IS NOT NULL"):
            if not (sql.startswith("CREATE UNIQUE") or index in used
                    or index.startswith("bus_unrouted")):
                yield f"{name}: no statement uses the index {index}"


def complaints(scope, name, text, dbs, show, used):
    good, bad = plans(dbs, text)
    if not good:
        yield "prepares nowhere: " + "; ".join(sorted(set(bad)))
    for steps in good:
        used.update(re.findall(r"INDEX (\w+)", "\n".join(steps)))
        if show:
            print(f"{scope}.{name}:", *steps, sep="\n    ")
        if scope != "queue":
            continue
        walked = set(scans(text, steps)) & {"_event", "_ready", "_retry", "_dead",
                                            "_receipt", "_dedupe", "_audit"}
        for table in walked - MAY_SCAN.get(f"{scope}.{name}", set()):
            yield f"walks through {table}"
        if (any("TEMP B-TREE" in step for step in steps)
                and f"{scope}.{name}" not in MAY_SORT):
            yield "sorts"


def main():
    dbs, failed, count, used = databases(), 0, 0, set()
    files = [STORE / "queries.sql", *sorted((ROOT / "shims").glob("*/queries.sql"))]
    for path in files:
        scope = "queue" if path.parent == STORE else path.parent.name
        for name, texts in queries.parse_queries(path).items():
            if not texts.get("sqlite"):
                continue
            count += 1
            for complaint in complaints(scope, name, texts["sqlite"], dbs,
                                        "--plans" in sys.argv, used):
                print(f"{path.relative_to(ROOT)}: {name} {complaint}")
                failed += 1
    for complaint in idle_indexes(dbs, used):
        print(complaint)
        failed += 1
    print(f"{count} statements in {len(files)} files, {failed} complaints")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
