# SPDX-License-Identifier: Apache-2.0
"""What the tests of the whole path share: a plain MQTT device, a look into databases,
metrics and logs, and bringing a run to its end."""
import json
import time

import paho.mqtt.client as paho

from asking import moment, new_id
from farm import BARN, FARM, TENANT, wait_for


# -- events ---------------------------------------------------------------------


def envelope(device="d-1", metric="temperature", value=26.4, tenant=TENANT, **changes):
    """A reading as seed 002, 2.5 has it; a change to None leaves the member out."""
    made = {
        "schema_version": "1.0", "event_id": new_id(), "trace_id": "trace-1",
        "event_type": "telemetry.reading", "tenant_id": tenant, "device_id": device,
        "ts": moment(), "payload": {"metric": metric, "value": value, "unit": "C"},
        **changes,
    }
    return {key: value for key, value in made.items() if value is not None}


def topic(device="d-1", leaf="temperature", kind="telemetry", tenant=TENANT):
    return f"iot/{kind}/{tenant}/{FARM}/{BARN}/{device}/{leaf}"


# -- a device that knows MQTT and nothing of FarmIQ -------------------------------


class Device:
    """Publishes with QoS 1 and remembers which of its messages were PUBACKed. The library
    resends, after a lost link, whatever was not."""

    def __init__(self, farm, name="plain-device"):
        self.farm, self.by_mid, self.puback_ids, self.acks = farm, {}, set(), []
        self.client = paho.Client(name, clean_session=False)
        self.client.reconnect_delay_set(0.05, 0.2)
        self.client.max_inflight_messages_set(200)
        self.client.max_queued_messages_set(0)
        self.client.on_publish = self._on_publish
        self.client.on_message = lambda _c, _u, got: self.acks.append(json.loads(got.payload))

    def _on_publish(self, _client, _userdata, mid):
        self.puback_ids.add(self.by_mid.pop(mid, None))

    def __enter__(self):
        self.client.connect("127.0.0.1", self.farm.ports["mqtt"], keepalive=5)
        self.client.loop_start()
        wait_for("the device's connection", 60, self.client.is_connected)
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def listen(self, device):
        """Hear the acknowledgements meant for `device`, too."""
        self.client.subscribe(f"iot/ack/{TENANT}/{FARM}/{BARN}/{device}", 1)

    def publish(self, where, what):
        """`what` is an envelope, or bytes."""
        body = what if isinstance(what, (bytes, str)) else json.dumps(what)
        sent = self.client.publish(where, body, qos=1)
        self.by_mid[sent.mid] = what["event_id"] if isinstance(what, dict) else None
        return sent

    def flush(self, seconds=30):
        wait_for("every PUBACK", seconds, lambda: not self.client._out_messages)


# -- what can be seen ---------------------------------------------------------------


def ids(farm, database, table="telemetry_raw"):
    return [row[0] for row in farm.query(database, f"SELECT event_id FROM {table}")]


def metric(farm, url, name, **labels):
    """One sample of /metrics; 0 when it is not there."""
    wanted = name + ("{%s}" % ",".join(f'{k}="{v}"' for k, v in labels.items())
                     if labels else "")
    with farm.open(f"{url}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.rsplit(" ", 1)[0] == wanted:
                return float(line.rsplit(" ", 1)[1])
    return 0.0


def is_sanitized(build):
    """Whether the programs were built with a sanitizer, which needs all address space."""
    options = json.loads((build / "meson-info/intro-buildoptions.json").read_text())
    return next(o["value"] for o in options if o["name"] == "b_sanitize") != "none"


def is_alive(farm, name):
    return farm.processes[name].running.poll() is None


def in_logs(farm, *secrets):
    """Which of these texts stands in any log of the farm."""
    logs = b"".join(path.read_bytes() for path in farm.home.glob("*.log"))
    return [text for text in secrets if text.encode() in logs]


# -- bringing a run to its end --------------------------------------------------------


def deliver_everything(farm, seconds=90):
    """Nothing new is made, and all that was made is delivered. Returns the books when the
    cloud has everything."""
    farm.end_devices(seconds)
    wait_for("the backlog's way to the cloud", seconds, farm.drained, every=0.2)
    return farm.tally()
