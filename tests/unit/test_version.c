/* SPDX-License-Identifier: Apache-2.0 */
/* The version a program was compiled with and the one it was linked with agree. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/version.h>

static void number_and_text_say_the_same(void **state)
{
    char text[32];

    (void)state;
    assert_int_equal(FARMIQ_VERSION_NUMBER, FARMIQ_VERSION_MAJOR * 10000 +
                                                FARMIQ_VERSION_MINOR * 100 +
                                                FARMIQ_VERSION_PATCH);
    snprintf(text, sizeof text, "%d.%d.%d", FARMIQ_VERSION_MAJOR, FARMIQ_VERSION_MINOR,
             FARMIQ_VERSION_PATCH);
    assert_string_equal(FARMIQ_VERSION_STRING, text);
}

static void the_linked_library_is_this_one(void **state)
{
    (void)state;
    assert_int_equal(farmiq_version_number(), FARMIQ_VERSION_NUMBER);
    assert_string_equal(farmiq_version_string(), FARMIQ_VERSION_STRING);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_and_text_say_the_same),
        cmocka_unit_test(the_linked_library_is_this_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
