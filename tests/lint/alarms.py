#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The alarms ask for metrics that exist, by the labels that they have, and each stands in
docs/operations.md, and no other."""
import pathlib
import re
import sys

import yaml

DECLARED = re.compile(r'\{\s*"((?:farmiq|edge)_\w+)",\s*SHIM_(?:COUNTER|GAUGE),\s*(?:"(\w+)"|NULL)')
ASKED = re.compile(r"\b((?:farmiq|edge)_\w+)(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*=~?")
FROM_PROMETHEUS = {"job", "instance"}


def main(root):
    labels = {m[1]: m[2] for file in (root / "shims").glob("*/*.c")
              for m in DECLARED.finditer(file.read_text())}
    text = (root / "deploy/prometheus/farmiq.rules.yml").read_text()
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    bad = []
    for rule in rules:
        for name, matchers in ASKED.findall(rule["expr"]):
            if name not in labels:
                bad.append(f"{rule['alert']}: there is no metric {name}")
            bad += [f"{rule['alert']}: {name} has no label {label}"
                    for label in LABEL.findall(matchers or "")
                    if label not in FROM_PROMETHEUS | {labels.get(name)}]
    alerts = {rule["alert"] for rule in rules}
    handbook = (root / "docs/operations.md").read_text().split("## Alarms")[1].split("\n## ")[0]
    told = set(re.findall(r"`(Farmiq\w+)`", handbook))
    bad += [f"{alert} is not in docs/operations.md" for alert in sorted(alerts - told)]
    bad += [f"{alert} is in docs/operations.md only" for alert in sorted(told - alerts)]
    print("\n".join(bad) or f"{len(rules)} alarms")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
