/* SPDX-License-Identifier: Apache-2.0 */
/* Result codes keep their numbers for ever (error.h), have names and sentences, and an
 * error's text always ends inside the caller's struct. */
#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/private.h"

/* Typed again, not taken from the header: a renumbering must not go unnoticed. */
static const struct {
    int code;
    const char *name;
    int is_retryable;
} known[] = {
    { 0, "FARMIQ_OK", 0 },
    { 1, "FARMIQ_DUPLICATE", 0 },
    { 2, "FARMIQ_UNCHANGED", 0 },
    { 3, "FARMIQ_NONE", 0 },
    { 4, "FARMIQ_UNDEFINED", 0 },
    { 5, "FARMIQ_EXHAUSTED", 0 },
    { 6, "FARMIQ_CONFLICT", 0 },
    { -1, "FARMIQ_E_ARG", 0 },
    { -2, "FARMIQ_E_NOSPACE", 0 },
    { -3, "FARMIQ_E_SYNTAX", 0 },
    { -4, "FARMIQ_E_SCHEMA", 0 },
    { -5, "FARMIQ_E_RANGE", 0 },
    { -6, "FARMIQ_E_STATE", 0 },
    { -7, "FARMIQ_E_TENANT", 0 },
    { -8, "FARMIQ_E_BUSY", 1 },
    { -9, "FARMIQ_E_NOMEM", 1 },
    { -10, "FARMIQ_E_STORE", 1 },
    { -11, "FARMIQ_E_UNSUPPORTED", 0 },
    { -12, "FARMIQ_E_UNREACHABLE", 1 },
    { -13, "FARMIQ_E_REFUSED", 0 },
};

static void every_code_has_its_name_for_ever(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(known); i++)
        assert_string_equal(farmiq_errname(known[i].code), known[i].name);
    assert_string_equal(farmiq_errname(7), "FARMIQ_E_UNKNOWN");
    assert_string_equal(farmiq_errname(-14), "FARMIQ_E_UNKNOWN");
    assert_string_equal(farmiq_errname(INT32_MIN), "FARMIQ_E_UNKNOWN");
}

/* Its wording may change; that it is one short line of its own may not. */
static void every_code_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        const char *sentence = farmiq_strerror(known[i].code);

        assert_in_range(strlen(sentence), 4, 70);
        for (const char *c = sentence; *c; c++)
            assert_true(isprint((unsigned char)*c));
        assert_string_not_equal(sentence, "unknown result code");
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(sentence, farmiq_strerror(known[j].code));
    }
    assert_string_equal(farmiq_strerror(7), "unknown result code");
    assert_string_equal(farmiq_strerror(-14), "unknown result code");
}

static void only_what_time_can_heal_is_retryable(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(known); i++)
        assert_int_equal(farmiq_err_is_retryable(known[i].code), known[i].is_retryable);
    assert_int_equal(farmiq_err_is_retryable(7), 0);
    assert_int_equal(farmiq_err_is_retryable(-14), 0);
}

static void an_error_begins_empty(void **state)
{
    struct farmiq_error error;

    (void)state;
    memset(&error, 0x55, sizeof error);
    farmiq_error_init(&error, sizeof error);
    assert_int_equal(error.size, sizeof error);
    assert_int_equal(error.code, FARMIQ_OK);
    assert_int_equal(error.offset, FARMIQ_NO_OFFSET);
    assert_int_equal(error.reserved, 0);
    assert_string_equal(error.field, "");
    assert_string_equal(error.detail, "");
}

/* base.h: the library reads and writes no byte beyond `size`. */
static void a_caller_of_another_age_is_respected(void **state)
{
    struct {
        struct farmiq_error error;
        unsigned char more[8];
    } newer;
    struct farmiq_error older;

    (void)state;
    memset(&newer, 0x55, sizeof newer);
    farmiq_error_init(&newer.error, sizeof newer);
    assert_int_equal(newer.error.size, sizeof newer);
    for (size_t i = 0; i < sizeof newer.more; i++)
        assert_int_equal(newer.more[i], 0);

    memset(&older, 0x55, sizeof older);
    farmiq_error_init(&older, 12);
    assert_int_equal(older.size, 12);
    assert_int_equal(older.offset, FARMIQ_NO_OFFSET);
    assert_int_equal(older.reserved, 0x55555555);
    assert_int_equal(farmiq__fail(&older, FARMIQ_E_RANGE, 1, "a", "b"), FARMIQ_E_RANGE);
    assert_int_equal(older.code, FARMIQ_OK);
    assert_int_equal(older.field[0], 0x55);

    farmiq_error_init(&older, 3);
    assert_int_equal(older.size, 12);
    farmiq_error_init(NULL, sizeof older);
}

static void a_failure_says_where_and_why(void **state)
{
    struct farmiq_error error;

    (void)state;
    farmiq_error_init(&error, sizeof error);
    assert_int_equal(farmiq__fail(&error, FARMIQ_E_SCHEMA, 17, "tenant_id", "is missing"),
                     FARMIQ_E_SCHEMA);
    assert_int_equal(error.code, FARMIQ_E_SCHEMA);
    assert_int_equal(error.offset, 17);
    assert_string_equal(error.field, "tenant_id");
    assert_string_equal(error.detail, "is missing");
    farmiq__fail(&error, FARMIQ_E_ARG, FARMIQ_NO_OFFSET, NULL, NULL);
    assert_string_equal(error.field, "");
    assert_string_equal(error.detail, "");
    assert_int_equal(farmiq__fail(NULL, FARMIQ_E_ARG, 0, "a", "b"), FARMIQ_E_ARG);
}

/* Around the length that just fits, with its NUL. */
static void long_texts_are_cut_and_always_end(void **state)
{
    char text[200];
    struct farmiq_error error;

    (void)state;
    for (size_t len = sizeof error.field - 2; len <= sizeof error.field + 1; len++) {
        size_t kept = len < sizeof error.field ? len : sizeof error.field - 1;

        memset(text, 'f', sizeof text);
        text[len] = '\0';
        farmiq_error_init(&error, sizeof error);
        memset(error.field, 0x55, sizeof error.field);
        farmiq__fail(&error, FARMIQ_E_SCHEMA, 0, text, "why");
        assert_int_equal(strnlen(error.field, sizeof error.field), kept);
        assert_memory_equal(error.field, text, kept);
        assert_string_equal(error.detail, "why");
    }
    memset(text, 'd', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    farmiq__fail(&error, FARMIQ_E_SCHEMA, 0, "f", text);
    assert_int_equal(strlen(error.detail), sizeof error.detail - 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_name_for_ever),
        cmocka_unit_test(every_code_has_a_sentence_of_its_own),
        cmocka_unit_test(only_what_time_can_heal_is_retryable),
        cmocka_unit_test(an_error_begins_empty),
        cmocka_unit_test(a_caller_of_another_age_is_respected),
        cmocka_unit_test(a_failure_says_where_and_why),
        cmocka_unit_test(long_texts_are_cut_and_always_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
