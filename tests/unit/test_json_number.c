/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers: correctly rounded both ways, whatever the locale; nothing that a double or
 * PostgreSQL's numeric cannot hold (design, "poison data"). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <locale.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/json_private.h"

static double parsed(const char *text)
{
    double value = 0;

    assert_int_equal(farmiq__number_parse(text, strlen(text), &value), FARMIQ_OK);
    return value;
}

static uint64_t bits(double value)
{
    uint64_t word;

    memcpy(&word, &value, sizeof word);
    return word;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void parses_to_the_nearest_double(void **state)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "1",
        "-1",
        "26.4",
        "0.1",
        "0.30000000000000004",
        "123456789012345678",
        "9007199254740993",
        "9007199254740992.5",
        "1e22",
        "1e23",
        "1e-22",
        "1e-23",
        "8.5e+2",
        "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        "4.9e-324",
        "1.7976931348623157e308",
        "179769313486231570000e288",
        "0.000000000000000000000000000000000000001",
        "100000000000000000000000000000000000000000000000000",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203126",
        "0e5",
        "0.0e-9",
        "00.5",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (bits(parsed(texts[i])) != bits(strtod(texts[i], NULL)))
            fail_msg("%s: %.17g", texts[i], parsed(texts[i]));
}

/* The text lies amid more text: what comes behind it is not its business. */
static void a_number_ends_with_its_length(void **state)
{
    static const char *const texts[] = { "123", "-12.345", "1e12", "1.5E-12",
                                         "0.12345678901234567890123" };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len = strlen(texts[i]) - 1;
        char shorter[32] = "";
        double value;

        memcpy(shorter, texts[i], len);
        assert_int_equal(farmiq__number_parse(texts[i], len, &value), FARMIQ_OK);
        assert_true(bits(value) == bits(strtod(shorter, NULL)));
    }
}

static void agrees_with_the_c_library_on_random_texts(void **state)
{
    uint64_t random = 1;
    char text[64];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t a = next_random(&random), b = next_random(&random);

        snprintf(text, sizeof text, "%s%llu.%0*llue%d", a & 1 ? "-" : "",
                 (unsigned long long)(a >> (1 + a % 60)), (int)(1 + b % 15),
                 (unsigned long long)(b >> (b % 60)), (int)(b % 60) - 30);
        if (bits(parsed(text)) != bits(strtod(text, NULL)))
            fail_msg("%s: %.17g", text, parsed(text));
    }
}

static void refuses_what_no_double_is_near(void **state)
{
    static const char *const texts[] = {
        "1e309",
        "-1e309",
        "1.8e308",
        "1e1000",
        "0e1000",
        "0e-1000",
        "1e-1000",
        "2e-324",
        "-1e-400",
        "1e99999999999999999999999",
        "1e-99999999999999999999999",
    };
    double value = 7;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(farmiq__number_parse(texts[i], strlen(texts[i]), &value),
                         FARMIQ_E_RANGE);
    assert_true(value == 7);
}

static void the_limits_are_exact(void **state)
{
    char text[FARMIQ__NUMBER_MAX_BYTES + 1];
    double value;

    (void)state;
    memset(text, '0', sizeof text);
    memcpy(text, "1.", 2);
    assert_int_equal(farmiq__number_parse(text, sizeof text - 1, &value), FARMIQ_OK);
    assert_true(value == 1);
    assert_int_equal(farmiq__number_parse(text, sizeof text, &value), FARMIQ_E_RANGE);
    assert_true(parsed("0e999") == 0);
    assert_true(parsed("0e-999") == 0);
}

static void formats_by_the_rules_of_rfc_8785(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        { 0, "0" },
        { -0.0, "-0" },
        { 1, "1" },
        { -1.5, "-1.5" },
        { 26.4, "26.4" },
        { 0.1, "0.1" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 100, "100" },
        { 1e20, "100000000000000000000" },
        { 1e21, "1e+21" },
        { 1.5e300, "1.5e+300" },
        { 123456789.125, "123456789.125" },
        { 1e-6, "0.000001" },
        { 1.5e-6, "0.0000015" },
        { 1e-7, "1e-7" },
        { 333333333.33333329, "333333333.3333333" },
        { 1e23, "1e+23" },
        { 9007199254740992, "9007199254740992" },
        { 295147905179352830000.0, "295147905179352830000" },
        { 5e-324, "5e-324" },
        { 2.2250738585072014e-308, "2.2250738585072014e-308" },
        { -1.7976931348623157e308, "-1.7976931348623157e+308" },
        { -1.2345678901234567e-6, "-0.0000012345678901234567" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[FARMIQ__NUMBER_STRLEN + 1];

        assert_int_equal(farmiq__number_format(rows[i].value, text),
                         strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

static void every_double_reads_back(void **state)
{
    uint64_t random = 2;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t word = next_random(&random);
        char text[FARMIQ__NUMBER_STRLEN + 1];
        double value;

        if (i % 8 == 0) /* subnormal */
            word &= UINT64_C(0x800fffffffffffff);
        memcpy(&value, &word, sizeof value);
        if (value - value != 0)
            continue;
        assert_true(farmiq__number_format(value, text) <= FARMIQ__NUMBER_STRLEN);
        if (bits(parsed(text)) != word)
            fail_msg("%s is not %.17g", text, value);
    }
}

static void assert_like_the_c_library(double value)
{
    char text[FARMIQ__NUMBER_STRLEN + 1], expected[32];

    snprintf(expected, sizeof expected, "%.15g", value);
    farmiq__number_format(value, text);
    if (strtod(expected, NULL) == value ? strcmp(text, expected) != 0
                                        : strtod(text, NULL) != value)
        fail_msg("%s is not %.17g", text, value);
}

/* Whole numbers over powers of ten, which are printed by a short cut, and over their
 * neighbours, which must not be taken for them. */
static void fractions_are_printed_like_by_the_c_library(void **state)
{
    static const int parts[] = { 1,   9,    10,   11,   99,    100,   101,
                                 999, 1000, 1001, 9999, 10000, 10001, 100000 };

    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (int count = 1; count < 2000; count++)
            if ((double)count / parts[i] >= 1e-4) /* below, %g has an exponent */
                assert_like_the_c_library((double)count / parts[i]);
}

static void no_shorter_text_reads_back(void **state)
{
    uint64_t random = 3;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        double value = (double)(int64_t)next_random(&random) / 1e3;
        char text[FARMIQ__NUMBER_STRLEN + 1], shorter[40];
        int digits = 0;

        farmiq__number_format(value, text);
        for (const char *at = text; *at; at++)
            digits += *at >= '0' && *at <= '9';
        if (strchr(text, '.') == NULL || digits < 2)
            continue;
        snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
        assert_true(strtod(shorter, NULL) != value);
    }
}

/* A locale that writes 3,14 must not change what is read or written. */
static void the_locale_does_not_matter(void **state)
{
    char text[FARMIQ__NUMBER_STRLEN + 1];

    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
        skip();
    farmiq__number_format(0.1 + 0.2, text);
    assert_string_equal(text, "0.30000000000000004");
    assert_true(parsed("1234567890123456789012.5") == 1234567890123456789012.5);
    setlocale(LC_NUMERIC, "C");
}

static void counts_are_whole_and_of_32_bits(void **state)
{
    uint32_t count = 7;

    (void)state;
    assert_int_equal(farmiq__number_to_uint32(0, &count), FARMIQ_OK);
    assert_int_equal(count, 0);
    assert_int_equal(farmiq__number_to_uint32(4294967295.0, &count), FARMIQ_OK);
    assert_int_equal(count, UINT32_MAX);
    assert_int_equal(farmiq__number_to_uint32(4294967296.0, &count), FARMIQ_E_RANGE);
    assert_int_equal(farmiq__number_to_uint32(-1, &count), FARMIQ_E_RANGE);
    assert_int_equal(farmiq__number_to_uint32(0.5, &count), FARMIQ_E_RANGE);
    assert_int_equal(count, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_to_the_nearest_double),
        cmocka_unit_test(a_number_ends_with_its_length),
        cmocka_unit_test(agrees_with_the_c_library_on_random_texts),
        cmocka_unit_test(refuses_what_no_double_is_near),
        cmocka_unit_test(the_limits_are_exact),
        cmocka_unit_test(formats_by_the_rules_of_rfc_8785),
        cmocka_unit_test(every_double_reads_back),
        cmocka_unit_test(fractions_are_printed_like_by_the_c_library),
        cmocka_unit_test(no_shorter_text_reads_back),
        cmocka_unit_test(the_locale_does_not_matter),
        cmocka_unit_test(counts_are_whole_and_of_32_bits),
    };

    return cmocka_run_group_tests_name("json_number", tests, NULL, NULL);
}
