/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: RFC 8259 as narrowed by spec edge 2.5 and the design's "poison data" list. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/json.h>

#include "core/json_private.h"
#include "json_check.h"

#define TEXT(literal) literal, sizeof(literal) - 1
#define A8 "aaaaaaaa"
#define A64 A8 A8 A8 A8 A8 A8 A8 A8

static int64_t scratch[4096 / sizeof(int64_t)];

static struct farmiq_error error;

static int read_one(const char *json, size_t len, struct farmiq_json_member *a)
{
    farmiq_error_init(&error, sizeof error);
    a->name = "a";
    return farmiq_json_members(json, len, a, 1, scratch, sizeof scratch, &error);
}

static void assert_text(struct farmiq_str text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

/* ## What is taken */

static void takes_each_type_with_its_place_and_text(void **state)
{
    static const struct {
        const char *json;
        int32_t type;
        const char *text;
        double number;
    } rows[] = {
        { "{\"a\":null}", FARMIQ_JSON_NULL, "null", 0 },
        { "{\"a\":true}", FARMIQ_JSON_BOOL, "true", 1 },
        { "{\"a\":false}", FARMIQ_JSON_BOOL, "false", 0 },
        { "{\"a\":-12.5e1}", FARMIQ_JSON_NUMBER, "-12.5e1", -125 },
        { "{\"a\":\"text\"}", FARMIQ_JSON_STRING, "text", 0 },
        { "{\"a\":\"\"}", FARMIQ_JSON_STRING, "", 0 },
        { "{\"a\":[1, [2]]}", FARMIQ_JSON_ARRAY, "[1, [2]]", 0 },
        { "{\"a\":{\"a\":{\"b\":\"}\"}}}", FARMIQ_JSON_OBJECT, "{\"a\":{\"b\":\"}\"}}",
          0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct farmiq_json_member a;

        assert_int_equal(read_one(rows[i].json, strlen(rows[i].json), &a), FARMIQ_OK);
        assert_int_equal(a.type, rows[i].type);
        assert_int_equal(a.offset, 5);
        assert_text(a.text, rows[i].text);
        assert_true(a.number == rows[i].number);
    }
}

static void absent_members_are_absent_whatever_was_there_before(void **state)
{
    struct farmiq_json_member a = { "a", FARMIQ_JSON_STRING, 7, { "old", 3 }, 1 };

    (void)state;
    assert_int_equal(read_one(TEXT("{\"b\":1,\"aa\":2,\"\":3}"), &a), FARMIQ_OK);
    assert_int_equal(a.type, FARMIQ_JSON_ABSENT);
}

static void members_are_found_in_any_order_among_others(void **state)
{
    static const char json[] =
        " { \"x\" : [ {\"b\":0} ] , \"c\" : 3, \"a\":1 ,\"y\":null, \"b\"\t:\n2 } \r\n";
    struct farmiq_json_member m[] = { { .name = "a" }, { .name = "b" }, { .name = "c" } };

    (void)state;
    assert_int_equal(farmiq_json_members(TEXT(json), m, 3, scratch, sizeof scratch, NULL),
                     FARMIQ_OK);
    for (int i = 0; i < 3; i++)
        assert_true(m[i].number == i + 1);
    assert_int_equal(json[m[1].offset], '2');
}

static void text_without_escapes_is_a_slice_of_the_input(void **state)
{
    static const char json[] = "{\"a\":\"gr\xc3\xbc\xc3\x9f\"}";
    struct farmiq_json_member a;

    (void)state;
    assert_int_equal(read_one(TEXT(json), &a), FARMIQ_OK);
    assert_ptr_equal(a.text.ptr, json + 6);
    assert_text(a.text, "gr\xc3\xbc\xc3\x9f");
}

static void escapes_are_decoded(void **state)
{
    static const struct {
        const char *json;
        const char *text;
    } rows[] = {
        { "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "\"\\/\b\f\n\r\t" },
        { "{\"a\":\"x\\u0041y\"}", "xAy" },
        { "{\"a\":\"\\u00e9\\u20AC\"}", "\xc3\xa9\xe2\x82\xac" },
        { "{\"a\":\"\\ud83d\\udc14\"}", "\xf0\x9f\x90\x94" },
        { "{\"a\":\"\\uD800\\uDC00\"}", "\xf0\x90\x80\x80" },
        { "{\"a\":\"\\uDBFF\\uDFFF\"}", "\xf4\x8f\xbf\xbf" },
        { "{\"a\":\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"}",
          "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf" },
        { "{\"\\u0061\":\"by an escaped name\"}", "by an escaped name" },
        { "{\"b\\n\":\"\\n\",\"a\":\"x\\ty\",\"c\":\"\\\\\"}", "x\ty" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct farmiq_json_member a;

        assert_int_equal(read_one(rows[i].json, strlen(rows[i].json), &a), FARMIQ_OK);
        assert_int_equal(a.type, FARMIQ_JSON_STRING);
        assert_text(a.text, rows[i].text);
    }
}

static void offsets_are_right_behind_an_escaped_string(void **state)
{
    static const char json[] =
        "{\"\\u0062\":\"\\n\\\"\", \"a\": [\"\\\\\", 1], \"c\":\"\\t\"}";
    struct farmiq_json_member m[] = { { .name = "a" }, { .name = "b" }, { .name = "c" } };

    (void)state;
    assert_int_equal(farmiq_json_members(TEXT(json), m, 3, scratch, sizeof scratch, NULL),
                     FARMIQ_OK);
    assert_ptr_equal(m[0].text.ptr, strchr(json, '['));
    assert_text(m[0].text, "[\"\\\\\", 1]");
    assert_int_equal(m[0].offset, strchr(json, '[') - json);
    assert_int_equal(m[1].offset, 10);
    assert_int_equal(m[2].offset, strstr(json, "\"\\t\"") - json);
}

/* ## What is refused */

struct refusal {
    const char *json;
    int code;
    uint32_t offset;
    const char *field;
};

static void assert_refused(const struct refusal *row, size_t len)
{
    struct farmiq_json_member a;
    int r = read_one(row->json, len, &a);

    if (r != row->code || error.offset != row->offset || strcmp(error.field, row->field))
        print_error("%.60s: %s at %u in '%s' (%s)\n", row->json, farmiq_errname(r),
                    error.offset, error.field, error.detail);
    assert_int_equal(error.code, row->code);
    assert_true(error.detail[0]);
}

static void refuses_what_is_not_json(void **state)
{
    static const struct refusal rows[] = {
        { "", FARMIQ_E_SYNTAX, 0, "" },
        { " ", FARMIQ_E_SYNTAX, 1, "" },
        { "{", FARMIQ_E_SYNTAX, 1, "" },
        { "{\"a\"", FARMIQ_E_SYNTAX, 4, "a" },
        { "{\"a\":1", FARMIQ_E_SYNTAX, 6, "" },
        { "{\"a\":\"", FARMIQ_E_SYNTAX, 6, "a" },
        { "{\"a\":tru", FARMIQ_E_SYNTAX, 8, "a" },
        { "{\"a\":1}x", FARMIQ_E_SYNTAX, 8, "" },
        { "{\"a\":1}{\"a\":1}", FARMIQ_E_SYNTAX, 8, "" },
        { "{\"a\":1,}", FARMIQ_E_SYNTAX, 8, "" },
        { "{\"a\":/**/1}", FARMIQ_E_SYNTAX, 5, "a" },
        { "{\"a\":'x'}", FARMIQ_E_SYNTAX, 6, "a" },
        { "{\"a\":NaN}", FARMIQ_E_SYNTAX, 6, "a" },
        { "{\"a\":01}", FARMIQ_E_SYNTAX, 6, "" },
        { "{\"a\":+1}", FARMIQ_E_SYNTAX, 6, "a" },
        { "{\"a\":1.}", FARMIQ_E_SYNTAX, 7, "a" },
        { "{\"a\":.5}", FARMIQ_E_SYNTAX, 6, "a" },
        { "{\"a\":\"\\x\"}", FARMIQ_E_SYNTAX, 6, "a" },
        { "{\"a\":\"\\u12g4\"}", FARMIQ_E_SYNTAX, 6, "a" },
        { "{\"a\":\"\\", FARMIQ_E_SYNTAX, 6, "a" },
        { "{\"a\":\"\\u1", FARMIQ_E_SYNTAX, 6, "a" },
        { "{\"a\":\"x\ny\"}", FARMIQ_E_SYNTAX, 7, "a" },
        { "{\"a\":\"\\tx\ny\"}", FARMIQ_E_SYNTAX, 9, "a" },
        { "\\n", FARMIQ_E_SYNTAX, 1, "" },
        { "{\"a\"\\n\"b\":1}", FARMIQ_E_SYNTAX, 5, "a" },
        { "\xef\xbb\xbf{}", FARMIQ_E_SYNTAX, 1, "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(&rows[i], strlen(rows[i].json));
}

static void refuses_bytes_that_are_not_utf8(void **state)
{
    static const char *const bad[] = {
        "\x80",         "\xbf",         "\xc0\x80",         "\xc1\xbf",
        "\xc3",         "\xc3(",        "\xe0\x80\x80",     "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82",         "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf", "\xf4\x90\x80", "\xf5\x80\x80\x80", "\xff",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char json[32];
        struct farmiq_json_member a;

        snprintf(json, sizeof json, "{\"z\":\"%s\"}", bad[i]);
        assert_int_equal(read_one(json, strlen(json), &a), FARMIQ_E_SYNTAX);
        assert_int_equal(error.offset, 6);
        assert_string_equal(error.detail, "is not UTF-8");
    }
}

/* Text is looked at in strides of words: no place in a stride may be overlooked. */
static void a_foreign_byte_is_found_at_every_place(void **state)
{
    char long_text[101];

    (void)state;
    memset(long_text, 'a', sizeof long_text);
    for (size_t len = 0; len < sizeof long_text; len++) {
        assert_int_equal(farmiq__utf8_check(long_text, len), len);
        for (size_t at = 0; at < len; at++) {
            long_text[at] = '\xff';
            assert_int_equal(farmiq__utf8_check(long_text, len), at);
            long_text[at] = 'a';
        }
    }
}

/* A byte that asks for a closer look is found wherever it stands, and no other is. */
static void plain_text_has_none_of_four_kinds_of_bytes(void **state)
{
    char text[101];

    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t len = 0; len < sizeof text; len++) {
        assert_true(farmiq__json_is_plain(text, len));
        for (size_t at = 0; at < len; at++) {
            for (int c = 0; c < 256; c++) {
                int special = c >= 0x80 || c == '\\' || c == '\v' || c == '\f';

                text[at] = (char)c;
                assert_int_equal(farmiq__json_is_plain(text, len), !special);
            }
            text[at] = 'a';
        }
    }
}

/* A list is known by its name, wherever its letters are kept. */
static int count_element(void *ctx, const struct farmiq__json_element *element)
{
    (void)element;
    ++*(int *)ctx;
    return FARMIQ_OK;
}

static void a_list_is_found_by_its_name(void **state)
{
    static const struct {
        const char *name;
        int elements;
    } lists[] = { { "rows", 3 }, { "rowt", 0 }, { "", 0 } };
    static const struct farmiq_str names[] = { { "rows", 4 } };
    static const char json[] = "{\"rows\":[1,2,3]}";

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        char name[8] = "";
        int elements = 0;
        struct farmiq_json_member member;
        struct farmiq__arena arena;
        struct farmiq__json_list list = { .name = name,
                                          .element = count_element,
                                          .ctx = &elements };
        struct farmiq__json_job job = { .text = { json, sizeof json - 1 },
                                        .root = FARMIQ_JSON_OBJECT,
                                        .members = { &member, names, 1 },
                                        .list = &list,
                                        .arena = &arena };

        memcpy(name, lists[i].name, strlen(lists[i].name));
        farmiq__arena_init(&arena, scratch, sizeof scratch);
        assert_int_equal(farmiq__json_read(&job), FARMIQ_OK);
        assert_int_equal(elements, lists[i].elements);
    }
}

/* Design, "poison data": each of these passes yajl, and jsonb refuses it. */
static void refuses_poison_that_is_legal_json(void **state)
{
    static const struct refusal rows[] = {
        { "{\"a\":\"x\\u0000\"}", FARMIQ_E_SCHEMA, 7, "a" },
        { "{\"z\":\"x\\u0000\"}", FARMIQ_E_SCHEMA, 7, "" },
        { "{\"a\":{\"z\":[\"\\u0000\"]}}", FARMIQ_E_SCHEMA, 12, "a" },
        { "{\"\\u0000\":1}", FARMIQ_E_SCHEMA, 2, "" },
        { "{\"a\":\"\\ud800\"}", FARMIQ_E_SCHEMA, 6, "a" },
        { "{\"a\":\"\\ud800x\"}", FARMIQ_E_SCHEMA, 6, "a" },
        { "{\"a\":\"\\ud800\\n\"}", FARMIQ_E_SCHEMA, 6, "a" },
        { "{\"a\":\"\\ud800\\ud800\"}", FARMIQ_E_SCHEMA, 6, "a" },
        { "{\"a\":\"\\udc00\"}", FARMIQ_E_SCHEMA, 6, "a" },
        { "{\"a\":\"\\udc00\\ud800\"}", FARMIQ_E_SCHEMA, 6, "a" },
        { "{\"a\":1e999}", FARMIQ_E_RANGE, 5, "a" },
        { "{\"a\":-1e999}", FARMIQ_E_RANGE, 5, "a" },
        { "{\"a\":1e200000}", FARMIQ_E_RANGE, 5, "a" },
        { "{\"a\":1e-200000}", FARMIQ_E_RANGE, 5, "a" },
        { "{\"a\":0e-200000}", FARMIQ_E_RANGE, 5, "a" },
        { "{\"a\":1e99999999999999999999}", FARMIQ_E_RANGE, 5, "a" },
        { "{\"a\":1e-400}", FARMIQ_E_RANGE, 5, "a" },
        { "{\"a\":{\"b\":[1,2e308]}}", FARMIQ_E_RANGE, 13, "a" },
        { "{\"z\":2e308}", FARMIQ_E_RANGE, 5, "" },
        { "{\"a\":1,\"a\":2}", FARMIQ_E_SCHEMA, 7, "a" },
        { "{\"a\":null,\"a\":null}", FARMIQ_E_SCHEMA, 10, "a" },
        { "{\"a\":1,\"\\u0061\":2}", FARMIQ_E_SCHEMA, 7, "a" },
        { "{\"\\u0061\":1,\"a\":2}", FARMIQ_E_SCHEMA, 12, "a" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(&rows[i], strlen(rows[i].json));
}

static void a_raw_nul_is_no_json(void **state)
{
    static const struct refusal row = { "{\"a\":\"\0\"}", FARMIQ_E_SYNTAX, 6, "a" };

    (void)state;
    assert_refused(&row, 9);
}

static void members_that_are_not_wanted_may_repeat(void **state)
{
    struct farmiq_json_member a;

    (void)state;
    assert_int_equal(read_one(TEXT("{\"z\":1,\"z\":2,\"a\":{\"a\":1,\"a\":2}}"), &a),
                     FARMIQ_OK);
}

static void refuses_what_is_not_an_object(void **state)
{
    static const struct refusal rows[] = {
        { "[]", FARMIQ_E_SCHEMA, 0, "" },        { " null", FARMIQ_E_SCHEMA, 1, "" },
        { "\"text\" ", FARMIQ_E_SCHEMA, 0, "" }, { "\"\\n\"", FARMIQ_E_SCHEMA, 0, "" },
        { "1 ", FARMIQ_E_SCHEMA, 0, "" },        { "true", FARMIQ_E_SCHEMA, 0, "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(&rows[i], strlen(rows[i].json));
}

static size_t nest(char *out, size_t depth)
{
    size_t len = (size_t)sprintf(out, "{\"a\":");

    memset(out + len, '[', depth - 1);
    memset(out + len + depth - 1, ']', depth - 1);
    len += 2 * (depth - 1);
    if (depth == 1)
        out[len++] = '1';
    out[len++] = '}';
    return len;
}

static void the_33rd_level_is_refused_where_it_opens(void **state)
{
    char json[256];
    struct farmiq_json_member a;

    (void)state;
    for (size_t depth = 1; depth <= 40; depth++) {
        int r = read_one(json, nest(json, depth), &a);

        assert_int_equal(r, depth <= 32 ? FARMIQ_OK : FARMIQ_E_RANGE);
        if (depth > 32)
            assert_int_equal(error.offset, 5 + 31);
    }
}

static void a_million_brackets_cost_nothing(void **state)
{
    size_t len = 1000000;
    char *json = malloc(len);
    struct farmiq_json_member a;

    (void)state;
    memset(json, '[', len);
    memcpy(json, "{\"a\":", 5);
    assert_int_equal(read_one(json, len, &a), FARMIQ_E_RANGE);
    free(json);
}

static void an_error_never_quotes_values(void **state)
{
    static const char *const bad[] = {
        "{\"a\":\"hunter2\\u0000\"}",  "{\"a\":hunter2}",  "{\"hunter2\":\"\\ud800\"}",
        "{\"hunter2\":{\"a\":1e999}}", "{\"a\":\"hunter2",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct farmiq_json_member a;

        assert_true(read_one(bad[i], strlen(bad[i]), &a) < 0);
        assert_null(strstr(error.detail, "hunter2"));
        assert_null(strstr(error.field, "hunter2"));
    }
}

/* ## Memory */

static void scratch_too_small_is_said_at_every_size(void **state)
{
    static const char json[] = "{\"a\":\"" A64 "\\n\",\"b\":\"\\n\"}";
    struct farmiq_json_member a = { .name = "a" };
    int fits = 0;

    (void)state;
    for (size_t bytes = 0; bytes <= sizeof scratch; bytes += 8) {
        int r = farmiq_json_members(TEXT(json), &a, 1, scratch, bytes, NULL);

        if (fits)
            assert_int_equal(r, FARMIQ_OK);
        else if (r == FARMIQ_OK)
            fits = 1;
        else
            assert_int_equal(r, FARMIQ_E_NOSPACE);
    }
    assert_true(fits);
}

static int measure(void *ctx, uint32_t index, const char *json, size_t json_bytes)
{
    (void)index;
    (void)json;
    *(size_t *)ctx = json_bytes;
    return 0;
}

/* A long string that nobody wants costs no scratch, escaped or unfinished. */
static void long_strings_need_no_scratch(void **state)
{
    static const char *const shapes[] = { "{\"z\":\"\\n%s\",\"a\":1}",
                                          "{\"\\n%s\":\"\\n\",\"a\":1}",
                                          "{\"z\":\"%s\",\"a\":1}" };
    size_t room = 300000;
    char *filler = malloc(room), *json = malloc(room + 64);
    struct farmiq_json_member a;
    size_t measured = 0;
    int len;

    (void)state;
    memset(filler, 'x', room - 1);
    filler[room - 1] = '\0';
    for (size_t i = 0; i < 3; i++) {
        len = snprintf(json, room + 64, shapes[i], filler);
        assert_int_equal(read_one(json, (size_t)len, &a), FARMIQ_OK);
        assert_true(a.number == 1);
    }
    len = snprintf(json, room + 64, "[\"\\n%s\"]", filler);
    assert_int_equal(farmiq_json_each(json, (size_t)len, measure, &measured, scratch,
                                      sizeof scratch, NULL),
                     FARMIQ_OK);
    assert_int_equal(measured, len - 2);
    len = snprintf(json, room + 64, "{\"a\":\"%s", filler);
    assert_int_equal(read_one(json, (size_t)len, &a), FARMIQ_E_SYNTAX);
    assert_int_equal(error.offset, len);
    free(filler);
    free(json);
}

static void null_arguments_are_refused(void **state)
{
    struct farmiq_json_member a = { .name = "a" };

    (void)state;
    assert_int_equal(farmiq_json_members(NULL, 2, &a, 1, scratch, sizeof scratch, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_json_members("{}", 2, NULL, 1, scratch, sizeof scratch, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_json_members("{}", 2, &a, 1, NULL, 4096, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_json_members("{}", 2, NULL, 0, scratch, sizeof scratch, NULL),
                     FARMIQ_OK);
    assert_int_equal(farmiq_json_each("[]", 2, NULL, NULL, scratch, sizeof scratch, NULL),
                     FARMIQ_E_ARG);
}

/* ## Arrays */

static int collect(void *ctx, uint32_t index, const char *json, size_t json_bytes)
{
    char *out = ctx;

    sprintf(out + strlen(out), "%u:%.*s;", index, (int)json_bytes, json);
    return json_bytes == 4 && memcmp(json, "stop", 4) == 0 ? 7 : 0;
}

static int each(const char *json, char out[256])
{
    farmiq_error_init(&error, sizeof error);
    out[0] = '\0';
    return farmiq_json_each(json, strlen(json), collect, out, scratch, sizeof scratch,
                            &error);
}

static void each_walks_elements_in_order_with_raw_text(void **state)
{
    char out[256];

    (void)state;
    assert_int_equal(each(" [1, \"a\\n\" ,null,true,[ 2 ],{\"b\" : [3]}, \"x\" ] ", out),
                     FARMIQ_OK);
    assert_string_equal(out,
                        "0:1;1:\"a\\n\";2:null;3:true;4:[ 2 ];5:{\"b\" : [3]};6:\"x\";");
    assert_int_equal(each("[]", out), FARMIQ_OK);
    assert_string_equal(out, "");
}

static void each_checks_everything_before_the_first_call(void **state)
{
    static const struct {
        const char *json;
        int code;
    } rows[] = {
        { "[1,2,", FARMIQ_E_SYNTAX },           { "[1,2,3e999]", FARMIQ_E_RANGE },
        { "[1,\"\\u0000\"]", FARMIQ_E_SCHEMA }, { "{\"a\":1}", FARMIQ_E_SCHEMA },
        { "[1] 2", FARMIQ_E_SYNTAX },           { "3", FARMIQ_E_SCHEMA },
    };
    char out[256];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(each(rows[i].json, out), rows[i].code);
        assert_string_equal(out, "");
    }
}

static int stop_at_two(void *ctx, uint32_t index, const char *json, size_t json_bytes)
{
    (void)json;
    (void)json_bytes;
    ++*(int *)ctx;
    return index == 2 ? 77 : 0;
}

static void each_ends_when_told(void **state)
{
    int calls = 0;

    (void)state;
    assert_int_equal(farmiq_json_each("[0,0,0,0]", 9, stop_at_two, &calls, scratch,
                                      sizeof scratch, NULL),
                     77);
    assert_int_equal(calls, 3);
}

/* ## Against a second opinion */

static void assert_same_verdict(const char *text, size_t len)
{
    struct farmiq_json_member a;
    int expected = json_check(text, len, '{', 32);
    int r = read_one(text, len, &a);

    if ((r == FARMIQ_OK) != expected)
        fail_msg("'%.*s': %s, but the other says %d", (int)len, text, farmiq_errname(r),
                 expected);
}

static void try_all(char *text, size_t len, size_t max, const char *alphabet)
{
    assert_same_verdict(text, len);
    if (len == max)
        return;
    for (const char *c = alphabet; *c; c++) {
        text[len] = *c;
        try_all(text, len + 1, max, alphabet);
    }
}

/* No member is wanted twice in these, so "duplicate" cannot be the difference. */
static void agrees_on_every_short_text(void **state)
{
    char text[16] = "{\"b\":";

    (void)state;
    try_all(text, 0, 5, "{}[]:,\"b1 ");
    try_all(text, 5, 10, "{}[],\"1\\-");
    memcpy(text, "{\"b\":\"", 6);
    try_all(text, 6, 11, "\"\\ubn}\x1f\xc3\xa9");
    memcpy(text, "{\"b\":", 5);
    try_all(text, 5, 10, "019-+.eE}");
}

static void agrees_on_every_byte_of_a_text_being_any_other(void **state)
{
    static const char json[] = "{\"b\":[-1.5e3,\"\\ud83d\\udc14\","
                               "\"\xc3\xa9\xf0\x9f\x90\x94\"],\"c\":{\"d\":null}}";
    char text[sizeof json];

    (void)state;
    for (size_t i = 0; i < sizeof json - 1; i++) {
        assert_same_verdict(json, i);
        for (int c = 0; c < 256; c++) {
            memcpy(text, json, sizeof json);
            text[i] = (char)c;
            assert_same_verdict(text, sizeof json - 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_each_type_with_its_place_and_text),
        cmocka_unit_test(absent_members_are_absent_whatever_was_there_before),
        cmocka_unit_test(members_are_found_in_any_order_among_others),
        cmocka_unit_test(text_without_escapes_is_a_slice_of_the_input),
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(offsets_are_right_behind_an_escaped_string),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(refuses_bytes_that_are_not_utf8),
        cmocka_unit_test(a_foreign_byte_is_found_at_every_place),
        cmocka_unit_test(plain_text_has_none_of_four_kinds_of_bytes),
        cmocka_unit_test(a_list_is_found_by_its_name),
        cmocka_unit_test(refuses_poison_that_is_legal_json),
        cmocka_unit_test(a_raw_nul_is_no_json),
        cmocka_unit_test(members_that_are_not_wanted_may_repeat),
        cmocka_unit_test(refuses_what_is_not_an_object),
        cmocka_unit_test(the_33rd_level_is_refused_where_it_opens),
        cmocka_unit_test(a_million_brackets_cost_nothing),
        cmocka_unit_test(an_error_never_quotes_values),
        cmocka_unit_test(scratch_too_small_is_said_at_every_size),
        cmocka_unit_test(long_strings_need_no_scratch),
        cmocka_unit_test(null_arguments_are_refused),
        cmocka_unit_test(each_walks_elements_in_order_with_raw_text),
        cmocka_unit_test(each_checks_everything_before_the_first_call),
        cmocka_unit_test(each_ends_when_told),
        cmocka_unit_test(agrees_on_every_short_text),
        cmocka_unit_test(agrees_on_every_byte_of_a_text_being_any_other),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
