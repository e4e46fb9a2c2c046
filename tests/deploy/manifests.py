#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manifests of deploy/k8s: Kubernetes' API description has nothing against them, they
are as hardened as they say, what they refer to exists, whom they call they reach, and every
option they set is one of the program they run. Mutations show that each of these checks can fail.

    manifests.py K8S-FOLDER NODE-FOLDER PROGRAM..."""
import copy
import functools
import json
import pathlib
import re
import shutil
import subprocess
import sys

import yaml

from reach import (WORKLOADS, container_of, look_up, selects, settings_of, unmounted,
                   unreachable)
from render import render

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77


# -- what Kubernetes says --------------------------------------------------------------


class Schemas:
    def __init__(self, home):
        self.home = pathlib.Path(home)
        self.missing = None if shutil.which("npm") else "npm is not installed"
        if not self.missing:
            self.install()

    def install(self):
        self.home.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "schemas.mjs"):
            shutil.copy(HERE / name, self.home)
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts",
             "--prefer-offline", "--no-package-lock"], cwd=self.home, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            self.missing = f"npm cannot install: {done.stdout[-300:]}"

    def complaints(self, objects):
        """A list of complaints for each object."""
        if self.missing:
            return [[]] * len(objects)
        done = subprocess.run(["node", "schemas.mjs"], cwd=self.home, check=True,
                              input=json.dumps(objects), stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)


# -- what we say ------------------------------------------------------------------------


@functools.cache
def options_of(*command):
    """Name to type of each option, from --help."""
    said = subprocess.run([*command, "--help"], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    return {name.upper().replace("-", "_"): kind
            for name, kind in re.findall(r"^  --([a-z0-9-]+) ?([A-Z]*)", said, re.MULTILINE)}


def wrong_options(workload, things, programs):
    command = container_of(workload)["command"]
    program = programs.get(pathlib.Path(command[0]).name)
    if not program:
        yield f"{command[0]} is none of our programs"
        return
    known = options_of(program, *command[1:])
    for name, value in settings_of(workload, things):
        plain = name.removesuffix("_FILE")
        if name not in known and plain not in known:
            yield f"{name} is no option of {' '.join(command)}"
        elif known.get(name) == "SECRET" and value is not None:
            yield f"{name} is a secret and must come as {name}_FILE"


HARDENED = [  # a path from the pod's specification, and what must be there
    ("automountServiceAccountToken", False), ("enableServiceLinks", False),
    ("securityContext.runAsNonRoot", True),
    ("securityContext.seccompProfile.type", "RuntimeDefault"),
    ("containers.0.securityContext.allowPrivilegeEscalation", False),
    ("containers.0.securityContext.privileged", False),
    ("containers.0.securityContext.readOnlyRootFilesystem", True),
    ("containers.0.securityContext.capabilities.drop", ["ALL"]),
    ("containers.0.livenessProbe.httpGet.path", "/api/health"),
    ("containers.0.readinessProbe.httpGet.path", "/api/ready"),
]


def soft_spots(workload):
    pod = workload["spec"]["template"]["spec"]
    for path, wanted in HARDENED:
        if look_up(pod, path) != wanted:
            yield f"{path} is {look_up(pod, path)}, not {wanted}"
    if len(pod["containers"]) != 1:
        yield "more than one container; the checks look at one"
    for amount in ("requests.cpu", "requests.memory", "limits.memory"):
        if not look_up(container_of(workload), f"resources.{amount}"):
            yield f"resources.{amount} is not set"
    if pod.get("terminationGracePeriodSeconds", 0) < 5 + 5 + 10:
        yield "terminationGracePeriodSeconds is shorter than preStop and the drain"


SELECTORS = {"Service": "spec.selector", "PodDisruptionBudget": "spec.selector.matchLabels",
             "NetworkPolicy": "spec.podSelector.matchLabels",
             "Deployment": "spec.selector.matchLabels",
             "StatefulSet": "spec.selector.matchLabels"}


def loose_ends(thing, things):
    workloads = [other for other in things if other["kind"] in WORKLOADS]
    selector = look_up(thing, SELECTORS.get(thing["kind"], "none"))
    if selector and not any(selects(selector, workload) for workload in workloads):
        yield f"selects nothing: {selector}"
    if thing["kind"] not in WORKLOADS:
        return
    names = {(other["kind"], other["metadata"]["name"]) for other in things}
    for source in container_of(thing).get("envFrom", []):
        if ("ConfigMap", source["configMapRef"]["name"]) not in names:
            yield f"there is no ConfigMap {source['configMapRef']['name']}"
    if thing["spec"]["replicas"] > 1 and not any(
            other["kind"] == "PodDisruptionBudget" and
            selects(other["spec"]["selector"]["matchLabels"], thing) for other in things):
        yield "has replicas and no PodDisruptionBudget"
    if not any(other["kind"] == "NetworkPolicy" and
               selects(look_up(other, "spec.podSelector.matchLabels") or {"": ""}, thing)
               for other in things):
        yield "has no NetworkPolicy"


def our_complaints(things, programs):
    """[(thing, complaint)]"""
    for thing in things:
        for complaint in loose_ends(thing, things):
            yield thing, complaint
        if thing["kind"] in WORKLOADS:
            for complaint in [*soft_spots(thing), *wrong_options(thing, things, programs),
                              *unreachable(thing, things), *unmounted(thing, things)]:
                yield thing, complaint


# -- that all this can fail -----------------------------------------------------------------

GONE = object()
POD = "spec.template.spec"
NOBODY = {"app.kubernetes.io/name": "nobody"}

# What is done to every object of a kind in the edge: a path, and what is put there.
SCHEMA_MUTATIONS = {
    "workload": [
        ("spec.replica", 2), ("spec.replicas", "2"), ("spec.replicas", 1.5),
        ("spec.selector", GONE), ("apiVersion", "apps/v1beta9"), ("kind", "Deploiment"),
        ("metadata.label", {"a": "b"}),
        (f"{POD}.containers.0.name", GONE),
        (f"{POD}.containers.0.readinessProb", {"httpGet": {"port": 1}}),
        (f"{POD}.containers.0.ports.0.containerPort", "3000"),
        (f"{POD}.containers.0.securityContext.readOnlyRootFileSystem", True),
        (f"{POD}.containers.0.livenessProbe.httpGet.port", GONE),
        (f"{POD}.securityContext.seccompProfile.typ", "RuntimeDefault"),
        (f"{POD}.terminationGracePeriodSeconds", "30s"),
        (f"{POD}.volumes.0.secret.defaultMode", "0440"),
        ("spec.volumeClaimTemplates.0.spec.accessModes", "ReadWriteOnce"),
    ],
    "PodDisruptionBudget": [("spec.maxUnavailable", [1]), ("spec.minAvaliable", 1)],
    "NetworkPolicy": [("spec.policyTypes", "Egress"),
                      ("spec.egress.0.ports.0.protocoll", "TCP")],
    "Service": [("spec.ports.0.port", GONE)],
    "ConfigMap": [("data.OUTBOX_BATCH_SIZE", 1000)],
}

OUR_MUTATIONS = {
    "workload": [
        (f"{POD}.containers.0.securityContext.readOnlyRootFilesystem", False),
        (f"{POD}.securityContext.runAsNonRoot", GONE),
        (f"{POD}.containers.0.readinessProbe", GONE),
        (f"{POD}.containers.0.resources", GONE),
        (f"{POD}.terminationGracePeriodSeconds", 5),
        (f"{POD}.containers.0.command", ["/usr/local/bin/edge-forwarder"]),
        (f"{POD}.containers.0.env.0.name", "APP_BINT"),
        (f"{POD}.containers.0.env.0.name", "INTERNAL_TOKEN"),
        (f"{POD}.containers.0.envFrom.0.configMapRef.name", "elsewhere"),
        (f"{POD}.containers.0.volumeMounts.0", GONE), (f"{POD}.volumes.0", GONE),
        ("spec.template.metadata.labels", {"app.kubernetes.io/name": "x"}),
        ("spec.volumeClaimTemplates", GONE),
    ],
    "PodDisruptionBudget": [("spec.selector.matchLabels", NOBODY)],
    "NetworkPolicy": [("spec.podSelector.matchLabels", NOBODY)],
    "Service": [("spec.selector", NOBODY)],
    "ConfigMap": [("data.OUTBOX_BATCH_SIZES", "1")],
}

# Neighbours that are called, and cannot be reached.
MEDIA, MODEL = "EDGE_MEDIA_STORE_URL", ("ConfigMap", "edge-vision-inference")
SINGLE_MUTATIONS = [
    (MODEL, f"data.{MEDIA}", "https://edge-media-shop:3000"),
    (MODEL, f"data.{MEDIA}", "https://edge-media-store:3001"),
    (MODEL, f"data.{MEDIA}", "http://edge-media-store:3000"),
    (("Service", "edge-sync-forwarder"), "metadata.name", "forwarder"),
    (("NetworkPolicy", "edge-ingress-gateway"), "spec.egress.0.to.1", GONE),
    (("NetworkPolicy", "edge-media-store"), "spec.egress.0", GONE),
    (("NetworkPolicy", "edge-media-store"), "spec.ingress", GONE),
    (("NetworkPolicy", "edge-vision-inference"), "spec.egress.0", GONE),
    (("NetworkPolicy", "edge-vision-inference"), "spec.ingress.0.ports.0.port", 5432),
    (("NetworkPolicy", "edge-weighvision-session"), "spec.ingress.0.from.1", GONE),
    (("NetworkPolicy", "edge-observability-agent"), "spec.policyTypes", ["Ingress"]),
    (("NetworkPolicy", "observer-may-ask"), "spec.ingress.0.from.0.podSelector",
     {"matchLabels": NOBODY}),
]


def key_of(thing):
    return thing["kind"], thing["metadata"]["name"]


def named(things, name):
    return next(thing for thing in things if key_of(thing) == name)


def mutated(things, name, path, value):
    """All of them, with one place in one of them changed; None where there is no such
    place."""
    things = copy.deepcopy(things)
    *way, last = path.split(".")
    place = look_up(named(things, name), ".".join(way)) if way else named(things, name)
    if isinstance(place, list):
        last = int(last)
    if place is None or (value is GONE and isinstance(place, dict) and last not in place) \
            or (isinstance(place, list) and last >= len(place)):
        return None
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return things


def mutants(things, table):
    """(What was done, the things, the one it was done to); what no object has is a
    mistake of the table."""
    for kind, changes in table.items():
        names = [key_of(thing) for thing in things
                 if thing["kind"] in (WORKLOADS if kind == "workload" else (kind,))]
        for path, value in changes:
            made = [(name, mutated(things, name, path, value)) for name in names]
            assert any(mutant for _, mutant in made), f"no {kind} has {path}"
            for name, mutant in made:
                if mutant:
                    said = "gone" if value is GONE else f"= {value}"
                    yield (f"{' '.join(name)}: {path} {said}", mutant,
                           mutant[things.index(named(things, name))])


def unnoticed_by_us(edge, programs):
    singles = [(f"{name[1]}: {path}", mutated(edge, name, path, value), None)
               for name, path, value in SINGLE_MUTATIONS]
    everything = [*mutants(edge, OUR_MUTATIONS), *singles]
    wrong = [f"nobody minds {said}" for said, mutant, _ in everything
             if not list(our_complaints(mutant, programs))]
    return wrong, len(everything)


def schema_mutants(edge):
    """{what was done: the object that it was done to}"""
    return {said: spoiled for said, _, spoiled in mutants(edge, SCHEMA_MUTATIONS)}


# -- all of it ----------------------------------------------------------------------------


def foreign_rendering(folder, things):
    """What kubectl makes of a folder, where it differs from what we made of it."""
    if not shutil.which("kubectl"):
        return
    text = subprocess.run(["kubectl", "kustomize", folder], check=True,
                          stdout=subprocess.PIPE, text=True).stdout

    def in_order(all_of_them):
        return sorted(all_of_them, key=lambda t: (t["kind"], t["metadata"]["name"]))
    for ours, theirs in zip(in_order(things), in_order(yaml.safe_load_all(text))):
        if ours != theirs:
            yield f"{name_of(ours)}: kubectl renders it otherwise"


def name_of(thing):
    return f"{thing['kind']} {thing['metadata']['name']}"


def main(folder, node, *programs):
    programs = {pathlib.Path(path).name: str(pathlib.Path(path).resolve())
                for path in programs}
    overlays = {path: render(path) for path in sorted(pathlib.Path(folder).iterdir())
                if path.name not in ("base", "hardening") and path.is_dir()}
    edge = overlays[pathlib.Path(folder) / "edge"]
    wrong, mutations = unnoticed_by_us(edge, programs)
    for path, things in overlays.items():
        wrong += [f"{path.name}: {text}" for text in foreign_rendering(path, things)]
        wrong += [f"{path.name}: {name_of(thing)}: {text}"
                  for thing, text in our_complaints(things, programs)]
    schemas = Schemas(node)
    objects = [thing for things in overlays.values() for thing in things]
    spoiled = schema_mutants(edge)
    said = schemas.complaints(objects + [*spoiled.values()])
    wrong += [f"{name_of(thing)}: {text}" for thing, texts in zip(objects, said)
              for text in texts]
    wrong += [f"the schemas do not mind {mutation}" for mutation, texts
              in zip(spoiled, said[len(objects):]) if not texts and not schemas.missing]
    print("\n".join(wrong))
    print(f"{len(objects)} objects in {len(overlays)} overlays, {len(wrong)} complaints, "
          f"{len(spoiled) + mutations} mutations")
    if schemas.missing:
        print(f"skipped, what Kubernetes says: {schemas.missing}")
    return 1 if wrong else SKIPPED if schemas.missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
