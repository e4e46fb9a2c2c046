/* SPDX-License-Identifier: Apache-2.0 */
/* A topic; what is understood is written back as it was, or in full. */
#include <farmiq/topic.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct farmiq_topic topic = { .size = sizeof topic },
                        again = { .size = sizeof again };
    char text[FARMIQ_TOPIC_MAX_BYTES + 1];
    size_t len;

    if (farmiq_topic_parse(&topic, (const char *)data, size, NULL) != FARMIQ_OK)
        return 0;
    must(farmiq_topic_format(&topic, text, sizeof text, &len) == FARMIQ_OK);
    must(farmiq_topic_parse(&again, text, len, NULL) == FARMIQ_OK);
    must(again.kind == topic.kind && again.leaf.len == topic.leaf.len);
    return 0;
}
