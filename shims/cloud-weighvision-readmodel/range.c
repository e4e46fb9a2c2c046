/* SPDX-License-Identifier: Apache-2.0 */
/* A question about a range of local days. */
#include "readmodel.h"

#include "common/text.h"

#define MOST_RANGE_MS (400 * INT64_C(86400000))

/* A date is its whole day; a time is itself. */
static int64_t ask_edge(struct ask *ask, const char *zone, const char *spellings,
                        int is_end)
{
    struct farmiq_str text = ask_required(ask, spellings);
    struct shim_day day;
    int64_t unix_ms = 0;

    if (!text.len || ask->is_refused)
        return 0;
    if (shim_zone_date(zone, text, &day) == FARMIQ_OK)
        return is_end ? day.end_unix_ms : day.start_unix_ms;
    if (farmiq_time_parse(text.ptr, text.len, &unix_ms) != FARMIQ_OK)
        ask_refuse(ask, is_end ? "the end must be a date or an RFC 3339 time"
                               : "the start must be a date or an RFC 3339 time");
    return unix_ms + is_end;
}

static const char *ask_zone(struct ask *ask)
{
    struct farmiq_str name = ask_text(ask, "tz|time_zone|timeZone");
    struct shim_day day;
    const char *zone = shim_text(ask->call, "TIME_ZONE");

    if (name.len)
        zone = text_copy(ask->call, name).ptr;
    if (shim_zone_day(zone, 0, &day) != FARMIQ_OK)
        ask_refuse(ask, "tz must be an IANA time zone, such as Europe/Berlin");
    return zone;
}

void readmodel_ask_range(struct ask *ask, struct range *range)
{
    range->zone = ask_zone(ask);
    if (ask->is_refused)
        return;
    range->from_unix_ms = ask_edge(ask, range->zone, ASK_FROM, 0);
    range->to_unix_ms = ask_edge(ask, range->zone, ASK_TO, 1);
    if (ask->is_refused)
        return;
    if (range->from_unix_ms >= range->to_unix_ms)
        ask_refuse(ask, "the start is after the end");
    else if (range->to_unix_ms - range->from_unix_ms > MOST_RANGE_MS)
        ask_refuse(ask, "the range is longer than 400 days");
    else if (shim_zone_day(range->zone, range->from_unix_ms, &range->first) ||
             shim_zone_day(range->zone, range->to_unix_ms - 1, &range->last))
        ask_refuse(ask, "the range is out of this world");
}
