/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger verbs: what was seen, and whether it says the same again. */
#include "engine.h"

#include "queue_queries.h"

struct seeing {
    const char *ledger;
    struct farmiq_sighting *first;
    int64_t now_unix_ms, expires_at_unix_ms;
};

struct chunk {
    struct farmiq_sighting *sightings[FARMIQ__CHUNK];
    char hashes[FARMIQ__CHUNK][17];
    uint32_t count;
};

/* 16 digits of hex, or NULL for a hash nobody took. */
static struct farmiq_sql_value hash_value(uint64_t hash, char text[17])
{
    struct farmiq_str s = { text, 16 };

    if (!hash)
        return farmiq_sql_null();
    for (int i = 0; i < 16; i++)
        text[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
    return farmiq_sql_text(s);
}

static int on_new(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                  uint32_t count)
{
    struct chunk *chunk = ctx;

    (void)columns, (void)count;
    chunk->sightings[row]->verdict = FARMIQ_OK;
    return FARMIQ_OK;
}

static int on_seen(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                   uint32_t count)
{
    struct chunk *chunk = ctx;

    (void)count;
    if (!columns[0].integer)
        chunk->sightings[row]->verdict = FARMIQ_CONFLICT;
    return FARMIQ_OK;
}

static int add_chunk(struct farmiq__engine *engine, const struct seeing *seeing,
                     struct chunk *chunk)
{
    struct farmiq_sql_value *p = engine->params;

    for (uint32_t i = 0; i < chunk->count; i++, p += 6) {
        struct farmiq_sighting *sighting = chunk->sightings[i];

        p[0] = farmiq_sql_text(sighting->tenant_id);
        p[1] = farmiq_sql_text(sighting->event_id);
        p[2] = farmiq_sql_integer(seeing->now_unix_ms);
        p[3] = farmiq_sql_integer(seeing->expires_at_unix_ms);
        p[4] = farmiq_sql_text(sighting->source);
        p[5] = hash_value(sighting->content_hash, chunk->hashes[i]);
        sighting->verdict = FARMIQ_DUPLICATE;
    }
    return farmiq_sql_run_many(&engine->store, &sql_sighting_add, seeing->ledger,
                               engine->params, 6, chunk->count, on_new, chunk);
}

/* Keep only what was there already; those are compared. */
static int judge_chunk(struct farmiq__engine *engine, const struct seeing *seeing,
                       struct chunk *chunk)
{
    struct farmiq_sql_value *p = engine->params;
    uint32_t seen = 0;

    for (uint32_t i = 0; i < chunk->count; i++) {
        struct farmiq_sighting *sighting = chunk->sightings[i];

        if (sighting->verdict != FARMIQ_DUPLICATE)
            continue;
        *p++ = farmiq_sql_text(sighting->tenant_id);
        *p++ = farmiq_sql_text(sighting->event_id);
        *p++ = hash_value(sighting->content_hash, chunk->hashes[seen]);
        chunk->sightings[seen++] = sighting;
    }
    return farmiq_sql_run_many(&engine->store, &sql_sighting_compare, seeing->ledger,
                               engine->params, 3, seen, on_seen, chunk);
}

static int see(struct farmiq__engine *engine, void *arg)
{
    struct seeing *seeing = arg;
    struct farmiq_sighting *next = seeing->first;
    struct chunk chunk;
    int r = FARMIQ_OK;

    while (next && !r) {
        for (chunk.count = 0; next && chunk.count < FARMIQ__CHUNK; next = next->next)
            chunk.sightings[chunk.count++] = next;
        r = add_chunk(engine, seeing, &chunk);
        if (!r)
            r = judge_chunk(engine, seeing, &chunk);
    }
    return r;
}

int farmiq__dedupe(void *ctx, const char *ledger, struct farmiq_sighting *first,
                   int64_t now_unix_ms, int64_t expires_at_unix_ms)
{
    struct seeing seeing = { ledger, first, now_unix_ms, expires_at_unix_ms };

    return farmiq__unit(ctx, see, &seeing);
}

static int on_counted(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    (void)row, (void)columns, (void)count;
    ++*(uint32_t *)ctx;
    return FARMIQ_OK;
}

int farmiq__dedupe_purge(void *ctx, const char *ledger, int64_t now_unix_ms,
                         uint32_t limit, uint32_t *purged)
{
    struct farmiq__engine *engine = ctx;
    const struct farmiq_sql_value params[] = { farmiq_sql_integer(now_unix_ms),
                                               farmiq_sql_integer(limit) };
    uint32_t count = 0;
    int r = farmiq_sql_run(&engine->store, &sql_sighting_purge, ledger, params, 2,
                           on_counted, &count);

    if (!r)
        *purged = count;
    return r;
}
