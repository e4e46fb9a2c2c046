/* SPDX-License-Identifier: Apache-2.0 */
/* How to write a store: the methods of struct farmiq_store_ops that you can, NULL for the
 * others, and a row in tests/conformance/harness.c, which asks it what the contract in
 * farmiq/store.h promises. */
#include "shelf.h"

#include <string.h>

static int put_text(struct shelf_slot *slot, struct farmiq_str text)
{
    if (text.len >= SHELF_KEY_BYTES - slot->key_bytes)
        return FARMIQ_E_NOSPACE;
    memcpy(slot->key + slot->key_bytes, text.ptr, text.len);
    slot->key[slot->key_bytes + text.len] = '\0';
    slot->key_bytes += (uint32_t)text.len + 1;
    return FARMIQ_OK;
}

/* The NULs between the parts keep ("t", "1e") and ("t1", "e") apart. */
static int make_slot(struct shelf_slot *slot, const char *ledger,
                     const struct farmiq_sighting *sighting, int64_t expires_at_unix_ms)
{
    int r;

    memset(slot, 0, sizeof *slot);
    slot->expires_at_unix_ms = expires_at_unix_ms;
    slot->content_hash = sighting->content_hash;
    r = put_text(slot, (struct farmiq_str){ ledger, strlen(ledger) });
    if (r == FARMIQ_OK)
        r = put_text(slot, sighting->tenant_id);
    return r == FARMIQ_OK ? put_text(slot, sighting->event_id) : r;
}

static const struct shelf_slot *find(const struct shelf *shelf, uint32_t count,
                                     const struct shelf_slot *wanted, int64_t now_unix_ms)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct shelf_slot *slot = &shelf->slots[i];

        if (slot->expires_at_unix_ms > now_unix_ms &&
            slot->key_bytes == wanted->key_bytes &&
            memcmp(slot->key, wanted->key, slot->key_bytes) == 0)
            return slot;
    }
    return NULL;
}

static int verdict_on(const struct shelf_slot *seen, uint64_t content_hash)
{
    if (!seen)
        return FARMIQ_OK;
    return seen->content_hash && content_hash && seen->content_hash != content_hash
               ? FARMIQ_CONFLICT
               : FARMIQ_DUPLICATE;
}

/* What is new is written behind the end, and the end moves last: a verb that fails half
 * way, for want of room, has changed nothing. */
static int dedupe(void *ctx, const char *ledger, struct farmiq_sighting *first,
                  int64_t now_unix_ms, int64_t expires_at_unix_ms)
{
    struct shelf *shelf = ctx;
    uint32_t count = shelf->count;

    for (struct farmiq_sighting *s = first; s; s = s->next) {
        struct shelf_slot slot;
        int r = make_slot(&slot, ledger, s, expires_at_unix_ms);

        if (r != FARMIQ_OK)
            return r;
        s->verdict = verdict_on(find(shelf, count, &slot, now_unix_ms), s->content_hash);
        if (s->verdict != FARMIQ_OK)
            continue;
        if (count == SHELF_SLOTS)
            return FARMIQ_E_NOSPACE;
        shelf->slots[count++] = slot;
    }
    shelf->count = count;
    return FARMIQ_OK;
}

/* The last slot moves into the gap: a table needs no order. */
static int dedupe_purge(void *ctx, const char *ledger, int64_t now_unix_ms,
                        uint32_t limit, uint32_t *purged)
{
    struct shelf *shelf = ctx;

    *purged = 0;
    for (uint32_t i = 0; i < shelf->count && *purged < limit;) {
        struct shelf_slot *slot = &shelf->slots[i];

        if (slot->expires_at_unix_ms > now_unix_ms || strcmp(slot->key, ledger) != 0) {
            i++;
        } else {
            *slot = shelf->slots[--shelf->count];
            ++*purged;
        }
    }
    return FARMIQ_OK;
}

static const struct farmiq_store_ops shelf_ops = {
    .size = sizeof shelf_ops,
    .dedupe = dedupe,
    .dedupe_purge = dedupe_purge,
};

void shelf_open(struct farmiq_store *out, struct shelf *shelf)
{
    out->ops = &shelf_ops;
    out->ctx = shelf;
}
