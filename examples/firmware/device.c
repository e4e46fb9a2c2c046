/* SPDX-License-Identifier: Apache-2.0 */
/* A device's side of FarmIQ: envelopes, ids, waiting, repeats. For any microcontroller:
 *
 *     arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -Os -c device.c
 *
 * Numbers go out as whole thousandths, not through farmiq_json_double(): that would bring
 * in the C library's conversions, and with newlib its heap (docs/firmware.md). */
#include "device.h"

#include <string.h>

#include <farmiq/backoff.h>
#include <farmiq/envelope.h>
#include <farmiq/json.h>

static struct farmiq_str str(const char *text)
{
    return (struct farmiq_str){ text, strlen(text) };
}

int device_init(struct device *device, struct device_name name, const uint8_t key[16])
{
    memset(device, 0, sizeof *device);
    device->name = name;
    return farmiq_dedupe_init(&device->commands, device->memory, sizeof device->memory,
                              DEVICE_COMMANDS, DEVICE_COMMAND_TTL_MS, key);
}

/* 21500 as 21.500: JSON has no fixed point, but its text is one. */
static struct farmiq_str thousandths(int32_t number, char text[16])
{
    char *at = text + 16;
    uint32_t rest = number < 0 ? -(uint32_t)number : (uint32_t)number;

    for (int digits = 0; digits < 4 || rest > 0; digits++, rest /= 10) {
        if (digits == 3)
            *--at = '.';
        *--at = (char)('0' + rest % 10);
    }
    if (number < 0)
        *--at = '-';
    return (struct farmiq_str){ at, (size_t)(text + 16 - at) };
}

static int write_payload(int32_t milli_celsius, char *text, size_t room, size_t *len)
{
    char number[16];
    struct farmiq_json_writer w;

    farmiq_json_begin(&w, text, room);
    farmiq_json_open(&w, '{');
    farmiq_json_key(&w, "metric");
    farmiq_json_text(&w, "temperature");
    farmiq_json_key(&w, "value");
    farmiq_json_raw(&w, thousandths(milli_celsius, number));
    farmiq_json_key(&w, "unit");
    farmiq_json_text(&w, "C");
    farmiq_json_close(&w, '}');
    return farmiq_json_end(&w, len);
}

int device_temperature(struct device *device, int32_t milli_celsius, int64_t now_unix_ms,
                       const uint8_t entropy[FARMIQ_UUID_ENTROPY_BYTES],
                       char text[DEVICE_MESSAGE_BYTES], size_t *len)
{
    uint8_t id[FARMIQ_UUID_BYTES];
    char event_id[FARMIQ_UUID_STRLEN + 1], payload[96];
    struct farmiq_envelope env;
    int r;

    farmiq_envelope_init(&env, sizeof env);
    r = farmiq_uuid_v7(id, &device->ids, now_unix_ms, entropy);
    if (r == FARMIQ_OK)
        r = farmiq_uuid_format(id, event_id);
    if (r == FARMIQ_OK)
        r = write_payload(milli_celsius, payload, sizeof payload, &env.payload.len);
    if (r != FARMIQ_OK)
        return r;
    env.payload.ptr = payload;
    env.schema_version = str("1.0");
    env.event_id = str(event_id);
    env.event_type = str("telemetry.reading");
    env.tenant_id = str(device->name.tenant_id);
    env.device_id = str(device->name.device_id);
    env.ts_unix_ms = env.produced_at_unix_ms = now_unix_ms;
    return farmiq_envelope_write(&env, text, DEVICE_MESSAGE_BYTES, len);
}

uint32_t device_wait_ms(uint32_t failures, uint32_t random)
{
    struct farmiq_backoff policy;
    uint32_t wait_ms = 0;

    farmiq_backoff_init(&policy, sizeof policy);
    policy.max_attempts = UINT32_MAX;
    if (farmiq_backoff_delay(&policy, failures, random, &wait_ms) == FARMIQ_EXHAUSTED)
        wait_ms = policy.max_ms;
    return wait_ms;
}

int device_is_new(struct device *device, const char *command_id, size_t len,
                  int64_t now_unix_ms)
{
    struct farmiq_str tenant = str(device->name.tenant_id);
    int r = farmiq_dedupe_check(device->commands, tenant.ptr, tenant.len, command_id, len,
                                now_unix_ms);

    return r < 0 ? r : r == FARMIQ_OK;
}
