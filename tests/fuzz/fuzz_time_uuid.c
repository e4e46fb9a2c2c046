/* SPDX-License-Identifier: Apache-2.0 */
/* A moment or a UUID; what is understood reads back. */
#include <farmiq/error.h>
#include <farmiq/time.h>
#include <farmiq/uuid.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t unix_ms, again_unix_ms;
    uint8_t id[FARMIQ_UUID_BYTES], again[FARMIQ_UUID_BYTES];
    char text[64];

    if (farmiq_time_parse((const char *)data, size, &unix_ms) == FARMIQ_OK) {
        must(farmiq_time_format(unix_ms, text) == FARMIQ_OK);
        must(farmiq_time_parse(text, FARMIQ_TIME_STRLEN, &again_unix_ms) == FARMIQ_OK);
        must(again_unix_ms == unix_ms);
    }
    if (farmiq_uuid_parse(id, (const char *)data, size) == FARMIQ_OK) {
        must(farmiq_uuid_format(id, text) == FARMIQ_OK);
        must(farmiq_uuid_parse(again, text, FARMIQ_UUID_STRLEN) == FARMIQ_OK);
        must(memcmp(id, again, sizeof id) == 0);
    }
    return 0;
}
