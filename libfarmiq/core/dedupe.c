/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded memory of event ids for devices without a store: a ring of fingerprints,
 * oldest overwritten first, with hash chains through it. */
#include <farmiq/dedupe.h>
#include <farmiq/error.h>

#include "private.h"

/* Slots are named by their index plus one; nobody is 0. */
#define NOBODY 0

struct slot {
    uint8_t fingerprint[FARMIQ__SIPHASH_BYTES];
    int64_t seen_at_unix_ms;
    uint32_t older;  /* the next older slot of the same bucket */
    uint32_t bucket; /* the newest slot of the bucket that has this index */
};

struct farmiq_dedupe {
    int64_t ttl_ms;
    uint8_t key[16];
    uint32_t capacity;
    uint32_t used; /* slots that hold a sighting */
    uint32_t next; /* index of the slot to write: the oldest once all are used */
    uint32_t reserved;
    struct slot slots[];
};

size_t farmiq_dedupe_bytes(uint32_t capacity)
{
    uint64_t bytes =
        sizeof(struct farmiq_dedupe) + (uint64_t)capacity * sizeof(struct slot);

    return capacity > 0 && bytes <= SIZE_MAX ? (size_t)bytes : 0;
}

int farmiq_dedupe_init(struct farmiq_dedupe **out, void *memory, size_t bytes,
                       uint32_t capacity, int64_t ttl_ms, const uint8_t key[16])
{
    struct farmiq_dedupe *window = memory;
    size_t needed = farmiq_dedupe_bytes(capacity);

    if (!out || !memory || (uintptr_t)memory % sizeof(int64_t) || !key || !needed ||
        ttl_ms <= 0)
        return FARMIQ_E_ARG;
    if (bytes < needed)
        return FARMIQ_E_NOSPACE;
    memset(memory, 0, needed);
    window->ttl_ms = ttl_ms;
    window->capacity = capacity;
    memcpy(window->key, key, sizeof window->key);
    *out = window;
    return FARMIQ_OK;
}

/* The tenant's length goes first, so that ("ab", "c") and ("a", "bc") differ. */
static void take_fingerprint(const struct farmiq_dedupe *window, struct farmiq_str tenant,
                             struct farmiq_str event, uint8_t out[FARMIQ__SIPHASH_BYTES])
{
    uint64_t tenant_len = tenant.len;
    struct farmiq_str parts[] = {
        { (const char *)&tenant_len, sizeof tenant_len },
        tenant,
        event,
    };

    farmiq__siphash(window->key, parts, 3, out);
}

/* Scale 32 bits of the fingerprint to 0..capacity - 1 without a division. */
static uint32_t bucket_of(const struct farmiq_dedupe *window, const uint8_t *fingerprint)
{
    uint32_t hash;

    memcpy(&hash, fingerprint, sizeof hash);
    return (uint32_t)((uint64_t)hash * window->capacity >> 32);
}

static const struct slot *find(const struct farmiq_dedupe *window,
                               const uint8_t *fingerprint)
{
    uint32_t name = window->slots[bucket_of(window, fingerprint)].bucket;

    while (name != NOBODY) {
        const struct slot *slot = &window->slots[name - 1];

        if (memcmp(slot->fingerprint, fingerprint, FARMIQ__SIPHASH_BYTES) == 0)
            return slot;
        name = slot->older;
    }
    return NULL;
}

/* The oldest sighting of all is the last one of its chain. */
static void forget_oldest(struct farmiq_dedupe *window)
{
    uint32_t name = window->next + 1;
    uint32_t *link =
        &window->slots[bucket_of(window, window->slots[window->next].fingerprint)].bucket;

    while (*link != name)
        link = &window->slots[*link - 1].older;
    *link = NOBODY;
}

static void remember(struct farmiq_dedupe *window, const uint8_t *fingerprint,
                     int64_t now_unix_ms)
{
    struct slot *slot = &window->slots[window->next];
    uint32_t *bucket = &window->slots[bucket_of(window, fingerprint)].bucket;

    if (window->used == window->capacity)
        forget_oldest(window);
    else
        window->used++;
    memcpy(slot->fingerprint, fingerprint, FARMIQ__SIPHASH_BYTES);
    slot->seen_at_unix_ms = now_unix_ms;
    slot->older = *bucket;
    *bucket = ++window->next;
    if (window->next == window->capacity)
        window->next = 0;
}

/* A sighting from what the clock now calls the future is still a sighting. */
static int is_fresh(const struct farmiq_dedupe *window, const struct slot *slot,
                    int64_t now_unix_ms)
{
    return now_unix_ms < slot->seen_at_unix_ms ||
           (uint64_t)now_unix_ms - (uint64_t)slot->seen_at_unix_ms <
               (uint64_t)window->ttl_ms;
}

int farmiq_dedupe_check(struct farmiq_dedupe *window, const char *tenant_id,
                        size_t tenant_id_len, const char *event_id, size_t event_id_len,
                        int64_t now_unix_ms)
{
    struct farmiq_str tenant = { tenant_id, tenant_id_len };
    struct farmiq_str event = { event_id, event_id_len };
    uint8_t fingerprint[FARMIQ__SIPHASH_BYTES];
    const struct slot *slot;

    if (!window || !farmiq__str_is_sound(tenant) || !farmiq__str_is_sound(event))
        return FARMIQ_E_ARG;
    take_fingerprint(window, tenant, event, fingerprint);
    slot = find(window, fingerprint);
    if (slot && is_fresh(window, slot, now_unix_ms))
        return FARMIQ_DUPLICATE;
    remember(window, fingerprint, now_unix_ms);
    return FARMIQ_OK;
}
