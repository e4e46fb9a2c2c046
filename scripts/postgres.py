# SPDX-License-Identifier: Apache-2.0
"""A throw-away PostgreSQL on loopback, for the farm."""
import atexit
import contextlib
import functools
import os
import pathlib
import pwd
import secrets
import shutil
import subprocess
import tempfile

import psycopg2

# Without fsync, because what a killed server wrote the system still has: only a power cut
# would tell, and a recovery that syncs every file takes half a minute on a busy disk.
SETTINGS = {"fsync": "off", "listen_addresses": "127.0.0.1", "max_connections": 300,
            "shared_buffers": "64MB", "log_error_verbosity": "terse"}

# PostgreSQL refuses to run as root: then it runs as the user that its package made.
USER = "postgres" if os.geteuid() == 0 else None


@functools.cache
def program(name):
    folder = subprocess.run(["pg_config", "--bindir"], check=True, stdout=subprocess.PIPE,
                            universal_newlines=True).stdout.strip()
    return f"{folder}/{name}"



@functools.cache
def template():
    """The files of a new cluster and its password. They take seconds to make and a moment
    to copy, so they are made once for whoever needs clusters."""
    folder, password = pathlib.Path(tempfile.mkdtemp(prefix="farmiq-pg-")), secrets.token_hex(16)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "password").write_text(password)
    if USER:
        owner = pwd.getpwnam(USER)
        for path in (folder, folder / "password"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    subprocess.run(
        [program("initdb"), "-D", "data", "-U", "farmiq", "-A", "scram-sha-256", "--pwfile",
         "password", "-E", "UTF8", "--locale=C", "-N"],
        cwd=folder, check=True, stdout=subprocess.DEVNULL, user=USER)
    return folder / "data", password


class Cluster:
    """Its files and what can be asked of it; the process is the farm's. A password is asked
    for, as everywhere else."""

    not_there = (psycopg2.OperationalError, psycopg2.errors.UndefinedTable)

    def __init__(self, port, **settings):
        data, self.password = template()
        self.port, self.settings, self.user = port, {**SETTINGS, **settings}, USER
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="farmiq-pg-"))
        if self.user:
            shutil.chown(self.folder, self.user)
        subprocess.run(["cp", "-a", data, self.folder / "data"], check=True)

    @property
    def args(self):
        settings = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        return [program("postgres"), "-D", str(self.folder / "data"), "-k",
                str(self.folder), "-p", str(self.port), *settings]

    def url(self, database):
        return f"postgresql://farmiq:{self.password}@127.0.0.1:{self.port}/{database}"

    def answers(self):
        try:
            psycopg2.connect(self.url("postgres"), connect_timeout=10).close()
            return True
        except psycopg2.OperationalError:
            return False

    @contextlib.contextmanager
    def cursor(self, database):
        """Each statement is a transaction, unless it begins one."""
        connection = psycopg2.connect(self.url(database), connect_timeout=10)
        connection.autocommit = True
        try:
            yield connection.cursor()
        finally:
            connection.close()

    def create(self, database):
        self.execute("postgres", f"CREATE DATABASE {database}")

    def execute(self, database, *statements):
        with self.cursor(database) as cursor:
            for statement in statements:
                cursor.execute(statement)

    def query(self, database, sql):
        with self.cursor(database) as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
