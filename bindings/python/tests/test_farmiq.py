# SPDX-License-Identifier: Apache-2.0
"""The library through its Python door: the same answers as in C."""
import datetime
import json
import sqlite3
import threading

import pytest

import farmiq

TELEMETRY = {
    "schema_version": "1.0", "event_id": "018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0001",
    "trace_id": "trace-id-123", "event_type": "telemetry.reading", "tenant_id": "t-001",
    "device_id": "device-sensor-001", "ts": "2025-01-01T10:00:00+07:00",
    "payload": {"metric": "temperature", "value": 26.4, "unit": "C"},
}
TOPIC = "iot/telemetry/t-001/f-001/b-001/device-sensor-001/temperature"


def test_a_seed_envelope_is_taken_apart():
    envelope = farmiq.parse_envelope(json.dumps(TELEMETRY), TOPIC)
    assert envelope.device_id == "device-sensor-001"
    assert envelope.payload["value"] == 26.4
    assert envelope.ts == datetime.datetime(2025, 1, 1, 3, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize("change, code, field", [
    ({"event_id": 7}, "FARMIQ_E_SCHEMA", "event_id"),
    ({"schema_version": "2.0"}, "FARMIQ_E_SCHEMA", "schema_version"),
    ({"ts": "yesterday"}, "FARMIQ_E_SCHEMA", "ts"),
    ({"payload": None}, "FARMIQ_E_SCHEMA", "payload"),
])
def test_a_refusal_names_the_field(change, code, field):
    with pytest.raises(farmiq.FarmiqError) as caught:
        farmiq.parse_envelope(json.dumps({**TELEMETRY, **change}))
    assert (caught.value.code, caught.value.field) == (code, field)


def test_what_is_not_json_says_where():
    with pytest.raises(farmiq.FarmiqError) as caught:
        farmiq.parse_envelope(b'{"schema_version":"1.0",,}')
    assert caught.value.code == "FARMIQ_E_SYNTAX"
    assert caught.value.offset is not None and 20 <= caught.value.offset <= 26


def test_an_envelope_of_another_tenant_does_not_belong_on_the_topic():
    with pytest.raises(farmiq.FarmiqError) as caught:
        farmiq.parse_envelope(json.dumps({**TELEMETRY, "tenant_id": "t-002"}), TOPIC)
    assert caught.value.code == "FARMIQ_E_TENANT"


def test_both_spellings_of_a_weigh_vision_topic_are_one():
    short = farmiq.parse_topic("iot/weighvision/t/f/b/st/session/s-1/created")
    full = farmiq.parse_topic("iot/weighvision/t/f/b/st/session/s-1/"
                              "weighvision.session.created")
    assert short == full
    assert short.leaf == "weighvision.session.created"


def test_an_outbox_in_sqlite_brings_events_through(tmp_path):
    path = tmp_path / "site.db"
    event = farmiq.Event("t-1", "telemetry.ingested", {"metric_value": 21.5}, "f", "b", "d")
    with farmiq.Store(path) as store:
        assert store.append([event, event]) == ["FARMIQ_OK", "FARMIQ_DUPLICATE"]
        changed = farmiq.Event(**{**event.__dict__, "payload": {"metric_value": 99}})
        assert store.append([changed]) == ["FARMIQ_CONFLICT"]
        claim = store.claim("worker")
        assert [e.payload for e in claim.events] == [{"metric_value": 21.5}]
        assert store.claim("another") is None
        assert store.stats()["claimed"] == 1
        assert store.settle(claim)
        assert store.stats() == {"pending": 0, "claimed": 0, "dlq": 0, "acked": 1}
    rows = sqlite3.connect(path).execute("SELECT status FROM sync_outbox").fetchall()
    assert rows == [("acked",)]


def test_a_lost_lease_settles_nothing(tmp_path):
    with farmiq.Store(tmp_path / "site.db") as store:
        store.append([farmiq.Event("t", "telemetry.ingested", {}, "f", "b", "d")])
        late = store.claim("late", lease_ms=1)
        threading.Event().wait(0.02)
        now = store.claim("now")
        assert len(now) == 1
        assert store.settle(late) is False
        assert store.settle(now, "refused") is True
        assert store.stats()["dlq"] == 1


def test_two_tenants_may_use_one_event_id(tmp_path):
    with farmiq.Store(tmp_path / "site.db") as store:
        events = [farmiq.Event(tenant, "telemetry.ingested", {}, "f", "b", "d",
                               event_id="018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0001")
                  for tenant in ("a", "b")]
        assert store.append(events) == ["FARMIQ_OK", "FARMIQ_OK"]


@pytest.mark.skipif(not dir(farmiq.kpi), reason="this library has no KPIs")
class TestKpi:
    """Worked examples; the full tables are in tests/unit/test_kpi.c."""

    def test_the_three_conversions_of_one_flock(self):
        # 20,000 chicks of 44 g placed, 800 dead weighing 640 kg, 19,200 sold at 2.4 kg,
        # 64,000 kg of feed: constructed, with three different ratios.
        live, gain = 19200 * 2.4, 19200 * 2.4 - 20000 * 0.044
        assert farmiq.kpi.fcr_live(64000, live).value == pytest.approx(1.38889, abs=5e-6)
        assert farmiq.kpi.fcr_gain(64000, gain).value == pytest.approx(1.41593, abs=5e-6)
        assert farmiq.kpi.fcr_mortality(64000, gain, 640).value == pytest.approx(1.39616,
                                                                                 abs=5e-6)

    @pytest.mark.parametrize("day, weight_g, intake_g, fcr", [
        # Ross 308 as-hatched, Aviagen performance objectives 2022.
        (7, 213, 166, 0.780), (14, 533, 535, 1.005), (21, 1012, 1155, 1.142),
        (28, 1616, 2051, 1.269), (35, 2296, 3211, 1.399), (42, 2998, 4586, 1.531),
        (49, 3681, 6115, 1.663), (56, 4318, 7733, 1.793),
        # Cobb 500 as-hatched, 2022.
        (7, 202, 180, 0.891), (35, 2521, 3635, 1.441), (56, 4641, 8549, 1.842),
    ])
    def test_breed_tables(self, day, weight_g, intake_g, fcr):
        found = farmiq.kpi.fcr_live(intake_g / 1000, weight_g / 1000).value
        assert found == pytest.approx(fcr, abs=0.0026)

    def test_what_does_not_exist_is_none_with_a_reason(self):
        assert farmiq.kpi.fcr_gain(100, 0) == (None, {"GAIN_NON_POSITIVE"})

    def test_what_is_no_number_raises(self):
        with pytest.raises(farmiq.FarmiqError):
            farmiq.kpi.adg(1, float("nan"), 7)


def test_a_library_of_another_shape_is_refused(monkeypatch):
    from farmiq import _abi, _library

    class Smaller(_abi.Structure):
        _fields_ = _abi.farmiq_envelope._fields_[:-3]

    monkeypatch.setitem(_abi.STRUCTS, "farmiq_envelope", Smaller)
    with pytest.raises(ImportError, match="farmiq_envelope"):
        _library._verify(_library.core)
