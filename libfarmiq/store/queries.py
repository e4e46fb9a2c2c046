#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SQL files become C headers: SQL is written as SQL, and the compiler checks its use.

  queries.py queries --scope NAME IN.sql OUT.h
      `-- name: x` starts a statement; `-- name: x@sqlite` and `-- name: x@pg` are its
      spellings for one engine; a spelling without text does nothing, where the
      statement before it has done the work on that engine. It becomes `static const struct farmiq_sql_query sql_x`
      whose name is "NAME.x", and NAME_queries[] lists them all.

  queries.py schema --name NAME OUT.h FILE.sql...
      0001_what.sql is version 1 for both engines; 0001_what.sqlite.sql and
      0001_what.pg.sql are one engine's. They become
      `static const struct farmiq_migration NAME_schema[]`. queue, monthly and weighing are
      templates: a line `-- queue jobs` expands to queue.sqlite.sql or queue.pg.sql,
      with {queue} replaced.
"""
import argparse
import pathlib
import re
import sys

ENGINES = ("sqlite", "pg")
TEMPLATES = ("queue", "monthly", "weighing")
HEADER = "/* SPDX-License-Identifier: Apache-2.0 */\n/* Generated from {}. */\n"


def fail(where, why):
    sys.exit(f"{where}: {why}")


def strip_comments(text):
    """Without `--` comments and empty lines; quoted text is left alone."""
    lines = []
    for line in text.splitlines():
        kept = re.match(r"((?:[^'-]|'[^']*'|-(?!-))*)", line)[1].rstrip()
        if kept.strip():
            lines.append(kept)
    return "\n".join(lines)


def c_string(text):
    if not text:
        return "    NULL" if text is None else '    ""'
    escape = lambda line: line.replace("\\", "\\\\").replace('"', '\\"')
    return "\n".join(f'    "{escape(line)}\\n"' for line in text.splitlines())


def parse_queries(path):
    """{name: {engine: text}}, in the order of the file."""
    found = {}
    parts = re.split(r"^-- name:\s*(\S+)\s*$", path.read_text(), flags=re.M)
    if strip_comments(parts[0]):
        fail(path, "text before the first `-- name:`")
    for label, body in zip(parts[1::2], parts[2::2]):
        name, _, engine = label.partition("@")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            fail(path, f"{label} is not a name")
        if engine and engine not in ENGINES:
            fail(path, f"{label} names no engine")
        text = strip_comments(body).rstrip(";")
        if not text and not engine:
            fail(path, f"{label} is empty")
        for one in [engine] if engine else ENGINES:
            if found.setdefault(name, {}).setdefault(one, text) is not text:
                fail(path, f"{label} is there twice")
    return found


def write_queries(args):
    queries = parse_queries(args.source)
    guard = f"{args.scope}_QUERIES_H".upper()
    out = [HEADER.format(args.source.name) + f"#ifndef {guard}\n#define {guard}\n\n"
           "#include <farmiq/sql.h>\n"]
    for name, texts in queries.items():
        strings = ",\n".join(c_string(texts.get(engine)) for engine in ENGINES)
        out.append("__attribute__((unused)) static const struct farmiq_sql_query "
                   f'sql_{name} = {{\n    "{args.scope}.{name}",\n{strings}\n}};\n')
    names = "".join(f"    &sql_{name},\n" for name in queries)
    out.append("__attribute__((unused)) static const struct farmiq_sql_query *const "
               f"{args.scope}_queries[] = {{\n{names}    NULL\n}};\n\n#endif\n")
    args.out.write_text("\n".join(out))


def expand_templates(text, templates, where):
    """`templates`: {name: text}."""
    def expand(match):
        if match[1] not in templates:
            fail(where, f"has a `-- {match[1]}` line, but no {match[1]} template was given")
        return templates[match[1]].replace("{%s}" % match[1], match[2])
    names = "|".join(TEMPLATES)
    return re.sub(rf"^-- ({names}) ([a-z][a-z0-9_]*)\s*$", expand, text, flags=re.M)


def parse_schema(paths):
    """{engine: {name: template}}, and {(version, what): {engine: path}}."""
    templates, steps = {engine: {} for engine in ENGINES}, {}
    for path in paths:
        stem, _, engine = path.name.removesuffix(".sql").partition(".")
        match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)", stem)
        if stem not in TEMPLATES and not match:
            fail(path, "is not called NNNN_what.sql")
        for one in [engine] if engine else ENGINES:
            if match:
                steps.setdefault((int(match[1]), match[2]), {})[one] = path
            else:
                templates[one][stem] = path.read_text()
    versions = sorted(version for version, _ in steps)
    if versions != list(range(1, len(versions) + 1)):
        fail(paths[0].parent, f"versions are {versions}: not 1, 2, 3, ...")
    return templates, steps


def write_schema(args):
    templates, steps = parse_schema(args.files)
    out = [HEADER.format(f"the {args.name} schema") +
           "#include <farmiq/schema.h>\n\n"
           "__attribute__((unused)) static const struct farmiq_migration "
           f"{args.name}_schema[] = {{"]
    for (version, what), paths in sorted(steps.items()):
        texts = []
        for engine in ENGINES:
            path = paths.get(engine)
            text = path and strip_comments(
                expand_templates(path.read_text(), templates[engine], path))
            texts.append(c_string(text))
        out.append(f'    {{ {version}, 0, "{args.name}/{version:04}_{what}",\n'
                   + ",\n".join(texts) + " },")
    out.append("    { 0, 0, NULL, NULL, NULL }\n};\n")
    args.out.write_text("\n".join(out))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    modes = parser.add_subparsers(required=True)
    queries = modes.add_parser("queries")
    queries.add_argument("--scope", required=True)
    queries.add_argument("source", type=pathlib.Path)
    queries.add_argument("out", type=pathlib.Path)
    queries.set_defaults(run=write_queries)
    schema = modes.add_parser("schema")
    schema.add_argument("--name", required=True)
    schema.add_argument("out", type=pathlib.Path)
    schema.add_argument("files", type=pathlib.Path, nargs="+")
    schema.set_defaults(run=write_schema)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
