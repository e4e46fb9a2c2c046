/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339 timestamps to and from Unix milliseconds; the calendar is all here. */
#include <farmiq/error.h>
#include <farmiq/time.h>

#include "private.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MS INT64_C(86400000)
#define UNIX_MS_END INT64_C(253402300800000) /* 10000-01-01T00:00:00Z */

struct moment {
    uint32_t year, month, day, hour, minute, second, ms;
    uint32_t zone_hour, zone_minute;
    int32_t zone_sign;
};

/* Two digits at once. A foreign byte turns on the bits of `*bad` above 9, so that the
 * common, correct timestamp costs no branch per digit. */
static uint32_t two(const char *text, uint32_t *bad)
{
    uint32_t tens = (uint32_t)(uint8_t)text[0] - '0';
    uint32_t ones = (uint32_t)(uint8_t)text[1] - '0';

    *bad |= (tens > 9) | (ones > 9);
    return tens * 10 + ones;
}

/* "2025-01-01T10:00:00", the part of fixed width. */
static int read_fixed(const char *text, struct moment *m)
{
    uint32_t bad = 0;

    m->year = two(text, &bad) * 100;
    m->year += two(text + 2, &bad);
    m->month = two(text + 5, &bad);
    m->day = two(text + 8, &bad);
    m->hour = two(text + 11, &bad);
    m->minute = two(text + 14, &bad);
    m->second = two(text + 17, &bad);
    bad |= (text[4] != '-') | (text[7] != '-') | ((text[10] | 0x20) != 't') |
           (text[13] != ':') | (text[16] != ':');
    return bad ? FARMIQ_E_SYNTAX : FARMIQ_OK;
}

static int is_digit(char c) { return '0' <= c && c <= '9'; }

/* The optional ".123456": any number of digits, of which three count. Returns where
 * it ends, or NULL for a point without a digit. */
static const char *read_fraction(const char *text, const char *end, struct moment *m)
{
    uint32_t weight = 100;
    const char *at = text;

    m->ms = 0;
    if (at == end || *at != '.')
        return at;
    for (at++; at < end && is_digit(*at); at++) {
        m->ms += (uint32_t)(*at - '0') * weight;
        weight /= 10;
    }
    return at - text > 1 ? at : NULL;
}

/* "Z" or "+07:00", to the last byte. */
static int read_zone(const char *text, const char *end, struct moment *m)
{
    uint32_t bad = 0;

    m->zone_hour = m->zone_minute = 0;
    m->zone_sign = 1;
    if (end - text == 1 && (*text | 0x20) == 'z')
        return FARMIQ_OK;
    if (end - text != 6 || (*text != '+' && *text != '-') || text[3] != ':')
        return FARMIQ_E_SYNTAX;
    m->zone_sign = *text == '-' ? -1 : 1;
    m->zone_hour = two(text + 1, &bad);
    m->zone_minute = two(text + 4, &bad);
    return bad ? FARMIQ_E_SYNTAX : FARMIQ_OK;
}

static int is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days of the year before a month begins, in a common year; [13] ends December. */
static const uint16_t days_before[] = { 0,   0,   31,  59,  90,  120, 151,
                                        181, 212, 243, 273, 304, 334, 365 };

static uint32_t month_days(uint32_t year, uint32_t month)
{
    uint32_t days = (uint32_t)days_before[month + 1] - days_before[month];

    return days + (month == 2 && is_leap(year));
}

static int in_range(const struct moment *m)
{
    return m->year >= 1970 && m->month >= 1 && m->month <= 12 && m->day >= 1 &&
           m->day <= month_days(m->year, m->month) && m->hour <= 23 && m->minute <= 59 &&
           m->second <= 60 && m->zone_hour <= 23 && m->zone_minute <= 59;
}

/* Leap days before 1970 are 477; a year's own leap day comes with its March. */
static int64_t days_since_1970(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t before = year - 1;
    uint32_t leap_days = before / 4 - before / 100 + before / 400 - 477;

    leap_days += month > 2 && is_leap(year);
    return (int64_t)(year - 1970) * 365 + leap_days + days_before[month] + day - 1;
}

static int64_t start_of_minute(const struct moment *m)
{
    int64_t zone_minutes = m->zone_sign * (int64_t)(m->zone_hour * 60 + m->zone_minute);
    int64_t minutes = (int64_t)(m->hour * 60 + m->minute) - zone_minutes;

    return days_since_1970(m->year, m->month, m->day) * DAY_MS + minutes * MINUTE_MS;
}

/* Second 60 exists only at the end of a UTC day (RFC 3339, 5.7). */
static int within_minute(const struct moment *m, int64_t minute_unix_ms, int64_t *ms)
{
    *ms = m->second * INT64_C(1000) + m->ms;
    if (m->second < 60)
        return 1;
    *ms = MINUTE_MS - 1;
    return minute_unix_ms % DAY_MS == DAY_MS - MINUTE_MS;
}

int farmiq_time_parse(const char *text, size_t len, int64_t *unix_ms)
{
    static const size_t fixed_bytes = 19;
    struct moment m;
    const char *zone;
    int64_t minute_unix_ms, ms;

    if (!unix_ms || (!text && len > 0))
        return FARMIQ_E_ARG;
    if (len < fixed_bytes || read_fixed(text, &m) != FARMIQ_OK)
        return FARMIQ_E_SYNTAX;
    zone = read_fraction(text + fixed_bytes, text + len, &m);
    if (!zone || read_zone(zone, text + len, &m) != FARMIQ_OK)
        return FARMIQ_E_SYNTAX;
    if (!in_range(&m))
        return FARMIQ_E_RANGE;
    minute_unix_ms = start_of_minute(&m);
    if (minute_unix_ms < 0 || minute_unix_ms >= UNIX_MS_END ||
        !within_minute(&m, minute_unix_ms, &ms))
        return FARMIQ_E_RANGE;
    *unix_ms = minute_unix_ms + ms;
    return FARMIQ_OK;
}

/* Years are counted from 1 March, so that the leap day is a year's last, in eras of
 * 400 years, which all have the same number of days. */
static void civil_from_days(uint32_t days_since_1970, struct moment *m)
{
    uint32_t days = days_since_1970 + 719468; /* since 0000-03-01 */
    uint32_t era = days / 146097, of_era = days % 146097;
    uint32_t year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t march_month = (5 * of_year + 2) / 153; /* 0 is March */

    m->day = of_year - (153 * march_month + 2) / 5 + 1;
    m->month = march_month < 10 ? march_month + 3 : march_month - 9;
    m->year = era * 400 + year_of_era + (m->month <= 2);
}

static char *put(char *to, uint32_t value, unsigned digits, char after)
{
    for (unsigned i = digits; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    to[digits] = after;
    return to + digits + 1;
}

int farmiq_time_format(int64_t unix_ms, char out[FARMIQ_TIME_STRLEN + 1])
{
    struct moment m;
    uint32_t ms;

    if (!out)
        return FARMIQ_E_ARG;
    if (unix_ms < 0 || unix_ms >= UNIX_MS_END)
        return FARMIQ_E_RANGE;
    civil_from_days((uint32_t)(unix_ms / DAY_MS), &m);
    ms = (uint32_t)(unix_ms % DAY_MS);
    out = put(out, m.year, 4, '-');
    out = put(out, m.month, 2, '-');
    out = put(out, m.day, 2, 'T');
    out = put(out, ms / 3600000, 2, ':');
    out = put(out, ms / 60000 % 60, 2, ':');
    out = put(out, ms / 1000 % 60, 2, '.');
    out = put(out, ms % 1000, 3, 'Z');
    *out = '\0';
    return FARMIQ_OK;
}
