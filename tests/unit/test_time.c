/* SPDX-License-Identifier: Apache-2.0 */
/* Timestamps against RFC 3339, and against a calendar that only counts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/error.h>
#include <farmiq/time.h>

#define DAY_MS INT64_C(86400000)
#define UNTOUCHED INT64_C(-12345)

struct reading {
    const char *text;
    int result;
    int64_t unix_ms;
};

static void check(const struct reading *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t unix_ms = UNTOUCHED;
        int result = farmiq_time_parse(cases[i].text, strlen(cases[i].text), &unix_ms);
        int64_t expected = cases[i].result == FARMIQ_OK ? cases[i].unix_ms : UNTOUCHED;

        if (result != cases[i].result || unix_ms != expected)
            fail_msg("%s: %s, %lld", cases[i].text, farmiq_errname(result),
                     (long long)unix_ms);
    }
}

#define CHECK(cases) check(cases, sizeof cases / sizeof *cases)

static void reads_every_spelling_of_rfc_3339(void **state)
{
    static const struct reading cases[] = {
        { "2025-01-01T10:00:00.000Z", FARMIQ_OK, 1735725600000 },
        { "2025-01-01T10:00:00Z", FARMIQ_OK, 1735725600000 },
        { "2025-01-01t10:00:00z", FARMIQ_OK, 1735725600000 },
        { "2025-01-01T17:00:00+07:00", FARMIQ_OK, 1735725600000 },
        { "2025-01-01T17:00:00.5+07:00", FARMIQ_OK, 1735725600500 },
        { "2025-01-01T04:30:00-05:30", FARMIQ_OK, 1735725600000 },
        { "2025-01-01T10:00:00-00:00", FARMIQ_OK, 1735725600000 },
        { "2025-01-02T09:59:00+23:59", FARMIQ_OK, 1735725600000 },
        { "2024-12-31T10:01:00-23:59", FARMIQ_OK, 1735725600000 },
        /* the examples of RFC 3339, 5.8 */
        { "1985-04-12T23:20:50.52Z", FARMIQ_OK, 482196050520 },
        { "1996-12-19T16:39:57-08:00", FARMIQ_OK, 851042397000 },
        { "1990-12-31T23:59:60Z", FARMIQ_OK, 662687999999 },
        { "1990-12-31T15:59:60-08:00", FARMIQ_OK, 662687999999 },
        { "1937-01-01T12:00:27.87+00:20", FARMIQ_E_RANGE, 0 },
    };

    (void)state;
    CHECK(cases);
}

static void truncates_the_fraction_to_milliseconds(void **state)
{
    static const struct reading cases[] = {
        { "1970-01-01T00:00:00.1Z", FARMIQ_OK, 100 },
        { "1970-01-01T00:00:00.01Z", FARMIQ_OK, 10 },
        { "1970-01-01T00:00:00.001Z", FARMIQ_OK, 1 },
        { "1970-01-01T00:00:00.0009Z", FARMIQ_OK, 0 },
        { "1970-01-01T00:00:00.123456789Z", FARMIQ_OK, 123 },
        { "1970-01-01T00:00:00.99999999999999999999999999999999999999Z", FARMIQ_OK, 999 },
        { "1970-01-01T00:00:00.Z", FARMIQ_E_SYNTAX, 0 },
        { "1970-01-01T00:00:00.", FARMIQ_E_SYNTAX, 0 },
        { "1970-01-01T00:00:00.1", FARMIQ_E_SYNTAX, 0 },
        { "1970-01-01T00:00:00.1.2Z", FARMIQ_E_SYNTAX, 0 },
        { "1970-01-01T00:00:00,1Z", FARMIQ_E_SYNTAX, 0 },
    };

    (void)state;
    CHECK(cases);
}

static void keeps_to_the_years_1970_to_9999_in_utc(void **state)
{
    static const struct reading cases[] = {
        { "1970-01-01T00:00:00Z", FARMIQ_OK, 0 },
        { "1970-01-01T00:59:59.999+01:00", FARMIQ_E_RANGE, 0 },
        { "1970-01-01T01:00:00+01:00", FARMIQ_OK, 0 },
        { "1969-12-31T23:59:59.999Z", FARMIQ_E_RANGE, 0 },
        { "1969-12-31T23:59:59-01:00", FARMIQ_E_RANGE, 0 },
        { "9999-12-31T23:59:59.999Z", FARMIQ_OK, 253402300799999 },
        { "9999-12-31T23:59:59.999-00:01", FARMIQ_E_RANGE, 0 },
        { "9999-12-31T23:59:59.999+00:01", FARMIQ_OK, 253402300739999 },
        { "9999-12-31T23:00:00-00:59", FARMIQ_OK, 253402300740000 },
        { "9999-12-31T23:00:00-01:00", FARMIQ_E_RANGE, 0 },
        { "0000-01-01T00:00:00Z", FARMIQ_E_RANGE, 0 },
    };

    (void)state;
    CHECK(cases);
}

static void names_fields_out_of_range(void **state)
{
    static const struct reading cases[] = {
        { "2025-00-01T00:00:00Z", FARMIQ_E_RANGE, 0 },
        { "2025-13-01T00:00:00Z", FARMIQ_E_RANGE, 0 },
        { "2025-01-00T00:00:00Z", FARMIQ_E_RANGE, 0 },
        { "2025-01-32T00:00:00Z", FARMIQ_E_RANGE, 0 },
        { "2025-04-31T00:00:00Z", FARMIQ_E_RANGE, 0 },
        { "2025-02-29T00:00:00Z", FARMIQ_E_RANGE, 0 },
        { "2024-02-29T00:00:00Z", FARMIQ_OK, 1709164800000 },
        { "2024-02-30T00:00:00Z", FARMIQ_E_RANGE, 0 },
        { "2000-02-29T00:00:00Z", FARMIQ_OK, 951782400000 },
        { "2100-02-29T00:00:00Z", FARMIQ_E_RANGE, 0 },
        { "2025-01-01T23:00:00Z", FARMIQ_OK, 1735772400000 },
        { "2025-01-01T24:00:00Z", FARMIQ_E_RANGE, 0 },
        { "2025-01-01T00:59:00Z", FARMIQ_OK, 1735693140000 },
        { "2025-01-01T00:60:00Z", FARMIQ_E_RANGE, 0 },
        { "2025-01-01T00:00:59Z", FARMIQ_OK, 1735689659000 },
        { "2025-01-01T00:00:61Z", FARMIQ_E_RANGE, 0 },
        { "2025-01-01T00:00:00+24:00", FARMIQ_E_RANGE, 0 },
        { "2025-01-01T00:00:00+00:60", FARMIQ_E_RANGE, 0 },
    };

    (void)state;
    CHECK(cases);
}

static void reads_a_leap_second_at_the_end_of_a_utc_day_only(void **state)
{
    static const struct reading cases[] = {
        { "2016-12-31T23:59:60Z", FARMIQ_OK, 1483228799999 },
        { "2016-12-31T23:59:60.000Z", FARMIQ_OK, 1483228799999 },
        { "2017-01-01T08:59:60.75+09:00", FARMIQ_OK, 1483228799999 },
        { "2016-12-31T23:58:60Z", FARMIQ_E_RANGE, 0 },
        { "2016-12-31T22:59:60Z", FARMIQ_E_RANGE, 0 },
        { "2016-12-31T23:59:60+01:00", FARMIQ_E_RANGE, 0 },
        { "2016-12-31T23:59:61Z", FARMIQ_E_RANGE, 0 },
        { "9999-12-31T23:59:60Z", FARMIQ_OK, 253402300799999 },
    };

    (void)state;
    CHECK(cases);
}

/* Each byte of a good timestamp, replaced by each of the 256, against the grammar. */
static void refuses_every_foreign_byte(void **state)
{
    static const char good[] = "2011-11-11T11:11:11.111+11:11";
    static const char shape[] = "dddd-dd-ddTdd:dd:ddfdddsdd:dd";
    size_t len = sizeof good - 1;

    (void)state;
    for (size_t at = 0; at < len; at++)
        for (int byte = 0; byte < 256; byte++) {
            char text[sizeof good];
            int64_t unix_ms = UNTOUCHED;
            int digit = '0' <= byte && byte <= '9', fits, result;

            memcpy(text, good, sizeof good);
            text[at] = (char)byte;
            result = farmiq_time_parse(text, len, &unix_ms);
            switch (shape[at]) {
            case 'd':
                fits = digit;
                break;
            case 'T':
                fits = byte == 'T' || byte == 't';
                break;
            case 's':
                fits = byte == '+' || byte == '-' || digit;
                break;
            default:
                fits = byte == good[at];
                break;
            }
            /* A digit in the sign's place lengthens the fraction and loses the zone. */
            if (shape[at] == 's' && digit)
                assert_int_equal(result, FARMIQ_E_SYNTAX);
            else if (fits)
                assert_int_not_equal(result, FARMIQ_E_SYNTAX);
            else
                assert_int_equal(result, FARMIQ_E_SYNTAX);
        }
}

static void refuses_what_is_cut_or_goes_on(void **state)
{
    static const char text[] = "2025-01-01T10:00:00.000+00:00 ";
    static const struct reading cases[] = {
        { "2025-01-01T10:00:00", FARMIQ_E_SYNTAX, 0 },
        { "2025-01-01T10:00:00ZZ", FARMIQ_E_SYNTAX, 0 },
        { "2025-01-01T10:00:00Y", FARMIQ_E_SYNTAX, 0 },
        { "2025-01-01T10:00:00Z+00:00", FARMIQ_E_SYNTAX, 0 },
        { "2025-01-01 10:00:00Z", FARMIQ_E_SYNTAX, 0 },
        { "2025-01-01T10:00Z", FARMIQ_E_SYNTAX, 0 },
        { "20250101T100000Z", FARMIQ_E_SYNTAX, 0 },
        { "+2025-01-01T10:00:00Z", FARMIQ_E_SYNTAX, 0 },
        { " 2025-01-01T10:00:00Z", FARMIQ_E_SYNTAX, 0 },
        { "", FARMIQ_E_SYNTAX, 0 },
    };
    int64_t unix_ms;

    (void)state;
    CHECK(cases);
    for (size_t len = 0; len < sizeof text; len++)
        assert_int_equal(farmiq_time_parse(text, len, &unix_ms),
                         len == 29 ? FARMIQ_OK : FARMIQ_E_SYNTAX);
    assert_int_equal(farmiq_time_parse(NULL, 0, &unix_ms), FARMIQ_E_SYNTAX);
}

static int month_length(int year, int month)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return lengths[month - 1] + (month == 2 && leap);
}

static void no_month_has_a_day_more(void **state)
{
    static const int years[] = { 1970, 2000, 2023, 2024, 2100, 9999 };

    (void)state;
    for (size_t y = 0; y < sizeof years / sizeof *years; y++)
        for (int month = 1; month <= 12; month++) {
            char text[64];
            int64_t unix_ms;
            int len = snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", years[y],
                               month, month_length(years[y], month) + 1);

            assert_int_equal(farmiq_time_parse(text, (size_t)len, &unix_ms),
                             FARMIQ_E_RANGE);
        }
}

/* Exhaustive over days: all 2,932,897 of 1970 to 9999, in and out. */
static void every_day_round_trips_against_a_counting_calendar(void **state)
{
    char expected[64], text[FARMIQ_TIME_STRLEN + 1];
    int64_t day_unix_ms = 0, unix_ms;

    (void)state;
    for (int year = 1970; year <= 9999; year++)
        for (int month = 1; month <= 12; month++) {
            int length = month_length(year, month);

            for (int day = 1; day <= length; day++, day_unix_ms += DAY_MS) {
                assert_true(farmiq_time_format(day_unix_ms, text) == FARMIQ_OK);
                assert_true(farmiq_time_parse(text, 24, &unix_ms) == FARMIQ_OK);
                assert_true(unix_ms == day_unix_ms);
                if (day > 1 && day < length)
                    continue;
                snprintf(expected, sizeof expected, "%04d-%02d-%02dT00:00:00.000Z", year,
                         month, day);
                assert_string_equal(text, expected);
            }
        }
    assert_int_equal(day_unix_ms, 253402300800000);
}

/* Every second of a day, and every millisecond of one of them. */
static void every_time_of_day_round_trips(void **state)
{
    int64_t base = 20000 * DAY_MS, unix_ms;
    char text[FARMIQ_TIME_STRLEN + 1], expected[64];

    (void)state;
    for (int second = 0; second < 86400; second++) {
        int64_t moment = base + second * 1000 + second % 1000;

        assert_true(farmiq_time_format(moment, text) == FARMIQ_OK);
        assert_true(farmiq_time_parse(text, 24, &unix_ms) == FARMIQ_OK);
        assert_true(unix_ms == moment);
        snprintf(expected, sizeof expected, "2024-10-04T%02d:%02d:%02d.%03dZ",
                 second / 3600, second / 60 % 60, second % 60, second % 1000);
        assert_string_equal(text, expected);
    }
}

static void every_offset_of_whole_minutes_is_subtracted(void **state)
{
    int64_t noon = 1735732800000, unix_ms;
    char text[64];

    (void)state;
    for (int sign = -1; sign <= 1; sign += 2)
        for (int minutes = 0; minutes < 24 * 60; minutes++) {
            int len = snprintf(text, sizeof text, "2025-01-01T12:00:00%c%02d:%02d",
                               sign < 0 ? '-' : '+', minutes / 60, minutes % 60);

            assert_int_equal(farmiq_time_parse(text, (size_t)len, &unix_ms), FARMIQ_OK);
            assert_int_equal(unix_ms, noon - sign * minutes * INT64_C(60000));
        }
}

static void writes_its_edges_and_nothing_beyond(void **state)
{
    char text[FARMIQ_TIME_STRLEN + 1] = "untouched";

    (void)state;
    assert_int_equal(farmiq_time_format(-1, text), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_time_format(INT64_MIN, text), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_time_format(253402300800000, text), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_time_format(INT64_MAX, text), FARMIQ_E_RANGE);
    assert_string_equal(text, "untouched");
    assert_int_equal(farmiq_time_format(0, text), FARMIQ_OK);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    assert_int_equal(farmiq_time_format(253402300799999, text), FARMIQ_OK);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void null_is_an_argument_error(void **state)
{
    int64_t unix_ms;

    (void)state;
    assert_int_equal(farmiq_time_parse(NULL, 1, &unix_ms), FARMIQ_E_ARG);
    assert_int_equal(farmiq_time_parse("2025-01-01T10:00:00Z", 20, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_time_format(0, NULL), FARMIQ_E_ARG);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_spelling_of_rfc_3339),
        cmocka_unit_test(truncates_the_fraction_to_milliseconds),
        cmocka_unit_test(keeps_to_the_years_1970_to_9999_in_utc),
        cmocka_unit_test(names_fields_out_of_range),
        cmocka_unit_test(reads_a_leap_second_at_the_end_of_a_utc_day_only),
        cmocka_unit_test(refuses_every_foreign_byte),
        cmocka_unit_test(refuses_what_is_cut_or_goes_on),
        cmocka_unit_test(no_month_has_a_day_more),
        cmocka_unit_test(every_day_round_trips_against_a_counting_calendar),
        cmocka_unit_test(every_time_of_day_round_trips),
        cmocka_unit_test(every_offset_of_whole_minutes_is_subtracted),
        cmocka_unit_test(writes_its_edges_and_nothing_beyond),
        cmocka_unit_test(null_is_an_argument_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
