/* SPDX-License-Identifier: Apache-2.0 */
/* Where the events in the bus's queues came from. */
#include "kit/bus_origin.h"

#include "queries.h"

/* ## Noting */

#define ORIGIN_COLUMNS 6

/* Runs of numbers without a gap: an engine that numbers by itself leaves some. */
struct runs {
    struct farmiq_sql_value *params; /* of origin_add */
    uint32_t count;
};

static void note(struct runs *runs, struct shim_call *call, const char *queue,
                 int64_t seq, struct farmiq_str edge_id)
{
    struct farmiq_sql_value *to = runs->params + (size_t)runs->count * ORIGIN_COLUMNS;

    if (runs->count && to[2 - ORIGIN_COLUMNS].integer + 1 == seq) {
        to[2 - ORIGIN_COLUMNS] = farmiq_sql_integer(seq);
        return;
    }
    to[0] = farmiq_sql_text(shim_str(queue));
    to[1] = to[2] = farmiq_sql_integer(seq);
    to[3] = farmiq_sql_text_or_null(call->request_id);
    to[4] = farmiq_sql_text_or_null(edge_id);
    to[5] = farmiq_sql_integer(call->now_unix_ms);
    runs->count++;
}

static uint32_t count_rows(const struct farmiq_outbox_row *row)
{
    uint32_t count = 0;

    for (; row; row = row->next)
        count++;
    return count;
}

static int add(struct shim_call *call, const struct runs *runs)
{
    int r = FARMIQ_OK;

    if (!runs->count)
        return r;
    r = farmiq_sql_run(call->store, &sql_origin_forget, NULL, runs->params, 2, NULL,
                       NULL);
    if (r >= 0)
        r = farmiq_sql_run(call->store, &sql_origin_cut, NULL, runs->params, 2, NULL,
                           NULL);
    return r < 0 ? r
                 : farmiq_sql_run_many(call->store, &sql_origin_add, NULL, runs->params,
                                       ORIGIN_COLUMNS, runs->count, NULL, NULL);
}

int shim_bus_append(struct shim_call *call, const char *queue,
                    struct farmiq_outbox_row *rows, struct farmiq_str edge_id)
{
    struct runs runs = { shim_memory(call, (size_t)count_rows(rows) * ORIGIN_COLUMNS *
                                               sizeof *runs.params),
                         0 };
    int is_known = call->request_id.len || edge_id.len;
    int r = runs.params
                ? farmiq_store_outbox_append(call->store, queue, rows, call->now_unix_ms)
                : FARMIQ_E_NOMEM;

    if (r < 0)
        return r;
    /* No request brought what the bus itself moves: its own time says nothing. */
    for (const struct farmiq_outbox_row *row = rows; row && is_known; row = row->next)
        if (row->verdict == FARMIQ_OK)
            note(&runs, call, queue, row->seq, edge_id);
    r = add(call, &runs);
    return r < 0 ? r : FARMIQ_OK;
}

/* ## Asking */

/* Rows that are claimed together mostly came together: so many runs are asked for one by
 * one, each for all of its rows, before the rest is asked row by row in one statement. */
#define RUNS_ALONE 4

struct asking {
    struct shim_call *call;
    struct shim_call *keeper;        /* whose memory keeps the answers */
    struct farmiq_sql_value *params; /* queue and number of each row */
    struct shim_origin *origins;     /* of each row */
    uint32_t at, count;              /* rows before are known */
    int64_t first_seq, last_seq;     /* the run read last; 0: none */
    struct shim_origin last;         /* and what it says */
};

static int is_in_run(const struct asking *asking, uint32_t row)
{
    int64_t seq = asking->params[2 * row + 1].integer;

    return asking->first_seq && seq >= asking->first_seq && seq <= asking->last_seq;
}

static int keep(struct asking *asking, struct farmiq_str *to, struct farmiq_str text)
{
    *to = shim_call_copy(asking->keeper, text);
    return to->len == text.len ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

static int on_origin(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    struct asking *asking = ctx;
    int r = FARMIQ_OK;

    (void)count;
    if (columns[0].integer != asking->first_seq) {
        r = keep(asking, &asking->last.request_id, columns[2].text);
        if (r == FARMIQ_OK)
            r = keep(asking, &asking->last.edge_id, columns[3].text);
    }
    asking->first_seq = columns[0].integer;
    asking->last_seq = columns[1].integer;
    asking->last.ingested_at_unix_ms = columns[4].integer;
    if (is_in_run(asking, asking->at + row))
        asking->origins[asking->at + row] = asking->last;
    return r;
}

static int ask(struct asking *asking, uint32_t count)
{
    int r = farmiq_sql_run_many(asking->call->store, &sql_origin_of, NULL,
                                asking->params + (size_t)2 * asking->at, 2, count,
                                on_origin, asking);

    asking->at += count;
    return r;
}

static int ask_all(struct asking *asking)
{
    int r = FARMIQ_OK;

    for (int runs = 0; asking->at < asking->count && r >= 0;) {
        if (is_in_run(asking, asking->at))
            asking->origins[asking->at++] = asking->last;
        else
            r = ask(asking, runs++ < RUNS_ALONE ? 1 : asking->count - asking->at);
    }
    return r < 0 ? r : FARMIQ_OK;
}

int shim_bus_origins(struct shim_call *call, const char *queue,
                     const struct farmiq_outbox_row *rows, struct shim_call *keeper,
                     struct shim_origin **out)
{
    uint32_t count = count_rows(rows), i = 0;
    struct asking asking = { .call = call, .keeper = keeper, .count = count };

    asking.params = shim_memory(call, (size_t)2 * count * sizeof *asking.params);
    asking.origins = shim_memory(keeper, count * sizeof *asking.origins);
    if (!asking.params || !asking.origins)
        return FARMIQ_E_NOMEM;
    for (; rows; rows = rows->next) {
        asking.params[i++] = farmiq_sql_text(shim_str(queue));
        asking.params[i++] = farmiq_sql_integer(rows->seq);
    }
    *out = asking.origins;
    return ask_all(&asking);
}
