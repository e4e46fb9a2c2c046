# SPDX-License-Identifier: Apache-2.0
"""A throw-away RabbitMQ on loopback, for the farm: a node of its own, with its own name
service, so that it meets no other Erlang on this machine."""
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import tempfile

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
SETTINGS = """\
listeners.tcp.1 = 127.0.0.1:{port}
default_user = farmiq
default_pass = {password}
default_user_tags.administrator = true
log.console = true
log.console.level = warning
log.file = false
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
"""
TLS = """\
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.cacertfile = {folder}/ca.pem
ssl_options.certfile = {folder}/server.pem
ssl_options.keyfile = {folder}/server.key
"""
# One scheduler, and nothing that listens beyond loopback.
ERLANG = "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +A 8"


class Broker:
    """Its files and what can be asked of it; the process is the farm's. `free_port` finds
    ports. `certificates` names a folder with ca.pem, server.pem and server.key: then it
    speaks TLS as well. `more` are lines for its configuration."""

    def __init__(self, free_port, certificates=None, more=""):
        self.port, self.names_port = free_port(), free_port()
        self.password = secrets.token_hex(16)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="farmiq-rabbit-"))
        settings = SETTINGS.format(port=self.port, password=self.password) + more
        if certificates:
            self.tls_port = free_port()
            settings += TLS.format(port=self.tls_port, folder=certificates)
        (self.folder / "rabbitmq.conf").write_text(settings)
        (self.folder / "plugins").write_text("[].\n")
        # In its own folder: a node that ends badly leaves its core where it stands.
        self.args = ["/usr/bin/env", "-C", str(self.folder), SERVER]
        self.env = {
            "HOME": str(self.folder), "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1", "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_NODENAME": f"farmiq-{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
            # Else the start script stays, and a signal reaches it instead of the node.
            "RUNNING_UNDER_SYSTEMD": "true",
        }
        # Started by the node, the name service would outlive it.
        self.names = subprocess.Popen(
            ["epmd", "-port", str(self.names_port), "-address", "127.0.0.1"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    @property
    def url(self):
        return f"amqp://farmiq:{self.password}@127.0.0.1:{self.port}/"

    @property
    def tls_url(self):
        return self.url_of("farmiq", self.password)

    def url_of(self, user, password):
        """Over TLS. By name: librabbitmq compares no addresses with a certificate's."""
        return f"amqps://{user}:{password}@localhost:{self.tls_port}/"

    def answers(self):
        """It says Connection.Start."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as probe:
                probe.sendall(b"AMQP\x00\x00\x09\x01")
                return probe.recv(8)[:1] == b"\x01"
        except OSError:
            return False

    def connect(self, user="farmiq", password=None):
        """A connection of an independent client."""
        import pika
        return pika.BlockingConnection(pika.ConnectionParameters(
            "127.0.0.1", self.port, "/",
            pika.PlainCredentials(user, password or self.password)))

    def ctl(self, *args):
        """What `rabbitmqctl` says."""
        done = subprocess.run(["/usr/lib/rabbitmq/bin/rabbitmqctl", "-q", *args], check=True,
                              env={**os.environ, **self.env}, stdout=subprocess.PIPE,
                              universal_newlines=True)
        return done.stdout

    def remove(self):
        self.names.terminate()
        self.names.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
