/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of a store: check the arguments, find the method, call it. */
#include <farmiq/sql.h>
#include <farmiq/store.h>

#include "../core/private.h"

/* A table compiled against an older header simply ends sooner. */
#define HAS(store, method)                                                               \
    ((store)->ops->size >=                                                               \
         offsetof(struct farmiq_store_ops, method) + sizeof((store)->ops->method) &&     \
     (store)->ops->method)

/* Every verb ends with this: `needs` is what must hold of the other arguments. */
#define CALL(store, needs, method, ...)                                                  \
    (!(store) || !(store)->ops || !(needs) ? FARMIQ_E_ARG                                \
     : HAS(store, method) ? (store)->ops->method((store)->ctx, ##__VA_ARGS__)            \
                          : FARMIQ_E_UNSUPPORTED)

void farmiq_sighting_init(struct farmiq_sighting *sighting, size_t size)
{
    static const struct farmiq_sighting defaults;

    farmiq__init(sighting, size, &defaults, sizeof defaults);
}

void farmiq_outbox_claim_init(struct farmiq_outbox_claim *claim, size_t size)
{
    static const struct farmiq_outbox_claim defaults = { .limit = 100,
                                                         .lease_ms = 120000,
                                                         .max_claims = 50 };

    farmiq__init(claim, size, &defaults, sizeof defaults);
}

void farmiq_outbox_stats_init(struct farmiq_outbox_stats *stats, size_t size)
{
    static const struct farmiq_outbox_stats defaults;

    farmiq__init(stats, size, &defaults, sizeof defaults);
}

void farmiq_outbox_replay_init(struct farmiq_outbox_replay *replay, size_t size)
{
    static const struct farmiq_outbox_replay defaults = { .limit = 1000 };

    farmiq__init(replay, size, &defaults, sizeof defaults);
}

static uint64_t load_little_endian(const char *bytes, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    return word;
}

/* Multiply, then fold the high half down, eight bytes at a time: every input bit
 * reaches every output bit within two words, which is all a fingerprint needs. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

uint64_t farmiq_content_hash(const char *bytes, size_t len)
{
    uint64_t hash = mix(UINT64_C(0x6661726d6971), len);
    size_t at = 0;

    if (!bytes)
        len = 0;
    for (; len - at >= 8; at += 8)
        hash = mix(hash, load_little_endian(bytes + at, 8));
    hash = mix(mix(hash, load_little_endian(bytes + at, len - at)), len);
    return hash ? hash : 1; /* 0 means "unknown" in a sighting */
}

int farmiq_store_begin(struct farmiq_store *store) { return CALL(store, 1, begin); }

int farmiq_store_commit(struct farmiq_store *store) { return CALL(store, 1, commit); }

void farmiq_store_rollback(struct farmiq_store *store)
{
    if (store && store->ops && HAS(store, rollback))
        store->ops->rollback(store->ctx);
}

void farmiq_store_close(struct farmiq_store *store)
{
    if (!store)
        return;
    if (store->ops && HAS(store, close))
        store->ops->close(store->ctx);
    store->ops = NULL;
    store->ctx = NULL;
}

static int are_sightings(const struct farmiq_sighting *first)
{
    const struct farmiq_sighting *s;

    for (s = first; s; s = s->next)
        if (s->size < sizeof *s || !s->tenant_id.len || !s->event_id.len)
            return 0;
    return first != NULL;
}

/* What a row must have before a store may keep it. */
static int are_appendable(const struct farmiq_outbox_row *first)
{
    const struct farmiq_outbox_row *row;

    for (row = first; row; row = row->next)
        if (row->size < sizeof *row || !row->event ||
            row->event->size < sizeof *row->event || !row->event->tenant_id.len ||
            !row->event->event_id.len || !row->event->event_type.len ||
            !row->event->payload.len || row->status != FARMIQ_OUTBOX_PENDING)
            return 0;
    return first != NULL;
}

/* Settled rows carry one token, and a state that ends or repeats their journey. */
static int are_settled(const struct farmiq_outbox_row *first)
{
    const struct farmiq_outbox_row *row;

    for (row = first; row; row = row->next)
        if (row->size < sizeof *row || row->token[0] != first->token[0] ||
            row->token[1] != first->token[1] || !farmiq_outbox_status_name(row->status) ||
            (row->status > FARMIQ_OUTBOX_PENDING && row->status < FARMIQ_OUTBOX_ACKED))
            return 0;
    return first != NULL;
}

static int is_claim(const struct farmiq_outbox_claim *claim)
{
    return claim && claim->size >= sizeof *claim && claim->limit && claim->memory &&
           (uintptr_t)claim->memory % _Alignof(int64_t) == 0 &&
           (claim->token[0] || claim->token[1]);
}

int farmiq_store_dedupe(struct farmiq_store *store, const char *ledger,
                        struct farmiq_sighting *first, int64_t now_unix_ms,
                        int64_t expires_at_unix_ms)
{
    return CALL(store, ledger && are_sightings(first), dedupe, ledger, first, now_unix_ms,
                expires_at_unix_ms);
}

int farmiq_store_dedupe_purge(struct farmiq_store *store, const char *ledger,
                              int64_t now_unix_ms, uint32_t limit, uint32_t *purged)
{
    return CALL(store, ledger && purged, dedupe_purge, ledger, now_unix_ms, limit,
                purged);
}

int farmiq_store_outbox_append(struct farmiq_store *store, const char *queue,
                               struct farmiq_outbox_row *first, int64_t now_unix_ms)
{
    return CALL(store, queue && are_appendable(first), outbox_append, queue, first,
                now_unix_ms);
}

int farmiq_store_outbox_claim(struct farmiq_store *store, const char *queue,
                              const struct farmiq_outbox_claim *claim,
                              struct farmiq_outbox_row **first)
{
    return CALL(store, queue && is_claim(claim) && first, outbox_claim, queue, claim,
                first);
}

int farmiq_store_outbox_renew(struct farmiq_store *store, const char *queue,
                              const uint64_t token[2], int64_t now_unix_ms,
                              uint32_t lease_ms)
{
    return CALL(store, queue && token, outbox_renew, queue, token, now_unix_ms, lease_ms);
}

int farmiq_store_outbox_settle(struct farmiq_store *store, const char *queue,
                               struct farmiq_outbox_row *first, int64_t now_unix_ms)
{
    return CALL(store, queue && are_settled(first), outbox_settle, queue, first,
                now_unix_ms);
}

int farmiq_store_outbox_stats(struct farmiq_store *store, const char *queue,
                              struct farmiq_outbox_stats *stats)
{
    return CALL(store, queue && stats && stats->size >= sizeof *stats, outbox_stats,
                queue, stats);
}

int farmiq_store_outbox_redrive(struct farmiq_store *store, const char *queue,
                                const int64_t *seqs, uint32_t seq_count,
                                struct farmiq_str by, struct farmiq_str reason,
                                int64_t now_unix_ms, uint32_t *redriven)
{
    return CALL(store, queue && redriven && (seqs || !seq_count), outbox_redrive, queue,
                seqs, seq_count, by, reason, now_unix_ms, redriven);
}

int farmiq_store_outbox_unclaim(struct farmiq_store *store, const char *queue,
                                int64_t now_unix_ms, int64_t older_than_ms,
                                uint32_t *unclaimed)
{
    return CALL(store, queue && unclaimed, outbox_unclaim, queue, now_unix_ms,
                older_than_ms, unclaimed);
}

int farmiq_store_outbox_purge(struct farmiq_store *store, const char *queue,
                              int64_t before_unix_ms, uint32_t limit, uint32_t *purged)
{
    return CALL(store, queue && purged, outbox_purge, queue, before_unix_ms, limit,
                purged);
}

int farmiq_store_outbox_replay(struct farmiq_store *store, const char *queue,
                               struct farmiq_outbox_replay *replay, uint32_t *replayed)
{
    return CALL(store, queue && replay && replay->size >= sizeof *replay && replayed,
                outbox_replay, queue, replay, replayed);
}

int farmiq_store_outbox_purge_dead(struct farmiq_store *store, const char *queue,
                                   int64_t before_unix_ms, uint32_t limit,
                                   uint32_t *purged)
{
    return CALL(store, queue && purged, outbox_purge_dead, queue, before_unix_ms, limit,
                purged);
}

static struct farmiq_sql_value value_of(int32_t type)
{
    struct farmiq_sql_value value = { .type = type };

    return value;
}

struct farmiq_sql_value farmiq_sql_null(void) { return value_of(FARMIQ_SQL_NULL); }

struct farmiq_sql_value farmiq_sql_integer(int64_t value)
{
    struct farmiq_sql_value v = value_of(FARMIQ_SQL_INTEGER);

    v.integer = value;
    return v;
}

struct farmiq_sql_value farmiq_sql_real(double value)
{
    struct farmiq_sql_value v = value_of(FARMIQ_SQL_REAL);

    v.real = value;
    return v;
}

struct farmiq_sql_value farmiq_sql_text(struct farmiq_str value)
{
    struct farmiq_sql_value v = value_of(FARMIQ_SQL_TEXT);

    v.text = value;
    return v;
}

struct farmiq_sql_value farmiq_sql_text_or_null(struct farmiq_str value)
{
    return value.len ? farmiq_sql_text(value) : farmiq_sql_null();
}

int farmiq_sql_run(struct farmiq_store *store, const struct farmiq_sql_query *query,
                   const char *queue, const struct farmiq_sql_value *params,
                   uint32_t param_count, farmiq_sql_row_fn on_row, void *ctx)
{
    return CALL(store, query && (params || !param_count), sql_run, query, queue, params,
                param_count, 0, on_row, ctx);
}

int farmiq_sql_run_many(struct farmiq_store *store, const struct farmiq_sql_query *query,
                        const char *queue, const struct farmiq_sql_value *params,
                        uint32_t param_count, uint32_t row_count,
                        farmiq_sql_row_fn on_row, void *ctx)
{
    if (store && store->ops && query && row_count == 0)
        return FARMIQ_OK;
    return CALL(store, query && (params || !param_count), sql_run, query, queue, params,
                param_count, row_count, on_row, ctx);
}
