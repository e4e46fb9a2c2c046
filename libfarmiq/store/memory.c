/* SPDX-License-Identifier: Apache-2.0 */
/* The memory store: its ledger, and its table of verbs. */
#include "memory_private.h"

struct seeing {
    const char *ledger;
    struct farmiq_sighting *first;
    int64_t now_unix_ms, expires_at_unix_ms;
    uint32_t owner;
};

static int add_key(struct farmiq__memory *m, const struct seeing *s,
                   const struct farmiq_sighting *sighting)
{
    const struct farmiq_str texts[] = { sighting->tenant_id, sighting->event_id };
    struct farmiq__entry *key;
    uint32_t cell;
    int r = farmiq__cell_new(m, &cell);

    if (r)
        return r;
    key = farmiq__entry(m, cell);
    key->head.owner = s->owner;
    key->hash = farmiq__key_hash(s->owner, sighting->tenant_id, sighting->event_id);
    key->due_at_unix_ms = s->expires_at_unix_ms;
    key->token[0] = sighting->content_hash;
    r = farmiq__text_add(m, key, texts, 2);
    if (!r)
        r = farmiq__index_add(m, cell);
    return r ? r : farmiq__put(m, cell, KEYS);
}

/* An expired key counts as new, and is: its memory begins again. */
static int see_one(struct farmiq__memory *m, const struct seeing *s,
                   struct farmiq_sighting *sighting)
{
    uint32_t cell =
        farmiq__index_find(m, s->owner, sighting->tenant_id, sighting->event_id);
    const struct farmiq__entry *key = farmiq__entry(m, cell);
    uint64_t before, after = sighting->content_hash;
    int r = FARMIQ_OK;

    if (cell && key->due_at_unix_ms > s->now_unix_ms) {
        before = key->token[0];
        sighting->verdict =
            before && after && before != after ? FARMIQ_CONFLICT : FARMIQ_DUPLICATE;
        return FARMIQ_OK;
    }
    if (cell)
        r = farmiq__entry_free(m, cell);
    sighting->verdict = FARMIQ_OK;
    return r ? r : add_key(m, s, sighting);
}

static int see(struct farmiq__memory *m, void *arg)
{
    struct seeing *s = arg;
    int r = farmiq__named_get(m, &m->state.ledgers, s->ledger, &s->owner);

    for (struct farmiq_sighting *next = s->first; next && !r; next = next->next)
        r = see_one(m, s, next);
    return r;
}

static int dedupe(void *ctx, const char *ledger, struct farmiq_sighting *first,
                  int64_t now_unix_ms, int64_t expires_at_unix_ms)
{
    struct seeing s = { ledger, first, now_unix_ms, expires_at_unix_ms, 0 };

    return farmiq__memory_do(ctx, see, &s);
}

static int dedupe_purge(void *ctx, const char *ledger, int64_t now_unix_ms,
                        uint32_t limit, uint32_t *purged)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, count = 0;
    int r = farmiq__named_get(m, &m->state.ledgers, ledger, &owner);

    while (!r && count < limit && (cell = farmiq__first_of(m, owner, KEYS)) &&
           farmiq__entry(m, cell)->due_at_unix_ms <= now_unix_ms) {
        r = farmiq__entry_free(m, cell);
        count++;
    }
    if (!r)
        *purged = count;
    return r;
}

static const struct farmiq_store_ops ops = {
    .size = sizeof ops,
    .begin = farmiq__memory_begin,
    .commit = farmiq__memory_commit,
    .rollback = farmiq__memory_rollback,
    .dedupe = dedupe,
    .dedupe_purge = dedupe_purge,
    .outbox_append = farmiq__memory_append,
    .outbox_claim = farmiq__memory_claim,
    .outbox_renew = farmiq__memory_renew,
    .outbox_settle = farmiq__memory_settle,
    .outbox_stats = farmiq__memory_stats,
    .outbox_redrive = farmiq__memory_redrive,
    .outbox_unclaim = farmiq__memory_unclaim,
    .outbox_purge = farmiq__memory_purge,
    .outbox_replay = farmiq__memory_replay,
    .outbox_purge_dead = farmiq__memory_purge_dead,
};

int farmiq_store_open_memory(struct farmiq_store *out, void *memory, size_t bytes)
{
    struct farmiq__memory *m;
    int r;

    if (!out || !memory || (uintptr_t)memory % _Alignof(int64_t) != 0)
        return FARMIQ_E_ARG;
    r = farmiq__memory_init(&m, memory, bytes);
    if (r)
        return r;
    out->ops = &ops;
    out->ctx = m;
    return FARMIQ_OK;
}
