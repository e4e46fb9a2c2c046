/* SPDX-License-Identifier: Apache-2.0 */
/* Asking one device, and how long to leave it alone. */
#include "target.h"

#include <stdio.h>
#include <time.h>

#include "kit/log.h"

#define LONGEST_PAUSE_MS 300000 /* between two tries of a device that does not answer */
#define DOUBLINGS_MAX 3
#define UP_METRIC "snmp.up"

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(const struct target *target, const char *metric, const char *unit,
                double value)
{
    struct reading reading = { .device = target->index,
                               .ts_unix_ms = clock_ms(CLOCK_REALTIME),
                               .value = value };

    snprintf(reading.metric, sizeof reading.metric, "%s", metric);
    snprintf(reading.unit, sizeof reading.unit, "%s", unit);
    target->on_reading(target->ctx, &reading);
}

static void say_values(const struct target *target, const struct snmp_metric *metrics,
                       const struct shim_snmp_value *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (values[i].result == FARMIQ_OK)
            say(target, metrics[i].name, metrics[i].unit,
                values[i].number * metrics[i].scale);
        else if (target->failures == 0)
            shim_log_line(SHIM_DEBUG, "snmp.no_value", "%s %s: %s", target->device->name,
                          metrics[i].name,
                          values[i].result == FARMIQ_NONE ? "no such object"
                                                          : "not a number");
}

static int ask_some(const struct target *target, uint32_t from, uint32_t count,
                    struct farmiq_error *error)
{
    const struct snmp_metric *metrics = target->device->metrics + from;
    struct shim_snmp_oid oids[SHIM_SNMP_GET_MAX];
    struct shim_snmp_value values[SHIM_SNMP_GET_MAX];
    int r;

    for (uint32_t i = 0; i < count; i++)
        oids[i] = metrics[i].oid;
    r = shim_snmp_get(target->peer, oids, count, values, error);
    if (r == FARMIQ_OK)
        say_values(target, metrics, values, count);
    return r;
}

static int ask_all(const struct target *target, struct farmiq_error *error)
{
    uint32_t all = target->device->metric_count, from = 0;
    int r = FARMIQ_OK;

    while (from < all && r == FARMIQ_OK) {
        uint32_t count = all - from < SHIM_SNMP_GET_MAX ? all - from : SHIM_SNMP_GET_MAX;

        r = ask_some(target, from, count, error);
        from += count;
    }
    return r;
}

/* The log hears of a change, not of every poll. */
static void note(struct target *target, int result, const struct farmiq_error *error)
{
    if (result == FARMIQ_OK && target->failures > 0)
        shim_log_line(SHIM_INFO, "snmp.answers", "%s after %u tries",
                      target->device->name, target->failures);
    else if (result != FARMIQ_OK && target->failures == 0)
        shim_log_line(SHIM_WARN, "snmp.failed", "%s: %s", target->device->name,
                      error->detail);
    target->failures = result == FARMIQ_OK ? 0 : target->failures + 1;
}

/* A device that is away is asked less often, so that the time spent waiting for the dead
 * stays small; and often enough to be missed no longer than it was away. */
static int64_t pause_ms(const struct target *target)
{
    int64_t interval_ms = target->device->interval_ms, pause = interval_ms;

    for (uint32_t i = 1; i < target->failures && i <= DOUBLINGS_MAX; i++)
        pause *= 2;
    if (pause > LONGEST_PAUSE_MS)
        pause = interval_ms > LONGEST_PAUSE_MS ? interval_ms : LONGEST_PAUSE_MS;
    return pause;
}

void target_poll(struct target *target)
{
    struct farmiq_error error;
    int64_t now_steady_ms;
    int r;

    farmiq_error_init(&error, sizeof error);
    r = ask_all(target, &error);
    note(target, r, &error);
    say(target, UP_METRIC, "", r == FARMIQ_OK);
    now_steady_ms = clock_ms(CLOCK_MONOTONIC);
    target->due_steady_ms += pause_ms(target);
    if (target->due_steady_ms <= now_steady_ms) /* too late: no rush to catch up */
        target->due_steady_ms = now_steady_ms + pause_ms(target);
}
