/* SPDX-License-Identifier: Apache-2.0 */
/* The topic grammar of spec edge 2.2 and 2.3. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/topic.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int parse(struct farmiq_topic *topic, const char *text, struct farmiq_error *error)
{
    farmiq_topic_init(topic, sizeof *topic);
    farmiq_error_init(error, sizeof *error);
    return farmiq_topic_parse(topic, text, strlen(text), error);
}

static void assert_str(struct farmiq_str text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr ? text.ptr : "", expected, text.len);
}

/* kind, tenant, farm, barn, source, session, leaf */
static const struct family_case {
    const char *topic;
    int32_t kind;
    const char *part[6];
    const char *filter, *tenant_filter;
} families[] = {
    { "iot/telemetry/t-001/f-001/b-001/d-001/temperature",
      FARMIQ_TOPIC_TELEMETRY,
      { "t-001", "f-001", "b-001", "d-001", "", "temperature" },
      "iot/telemetry/+/+/+/+/+",
      "iot/telemetry/T/+/+/+/+" },
    { "iot/event/t/f/b/d/feed.dispensed",
      FARMIQ_TOPIC_EVENT,
      { "t", "f", "b", "d", "", "feed.dispensed" },
      "iot/event/+/+/+/+/+",
      "iot/event/T/+/+/+/+" },
    { "iot/weighvision/t/f/b/st-01/session/s-123/weighvision.weight.recorded",
      FARMIQ_TOPIC_WEIGHVISION,
      { "t", "f", "b", "st-01", "s-123", "weighvision.weight.recorded" },
      "iot/weighvision/+/+/+/+/session/+/+",
      "iot/weighvision/T/+/+/+/session/+/+" },
    { "iot/status/t/f/b/d",
      FARMIQ_TOPIC_STATUS,
      { "t", "f", "b", "d", "", "" },
      "iot/status/+/+/+/+",
      "iot/status/T/+/+/+" },
    { "iot/ack/t/f/b/d",
      FARMIQ_TOPIC_ACK,
      { "t", "f", "b", "d", "", "" },
      "iot/ack/+/+/+/+",
      "iot/ack/T/+/+/+" },
};

static void takes_every_family_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(families); i++) {
        struct farmiq_topic topic;
        struct farmiq_error error;

        assert_int_equal(parse(&topic, families[i].topic, &error), FARMIQ_OK);
        assert_int_equal(topic.size, sizeof topic);
        assert_int_equal(topic.kind, families[i].kind);
        assert_str(topic.tenant_id, families[i].part[0]);
        assert_str(topic.farm_id, families[i].part[1]);
        assert_str(topic.barn_id, families[i].part[2]);
        assert_str(topic.source_id, families[i].part[3]);
        assert_str(topic.session_id, families[i].part[4]);
        assert_str(topic.leaf, families[i].part[5]);
        assert_ptr_equal(topic.tenant_id.ptr, strchr(families[i].topic + 4, '/') + 1);
    }
}

static void puts_every_family_together_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(families); i++) {
        struct farmiq_topic topic;
        struct farmiq_error error;
        char text[FARMIQ_TOPIC_MAX_BYTES + 1];
        size_t len = 0;

        assert_int_equal(parse(&topic, families[i].topic, &error), FARMIQ_OK);
        assert_int_equal(farmiq_topic_format(&topic, text, sizeof text, &len), FARMIQ_OK);
        assert_string_equal(text, families[i].topic);
        assert_int_equal(len, strlen(families[i].topic));
    }
}

static void subscribes_to_every_family(void **state)
{
    char text[64];
    size_t len;

    (void)state;
    for (size_t i = 0; i < COUNT(families); i++) {
        assert_int_equal(
            farmiq_topic_filter(families[i].kind, NULL, 0, text, sizeof text, &len),
            FARMIQ_OK);
        assert_string_equal(text, families[i].filter);
        assert_int_equal(len, strlen(text));
        assert_int_equal(
            farmiq_topic_filter(families[i].kind, "T", 1, text, sizeof text, &len),
            FARMIQ_OK);
        assert_string_equal(text, families[i].tenant_filter);
        assert_int_equal(len, strlen(text));
    }
}

/* Spec edge 2.2, D-01: seed 002 writes the short form, devices the full one. */
static void maps_the_short_weighvision_forms(void **state)
{
    static const char *const forms[][2] = {
        { "created", "weighvision.session.created" },
        { "weight.recorded", "weighvision.weight.recorded" },
        { "finalized", "weighvision.session.finalized" },
        { "image.captured", "weighvision.image.captured" },
        { "inference.completed", "weighvision.inference.completed" },
        { "weighvision.session.created", "weighvision.session.created" },
        { "media.bound", "media.bound" },
        { "Created", "Created" },
        { "createdx", "createdx" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        char text[128] = "iot/weighvision/t/f/b/st/session/s/";
        struct farmiq_topic topic;
        struct farmiq_error error;

        assert_int_equal(parse(&topic, strcat(text, forms[i][0]), &error), FARMIQ_OK);
        assert_str(topic.leaf, forms[i][1]);
    }
}

static void leaves_short_forms_alone_elsewhere(void **state)
{
    struct farmiq_topic topic;
    struct farmiq_error error;

    (void)state;
    assert_int_equal(parse(&topic, "iot/event/t/f/b/d/created", &error), FARMIQ_OK);
    assert_str(topic.leaf, "created");
}

static void refuses_what_is_of_no_family(void **state)
{
    static const char *const topics[] = {
        "",
        "iot",
        "/",
        "////////",
        "iot/status",
        "iot/status/t/f/b",
        "iot/status/t/f/b/d/",
        "iot/status/t/f/b/d/x",
        "/iot/status/t/f/b/d",
        "iot/telemetry/t/f/b/d",
        "iot/telemetry/t/f/b/d/m/m",
        "IOT/telemetry/t/f/b/d/m",
        "iot/Telemetry/t/f/b/d/m",
        "iot/telemetr/t/f/b/d/m",
        "iot/telemetryx/t/f/b/d/m",
        "io/telemetry/t/f/b/d/m",
        "iot/weighvision/t/f/b/st/sessions/s/created",
        "iot/weighvision/t/f/b/st/s/created",
        "iot/weighvision/t/f/b/st/session/s/created/x",
        "iot/weighvision/t/f/b/st/session/s/created/x/y/z",
        "iot/feed/t/f/b/delivery",
        "farmiq/device/d/ota",
        "iot/ack/t/f/b/d/x",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(topics); i++) {
        struct farmiq_topic topic;
        struct farmiq_error error;

        assert_int_equal(parse(&topic, topics[i], &error), FARMIQ_E_SYNTAX);
        assert_int_equal(error.code, FARMIQ_E_SYNTAX);
        assert_string_equal(error.field, "topic");
        assert_int_equal(error.offset, FARMIQ_NO_OFFSET);
        assert_int_equal(topic.kind, 0);
    }
}

static void names_the_bad_id_and_its_byte(void **state)
{
    static const struct {
        const char *topic, *field;
        uint32_t offset;
        const char *detail;
    } cases[] = {
        { "iot/status//f/b/d", "tenant_id", 11, "is empty" },
        { "iot/status/t/f/b/", "source_id", 17, "is empty" },
        { "iot/status/t/./b/d", "farm_id", 13, "is a dot name" },
        { "iot/status/t/f/../d", "barn_id", 15, "is a dot name" },
        { "iot/status/t/f/b/d d", "source_id", 18,
          "has a byte other than A-Z a-z 0-9 . _ : @ -" },
        { "iot/telemetry/t/f/b/d/+", "leaf", 22,
          "has a byte other than A-Z a-z 0-9 . _ : @ -" },
        { "iot/weighvision/t/f/b/st/session//created", "session_id", 33, "is empty" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct farmiq_topic topic;
        struct farmiq_error error;

        assert_int_equal(parse(&topic, cases[i].topic, &error), FARMIQ_E_SCHEMA);
        assert_string_equal(error.field, cases[i].field);
        assert_string_equal(error.detail, cases[i].detail);
        assert_int_equal(error.offset, cases[i].offset);
        assert_int_equal(topic.kind, 0);
        assert_null(topic.tenant_id.ptr);
    }
}

static void names_the_first_byte_too_many(void **state)
{
    char text[] =
        "iot/status/t/f/b/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct farmiq_topic topic;
    struct farmiq_error error;

    (void)state;
    assert_true(strlen(text) > 17 + FARMIQ_ID_MAX_BYTES);
    assert_int_equal(parse(&topic, text, &error), FARMIQ_E_SCHEMA);
    assert_string_equal(error.detail, "is longer than 128 bytes");
    assert_int_equal(error.offset, 17 + FARMIQ_ID_MAX_BYTES);
    text[17 + FARMIQ_ID_MAX_BYTES] = '\0';
    assert_int_equal(parse(&topic, text, &error), FARMIQ_OK);
}

static void ids_are_made_of_67_bytes(void **state)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789._:@-";

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char id[3] = { 'x', (char)byte, 'y' };

        assert_int_equal(farmiq_id_is_valid(id, 3), byte && strchr(legal, byte) != NULL);
    }
}

/* Bytes are looked at four at once: the first foreign one is named, wherever it is. */
static void a_foreign_byte_in_an_id_is_found_at_every_place(void **state)
{
    static const char before[] = "iot/telemetry/t/";
    struct farmiq_topic topic;
    struct farmiq_error error;
    char text[64];

    (void)state;
    for (int len = 1; len <= 17; len++)
        for (int at = 0; at < len; at++) {
            int size = snprintf(text, sizeof text, "%s%.*s/b/d/temperature", before, len,
                                "aaaaaaaaaaaaaaaaa");

            for (int i = at; i < len; i++) {
                text[sizeof before - 1 + (size_t)i] = '!';
                farmiq_topic_init(&topic, sizeof topic);
                farmiq_error_init(&error, sizeof error);
                assert_int_equal(farmiq_topic_parse(&topic, text, (size_t)size, &error),
                                 FARMIQ_E_SCHEMA);
                assert_int_equal(error.offset, sizeof before - 1 + (size_t)at);
            }
        }
}

/* Spec edge 2.3: the loose setting takes what the reference took, and no more. */
static void loose_ids_are_whatever_a_level_can_be(void **state)
{
    static const char text[] =
        "iot/weighvision/\xc3\xa9l\xc3\xa9/f 1/../$st/session/./created";
    struct farmiq_topic topic;
    char back[sizeof text + 32];
    size_t len;

    (void)state;
    farmiq_topic_init(&topic, sizeof topic);
    assert_int_equal(farmiq_topic_parse(&topic, text, sizeof text - 1, NULL),
                     FARMIQ_E_SCHEMA);
    topic.loose_ids = 1;
    assert_int_equal(farmiq_topic_parse(&topic, text, sizeof text - 1, NULL), FARMIQ_OK);
    assert_int_equal(topic.loose_ids, 1);
    assert_str(topic.farm_id, "f 1");
    assert_str(topic.leaf, "weighvision.session.created");
    assert_int_equal(farmiq_topic_format(&topic, back, sizeof back, &len), FARMIQ_OK);
    assert_string_equal(back, "iot/weighvision/\xc3\xa9l\xc3\xa9/f 1/../$st/session/./"
                              "weighvision.session.created");
    topic.loose_ids = 0;
    assert_int_equal(farmiq_topic_format(&topic, back, sizeof back, &len),
                     FARMIQ_E_SCHEMA);
}

static void loose_ids_are_neither_empty_nor_wildcards(void **state)
{
    static const char *const topics[] = { "iot/status/t//b/d", "iot/status/t/f/b/",
                                          "iot/status/t/+/b/d", "iot/status/t/f/b/a#" };
    struct farmiq_topic topic;
    struct farmiq_error error;
    char text[64];
    size_t len;

    (void)state;
    farmiq_topic_init(&topic, sizeof topic);
    topic.loose_ids = 1;
    for (size_t i = 0; i < COUNT(topics); i++)
        assert_int_equal(farmiq_topic_parse(&topic, topics[i], strlen(topics[i]), NULL),
                         FARMIQ_E_SCHEMA);
    farmiq_error_init(&error, sizeof error);
    assert_int_equal(farmiq_topic_parse(&topic, "iot/ack/t/f/b/d\0", 16, &error),
                     FARMIQ_E_SCHEMA);
    assert_string_equal(error.field, "source_id");
    assert_string_equal(error.detail, "is not a topic level");
    assert_int_equal(error.offset, 14);
    assert_int_equal(farmiq_topic_parse(&topic, "iot/ack/t/f/b/d", 15, NULL), FARMIQ_OK);
    topic.farm_id = (struct farmiq_str){ "a/b", 3 };
    assert_int_equal(farmiq_topic_format(&topic, text, sizeof text, &len),
                     FARMIQ_E_SCHEMA);
    topic.farm_id = (struct farmiq_str){ NULL, 3 };
    assert_int_equal(farmiq_topic_format(&topic, text, sizeof text, &len),
                     FARMIQ_E_SCHEMA);
}

static void ids_have_1_to_128_bytes_and_are_no_dot_names(void **state)
{
    char id[FARMIQ_ID_MAX_BYTES + 1];

    (void)state;
    memset(id, 'a', sizeof id);
    assert_int_equal(farmiq_id_is_valid(id, 0), 0);
    assert_int_equal(farmiq_id_is_valid(id, 1), 1);
    assert_int_equal(farmiq_id_is_valid(id, 128), 1);
    assert_int_equal(farmiq_id_is_valid(id, 129), 0);
    assert_int_equal(farmiq_id_is_valid(NULL, 0), 0);
    assert_int_equal(farmiq_id_is_valid(NULL, 3), 0);
    assert_int_equal(farmiq_id_is_valid(".", 1), 0);
    assert_int_equal(farmiq_id_is_valid("..", 2), 0);
    assert_int_equal(farmiq_id_is_valid("...", 3), 1);
    assert_int_equal(farmiq_id_is_valid("a.", 2), 1);
}

static void the_longest_topic_fits_its_constant(void **state)
{
    char id[FARMIQ_ID_MAX_BYTES], text[FARMIQ_TOPIC_MAX_BYTES + 1];
    struct farmiq_topic topic, back;
    struct farmiq_error error;
    size_t len = 0;

    (void)state;
    memset(id, 'a', sizeof id);
    farmiq_topic_init(&topic, sizeof topic);
    topic.kind = FARMIQ_TOPIC_WEIGHVISION;
    topic.tenant_id = topic.farm_id = topic.barn_id = (struct farmiq_str){ id, 128 };
    topic.source_id = topic.session_id = topic.leaf = topic.tenant_id;
    assert_int_equal(farmiq_topic_format(&topic, text, sizeof text, &len), FARMIQ_OK);
    assert_int_equal(len, 6 * 128 + strlen("iot/weighvision/////session//"));
    assert_int_equal(parse(&back, text, &error), FARMIQ_OK);
    assert_int_equal(back.leaf.len, 128);
    topic.leaf.len = 0;
    assert_int_equal(farmiq_topic_format(&topic, text, sizeof text, &len),
                     FARMIQ_E_SCHEMA);
}

/* The buffer rule: too small says how much is needed, and writes nothing. */
static void a_small_buffer_is_told_the_length(void **state)
{
    static const char expected[] = "iot/status/t/f/b/d";
    struct farmiq_topic topic;
    struct farmiq_error error;

    (void)state;
    assert_int_equal(parse(&topic, expected, &error), FARMIQ_OK);
    for (size_t room = 0; room <= sizeof expected; room++) {
        char *buf = malloc(room + 1); /* exact, so that sanitizers see an overrun */
        int expected_r = room < sizeof expected ? FARMIQ_E_NOSPACE : FARMIQ_OK;
        size_t len = 0;

        memset(buf, '#', room + 1);
        assert_int_equal(farmiq_topic_format(&topic, buf, room, &len), expected_r);
        assert_int_equal(len, sizeof expected - 1);
        assert_int_equal(buf[0], expected_r == FARMIQ_OK ? 'i' : '#');
        assert_int_equal(buf[room], '#');
        free(buf);
    }
    assert_int_equal(farmiq_topic_format(&topic, NULL, 0, &(size_t){ 0 }),
                     FARMIQ_E_NOSPACE);
    assert_int_equal(
        farmiq_topic_filter(FARMIQ_TOPIC_ACK, NULL, 0, NULL, 0, &(size_t){ 0 }),
        FARMIQ_E_NOSPACE);
}

static void filters_refuse_a_tenant_that_is_a_wildcard(void **state)
{
    char text[64] = "untouched";
    size_t len = 7;

    (void)state;
    assert_int_equal(
        farmiq_topic_filter(FARMIQ_TOPIC_EVENT, "+", 1, text, sizeof text, &len),
        FARMIQ_E_SCHEMA);
    assert_int_equal(
        farmiq_topic_filter(FARMIQ_TOPIC_EVENT, "a/b", 3, text, sizeof text, &len),
        FARMIQ_E_SCHEMA);
    assert_int_equal(
        farmiq_topic_filter(FARMIQ_TOPIC_EVENT, "", 0, text, sizeof text, &len),
        FARMIQ_E_SCHEMA);
    assert_string_equal(text, "untouched");
    assert_int_equal(len, 7);
}

static void null_and_unknown_kinds_are_argument_errors(void **state)
{
    struct farmiq_topic topic;
    struct farmiq_error error;
    char text[64];
    size_t len;

    (void)state;
    assert_int_equal(farmiq_topic_parse(NULL, "x", 1, NULL), FARMIQ_E_ARG);
    assert_int_equal(parse(&topic, "iot/ack/t/f/b/d", &error), FARMIQ_OK);
    assert_int_equal(farmiq_topic_parse(&topic, NULL, 0, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_topic_format(NULL, text, sizeof text, &len), FARMIQ_E_ARG);
    assert_int_equal(farmiq_topic_format(&topic, NULL, 1, &len), FARMIQ_E_ARG);
    assert_int_equal(farmiq_topic_format(&topic, text, 9, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_topic_filter(1, NULL, 0, NULL, 1, &len), FARMIQ_E_ARG);
    assert_int_equal(farmiq_topic_filter(1, NULL, 0, text, 9, NULL), FARMIQ_E_ARG);
    for (int32_t kind = -1; kind <= 6; kind += 1) {
        int known = 1 <= kind && kind <= 5;

        topic.kind = kind;
        topic.leaf = topic.session_id = topic.tenant_id;
        assert_int_equal(farmiq_topic_format(&topic, text, sizeof text, &len),
                         known ? FARMIQ_OK : FARMIQ_E_ARG);
        assert_int_equal(farmiq_topic_filter(kind, NULL, 0, text, sizeof text, &len),
                         known ? FARMIQ_OK : FARMIQ_E_ARG);
    }
    topic.size = sizeof topic - 1;
    assert_int_equal(farmiq_topic_parse(&topic, "x", 1, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_topic_format(&topic, text, sizeof text, &len), FARMIQ_E_ARG);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_family_apart),
        cmocka_unit_test(puts_every_family_together_again),
        cmocka_unit_test(subscribes_to_every_family),
        cmocka_unit_test(maps_the_short_weighvision_forms),
        cmocka_unit_test(leaves_short_forms_alone_elsewhere),
        cmocka_unit_test(refuses_what_is_of_no_family),
        cmocka_unit_test(names_the_bad_id_and_its_byte),
        cmocka_unit_test(names_the_first_byte_too_many),
        cmocka_unit_test(ids_are_made_of_67_bytes),
        cmocka_unit_test(a_foreign_byte_in_an_id_is_found_at_every_place),
        cmocka_unit_test(loose_ids_are_whatever_a_level_can_be),
        cmocka_unit_test(loose_ids_are_neither_empty_nor_wildcards),
        cmocka_unit_test(ids_have_1_to_128_bytes_and_are_no_dot_names),
        cmocka_unit_test(the_longest_topic_fits_its_constant),
        cmocka_unit_test(a_small_buffer_is_told_the_length),
        cmocka_unit_test(filters_refuse_a_tenant_that_is_a_wildcard),
        cmocka_unit_test(null_and_unknown_kinds_are_argument_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
