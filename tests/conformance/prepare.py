#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every statement of every queries.sql prepares on SQLite and on PostgreSQL, against a
schema that ships; none of the queue's verbs walks through a backlog to find its rows; there
is no index that no statement uses; and on PostgreSQL parameters and columns have types that
the store knows.

  prepare.py SOURCE_ROOT [--farmiqctl PROGRAM] [--plans]

Without a farmiqctl, which brings a PostgreSQL of the test's own up to date, only SQLite is
asked."""
import argparse
import contextlib
import importlib.util
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("root", type=pathlib.Path)
parser.add_argument("--farmiqctl")
parser.add_argument("--plans", action="store_true")
args = parser.parse_args()

STORE = args.root / "libfarmiq/store"
spec = importlib.util.spec_from_file_location("queries", STORE / "queries.py")
queries = importlib.util.module_from_spec(spec)
spec.loader.exec_module(queries)

# The tables of a queue, a ledger or feedings are asked for by these names.
QUEUES = {"edge": ["sync", "ingress", "inference", "feed_intake_local"],
          "cloud": ["bus_telemetry", "bus_sessions", "bus_intake", "bus_media", "ingest",
                    "cloud", "feed_intake"],
          "agent": ["agent"]}

# What may be walked through: it holds a row per claim or per dead letter, or is read
# from its head with a LIMIT.
MAY_SCAN = {"queue.batch_lapsed": {"_batch"}, "queue.ready_first": {"_ready"},
            "queue.audit_redrive": {"_dead"}, "queue.ready_redrive": {"_dead"},
            "queue.dead_redrive": {"_dead"}}

# What grows with the backlog.
GROWS = {"_event", "_ready", "_retry", "_dead", "_receipt", "_dedupe", "_audit"}

# What may sort: batches, of which there are as many as claimers, and the rows of one.
MAY_SORT = {"queue.batch_lapsed", "queue.batch_events"}


class Sqlite:
    """An empty database in memory for each schema."""

    name, Error = "sqlite", sqlite3.Error

    def __init__(self):
        self.databases = {}
        shared = sorted((STORE / "schema").glob("*.sqlite.sql"))
        for folder in sorted((STORE / "schema").iterdir()):
            if not folder.is_dir():
                continue
            templates, steps = queries.parse_schema([*shared, *sorted(folder.glob("*.sql"))])
            db = self.databases[folder.name] = sqlite3.connect(":memory:", isolation_level=None)
            for _, paths in sorted(steps.items()):
                text = paths["sqlite"].read_text()
                db.executescript(queries.expand_templates(text, templates["sqlite"], folder))

    def plan(self, schema, text):
        """The steps of the query plan; raises Error if it does not prepare."""
        params = {n: None for n in re.findall(r"\$(\d+)", text)}
        return [row[3] for row in
                self.databases[schema].execute("EXPLAIN QUERY PLAN " + text, params)]

    @staticmethod
    def indexes(steps):
        return set(re.findall(r"INDEX (\w+)", "\n".join(steps)))

    @staticmethod
    def scanned(steps):
        """Tables, or their aliases, that are walked through."""
        return {match[1] for match in map(re.compile(r"SCAN (\w+)").match, steps) if match}

    @staticmethod
    def sorts(steps):
        return any("TEMP B-TREE" in step for step in steps)

    def built(self, schema):
        """The indexes that only a statement can justify: a unique one works by being there."""
        return {name for name, sql in self.databases[schema].execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
            if not sql.startswith("CREATE UNIQUE")}


# The types that libfarmiq-pg sends and reads (libfarmiq/store/pg_values.c).
PG_TYPES = {"bigint", "integer", "smallint", "timestamp with time zone", "text",
            "character varying", "json", "double precision", "bytea", "boolean"}

# Plans as they are once they are kept, on connections as the store configures them.
PG_SETTINGS = ("plan_cache_mode = force_generic_plan", "enable_seqscan = off",
               "enable_hashjoin = off", "enable_mergejoin = off", "jit = off")


class Postgresql:
    """A database for each schema on a server of our own, made by the product itself."""

    name = "pg"

    def __init__(self, cluster):
        import psycopg2
        self.Error, self.databases = psycopg2.Error, {}
        for schema in QUEUES:
            cluster.create(schema)
            subprocess.run([args.farmiqctl, "migrate", "--schema", schema, "--database-url",
                            cluster.url(schema)], check=True, stdout=subprocess.DEVNULL)
            connection = self.databases[schema] = psycopg2.connect(cluster.url(schema))
            cursor = connection.cursor()
            for setting in PG_SETTINGS:
                cursor.execute("SET " + setting)
            connection.commit()

    def plan(self, schema, text):
        """The steps of the plan, one dictionary each; raises Error if it does not prepare."""
        connection = self.databases[schema]
        with contextlib.closing(connection.cursor()) as cursor:
            try:
                cursor.execute("PREPARE asked AS " + text)
                cursor.execute("SELECT parameter_types::text[] FROM pg_prepared_statements")
                types = cursor.fetchone()[0]
                self._check_types(types)
                nulls = f"({', '.join(['NULL'] * len(types))})" if types else ""
                self._check_columns(cursor, "EXECUTE asked" + nulls)
                cursor.execute("EXPLAIN (FORMAT JSON) EXECUTE asked" + nulls)
                return list(self._steps(cursor.fetchone()[0][0]["Plan"]))
            finally:
                connection.rollback()
                cursor.execute("DEALLOCATE ALL")
                connection.commit()

    def _check_types(self, types):
        strange = {name.removesuffix("[]") for name in types} - PG_TYPES
        if strange:
            raise self.Error(f"has types that the store does not know: {strange}")

    def _check_columns(self, cursor, text):
        """Runs it, with NULL for everything: what it returns is known then."""
        cursor.execute("SAVEPOINT before")
        try:
            cursor.execute(text)
            codes = {column.type_code for column in cursor.description or ()}
        except self.Error as error:
            if error.pgcode != "23502":  # a column that may not be NULL
                raise
            codes = set()
        cursor.execute("ROLLBACK TO before")
        cursor.execute("SELECT format_type(code, NULL) FROM unnest(%s::oid[]) AS c (code)",
                       (list(codes),))
        self._check_types([row[0] for row in cursor.fetchall()])

    def _steps(self, node):
        yield node
        for below in node.get("Plans", ()):
            yield from self._steps(below)

    @staticmethod
    def indexes(steps):
        return {step["Index Name"] for step in steps if "Index Name" in step}

    @staticmethod
    def scanned(steps):
        return {step["Relation Name"] for step in steps if step["Node Type"] == "Seq Scan"}

    @staticmethod
    def sorts(_):
        """It sorts what was given, to lock rows in one order."""
        return False

    def built(self, schema):
        """Which of several indexes it takes depends on what is in the tables, and here
        nothing is: so one of the same name that SQLite uses is justified, too."""
        with contextlib.closing(self.databases[schema].cursor()) as cursor:
            cursor.execute("""
                SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
                WHERE c.relnamespace = 'public'::regnamespace AND NOT i.indisunique
                    AND NOT c.relispartition""")
            return {row[0] for row in cursor.fetchall()}


@contextlib.contextmanager
def postgresql():
    """The engine, while its server runs."""
    sys.path.insert(0, str(args.root / "scripts"))
    from farm import free_port
    from postgres import Cluster
    cluster = Cluster(free_port())
    server = subprocess.Popen(cluster.args, user=cluster.user, stderr=subprocess.DEVNULL)
    try:
        while not cluster.answers():
            assert server.poll() is None, "PostgreSQL does not start"
            time.sleep(0.05)
        yield Postgresql(cluster)
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait()
        cluster.remove()


def plans(engine, text):
    """The plan on each schema that has the tables, and why not on the others."""
    good, bad = [], []
    for schema in QUEUES:
        for queue in QUEUES[schema] if "{queue}" in text else [""]:
            try:
                good.append(engine.plan(schema, text.replace("{queue}", queue)))
            except engine.Error as error:
                bad.append(f"{schema}: {error}".strip())
    return good, bad


def walked(engine, text, steps):
    """The suffixes of the queue's tables that the plan walks through."""
    aliases = {alias: table for table, alias in re.findall(r"\{queue\}(_\w+) AS (\w+)", text)}
    for name in engine.scanned(steps):
        suffix = re.search(r"_[a-z]+$", name)
        yield aliases.get(name, suffix[0] if suffix else name)


def complaints(engine, scope, name, text, used):
    good, bad = plans(engine, text)
    if not good:
        yield "prepares nowhere: " + "; ".join(sorted(set(bad)))
    for steps in good:
        used |= engine.indexes(steps)
        if args.plans:
            print(f"{engine.name} {scope}.{name}:", *steps, sep="\n    ")
        if scope != "queue":
            continue
        for table in set(walked(engine, text, steps)) & GROWS - MAY_SCAN.get(
                f"{scope}.{name}", set()):
            yield f"walks through {table}"
        if engine.sorts(steps) and f"{scope}.{name}" not in MAY_SORT:
            yield "sorts"


def check(engine, used):
    """Prints what is wrong on this engine, and returns how much that is. Adds to the
    indexes that are used."""
    files = [STORE / "queries.sql", *sorted((args.root / "shims").glob("*/queries.sql"))]
    failed, count = 0, 0
    for path in files:
        scope = "queue" if path.parent == STORE else path.parent.name
        for name, texts in queries.parse_queries(path).items():
            text, found = texts.get(engine.name), []
            if text is None:
                found = [f"is not written for {engine.name}"]
            elif text:
                found = complaints(engine, scope, name, text, used)
            count += 1
            for complaint in found:
                print(f"{path.relative_to(args.root)}: {name} {complaint}")
                failed += 1
    for schema in QUEUES:
        for index in sorted(engine.built(schema) - used):
            if not index.startswith("bus_unrouted"):
                print(f"{schema}: no statement uses the index {index}")
                failed += 1
    print(f"{engine.name}: {count} statements in {len(files)} files, {failed} complaints")
    return failed


def main():
    used = set()
    failed = check(Sqlite(), used)
    if args.farmiqctl:
        with postgresql() as engine:
            failed += check(engine, used)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
