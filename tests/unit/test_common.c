/* SPDX-License-Identifier: Apache-2.0 */
/* What services share (shims/common), and the ingestion's pure parts, on a kit of four
 * functions: memory, text, one question and the note of a refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cloud-ingestion/ingestion.h"
#include "common/ask.h"
#include "common/buckets.h"
#include "common/rows.h"
#include "common/scratch.h"
#include "common/text.h"
#include "common/weigh.h"

/* ## The kit */

static void *blocks[4096];
static size_t block_count, blocks_left = SIZE_MAX;
static struct {
    const char *name, *value;
} questions[8];
static char refusal[256];

void *shim_memory(struct shim_call *call, size_t bytes)
{
    (void)call;
    if (blocks_left == 0)
        return NULL;
    blocks_left--;
    assert_true(block_count < sizeof blocks / sizeof *blocks);
    return blocks[block_count++] = calloc(1, bytes ? bytes : 1);
}

struct farmiq_str shim_str(const char *text)
{
    return (struct farmiq_str){ text, text ? strlen(text) : 0 };
}

struct farmiq_str shim_query(struct shim_call *call, const char *spellings)
{
    (void)call;
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        if (questions[i].name && strstr(spellings, questions[i].name))
            return shim_str(questions[i].value);
    return shim_str("");
}

int shim_reply_error(struct shim_call *call, int status, const char *code,
                     const char *format, ...)
{
    va_list args;

    (void)call;
    assert_int_equal(status, 400);
    assert_string_equal(code, "VALIDATION_ERROR");
    va_start(args, format);
    vsnprintf(refusal, sizeof refusal, format, args);
    va_end(args);
    return 0;
}

/* rows_reply() answers; no test here gets that far. */
struct farmiq_json_writer *shim_json(struct shim_call *call, size_t max_bytes)
{
    (void)call;
    (void)max_bytes;
    return NULL;
}

int shim_reply(struct shim_call *call, int status)
{
    (void)call;
    return status;
}

static int tidy(void **state)
{
    (void)state;
    while (block_count)
        free(blocks[--block_count]);
    memset(questions, 0, sizeof questions);
    refusal[0] = '\0';
    blocks_left = SIZE_MAX;
    return 0;
}

static struct shim_call call;

static void assert_text(struct farmiq_str text, const char *wanted)
{
    assert_int_equal(text.len, strlen(wanted));
    if (text.len)
        assert_memory_equal(text.ptr, wanted, text.len);
}

/* ## Text */

static void lists_are_taken_apart_at_their_separator(void **state)
{
    struct farmiq_str list = shim_str(" one, two ,,three ");

    (void)state;
    assert_text(text_next(&list, ','), "one");
    assert_text(text_next(&list, ','), "two");
    assert_text(text_next(&list, ','), "");
    assert_text(text_next(&list, ','), "three");
    assert_int_equal(list.len, 0);
    assert_text(text_next(&list, ','), "");
}

static void numbers_are_digits_and_nothing_else(void **state)
{
    static const struct {
        const char *text;
        int result;
        int64_t number;
    } cases[] = {
        { "0", FARMIQ_OK, 0 },
        { "0042", FARMIQ_OK, 42 },
        { "999999999999999999", FARMIQ_OK, 999999999999999999 },
        { "1000000000000000000", FARMIQ_E_RANGE, -1 },
        { "", FARMIQ_E_SYNTAX, -1 },
        { "-1", FARMIQ_E_SYNTAX, -1 },
        { "1e3", FARMIQ_E_SYNTAX, -1 },
        { " 1", FARMIQ_E_SYNTAX, -1 },
        { "1:", FARMIQ_E_SYNTAX, -1 },
        { "1/", FARMIQ_E_SYNTAX, -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t number = -1;

        assert_int_equal(text_number(shim_str(cases[i].text), &number), cases[i].result);
        assert_int_equal(number, cases[i].number);
    }
}

static void numbers_are_written_and_parts_joined(void **state)
{
    const struct farmiq_str parts[] = { shim_str("a"), shim_str(""), shim_str("bc") };

    (void)state;
    assert_text(text_of_number(&call, INT64_MIN), "-9223372036854775808");
    assert_text(text_of_number(&call, 0), "0");
    assert_text(text_join(&call, parts, 3), "abc");
    assert_text(text_copy(&call, shim_str("xyz")), "xyz");
    blocks_left = 0;
    assert_text(text_of_number(&call, 7), "");
    assert_text(text_join(&call, parts, 3), "");
}

static void secrets_are_equal_only_when_they_are(void **state)
{
    (void)state;
    assert_true(text_equal_secret(shim_str("abc"), shim_str("abc")));
    assert_false(text_equal_secret(shim_str("abc"), shim_str("abd")));
    assert_false(text_equal_secret(shim_str("abc"), shim_str("ab")));
    assert_false(text_equal_secret(shim_str("ab"), shim_str("abc")));
    assert_true(text_equal_secret(shim_str(""), shim_str("")));
}

static void a_fingerprint_is_of_what_the_event_says(void **state)
{
    uint64_t one = text_fingerprint(shim_str("t"), shim_str("d"), 5, shim_str("{}"));

    (void)state;
    assert_int_equal(one,
                     text_fingerprint(shim_str("t"), shim_str("d"), 5, shim_str("{}")));
    assert_int_not_equal(
        one, text_fingerprint(shim_str("u"), shim_str("d"), 5, shim_str("{}")));
    assert_int_not_equal(
        one, text_fingerprint(shim_str("t"), shim_str("e"), 5, shim_str("{}")));
    assert_int_not_equal(
        one, text_fingerprint(shim_str("t"), shim_str("d"), 6, shim_str("{}")));
    assert_int_not_equal(
        one, text_fingerprint(shim_str("t"), shim_str("d"), 5, shim_str("{\"a\":1}")));
}

/* ## Groups and buckets */

struct counter {
    struct group group;
    int count;
};

static void groups_find_what_they_were_given_in_order(void **state)
{
    struct groups groups;
    char names[300][8];
    int order = 0;

    (void)state;
    assert_int_equal(groups_open(&groups, &call, 1, sizeof(struct counter)), FARMIQ_OK);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 300; i++) {
            struct group_key key = { { shim_str("t") }, i % 3 };
            struct counter *counter;

            snprintf(names[i], sizeof names[i], "d%d", i / 3);
            key.part[3] = shim_str(names[i]);
            counter = groups_find(&groups, &call, &key);
            assert_int_equal(counter->count++, round);
        }
    assert_int_equal(groups.count, 300);
    for (struct group *group = groups.first; group; group = group->next, order++)
        assert_int_equal(group->key.number, order % 3);
    assert_int_equal(order, 300);
}

/* Where one text ends and the next begins is part of the key. */
static void groups_do_not_confuse_neighbouring_parts(void **state)
{
    struct group_key a = { { shim_str("ab"), shim_str("c") }, 0 };
    struct group_key b = { { shim_str("a"), shim_str("bc") }, 0 };
    struct groups groups;

    (void)state;
    assert_int_equal(groups_open(&groups, &call, 4, sizeof(struct counter)), FARMIQ_OK);
    assert_ptr_not_equal(groups_find(&groups, &call, &a),
                         groups_find(&groups, &call, &b));
    blocks_left = 0;
    a.number = 1;
    assert_null(groups_find(&groups, &call, &a));
    assert_int_equal(groups_open(&groups, &call, 4, sizeof(struct counter)),
                     FARMIQ_E_NOMEM);
}

static const struct bucket_size sizes[] = {
    { "1m", 60000 }, { "1h", 3600000 }, { "1d", 86400000 }, { 0 }
};

static struct reading reading_at(int64_t unix_ms, double value)
{
    return (struct reading){ .tenant_id = shim_str("t"),
                             .device_id = shim_str("d"),
                             .metric = shim_str("m"),
                             .value = value,
                             .occurred_at_unix_ms = unix_ms };
}

static void readings_gather_in_their_buckets(void **state)
{
    const struct reading readings[] = { reading_at(86400000, 1), reading_at(86400001, 4),
                                        reading_at(86459999, -2),
                                        reading_at(86460000, 8) };
    static const struct {
        const char *size;
        int64_t start;
        int count;
        double sum, squares, least, most, last;
    } wanted[] = {
        { "1m", 86400000, 3, 3, 21, -2, 4, -2 },
        { "1h", 86400000, 4, 11, 85, -2, 8, 8 },
        { "1d", 86400000, 4, 11, 85, -2, 8, 8 },
        { "1m", 86460000, 1, 8, 64, 8, 8, 8 },
    };
    const struct group *group;
    struct groups buckets;
    size_t i = 0;

    (void)state;
    assert_int_equal(groups_open(&buckets, &call, 4, sizeof(struct bucket)), FARMIQ_OK);
    for (size_t k = 0; k < 4; k++)
        assert_int_equal(buckets_add(&buckets, &call, sizes, &readings[k]), FARMIQ_OK);
    for (group = buckets.first; group; group = group->next, i++) {
        const struct bucket *bucket = (const struct bucket *)group;

        assert_string_equal(bucket->size->name, wanted[i].size);
        assert_int_equal(bucket->start_unix_ms, wanted[i].start);
        assert_int_equal(bucket->count, wanted[i].count);
        assert_true(bucket->sum == wanted[i].sum);
        assert_true(bucket->sum_of_squares == wanted[i].squares);
        assert_true(bucket->least == wanted[i].least && bucket->most == wanted[i].most);
        assert_true(bucket->last == wanted[i].last);
    }
    assert_int_equal(i, 4);
}

/* A late reading changes a bucket's extremes, but is not its last value. */
static void a_late_reading_is_not_the_last(void **state)
{
    const struct reading early = reading_at(60001, 5), late = reading_at(60000, 9);
    struct groups buckets, latest;

    (void)state;
    assert_int_equal(groups_open(&buckets, &call, 4, sizeof(struct bucket)), FARMIQ_OK);
    assert_int_equal(groups_open(&latest, &call, 4, sizeof(struct latest)), FARMIQ_OK);
    assert_int_equal(buckets_add(&buckets, &call, sizes, &early), FARMIQ_OK);
    assert_int_equal(buckets_add(&buckets, &call, sizes, &late), FARMIQ_OK);
    assert_true(((struct bucket *)buckets.first)->last == 5);
    assert_true(((struct bucket *)buckets.first)->most == 9);
    assert_int_equal(latest_add(&latest, &call, &early), FARMIQ_OK);
    assert_int_equal(latest_add(&latest, &call, &late), FARMIQ_OK);
    assert_int_equal(latest.count, 1);
    assert_ptr_equal(((struct latest *)latest.first)->reading, &early);
    assert_ptr_equal(bucket_size_find(sizes, shim_str("1h")), &sizes[1]);
    assert_null(bucket_size_find(sizes, shim_str("1w")));
}

static void values_that_cannot_be_summed_are_not_kept(void **state)
{
    (void)state;
    assert_true(reading_can_be_kept(0));
    assert_true(reading_can_be_kept(1e15) && reading_can_be_kept(-1e15));
    assert_false(reading_can_be_kept(1.1e15) || reading_can_be_kept(-1.1e15));
}

/* ## Questions */

static void ask_for(const char *name, const char *value)
{
    size_t i = 0;

    while (questions[i].name)
        i++;
    questions[i].name = name;
    questions[i].value = value;
}

static void a_question_is_read_with_its_defaults(void **state)
{
    struct ask ask = { &call, 0 };

    (void)state;
    ask_for("from", "1970-01-01T00:00:01Z");
    ask_for("deviceId", "d1");
    assert_int_equal(ask_time(&ask, ASK_FROM, 5), 1000);
    assert_int_equal(ask_time(&ask, ASK_TO, 5), 5);
    assert_int_equal(ask_limit(&ask, 100, 1000), 100);
    assert_text(ask_required(&ask, ASK_DEVICE), "d1");
    assert_text(ask_text(&ask, ASK_METRIC), "");
    assert_false(ask.is_refused);
}

static void the_first_fault_of_a_question_is_answered(void **state)
{
    struct ask ask = { &call, 0 };

    (void)state;
    ask_for("limit", "1001");
    ask_for("from", "yesterday");
    assert_int_equal(ask_limit(&ask, 100, 1000), 1001);
    assert_true(ask.is_refused);
    assert_string_equal(refusal, "limit is out of range");
    ask_time(&ask, ASK_FROM, 0);
    ask_required(&ask, ASK_TENANT);
    ask_refuse(&ask, "and this");
    assert_string_equal(refusal, "limit is out of range");
}

static void each_fault_names_its_parameter(void **state)
{
    static const char long_id[] =
        "0123456789012345678901234567890123456789012345678901234"
        "56789012345678901234567890123456789012345678901234567890"
        "123456789012345678";
    struct ask ask = { &call, 0 };

    (void)state;
    ask_required(&ask, ASK_TENANT);
    assert_string_equal(refusal, "tenantId is required");
    ask = (struct ask){ &call, 0 };
    ask_for("to", "2026-02-30T00:00:00Z");
    ask_time(&ask, ASK_TO, 0);
    assert_string_equal(refusal, "to is not an RFC 3339 time");
    ask = (struct ask){ &call, 0 };
    ask_for("barnId", long_id);
    assert_int_equal(strlen(long_id), 129);
    ask_text(&ask, ASK_BARN);
    assert_string_equal(refusal, "barnId is longer than 128 bytes");
}

/* ## Rows, scratch */

static void rows_become_objects_of_their_columns(void **state)
{
    static const struct rows_column columns[] = {
        { "name", ROWS_TEXT }, { "n", ROWS_INTEGER }, { "x", ROWS_REAL },
        { "at", ROWS_TIME },   { "is", ROWS_FLAG },   { 0 },
    };
    const struct farmiq_sql_value values[] = {
        farmiq_sql_text(shim_str("a\"b")), farmiq_sql_integer(-7), farmiq_sql_integer(2),
        farmiq_sql_integer(0), farmiq_sql_integer(1)
    };
    const struct farmiq_sql_value nulls[5] = { { 0 } };
    struct farmiq_json_writer json;
    struct rows rows = { &json, columns, 0 };
    char text[512];
    size_t len;

    (void)state;
    farmiq_json_begin(&json, text, sizeof text);
    farmiq_json_open(&json, '[');
    assert_int_equal(rows_write(&rows, 0, values, 5), 0);
    assert_int_equal(rows_write(&rows, 1, nulls, 5), 0);
    farmiq_json_close(&json, ']');
    assert_int_equal(farmiq_json_end(&json, &len), FARMIQ_OK);
    assert_string_equal(text, "[{\"name\":\"a\\\"b\",\"n\":-7,\"x\":2,"
                              "\"at\":\"1970-01-01T00:00:00.000Z\",\"is\":true},"
                              "{\"name\":null,\"n\":null,\"x\":null,\"at\":null,"
                              "\"is\":null}]");
    assert_int_equal(rows.count, 2);
}

/* Text that was decoded must survive the next message; text that was not costs nothing.
 */
static void a_scratch_is_used_again_unless_something_stayed_in_it(void **state)
{
    struct farmiq_json_member plain = { .name = "a" }, decoded = { .name = "a" };
    struct farmiq_json_member next = { .name = "a" };
    struct scratch scratch = { 0 };

    (void)state;
    assert_int_equal(
        scratch_members(&scratch, &call, shim_str("{\"a\":\"x\"}"), &plain, 1),
        FARMIQ_OK);
    assert_int_equal(block_count, 1);
    assert_int_equal(
        scratch_members(&scratch, &call, shim_str("{\"a\":\"\\u00b0C\"}"), &decoded, 1),
        FARMIQ_OK);
    assert_int_equal(block_count, 1);
    assert_int_equal(
        scratch_members(&scratch, &call, shim_str("{\"a\":\"\\u00b0F\"}"), &next, 1),
        FARMIQ_OK);
    assert_int_equal(block_count, 2);
    assert_text(decoded.text, "\xc2\xb0"
                              "C");
    assert_text(next.text, "\xc2\xb0"
                           "F");
    assert_int_equal(scratch_members(&scratch, &call, shim_str("{"), &plain, 1),
                     FARMIQ_E_SYNTAX);
}

static void an_event_is_parsed_and_kept(void **state)
{
    static const char json[] = "{\"event_id\":\"e\\u0031\",\"event_type\":\"a.b\","
                               "\"tenant_id\":\"t\",\"ts\":\"1970-01-01T00:00:00Z\","
                               "\"payload\":{}}";
    struct farmiq_event one, two;
    struct scratch scratch = { 0 };

    (void)state;
    farmiq_event_init(&one, sizeof one);
    farmiq_event_init(&two, sizeof two);
    assert_int_equal(scratch_event(&scratch, &call, shim_str(json), &one), FARMIQ_OK);
    assert_int_equal(scratch_event(&scratch, &call, shim_str(json), &two), FARMIQ_OK);
    assert_text(one.event_id, "e1");
    assert_text(two.event_id, "e1");
    assert_ptr_not_equal(one.event_id.ptr, two.event_id.ptr);
    blocks_left = 0;
    scratch.memory = NULL;
    assert_int_equal(scratch_event(&scratch, &call, shim_str(json), &two),
                     FARMIQ_E_NOMEM);
}

static void write_hundred(struct farmiq_json_writer *json, const void *ctx)
{
    ++*(int *)(uintptr_t)ctx;
    farmiq_json_open(json, '[');
    for (int i = 0; i < 100; i++)
        farmiq_json_int(json, 7);
    farmiq_json_close(json, ']');
}

static void a_document_larger_than_guessed_is_built_again(void **state)
{
    struct farmiq_str out;
    int calls = 0;

    (void)state;
    assert_int_equal(scratch_build(&call, 16, write_hundred, &calls, &out), FARMIQ_OK);
    assert_int_equal(calls, 2);
    assert_int_equal(out.len, 201);
    calls = 0;
    assert_int_equal(scratch_build(&call, 4096, write_hundred, &calls, &out), FARMIQ_OK);
    assert_int_equal(calls, 1);
}

/* ## The ingestion's order and its strict words */

static void sightings_are_sorted_by_id_and_stay_stable(void **state)
{
    static const char *const ids[] = { "m", "b", "b", "", "aa", "a", "\xff", "b" };
    enum { COUNT = sizeof ids / sizeof *ids };
    struct farmiq_sighting sightings[COUNT], *sorted;
    int seen = 0;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        farmiq_sighting_init(&sightings[i], sizeof sightings[i]);
        sightings[i].event_id = shim_str(ids[i]);
        sightings[i].next = i + 1 < COUNT ? &sightings[i + 1] : NULL;
    }
    sorted = ingestion_sort(&sightings[0]);
    for (struct farmiq_sighting *s = sorted; s; s = s->next, seen++) {
        char a[8], b[8];

        if (!s->next)
            continue;
        snprintf(a, sizeof a, "%.*s", (int)s->event_id.len, s->event_id.ptr);
        snprintf(b, sizeof b, "%.*s", (int)s->next->event_id.len, s->next->event_id.ptr);
        assert_true(strcmp(a, b) < 0 || (strcmp(a, b) == 0 && s < s->next));
    }
    assert_int_equal(seen, COUNT);
    assert_null(ingestion_sort(NULL));
}

static void strict_names_the_first_missing_member(void **state)
{
    struct farmiq_event event;

    (void)state;
    farmiq_event_init(&event, sizeof event);
    event.schema_version.len = 0; /* it begins as "1.0" */
#define STILL(text) assert_string_equal(ingestion_strict_fault(&event), text)
    STILL("Missing event_id");
    event.event_id = shim_str("e");
    STILL("Missing event_type");
    event.event_type = shim_str("a.b");
    STILL("Missing tenant_id");
    event.tenant_id = shim_str("t");
    STILL("Missing farm_id");
    event.farm_id = shim_str("f");
    STILL("Missing barn_id");
    event.barn_id = shim_str("b");
    STILL("Missing device_id or station_id");
    event.station_id = shim_str("s");
    event.refusal = "INVALID_TIME";
    STILL("Missing occurred_at");
    event.refusal = NULL;
    STILL("Missing trace_id");
    event.trace_id = shim_str("x");
    STILL("Missing schema_version");
    event.schema_version = shim_str("1.0");
    STILL("Missing payload");
    event.payload = shim_str("{}");
#undef STILL
    assert_null(ingestion_strict_fault(&event));
}

/* ## What a weigh-vision event says */

static struct weigh_fact read_fact(const char *event_type, const char *payload,
                                   int wanted)
{
    struct weigh_fact fact = { .kind = weigh_kind(shim_str(event_type)),
                               .session_id = shim_str("s-1") };
    struct scratch scratch = { 0 };
    const char *fault = NULL;
    int r = weigh_read(&fact, &scratch, &call, shim_str(payload), &fault);

    assert_int_equal(r, wanted);
    if (r != FARMIQ_OK)
        assert_non_null(fault);
    return fact;
}

#define WEIGHT "weighvision.weight.recorded"
#define IMAGE "weighvision.image.captured"
#define END "weighvision.session.finalized"

static void every_kind_of_fact_has_its_events(void **state)
{
    (void)state;
    assert_int_equal(weigh_kind(shim_str("weighvision.session.created")),
                     FARMIQ_SESSION_EV_CREATED);
    assert_int_equal(weigh_kind(shim_str(WEIGHT)), FARMIQ_SESSION_EV_WEIGHT);
    assert_int_equal(weigh_kind(shim_str("media.bound")), FARMIQ_SESSION_EV_IMAGE);
    assert_int_equal(weigh_kind(shim_str("media.stored")), FARMIQ_SESSION_EV_IMAGE);
    assert_int_equal(weigh_kind(shim_str("inference.completed")),
                     FARMIQ_SESSION_EV_INFERENCE);
    assert_int_equal(weigh_kind(shim_str(END)), FARMIQ_SESSION_EV_FINALIZED);
    assert_int_equal(weigh_kind(shim_str("weighvision.frame.uploaded")), 0);
    assert_int_equal(weigh_kind(shim_str("")), 0);
}

/* Spec edge 2.6: the first of weightKg, weight_kg, weight, value. */
static void a_weight_has_four_spellings(void **state)
{
    (void)state;
    assert_true(
        read_fact(WEIGHT, "{\"weightKg\":1.5,\"value\":9}", FARMIQ_OK).weight_kg == 1.5);
    assert_true(read_fact(WEIGHT, "{\"weight_kg\":2}", FARMIQ_OK).weight_kg == 2);
    assert_true(read_fact(WEIGHT, "{\"weight\":3}", FARMIQ_OK).weight_kg == 3);
    assert_true(read_fact(WEIGHT, "{\"value\":5000}", FARMIQ_OK).weight_kg == 5000);
    assert_true(
        read_fact(WEIGHT, "{\"weightKg\":null,\"value\":4}", FARMIQ_OK).weight_kg == 4);
    read_fact(WEIGHT, "{\"weightKg\":\"1\",\"value\":4}", FARMIQ_E_SCHEMA);
    read_fact(WEIGHT, "{}", FARMIQ_E_SCHEMA);
    read_fact(WEIGHT, "", FARMIQ_E_SCHEMA);
}

static void a_weight_that_no_animal_has_is_refused(void **state)
{
    (void)state;
    read_fact(WEIGHT, "{\"weight_kg\":0}", FARMIQ_E_RANGE);
    read_fact(WEIGHT, "{\"weight_kg\":-1}", FARMIQ_E_RANGE);
    read_fact(WEIGHT, "{\"weight_kg\":5000.01}", FARMIQ_E_RANGE);
    assert_int_equal(read_fact(WEIGHT, "[]", FARMIQ_E_SCHEMA).weight_kg, 0);
}

static void an_image_names_its_medium(void **state)
{
    (void)state;
    assert_text(read_fact(IMAGE, "{\"mediaObjectId\":\"m1\"}", FARMIQ_OK).media_id, "m1");
    assert_text(read_fact(IMAGE, "{\"media_id\":\"m2\"}", FARMIQ_OK).media_id, "m2");
    read_fact(IMAGE, "{\"media_id\":\"\"}", FARMIQ_E_SCHEMA);
    read_fact(IMAGE, "{\"media_id\":7}", FARMIQ_E_SCHEMA);
}

static void an_end_claims_what_it_claims_or_nothing(void **state)
{
    struct weigh_fact fact =
        read_fact(END, "{\"image_count\":3,\"final_weight_kg\":120.5}", FARMIQ_OK);

    (void)state;
    assert_int_equal(fact.image_count, 3);
    assert_true(fact.weight_kg == 120.5);
    fact = read_fact(END, "{\"image_count\":-1,\"final_weight_kg\":\"120\"}", FARMIQ_OK);
    assert_int_equal(fact.image_count, 0);
    assert_true(fact.weight_kg == 0);
}

static void a_payload_may_repeat_the_session_but_not_name_another(void **state)
{
    (void)state;
    read_fact(END, "{\"session_id\":\"s-1\"}", FARMIQ_OK);
    read_fact(END, "{\"session_id\":\"s-2\"}", FARMIQ_E_SCHEMA);
}

static void texts_compare_byte_by_byte(void **state)
{
    (void)state;
    assert_int_equal(text_compare(shim_str(""), shim_str("")), 0);
    assert_int_equal(text_compare(shim_str("ab"), shim_str("ab")), 0);
    assert_true(text_compare(shim_str("a"), shim_str("ab")) < 0);
    assert_true(text_compare(shim_str("b"), shim_str("ab")) > 0);
    assert_true(text_compare(shim_str("a"), shim_str("")) > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tidy)
    const struct CMUnitTest tests[] = {
        TEST(lists_are_taken_apart_at_their_separator),
        TEST(numbers_are_digits_and_nothing_else),
        TEST(numbers_are_written_and_parts_joined),
        TEST(secrets_are_equal_only_when_they_are),
        TEST(a_fingerprint_is_of_what_the_event_says),
        TEST(groups_find_what_they_were_given_in_order),
        TEST(groups_do_not_confuse_neighbouring_parts),
        TEST(readings_gather_in_their_buckets),
        TEST(a_late_reading_is_not_the_last),
        TEST(values_that_cannot_be_summed_are_not_kept),
        TEST(a_question_is_read_with_its_defaults),
        TEST(the_first_fault_of_a_question_is_answered),
        TEST(each_fault_names_its_parameter),
        TEST(rows_become_objects_of_their_columns),
        TEST(a_scratch_is_used_again_unless_something_stayed_in_it),
        TEST(an_event_is_parsed_and_kept),
        TEST(a_document_larger_than_guessed_is_built_again),
        TEST(sightings_are_sorted_by_id_and_stay_stable),
        TEST(strict_names_the_first_missing_member),
        TEST(every_kind_of_fact_has_its_events),
        TEST(a_weight_has_four_spellings),
        TEST(a_weight_that_no_animal_has_is_refused),
        TEST(an_image_names_its_medium),
        TEST(an_end_claims_what_it_claims_or_nothing),
        TEST(a_payload_may_repeat_the_session_but_not_name_another),
        TEST(texts_compare_byte_by_byte),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
