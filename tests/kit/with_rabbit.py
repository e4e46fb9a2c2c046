#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run a test program with a RabbitMQ of its own: RABBIT_URL in its environment."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"))
from farm import free_port, Process  # noqa: E402
from rabbit import Broker, SERVER  # noqa: E402


def main(program):
    if not pathlib.Path(SERVER).exists():
        print("no rabbitmq-server here")
        return 77  # skipped
    broker = Broker(free_port)
    process = Process("rabbitmq", broker.args, broker.env, broker.folder / "out", broker.answers)
    process.patience_s = 90
    try:
        process.start()
        return subprocess.run([program], env={**os.environ, "RABBIT_URL": broker.url}).returncode
    finally:
        process.end()
        broker.remove()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
