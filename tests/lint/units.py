#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""systemd has nothing to say against the units, sandboxes them well, and every option
they set is one of their program.

    units.py PROGRAM... -- UNIT..."""
import pathlib
import re
import subprocess
import sys
import tempfile

EXPOSURE_MAX = 1.5  # of 10, by systemd-analyze's reckoning; an unhardened unit has 9.6


def run(*command):
    done = subprocess.run(command, text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def options_of(command):
    """The options in a program's sample file, spelled as in the environment."""
    sample = run(*command, "--print-config")[1]
    return {m.upper() for m in re.findall(r"^#(\w+) = ", sample, re.MULTILINE)}


def complaints(unit, programs, folder):
    """What is wrong with a unit, once its program is where this build has it."""
    text = unit.read_text()
    installed, arguments = re.search(r"^ExecStart=(\S+) (.*)$", text, re.MULTILINE).groups()
    program = programs[pathlib.Path(installed).name]
    # A template is verified as one of its instances.
    copy = pathlib.Path(folder, unit.name.replace("@.", "@d-001."))
    copy.write_text(text.replace(installed, program))
    code, said = run("systemd-analyze", "verify", "--man=no", str(copy))
    if code or said:
        yield said.strip() or f"systemd-analyze verify: {code}"
    code, said = run("systemd-analyze", "security", "--offline=yes", str(copy))
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", said)
    if not exposure or float(exposure[1]) > EXPOSURE_MAX:
        yield f"exposure {exposure[1] if exposure else said}, at most {EXPOSURE_MAX}"
    role = [arguments.split()[0]] if not arguments.startswith("-") else []
    known = options_of([program, *role])
    for name in re.findall(r"^Environment=(\w+)=", text, re.MULTILINE):
        if name not in known and name.removesuffix("_FILE") not in known:
            yield f"{name} is no option of {' '.join([pathlib.Path(program).name, *role])}"


def strangers(target, units):
    """What a target wants and nobody has."""
    for name in re.findall(r"^Wants=(\S+)", target.read_text(), re.MULTILINE):
        if name not in {unit.name for unit in units}:
            yield f"wants {name}, which is no unit here"


def main(arguments):
    split = arguments.index("--")
    paths = [pathlib.Path(path).resolve() for path in arguments[:split]]
    programs = {path.name: str(path) for path in paths}
    units, wrong = [pathlib.Path(name) for name in arguments[split + 1:]], 0
    with tempfile.TemporaryDirectory() as folder:
        for unit in units:
            for complaint in (strangers(unit, units) if unit.suffix == ".target"
                              else complaints(unit, programs, folder)):
                print(f"{unit.name}: {complaint}")
                wrong += 1
    print(f"{len(units)} units, {wrong} complaints")
    return wrong != 0 or not units


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
