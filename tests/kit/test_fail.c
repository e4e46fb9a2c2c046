/* SPDX-License-Identifier: Apache-2.0 */
/* The kit's way to say what went wrong keeps the rules of farmiq/error.h: the caller's
 * struct is never overrun, and what was there before does not shine through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kit/fail.h"

static void field_and_sentence_are_said(void **state)
{
    struct farmiq_error error;

    (void)state;
    farmiq_error_init(&error, sizeof error);
    assert_int_equal(shim_fail(&error, FARMIQ_E_RANGE, "port", "is over %d", 65535),
                     FARMIQ_E_RANGE);
    assert_int_equal(error.code, FARMIQ_E_RANGE);
    assert_string_equal(error.field, "port");
    assert_string_equal(error.detail, "is over 65535");
}

/* A program built against an older header knows a smaller struct; what lies behind it is
 * the program's own. */
static void a_smaller_struct_is_not_overrun(void **state)
{
    struct farmiq_error error, before;

    (void)state;
    memset(&error, 0x5a, sizeof error);
    error.size = offsetof(struct farmiq_error, detail);
    before = error;
    assert_int_equal(shim_fail(&error, FARMIQ_E_ARG, "port", "is missing"), FARMIQ_E_ARG);
    assert_memory_equal(&error, &before, sizeof error);
    assert_int_equal(shim_fail(NULL, FARMIQ_E_ARG, "port", "is missing"), FARMIQ_E_ARG);
}

/* An error that the parser filled for one message, and the kit for the next. */
static void no_offset_is_left_from_before(void **state)
{
    struct farmiq_error error;

    (void)state;
    farmiq_error_init(&error, sizeof error);
    error.offset = 17;
    shim_fail(&error, FARMIQ_E_ARG, "port", "is missing");
    assert_int_equal(error.offset, FARMIQ_NO_OFFSET);
}

static void long_texts_end_inside_the_struct(void **state)
{
    struct farmiq_error error;
    char longer[400];

    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    farmiq_error_init(&error, sizeof error);
    shim_fail(&error, FARMIQ_E_ARG, longer, "%s", longer);
    assert_int_equal(strlen(error.field), sizeof error.field - 1);
    assert_int_equal(strlen(error.detail), sizeof error.detail - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_and_sentence_are_said),
        cmocka_unit_test(a_smaller_struct_is_not_overrun),
        cmocka_unit_test(no_offset_is_left_from_before),
        cmocka_unit_test(long_texts_end_inside_the_struct),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
