#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manifests of deploy/k8s: Kubernetes' API description has nothing against them, they
are as hardened as they say, what they refer to exists, and every option they set is one of
the program they run. Mutations show that each of these checks can fail.

    manifests.py K8S-FOLDER NODE-FOLDER PROGRAM..."""
import copy
import json
import pathlib
import re
import shutil
import subprocess
import sys

import yaml

from render import render

HERE = pathlib.Path(__file__).resolve().parent
WORKLOADS = ("Deployment", "StatefulSet")
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


def options_of(command):
    """Name to type of each option, from --help."""
    said = subprocess.run([*command, "--help"], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    return {name.upper().replace("-", "_"): kind
            for name, kind in re.findall(r"^  --([a-z0-9-]+) ?([A-Z]*)", said, re.MULTILINE)}


def container_of(workload):
    return workload["spec"]["template"]["spec"]["containers"][0]


def settings_of(workload, configs):
    """What a container is told, and by whom: a value, or a reference."""
    container = container_of(workload)
    for source in container.get("envFrom", []):
        config = configs.get(source["configMapRef"]["name"])
        for name in (config or {}).get("data", {}):
            yield name, "value"
    for setting in container.get("env", []):
        yield setting["name"], "value" if "value" in setting else "reference"


def wrong_options(workload, configs, programs):
    command = container_of(workload)["command"]
    program = programs.get(pathlib.Path(command[0]).name)
    if not program:
        yield f"{command[0]} is none of our programs"
        return
    known = options_of([program, *command[1:]])
    for name, how in settings_of(workload, configs):
        plain = name.removesuffix("_FILE")
        if name not in known and plain not in known:
            yield f"{name} is no option of {' '.join(command)}"
        elif known.get(name) == "SECRET" and how == "value":
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


def look_up(thing, path):
    for part in path.split("."):
        if isinstance(thing, list):
            thing = thing[int(part)] if len(thing) > int(part) else None
        else:
            thing = (thing or {}).get(part)
    return thing


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


def selects(selector, workload):
    labels = workload["spec"]["template"]["metadata"]["labels"]
    return all(labels.get(key) == value for key, value in selector.items())


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
    configs = {thing["metadata"]["name"]: thing for thing in things
               if thing["kind"] == "ConfigMap"}
    for thing in things:
        for complaint in loose_ends(thing, things):
            yield thing, complaint
        if thing["kind"] in WORKLOADS:
            for complaint in [*soft_spots(thing), *wrong_options(thing, configs, programs)]:
                yield thing, complaint


# -- that all this can fail -----------------------------------------------------------------

GONE = object()
DEPLOYMENT, POD = ("Deployment", "edge-sync-forwarder"), "spec.template.spec"
BUDGET = ("PodDisruptionBudget", "edge-sync-forwarder")
POLICY = ("NetworkPolicy", "edge-sync-forwarder")

SCHEMA_MUTATIONS = [  # an object of the edge, a path, what is put there
    (DEPLOYMENT, "spec.replica", 2),
    (DEPLOYMENT, "spec.replicas", "2"),
    (DEPLOYMENT, "spec.replicas", 1.5),
    (DEPLOYMENT, "spec.selector", GONE),
    (DEPLOYMENT, "apiVersion", "apps/v1beta9"),
    (DEPLOYMENT, "kind", "Deploiment"),
    (DEPLOYMENT, "metadata.label", {"a": "b"}),
    (DEPLOYMENT, f"{POD}.containers.0.name", GONE),
    (DEPLOYMENT, f"{POD}.containers.0.readinessProb", {"httpGet": {"port": 1}}),
    (DEPLOYMENT, f"{POD}.containers.0.ports.0.containerPort", "3000"),
    (DEPLOYMENT, f"{POD}.containers.0.securityContext.readOnlyRootFileSystem", True),
    (DEPLOYMENT, f"{POD}.containers.0.livenessProbe.httpGet.port", GONE),
    (DEPLOYMENT, f"{POD}.securityContext.seccompProfile.typ", "RuntimeDefault"),
    (DEPLOYMENT, f"{POD}.terminationGracePeriodSeconds", "30s"),
    (DEPLOYMENT, f"{POD}.volumes.0.secret.defaultMode", "0440"),
    (BUDGET, "spec.maxUnavailable", [1]),
    (BUDGET, "spec.minAvaliable", 1),
    (POLICY, "spec.policyTypes", "Egress"),
    (POLICY, "spec.egress.0.ports.0.protocoll", "TCP"),
    (("Service", "edge-telemetry-timeseries"), "spec.ports.0.port", GONE),
    (("ConfigMap", "edge-sync-forwarder"), "data.OUTBOX_BATCH_SIZE", 1000),
]

OUR_MUTATIONS = [
    (DEPLOYMENT, f"{POD}.containers.0.securityContext.readOnlyRootFilesystem", False),
    (DEPLOYMENT, f"{POD}.securityContext.runAsNonRoot", GONE),
    (DEPLOYMENT, f"{POD}.containers.0.readinessProbe", GONE),
    (DEPLOYMENT, f"{POD}.containers.0.resources", GONE),
    (DEPLOYMENT, f"{POD}.terminationGracePeriodSeconds", 5),
    (DEPLOYMENT, f"{POD}.containers.0.command", ["/usr/local/bin/edge-forwarder"]),
    (DEPLOYMENT, f"{POD}.containers.0.env.0.name", "APP_BINT"),
    (DEPLOYMENT, f"{POD}.containers.0.env.0.name", "CLOUD_HMAC_SECRET"),
    (DEPLOYMENT, f"{POD}.containers.0.envFrom.0.configMapRef.name", "elsewhere"),
    (DEPLOYMENT, "spec.template.metadata.labels", {"app.kubernetes.io/name": "x"}),
    (("ConfigMap", "edge-sync-forwarder"), "data.OUTBOX_BATCH_SIZES", "1"),
    (BUDGET, "spec.selector.matchLabels", {"app.kubernetes.io/name": "nobody"}),
    (POLICY, "spec.podSelector.matchLabels", {"app.kubernetes.io/name": "nobody"}),
]


def named(things, name):
    return next(thing for thing in things
                if (thing["kind"], thing["metadata"]["name"]) == name)


def mutated(things, name, path, value):
    """All of them, with one place in one of them changed."""
    things = copy.deepcopy(things)
    *way, last = path.split(".")
    place = look_up(named(things, name), ".".join(way)) if way else named(things, name)
    if value is GONE:
        del place[last]
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return things


def unnoticed_by_us(edge, programs):
    for name, path, value in OUR_MUTATIONS:
        if not list(our_complaints(mutated(edge, name, path, value), programs)):
            yield f"nobody minds {name} {path} = {value}"


def schema_mutants(edge):
    return [mutated(edge, name, path, value)[edge.index(named(edge, name))]
            for name, path, value in SCHEMA_MUTATIONS]


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
    wrong = [*unnoticed_by_us(edge, programs)]
    for path, things in overlays.items():
        wrong += [f"{path.name}: {text}" for text in foreign_rendering(path, things)]
        wrong += [f"{path.name}: {name_of(thing)}: {text}"
                  for thing, text in our_complaints(things, programs)]
    schemas = Schemas(node)
    objects = [thing for things in overlays.values() for thing in things]
    said = schemas.complaints(objects + schema_mutants(edge))
    wrong += [f"{name_of(thing)}: {text}" for thing, texts in zip(objects, said)
              for text in texts]
    wrong += [f"the schemas do not mind {mutation}" for mutation, texts
              in zip(SCHEMA_MUTATIONS, said[len(objects):]) if not texts
              and not schemas.missing]
    print("\n".join(wrong))
    print(f"{len(objects)} objects in {len(overlays)} overlays, {len(wrong)} complaints, "
          f"{len(SCHEMA_MUTATIONS) + len(OUR_MUTATIONS)} mutations")
    if schemas.missing:
        print(f"skipped, what Kubernetes says: {schemas.missing}")
    return 1 if wrong else SKIPPED if schemas.missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
