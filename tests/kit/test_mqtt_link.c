/* SPDX-License-Identifier: Apache-2.0 */
/* What both MQTT clients share: URLs, pauses, kept options. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kit/mqtt_link.h"

static const struct {
    const char *text;
    int result;
    const char *host;
    uint16_t port;
    int is_tls;
} urls[] = {
    { "mqtt://broker", FARMIQ_OK, "broker", 1883, 0 },
    { "mqtts://broker", FARMIQ_OK, "broker", 8883, 1 },
    { "mqtt://localhost:5100", FARMIQ_OK, "localhost", 5100, 0 },
    { "mqtts://10.0.0.7:1/", FARMIQ_OK, "10.0.0.7", 1, 1 },
    { "mqtt://[::1]:1884", FARMIQ_OK, "::1", 1884, 0 },
    { "mqtt://[fe80::1]", FARMIQ_OK, "fe80::1", 1883, 0 },
    { "mqtt://h:65535", FARMIQ_OK, "h", 65535, 0 },
    { "mqtt://h:65536", FARMIQ_E_RANGE, "", 0, 0 },
    { "mqtt://h:0", FARMIQ_E_RANGE, "", 0, 0 },
    { "mqtt://h:", FARMIQ_E_SYNTAX, "", 0, 0 },
    { "mqtt://h:-1", FARMIQ_E_SYNTAX, "", 0, 0 },
    { "mqtt://h:1x", FARMIQ_E_SYNTAX, "", 0, 0 },
    { "mqtt://:1883", FARMIQ_E_SYNTAX, "", 0, 0 },
    { "mqtt://", FARMIQ_E_SYNTAX, "", 0, 0 },
    { "mqtt://[::1", FARMIQ_E_SYNTAX, "", 0, 0 },
    { "mqtt://user:secret@host", FARMIQ_E_SYNTAX, "", 0, 0 },
    { "mqtt://host/path", FARMIQ_E_SYNTAX, "", 0, 0 },
    { "tcp://host", FARMIQ_E_SYNTAX, "", 0, 0 },
    { "host", FARMIQ_E_SYNTAX, "", 0, 0 },
    { "", FARMIQ_E_SYNTAX, "", 0, 0 },
};

static void test_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct shim_mqtt_url url = { .port = 7 };

        assert_int_equal(shim_mqtt_url_parse(&url, urls[i].text), urls[i].result);
        if (urls[i].result != FARMIQ_OK) {
            assert_int_equal(url.port, 7); /* outputs untouched */
            continue;
        }
        assert_string_equal(url.host, urls[i].host);
        assert_int_equal(url.port, urls[i].port);
        assert_int_equal(url.is_tls, urls[i].is_tls);
    }
    assert_int_equal(shim_mqtt_url_parse(NULL, "mqtt://h"), FARMIQ_E_ARG);
    assert_int_equal(shim_mqtt_url_parse(&(struct shim_mqtt_url){ 0 }, NULL),
                     FARMIQ_E_ARG);
}

static void test_host_length_is_bounded(void **state)
{
    struct shim_mqtt_url url;
    char text[300] = "mqtt://";

    (void)state;
    memset(text + 7, 'h', 253);
    assert_int_equal(shim_mqtt_url_parse(&url, text), FARMIQ_OK);
    text[7 + 253] = 'h';
    assert_int_equal(shim_mqtt_url_parse(&url, text), FARMIQ_E_RANGE);
}

/* Reliability finding 3: the cap holds, and chance remains behind it. */
static void test_first_pauses_are_short_and_all_are_bounded(void **state)
{
    uint32_t low = UINT32_MAX, high = 0;

    (void)state;
    for (int i = 0; i < 200; i++) {
        uint32_t first = shim_mqtt_pause_ms(1), late = shim_mqtt_pause_ms(1000000);

        assert_in_range(first, 100, 200);
        assert_in_range(shim_mqtt_pause_ms(2), 200, 400);
        assert_in_range(late, 15000, 30000);
        low = late < low ? late : low;
        high = late > high ? late : high;
    }
    assert_true(high - low > 5000);
    assert_in_range(shim_mqtt_pause_ms(0), 100, 200);
}

struct texts {
    const char *a;
    int between;
    const char *b;
    const char *c;
};
static const size_t offsets[] = { offsetof(struct texts, a), offsetof(struct texts, b),
                                  offsetof(struct texts, c) };

static void test_texts_are_copied(void **state)
{
    char changing[] = "first";
    struct texts from = { changing, 5, "", NULL }, to = from;

    (void)state;
    assert_int_equal(shim_mqtt_copy_texts(&to, &from, offsets, 3), FARMIQ_OK);
    changing[0] = 'F';
    assert_string_equal(to.a, "first");
    assert_int_equal(to.between, 5);
    assert_null(to.b); /* set, but to nothing */
    assert_null(to.c);
    shim_mqtt_free_texts(&to, offsets, 3);
}

static void test_filters_are_shared_only_in_a_group(void **state)
{
    static const char *const filters[] = { "iot/status/+", "iot/event/#", NULL };
    char **copy;
    int count;

    (void)state;
    assert_int_equal(shim_mqtt_copy_filters(&copy, &count, filters, "gw"), FARMIQ_OK);
    assert_int_equal(count, 2);
    assert_string_equal(copy[0], "$share/gw/iot/status/+");
    assert_string_equal(copy[1], "$share/gw/iot/event/#");
    assert_null(copy[2]);
    shim_mqtt_free_filters(copy);
    assert_int_equal(shim_mqtt_copy_filters(&copy, &count, filters, ""), FARMIQ_OK);
    assert_string_equal(copy[1], "iot/event/#");
    shim_mqtt_free_filters(copy);
    assert_int_equal(shim_mqtt_copy_filters(&copy, &count, NULL, NULL), FARMIQ_OK);
    assert_int_equal(count, 0);
    shim_mqtt_free_filters(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_host_length_is_bounded),
        cmocka_unit_test(test_first_pauses_are_short_and_all_are_bounded),
        cmocka_unit_test(test_texts_are_copied),
        cmocka_unit_test(test_filters_are_shared_only_in_a_group),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
