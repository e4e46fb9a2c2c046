/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor agent's parts, one by one: acknowledgements, flights, readings, messages,
 * the simulated barn. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/ack.h"
#include "agent/draft.h"
#include "agent/flight.h"
#include "agent/ledger.h"
#include "agent/message.h"
#include "sensor.h"
#include "source.h"

static struct farmiq_str str(const char *text)
{
    return (struct farmiq_str){ text, strlen(text) };
}

/* ## Acknowledgements */

struct told {
    char text[256];
};

static void tell(void *ctx, struct farmiq_str event_id, struct farmiq_str refusal)
{
    struct told *told = ctx;
    size_t used = strlen(told->text);

    snprintf(told->text + used, sizeof told->text - used, "%.*s=%.*s;", (int)event_id.len,
             event_id.ptr, (int)refusal.len, refusal.ptr);
}

static const struct {
    const char *body;
    const char *told; /* NULL: refused as a whole, and nothing was told */
} acks[] = {
    { "{\"acked\":[\"a\",\"b\"]}", "a=;b=;" },
    { "{\"refused\":[{\"event_id\":\"c\",\"error\":\"BAD\"}]}", "c=BAD;" },
    { "{ \"acked\" : [ \"a\" ] ,\"x\":1, "
      "\"refused\":[{\"error\":\"E\",\"event_id\":\"d\"}]}",
      "a=;d=E;" },
    { "{\"acked\":[],\"refused\":null}", "" },
    { "{}", "" },
    { "{\"acked\":[\"a\",1]}", NULL },
    { "{\"acked\":\"a\"}", NULL },
    { "{\"acked\":[\"a\"],\"refused\":[{\"event_id\":\"c\"}]}", NULL },
    { "{\"acked\":[\"a\"],\"refused\":[{\"event_id\":\"c\",\"error\":\"\"}]}", NULL },
    { "{\"acked\":[\"a\"],\"refused\":[\"c\"]}", NULL },
    { "[\"a\"]", NULL },
    { "{\"acked\":[\"a\"]", NULL },
    { "", NULL },
};

static void test_acknowledgements(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof acks / sizeof *acks; i++) {
        struct told told = { "" };
        int r = ack_parse(str(acks[i].body), tell, &told);

        assert_int_equal(r == FARMIQ_OK, acks[i].told != NULL);
        assert_string_equal(told.text, acks[i].told ? acks[i].told : "");
    }
}

/* ## Flights */

#define ROWS 40

struct rows {
    struct farmiq_outbox_row rows[ROWS];
    struct farmiq_event events[ROWS];
    char ids[ROWS][16];
};

static struct farmiq_outbox_row *make_rows(struct rows *r, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        farmiq_outbox_row_init(&r->rows[i], sizeof r->rows[i]);
        farmiq_event_init(&r->events[i], sizeof r->events[i]);
        snprintf(r->ids[i], sizeof r->ids[i], "event-%d", i);
        r->events[i].event_id = str(r->ids[i]);
        r->rows[i].event = &r->events[i];
        r->rows[i].status = FARMIQ_OUTBOX_CLAIMED;
        r->rows[i].next = i + 1 < first + count ? &r->rows[i + 1] : NULL;
    }
    return &r->rows[first];
}

static void test_rows_land_one_by_one(void **state)
{
    static const uint64_t token[2] = { 1, 2 };
    struct flights flights;
    struct flight *flight, *found;
    struct farmiq_outbox_row *row, *landed;
    struct rows rows;
    uint64_t cookie;

    (void)state;
    assert_int_equal(flights_open(&flights, FLIGHT_COUNT * 4), FARMIQ_OK);
    flight = flights_free_one(&flights);
    flight_board(&flights, flight, make_rows(&rows, 0, 4), token);
    assert_ptr_not_equal(flights_free_one(&flights), flight);
    row = flights_find_id(&flights, str("event-2"), &found);
    assert_ptr_equal(row, &rows.rows[2]);
    assert_ptr_equal(found, flight);
    assert_null(flights_find_id(&flights, str("event-9"), &found));
    cookie = flight_cookie(&flights, flight, row);
    assert_ptr_equal(flights_find_cookie(&flights, cookie, &found), row);

    assert_int_equal(flight_land(flight, row, FARMIQ_OUTCOME_ACKED, 5, 7), 1);
    assert_int_equal(flight_land(flight, row, FARMIQ_OUTCOME_REFUSED, 5, 7), 0);
    assert_int_equal(row->status, FARMIQ_OUTBOX_ACKED); /* the first word counts */
    assert_int_equal(flight_land(flight, &rows.rows[0], FARMIQ_OUTCOME_REFUSED, 5, 8), 1);
    assert_int_equal(flight->landed, 2);
    assert_int_equal(flight->landed_steady_ms, 7);

    landed = flight_take_landed(&flights, flight);
    assert_ptr_equal(landed, &rows.rows[0]); /* in the order of the claim */
    assert_ptr_equal(landed->next, &rows.rows[2]);
    assert_null(landed->next->next);
    assert_int_equal(flight->rows, 2);
    assert_ptr_equal(flight->unsent, &rows.rows[1]); /* row 0 was next to be sent */
    assert_null(flights_find_id(&flights, str("event-2"), &found));
    assert_null(flights_find_cookie(&flights, cookie, &found));
    flights_close(&flights);
}

/* A PUBACK for an earlier passenger of the seat is not for this one. */
static void test_old_cookies_name_nothing(void **state)
{
    static const uint64_t token[2] = { 1, 2 };
    struct flights flights;
    struct flight *flight, *found;
    struct rows rows;
    uint64_t cookie;

    (void)state;
    assert_int_equal(flights_open(&flights, FLIGHT_COUNT), FARMIQ_OK);
    flight = flights_free_one(&flights);
    flight_board(&flights, flight, make_rows(&rows, 0, 1), token);
    cookie = flight_cookie(&flights, flight, &rows.rows[0]);
    flight_land(flight, &rows.rows[0], FARMIQ_OUTCOME_UNREACHED, 1, 1);
    assert_ptr_equal(flight_take_landed(&flights, flight), &rows.rows[0]);
    assert_int_equal(rows.rows[0].status, FARMIQ_OUTBOX_PENDING);
    flight_board(&flights, flight, make_rows(&rows, 1, 1), token);
    assert_null(flights_find_cookie(&flights, cookie, &found));
    assert_null(flights_find_cookie(&flights, UINT64_MAX, &found));
    flights_close(&flights);
}

/* What was claimed first is sent first, whichever seats are free (spec edge 2.13: order
 * is kept per session). */
static void test_flights_are_sent_in_the_order_they_boarded(void **state)
{
    static const uint64_t token[2] = { 1, 2 };
    struct flights flights;
    struct flight *first, *second, *third;
    struct rows rows;

    (void)state;
    assert_int_equal(flights_open(&flights, FLIGHT_COUNT), FARMIQ_OK);
    assert_null(flights_next_unsent(&flights));
    first = flights_free_one(&flights);
    flight_board(&flights, first, make_rows(&rows, 0, 1), token);
    second = flights_free_one(&flights);
    flight_board(&flights, second, make_rows(&rows, 1, 1), token);
    assert_ptr_equal(flights_next_unsent(&flights), first);
    flight_land(first, &rows.rows[0], FARMIQ_OUTCOME_ACKED, 1, 1);
    assert_ptr_equal(flight_take_landed(&flights, first), &rows.rows[0]);
    third = flights_free_one(&flights);
    assert_ptr_equal(third, first); /* the seat in front is free again */
    flight_board(&flights, third, make_rows(&rows, 2, 1), token);
    assert_ptr_equal(flights_next_unsent(&flights), second);
    second->unsent = NULL;
    assert_ptr_equal(flights_next_unsent(&flights), third);
    flights_close(&flights);
}

static void test_forgetting_frees_every_seat(void **state)
{
    static const uint64_t token[2] = { 1, 2 };
    struct flights flights;
    struct flight *found;
    struct rows rows;

    (void)state;
    assert_int_equal(flights_open(&flights, FLIGHT_COUNT * 2), FARMIQ_OK);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < FLIGHT_COUNT; i++)
            flight_board(&flights, flights_free_one(&flights), make_rows(&rows, 2 * i, 2),
                         token);
        assert_null(flights_free_one(&flights));
        assert_non_null(flights_find_id(&flights, str("event-31"), &found));
        flights_forget(&flights);
        assert_null(flights_find_id(&flights, str("event-31"), &found));
    }
    flights_close(&flights);
}

/* ## Readings */

static const struct {
    const char *line;
    int result;
    const char *metric;
    double value;
    const char *unit;
} lines[] = {
    { "temperature 21.5 C\n", FARMIQ_OK, "temperature", 21.5, "C" },
    { "  co2\t-1e3  ", FARMIQ_OK, "co2", -1000, "" },
    { "{\"metric\":\"co2\",\"value\":900,\"unit\":\"ppm\"}", FARMIQ_OK, "co2", 900,
      "ppm" },
    { "{\"value\":0.5,\"metric\":\"silo.weight\",\"unit\":null}\r\n", FARMIQ_OK,
      "silo.weight", 0.5, "" },
    { "temperature", FARMIQ_E_SYNTAX, "", 0, "" },
    { "temperature warm C", FARMIQ_E_SYNTAX, "", 0, "" },
    { "temperature nan", FARMIQ_E_SYNTAX, "", 0, "" },
    { "temperature 1 C extra", FARMIQ_E_SYNTAX, "", 0, "" },
    { "a/b 1 C", FARMIQ_E_SYNTAX, "", 0, "" },
    { "temperature 1 unit-name-that-is-too-long", FARMIQ_E_SYNTAX, "", 0, "" },
    { "{\"metric\":\"co2\"}", FARMIQ_E_SYNTAX, "", 0, "" },
    { "{\"value\":1}", FARMIQ_E_SYNTAX, "", 0, "" },
    { "{\"metric\":\"co2\",\"value\":\"much\"}", FARMIQ_E_SYNTAX, "", 0, "" },
    { "{\"metric\":\"co2\",\"value\":1", FARMIQ_E_SYNTAX, "", 0, "" },
    { "", FARMIQ_E_SYNTAX, "", 0, "" },
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct reading reading = { .ts_unix_ms = 77, .metric = "old" };
        char line[200];

        snprintf(line, sizeof line, "%s", lines[i].line);
        assert_int_equal(reading_parse(&reading, line), lines[i].result);
        if (lines[i].result != FARMIQ_OK) {
            assert_string_equal(reading.metric, "old"); /* outputs untouched */
            continue;
        }
        assert_string_equal(reading.metric, lines[i].metric);
        assert_true(reading.value == lines[i].value);
        assert_string_equal(reading.unit, lines[i].unit);
        assert_int_equal(reading.ts_unix_ms, 77);
    }
}

static void test_json_line_may_say_when(void **state)
{
    struct reading reading = { .ts_unix_ms = 77 };
    char line[] = "{\"metric\":\"co2\",\"value\":1,\"ts\":\"1970-01-01T00:00:02Z\"}";

    (void)state;
    assert_int_equal(reading_parse(&reading, line), FARMIQ_OK);
    assert_int_equal(reading.ts_unix_ms, 2000);
}

/* ## The simulated barn */

static struct sensor_options barn(void)
{
    return (struct sensor_options){ .devices = 2,
                                    .source = "simulator",
                                    .metrics = SENSOR_METRICS,
                                    .poll_interval_ms = 14000,
                                    .speed = 1,
                                    .seed = 5 };
}

static struct agent_options two_devices(void)
{
    return (struct agent_options){ .kind = &sensor_agent_kind,
                                   .tenant_id = "t-123",
                                   .farm_id = "f-456",
                                   .barn_id = "b-789",
                                   .device_id = "d-001",
                                   .devices = 2 };
}

static struct moment at_ms(int64_t ms)
{
    return (struct moment){ 1772500000000 + ms, 500 + ms };
}

static uint32_t read_all(struct source *source, struct moment now, struct reading *out,
                         uint32_t most)
{
    uint32_t count = 0;

    while (count < most && source->kind->read(source, now, &out[count]) == FARMIQ_OK)
        count++;
    return count;
}

/* One reading of each metric and device in each interval (2.13), evenly spread. */
static void test_simulator_keeps_its_cadence(void **state)
{
    struct sensor_options o = barn();
    struct reading readings[100];
    struct source *source;

    (void)state;
    assert_int_equal(source_open(&source, &o, at_ms(0), NULL), FARMIQ_OK);
    assert_int_equal(read_all(source, at_ms(0), readings, 100), 1);
    assert_int_equal(source->due_steady_ms, 500 + 1000);
    assert_int_equal(read_all(source, at_ms(13999), readings, 100), 13);
    assert_int_equal(read_all(source, at_ms(14000), readings, 100), 1);
    assert_string_equal(readings[0].metric, "temperature"); /* around once */
    source_close(source);
}

static void test_same_seed_same_barn(void **state)
{
    struct sensor_options o = barn(), other = barn();
    struct reading a[28], b[28], c[28];
    struct source *source;
    int differs = 0;

    (void)state;
    other.seed = 6;
    assert_int_equal(source_open(&source, &o, at_ms(0), NULL), FARMIQ_OK);
    assert_int_equal(read_all(source, at_ms(28000), a, 28), 28);
    source_close(source);
    assert_int_equal(source_open(&source, &o, at_ms(0), NULL), FARMIQ_OK);
    assert_int_equal(read_all(source, at_ms(28000), b, 28), 28);
    source_close(source);
    assert_int_equal(source_open(&source, &other, at_ms(0), NULL), FARMIQ_OK);
    assert_int_equal(read_all(source, at_ms(28000), c, 28), 28);
    source_close(source);
    for (int i = 0; i < 28; i++) {
        assert_true(a[i].value == b[i].value);
        assert_int_equal(a[i].ts_unix_ms, b[i].ts_unix_ms);
        assert_true(a[i].value > -50 && a[i].value < 10000);
        differs += a[i].value != c[i].value;
    }
    assert_true(differs > 14);
}

/* A device that is told to measure one thing measures nothing else; what nobody knows how
 * to simulate is refused. */
static void test_a_feeder_only_feeds(void **state)
{
    struct sensor_options o = barn();
    struct reading readings[28];
    struct farmiq_error error;
    struct source *source;

    (void)state;
    o.metrics = " feed.dispensed ";
    assert_int_equal(source_open(&source, &o, at_ms(0), NULL), FARMIQ_OK);
    assert_int_equal(read_all(source, at_ms(14000), readings, 28), 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(readings[i].metric, "feed.dispensed");
        assert_string_equal(readings[i].unit, "kg");
        assert_true(readings[i].value >= 0.5 && readings[i].value <= 40);
    }
    source_close(source);
    for (size_t i = 0; i < 3; i++) {
        static const char *const wrong[] = { "", "temperature gold", "temperature,co2" };

        o.metrics = wrong[i];
        farmiq_error_init(&error, sizeof error);
        assert_int_equal(source_open(&source, &o, at_ms(0), &error), FARMIQ_E_ARG);
        assert_string_equal(error.field, "METRICS");
    }
}

/* A fast barn begins a day ago and never overtakes the clock: the cloud refuses readings
 * from the future (spec cloud 1.8). */
static void test_fast_time_ends_now(void **state)
{
    struct sensor_options o = barn();
    static struct reading readings[3000];
    struct source *source;
    struct moment end = at_ms(100000);
    uint32_t count;

    (void)state;
    o.speed = 1440; /* a day in a minute */
    o.poll_interval_ms = 14 * 60000;
    assert_int_equal(source_open(&source, &o, at_ms(0), NULL), FARMIQ_OK);
    count = read_all(source, end, readings, 3000);
    assert_int_equal(count, 100000 * 1440 / 60000 + 1);
    assert_int_equal(readings[0].ts_unix_ms, at_ms(0).unix_ms - 86400000);
    assert_in_range(readings[14].ts_unix_ms - readings[0].ts_unix_ms, 14 * 60000 - 1,
                    14 * 60000);
    assert_int_equal(readings[count - 1].ts_unix_ms, end.unix_ms);
    for (uint32_t i = 1; i < count; i++)
        assert_true(readings[i].ts_unix_ms >= readings[i - 1].ts_unix_ms);
    source_close(source);
}

/* ## Messages */

static void test_drafts_become_messages(void **state)
{
    struct reading reading = { .device = 1,
                               .ts_unix_ms = 1000,
                               .value = 21.5,
                               .metric = "temperature",
                               .unit = "C" };
    struct agent_options o = two_devices();
    struct drafts *drafts = drafts_open(&o, 2);
    char topic[FARMIQ_TOPIC_MAX_BYTES + 1], body[MESSAGE_BYTES], expected[600];
    char device_id[AGENT_DEVICE_BYTES];
    struct farmiq_event *event;
    const char *id;
    size_t len;

    (void)state;
    sensor_name_device(&o, reading.device, device_id);
    assert_int_equal(drafts_make(drafts, 0, device_id, &reading, at_ms(0)), FARMIQ_OK);
    assert_int_equal(drafts_make(drafts, 1, device_id, &reading, at_ms(0)), FARMIQ_OK);
    event = drafts_first(drafts)->event;
    id = event->event_id.ptr;
    assert_non_null(drafts_first(drafts)->next);
    assert_true(strcmp(id, drafts_first(drafts)->next->event->event_id.ptr) < 0);
    assert_int_equal(draft_topic(event, topic), FARMIQ_OK);
    assert_string_equal(topic, "iot/telemetry/t-123/f-456/b-789/d-001-0002/temperature");
    assert_int_equal(message_write(event, body, sizeof body, &len), FARMIQ_OK);
    snprintf(expected, sizeof expected,
             "{\"schema_version\":\"1.0\",\"event_id\":\"%s\",\"trace_id\":\"%s\","
             "\"event_type\":\"telemetry.reading\",\"tenant_id\":\"t-123\","
             "\"device_id\":\"d-001-0002\",\"ts\":\"1970-01-01T00:00:01.000Z\","
             "\"payload\":{\"metric\":\"temperature\",\"value\":21.5,\"unit\":\"C\"}}",
             id, id);
    assert_string_equal(body, expected);
    assert_int_equal(message_write(event, body, 10, &len), FARMIQ_E_NOSPACE);
    event->payload = str("{\"value\":1}");
    assert_int_equal(draft_topic(event, topic), FARMIQ_E_SCHEMA);
    drafts_close(drafts);
}

/* Spec edge 2.6: a feeding is an event, in kilograms. */
static void test_a_feeding_is_an_event(void **state)
{
    struct reading reading = { .value = 12.5, .metric = "feed.dispensed", .unit = "kg" };
    struct agent_options o = two_devices();
    struct drafts *drafts = drafts_open(&o, 1);
    char topic[FARMIQ_TOPIC_MAX_BYTES + 1];
    struct farmiq_event *event;

    (void)state;
    assert_int_equal(drafts_make(drafts, 0, "d-001", &reading, at_ms(0)), FARMIQ_OK);
    event = drafts_first(drafts)->event;
    assert_int_equal(event->event_type.len, 14);
    assert_memory_equal(event->event_type.ptr, "feed.dispensed", 14);
    assert_int_equal(event->payload.len, 20);
    assert_memory_equal(event->payload.ptr, "{\"quantity_kg\":12.5}", 20);
    assert_int_equal(draft_topic(event, topic), FARMIQ_OK);
    assert_string_equal(topic, "iot/event/t-123/f-456/b-789/d-001/feed.dispensed");
    strcpy(reading.unit, "");
    assert_int_equal(drafts_make(drafts, 0, "d-001", &reading, at_ms(0)), FARMIQ_OK);
    strcpy(reading.unit, "g");
    assert_int_equal(drafts_make(drafts, 0, "d-001", &reading, at_ms(0)),
                     FARMIQ_E_SCHEMA);
    drafts_close(drafts);
}

static void test_topics_of_the_agent_itself(void **state)
{
    struct agent_options o = two_devices();
    char topic[FARMIQ_TOPIC_MAX_BYTES + 1], body[MESSAGE_BYTES];
    struct farmiq_envelope env;
    int64_t scratch[1024];
    size_t len;

    (void)state;
    assert_int_equal(message_ack_filter(&o, topic), FARMIQ_OK);
    assert_string_equal(topic, "iot/ack/t-123/f-456/b-789/+");
    o.devices = 1;
    assert_int_equal(message_ack_filter(&o, topic), FARMIQ_OK);
    assert_string_equal(topic, "iot/ack/t-123/f-456/b-789/d-001");
    assert_int_equal(message_status_topic(&o, topic), FARMIQ_OK);
    assert_string_equal(topic, "iot/status/t-123/f-456/b-789/d-001");
    assert_int_equal(message_status(&o, 0, 1000, body, sizeof body, &len), FARMIQ_OK);
    farmiq_envelope_init(&env, sizeof env);
    assert_int_equal(
        farmiq_envelope_parse(&env, NULL, body, len, scratch, sizeof scratch, NULL),
        FARMIQ_OK);
    assert_memory_equal(env.event_type.ptr, "device.status", 13);
    assert_non_null(strstr(body, "\"mqtt_ok\":false"));
    assert_null(strstr(body, "true"));
}

/* ## The ledger */

static void test_ledger_grows_by_whole_lines(void **state)
{
    struct reading reading = { .metric = "co2" };
    struct agent_options o = two_devices();
    struct drafts *drafts = drafts_open(&o, 3);
    struct farmiq_outbox_row *row = drafts_first(drafts);
    char path[] = "/tmp/farmiq-ledger-XXXXXX", text[200], expected[200];
    ssize_t len;
    int fd, made = mkstemp(path);

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(drafts_make(drafts, i, "d-001", &reading, at_ms(0)), FARMIQ_OK);
    assert_int_equal(ledger_open(&fd, path, NULL), FARMIQ_OK);
    assert_int_equal(ledger_note(fd, row), FARMIQ_OK);
    assert_int_equal(ledger_note(fd, NULL), FARMIQ_OK);
    ledger_close(fd);
    len = read(made, text, sizeof text - 1);
    assert_int_equal(len, 111);
    text[len] = '\0';
    snprintf(expected, sizeof expected, "%s\n%s\n%s\n", row->event->event_id.ptr,
             row->next->event->event_id.ptr, row->next->next->event->event_id.ptr);
    assert_string_equal(text, expected);
    assert_int_equal(ledger_open(&fd, "", NULL), FARMIQ_OK);
    assert_int_equal(fd, -1);
    assert_int_equal(ledger_note(fd, row), FARMIQ_OK);
    assert_int_equal(ledger_open(&fd, "/nowhere/ledger", NULL), FARMIQ_E_ARG);
    close(made);
    unlink(path);
    drafts_close(drafts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_acknowledgements),
        cmocka_unit_test(test_rows_land_one_by_one),
        cmocka_unit_test(test_old_cookies_name_nothing),
        cmocka_unit_test(test_flights_are_sent_in_the_order_they_boarded),
        cmocka_unit_test(test_forgetting_frees_every_seat),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_json_line_may_say_when),
        cmocka_unit_test(test_simulator_keeps_its_cadence),
        cmocka_unit_test(test_same_seed_same_barn),
        cmocka_unit_test(test_a_feeder_only_feeds),
        cmocka_unit_test(test_fast_time_ends_now),
        cmocka_unit_test(test_drafts_become_messages),
        cmocka_unit_test(test_a_feeding_is_an_event),
        cmocka_unit_test(test_topics_of_the_agent_itself),
        cmocka_unit_test(test_ledger_grows_by_whole_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
