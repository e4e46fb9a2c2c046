# SPDX-License-Identifier: Apache-2.0
"""The operator's tool and the help of every program, against real databases; and the
tables of docs/spec through the tool's door, row by row."""
import json
import re
import signal
import socket
import subprocess
import time

import pytest

from conftest import ROOT
from farm import TENANT, wait_for
from support import Device, envelope, ids, topic

CTL = "shims/farmiqctl/farmiqctl"


def run(build, *args, text=""):
    """Exit code, output, complaints."""
    done = subprocess.run([str(build / args[0]), *args[1:]], input=text.encode(), timeout=30,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# -- what every program says of itself ------------------------------------------------

PROGRAMS = [
    ["shims/farmiqd/farmiqd"], ["shims/farmiqd/farmiqd", "edge"],
    ["shims/farmiqd/farmiqd", "cloud"], ["shims/iot-sensor-agent/iot-sensor-agent"], [CTL],
    *[[CTL, command] for command in ("validate", "topic", "outbox", "migrate", "keygen", "acl",
                                   "backup", "restore", "bus", "dlq")],
    *[[CTL, "outbox", verb] for verb in ("ls", "stats", "redrive", "unclaim", "replay")],
    *[[CTL, "bus", verb] for verb in ("declare", "definitions")],
    *[[CTL, "dlq", verb] for verb in ("ls", "show", "replay")],
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: " ".join(p).split("/")[-1])
def test_help_goes_to_stdout_and_is_no_failure(build, program):
    code, out, complaints = run(build, *program, "--help")
    assert (code, complaints) == (0, "") and "Usage:" in out
    assert all(len(line) <= 120 for line in out.splitlines())


@pytest.mark.parametrize("program", [p for p in PROGRAMS if len(p) == 1],
                         ids=lambda p: p[0].split("/")[-1])
def test_version_is_the_library_s(build, program):
    code, out, _ = run(build, *program, "--version")
    assert code == 0 and re.search(r"\b\d+\.\d+\.\d+\b", out)


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p[-1] != "topic"],
                         ids=lambda p: " ".join(p).split("/")[-1])
def test_an_unknown_option_is_refused_on_stderr(build, program):
    code, out, complaints = run(build, *program, "--no-such-option", "1")
    assert code != 0 and out == "" and complaints


def test_keygen_never_repeats_itself(build):
    keys = [run(build, CTL, "keygen")[1] for _ in range(3)]
    assert len(set(keys)) == 3 and all(re.fullmatch("[0-9a-f]{64}\n", key) for key in keys)
    assert re.fullmatch("[0-9a-f]{32}\n", run(build, CTL, "keygen", "--bytes", "16")[1])
    for size in ("0", "15", "65", "x"):
        assert run(build, CTL, "keygen", "--bytes", size)[:2] == (2, "")


# -- the tables of docs/spec -------------------------------------------------------------

CELL = r" ?(?:`(?P<%s>[^`]*)`)? ?\|"
ENVELOPE_ROW = re.compile(r"^\|" + CELL % "member" + CELL % "text" +
                          r" (?P<result>FARMIQ_\w+) \| ?(?P<names>\w*) ?\|$")
TOPIC_ROW = re.compile(r"^\|" + CELL % "topic" + r" (?P<kind>\w*) ?\| (?P<result>FARMIQ_\w+)"
                       r" \|" + CELL % "leaf" + "$")


def rows_of(text, pattern):
    """Every line that looks like a row must be one."""
    lines = [line for line in text.splitlines() if "| FARMIQ_" in line]
    rows = [pattern.match(line) for line in lines]
    assert all(rows), [line for line, row in zip(lines, rows) if not row]
    return [row.groupdict() for row in rows]


def strict_envelope_rows():
    text = (ROOT / "docs/spec/envelope.md").read_text()
    base = json.loads(re.search(r"```json\n(.*?)```", text, re.S).group(1))
    return base, rows_of(text.split("## Strict")[1].split("\n## With")[0], ENVELOPE_ROW)


def changed(base, row):
    """The message of a row: one member written differently, left out, or added."""
    if row["member"] == "*":
        return row["text"] or ""
    members = {name: json.dumps(value) for name, value in base.items()}
    members[row["member"]] = row["text"]
    return "{%s}" % ", ".join(f'"{name}": {text}' for name, text in members.items() if text)


def test_validate_agrees_with_the_table_of_envelopes(build):
    base, rows = strict_envelope_rows()
    assert len(rows) > 90
    messages = [changed(base, row) for row in rows]
    code, out, _ = run(build, CTL, "validate", text="\n".join(messages) + "\n")
    found = dict(re.findall(r"^line (\d+): (.*)$", out, re.M))
    for number, (row, message) in enumerate(zip(rows, messages), 1):
        said = found.get(str(number), "FARMIQ_OK")
        if not message:  # an empty line is no message; alone it is an empty one
            said = re.match("line 1: (.*)", run(build, CTL, "validate", "--whole")[1]).group(1)
        assert said.split(" ")[0].rstrip(":") == row["result"], (row, said)
        if row["names"]:
            assert re.search(rf": {row['names']} ", said), (row, said)
    bad = sum(row["result"] != "FARMIQ_OK" for row, text in zip(rows, messages) if text)
    good = sum(row["result"] == "FARMIQ_OK" for row in rows)
    assert code == 1 and out.endswith(f"{good} valid, {bad} not\n")


def test_validate_never_prints_the_message(build):
    text = '{"schema_version": "1.0", "note": "the-secret-of-barn-7", "payload": ["kept-quiet"]}'
    code, out, complaints = run(build, CTL, "validate", text=text)
    assert code == 1 and "barn-7" not in out + complaints and "quiet" not in out + complaints


def test_validate_with_a_topic_also_checks_that_it_belongs_there(build, tmp_path):
    message = tmp_path / "message.json"
    message.write_text(json.dumps(envelope("d-1"), indent=2))
    asked = [CTL, "validate", "--whole", "--file", str(message), "--topic"]
    assert run(build, *asked, topic("d-1"))[:2] == (0, "1 valid, 0 not\n")
    assert run(build, *asked, topic("d-2"))[0] == 1
    assert run(build, *asked, topic("d-1", tenant="t-other"))[0] == 1
    assert run(build, *asked, "iot/no/such/topic")[0] == 2
    assert run(build, CTL, "validate", "--file", str(tmp_path / "nowhere"))[0] == 2


def test_topic_agrees_with_the_table_of_topics(build):
    rows = rows_of((ROOT / "docs/spec/topic.md").read_text(), TOPIC_ROW)
    assert len(rows) > 30
    code, out, _ = run(build, CTL, "topic", *[row["topic"] or "" for row in rows])
    assert code == 1
    for row, said in zip(rows, out.splitlines(), strict=True):
        assert said.split(" ")[0] == row["result"], (row, said)
        if row["result"] == "FARMIQ_OK":
            parts = dict(part.split("=", 1) for part in said.split(" ")[1:])
            assert (parts["kind"], parts.get("leaf")) == (row["kind"], row["leaf"]), row


# -- databases -----------------------------------------------------------------------------


def test_migrate_makes_a_database_once(build, tmp_path):
    for schema in ("edge", "cloud", "agent"):
        asked = [CTL, "migrate", "--schema", schema,
                 "--database-url", f"sqlite:{tmp_path}/{schema}.db"]
        first, again = run(build, *asked), run(build, *asked)
        assert first == again and first[0] == 0
        assert re.fullmatch(r"the schema is at version \d+\n", first[1])
    code, out, _ = run(build, CTL, "outbox", "stats", "--database-url",
                       f"sqlite:{tmp_path}/edge.db")
    assert code == 0 and out.startswith("pending 0\nclaimed 0\nacked 0\ndead 0\n")


def test_a_file_that_is_no_database_is_left_alone(build, tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear farmer, " * 100)
    for asked in (["outbox", "ls"], ["outbox", "stats"], ["migrate"],
                  ["outbox", "redrive", "--reason", "x"]):
        code, out, complaints = run(build, CTL, *asked, "--database-url", f"sqlite:{letter}")
        assert code == 2 and complaints, asked
    assert letter.read_text() == "Dear farmer, " * 100


def test_looking_creates_nothing(build, tmp_path):
    for verb in ("ls", "stats"):
        code, _, complaints = run(build, CTL, "outbox", verb, "--database-url",
                                  f"sqlite:{tmp_path}/typo.db")
        assert code == 2 and complaints
    assert not list(tmp_path.glob("typo*"))


def outbox(farm, verb, *args):
    return run(farm.build, CTL, "outbox", verb, "--database-url",
               farm.database_url("edge"), *args)


def stats(farm):
    code, out, _ = outbox(farm, "stats")
    assert code == 0
    return {name: int(number) for name, number in (line.split() for line in out.splitlines())}


def listed(farm, status):
    """Rows as dictionaries; exit code 1 says that there are none."""
    code, out, _ = outbox(farm, "ls", "--status", status)
    names, *rows = [line.split("\t") for line in out.splitlines()]
    assert code == (0 if rows else 1)
    return [dict(zip(names, row)) for row in rows]


def test_a_dead_letter_is_found_repaired_and_redriven(any_farm):
    """Beside running services: an edge whose credential is not for a tenant (spec cloud
    1.5), an operator who corrects that, and the event that arrives after all."""
    farm, letter = any_farm, envelope("d-1", tenant="t-new")
    with Device(farm) as device:
        device.publish(topic("d-1", tenant="t-new"), letter)
        device.publish(topic("d-1"), envelope("d-1"))
        wait_for("the dead letter", 15, lambda: stats(farm)["dead"] == 1)
    wait_for("the other one", 15, lambda: stats(farm)["acked"] == 1)
    [dead] = listed(farm, "failed")
    assert (dead["event_id"], dead["tenant_id"]) == (letter["event_id"], "t-new")
    assert dead["error"] == "CLOUD_EVENT_REJECTED" and "tenant" in dead["message"]
    assert len(listed(farm, "all")) == 2 and listed(farm, "dlq") == []

    assert outbox(farm, "redrive")[0] == 2, "a reason is needed"
    assert outbox(farm, "redrive", "--reason", "x", "--seqs", "1;2")[0] == 2
    assert outbox(farm, "redrive", "--reason", "x", "--seqs", "999999")[0] == 1
    farm.processes["cloud"].end()
    farm.processes["cloud"].env["EDGE_KEYS"] = f"edge-demo:{farm.secret}:{TENANT}+t-new"
    farm.processes["cloud"].start()
    code, out, _ = outbox(farm, "redrive", "--seqs", dead["seq"], "--reason", "key widened")
    assert (code, out) == (0, "1 rows are pending again\n")
    wait_for("the letter", 20, lambda: letter["event_id"] in ids(farm, "cloud"))
    wait_for("its acknowledgement", 5, lambda: stats(farm)["acked"] == 2)
    assert listed(farm, "failed") == [] and len(listed(farm, "acked")) == 2
    audit = farm.query("edge", "SELECT action, reason FROM sync_audit ORDER BY audit")
    assert audit[-1] == ("redriven", "key widened")


def test_unclaim_ends_leases_that_expired_and_no_others(any_farm):
    """Spec edge 6.4, unclaim-stuck; the services are down, the database is real."""
    farm, edge = any_farm, any_farm.processes["edge"]
    edge.end()
    edge.env.update(OUTBOX_LEASE_SECONDS="3", CLOUD_TIMEOUT_MS="1000")
    edge.start()
    farm.processes["cloud"].end(signal.SIGKILL)
    listener = socket.create_server(("127.0.0.1", farm.ports["cloud"]))  # never answers
    with listener, Device(farm) as device:
        for _ in range(5):
            device.publish(topic("d-1"), envelope("d-1"))
        leases = "sync_batch WHERE token IS NOT NULL"
        wait_for("a lease", 10, lambda: farm.count("edge", leases) == 1, every=0.01)
        edge.end(signal.SIGKILL)
    claimed = stats(farm)["claimed"]
    assert claimed > 0 and len(listed(farm, "claimed")) == claimed
    assert outbox(farm, "unclaim", "--older-than", "0s")[:2] == (1, "0 rows are pending again\n")
    time.sleep(3.1)
    assert outbox(farm, "unclaim")[0] == 1, "five minutes is the default"
    assert outbox(farm, "unclaim", "--older-than", "0s")[1] == \
        f"{claimed} rows are pending again\n"
    assert stats(farm)["claimed"] == 0 and listed(farm, "claimed") == []
