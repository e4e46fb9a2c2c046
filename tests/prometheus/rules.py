#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every rule of deploy/prometheus fires for what it is about, when its time has come and
not before, and is silent just below its threshold: promtool works them out.

  rules.py PROMTOOL RULES"""
import json
import pathlib
import subprocess
import sys
import tempfile

import yaml

PROMTOOL, RULES = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
WHERE = 'job="farmiq",instance="here"'
HOUR, DAY = 3600, 86400
UNTIL = 150  # minutes of what is seen: more than any test looks at


def series(name, values, **labels):
    """`values`: one per minute, in promtool's shorthand."""
    more = "".join(f',{key}="{value}"' for key, value in labels.items())
    return {"series": f"{name}{{{WHERE}{more}}}", "values": values}


def steady(name, value, **labels):
    return series(name, f"{value}x{UNTIL}", **labels)


def growing(name, per_minute, **labels):
    return series(name, f"0+{per_minute}x{UNTIL}", **labels)


PENDING = steady("farmiq_outbox_rows", 1, state="pending")
NOTHING_WAITS = steady("farmiq_outbox_rows", 0, state="pending")
SYNCED = steady("farmiq_sync_last_success_timestamp_seconds", 0, tenant="t")
NO_MODEL = steady("farmiq_inference_model_ready", 0)
EDGE = steady("farmiq_edge_last_batch_timestamp_seconds", 0, edge="e")
TENANT = steady("farmiq_tenant_last_batch_timestamp_seconds", 0, tenant="t")

# alert: [(what is seen, first minute at which it must fire or None for never)]. Time
# begins at 0, so "last seen at 0" is as long ago as the test is old.
CASES = {
    "FarmiqJanitorStands": [([steady("edge_janitor_last_run_timestamp", -DAY)], 1),
                            ([growing("edge_janitor_last_run_timestamp", 60)], None)],
    "FarmiqMediaBackendGone": [([steady("farmiq_media_backend_up", 0)], 2),
                               ([steady("farmiq_media_backend_up", 1)], None)],
    "FarmiqMediaLost": [([steady("farmiq_media_rows_without_bytes", 1)], 0),
                        ([steady("farmiq_media_rows_without_bytes", 0)], None)],
    "FarmiqMediaOrphans": [([growing("farmiq_media_orphans_total", 1)], 1),
                           ([steady("farmiq_media_orphans_total", 9)], None)],
    "FarmiqUploadsRefused": [
        ([growing("farmiq_media_uploads_total", 3, outcome="refused"),
          growing("farmiq_media_uploads_total", 3, outcome="limited"),
          growing("farmiq_media_uploads_total", 94, outcome="stored")], 16),
        ([growing("farmiq_media_uploads_total", 5, outcome="refused"),
          growing("farmiq_media_uploads_total", 95, outcome="stored")], None)],
    "FarmiqSessionsIncomplete": [([growing("farmiq_sessions_incomplete_total", 1)], 1),
                                 ([steady("farmiq_sessions_incomplete_total", 9)], None)],
    "FarmiqPolicyStale": [([steady("edge_policy_sync_lag_seconds", HOUR + 1)], 0),
                          ([steady("edge_policy_sync_lag_seconds", HOUR)], None)],
    "FarmiqModelGone": [
        ([NO_MODEL, steady("farmiq_inference_jobs", 1, state="pending")], 5),
        ([NO_MODEL, growing("farmiq_http_errors_total", 1, code="NO_MODEL")], 6),
        ([NO_MODEL, steady("farmiq_http_errors_total", 9, code="NO_MODEL"),
          steady("farmiq_inference_jobs", 0, state="pending"),
          steady("farmiq_inference_jobs", 9, state="dead")], None),
        ([steady("farmiq_inference_model_ready", 1),
          steady("farmiq_inference_jobs", 1, state="pending")], None)],
    "FarmiqInferenceLate": [([steady("farmiq_inference_oldest_seconds", 16)], 5),
                            ([steady("farmiq_inference_oldest_seconds", 15)], None)],
    "FarmiqInferenceStopped": [([steady("farmiq_inference_oldest_seconds", HOUR + 1)], 0),
                               ([steady("farmiq_inference_oldest_seconds", HOUR)], None)],
    "FarmiqInferenceFails": [
        ([growing("farmiq_inference_attempts_total", 1, outcome="refused"),
          growing("farmiq_inference_attempts_total", 1, outcome="retry"),
          growing("farmiq_inference_attempts_total", 98, outcome="acked")], 16),
        ([growing("farmiq_inference_attempts_total", 1, outcome="refused"),
          growing("farmiq_inference_attempts_total", 50, outcome="unreached"),
          growing("farmiq_inference_attempts_total", 99, outcome="acked")], None)],
    "FarmiqServiceDown": [([steady("edge_service_up", 0, service="s")], 2),
                          ([steady("edge_service_up", 1, service="s")], None)],
    "FarmiqServiceNotReady": [
        ([steady("edge_service_up", 1, service="s"),
          steady("edge_service_ready", 0, service="s")], 5),
        ([steady("edge_service_up", 0, service="s"),
          steady("edge_service_ready", 0, service="s")], None),
        ([steady("edge_service_up", 1, service="s"),
          steady("edge_service_ready", 1, service="s")], None)],
    "FarmiqDiskLow": [([steady("edge_disk_free_bytes", 4.9e9)], 15),
                      ([steady("edge_disk_free_bytes", 5e9)], None)],
    "FarmiqDown": [([steady("up", 0)], 2), ([steady("up", 1)], None)],
    "FarmiqStoreFilling": [([steady("farmiq_store_used_percent", 76)], 15),
                           ([steady("farmiq_store_used_percent", 75)], None)],
    "FarmiqStoreGivingUp": [([steady("farmiq_store_used_percent", 86)], 15),
                            ([steady("farmiq_store_used_percent", 85)], None)],
    "FarmiqStoreFull": [([steady("farmiq_store_used_percent", 96)], 0),
                        ([steady("farmiq_store_used_percent", 95)], None)],
    "FarmiqCommitsFail": [([growing("farmiq_store_failures_total", 1, code="X")], 6),
                          ([steady("farmiq_store_failures_total", 7, code="X")], None)],
    "FarmiqHttpFails": [
        ([growing("farmiq_http_requests_total", 6, outcome="failed"),
          growing("farmiq_http_requests_total", 94, outcome="ok")], 2),
        ([growing("farmiq_http_requests_total", 5, outcome="failed"),
          growing("farmiq_http_requests_total", 95, outcome="ok")], None)],
    "FarmiqBacklog": [([steady("farmiq_outbox_rows", 1001, state="pending")], 15),
                      ([steady("farmiq_outbox_rows", 1000, state="pending")], None),
                      ([steady("farmiq_outbox_rows", 5000, state="claimed")], None)],
    "FarmiqBacklogLarge": [([steady("farmiq_outbox_rows", 10001, state="pending")], 15),
                           ([steady("farmiq_outbox_rows", 10000, state="pending")], None)],
    "FarmiqBacklogOld": [([steady("farmiq_outbox_oldest_seconds", HOUR + 1)], 0),
                         ([steady("farmiq_outbox_oldest_seconds", HOUR)], None)],
    "FarmiqBacklogVeryOld": [([steady("farmiq_outbox_oldest_seconds", DAY + 1)], 0),
                             ([steady("farmiq_outbox_oldest_seconds", DAY)], None)],
    "FarmiqSyncStale": [([SYNCED, PENDING], 7), ([SYNCED, NOTHING_WAITS], None)],
    "FarmiqSyncStopped": [([SYNCED, PENDING], 62), ([SYNCED, NOTHING_WAITS], None)],
    "FarmiqSyncFails": [([steady("farmiq_sync_consecutive_failures", 6)], 0),
                        ([steady("farmiq_sync_consecutive_failures", 5)], None)],
    "FarmiqSyncKeepsFailing": [([steady("farmiq_sync_consecutive_failures", 11)], 0),
                               ([steady("farmiq_sync_consecutive_failures", 10)], None)],
    "FarmiqDeadLetters": [([steady("farmiq_outbox_rows", 1, state="dlq")], 10),
                          ([steady("farmiq_outbox_rows", 0, state="dlq")], None)],
    "FarmiqBrokerGone": [([steady("farmiq_mqtt_connected", 0)], 5),
                         ([series("farmiq_mqtt_connected", f"0 0 0 0 1x{UNTIL}")], None)],
    "FarmiqSilence": [
        ([steady("farmiq_ingress_messages_total", 7, outcome="received")], 2),
        ([growing("farmiq_ingress_messages_total", 1, outcome="received")], None)],
    "FarmiqMessagesRefused": [
        ([growing("farmiq_ingress_messages_total", 2, outcome="refused"),
          growing("farmiq_ingress_messages_total", 100, outcome="received")], 16),
        ([growing("farmiq_ingress_messages_total", 1, outcome="refused"),
          growing("farmiq_ingress_messages_total", 100, outcome="received")], None)],
    "FarmiqEdgeSilent": [
        ([EDGE], 16),
        ([series("farmiq_edge_last_batch_timestamp_seconds", f"0+60x{UNTIL}", edge="e")], None),
        ([steady("farmiq_edge_last_batch_timestamp_seconds", -31 * DAY, edge="e")], None)],
    "FarmiqEdgeGone": [
        ([EDGE], 61),
        ([series("farmiq_edge_last_batch_timestamp_seconds", f"0+60x{UNTIL}", edge="e")], None),
        ([steady("farmiq_edge_last_batch_timestamp_seconds", -31 * DAY, edge="e")], None)],
    "FarmiqTenantSilent": [
        ([TENANT], 61),
        ([series("farmiq_tenant_last_batch_timestamp_seconds", f"0+60x{UNTIL}", tenant="t")],
         None)],
    "FarmiqEdgeBacklog": [
        ([steady("farmiq_edge_backlog_rows", 10001, edge="e")], 15),
        ([steady("farmiq_edge_oldest_seconds", DAY + 1, edge="e")], 15),
        ([steady("farmiq_edge_backlog_rows", 10000, edge="e"),
          steady("farmiq_edge_oldest_seconds", DAY, edge="e")], None)],
    "FarmiqIngestFrozen": [
        ([EDGE, steady("farmiq_ingest_events_total", 9, outcome="accepted")], 6),
        ([EDGE, growing("farmiq_ingest_events_total", 1, outcome="accepted")], None),
        ([steady("farmiq_edge_last_batch_timestamp_seconds", -2 * HOUR, edge="e"),
          steady("farmiq_ingest_events_total", 9, outcome="accepted")], None)],
    "FarmiqEventsRejected": [
        ([growing("farmiq_ingest_events_total", 2, outcome="rejected"),
          growing("farmiq_ingest_events_total", 98, outcome="accepted")], 16),
        ([growing("farmiq_ingest_events_total", 1, outcome="rejected"),
          growing("farmiq_ingest_events_total", 99, outcome="accepted")], None)],
    "FarmiqEdgesTurnedAway": [
        ([growing("farmiq_auth_failures_total", 12, reason="R")], 6),
        ([growing("farmiq_auth_failures_total", 9, reason="R")], None)],
    "FarmiqTelemetryLate": [([steady("farmiq_telemetry_lag_seconds", 301)], 15),
                            ([steady("farmiq_telemetry_lag_seconds", 300)], None)],
    "FarmiqBusBacklog": [([steady("farmiq_bus_backlog_rows", 100001)], 5),
                         ([steady("farmiq_bus_backlog_rows", 100000)], None)],
    "FarmiqBusNotConfirming": [([steady("farmiq_bus_outbox_oldest_seconds", 61)], 1),
                               ([steady("farmiq_bus_outbox_oldest_seconds", 60)], None)],
    "FarmiqBusGone": [([steady("farmiq_bus_connected", 0, link="l")], 2),
                      ([steady("farmiq_bus_connected", 1, link="l")], None)],
    "FarmiqBusNeedsSomebody": [([steady("farmiq_bus_queue_messages", 1, queue="q")], 10),
                               ([steady("farmiq_bus_queue_messages", 0, queue="q")], None)],
    "FarmiqBusDeadLetters": [
        ([growing("farmiq_bus_dead_letters_total", 1, consumer="c")], 1),
        ([steady("farmiq_bus_dead_letters_total", 9, consumer="c")], None)],
}

LONG_MINUTES = 120  # longer than any rule waits


def moments(minute):
    """Minutes at which to look, and whether the alarm must be firing then."""
    if minute is None:
        return [(30, False), (LONG_MINUTES, False)]
    return [(minute, True)] + ([(minute - 1, False)] if minute else [])


def test_of(alert, seen, minute):
    """promtool's test of one case: the alarm counts as 1 while it fires."""
    fires = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) > bool 0 or vector(0)'
    return {"interval": "1m", "input_series": seen, "promql_expr_test": [
        {"expr": fires, "eval_time": f"{at}m",
         "exp_samples": [{"labels": "{}", "value": int(must)}]}
        for at, must in moments(minute)]}


def promtool(rules, cases):
    """What is wrong, in its words; empty when nothing is. Each rule is worked out alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for alert, rule in rules.items():
            (folder / f"{alert}.rules").write_text(
                json.dumps({"groups": [{"name": "g", "rules": [rule]}]}))
            (folder / f"{alert}.test").write_text(json.dumps(
                {"rule_files": [f"{alert}.rules"], "evaluation_interval": "1m",
                 "tests": [test_of(alert, *case) for case in cases[alert]]}))
        done = subprocess.run([PROMTOOL, "test", "rules", *folder.glob("*.test")],
                              capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def main():
    subprocess.run([PROMTOOL, "check", "rules", str(RULES)], check=True,
                   stdout=subprocess.DEVNULL)
    rules = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"]
             for rule in group["rules"]}
    bad = [f"{alert} has no test" for alert in sorted(set(rules) - set(CASES))]
    bad += [f"there is no rule {alert}" for alert in sorted(set(CASES) - set(rules))]
    for alert, cases in CASES.items():
        firing = [minute for _, minute in cases if minute is not None]
        if not firing or len(firing) == len(cases):
            bad.append(f"{alert} needs a case that fires and one that does not")
    bad = bad or [said for said in [promtool(rules, CASES)] if said]
    # A test of the tests: an alarm that is expected and does not fire is missed.
    if not promtool({"FarmiqDown": rules["FarmiqDown"]}, {"FarmiqDown": [([], 1)]}):
        bad.append("promtool minds nothing")
    print("\n".join(bad) or f"{len(rules)} rules")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
