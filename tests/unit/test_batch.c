/* SPDX-License-Identifier: Apache-2.0 */
/* The batch and its answer: spec edge 6.5, 6.6, 13-A8, 13-C20; cloud 1.2
 * to 1.4, 1.8, 2.4. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/batch.h>

#define TEXT(literal) literal, sizeof(literal) - 1
#define STR(literal)                                                                     \
    (struct farmiq_str) { literal, sizeof(literal) - 1 }

static int64_t scratch[65536 / sizeof(int64_t)];
static struct farmiq_batch batch;
static struct farmiq_event event;
static struct farmiq_batch_answer answer;
static struct farmiq_error error;

static int parse(const char *json, size_t len)
{
    farmiq_batch_init(&batch, sizeof batch);
    farmiq_error_init(&error, sizeof error);
    return farmiq_batch_parse(&batch, json, len, scratch, sizeof scratch, &error);
}

static int parse_event(const char *json)
{
    event = (struct farmiq_event){ .size = sizeof event };
    farmiq_error_init(&error, sizeof error);
    return farmiq_event_parse(&event, json, strlen(json), scratch, 4096, &error);
}

static int parse_answer(const char *json)
{
    farmiq_batch_answer_init(&answer, sizeof answer);
    farmiq_error_init(&error, sizeof error);
    return farmiq_batch_answer_parse(&answer, json, strlen(json), scratch, sizeof scratch,
                                     &error);
}

static void assert_text(struct farmiq_str text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

/* ## Writing */

static const struct farmiq_event sample = {
    .size = sizeof sample,
    .event_id = { TEXT("018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0001") },
    .event_type = { TEXT("telemetry.ingested") },
    .tenant_id = { TEXT("t-001") },
    .farm_id = { TEXT("f-001") },
    .barn_id = { TEXT("b-001") },
    .device_id = { TEXT("d-001") },
    .station_id = { TEXT("st-01") },
    .session_id = { TEXT("s-123") },
    .batch_id = { TEXT("flock \"7\"") },
    .trace_id = { TEXT("trace-1") },
    .schema_version = { TEXT("1.0") },
    .payload = { TEXT("{\"metric_value\":26.4}") },
    .occurred_at_unix_ms = INT64_C(1735725600123),
};

#define SAMPLE                                                                           \
    "{\"event_id\":\"018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0001\","                            \
    "\"event_type\":\"telemetry.ingested\",\"tenant_id\":\"t-001\","                     \
    "\"farm_id\":\"f-001\",\"barn_id\":\"b-001\",\"device_id\":\"d-001\","               \
    "\"station_id\":\"st-01\",\"session_id\":\"s-123\",\"batch_id\":\"flock "            \
    "\\\"7\\\"\","                                                                       \
    "\"occurred_at\":\"2025-01-01T10:00:00.123Z\",\"trace_id\":\"trace-1\","             \
    "\"schema_version\":\"1.0\",\"payload\":{\"metric_value\":26.4}}"

static void open_batch(struct farmiq_json_writer *w, char *text, size_t room)
{
    farmiq_batch_open(w, text, room, STR("t-001"), STR("edge-01"), STR(""),
                      INT64_C(1735689600000));
}

/* Spec edge 14.2: the body whose signature is a known vector. */
static void an_empty_batch_is_the_vector_of_the_specification(void **state)
{
    struct farmiq_json_writer w;
    char text[256];
    size_t len;

    (void)state;
    open_batch(&w, text, sizeof text);
    assert_int_equal(farmiq_batch_close(&w, &len), FARMIQ_OK);
    assert_string_equal(text, "{\"tenant_id\":\"t-001\",\"edge_id\":\"edge-01\","
                              "\"sent_at\":\"2025-01-01T00:00:00.000Z\",\"events\":[]}");
    assert_int_equal(len, strlen(text));
}

static void events_are_written_in_full_and_separated(void **state)
{
    struct farmiq_event bare = { .size = sizeof bare,
                                 .event_id = STR("e2"),
                                 .event_type = STR("x"),
                                 .tenant_id = STR("t-001"),
                                 .payload = STR("{}") };
    struct farmiq_json_writer w;
    char text[2048];
    size_t len;

    (void)state;
    farmiq_batch_open(&w, text, sizeof text, STR("t-001"), STR(""), STR("b-9"), 0);
    assert_int_equal(farmiq_batch_add(&w, STR("t-001"), &sample), FARMIQ_OK);
    assert_int_equal(farmiq_batch_add(&w, STR("t-001"), &bare), FARMIQ_OK);
    assert_int_equal(farmiq_batch_close(&w, &len), FARMIQ_OK);
    assert_string_equal(
        text, "{\"tenant_id\":\"t-001\",\"batch_id\":\"b-9\","
              "\"sent_at\":\"1970-01-01T00:00:00.000Z\",\"events\":[" SAMPLE
              ",{\"event_id\":\"e2\",\"event_type\":\"x\",\"tenant_id\":\"t-001\","
              "\"occurred_at\":\"1970-01-01T00:00:00.000Z\",\"payload\":{}}]}");
}

static void a_foreign_tenant_is_not_added(void **state)
{
    struct farmiq_json_writer w, before;
    char text[2048];

    (void)state;
    open_batch(&w, text, sizeof text);
    before = w;
    assert_int_equal(farmiq_batch_add(&w, STR("t-002"), &sample), FARMIQ_E_TENANT);
    assert_int_equal(farmiq_batch_add(&w, STR("t-00"), &sample), FARMIQ_E_TENANT);
    assert_memory_equal(&w, &before, sizeof w);
}

/* 13-A8: a payload that looks like an event is still a payload. */
static void a_payload_never_replaces_its_event(void **state)
{
    static const char payload[] =
        "{\"event_id\":\"other\",\"event_type\":\"x\",\"tenant_id\":\"t-002\"}";
    struct farmiq_event wolf = sample;
    struct farmiq_json_writer w;
    char text[2048];
    size_t len;

    (void)state;
    wolf.payload = (struct farmiq_str){ TEXT(payload) };
    open_batch(&w, text, sizeof text);
    assert_int_equal(farmiq_batch_add(&w, STR("t-001"), &wolf), FARMIQ_OK);
    assert_int_equal(farmiq_batch_close(&w, &len), FARMIQ_OK);
    assert_int_equal(parse(text, len), FARMIQ_OK);
    assert_text(batch.first->event_id, "018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0001");
    assert_text(batch.first->tenant_id, "t-001");
    assert_text(batch.first->payload, payload);
}

/* Whatever the room, the batch that comes out is whole and inside it. */
static void a_full_batch_can_still_be_closed_at_every_size(void **state)
{
    char text[2048];

    (void)state;
    for (size_t room = 0; room < 1400; room++) {
        struct farmiq_json_writer w;
        uint32_t added = 0;
        size_t len;
        int r;

        memset(text, '#', sizeof text);
        open_batch(&w, text, room);
        while ((r = farmiq_batch_add(&w, STR("t-001"), &sample)) == FARMIQ_OK)
            added++;
        assert_int_equal(r, FARMIQ_E_NOSPACE);
        r = farmiq_batch_close(&w, &len);
        assert_int_equal(text[room], '#');
        if (r == FARMIQ_OK) {
            assert_int_equal(parse(text, len), FARMIQ_OK);
            assert_int_equal(batch.event_count, added);
        } else {
            assert_int_equal(r, FARMIQ_E_NOSPACE);
            assert_int_equal(added, 0);
        }
    }
}

static void a_batch_that_fits_exactly_is_written(void **state)
{
    struct farmiq_json_writer w;
    char text[2048];
    size_t len, again;

    (void)state;
    open_batch(&w, text, sizeof text);
    assert_int_equal(farmiq_batch_add(&w, STR("t-001"), &sample), FARMIQ_OK);
    assert_int_equal(farmiq_batch_close(&w, &len), FARMIQ_OK);
    open_batch(&w, text, len + 1);
    assert_int_equal(farmiq_batch_add(&w, STR("t-001"), &sample), FARMIQ_OK);
    assert_int_equal(farmiq_batch_close(&w, &again), FARMIQ_OK);
    assert_int_equal(again, len);
    open_batch(&w, text, len);
    assert_int_equal(farmiq_batch_add(&w, STR("t-001"), &sample), FARMIQ_E_NOSPACE);
}

static void an_event_that_json_cannot_hold_is_not_added(void **state)
{
    struct farmiq_event bad = sample;
    struct farmiq_json_writer w;
    char text[2048];
    size_t len;

    (void)state;
    open_batch(&w, text, sizeof text);
    bad.farm_id = STR("\xc0\x80");
    assert_int_equal(farmiq_batch_add(&w, STR("t-001"), &bad), FARMIQ_E_RANGE);
    bad = sample;
    bad.occurred_at_unix_ms = -1;
    assert_int_equal(farmiq_batch_add(&w, STR("t-001"), &bad), FARMIQ_E_RANGE);
    bad = sample;
    bad.payload = STR("");
    assert_int_equal(farmiq_batch_add(&w, STR("t-001"), &bad), FARMIQ_E_ARG);
    assert_int_equal(farmiq_batch_close(&w, &len), FARMIQ_OK);
    assert_non_null(strstr(text, "\"events\":[]"));
}

/* ## Reading events */

static void what_is_written_reads_back_equal(void **state)
{
    struct farmiq_json_writer w;
    char text[2048];
    size_t len;

    (void)state;
    assert_int_equal(parse_event(SAMPLE), FARMIQ_OK);
    assert_null(event.refusal);
    farmiq_json_begin(&w, text, sizeof text);
    farmiq_event_write(&w, &event);
    assert_int_equal(farmiq_json_end(&w, &len), FARMIQ_OK);
    assert_string_equal(text, SAMPLE);
    assert_int_equal(event.occurred_at_unix_ms, sample.occurred_at_unix_ms);
    assert_text(event.batch_id, "flock \"7\"");
}

#define ID "\"event_id\":\"e\""
#define TYPE "\"event_type\":\"x.y\""
#define TENANT "\"tenant_id\":\"t\""
#define TIME "\"occurred_at\":\"2025-01-01T10:00:00Z\""
#define PAYLOAD "\"payload\":{}"
#define EVENT "{" ID "," TYPE "," TENANT "," TIME "," PAYLOAD "}"
#define WITH(member) "{" ID "," TYPE "," TENANT "," TIME "," PAYLOAD "," member "}"
#define A16 "aaaaaaaaaaaaaaaa"
#define A128 A16 A16 A16 A16 A16 A16 A16 A16

static const struct {
    const char *json;
    const char *refusal; /* NULL: accepted */
    const char *event_id;
} verdicts[] = {
    { EVENT, NULL, "e" },
    { "null", "INVALID_EVENT", "" },
    { "5 ", "INVALID_EVENT", "" },
    { "\"text\"", "INVALID_EVENT", "" },
    { "[]", "INVALID_EVENT", "" },
    { "{}", "MISSING_EVENT_ID", "" },
    { "{" TYPE "," TENANT "," TIME "," PAYLOAD "}", "MISSING_EVENT_ID", "" },
    { "{\"event_id\":null," TYPE "," TENANT "," TIME "," PAYLOAD "}", "MISSING_EVENT_ID",
      "" },
    { "{\"event_id\":\"\"," TYPE "," TENANT "," TIME "," PAYLOAD "}", "MISSING_EVENT_ID",
      "" },
    { "{\"event_id\":7," TYPE "," TENANT "," TIME "," PAYLOAD "}", "MISSING_EVENT_ID",
      "" },
    { "{\"event_id\":\"" A128 "\"," TYPE "," TENANT "," TIME "," PAYLOAD "}", NULL,
      A128 },
    { "{\"event_id\":\"" A128 "a\"," TYPE "," TENANT "," TIME "," PAYLOAD "}",
      "MISSING_EVENT_ID", "" },
    { "{" ID "," TENANT "," TIME "," PAYLOAD "}", "UNKNOWN_EVENT_TYPE", "e" },
    { "{" ID "," TYPE "," TIME "," PAYLOAD "}", "TENANT_MISMATCH", "e" },
    { "{" ID "," TYPE "," TENANT "," PAYLOAD "}", "INVALID_TIME", "e" },
    { "{" ID "," TYPE "," TENANT ",\"occurred_at\":null," PAYLOAD "}", "INVALID_TIME",
      "e" },
    { "{" ID "," TYPE "," TENANT ",\"occurred_at\":1735725600," PAYLOAD "}",
      "INVALID_TIME", "e" },
    { "{" ID "," TYPE "," TENANT ",\"occurred_at\":\"yesterday\"," PAYLOAD "}",
      "INVALID_TIME", "e" },
    { "{" ID "," TYPE "," TENANT ",\"occurred_at\":\"1969-12-31T23:59:59Z\"," PAYLOAD "}",
      "INVALID_TIME", "e" },
    { "{" ID "," TYPE "," TENANT ",\"ts\":\"2025-01-01T10:00:00Z\"," PAYLOAD "}", NULL,
      "e" },
    { "{" ID "," TYPE "," TENANT "," TIME "}", "INVALID_PAYLOAD", "e" },
    { "{" ID "," TYPE "," TENANT "," TIME ",\"payload\":null}", "INVALID_PAYLOAD", "e" },
    { "{" ID "," TYPE "," TENANT "," TIME ",\"payload\":0}", "INVALID_PAYLOAD", "e" },
    { "{" ID "," TYPE "," TENANT "," TIME ",\"payload\":[]}", "INVALID_PAYLOAD", "e" },
    { "{" ID "," TYPE "," TENANT "," TIME ",\"payload\":{\"a\":1e999}}",
      "INVALID_PAYLOAD", "e" },
    { "{" ID "," TYPE "," TENANT "," TIME ",\"payload\":{\"a\":[\"\\u0000\"]}}",
      "INVALID_PAYLOAD", "e" },
    { "{" ID "," TYPE "," TENANT "," TIME ",\"payload\":{\"a\":\"\\udc00\"}}",
      "INVALID_PAYLOAD", "e" },
    { WITH("\"note\":\"\\u0000\""), "INVALID_EVENT", "e" },
    { WITH("\"note\":1e400"), "INVALID_EVENT", "e" },
    { WITH("\"event_id\\u0000x\":1"), "INVALID_EVENT", "e" },
    { WITH("\"farm_id\\ud800\":1"), "INVALID_EVENT", "e" },
    { WITH("\"farm_id\":\"\\ud800\""), "INVALID_EVENT", "e" },
    { "{\"event_id\":\"e\\udc00\"," TYPE "," TENANT "," TIME "," PAYLOAD "}",
      "INVALID_EVENT", "" },
    { "{\"event_id\":\"e\\u0000\"," TYPE "," TENANT "," TIME "," PAYLOAD "}",
      "INVALID_EVENT", "" },
    { WITH("\"tenant_id\":\"t2\""), "INVALID_EVENT", "e" },
    { WITH("\"payload\":{}"), "INVALID_PAYLOAD", "e" },
    { WITH("\"schema_version\":null"), NULL, "e" },
    { WITH("\"schema_version\":1"), "UNSUPPORTED_SCHEMA", "e" },
    { WITH("\"farm_id\":null"), NULL, "e" },
    { WITH("\"farm_id\":\"\""), NULL, "e" },
    { WITH("\"farm_id\":7"), "INVALID_EVENT", "e" },
    { WITH("\"trace_id\":{}"), "INVALID_EVENT", "e" },
    { WITH("\"session_id\":\"" A128 "a\""), "INVALID_EVENT", "e" },
    { WITH("\"idempotency_key\":\"t:e\",\"retry_count\":-1"), NULL, "e" },
    { WITH("\"unknown\":{\"event_id\":\"x\",\"deep\":[[[]]]}"), NULL, "e" },
};
#define VERDICTS (sizeof verdicts / sizeof *verdicts)

static void assert_verdict(const struct farmiq_event *e, size_t row)
{
    if (verdicts[row].refusal == NULL
            ? e->refusal != NULL
            : e->refusal == NULL || strcmp(e->refusal, verdicts[row].refusal) != 0)
        fail_msg("%s: %s (%s)", verdicts[row].json, e->refusal, e->refusal_text);
    assert_text(e->event_id, verdicts[row].event_id);
    if (e->refusal)
        assert_true(e->refusal_text && e->refusal_text[0]);
}

static void every_event_gets_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < VERDICTS; i++) {
        assert_int_equal(parse_event(verdicts[i].json), FARMIQ_OK);
        assert_verdict(&event, i);
    }
}

/* The same events as neighbours in one batch: each verdict is its own. */
static void no_element_disturbs_its_neighbours(void **state)
{
    static char json[32768];
    size_t len = (size_t)sprintf(json, "{\"events\":[");
    const struct farmiq_event *e;
    size_t i = 0;

    (void)state;
    for (size_t row = 0; row < VERDICTS; row++)
        len += (size_t)sprintf(json + len, "%s%s," EVENT, row ? "," : "",
                               verdicts[row].json);
    len += (size_t)sprintf(json + len, "],\"tenant_id\":\"t\"}");
    assert_int_equal(parse(json, len), FARMIQ_OK);
    assert_int_equal(batch.event_count, 2 * VERDICTS);
    for (e = batch.first; e; e = e->next, i++) {
        assert_int_equal(e->index, i);
        assert_verdict(e, i % 2 ? 0 : i / 2);
    }
    assert_int_equal(i, 2 * VERDICTS);
}

static void absent_schema_version_is_1_0(void **state)
{
    (void)state;
    assert_int_equal(parse_event(EVENT), FARMIQ_OK);
    assert_text(event.schema_version, "1.0");
    assert_int_equal(parse_event(WITH("\"schema_version\":\"1.1.0\"")), FARMIQ_OK);
    assert_text(event.schema_version, "1.1.0");
}

static void occurred_at_wins_over_ts(void **state)
{
    (void)state;
    assert_int_equal(parse_event(WITH("\"ts\":\"1999-01-01T00:00:00Z\"")), FARMIQ_OK);
    assert_null(event.refusal);
    assert_int_equal(event.occurred_at_unix_ms, INT64_C(1735725600000));
}

static void text_that_is_no_json_is_no_event(void **state)
{
    (void)state;
    assert_int_equal(parse_event(""), FARMIQ_E_SYNTAX);
    assert_int_equal(parse_event("{\"event_id\":"), FARMIQ_E_SYNTAX);
    assert_int_equal(parse_event(EVENT EVENT), FARMIQ_E_SYNTAX);
    assert_int_equal(farmiq_event_parse(&event, TEXT(EVENT), scratch, 64, NULL),
                     FARMIQ_E_NOSPACE);
    assert_int_equal(farmiq_event_parse(NULL, TEXT(EVENT), scratch, 4096, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_event_parse(&event, NULL, 2, scratch, 4096, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_event_parse(&event, TEXT(EVENT), NULL, 4096, NULL),
                     FARMIQ_E_ARG);
}

/* ## Reading batches */

static void reads_the_head_in_any_order(void **state)
{
    static const char json[] = "{\"events\":[" EVENT "],\"sent_at\":\"whenever\","
                               "\"batchId\":\"b-1\",\"edge_id\":\"edge\\u002d1\","
                               "\"tenant_id\":\"t\",\"more\":[{\"events\":[]}]}";

    (void)state;
    assert_int_equal(parse(TEXT(json)), FARMIQ_OK);
    assert_text(batch.tenant_id, "t");
    assert_text(batch.edge_id, "edge-1");
    assert_text(batch.batch_id, "b-1");
    assert_int_equal(batch.event_count, 1);
    assert_null(batch.first->next);
}

static void only_events_are_events(void **state)
{
    static const char json[] =
        "{\"tenant_id\":\"t\",\"edge_id\":[" EVENT "," EVENT "],\"batch_id\":[7],"
        "\"events\":[" EVENT "]}";

    (void)state;
    assert_int_equal(parse(TEXT(json)), FARMIQ_OK);
    assert_int_equal(batch.event_count, 1);
    assert_int_equal(batch.edge_id.len, 0);
    assert_int_equal(batch.batch_id.len, 0);
}

static void a_refusal_of_the_batch_says_where(void **state)
{
    (void)state;
    assert_int_equal(parse(TEXT("{\"tenant_id\":\"t\"}")), FARMIQ_E_SCHEMA);
    assert_int_equal(error.offset, FARMIQ_NO_OFFSET);
    assert_int_equal(parse(TEXT("{\"tenant_id\":\"t\",\"events\":5}")), FARMIQ_E_SCHEMA);
    assert_int_equal(error.offset, 26);
}

static void a_batch_may_be_empty(void **state)
{
    (void)state;
    assert_int_equal(parse(TEXT("{\"tenant_id\":\"t\",\"events\":[]}")), FARMIQ_OK);
    assert_int_equal(batch.event_count, 0);
    assert_null(batch.first);
    assert_int_equal(batch.edge_id.len, 0);
}

static void what_spoils_the_whole_batch(void **state)
{
    static const struct {
        const char *json;
        int code;
        const char *field;
    } rows[] = {
        { "", FARMIQ_E_SYNTAX, "" },
        { "[]", FARMIQ_E_SCHEMA, "" },
        { "{}", FARMIQ_E_SCHEMA, "tenant_id" },
        { "{\"events\":[]}", FARMIQ_E_SCHEMA, "tenant_id" },
        { "{\"tenant_id\":null,\"events\":[]}", FARMIQ_E_SCHEMA, "tenant_id" },
        { "{\"tenant_id\":\"\",\"events\":[]}", FARMIQ_E_SCHEMA, "tenant_id" },
        { "{\"tenant_id\":5,\"events\":[]}", FARMIQ_E_SCHEMA, "tenant_id" },
        { "{\"tenant_id\":\"" A128 "a\",\"events\":[]}", FARMIQ_E_SCHEMA, "tenant_id" },
        { "{\"tenant_id\":\"t\"}", FARMIQ_E_SCHEMA, "events" },
        { "{\"tenant_id\":\"t\",\"events\":null}", FARMIQ_E_SCHEMA, "events" },
        { "{\"tenant_id\":\"t\",\"events\":{\"0\":{}}}", FARMIQ_E_SCHEMA, "events" },
        { "{\"tenant_id\":\"t\",\"tenant_id\":\"u\",\"events\":[]}", FARMIQ_E_SCHEMA,
          "tenant_id" },
        { "{\"tenant_id\":\"t\",\"events\":[],\"events\":[]}", FARMIQ_E_SCHEMA,
          "events" },
        { "{\"tenant_id\":\"t\",\"events\":[],\"x\":\"\\u0000\"}", FARMIQ_E_SCHEMA, "" },
        { "{\"tenant_id\":\"t\",\"events\":[],\"x\":1e999}", FARMIQ_E_RANGE, "" },
        { "{\"tenant_id\":\"t\",\"events\":[1,]}", FARMIQ_E_SYNTAX, "events" },
        { "{\"tenant_id\":\"t\",\"events\":[" EVENT "]", FARMIQ_E_SYNTAX, "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int r = parse(rows[i].json, strlen(rows[i].json));

        if (r != rows[i].code || strcmp(error.field, rows[i].field) != 0)
            fail_msg("%s: %s in '%s'", rows[i].json, farmiq_errname(r), error.field);
        assert_null(batch.first);
    }
}

static size_t batch_of(char *json, uint32_t count)
{
    size_t len;

    if (!json)
        abort(); /* no memory; gcc with -fsanitize wants to be told */
    len = (size_t)sprintf(json, "{\"tenant_id\":\"t\",\"events\":[");
    for (uint32_t i = 0; i < count; i++)
        len += (size_t)sprintf(json + len, "%s" EVENT, i ? "," : "");
    return len + (size_t)sprintf(json + len, "]}");
}

static void a_thousand_events_and_no_more(void **state)
{
    size_t room = 512 * 1001 + 4096, len;
    char *json = malloc(200000);
    void *memory = malloc(room);

    (void)state;
    farmiq_batch_init(&batch, sizeof batch);
    len = batch_of(json, 1000);
    assert_int_equal(
        farmiq_batch_parse(&batch, json, len, memory, 512 * 1000 + 4096, NULL),
        FARMIQ_OK);
    assert_int_equal(batch.event_count, 1000);
    len = batch_of(json, 1001);
    farmiq_error_init(&error, sizeof error);
    assert_int_equal(farmiq_batch_parse(&batch, json, len, memory, room, &error),
                     FARMIQ_E_RANGE);
    assert_string_equal(error.field, "events");
    assert_int_equal(farmiq_batch_parse(&batch, json, len, memory, 8192, &error),
                     FARMIQ_E_NOSPACE);
    free(memory);
    free(json);
}

static void ten_mebibytes_and_no_more(void **state)
{
    char *json = malloc(FARMIQ_BATCH_MAX_BYTES + 1);
    size_t len = batch_of(json, 1);

    (void)state;
    memset(json + len, ' ', FARMIQ_BATCH_MAX_BYTES + 1 - len);
    assert_int_equal(parse(json, FARMIQ_BATCH_MAX_BYTES), FARMIQ_OK);
    assert_int_equal(parse(json, FARMIQ_BATCH_MAX_BYTES + 1), FARMIQ_E_RANGE);
    free(json);
}

/* What the gateway accepted at the depth limit, the cloud must accept, too. */
static void depth_is_counted_within_an_event(void **state)
{
    char payload[256], json[1024];

    (void)state;
    for (size_t depth = 30; depth <= 33; depth++) {
        size_t open = depth - 2; /* the event and the payload's braces */
        int fits = depth <= FARMIQ_JSON_MAX_DEPTH;

        sprintf(payload, "{\"a\":%.*s%.*s}", (int)open,
                "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", (int)open,
                "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
        sprintf(json, "{" ID "," TYPE "," TENANT "," TIME ",\"payload\":%s}", payload);
        assert_int_equal(parse_event(json), fits ? FARMIQ_OK : FARMIQ_E_RANGE);
        sprintf(json,
                "{\"tenant_id\":\"t\",\"events\":[{" ID "," TYPE "," TENANT "," TIME
                ",\"payload\":%s}]}",
                payload);
        assert_int_equal(parse(json, strlen(json)), fits ? FARMIQ_OK : FARMIQ_E_RANGE);
    }
}

static int is_inside(struct farmiq_str text, const char *json, size_t len)
{
    const char *memory = (const char *)scratch;

    return text.len == 0 || (text.ptr >= json && text.ptr + text.len <= json + len) ||
           (text.ptr >= memory && text.ptr + text.len <= memory + sizeof scratch) ||
           (text.len == 3 && memcmp(text.ptr, "1.0", 3) == 0);
}

static void no_changed_byte_and_no_cut_gets_out_of_the_buffers(void **state)
{
    static const char json[] =
        "{\"tenant_id\":\"t\\u002d1\",\"events\":[null," SAMPLE "],\"edge_id\":\"e\"}";
    size_t len = sizeof json - 1;
    char *copy = malloc(len);

    (void)state;
    for (size_t at = 0; at < len; at++) {
        assert_true(parse(json, at) < 0);
        for (int c = 0; c < 256; c++) {
            memcpy(copy, json, len);
            copy[at] = (char)c;
            if (parse(copy, len) != FARMIQ_OK)
                continue;
            for (const struct farmiq_event *e = batch.first; e; e = e->next) {
                assert_true(is_inside(e->event_id, copy, len));
                assert_true(is_inside(e->batch_id, copy, len));
                assert_true(is_inside(e->schema_version, copy, len));
                assert_true(is_inside(e->payload, copy, len));
            }
        }
    }
    free(copy);
}

/* ## The answer */

static struct farmiq_event sent[4];

static struct farmiq_event *send_four(void)
{
    static const char *const ids[] = { "e0", "e1", "e2", "" };

    for (uint32_t i = 0; i < 4; i++) {
        sent[i] = (struct farmiq_event){ .size = sizeof sent[i], .index = i };
        sent[i].event_id = (struct farmiq_str){ ids[i], strlen(ids[i]) };
        sent[i].next = i < 3 ? &sent[i + 1] : NULL;
    }
    return sent;
}

static int apply(const char *json)
{
    int r = parse_answer(json);

    return r == FARMIQ_OK ? farmiq_batch_answer_apply(&answer, send_four(), 4, &error)
                          : r;
}

static void reads_the_extended_answer(void **state)
{
    (void)state;
    assert_int_equal(
        parse_answer("{\"accepted\":1,\"duplicated\":2,\"rejected\":1,\"deduped\":2,"
                     "\"errors\":[{\"event_id\":\"e1\",\"index\":1,\"error\":\"Missing "
                     "\\u0066arm_id\",\"code\":\"MISSING_SCOPE\",\"retryable\":true}]}"),
        FARMIQ_OK);
    assert_int_equal(answer.has_counts, 1);
    assert_int_equal(answer.accepted, 1);
    assert_int_equal(answer.duplicated, 2);
    assert_int_equal(answer.rejected, 1);
    assert_int_equal(answer.first->index, 1);
    assert_text(answer.first->event_id, "e1");
    assert_text(answer.first->text, "Missing farm_id");
    assert_text(answer.first->code, "MISSING_SCOPE");
    assert_int_equal(answer.first->retryable, 1);
    assert_null(answer.first->next);
}

static void no_body_or_no_errors_acknowledges_everything(void **state)
{
    static const char *const bodies[] = {
        "",
        " \r\n",
        "{}",
        "{\"status\":\"ok\"}",
        "{\"errors\":[]}",
        "{\"errors\":null}",
        "{\"accepted\":4,\"duplicated\":0,\"rejected\":0}",
        "{\"accepted\":1,\"duplicated\":3,\"rejected\":0,\"errors\":[]}",
        "{\"accepted\":1}", /* counts without the others say nothing */
        "{\"rejected\":1}",
        "{\"accepted\":1,\"duplicated\":1}",
        "{\"duplicated\":1,\"rejected\":0}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_int_equal(apply(bodies[i]), FARMIQ_OK);
        for (int e = 0; e < 4; e++)
            assert_null(sent[e].refusal);
    }
}

static void errors_reach_their_events_by_id_or_index_in_any_order(void **state)
{
    (void)state;
    assert_int_equal(
        apply("{\"accepted\":1,\"duplicated\":0,\"rejected\":3,\"errors\":["
              "{\"index\":3,\"code\":\"MISSING_EVENT_ID\",\"retryable\":false},"
              "{\"event_id\":\"e2\",\"error\":\"Missing farm_id\",\"retryable\":false},"
              "{\"event_id\":\"e0\",\"index\":0,\"code\":\"STORAGE_UNAVAILABLE\","
              "\"error\":\"later\",\"retryable\":true}]}"),
        FARMIQ_OK);
    assert_string_equal(sent[0].refusal, "RETRY");
    assert_string_equal(sent[0].refusal_text, "later");
    assert_null(sent[1].refusal);
    assert_string_equal(sent[2].refusal, "REJECTED");
    assert_string_equal(sent[2].refusal_text, "Missing farm_id");
    assert_string_equal(sent[3].refusal, "MISSING_EVENT_ID");
}

/* Spec cloud 1.4: what an older cloud rejects may pass, a failed publish for one. */
static void a_rejection_that_does_not_say_so_is_not_for_good(void **state)
{
    (void)state;
    assert_int_equal(apply("{\"accepted\":2,\"duplicated\":0,\"rejected\":2,\"errors\":["
                           "{\"event_id\":\"e1\",\"error\":\"Channel closed\"},"
                           "{\"event_id\":\"e2\",\"code\":\"X\",\"retryable\":null}]}"),
                     FARMIQ_OK);
    assert_string_equal(sent[1].refusal, "RETRY");
    assert_string_equal(sent[1].refusal_text, "Channel closed");
    assert_string_equal(sent[2].refusal, "RETRY");
}

/* A code or an id of one letter is one; an empty code is none. */
static void the_shortest_code_and_id_count(void **state)
{
    (void)state;
    assert_int_equal(parse_answer("{\"errors\":[{\"event_id\":\"x\",\"code\":\"C\","
                                  "\"retryable\":false},"
                                  "{\"event_id\":\"y\",\"code\":\"\","
                                  "\"retryable\":false}]}"),
                     FARMIQ_OK);
    send_four();
    sent[1].event_id = STR("x");
    sent[2].event_id = STR("y");
    assert_int_equal(farmiq_batch_answer_apply(&answer, sent, 4, &error), FARMIQ_OK);
    assert_string_equal(sent[1].refusal, "C");
    assert_string_equal(sent[2].refusal, "REJECTED");
    assert_null(sent[0].refusal);
    assert_null(sent[3].refusal);
}

/* Whatever the scratch, an answer is read in full or not at all. */
static void an_answer_needs_room_for_its_texts(void **state)
{
    static const char body[] = "{\"errors\":[{\"event_id\":\"e1\",\"code\":\"CODE\","
                               "\"error\":\"some text\"},{\"event_id\":\"e2\"}]}";
    size_t refused = 0;
    int r = FARMIQ_E_NOSPACE;

    (void)state;
    for (size_t room = 3072; r != FARMIQ_OK; room += 8) {
        memset(&answer, 0, sizeof answer);
        answer.size = sizeof answer;
        r = farmiq_batch_answer_parse(&answer, TEXT(body), scratch, room, NULL);
        assert_true(r == FARMIQ_OK || r == FARMIQ_E_NOSPACE);
        assert_true((r == FARMIQ_OK) == (answer.first != NULL));
        refused += r != FARMIQ_OK;
    }
    assert_true(refused >= sizeof(struct farmiq_batch_error) / 8);
    assert_text(answer.first->text, "some text");
    assert_text(answer.first->next->event_id, "e2");
}

/* 13-C20: garbage in a 200 is not an acknowledgement, and marks nothing. */
static void an_answer_that_does_not_fit_marks_nothing(void **state)
{
    static const char *const bodies[] = {
        "{\"accepted\":3,\"duplicated\":0,\"rejected\":0}",
        "{\"accepted\":5,\"duplicated\":0,\"rejected\":0}",
        "{\"accepted\":4294967295,\"duplicated\":5,\"rejected\":0}",
        "{\"accepted\":3,\"duplicated\":0,\"rejected\":1}",
        ("{\"accepted\":4,\"duplicated\":0,\"rejected\":0,"
         "\"errors\":[{\"event_id\":\"e1\"}]}"),
        "{\"errors\":[{\"event_id\":\"e1\"},{\"event_id\":\"foreign\"}]}",
        "{\"errors\":[{\"event_id\":\"e1\"},{\"index\":4}]}",
        "{\"errors\":[{\"event_id\":\"e1\"},{\"event_id\":\"e2\",\"index\":0}]}",
        "{\"errors\":[{\"event_id\":\"e1\"},{\"event_id\":\"e1\"}]}",
        "{\"errors\":[{\"event_id\":\"e1\"},{\"index\":1}]}",
        "{\"errors\":[{\"event_id\":\"e1\"},{}]}",
        "{\"errors\":[{\"event_id\":\"e1\"},{\"event_id\":\"\"}]}",
        "{\"errors\":[{\"event_id\":\"e1\"},{\"event_id\":null}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_int_equal(apply(bodies[i]), FARMIQ_E_SCHEMA);
        assert_true(error.detail[0]);
        for (int e = 0; e < 4; e++)
            assert_true(!sent[e].refusal && !sent[e].refusal_text);
    }
}

static void an_answer_of_another_shape_is_refused(void **state)
{
    static const struct {
        const char *json;
        int code;
    } rows[] = {
        { "<html>", FARMIQ_E_SYNTAX },
        { "[]", FARMIQ_E_SCHEMA },
        { "{\"accepted\":\"4\",\"duplicated\":0,\"rejected\":0}", FARMIQ_E_SCHEMA },
        { "{\"accepted\":-1,\"duplicated\":0,\"rejected\":0}", FARMIQ_E_SCHEMA },
        { "{\"accepted\":3.5,\"duplicated\":0,\"rejected\":0}", FARMIQ_E_SCHEMA },
        { "{\"accepted\":4294967296,\"duplicated\":0,\"rejected\":0}", FARMIQ_E_SCHEMA },
        { "{\"accepted\":4,\"accepted\":4,\"duplicated\":0,\"rejected\":0}",
          FARMIQ_E_SCHEMA },
        { "{\"errors\":{}}", FARMIQ_E_SCHEMA },
        { "{\"errors\":[\"e1\"]}", FARMIQ_E_SCHEMA },
        { "{\"errors\":[{\"event_id\":1}]}", FARMIQ_E_SCHEMA },
        { "{\"errors\":[{\"event_id\":\"e1\",\"error\":5}]}", FARMIQ_E_SCHEMA },
        { "{\"errors\":[{\"index\":\"1\"}]}", FARMIQ_E_SCHEMA },
        { "{\"errors\":[{\"event_id\":\"e1\"}", FARMIQ_E_SYNTAX },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (parse_answer(rows[i].json) != rows[i].code)
            fail_msg("%s: %s", rows[i].json, farmiq_errname(error.code));
}

static void null_arguments_are_refused(void **state)
{
    char text[64];
    struct farmiq_json_writer w;
    size_t len;

    (void)state;
    farmiq_batch_init(&batch, sizeof batch);
    farmiq_batch_answer_init(&answer, sizeof answer);
    assert_int_equal(farmiq_batch_parse(NULL, "{}", 2, scratch, 4096, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_batch_parse(&batch, NULL, 2, scratch, 4096, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_batch_parse(&batch, "{}", 2, NULL, 4096, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_batch_add(NULL, STR("t"), &sample), FARMIQ_E_ARG);
    assert_int_equal(farmiq_batch_close(NULL, &len), FARMIQ_E_ARG);
    farmiq_json_begin(&w, text, sizeof text);
    farmiq_event_write(NULL, &sample);
    farmiq_event_write(&w, NULL);
    assert_int_equal(w.len, 0);
    assert_int_equal(farmiq_batch_add(&w, STR("t"), NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_batch_answer_parse(&answer, "", 0, NULL, 4096, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_batch_answer_parse(&answer, NULL, 1, scratch, 4096, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_batch_answer_parse(NULL, "", 0, scratch, 4096, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_batch_answer_parse(&answer, NULL, 0, scratch, 4096, NULL),
                     FARMIQ_OK);
    assert_int_equal(farmiq_batch_answer_apply(&answer, NULL, 0, NULL), FARMIQ_OK);
    assert_int_equal(farmiq_batch_answer_apply(NULL, sent, 4, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_batch_answer_apply(&answer, NULL, 4, NULL), FARMIQ_E_ARG);
}

/* Spec edge 4.2: readings inside the edge are a list without a tenant of its own. */
static void a_list_of_events_needs_no_tenant(void **state)
{
    static const char text[] =
        "{\"tenant_id\":\"ignored\",\"events\":[{\"event_id\":\"e1\","
        "\"event_type\":\"telemetry.reading\",\"tenant_id\":\"t\",\"device_id\":\"d\","
        "\"ts\":\"2025-01-01T10:00:00Z\",\"payload\":{\"value\":1}},null]}";
    static int64_t memory[1024];
    struct farmiq_batch list;

    (void)state;
    farmiq_batch_init(&list, sizeof batch);
    assert_int_equal(
        farmiq_events_parse(&list, text, sizeof text - 1, memory, sizeof memory, NULL),
        FARMIQ_OK);
    assert_int_equal(list.event_count, 2);
    assert_int_equal(list.tenant_id.len, 0);
    assert_null(list.first->refusal);
    assert_string_equal(list.first->next->refusal, "INVALID_EVENT");
    assert_int_equal(farmiq_events_parse(&list, "{}", 2, memory, sizeof memory, NULL),
                     FARMIQ_E_SCHEMA);
    assert_int_equal(
        farmiq_batch_parse(&list, "{\"events\":[]}", 13, memory, sizeof memory, NULL),
        FARMIQ_E_SCHEMA);
    assert_int_equal(
        farmiq_events_parse(&list, "{\"events\":[]}", 13, memory, sizeof memory, NULL),
        FARMIQ_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_batch_is_the_vector_of_the_specification),
        cmocka_unit_test(events_are_written_in_full_and_separated),
        cmocka_unit_test(a_foreign_tenant_is_not_added),
        cmocka_unit_test(a_payload_never_replaces_its_event),
        cmocka_unit_test(a_full_batch_can_still_be_closed_at_every_size),
        cmocka_unit_test(a_batch_that_fits_exactly_is_written),
        cmocka_unit_test(an_event_that_json_cannot_hold_is_not_added),
        cmocka_unit_test(what_is_written_reads_back_equal),
        cmocka_unit_test(every_event_gets_its_verdict),
        cmocka_unit_test(no_element_disturbs_its_neighbours),
        cmocka_unit_test(absent_schema_version_is_1_0),
        cmocka_unit_test(occurred_at_wins_over_ts),
        cmocka_unit_test(text_that_is_no_json_is_no_event),
        cmocka_unit_test(reads_the_head_in_any_order),
        cmocka_unit_test(only_events_are_events),
        cmocka_unit_test(a_refusal_of_the_batch_says_where),
        cmocka_unit_test(a_batch_may_be_empty),
        cmocka_unit_test(what_spoils_the_whole_batch),
        cmocka_unit_test(a_thousand_events_and_no_more),
        cmocka_unit_test(ten_mebibytes_and_no_more),
        cmocka_unit_test(depth_is_counted_within_an_event),
        cmocka_unit_test(no_changed_byte_and_no_cut_gets_out_of_the_buffers),
        cmocka_unit_test(reads_the_extended_answer),
        cmocka_unit_test(no_body_or_no_errors_acknowledges_everything),
        cmocka_unit_test(errors_reach_their_events_by_id_or_index_in_any_order),
        cmocka_unit_test(a_rejection_that_does_not_say_so_is_not_for_good),
        cmocka_unit_test(the_shortest_code_and_id_count),
        cmocka_unit_test(an_answer_needs_room_for_its_texts),
        cmocka_unit_test(an_answer_that_does_not_fit_marks_nothing),
        cmocka_unit_test(an_answer_of_another_shape_is_refused),
        cmocka_unit_test(a_list_of_events_needs_no_tenant),
        cmocka_unit_test(null_arguments_are_refused),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
