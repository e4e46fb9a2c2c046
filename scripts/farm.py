# SPDX-License-Identifier: Apache-2.0
"""A farm of real processes on this machine: Mosquitto, agents, edge and cloud, with TLS
and signatures between the last two. The demo and the black-box tests share it.

Everything lives below one folder and listens on loopback; every process is ended by
its own pid. Edge and cloud keep their rows in SQLite files there, or on a PostgreSQL of
the farm's own.
"""
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ("agent", "scale", "feeder")  # of events: how their processes' names begin
TENANT, FARM, BARN = "t-demo", "farm-1", "barn-1"
DATABASES = ("edge", "cloud", "ingestion", "sessions", "feed", "images")  # on engines

# Where replicas may live, what a killed process had in hand waits for its lease to end.
SHORT_LEASES = {"OUTBOX_LEASE_SECONDS": "5", "CLOUD_TIMEOUT_MS": "1500", "BUS_LEASE_MS": "3000"}

# Lines of a shipped broker configuration that name files, ports and users of a site;
# everything else is used as it is.
SITE_LINES = ("listener", "cafile", "certfile", "keyfile", "tls_version", "user",
              "allow_anonymous", "password_file", "plugin", "plugin_opt_config_file",
              "persistence_location", "use_username_as_clientid", "log_dest", "include_dir")


_reserved = []  # sockets whose names are the ports that this process was given


SANITIZER = re.compile(rb"[^\n]*(?:runtime error: |ERROR: \w+Sanitizer)[^\n]*(?:\n[^\n]*){0,12}")


def free_port():
    """A port that nobody listens on and that no other test is given while this process
    lives: a server may take its time to start. The kernel gives its own choice (port 0)
    away again to the next connection that leaves this machine; this range is below the
    one connections leave from."""
    while True:
        port = 10000 + secrets.randbelow(20000)
        ours = socket.socket(socket.AF_UNIX)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                ours.bind(f"\0farmiq-port-{port}")
            except OSError:
                ours.close()
                continue
        _reserved.append(ours)
        return port


def wait_for(what, seconds, check, every=0.05):
    """Call `check` until it returns something true, which is returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(every)
    raise TimeoutError(f"{what} did not happen within {seconds} s")


class Authority:
    """A certificate authority of its own; makes NAME.pem and NAME.key in its folder."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        self._make(name, [f"cn = FarmIQ {name}", "ca", "cert_signing_key",
                          "expiration_days = 30"], "--generate-self-signed",
                   "--load-privkey", f"{name}.key")

    def issue(self, name, *lines):
        """`lines` as certtool's templates have them."""
        if not any(line.startswith("expiration_") for line in lines):
            lines += ("expiration_days = 30",)
        self._make(name, ["signing_key", *lines], "--generate-certificate",
                   "--load-privkey", f"{name}.key", "--load-ca-certificate",
                   f"{self.name}.pem", "--load-ca-privkey", f"{self.name}.key")

    def _make(self, name, lines, *how):
        (self.folder / f"{name}.tmpl").write_text("\n".join(lines) + "\n")
        self._certtool("--generate-privkey", "--key-type", "ecdsa", "--outfile",
                       f"{name}.key")
        self._certtool(*how, "--template", f"{name}.tmpl", "--outfile", f"{name}.pem")

    def _certtool(self, *args):
        subprocess.run(["certtool", *args], cwd=self.folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certificates(folder):
    """A certificate authority and one server certificate for 127.0.0.1."""
    authority = Authority(folder)
    authority.issue("server", "cn = localhost", "dns_name = localhost",
                    "ip_address = 127.0.0.1", "tls_www_server")
    return authority


class Process:
    """One program that can be killed and started again with the same options."""

    patience_s = 30

    def __init__(self, name, args, env, log, ready, user=None):
        self.name, self.args, self.env, self.log, self.ready = name, args, env, log, ready
        self.user, self.running = user, None

    def start(self):
        self.launch()
        wait_for(f"{self.name} ready (see {self.log})", self.patience_s, self._is_ready)

    def launch(self):
        """Start what need not be there any more a moment later."""
        env = {name: value for name, value in {**os.environ, **self.env}.items()
               if value is not None}
        with open(self.log, "ab") as log:
            self.running = subprocess.Popen(self.args, env=env, stdout=log,
                                            stderr=subprocess.STDOUT,
                                            start_new_session=True, user=self.user)

    def _is_ready(self):
        if self.running.poll() is not None:
            said = pathlib.Path(self.log).read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.name} ended at start, see {self.log}; last:\n{said}")
        return self.ready()

    def end(self, how=signal.SIGTERM, seconds=20):
        if not self.running or self.running.poll() is not None:
            return None
        self.running.send_signal(how)
        try:
            return self.running.wait(seconds)
        except subprocess.TimeoutExpired:
            self.running.kill()
            return self.running.wait()


class Farm:
    """The processes, their files and what can be asked of them. `postgresql` names the
    databases, "edge" or "cloud", that are there; others are files."""

    def __init__(self, home, build, postgresql=()):
        self.home, self.build = pathlib.Path(home).resolve(), pathlib.Path(build).resolve()
        self.home.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in ("mqtt", "edge", "cloud")}
        self.secret, self.token = secrets.token_hex(32), secrets.token_hex(16)
        self.internal_token = secrets.token_hex(16)
        self.processes, self.postgresql, self.cluster = {}, tuple(postgresql), None
        self.gateway_database = "edge" if "edge" in self.postgresql else "gateway"
        self.https = {"cloud"}  # whose door speaks TLS
        self.ingestions = ["cloud"]  # where forwarders send, by turns
        self.rabbit = None
        self.authority = make_certificates(self.home)
        self.ca = str(self.home / "ca.pem")

    # -- the processes ----------------------------------------------------------

    def _add(self, name, args, env, ready, user=None):
        process = Process(name, args, env, self.home / f"{name}.log", ready, user)
        self.processes[name] = process
        process.start()
        return process

    def _accepts(self, port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def start_broker(self, config="farmiq-dev.conf"):
        (self.home / "mosquitto").mkdir(exist_ok=True)
        text = (ROOT / "deploy/mosquitto" / config).read_text()
        lines = [line for line in text.splitlines()
                 if line.split(" ")[0] not in SITE_LINES]
        lines += [f"listener {self.ports['mqtt']} 127.0.0.1", "allow_anonymous true",
                  f"persistence_location {self.home}/mosquitto/", "log_dest stderr"]
        if os.geteuid() == 0:
            lines.append("user root")
        path = self.home / "mosquitto.conf"
        path.write_text("\n".join(lines) + "\n")
        return self._add("broker", ["/usr/sbin/mosquitto", "-c", str(path)], {},
                         lambda: self._accepts(self.ports["mqtt"]))

    def start_postgres(self, **settings):
        from postgres import Cluster
        self.cluster = Cluster(self.port_of("postgres"), **settings)
        process = self._add("postgres", self.cluster.args, {}, self.cluster.answers,
                            self.cluster.user)
        for name in self.postgresql:
            self.cluster.create(name)
        return process

    def start_rabbit(self, **options):
        """Before the cloud, whose bus it then is."""
        from rabbit import Broker
        self.rabbit = Broker(free_port, **options)
        Process.patience_s = 90  # a node takes ten seconds on a machine that has time
        return self._add("rabbitmq", self.rabbit.args, self.rabbit.env, self.rabbit.answers)

    @property
    def bus_url(self):
        return self.rabbit.url if self.rabbit else "local:"

    def database_url(self, name):
        return (self.cluster.url(name) if name in self.postgresql
                else f"sqlite:{self.home}/{name}.db")

    def _is_healthy(self, url):
        try:
            with self.open(f"{url}/api/health", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def start_cloud(self, name="cloud", **more):
        """`name` tells replicas apart."""
        env = {
            "DATABASE_URL": self.database_url("cloud"),
            "RABBITMQ_URL": self.bus_url,
            "APP_PORT": str(self.ports[name]),
            "TLS_CERT_FILE": str(self.home / "server.pem"),
            "TLS_KEY_FILE": str(self.home / "server.key"),
            "CLOUD_AUTH_MODE": "hmac",
            "EDGE_KEYS": f"edge-demo:{self.secret}:{TENANT}",
            "API_TOKENS": f"{self.token}:{TENANT}",
            **(SHORT_LEASES if "cloud" in self.postgresql else {}),
            **more,
        }
        return self._add(name, [str(self.build / "shims/farmiqd/farmiqd"), "cloud"], env,
                         lambda: self._is_healthy(f"https://127.0.0.1:{self.ports[name]}"))

    def start_cloud_apart(self, replicas=1, **more):
        """Ingestion, telemetry, sessions, feed and images as processes of their own, joined by
        RabbitMQ alone: on SQLite each has a file of its own."""
        for number in range(replicas):
            self.https.add(f"cloud-ingestion-{number}")
            self.start_service(
                "cloud-ingestion", f"cloud-ingestion-{number}", RABBITMQ_URL=self.bus_url,
                DATABASE_URL=self.database_url("ingestion"), CLOUD_AUTH_MODE="hmac",
                TLS_CERT_FILE=str(self.home / "server.pem"),
                TLS_KEY_FILE=str(self.home / "server.key"), **SHORT_LEASES,
                EDGE_KEYS=f"edge-demo:{self.secret}:{TENANT}",
                API_TOKENS=f"{self.token}:{TENANT}", **more)
        self.ingestions = [f"cloud-ingestion-{number}" for number in range(replicas)]
        for program, database, own in (
                ("cloud-telemetry-service", "cloud", {}),
                ("cloud-weighvision-readmodel", "sessions", {}),
                ("cloud-feed-service", "feed", {}),
                ("cloud-media-store", "images",
                 {"MEDIA_BASE_PATH": str(self.home / "cloud-media")})):
            self.start_service(program, RABBITMQ_URL=self.bus_url,
                               DATABASE_URL=self.database_url(database),
                               API_TOKENS=f"{self.token}:{TENANT}", **own, **more)

    def start_edge(self, **more):
        env = {
            "DATABASE_URL": self.database_url("edge"),
            "APP_PORT": str(self.ports["edge"]),
            **self.gateway_env(), **self.forwarder_env(),
            "INTERNAL_ADMIN_ENABLED": "true",
            "MEDIA_BASE_PATH": str(self.home / "media"),
            **more,
        }
        return self._add("edge", [str(self.build / "shims/farmiqd/farmiqd"), "edge"], env,
                         lambda: self._is_healthy(self.edge_url))

    def gateway_env(self):
        return {"MQTT_BROKER_URL": f"mqtt://127.0.0.1:{self.ports['mqtt']}",
                "ALLOWLIST_MODE": "open"}

    def forwarder_env(self, number=0):
        cloud = self.url_of(self.ingestions[number % len(self.ingestions)])
        return {"CLOUD_INGESTION_URL": f"{cloud}/api/v1/edge/batch",
                "CLOUD_AUTH_MODE": "hmac", "CLOUD_HMAC_SECRET": self.secret,
                "EDGE_ID": "edge-demo", "HTTP_CA_FILE": self.ca,
                "SYNC_INTERVAL_MS": "200", "OUTBOX_BATCH_SIZE": "1000",
                **(SHORT_LEASES if "edge" in self.postgresql else {})}

    def start_service(self, program, name=None, **env):
        """One service as a process of its own. `name` tells replicas apart."""
        name = name or program
        port = self.port_of(name)
        return self._add(name, [str(self.build / "shims/programs" / program)],
                         {"APP_PORT": str(port), "INTERNAL_TOKEN": self.internal_token,
                          **env}, lambda: self._is_healthy(self.url_of(name)))

    def start_edge_apart(self, replicas=2, **media):
        """The edge as a process per service. The gateway asks its neighbours while it holds
        its own write lock, so on SQLite it needs a file of its own. `media` is for the
        media store."""
        edge = self.database_url("edge")
        for neighbour in ("edge-telemetry-timeseries", "edge-weighvision-session",
                          "edge-feed-intake"):
            self.start_service(neighbour, DATABASE_URL=edge)
        self.start_service("edge-vision-inference", DATABASE_URL=edge, **self.vision_env(),
                           EDGE_MEDIA_STORE_URL=self.url_of("edge-media-store"),
                           EDGE_WEIGHVISION_SESSION_URL=self.url_of("edge-weighvision-session"))
        self.start_service("edge-media-store", DATABASE_URL=edge, **self.vision_env(),
                           MEDIA_BASE_PATH=str(self.home / "media"),
                           EDGE_VISION_INFERENCE_URL=self.url_of("edge-vision-inference"),
                           **media)
        self.start_service("edge-retention-janitor", DATABASE_URL=edge,
                           MEDIA_BASE_PATH=str(self.home / "media"), JANITOR_DRY_RUN="false")
        for number in range(replicas):
            self.start_service(
                "edge-ingress-gateway", f"edge-ingress-gateway-{number}",
                **self.gateway_env(),
                DATABASE_URL=self.database_url(self.gateway_database),
                MQTT_CLIENT_ID=f"edge-ingress-gateway-{number}", MQTT_SHARE_GROUP="gateways",
                EDGE_TELEMETRY_TIMESERIES_URL=self.url_of("edge-telemetry-timeseries"),
                EDGE_WEIGHVISION_SESSION_URL=self.url_of("edge-weighvision-session"),
                EDGE_FEED_INTAKE_URL=self.url_of("edge-feed-intake"))
            self.start_service(
                "edge-sync-forwarder", f"edge-sync-forwarder-{number}",
                **self.forwarder_env(number), DATABASE_URL=edge,
                INSTANCE_ID=f"edge-sync-forwarder-{number}")

    def vision_env(self):
        """Every image is shown to the silhouette estimator, which knows pigs."""
        vision = self.build / "shims/vision"
        return {"TRIGGER_INFERENCE_ON_COMPLETE": "true",
                "INFERENCE_MODEL_MANIFEST": str(vision / "pig.json"),
                "INFERENCE_MODEL_WORKER": str(vision / "farmiq-model-worker")}

    def start_ops(self):
        """The page of the site from a process of its own, which watches all others."""
        targets = [name for name in self.processes if name.startswith("edge-")]
        return self.start_service(
            "edge-observability-agent", OBSERVE_DISK_PATH=str(self.home),
            OBSERVE_TARGETS=", ".join(f"{name}={self.url_of(name)}" for name in targets),
            OBSERVE_INTERVAL_MS="5s", EDGE_SYNC_FORWARDER_URL=self.forwarder_url)

    def start_dashboard(self, telemetry="cloud"):
        """The live page from a process of its own."""
        return self.start_service("dashboard-web",
                                  CLOUD_TELEMETRY_URL=self.url_of(telemetry),
                                  CLOUD_INGESTION_BASE_URL=self.url_of(self.ingestions[0]),
                                  HTTP_CA_FILE=self.ca)

    def start_engines(self, **media):
        """PostgreSQL, RabbitMQ, Mosquitto and a process per service: two gateways, two
        forwarders, two ingestions."""
        self.start_postgres()
        self.start_rabbit()
        self.start_broker()
        self.start_cloud_apart(replicas=2)
        self.start_edge_apart(replicas=2, **media)
        return self.start_dashboard("cloud-telemetry-service")

    def _start_device(self, program, name, device, number, more):
        """An agent on a device, with its buffer and its ledger."""
        env = {
            "DATABASE_URL": f"sqlite:{self.home}/{name}.db",
            "MQTT_HOST": "127.0.0.1",
            "MQTT_PORT": str(self.ports["mqtt"]),
            "TENANT_ID": TENANT, "FARM_ID": FARM, "BARN_ID": BARN,
            "DEVICE_ID": device,
            "LEDGER": str(self.home / f"{name}.ledger"),
            "SEED": str(number + 1),
            **{key: str(value) for key, value in more.items()},
        }
        return self._add(name, [str(self.build / "shims" / program / program)], env,
                         lambda: True)

    def start_agent(self, number=0, **more):
        """Sensors."""
        return self._start_device("iot-sensor-agent", f"agent-{number}", f"sensor-{number}",
                                  number, more)

    def start_feeder(self, number=0, **more):
        """A feeder: a sensor of what it dispenses."""
        return self._start_device("iot-sensor-agent", f"feeder-{number}", f"feeder-{number}",
                                  number, {"METRICS": "feed.dispensed", **more})

    def start_scale(self, number=0, **more):
        """A weigh station."""
        return self._start_device("iot-weighvision-agent", f"scale-{number}",
                                  f"weigher-{number}", number,
                                  {"STATION_ID": f"station-{number}",
                                   "SPOOL_DIR": self.home / f"scale-{number}.spool", **more})

    def end_devices(self, seconds):
        """No device makes anything new, but for a last animal on each scale, with which the
        session in progress ends; each ends by itself once all is acknowledged."""
        nothing = self.home / "nothing.csv"
        nothing.write_text("ts,metric,value,unit\n")
        devices = {name: process for name, process in self.processes.items()
                   if name.startswith(SOURCES)}
        for name, device in devices.items():
            device.end()
            device.env.update({"COUNT": "1"} if name.startswith("scale") else
                              {"SOURCE": "csv", "CSV_FILE": str(nothing)})
            device.launch()  # with nothing to do it ends at once
        for name, device in devices.items():
            if device.running.wait(seconds) != 0:
                raise RuntimeError(f"{name} did not end well, see {device.log}")

    def kill(self, name):
        """As hard as it goes: SIGKILL. PostgreSQL's processes share memory, so it is shut
        down immediately: no checkpoint, no goodbye."""
        self.processes[name].end(signal.SIGQUIT if name == "postgres" else signal.SIGKILL)

    def kill_in_turn(self, chance):
        """Every process, one after the other, killed and, after a moment, started again, as
        a supervisor would. Yields its name when it is back."""
        for name, process in list(self.processes.items()):
            self.kill(name)
            try:
                time.sleep(chance.uniform(0.0, 0.5))
            finally:
                process.start()
            yield name

    def end(self):
        """Sources first, so that what was produced still finds its way; last what all
        others need."""
        for name in sorted(self.processes, key=lambda n: (n in ("postgres", "rabbitmq"),
                                                          not n.startswith(SOURCES))):
            self.processes[name].end(signal.SIGINT if name == "postgres" else signal.SIGTERM)
        if self.cluster:
            self.cluster.remove()
        if self.rabbit:
            self.rabbit.remove()
        self._mind_sanitizers()

    def _mind_sanitizers(self):
        """A program built with sanitizers says what it found wrong, and may go on."""
        for log in self.home.glob("*.log"):
            found = SANITIZER.search(log.read_bytes())
            if found:
                raise AssertionError(f"{log.name}: {found[0].decode(errors='replace')}")

    # -- what can be asked ------------------------------------------------------

    def url_of(self, name):
        """Where it is, or will be once it is started."""
        scheme = "https" if name in self.https else "http"
        return f"{scheme}://127.0.0.1:{self.port_of(name)}"

    def port_of(self, name):
        if name not in self.ports:
            self.ports[name] = free_port()
        return self.ports[name]

    @property
    def edge_url(self):
        return self.url_of("edge")

    @property
    def forwarder_url(self):
        return self.url_of("edge-sync-forwarder-0" if "edge-sync-forwarder-0" in self.ports
                           else "edge")

    @property
    def cloud_url(self):
        return self.url_of("cloud")

    @property
    def page_url(self):
        return self.page_url_at(self.cloud_url)

    def page_url_at(self, base):
        return f"{base}/#token={self.token}&tenant={TENANT}"

    def open(self, url, timeout=10):
        import ssl
        request = urllib.request.Request(url)
        is_inside = url.startswith(self.forwarder_url) and self.forwarder_url != self.edge_url
        token = self.internal_token if is_inside else self.token
        request.add_header("Authorization", f"Bearer {token}")
        context = ssl.create_default_context(cafile=self.ca) if "https" in url else None
        return urllib.request.urlopen(request, timeout=timeout, context=context)

    def get(self, url):
        with self.open(url) as answer:
            return json.load(answer)

    def query(self, database, sql):
        if database in self.postgresql:
            return self.cluster.query(database, sql)
        path = self.home / f"{database}.db"
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def count(self, database, table="telemetry_raw"):
        """0 while the table, or its database, is not there."""
        try:
            return self.query(database, f"SELECT count(*) FROM {table}")[0][0]
        except (sqlite3.OperationalError, *(self.cluster.not_there if self.cluster else ())):
            return 0

    def ledger(self, source="agent"):
        """The ids of every event that an agent had durably in its buffer."""
        ids = []
        for path in self.home.glob(f"{source}-*.ledger"):
            ids += [line for line in path.read_text().split("\n")[:-1] if line]
        return ids

    def tally(self):
        """Compare what agents produced with what the cloud holds, in the demo's terms."""
        produced = set(self.ledger())
        stored = self.query("cloud", "SELECT event_id, count(*) FROM telemetry_raw "
                                     "GROUP BY event_id")
        ids = {row[0] for row in stored}
        rows = sum(row[1] for row in stored)
        # An event that took effect twice would be counted twice in an aggregate, even
        # where a unique key keeps the raw row single.
        counted = int(self.query("cloud", "SELECT coalesce(sum(count), 0) FROM "
                                          "telemetry_agg WHERE bucket_size = '1d'")[0][0])
        acked = self.query("edge", "SELECT count(*) FROM sync_outbox "
                                   "WHERE status = 'acked' AND event_type LIKE "
                                   "'telemetry.%'")[0][0]
        return {
            "published": len(produced),
            "edge_stored": self.count("edge"),
            "acked": acked,
            "cloud_stored": rows,
            "lost": len(produced - ids),
            "duplicated": (rows - len(ids)) + abs(counted - rows),
        }

    def session_tally(self):
        """Weigh sessions as the scales, the edge and the cloud count them. For each animal
        a scale tells of one weight and one image, of which there is one inference."""
        at_cloud = "sessions" if self.rabbit else "cloud"
        sides = {"edge": ("edge", "inference_results"), "cloud": (at_cloud, "weigh_inference")}
        doubled = sum(self._more_than_one(database, table) for database, results in
                      sides.values() for table in ("weigh_weight", "weigh_media", results))
        return {**{side: self._count_sessions(*where) for side, where in sides.items()},
                "lost": self._lost_facts(), "doubled": doubled}

    def _count_sessions(self, database, results):
        def known(table):
            return (f"EXISTS (SELECT 1 FROM {table} AS t WHERE t.tenant_id = s.tenant_id "
                    "AND t.session_id = s.session_id)")
        counted = {"created": "TRUE", "finalized": "state = 2", "with_image": known("weigh_media"),
                   "with_inference": f"inference_result_id IS NOT NULL AND {known(results)}"}
        columns = [f"count(CASE WHEN {is_so} THEN 1 END)" for is_so in counted.values()]
        row, = self.query(database, f"SELECT {', '.join(columns)} FROM weigh_session AS s "
                                    "WHERE start_at IS NOT NULL")
        return dict(zip((f"sessions_{what}" for what in counted), row))

    def _more_than_one(self, database, table):
        return self.query(database, f"SELECT count(*) - count(DISTINCT session_id) FROM {table} "
                                    "WHERE session_id IS NOT NULL")[0][0]

    def _lost_facts(self):
        """An image that the inference service attached first stands under a name of its
        own; the event that says the same leaves no trace."""
        told = {row[0] for row in self.query("edge", "SELECT id FROM sync_outbox WHERE "
                                                     "event_type LIKE 'weighvision.%'")}
        bound = {row[0] for row in self.query("edge", "SELECT event_id FROM weigh_media")}
        attached = sum(name.startswith("attach-") for name in bound)
        return max(0, len(set(self.ledger("scale")) - told - bound) - attached)

    def feed_tally(self):
        """Feedings as the feeders, the edge and the cloud count them."""
        produced = set(self.ledger("feeder"))
        at_cloud = "feed" if self.rabbit else "cloud"
        kept = {side: [row[0] for row in self.query(database, f"SELECT event_id FROM {table}")]
                for side, database, table in (("edge", "edge", "feed_intake_local"),
                                              ("cloud", at_cloud, "feed_intake"))}
        return {
            "feedings_produced": len(produced),
            **{f"{side}_feedings": len(ids) for side, ids in kept.items()},
            "feedings_lost": sum(len(produced - set(ids)) for ids in kept.values()),
            "feedings_doubled": sum(len(ids) - len(set(ids)) for ids in kept.values()),
        }

    def drained(self):
        """True when every produced event is at the cloud and nothing is in flight."""
        return (self.count("cloud") >= len(set(self.ledger())) and
                self.query("edge", "SELECT sum(pending + claimed) FROM sync_count")[0][0] == 0)
