/* SPDX-License-Identifier: Apache-2.0 */
/* Feedings as rows: edge and cloud keep them in tables of the same shape. */
#include "common/feed.h"
#include "common_queries.h"

#define COLUMNS 15

static void put_row(struct farmiq_sql_value *to, const struct feeding *feeding,
                    int64_t now_unix_ms)
{
    to[0] = farmiq_sql_text(feeding->tenant_id);
    to[1] = farmiq_sql_text(feeding->event_id);
    to[2] = farmiq_sql_text_or_null(feeding->external_ref);
    to[3] = farmiq_sql_text(feeding->farm_id);
    to[4] = farmiq_sql_text(feeding->barn_id);
    to[5] = farmiq_sql_text_or_null(feeding->batch_id);
    to[6] = farmiq_sql_text_or_null(feeding->device_id);
    to[7] = farmiq_sql_text(feeding->source);
    to[8] = farmiq_sql_text_or_null(feeding->feed_formula_id);
    to[9] = farmiq_sql_text_or_null(feeding->feed_lot_id);
    to[10] = farmiq_sql_real(feeding->quantity_kg);
    to[11] =
        feeding->sequence < 0 ? farmiq_sql_null() : farmiq_sql_integer(feeding->sequence);
    to[12] = farmiq_sql_text_or_null(feeding->notes);
    to[13] = farmiq_sql_integer(feeding->occurred_at_unix_ms);
    to[14] = farmiq_sql_integer(now_unix_ms);
}

static int note_new(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct feeding **by_row = ctx;

    (void)columns;
    (void)count;
    by_row[row]->is_new = 1;
    return 0;
}

int feed_store(struct shim_call *call, const char *table, struct feeding *first)
{
    struct farmiq_sql_value *params;
    struct feeding **by_row;
    size_t count = 1;
    uint32_t rows = 0;

    for (const struct feeding *feeding = first; feeding; feeding = feeding->next)
        count++;
    params = shim_memory(call, count * COLUMNS * sizeof *params);
    by_row = shim_memory(call, count * sizeof(void *));
    if (!params || !by_row)
        return FARMIQ_E_NOMEM;
    for (struct feeding *feeding = first; feeding; feeding = feeding->next)
        if (!feeding->refusal) {
            put_row(params + (size_t)rows * COLUMNS, feeding, call->now_unix_ms);
            by_row[rows++] = feeding;
        }
    return rows ? farmiq_sql_run_many(call->store, &sql_feeding_add, table, params,
                                      COLUMNS, rows, note_new, by_row)
                : FARMIQ_OK;
}

/* A feeding, and whether one that is stored says the same. */
struct twin {
    const struct feeding *feeding;
    int is_same;
};

static int compare(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                   uint32_t count)
{
    struct twin *twin = ctx;

    (void)row;
    (void)count;
    twin->is_same |= columns[0].real == twin->feeding->quantity_kg &&
                     columns[1].integer == twin->feeding->occurred_at_unix_ms;
    return 0;
}

int feed_look_for_repeat(struct shim_call *call, const char *table,
                         const struct feeding *feeding, int *is_repeat)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(feeding->tenant_id),
        farmiq_sql_text(feeding->event_id),
        farmiq_sql_text_or_null(feeding->external_ref),
    };
    struct twin twin = { feeding, 0 };
    int r =
        farmiq_sql_run(call->store, &sql_feeding_twin, table, params, 3, compare, &twin);

    *is_repeat = twin.is_same;
    return r;
}
