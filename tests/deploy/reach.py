# SPDX-License-Identifier: Apache-2.0
"""What the pods of an overlay reach: the neighbours that their settings name, through the
Services and past the network policies; and the files, on what is mounted."""
import pathlib
import re

WORKLOADS = ("Deployment", "StatefulSet")
NEIGHBOUR = re.compile(r"(https?)://([a-z0-9-]+):(\d+)")  # a name with a dot is elsewhere
WRITTEN = ("MEDIA_BASE_PATH", "DATABASE_URL")


def look_up(thing, path):
    for part in path.split("."):
        if isinstance(thing, list):
            thing = thing[int(part)] if len(thing) > int(part) else None
        else:
            thing = (thing or {}).get(part)
    return thing


def container_of(workload):
    return workload["spec"]["template"]["spec"]["containers"][0]


def settings_of(workload, things):
    """What a container is told: (name, value), None where something else knows it."""
    configs = {thing["metadata"]["name"]: thing for thing in things
               if thing["kind"] == "ConfigMap"}
    container = container_of(workload)
    for source in container.get("envFrom", []):
        config = configs.get(source["configMapRef"]["name"])
        yield from (config or {}).get("data", {}).items()
    for setting in container.get("env", []):
        yield setting["name"], setting.get("value")


def selects(selector, workload):
    labels = workload["spec"]["template"]["metadata"]["labels"]
    return all(labels.get(key) == value for key, value in selector.items())


# -- neighbours -------------------------------------------------------------------------


def takes(peers, workload):
    """Whether a rule's list of peers has the pods of a workload; without one it has all."""
    return peers is None or any(
        "namespaceSelector" not in peer and
        selects(look_up(peer, "podSelector.matchLabels") or {}, workload) for peer in peers)


def lets(policies, direction, pod, peer, port):
    """Whether a policy allows pods of `pod` to talk to, or to hear, those of `peer`."""
    rules = [rule for policy in policies if direction in policy["spec"]["policyTypes"]
             and selects(look_up(policy, "spec.podSelector.matchLabels") or {}, pod)
             for rule in policy["spec"].get(direction.lower(), [])]
    side = {"Egress": "to", "Ingress": "from"}[direction]
    return any(takes(rule.get(side), peer) and
               port in [entry["port"] for entry in rule.get("ports", [{"port": port}])]
               for rule in rules)


def on_the_way(caller, called, scheme, port, policies):
    """What stands between two workloads."""
    if not lets(policies, "Egress", caller, called, port):
        yield "no policy lets it out"
    if not lets(policies, "Ingress", called, caller, port):
        yield "no policy lets it in"
    is_secure = any(setting["name"] == "TLS_CERT_FILE"
                    for setting in container_of(called).get("env", []))
    if (scheme == "https") != is_secure:
        yield f"it {'does' if is_secure else 'does not'} speak TLS"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = look_up(container_of(called), f"{probe}.httpGet.scheme") or "HTTP"
        if asked.lower() != scheme:
            yield f"its {probe} asks in {asked}"


def unreachable(caller, things):
    """Neighbours that a workload is told to call, and cannot."""
    def of_kind(*kinds):
        return [thing for thing in things if thing["kind"] in kinds]
    services = {service["metadata"]["name"]: service for service in of_kind("Service")}
    for name, value in settings_of(caller, things):
        for scheme, host, port in NEIGHBOUR.findall(value or ""):
            doors = [door for door in look_up(services.get(host), "spec.ports") or []
                     if door["port"] == int(port)]
            if not doors:
                yield f"{name}: there is no Service {host}:{port}"
                continue
            for called in of_kind(*WORKLOADS):
                if selects(services[host]["spec"]["selector"], called):
                    for text in on_the_way(caller, called, scheme, doors[0]["targetPort"],
                                           of_kind("NetworkPolicy")):
                        yield f"{name}: {host}: {text}"


# -- files ------------------------------------------------------------------------------


def path_in(name, value):
    """The file or folder that a setting names, if it names one."""
    if name.endswith("_FILE"):
        return value
    if name in WRITTEN and value:
        return value.removeprefix("sqlite:")
    return None


def unmounted(workload, things):
    """Mounts of nothing, and paths on nothing that is mounted, or that may be written."""
    volumes = {volume["name"] for volume in
               (look_up(workload, "spec.template.spec.volumes") or []) +
               [claim["metadata"] for claim in
                look_up(workload, "spec.volumeClaimTemplates") or []]}
    mounts = container_of(workload).get("volumeMounts", [])
    for mount in mounts:
        if mount["name"] not in volumes:
            yield f"there is no volume {mount['name']}"
    for volume in volumes - {mount["name"] for mount in mounts}:
        yield f"nobody mounts {volume}"
    for name, value in settings_of(workload, things):
        path = path_in(name, value)
        if path and not any(pathlib.PurePath(mount["mountPath"]) in
                            pathlib.PurePath(path).parents for mount in mounts
                            if not (name in WRITTEN and mount.get("readOnly"))):
            yield f"{name}: {path} is on nothing that is mounted for it"
