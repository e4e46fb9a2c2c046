# SPDX-License-Identifier: Apache-2.0
"""As much of kustomize as deploy/k8s uses: resources, components, a namespace, and
strategic merge patches aimed at a kind. Where kubectl is installed, the test compares."""
import copy
import pathlib

import yaml

KNOWN = {"apiVersion", "kind", "namespace", "resources", "components", "patches"}


def merge(base, patch):
    """`patch` over `base`; lists of named things are merged by name, others replaced."""
    if isinstance(base, dict) and isinstance(patch, dict):
        merged = dict(base)
        for key, value in patch.items():
            merged[key] = merge(base[key], value) if key in base else copy.deepcopy(value)
        return merged
    if isinstance(base, list) and isinstance(patch, list) and all(
            isinstance(item, dict) and "name" in item for item in base + patch):
        named = {item["name"]: item for item in base}
        for item in patch:
            named[item["name"]] = merge(named.get(item["name"], {}), item)
        return list(named.values())
    return copy.deepcopy(patch)


def documents(path):
    with open(path, encoding="utf-8") as file:
        return [document for document in yaml.safe_load_all(file) if document]


def patched(thing, patch):
    """The workload a patch is aimed at keeps its own kind and name."""
    body = {key: value for key, value in patch.items()
            if key not in ("apiVersion", "kind", "metadata")}
    return merge(thing, body)


def apply(folder, things):
    """`things` with the folder's own added, patched and put into its namespace."""
    folder = pathlib.Path(folder)
    wanted = documents(folder / "kustomization.yaml")[0]
    assert set(wanted) <= KNOWN, f"{folder.name}: {set(wanted) - KNOWN} is not rendered"
    for name in wanted.get("resources", []):
        path = folder / name
        things = things + (apply(path, []) if path.is_dir() else documents(path))
    for name in wanted.get("components", []):
        things = apply(folder / name, things)
    for aim in wanted.get("patches", []):
        patch = documents(folder / aim["path"])[0]
        things = [patched(thing, patch) if thing["kind"] == aim["target"]["kind"] else thing
                  for thing in things]
    if "namespace" in wanted:
        things = [merge(thing, {"metadata": {"namespace": wanted["namespace"]}})
                  for thing in things]
    return things


def render(folder):
    return apply(folder, [])
