# SPDX-License-Identifier: Apache-2.0
"""Weigh sessions as the cloud tells them, from the events of an edge."""
import itertools

import pytest

from test_cloud_ingestion import Cloud
from wire import TIME, batch_event, fresh, new_id, wait_for

SESSIONS = "/api/v1/weighvision/sessions"
DAY = "2025-06-02"


@pytest.fixture
def cloud(ingestion, target, place):
    return Cloud(ingestion, target.need("cloud", "ingestion"), place)


def facts(place, session, weight=2.31, batch="batch-1"):
    """What an edge sends of a session (cloud 1.3)."""
    def fact(kind, minute, **payload):
        return batch_event(place, event_type=f"weighvision.{kind}", session_id=session,
                           batch_id=batch, station_id=place.station,
                           occurred_at=f"{DAY}T10:{minute}:00Z", payload=payload)
    return [fact("session.created", "00", session_id=session, batch_id=batch,
                 station_id=place.station, start_at=f"{DAY}T10:00:00Z"),
            fact("weight.recorded", "10", session_id=session, weight_kg=weight,
                 occurred_at=f"{DAY}T10:10:00Z"),
            fact("session.finalized", "30", session_id=session, final_weight_kg=weight,
                 image_count=0, end_at=f"{DAY}T10:30:00Z")]


@pytest.fixture
def told(cloud_sessions, place, target):
    """A session once it is finalized and weighed."""
    def of(session):
        def complete():
            answer = cloud_sessions.get(f"{SESSIONS}/{session}", tenantId=place.tenant)
            found = answer.json if answer.status == 200 else {}
            return found if (found.get("status") == "FINALIZED"
                             and found["measurements"]) else None
        return wait_for(f"session {session}", target.patience, complete)
    return of


def test_all_orders_of_a_sessions_events(cloud, place, told):
    """cloud 11 #13, 3.4: created, weight and finalized in all 6 orders, and again as
    duplicates, come to the same session."""
    names = []
    for order in itertools.permutations(range(3)):
        names.append(fresh("s"))
        events = facts(place, names[-1])
        for at in (*order, *order):
            assert cloud.batch([events[at]]).status == 200
    same = ("status", "startedAt", "endedAt", "finalWeightKg", "batchId", "stationId",
            "farmId", "barnId")
    found = [told(name) for name in names]
    first = {name: found[0][name] for name in same}
    assert all({name: one[name] for name in same} == first for one in found)
    assert (first["startedAt"], first["endedAt"]) == (
        f"{DAY}T10:00:00.000Z", f"{DAY}T10:30:00.000Z")
    assert first["finalWeightKg"] == 2.31
    for one in found:
        assert [measured["weightKg"] for measured in one["measurements"]] == [2.31]


def test_pages_of_sessions(cloud, cloud_sessions, place, told):
    """cloud 3.4: items, nextCursor and hasMore; filters narrow; no session twice."""
    batch, names = fresh("b"), [fresh("s") for _ in range(5)]
    for name in names:
        cloud.batch(facts(place, name, batch=batch))
    for name in names:
        told(name)
    seen, cursor = [], None
    while True:
        query = {"cursor": cursor} if cursor else {}
        page = cloud_sessions.good(SESSIONS, batchId=batch, limit=2, **query)
        seen += [item["sessionId"] for item in page["items"]]
        assert len(page["items"]) <= 2
        if not page["hasMore"]:
            break
        cursor = page["nextCursor"]
    assert sorted(seen) == sorted(names)
    assert cloud_sessions.good(SESSIONS, batchId=batch, status="RUNNING")["items"] == []
    assert cloud_sessions.good(SESSIONS, batchId=batch, stationId="nobody")["items"] == []


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "1001"}, {"status": "LOST"},
                                   {"from": "noon"}, {"cursor": "mine"}])
def test_a_question_that_makes_no_sense(cloud_sessions, query):
    """cloud 3.3, 0.4: 400 VALIDATION_ERROR."""
    answer = cloud_sessions.get(SESSIONS, **query)
    assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"


def test_a_session_that_is_not_there(cloud_sessions):
    """cloud 3.4: 404 NOT_FOUND."""
    answer = cloud_sessions.get(f"{SESSIONS}/{new_id()}")
    assert answer.status == 404 and answer.error["code"] == "NOT_FOUND"


def test_a_token_is_needed(cloud_sessions, place, target):
    """cloud 0.3, 0.6, 11 #17: 401 without a token, 403 with another tenant's."""
    target.need("cloud", "token")
    for path in (SESSIONS, f"{SESSIONS}/s-1"):
        assert cloud_sessions.get(path, {"authorization": ""}).status == 401
        assert cloud_sessions.get(path, tenantId=place.other_tenant).status == 403


def test_how_weights_are_spread(cloud, cloud_sessions, place, told):
    """cloud 3.4: analytics tells trend, statistics and distribution of finalized sessions;
    weight-aggregates the same days in both spellings."""
    batch, weights = fresh("b"), [2.0, 2.2, 2.4, 2.6]
    names = [fresh("s") for _ in weights]
    for name, weight in zip(names, weights):
        cloud.batch(facts(place, name, weight, batch))
    for name in names:
        told(name)
    data = cloud_sessions.good("/api/v1/weighvision/analytics", farm_id=place.farm,
                         barn_id=place.barn, batch_id=batch, start_date=DAY,
                         end_date=DAY)["data"]
    day, = data["weight_trend"]
    assert (day["date"][:10], day["min_weight_kg"], day["max_weight_kg"]) == (DAY, 2.0, 2.6)
    assert day["avg_weight_kg"] == pytest.approx(2.3)
    assert data["statistics"]["current_avg_weight_kg"] == pytest.approx(2.3)
    assert sum(one["count"] for one in data["distribution"]["bins"]) == len(weights)
    answer = cloud_sessions.good("/api/v1/weighvision/weight-aggregates", farm_id=place.farm,
                           barn_id=place.barn, batch_id=batch, start=DAY, end=DAY)
    item, = answer["items"]
    assert item["recordDate"][:10] == item["date"][:10] == DAY
    assert item["avgWeightKg"] == item["avg_weight_kg"] == pytest.approx(2.3)
    assert item["sampleCount"] == item["sample_count"] == len(weights)


def test_analytics_need_a_range(cloud_sessions):
    """cloud 3.4: start_date and end_date are needed."""
    for query in ({}, {"start_date": DAY}, {"end_date": DAY}, {"start_date": "x",
                                                               "end_date": DAY}):
        answer = cloud_sessions.get("/api/v1/weighvision/analytics", **query)
        assert answer.status == 400 and answer.error["code"] == "VALIDATION_ERROR"


def test_times_of_a_session(cloud, place, told):
    """cloud 0.8: times in UTC with milliseconds, numbers as numbers."""
    name = fresh("s")
    cloud.batch(facts(place, name))
    session = told(name)
    assert TIME.fullmatch(session["createdAt"]) and TIME.fullmatch(session["updatedAt"])
    assert isinstance(session["measurements"][0]["weightKg"], float)
