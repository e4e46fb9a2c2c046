/* SPDX-License-Identifier: Apache-2.0 */
/* How many URLs a device gets in a minute: each puts a device's time forward by its
 * share of the minute, and a device whose time is a minute ahead waits. */
#include "media.h"

#define MINUTE_MS 60000
#define PROBES 8

static uint64_t name_of(const struct media *media)
{
    uint64_t parts[2] = {
        farmiq_content_hash(media->text[MEDIA_TENANT].ptr, media->text[MEDIA_TENANT].len),
        farmiq_content_hash(media->text[MEDIA_DEVICE].ptr, media->text[MEDIA_DEVICE].len),
    };

    return farmiq_content_hash((const char *)parts, sizeof parts) | 1;
}

/* The device's own slot, or the one whose device has been quiet for longest. */
static struct media_rate *slot_of(struct media_state *state, uint64_t device)
{
    struct media_rate *best = NULL;

    for (uint64_t i = 0; i < PROBES; i++) {
        struct media_rate *slot = &state->rates[(device + i) % MEDIA_RATE_SLOTS];

        if (slot->device == device)
            return slot;
        if (!best || slot->until_ms < best->until_ms)
            best = slot;
    }
    *best = (struct media_rate){ device, 0 };
    return best;
}

int64_t media_rate_wait_ms(struct shim_call *call, const struct media *media)
{
    int64_t most = shim_number(call, "MEDIA_PRESIGN_PER_MINUTE"), share_ms, ahead_ms;
    struct media_rate *slot;

    if (most <= 0)
        return 0;
    share_ms = MINUTE_MS / most;
    slot = slot_of(call->state, name_of(media));
    if (slot->until_ms < call->now_unix_ms)
        slot->until_ms = call->now_unix_ms;
    ahead_ms = slot->until_ms - call->now_unix_ms;
    if (ahead_ms > (most - 1) * share_ms)
        return ahead_ms - (most - 1) * share_ms;
    slot->until_ms += share_ms;
    return 0;
}
