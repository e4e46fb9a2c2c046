/* SPDX-License-Identifier: Apache-2.0 */
/* What bindings ask the library for. That no name is missing is tests/lint/constants.py's
 * business; here are the answers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/farmiq.h>

static void structs_have_their_size(void **state)
{
    (void)state;
    assert_int_equal(farmiq_struct_size("farmiq_str"), sizeof(struct farmiq_str));
    assert_int_equal(farmiq_struct_size("farmiq_envelope"),
                     sizeof(struct farmiq_envelope));
    assert_int_equal(farmiq_struct_size("farmiq_topic"), sizeof(struct farmiq_topic));
    assert_int_equal(farmiq_struct_size("farmiq_uuid_seq"), 16);
    assert_int_equal(farmiq_struct_size("farmiq_agg"), sizeof(struct farmiq_agg));
}

static void unknown_and_opaque_structs_have_none(void **state)
{
    (void)state;
    assert_int_equal(farmiq_struct_size("farmiq_"), 0);
    assert_int_equal(farmiq_struct_size("farmiq_topics"), 0);
    assert_int_equal(farmiq_struct_size("farmiq_dedupe"), 0);
    assert_int_equal(farmiq_struct_size(""), 0);
    assert_int_equal(farmiq_struct_size(NULL), 0);
}

static void assert_constant(const char *name, int64_t expected)
{
    int64_t value = ~expected;

    assert_int_equal(farmiq_constant(name, &value), FARMIQ_OK);
    assert_int_equal(value, expected);
}

static void constants_have_their_value(void **state)
{
    (void)state;
    assert_constant("FARMIQ_BATCH_MAX_EVENTS", FARMIQ_BATCH_MAX_EVENTS);
    assert_constant("FARMIQ_BATCH_MAX_BYTES", FARMIQ_BATCH_MAX_BYTES);
    assert_constant("FARMIQ_OK", 0);
    assert_constant("FARMIQ_E_REFUSED", -13);
    assert_constant("FARMIQ_NO_OFFSET", UINT32_MAX);
    assert_constant("FARMIQ_UUID_STRLEN", 36);
    assert_constant("FARMIQ_TOPIC_ACK", 5);
    assert_constant("FARMIQ_SESSION_EV_CANCELLED", 6);
    assert_constant("FARMIQ_VERSION_NUMBER", FARMIQ_VERSION_NUMBER);
}

static void what_is_no_number_is_no_constant(void **state)
{
    static const char *const names[] = { "FARMIQ_VERSION_STRING",
                                         "FARMIQ_API",
                                         "FARMIQ_BEGIN",
                                         "FARMIQ_UUID_H",
                                         "farmiq_ok",
                                         "FARMIQ_E_",
                                         "" };
    int64_t value = 77;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(farmiq_constant(names[i], &value), FARMIQ_NONE);
    assert_int_equal(farmiq_constant(NULL, &value), FARMIQ_E_ARG);
    assert_int_equal(farmiq_constant("FARMIQ_OK", NULL), FARMIQ_E_ARG);
    assert_int_equal(value, 77);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(structs_have_their_size),
        cmocka_unit_test(unknown_and_opaque_structs_have_none),
        cmocka_unit_test(constants_have_their_value),
        cmocka_unit_test(what_is_no_number_is_no_constant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
