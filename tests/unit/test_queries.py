#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""libfarmiq/store/queries.py: what it makes of SQL files, and what it refuses."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(sys.argv.pop(1)) / "libfarmiq/store/queries.py"


class Tool(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.dir = pathlib.Path(self.temporary.name)

    def run_tool(self, *args):
        return subprocess.run([sys.executable, TOOL, *args], capture_output=True,
                              text=True, check=False)

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path

    def queries(self, text):
        """The header; or what it complained about."""
        source, out = self.write("queries.sql", text), self.dir / "out.h"
        done = self.run_tool("queries", "--scope", "s", source, out)
        return (out.read_text(), "") if done.returncode == 0 else ("", done.stderr)

    def schema(self, **files):
        paths = [self.write(name.replace("__", ".") + ".sql", text)
                 for name, text in files.items()]
        out = self.dir / "out.h"
        done = self.run_tool("schema", "--name", "s", out, *paths)
        return (out.read_text(), "") if done.returncode == 0 else ("", done.stderr)


class Queries(Tool):
    def test_one_text_serves_both_engines(self):
        header, _ = self.queries("-- name: one\nSELECT 1;\n")
        self.assertEqual(header.count('"SELECT 1\\n"'), 2)
        self.assertIn("sql_one = {", header)
        self.assertIn('"s.one"', header)
        self.assertIn("&sql_one,", header)

    def test_engines_may_differ(self):
        header, _ = self.queries("-- name: x@sqlite\nSELECT 1\n-- name: x@pg\nSELECT 2\n")
        self.assertLess(header.index("SELECT 1"), header.index("SELECT 2"))
        self.assertEqual(header.count("farmiq_sql_query sql_x"), 1)

    def test_an_engine_that_is_missing_is_null(self):
        header, _ = self.queries("-- name: x@pg\nSELECT 2\n")
        self.assertLess(header.index("NULL,"), header.index("SELECT 2"))

    def test_comments_go_and_quoted_text_stays(self):
        header, _ = self.queries("-- name: x\n-- why\nSELECT '--', \"a\\b\" -- end\n")
        self.assertNotIn("why", header)
        self.assertNotIn("end\\n", header)
        self.assertIn("SELECT '--', \\\"a\\\\b\\\"", header)

    def test_what_is_refused(self):
        for text, why in [("SELECT 1\n", "before the first"),
                          ("-- name: X\nSELECT 1\n", "not a name"),
                          ("-- name: x@oracle\nSELECT 1\n", "no engine"),
                          ("-- name: x\n-- name: y\nSELECT 1\n", "empty"),
                          ("-- name: x\nSELECT 1\n-- name: x\nSELECT 2\n", "twice"),
                          ("-- name: x\nSELECT 1\n-- name: x@pg\nSELECT 2\n", "twice")]:
            header, error = self.queries(text)
            self.assertEqual(header, "")
            self.assertIn(why, error)

    def test_the_header_compiles_and_unused_statements_do_not_warn(self):
        header, _ = self.queries("-- name: x\nSELECT 1\n-- name: y@pg\nSELECT 2\n")
        self.write("x.h", header)
        source = self.write("x.c", '#include "x.h"\nint main(void) { return 0; }\n')
        include = TOOL.parents[2] / "include"
        done = subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", f"-I{include}", "-c",
                               source, "-o", self.dir / "x.o"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


class Schema(Tool):
    def test_steps_are_in_order_and_end_with_zero(self):
        header, _ = self.schema(**{"0002_b": "CREATE TABLE b (n);",
                                   "0001_a": "CREATE TABLE a (n);"})
        self.assertLess(header.index('"s/0001_a"'), header.index('"s/0002_b"'))
        self.assertIn("{ 0, 0, NULL, NULL, NULL }", header)

    def test_an_engines_own_step_is_only_its_own(self):
        header, _ = self.schema(**{"0001_a__sqlite": "CREATE TABLE a (n);",
                                   "0001_a__pg": "CREATE TABLE a (n bigint);"})
        self.assertEqual(header.count("s/0001_a"), 1)
        self.assertLess(header.index("a (n)"), header.index("bigint"))

    def test_a_queue_is_its_template(self):
        header, _ = self.schema(**{"queue": "CREATE TABLE {queue}_event (n);",
                                   "0001_a": "-- queue jobs\n-- queue mail\n"})
        self.assertEqual(header.count("CREATE TABLE jobs_event"), 2)
        self.assertEqual(header.count("CREATE TABLE mail_event"), 2)
        self.assertNotIn("{queue}", header)

    def test_what_is_refused(self):
        for files, why in [({"0002_b": "SELECT 1;"}, "not 1, 2, 3"),
                           ({"first": "SELECT 1;"}, "not called"),
                           ({"0001_a": "-- queue jobs\n"}, "no queue template")]:
            header, error = self.schema(**files)
            self.assertEqual(header, "")
            self.assertIn(why, error)


if __name__ == "__main__":
    unittest.main()
