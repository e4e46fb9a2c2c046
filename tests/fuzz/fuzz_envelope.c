/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope, strict and loose. */
#include <farmiq/envelope.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int64_t scratch[FARMIQ_ENVELOPE_SCRATCH_BYTES / sizeof(int64_t)];
    struct farmiq_envelope env = { .size = sizeof env };
    struct farmiq_envelope_rules rules = { .size = sizeof rules, .loose_ids = size & 1 };
    char text[1024];
    size_t len;

    if (farmiq_envelope_parse(&env, &rules, (const char *)data, size, scratch,
                              sizeof scratch, NULL) == FARMIQ_OK &&
        farmiq_envelope_write(&env, text, sizeof text, &len) == FARMIQ_OK)
        must(farmiq_envelope_parse(&env, &rules, text, len, scratch, sizeof scratch,
                                   NULL) == FARMIQ_OK);
    return 0;
}
