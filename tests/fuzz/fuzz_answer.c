/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a batch of two, applied. */
#include <farmiq/batch.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int64_t scratch[1 << 14];
    struct farmiq_event second = { .size = sizeof second, .index = 1 };
    struct farmiq_event first = { .size = sizeof first, .next = &second };
    struct farmiq_batch_answer answer = { .size = sizeof answer };

    first.event_id = (struct farmiq_str){ "e0", 2 };
    second.event_id = (struct farmiq_str){ "e1", 2 };
    if (farmiq_batch_answer_parse(&answer, (const char *)data, size, scratch,
                                  sizeof scratch, NULL) == FARMIQ_OK &&
        farmiq_batch_answer_apply(&answer, &first, 2, NULL) != FARMIQ_OK)
        must(!first.refusal && !second.refusal);
    return 0;
}
