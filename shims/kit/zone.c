/* SPDX-License-Identifier: Apache-2.0 */
/* Local days of IANA time zones, by GLib: it reads the system's zone files, keeps them,
 * and is safe to call from any thread, which libc's TZ is not. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "kit/shim.h"

#define ZONE_NAME_BYTES 64
#define DATE_BYTES 10

static GTimeZone *open_zone(const char *name)
{
    if (!name || !*name || strlen(name) >= ZONE_NAME_BYTES || strstr(name, "..") ||
        name[0] == '/')
        return NULL;
    return g_time_zone_new_identifier(name);
}

/* Midnight, or the first moment after it where the clock jumps over it. */
static int64_t start_of(GTimeZone *zone, GDate *date)
{
    GDateTime *midnight =
        g_date_time_new(zone, g_date_get_year(date), (gint)g_date_get_month(date),
                        g_date_get_day(date), 0, 0, 0);
    int64_t unix_ms = midnight ? g_date_time_to_unix(midnight) * 1000 : 0;

    if (midnight)
        g_date_time_unref(midnight);
    return unix_ms;
}

static void fill_day(GTimeZone *zone, GDate *date, struct shim_day *day)
{
    snprintf(day->date, sizeof day->date, "%04u-%02u-%02u",
             g_date_get_year(date) % 10000u, (unsigned)g_date_get_month(date) % 100u,
             g_date_get_day(date) % 100u);
    day->weekday = (int)g_date_get_weekday(date);
    day->start_unix_ms = start_of(zone, date);
    g_date_add_days(date, 1);
    day->end_unix_ms = start_of(zone, date);
}

static int day_in(GTimeZone *zone, int64_t unix_ms, struct shim_day *day)
{
    GDateTime *moment = g_date_time_new_from_unix_utc(unix_ms / 1000), *local;
    GDate date;

    if (!moment)
        return FARMIQ_E_RANGE;
    local = g_date_time_to_timezone(moment, zone);
    g_date_set_dmy(&date, (GDateDay)g_date_time_get_day_of_month(local),
                   (GDateMonth)g_date_time_get_month(local),
                   (GDateYear)g_date_time_get_year(local));
    fill_day(zone, &date, day);
    g_date_time_unref(local);
    g_date_time_unref(moment);
    return FARMIQ_OK;
}

int shim_zone_day(const char *name, int64_t unix_ms, struct shim_day *day)
{
    GTimeZone *zone = open_zone(name);
    int r;

    if (!zone)
        return FARMIQ_E_SYNTAX;
    r = day_in(zone, unix_ms, day);
    g_time_zone_unref(zone);
    return r;
}

static unsigned digits(const char *at, int count)
{
    unsigned value = 0;

    for (int i = 0; i < count; i++)
        value = value * 10 + (unsigned)(at[i] - '0');
    return value;
}

static int read_date(struct farmiq_str text, GDate *date)
{
    static const char shape[] = "dddd-dd-dd";
    unsigned year, month, day;

    if (text.len != DATE_BYTES)
        return FARMIQ_E_SYNTAX;
    for (size_t i = 0; i < DATE_BYTES; i++)
        if (shape[i] == 'd' ? text.ptr[i] < '0' || text.ptr[i] > '9'
                            : text.ptr[i] != shape[i])
            return FARMIQ_E_SYNTAX;
    year = digits(text.ptr, 4);
    month = digits(text.ptr + 5, 2);
    day = digits(text.ptr + 8, 2);
    if (year < 1970 ||
        !g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year))
        return FARMIQ_E_RANGE;
    g_date_set_dmy(date, (GDateDay)day, (GDateMonth)month, (GDateYear)year);
    return FARMIQ_OK;
}

int shim_zone_date(const char *name, struct farmiq_str text, struct shim_day *day)
{
    GTimeZone *zone;
    GDate date;
    int r = read_date(text, &date);

    if (r < 0)
        return r;
    zone = open_zone(name);
    if (!zone)
        return FARMIQ_E_SYNTAX;
    fill_day(zone, &date, day);
    g_time_zone_unref(zone);
    return FARMIQ_OK;
}
