# SPDX-License-Identifier: Apache-2.0
"""An OpenStack Swift on loopback that speaks S3 and verifies signatures: what the media
store's S3 back end is tested against."""
import pathlib
import socket
import subprocess

ACCESS_KEY, SECRET_KEY = "test:tester", "testing"

STORAGE = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {home}
devices = {home}/devices
mount_check = false
workers = 0
log_address = /nowhere
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""

PROXY = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {home}
workers = 0
log_address = /nowhere
[pipeline:main]
pipeline = catch_errors cache s3api tempauth copy dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcache}
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:dlo]
use = egg:swift#dlo
"""

KINDS = ("account", "container", "object")

# In one program for all of them, of its own: Swift's package has this file's name, and its
# tool for the command line takes a second to start.
RINGS = """
import sys
from swift.common.ring import RingBuilder
for kind, port in zip(sys.argv[1::2], sys.argv[2::2]):
    builder = RingBuilder(part_power=2, replicas=1, min_part_hours=0)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port),
                     "device": "d1", "weight": 1})
    builder.rebalance()
    builder.get_ring().save(f"{kind}.ring.gz")
"""


class Store:
    """Five processes; `port` is where S3 is spoken."""

    def __init__(self, home, free_port, user="root"):
        self.home, self.user, self.running = pathlib.Path(home), user, []
        self.ports = {name: free_port() for name in (*KINDS, "proxy", "memcache")}
        (self.home / "devices/d1").mkdir(parents=True)
        self._make_rings()
        for kind in KINDS:
            self._write(kind, STORAGE.format(kind=kind, port=self.ports[kind], home=home,
                                             user=user))
        self._write("proxy", PROXY.format(port=self.ports["proxy"], home=home, user=user,
                                          memcache=self.ports["memcache"]))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports['proxy']}"

    def _write(self, name, text):
        (self.home / f"{name}-server.conf").write_text(text)

    def _make_rings(self):
        ports = [word for kind in KINDS for word in (kind, str(self.ports[kind]))]
        subprocess.run(["/usr/bin/python3", "-c", RINGS, *ports], cwd=self.home, check=True)

    def start(self):
        commands = [["memcached", "-l", "127.0.0.1", "-p", str(self.ports["memcache"]), "-u",
                     self.user]]
        commands += [[f"swift-{kind}-server", str(self.home / f"{kind}-server.conf")]
                     for kind in (*KINDS, "proxy")]
        for command in commands:
            with open(self.home / f"{command[0]}.log", "ab") as log:
                self.running.append(subprocess.Popen(command, stdout=log,
                                                     stderr=subprocess.STDOUT))

    def answers(self):
        def is_open(port):
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        return all(is_open(port) for port in self.ports.values())

    def end(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(20)
