# SPDX-License-Identifier: Apache-2.0
"""A device that knows MQTT, by Eclipse Paho."""
import json
import queue

import paho.mqtt.client as paho

from wire import fresh, wait_for


def new_client(name):
    """Paho 1 and 2 want different first arguments."""
    version = getattr(paho, "CallbackAPIVersion", None)
    return paho.Client(version.VERSION1, name) if version else paho.Client(name)


class Device:
    def __init__(self, mqtt, place):
        self.mqtt, self.place, self.heard = mqtt, place, queue.Queue()
        self.client = new_client(fresh("interop"))
        if mqtt.username:
            self.client.username_pw_set(mqtt.username, mqtt.password)
        self.client.on_message = lambda _client, _data, message: self.heard.put(message)

    def __enter__(self):
        self.client.connect(self.mqtt.host, self.mqtt.port, keepalive=60)
        self.client.loop_start()
        wait_for("a connection to the broker", 10, self.client.is_connected)
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def topic(self, kind, *levels):
        where = self.place
        return "/".join(("iot", kind, where.tenant, where.farm, where.barn) + levels)

    def subscribe(self, topic, qos=1):
        done = queue.Queue()
        self.client.on_subscribe = lambda *_: done.put(True)
        self.client.subscribe(topic, qos)
        done.get(timeout=10)

    def publish(self, topic, message, qos=1, retain=False):
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        sent = self.client.publish(topic, body, qos, retain)
        sent.wait_for_publish(10)

    def read(self, envelope, qos=1):
        """Publish a reading where it belongs."""
        metric = envelope["payload"].get("metric", "temperature")
        self.publish(self.topic("telemetry", self.place.device, metric), envelope, qos)

    def answers(self, event_id, seconds):
        """What the edge tells the device about one event: "acked", or the refusal's code."""
        def told():
            while not self.heard.empty():
                message = json.loads(self.heard.get().payload)
                for known in message["acked"]:
                    self.told[known] = "acked"
                for refusal in message["refused"]:
                    self.told[refusal["event_id"]] = refusal["error"]
            return self.told.get(event_id)
        self.told = getattr(self, "told", {})
        return wait_for(f"an answer about {event_id}", seconds, told)
