# SPDX-License-Identifier: Apache-2.0
"""What the suite speaks to. FARMIQ_INTEROP names a TOML file (docs/interop.md has one with
every setting); without it a farm of our own is started. What is not given is skipped."""
import json
import os
import pathlib
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

EMPTY = {
    "place": {"tenant": "t-1", "farm": "f-1", "barn": "b-1", "device": "d-1",
              "station": "st-1", "other_tenant": "t-2"},
    "edge": {}, "cloud": {}, "mqtt": {}, "bus": {}, "stand_in": {}, "neighbour": {},
    "configuration": {}, "observed": {}, "unhurried": {},
    "patience_seconds": 30, "documents": False, "ours": False,
}


def from_file(path):
    import tomllib
    given = tomllib.loads(pathlib.Path(path).read_text())
    unknown = set(given) - set(EMPTY)
    assert not unknown, f"{path}: unknown settings: {', '.join(sorted(unknown))}"
    return {name: {**default, **given.get(name, {})} if isinstance(default, dict)
            else given.get(name, default) for name, default in EMPTY.items()}


class Target:
    def __init__(self, settings, own_farm=None):
        self.settings, self.own_farm = settings, own_farm
        self.place = types.SimpleNamespace(**settings["place"])
        self.patience = settings["patience_seconds"]
        self.is_ours = settings["ours"]

    def start(self, section):
        """What takes long to start, or few ask for: ours is, when it is asked for."""
        if self.own_farm and not self.settings[section]:
            self.settings[section] = getattr(self.own_farm, f"start_{section}")()

    def start_bus(self):
        self.start("bus")
        if self.settings["bus"]:
            self.settings["bus"] = {**self.settings["cloud"], **self.settings["bus"]}

    def need(self, section, *names):
        """The settings of a section; without them the test is skipped."""
        given = self.settings[section]
        missing = [name for name in names if not given.get(name)]
        if missing:
            pytest.skip(f"skipped: [{section}] {', '.join(missing)} not given")
        return types.SimpleNamespace(**given)


# -- a farm of our own -----------------------------------------------------------------

SECRET, OTHER_SECRET, KEY = "interop-secret-one", "interop-secret-two", "interop-key-three"
TOKEN = "interop-internal-token"


class OwnFarm:
    """One edge and one cloud that belong together, and one edge that sends to the suite's
    stand-in for a cloud, and one that is shut to operators, with a cloud that wants keys; and a
    gateway apart, whose neighbours the suite plays. Only their addresses leave this class."""

    def __init__(self, home, build):
        sys.path.insert(0, str(ROOT / "scripts"))
        import farm
        self.build, self.free_port = build, farm.free_port
        self.make = lambda name: farm.Farm(home / name, build)
        self.farms = [self.make(name) for name in ("site", "bad-site", "shut-site", "apart")]
        self.stand_in_port, self.neighbour_port = farm.free_port(), farm.free_port()

    def start(self):
        site, bad_site, shut_site, apart = self.farms
        tenants = f"{EMPTY['place']['tenant']}+t-3"
        site.start_broker()
        site.start_cloud(EDGE_KEYS=f"edge-1:{SECRET}:{tenants},edge-1:{OTHER_SECRET}:{tenants}",
                         API_TOKENS=f"{site.token}:{EMPTY['place']['tenant']}",
                         COMMIT_ID="interop-commit",
                         MEDIA_BASE_PATH=str(site.home / "cloud-media"))
        site.start_edge(CLOUD_HMAC_SECRET=SECRET, EDGE_ID="edge-1", INTERNAL_TOKEN=TOKEN,
                        COMMIT_ID="interop-commit", EMIT_AGGREGATES="false",
                        MEDIA_PRESIGN_PER_MINUTE="0", **self.model())
        bad_site.start_broker()
        bad_site.start_edge(
            CLOUD_INGESTION_URL=f"https://127.0.0.1:{self.stand_in_port}/api/v1/edge/batch",
            CLOUD_HMAC_SECRET=SECRET, EDGE_ID="edge-2", CLOUD_TIMEOUT_MS="2s",
            SYNC_INTERVAL_MS="100", OUTBOX_BATCH_SIZE="50", SYNC_BATCH_MAX_BYTES="16k",
            OUTBOX_BACKOFF_CAP_SECONDS="100ms")
        shut_site.start_broker()
        shut_site.start_cloud(CLOUD_AUTH_MODE="api_key", EDGE_KEYS=f"edge-3:{KEY}:{tenants}")
        shut_site.start_edge(CLOUD_AUTH_MODE="api_key", CLOUD_API_KEY=KEY, EDGE_ID="edge-3",
                             INTERNAL_ADMIN_ENABLED="false")
        neighbour = f"http://127.0.0.1:{self.neighbour_port}"
        apart.start_broker()
        apart.start_service(
            "edge-ingress-gateway", **apart.gateway_env(),
            DATABASE_URL=apart.database_url("gateway"), DOWNSTREAM_TIMEOUT_MS="2s",
            EDGE_TELEMETRY_TIMESERIES_URL=neighbour,
            EDGE_WEIGHVISION_SESSION_URL=neighbour, EDGE_FEED_INTAKE_URL=neighbour)

    def model(self):
        """The stub of the contract, which fails soon at a picture that is not there."""
        vision = self.build.resolve() / "shims/vision"
        return {"INFERENCE_MODEL_MANIFEST": str(vision / "stub.json"),
                "INFERENCE_MODEL_WORKER": str(vision / "farmiq-model-worker"),
                "INFERENCE_INTERVAL_MS": "100", "INFERENCE_MAX_ATTEMPTS": "2",
                "INFERENCE_BACKOFF_CAP_MS": "100"}

    def start_apart(self, program, **env):
        """A service that asks the suite: its address, and where the suite is to listen."""
        site, port = self.farms[3], self.free_port()
        site.start_service(program, **{
            name: value.format(suite=f"http://127.0.0.1:{port}", place=EMPTY["place"])
            for name, value in env.items()})
        return {"url": site.url_of(program), "listen": f"127.0.0.1:{port}",
                "internal_token": site.internal_token}

    def start_configuration(self):
        given = {"tenantId": "tenant", "farmId": "farm", "barnId": "barn"}
        barn = json.dumps([{name: EMPTY["place"][key] for name, key in given.items()}])
        site = self.farms[3]
        return {"token": TOKEN, **self.start_apart(
            "edge-policy-sync", DATABASE_URL=site.database_url("policy"), BFF_BASE_URL="{suite}",
            EDGE_CLOUD_TOKEN=TOKEN, POLICY_SYNC_INTERVAL_SECONDS="200ms",
            EDGE_CONTEXTS=barn.replace("{", "{{").replace("}", "}}"))}

    def start_observed(self):
        return self.start_apart(
            "edge-observability-agent", OBSERVE_TARGETS="neighbour={suite}",
            OBSERVE_INTERVAL_MS="200", EDGE_SYNC_FORWARDER_URL="{suite}")

    def start_unhurried(self):
        site, port = self.make("unhurried-site"), self.free_port()
        self.farms.append(site)
        site.start_broker()
        site.start_edge(CLOUD_INGESTION_URL=f"http://127.0.0.1:{port}/api/v1/edge/batch")
        return {"listen": f"127.0.0.1:{port}", "telemetry": site.edge_url,
                "forwarder": site.edge_url}

    def start_bus(self):
        """RabbitMQ and a cloud on it."""
        site = self.make("bus-site")
        self.farms.append(site)
        site.start_rabbit()
        site.start_cloud(EDGE_KEYS=f"edge-1:{SECRET}:{EMPTY['place']['tenant']}",
                         API_TOKENS=f"{site.token}:{EMPTY['place']['tenant']}")
        return {"url": site.rabbit.url, "ingestion": site.cloud_url, "ca_file": site.ca,
                "telemetry": site.cloud_url, "token": site.token, "auth": "hmac",
                "edge_id": "edge-1", "secret": SECRET}

    def settings(self):
        site, bad_site, shut_site, apart = self.farms[:4]
        return {
            **EMPTY,
            "edge": {"gateway": site.edge_url, "telemetry": site.edge_url,
                     "sessions": site.edge_url, "forwarder": site.edge_url, "admin": True,
                     "media": site.edge_url, "inference": site.edge_url,
                     "feed": site.edge_url, "policy": site.edge_url,
                     "observer": site.edge_url, "janitor": site.edge_url,
                     "internal_token": TOKEN, "shut_forwarder": shut_site.edge_url},
            "cloud": {"ingestion": site.cloud_url, "telemetry": site.cloud_url,
                      "sessions": site.cloud_url, "feed": site.cloud_url, "media": site.cloud_url,
                      "media_keeps_bytes": True, "ca_file": site.ca, "token": site.token, "auth": "hmac", "secret": SECRET, "other_secret": OTHER_SECRET,
                      "keyed_ingestion": shut_site.cloud_url, "key": KEY,
                      "keyed_ca_file": shut_site.ca},
            "mqtt": {"url": f"mqtt://127.0.0.1:{site.ports['mqtt']}", "acknowledges": True},
            "stand_in": {"listen": f"127.0.0.1:{self.stand_in_port}",
                         "certificate": str(bad_site.home / "server.pem"),
                         "key": str(bad_site.home / "server.key"),
                         "telemetry": bad_site.edge_url, "forwarder": bad_site.edge_url,
                         "auth": "hmac", "edge_id": "edge-2", "secret": SECRET,
                         "batch_events": 50, "batch_bytes": 16384, "timeout_seconds": 2,
                         "pause_seconds": 1.1},
            "neighbour": {"listen": f"127.0.0.1:{self.neighbour_port}", "acknowledges": True,
                          "mqtt": f"mqtt://127.0.0.1:{apart.ports['mqtt']}"},
            "documents": True, "ours": True,
        }

    def end(self):
        for farm in self.farms:
            farm.end()


def build_folder():
    return pathlib.Path(os.environ.get("FARMIQ_BUILD", ROOT / "build"))
