/* SPDX-License-Identifier: Apache-2.0 */
/* The firmware example on the host: what it writes is what an edge reads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/envelope.h>
#include <farmiq/json.h>

#include "device.h"

#define NOW INT64_C(1735725600000) /* 2025-01-01T10:00:00Z */

static const uint8_t key[16] = "a key of its own";
static const uint8_t entropy[FARMIQ_UUID_ENTROPY_BYTES] = "ten bytes!";
static struct device device;
static char text[DEVICE_MESSAGE_BYTES];
static int64_t scratch[FARMIQ_ENVELOPE_SCRATCH_BYTES / 8];

static int set_up(void **state)
{
    struct device_name name = { "tenant-1", "sensor-7" };

    (void)state;
    return device_init(&device, name, key);
}

static void read_back(int32_t milli_celsius, int64_t now_unix_ms,
                      struct farmiq_envelope *env)
{
    size_t len = 0;

    assert_int_equal(
        device_temperature(&device, milli_celsius, now_unix_ms, entropy, text, &len),
        FARMIQ_OK);
    farmiq_envelope_init(env, sizeof *env);
    assert_int_equal(
        farmiq_envelope_parse(env, NULL, text, len, scratch, sizeof scratch, NULL),
        FARMIQ_OK);
}

static void the_edge_can_read_what_it_writes(void **state)
{
    struct farmiq_envelope env;
    uint8_t id[FARMIQ_UUID_BYTES];
    int64_t made_unix_ms = 0;

    (void)state;
    read_back(21500, NOW, &env);
    assert_memory_equal(env.tenant_id.ptr, "tenant-1", env.tenant_id.len);
    assert_memory_equal(env.device_id.ptr, "sensor-7", env.device_id.len);
    assert_memory_equal(env.event_type.ptr, "telemetry.reading", env.event_type.len);
    assert_true(env.ts_unix_ms == NOW);
    assert_int_equal(farmiq_uuid_parse(id, env.event_id.ptr, env.event_id.len), 0);
    assert_int_equal(farmiq_uuid_time(id, &made_unix_ms), FARMIQ_OK);
    assert_true(made_unix_ms == NOW);
}

static void every_temperature_keeps_its_thousandths(void **state)
{
    static const struct {
        int32_t milli_celsius;
        double celsius;
    } rows[] = {
        { 21500, 21.5 },
        { 0, 0 },
        { 7, 0.007 },
        { -7, -0.007 },
        { -273150, -273.15 },
        { 999, 0.999 },
        { 1000, 1 },
        { INT32_MAX, 2147483.647 },
        { INT32_MIN, -2147483.648 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct farmiq_json_member member = { .name = "value" };
        struct farmiq_envelope env;
        char payload[96];

        read_back(rows[i].milli_celsius, NOW, &env);
        memcpy(payload, env.payload.ptr, env.payload.len);
        assert_int_equal(farmiq_json_members(payload, env.payload.len, &member, 1,
                                             scratch, sizeof scratch, NULL),
                         FARMIQ_OK);
        assert_true(member.number == rows[i].celsius);
    }
}

/* The same moment, the same entropy, a clock that steps back: another id, and later. */
static void ids_never_repeat_and_never_go_back(void **state)
{
    struct farmiq_envelope env;
    char last[FARMIQ_UUID_STRLEN] = "";

    (void)state;
    for (int i = 0; i < 100; i++) {
        read_back(20000, i < 50 ? NOW : NOW - 5000, &env);
        assert_true(memcmp(env.event_id.ptr, last, sizeof last) > 0);
        memcpy(last, env.event_id.ptr, sizeof last);
    }
}

static void waiting_grows_to_its_ceiling_and_stays(void **state)
{
    (void)state;
    assert_int_equal(device_wait_ms(1, 0), 2000);
    assert_int_equal(device_wait_ms(3, 0), 8000);
    assert_int_equal(device_wait_ms(10, 0), 300000);
    assert_int_equal(device_wait_ms(UINT32_MAX, 0), 300000);
    assert_in_range(device_wait_ms(1, UINT32_MAX), 2000, 2999);
}

static void a_command_is_obeyed_once(void **state)
{
    (void)state;
    assert_int_equal(device_is_new(&device, "c1", 2, NOW), 1);
    assert_int_equal(device_is_new(&device, "c1", 2, NOW + 1), 0);
    assert_int_equal(device_is_new(&device, "c2", 2, NOW + 1), 1);
    for (char i = 0; i < DEVICE_COMMANDS; i++)
        assert_int_equal(device_is_new(&device, &(char){ (char)('A' + i) }, 1, NOW + 2),
                         1);
    assert_int_equal(device_is_new(&device, "c1", 2, NOW + 3), 1);
    assert_true(device_is_new(&device, NULL, 1, NOW) < 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_edge_can_read_what_it_writes, set_up),
        cmocka_unit_test_setup(every_temperature_keeps_its_thousandths, set_up),
        cmocka_unit_test_setup(ids_never_repeat_and_never_go_back, set_up),
        cmocka_unit_test_setup(waiting_grows_to_its_ceiling_and_stays, set_up),
        cmocka_unit_test_setup(a_command_is_obeyed_once, set_up),
    };

    return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
