/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue (seed 002, section 8; spec cloud 2.3) and the cloud's rules (1.8). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/error.h>
#include <farmiq/event.h>

#define NOW_UNIX_MS INT64_C(1735725600000)
#define ALL (FARMIQ_NEEDS_FARM | FARMIQ_NEEDS_BARN | FARMIQ_NEEDS_DEVICE)

static struct farmiq_str str(const char *text)
{
    return (struct farmiq_str){ text, strlen(text) };
}

/* A reading that no rule minds; each test spoils one thing. */
static struct farmiq_event reading(void)
{
    struct farmiq_event event;

    farmiq_event_init(&event, sizeof event);
    event.event_id = str("e-1");
    event.event_type = str("telemetry.ingested");
    event.tenant_id = str("t-001");
    event.farm_id = str("f");
    event.barn_id = str("b");
    event.device_id = str("d");
    event.payload = str("{}");
    event.occurred_at_unix_ms = NOW_UNIX_MS;
    return event;
}

static void assert_accepted(struct farmiq_event event)
{
    assert_int_equal(farmiq_event_check(&event, "t-001", 5, NOW_UNIX_MS), FARMIQ_OK);
    assert_null(event.refusal);
    assert_null(event.refusal_text);
}

static void assert_refused(struct farmiq_event event, const char *code)
{
    assert_int_equal(farmiq_event_check(&event, "t-001", 5, NOW_UNIX_MS),
                     FARMIQ_E_REFUSED);
    assert_string_equal(event.refusal, code);
    assert_true(strlen(event.refusal_text) > 10);
}

/* ---- the catalogue ---- */

static const struct {
    const char *event_type, *exchange, *routing_key;
    uint32_t needs;
} catalogue[] = {
    { "telemetry.reading", "telemetry", "telemetry.ingested", ALL },
    { "telemetry.ingested", "telemetry", "telemetry.ingested", ALL },
    { "telemetry.aggregated", "telemetry", "telemetry.aggregated", ALL },
    { "weighvision.session.created", "weighvision", "weighvision.session.created", 0 },
    { "weighvision.weight.recorded", "weighvision", "weighvision.weight.recorded", 0 },
    { "weighvision.session.finalized", "weighvision", "weighvision.session.finalized",
      0 },
    { "weighvision.image.captured", "weighvision", "weighvision.image.captured", 0 },
    { "weighvision.inference.completed", "weighvision", "weighvision.inference.completed",
      0 },
    { "media.stored", "media", "media.stored", 0 },
    { "inference.completed", "inference", "inference.completed", 0 },
    { "feed.intake.recorded", "feed", "feed.intake.recorded", ALL },
    { "feed.lot.received", "feed", "feed.lot.received", ALL },
    { "sync.batch.sent", "sync", "sync.batch.sent", 0 },
    { "sync.batch.acked", "sync", "sync.batch.acked", 0 },
    { "device.status", "telemetry", "device.status", FARMIQ_NEEDS_DEVICE },
    { "sensor.heartbeat", "telemetry", "sensor.heartbeat", FARMIQ_NEEDS_DEVICE },
    { "feed.intake.upserted", "feed", "feed.intake.upserted", FARMIQ_NEEDS_CLOUD },
    { "barn.daily_counts.upserted", "barn", "barn.daily_counts.upserted",
      FARMIQ_NEEDS_CLOUD },
    { "barn.record.created", "barn", "barn.record.created", FARMIQ_NEEDS_CLOUD },
    { "weighvision.weight_aggregate.upserted", "weighvision",
      "weighvision.weight_aggregate.upserted", FARMIQ_NEEDS_CLOUD },
    { "kpi.daily.updated", "kpi", "kpi.daily.updated", FARMIQ_NEEDS_CLOUD },
};

#define KINDS (sizeof catalogue / sizeof *catalogue)

static void the_catalogue_is_that_of_the_specification(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        const char *type = catalogue[i].event_type;
        const struct farmiq_event_kind *kind = farmiq_event_kind_find(type, strlen(type));
        char exchange[64] = "farmiq.";

        assert_non_null(kind);
        strcat(strcat(exchange, catalogue[i].exchange), ".exchange");
        assert_string_equal(kind->event_type, type);
        assert_string_equal(kind->exchange, exchange);
        assert_string_equal(kind->routing_key, catalogue[i].routing_key);
        assert_int_equal(kind->needs, catalogue[i].needs);
    }
}

static void the_catalogue_can_be_listed(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < KINDS; i++) {
        const struct farmiq_event_kind *kind = farmiq_event_kind_at(i);

        assert_non_null(kind);
        assert_ptr_equal(
            farmiq_event_kind_find(kind->event_type, strlen(kind->event_type)), kind);
    }
    assert_null(farmiq_event_kind_at(KINDS));
    assert_null(farmiq_event_kind_at(UINT32_MAX));
}

static void what_is_not_in_the_catalogue_is_not_found(void **state)
{
    (void)state;
    assert_null(farmiq_event_kind_find("telemetry.read", 14));
    assert_null(farmiq_event_kind_find("telemetry.readings", 18));
    assert_null(farmiq_event_kind_find("Telemetry.reading", 17));
    assert_null(farmiq_event_kind_find("", 0));
    assert_null(farmiq_event_kind_find(NULL, 0));
    assert_null(farmiq_event_kind_find(NULL, 5));
}

/* ---- the rules ---- */

static void a_sound_event_of_every_kind_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct farmiq_event event = reading();

        event.event_type = str(catalogue[i].event_type);
        if (catalogue[i].needs == FARMIQ_NEEDS_CLOUD)
            assert_refused(event, "UNKNOWN_EVENT_TYPE");
        else
            assert_accepted(event);
    }
}

static void an_event_needs_an_id_of_1_to_128_bytes(void **state)
{
    struct farmiq_event event = reading();
    char id[129];

    (void)state;
    memset(id, 'x', sizeof id);
    event.event_id = (struct farmiq_str){ id, 0 };
    assert_refused(event, "MISSING_EVENT_ID");
    event.event_id.len = 1;
    assert_accepted(event);
    event.event_id.len = 128;
    assert_accepted(event);
    event.event_id.len = 129;
    assert_refused(event, "MISSING_EVENT_ID");
}

static void an_event_needs_a_known_type(void **state)
{
    struct farmiq_event event = reading();

    (void)state;
    event.event_type = str("");
    assert_refused(event, "UNKNOWN_EVENT_TYPE");
    event.event_type = str("weighvision.session.updated");
    assert_refused(event, "UNKNOWN_EVENT_TYPE");
}

/* Spec cloud 10-A1: the reference never compared the two. */
static void an_event_must_be_of_its_batchs_tenant(void **state)
{
    static const char *const strangers[] = { "", "t-002", "t-00", "t-0011", "T-001" };
    struct farmiq_event event = reading();

    (void)state;
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        event.tenant_id = str(strangers[i]);
        assert_refused(event, "TENANT_MISMATCH");
    }
    event.tenant_id = str("t");
    assert_int_equal(farmiq_event_check(&event, "t", 1, NOW_UNIX_MS), FARMIQ_OK);
    event.tenant_id = str("");
    assert_int_equal(farmiq_event_check(&event, "", 0, NOW_UNIX_MS), FARMIQ_E_REFUSED);
    assert_string_equal(event.refusal, "TENANT_MISMATCH");
}

static void an_event_may_be_ten_minutes_ahead(void **state)
{
    struct farmiq_event event = reading();

    (void)state;
    event.occurred_at_unix_ms = NOW_UNIX_MS + 600000;
    assert_accepted(event);
    event.occurred_at_unix_ms = NOW_UNIX_MS + 600001;
    assert_refused(event, "INVALID_TIME");
    event.occurred_at_unix_ms = INT64_MAX;
    assert_refused(event, "INVALID_TIME");
    event.occurred_at_unix_ms = 0;
    assert_accepted(event);
    event.occurred_at_unix_ms = -1;
    assert_refused(event, "INVALID_TIME");
    event.occurred_at_unix_ms = INT64_MIN;
    assert_refused(event, "INVALID_TIME");
    event.occurred_at_unix_ms = 0;
    assert_int_equal(farmiq_event_check(&event, "t-001", 5, INT64_MIN), FARMIQ_E_REFUSED);
}

static void the_schema_major_must_be_1(void **state)
{
    static const char *const good[] = { "", "1", "1.0", "1.1.0", "1." };
    static const char *const bad[] = { "2.0", "10", "10.0", "0", ".1", "v1" };
    struct farmiq_event event = reading();

    (void)state;
    assert_memory_equal(event.schema_version.ptr, "1.0", event.schema_version.len);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        event.schema_version = str(good[i]);
        assert_accepted(event);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        event.schema_version = str(bad[i]);
        assert_refused(event, "UNSUPPORTED_SCHEMA");
    }
}

static void the_payload_must_be_an_object(void **state)
{
    static const char *const bad[] = { "", "{", "}", "[]", "null", "{]", "[}", "0" };
    struct farmiq_event event = reading();

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        event.payload = str(bad[i]);
        assert_refused(event, "INVALID_PAYLOAD");
    }
    event.payload = str("{\"value\":1}");
    assert_accepted(event);
}

/* Without farm, barn and source, every kind that needs one of them is refused. */
static void scope_is_asked_for_where_it_is_needed(void **state)
{
    (void)state;
    for (uint32_t has = 0; has <= ALL; has++)
        for (size_t i = 0; i < KINDS; i++) {
            struct farmiq_event event = reading();

            if (catalogue[i].needs == FARMIQ_NEEDS_CLOUD)
                continue;
            event.event_type = str(catalogue[i].event_type);
            event.farm_id.len = has & FARMIQ_NEEDS_FARM ? 1 : 0;
            event.barn_id.len = has & FARMIQ_NEEDS_BARN ? 1 : 0;
            event.device_id.len = has & FARMIQ_NEEDS_DEVICE ? 1 : 0;
            if (catalogue[i].needs & ~has)
                assert_refused(event, "MISSING_SCOPE");
            else
                assert_accepted(event);
        }
}

static void a_station_stands_in_for_a_device(void **state)
{
    struct farmiq_event event = reading();

    (void)state;
    event.station_id = event.device_id;
    event.device_id = str("");
    assert_accepted(event);
}

static void the_first_broken_rule_is_named(void **state)
{
    struct farmiq_event event;

    (void)state;
    farmiq_event_init(&event, sizeof event);
    event.occurred_at_unix_ms = -1;
    event.schema_version = str("2");
    assert_refused(event, "MISSING_EVENT_ID");
    event.event_id = str("e");
    assert_refused(event, "UNKNOWN_EVENT_TYPE");
    event.event_type = str("telemetry.reading");
    assert_refused(event, "TENANT_MISMATCH");
    event.tenant_id = str("t-001");
    assert_refused(event, "INVALID_TIME");
    event.occurred_at_unix_ms = 0;
    assert_refused(event, "UNSUPPORTED_SCHEMA");
    event.schema_version = str("1");
    assert_refused(event, "INVALID_PAYLOAD");
    event.payload = str("{}");
    assert_refused(event, "MISSING_SCOPE");
}

static void a_refused_event_stays_as_it_is(void **state)
{
    struct farmiq_event event = reading();

    (void)state;
    event.refusal = "INVALID_EVENT";
    event.refusal_text = "an event must be an object";
    assert_int_equal(farmiq_event_check(&event, "t-001", 5, NOW_UNIX_MS),
                     FARMIQ_E_REFUSED);
    assert_string_equal(event.refusal, "INVALID_EVENT");
    assert_string_equal(event.refusal_text, "an event must be an object");
}

/* ---- ids ---- */

static void a_uuid_travels_as_it_is_in_lower_case(void **state)
{
    char out[FARMIQ_UUID_STRLEN + 1];

    (void)state;
    assert_int_equal(farmiq_event_id_normalize(
                         "t", 1, "018CC251-F400-77FF-BFFF-FFFFFFFFFFFF", 36, out),
                     FARMIQ_UNCHANGED);
    assert_string_equal(out, "018cc251-f400-77ff-bfff-ffffffffffff");
}

/* Spec edge 13-A5. Computed independently: v5(v5(v5(DNS, "farmiq.event"), "t-001"),
 * "evt-1"). */
static void free_text_becomes_a_uuid_of_its_tenant(void **state)
{
    char out[FARMIQ_UUID_STRLEN + 1], other[FARMIQ_UUID_STRLEN + 1];

    (void)state;
    assert_int_equal(farmiq_event_id_normalize("t-001", 5, "evt-1", 5, out), FARMIQ_OK);
    assert_string_equal(out, "5aae715c-5470-56cd-a72e-f5aa5717f098");
    assert_int_equal(farmiq_event_id_normalize("t-001", 5, "evt-1", 5, other), FARMIQ_OK);
    assert_string_equal(out, other);
    assert_int_equal(farmiq_event_id_normalize("t-002", 5, "evt-1", 5, other), FARMIQ_OK);
    assert_string_not_equal(out, other);
    assert_int_equal(farmiq_event_id_normalize("t-001e", 6, "vt-1", 4, other), FARMIQ_OK);
    assert_string_not_equal(out, other);
}

static void null_is_an_argument_error(void **state)
{
    struct farmiq_event event = reading();
    char out[FARMIQ_UUID_STRLEN + 1];

    (void)state;
    assert_int_equal(farmiq_event_check(NULL, "t", 1, 0), FARMIQ_E_ARG);
    assert_int_equal(farmiq_event_check(&event, NULL, 0, 0), FARMIQ_E_ARG);
    event.size = sizeof event - 1;
    assert_int_equal(farmiq_event_check(&event, "t-001", 5, NOW_UNIX_MS), FARMIQ_E_ARG);
    assert_null(event.refusal);
    assert_int_equal(farmiq_event_id_normalize(NULL, 0, "e", 1, out), FARMIQ_E_ARG);
    assert_int_equal(farmiq_event_id_normalize("t", 1, NULL, 1, out), FARMIQ_E_ARG);
    assert_int_equal(farmiq_event_id_normalize("t", 1, "", 0, out), FARMIQ_E_ARG);
    assert_int_equal(farmiq_event_id_normalize("t", 1, "e", 1, NULL), FARMIQ_E_ARG);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_catalogue_is_that_of_the_specification),
        cmocka_unit_test(the_catalogue_can_be_listed),
        cmocka_unit_test(what_is_not_in_the_catalogue_is_not_found),
        cmocka_unit_test(a_sound_event_of_every_kind_is_accepted),
        cmocka_unit_test(an_event_needs_an_id_of_1_to_128_bytes),
        cmocka_unit_test(an_event_needs_a_known_type),
        cmocka_unit_test(an_event_must_be_of_its_batchs_tenant),
        cmocka_unit_test(an_event_may_be_ten_minutes_ahead),
        cmocka_unit_test(the_schema_major_must_be_1),
        cmocka_unit_test(the_payload_must_be_an_object),
        cmocka_unit_test(scope_is_asked_for_where_it_is_needed),
        cmocka_unit_test(a_station_stands_in_for_a_device),
        cmocka_unit_test(the_first_broken_rule_is_named),
        cmocka_unit_test(a_refused_event_stays_as_it_is),
        cmocka_unit_test(a_uuid_travels_as_it_is_in_lower_case),
        cmocka_unit_test(free_text_becomes_a_uuid_of_its_tenant),
        cmocka_unit_test(null_is_an_argument_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
