/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope: spec edge 2.5 to 2.7. Single rules are rows of docs/spec/envelope.md,
 * which test_spec runs; here is what no row can say. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/envelope.h>

#define TEXT(literal) literal, sizeof(literal) - 1

/* Seed 002, section 2.5, word for word. */
static const char seed[] = "{\n"
                           "  \"schema_version\": \"1.0\",\n"
                           "  \"event_id\": \"018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0001\",\n"
                           "  \"trace_id\": \"trace-id-123\",\n"
                           "  \"event_type\": \"telemetry.reading\",\n"
                           "  \"tenant_id\": \"018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0002\",\n"
                           "  \"device_id\": \"device-sensor-001\",\n"
                           "  \"ts\": \"2025-01-01T10:00:00Z\",\n"
                           "  \"payload\": {\n"
                           "    \"metric\": \"temperature\",\n"
                           "    \"value\": 26.4,\n"
                           "    \"unit\": \"C\"\n"
                           "  }\n"
                           "}";

/* Every member, and an escape in each that may have one. */
static const char full[] =
    "{\"schema_version\":\"1.\\u0030\",\"event_id\":\"e "
    "\\\"1\\\"\",\"trace_id\":\"t\\n\","
    "\"event_type\":\"a\\u002eb\",\"tenant_id\":\"\\u0074-001\",\"device_id\":\"d\","
    "\"ts\":\"2025-01-01T10:00:00\\u005a\",\"payload\":{\"x\":\"\\t\"},"
    "\"content_hash\":\"h\\/1\",\"retry_count\":3,"
    "\"produced_at\":\"2025-01-01T11:00:00+02:00\"}";

static int64_t scratch[FARMIQ_ENVELOPE_SCRATCH_BYTES / sizeof(int64_t)];
static struct farmiq_envelope env;
static struct farmiq_error error;

static int parse(const char *json, size_t len)
{
    farmiq_envelope_init(&env, sizeof env);
    farmiq_error_init(&error, sizeof error);
    return farmiq_envelope_parse(&env, NULL, json, len, scratch, sizeof scratch, &error);
}

static void assert_text(struct farmiq_str text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

static void reads_the_example_of_the_seed(void **state)
{
    (void)state;
    assert_int_equal(parse(TEXT(seed)), FARMIQ_OK);
    assert_text(env.schema_version, "1.0");
    assert_text(env.event_id, "018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0001");
    assert_text(env.trace_id, "trace-id-123");
    assert_text(env.event_type, "telemetry.reading");
    assert_text(env.tenant_id, "018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0002");
    assert_text(env.device_id, "device-sensor-001");
    assert_ptr_equal(env.payload.ptr, strstr(seed, "{\n    "));
    assert_int_equal(env.payload.ptr + env.payload.len - seed, sizeof seed - 3);
    assert_int_equal(env.ts_unix_ms, INT64_C(1735725600000));
    assert_int_equal(env.produced_at_unix_ms, env.ts_unix_ms);
    assert_int_equal(env.retry_count, 0);
    assert_int_equal(env.used_alias, 0);
    assert_int_equal(env.trace_id.ptr - seed, strstr(seed, "trace-id") - seed);
}

static void reads_every_member_and_decodes_what_is_escaped(void **state)
{
    (void)state;
    assert_int_equal(parse(TEXT(full)), FARMIQ_OK);
    assert_text(env.schema_version, "1.0");
    assert_text(env.event_id, "e \"1\"");
    assert_text(env.trace_id, "t\n");
    assert_text(env.event_type, "a.b");
    assert_text(env.tenant_id, "t-001");
    assert_text(env.payload, "{\"x\":\"\\t\"}");
    assert_text(env.content_hash, "h/1");
    assert_int_equal(env.retry_count, 3);
    assert_int_equal(env.ts_unix_ms, INT64_C(1735725600000));
    assert_int_equal(env.produced_at_unix_ms, INT64_C(1735722000000));
}

static void ts_wins_over_its_alias(void **state)
{
    static const char json[] =
        "{\"occurred_at\":7,\"ts\":\"2025-01-01T10:00:00Z\",\"schema_version\":\"1.0\","
        "\"event_id\":\"e\",\"event_type\":\"x\",\"tenant_id\":\"t\",\"device_id\":\"d\","
        "\"payload\":{}}";

    (void)state;
    assert_int_equal(parse(TEXT(json)), FARMIQ_OK);
    assert_int_equal(env.used_alias, 0);
    assert_int_equal(env.ts_unix_ms, INT64_C(1735725600000));
}

static void the_alias_stands_in_for_an_absent_or_null_ts(void **state)
{
    static const char *const starts[] = { "", "\"ts\":null," };

    (void)state;
    for (int i = 0; i < 2; i++) {
        char json[512];

        snprintf(json, sizeof json,
                 "{%s\"occurred_at\":\"2025-01-01T10:00:00Z\",\"schema_version\":\"1.0\","
                 "\"event_id\":\"e\",\"event_type\":\"x\",\"tenant_id\":\"t\","
                 "\"device_id\":\"d\",\"payload\":{}}",
                 starts[i]);
        assert_int_equal(parse(json, strlen(json)), FARMIQ_OK);
        assert_int_equal(env.used_alias, 1);
        assert_int_equal(env.ts_unix_ms, INT64_C(1735725600000));
    }
}

static void a_refusal_says_where(void **state)
{
    static const char json[] = "{\"schema_version\":\"1.0\",\"event_id\":42}";

    (void)state;
    assert_int_equal(parse(TEXT(json)), FARMIQ_E_SCHEMA);
    assert_string_equal(error.field, "event_id");
    assert_int_equal(error.offset, strstr(json, "42") - json);
    assert_int_equal(parse(TEXT("{}")), FARMIQ_E_SCHEMA);
    assert_string_equal(error.field, "schema_version");
    assert_int_equal(error.offset, FARMIQ_NO_OFFSET);
}

static void a_failure_leaves_the_output_alone(void **state)
{
    struct farmiq_envelope before;

    (void)state;
    memset(&env, 0x5a, sizeof env);
    env.size = sizeof env;
    before = env;
    for (size_t len = 0; len < sizeof seed - 1; len++) {
        assert_true(farmiq_envelope_parse(&env, NULL, seed, len, scratch, sizeof scratch,
                                          NULL) < 0);
        assert_memory_equal(&env, &before, sizeof env);
    }
}

static int is_inside(struct farmiq_str text, const char *json, size_t len)
{
    const char *memory = (const char *)scratch;
    static const char version[] = "1.0";

    if (text.len == 0)
        return 1;
    if (text.ptr >= json && text.ptr + text.len <= json + len)
        return 1;
    if (text.ptr >= memory && text.ptr + text.len <= memory + sizeof scratch)
        return 1;
    return text.len == 3 && memcmp(text.ptr, version, 3) == 0;
}

static void assert_all_inside(const char *json, size_t len)
{
    assert_true(is_inside(env.schema_version, json, len));
    assert_true(is_inside(env.event_id, json, len));
    assert_true(is_inside(env.trace_id, json, len));
    assert_true(is_inside(env.event_type, json, len));
    assert_true(is_inside(env.tenant_id, json, len));
    assert_true(is_inside(env.device_id, json, len));
    assert_true(is_inside(env.payload, json, len));
    assert_true(is_inside(env.content_hash, json, len));
}

/* Sanitizers see a read past `copy`, which is exactly as long as the message. */
static void no_changed_byte_and_no_cut_gets_out_of_the_buffers(void **state)
{
    static const char *const messages[] = { seed, full };

    (void)state;
    for (int m = 0; m < 2; m++) {
        size_t len = strlen(messages[m]);
        char *copy = test_malloc(len);

        for (size_t at = 0; at < len; at++) {
            assert_true(parse(messages[m], at) < 0);
            for (int c = 0; c < 256; c++) {
                memcpy(copy, messages[m], len);
                copy[at] = (char)c;
                if (parse(copy, len) == FARMIQ_OK)
                    assert_all_inside(copy, len);
            }
        }
        test_free(copy);
    }
}

static void unescaped_envelopes_need_4096_bytes_of_scratch(void **state)
{
    struct farmiq_envelope out = { .size = sizeof out };

    (void)state;
    assert_int_equal(
        farmiq_envelope_parse(&out, NULL, TEXT(seed), scratch, sizeof scratch, NULL),
        FARMIQ_OK);
    assert_int_equal(farmiq_envelope_parse(&out, NULL, TEXT(seed), scratch, 1024, NULL),
                     FARMIQ_E_NOSPACE);
}

static void the_size_limit_is_exact(void **state)
{
    static char json[FARMIQ_ENVELOPE_MAX_BYTES + 1];

    (void)state;
    memset(json, ' ', sizeof json);
    memcpy(json, seed, sizeof seed - 1);
    assert_int_equal(parse(json, FARMIQ_ENVELOPE_MAX_BYTES), FARMIQ_OK);
    assert_int_equal(parse(json, FARMIQ_ENVELOPE_MAX_BYTES + 1), FARMIQ_E_RANGE);
    assert_int_equal(error.offset, FARMIQ_ENVELOPE_MAX_BYTES);
}

static void null_and_short_structs_are_refused(void **state)
{
    struct farmiq_envelope out = { .size = 8 };
    struct farmiq_envelope_rules rules = { .size = 4 };
    size_t len;

    (void)state;
    farmiq_envelope_init(&env, sizeof env);
    assert_int_equal(farmiq_envelope_parse(NULL, NULL, "{}", 2, scratch, 4096, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_envelope_parse(&out, NULL, "{}", 2, scratch, 4096, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_envelope_parse(&env, &rules, "{}", 2, scratch, 4096, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_envelope_parse(&env, NULL, NULL, 2, scratch, 4096, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_envelope_parse(&env, NULL, "{}", 2, NULL, 4096, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_envelope_write(NULL, NULL, 0, &len), FARMIQ_E_ARG);
    assert_int_equal(farmiq_envelope_write(&env, NULL, 0, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_envelope_check_topic(NULL, NULL, NULL), FARMIQ_E_ARG);
}

/* ## Writing */

static void writes_the_canonical_form(void **state)
{
    char text[1024];
    size_t len;

    (void)state;
    assert_int_equal(parse(TEXT(full)), FARMIQ_OK);
    assert_int_equal(farmiq_envelope_write(&env, text, sizeof text, &len), FARMIQ_OK);
    assert_string_equal(
        text,
        "{\"schema_version\":\"1.0\",\"event_id\":\"e \\\"1\\\"\",\"trace_id\":\"t\\n\","
        "\"event_type\":\"a.b\",\"tenant_id\":\"t-001\",\"device_id\":\"d\","
        "\"ts\":\"2025-01-01T10:00:00.000Z\",\"payload\":{\"x\":\"\\t\"},"
        "\"content_hash\":\"h/1\",\"retry_count\":3,"
        "\"produced_at\":\"2025-01-01T09:00:00.000Z\"}");
    assert_int_equal(len, strlen(text));
    env.retry_count = 1;
    assert_int_equal(farmiq_envelope_write(&env, text, sizeof text, &len), FARMIQ_OK);
    assert_non_null(strstr(text, "\"retry_count\":1,"));
}

static void what_is_written_reads_back_equal_at_every_buffer_size(void **state)
{
    static int64_t scratch2[4096 / sizeof(int64_t)];
    struct farmiq_envelope again = { .size = sizeof again };
    char text[1024], text2[1024];
    size_t len, len2, needed;

    (void)state;
    assert_int_equal(parse(TEXT(full)), FARMIQ_OK);
    assert_int_equal(farmiq_envelope_write(&env, NULL, 0, &needed), FARMIQ_E_NOSPACE);
    for (size_t room = 0; room <= needed; room++) {
        memset(text, '#', sizeof text);
        assert_int_equal(farmiq_envelope_write(&env, text, room, &len), FARMIQ_E_NOSPACE);
        assert_int_equal(len, needed);
        assert_int_equal(text[room], '#');
    }
    assert_int_equal(farmiq_envelope_write(&env, text, needed + 1, &len), FARMIQ_OK);
    assert_int_equal(
        farmiq_envelope_parse(&again, NULL, text, len, scratch2, sizeof scratch2, NULL),
        FARMIQ_OK);
    assert_int_equal(farmiq_envelope_write(&again, text2, sizeof text2, &len2),
                     FARMIQ_OK);
    assert_string_equal(text2, text);
    assert_int_equal(again.ts_unix_ms, env.ts_unix_ms);
    assert_int_equal(again.produced_at_unix_ms, env.produced_at_unix_ms);
}

static void what_json_cannot_hold_is_not_written(void **state)
{
    char text[1024];
    size_t len;

    (void)state;
    assert_int_equal(parse(TEXT(seed)), FARMIQ_OK);
    env.ts_unix_ms = -1;
    assert_int_equal(farmiq_envelope_write(&env, text, sizeof text, &len),
                     FARMIQ_E_RANGE);
    assert_int_equal(parse(TEXT(seed)), FARMIQ_OK);
    env.event_id = (struct farmiq_str){ "\xff", 1 };
    assert_int_equal(farmiq_envelope_write(&env, text, sizeof text, &len),
                     FARMIQ_E_RANGE);
    assert_int_equal(parse(TEXT(seed)), FARMIQ_OK);
    env.payload.len = 0;
    assert_int_equal(farmiq_envelope_write(&env, text, sizeof text, &len), FARMIQ_E_ARG);
}

/* ## The topic: spec edge 2.7, steps 4 to 7 */

static void agreement_is_checked_per_kind(void **state)
{
    static const struct {
        const char *topic;
        const char *tenant_id;
        const char *device_id;
        const char *event_type;
        int code;
        const char *field;
    } rows[] = {
#define OF "iot/telemetry/t/f/b/d/temperature"
        { OF, "t", "d", "telemetry.reading", FARMIQ_OK, "" },
        { OF, "T", "d", "telemetry.reading", FARMIQ_E_TENANT, "tenant_id" },
        { OF, "t2", "d", "telemetry.reading", FARMIQ_E_TENANT, "tenant_id" },
        { OF, "t", "e", "telemetry.reading", FARMIQ_E_SCHEMA, "device_id" },
        { OF, "t", "d", "temperature", FARMIQ_E_SCHEMA, "event_type" },
        { OF, "t", "d", "sensor.heartbeat", FARMIQ_E_SCHEMA, "event_type" },
#undef OF
#define OF "iot/event/t/f/b/d/sensor.heartbeat"
        { OF, "t", "d", "sensor.heartbeat", FARMIQ_OK, "" },
        { OF, "x", "d", "sensor.heartbeat", FARMIQ_E_TENANT, "tenant_id" },
        { OF, "t", "e", "sensor.heartbeat", FARMIQ_E_SCHEMA, "device_id" },
        { OF, "t", "d", "feed.dispensed", FARMIQ_E_SCHEMA, "event_type" },
#undef OF
#define OF "iot/weighvision/t/f/b/st-01/session/s-1/created"
        { OF, "t", "any", "weighvision.session.created", FARMIQ_OK, "" },
        { OF, "x", "any", "weighvision.session.created", FARMIQ_E_TENANT, "tenant_id" },
        { OF, "t", "any", "created", FARMIQ_E_SCHEMA, "event_type" },
        { OF, "t", "any", "weighvision.session.finalized", FARMIQ_E_SCHEMA,
          "event_type" },
#undef OF
        { "iot/weighvision/t/f/b/st-01/session/s-1/weighvision.session.created", "t",
          "any", "weighvision.session.created", FARMIQ_OK, "" },
#define OF "iot/status/t/f/b/d"
        { OF, "t", "d", "whatever", FARMIQ_OK, "" },
        { OF, "x", "d", "whatever", FARMIQ_E_TENANT, "tenant_id" },
        { OF, "t", "e", "device.status", FARMIQ_E_SCHEMA, "device_id" },
#undef OF
        { "iot/ack/t/f/b/d", "t", "d", "device.status", FARMIQ_E_SCHEMA, "topic" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct farmiq_topic topic = { .size = sizeof topic };
        int r;

        farmiq_envelope_init(&env, sizeof env);
        farmiq_error_init(&error, sizeof error);
        env.tenant_id =
            (struct farmiq_str){ rows[i].tenant_id, strlen(rows[i].tenant_id) };
        env.device_id =
            (struct farmiq_str){ rows[i].device_id, strlen(rows[i].device_id) };
        env.event_type =
            (struct farmiq_str){ rows[i].event_type, strlen(rows[i].event_type) };
        assert_int_equal(
            farmiq_topic_parse(&topic, rows[i].topic, strlen(rows[i].topic), NULL),
            FARMIQ_OK);
        r = farmiq_envelope_check_topic(&env, &topic, &error);
        if (r != rows[i].code || strcmp(error.field, rows[i].field) != 0)
            fail_msg("row %zu: %s in '%s'", i, farmiq_errname(r), error.field);
    }
}

static void an_envelope_without_ids_agrees_with_no_topic(void **state)
{
    struct farmiq_topic topic = { .size = sizeof topic };

    (void)state;
    farmiq_envelope_init(&env, sizeof env);
    assert_int_equal(farmiq_topic_parse(&topic, TEXT("iot/status/t/f/b/d"), NULL),
                     FARMIQ_OK);
    assert_int_equal(farmiq_envelope_check_topic(&env, &topic, NULL), FARMIQ_E_TENANT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_example_of_the_seed),
        cmocka_unit_test(reads_every_member_and_decodes_what_is_escaped),
        cmocka_unit_test(ts_wins_over_its_alias),
        cmocka_unit_test(the_alias_stands_in_for_an_absent_or_null_ts),
        cmocka_unit_test(a_refusal_says_where),
        cmocka_unit_test(a_failure_leaves_the_output_alone),
        cmocka_unit_test(no_changed_byte_and_no_cut_gets_out_of_the_buffers),
        cmocka_unit_test(unescaped_envelopes_need_4096_bytes_of_scratch),
        cmocka_unit_test(the_size_limit_is_exact),
        cmocka_unit_test(null_and_short_structs_are_refused),
        cmocka_unit_test(writes_the_canonical_form),
        cmocka_unit_test(what_is_written_reads_back_equal_at_every_buffer_size),
        cmocka_unit_test(what_json_cannot_hold_is_not_written),
        cmocka_unit_test(agreement_is_checked_per_kind),
        cmocka_unit_test(an_envelope_without_ids_agrees_with_no_topic),
    };

    return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
