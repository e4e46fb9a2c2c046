/* SPDX-License-Identifier: Apache-2.0 */
/* Readings and buckets that are old enough go (spec edge 5.8), but no reading whose event
 * the cloud may not have: that is, none whose event is still in the outbox. */
#include "timeseries.h"

#include "common/purge.h"
#include "queries.h"

struct chunk {
    int64_t last_id, last_ingested_unix_ms;
    uint32_t rows;
};

static int read_chunk(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    struct chunk *chunk = ctx;

    (void)row;
    (void)count;
    chunk->last_id = columns[0].integer;
    chunk->last_ingested_unix_ms = columns[1].integer;
    chunk->rows = (uint32_t)columns[2].integer;
    return 0;
}

/* Readings are numbered as they come in. The walk from the oldest goes on behind what it
 * has seen, which may have to stay, and begins again when it meets what is young. (Should
 * a transaction fail after this, the next walk finds what it left.) */
static int purge_raw(struct shim_call *call, uint32_t *rows)
{
    struct timeseries_state *state = call->state;
    int64_t before_unix_ms = purge_before_or_pressed_unix_ms(
        call, "TELEMETRY_RAW_RETENTION_DAYS", PURGE_READINGS);
    struct farmiq_sql_value params[] = { farmiq_sql_integer(state->purged_id),
                                         farmiq_sql_integer(PURGE_ROWS),
                                         farmiq_sql_integer(before_unix_ms) };
    struct chunk chunk = { 0 };
    int r =
        farmiq_sql_run(call->store, &sql_raw_chunk, NULL, params, 2, read_chunk, &chunk);

    if (r < 0)
        return r;
    params[1] = farmiq_sql_integer(chunk.last_id);
    r = farmiq_sql_run(call->store, &sql_raw_purge, NULL, params, 3, NULL, NULL);
    *rows = chunk.last_ingested_unix_ms < before_unix_ms ? chunk.rows : 0;
    state->purged_id = *rows == PURGE_ROWS ? chunk.last_id : 0;
    return r;
}

static int purge_buckets(struct shim_call *call, uint32_t *rows)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(purge_before_or_pressed_unix_ms(
            call, "TELEMETRY_AGG_RETENTION_DAYS", PURGE_AGGREGATES)),
        farmiq_sql_integer(PURGE_ROWS),
    };

    return purge_rows(call, &sql_buckets_purge, NULL, params, 2, rows);
}

int timeseries_purge(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_buckets, purge_raw, NULL };

    return purge_run(call, steps);
}
