/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded writer: valid JSON or an honest error, and never a byte past the buffer. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/json.h>

#include "json_check.h"

#define STR(literal)                                                                     \
    (struct farmiq_str) { literal, sizeof(literal) - 1 }

static char text[1024];
static size_t len;

static void write_one_of_each(struct farmiq_json_writer *w)
{
    farmiq_json_open(w, '{');
    farmiq_json_key(w, "text");
    farmiq_json_text(w, "a\"b\\c/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9");
    farmiq_json_key(w, "numbers");
    farmiq_json_open(w, '[');
    farmiq_json_int(w, INT64_MIN);
    farmiq_json_int(w, -1);
    farmiq_json_int(w, 0);
    farmiq_json_int(w, INT64_MAX);
    farmiq_json_double(w, -26.4);
    farmiq_json_close(w, ']');
    farmiq_json_key(w, "words");
    farmiq_json_open(w, '[');
    farmiq_json_bool(w, 1);
    farmiq_json_bool(w, 0);
    farmiq_json_null(w);
    farmiq_json_open(w, '{');
    farmiq_json_close(w, '}');
    farmiq_json_open(w, '[');
    farmiq_json_close(w, ']');
    farmiq_json_close(w, ']');
    farmiq_json_key(w, "at");
    farmiq_json_time(w, INT64_C(1735725600123));
    farmiq_json_key(w, "raw");
    farmiq_json_raw(w, STR("{ }"));
    farmiq_json_key(w, "\n");
    farmiq_json_str(w, (struct farmiq_str){ NULL, 0 });
    farmiq_json_close(w, '}');
}

static const char one_of_each[] =
    "{\"text\":\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\","
    "\"numbers\":[-9223372036854775808,-1,0,9223372036854775807,-26.4],"
    "\"words\":[true,false,null,{},[]],\"at\":\"2025-01-01T10:00:00.123Z\","
    "\"raw\":{ },\"\\n\":\"\"}";

static void writes_one_of_each(void **state)
{
    struct farmiq_json_writer w;

    (void)state;
    farmiq_json_begin(&w, text, sizeof text);
    write_one_of_each(&w);
    assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_OK);
    assert_string_equal(text, one_of_each);
    assert_int_equal(len, strlen(one_of_each));
    assert_true(json_check(text, len, '{', 32));
}

static void every_smaller_buffer_is_told_what_it_needs(void **state)
{
    struct farmiq_json_writer w;

    (void)state;
    for (size_t room = 0; room < sizeof one_of_each; room++) {
        memset(text, '#', sizeof text);
        farmiq_json_begin(&w, text, room);
        write_one_of_each(&w);
        assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_E_NOSPACE);
        assert_int_equal(len, sizeof one_of_each - 1);
        assert_int_equal(text[room], '#');
        assert_memory_equal(text, one_of_each, room);
    }
    farmiq_json_begin(&w, NULL, 100);
    write_one_of_each(&w);
    assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_E_NOSPACE);
    assert_int_equal(len, sizeof one_of_each - 1);
}

static void every_string_reads_back(void **state)
{
    static int64_t scratch[512];

    (void)state;
    for (unsigned c = 1; c < 0x80; c++)
        for (unsigned d = 1; d < 0x80; d++) {
            char value[2] = { (char)c, (char)d };
            struct farmiq_json_member a = { .name = "a" };
            struct farmiq_json_writer w;

            farmiq_json_begin(&w, text, sizeof text);
            farmiq_json_open(&w, '{');
            farmiq_json_key(&w, "a");
            farmiq_json_str(&w, (struct farmiq_str){ value, 2 });
            farmiq_json_close(&w, '}');
            assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_OK);
            assert_int_equal(
                farmiq_json_members(text, len, &a, 1, scratch, sizeof scratch, NULL),
                FARMIQ_OK);
            assert_int_equal(a.text.len, 2);
            assert_memory_equal(a.text.ptr, value, 2);
        }
}

/* Eight bytes are looked at at once: what needs an escape gets it wherever it stands. */
static void an_escape_is_written_at_every_place(void **state)
{
    char value[] = "aaaaaaaaaaaaaaaaaaaaaaaa", expected[64];

    (void)state;
    for (size_t bytes = 1; bytes < sizeof value; bytes++)
        for (size_t at = 0; at < bytes; at++)
            for (unsigned c = 1; c < 0x80; c++) {
                struct farmiq_json_writer w;
                int needed;

                value[at] = (char)c;
                needed = c < 0x20 || c == '"' || c == '\\';
                farmiq_json_begin(&w, text, sizeof text);
                farmiq_json_str(&w, (struct farmiq_str){ value, bytes });
                assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_OK);
                snprintf(expected, sizeof expected, "\"%.*s\"", (int)bytes, value);
                if (!needed)
                    assert_string_equal(text, expected);
                else
                    assert_int_equal(text[1 + at], '\\');
                assert_int_equal(len > bytes + 2, needed);
                value[at] = 'a';
            }
}

/* So is what no string can hold. */
static void a_foreign_byte_is_refused_at_every_place(void **state)
{
    char value[] = "aaaaaaaaaaaaaaaaaaaaaaaa";

    (void)state;
    for (size_t bytes = 1; bytes < sizeof value; bytes++)
        for (size_t at = 0; at < bytes; at++)
            for (unsigned c = 0; c <= 0xff; c += 0xff) {
                struct farmiq_json_writer w;

                value[at] = (char)c;
                farmiq_json_begin(&w, text, sizeof text);
                farmiq_json_str(&w, (struct farmiq_str){ value, bytes });
                assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_E_RANGE);
                value[at] = 'a';
            }
}

static void what_the_reader_refuses_is_not_written(void **state)
{
    static const struct farmiq_str bad[] = {
        { "\0", 1 }, { "a\0b", 3 }, { "\xff", 1 }, { "\xc3", 1 }, { "\xed\xa0\x80", 3 },
    };
    struct farmiq_json_writer w;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        farmiq_json_begin(&w, text, sizeof text);
        farmiq_json_str(&w, bad[i]);
        assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_E_RANGE);
    }
}

static void what_json_cannot_hold_is_said_at_the_end(void **state)
{
    struct farmiq_json_writer w;
    static const double bad[] = { INFINITY, -INFINITY, NAN };

    (void)state;
    for (int i = 0; i < 3; i++) {
        farmiq_json_begin(&w, text, sizeof text);
        farmiq_json_double(&w, bad[i]);
        assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_E_RANGE);
    }
    farmiq_json_begin(&w, text, sizeof text);
    farmiq_json_time(&w, -1);
    assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_E_RANGE);
}

/* One letter per call: brackets as they are, k a key, n a null, r empty raw text. */
static void write_calls(struct farmiq_json_writer *w, const char *calls)
{
    farmiq_json_begin(w, text, sizeof text);
    for (; *calls; calls++) {
        if (strchr("{[(", *calls))
            farmiq_json_open(w, *calls);
        else if (strchr("}])", *calls))
            farmiq_json_close(w, *calls);
        else if (*calls == 'k')
            farmiq_json_key(w, "a");
        else if (*calls == 'n')
            farmiq_json_null(w);
        else
            farmiq_json_raw(w, STR(""));
    }
}

static void misuse_is_an_argument_error(void **state)
{
    static const char *const misuses[] = { "}",    "(",    "[)",    "k",      "kn",
                                           "r",    "{",    "[}",    "{]",     "[k",
                                           "[kn]", "[{}}", "{k[]]", "{k[kn]}" };
    struct farmiq_json_writer w;

    (void)state;
    for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++) {
        write_calls(&w, misuses[i]);
        assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_E_ARG);
    }
    assert_int_equal(farmiq_json_end(NULL, &len), FARMIQ_E_ARG);
    assert_int_equal(farmiq_json_end(&w, NULL), FARMIQ_E_ARG);
}

/* A list where an object of the same depth was, and the other way round. */
static void each_bracket_closes_its_own(void **state)
{
    struct farmiq_json_writer w;

    (void)state;
    write_calls(&w, "[{kn}[n]{k[{}]}]");
    assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_OK);
    assert_string_equal(text, "[{\"a\":null},[null],{\"a\":[{}]}]");
}

static void the_longest_number_has_room(void **state)
{
    struct farmiq_json_writer w;

    (void)state;
    farmiq_json_begin(&w, text, sizeof text);
    farmiq_json_double(&w, -2.2250738585072014e-308);
    assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_OK);
    assert_string_equal(text, "-2.2250738585072014e-308");
}

static void depth_is_limited_as_in_the_reader(void **state)
{
    struct farmiq_json_writer w;

    (void)state;
    for (int depth = 1; depth <= 33; depth++) {
        farmiq_json_begin(&w, text, sizeof text);
        for (int i = 0; i < depth; i++)
            farmiq_json_open(&w, '[');
        for (int i = 0; i < depth; i++)
            farmiq_json_close(&w, ']');
        assert_int_equal(farmiq_json_end(&w, &len),
                         depth <= FARMIQ_JSON_MAX_DEPTH ? FARMIQ_OK : FARMIQ_E_RANGE);
    }
}

static void a_null_writer_is_no_crash(void **state)
{
    (void)state;
    farmiq_json_begin(NULL, text, sizeof text);
    write_one_of_each(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_one_of_each),
        cmocka_unit_test(every_smaller_buffer_is_told_what_it_needs),
        cmocka_unit_test(every_string_reads_back),
        cmocka_unit_test(an_escape_is_written_at_every_place),
        cmocka_unit_test(a_foreign_byte_is_refused_at_every_place),
        cmocka_unit_test(what_the_reader_refuses_is_not_written),
        cmocka_unit_test(what_json_cannot_hold_is_said_at_the_end),
        cmocka_unit_test(misuse_is_an_argument_error),
        cmocka_unit_test(each_bracket_closes_its_own),
        cmocka_unit_test(the_longest_number_has_room),
        cmocka_unit_test(depth_is_limited_as_in_the_reader),
        cmocka_unit_test(a_null_writer_is_no_crash),
    };

    return cmocka_run_group_tests_name("json_write", tests, NULL, NULL);
}
