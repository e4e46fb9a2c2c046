#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every service stands in every place that lists services: who adds one and forgets a place
hears of it here. The programs that are built say which services there are, and their --help
what they are; services that nobody has show that each place is looked at.

    places.py ROOT PAGE... -- PROGRAM..."""
import collections
import functools
import pathlib
import re
import subprocess
import sys

OBSERVER = "edge-observability-agent"


class Service:
    def __init__(self, name, options):
        self.name, self.options = name, options
        self.side = "edge" if name.startswith("edge-") else "cloud"
        self.role = "farmiq_" + name.replace("-", "_")

    @property
    def keeps(self):
        """Rows, in tables of its own."""
        return "database-url" in self.options

    @property
    def is_on_the_bus(self):
        return "rabbitmq-url" in self.options

    @property
    def is_watched(self):
        return self.side == "edge" and self.name != OBSERVER


def built(program):
    said = subprocess.run([program, "--help"], check=True, stdout=subprocess.PIPE, text=True)
    return Service(pathlib.Path(program).name,
                   set(re.findall(r"^  --([a-z0-9-]+)", said.stdout, re.MULTILINE)))


class House:
    """The places. Each method is one: whether a service stands in it."""

    def __init__(self, root, pages):
        self.root, self.pages = root, {pathlib.Path(page).name for page in pages}

    @functools.cache
    def text(self, path):
        path = self.root / path
        return path.read_text() if path.exists() else ""

    def port(self, service):
        found = re.search(r"^Environment=APP_PORT=(\d+)$",
                          self.text(f"deploy/systemd/{service.name}.service.in"), re.MULTILINE)
        return found[1] if found else None

    # -- how it is run

    def unit(self, service):
        return self.port(service) is not None

    def target(self, service):
        return f"Wants={service.name}.service\n" in self.text(
            f"deploy/systemd/farmiq-{service.side}.target")

    def port_in_readme(self, service):
        return re.search(rf"`{service.name}`\s+\((?:port )?{self.port(service)}\b",
                         self.text("deploy/README.md"))

    def workload(self, service):
        files = self.text(f"deploy/k8s/{service.side}/kustomization.yaml")
        return any(f"command: [/usr/local/bin/{service.name}]" in
                   self.text(f"deploy/k8s/{service.side}/{file}")
                   for file in re.findall(r"^  - (\w+\.yaml)$", files, re.MULTILINE))

    def secrets(self, service):
        return any(f"`{service.name}`" in row for row in re.findall(
            r"^\| Secrets? .*", self.text("deploy/k8s/README.md"), re.MULTILINE))

    def many_in_one(self, service):
        name = service.name.replace("-", "_")
        main = self.text("shims/farmiqd/main.c")
        return f"*const {name};" in main and f"&{name}" in main

    def watched_by_unit(self, service):
        targets = re.search(r"^Environment=OBSERVE_TARGETS=(.*)$",
                            self.text(f"deploy/systemd/{OBSERVER}.service.in"), re.MULTILINE)
        return f"{service.name}=http://127.0.0.1:{self.port(service)}" in targets[1].split(",")

    def watched_by_workload(self, service):
        return re.search(rf"^    {service.name}=https?://{service.name}:",
                         self.text("deploy/k8s/edge/config.yaml"), re.MULTILINE)

    # -- what it may

    def role(self, service):
        return f"('{service.role}'," in self.text("deploy/postgres/roles.sql")

    def role_of_many_in_one(self, service):
        grants = re.findall(rf"GRANT ([^;]*?)\s+TO farmiq_{service.side};",
                            self.text("deploy/postgres/roles.sql"))
        return any(service.role in re.split(r",\s*", grant) for grant in grants)

    def role_behind_the_wall(self, service):
        wall = self.text("deploy/postgres/roles.sql").split("CREATE POLICY farmiq_service")[1]
        return re.search(rf"\b{service.role}\b", wall.split("USING")[0])

    def role_in_readme(self, service):
        return f"`{service.role}`" in self.text("deploy/postgres/README.md")

    def user_of_the_bus(self, service):
        return re.search(rf"^{service.name} ", self.text("deploy/rabbitmq/permissions"),
                         re.MULTILINE)

    # -- what is told of it

    def page(self, service):
        return f"{service.name}.8" in self.pages

    def retention(self, service):
        return any(service.name in row.split("|")[2] for row in re.findall(
            r"^\| \w+: .*", self.text("docs/storage.md"), re.MULTILINE))

    def handbook(self, service):
        return service.name in self.text("docs/ARCHITECTURE.md") + self.text("docs/operations.md")


def everybody(_):
    return True


PLACES = [  # whom it concerns, where it is looked for, what to do
    (everybody, House.unit, "write deploy/systemd/NAME.service.in, with its APP_PORT"),
    (everybody, House.target, "let deploy/systemd/farmiq-SIDE.target want it"),
    (everybody, House.port_in_readme, "name it and its port in deploy/README.md"),
    (everybody, House.workload, "write its manifests, and list them in deploy/k8s/SIDE"),
    (everybody, House.many_in_one, "host it in shims/farmiqd/main.c"),
    (everybody, House.page, "print its man page (shims/pages)"),
    (everybody, House.handbook, "say what it is for in docs/ARCHITECTURE.md or operations.md"),
    (lambda s: s.keeps, House.secrets, "name its Secret in deploy/k8s/README.md"),
    (lambda s: s.keeps, House.role, "give it rights in deploy/postgres/roles.sql"),
    (lambda s: s.keeps, House.role_of_many_in_one, "grant its role to farmiq_SIDE there"),
    (lambda s: s.keeps, House.role_behind_the_wall, "name its role in the policy there"),
    (lambda s: s.keeps, House.role_in_readme, "name its role in deploy/postgres/README.md"),
    (lambda s: s.keeps, House.retention, "name what it keeps in docs/storage.md"),
    (lambda s: s.is_on_the_bus, House.user_of_the_bus, "give it rights in deploy/rabbitmq"),
    (lambda s: s.is_watched, House.watched_by_unit, "let the observer's unit watch it"),
    (lambda s: s.is_watched, House.watched_by_workload, "let the observer's ConfigMap name it"),
]


def forgotten(house, service):
    for concerns, stands_in, hint in PLACES:
        if concerns(service) and not stands_in(house, service):
            yield stands_in, hint.replace("NAME", service.name).replace("SIDE", service.side)


def main(root, *arguments):
    split = arguments.index("--")
    house = House(pathlib.Path(root), arguments[:split])
    services = [built(program) for program in arguments[split + 1:]]
    wrong = [f"{service.name}: {hint}" for service in services
             for _, hint in forgotten(house, service)]
    ports = collections.Counter(house.port(service) for service in services)
    wrong += [f"port {port} is {count} units'" for port, count in ports.items() if count > 1]
    everything = {option for service in services for option in service.options}
    missed = {place for name in ("edge-nobody", "cloud-nobody")
              for place, _ in forgotten(house, Service(name, everything))}
    wrong += [f"nobody is found in {place.__name__}" for _, place, _ in PLACES
              if place not in missed]
    print("\n".join(wrong))
    print(f"{len(services)} services in {len(PLACES)} places, {len(wrong)} complaints")
    return bool(wrong) or not services


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
