/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that only read, on threads of their own, each with its own reader beside
 * the writer: a slow query never holds up a barn. */
#include <stdlib.h>

#include "kit/internal.h"
#include "kit/store_open.h"

struct reader {
    pthread_t thread;
    struct shim_readers *pool;
    struct farmiq_store store; /* zeroed when the process keeps nothing */
};

struct shim_readers {
    struct shim_units units;
    uint32_t count;
    struct reader readers[];
};

/* What the handler forgot to ask for, the store does not show. */
static int look(struct reader *reader, struct shim_unit *unit)
{
    struct shim_call *call = unit->call;
    int r = FARMIQ_OK;

    call->store = reader->store.ops ? &reader->store : NULL;
    if (call->store)
        r = shim_store_look_for(call->store, call->tenant_id);
    return r ? r : unit->run(call, unit->arg);
}

static void *read_for_ever(void *arg)
{
    struct reader *reader = arg;
    struct shim_unit *unit;

    while ((unit = shim_units_take(&reader->pool->units, 1)) != NULL) {
        unit->result = look(reader, unit);
        unit->done(unit);
    }
    farmiq_store_close(&reader->store);
    shim_request_thread_end(); /* a request may have asked a neighbour from here */
    return NULL;
}

static int start_reader(struct shim_readers *pool, const struct shim_runtime *runtime,
                        const struct farmiq_migration *schema, struct farmiq_error *error)
{
    struct reader *reader = &pool->readers[pool->count];
    int r = FARMIQ_OK;

    reader->pool = pool;
    if (schema)
        r = shim_store_open(&reader->store, runtime->options, schema, SHIM_STORE_READ,
                            error);
    if (r < 0)
        return r;
    if (pthread_create(&reader->thread, NULL, read_for_ever, reader)) {
        farmiq_store_close(&reader->store);
        return FARMIQ_E_NOMEM;
    }
    pool->count++;
    return FARMIQ_OK;
}

int shim_readers_open(struct shim_readers **out, struct shim_runtime *runtime,
                      const struct farmiq_migration *schema, uint32_t thread_count,
                      struct farmiq_error *error)
{
    struct shim_readers *pool =
        calloc(1, sizeof *pool + thread_count * sizeof *pool->readers);
    int r = FARMIQ_OK;

    if (!pool)
        return FARMIQ_E_NOMEM;
    shim_units_init(&pool->units);
    while (r == FARMIQ_OK && pool->count < thread_count)
        r = start_reader(pool, runtime, schema, error);
    if (r == FARMIQ_OK)
        *out = pool;
    else
        shim_readers_close(pool);
    return r;
}

void shim_readers_close(struct shim_readers *pool)
{
    if (!pool)
        return;
    shim_units_end(&pool->units);
    for (uint32_t i = 0; i < pool->count; i++)
        pthread_join(pool->readers[i].thread, NULL);
    shim_units_fini(&pool->units);
    free(pool);
}

void shim_readers_submit(struct shim_readers *pool, struct shim_unit *unit)
{
    shim_units_push(&pool->units, unit);
}
