/* SPDX-License-Identifier: Apache-2.0 */
/* Local days of IANA time zones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kit/shim.h"

#define HOUR_MS INT64_C(3600000)

static int64_t moment(const char *text)
{
    int64_t unix_ms = 0;

    assert_int_equal(farmiq_time_parse(text, strlen(text), &unix_ms), FARMIQ_OK);
    return unix_ms;
}

static struct shim_day day_of(const char *zone, const char *text)
{
    struct shim_day day;

    assert_int_equal(shim_zone_day(zone, moment(text), &day), FARMIQ_OK);
    return day;
}

static void a_day_of_utc_begins_at_midnight(void **state)
{
    struct shim_day day = day_of("UTC", "2026-01-01T23:59:59.999Z");

    (void)state;
    assert_string_equal(day.date, "2026-01-01");
    assert_int_equal(day.start_unix_ms, moment("2026-01-01T00:00:00Z"));
    assert_int_equal(day.end_unix_ms, moment("2026-01-02T00:00:00Z"));
    assert_int_equal(day.weekday, 4);
}

static void a_local_day_is_not_the_utc_day(void **state)
{
    (void)state;
    assert_string_equal(day_of("Asia/Bangkok", "2026-01-01T17:00:00Z").date,
                        "2026-01-02");
    assert_string_equal(day_of("America/Chicago", "2026-01-01T05:59:00Z").date,
                        "2025-12-31");
}

static void days_on_which_clocks_change_are_longer_or_shorter(void **state)
{
    struct shim_day spring = day_of("Europe/Berlin", "2026-03-29T12:00:00Z");
    struct shim_day autumn = day_of("Europe/Berlin", "2026-10-25T12:00:00Z");

    (void)state;
    assert_int_equal(spring.end_unix_ms - spring.start_unix_ms, 23 * HOUR_MS);
    assert_int_equal(autumn.end_unix_ms - autumn.start_unix_ms, 25 * HOUR_MS);
}

/* In Santiago a year's summer time begins at midnight, which then does not exist. */
static void a_day_without_a_midnight_begins_after_it(void **state)
{
    struct shim_day day = day_of("America/Santiago", "2026-09-06T12:00:00Z");

    (void)state;
    assert_string_equal(day.date, "2026-09-06");
    assert_int_equal(day.start_unix_ms, moment("2026-09-06T04:00:00Z"));
    assert_int_equal(day.end_unix_ms - day.start_unix_ms, 23 * HOUR_MS);
}

static void days_follow_each_other_without_a_gap(void **state)
{
    static const char *const zones[] = { "UTC", "Europe/Berlin", "America/Santiago",
                                         "Australia/Lord_Howe", "Asia/Kathmandu" };

    (void)state;
    for (size_t z = 0; z < sizeof zones / sizeof *zones; z++) {
        struct shim_day day = day_of(zones[z], "2026-01-01T12:00:00Z"), next;

        for (int i = 0; i < 400; i++, day = next) {
            assert_int_equal(shim_zone_day(zones[z], day.end_unix_ms, &next), FARMIQ_OK);
            assert_int_equal(next.start_unix_ms, day.end_unix_ms);
            assert_int_equal(next.weekday, day.weekday % 7 + 1);
        }
    }
}

static void a_date_names_its_day(void **state)
{
    struct shim_day day;

    (void)state;
    assert_int_equal(shim_zone_date("Europe/Berlin", shim_str("2028-02-29"), &day),
                     FARMIQ_OK);
    assert_int_equal(day.start_unix_ms, moment("2028-02-28T23:00:00Z"));
    assert_string_equal(day.date, "2028-02-29");
}

static void what_is_no_zone_or_no_date_is_refused(void **state)
{
    static const char *const zones[] = { "", "Europe/Atlantis", "/etc/passwd",
                                         "../../etc/passwd", NULL };
    static const char *const dates[] = { "",           "2026-2-3", "2026-02-03T",
                                         "2026/02/03", "20260203", "2026-0a-03" };
    struct shim_day day;

    (void)state;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        assert_int_equal(shim_zone_day(zones[i], 0, &day), FARMIQ_E_SYNTAX);
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        assert_int_equal(shim_zone_date("UTC", shim_str(dates[i]), &day),
                         FARMIQ_E_SYNTAX);
    assert_int_equal(shim_zone_date("UTC", shim_str("2027-02-29"), &day), FARMIQ_E_RANGE);
    assert_int_equal(shim_zone_date("UTC", shim_str("1969-12-31"), &day), FARMIQ_E_RANGE);
    assert_int_equal(shim_zone_date("Nowhere", shim_str("2026-01-01"), &day),
                     FARMIQ_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_of_utc_begins_at_midnight),
        cmocka_unit_test(a_local_day_is_not_the_utc_day),
        cmocka_unit_test(days_on_which_clocks_change_are_longer_or_shorter),
        cmocka_unit_test(a_day_without_a_midnight_begins_after_it),
        cmocka_unit_test(days_follow_each_other_without_a_gap),
        cmocka_unit_test(a_date_names_its_day),
        cmocka_unit_test(what_is_no_zone_or_no_date_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
