/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a batch. */
#include <farmiq/batch.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int64_t scratch[1 << 16];
    struct farmiq_batch batch = { .size = sizeof batch };
    uint32_t count = 0;

    if (farmiq_batch_parse(&batch, (const char *)data, size, scratch, sizeof scratch,
                           NULL) != FARMIQ_OK)
        return 0;
    for (const struct farmiq_event *event = batch.first; event; event = event->next)
        must(event->index == count++ && (event->refusal || event->payload.len >= 2));
    must(count == batch.event_count);
    return 0;
}
