#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Would a test notice? Plants one mistake at a time in the core and runs its unit tests.

    tests/mutation/mutate.py                          # 40 mutants of each core file
    tests/mutation/mutate.py --sample 0 backoff uuid  # every mutant of two files
    tests/mutation/mutate.py --again build-asan       # survivors once more, sanitized

Only the mutated file is compiled, without optimization, and linked before the library of
a finished build, so that its functions win. A mutant that makes the same machine code as
the original is no mutant (M. Papadakis et al., Trivial Compiler Equivalence, ICSE 2015);
one that cannot be told from outside is listed in excused.txt, with the reason."""
import argparse
import concurrent.futures
import json
import math
import pathlib
import random
import resource
import shlex
import subprocess
import sys
import tempfile

import rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXCUSED = pathlib.Path(__file__).with_name("excused.txt")

# Which unit tests speak about a file, besides the one of the same name.
ALSO = {
    "arena": ["json"],
    "batch": ["spec"],
    "batch_answer": ["batch"],
    "envelope": ["spec", "heap"],
    "error": ["json", "envelope", "batch"],
    "json": ["heap"],
    "json_number": ["json", "json_write"],
    "json_read": ["json", "heap", "envelope", "batch"],
    "json_text": ["json", "json_write"],
    "ledger": ["ledger_events", "ledger_kpi"],
    "ledger_events": ["ledger"],
    "ledger_kpi": ["ledger"],
    "topic": ["spec"],
    "uuid": ["spec"],
}
WALL_SECONDS = 120  # a last resort: mutants that run for ever are ended by their CPU time


class Build:
    """A finished meson build: how it compiles a core file and links a unit test."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory).resolve()
        commands = json.loads((self.directory / "compile_commands.json").read_text())
        self.compilers = {pathlib.Path(c["file"]).stem: shlex.split(c["command"])
                          for c in commands if "libfarmiq/core/" in c["file"]}
        tests = json.loads((self.directory / "meson-info/intro-tests.json").read_text())
        self.tests = {t["name"]: t["cmd"] for t in tests if t["suite"] == ["unit"] or
                      "farmiq:unit" in t["suite"]}
        self.links = {}

    def compile(self, name, source, made, *flags):
        """True if it compiles."""
        command, kept = self.compilers[name], []
        skip = False
        for i, word in enumerate(command[:-1]):
            if skip or word == "-MD":
                skip = False
            elif word in ("-MQ", "-MF", "-o", "-c"):
                skip = word != "-c"
            else:
                kept.append(word)
        home = ROOT / "libfarmiq" / "core"
        done = subprocess.run([*kept, "-w", "-iquote", home, *flags, "-c", source, "-o", made],
                              cwd=self.directory, capture_output=True)
        return done.returncode == 0

    def link(self, test, made, program):
        """The build's own link line, our object first: the archive's is not needed then."""
        if test not in self.links:
            target = pathlib.Path(self.tests[test][0]).relative_to(self.directory)
            lines = subprocess.run(["ninja", "-t", "commands", target], cwd=self.directory,
                                   capture_output=True, text=True, check=True).stdout
            self.links[test] = shlex.split(lines.splitlines()[-1])
        command = list(self.links[test])
        at = command.index("-o")
        command[at + 1:at + 2] = [program, made]
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{test} does not link; is {self.directory} finished?\n{done.stderr}")

    def command(self, test, program):
        return [program, *self.tests[test][1:]]


def limits(cpu_seconds):
    def apply():
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 24, 1 << 24))
    return apply


def passes(command, cpu_seconds):
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL, timeout=WALL_SECONDS,
                              preexec_fn=limits(cpu_seconds)).returncode == 0
    except subprocess.TimeoutExpired:
        return False


class Subject:
    """One core file with the tests that speak about it."""

    def __init__(self, build, name, work):
        self.build, self.name, self.work = build, name, work
        self.source = ROOT / "libfarmiq" / "core" / (name + ".c")
        own = [name] if name in build.tests else []
        self.tests = own + [t for t in ALSO.get(name, []) if t in build.tests]
        self.plain = work / (name + ".plain.o")
        build.compile(name, self.source, self.plain, "-O2", "-g0")
        self.seconds = {test: self.time_of(test) for test in self.tests}

    def time_of(self, test):
        """How much CPU an honest run needs. Everything must be well before it is spoilt."""
        made, program = self.work / "honest.o", self.work / "honest"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.build.compile(self.name, self.source, made, "-O0")
        self.build.link(test, made, program)
        if not passes(self.build.command(test, program), 60):
            sys.exit(f"{self.name}: {test} fails without any mutant")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime

    def is_same_code(self, source, stem):
        made = stem.with_suffix(".plain.o")
        self.build.compile(self.name, source, made, "-O2", "-g0")
        same = made.exists() and made.read_bytes() == self.plain.read_bytes()
        made.unlink(missing_ok=True)
        return same

    def survives(self, made, stem):
        program = stem.with_suffix(".run")
        for test in self.tests:
            self.build.link(test, made, program)
            if not passes(self.build.command(test, program),
                          1 + math.ceil(5 * self.seconds[test])):
                return False
        return True

    def judge(self, number, mutant):
        """'void', 'killed', 'same' or 'survived'."""
        stem = self.work / f"{self.name}_{number}"
        # The compiler is told the name of the file, and writes it into the object.
        (stem / "x").parent.mkdir()
        source, made = stem / self.source.name, stem.with_suffix(".o")
        source.write_text(mutant.text)
        try:
            if not self.build.compile(self.name, source, made, "-O0"):
                return "void"
            if not self.survives(made, stem):
                return "killed"
            return "same" if self.is_same_code(source, stem) else "survived"
        finally:
            for path in (source, made, stem.with_suffix(".run")):
                path.unlink(missing_ok=True)
            stem.rmdir()


def read_excused():
    """{(file, original, mutant): reason} of the paragraphs of excused.txt."""
    excused = {}
    for paragraph in EXCUSED.read_text().split("\n\n"):
        lines = [line for line in paragraph.splitlines() if line and line[0] != "#"]
        if not lines:
            continue
        name, original, mutant = (line[2:].strip() for line in lines[:3])
        if [line[:2] for line in lines[:3]] != ["@ ", "- ", "+ "] or len(lines) < 4:
            sys.exit(f"excused.txt: not '@ file', '- original', '+ mutant', why: {lines}")
        excused[name, original, mutant] = " ".join(line.strip() for line in lines[3:])
    return excused


def chosen(name, seed, excused):
    """All mutants that count, in an order that the seed decides."""
    text = (ROOT / "libfarmiq" / "core" / (name + ".c")).read_text()
    every = list(rules.mutants(text))
    random.Random(f"{seed} {name}").shuffle(every)
    return [m for m in every if (name + ".c", m.original, m.mutant) not in excused]


def stale(names, excused):
    """Excuses for mutants that no longer exist hide the next ones: they must go."""
    left = {key for key in excused if key[0].removesuffix(".c") in names}
    for name in names:
        text = (ROOT / "libfarmiq" / "core" / (name + ".c")).read_text()
        left -= {(name + ".c", m.original, m.mutant) for m in rules.mutants(text)}
    return left


def examine(subject, mutants, wanted, jobs):
    """Judge until `wanted` mutants compiled and differed (0: all). {verdict: [mutant]}"""
    found = {"void": [], "same": [], "killed": [], "survived": []}
    numbered = iter(enumerate(mutants))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        while True:
            counted = len(found["killed"]) + len(found["survived"])
            room = wanted - counted if wanted else len(mutants)
            part = [next(numbered, None) for _ in range(min(room, 4 * jobs))]
            part = [pair for pair in part if pair]
            if not part:
                return found
            for (_, mutant), verdict in zip(part, pool.map(
                    lambda pair: subject.judge(*pair), part)):
                found[verdict].append(mutant)


def survivors_of(name, args, excused, builds, work):
    """(how many were killed, the mutants that no build's tests noticed)"""
    found = examine(Subject(builds[0], name, work), chosen(name, args.seed, excused),
                    args.sample, args.jobs)
    killed, alive = len(found["killed"]), found["survived"]
    for build in builds[1:]:
        if alive:
            found = examine(Subject(build, name, work), alive, 0, args.jobs)
            killed, alive = killed + len(found["killed"]), found["survived"]
    return killed, alive


def print_row(name, killed, all_):
    score = f"{100 * killed / all_:7.1f}%" if all_ else "       -"
    print(f"| {name:<18} | {all_:>7} | {killed:>6} | {score} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="core files without .c (all)")
    parser.add_argument("--build", default=ROOT / "build", help="a finished build (build)")
    parser.add_argument("--again", help="a finished build with sanitizers, for survivors")
    parser.add_argument("--sample", type=int, default=40, help="per file; 0: all (40)")
    parser.add_argument("--seed", default="1", help="of the sample (1)")
    parser.add_argument("--jobs", type=int, default=1, help="at a time (1)")
    parser.add_argument("--least", type=float, default=85, help="percent, over all (85)")
    args = parser.parse_args()

    excused = read_excused()
    builds = [Build(directory) for directory in (args.build, args.again) if directory]
    names = args.files or sorted(builds[0].compilers)
    old = stale(names, excused)
    for name, original, mutant in sorted(old):
        print(f"excused.txt: no such mutant in {name}: {original} => {mutant}")
    survivors, killed, counted = [], 0, 0
    print("| file               | mutants | killed |    score |")
    print("| ------------------ | ------- | ------ | -------- |")
    with tempfile.TemporaryDirectory() as work:
        for name in names:
            dead, alive = survivors_of(name, args, excused, builds, pathlib.Path(work))
            print_row(name + ".c", dead, dead + len(alive))
            survivors += [(name, mutant) for mutant in alive]
            killed, counted = killed + dead, counted + dead + len(alive)
    print_row("all", killed, counted)
    for name, mutant in sorted(survivors, key=lambda s: (s[0], s[1].line)):
        print(f"\n{name}.c:{mutant.line}: {mutant.rule}\n- {mutant.original}\n"
              f"+ {mutant.mutant}")
    return bool(old) or counted == 0 or 100 * killed / counted < args.least


if __name__ == "__main__":
    sys.exit(main())
