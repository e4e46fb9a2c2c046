# SPDX-License-Identifier: Apache-2.0
"""FarmIQ from Python: the C library through ctypes, no compiler, no numpy.

    import farmiq
    envelope = farmiq.parse_envelope(message, topic="iot/telemetry/t/f/b/d/temperature")
    farmiq.kpi.fcr_gain(64000, 45200).value         # 1.4159...
    with farmiq.Store("site.db") as store:
        store.append([farmiq.Event("t-1", "telemetry.ingested", {"metric_value": 21.5})])

Objects belong to one thread at a time; calls release the interpreter lock.
"""
import ctypes
import datetime
import json
import os
import secrets
import time
import uuid
from collections import namedtuple
from dataclasses import dataclass, field

from . import _abi, _library
from ._library import FarmiqError, check, core, sized, text_of

__all__ = ["Claim", "Envelope", "Event", "FarmiqError", "Store", "kpi", "parse_envelope",
           "parse_topic", "version"]


def version():
    """The linked library's version, such as "0.1.0"."""
    return core.farmiq_version_string().decode()


def _moment(unix_ms):
    return datetime.datetime.fromtimestamp(unix_ms / 1000, datetime.timezone.utc)


# -- topics and envelopes ----------------------------------------------------------

Topic = namedtuple("Topic", "kind tenant_id farm_id barn_id source_id session_id leaf")
_KINDS = {_abi.FARMIQ_TOPIC_TELEMETRY: "telemetry", _abi.FARMIQ_TOPIC_EVENT: "event",
          _abi.FARMIQ_TOPIC_WEIGHVISION: "weighvision", _abi.FARMIQ_TOPIC_STATUS: "status",
          _abi.FARMIQ_TOPIC_ACK: "ack"}


def _read_topic(text):
    raw, error = text.encode(), sized("farmiq_error")
    topic = sized("farmiq_topic")
    check(core.farmiq_topic_parse(topic, raw, len(raw), error), error)
    return topic, raw


def parse_topic(text):
    """Take an MQTT topic apart. Raises FarmiqError."""
    topic, raw = _read_topic(text)
    parts = [text_of(getattr(topic, name)) for name in Topic._fields[1:]]
    return Topic(_KINDS[topic.kind], *parts)


@dataclass(frozen=True)
class Envelope:
    """One event as a device sends it; `payload` is the parsed JSON object."""
    schema_version: str
    event_id: str
    trace_id: str
    event_type: str
    tenant_id: str
    device_id: str
    ts: datetime.datetime
    produced_at: datetime.datetime
    content_hash: str
    retry_count: int
    payload: dict


def parse_envelope(message, topic=None):
    """Validate bytes or text as an envelope, and that it belongs on `topic`.

    Raises FarmiqError, whose `field` and `offset` say what and where."""
    raw = message.encode() if isinstance(message, str) else bytes(message)
    scratch = (ctypes.c_int64 * (_abi.FARMIQ_ENVELOPE_SCRATCH_BYTES // 8 + len(raw) // 8 + 1))()
    error, envelope = sized("farmiq_error"), sized("farmiq_envelope")
    check(core.farmiq_envelope_parse(envelope, None, raw, len(raw), scratch,
                                     ctypes.sizeof(scratch), error), error)
    if topic is not None:
        parsed, keep = _read_topic(topic)
        check(core.farmiq_envelope_check_topic(envelope, parsed, error), error)
        del keep
    names = ("schema_version", "event_id", "trace_id", "event_type", "tenant_id", "device_id")
    return Envelope(*(text_of(getattr(envelope, name)) for name in names),
                    _moment(envelope.ts_unix_ms), _moment(envelope.produced_at_unix_ms),
                    text_of(envelope.content_hash), envelope.retry_count,
                    json.loads(text_of(envelope.payload)))


# -- KPIs --------------------------------------------------------------------------

Kpi = namedtuple("Kpi", "value reasons")


class _Kpis:
    """Every farmiq_kpi_* as a function: inputs in, Kpi(value, reasons) out. An undefined
    quantity has the value None; `reasons` is a set of names either way."""

    def __getattr__(self, name):
        if f"farmiq_kpi_{name}" not in _abi.FUNCTIONS:
            raise AttributeError(f"no KPI {name}; see docs/kpi.md")
        call = _kpi_function(f"farmiq_kpi_{name}")
        setattr(self, name, call)
        return call

    def __dir__(self):
        return sorted(name[11:] for name in _abi.FUNCTIONS if name.startswith("farmiq_kpi_"))


def _reason_names(bits):
    return frozenset(core.farmiq_kpi_reason_name(1 << i).decode() for i in range(32)
                     if bits >> i & 1)


def _kpi_function(name):
    function, kinds = getattr(core, name), _abi.FUNCTIONS[name][1]
    outputs = [kind for kind in kinds if kind is ctypes.POINTER(ctypes.c_double)]

    def call(*inputs):
        values = [ctypes.c_double() for _ in outputs]
        reasons = ctypes.c_uint32()
        answer = check(function(*inputs, *map(ctypes.byref, values), ctypes.byref(reasons)))
        found = None
        if answer != _abi.FARMIQ_UNDEFINED:
            found = values[0].value if len(values) == 1 else tuple(v.value for v in values)
        return Kpi(found, _reason_names(reasons.value))

    call.__name__ = name
    return call


kpi = _Kpis()


# -- the outbox --------------------------------------------------------------------

@dataclass
class Event:
    """One event for the outbox. `payload` is a JSON-able dict."""
    tenant_id: str
    event_type: str
    payload: dict
    farm_id: str = ""
    barn_id: str = ""
    device_id: str = ""
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    occurred_at_unix_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    trace_id: str = ""

    _TEXTS = ("tenant_id", "event_type", "farm_id", "barn_id", "device_id", "event_id",
              "trace_id")

    def _to_c(self, keep):
        event = sized("farmiq_event")
        texts = {name: getattr(self, name) for name in self._TEXTS}
        texts["payload"] = json.dumps(self.payload, separators=(",", ":"))
        for name, text in texts.items():
            raw = text.encode()
            keep.append(raw)
            setattr(event, name, _abi.farmiq_str(raw, len(raw)))
        event.occurred_at_unix_ms = self.occurred_at_unix_ms
        return event

    @classmethod
    def _from_c(cls, event):
        texts = {name: text_of(getattr(event, name)) for name in cls._TEXTS}
        return cls(payload=json.loads(text_of(event.payload)),
                   occurred_at_unix_ms=event.occurred_at_unix_ms, **texts)


class Claim:
    """Leased rows. `events` are theirs; settle them before the lease ends."""

    def __init__(self, memory, first):
        self._memory, self._rows = memory, []
        while first:
            self._rows.append(first.contents)
            first = first.contents.next
        self.events = [Event._from_c(row.event.contents) for row in self._rows]

    def __len__(self):
        return len(self._rows)


class Store:
    """An outbox in a SQLite file, beside or instead of a running edge."""

    def __init__(self, path, queue="sync"):
        self._queue, self._store = queue.encode(), _abi.farmiq_store()
        error = sized("farmiq_error")
        check(_library.sqlite().farmiq_store_open_sqlite(
            self._store, os.fsencode(path), None, error), error)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Close; a second time does nothing."""
        core.farmiq_store_close(self._store)

    @staticmethod
    def _now():
        return time.time_ns() // 1_000_000

    def append(self, events):
        """Append events in one transaction. Returns for each "FARMIQ_OK",
        "FARMIQ_DUPLICATE" or "FARMIQ_CONFLICT"."""
        keep, rows, after = [], [], None
        for event in reversed(list(events)):
            row = sized("farmiq_outbox_row")
            c_event = event._to_c(keep)
            row.event = ctypes.pointer(c_event)
            if after is not None:
                row.next = ctypes.pointer(after)
            rows.append(row)
            after = row
        if not rows:
            return []
        check(core.farmiq_store_outbox_append(self._store, self._queue, after, self._now()))
        return [core.farmiq_errname(row.verdict).decode() for row in reversed(rows)]

    def claim(self, worker, limit=100, lease_ms=120_000, memory_bytes=4 << 20):
        """Lease due rows. Returns a Claim, or None when nothing is due."""
        memory = (ctypes.c_int64 * (memory_bytes // 8))()
        request, first = sized("farmiq_outbox_claim"), ctypes.POINTER(_abi.farmiq_outbox_row)()
        raw = worker.encode()
        request.claimed_by = _abi.farmiq_str(raw, len(raw))
        request.limit, request.lease_ms = limit, lease_ms
        request.token[0], request.token[1] = secrets.randbits(64) | 1, secrets.randbits(64)
        request.now_unix_ms = self._now()
        request.memory = ctypes.cast(memory, ctypes.c_void_p)
        request.memory_bytes = ctypes.sizeof(memory)
        answer = check(core.farmiq_store_outbox_claim(self._store, self._queue, request,
                                                      ctypes.byref(first)))
        return None if answer == _abi.FARMIQ_NONE else Claim(memory, first)

    def settle(self, claim, outcome="acked"):
        """Give all rows of a claim one outcome: acked, retry, refused or unreached.
        Returns False if the lease had passed to somebody else."""
        code = getattr(_abi, f"FARMIQ_OUTCOME_{outcome.upper()}")
        now = self._now()
        for row in claim._rows:
            check(core.farmiq_outbox_settle(row, None, code, now, secrets.randbits(32)))
        answer = check(core.farmiq_store_outbox_settle(self._store, self._queue,
                                                       claim._rows[0], now))
        return answer != _abi.FARMIQ_NONE

    def stats(self):
        """Counts by state: pending, claimed, dlq, acked."""
        stats = sized("farmiq_outbox_stats")
        check(core.farmiq_store_outbox_stats(self._store, self._queue, stats))
        return {name: getattr(stats, name) for name in ("pending", "claimed", "dlq", "acked")}
