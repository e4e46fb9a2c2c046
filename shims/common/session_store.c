/* SPDX-License-Identifier: Apache-2.0 */
/* Facts into the tables of their kinds, each once. */
#include "common/session_private.h"

#include "common_queries.h"

/* Rows of facts of one kind on their way into their table. */
struct storing {
    struct weigh_fact **facts; /* by row */
    struct farmiq_sql_value *params;
    uint32_t count;
};

static int note_new(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct storing *storing = ctx;

    (void)columns;
    (void)count;
    storing->facts[row]->is_new = 1;
    return 0;
}

#define MOST_COLUMNS 8

static void put_weight(struct farmiq_sql_value *to, struct weigh_fact *fact,
                       int64_t now_unix_ms)
{
    fact->is_told = session_is_there(fact->session->fold.state);
    to[0] = farmiq_sql_text(fact->tenant_id);
    to[1] = farmiq_sql_text(fact->session_id);
    to[2] = farmiq_sql_text(fact->event_id);
    to[3] = farmiq_sql_text_or_null(fact->trace_id);
    to[4] = farmiq_sql_real(fact->weight_kg);
    to[5] = farmiq_sql_integer(fact->occurred_at_unix_ms);
    to[6] = farmiq_sql_integer(now_unix_ms);
    to[7] = fact->is_told ? farmiq_sql_integer(now_unix_ms) : farmiq_sql_null();
}

static void put_medium(struct farmiq_sql_value *to, struct weigh_fact *fact,
                       int64_t now_unix_ms)
{
    to[0] = farmiq_sql_text(fact->tenant_id);
    to[1] = farmiq_sql_text(fact->session_id);
    to[2] = farmiq_sql_text(fact->media_id);
    to[3] = farmiq_sql_text(fact->event_id);
    to[4] = farmiq_sql_text_or_null(fact->trace_id);
    to[5] = farmiq_sql_integer(fact->occurred_at_unix_ms);
    to[6] = farmiq_sql_integer(now_unix_ms);
}

/* The kinds of facts that have a table. */
static const struct table {
    int32_t kind;
    uint32_t column_count;
    const struct farmiq_sql_query *add;
    void (*put)(struct farmiq_sql_value *to, struct weigh_fact *fact,
                int64_t now_unix_ms);
} tables[] = {
    { FARMIQ_SESSION_EV_WEIGHT, 8, &sql_session_weight_add, put_weight },
    { FARMIQ_SESSION_EV_IMAGE, 7, &sql_session_media_add, put_medium },
};

static int store_in(struct shim_call *call, const struct table *table,
                    struct weigh_fact *first, uint32_t most)
{
    struct storing storing = {
        shim_memory(call, (most + 1) * sizeof(struct weigh_fact *)),
        shim_memory(call, (size_t)(most + 1) * MOST_COLUMNS * sizeof *storing.params),
        0,
    };

    if (!storing.facts || !storing.params)
        return FARMIQ_E_NOMEM;
    for (struct weigh_fact *fact = first; fact; fact = fact->next)
        if (fact->kind == table->kind && !fact->refusal) {
            table->put(storing.params + (size_t)storing.count * table->column_count, fact,
                       call->now_unix_ms);
            storing.facts[storing.count++] = fact;
        }
    return storing.count ? farmiq_sql_run_many(call->store, table->add, NULL,
                                               storing.params, table->column_count,
                                               storing.count, note_new, &storing)
                         : FARMIQ_OK;
}

int session_store_facts(struct shim_call *call, struct weigh_fact *first, uint32_t most)
{
    int r = FARMIQ_OK;

    for (size_t i = 0; i < sizeof tables / sizeof *tables && r == FARMIQ_OK; i++)
        r = store_in(call, &tables[i], first, most);
    return r;
}
