/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: declared in tables, counted from any thread, printed as Prometheus text. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/metrics.h"

static const struct shim_metric table[] = {
    { "farmiq_test_events_total", SHIM_COUNTER, "kind", "Events." },
    { "farmiq_test_plain_total", SHIM_COUNTER, NULL, "Without a label." },
    { "farmiq_test_level", SHIM_GAUGE, NULL, "A level." },
    { 0 },
};

static int declare(void **state)
{
    (void)state;
    shim_metrics_declare(table);
    shim_metrics_declare(table); /* a second service may share a row */
    return 0;
}

static const char *printed(void)
{
    static char text[65536];

    assert_true(shim_metrics_print(text, sizeof text) < sizeof text);
    return text;
}

static void a_plain_metric_shows_from_the_first_scrape(void **state)
{
    (void)state;
    assert_non_null(strstr(printed(), "# HELP farmiq_test_plain_total Without a label.\n"
                                      "# TYPE farmiq_test_plain_total counter\n"
                                      "farmiq_test_plain_total 0\n"));
}

static void counts_add_up_by_label(void **state)
{
    (void)state;
    shim_count("farmiq_test_events_total", "good", 2);
    shim_count("farmiq_test_events_total", "good", 3);
    shim_count("farmiq_test_events_total", "b\"ad", 1);
    assert_int_equal(shim_counted("farmiq_test_events_total", "good"), 5);
    assert_int_equal(shim_counted("farmiq_test_events_total", "never"), 0);
    assert_non_null(strstr(printed(), "farmiq_test_events_total{kind=\"good\"} 5\n"));
    assert_non_null(strstr(printed(), "farmiq_test_events_total{kind=\"b\\\"ad\"} 1\n"));
    assert_null(strstr(strstr(printed(), "# HELP farmiq_test_plain_total") + 1,
                       "# HELP farmiq_test_plain_total"));
}

static void a_gauge_keeps_its_last_value(void **state)
{
    (void)state;
    shim_gauge("farmiq_test_level", NULL, 3);
    shim_gauge("farmiq_test_level", NULL, -0.5);
    assert_non_null(strstr(printed(), "farmiq_test_level -0.5\n"));
}

static void *count_much(void *label)
{
    for (int i = 0; i < 20000; i++) {
        shim_count("farmiq_test_events_total", label, 1);
        shim_count("farmiq_test_events_total", "all", 1);
    }
    return NULL;
}

static void threads_lose_no_count(void **state)
{
    static char labels[4][8];
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        snprintf(labels[i], sizeof labels[i], "t%d", i);
        pthread_create(&threads[i], NULL, count_much, labels[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(shim_counted("farmiq_test_events_total", labels[i]), 20000);
    }
    assert_int_equal(shim_counted("farmiq_test_events_total", "all"), 80000);
}

static void a_small_buffer_is_told_how_much_it_takes(void **state)
{
    char small[8];
    size_t needed = shim_metrics_print(small, sizeof small);

    (void)state;
    assert_int_equal(needed, strlen(printed()));
    assert_int_equal(shim_metrics_print(NULL, 0), needed);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_metric_shows_from_the_first_scrape),
        cmocka_unit_test(counts_add_up_by_label),
        cmocka_unit_test(a_gauge_keeps_its_last_value),
        cmocka_unit_test(threads_lose_no_count),
        cmocka_unit_test(a_small_buffer_is_told_how_much_it_takes),
    };

    return cmocka_run_group_tests(tests, declare, NULL);
}
