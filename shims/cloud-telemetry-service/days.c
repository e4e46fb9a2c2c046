/* SPDX-License-Identifier: Apache-2.0 */
/* Days of a time zone (spec cloud 3.3): they begin when it is midnight there, and have 23
 * to 25 hours. They are put together from hours, or from five minutes where midnight is
 * not at a full hour of UTC (Kolkata, Kathmandu). */
#include "telemetry.h"

#include "common/scratch.h"
#include "common/text.h"

#define MOST_DAYS 4000
#define HOUR_MS INT64_C(3600000)
#define DAY_JSON_BYTES 40

struct days {
    const char *zone;
    const struct filters *filters;
};

static void write_days(struct farmiq_json_writer *json, const void *ctx)
{
    const struct days *days = ctx;
    int64_t at_unix_ms = days->filters->from_unix_ms;
    struct shim_day day;

    farmiq_json_open(json, '[');
    while (at_unix_ms <= days->filters->to_unix_ms &&
           shim_zone_day(days->zone, at_unix_ms, &day) == FARMIQ_OK) {
        farmiq_json_open(json, '[');
        farmiq_json_int(json, day.start_unix_ms);
        farmiq_json_int(json, day.end_unix_ms);
        farmiq_json_close(json, ']');
        at_unix_ms = day.end_unix_ms;
    }
    farmiq_json_close(json, ']');
}

/* A zone whose midnight is not at a full hour today, or was not when the range began. */
static int is_odd(const struct days *days)
{
    struct shim_day first, last;

    return shim_zone_day(days->zone, days->filters->from_unix_ms, &first) < 0 ||
           shim_zone_day(days->zone, days->filters->to_unix_ms, &last) < 0 ||
           first.start_unix_ms % HOUR_MS || last.start_unix_ms % HOUR_MS;
}

const char *telemetry_ask_zone(struct ask *ask)
{
    struct farmiq_str name = text_copy(ask->call, ask_text(ask, "tz|timeZone"));
    struct shim_day day;

    if (!name.len)
        name = shim_str(shim_text(ask->call, "TIME_ZONE"));
    if (shim_zone_day(name.ptr, 0, &day) == FARMIQ_OK)
        return name.ptr;
    ask_refuse(ask, "tz must be a time zone of the IANA's, like Asia/Bangkok");
    return "UTC";
}

void telemetry_ask_days(struct ask *ask, const struct filters *filters)
{
    if ((filters->to_unix_ms - filters->from_unix_ms) / (24 * HOUR_MS) > MOST_DAYS)
        ask_refuse(ask, "the range is longer than 4000 days");
}

int telemetry_days(struct shim_call *call, const char *zone,
                   const struct filters *filters, struct farmiq_sql_value *source,
                   struct farmiq_sql_value *list)
{
    const struct days days = { zone, filters };
    size_t count =
        (size_t)((filters->to_unix_ms - filters->from_unix_ms) / (24 * HOUR_MS)) + 2;
    struct farmiq_str json = { 0 };
    int r = scratch_build(call, count * DAY_JSON_BYTES, write_days, &days, &json);

    *source = farmiq_sql_text(shim_str(is_odd(&days) ? "5m" : "1h"));
    *list = farmiq_sql_text(json);
    return r;
}
