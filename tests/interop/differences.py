# SPDX-License-Identifier: Apache-2.0
"""Where we leave the contract on purpose. The one table is in docs/interop.md; here is what
tests do with it."""
import pathlib

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/interop.md"
BEGIN = "| difference | the contract | here | because |"


def read_table():
    lines = PAGE.read_text().splitlines()
    rows = lines[lines.index(BEGIN) + 2:]
    table = {}
    for row in rows:
        if not row.startswith("|"):
            break
        name, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        table[name] = cells
    return table


TABLE = read_table()
seen = {}  # name: whether it was as the contract says


class Judge:
    """`differs(name, contract, here)`: one of the two must be true, ours in our own farm."""

    def __init__(self, is_ours):
        self.is_ours = is_ours

    def __call__(self, name, contract, here):
        assert name in TABLE, f"{name} is not in the table of docs/interop.md"
        assert contract or here, f"{name}: neither as the contract says nor as we do"
        if self.is_ours:
            assert here, f"{name}: docs/interop.md says that we differ; we do not"
        seen[name] = seen.get(name, True) and bool(contract) and not self.is_ours


def report(reporter):
    differing = sorted(name for name, as_contract in seen.items() if not as_contract)
    if not differing:
        return
    reporter.section("differs from the contract, because")
    for name in differing:
        _, here, because = TABLE[name]
        reporter.line(f"{name}: {here}; {because}")
